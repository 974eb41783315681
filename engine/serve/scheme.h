/*
 * A signature scheme: how a delivery proves who sent it, as data. Everything is over the raw bytes.
 *
 *   type: hmac | hash | ed25519 | token | basic | jws
 *   algorithm: sha1 | sha256 | sha512                 hmac, hash
 *   secret: SECRET or a list                          any of them fits; basic: with user:; jws: jwks: instead
 *   key: {strip_prefix: TEXT, decode: raw|base64|hex}
 *   signed: "{timestamp}.{body}"                      {body} {timestamp} {id} {method} {url} {form_sorted} {secret}
 *   signature: {header, prefix, encoding: hex|base64, list: SEPARATOR, kv: SEPARATOR, part: NAME}
 *   timestamp: {header | part, format: unix|unix_ms|rfc3339, tolerance: SECONDS}
 *   id: {header}
 *   url_decode: ["%3A" …]   url_variants: [as-is, strip-port, add-port, escape-apostrophe]
 *   body_digest: {query, algorithm, encoding}         of bodies that `signed` does not hold
 *   header | query: NAME                              token; else Authorization: Bearer
 *
 * {url} is the configured public address with the path and query of the request, never what a Host says.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/io/server.h"

struct scheme;

/* From its configuration, secrets resolved. ERR_INVALID: a secret is missing or empty, among others. */
struct scheme *scheme_new(const json_t *conf, struct errmsg *msg);
void scheme_free(struct scheme *s);
/* Whether `signed` has the address, so that it needs the public one. */
bool scheme_wants_url(const struct scheme *s);
/* Lower case; the header that carries the signature or token, or NULL: it is not for rules to see. */
const char *scheme_header(const struct scheme *s);
/* The parameter of the query that is the token, or NULL. */
const char *scheme_query(const struct scheme *s);
/* The first secret as it was given, for handshakes. */
const char *scheme_secret(const struct scheme *s);

/*
 * public_url: without a slash at its end, or NULL. now_ms: UTC. 0, or ERR_AUTH with what is wrong in general
 * words. Each signature that is offered is compared with each secret's, in constant time.
 */
int scheme_verify(const struct scheme *s, const struct server_req *r, const char *public_url,
		  int64_t now_ms, struct errmsg *msg);
