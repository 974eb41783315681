/* What kinds of step under actions/ need from outside: wired once in main, borrowed by all. */
#pragma once

#include "engine/base/clock.h"
#include "engine/io/http.h"
#include "engine/io/loop.h"
#include "engine/store/store.h"

struct cache;
struct catalogue;
struct connections;
struct egress;
struct files;
struct tokens;

struct services {
	struct loop *loop;
	struct http *http;
	struct store *store;
	struct files *files;   /* NULL: files come into memory, and none can be sent */
	struct tokens *tokens; /* NULL: there are none but bearer tokens */
	struct cache *cache;   /* NULL: no answer is kept */
	struct rng *rng;
	struct catalogue *catalogue;
	struct connections *connections;
	const struct egress *egress; /* NULL: all of the world but private addresses */
	const json_t
		*secrets; /* {name: value}; NULL: each stands for itself, as in tests of rules */
	/* Where replies of a platform go: {url, headers} or NULL. */
	json_t *(*reply_target)(void *arg, const char *platform);
	void *arg;
};
