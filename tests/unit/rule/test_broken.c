/*
 * The files in tests/broken: each has one mistake, and its first line says what is told about it:
 *   # expect: LINE:COL: text …
 * The line counts in the file as it is; the text is the beginning of the message.
 */
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

#define FOLDER "tests/broken/"

static int is_rule_file(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');
	return dot && !strcmp(dot, ".yaml");
}

/* What the first line expects, as findings_format writes it; freed by the caller. */
static char *expected_of(const char *path)
{
	char line[600], *place, *text;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "# expect: ", 10))
		fail_msg("%s does not begin with '# expect: '", path);
	place = line + 10;
	text = strstr(place, ": ");
	assert_non_null(text);
	*text = '\0';
	return mem_printf("%s:%s: error: %s", path, place, text + 2);
}

static int check_file(const char *name)
{
	auto_free char *path = mem_printf(FOLDER "%s", name), *want = expected_of(path);
	const char *paths[] = {path};
	struct rule_env env = fake_env();
	struct findings f = {0};
	struct buf b = BUF_INIT;
	struct ruleset *r = ruleset_load(&env, paths, 1, &f);
	findings_format(&f, &b);
	int bad = r || f.n != 1 || strncmp(buf_str(&b), want, strlen(want));
	if (bad)
		print_error("want %s …\nhave %s", want, buf_str(&b));
	ruleset_free(r);
	buf_done(&b);
	findings_done(&f);
	return bad;
}

static void each_broken_rule_gives_its_one_message_at_its_place(void **state)
{
	struct dirent **names;
	int bad = 0, n = scandir(FOLDER, &names, is_rule_file, alphasort);
	assert_true(n >= 20);
	for (int i = 0; i < n; i++) {
		bad += check_file(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	assert_int_equal(bad, 0);
	assert_int_equal(fake_vm_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_broken_rule_gives_its_one_message_at_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
