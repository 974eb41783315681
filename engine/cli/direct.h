/* One call of an action from this process, without a service and without a run. */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "engine/serve/config.h"

struct direct_how {
	int save_fd; /* where a download's bytes are written as they come; 0: into the result */
	const char
		*pages; /* how many pages of a list are joined, as struct ask has it; NULL: one */
};

/* Zeroed or filled by direct_call; freed by direct_answer_done. */
struct direct_answer {
	json_t *result; /* NULL: it failed */
	bool answered;  /* a whole answer came, whatever it says */
	bool partial;   /* the result says what was not done */
	int status;
};

/*
 * Sends once, and again only what is `not ready` by the catalogue. Refuses with ERR_LOCKED when
 * another process has the store: its budget would not count this call. 0 or an error with msg.
 */
int direct_call(const struct config *config, struct catalogue *catalogue, const struct action *a,
		const struct connection *conn, const json_t *params, const struct direct_how *how,
		struct direct_answer *ret, struct errmsg *msg);
void direct_answer_done(struct direct_answer *a);
