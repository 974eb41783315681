/* Tests of the YAML reader: the schema, places, limits, aliases, merges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/base/yaml.h"

/* --- helpers --- */

static struct yaml_file *read_tags(const char *text, bool tags)
{
	struct yaml_error err = {0};
	struct yaml_file *f = yaml_read(text, strlen(text), tags, &err);
	if (!f)
		fail_msg("%s: %d:%d: %s", text, err.line, err.col, err.text);
	return f;
}

static struct yaml_file *read_ok(const char *text)
{
	return read_tags(text, false);
}

static const struct ynode *root_of(const struct yaml_file *f)
{
	return yaml_doc(f, 0)->root;
}

/* The place and reason are those wanted. */
static void assert_refused(const char *text, size_t len, int line, int col, const char *want)
{
	struct yaml_error err = {0};
	assert_null(yaml_read(text, len, false, &err));
	if (err.line != line || (col && err.col != col) || !strstr(err.text, want))
		fail_msg("%.60s: got %d:%d '%s', want %d:%d '%s'", text, err.line, err.col,
			 err.text, line, col, want);
}

/* One unit n times, with a text in front and behind. malloc'd. */
static char *repeat(const char *front, const char *unit, size_t n, const char *back)
{
	struct buf b = BUF_INIT;
	buf_puts(&b, front);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, unit);
	buf_puts(&b, back);
	return buf_take(&b);
}

static void assert_json(const char *text, const char *want)
{
	struct yaml_file *f = read_ok(text);
	json_auto_t *v = ynode_json(root_of(f));
	auto_free char *got = json_text(v);
	if (strcmp(got, want))
		fail_msg("%s: got %s, want %s", text, got, want);
	yaml_file_free(f);
}

/* --- scalars --- */

static void plain_scalars_follow_the_core_schema(void **state)
{
	static const struct {
		const char *text;
		enum ynode_kind kind;
		const char *json;
	} rows[] = {
		{"null", Y_NULL, "null"},
		{"Null", Y_NULL, "null"},
		{"NULL", Y_NULL, "null"},
		{"~", Y_NULL, "null"},
		{"nULL", Y_STRING, "\"nULL\""},
		{"true", Y_BOOL, "true"},
		{"True", Y_BOOL, "true"},
		{"TRUE", Y_BOOL, "true"},
		{"false", Y_BOOL, "false"},
		{"FALSE", Y_BOOL, "false"},
		{"tRUE", Y_STRING, "\"tRUE\""},
		{"yes", Y_STRING, "\"yes\""},
		{"no", Y_STRING, "\"no\""},
		{"on", Y_STRING, "\"on\""},
		{"off", Y_STRING, "\"off\""},
		{"y", Y_STRING, "\"y\""},
		{"0", Y_INT, "0"},
		{"-0", Y_INT, "0"},
		{"42", Y_INT, "42"},
		{"-42", Y_INT, "-42"},
		{"0x1F", Y_INT, "31"},
		{"0o17", Y_INT, "15"},
		{"0x", Y_STRING, "\"0x\""},
		{"0o8", Y_STRING, "\"0o8\""},
		{"-0x1", Y_STRING, "\"-0x1\""},
		{"0b1", Y_STRING, "\"0b1\""},
		{"01234", Y_STRING, "\"01234\""},
		{"00", Y_STRING, "\"00\""},
		{"+14155550123", Y_STRING, "\"+14155550123\""},
		{"-01", Y_STRING, "\"-01\""},
		{"1_000", Y_STRING, "\"1_000\""},
		{"12:30", Y_STRING, "\"12:30\""},
		{"9223372036854775807", Y_INT, "9223372036854775807"},
		{"-9223372036854775808", Y_INT, "-9223372036854775808"},
		{"9223372036854775808", Y_REAL, "9.223372036854776e18"},
		{"0xffffffffffffffffff", Y_STRING, "\"0xffffffffffffffffff\""},
		{"1.5", Y_REAL, "1.5"},
		{"-1.5", Y_REAL, "-1.5"},
		{"1.", Y_REAL, "1.0"},
		{".5", Y_REAL, "0.5"},
		{"-.5", Y_REAL, "-0.5"},
		{"1e3", Y_REAL, "1000.0"},
		{"1E+3", Y_REAL, "1000.0"},
		{"1.5e-1", Y_REAL, "0.15"},
		{"+1.5", Y_STRING, "\"+1.5\""},
		{"01.5", Y_STRING, "\"01.5\""},
		{"1e", Y_STRING, "\"1e\""},
		{"1e+", Y_STRING, "\"1e+\""},
		{"e3", Y_STRING, "\"e3\""},
		{".", Y_STRING, "\".\""},
		{"-", Y_LIST, "[null]"},
		{"-.", Y_STRING, "\"-.\""},
		{"1.2.3", Y_STRING, "\"1.2.3\""},
		{"2026-11-23", Y_STRING, "\"2026-11-23\""},
		{".inf", Y_REAL, "\".inf\""},
		{"-.INF", Y_REAL, "\"-.INF\""},
		{".nan", Y_REAL, "\".nan\""},
		{"inf", Y_STRING, "\"inf\""},
		{"nan", Y_STRING, "\"nan\""},
		{"1e999", Y_REAL, "\"1e999\""},
		{"=", Y_STRING, "\"=\""},
		{"<<", Y_STRING, "\"<<\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_file *f = read_ok(rows[i].text);
		if (root_of(f)->kind != rows[i].kind)
			fail_msg("%s: kind %d", rows[i].text, (int)root_of(f)->kind);
		yaml_file_free(f);
		assert_json(rows[i].text, rows[i].json);
	}
}

static void quoted_and_block_scalars_are_text(void **state)
{
	static const struct {
		const char *text, *want;
		bool block;
	} rows[] = {
		{"'1'", "1", false},           {"\"true\"", "true", false},
		{"\"\"", "", false},           {"|\n 12\n", "12\n", true},
		{">-\n a\n b\n", "a b", true}, {"\"\\u00e9\\n\"", "é\n", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_file *f = read_ok(rows[i].text);
		const struct ynode *n = root_of(f);
		assert_int_equal(n->kind, Y_STRING);
		assert_false(n->plain);
		assert_int_equal(n->block, rows[i].block);
		assert_string_equal(n->text, rows[i].want);
		assert_int_equal(n->len, strlen(rows[i].want));
		yaml_file_free(f);
	}
}

static void a_text_may_hold_a_nul_but_a_key_may_not(void **state)
{
	struct yaml_file *f = read_ok("\"a\\0b\"");
	assert_int_equal(root_of(f)->len, 3);
	assert_memory_equal(root_of(f)->text, "a\0b", 4);
	json_auto_t *v = ynode_json(root_of(f));
	assert_int_equal(json_string_length(v), 3);
	yaml_file_free(f);
	assert_refused("\"a\\0b\": 1", 9, 1, 1, "NUL");
}

static void written_texts_and_styles_are_kept(void **state)
{
	struct yaml_file *f = read_ok("{a: 0x1F, b: 'x', c: }");
	const struct ynode *root = root_of(f);
	assert_string_equal(ynode_get(root, "a")->text, "0x1F");
	assert_true(ynode_get(root, "a")->plain);
	assert_false(ynode_get(root, "b")->plain);
	assert_int_equal(ynode_get(root, "c")->kind, Y_NULL);
	assert_string_equal(ynode_get(root, "c")->text, "");
	yaml_file_free(f);
}

/* --- places --- */

static void each_node_knows_its_place(void **state)
{
	struct yaml_file *f =
		read_ok("# about\nid: é\nsteps:\n  - call: a.b\n    with: {x: [1, 2]}\n");
	const struct ynode *root = root_of(f), *step = ynode_get(root, "steps")->items[0];
	const struct ynode *two = ynode_get(ynode_get(step, "with"), "x")->items[1];
	const struct {
		const struct ynode *n;
		int line, col;
	} rows[] = {
		{root, 2, 1}, {ynode_get(root, "id"), 2, 5},    {ynode_key(root, "steps"), 3, 1},
		{step, 4, 5}, {ynode_get(step, "call"), 4, 11}, {ynode_key(step, "with"), 5, 5},
		{two, 5, 19},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rows[i].n->line, rows[i].line);
		assert_int_equal(rows[i].n->col, rows[i].col);
	}
	yaml_file_free(f);
}

/* --- documents --- */

static void documents_cover_the_whole_text(void **state)
{
	static const char text[] = "# é comment\na: é\n---\nb: 2\n...\n---\n# nothing\n";
	struct yaml_file *f = read_ok(text);
	static const char *const parts[] = {"# é comment\na: é\n", "---\nb: 2\n...\n",
					    "---\n# nothing\n"};
	assert_int_equal(yaml_count(f), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct yaml_doc *d = yaml_doc(f, i);
		assert_int_equal(d->end - d->start, strlen(parts[i]));
		assert_memory_equal(text + d->start, parts[i], strlen(parts[i]));
	}
	assert_int_equal(yaml_doc(f, 2)->root->kind, Y_NULL);
	assert_null(yaml_doc(f, 3));
	yaml_file_free(f);
}

static void a_text_without_content_has_no_document(void **state)
{
	static const char *const rows[] = {"", "\n\n", "# only a comment\n", "\xef\xbb\xbf"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_file *f = read_ok(rows[i]);
		assert_int_equal(yaml_count(f), 0);
		yaml_file_free(f);
	}
	yaml_file_free(NULL);
}

static void anchors_end_with_their_document(void **state)
{
	static const char text[] = "a: &x 1\n---\nb: *x\n";
	assert_refused(text, strlen(text), 3, 4, "no such anchor");
}

/* --- what is refused --- */

static void errors_have_their_place_and_reason(void **state)
{
	static const struct {
		const char *text;
		int line, col;
		const char *want;
	} rows[] = {
		{"a: 1\nb: 2\na: 3\n", 3, 1, "'a' is there twice (first in line 1)"},
		{"{a: 1, \"a\": 2}", 1, 8, "twice"},
		{"a:\n  b: 1\n  b: 2\n", 3, 3, "twice"},
		{"a: *x", 1, 4, "no such anchor"},
		{"&x [*x]", 1, 5, "stands inside"},
		{"&x {a: *x}", 1, 8, "stands inside"},
		{"a: !!str 1", 1, 4, "tag"},
		{"a: ! 1", 1, 4, "tag"},
		{"a: !env X", 1, 4, "!env is not allowed"},
		{"!map {}", 1, 1, "tag"},
		{"[a]: 1", 1, 1, "a key cannot be a list"},
		{"? {a: 1}\n: 2", 1, 3, "a key cannot be a map"},
		{"<<: 1", 1, 5, "<< needs a map"},
		{"<<: [1]", 1, 6, "<< needs a map"},
		{"<<: {a: 1}\n<<: {b: 1}", 2, 1, "'<<' is there twice"},
		{"a: b: c", 1, 5, "mapping values are not allowed"},
		{"a:\n\t- b", 2, 1, "a tab cannot indent"},
		{"a: [1", 1, 4, "its ] is missing"},
		{"a: 'x", 0, 0, "quoted scalar"},
		{"a: @x", 1, 4, "cannot start any token"},
		{"a: \x01", 1, 4, "control characters"},
		{"é\n é\xff", 2, 3, "UTF-8"},
		{"\"\\ud800\"", 1, 0, "Unicode"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_error err = {0};
		assert_null(yaml_read(rows[i].text, strlen(rows[i].text), false, &err));
		if ((rows[i].line && err.line != rows[i].line) ||
		    (rows[i].col && err.col != rows[i].col) || !strstr(err.text, rows[i].want))
			fail_msg("%s: %d:%d '%s'", rows[i].text, err.line, err.col, err.text);
		assert_true(err.line >= 1 && err.col >= 1);
	}
	assert_refused("a: \0b", 5, 1, 4, "control characters");
}

static void many_keys_are_checked_for_duplicates_too(void **state)
{
	struct buf b = BUF_INIT;
	for (int i = 0; i < 30000; i++)
		buf_printf(&b, "k%d: %d\n", i, i);
	struct yaml_file *f = read_ok(buf_str(&b));
	assert_int_equal(root_of(f)->n, 30000);
	yaml_file_free(f);
	for (int n = 1; n < 14; n++) {
		buf_clear(&b);
		for (int i = 0; i < n; i++)
			buf_printf(&b, "k%d: %d\n", i, i);
		buf_printf(&b, "k%d: again\n", n / 2);
		assert_refused(buf_str(&b), b.len, n + 1, 1, "twice");
	}
	buf_done(&b);
}

/* --- tags --- */

static void allowed_tags_are_kept_on_scalars_only(void **state)
{
	struct yaml_file *f = read_tags("a: !env PORT\nb: !file 12\nc: x\n", true);
	const struct ynode *root = root_of(f);
	assert_string_equal(ynode_get(root, "a")->tag, "!env");
	assert_string_equal(ynode_get(root, "b")->tag, "!file");
	assert_int_equal(ynode_get(root, "b")->kind, Y_STRING);
	assert_null(ynode_get(root, "c")->tag);
	yaml_file_free(f);
	static const char *const rows[] = {"!env [a]", "!env {a: 1}", "!other x", "!!int 1",
					   "%TAG ! tag:x,2000:\n--- !env X"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_error err = {0};
		assert_null(yaml_read(rows[i], strlen(rows[i]), true, &err));
		assert_non_null(strstr(err.text, "tag"));
	}
}

/* --- aliases and merges --- */

static void aliases_stand_for_their_anchor(void **state)
{
	assert_json("a: &x [1, {b: 2}]\nc: *x\nd: *x\n",
		    "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":2}],\"d\":[1,{\"b\":2}]}");
	assert_json("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
	assert_json("&k key: 1\nother: *k\n", "{\"key\":1,\"other\":\"key\"}");
	assert_json("a: &k key\n*k : 1\n", "{\"a\":\"key\",\"key\":1}");
	assert_json("a: &x\nb: *x\n", "{\"a\":null,\"b\":null}");
}

static void merges_bring_what_is_not_there(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3, c: 4}",
		 "{\"x\":{\"a\":1,\"b\":2},\"y\":{\"b\":3,\"c\":4,\"a\":1}}"},
		{"x: &x {a: 1, b: 2}\ny: {b: 3, <<: *x}",
		 "{\"x\":{\"a\":1,\"b\":2},\"y\":{\"b\":3,\"a\":1}}"},
		{"<<: [{a: 1}, {a: 2, b: 2}]\nc: 3", "{\"c\":3,\"a\":1,\"b\":2}"},
		{"<<: {<<: {a: 1, b: 1}, b: 2}\nc: 3", "{\"c\":3,\"b\":2,\"a\":1}"},
		{"<<: {}\n", "{}"},
		{"<<: []\n", "{}"},
		{"'<<': 1\n", "{\"<<\":1}"},
		{"- <<\n", "[\"<<\"]"},
		{"k1: 1\n<<: {k1: 0, k2: 2, k3: 3, k4: 4, k5: 5, k6: 6, k7: 7, k8: 8, k9: 9, ka: 10}\n",
		 "{\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,"
		 "\"ka\":10}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_json(rows[i].text, rows[i].want);
}

/* --- limits --- */

static void depth_ends_at_64(void **state)
{
	static const struct {
		const char *front, *open, *mid, *close;
	} rows[] = {{"", "[", "", "]"},
		    {"", "{a: ", "1", "}"},
		    {"", "- ", "1", ""},
		    {"", "? ", "a", ""}};
	for (size_t i = 0; i < 3; i++)
		for (size_t depth = 63; depth <= 65; depth++) {
			auto_free char *front =
				repeat(rows[i].front, rows[i].open, depth, rows[i].mid);
			auto_free char *text = repeat(front, rows[i].close, depth, "");
			struct yaml_error err = {0};
			/* The scalar inside is a level of its own. */
			size_t levels = depth + (*rows[i].mid != '\0');
			struct yaml_file *f = yaml_read(text, strlen(text), false, &err);
			if ((f != NULL) != (levels <= 64))
				fail_msg("%s %zu: %s", rows[i].open, depth, err.text);
			if (!f)
				assert_string_equal(err.text, "nested deeper than 64");
			yaml_file_free(f);
		}
}

static void aliases_cannot_nest_deeper_than_text(void **state)
{
	struct buf b = BUF_INIT;
	buf_puts(&b, "- &a0 [1]\n");
	for (int i = 1; i < 100; i++)
		buf_printf(&b, "- &a%d [*a%d]\n", i, i - 1);
	struct yaml_error err = {0};
	assert_null(yaml_read(b.data, b.len, false, &err));
	assert_string_equal(err.text, "nested deeper than 64");
	assert_in_range(err.line, 60, 66);
	buf_done(&b);
}

static void alias_bombs_are_refused_early(void **state)
{
	static const char laughs[] = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
				     "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
				     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
				     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
				     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
	assert_refused(laughs, strlen(laughs), 4, 0, "aliases stand for more than 10,000");
	auto_free char *most = repeat("a: &a 1\nb: [", "*a, ", 10000, "]\n");
	yaml_file_free(read_ok(most));
	auto_free char *more = repeat("a: &a 1\nb: [", "*a, ", 10001, "]\n");
	assert_refused(more, strlen(more), 2, 0, "aliases stand for");
	/* Each document has its own allowance. */
	auto_free char *twice = repeat(most, "---\na: &a 1\nb: *a\n", 1, "");
	yaml_file_free(read_ok(twice));
}

static void nodes_and_bytes_are_limited(void **state)
{
	auto_free char *most = repeat("[", "1,", 99999, "]");
	yaml_file_free(read_ok(most));
	auto_free char *more = repeat("[", "1,", 100000, "]");
	assert_refused(more, strlen(more), 1, 0, "more than 100,000 values");
	auto_free char *docs = repeat("", "---\n", 100001, "");
	assert_refused(docs, strlen(docs), 100002, 0, "more than 100,000 values");
	auto_free char *bytes = repeat("a: ", "x", (1 << 20) - 3, "");
	yaml_file_free(read_ok(bytes));
	auto_free char *too_long = repeat("a: ", "x", (1 << 20) - 2, "");
	assert_refused(too_long, strlen(too_long), 1, 1, "longer than 1 MiB");
	auto_free char *directives = repeat("", "%YAML 1.1\n", 1001, "--- x\n");
	assert_refused(directives, strlen(directives), 1001, 1, "directives");
}

static void deep_and_odd_texts_are_refused_quickly(void **state)
{
	static const char *const units[] = {"[",   "{",      "[\n", "- ",  "? ",  "{a: ",
					    "[{",  "[[a]: ", "&a ", "!a ", "*a ", "\"a\": {",
					    "|\n", ": ",     "- [", "'"};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		auto_free char *text = repeat("", units[i], 200000 / strlen(units[i]), "");
		struct timespec from, to;
		struct yaml_error err = {0};
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		yaml_file_free(yaml_read(text, strlen(text), false, &err));
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 +
			    (double)(to.tv_nsec - from.tv_nsec) / 1e6;
		if (ms > 100)
			fail_msg("'%s' took %.0f ms", units[i], ms);
	}
}

/* --- ynode_get, ynode_key, ynode_json, ynode_word --- */

static void look_ups_in_other_nodes_find_nothing(void **state)
{
	struct yaml_file *f = read_ok("[a]");
	assert_null(ynode_get(root_of(f), "a"));
	assert_null(ynode_key(root_of(f)->items[0], "a"));
	assert_null(ynode_get(NULL, "a"));
	yaml_file_free(f);
	json_auto_t *v = ynode_json(NULL);
	assert_true(json_is_null(v));
}

static void kinds_have_words(void **state)
{
	struct yaml_file *f = read_ok("[{}, [], x, 1, 1.5, true, null]");
	static const char *const words[] = {"a map",    "a list",        "text",   "a number",
					    "a number", "true or false", "nothing"};
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(ynode_word(root_of(f)->items[i]), words[i]);
	yaml_file_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_scalars_follow_the_core_schema),
		cmocka_unit_test(quoted_and_block_scalars_are_text),
		cmocka_unit_test(a_text_may_hold_a_nul_but_a_key_may_not),
		cmocka_unit_test(written_texts_and_styles_are_kept),
		cmocka_unit_test(each_node_knows_its_place),
		cmocka_unit_test(documents_cover_the_whole_text),
		cmocka_unit_test(a_text_without_content_has_no_document),
		cmocka_unit_test(anchors_end_with_their_document),
		cmocka_unit_test(errors_have_their_place_and_reason),
		cmocka_unit_test(many_keys_are_checked_for_duplicates_too),
		cmocka_unit_test(allowed_tags_are_kept_on_scalars_only),
		cmocka_unit_test(aliases_stand_for_their_anchor),
		cmocka_unit_test(merges_bring_what_is_not_there),
		cmocka_unit_test(depth_ends_at_64),
		cmocka_unit_test(aliases_cannot_nest_deeper_than_text),
		cmocka_unit_test(alias_bombs_are_refused_early),
		cmocka_unit_test(nodes_and_bytes_are_limited),
		cmocka_unit_test(deep_and_odd_texts_are_refused_quickly),
		cmocka_unit_test(look_ups_in_other_nodes_find_nothing),
		cmocka_unit_test(kinds_have_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
