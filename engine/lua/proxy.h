/*
 * JSON values as Lua sees them: tables that convert only what is read, and that stay the same JSON
 * value when they are passed on.
 *
 * In the shared state a proxy lives for one evaluation and its userdata is used again by the next
 * (nothing outlives an evaluation there). In a script it owns a reference until it is collected.
 */
#pragma once

#include <jansson.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;

struct proxy {
	int kind; /* enum object_kind; OBJECT_PROXY and OBJECT_ERROR have this struct */
	json_t *v;
};

struct proxy_slot {
	const json_t *v;
	uint32_t gen, index;
};

/* Of the shared state: which values have a proxy in this evaluation, and what it owns. */
struct proxies {
	struct proxy_slot *slots; /* open addressing; a slot of another generation is free */
	size_t n_slots, used;
	uint32_t gen;
	json_t **owned; /* values made during the evaluation (json.decode) */
	size_t n_owned, owned_cap;
};

/* Metatables, the pool or memo table. L's machine is set. */
void proxy_open(lua_State *L);
void proxy_done(struct machine *m);
/* Forgets the proxies of an evaluation and drops what it owned. */
void proxy_reset(struct machine *m);

/* Pushes v: containers as proxies, the rest by value, null and NULL as nil. v is borrowed. */
void proxy_push(lua_State *L, json_t *v);
/* The same for a value that nobody else holds: takes the reference. */
void proxy_push_new(lua_State *L, json_t *v);
/* Like proxy_push for an element: null becomes json.null, so that it survives in a new table. */
void proxy_push_kept(lua_State *L, json_t *v);
/* Scripts: an error object as a value with fields, tostring and concatenation. */
void proxy_push_error(lua_State *L, json_t *v);

/* The value behind a proxy or an error value, or NULL for anything else. Borrowed. */
json_t *proxy_get(lua_State *L, int index);
bool proxy_is_error(lua_State *L, int index);
/* json.null: a truthy mark that becomes a JSON null. */
void proxy_push_null(lua_State *L);
bool proxy_is_null(lua_State *L, int index);

/* "table", "string" …: what `type` says of a value, proxies included. */
const char *proxy_type(lua_State *L, int index);
