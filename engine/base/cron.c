/* Reading schedules, and when they are due. */
#include "engine/base/cron.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/calendar.h"
#include "engine/base/civil.h"

#define HOUR 3600
#define FAR_DAYS (8 * 366)

/* ---- reading ---- */

struct field {
	const char *name;
	int min, max;
	const char *words; /* of three letters each, from min on */
};

static const struct field fields[5] = {
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day of the month", 1, 31, NULL},
	{"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
	{"day of the week", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
};

/* A number or a name at *s, which moves behind it; -1. */
static int read_value(const struct field *f, const char **s)
{
	size_t n = strspn(*s, "0123456789");
	if (n > 0 && n < 4) {
		int v = (int)strtol(*s, NULL, 10);
		*s += n;
		return v >= f->min && v <= f->max ? v : -1;
	}
	for (int i = 0; f->words && f->words[3 * i]; i++) {
		if (strncasecmp(*s, f->words + 3 * i, 3) != 0 || isalnum((unsigned char)(*s)[3]))
			continue;
		*s += 3;
		return f->min + i;
	}
	return -1;
}

/* One element of a list: its bits. */
static bool read_part(const struct field *f, const char **s, uint64_t *bits)
{
	int from = f->min, to = f->max, step = 1;
	bool star = **s == '*' || **s == '?';
	if (star)
		(*s)++;
	else if ((from = to = read_value(f, s)) < 0)
		return false;
	bool range = !star && **s == '-';
	if (range && ((*s)++, (to = read_value(f, s)) < from))
		return false;
	if (**s == '/') {
		char *end;
		long n = isdigit((unsigned char)(*s)[1]) ? strtol(*s + 1, &end, 10) : 0;
		if (n < 1 || n > f->max || (!star && !range))
			return false;
		step = (int)n;
		*s = end;
	}
	/* Sunday is 0 and 7: of all days it counts once. */
	if (star && f->max == 7)
		to = 6;
	for (int v = from; v <= to; v += step)
		*bits |= (uint64_t)1 << v;
	return true;
}

static int read_field(int i, const char *s, size_t len, uint64_t *ret, struct errmsg *msg)
{
	const char *at = s;
	bool ok;
	*ret = 0;
	do
		ok = read_part(&fields[i], &at, ret);
	while (ok && at < s + len && *at == ',' && at++);
	if (ok && at == s + len)
		return 0;
	return err_set(msg, ERR_PARSE, "cron: '%.*s' is no %s: %d to %d%s, a-b, */n or a list",
		       (int)len, s, fields[i].name, fields[i].min, fields[i].max,
		       fields[i].words ? " or names" : "");
}

static const char *expand(const char *text)
{
	static const char *const words[][2] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
					       {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
					       {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
					       {"@annually", "0 0 1 1 *"}};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(text, words[i][0]) == 0)
			return words[i][1];
	return text;
}

/* "*" or "?", with a step (as for hours) or without. */
static bool is_any(const char *s, bool with_step)
{
	return (*s == '*' || *s == '?') && (with_step || strchr(" \t", s[1]));
}

int cron_parse(const char *text, struct cron *ret, struct errmsg *msg)
{
	uint64_t bits[5];
	const char *at[5], *s = expand(text + strspn(text, " \t"));
	size_t n = 0;
	for (; *s; s += strspn(s, " \t")) {
		size_t len = strcspn(s, " \t");
		if (n == 5)
			return err_set(
				msg, ERR_PARSE,
				"cron: '%s' has more than five fields: minute, hour, day, month, weekday",
				text);
		int err = read_field((int)n, s, len, &bits[n], msg);
		if (err)
			return err;
		at[n++] = s;
		s += len;
	}
	if (n < 5)
		return err_set(
			msg, ERR_PARSE,
			"cron: '%s' has %zu of five fields: minute, hour, day, month, weekday",
			text, n);
	*ret = (struct cron){.minutes = bits[0],
			     .hours = (uint32_t)bits[1],
			     .days = (uint32_t)bits[2],
			     .months = (uint32_t)bits[3],
			     .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
			     .any_hour = is_any(at[1], true),
			     .any_day = is_any(at[2], false),
			     .any_weekday = is_any(at[4], false)};
	return 0;
}

/* ---- when it is due ---- */

static bool day_fits(const struct cron *c, const struct calendar *t)
{
	bool day = c->days >> t->day & 1, week = c->weekdays >> (t->weekday % 7) & 1;
	if (!(c->months >> t->month & 1))
		return false;
	return c->any_day || c->any_weekday ? day && week : day || week;
}

static bool fits(const struct cron *c, const struct calendar *t)
{
	return day_fits(c, t) && c->hours >> t->hour & 1 && c->minutes >> t->min & 1;
}

static int64_t local_of(const struct calendar *t)
{
	return civil_days(t->year, t->month, t->day) * 86400 + t->hour * HOUR + t->min * 60 +
	       t->sec;
}

/* The zone's clock was set forward within the last hours: by how much; 0: it was not. */
static int passed_over(const struct zone *z, int64_t at, int offset)
{
	int before = zone_offset(z, at - 3 * HOUR);
	return before < offset ? offset - before : 0;
}

/* The time that the clock passed over, and that this instant stands for, fits. */
static bool moved_fits(const struct cron *c, const struct zone *z, int64_t at, int offset, int gap)
{
	struct zones none = {0};
	int64_t local = at + offset - gap;
	struct calendar t = calendar_of(zone_find(&none, NULL), local);
	bool ours = !c->any_hour && zone_to_utc(z, local) == at && fits(c, &t);
	zones_done(&none);
	return ours;
}

/* Of a time that comes twice the first counts. */
static bool is_first(const struct cron *c, const struct zone *z, int64_t at,
		     const struct calendar *t)
{
	return c->any_hour || zone_to_utc(z, local_of(t)) == at;
}

int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_s)
{
	int64_t at = civil_floor(after_s, 60) * 60 + 60, end = at + (int64_t)FAR_DAYS * 86400;
	while (at < end) {
		struct calendar t = calendar_of(z, at);
		int gap = passed_over(z, at, t.offset_s);
		if (fits(c, &t) && is_first(c, z, at, &t))
			return at;
		if (gap && moved_fits(c, z, at, t.offset_s, gap))
			return at;
		if (gap || c->hours >> t.hour & 1)
			at += day_fits(c, &t) || gap ? 60 : HOUR - t.min * 60;
		else
			at += HOUR - t.min * 60;
	}
	return INT64_MAX;
}
