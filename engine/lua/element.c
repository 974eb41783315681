/* Elements of lists and parts of objects, whichever of the two kinds of tables they are in. */
#include "engine/lua/element.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lua/machine.h"
#include "engine/lua/value.h"

/* nil stands for a list without elements: what is missing has none. */
void element_check(lua_State *L, int arg)
{
	if (!lua_isnoneornil(L, arg) && !lua_istable(L, arg) && !proxy_get(L, arg))
		luaL_typeerror(L, arg, "table");
}

/* The elements of a list, charged, as every function here visits them all. */
lua_Integer element_count(lua_State *L, int arg)
{
	element_check(L, arg);
	json_t *v = proxy_get(L, arg);
	lua_Integer n = 0;
	if (v)
		n = (lua_Integer)json_array_size(v);
	else if (lua_istable(L, arg))
		n = value_list_len(L, arg);
	budget_charge(L, (size_t)n * 2);
	return n;
}

bool element_is_list(lua_State *L, int arg)
{
	json_t *v = proxy_get(L, arg);
	if (v)
		return json_is_array(v);
	return lua_istable(L, arg) && (value_is_marked_list(L, arg) || lua_rawlen(L, arg) > 0);
}

/* Pushes element i; a null stays one (json.null), so that copies lose nothing. */
void element_push_kept(lua_State *L, int list, lua_Integer i)
{
	json_t *v = proxy_get(L, list);
	if (v)
		proxy_push_kept(L, json_array_get(v, (size_t)i - 1));
	else
		lua_geti(L, list, i);
}

/* What rules read: null is nil. */
void element_push(lua_State *L, int list, lua_Integer i)
{
	element_push_kept(L, list, i);
	if (proxy_is_null(L, -1)) {
		lua_pop(L, 1);
		lua_pushnil(L);
	}
}

/* The part of a JSON value that one step of a path names; *ret_used is how much of the path. */
static json_t *json_part(json_t *v, const char *path, size_t len, size_t *ret_used)
{
	if (json_is_array(v)) {
		char *end;
		long i = strtol(path, &end, 10);
		return end == path + len && i > 0 ? json_array_get(v, (size_t)i - 1) : NULL;
	}
	json_t *whole = json_object_get(v, path);
	if (!whole)
		return json_object_getn(v, path, len);
	*ret_used = strlen(path);
	return whole;
}

/* Replaces the table at the top by the element that the step names. */
static void table_part(lua_State *L, const char *path, size_t len)
{
	lua_pushlstring(L, path, len);
	lua_gettable(L, -2);
	char *end;
	long i = strtol(path, &end, 10);
	if (lua_isnil(L, -1) && end == path + len && i > 0) {
		lua_pop(L, 1);
		lua_geti(L, -1, i);
	}
	lua_remove(L, -2);
}

/* Replaces the value at the top by what a dotted path finds in it, or nil. Places count from 1. */
void element_follow(lua_State *L, const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "."), used = len;
		json_t *v = proxy_get(L, -1);
		if (v) {
			v = json_part(v, path, len, &used);
			lua_pop(L, 1);
			proxy_push_kept(L, v);
		} else if (lua_istable(L, -1)) {
			table_part(L, path, len);
		} else {
			lua_pop(L, 1);
			lua_pushnil(L);
		}
		if (!path[used])
			return;
		path += used + 1;
	}
}

bool element_is_missing(lua_State *L, int index)
{
	return lua_isnoneornil(L, index) || proxy_is_null(L, index);
}

/* A new list at the top. */
void element_new_list(lua_State *L)
{
	lua_newtable(L);
	value_mark_list(L);
}
