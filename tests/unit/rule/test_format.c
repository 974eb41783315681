/* The layout of rule files: cases, and properties that hold for every rule of the repository. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rule/fake.h"

static const struct layout_case {
	const char *name, *text, *made;
} cases[] = {
	{"two blanks a level, lists below their key",
	 "do:\n- log: a\n-   log:   b\n    id: x\nvars:\n      a:  1\n",
	 "do:\n  - log: a\n  - log: b\n    id: x\nvars:\n  a: 1\n"},
	{"blank lines", "\n\na: 1\n\n\n\nb:\n\n  c: 1   \n\n\n", "a: 1\n\nb:\n  c: 1\n"},
	{"line ends and a byte order mark",
	 "\xef\xbb\xbf"
	 "a: 1\r\nb: |\r\n  x\r\n",
	 "a: 1\nb: |\n  x\n"},
	{"brackets on one line", "a: {b:   1,c: [ 1,2 ],\n  \"d\":3, e: { }}\n",
	 "a: {b: 1, c: [1, 2], \"d\": 3, e: {}}\n"},
	{"a pair in a list", "a: [b: 1, {c: 2}]\n", "a: [{b: 1}, {c: 2}]\n"},
	{"brackets that are too long become lines",
	 "given: {aaaaaaaaaaaaaaaaaaaaaaaa: bbbbbbbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccccccccccc: "
	 "[dddddddddddd, eeeeeeeeeeee], f: {g: 1}}\n",
	 "given:\n  aaaaaaaaaaaaaaaaaaaaaaaa: bbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
	 "  cccccccccccccccccccc: [dddddddddddd, eeeeeeeeeeee]\n  f: {g: 1}\n"},
	{"brackets with a comment inside become lines",
	 "a: [1, # one\n  2 # two\n  # end\n  ]\nb: 1\n",
	 "a:\n  - 1  # one\n  - 2  # two\n  # end\nb: 1\n"},
	{"what is cut in brackets stays as it is", "a: {b: =lower(x, y)}\n",
	 "a: {b: =lower(x, y)}\n"},
	{"comments go where they belong",
	 "# top\n\na:     # of a\n# of the entry\n- x # of x\n\n# of y\n- y\n  # last of a\n# of b\nb: 1\n# end\n",
	 "# top\n\na:  # of a\n  # of the entry\n  - x  # of x\n\n  # of y\n  - y\n  # last of a\n"
	 "# of b\nb: 1\n# end\n"},
	{"comments between a key and its value go above", "a:\n  # why\n  1 # one\nb: # two\n  2\n",
	 "# why\na: 1  # one\nb: 2  # two\n"},
	{"comments behind adjacent lines stand below each other",
	 "a: 1 # one\nlonger: 2 # two\n\nb: 3   # three\n",
	 "a: 1       # one\nlonger: 2  # two\n\nb: 3  # three\n"},
	{"a # inside of a value is none", "a: x#y\nb: '# no'\nc: |\n  # no\n  x\nd: \"#\" # yes\n",
	 "a: x#y\nb: '# no'\nc: |\n  # no\n  x\nd: \"#\"  # yes\n"},
	{"block scalars move with their key",
	 "a:\n     - b: |  # of b\n            x\n              y\n\n            z\n\n     - >-\n      u\n",
	 "a:\n  - b: |  # of b\n      x\n        y\n\n      z\n\n  - >-\n    u\n"},
	{"a block scalar that begins with blanks", "a:\n    b: |6-\n            x\n          y\n",
	 "a:\n  b: |2-\n      x\n    y\n"},
	{"kept line ends", "a: |+\n  x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n"},
	{"a block scalar at the end without a line end", "a: |\n  x", "a: |-\n  x\n"},
	{"scalars over several lines",
	 "a:\n    b: one\n       two\n\n       three\n    c: \"x\n      y\"\n",
	 "a:\n  b: one\n    two\n\n    three\n  c: \"x\n    y\"\n"},
	{"anchors", "a: &x\n    b: 1\nc: {<<: *x}\nd: &y [1]\ne:\n- &z\n  f: 1\n- &w g: 2\n",
	 "a: &x\n  b: 1\nc: {<<: *x}\nd: &y [1]\ne:\n  - &z\n    f: 1\n  - &w g: 2\n"},
	{"lists in lists", "a:\n- - 1\n  - 2\n-\n  - 3\n  # c\n  - 4\n",
	 "a:\n  - - 1\n    - 2\n  - - 3\n    # c\n    - 4\n"},
	{"documents", "# one\na: 1\n\n---   # two\n\nb: 1\n...\n---\n# nothing\n",
	 "# one\na: 1\n---  # two\nb: 1\n---\n# nothing\n"},
	{"explicit keys", "? a\n: 1\n", "a: 1\n"},
	{"values that are left out", "a:\nb: {c, d: 1}\ne:\n-\n- 1\n",
	 "a:\nb: {c, d: 1}\ne:\n  -\n  - 1\n"},
	{"only comments", "  # a\n\n\n  # b\n", "# a\n\n# b\n"},
	{"nothing", "", ""},
	{"texts in many languages", "a: [\"é\"]   # ü\nbé: 'x' # ß\n",
	 "a: [\"é\"]  # ü\nbé: 'x'   # ß\n"},
};

/* Formats; freed by the caller. Fails when a second pass changes anything. */
static char *format(const char *name, const char *text)
{
	struct yaml_error err;
	char *made = rule_format(text, strlen(text), &err);
	if (!made)
		fail_msg("%s: %d:%d: %s", name, err.line, err.col, err.text);
	auto_free char *again = rule_format(made, strlen(made), &err);
	if (!again || strcmp(made, again))
		fail_msg("%s: formatted twice:\n%s\n----\n%s", name, made,
			 again ? again : err.text);
	return made;
}

static void a_text_gets_its_one_layout(void **state)
{
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *made = format(cases[i].name, cases[i].text);
		if (!strcmp(made, cases[i].made))
			continue;
		print_error("%s: want\n%s\n---- have\n%s\n", cases[i].name, cases[i].made, made);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void what_has_no_layout_is_refused_at_its_place(void **state)
{
	static const struct {
		const char *text, *why;
		int line;
	} refused[] = {
		{"a: 1\n%YAML 1.1\n---\nb: 1\n", "", 2},
		{"%YAML 1.1\n---\na: 1\n", "%YAML", 1},
		{"a: 1\n\"b\n  c\": 1\n", "", 3},
		{"a: 1\n? |\n  b\n: 1\n", "a key over several lines", 2},
		{"text\n", "only what is a list or a map", 1},
		{"a: 1\na: 2\n", "the key 'a' is there twice", 2},
		{"a: [1\n", "not closed", 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct yaml_error err;
		assert_null(rule_format(refused[i].text, strlen(refused[i].text), &err));
		assert_true(strstr(err.text, refused[i].why) && *err.text);
		assert_int_equal(err.line, refused[i].line);
	}
}

/* ---- all rules of the repository ---- */

/* What compiling a text tells, without its places, and how many rules it has. */
static char *told_of(const char *text)
{
	struct rule_env env = fake_env();
	struct plan **plans = NULL;
	size_t n = 0;
	struct findings f = {0};
	struct buf b = BUF_INIT;
	rule_compile_text(&env, "f", text, strlen(text), &plans, &n, &f);
	for (size_t i = 0; i < f.n; i++) {
		/* Lines that messages name are places too. */
		for (const char *p = f.at[i].text; *p; p++)
			buf_putc(&b, *p >= '0' && *p <= '9' ? '0' : *p);
		buf_putc(&b, '\n');
	}
	buf_printf(&b, "%zu rules", n);
	for (size_t i = 0; i < n; i++)
		plan_unref(plans[i]);
	free(plans);
	findings_done(&f);
	return buf_take(&b);
}

/* Formats a text, in a layout that nobody would choose too, and compiles both. */
static int check_text(const char *name, const char *text)
{
	struct yaml_error err;
	auto_free char *made = rule_format(text, strlen(text), &err);
	if (!made)
		return 0;
	auto_free char *again = format(name, text), *before = told_of(text), *after = told_of(made);
	if (strcmp(before, after))
		fail_msg("%s: before\n%s\nafter\n%s\n%s", name, before, after, made);
	return 1;
}

static char *read_whole(const char *path)
{
	struct buf b = BUF_INIT;
	char part[4096];
	size_t n;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)))
		buf_add(&b, part, n);
	(void)fclose(f);
	return buf_take(&b);
}

/* The blocks of YAML in a page. */
static int check_page(const char *name, char *text)
{
	int n = 0;
	for (char *at = text; (at = strstr(at, "\n```yaml\n"));) {
		char *from = at + 9, *end = strstr(from, "\n```");
		if (!end)
			break;
		end[1] = '\0';
		n += check_text(name, from);
		end[1] = '`';
		at = end;
	}
	return n;
}

static int check_folder(const char *folder, const char *suffix)
{
	struct dirent **names;
	int done = 0, n = scandir(folder, &names, NULL, alphasort);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(names[i]->d_name, '.');
		if (dot && dot != names[i]->d_name && !strcmp(dot, suffix)) {
			auto_free char *path = mem_printf("%s/%s", folder, names[i]->d_name);
			auto_free char *text = read_whole(path);
			done += strcmp(suffix, ".md") ? check_text(path, text)
						      : check_page(path, text);
		}
		free(names[i]);
	}
	free(names);
	return done;
}

static void rules_mean_the_same_and_formatting_again_changes_nothing(void **state)
{
	(void)state;
	assert_true(check_folder("rules", ".yaml") >= 4);
	assert_true(check_folder("tests/broken", ".yaml") >= 50);
	assert_true(check_folder("docs", ".md") >= 8);
	assert_true(check_folder("actions/constant_contact", ".yaml") >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_gets_its_one_layout),
		cmocka_unit_test(what_has_no_layout_is_refused_at_its_place),
		cmocka_unit_test(rules_mean_the_same_and_formatting_again_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
