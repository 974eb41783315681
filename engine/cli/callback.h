/*
 * Where a sign-in page sends the browser back to: a listener on this machine, or, for an address
 * elsewhere, what a person pastes.
 *
 * What comes is taken only with the state that was given out; nothing of it is shown in the page.
 */
#pragma once

#include <stdbool.h>

#include "engine/base/err.h"
#include "engine/io/loop.h"

struct callback {
	struct server *server;
	char *path; /* of the redirect address */
	const char *state;
	/* out */
	bool came;
	char *code, *error; /* one of them; decoded */
};

/* Is the address one of this machine, at which callback_open can listen? */
bool callback_is_here(const char *redirect_uri);
/* Zeroed before. state: borrowed. ERR_IO when the port is taken. callback_done in any state. */
int callback_open(struct callback *c, struct loop *l, const char *redirect_uri, const char *state,
		  struct errmsg *msg);
/* Reads the address that a person pasted. ERR_INVALID when it is no answer to this login. */
int callback_read(struct callback *c, const char *url, const char *state, struct errmsg *msg);
void callback_done(struct callback *c);
