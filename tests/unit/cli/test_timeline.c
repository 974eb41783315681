/* The picture of a run: its columns, its bars, what stands behind a step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/cli/timeline.h"

static json_t *parse(const char *text)
{
	json_t *v;
	struct errmsg msg = {0};
	if (json_parse(text, strlen(text), true, &v, &msg) != 0)
		fail_msg("%s", msg.text);
	return v;
}

static int64_t at(const char *text)
{
	int64_t ms;
	assert_int_equal(time_parse(text, &ms, NULL), 0);
	return ms;
}

static struct buf draw(const char *text, int width)
{
	struct buf b = BUF_INIT;
	struct look l = {.color = false, .width = width};
	json_t *run = parse(text);
	timeline_print(&b, run, &l, at("2026-11-23T10:00:00Z"), false);
	json_decref(run);
	return b;
}

static void same(const char *run, int width, const char *want)
{
	struct buf b = draw(run, width);
	if (strcmp(buf_str(&b), want) != 0)
		fail_msg("want:\n%s\ngot:\n%s", want, buf_str(&b));
	buf_done(&b);
}

static void says(const char *run, const char *part)
{
	struct buf b = draw(run, 100);
	if (!strstr(buf_str(&b), part))
		fail_msg("'%s' is not in:\n%s", part, buf_str(&b));
	buf_done(&b);
}

#define RUN(state, rest)                                                                           \
	"{\"id\":\"01a-1\",\"rule\":\"lead\",\"state\":\"" state "\","                             \
	"\"trigger\":{\"type\":\"lead.captured\",\"subject\":\"web:shop:1\"},"                     \
	"\"created\":\"2026-11-23T09:59:50.000Z\"" rest "}"
#define STEP(path, kind, state, from, rest)                                                        \
	"{\"path\":\"" path "\",\"kind\":\"" kind "\",\"state\":\"" state "\","                    \
	"\"started\":\"2026-11-23T09:59:" from "Z\"" rest "}"
#define ENDED(at) ",\"ended\":\"2026-11-23T09:59:" at "Z\""

/* ---- timeline_print ---- */

static void a_run_is_drawn_with_a_line_a_step(void **state)
{
	(void)state;
	same(RUN("completed",
		 ENDED("54.000") ",\"steps\":[" STEP(
			 "do.1", "call", "completed", "50.010",
			 ENDED("50.410") ",\"name\":\"contact\",\"what\":\"shop.add_contact\","
					 "\"attempts\":1,\"outcome\":\"ok\",\"status\":201") "," STEP("do.2",
												      "wait",
												      "completed",
												      "50.412",
												      ENDED("53.990") ",\"name\":\"tagged\",\"outcome\":\"ok\"") "," STEP("do.3",
																					  "reply",
																					  "completed",
																					  "53.991",
																					  ENDED("53.998") ",\"attempts\":2") "]"),
	     100,
	     "lead  completed in 4.0s  01a-1\n"
	     "lead.captured  web:shop:1  2026-11-23T09:59:50.000Z\n"
	     "\n"
	     "   +10ms  ███·················  ✓ contact  call shop.add_contact  201          400ms\n"
	     "  +412ms  ··░░░░░░░░░░░░░░░░░░  ✓ tagged   wait                                 3.6s\n"
	     "   +4.0s  ···················█  ✓          reply                  2 attempts     7ms\n");
}

static void steps_inside_are_indented_and_rounds_numbered(void **state)
{
	(void)state;
	static const struct {
		const char *path, *line;
	} rows[] = {
		{"do.1", "·    log\n"},
		{"do.1/do.2", "·      log\n"},
		{"do.1/do.2/else.3", "·        log\n"},
		{"do.1/each#17/do.2", "·      #17 log\n"},
		{"do.1/each#17/do.2/do.1", "·        log\n"},
		{"do.1/each#2/do.2/each#3/do.1", "·        #3 log\n"},
		{"do.1/lua#4", "·      #4 log\n"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char run[256];
		snprintf(run, sizeof(run), "{\"steps\":[{\"path\":\"%s\",\"kind\":\"log\"}]}",
			 rows[i].path);
		says(run, rows[i].line);
	}
}

static void a_waiting_step_tells_until_when(void **state)
{
	(void)state;
	says(RUN("waiting", ",\"steps\":[" STEP("do.1", "wait", "waiting", "51.000",
						",\"due\":\"2026-11-23T10:10:00.000Z\"") "]"),
	     "··░░░░░░░░░░░░░░░░░░  … wait  until 10:10:00\n");
	says(RUN("waiting", ",\"steps\":[" STEP("do.1", "wait", "waiting", "51.000",
						",\"due\":\"2026-11-26T10:10:00.000Z\"") "]"),
	     "until 2026-11-26");
}

static void an_error_stands_under_its_step_and_what_to_do_at_the_end(void **state)
{
	(void)state;
	const char *run =
		RUN("failed",
		    ENDED("51.000") ",\"error\":{\"name\":\"x\"},\"steps\":[" STEP(
			    "do.1", "call", "failed", "50.000",
			    ENDED("51.000") ",\"error\":{\"name\":\"not_found\","
					    "\"message\":\"no such contact\",\"status\":404}") "]");
	says(run, "✗ call  404    1.0s\n");
	says(run, "\n                                  not_found: no such contact\n");
	says(run, "  pawl retry 01a-1");
}

static void the_error_of_a_run_is_told_when_no_step_has_it(void **state)
{
	(void)state;
	says(RUN("failed", ",\"error\":{\"name\":\"script\",\"message\":\"if: nil\"},\"steps\":[]"),
	     "\n  script: if: nil\n");
}

static void a_run_in_doubt_says_how_to_resume_it(void **state)
{
	(void)state;
	says(RUN("in_doubt", ",\"steps\":[]"), "pawl resume 01a-1 --as done|again|fail");
}

static void a_doubt_tells_the_last_that_was_seen(void **state)
{
	(void)state;
#define LOOK(at, text) "{\"at\":\"2026-11-23T09:59:" at ".000Z\",\"evidence\":\"" text "\"}"
	says(RUN("in_doubt",
		 ",\"steps\":[" STEP(
			 "do.1", "call", "in_doubt", "50.010",
			 ",\"looks\":[" LOOK("51", "one") "," LOOK("52", "two") "," LOOK(
				 "53", "three") "," LOOK("54", "four") "]") "]"),
	     "09:59:52  two\n");
	says(RUN("in_doubt", ",\"steps\":[]"), "pawl cancel 01a-1");
}

static void escape_sequences_in_data_do_not_reach_the_terminal(void **state)
{
	(void)state;
	struct buf b =
		draw("{\"id\":\"1\",\"rule\":\"a\\u001b[31mb\\u009b\",\"state\":\"queued\"}", 100);
	assert_null(strchr(buf_str(&b), 033));
	assert_null(strstr(buf_str(&b), "\xc2\x9b"));
	assert_non_null(strstr(buf_str(&b), "a?[31mb"));
	buf_done(&b);
}

static void a_long_action_keeps_its_end_in_a_narrow_window(void **state)
{
	(void)state;
	struct buf b = draw(RUN("running", ",\"steps\":[" STEP("do.1", "call", "running", "51.000",
							       ",\"what\":\"a_very_long_connection."
							       "add_contacts_to_list\"") "]"),
			    60);
	assert_non_null(strstr(buf_str(&b), "call …add_contacts_to_list"));
	buf_done(&b);
}

static void of_very_many_steps_the_middle_is_left_out(void **state)
{
	(void)state;
	json_t *steps = json_array();
	for (int i = 0; i < 1000; i++)
		json_array_append_new(steps,
				      json_pack("{s:s, s:s}", "path", "do.1", "kind", "log"));
	json_t *run = json_pack("{s:s, s:o}", "state", "completed", "steps", steps);
	struct look l = {.width = 80};
	for (int all = 0; all < 2; all++) {
		struct buf b = BUF_INIT;
		int lines = 0;
		timeline_print(&b, run, &l, 0, all);
		for (const char *p = buf_str(&b); (p = strchr(p, '\n')); p++)
			lines++;
		assert_int_equal(lines, all ? 1003 : 204);
		assert_int_equal(strstr(buf_str(&b), "… 800 more steps") != NULL, !all);
		buf_done(&b);
	}
	json_decref(run);
}

static void whatever_comes_instead_of_a_run_is_survived(void **state)
{
	(void)state;
	static const char *const runs[] = {
		"{}",
		"[]",
		"{\"steps\":7}",
		"{\"steps\":[1,null,{}]}",
		"{\"created\":7,\"event\":[],\"error\":\"x\",\"state\":null,\"id\":{}}",
		"{\"state\":\"failed\",\"steps\":[{\"path\":\"///###\",\"error\":[]}]}",
		"{\"steps\":[{\"started\":\"2026-11-23T09:00:00Z\",\"ended\":\"2020-01-01T00:00:00Z\"}]}",
		"{\"created\":\"2999-01-01T00:00:00Z\",\"steps\":[{\"kind\":\"\"}]}",
	};
	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
		struct buf b = draw(runs[i], 60);
		assert_non_null(strchr(buf_str(&b), '\n'));
		buf_done(&b);
	}
}

/* ---- print_duration ---- */

static void durations_have_two_units_at_most(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{-5, "0ms"},          {0, "0ms"},       {999, "999ms"},       {1000, "1.0s"},
		{1949, "1.9s"},       {9949, "9.9s"},   {9950, "10s"},        {59499, "59s"},
		{59500, "1m"},        {65000, "1m 5s"}, {3599500, "1h"},      {3600000, "1h"},
		{15000000, "4h 10m"}, {86400000, "1d"}, {273600000, "3d 4h"},
	};
	char d[PRINT_DURATION_LEN];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(print_duration(rows[i].ms, d), rows[i].text);
}

/* ---- print_text ---- */

static void a_text_is_cut_by_columns_not_bytes(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_int_equal(print_text(&b, "äöü", 3), 3);
	assert_string_equal(buf_str(&b), "äöü");
	buf_clear(&b);
	assert_int_equal(print_text(&b, "äöüß", 3), 3);
	assert_string_equal(buf_str(&b), "äö…");
	buf_clear(&b);
	assert_int_equal(print_text(&b, "\xff\xc3", 0), 2);
	assert_string_equal(buf_str(&b), "??");
	buf_clear(&b);
	assert_int_equal(print_text(&b, NULL, 5), 0);
	print_cell(&b, "ä", 3, true);
	print_cell(&b, "b", 3, false);
	assert_string_equal(buf_str(&b), "  äb  ");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_is_drawn_with_a_line_a_step),
		cmocka_unit_test(steps_inside_are_indented_and_rounds_numbered),
		cmocka_unit_test(a_waiting_step_tells_until_when),
		cmocka_unit_test(an_error_stands_under_its_step_and_what_to_do_at_the_end),
		cmocka_unit_test(the_error_of_a_run_is_told_when_no_step_has_it),
		cmocka_unit_test(a_run_in_doubt_says_how_to_resume_it),
		cmocka_unit_test(a_doubt_tells_the_last_that_was_seen),
		cmocka_unit_test(escape_sequences_in_data_do_not_reach_the_terminal),
		cmocka_unit_test(a_long_action_keeps_its_end_in_a_narrow_window),
		cmocka_unit_test(of_very_many_steps_the_middle_is_left_out),
		cmocka_unit_test(whatever_comes_instead_of_a_run_is_survived),
		cmocka_unit_test(durations_have_two_units_at_most),
		cmocka_unit_test(a_text_is_cut_by_columns_not_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
