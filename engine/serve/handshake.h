/*
 * What a platform asks before it sends: a question that is answered at once and becomes no event.
 *
 *   {when: {method, query: {name: text}, header: {name: text}, json: {/pointer: value}}, after_auth: true,
 *    respond: {status, content_type, body: TEXT | json: {…}}, else_status: 403}
 *
 * Texts may have {query:NAME} {header:NAME} {json:/POINTER} {hmac_hex:/POINTER} (SHA-256 under the first secret) and
 * {token} (verify's `token:`). else_status answers what has the method and all of the query's names, but not their values.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/err.h"
#include "engine/io/server.h"
#include "engine/serve/verify.h"

/* A list of them. ERR_INVALID with msg. */
int handshake_check(const json_t *list, struct errmsg *msg);
/* True when it was one, and is answered. after_auth: the request has been verified. data: of its body, or NULL. */
bool handshake_answer(const json_t *list, const struct verify *v, struct server_req *r,
		      const json_t *data, bool after_auth);
/* CloudEvents' own: OPTIONS with WebHook-Request-Origin (HTTP 1.1 Web Hooks for Event Delivery, 4). */
bool handshake_options(struct server_req *r);
