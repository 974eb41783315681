/*
 * The day's quota of an API key: what is left of it, spent in blocks that are durable before their
 * calls leave, so that a crash can only count too much, by a block.
 *
 * The day is the API's own, by the Date of its answers, and begins 5 s late; it never goes back. From
 * 2 s before the day's end until then nothing may leave: nobody can tell for which day it would count.
 */
#pragma once

#include "engine/io/loop.h"
#include "engine/store/store.h"

#define QUOTA_DAY_MS (24 * 3600 * 1000LL)
#define QUOTA_MINUTES 60

/* Inside its owner, zeroed. */
struct quota {
	/* set before quota_start */
	const char *name;            /* its row in the store; borrowed */
	int64_t limit;               /* calls a day; 0: none is known, and nothing is counted */
	int64_t resets_ms;           /* when the day begins, after 00:00 UTC */
	void (*cb)(struct quota *q); /* on the loop: a block has come, or a day's state is known */
	/* to read */
	int64_t day;    /* days since 1970, by its own calendar */
	unsigned turns; /* how often the day has turned */
	bool known;     /* the store has told what was spent of this day */
	/* private */
	struct loop *loop;
	struct store *store;
	int64_t skew_ms;          /* the API's clock minus ours */
	int64_t spent;            /* of the day, by the store: blocks as a whole */
	int64_t left;             /* of the blocks, not used yet */
	int64_t owed;             /* calls of this day that no block was there for */
	int64_t block, filled_at; /* the size of the next one; boot ms of the last one */
	bool busy, out, stopped;
	struct store_spend op;
	struct loop_timer again;
	int64_t started_at, minute;
	unsigned minutes[QUOTA_MINUTES];
};

/* store may be NULL: then it is counted in memory only. */
void quota_start(struct quota *q, struct loop *l, struct store *store);
/* No callbacks any more. What the store still has is the store's until it is closed. */
void quota_stop(struct quota *q);
/* Goes on to the day that it is now. */
void quota_tick(struct quota *q);
/* Calls that are left today, for all together. Means something when it is known. */
int64_t quota_open(const struct quota *q);
/* Calls made today, those of other processes and of lost blocks included. */
int64_t quota_used(const struct quota *q);
/* Takes one call out of the block; false: none is there, and cb comes when one was asked for. */
bool quota_take(struct quota *q);
/* One that was taken on that day and did not leave. */
void quota_give_back(struct quota *q, int64_t day);
/* One that was taken on that day leaves now. */
void quota_leave(struct quota *q, int64_t day);
/* How long nothing may leave because the day is about to turn; 0: it may. */
int64_t quota_quiet_ms(const struct quota *q);
/* When the next day begins, by our wall clock. */
int64_t quota_turn_at(const struct quota *q);
/* The API says that nothing is left of the day on which a call left. */
void quota_exhaust(struct quota *q, int64_t day);
/* The API's own time, just now; 0: none. */
void quota_hear(struct quota *q, int64_t peer_ms);
/* Calls that left in the last hour, by this process. */
int64_t quota_last_hour(const struct quota *q);
/* When the day's quota will be used up at the rate of the last hour, wall ms; 0: not today. */
int64_t quota_forecast(const struct quota *q);
