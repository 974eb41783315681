/*
 * The ways in: a request becomes an event, the event is accepted, and the answer leaves once it is
 * durable. docs/HTTP.md says what is answered when.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/map.h"
#include "engine/io/loop.h"
#include "engine/io/server.h"
#include "engine/run/engine.h"
#include "engine/serve/config.h"

struct ingress_stats {
	uint64_t accepted, duplicates; /* events */
	uint64_t refused, busy;        /* requests: for what they are, and for want of room */
};

/* All borrowed. Zeroed, then ingress_init. */
struct ingress {
	const struct config *config;
	struct loop *loop;
	struct rng *rng;
	struct engine *engine;
	struct ingress_stats stats;
	/* private */
	struct map hooks; /* path → struct config_hook */
	struct adapters *adapters;
	int64_t logged_at; /* when a refusal was last logged, boot ms */
	unsigned unlogged;
};

void ingress_init(struct ingress *in);
/* After the last request was answered or its connection closed. */
void ingress_done(struct ingress *in);

/* Whom a request comes from, as far as the admin token tells. */
enum trust {
	TRUST_NONE,
	TRUST_LOCAL, /* there is no token: this machine only */
	TRUST_ADMIN, /* it has the token */
};

/* path: what stands behind /hooks/ and /conversations/. */
void ingress_hook(struct ingress *in, struct server_req *r, const char *path);
void ingress_conversation(struct ingress *in, struct server_req *r, const char *platform,
			  enum trust trust);
void ingress_events(struct ingress *in, struct server_req *r);
/* Counts a refusal and logs it, at most one a second. */
void ingress_refused(struct ingress *in, const struct server_req *r, const char *why);
