/*
 * One call of an action outside of any run, for a person who waits for it: not durable, never
 * repeated where that could act twice.
 */
#pragma once

#include "actions/exchange.h"
#include "actions/paging.h"

#define ASK_AGAIN_MAX 20 /* how often an answer may be "not ready yet" */

struct ask {
	struct exchange x;
	struct action *action; /* its own, whatever becomes of the catalogue */
	struct action *read;   /* its own too: what is read first, to be merged; or NULL */
	json_t *given;         /* the parameters, until they are merged */
	const char *
		pages; /* set before the start: how many are joined, "all" or a number; NULL: one */
	unsigned pages_max;
	struct paging_join join;
	json_t *place, *joined; /* of the page at hand; the result */
	void (*cb)(struct ask *q);
	struct loop_timer timer;
	unsigned again;
	bool renewed, cancelled, reading;
	/* out, valid in the callback and until ask_done; borrowed */
	int err; /* 0 or what went wrong, with msg */
	struct errmsg msg;
	bool answered; /* x.answer is a whole answer, whatever it says */
	bool partial;
	json_t *result; /* NULL on an error */
};

/*
 * An update that is merged reads first what is there, as a step does; that comes from s->catalogue.
 * q: zeroed but for `pages`, which only lists have. cb comes once, on a later turn, unless ask_start itself fails: ERR_INVALID when the
 * parameters are not what the action takes; then only ask_done is due.
 */
int ask_start(struct ask *q, const struct services *s, const struct connection *conn,
	      const struct action *action, const json_t *params, void (*cb)(struct ask *q),
	      struct errmsg *msg);
/* Breaks off what cannot act: a read, or what has not left. The callback still comes. */
void ask_cancel(struct ask *q);
/* Frees what it holds; after the callback or a failed start. */
void ask_done(struct ask *q);
