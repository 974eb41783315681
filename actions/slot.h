/*
 * Places on a connection that one effect holds at a time, over all runs and restarts: the one unanswered
 * job, the writes to one thing, what a rule says goes one at a time.
 *
 *        ┌──────────┐ durable            ┌──────┐
 *  ask ─▶│ CLAIMING │───────────────────▶│ held │── slot_release(), with the next commit
 *        └──┬────▲──┘                    └──────┘
 *   another │    │ it was released, and this one is the first in line; or now and then
 *    has it ▼    │
 *        ┌───────┴──┐ long in vain, or the line is long
 *        │  IN LINE │──────────────────────────────────▶ parked: it asks anew later, from the end
 *        └──────────┘
 *
 * Held is what the store says: a claim of (run, path), which counts as long as the run is live. The line
 * is in memory alone, so that the next goes on at once without asking the store again and again.
 */
#pragma once

#include "engine/base/list.h"
#include "engine/run/step.h"

enum slot_at { SLOT_IDLE, SLOT_CLAIMING, SLOT_IN_LINE, SLOT_AWAY, SLOT_HELD };

/* In its owner's state, zeroed: no place is wanted. */
struct slot {
	const char *connection; /* borrowed */
	char *name;             /* owned; NULL: none is wanted */
	enum slot_at at;
	/* private */
	struct act *act;
	struct slot_line *line;
	struct link link;
	bool poked;    /* it was released while this one was claiming */
	int64_t since; /* wall ms: how long it has stood in line */
};

/* Names the place, before the first ask; what is longer than a claim may be becomes a hash. */
void slot_name(struct slot *s, const char *connection, const char *kind, const char *value);
/* What the journal tells of before: it is held. */
void slot_is_held(struct slot *s);
/*
 * True: it is held, or none is wanted: go on. False: return STEP_WAIT, and ask again when resumed, or from
 * the start when the run was put aside.
 */
bool slot_ask(struct slot *s, struct act *a);
/* Gives it up in the next commit, or leaves the line. */
void slot_release(struct slot *s, struct act *a);
/* Forgets it: the run is put aside, and what is held stays held. */
void slot_done(struct slot *s);
