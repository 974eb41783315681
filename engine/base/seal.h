/*
 * Sealing: small secrets as bytes that nobody can read or change without the key (AES-256-GCM).
 *
 * A sealed thing is bound to what it is: `what` (its name) is authenticated with it, so that it cannot
 * be put in the place of another one.
 */
#pragma once

#include <stddef.h>

#include "engine/base/clock.h"
#include "engine/base/err.h"

#define SEAL_KEY_LEN 32

struct seal_key {
	unsigned char b[SEAL_KEY_LEN];
};

/* Makes a key of a text of 32 characters or more; ERR_INVALID for a shorter one. */
int seal_key_text(const char *text, struct seal_key *ret, struct errmsg *msg);
/*
 * Reads the key in a file (hex digits). ERR_NOT_FOUND when there is no file; with rng it is made then,
 * durably and for its owner alone. ERR_INVALID when others may read it, or it holds no key.
 */
int seal_key_file(const char *path, struct rng *rng, struct seal_key *ret, struct errmsg *msg);
/* Wipes it. */
void seal_key_done(struct seal_key *k);

/* malloc'd, *ret_len set. */
unsigned char *seal(const struct seal_key *k, struct rng *rng, const char *what, const void *text,
		    size_t len, size_t *ret_len);
/*
 * malloc'd, with a NUL behind it, for seal_free(). NULL with msg: ERR_AUTH when it was sealed with
 * another key, ERR_PARSE when it is damaged or something else than `what`.
 */
char *unseal(const struct seal_key *k, const char *what, const void *sealed, size_t len,
	     size_t *ret_len, struct errmsg *msg);
/* Wipes a secret text and frees it; accepts NULL. */
void seal_free(char *text);
