/* What a command works with when no service runs: a loop, a client, the store under its lock, tokens. */
#pragma once

#include "actions/token.h"
#include "engine/serve/config.h"
#include "engine/store/store.h"

/* Zeroed before alone_open; alone_close in any state. */
struct alone {
	struct loop *loop;
	struct http *http;
	struct store *store;   /* NULL: it is not there, and was not to be made */
	struct tokens *tokens; /* none is logged in without a store */
};

/*
 * make: the store, if it is not there yet. ERR_LOCKED when another process has it: what is asked of it
 * would not count, and could be done twice.
 */
int alone_open(struct alone *a, const struct config *c, bool make, struct errmsg *msg);
/* Ends what is under way, then the store, then the rest. */
void alone_close(struct alone *a);
/* Turns the loop for so long. */
void alone_pause(struct alone *a, int64_t ms);
