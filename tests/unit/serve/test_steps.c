/* Tests of what the records of a journal say about its steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/steps.h"

/* Records from texts "TYPE path body", a second apart; ' stands for ". */
static json_t *records(const char *const *lines)
{
	json_t *list = json_array(), *body;
	for (size_t i = 0; lines[i]; i++) {
		auto_free char *path = mem_strndup(lines[i] + 2, strcspn(lines[i] + 2, " "));
		auto_free char *text = mem_strdup(strchr(lines[i] + 2, ' ') + 1);
		auto_free char *at = mem_printf("2026-11-23T10:00:%02zu.000Z", i);
		auto_free char *type = mem_strndup(lines[i], 1);
		for (char *p = text; (p = strchr(p, '\''));)
			*p = '"';
		assert_int_equal(json_parse(text, strlen(text), false, &body, NULL), 0);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "type", type, "path",
						      strcmp(path, "-") ? path : "", "at", at,
						      "body", body));
	}
	return list;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define INTENT "I do.1 {'attempt': 1, 'action': 'shop.create', 'class': 'once', 'params': {'n': 1}}"

/* --- steps_of --- */

static void the_newest_record_of_a_step_says_how_it_stands(void **state)
{
	const struct {
		const char *const *lines;
		const char *state;
		int attempts;
		const char *error, *due;
	} rows[] = {
		{LINES(INTENT), "running", 1, NULL, NULL},
		{LINES(INTENT,
		       "A do.1 {'counted': 1, 'due': 1795600000000, 'error': {'name': '5xx'}}"),
		 "retrying", 1, "5xx", "2026-11-25T09:46:40.000Z"},
		{LINES(INTENT, "A do.1 {'counted': 1, 'due': 1, 'error': {'name': '5xx'}}",
		       "I do.1 {'attempt': 2, 'action': 'shop.create', 'params': {}}"),
		 "running", 2, "5xx", NULL},
		{LINES(INTENT, "A do.1 {'counted': 1, 'due': 1, 'error': {'name': '5xx'}}",
		       "S do.1 {'outcome': 'ok', 'output': 1, 'meta': {'attempts': 2}}"),
		 "completed", 2, NULL, NULL},
		{LINES(INTENT, "P do.1 {'doubt': 'lost'}"), "in_doubt", 1, "in_doubt", NULL},
		{LINES(INTENT, "P do.1 {'doubt': 'lost'}", "H do.1 {'as': 'again'}"), "running", 1,
		 NULL, NULL},
		{LINES("S do.1 {'outcome': 'failed', 'error': {'name': 'invalid'}}"), "failed", 1,
		 "invalid", NULL},
		{LINES("S do.1 {'outcome': 'failed', 'error': {'name': 'invalid'}}",
		       "E - {'state': 'failed'}", "H do.1 {'as': 'retry'}"),
		 "running", 1, NULL, NULL},
		{LINES("W do.1 {'kind': 'timer', 'due': 1795600000000}"), "waiting", 1, NULL,
		 "2026-11-25T09:46:40.000Z"},
		{LINES("W do.1 {'kind': 'timer', 'due': 1795600000000}", "C - null",
		       "E - {'state': 'cancelled'}"),
		 "cancelled", 1, NULL, "2026-11-25T09:46:40.000Z"},
		{LINES("D do.1 {'if': false}"), "skipped", 1, NULL, NULL},
		{LINES("D do.1 {'if': true}"), "running", 1, NULL, NULL},
		{LINES("D do.1 {'retry': 3, 'due': 1795600000000, 'error': {'name': 'script'}}"),
		 "retrying", 3, "script", "2026-11-25T09:46:40.000Z"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *recs = records(rows[i].lines), *steps = steps_of(recs, NULL);
		const json_t *s = json_array_get(steps, 0);
		const char *error = json_str(json_object_get(s, "error"), "name");
		const char *due = json_str(s, "due");
		assert_int_equal(json_array_size(steps), 1);
		if (strcmp(json_str(s, "state"), rows[i].state))
			print_error("row %zu is %s\n", i, json_str(s, "state"));
		assert_string_equal(json_str(s, "state"), rows[i].state);
		assert_int_equal(json_int(s, "attempts", 0), rows[i].attempts);
		assert_string_equal(error ? error : "", rows[i].error ? rows[i].error : "");
		assert_string_equal(due ? due : "", rows[i].due ? rows[i].due : "");
	}
}

static void a_call_tells_what_was_called_and_with_what(void **state)
{
	json_auto_t *recs = records(LINES(INTENT, "S do.1 {'outcome': 'ok', 'output': {'id': 7}, "
						  "'meta': {'status': 201, 'adopted': true}}"));
	json_auto_t *steps = steps_of(recs, NULL);
	const json_t *s = json_array_get(steps, 0);
	assert_string_equal(json_str(s, "kind"), "call");
	assert_string_equal(json_str(s, "what"), "shop.create");
	assert_int_equal(json_integer_value(json_path(s, "input.n")), 1);
	assert_int_equal(json_integer_value(json_path(s, "output.id")), 7);
	assert_int_equal(json_int(s, "status", 0), 201);
	assert_true(json_bool(s, "adopted", false));
	assert_string_equal(json_str(s, "started"), "2026-11-23T10:00:00.000Z");
	assert_string_equal(json_str(s, "ended"), "2026-11-23T10:00:01.000Z");
}

static void what_was_seen_of_a_lost_request_is_told(void **state)
{
	json_auto_t *recs = records(
		LINES(INTENT, "P do.1 {'evidence': 'not there yet', 'due': 1, 'look': 1}",
		      "P do.1 {'evidence': 'it is not there'}", "P do.1 {'doubt': 'lost'}"));
	json_auto_t *steps = steps_of(recs, NULL);
	const json_t *looks = json_object_get(json_array_get(steps, 0), "looks");
	assert_int_equal(json_array_size(looks), 2);
	assert_string_equal(json_str(json_array_get(looks, 1), "evidence"), "it is not there");
	assert_string_equal(json_str(json_array_get(looks, 1), "at"), "2026-11-23T10:00:02.000Z");
}

static void damaged_records_are_passed_over(void **state)
{
	json_auto_t *recs = json_pack("[{}, {s:s}, n, {s:s, s:s, s:s, s:n}]", "path", "do.1",
				      "path", "do.2", "type", "S", "at", "x", "body");
	json_auto_t *steps = steps_of(recs, NULL), *none = steps_of(NULL, NULL);
	assert_int_equal(json_array_size(steps), 1);
	assert_int_equal(json_array_size(none), 0);
}

/* --- steps_attempts, steps_started --- */

static void each_retry_by_a_person_counts(void **state)
{
	json_auto_t *recs = records(LINES("S do.1 {'outcome': 'failed'}", "E - {}",
					  "H do.1 {'as': 'retry'}", "H do.1 {'as': 'again'}"));
	assert_int_equal(steps_attempts(recs), 2);
	assert_string_equal(steps_started(recs), "2026-11-23T10:00:00.000Z");
	assert_int_equal(steps_attempts(NULL), 1);
	assert_null(steps_started(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_record_of_a_step_says_how_it_stands),
		cmocka_unit_test(a_call_tells_what_was_called_and_with_what),
		cmocka_unit_test(what_was_seen_of_a_lost_request_is_told),
		cmocka_unit_test(damaged_records_are_passed_over),
		cmocka_unit_test(each_retry_by_a_person_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
