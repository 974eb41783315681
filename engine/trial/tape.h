/*
 * Tapes: what a real run got from outside, as a test can play it again: the event that began it, the answers to
 * its calls by path, and what came to it while it waited.
 *
 *   {tape: "pawl/1", rule, fits: {action: hash}, given, answers: {path: [answer]}, then: [], expect: {}}
 */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "engine/base/err.h"

/*
 * Cut from a run as GET /api/runs/ID gives it; personal data is masked. ERR_INVALID with msg for a run that has
 * not ended, or whose event cannot be given in a test. *ret: a new reference.
 */
int tape_cut(const json_t *run, const struct catalogue *cat, const struct connections *conns,
	     json_t **ret, struct errmsg *msg);
/* {fits, answers, then} of a run that may still go on, as they are: nothing is masked. A new reference. */
json_t *tape_inside(const json_t *run, const struct catalogue *cat,
		    const struct connections *conns);
/* The event as `given:` has it; NULL when it cannot be. A new reference. */
json_t *tape_cue(const json_t *event);
/* ERR_CONFLICT with msg when an action on it is not what it was then. */
int tape_fits(const json_t *tape, const struct catalogue *cat, const struct connections *conns,
	      struct errmsg *msg);
