/* Times and durations as texts, read strictly and without the C library's locale and time zone. */
#include "engine/base/timefmt.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const int64_t day_ms = 86400000;
static const int64_t duration_max = (int64_t)3653 * 86400000; /* 10 years with their leap days */
static const int64_t time_first = -62167219200000;            /* 0000-01-01T00:00:00Z */
static const int64_t time_last = 253402300799999;             /* the end of 9999 */

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					"Thursday", "Friday", "Saturday"};

struct civil {
	int year, month, day, hour, minute, second;
};

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days of the Gregorian calendar from 0000-01-01 to the first of January of a year >= 0. */
static int64_t days_before_year(int64_t year)
{
	if (year == 0)
		return 0;
	int64_t y = year - 1;
	/* Year 0 is a leap year itself: the 1. */
	return year * 365 + y / 4 - y / 100 + y / 400 + 1;
}

/* Days since 1970-01-01. */
static int64_t days_of(const struct civil *c)
{
	int64_t days = days_before_year(c->year) - days_before_year(1970) + c->day - 1;
	for (int m = 1; m < c->month; m++)
		days += days_in(c->year, m);
	return days;
}

static bool date_ok(const struct civil *c)
{
	return c->year >= 0 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= days_in(c->year, c->month);
}

static bool clock_ok(const struct civil *c)
{
	return c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

/* Seconds since 1970; a leap second counts as the first one of the next minute. */
static int64_t seconds_of(const struct civil *c)
{
	return days_of(c) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
}

/* Writes v with n digits and a byte behind them. Returns the place behind that. */
static char *put_digits(char *out, int v, int n, char behind)
{
	out[n] = behind;
	for (int i = n - 1; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
	return out + n + 1;
}

const char *time_format(int64_t ms, char out[TIME_TEXT_LEN])
{
	ms = ms < time_first ? time_first : ms > time_last ? time_last : ms;
	int64_t since = ms - time_first, days = since / day_ms;
	int rest = (int)(since % day_ms);
	/* A first guess that is never too late, since no year has more than 366 days. */
	int year = (int)(days / 366);
	while (days_before_year(year + 1) <= days)
		year++;
	int day = (int)(days - days_before_year(year)), month = 1;
	while (day >= days_in(year, month))
		day -= days_in(year, month++);
	char *p = put_digits(out, year, 4, '-');
	p = put_digits(p, month, 2, '-');
	p = put_digits(p, day + 1, 2, 'T');
	p = put_digits(p, rest / 3600000, 2, ':');
	p = put_digits(p, rest / 60000 % 60, 2, ':');
	p = put_digits(p, rest / 1000 % 60, 2, '.');
	p = put_digits(p, rest % 1000, 3, 'Z');
	*p = '\0';
	return out;
}

/* Exactly n digits. Moves *p behind them. */
static bool digits(const char **p, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + **p - '0';
	}
	*ret = v;
	return true;
}

static bool lit(const char **p, const char *any_of)
{
	if (!**p || !strchr(any_of, **p))
		return false;
	(*p)++;
	return true;
}

static bool read_clock(const char **p, struct civil *c)
{
	return digits(p, 2, &c->hour) && lit(p, ":") && digits(p, 2, &c->minute) && lit(p, ":") &&
	       digits(p, 2, &c->second);
}

/* ".5", up to nine digits, cut to milliseconds; nothing is 0. */
static bool read_fraction(const char **p, int *ret_ms)
{
	int ms = 0, n = 0;
	if (lit(p, ".")) {
		for (; isdigit((unsigned char)**p); n++, (*p)++)
			ms = n < 3 ? ms * 10 + **p - '0' : ms;
		if (n < 1 || n > 9)
			return false;
		for (; n < 3; n++)
			ms *= 10;
	}
	*ret_ms = ms;
	return true;
}

/* "Z" or "+02:00". */
static bool read_offset(const char **p, int *ret_minutes)
{
	int hour, minute;
	*ret_minutes = 0;
	if (lit(p, "Zz"))
		return true;
	bool west = **p == '-';
	if (!lit(p, "+-") || !digits(p, 2, &hour) || !lit(p, ":") || !digits(p, 2, &minute))
		return false;
	if (hour > 23 || minute > 59)
		return false;
	*ret_minutes = (hour * 60 + minute) * (west ? -1 : 1);
	return true;
}

int time_parse(const char *text, int64_t *ret_ms, struct errmsg *msg)
{
	static const char hint[] = "as in 2026-11-23T09:46:31Z or 2026-11-23";
	struct civil c = {0};
	const char *p = text;
	int ms = 0, offset = 0;
	if (!digits(&p, 4, &c.year) || !lit(&p, "-") || !digits(&p, 2, &c.month) || !lit(&p, "-") ||
	    !digits(&p, 2, &c.day))
		return err_set(msg, ERR_PARSE, "'%.64s' is no time, %s", text, hint);
	if (!date_ok(&c))
		return err_set(msg, ERR_PARSE, "'%.64s' has a day that does not exist", text);
	if (!*p) {
		*ret_ms = seconds_of(&c) * 1000;
		return 0;
	}
	if (!lit(&p, "Tt ") || !read_clock(&p, &c) || !read_fraction(&p, &ms))
		return err_set(msg, ERR_PARSE, "'%.64s' is no time, %s", text, hint);
	if (!*p)
		return err_set(msg, ERR_PARSE, "'%.64s' needs a Z or an offset, %s", text, hint);
	if (!read_offset(&p, &offset) || *p)
		return err_set(msg, ERR_PARSE, "'%.64s' is no time, %s", text, hint);
	if (!clock_ok(&c))
		return err_set(msg, ERR_PARSE, "'%.64s' has an hour that does not exist", text);
	int64_t seconds = seconds_of(&c) - offset * 60;
	if (c.second == 60 && seconds % 86400 != 0)
		return err_set(msg, ERR_PARSE, "'%.64s' has a second that does not exist", text);
	*ret_ms = seconds * 1000 + ms;
	return 0;
}

static bool read_name(const char **p, const char *const *names, int n, size_t len, int *ret)
{
	for (int i = 0; i < n; i++) {
		size_t l = len ? len : strlen(names[i]);
		if (!strncmp(*p, names[i], l)) {
			*p += l;
			*ret = i + 1;
			return true;
		}
	}
	return false;
}

static bool read_month(const char **p, struct civil *c)
{
	return read_name(p, month_names, 12, 3, &c->month);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", from behind the name of the day. */
static bool read_imf(const char *p, struct civil *c)
{
	return lit(&p, ",") && lit(&p, " ") && digits(&p, 2, &c->day) && lit(&p, " ") &&
	       read_month(&p, c) && lit(&p, " ") && digits(&p, 4, &c->year) && lit(&p, " ") &&
	       read_clock(&p, c) && !strcmp(p, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT". Two digits mean 1970 to 2069. */
static bool read_rfc850(const char *p, struct civil *c)
{
	if (!lit(&p, ",") || !lit(&p, " ") || !digits(&p, 2, &c->day) || !lit(&p, "-") ||
	    !read_month(&p, c) || !lit(&p, "-") || !digits(&p, 2, &c->year) || !lit(&p, " ") ||
	    !read_clock(&p, c) || strcmp(p, " GMT"))
		return false;
	c->year += c->year < 70 ? 2000 : 1900;
	return true;
}

/* "Sun Nov  6 08:49:37 1994". */
static bool read_asctime(const char *p, struct civil *c)
{
	if (!lit(&p, " ") || !read_month(&p, c) || !lit(&p, " "))
		return false;
	if (!(lit(&p, " ") ? digits(&p, 1, &c->day) : digits(&p, 2, &c->day)))
		return false;
	return lit(&p, " ") && read_clock(&p, c) && lit(&p, " ") && digits(&p, 4, &c->year) && !*p;
}

int time_parse_http(const char *text, int64_t *ret_ms)
{
	struct civil c = {0};
	int day;
	const char *full = text, *brief = text;
	bool ok = read_name(&full, day_names, 7, 0, &day) && read_rfc850(full, &c);
	if (!ok) {
		c = (struct civil){0};
		if (!read_name(&brief, day_names, 7, 3, &day))
			return ERR_PARSE;
		ok = *brief == ',' ? read_imf(brief, &c) : read_asctime(brief, &c);
	}
	if (!ok || !date_ok(&c) || !clock_ok(&c))
		return ERR_PARSE;
	*ret_ms = seconds_of(&c) * 1000;
	return 0;
}

/* Longest first. `iso` stands in the ISO form, before the T where date is set. */
static const struct unit {
	const char *name;
	int64_t ms;
	char iso;
	bool date;
} units[] = {
	{"w", 604800000, 'W', true}, {"d", 86400000, 'D', true}, {"h", 3600000, 'H', false},
	{"m", 60000, 'M', false},    {"s", 1000, 'S', false},    {"ms", 1, '\0', false},
};
enum { N_UNITS = sizeof(units) / sizeof(units[0]) };

/* Digits of any number; the value stops growing far above all limits. */
static bool read_count(const char **p, int64_t *ret)
{
	int64_t v = 0;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		v = v < duration_max ? v * 10 + **p - '0' : v;
	*ret = v;
	return true;
}

/* Adds n units to *sum; the sum stays above the limit once it is there. */
static void add_units(int64_t *sum, int64_t n, int64_t unit_ms)
{
	if (n > duration_max / unit_ms || *sum > duration_max)
		*sum = duration_max + 1;
	else
		*sum += n * unit_ms;
}

/* "1h30m": units fall, each at most once. */
static bool read_short(const char *p, int64_t *sum)
{
	for (int next = 0; *p;) {
		int64_t n;
		if (!read_count(&p, &n))
			return false;
		size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz");
		while (next < N_UNITS &&
		       (strlen(units[next].name) != len || strncmp(units[next].name, p, len)))
			next++;
		if (next == N_UNITS)
			return false;
		add_units(sum, n, units[next++].ms);
		p += len;
	}
	return true;
}

/* "PT1H30M", from behind the P. Seconds may have a fraction. */
static bool read_iso(const char *p, int64_t *sum)
{
	bool in_time = false, any = false;
	for (int next = 0; *p; any = true) {
		int64_t n;
		int ms = 0;
		if (!in_time && lit(&p, "T")) {
			in_time = true;
			any = false;
		}
		if (!read_count(&p, &n) || !read_fraction(&p, &ms))
			return false;
		bool fraction = p[-1] != '.' && ms;
		while (next < N_UNITS &&
		       (!*p || units[next].iso != *p || units[next].date == in_time))
			next++;
		if (next == N_UNITS || (fraction && *p != 'S'))
			return false;
		add_units(sum, n, units[next++].ms);
		add_units(sum, ms, 1);
		p++;
	}
	return any;
}

int duration_parse(const char *text, int64_t *ret_ms, struct errmsg *msg)
{
	int64_t sum = 0;
	if (*text && text[strspn(text, "0123456789")] == '\0')
		return err_set(msg, ERR_PARSE, "'%.64s' needs a unit: ms, s, m, h, d or w", text);
	bool ok = *text == 'P' ? read_iso(text + 1, &sum) : *text && read_short(text, &sum);
	if (!ok)
		return err_set(msg, ERR_PARSE,
			       "'%.64s' is no duration, as in 90s, 1h30m or PT1H30M", text);
	if (sum > duration_max)
		return err_set(msg, ERR_PARSE, "'%.64s' is longer than 10 years", text);
	*ret_ms = sum;
	return 0;
}

const char *duration_format(int64_t ms, char out[TIME_TEXT_LEN])
{
	uint64_t rest = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	int used = snprintf(out, TIME_TEXT_LEN, "%s", ms < 0 ? "-" : "");
	if (rest == 0) {
		snprintf(out, TIME_TEXT_LEN, "0s");
		return out;
	}
	/* Weeks only when nothing else is needed: 10d reads better than 1w3d. */
	for (int i = rest % (uint64_t)units[0].ms ? 1 : 0; i < N_UNITS; i++) {
		uint64_t n = rest / (uint64_t)units[i].ms;
		rest %= (uint64_t)units[i].ms;
		if (n)
			used += snprintf(out + used, TIME_TEXT_LEN - (size_t)used, "%llu%s",
					 (unsigned long long)n, units[i].name);
	}
	return out;
}

int64_t retry_after_ms(const char *value, int64_t now_ms, int64_t cap_ms)
{
	if (!value)
		return -1;
	value += strspn(value, " \t");
	size_t len = strlen(value);
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	char text[64];
	const char *p = text;
	int64_t seconds = 0, at;
	if (!len)
		return -1;
	if (strspn(value, "0123456789") >= len) {
		p = value;
		(void)read_count(&p, &seconds);
		return seconds > cap_ms / 1000 ? cap_ms : seconds * 1000;
	}
	if (len >= sizeof(text))
		return -1;
	memcpy(text, value, len);
	text[len] = '\0';
	if (time_parse_http(text, &at))
		return -1;
	if (at <= now_ms)
		return 0;
	return at - now_ms > cap_ms ? cap_ms : at - now_ms;
}
