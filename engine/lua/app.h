/*
 * A host for an application written in Lua that comes with the product and is trusted, unlike rules'
 * scripts: it answers requests out of a state of its own that lasts.
 *
 * The folder's main.lua sets a global table `app` with `handle(req)`. It finds base, string, table,
 * math and utf8 (nothing that reads files or loads code), `require` for files of its folder, and
 *   json.encode(v) json.decode(text) json.null json.array(t) json.is_array(v)
 *   now_ms() uuid() config
 * An array is a table marked by json.array or decoded from one; an unmarked table is an array when
 * it has a first element, else an object. req is {method, path, query, headers, body}, header names
 * in lower case. The answer is {status, headers, body, delay_ms, drop, again}; only status must be
 * there. There are no timers: an application looks at now_ms() when it is asked next.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "engine/io/server.h"

struct app;

struct app_config {
	const char *dir;      /* the folder of main.lua */
	const char *more;     /* another folder, in which `require` looks first; or NULL */
	const json_t *config; /* becomes the global `config`; NULL: an empty table */
	const struct clock *clock;
	struct rng *rng;
	size_t memory_max; /* bytes that the Lua state may hold; 0: 512 MiB */
};

/* Texts are borrowed for the call. */
struct app_request {
	const char *method, *path, *query;
	const struct server_header *headers;
	size_t n_headers;
	const char *body;
	size_t body_len;
};

/* Zeroed before the call that fills it; given back by app_answer_done. */
struct app_answer {
	int status;       /* 200..599 */
	struct buf type;  /* the Content-Type, empty for none */
	struct buf extra; /* further complete header lines */
	struct buf body;
	int64_t delay_ms; /* answer that much later */
	bool drop;        /* close the connection instead */
	int again;        /* not 0: no answer yet, call app_again with it after delay_ms */
};

/* Runs main.lua. NULL: it cannot be read or fails (ERR_SCRIPT, ERR_NOMEM). */
struct app *app_new(const struct app_config *c, struct errmsg *msg);
/* NULL is fine. */
void app_free(struct app *a);

/* Always fills the answer: an error of the application becomes a 500 with its text. */
void app_handle(struct app *a, const struct app_request *r, struct app_answer *answer);
/* Hands the request that asked for it in again, and forgets it. */
void app_again(struct app *a, int again, struct app_answer *answer);
void app_answer_done(struct app_answer *answer);
/* Bytes that the Lua state holds now. */
size_t app_memory(const struct app *a);
