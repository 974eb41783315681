/* From Lua to JSON. Half-built values hang on a guard, so that an error in the middle leaks nothing. */
#include "engine/lua/value.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>

#include "engine/base/json.h"
#include "engine/lua/machine.h"
#include "engine/lua/order.h"

static json_t *convert(lua_State *L, int index, int depth, json_t *guard);

void value_mark_list(lua_State *L)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_LIST);
	lua_setmetatable(L, -2);
}

bool value_is_marked_list(lua_State *L, int index)
{
	if (!lua_istable(L, index) || !lua_getmetatable(L, index))
		return false;
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_LIST);
	bool same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same;
}

lua_Integer value_list_len(lua_State *L, int index)
{
	int table = lua_absindex(L, index);
	lua_Integer max = (lua_Integer)lua_rawlen(L, table);
	if (!value_is_marked_list(L, table))
		return max;
	budget_charge(L, (size_t)max);
	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		if (lua_isinteger(L, -1) && lua_tointeger(L, -1) > max)
			max = lua_tointeger(L, -1);
	}
	return max;
}

static json_t *from_number(lua_State *L, int index)
{
	if (lua_isinteger(L, index))
		return json_integer(lua_tointeger(L, index));
	lua_Number n = lua_tonumber(L, index);
	if (!isfinite(n))
		luaL_error(L, "%f has no place in JSON", n);
	return json_real(n);
}

static json_t *from_text(lua_State *L, int index)
{
	size_t len;
	const char *s = lua_tolstring(L, index, &len);
	budget_charge(L, len / 16);
	json_t *v = json_stringn(s, len);
	if (!v)
		luaL_error(L, "a text is not UTF-8: use base64 or hex for bytes");
	return v;
}

/* Puts v, which it takes, into the container; in objects under the key at index `key`. */
static void put(lua_State *L, json_t *into, int key, json_t *v)
{
	int failed;
	if (json_is_array(into)) {
		failed = json_array_append_new(into, v);
	} else {
		size_t len;
		const char *k = lua_tolstring(L, key, &len);
		failed = json_object_setn_new(into, k, len, v);
	}
	if (failed)
		luaL_error(L, "a key is not UTF-8");
}

/* The keys list is at the top. Tells lists from objects and refuses mixtures. */
static bool looks_like_list(lua_State *L, int table, size_t n)
{
	bool marked = value_is_marked_list(L, table);
	size_t ints = 0;
	lua_Integer last = 0;
	for (size_t i = 1; i <= n; i++) {
		lua_rawgeti(L, -1, (lua_Integer)i);
		if (lua_isinteger(L, -1) && lua_tointeger(L, -1) > 0) {
			ints++;
			last = lua_tointeger(L, -1);
		} else if (lua_type(L, -1) != LUA_TSTRING) {
			luaL_error(L, "a table has the key %s, which JSON cannot have",
				   luaL_tolstring(L, -1, NULL));
		} else if (ints || marked) {
			luaL_error(L, "a table mixes the place %d of a list with the field '%s'",
				   (int)last, lua_tostring(L, -1));
		}
		lua_pop(L, 1);
	}
	if (!marked && ints && last != (lua_Integer)n)
		luaL_error(L,
			   "a list has %d values but its last place is %d: use list{...}, "
			   "which leaves nil out",
			   (int)n, (int)last);
	return marked || ints;
}

static json_t *from_table(lua_State *L, int table, int depth, json_t *guard)
{
	luaL_checkstack(L, 8, NULL);
	budget_charge(L, 32);
	size_t n = order_keys(L, table);
	json_t *v = looks_like_list(L, table, n) ? json_array() : json_object();
	json_array_append_new(guard, v);
	for (size_t i = 1; i <= n; i++) {
		lua_rawgeti(L, -1, (lua_Integer)i);
		lua_pushvalue(L, -1);
		lua_rawget(L, table);
		json_t *element = convert(L, lua_gettop(L), depth + 1, guard);
		put(L, v, lua_gettop(L) - 1, element);
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
	return json_incref(v);
}

static bool is_secret(lua_State *L, int index)
{
	const int *kind = lua_touserdata(L, index);
	return lua_type(L, index) == LUA_TUSERDATA && *kind == OBJECT_SECRET;
}

static json_t *from_secret(lua_State *L, int index)
{
	const struct machine *m = machine_of(L);
	if (!m->leaving || !m->scope || !m->scope->secrets)
		luaL_error(L,
			   "a secret can stand only in the url, query, headers and body of http, "
			   "and as the key of hmac()");
	lua_getiuservalue(L, index, 1);
	json_t *v = json_stringn_nocheck(lua_tostring(L, -1), lua_rawlen(L, -1));
	lua_pop(L, 1);
	return v;
}

/* index is absolute. A new reference. */
static json_t *convert(lua_State *L, int index, int depth, json_t *guard)
{
	budget_charge(L, 4);
	if (depth > JSON_DEPTH_MAX)
		luaL_error(L, "a table is nested more than %d deep, or contains itself",
			   JSON_DEPTH_MAX);
	json_t *v = proxy_get(L, index);
	if (v)
		return json_incref(v);
	if (proxy_is_null(L, index))
		return json_null();
	switch (lua_type(L, index)) {
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, index));
	case LUA_TNUMBER:
		return from_number(L, index);
	case LUA_TSTRING:
		return from_text(L, index);
	case LUA_TTABLE:
		return from_table(L, index, depth, guard);
	default:
		if (is_secret(L, index))
			return from_secret(L, index);
		luaL_error(L, "a %s cannot leave Lua as JSON", proxy_type(L, index));
		return NULL;
	}
}

json_t *value_json(lua_State *L, int index)
{
	int at = lua_absindex(L, index);
	if (lua_isnoneornil(L, at))
		return NULL;
	if (lua_type(L, at) != LUA_TTABLE)
		return convert(L, at, 0, NULL);
	/*
	 * Each container joins the guard before it is filled; the guard is a value that the machine
	 * owns until the end of the evaluation, or the collector in a script.
	 */
	json_t *guard = json_array();
	proxy_push_new(L, guard);
	json_t *v = convert(L, at, 0, guard);
	json_array_clear(guard);
	lua_pop(L, 1);
	return v;
}

/* The text as a JSON string on the guard, which owns it when Lua raises. */
static json_t *guarded_text(json_t *guard, const json_t *v, bool canonical)
{
	char *text = canonical ? json_canonical(v) : json_text(v);
	json_t *s = json_string_nocheck(text);
	free(text);
	json_array_append_new(guard, s);
	return s;
}

void value_push_text(lua_State *L, int index, bool canonical)
{
	budget_charge(L, 64);
	json_t *v = value_json(L, index);
	json_t *guard = json_array();
	json_array_append_new(guard, v ? v : json_null());
	proxy_push_new(L, guard);
	json_t *s = guarded_text(guard, json_array_get(guard, 0), canonical);
	budget_charge(L, json_string_length(s) / 4);
	lua_pushlstring(L, json_string_value(s), json_string_length(s));
	lua_remove(L, -2);
	json_array_clear(guard);
}

/* Converts index 1 for the pointer at index 2. */
static int take_table(lua_State *L)
{
	json_t **ret = lua_touserdata(L, 2);
	machine_of(L)->leaving = true;
	*ret = value_json(L, 1);
	return 0;
}

int value_take(lua_State *L, json_t **ret)
{
	*ret = proxy_get(L, -1);
	if (*ret) {
		json_incref(*ret);
		return LUA_OK;
	}
	if (lua_isnil(L, -1))
		return LUA_OK;
	lua_pushcfunction(L, take_table);
	lua_insert(L, -2);
	lua_pushlightuserdata(L, ret);
	return lua_pcall(L, 2, 0, 0);
}
