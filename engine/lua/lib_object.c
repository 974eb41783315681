/* Objects and sizes: has get isnull merge pick omit keys len empty list. */
#include "engine/lua/element.h"
#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/order.h"
#include "engine/lua/value.h"

static int object_has(lua_State *L)
{
	const char *path = luaL_checkstring(L, 2);
	lua_settop(L, 1);
	element_follow(L, path);
	lua_pushboolean(L, !element_is_missing(L, -1));
	return 1;
}

static int object_get(lua_State *L)
{
	const char *path = luaL_checkstring(L, 2);
	lua_settop(L, 3);
	lua_pushvalue(L, 1);
	element_follow(L, path);
	if (element_is_missing(L, -1))
		lua_pushvalue(L, 3);
	return 1;
}

static int object_isnull(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		lua_pushboolean(L, proxy_is_null(L, 1));
		return 1;
	}
	const char *path = luaL_tolstring(L, 2, NULL);
	lua_pushvalue(L, 1);
	element_follow(L, path);
	lua_pushboolean(L, proxy_is_null(L, -1));
	return 1;
}

/* Copies the members of the object at `from` into the table at `to`. */
static void copy_members(lua_State *L, int from, int to)
{
	json_t *v = proxy_get(L, from), *member;
	const char *key;
	if (v) {
		budget_charge(L, json_object_size(v) * 2);
		json_object_foreach (v, key, member) {
			lua_pushstring(L, key);
			proxy_push_kept(L, member);
			lua_rawset(L, to);
		}
		return;
	}
	lua_pushnil(L);
	while (lua_next(L, from)) {
		budget_charge(L, 2);
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, to);
	}
}

static void append_elements(lua_State *L, int from, int to)
{
	lua_Integer n = element_count(L, from), at = (lua_Integer)lua_rawlen(L, to);
	for (lua_Integer i = 1; i <= n; i++) {
		element_push_kept(L, from, i);
		if (lua_isnil(L, -1))
			lua_pop(L, 1);
		else
			lua_rawseti(L, to, ++at);
	}
}

static bool is_empty_table(lua_State *L, int arg)
{
	json_t *v = proxy_get(L, arg);
	if (v)
		return json_object_size(v) == 0 && json_array_size(v) == 0;
	lua_pushnil(L);
	if (!lua_next(L, arg))
		return true;
	lua_pop(L, 2);
	return false;
}

/* Objects: later members win. Lists: one after the other. */
static int object_merge(lua_State *L)
{
	int n = lua_gettop(L), lists = 0, objects = 0;
	for (int i = 1; i <= n; i++) {
		element_check(L, i);
		if (element_is_list(L, i))
			lists++;
		else if (!lua_isnil(L, i) && !is_empty_table(L, i))
			objects++;
	}
	if (lists && objects)
		return luaL_error(L, "merge takes objects or lists, not both");
	lua_newtable(L);
	if (lists)
		value_mark_list(L);
	for (int i = 1; i <= n; i++) {
		if (element_is_list(L, i))
			append_elements(L, i, n + 1);
		else if (!lua_isnil(L, i))
			copy_members(L, i, n + 1);
	}
	return 1;
}

/* The names of pick and omit, given one by one or as a list, as the keys of a new table. */
static void name_set(lua_State *L)
{
	int n = lua_gettop(L);
	lua_newtable(L);
	for (int arg = 2; arg <= n; arg++) {
		bool one = lua_type(L, arg) == LUA_TSTRING;
		lua_Integer size = one ? 1 : element_count(L, arg);
		for (lua_Integer i = 1; i <= size; i++) {
			if (one)
				lua_pushvalue(L, arg);
			else
				element_push(L, arg, i);
			luaL_checkstring(L, -1);
			lua_pushboolean(L, 1);
			lua_rawset(L, n + 1);
		}
	}
	lua_replace(L, 2);
	lua_settop(L, 2);
}

/* A copy of index 1 with (or without) the members that are keys of index 2. */
static int select_members(lua_State *L, bool with)
{
	lua_settop(L, lua_gettop(L) < 2 ? 2 : lua_gettop(L));
	element_check(L, 1);
	name_set(L);
	lua_newtable(L);
	if (lua_isnil(L, 1))
		return 1;
	lua_newtable(L);
	copy_members(L, 1, 4);
	lua_pushnil(L);
	while (lua_next(L, 4)) {
		lua_pushvalue(L, -2);
		bool named = lua_rawget(L, 2) != LUA_TNIL;
		lua_pop(L, 1);
		if (named != with) {
			lua_pop(L, 1);
			continue;
		}
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, 3);
	}
	lua_settop(L, 3);
	return 1;
}

static int object_pick(lua_State *L)
{
	return select_members(L, true);
}

static int object_omit(lua_State *L)
{
	return select_members(L, false);
}

static int object_keys(lua_State *L)
{
	element_check(L, 1);
	lua_settop(L, 1);
	json_t *v = proxy_get(L, 1), *member;
	const char *key;
	lua_Integer n = 0;
	if (lua_istable(L, 1)) {
		order_keys(L, 1);
		value_mark_list(L);
		return 1;
	}
	element_new_list(L);
	budget_charge(L, json_object_size(v) + json_array_size(v));
	for (; n < (lua_Integer)json_array_size(v); n++) {
		lua_pushinteger(L, n + 1);
		lua_rawseti(L, 2, n + 1);
	}
	json_object_foreach (v, key, member) {
		lua_pushstring(L, key);
		lua_rawseti(L, 2, ++n);
	}
	return 1;
}

static lua_Integer count_members(lua_State *L, int table)
{
	lua_Integer n = 0;
	lua_pushnil(L);
	for (; lua_next(L, table); n++)
		lua_pop(L, 1);
	budget_charge(L, (size_t)n);
	return n;
}

/* Characters, or bytes when the text is not UTF-8. */
static lua_Integer text_length(lua_State *L, int arg)
{
	size_t len;
	const char *s = lua_tolstring(L, arg, &len);
	lua_Integer n = 0;
	budget_charge(L, len / 32);
	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xC0) != 0x80;
	return n;
}

static int object_len(lua_State *L)
{
	json_t *v = proxy_get(L, 1);
	lua_Integer n = 0;
	if (v)
		n = (lua_Integer)(json_array_size(v) + json_object_size(v));
	else if (lua_type(L, 1) == LUA_TSTRING)
		n = text_length(L, 1);
	else if (element_is_list(L, 1))
		n = value_list_len(L, 1);
	else if (lua_istable(L, 1))
		n = count_members(L, 1);
	else if (!element_is_missing(L, 1))
		return luaL_typeerror(L, 1, "table or text");
	lua_pushinteger(L, n);
	return 1;
}

/* What other languages take for false: nothing, "", no elements, 0, false. */
static int object_empty(lua_State *L)
{
	bool empty = element_is_missing(L, 1);
	if (proxy_get(L, 1) || lua_istable(L, 1))
		empty = is_empty_table(L, 1);
	else if (lua_type(L, 1) == LUA_TSTRING)
		empty = lua_rawlen(L, 1) == 0;
	else if (lua_type(L, 1) == LUA_TNUMBER)
		empty = lua_tonumber(L, 1) == 0;
	else if (lua_isboolean(L, 1))
		empty = !lua_toboolean(L, 1);
	lua_pushboolean(L, empty);
	return 1;
}

static int object_list(lua_State *L)
{
	element_check(L, 1);
	lua_settop(L, 1);
	if (proxy_get(L, 1) || value_is_marked_list(L, 1))
		return 1;
	if (lua_isnil(L, 1)) {
		element_new_list(L);
	} else if (lua_getmetatable(L, 1)) {
		element_new_list(
			L); /* the library's tables and those of classes keep what they are */
		append_elements(L, 1, lua_gettop(L));
	} else {
		value_mark_list(L);
	}
	return 1;
}

void lib_object_open(lua_State *L)
{
	static const luaL_Reg rows[] = {{"has", object_has},
					{"get", object_get},
					{"merge", object_merge},
					{"pick", object_pick},
					{"omit", object_omit},
					{"keys", object_keys},
					{"len", object_len},
					{"empty", object_empty},
					{"isnull", object_isnull},
					{"list", object_list},
					{NULL, NULL}};
	luaL_setfuncs(L, rows, 0);
}
