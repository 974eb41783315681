/*
 * Finding out what became of a request whose answer was lost: by the natural key of what it was to
 * create, by the name that a job carries, or among the jobs that began since its intent.
 *
 * What is found is adopted only when it can be nobody else's: it was created after the intent by the
 * server's clock, shows the fields that were sent, is not deleted, and no other effect has claimed it. The
 * two clocks are taken to agree unless the answer's own Date says otherwise; what was created in the two
 * seconds before the intent may be ours by a clock that is slightly off, or not: that is unclear.
 */
#pragma once

#include "actions/exchange.h"
#include "actions/target.h"

enum probe_verdict {
	PROBE_WAIT,    /* a request is under way: probe_resume() after the wake */
	PROBE_FOUND,   /* `found` was made by the lost request: claim and adopt it */
	PROBE_OTHER,   /* something with its key exists, but not by it */
	PROBE_ABSENT,  /* it is not there */
	PROBE_UNCLEAR, /* something could be it, or several could */
	PROBE_FAILED,  /* the look itself failed: try again later */
};

/* Zeroed before the first use. */
struct probe {
	struct exchange x;
	const struct target *target;
	const struct connection *conn;
	const json_t *params; /* of the lost call */
	int64_t since;        /* when its intent was recorded, wall ms */
	json_t *found;        /* owned */
	/* private */
	json_t *seen;              /* candidates {item, ours: surely after the intent}, owned */
	json_t *look, *place;      /* parameters of the look-up, the page it is at; owned */
	const struct action *list; /* the look-up */
	int64_t asked_ms;          /* when the look left */
	int64_t not_before_ms,
		not_after_ms; /* the intent's time by the server's clock is between */
	bool other;           /* something has its key, but is not it */
	struct store_query query;
	char *asked_id; /* the claim that is looked up; owned */
	size_t at;      /* the candidate whose claim is looked up */
	unsigned pages, tries;
	bool renewed; /* its credentials were refused once, and asked for anew */
	bool querying, reading;
	struct act *act;
};

/* Begins: by the natural key, else among the jobs. */
enum probe_verdict probe_start(struct probe *p, struct act *a, const struct target *t,
			       const struct connection *conn, const json_t *params, int64_t since);
enum probe_verdict probe_resume(struct probe *p);
void probe_done(struct probe *p);

/* Whether the jobs of this action carry the effect's id, so that each is known again for certain. */
bool probe_has_mark(const struct action *a);
/*
 * What a call made, as it is claimed: a job's id; for others the action's name and the id, in a text that
 * the thread keeps until the next call. NULL: the answer shows none.
 */
const char *probe_id(const struct target *t, const json_t *made);

/* ---- probe_item.c: what one item of a list is ---- */

enum probe_item { ITEM_NONE, ITEM_OTHER, ITEM_UNCLEAR, ITEM_OURS };
enum probe_item probe_judge_item(const struct probe *p, const json_t *item);
/* Jobs with the newest first, that end with one of before the intent: no further page matters. */
bool probe_is_past(const struct probe *p, const json_t *items);
