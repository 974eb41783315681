/* Lists and objects: has get find pluck map filter sort uniq chunk merge pick omit keys len … */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/order.h"
#include "engine/lua/value.h"

/* nil stands for a list without elements: what is missing has none. */
static void check_table(lua_State *L, int arg)
{
	if (!lua_isnoneornil(L, arg) && !lua_istable(L, arg) && !proxy_get(L, arg))
		luaL_typeerror(L, arg, "table");
}

/* The elements of a list, charged, as every function here visits them all. */
static lua_Integer list_size(lua_State *L, int arg)
{
	check_table(L, arg);
	json_t *v = proxy_get(L, arg);
	lua_Integer n = 0;
	if (v)
		n = (lua_Integer)json_array_size(v);
	else if (lua_istable(L, arg))
		n = value_list_len(L, arg);
	budget_charge(L, (size_t)n * 2);
	return n;
}

static bool is_list(lua_State *L, int arg)
{
	json_t *v = proxy_get(L, arg);
	if (v)
		return json_is_array(v);
	return lua_istable(L, arg) && (value_is_marked_list(L, arg) || lua_rawlen(L, arg) > 0);
}

/* Pushes element i; a null stays one (json.null), so that copies lose nothing. */
static void push_kept(lua_State *L, int list, lua_Integer i)
{
	json_t *v = proxy_get(L, list);
	if (v)
		proxy_push_kept(L, json_array_get(v, (size_t)i - 1));
	else
		lua_geti(L, list, i);
}

/* What rules read: null is nil. */
static void push_element(lua_State *L, int list, lua_Integer i)
{
	push_kept(L, list, i);
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
static void follow(lua_State *L, const char *path)
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

static bool is_missing(lua_State *L, int index)
{
	return lua_isnoneornil(L, index) || proxy_is_null(L, index);
}

static int list_has(lua_State *L)
{
	const char *path = luaL_checkstring(L, 2);
	lua_settop(L, 1);
	follow(L, path);
	lua_pushboolean(L, !is_missing(L, -1));
	return 1;
}

static int list_get(lua_State *L)
{
	const char *path = luaL_checkstring(L, 2);
	lua_settop(L, 3);
	lua_pushvalue(L, 1);
	follow(L, path);
	if (is_missing(L, -1))
		lua_pushvalue(L, 3);
	return 1;
}

static int list_isnull(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		lua_pushboolean(L, proxy_is_null(L, 1));
		return 1;
	}
	const char *path = luaL_tolstring(L, 2, NULL);
	lua_pushvalue(L, 1);
	follow(L, path);
	lua_pushboolean(L, proxy_is_null(L, -1));
	return 1;
}

/* Replaces the element at the top by f(element, i), or by what the path in index `how` finds. */
static void apply(lua_State *L, int how, lua_Integer i)
{
	if (lua_type(L, how) == LUA_TSTRING) {
		follow(L, lua_tostring(L, how));
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
		follow(L, luaL_checkstring(L, -3));
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
	return list_size(L, 1);
}

static int list_find(lua_State *L)
{
	lua_Integer n = begin_search(L);
	for (lua_Integer i = 1; i <= n; i++) {
		push_element(L, 1, i);
		if (!fits(L, i))
			continue;
		push_element(L, 1, i);
		lua_pushinteger(L, i);
		return 2;
	}
	lua_pushnil(L);
	return 1;
}

/* A new list at the top. */
static void new_list(lua_State *L)
{
	lua_newtable(L);
	value_mark_list(L);
}

static int list_filter(lua_State *L)
{
	lua_Integer n = begin_search(L), kept = 0;
	new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		push_element(L, 1, i);
		if (!fits(L, i))
			continue;
		push_kept(L, 1, i);
		lua_rawseti(L, 4, ++kept);
	}
	return 1;
}

/* nil results leave no hole. */
static int list_map(lua_State *L)
{
	check_how(L, 2);
	lua_settop(L, 2);
	lua_Integer n = list_size(L, 1), kept = 0;
	new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		push_element(L, 1, i);
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
	lua_Integer n = list_size(L, 1);
	lua_newtable(L);
	for (lua_Integer i = 1; i <= n; i++) {
		push_element(L, 1, i);
		if (!lua_isnil(L, 2))
			apply(L, 2, i);
		lua_rawseti(L, 4, i);
	}
	order_places(L, 4, (size_t)n, descending);
	new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, 5, i);
		push_kept(L, 1, lua_tointeger(L, -1));
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
	lua_Integer n = list_size(L, 1), kept = 0;
	lua_newtable(L);
	new_list(L);
	for (lua_Integer i = 1; i <= n; i++) {
		push_element(L, 1, i);
		if (!lua_isnil(L, 2))
			apply(L, 2, i);
		push_identity(L);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 3) == LUA_TNIL) {
			lua_pushvalue(L, -2);
			lua_pushboolean(L, 1);
			lua_rawset(L, 3);
			push_kept(L, 1, i);
			lua_rawseti(L, 4, ++kept);
		}
		lua_settop(L, 4);
	}
	return 1;
}

static int list_chunk(lua_State *L)
{
	lua_Integer size = luaL_checkinteger(L, 2), n = list_size(L, 1);
	luaL_argcheck(L, size > 0, 2, "must be 1 or more");
	lua_settop(L, 1);
	new_list(L);
	for (lua_Integer i = 0; i < n; i++) {
		if (i % size == 0) {
			new_list(L);
			lua_pushvalue(L, -1);
			lua_rawseti(L, 2, i / size + 1);
		}
		push_kept(L, 1, i + 1);
		lua_rawseti(L, 3, i % size + 1);
		if (i % size == size - 1)
			lua_settop(L, 2);
	}
	lua_settop(L, 2);
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
	lua_Integer n = list_size(L, from), at = (lua_Integer)lua_rawlen(L, to);
	for (lua_Integer i = 1; i <= n; i++) {
		push_kept(L, from, i);
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
static int list_merge(lua_State *L)
{
	int n = lua_gettop(L), lists = 0, objects = 0;
	for (int i = 1; i <= n; i++) {
		check_table(L, i);
		if (is_list(L, i))
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
		if (is_list(L, i))
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
		lua_Integer size = one ? 1 : list_size(L, arg);
		for (lua_Integer i = 1; i <= size; i++) {
			if (one)
				lua_pushvalue(L, arg);
			else
				push_element(L, arg, i);
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
	check_table(L, 1);
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

static int list_pick(lua_State *L)
{
	return select_members(L, true);
}

static int list_omit(lua_State *L)
{
	return select_members(L, false);
}

static int list_keys(lua_State *L)
{
	check_table(L, 1);
	lua_settop(L, 1);
	json_t *v = proxy_get(L, 1), *member;
	const char *key;
	lua_Integer n = 0;
	if (lua_istable(L, 1)) {
		order_keys(L, 1);
		value_mark_list(L);
		return 1;
	}
	new_list(L);
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

static int list_len(lua_State *L)
{
	json_t *v = proxy_get(L, 1);
	lua_Integer n = 0;
	if (v)
		n = (lua_Integer)(json_array_size(v) + json_object_size(v));
	else if (lua_type(L, 1) == LUA_TSTRING)
		n = text_length(L, 1);
	else if (is_list(L, 1))
		n = value_list_len(L, 1);
	else if (lua_istable(L, 1))
		n = count_members(L, 1);
	else if (!is_missing(L, 1))
		return luaL_typeerror(L, 1, "table or text");
	lua_pushinteger(L, n);
	return 1;
}

/* What other languages take for false: nothing, "", no elements, 0, false. */
static int list_empty_value(lua_State *L)
{
	bool empty = is_missing(L, 1);
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

static int list_list(lua_State *L)
{
	check_table(L, 1);
	lua_settop(L, 1);
	if (proxy_get(L, 1) || value_is_marked_list(L, 1))
		return 1;
	if (lua_isnil(L, 1)) {
		new_list(L);
	} else if (lua_getmetatable(L, 1)) {
		new_list(L); /* the library's tables and those of classes keep what they are */
		append_elements(L, 1, lua_gettop(L));
	} else {
		value_mark_list(L);
	}
	return 1;
}

void lib_list_open(lua_State *L)
{
	static const luaL_Reg rows[] = {
		{"has", list_has},       {"get", list_get},   {"find", list_find},
		{"pluck", list_pluck},   {"map", list_map},   {"filter", list_filter},
		{"sort", list_sort},     {"uniq", list_uniq}, {"chunk", list_chunk},
		{"merge", list_merge},   {"pick", list_pick}, {"omit", list_omit},
		{"keys", list_keys},     {"len", list_len},   {"empty", list_empty_value},
		{"isnull", list_isnull}, {"list", list_list}, {NULL, NULL}};
	luaL_setfuncs(L, rows, 0);
}
