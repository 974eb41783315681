/*
 * Leave to send one request: credentials that are good now, and a place in the connection's rate.
 *
 *  asked ──▶ credentials ──▶ rate and day ──▶ granted ──pass_leave()──▶ left ──pass_answered()
 *                │                │              └──pass_done(): the place is given back
 *                └────────────────┴──▶ refused: err, and when to ask again
 *
 * A pass is taken before an intent is recorded, so that nothing that was recorded waits for hours,
 * and it is held until the bytes leave, so that the rate is never exceeded however long a commit takes.
 * Lives in its owner's memory, zeroed before the first use; pass_done() ends it in any state.
 */
#pragma once

#include "actions/connections.h"
#include "actions/services.h"
#include "actions/token.h"
#include "engine/base/err.h"
#include "engine/base/list.h"
#include "engine/io/loop.h"

struct action;

/* Who asks: the first three may use what is kept in reserve. Ordered by precedence. */
enum pass_kind {
	PASS_PERSON, /* someone waits for it at a terminal */
	PASS_SETTLE, /* finds out what became of a request */
	PASS_LOGIN,  /* a token's own requests */
	PASS_RULE,   /* a step of a rule */
	PASS_LOOK,   /* looks at a job that is under way */
};

enum pass_at { PASS_IDLE, PASS_ASKED, PASS_GRANTED, PASS_LEFT };

/* What came of a request, as the action's answer means it. */
struct pass_answer {
	int err;         /* 0: well */
	bool narrow;     /* ERR_THROTTLED by a limit of that action's own: it concerns no other */
	int64_t wait_ms; /* what the answer asks for; 0: nothing */
	int64_t peer_ms; /* the peer's own time; 0: unknown */
};

struct share;

struct pass {
	/* in: set by the owner before pass_ask(); borrowed until pass_done() */
	const struct connection *conn;
	enum pass_kind kind;
	const char *rule;           /* whose share it is; NULL: nobody's */
	const char *auth;           /* the kind of credentials that the action needs, or NULL */
	void (*cb)(struct pass *p); /* when pass_ask() said false: once, on a later turn */
	/* out */
	int err; /* 0: granted; ERR_QUOTA, ERR_THROTTLED, ERR_AUTH (needs a login) … */
	struct errmsg msg;
	int64_t due; /* wall ms when to ask again after an error; 0: nothing is known */
	bool held;   /* ERR_AUTH: until a person logs in */
	/* private */
	enum pass_at at;
	const struct services *services;
	struct token_wait token;
	struct link link;
	struct share *share; /* the purse's: whose part it is of */
	int64_t day;         /* of the quota it was taken from */
	int64_t left_at;     /* boot ms */
};

/* True: decided already, see err. False: cb will come. Not while another ask is open. */
bool pass_ask(struct pass *p, const struct services *s);
/*
 * The bytes leave in this turn. Value of the Authorization header, borrowed until the next call with
 * this pass; NULL when the connection has none.
 */
const char *pass_leave(struct pass *p);
void pass_answered(struct pass *p, const struct pass_answer *r);
/* ERR_AUTH was answered: true when other credentials can be got by asking again. */
bool pass_can_renew(struct pass *p);
/* Ends it: gives back a place that was not used, or stops waiting. The callback does not come. */
void pass_done(struct pass *p);
