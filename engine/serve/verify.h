/*
 * Who may send: the verification of hooks and conversations, over the raw bytes of a body.
 *
 *   none                                       everybody; must be said
 *   {bearer: SECRET}                           Authorization: Bearer SECRET
 *   {hmac: {algorithm, header, encoding, prefix, secret}}   a MAC of the body in a header
 *
 * A secret may be a list: any of them fits, so that senders can be moved to a new one.
 */
#pragma once

#include <jansson.h>

#include "engine/base/err.h"
#include "engine/io/server.h"

struct verify;

/* From its configuration, secrets resolved. ERR_INVALID: a secret is missing or empty, among others. */
struct verify *verify_new(const json_t *config, struct errmsg *msg);
void verify_free(struct verify *v);
/*
 * Compares in constant time. 0, or ERR_AUTH with what is wrong in general words: no signature, one
 * that came twice, one that does not fit.
 */
int verify_request(const struct verify *v, const struct server_req *r, struct errmsg *msg);
/* "none", "bearer" or "hmac". */
const char *verify_word(const struct verify *v);
/* The header that carries a signature, lower case, or NULL: it is not for rules to see. */
const char *verify_header(const struct verify *v);
/* True when the request carries `Authorization: Bearer token`, once; compared in constant time. */
bool verify_bearer(const struct server_req *r, const char *token);
