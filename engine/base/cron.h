/*
 * Schedules in cron's five fields: minute, hour, day of the month, month, day of the week.
 *
 *   field   0-59  0-23  1-31  1-12 or JAN-DEC  0-7 or SUN-SAT (0 and 7 are Sunday)
 *   each:   *   a   a-b   a-b/step   * /step (without the blank)   and lists of these
 *   @hourly @daily @midnight @weekly @monthly @yearly @annually
 *
 * When both days are restricted either may fit, as in POSIX crontab; a day with a step is restricted. Where a zone's clock is set:
 * a time that it passes over is due as much later as was passed over; of one that comes twice only the
 * first counts, unless every hour is meant (hour `*` or `*` with a step), then what counts is how the time passes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/base/zone.h"

struct cron {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays; /* a bit each, weekday 0 is Sunday */
	bool any_hour, any_day, any_weekday;
};

/* ERR_PARSE with a message that names the field. */
int cron_parse(const char *text, struct cron *ret, struct errmsg *msg);
/* The first due time after an instant (both in seconds), or INT64_MAX when none is within eight years. */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_s);
