/*
 * Who answers a test's requests: what `answers:` says, else the sandbox; with the faults that the test
 * wants. It also keeps the list of calls.
 */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "engine/base/id.h"
#include "engine/io/http.h"
#include "engine/lua/app.h"

struct peer;

struct peer_config {
	const struct clock *clock;
	const struct catalogue *catalogue;
	const struct connections *connections;
	const json_t *answers, *faults; /* by step or action, or NULL; borrowed */
	/* {path: [answer]} of the rule under test, and no others for its steps; NULL: there is no tape */
	const json_t *tape;
	/*
	 * Answers from what was recorded, instead of everything else; NULL: nothing is known, which
	 * peer_unknown() tells then. Borrowed until the next one.
	 */
	const json_t *(*recall)(void *arg, const struct http_about *by, const char *full);
	void *recall_arg;
	/* The sandbox as at its start, on first need; NULL with msg: there is none. */
	struct app *(*sandbox)(void *arg, struct errmsg *msg);
	void *arg;
};

struct peer *peer_new(const struct peer_config *c);
void peer_free(struct peer *p);
/* A new process has connections of its own. */
void peer_connections(struct peer *p, const struct connections *c);
/* The run that the tape is of; the first call counts. */
void peer_main(struct peer *p, struct id run);
/* http_answer_cb, arg: the peer. */
int64_t peer_answer(void *arg, struct http_req *r);
/* The first call that nothing was recorded of, {call, input}, or NULL; borrowed. */
const json_t *peer_unknown(const struct peer *p);
/* [{call, step, run, path, input, sends}] in the order of their first send; borrowed. */
const json_t *peer_calls(const struct peer *p);
/* What went wrong with the test itself: [text]; borrowed. */
const json_t *peer_problems(const struct peer *p);

/* "connection.action" with the action's own name, from one of its names; malloc'd, NULL: none. */
char *peer_action_name(const struct catalogue *cat, const struct connections *conns,
		       const char *text);
