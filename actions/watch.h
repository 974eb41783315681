/*
 * Looks at activities, taken together: waits of one connection that are due at about the same time share
 * one page of the list of jobs, when that is cheaper than a look each.
 *
 *            ┌────────┐ few                 ┌──────┐
 *  join ────▶│ GATHER │────────────────────▶│ LOOK │ by its id, on its own
 *            └───┬────┘                     └──▲───┘
 *                │ several                     │ not on the page, or it shows less than the look
 *                ▼                             │
 *   the first ┌──────┐ watch_tell()        ┌───┴────┐
 *   one       │ LEAD │────────────────────▶│ FOLLOW │ the others
 *             └──────┘                     └───┬────┘
 *                │                             ▼
 *                └───────────────────────▶ RUNNING, ENDED, or FAILED: the page did not come
 *
 * Only who waits in memory takes part; looks are due on common ticks (watch_due()), so that runs that are
 * parked come back together. Nothing here outlives its waits.
 */
#pragma once

#include <jansson.h>

#include "actions/connections.h"
#include "actions/services.h"
#include "engine/base/list.h"
#include "engine/run/step.h"

enum watch_at {
	WATCH_IDLE,
	WATCH_GATHER,
	WATCH_LEAD,   /* asks for the page, then calls watch_tell() */
	WATCH_FOLLOW, /* waits for what the page says */
	WATCH_LOOK,
	WATCH_RUNNING,
	WATCH_ENDED, /* `found` is its status */
	WATCH_FAILED,
};

struct watch;

/* In its owner's state, zeroed before the first use. */
struct watch_wait {
	enum watch_at at;
	json_t *found; /* owned; watch_leave() drops it */
	/* private */
	const char *id; /* borrowed until it is told */
	struct act *act;
	struct watch *watch;
	struct link link;
};

/*
 * The wake comes when `at` is LEAD, LOOK, RUNNING or FAILED. has_list: the connector lists its jobs.
 */
void watch_join(struct watch_wait *w, struct act *a, const struct connection *conn, bool has_list,
		const char *id);
/*
 * The leader has the page: `judge` says of an id LOOK, RUNNING, or ENDED with a new reference to its status
 * in *ret. judge NULL: the page did not come. The others are woken, the leader's own `at` is set.
 */
void watch_tell(struct watch_wait *leader,
		enum watch_at (*judge)(void *arg, const char *id, json_t **ret), void *arg);
/* Takes no part any more; another leads, if need be. */
void watch_leave(struct watch_wait *w);

/* When a look is due that may wait for wait_ms: later by less than that, on a tick that others share. */
int64_t watch_due(int64_t now_ms, int64_t wait_ms);
