/*
 * What happens in a test from outside: an event of `given:` or `then:`, made as its trigger word says.
 *
 * A conversation's event needs only what matters to the test: platform, account, conversation and
 * speaker are filled in, and a later one is of the same conversation.
 */
#pragma once

#include <jansson.h>

#include "engine/base/clock.h"
#include "engine/run/event.h"
#include "engine/run/plan.h"

struct cue_from {
	const struct clock *clock;
	struct rng *rng;
	const struct plan *plan; /* of the rule under test: its schedules */
	const json_t *first;     /* data of the first conversation event; or NULL */
	unsigned n;              /* how many there were: names of messages */
};

/* The trigger word in it, or NULL: it starts the rule by hand. */
const char *cue_word(const json_t *cue);
/* ERR_INVALID when the event cannot be: the sentence is about the cue. */
int cue_event(const struct cue_from *from, const json_t *cue, struct event **ret,
	      struct errmsg *msg);
