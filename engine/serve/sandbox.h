/*
 * The sandbox: a stand-in of the API on a socket of its own, whose state and rules are the Lua
 * application in scripts/sandbox (docs/SANDBOX.md). This file only carries requests and answers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "engine/io/loop.h"

struct sandbox;

struct sandbox_config {
	const char *listen;      /* "127.0.0.1:8090"; port 0 takes a free one */
	const char *scripts_dir; /* the folder of the application's main.lua */
	int64_t activity_ms; /* how long bulk activities take; 0: 3 s, negative: no time at all */
	const char *seed;    /* "demo", or NULL for an empty account */
	size_t memory_max;   /* of the application; 0: 512 MiB */
};

/* Texts are borrowed for the call; l and rng as long as the sandbox lives. NULL on error. */
struct sandbox *sandbox_new(struct loop *l, struct rng *rng, const struct sandbox_config *c,
			    struct errmsg *msg);
int sandbox_port(const struct sandbox *s);
/* Closes its connections; answers that are due later are forgotten. NULL is fine. */
void sandbox_free(struct sandbox *s);
