/*
 * The service: opens everything that the configuration names, wires it, and answers until it is told
 * to stop.
 *
 *   service_new    loop, store, client, Lua, catalogue, connections, rules, engine, sandbox
 *   service_start  plans into the store, then recovery of runs, then the listener
 *   service_drain  no new requests and steps; what is under way ends
 *   service_free   in the opposite order
 *
 * A rule file that changes, and SIGHUP, load the rules anew: all of them, or with any mistake none.
 */
#pragma once

#include <stdbool.h>

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "engine/io/http.h"
#include "engine/io/loop.h"
#include "engine/rule/rules.h"
#include "engine/run/engine.h"
#include "engine/serve/config.h"
#include "engine/store/store.h"

struct service;

/* What tests put in the place of the real things; zeroed for none. */
struct service_seams {
	const struct clock *clock;
	struct rng *rng;
	struct loop *loop;   /* borrowed */
	struct store *store; /* borrowed: not closed by service_free */
	const char *files;   /* the folder of files; NULL with a store: a temporary one */
};

/* config: borrowed until service_free. NULL with msg; ERR_LOCKED names the process that has the store. */
struct service *service_new(const struct config *c, struct errmsg *msg);
struct service *service_new_with(const struct config *c, const struct service_seams *seams,
				 struct errmsg *msg);
/* Recovers, then listens. Errors of the address. */
int service_start(struct service *s, struct errmsg *msg);
/*
 * Runs until SIGTERM or SIGINT, then drains for 10 s at most (a second signal: not at all). Returns 0,
 * or an error that ended it.
 */
int service_run(struct service *s);
/* Begins to drain; `done` comes once, on the loop, when nothing is under way or the time is over. */
void service_drain(struct service *s, int64_t within_ms, void (*done)(void *arg), void *arg);
void service_free(struct service *s);

/* Loads the rules anew. The old ones stay when f->errors > 0. f may be NULL: findings are logged. */
int service_reload(struct service *s, struct findings *f);

/* The bound port; the sandbox's, or 0 when there is none. */
int service_port(const struct service *s);
int service_sandbox_port(const struct service *s);

const struct config *service_config(const struct service *s);
struct loop *service_loop(const struct service *s);
struct store *service_store(const struct service *s);
struct http *service_http(const struct service *s);
struct engine *service_engine(const struct service *s);
struct catalogue *service_catalogue(const struct service *s);
struct connections *service_connections(const struct service *s);
struct ruleset *service_rules(const struct service *s);
/* True while it drains: nothing new is taken. */
bool service_is_draining(const struct service *s);
/* True from service_start until it drains. */
bool service_is_ready(const struct service *s);
