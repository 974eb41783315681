/* Percent-encoding and query parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/io/server.h"

/* ---- url_decode ---- */

static void escapes_are_decoded_and_malformed_ones_refused(void **state)
{
	static const struct {
		const char *in, *out;
		bool plus;
	} cases[] = {
		{"", "", false},
		{"abc", "abc", false},
		{"a%20b", "a b", false},
		{"%41%6a%4A", "AjJ", false},
		{"a+b", "a+b", false},
		{"a+b%2B", "a b+", true},
		{"%c3%A9", "\xc3\xa9", false},
		{"%25%32%35", "%25", false},
		{"%", NULL, false},
		{"%4", NULL, false},
		{"a%", NULL, false},
		{"%zz", NULL, false},
		{"%4g", NULL, false},
		{"%g4", NULL, false},
		{"%%41", NULL, false},
		{"a%00b", NULL, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].in);
		char *exact = malloc(len ? len : 1);
		memcpy(exact, cases[i].in, len);
		char *out = url_decode(exact, len, cases[i].plus);
		if (cases[i].out)
			assert_string_equal(out, cases[i].out);
		else
			assert_null(out);
		free(out);
		free(exact);
	}
	assert_null(url_decode("a\0b", 3, false));
}

/* ---- url_encode ---- */

static void all_but_unreserved_and_kept_bytes_are_encoded(void **state)
{
	struct buf b = BUF_INIT;
	assert_int_equal(url_encode(&b, "aZ09-._~ /?&=+%\xff\0x", 18, NULL), 0);
	assert_string_equal(buf_str(&b), "aZ09-._~%20%2F%3F%26%3D%2B%25%FF%00x");
	buf_clear(&b);
	assert_int_equal(url_encode(&b, "a/b c:\0", 7, "/:"), 0);
	assert_string_equal(buf_str(&b), "a/b%20c:%00");
	buf_done(&b);
	buf_init(&b, 4);
	assert_int_equal(url_encode(&b, "    ", 4, NULL), ERR_TOOBIG);
	buf_done(&b);
}

static void every_byte_survives_encoding_and_decoding(void **state)
{
	for (int c = 1; c < 256; c++) {
		struct buf b = BUF_INIT;
		char in[2] = {(char)c, 0};
		assert_int_equal(url_encode(&b, in, 1, NULL), 0);
		auto_free char *out = url_decode(b.data, b.len, true);
		assert_string_equal(out, in);
		buf_done(&b);
	}
}

/* ---- server_req_query ---- */

static void query_parameters_are_found_by_their_decoded_name(void **state)
{
	static const struct {
		const char *query, *name, *value;
	} cases[] = {
		{"", "a", NULL},       {"a=1", "a", "1"},
		{"a=1&b=2", "b", "2"}, {"a=1&a=2", "a", "1"},
		{"a", "a", ""},        {"a=", "a", ""},
		{"&&a=1&", "a", "1"},  {"aa=1", "a", NULL},
		{"a=b=c", "a", "b=c"}, {"a%20b=c+d", "a b", "c d"},
		{"a=%zz", "a", NULL},  {"%zz=1&a=2", "a", "2"},
		{"=1", "", "1"},       {"a=1&", "", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server_req r = {.query = cases[i].query};
		auto_free char *value = server_req_query(&r, cases[i].name);
		if (cases[i].value)
			assert_string_equal(value, cases[i].value);
		else
			assert_null(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_decoded_and_malformed_ones_refused),
		cmocka_unit_test(all_but_unreserved_and_kept_bytes_are_encoded),
		cmocka_unit_test(every_byte_survives_encoding_and_decoding),
		cmocka_unit_test(query_parameters_are_found_by_their_decoded_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
