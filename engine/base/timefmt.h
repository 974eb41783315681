/* Times and durations as texts. Times are UTC milliseconds since 1970. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

#define TIME_TEXT_LEN 32

/* RFC 3339, UTC, milliseconds: "2026-11-23T09:46:31.000Z". Returns out. */
const char *time_format(int64_t ms, char out[TIME_TEXT_LEN]);
/* RFC 3339 (offset or Z, 0..9 fraction digits, 't'/' ' allowed) or a bare date. ERR_PARSE otherwise. */
int time_parse(const char *text, int64_t *ret_ms, struct errmsg *msg);
/* IMF-fixdate, RFC 850 and asctime forms of HTTP dates (RFC 9110 5.6.7). ERR_PARSE otherwise. */
int time_parse_http(const char *text, int64_t *ret_ms);
/*
 * "90s", "10m", "1h30m", "2d", "1w", "250ms", or an ISO 8601 duration without years and months
 * ("PT1H30M"). A bare number is an error that says to add a unit. At most 10 years.
 */
int duration_parse(const char *text, int64_t *ret_ms, struct errmsg *msg);
/* The shortest of the forms above: "1h30m". */
const char *duration_format(int64_t ms, char out[TIME_TEXT_LEN]);
/* Retry-After (RFC 9110 10.2.3): seconds or a date, judged at now_ms; capped at cap_ms. -1: none/garbage. */
int64_t retry_after_ms(const char *value, int64_t now_ms, int64_t cap_ms);
