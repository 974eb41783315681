/* Tests of growable buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

/* --- buf_add and its kin --- */

static void a_zeroed_buffer_is_an_empty_text(void **state)
{
	struct buf b = BUF_INIT;
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_string_equal(buf_str(&b), "");
	buf_shift(&b, 3);
	buf_clear(&b);
	buf_done(&b);
	buf_done(NULL);
}

static void pieces_are_joined(void **state)
{
	struct buf b = BUF_INIT;
	assert_int_equal(buf_puts(&b, "ab"), 0);
	assert_int_equal(buf_putc(&b, 'c'), 0);
	assert_int_equal(buf_printf(&b, "-%d-", 7), 0);
	assert_int_equal(buf_add(&b, "\0x", 2), 0);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "abc-7-\0x", 9);
	buf_done(&b);
}

static void it_grows_far(void **state)
{
	struct buf b = BUF_INIT;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_putc(&b, (char)('a' + i % 26)), 0);
	assert_int_equal(b.len, 100000);
	assert_int_equal(b.data[99999], 'a' + 99999 % 26);
	assert_int_equal(b.data[100000], 0);
	buf_done(&b);
}

static void nothing_is_added_beyond_the_maximum(void **state)
{
	struct buf b;
	buf_init(&b, 5);
	assert_int_equal(buf_puts(&b, "abc"), 0);
	assert_int_equal(buf_puts(&b, "def"), ERR_TOOBIG);
	assert_int_equal(buf_printf(&b, "%s", "def"), ERR_TOOBIG);
	assert_int_equal(buf_add(&b, "x", SIZE_MAX), ERR_TOOBIG);
	assert_string_equal(buf_str(&b), "abc");
	assert_int_equal(buf_puts(&b, "de"), 0);
	assert_int_equal(buf_putc(&b, 'f'), ERR_TOOBIG);
	assert_string_equal(buf_str(&b), "abcde");
	buf_done(&b);
	assert_int_equal(b.max, 5);
}

/* --- buf_take, buf_shift, buf_clear --- */

static void a_taken_text_is_the_callers(void **state)
{
	struct buf b = BUF_INIT;
	buf_puts(&b, "abc");
	char *text = buf_take(&b);
	assert_string_equal(text, "abc");
	assert_string_equal(buf_str(&b), "");
	free(text);
	text = buf_take(&b);
	assert_string_equal(text, "");
	free(text);
}

static void the_front_can_be_removed(void **state)
{
	struct buf b = BUF_INIT;
	buf_puts(&b, "abcdef");
	buf_shift(&b, 2);
	assert_string_equal(buf_str(&b), "cdef");
	buf_shift(&b, 100);
	assert_string_equal(buf_str(&b), "");
	buf_puts(&b, "again");
	assert_string_equal(buf_str(&b), "again");
	buf_clear(&b);
	assert_string_equal(buf_str(&b), "");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_buffer_is_an_empty_text),
		cmocka_unit_test(pieces_are_joined),
		cmocka_unit_test(it_grows_far),
		cmocka_unit_test(nothing_is_added_beyond_the_maximum),
		cmocka_unit_test(a_taken_text_is_the_callers),
		cmocka_unit_test(the_front_can_be_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
