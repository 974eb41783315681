/* JSON for applications: tables become text, and text becomes tables. Private to engine/lua. */
#pragma once

#include <jansson.h>
#include <lua.h>

#include "engine/base/buf.h"

/* Lives as long as the state; what an error jumps over is freed by the next call or at the end. */
struct app_json {
	struct buf text;   /* of the encoding under way */
	json_t *value;     /* of the decoding under way */
	const char **keys; /* of the objects around the value being encoded */
	size_t n_keys, keys_cap;
};

/* Sets the global `json`. j: borrowed by the state. */
void app_json_open(lua_State *L, struct app_json *j);
/* Pushes v as Lua values. Raises when memory is out. */
void app_json_push(lua_State *L, const json_t *v);
void app_json_done(struct app_json *j);
