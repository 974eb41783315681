/*
 * One request to a connection and its classified answer: whoever sends it, a step, the API or a
 * command.
 *
 * It leaves when its pass allows it (actions/pass.h). The credentials are put on there, and nowhere
 * else.
 */
#pragma once

#include "actions/answer.h"
#include "actions/connections.h"
#include "actions/pass.h"
#include "actions/request.h"
#include "engine/io/http.h"
#include "engine/run/step.h"
#include "engine/store/files.h"

#define EXCHANGE_HEADERS 24

/* Zeroed before the first use; exchange_done frees what it holds. */
struct exchange {
	struct http_req req;
	struct http_request_text text; /* rendered by the owner before exchange_start */
	struct http_header headers[EXCHANGE_HEADERS];
	struct pass pass;
	const struct services *services;
	const struct connection *conn;
	const struct action *action;
	struct answer answer; /* after exchange_read */
	struct act *act;      /* woken by admission and answer; NULL: cb */
	void (*cb)(struct exchange *x);
	/*
	 * Where a download's bytes go: a descriptor of the owner's, set before exchange_start; 0: a file of
	 * the run's, or of calls without one, which is sealed before the wake, and is the result.
	 */
	int save_fd;
	struct file_out saved;
	struct files_seal seal;
	const json_t *input; /* the step's parameters, where the request is its own; borrowed */
	bool as_json;        /* the result is JSON inside the answer, as the call asked for */
	bool flying, cancelled;
	struct loop_task task; /* an answer that is known before anything left */
};

/* For a step: who is woken, and whose share the request is. */
void exchange_of(struct exchange *x, struct act *a, const struct connection *conn,
		 const struct action *action, enum pass_kind kind);
/* For others: cb comes on a later turn. */
void exchange_for(struct exchange *x, const struct services *s, const struct connection *conn,
		  const struct action *action, enum pass_kind kind, void (*cb)(struct exchange *x));
/* Renders a call with these parameters, after exchange_of or _for. 0 or an error with msg. */
int exchange_render(struct exchange *x, const json_t *params, struct errmsg *msg);
/*
 * Asks for leave ahead of exchange_start(). True: decided, see x->pass.err; false: the wake (or cb)
 * comes when it is. Without this exchange_start asks itself.
 */
bool exchange_admit(struct exchange *x);
/*
 * Sends what `text` says; the wake (or cb) comes with the answer. A pass that is refused comes as an
 * error that did not leave.
 */
void exchange_start(struct exchange *x);
/*
 * After the wake: 0 when a whole answer came (x->answer says what it means), else the ERR_ of the
 * transport, with x->req.reach and x->req.msg. repeated: an attempt before this one is unanswered.
 */
int exchange_read(struct exchange *x, bool repeated);
/* The server's clock minus ours, from the answer's Date; 0 when it has none. */
int64_t exchange_skew_ms(const struct exchange *x);
/* Asks the request to end; the wake still comes. */
void exchange_cancel(struct exchange *x);
/* Frees all; what was waited for does not come any more. Not while bytes are under way for a cb. */
void exchange_done(struct exchange *x);
