/*
 * Access tokens: kept sealed in the store, renewed in time, once for all who wait.
 *
 *             nothing kept
 *   new ─▶ loading ─────────▶ none ◀──────────────────┐
 *             │ kept            │ a person logs in    │
 *             ▼                 ▼                     │ (its wait is "held")
 *           good ◀──durable── keeping ◀──────── asking ─┴─invalid_grant─▶ void
 *             └─near its end, or refused by the API──▶ ▲ └─no answer─▶ later, by itself
 *
 * One renewal is under way for a connection at any time; all who ask meanwhile wait for its end. A new
 * token is durable before it is first used: whoever is killed then has either the old refresh token
 * and a sign-in server that may take it once more, or the new one. Requests to one sign-in server leave
 * at most once a second.
 *
 * A partner's token is the client's own: it is asked for when there is none, and not kept.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "actions/connections.h"
#include "actions/oauth.h"
#include "engine/base/err.h"
#include "engine/base/list.h"
#include "engine/io/loop.h"
#include "engine/store/store.h"

struct tokens;
struct token;

struct tokens_config {
	struct loop *loop;
	struct http *http;
	struct store *store; /* NULL: nobody is logged in */
	struct rng *rng;
	const char *key_file; /* where the key for sealing is, or will be */
	const char *key_text; /* instead of the file; or NULL */
	/* A person has logged in: what is held for that connection may go on. May be NULL. */
	void (*on_login)(void *arg, const char *connection);
	/* One has to. May be NULL. */
	void (*on_end)(void *arg, const char *connection, const char *why);
	void *arg;
};

/* Copies the texts. */
struct tokens *tokens_new(const struct tokens_config *c);
/*
 * No request of its own is under way any more (http_free was called, or tokens_idle), nor a verb in the
 * store; and nobody waits. Accepts NULL.
 */
void tokens_free(struct tokens *ts);
/* Nothing is under way whose loss would cost a login. */
bool tokens_idle(const struct tokens *ts);

/* Who waits for a token, or has one. Zeroed before its first use; token_done() ends it in any state. */
struct token_wait {
	void (*cb)(struct token_wait *w); /* when token_ask() said false: once, on a later turn */
	/* out */
	int err; /* 0, ERR_AUTH (with held), or why there is none at the moment */
	struct errmsg msg;
	int64_t due; /* wall ms when to ask again after an error; 0: nothing is known */
	bool held;   /* until a person logs in */
	/* private */
	struct token *token; /* NULL: the connection needs none */
	uint64_t serial;     /* which it was that left */
	struct link link;
};

/*
 * A token for a request to this connection. auth: the kind of credentials that the action needs, or
 * NULL. True: decided already, see err. False: cb will come.
 */
bool token_ask(struct tokens *ts, const struct connection *conn, const char *auth,
	       struct token_wait *w);
/* The client whose credentials such an action uses; NULL: the connection has none. */
const struct oauth_client *token_client(const struct connection *conn, const char *auth);
/* The request leaves now: value of its Authorization header, borrowed for this turn; NULL: none. */
const char *token_leave(struct token_wait *w, const struct connection *conn);
/* The API took it, whatever it said. */
void token_proved(struct token_wait *w);
/*
 * The API refused it. True: asking again may give another one. A token that was itself got because of
 * a refusal, and never worked, is not renewed again.
 */
bool token_refused(struct token_wait *w);
/* Waits no longer, has none any more. */
void token_done(struct token_wait *w);

/* ---- for logging in, and for those who look ---- */

/* Milliseconds until the next request to this sign-in server may leave; the place is taken. */
int64_t tokens_place(struct tokens *ts, const char *url);
/* Nothing leaves to it for so long. */
void tokens_hold_off(struct tokens *ts, const char *url, int64_t ms);

/*
 * A person has logged in: what was given becomes durable and then takes the place of what was there.
 * Takes the texts of *given. 0: cb comes once, with 0, or ERR_STORE and the like with the reason; else an
 * error with msg.
 */
typedef void (*token_login_cb)(void *arg, int err, const char *why);
int token_login(struct tokens *ts, const struct connection *conn, struct oauth_given *given,
		token_login_cb cb, void *arg, struct errmsg *msg);

/* Reads what is kept for a connection, if that was not done yet. */
void token_load(struct tokens *ts, const struct connection *conn);
/* Is what is kept still being read? */
bool token_is_loading(struct tokens *ts, const struct connection *conn);
/*
 * {state, reason, scopes, expires, refreshable, logged_in}: state is "ok", "needs_login", "never" or
 * "loading"; a new reference. Connections without OAuth are "ok" with credentials and "none" without.
 */
json_t *token_status(struct tokens *ts, const struct connection *conn);
