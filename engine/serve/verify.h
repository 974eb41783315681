/*
 * Who may send: the verification of hooks and conversations, over the raw bytes of a body.
 *
 *   none                                       everybody; must be said
 *   {bearer: SECRET}                           Authorization: Bearer SECRET
 *   {hmac: {algorithm, header, encoding, prefix, secret}}   a MAC of the body in a header
 *   {preset: NAME, secret: SECRET}             a sender's scheme by name (preset.h); scheme: is another word for it
 *   {type: hmac, …}                            any scheme, written out (scheme.h)
 *
 * A secret may be a list: any of them fits, so that senders can be moved to a new one.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/io/server.h"

struct verify;

/* From its configuration, secrets resolved. ERR_INVALID: a secret is missing or empty, among others. */
struct verify *verify_new(const json_t *config, struct errmsg *msg);
void verify_free(struct verify *v);
/* The preset that a configuration names, or NULL; borrowed. */
const json_t *verify_preset(const json_t *config);

/* Where and when a request came to: what some schemes sign. */
struct verify_at {
	const char *public_url; /* without a slash at its end, or NULL */
	int64_t now_ms;         /* UTC */
};
/*
 * Compares in constant time. 0, or ERR_AUTH with what is wrong in general words: no signature, one
 * that came twice, one that does not fit, or is too old.
 */
int verify_request(const struct verify *v, const struct server_req *r, const struct verify_at *at,
		   struct errmsg *msg);
/* "none", "bearer", "hmac", a preset's name or a scheme's type. */
const char *verify_word(const struct verify *v);
/* The header that carries a signature, lower case, or NULL: it is not for rules to see. */
const char *verify_header(const struct verify *v);
/* The parameter of the query that is a token, or NULL: not for rules either. */
const char *verify_query(const struct verify *v);
/* Whether the address is signed, so that public_url is needed. */
bool verify_wants_url(const struct verify *v);
/* What handshakes use: the first secret, and `token:`; NULL. */
const char *verify_secret(const struct verify *v);
const char *verify_token(const struct verify *v);
/* True when the request carries `Authorization: Bearer token`, once; compared in constant time. */
bool verify_bearer(const struct server_req *r, const char *token);
