/* Cutting CSV files and lists into parts that an API takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions/split.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"

/* ---- helpers ---- */

static struct file_in file_of(const char *text, size_t len)
{
	char name[] = "/tmp/test-split-XXXXXX";
	struct file_in in = {.fd = mkstemp(name), .size = (int64_t)len};
	assert_true(in.fd > 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(write(in.fd, text, len), len);
	return in;
}

/* The parts as they would be sent, with their head, in one text with "|" between; or the error. */
static char *cut(const char *text, long lines, int64_t bytes)
{
	const struct action_split limits = {.param = "f", .lines = lines, .bytes = bytes};
	struct file_in in = file_of(text, strlen(text));
	struct split s;
	struct errmsg msg;
	struct buf b = BUF_INIT;
	int err = split_csv(&in, &limits, &s, &msg);
	if (err)
		(void)buf_printf(&b, "%s: %s", err_name(err), msg.text);
	for (size_t i = 0; !err && i < s.n; i++) {
		(void)buf_puts(&b, i ? "|" : "");
		(void)buf_add(&b, text, (size_t)s.head);
		(void)buf_add(&b, text + s.parts[i].from,
			      (size_t)(s.parts[i].to - s.parts[i].from));
	}
	split_done(&s);
	file_in_done(&in);
	return buf_take(&b);
}

/* ---- split_csv ---- */

static void each_part_has_the_head_and_whole_records(void **state)
{
	static const struct {
		const char *text;
		long lines;
		int64_t bytes;
		const char *want;
	} rows[] = {
		{"h\n1\n2\n3\n", 3, 100, "h\n1\n2\n|h\n3\n"},
		{"h\n1\n2\n", 3, 100, "h\n1\n2\n"},
		{"h\n1\n2\n3", 3, 100, "h\n1\n2\n|h\n3"},
		{"h\n1\n2", 3, 100, "h\n1\n2"},
		{"h\r\n1\r\n2\r\n3\r\n", 2, 100, "h\r\n1\r\n|h\r\n2\r\n|h\r\n3\r\n"},
		{"\xef\xbb\xbfh\n1\n2\n", 2, 100, "\xef\xbb\xbfh\n1\n|\xef\xbb\xbfh\n2\n"},
		/* a record of two lines is not cut, and counts as two */
		{"h\n\"1\n1\"\n2\n", 3, 100, "h\n\"1\n1\"\n|h\n2\n"},
		{"\"h\nh\"\n1\n2\n", 3, 100, "\"h\nh\"\n1\n|\"h\nh\"\n2\n"},
		/* by bytes: the head counts in each part */
		{"h\n11\n22\n33\n", 100, 8, "h\n11\n22\n|h\n33\n"},
		{"h\n11\n22\n33\n", 100, 7, "h\n11\n|h\n22\n|h\n33\n"},
		{"h\n11\n22\n33\n", 100, 11, "h\n11\n22\n33\n"},
		{"h\n", 3, 100, "h\n"},
		{"h", 3, 100, "h"},
		{"", 3, 100, ""},
		/* too large by itself */
		{"h\n1\n1234567\n2\n", 100, 8,
		 "too_big: record 3 (line 3) alone is over the bytes of one upload"},
		{"h\n\"1\n1\n1\"\n", 3, 100,
		 "too_big: record 2 (line 2) alone is over the lines of one upload"},
		{"h\n1\n\"open\n2\n3\n4\n", 100, 10,
		 "too_big: record 3 (line 3) alone is over the bytes of one upload; a quote in it "
		 "is never closed"},
		{"0123456789\n1\n", 100, 8,
		 "too_big: record 1 (line 1) alone is over the bytes of one upload"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *got = cut(rows[i].text, rows[i].lines, rows[i].bytes);
		assert_string_equal(got, rows[i].want);
	}
}

static void ninety_thousand_lines_are_three_parts(void **state)
{
	const struct action_split limits = {.param = "f", .lines = 40000, .bytes = 4000000};
	struct buf b = BUF_INIT;
	(void)buf_puts(&b, "email\n");
	for (int i = 0; i < 89999; i++)
		(void)buf_printf(&b, "p%d@example.com\n", i);
	struct file_in in = file_of(b.data, b.len);
	struct split s;
	struct errmsg msg;
	assert_int_equal(split_csv(&in, &limits, &s, &msg), 0);
	assert_int_equal(s.n, 3);
	int64_t at = s.head;
	for (size_t i = 0; i < s.n; i++) {
		assert_int_equal(s.parts[i].from, at); /* nothing is lost and nothing is twice */
		at = s.parts[i].to;
		assert_int_equal(b.data[at - 1], '\n');
	}
	assert_int_equal(at, b.len);
	json_auto_t *v = split_json(&s);
	struct split back;
	assert_true(split_from_json(v, &back));
	assert_int_equal(back.n, 3);
	assert_int_equal(back.head, s.head);
	assert_int_equal(back.parts[2].from, s.parts[2].from);
	split_done(&s);
	split_done(&back);
	file_in_done(&in);
	buf_done(&b);
}

/* ---- split_may_need ---- */

static void a_small_text_needs_no_cutting(void **state)
{
	const struct action_split limits = {.param = "f", .lines = 3, .bytes = 10};
	assert_false(split_may_need(&limits, "h\n1\n2", 5));
	assert_true(split_may_need(&limits, "h\n1\n2\n3", 7));
	assert_true(split_may_need(&limits, "h\n123456789", 11));
	assert_false(split_may_need(&limits, "", 0));
}

/* ---- split_list ---- */

static void a_list_is_cut_by_number_and_by_bytes(void **state)
{
	struct action_split limits = {.param = "l", .lines = 2, .bytes = 4000};
	struct split s;
	struct errmsg msg;
	json_auto_t *params = json_pack("{s:[i,i,i,i,i], s:s}", "l", 1, 2, 3, 4, 5, "o", "x");
	assert_int_equal(split_list(params, &limits, &s, &msg), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.parts[2].from, 4);
	assert_int_equal(s.parts[2].to, 5);
	split_done(&s);
	limits.lines = 100;
	limits.bytes = 1024 + 9 + 4; /* around it, the others, two elements with commas */
	assert_int_equal(split_list(params, &limits, &s, &msg), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.parts[1].from, 2);
	split_done(&s);
	limits.bytes = 1024 + 9 + 1;
	assert_int_equal(split_list(params, &limits, &s, &msg), ERR_TOOBIG);
	assert_string_equal(msg.text, "l[1] alone is over the bytes of one upload");
}

/* ---- split_file_part, split_range ---- */

static void ranges_outside_of_the_file_are_refused(void **state)
{
	struct split_part part[2] = {{2, 5}, {5, 9}};
	const struct split s = {.head = 2, .parts = part, .n = 2};
	json_auto_t *file = json_pack("{s:s, s:i}", "file", "x", "size", 9);
	json_auto_t *v = split_file_part(file, &s, 1);
	struct split_part p;
	int64_t head;
	assert_false(split_is_part(file));
	assert_true(split_is_part(v));
	assert_true(split_range(v, 9, &head, &p));
	assert_int_equal(head, 2);
	assert_int_equal(p.from, 5);
	assert_false(split_range(v, 8, &head, &p));
	json_object_set_new(v, "from", json_integer(1));
	assert_false(split_range(v, 9, &head, &p));
	json_object_set_new(v, "head", json_integer(-1));
	assert_false(split_range(v, 9, &head, &p));
	assert_true(split_range(file, 9, &head, &p));
	assert_int_equal(p.to, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_has_the_head_and_whole_records),
		cmocka_unit_test(ninety_thousand_lines_are_three_parts),
		cmocka_unit_test(a_small_text_needs_no_cutting),
		cmocka_unit_test(a_list_is_cut_by_number_and_by_bytes),
		cmocka_unit_test(ranges_outside_of_the_file_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
