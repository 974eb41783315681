/* CSV: where records end, what their fields are, how fields are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/csv.h"
#include "engine/base/json.h"

/* ---- helpers ---- */

/* The records of a text, with `step` bytes at a time. */
static json_t *records(const char *text, size_t step)
{
	json_t *list = json_array();
	struct csv c = {0};
	struct buf record = BUF_INIT;
	size_t len = strlen(text);
	for (size_t at = 0; at < len;) {
		bool end;
		size_t n = len - at < step ? len - at : step;
		n = csv_scan(&c, text + at, n, &end);
		(void)buf_add(&record, text + at, n);
		at += n;
		if (!end)
			continue;
		json_array_append_new(list, json_stringn(buf_str(&record), record.len));
		buf_clear(&record);
	}
	if (record.len)
		json_array_append_new(list, json_stringn(buf_str(&record), record.len));
	buf_done(&record);
	return list;
}

static void expect(const json_t *v, const char *want)
{
	auto_free char *text = json_text(v);
	assert_string_equal(text, want);
}

/* ---- csv_scan ---- */

static void records_end_outside_of_quotes(void **state)
{
	static const char *const cases[][2] = {
		{"a,b\n1,2\n", "[\"a,b\\n\",\"1,2\\n\"]"},
		{"a\r\nb\r\n", "[\"a\\r\\n\",\"b\\r\\n\"]"},
		{"a\nlast", "[\"a\\n\",\"last\"]"},
		{"\"x\ny\",1\nz\n", "[\"\\\"x\\ny\\\",1\\n\",\"z\\n\"]"},
		{"1,\"a\"\"\n\"\"b\"\r\nz", "[\"1,\\\"a\\\"\\\"\\n\\\"\\\"b\\\"\\r\\n\",\"z\"]"},
		{"a\"b\nc\n", "[\"a\\\"b\\n\",\"c\\n\"]"},
		{"\xef\xbb\xbf\"h\nh\"\nx\n", "[\"\xef\xbb\xbf\\\"h\\nh\\\"\\n\",\"x\\n\"]"},
		{"\n\n", "[\"\\n\",\"\\n\"]"},
		{"\"never\nclosed\n", "[\"\\\"never\\nclosed\\n\"]"},
		{"", "[]"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t step = 1; step < 20; step += 6) {
			json_auto_t *list = records(cases[i][0], step);
			expect(list, cases[i][1]);
		}
}

static void an_open_quote_is_known_and_lines_are_counted(void **state)
{
	struct csv c = {0};
	bool end;
	(void)csv_scan(&c, "a,\"b\nc", 6, &end);
	assert_true(csv_is_open(&c));
	assert_int_equal(c.lines, 1);
	(void)csv_scan(&c, "\"\n", 2, &end);
	assert_true(end);
	assert_false(csv_is_open(&c));
	assert_int_equal(c.lines, 2);
}

/* ---- csv_fields ---- */

static void fields_are_what_stands_between_commas(void **state)
{
	static const char *const cases[][2] = {
		{"a,b,c\r\n", "[\"a\",\"b\",\"c\"]"},
		{"", "[\"\"]"},
		{",", "[\"\",\"\"]"},
		{"\"a,b\",\"c\"\"d\",\"e\nf\"\n", "[\"a,b\",\"c\\\"d\",\"e\\nf\"]"},
		{"\xef\xbb\xbf\"a\",b", "[\"a\",\"b\"]"},
		{"a \"b\" c,\"d\" e", "[\"a \\\"b\\\" c\",\"d e\"]"},
		{"\"\",\"\"\"\"", "[\"\",\"\\\"\"]"},
		{"\"x\"\r\n", "[\"x\"]"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_auto_t *list = csv_fields(cases[i][0], strlen(cases[i][0]));
		expect(list, cases[i][1]);
	}
	assert_null(csv_fields("a,\xff", 3));
	assert_null(csv_fields("a\0b", 3));
}

/* ---- csv_add ---- */

static void what_is_written_reads_back(void **state)
{
	static const char *const texts[] = {"a", "", "a,b", "\"", "x\"y", "1\n2", "1\r\n2", " z "};
	struct buf b = BUF_INIT;
	json_auto_t *want = json_array();
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (i)
			(void)buf_putc(&b, ',');
		csv_add(&b, texts[i], strlen(texts[i]));
		json_array_append_new(want, json_string(texts[i]));
	}
	(void)buf_puts(&b, "\r\n");
	json_auto_t *got = csv_fields(b.data, b.len);
	assert_true(json_equal(got, want));
	buf_done(&b);
	assert_true(csv_is_blank("\r\n", 2));
	assert_false(csv_is_blank(",\n", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_end_outside_of_quotes),
		cmocka_unit_test(an_open_quote_is_known_and_lines_are_counted),
		cmocka_unit_test(fields_are_what_stands_between_commas),
		cmocka_unit_test(what_is_written_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
