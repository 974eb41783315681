/* Inside of a purse. Private to its files. */
#pragma once

#include "actions/purse.h"
#include "actions/quota.h"
#include "engine/base/map.h"

#define PURSE_KINDS (PASS_LOOK + 1)

/* One rule's part; or that of a kind of request that is no rule's. */
struct share {
	enum pass_kind kind;
	double weight;
	int64_t reserve, spent; /* calls of the day */
	struct link waiting;    /* passes */
	unsigned n_waiting;
	struct link active; /* while any wait */
	double vtime;       /* what it has had, by weight */
	int64_t horizon;    /* wall ms: the last place that was given out for later */
};

struct purse {
	char *id, *label;
	bool started;
	struct loop *loop;
	struct rng *rng;
	struct loop_task task;
	struct loop_timer timer;
	/* the rate */
	double per_second;
	unsigned permits, taken; /* how many there are now; granted, not left */
	int64_t window_ms;
	int64_t *ring; /* boot ms of the last leaves; NULL: no rate is known */
	unsigned n_ring, at;
	int64_t paused_at, paused_until, shrunk_at; /* boot ms */
	unsigned strikes, pauses;
	/* the day */
	struct quota quota;
	unsigned turns;
	int64_t reserve, kept; /* for what is urgent; for rules that have their own */
	/* who waits */
	struct map rules; /* name → struct share */
	struct share kinds[PURSE_KINDS];
	struct link active, urgent; /* shares with passes that wait */
	struct link refused;        /* passes that are about to be told */
	unsigned n_waiting, streak; /* streak: urgent ones in a row */
	double vtime;               /* where the shares' vtime begins */
};

/* Goes on to the day that it is now. */
void purse_tick(struct purse *p);
