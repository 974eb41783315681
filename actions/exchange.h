/*
 * One request to a connection and its classified answer, inside an activation's state.
 *
 * The credentials are put on here, when the request leaves, and nowhere else.
 */
#pragma once

#include "actions/answer.h"
#include "actions/connections.h"
#include "actions/request.h"
#include "engine/io/http.h"
#include "engine/run/step.h"

#define EXCHANGE_HEADERS 24

/* Zeroed before the first use; exchange_done frees what it holds. */
struct exchange {
	struct http_req req;
	struct http_request_text text; /* rendered by the owner before exchange_start */
	struct http_header headers[EXCHANGE_HEADERS];
	const struct action *action;
	struct answer answer; /* after exchange_read */
	struct act *act;
	bool flying;
};

/* Renders a call with these parameters. 0 or an error with msg. */
int exchange_render(struct exchange *x, const struct action *action, const struct connection *conn,
		    const json_t *params, struct errmsg *msg);
/* Sends what `text` says; the activation is woken by the answer. timeout_ms: 0: the connection's. */
void exchange_start(struct exchange *x, struct act *a, const struct connection *conn,
		    const struct action *action);
/*
 * After the wake: 0 when a whole answer came (x->answer says what it means), else the ERR_ of the
 * transport, with x->req.reach and x->req.msg. repeated: an attempt before this one is unanswered.
 */
int exchange_read(struct exchange *x, bool repeated);
/* The server's clock minus ours, from the answer's Date; 0 when it has none. */
int64_t exchange_skew_ms(const struct exchange *x);
/* Asks the request to end; the wake still comes. */
void exchange_cancel(struct exchange *x);
void exchange_done(struct exchange *x);
