/* The tables of commands, and the pages that are made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/cli/cli.h"
#include "engine/cli/params.h"

/* ---- help_markdown ---- */

static void the_reference_page_is_what_the_tables_give(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct errmsg msg;
	char *page;
	size_t len;
	help_markdown(&b);
	assert_int_equal(params_file("docs/CLI.md", &page, &len, &msg), 0);
	if (strcmp(page, buf_str(&b)) != 0)
		fail_msg("docs/CLI.md is old: make it by `pawl help --markdown`");
	free(page);
	buf_done(&b);
}

/* ---- help_command ---- */

static void every_option_of_every_command_is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		struct buf b = BUF_INIT;
		help_command(&b, commands[i]);
		assert_non_null(strstr(buf_str(&b), commands[i]->name));
		for (const struct cli_option *o = commands[i]->options; o && o->name; o++)
			assert_non_null(strstr(buf_str(&b), o->name));
		assert_non_null(strstr(buf_str(&b), "--json"));
		buf_done(&b);
	}
}

/* ---- commands ---- */

static void no_command_hides_a_common_option_or_has_one_twice(void **state)
{
	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		const struct cli_option *own = commands[i]->options;
		assert_non_null(commands[i]->run);
		assert_true(commands[i]->words_min <= commands[i]->words_max);
		assert_ptr_equal(command_find(commands[i]->name), commands[i]);
		for (const struct cli_option *o = own; o && o->name; o++) {
			assert_true(*o->help);
			for (const struct cli_option *p = o + 1; p->name; p++)
				assert_true(strcmp(o->name, p->name) != 0 &&
					    (!o->letter || o->letter != p->letter));
			for (const struct cli_option *p = common_options; p->name; p++)
				assert_true(strcmp(o->name, p->name) != 0 &&
					    (!o->letter || o->letter != p->letter));
		}
	}
}

static void a_misspelt_command_has_a_suggestion(void **state)
{
	(void)state;
	assert_string_equal(command_suggest("rusn"), "runs");
	assert_string_equal(command_suggest("actoins"), "actions");
	assert_null(command_suggest("frobnicate"));
	assert_null(command_find("rusn"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_page_is_what_the_tables_give),
		cmocka_unit_test(every_option_of_every_command_is_explained),
		cmocka_unit_test(no_command_hides_a_common_option_or_has_one_twice),
		cmocka_unit_test(a_misspelt_command_has_a_suggestion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
