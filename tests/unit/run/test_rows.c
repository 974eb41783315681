/* Rows of CSV files: objects by the head's names, some at a time, from any place again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/run/rows.h"

/* ---- helpers ---- */

static struct file_in file_of(const char *text, size_t len)
{
	char name[] = "/tmp/test-rows-XXXXXX";
	struct file_in in = {.fd = mkstemp(name), .size = (int64_t)len};
	assert_true(in.fd > 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(write(in.fd, text, len), len);
	return in;
}

/* All rows, `max` at a time; forget: each time without what is known of the head. */
static json_t *all_rows(const struct file_in *in, size_t max, bool forget)
{
	json_t *all = json_array(), *head = NULL, *rows;
	struct errmsg msg;
	int64_t at = 0;
	while (at >= 0) {
		assert_int_equal(rows_read(in, &head, &at, max, &rows, &msg), 0);
		assert_true(json_array_size(rows) <= max);
		json_array_extend(all, rows);
		json_decref(rows);
		if (forget) {
			json_decref(head);
			head = NULL;
		}
	}
	json_decref(head);
	return all;
}

static void expect(const char *text, const char *want)
{
	struct file_in in = file_of(text, strlen(text));
	json_auto_t *once = NULL;
	struct errmsg msg;
	for (size_t max = 1; max < 4; max++) {
		json_auto_t *rows = all_rows(&in, max, false), *again = all_rows(&in, max, true);
		auto_free char *got = json_text(rows);
		assert_string_equal(got, want);
		assert_true(json_equal(rows, again));
	}
	assert_int_equal(rows_of_text(text, strlen(text), &once, &msg), 0);
	auto_free char *got = json_text(once);
	assert_string_equal(got, want);
	file_in_done(&in);
}

/* ---- rows_read, rows_of_text ---- */

static void rows_are_objects_by_the_heads_names(void **state)
{
	expect("a,b\n1,2\n3,4\n", "[{\"a\":\"1\",\"b\":\"2\"},{\"a\":\"3\",\"b\":\"4\"}]");
	expect("\xef\xbb\xbf\"a\",b\r\n\"x\r\ny\",\"q\"\"q\"\r\n",
	       "[{\"a\":\"x\\r\\ny\",\"b\":\"q\\\"q\"}]");
	expect("a,b\n\n1\n\n1,2,3", "[{\"a\":\"1\"},{\"a\":\"1\",\"b\":\"2\"}]");
	expect("a,,b\n1,2,3\n", "[{\"a\":\"1\",\"b\":\"3\"}]");
	expect("a\n", "[]");
	expect("", "[]");
	expect("\n\n", "[]");
}

static void a_long_file_is_read_in_windows(void **state)
{
	struct buf b = BUF_INIT;
	(void)buf_puts(&b, "n,text\n");
	for (int i = 0; i < 20000; i++)
		(void)buf_printf(&b, "%d,\"line %d\nof several, many\"\n", i, i);
	struct file_in in = file_of(b.data, b.len);
	json_auto_t *rows = all_rows(&in, 100, false);
	assert_int_equal(json_array_size(rows), 20000);
	for (size_t i = 0; i < 20000; i++)
		assert_int_equal(strtol(json_str(json_array_get(rows, i), "n"), NULL, 10), i);
	file_in_done(&in);
	buf_done(&b);
}

static void what_is_no_csv_is_an_error_that_says_where(void **state)
{
	struct file_in in = file_of("a\n1\n\xff\n", 6);
	json_t *head = NULL, *rows;
	struct errmsg msg;
	int64_t at = 0;
	assert_int_equal(rows_read(&in, &head, &at, 10, &rows, &msg), ERR_INVALID);
	assert_string_equal(msg.text, "csv: the record at byte 4 is no UTF-8 text");
	json_decref(head);
	file_in_done(&in);
	assert_int_equal(rows_of_text("a\n\"1\n2\n", 7, &rows, &msg), ERR_INVALID);
	assert_string_equal(msg.text, "csv: the record at byte 2 has a quote that is never closed");
	auto_free char *big = mem_alloc(ROWS_RECORD_MAX * 2);
	memset(big, 'x', ROWS_RECORD_MAX * 2);
	in = file_of(big, ROWS_RECORD_MAX * 2);
	head = NULL;
	at = 0;
	assert_int_equal(rows_read(&in, &head, &at, 10, &rows, &msg), ERR_INVALID);
	assert_string_equal(msg.text, "csv: the record at byte 0 is too large");
	file_in_done(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_objects_by_the_heads_names),
		cmocka_unit_test(a_long_file_is_read_in_windows),
		cmocka_unit_test(what_is_no_csv_is_an_error_that_says_where),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
