/*
 * JSON Web Signatures whose payload stands elsewhere: detached (RFC 7515, appendix F) and unencoded (RFC 7797),
 * `header..signature` over a body, RS256 by a set of keys (RFC 7517).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct jwks;

/* text: a key set as JSON. ERR_INVALID with msg: it has no RSA key for signatures. NULL then. */
struct jwks *jwks_new(const char *text, struct errmsg *msg);
void jwks_free(struct jwks *k); /* NULL is fine */

/*
 * 0, or ERR_AUTH with msg. alg must be RS256; b64 may be false when crit names it; no other critical member is
 * taken. With a `kid` that key counts, else any. stamp: a member of the header with a time, copied to *ret_stamp; NULL.
 */
int jws_verify(const struct jwks *k, const char *token, const void *body, size_t len,
	       const char *stamp, int64_t *ret_stamp, struct errmsg *msg);
