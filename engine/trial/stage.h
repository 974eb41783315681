/*
 * A stage: the real engine on a virtual clock with a store in memory, on which one test plays. No
 * socket, no file of the user's, no waiting.
 *
 * A kit is made once a process: rules, machine, catalogue, and in the process that plays a loop. A stage
 * is made for each test and knows nothing of the one before.
 */
#pragma once

#include <jansson.h>

#include "actions/services.h"
#include "engine/run/engine.h"
#include "engine/serve/rulekit.h"
#include "engine/trial/peer.h"

struct kit {
	const struct config *config;
	struct clock_virtual clock;
	struct rng rng;
	struct rulekit *rules;
	struct ruleset *set;
	/* of the process that plays */
	struct loop *loop;
	struct files *files;
	struct app *sandbox; /* once it was needed */
};

/* NULL when the rules have mistakes (f->errors) or with msg. Compiles what is below the paths. */
struct kit *kit_new(const struct config *c, const char *const *paths, size_t n, struct findings *f,
		    struct errmsg *msg);
/* In the process that plays, before the first stage. */
int kit_open(struct kit *k, struct errmsg *msg);
void kit_free(struct kit *k);

struct stage {
	struct kit *kit;
	struct plan **plans; /* that events start: the rule under test, and others the test names */
	size_t n_plans;
	struct match_index *index;
	struct store *store;
	struct http *http;
	struct peer *peer;
	struct connections *connections;
	struct tokens *tokens;
	struct cache *cache;
	struct services services;
	struct engine *engine;
	int64_t began; /* wall ms */
	bool app_clean;
	long turns;
	bool endless; /* it was given up: it went on and on */
};

struct stage_config {
	int64_t now;         /* wall ms */
	const char *zone;    /* NULL: the configuration's */
	struct plan **plans; /* borrowed */
	size_t n_plans;
	const json_t *answers, *faults, *tape; /* borrowed, or NULL */
	const json_t *(*recall)(void *arg, const struct http_about *by, const char *full);
	void *recall_arg;
};

int stage_init(struct stage *s, struct kit *k, const struct stage_config *c, struct errmsg *msg);
void stage_done(struct stage *s);

/* An event comes; its id and how many runs it starts. by_hand: of this plan, whatever it waits for. */
int stage_accept(struct stage *s, struct event *e, struct plan *by_hand, struct id *ret);
/* Everything that is to be done at this instant is done. */
void stage_settle(struct stage *s);
/* That much time passes, with all that is due in it. */
void stage_pass(struct stage *s, int64_t ms);
/*
 * Time passes until `when` says so, asked whenever nothing is under way; or until nothing would ever
 * happen by itself any more: then false. False also when that goes on for years: then it is endless.
 */
bool stage_until(struct stage *s, bool (*when)(void *arg), void *arg);
/* The process dies, and another begins on what was durable. */
int stage_crash(struct stage *s, struct errmsg *msg);
/* A person says something at a path where a run waits; 0 or an error. */
int stage_tell(struct stage *s, struct id run, const char *path, const json_t *body);
void stage_cancel(struct stage *s, struct id run);
/* One of the store's views; the caller's reference. */
json_t *stage_ask(struct stage *s, const struct store_query *q);
/* Wall ms since it began. */
int64_t stage_elapsed(const struct stage *s);
