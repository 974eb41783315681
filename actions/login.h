/*
 * A person logs in for a connection: by a code to be typed in elsewhere, or by a page in a browser.
 *
 *  device:   STARTING ─▶ PENDING ──the person agrees──▶ KEEPING ─durable─▶ DONE
 *                          └ asks every few seconds        │
 *  browser:  PENDING ──login_code()──▶ EXCHANGING ─────────┘
 *
 *  any of them ──▶ FAILED: refused, run out of time, or the store failed
 *
 * What is secret in it (the device's code, the verifier, the tokens) is in no text of it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "actions/token.h"

struct login_config {
	struct loop *loop;
	struct http *http;
	struct tokens *tokens;
	struct rng *rng;
};

struct login;

/* Begins one. ERR_INVALID with msg when the connection, or its sign-in server, knows no such way. */
struct login *login_device(const struct login_config *c, const struct connection *conn,
			   struct errmsg *msg);
struct login *login_browser(const struct login_config *c, const struct connection *conn,
			    struct errmsg *msg);
/*
 * What the browser was sent back with. It is taken once, and only with the state that was given out:
 * ERR_FORBIDDEN for another one, ERR_INVALID when none is waited for. error: the page's refusal, or NULL.
 */
int login_code(struct login *l, const char *state, const char *code, const char *error,
	       struct errmsg *msg);
bool login_is_over(const struct login *l);
/*
 * {connection, flow, state: starting | pending | done | failed, error, warning, expires} and, by device,
 * {user_code, verification_uri, verification_uri_complete}, by browser {authorize_url, redirect_uri,
 * nonce}; a new reference. nonce: the state that comes back in the address.
 */
json_t *login_json(const struct login *l);
/* Breaks it off; what is under way goes on without anybody hearing of it. Accepts NULL. */
void login_free(struct login *l);
