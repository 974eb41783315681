/* Zones from TZif files (RFC 8536): the table of changes, then the rule of the footer for ever. */
#include "engine/base/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/civil.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define FILE_MAX (256 * 1024)
#define NAME_MAX_LEN 64
#define ZONES_MAX 1024 /* more than there are files of them */

/* Of a footer like "CET-1CEST,M3.5.0,M10.5.0/3": the day and the second when a clock changes. */
struct zone_rule {
	int month, week, weekday; /* week 5 is the last; weekday 0 is Sunday */
	int at_s;
};

struct zone {
	char name[NAME_MAX_LEN];
	int64_t *changes; /* rising; offsets[i] holds from changes[i] on */
	int *offsets;
	int n;
	int first; /* offset before the first change */
	bool has_footer, has_summer;
	int standard, summer;
	struct zone_rule begin, end; /* of summer time */
};

/* The local second of a year at which a rule's change is due. */
static int64_t rule_time(const struct zone_rule *r, int64_t year)
{
	int64_t first = civil_days(year, r->month, 1);
	int64_t last = first + civil_month_days(year, r->month) - 1;
	int64_t day = first + (r->weekday - civil_weekday(first) + 7) % 7 + (r->week - 1) * 7;
	while (day > last)
		day -= 7;
	return day * 86400 + r->at_s;
}

static int footer_offset(const struct zone *z, int64_t utc_s)
{
	if (!z->has_summer)
		return z->standard;
	int64_t year = civil_date(civil_floor(utc_s + z->standard, 86400)).year;
	int64_t begin = rule_time(&z->begin, year) - z->standard;
	int64_t end = rule_time(&z->end, year) - z->summer;
	bool summer = begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end;
	return summer ? z->summer : z->standard;
}

int zone_offset(const struct zone *z, int64_t utc_s)
{
	if (z->n == 0)
		return z->has_footer ? footer_offset(z, utc_s) : z->first;
	if (utc_s < z->changes[0])
		return z->first;
	if (utc_s >= z->changes[z->n - 1])
		return z->has_footer ? footer_offset(z, utc_s) : z->offsets[z->n - 1];
	int low = 0, high = z->n - 1; /* changes[low] <= utc_s < changes[high] */
	while (high - low > 1) {
		int mid = (low + high) / 2;
		if (z->changes[mid] <= utc_s)
			low = mid;
		else
			high = mid;
	}
	return z->offsets[low];
}

int64_t zone_to_utc(const struct zone *z, int64_t local_s)
{
	/* A change moves a clock by less than a day: one of these two offsets is in force. */
	int before = zone_offset(z, local_s - 86400), after = zone_offset(z, local_s + 86400);
	if (zone_offset(z, local_s - before) == before || before == after)
		return local_s - before;
	if (zone_offset(z, local_s - after) == after)
		return local_s - after;
	return local_s - before;
}

/* ---- the footer ---- */

/* "hh[:mm[:ss]]" with a sign. */
static bool read_seconds(const char **p, int *ret)
{
	int sign = **p == '-' ? -1 : 1, parts[3] = {0};
	if (**p == '-' || **p == '+')
		(*p)++;
	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)**p))
			return false;
		char *end;
		long v = strtol(*p, &end, 10);
		if (v > 167)
			return false;
		parts[i] = (int)v;
		*p = end;
		if (**p != ':')
			break;
		(*p)++;
	}
	*ret = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
	return true;
}

static bool skip_abbreviation(const char **p)
{
	const char *from = *p;
	if (**p == '<') {
		while (**p && **p != '>')
			(*p)++;
		return *(*p)++ == '>';
	}
	while (isalpha((unsigned char)**p))
		(*p)++;
	return *p > from;
}

/* A short number after the character c. */
static bool read_field(const char **p, char c, int *ret)
{
	if (**p != c || !isdigit((unsigned char)(*p)[1]))
		return false;
	char *end;
	long v = strtol(*p + 1, &end, 10);
	*p = end;
	*ret = v < 100 ? (int)v : 100;
	return true;
}

static bool read_rule(const char **p, struct zone_rule *r)
{
	if (*(*p)++ != ',' || !read_field(p, 'M', &r->month) || !read_field(p, '.', &r->week) ||
	    !read_field(p, '.', &r->weekday))
		return false;
	r->at_s = 7200;
	if (**p == '/') {
		(*p)++;
		if (!read_seconds(p, &r->at_s))
			return false;
	}
	return r->month >= 1 && r->month <= 12 && r->week >= 1 && r->week <= 5 && r->weekday <= 6;
}

/* POSIX counts west of Greenwich. A form that is not understood leaves the table's last offset. */
static void read_footer(struct zone *z, const char *text)
{
	const char *p = text;
	int west;
	if (!skip_abbreviation(&p) || !read_seconds(&p, &west))
		return;
	z->standard = -west;
	if (*p == '\n' || !*p) {
		z->has_footer = true;
		return;
	}
	if (!skip_abbreviation(&p))
		return;
	z->summer = z->standard + 3600;
	if (*p != ',') {
		if (!read_seconds(&p, &west))
			return;
		z->summer = -west;
	}
	z->has_footer = z->has_summer = read_rule(&p, &z->begin) && read_rule(&p, &z->end);
}

/* ---- the file ---- */

static int64_t big_endian(const unsigned char *p, int bytes)
{
	uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
	for (int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

struct tzif_head {
	int64_t isut, isstd, leap, time, type, chars;
};

/* The counts of a header; false when they cannot be. */
static bool read_head(const unsigned char *p, const unsigned char *end, struct tzif_head *h)
{
	if (end - p < 44 || memcmp(p, "TZif", 4) != 0)
		return false;
	*h = (struct tzif_head){big_endian(p + 20, 4), big_endian(p + 24, 4),
				big_endian(p + 28, 4), big_endian(p + 32, 4),
				big_endian(p + 36, 4), big_endian(p + 40, 4)};
	return h->isut >= 0 && h->isstd >= 0 && h->leap >= 0 && h->time >= 0 && h->time < 10000 &&
	       h->type > 0 && h->type <= 256 && h->chars >= 0;
}

static int64_t body_size(const struct tzif_head *h, int time_size)
{
	return h->time * (time_size + 1) + h->type * 6 + h->chars + h->leap * (time_size + 4) +
	       h->isstd + h->isut;
}

static bool read_body(struct zone *z, const unsigned char *p, const struct tzif_head *h)
{
	const unsigned char *types = p + h->time * 8, *infos = types + h->time;
	z->n = (int)h->time;
	z->changes = mem_alloc((size_t)z->n * sizeof(*z->changes) + 1);
	z->offsets = mem_alloc((size_t)z->n * sizeof(*z->offsets) + 1);
	z->first = (int)big_endian(infos, 4);
	for (int i = 0; i < z->n; i++) {
		if (types[i] >= h->type)
			return false;
		z->changes[i] = big_endian(p + i * 8, 8);
		z->offsets[i] = (int)big_endian(infos + types[i] * 6, 4);
	}
	return true;
}

/* Version 2 and later repeat the table with 64-bit times after the 32-bit one. */
static bool read_tzif(struct zone *z, const unsigned char *p, size_t len)
{
	const unsigned char *end = p + len;
	struct tzif_head h;
	if (!read_head(p, end, &h) || p[4] < '2' || body_size(&h, 4) > end - p - 44)
		return false;
	p += 44 + body_size(&h, 4);
	if (!read_head(p, end, &h) || body_size(&h, 8) > end - p - 44)
		return false;
	p += 44;
	if (!read_body(z, p, &h))
		return false;
	p += body_size(&h, 8);
	if (p < end && *p == '\n')
		read_footer(z, (const char *)p + 1); /* the caller has put a NUL at the end */
	return true;
}

static bool read_file(struct zone *z, const char *name)
{
	char path[sizeof(ZONE_DIR) + NAME_MAX_LEN];
	snprintf(path, sizeof(path), "%s%s", ZONE_DIR, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	unsigned char *data = mem_alloc(FILE_MAX + 1);
	size_t len = fread(data, 1, FILE_MAX, f);
	fclose(f);
	data[len] = '\0';
	bool ok = read_tzif(z, data, len);
	free(data);
	return ok;
}

/* A name is a relative path without dots: nothing leads out of the folder. */
static bool is_name(const char *s)
{
	if (!isalpha((unsigned char)*s) || strstr(s, "//"))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_+-/", *s))
			return false;
	return true;
}

/* One or two digits. */
static const char *read_digits(const char *p, int *ret)
{
	*ret = 0;
	for (int i = 0; i < 2 && isdigit((unsigned char)*p); i++)
		*ret = *ret * 10 + *p++ - '0';
	return p;
}

/* "+02:00", "-0530", "+2": a fixed offset. */
static bool read_fixed(struct zone *z, const char *name)
{
	int hours, minutes = 0;
	if ((*name != '+' && *name != '-') || !isdigit((unsigned char)name[1]))
		return false;
	const char *p = read_digits(name + 1, &hours);
	p += *p == ':';
	if (*p) {
		const char *from = p;
		p = read_digits(p, &minutes);
		if (p - from != 2)
			return false;
	}
	if (*p || hours > 23 || minutes > 59)
		return false;
	z->first = (hours * 3600 + minutes * 60) * (*name == '-' ? -1 : 1);
	return true;
}

static void zone_free(struct zone *z)
{
	free(z->changes);
	free(z->offsets);
	free(z);
}

void zones_done(struct zones *z)
{
	for (int i = 0; i < z->n; i++)
		zone_free(z->all[i]);
	free(z->all);
	*z = (struct zones){0};
}

const struct zone *zone_find(struct zones *z, const char *name)
{
	if (!name || !*name || strcmp(name, "Z") == 0)
		name = "UTC";
	for (int i = 0; i < z->n; i++)
		if (strcmp(z->all[i]->name, name) == 0)
			return z->all[i];
	if (strlen(name) >= NAME_MAX_LEN || z->n == ZONES_MAX)
		return NULL;
	struct zone *new = mem_alloc(sizeof(*new));
	memcpy(new->name, name, strlen(name) + 1);
	bool ok = strcmp(name, "UTC") == 0 || read_fixed(new, name) ||
		  (is_name(name) && read_file(new, name));
	if (!ok) {
		zone_free(new);
		return NULL;
	}
	z->all = mem_realloc(z->all, (size_t)(z->n + 1) * sizeof(*z->all));
	z->all[z->n++] = new;
	return new;
}
