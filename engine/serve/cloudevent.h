/* CloudEvents 1.0: structured, in batches, or with their attributes in `ce-` headers. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/id.h"
#include "engine/io/server.h"
#include "engine/run/event.h"

/*
 * An event from its JSON form, with the id it gets here. A time of its own is kept, else now_ms. Its
 * dedupe is by source and id. NULL with msg (ERR_INVALID): a required attribute is missing, or one has
 * the wrong type.
 */
struct event *cloudevent_read(const json_t *v, struct id id, int64_t now_ms, struct errmsg *msg);
/* The same from headers and body. */
struct event *cloudevent_binary(const struct server_req *r, struct id id, int64_t now_ms,
				struct errmsg *msg);
/* True when the request carries an event in headers. */
bool cloudevent_is_binary(const struct server_req *r);
/*
 * Types and sources that only this service gives: those of hooks, conversations, schedules, polls,
 * rules and runs. An event from outside that claims one is refused. 0, or ERR_INVALID with msg.
 */
int cloudevent_check_free(const struct event *e, struct errmsg *msg);
