/* Tests of "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/base/suggest.h"

/* --- suggest --- */

static void the_nearest_name_is_found_or_none(void **state)
{
	static const char *const names[] = {"retry", "timeout", "then",
					    "catch", "when",    "concurrency"};
	static const struct {
		const char *word, *want;
	} rows[] = {
		{"retry", "retry"},
		{"retyr", "retry"},
		{"rety", "retry"},
		{"rettry", "retry"},
		{"timout", "timeout"},
		{"Timeout", "timeout"},
		{"conncurency", "concurrency"},
		{"wehn", "when"},
		{"thn", "then"},
		{"zzzz", NULL},
		{"", NULL},
		{"x", NULL},
		{"whxx", NULL},
		{"timxxxt", NULL},
		{"completely different", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = suggest(rows[i].word, names, 6);
		if (rows[i].want)
			assert_string_equal(got, rows[i].want);
		else
			assert_null(got);
	}
	assert_null(suggest(NULL, names, 6));
	assert_null(suggest("retry", names, 0));
}

static void very_long_words_are_not_looked_at(void **state)
{
	static const char word[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const char *const names[] = {word, "a"};
	assert_null(suggest(word, names, 2));
	assert_null(suggest("bbb", names, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_name_is_found_or_none),
		cmocka_unit_test(very_long_words_are_not_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
