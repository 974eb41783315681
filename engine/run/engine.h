/*
 * The engine: owns all live runs, hands events to rules, and drives runs on the loop.
 *
 * Everything it needs from outside the run layer comes by this struct's function pointers, wired
 * once in main (and by tests): how rules match an event, how a pinned bundle becomes a plan again,
 * which kinds of step there are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/clock.h"
#include "engine/io/loop.h"
#include "engine/run/event.h"
#include "engine/run/plan.h"
#include "engine/run/step.h"
#include "engine/store/store.h"

struct engine;
struct files;

/* One rule that an event starts. */
struct match {
	struct plan *plan;        /* borrowed from the rule set until the next reload */
	const char *trigger;      /* its id, or "" */
	bool failed;              /* the condition raised an error */
	struct store_start start; /* its arrays are malloc'd, the receiver's */
	struct errmsg msg;
};

struct matches {
	struct match *at; /* grows as needed; owned by the caller of match */
	size_t n, cap;
};

struct engine_config {
	struct loop *loop;
	struct store *store;
	struct rng *rng;
	struct files *files; /* of runs; NULL: none can be opened */
	const struct expr_vm *vm;
	void *services;         /* what kinds get by act_services */
	const char *public_url; /* for run.url; or NULL */
	/* Fills m with the rules that the event starts (conditions judged). */
	void (*match)(void *arg, struct event *e, struct matches *m);
	/* Whether any rule could start by events of this type; NULL: none can. */
	bool (*hears)(void *arg, const char *type);
	const char *(*ruleset)(void *arg); /* the current rule set's hash */
	/* A plan from its bundle text; NULL with msg. */
	struct plan *(*plan_load)(void *arg, const char *bundle, size_t len, struct errmsg *msg);
	void *arg;
	const struct step_kind *(*kind)(const char *name);
	struct plan *(*plan_of)(void *arg,
				const char *rule); /* of a rule that is loaded; or NULL */
	/* How often earlier processes crashed over a run; three times and it is failed: poison. May be NULL. */
	unsigned (*crashes)(const char *run);
	size_t queue_max;  /* events waiting for their commit; over it: ERR_BUSY. 0: 4096 */
	size_t active_max; /* runs in memory that may be driven at once. 0: 1024 */
};

/* Copies the config. */
struct engine *engine_new(const struct engine_config *c);
/* Loads and drives what the store says is due; from then on timers are kept. */
void engine_start(struct engine *e);
/* Stops starting steps; in-flight calls are awaited. */
void engine_drain(struct engine *e);
/* True when nothing is in flight any more. */
bool engine_idle(const struct engine *e);
/* Drops all runs from memory (the journal has them) and frees. */
void engine_free(struct engine *e);

/* Keeps a plan's bundle in the store: before its runs; asynchronous, in order. */
void engine_put_plan(struct engine *e, struct plan *p);

/* The answer to an accepted event. err: 0, ERR_BUSY, ERR_STORE. id: the event's, or the first one's
 * when duplicate. runs: their ids, borrowed. */
typedef void (*accept_cb)(void *arg, int err, bool duplicate, struct id id, const struct id *runs,
			  size_t n_runs);
/* Matches, commits event + runs, drives them; cb comes once, later. Takes a reference of its own. */
void engine_accept(struct engine *e, struct event *ev, accept_cb cb, void *arg);

/* Starts a run by hand or by API: cb as above; the event is the one given. */
void engine_start_run(struct engine *e, struct plan *p, struct event *ev, accept_cb cb, void *arg);

/* Somebody logged in: every run that is held looks again now. */
void engine_wake_held(struct engine *e);

typedef void (*engine_cb)(void *arg, int err, const char *why);
/* Asks a run to end as cancelled. ERR_NOT_FOUND when it has ended. */
void engine_cancel(struct engine *e, struct id run, engine_cb cb, void *arg);
/*
 * A person decides about a run in doubt (as: "done" with result, "again", "fail") or retries a failed
 * one (as: "retry"). result: taken, may be NULL. by: who, for the journal.
 */
void engine_resume(struct engine *e, struct id run, const char *as, json_t *result, const char *by,
		   engine_cb cb, void *arg);

/*
 * Tells a run something at a path where it waits for that: `what` is a literal ("person"). body: borrowed.
 * ERR_NOT_FOUND when it does not wait there, ERR_CONFLICT when somebody was faster.
 */
void engine_tell(struct engine *e, struct id run, const char *path, const char *what,
		 const json_t *body, engine_cb cb, void *arg);

/* Called on every state change of a run that was recorded: for streams. at most one listener. */
void engine_listen(struct engine *e,
		   void (*cb)(void *arg, struct id run, const char *rule, enum run_state state),
		   void *arg);

struct engine_stats {
	size_t in_memory, parked_near, accepting;
	uint64_t accepted, duplicates, started, ended, steps;
};
void engine_stats(const struct engine *e, struct engine_stats *ret);
