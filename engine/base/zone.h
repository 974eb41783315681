/*
 * Time zones: "UTC", fixed offsets ("+02:00") and the IANA zones of the system's TZif files.
 *
 * Nothing of the process's own zone (TZ) is read or changed. Times are seconds since 1970 in UTC;
 * local times are the same count on the zone's own clock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct zone;

/* The zones that were asked for, by name; may be zeroed. */
struct zones {
	struct zone **all;
	int n;
};

void zones_done(struct zones *z);
/* A zone by name (NULL is UTC), or NULL when there is none. It lives as long as the zones. */
const struct zone *zone_find(struct zones *z, const char *name);
/* Seconds that the zone's clock is ahead of UTC at this instant. */
int zone_offset(const struct zone *z, int64_t utc_s);
/*
 * The instant of a local time. A time that the clock passes over is moved on by as much; of one
 * that comes twice the first is taken.
 */
int64_t zone_to_utc(const struct zone *z, int64_t local_s);
