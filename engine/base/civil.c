/*
 * Years are counted from March, so that the leap day is a year's last, in eras of 400 years, which
 * all have the same number of days.
 */
#include "engine/base/civil.h"

#define ERA_DAYS 146097
#define EPOCH 719468 /* days from 0000-03-01 to 1970-01-01 */

int64_t civil_floor(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t civil_days(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = civil_floor(y, 400), of_era = y - era * 400;
	int from_march = (month + 9) % 12;
	int64_t of_year = (153 * from_march + 2) / 5 + day - 1;
	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH;
}

struct civil civil_date(int64_t days)
{
	int64_t at = days + EPOCH, era = civil_floor(at, ERA_DAYS), of_era = at - era * ERA_DAYS;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100),
		from_march = (5 * of_year + 2) / 153;
	struct civil c;
	c.day = (int)(of_year - (153 * from_march + 2) / 5 + 1);
	c.month = (int)((from_march + 2) % 12) + 1;
	c.year = y + era * 400 + (c.month <= 2);
	return c;
}

int civil_month_days(int64_t year, int month)
{
	int64_t next = month == 12 ? civil_days(year + 1, 1, 1) : civil_days(year, month + 1, 1);
	return (int)(next - civil_days(year, month, 1));
}

int civil_weekday(int64_t days)
{
	return (int)((days % 7 + 11) % 7);
}
