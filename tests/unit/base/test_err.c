/* Tests of the error table and of message building. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "engine/base/err.h"

/* --- err_name, err_text, err_class, err_by_name --- */

static void every_code_has_a_name_a_text_and_is_found_by_its_name(void **state)
{
	for (int code = -1; code > -ERR_COUNT; code--) {
		assert_string_not_equal(err_name(code), "unknown");
		assert_true(strlen(err_text(code)) > 0);
		assert_int_equal(err_by_name(err_name(code)), code);
	}
}

static void zero_is_ok_and_other_numbers_are_unknown(void **state)
{
	assert_string_equal(err_name(0), "ok");
	const int others[] = {1, 7, -ERR_COUNT, INT_MAX, INT_MIN};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_string_equal(err_name(others[i]), "unknown");
		assert_int_equal(err_class(others[i]), ERR_PERMANENT);
	}
	assert_int_equal(err_by_name("ok"), 0);
	assert_int_equal(err_by_name("no such name"), 0);
	assert_int_equal(err_by_name(NULL), 0);
}

static void the_class_decides_what_a_retry_may_do(void **state)
{
	assert_int_equal(err_class(ERR_THROTTLED), ERR_TRANSIENT);
	assert_int_equal(err_class(ERR_AUTH), ERR_PERMANENT);
	assert_int_equal(err_class(ERR_IN_DOUBT), ERR_UNCERTAIN);
}

static void frozen_names_are_as_documented(void **state)
{
	assert_string_equal(err_name(ERR_QUOTA), "quota_exceeded");
	assert_string_equal(err_name(ERR_SERVER), "5xx");
	assert_string_equal(err_name(ERR_TOOBIG), "too_big");
}

/* --- err_set, err_wrap --- */

static void a_message_takes_context_in_front(void **state)
{
	struct errmsg msg = {0};
	assert_int_equal(err_set(&msg, ERR_NETWORK, "connect to '%s'", "host"), ERR_NETWORK);
	assert_int_equal(err_wrap(&msg, "step %d", 3), ERR_NETWORK);
	assert_int_equal(msg.code, ERR_NETWORK);
	assert_string_equal(msg.text, "step 3: connect to 'host'");
}

static void a_message_may_be_made_from_itself(void **state)
{
	struct errmsg msg = {0};
	err_set(&msg, ERR_IO, "inner");
	err_set(&msg, ERR_FAILED, "outer %s", msg.text);
	assert_string_equal(msg.text, "outer inner");
	err_wrap(&msg, "%s", msg.text);
	assert_string_equal(msg.text, "outer inner: outer inner");
}

static void no_message_is_no_problem(void **state)
{
	assert_int_equal(err_set(NULL, ERR_IO, "x"), ERR_IO);
	assert_int_equal(err_wrap(NULL, "x"), 0);
}

static void a_long_message_is_cut_between_characters(void **state)
{
	struct errmsg msg = {0};
	char text[800] = "";
	size_t len = strlen("é");
	for (size_t i = 0; i < 255; i++)
		memcpy(text + i * len, "é", len);
	/* 510 bytes, and then a character of three bytes that does not fit into the last one. */
	memcpy(text + 255 * len, "€", strlen("€"));
	err_set(&msg, ERR_IO, "%s", text);
	assert_int_equal(strlen(msg.text), 510);
	for (int i = 0; i < 5; i++)
		err_wrap(&msg, "é");
	assert_true(strlen(msg.text) < sizeof(msg.text));
	assert_true((unsigned char)msg.text[strlen(msg.text) - 2] == 0xc3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_name_a_text_and_is_found_by_its_name),
		cmocka_unit_test(zero_is_ok_and_other_numbers_are_unknown),
		cmocka_unit_test(the_class_decides_what_a_retry_may_do),
		cmocka_unit_test(frozen_names_are_as_documented),
		cmocka_unit_test(a_message_takes_context_in_front),
		cmocka_unit_test(a_message_may_be_made_from_itself),
		cmocka_unit_test(no_message_is_no_problem),
		cmocka_unit_test(a_long_message_is_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
