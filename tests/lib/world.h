/*
 * A whole engine with its actions on a virtual clock, and an API in memory that a test makes: whose
 * requests take time, get lost on their way or answered by nobody, as the test wants it. No sockets.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "actions/services.h"
#include "engine/lua/host.h"
#include "engine/rule/rules.h"
#include "engine/run/engine.h"

enum fate {
	FATE_WELL,
	FATE_LOST_BEFORE, /* it never arrived, but who sent it cannot know */
	FATE_LOST_AFTER,  /* it was done, and the answer was lost */
	FATE_BUSY,        /* 503: not done */
	FATE_BROKEN,      /* done, but the answer is 500 */
};

struct world_req {
	const char *method, *path; /* path: behind the host, without its query */
	const char *query;         /* "" when there is none */
	const json_t *body;        /* NULL: none */
};

struct world {
	struct clock_virtual clock;
	struct rng rng, dice; /* the program's and the test's own */
	struct loop *loop;
	struct store *store;
	struct lua_host *lua;
	struct http *http;
	struct catalogue *catalogue;
	struct connections *connections;
	struct services services;
	struct rule_env env;
	json_t *budget; /* of the connection */
	struct plan **plans;
	size_t n_plans;
	struct match_index *index;
	struct engine *engine;
	/* The API. answer: a new reference in *ret, NULL for an empty body; returns the status. */
	int (*answer)(struct world *w, const struct world_req *q, json_t **ret);
	enum fate (*fate)(struct world *w, const struct world_req *q); /* NULL: well */
	void *arg;
	int64_t there_ms, back_ms; /* how long a request and its answer are under way */
	int64_t skew_ms;           /* the API's clock minus ours */
	size_t sent;               /* requests so far */
};

/* The text of the script s.lua for the worlds that are made from now on, or NULL. */
extern const char *world_script;

/* connector: YAML of a connector with its actions, named `shop`; rules: YAML. */
void world_init(struct world *w, const char *connector, const char *rules);
/* The same with a budget, whose reference it takes: a connection's `budget:`. world_init has none. */
void world_init_budget(struct world *w, const char *connector, const char *rules, json_t *budget);
void world_done(struct world *w);
/* Sends an event; ' in the JSON stands for ". */
void world_send(struct world *w, const char *type, const char *json);
/* The same, of a source and, unless NULL, about a subject. */
void world_say(struct world *w, const char *type, const char *source, const char *subject,
	       const char *json);
/* Lets this much time pass. */
void world_pass(struct world *w, int64_t ms);
/* The process dies and another begins on the same store. */
void world_crash(struct world *w);
void world_cancel(struct world *w, const char *id);
/* A person answers at a path; ' in the JSON stands for ". */
int world_tell(struct world *w, const char *id, const char *path, const char *json);
int64_t world_peer_ms(const struct world *w);
/* VIEW_RUNS with up to a thousand rows; the caller's. */
json_t *world_runs(struct world *w);
/* VIEW_STATS, which counts all runs; the caller's. */
json_t *world_stats(struct world *w);
/* VIEW_RUN; the caller's. */
json_t *world_run(struct world *w, const char *id);
/* How many runs have this state. */
size_t world_count(struct world *w, const char *state);
