/* Tests of times and durations as texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/clock.h"
#include "engine/base/timefmt.h"

/* --- time_format, time_parse --- */

static void times_are_read_in_all_forms_of_the_rfc(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
		const char *back;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
		{"2026-11-23T09:46:31.000Z", 1795427191000, "2026-11-23T09:46:31.000Z"},
		{"2026-11-23t09:46:31z", 1795427191000, "2026-11-23T09:46:31.000Z"},
		{"2026-11-23 10:46:31+01:00", 1795427191000, "2026-11-23T09:46:31.000Z"},
		{"2026-11-23T03:16:31-06:30", 1795427191000, "2026-11-23T09:46:31.000Z"},
		{"1985-04-12T23:20:50.52Z", 482196050520, "1985-04-12T23:20:50.520Z"},
		{"1985-04-12T23:20:50.123456789Z", 482196050123, "1985-04-12T23:20:50.123Z"},
		{"1990-12-31T23:59:60Z", 662688000000, "1991-01-01T00:00:00.000Z"},
		{"1990-12-31T15:59:60-08:00", 662688000000, "1991-01-01T00:00:00.000Z"},
		{"1937-01-01T12:00:27.87+00:20", -1041337172130, "1937-01-01T11:40:27.870Z"},
		{"1969-12-31T23:59:59.999Z", -1, "1969-12-31T23:59:59.999Z"},
		{"2024-02-29", 1709164800000, "2024-02-29T00:00:00.000Z"},
		{"2000-02-29", 951782400000, "2000-02-29T00:00:00.000Z"},
		{"0000-01-01", -62167219200000, "0000-01-01T00:00:00.000Z"},
		{"9999-12-31T23:59:59.999Z", 253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct errmsg msg = {0};
		char text[TIME_TEXT_LEN];
		int64_t ms = 5;
		if (time_parse(rows[i].text, &ms, &msg))
			fail_msg("%s", msg.text);
		assert_int_equal(ms, rows[i].ms);
		assert_string_equal(time_format(ms, text), rows[i].back);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"2026",
		"2026-11",
		"2026-1-1",
		"2026-13-01",
		"2026-00-01",
		"2026-02-29",
		"2100-02-29",
		"2026-04-31",
		"2026-11-00",
		"2026-11-23T",
		"2026-11-23T09:46Z",
		"2026-11-23T09:46:31",
		"2026-11-23T24:00:00Z",
		"2026-11-23T09:60:00Z",
		"2026-11-23T09:46:61Z",
		"2026-11-23T09:46:60Z",
		"2026-11-23T09:46:31.Z",
		"2026-11-23T09:46:31.1234567890Z",
		"2026-11-23T09:46:31+1:00",
		"2026-11-23T09:46:31+24:00",
		"2026-11-23T09:46:31+01:60",
		"2026-11-23T09:46:31+0100",
		"2026-11-23T09:46:31Z ",
		" 2026-11-23",
		"2026-11-23x",
		"+026-11-23",
		"2026-11-23T09:46:31,5Z",
		"20261123",
		"2026-11-23T-9:46:31Z",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct errmsg msg = {0};
		int64_t ms = 5;
		assert_int_equal(time_parse(rows[i], &ms, &msg), ERR_PARSE);
		assert_int_equal(ms, 5);
		assert_true(msg.text[0]);
	}
}

static void a_missing_offset_is_named(void **state)
{
	struct errmsg msg = {0};
	int64_t ms;
	time_parse("2026-11-23T09:46:31", &ms, &msg);
	assert_non_null(strstr(msg.text, "needs a Z or an offset"));
}

static void times_agree_with_the_c_library(void **state)
{
	struct rng r;
	rng_seeded_init(&r, 4);
	for (int i = 0; i < 20000; i++) {
		int64_t ms =
			(int64_t)rng_below(&r, 253402300800000 + 62167219200000) - 62167219200000;
		time_t t = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000);
		struct tm tm;
		char text[TIME_TEXT_LEN], want[80];
		gmtime_r(&t, &tm);
		snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			 tm.tm_sec, (int)((ms % 1000 + 1000) % 1000));
		assert_string_equal(time_format(ms, text), want);
		int64_t back;
		assert_int_equal(time_parse(text, &back, NULL), 0);
		assert_int_equal(back, ms);
	}
}

static void times_out_of_range_are_held_at_its_ends(void **state)
{
	char text[TIME_TEXT_LEN];
	assert_string_equal(time_format(INT64_MIN, text), "0000-01-01T00:00:00.000Z");
	assert_string_equal(time_format(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
}

/* --- time_parse_http --- */

static void all_three_http_forms_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777000},
		{"Sun Nov  6 08:49:37 1994", 784111777000},
		{"Wed Nov 16 08:49:37 1994", 784975777000},
		{"Mon, 23 Nov 2026 09:46:31 GMT", 1795427191000},
		{"Monday, 23-Nov-26 09:46:31 GMT", 1795427191000},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms = 0;
		assert_int_equal(time_parse_http(rows[i].text, &ms), 0);
		assert_int_equal(ms, rows[i].ms);
	}
}

static void other_http_dates_are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"Sun",
		"Sun,",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 25:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Xxx, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 GMT",
		"1994-11-06T08:49:37Z",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms = 5;
		if (time_parse_http(rows[i], &ms) != ERR_PARSE)
			fail_msg("'%s' was read", rows[i]);
		assert_int_equal(ms, 5);
	}
}

/* --- duration_parse, duration_format --- */

static void durations_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
		const char *back;
	} rows[] = {
		{"90s", 90000, "1m30s"},
		{"10m", 600000, "10m"},
		{"1h30m", 5400000, "1h30m"},
		{"2d", 172800000, "2d"},
		{"1w", 604800000, "1w"},
		{"10d", 864000000, "10d"},
		{"250ms", 250, "250ms"},
		{"1s250ms", 1250, "1s250ms"},
		{"0s", 0, "0s"},
		{"1w2d3h4m5s6ms", 788645006, "9d3h4m5s6ms"},
		{"PT1H30M", 5400000, "1h30m"},
		{"P1DT12H", 129600000, "1d12h"},
		{"P2W", 1209600000, "2w"},
		{"PT0.25S", 250, "250ms"},
		{"PT1.5S", 1500, "1s500ms"},
		{"PT36H", 129600000, "1d12h"},
		{"P1D", 86400000, "1d"},
		{"3653d", 315619200000, "3653d"},
		{"00090s", 90000, "1m30s"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct errmsg msg = {0};
		char text[TIME_TEXT_LEN];
		int64_t ms = 5, back = 6;
		if (duration_parse(rows[i].text, &ms, &msg))
			fail_msg("%s", msg.text);
		assert_int_equal(ms, rows[i].ms);
		assert_string_equal(duration_format(ms, text), rows[i].back);
		assert_int_equal(duration_parse(text, &back, &msg), 0);
		assert_int_equal(back, ms);
	}
}

static void what_is_no_duration_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", "no duration"},
		{"90", "needs a unit"},
		{"0", "needs a unit"},
		{"s", "no duration"},
		{"90 s", "no duration"},
		{"-5s", "no duration"},
		{"+5s", "no duration"},
		{"1.5h", "no duration"},
		{"30m1h", "no duration"},
		{"1h1h", "no duration"},
		{"1y", "no duration"},
		{"1min", "no duration"},
		{"1H", "no duration"},
		{"1h30", "no duration"},
		{"P", "no duration"},
		{"PT", "no duration"},
		{"P1DT", "no duration"},
		{"P1Y", "no duration"},
		{"P1M", "no duration"},
		{"PT1D", "no duration"},
		{"P1H", "no duration"},
		{"PT1.5H", "no duration"},
		{"PT1M1H", "no duration"},
		{"PT1.S", "no duration"},
		{"p1d", "no duration"},
		{"PTT1S", "no duration"},
		{"3654d", "longer than 10 years"},
		{"99999999999999999999999w", "longer than 10 years"},
		{"3653d1ms", "longer than 10 years"},
		{"9999999999999999999w1s", "longer than 10 years"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct errmsg msg = {0};
		int64_t ms = 5;
		if (duration_parse(rows[i].text, &ms, &msg) != ERR_PARSE)
			fail_msg("'%s' was read", rows[i].text);
		if (!strstr(msg.text, rows[i].want))
			fail_msg("'%s': %s", rows[i].text, msg.text);
		assert_int_equal(ms, 5);
	}
}

static void any_number_of_milliseconds_can_be_written(void **state)
{
	char text[TIME_TEXT_LEN];
	assert_string_equal(duration_format(-90000, text), "-1m30s");
	assert_true(strlen(duration_format(INT64_MAX, text)) < TIME_TEXT_LEN);
	assert_string_equal(text, "106751991167d7h12m55s807ms");
	assert_string_equal(duration_format(INT64_MIN, text), "-106751991167d7h12m55s808ms");
}

/* --- retry_after_ms --- */

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *value;
		int64_t want;
	} rows[] = {
		{"120", 120000},
		{" 3 ", 3000},
		{"0", 0},
		{"99999999999999999999", 3600000},
		{"3601", 3600000},
		{"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
		{"Sun, 06 Nov 1994 08:49:37 GMT", 0},
		{"Sun, 06 Nov 1994 07:49:37 GMT", 0},
		{"\tSun, 06 Nov 1994 08:49:47 GMT\t", 10000},
		{"Sun, 06 Nov 2094 08:49:37 GMT", 3600000},
		{NULL, -1},
		{"", -1},
		{"  ", -1},
		{"soon", -1},
		{"-5", -1},
		{"1.5", -1},
		{"1 2", -1},
		{"10s", -1},
		{"Sun, 06 Nov 1994 08:49:47 GMT, and a text that is far too long to be any date",
		 -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(retry_after_ms(rows[i].value, 784111777000, 3600000),
				 rows[i].want);
	assert_int_equal(retry_after_ms("1", 0, 500), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_in_all_forms_of_the_rfc),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(a_missing_offset_is_named),
		cmocka_unit_test(times_agree_with_the_c_library),
		cmocka_unit_test(times_out_of_range_are_held_at_its_ends),
		cmocka_unit_test(all_three_http_forms_are_read),
		cmocka_unit_test(other_http_dates_are_refused),
		cmocka_unit_test(durations_are_read_and_written),
		cmocka_unit_test(what_is_no_duration_is_refused_with_a_reason),
		cmocka_unit_test(any_number_of_milliseconds_can_be_written),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
