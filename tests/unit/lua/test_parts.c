/* How conditions are taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/lua/parts.h"

static void on_part(void *arg, const char *text, size_t len)
{
	(void)buf_printf(arg, "[%.*s]", (int)len, text);
}

static void check(char join, const char *src, const char *want)
{
	struct buf b = BUF_INIT;
	char found = parts_find(src, strlen(src), on_part, &b);
	assert_string_equal(buf_str(&b), want);
	assert_int_equal(found, join);
	buf_done(&b);
}

static void test_joins(void **state)
{
	(void)state;
	check('a', "a and b", "[a ][ b]");
	check('o', "a and b or c", "[a and b ][ c]");
	check('o', "a or b and c or d", "[a ][ b and c ][ d]");
	check('a', "(a or b) and not c", "[(a or b) ][ not c]");
	check('n', "not a", "[ a]");
	check('n', "not (a or b)", "[ (a or b)]");
	check('(', "(a or b)", "[a or b]");
	check('(', " ( (a) ) ", "[ (a) ]");
}

static void test_what_is_one_part(void **state)
{
	(void)state;
	check(0, "a == b", "");
	check(0, "not a == b", ""); /* (not a) == b */
	check(0, "(a) == (b)", "");
	check(0, "contains(a, 'x and y')", "");
	check(0, "f(a and b)", "");
	check(0, "a['or']", "");
	check(0, "a[b or c] > 1", "");
	check(0, "(function() return a or b end)()", "");
	check(0, "a -- or b", "");
	check(0, "", "");
	check(0, "(a", "");
	check(0, "a 'b", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joins),
		cmocka_unit_test(test_what_is_one_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
