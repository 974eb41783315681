/* The steps of a run, put together from the records of its journal. */
#pragma once

#include <jansson.h>

#include "engine/run/plan.h"

/*
 * A list with one object a step, in the order in which they began:
 *   {path, kind, name, what, state, outcome, attempts, started, ended, due, status, adopted, input,
 *    output, error}
 * what: the action of a call. plan: tells kinds and names; NULL when it is not known. What a step does
 * not have is left out, but for path, kind, name, state and attempts. records: as the store views them.
 */
json_t *steps_of(const json_t *records, const struct plan *plan);
/* When the run's first record was written, and how often a person had it go on after a failure. */
const char *steps_started(const json_t *records);
int steps_attempts(const json_t *records);
/* A path of records as the rule was written: "do.3@2/each#17/do.1" is "do.3/do.1". malloc'd. */
char *steps_plan_path(const char *path);
