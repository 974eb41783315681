/* Tests of schedules: what is read, and when they are due in which zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cron.h"
#include "engine/base/timefmt.h"

static struct zones zones;

/* The next n due times after an RFC 3339 time, as one text. */
static const char *due(const char *cron, const char *zone, const char *after, int n)
{
	static char text[512];
	struct cron c;
	struct errmsg msg;
	int64_t ms;
	char at[TIME_TEXT_LEN];
	text[0] = '\0';
	if (cron_parse(cron, &c, &msg) != 0)
		fail_msg("%s", msg.text);
	assert_int_equal(time_parse(after, &ms, NULL), 0);
	const struct zone *z = zone_find(&zones, zone);
	assert_non_null(z);
	for (int64_t s = ms / 1000; n-- > 0;) {
		s = cron_next(&c, z, s);
		if (s == INT64_MAX)
			return "never";
		time_format(s * 1000, at);
		at[16] = '\0';
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", at + 2);
	}
	return text;
}

static void a_schedule_is_due_at_its_times(void **state)
{
	(void)state;
	static const struct {
		const char *cron, *zone, *after, *want;
	} rows[] = {
		{"0 9 * * MON", "UTC", "2026-11-24T00:00:00Z", "26-11-30T09:00 26-12-07T09:00"},
		{"*/20 8-9 * * *", "UTC", "2026-11-24T08:40:00Z", "26-11-24T09:00 26-11-24T09:20"},
		{"0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", "26-03-31T00:00 26-05-31T00:00"},
		{"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "28-02-29T00:00 32-02-29T00:00"},
		{"0 0 13 * FRI", "UTC", "2026-11-01T00:00:00Z", "26-11-06T00:00 26-11-13T00:00"},
		{"@daily", "Europe/Paris", "2026-11-24T00:00:00Z", "26-11-24T23:00 26-11-25T23:00"},
		{"5,10 4 * JAN,mar SUN", "UTC", "2026-12-30T00:00:00Z",
		 "27-01-03T04:05 27-01-03T04:10"},
		{"0 0 */30 * MON", "UTC", "2026-11-24T00:00:00Z", "26-11-30T00:00 26-12-01T00:00"},
		{"0 0 * * 7", "UTC", "2026-11-24T00:00:00Z", "26-11-29T00:00 26-12-06T00:00"},
		{"0 12 * * *", "Asia/Kolkata", "2026-11-24T00:00:00Z",
		 "26-11-24T06:30 26-11-25T06:30"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(due(rows[i].cron, rows[i].zone, rows[i].after, 2),
				    rows[i].want);
	assert_string_equal(due("0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", 1), "never");
}

/* Paris: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. */
static void a_time_that_is_passed_over_is_due_as_much_later(void **state)
{
	(void)state;
	assert_string_equal(due("30 2 * * *", "Europe/Paris", "2026-03-28T12:00:00Z", 2),
			    "26-03-29T01:30 26-03-30T00:30");
	assert_string_equal(due("0 3 * * *", "Europe/Paris", "2026-03-28T12:00:00Z", 2),
			    "26-03-29T01:00 26-03-30T01:00");
	assert_string_equal(due("0 * * * *", "Europe/Paris", "2026-03-29T00:00:00Z", 3),
			    "26-03-29T01:00 26-03-29T02:00 26-03-29T03:00");
}

static void a_time_that_comes_twice_is_due_once_unless_every_hour_is_meant(void **state)
{
	(void)state;
	assert_string_equal(due("30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", 2),
			    "26-10-25T00:30 26-10-26T01:30");
	assert_string_equal(due("*/30 * * * *", "Europe/Paris", "2026-10-25T00:00:00Z", 4),
			    "26-10-25T00:30 26-10-25T01:00 26-10-25T01:30 26-10-25T02:00");
}

static void a_mistake_names_its_field(void **state)
{
	(void)state;
	static const struct {
		const char *cron, *want;
	} rows[] = {
		{"60 * * * *", "'60' is no minute"},
		{"* 24 * * *", "'24' is no hour"},
		{"* * 0 * *", "'0' is no day of the month"},
		{"* * * 13 *", "'13' is no month"},
		{"* * * * FOO", "'FOO' is no day of the week"},
		{"* * * * 8", "'8' is no day of the week"},
		{"5-1 * * * *", "'5-1' is no minute"},
		{"*/0 * * * *", "'*/0' is no minute"},
		{"1,, * * * *", "'1,,' is no minute"},
		{"* * * *", "4 of five fields"},
		{"* * * * * *", "more than five fields"},
		{"", "0 of five fields"},
		{"@often", "is no minute"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cron c;
		struct errmsg msg = {0};
		assert_int_equal(cron_parse(rows[i].cron, &c, &msg), ERR_PARSE);
		if (!strstr(msg.text, rows[i].want))
			fail_msg("'%s' gives: %s", rows[i].cron, msg.text);
	}
}

/* Ends the cell at *line, and moves to the next one; NULL: there is none. */
static const char *cell(char **line)
{
	char *start = *line, *end = start + strcspn(start, "\t\n");
	*line = *end ? end + 1 : end;
	*end = '\0';
	return *start ? start : NULL;
}

/* One row of the table: cron, zone, after, and the due times in seconds. */
static void check_agreed(char *line)
{
	struct cron c;
	struct errmsg msg;
	const char *cron = cell(&line), *name = cell(&line), *text = cell(&line);
	const struct zone *z = zone_find(&zones, name);
	int64_t at = strtoll(text, NULL, 10);
	assert_non_null(z);
	assert_int_equal(cron_parse(cron, &c, &msg), 0);
	while ((text = cell(&line))) {
		int64_t want = strtoll(text, NULL, 10), got = cron_next(&c, z, at);
		if (got != want)
			fail_msg("'%s' in %s after %lld: %lld, not %lld", cron, name, (long long)at,
				 (long long)got, (long long)want);
		at = got;
	}
}

/* The table is what two other libraries say too: ./dev cron. */
static void due_times_are_those_of_two_other_libraries(void **state)
{
	(void)state;
	char line[512];
	int rows = 0;
	FILE *f = fopen("tests/cron/agreed.tsv", "r");
	assert_non_null(f);
	for (; fgets(line, sizeof(line), f); rows++)
		check_agreed(line);
	(void)fclose(f);
	assert_true(rows >= 200);
}

static int done(void **state)
{
	(void)state;
	zones_done(&zones);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_schedule_is_due_at_its_times),
		cmocka_unit_test(a_time_that_is_passed_over_is_due_as_much_later),
		cmocka_unit_test(a_time_that_comes_twice_is_due_once_unless_every_hour_is_meant),
		cmocka_unit_test(due_times_are_those_of_two_other_libraries),
		cmocka_unit_test(a_mistake_names_its_field),
	};
	return cmocka_run_group_tests(tests, NULL, done);
}
