/* Days and dates of the proleptic Gregorian calendar, both ways; day 0 is 1970-01-01. */
#pragma once

#include <stdint.h>

struct civil {
	int64_t year;
	int month, day; /* from 1 */
};

/* month from 1 to 12; a day beyond the month carries on. */
int64_t civil_days(int64_t year, int month, int day);
struct civil civil_date(int64_t days);
int civil_month_days(int64_t year, int month);
/* 0 is Sunday. */
int civil_weekday(int64_t days);
/* Division that rounds down, which days before 1970 need. */
int64_t civil_floor(int64_t a, int64_t b);
