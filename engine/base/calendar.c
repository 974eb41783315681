/* From seconds to dates and back, and sums of both. */
#include "engine/base/calendar.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/civil.h"

#define DAY 86400
#define COUNT_MAX 1000000 /* of one unit in a span: no sum can overflow */

static void set_date(struct calendar *c, int64_t days)
{
	struct civil date = civil_date(days);
	c->year = date.year;
	c->month = date.month;
	c->day = date.day;
	c->weekday = civil_weekday(days) ? civil_weekday(days) : 7;
	c->yearday = (int)(days - civil_days(date.year, 1, 1)) + 1;
}

struct calendar calendar_of(const struct zone *z, int64_t utc_s)
{
	struct calendar c = {.offset_s = zone_offset(z, utc_s)};
	int64_t local = utc_s + c.offset_s, days = civil_floor(local, DAY);
	int rest = (int)(local - days * DAY);
	set_date(&c, days);
	c.hour = rest / 3600;
	c.min = rest / 60 % 60;
	c.sec = rest % 60;
	return c;
}

/* Steps of the calendar keep the clock's time of day. */
static int64_t add_dates(const struct zone *z, int64_t utc_s, int64_t months, int64_t days)
{
	struct calendar c = calendar_of(z, utc_s);
	int64_t at = c.year * 12 + c.month - 1 + months;
	c.year = civil_floor(at, 12);
	c.month = (int)(at - c.year * 12) + 1;
	int last = civil_month_days(c.year, c.month);
	if (c.day > last)
		c.day = last;
	int64_t local = (civil_days(c.year, c.month, c.day) + days) * DAY + c.hour * 3600 +
			c.min * 60 + c.sec;
	return zone_to_utc(z, local);
}

struct sum {
	int64_t months, days, seconds;
};

static bool add_unit(struct sum *s, int64_t n, const char *unit, size_t len)
{
	static const struct {
		const char *name;
		int months, days, seconds;
	} units[] = {{"y", 12, 0, 0},   {"mo", 1, 0, 0}, {"w", 0, 7, 0}, {"d", 0, 1, 0},
		     {"h", 0, 0, 3600}, {"m", 0, 0, 60}, {"s", 0, 0, 1}};
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strlen(units[i].name) != len || strncmp(units[i].name, unit, len) != 0)
			continue;
		s->months += n * units[i].months;
		s->days += n * units[i].days;
		s->seconds += n * units[i].seconds;
		return true;
	}
	return false;
}

int calendar_add(const struct zone *z, int64_t utc_s, const char *span, int64_t *ret,
		 struct errmsg *msg)
{
	struct sum sum = {0};
	const char *p = span;
	int sign = *p == '-' ? -1 : 1;
	p += *p == '-' || *p == '+';
	do {
		char *unit;
		long n = isdigit((unsigned char)*p) ? strtol(p, &unit, 10) : -1;
		if (n < 0 || n > COUNT_MAX)
			return err_set(msg, ERR_INVALID,
				       "'%.40s' is no span such as 1mo, 2d or 1h30m", span);
		size_t len = strspn(unit, "abcdefghijklmnopqrstuvwxyz");
		if (!add_unit(&sum, sign * n, unit, len))
			return err_set(msg, ERR_INVALID, "'%.40s': the units are y mo w d h m s",
				       span);
		p = unit + len;
	} while (*p);
	if (sum.months || sum.days)
		utc_s = add_dates(z, utc_s, sum.months, sum.days);
	*ret = utc_s + sum.seconds;
	return 0;
}
