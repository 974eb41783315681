/*
 * Finding out what became of a request whose answer was lost: by the natural key of what it was to
 * create, or among the jobs that began since its intent.
 */
#pragma once

#include "actions/exchange.h"
#include "actions/target.h"

enum probe_verdict {
	PROBE_WAIT,    /* a request is under way: probe_resume() after the wake */
	PROBE_FOUND,   /* `found` was made by the lost request: adopt it */
	PROBE_OTHER,   /* something with its key exists, but not by it */
	PROBE_ABSENT,  /* it is not there */
	PROBE_UNCLEAR, /* several could be it */
	PROBE_FAILED,  /* the look itself failed: try again later */
};

struct probe {
	struct exchange x;
	const struct target *target;
	const struct connection *conn;
	const json_t *params; /* of the lost call */
	int64_t since;        /* when its intent was recorded, wall ms */
	json_t *found, *seen; /* owned; seen: candidates of a job */
	struct store_query query;
	size_t at; /* the candidate whose claim is looked up */
	unsigned pages;
	bool querying;
	struct act *act;
};

/* Begins. keyed: by the natural key; else among the jobs. */
enum probe_verdict probe_start(struct probe *p, struct act *a, const struct target *t,
			       const struct connection *conn, const json_t *params, int64_t since);
enum probe_verdict probe_resume(struct probe *p);
void probe_done(struct probe *p);
