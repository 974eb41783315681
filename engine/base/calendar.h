/* Dates of the proleptic Gregorian calendar on a zone's clock, and adding to them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/base/zone.h"

struct calendar {
	int64_t year;
	int month, day; /* from 1 */
	int hour, min, sec;
	int weekday;  /* 1 Monday to 7 Sunday */
	int yearday;  /* from 1 */
	int offset_s; /* of the zone at that instant */
};

/* The calendar's parts of an instant. */
struct calendar calendar_of(const struct zone *z, int64_t utc_s);
/*
 * Adds a span such as "1mo", "-2d", "1y6mo", "1h30m". y, mo, w and d are steps of the zone's
 * calendar (a day that the month has not becomes its last), h, m and s are
 * spans of time. ERR_INVALID with msg.
 */
int calendar_add(const struct zone *z, int64_t utc_s, const char *span, int64_t *ret,
		 struct errmsg *msg);
