/*
 * A run as a picture in text: a line a step with when it began, a bar on the run's own time axis, what
 * it was, what came of it and how long it took.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/cli/print.h"

/* Runs with more steps than this are shown by their first and last ones, unless `all`. */
enum { TIMELINE_STEPS_MAX = 200 };

/*
 * run: as GET /api/runs/ID gives it; members that are missing or of another type are left out. now:
 * UTC ms, where what has not ended is drawn to.
 */
void timeline_print(struct buf *b, const json_t *run, const struct look *l, int64_t now, bool all);
/* The first two lines of it: rule, state, duration, id, event. */
void timeline_head(struct buf *b, const json_t *run, const struct look *l, int64_t now);
