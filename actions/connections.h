/*
 * Connections: a connector's address and credentials under a name that rules use.
 *
 * Not pinned by runs, so that a repaired connection reaches parked ones. Credentials are added to a
 * request when it leaves and are in no record, log or error text.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "engine/base/err.h"

struct catalogue;
struct oauth_client;
struct plan;
struct purse;
struct services;

struct connection {
	const char *name;
	const char *connector;     /* the catalogue's name; NULL for a plain HTTP connection */
	const char *base_url;      /* without a slash at its end */
	const char *authorization; /* a bearer token's value of that header; or NULL */
	const struct oauth_client *oauth2;  /* a person logs in for it; or NULL */
	const struct oauth_client *partner; /* for actions whose `auth` says so; or NULL */
	struct purse *purse;                /* what its key may spend; NULL: no limit is known */
	int64_t timeout_ms;                 /* 0: the client's default */
};

struct connections;

struct connections *connections_new(void);
void connections_free(struct connections *c);
/*
 * Adds one from its configuration {connector, base_url, auth, timeout, budget}; auth is {bearer} or
 * {oauth2}, and {partner}. Secrets are resolved already. ERR_INVALID with a sentence when something in it is not right.
 */
int connections_add(struct connections *c, const struct catalogue *cat, const char *name,
		    const json_t *config, struct errmsg *msg);
/* Borrowed; NULL when there is none. */
const struct connection *connections_find(const struct connections *c, const char *name);
/* Iterates in the order of the configuration: start with *i = 0; NULL at the end. */
const struct connection *connections_next(const struct connections *c, size_t *i);
/* The name that is nearest to a misspelt one, or NULL. */
const char *connections_suggest(const struct connections *c, const char *name);

/* ---- what they may spend: connections whose API key is the same have one purse ---- */

/* Looks up what was spent, and counts from now on; without it the first request does. */
void connections_start(struct connections *c, const struct services *s);
/* Before the loop and the client go: whatever waits for its turn is not called back any more. */
void connections_stop(struct connections *c);
/* What the loaded rules say under `budget:`: forget, then one share each. */
void connections_forget_rules(struct connections *c);
void connections_set_rule(struct connections *c, const struct plan *p);
/* [purse_json() with connections: [names]], a new reference; in the order of the configuration. */
json_t *connections_budgets(const struct connections *c);
