/*
 * What may keep a matched run from starting at once; decided where its event is accepted, so that
 * two events at one moment cannot both slip through.
 */
#pragma once

#include "engine/store/wait.h"

enum store_then { THEN_QUEUE, THEN_DROP, THEN_REPLACE };

struct store_start {
	/* A zero key: no such thing. */
	struct store_key
		once; /* nothing starts for an event of a key that started something before … */
	int64_t once_ms;        /* … less than so long ago; 0: ever */
	struct store_key limit; /* at most `max` runs of a key at a time (0: any number) */
	unsigned max;
	unsigned rate;            /* … and at most so many starts (0: any number) … */
	int64_t rate_ms;          /* … in any span of so long */
	enum store_then then;     /* what becomes of one too many. REPLACE cancels the older ones */
	struct store_key collect; /* the events of a key become one run … */
	int64_t for_ms;           /* … so long after the first (0: no bound) … */
	int64_t quiet_ms;         /* … or so long without another (0: no matter) … */
	unsigned collect_max;     /* … or with so many (0: any number) */
	const struct store_key *cancel; /* an event under one of them ends the run */
	size_t n_cancel;
	const char *const *cancel_shapes; /* as store_wait.shape, one a key; borrowed texts */
	bool awaited;                     /* starts also for an event that a waiting run took */
};

/* What became of it. All but STARTED, QUEUED and JOINED are recorded with the event. */
enum store_fate {
	FATE_STARTED,
	FATE_QUEUED, /* behind its limit, its rate, or at the gate of a wait that judges the event */
	FATE_COLLECTED, /* a window was opened: the run starts when it closes */
	FATE_JOINED,    /* the event went into an open window; `into` is its run */
	FATE_DROPPED,   /* born as cancelled, with the reason limit */
	FATE_ONCE,      /* no run */
	FATE_AWAITED,   /* no run: a waiting run took the event */
};
