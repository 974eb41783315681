/*
 * OAuth 2.0 as it stands on the wire: who the client is, the requests to a sign-in server, and what its
 * answers mean. Nothing here keeps a state (actions/token.h, actions/login.h).
 *
 * A client with a secret says who it is by Basic, one without by its client_id in the form. Requests
 * carry secrets: they are never repeated by the client, never redirected, and never in an error text.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/io/http.h"

/* A client of a sign-in server: the configuration's words, and the connector's data beneath them. */
struct oauth_client {
	const char *id;
	const char *secret;                     /* NULL: a public client */
	const char *scope;                      /* words with a blank between them; "" for none */
	const char *authorize, *token, *device; /* addresses; NULL: the server has no such thing */
	const char *redirect_uri;
	bool pkce;
	const char *refresh_scope; /* without it no refresh token is given; or NULL */
	/* With each call. */
	const char *prefix;           /* in front of the token: "Bearer " */
	const char *key_header, *key; /* one more header, or NULL */
};

/*
 * Reads `oauth2: {client_id, client_secret, scopes, redirect_uri, pkce, authorize, token, device}`, what
 * is missing from the connector's own data (which may be NULL). NULL with msg, which begins with
 * "connection NAME". Without `partner` a person logs in; with it the client itself does, and
 * {client_id, client_secret, api_key, token, prefix} are read.
 */
struct oauth_client *oauth_client_new(const char *connection, const json_t *conf,
				      const json_t *data, bool partner, struct errmsg *msg);
void oauth_client_free(struct oauth_client *c);

/* Is the address fit for a secret: https, or a name of this machine? */
bool oauth_is_safe(const char *url);
/* Do two addresses have the same scheme, host and port? */
bool oauth_same_origin(const char *a, const char *b);

/* 43 characters that nobody can guess; malloc'd. */
char *oauth_nonce(struct rng *rng);
/* The challenge of a verifier (S256); malloc'd. */
char *oauth_challenge(const char *verifier);
/* The page on which a person lets the client in; verifier: NULL for none. malloc'd. */
char *oauth_authorize_url(const struct oauth_client *c, const char *state, const char *verifier);

/* ---- requests ---- */

/* What came of a request for a token. */
enum oauth_outcome {
	OAUTH_GIVEN,
	OAUTH_PENDING, /* the person has not decided yet */
	OAUTH_SLOWER,  /* the same, and ask five seconds more seldom */
	OAUTH_OVER,    /* the grant is void: a person has to log in (again) */
	OAUTH_WRONG,   /* the client itself is refused: a mistake in a configuration */
	OAUTH_LATER,   /* the server cannot at the moment */
};

/* A token, and what was given with it. Zeroed or filled; oauth_given_done wipes it. */
struct oauth_given {
	char *access, *refresh; /* refresh: NULL when none came */
	char *scope;            /* NULL when nothing was said about it */
	int64_t life_ms;
};
void oauth_given_done(struct oauth_given *g);

/* One POST of a form. Zeroed before its first use; oauth_post_done. */
struct oauth_post {
	struct http_req req;
	struct http_header headers[3];
	struct buf form;
	char *basic;
	json_t *secrets; /* texts that no error may repeat */
	/* out, after oauth_read */
	enum oauth_outcome outcome;
	struct oauth_given given; /* OAUTH_GIVEN */
	struct errmsg msg;        /* else: what the server says, without any secret */
	int64_t wait_ms;          /* OAUTH_LATER: what it asks for; 0: nothing */
};

/* Begins a form. */
void oauth_post_init(struct oauth_post *p, const struct oauth_client *c);
/* Adds a field; secret: it must not be in any text. A NULL value adds nothing. */
void oauth_post_add(struct oauth_post *p, const char *name, const char *value, bool secret);
/* Sends it; cb as told by struct http_req. */
void oauth_post_start(struct oauth_post *p, struct http *http, const char *url,
		      void (*cb)(struct http_req *r));
/* In the callback: what a token endpoint answered. Wipes the answer. */
enum oauth_outcome oauth_read(struct oauth_post *p, int64_t now_ms);
/* In the callback: the answer as an object that is no token, a new reference; NULL with p->msg. */
json_t *oauth_read_json(struct oauth_post *p, int64_t now_ms);
/* Wipes and frees; not while under way. */
void oauth_post_done(struct oauth_post *p);
