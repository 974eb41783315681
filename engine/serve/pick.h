/*
 * A value picked out of a delivery: its id, its kind.
 *
 *   {header: NAME} | {json: POINTER or a list of them} | {form: NAME}, each with fallback: another one
 */
#pragma once

#include <jansson.h>

#include "engine/base/err.h"
#include "engine/io/server.h"

/* Checks it and makes header names lower case. ERR_INVALID with msg. */
int pick_check(json_t *pick, struct errmsg *msg);
/*
 * malloc'd, or NULL: it is not there, too long, or came twice. Several pointers are joined by ':'. data: of the one
 * event. *ret_whole: it belongs to the whole delivery, and not to one of several events in it; may be NULL.
 */
char *pick_text(const json_t *pick, const struct server_req *r, const json_t *data,
		bool *ret_whole);
