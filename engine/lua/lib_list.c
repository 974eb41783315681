/* Lists: find pluck map filter sort uniq chunk. */
#include "engine/lua/element.h"
#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/order.h"
#include "engine/lua/value.h"

/* Replaces the element at the top by f(element, i), or by what the path in index `how` finds. */
static void apply(lua_State *L, int how, lua_Integer i)
{
	if (lua_type(L, how) == LUA_TSTRING) {
		element_follow(L, lua_tostring(L, how));
	} else {
		lua_pushvalue(L, how);
		lua_insert(L, -2);
		lua_pushinteger(L, i);
		lua_call(L, 2, 1);
	}
	if (proxy_is_null(L, -1)) {
		lua_pop(L, 1);
		lua_pushnil(L);
	}
}

static void check_how(lua_State *L, int arg)
{
	if (lua_type(L, arg) != LUA_TSTRING && lua_type(L, arg) != LUA_TFUNCTION)
		luaL_typeerror(L, arg, "function or field name");
}

/* Has the element at the top each field of the table at index 2, with an equal value? */
static bool has_fields(lua_State *L)
{
	bool all = true;
	int element = lua_gettop(L);
	lua_pushnil(L);
	while (all && lua_next(L, 2)) {
		lua_pushvalue(L, element);
		element_follow(L, luaL_checkstring(L, -3));
		all = lua_compare(L, -1, -2, LUA_OPEQ);
		lua_pop(L, 2);
	}
	lua_settop(L, element);
	return all;
}

/* Does the element at the top fit (what, value) at 2 and 3? Takes it off. */
static bool fits(lua_State *L, lua_Integer i)
{
	bool fit;
	if (lua_istable(L, 2)) {
		fit = has_fields(L);
	} else {
		apply(L, 2, i);
		fit = lua_isnil(L, 3) ? lua_toboolean(L, -1) : lua_compare(L, -1, 3, LUA_OPEQ);
	}
	lua_pop(L, 1);
	return fit;
}

static lua_Integer begin_search(lua_State *L)
{
	lua_settop(L, 3);
	if (!lua_istable(L, 2))
		check_how(L, 2);
	return element_count(L, 1);
}

static int list_find(lua_State *L)
{
	lua_Integer n = begin_search(L);
	for (lua_Integer i = 1; i <= n; i++) {
		element_push(L, 1, i);
		if (!fits(L, i))
			continue;
		element_push(L, 1, i);
		lua_pushinteger(L, i);
		return 2;
	}
	lua_pushnil(L);
	return 1;
}

static int list_filter(lua_State *L)
{
	lua_Integer n = begin_search(L), kept = 0;
	element_new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		element_push(L, 1, i);
		if (!fits(L, i))
			continue;
		element_push_kept(L, 1, i);
		lua_rawseti(L, 4, ++kept);
	}
	return 1;
}

/* nil results leave no hole. */
static int list_map(lua_State *L)
{
	check_how(L, 2);
	lua_settop(L, 2);
	lua_Integer n = element_count(L, 1), kept = 0;
	element_new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		element_push(L, 1, i);
		apply(L, 2, i);
		if (lua_isnil(L, -1))
			lua_pop(L, 1);
		else
			lua_rawseti(L, 3, ++kept);
	}
	return 1;
}

static int list_pluck(lua_State *L)
{
	luaL_checkstring(L, 2);
	return list_map(L);
}

/* Index 1 list, 2 key or nil, 3 direction, 4 the keys, 5 their order, 6 the result. */
static int list_sort(lua_State *L)
{
	static const char *const directions[] = {"asc", "desc", NULL};
	bool descending = luaL_checkoption(L, 3, "asc", directions) == 1;
	lua_settop(L, 3);
	if (!lua_isnil(L, 2))
		check_how(L, 2);
	lua_Integer n = element_count(L, 1);
	lua_newtable(L);
	for (lua_Integer i = 1; i <= n; i++) {
		element_push(L, 1, i);
		if (!lua_isnil(L, 2))
			apply(L, 2, i);
		lua_rawseti(L, 4, i);
	}
	order_places(L, 4, (size_t)n, descending);
	element_new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, 5, i);
		element_push_kept(L, 1, lua_tointeger(L, -1));
		lua_rawseti(L, 6, i);
		lua_pop(L, 1);
	}
	return 1;
}

/* Replaces the value at the top by one that is equal for equal values: tables by their JSON. */
static void push_identity(lua_State *L)
{
	if (lua_isnil(L, -1)) {
		proxy_push_null(L);
	} else if (proxy_get(L, -1) || lua_istable(L, -1)) {
		lua_pushliteral(L, "\1"); /* no other text begins so */
		value_push_text(L, -2, true);
		lua_concat(L, 2);
	} else {
		return;
	}
	lua_remove(L, -2);
}

static int list_uniq(lua_State *L)
{
	lua_settop(L, 2);
	if (!lua_isnil(L, 2))
		check_how(L, 2);
	lua_Integer n = element_count(L, 1), kept = 0;
	lua_newtable(L);
	element_new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		element_push(L, 1, i);
		if (!lua_isnil(L, 2))
			apply(L, 2, i);
		push_identity(L);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 3) == LUA_TNIL) {
			lua_pushvalue(L, -2);
			lua_pushboolean(L, 1);
			lua_rawset(L, 3);
			element_push_kept(L, 1, i);
			lua_rawseti(L, 4, ++kept);
		}
		lua_settop(L, 4);
	}
	return 1;
}

static int list_chunk(lua_State *L)
{
	lua_Integer size = luaL_checkinteger(L, 2), n = element_count(L, 1);
	luaL_argcheck(L, size > 0, 2, "must be 1 or more");
	lua_settop(L, 1);
	element_new_list(L);
	for (lua_Integer i = 0; i < n; i++) {
		if (i % size == 0) {
			element_new_list(L);
			lua_pushvalue(L, -1);
			lua_rawseti(L, 2, i / size + 1);
		}
		element_push_kept(L, 1, i + 1);
		lua_rawseti(L, 3, i % size + 1);
		if (i % size == size - 1)
			lua_settop(L, 2);
	}
	lua_settop(L, 2);
	return 1;
}

void lib_list_open(lua_State *L)
{
	static const luaL_Reg rows[] = {{"find", list_find},   {"pluck", list_pluck},
					{"map", list_map},     {"filter", list_filter},
					{"sort", list_sort},   {"uniq", list_uniq},
					{"chunk", list_chunk}, {NULL, NULL}};
	luaL_setfuncs(L, rows, 0);
}
