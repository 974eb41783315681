/*
 * When the schedules of the loaded rules are due: each becomes an event `schedule` of the source
 * /schedule/RULE/N, which only that trigger takes. Its id is made of source and due time, so that no
 * due time starts anything twice; the last one that was accepted is kept in the store.
 *
 *        ┌──────┐ kept, or nothing  ┌───────┐ due    ┌────────┐
 *  ─────▶│ READ │──────────────────▶│ ARMED │───────▶│ FIRING │ the event is on its way
 *        └──────┘                   └───▲───┘        └───┬────┘
 *                                       └──accepted──────┘
 *
 * What was due while nothing ran is a matter of `missed`: once (the newest one), all (at most
 * TIMETABLE_ALL of them, oldest first) or skip. Late by less than TIMETABLE_LATE_MS is not missed.
 */
#pragma once

#include "engine/rule/rules.h"
#include "engine/run/engine.h"

#define TIMETABLE_ALL 1000
#define TIMETABLE_LATE_MS (60 * 1000)

struct timetable;

struct timetable_config {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const char *zone; /* of schedules that name none; NULL: UTC */
};

struct timetable *timetable_new(const struct timetable_config *c);
/* The schedules of these rules from now on; what is the same as before goes on. */
void timetable_set(struct timetable *t, const struct ruleset *rules);
/* Nothing fires any more. */
void timetable_stop(struct timetable *t);
/* Stopped before, and nothing of it is under way. NULL is fine. */
void timetable_free(struct timetable *t);
/* Nothing of it is under way. */
bool timetable_idle(const struct timetable *t);
