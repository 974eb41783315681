/* What a service is made of. Private to engine/serve. */
#pragma once

#include "actions/services.h"
#include "actions/token.h"
#include "engine/io/server.h"
#include "engine/serve/api.h"
#include "engine/serve/ingress.h"
#include "engine/serve/orphans.h"
#include "engine/serve/rulekit.h"
#include "engine/serve/sandbox.h"
#include "engine/serve/service.h"
#include "engine/serve/timetable.h"

struct service {
	const struct config *config;
	const struct clock *clock;
	struct rng *rng;
	struct loop *loop;
	struct store *store;
	struct files *files;
	struct orphans *orphans; /* while they are looked for */
	bool own_loop, own_store;
	struct http *http;
	struct sandbox *sandbox;
	struct rulekit *kit;
	struct ruleset *rules;
	struct services services;
	struct tokens *tokens;
	struct cache *cache;
	struct egress *egress; /* answers of reads, for a while */
	struct engine *engine;
	struct timetable *timetable;
	struct server *server;
	struct ingress ingress;
	struct api api;
	/* rules on disk */
	struct loop_timer watch;
	uint64_t fingerprint;
	uint64_t reloads, failed_reloads;
	/* the end */
	struct loop_timer drain_timer;
	int64_t drain_until;
	bool draining, started, failed;
	void (*drained)(void *arg);
	void *drained_arg;
	int64_t started_at; /* boot ms */
};

/* reload.c: watches the rules from now on; and stops. */
void reload_watch(struct service *s);
void reload_unwatch(struct service *s);
/* Reads the rules for the first time; ERR_INVALID when they have mistakes, which are logged. */
int reload_first(struct service *s, struct errmsg *msg);

/* door.c: every request comes here. arg: the service. */
void door_handle(void *arg, struct server_req *r);
