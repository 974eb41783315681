/* Iteration that is the same in every process: insertion order of JSON, sorted keys of plain tables. */
#include "engine/lua/order.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lua/machine.h"

struct key {
	int type; /* LUA_T…; integers and reals are both numbers */
	lua_Integer i;
	lua_Number n;
	const char *s;
	size_t len;
};

static int rank(int type)
{
	switch (type) {
	case LUA_TNUMBER:
		return 0;
	case LUA_TSTRING:
		return 1;
	case LUA_TBOOLEAN:
		return 2;
	default:
		return 3; /* missing */
	}
}

static int compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return c ? c : (a_len > b_len) - (a_len < b_len);
}

static int key_compare(const void *pa, const void *pb)
{
	const struct key *a = pa, *b = pb;
	if (a->type != b->type)
		return rank(a->type) - rank(b->type);
	if (a->type == LUA_TSTRING)
		return compare_text(a->s, a->len, b->s, b->len);
	if (a->type == LUA_TNUMBER && a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return (a->i > b->i) - (a->i < b->i);
}

static struct key key_read(lua_State *L, int index)
{
	struct key k = {.type = lua_type(L, index)};
	switch (k.type) {
	case LUA_TSTRING:
		k.s = lua_tolstring(L, index, &k.len);
		break;
	case LUA_TNUMBER:
		k.n = lua_tonumber(L, index);
		k.i = lua_tointeger(L, index); /* 0 for reals: n has told them apart */
		break;
	case LUA_TBOOLEAN:
		k.i = lua_toboolean(L, index);
		break;
	default:
		luaL_error(L, "a key is a %s: only texts, numbers and booleans have an order",
			   proxy_type(L, index));
	}
	return k;
}

static void key_push(lua_State *L, const struct key *k)
{
	if (k->type == LUA_TSTRING)
		lua_pushlstring(L, k->s, k->len);
	else if (k->type == LUA_TBOOLEAN)
		lua_pushboolean(L, (int)k->i);
	else if (k->n == (lua_Number)k->i)
		lua_pushinteger(L, k->i);
	else
		lua_pushnumber(L, k->n);
}

static size_t count_keys(lua_State *L, int table)
{
	size_t n = 0;
	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		n++;
	}
	return n;
}

size_t order_keys(lua_State *L, int index)
{
	int table = lua_absindex(L, index);
	luaL_checkstack(L, 6, NULL);
	size_t n = count_keys(L, table), at = 0;
	budget_charge(L, n * 4);
	lua_createtable(L, n < 1 << 20 ? (int)n : 0, 0);
	struct key *keys = lua_newuserdatauv(L, n * sizeof(*keys) + 1, 0);
	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		keys[at++] = key_read(L, -1);
	}
	qsort(keys, n, sizeof(*keys), key_compare);
	for (size_t i = 0; i < n; i++) {
		key_push(L, &keys[i]); /* texts stay alive: they are keys of the table */
		lua_rawseti(L, -3, (lua_Integer)i + 1);
	}
	lua_pop(L, 1);
	return n;
}

struct place {
	struct key key;
	size_t at;
	int sign;
};

static int place_compare(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;
	int c = key_compare(&a->key, &b->key);
	if (c && a->key.type != LUA_TNIL && b->key.type != LUA_TNIL)
		return c * a->sign;
	return c ? c : (a->at > b->at) - (a->at < b->at);
}

void order_places(lua_State *L, int index, size_t n, bool descending)
{
	budget_charge(L, n * 8);
	lua_createtable(L, n < 1 << 20 ? (int)n : 0, 0);
	struct place *places = lua_newuserdatauv(L, n * sizeof(*places) + 1, 0);
	for (size_t i = 0; i < n; i++) {
		places[i] = (struct place){.at = i + 1, .sign = descending ? -1 : 1};
		if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TNIL)
			places[i].key = key_read(L, -1);
		lua_pop(L, 1); /* its text stays alive in the list */
	}
	qsort(places, n, sizeof(*places), place_compare);
	for (size_t i = 0; i < n; i++) {
		lua_pushinteger(L, (lua_Integer)places[i].at);
		lua_rawseti(L, -3, (lua_Integer)i + 1);
	}
	lua_pop(L, 1);
}

/* The pair of an object after key `at` (index 2), or its first. */
static int next_member(lua_State *L, json_t *v)
{
	void *it;
	if (lua_isnoneornil(L, 2))
		it = json_object_iter(v);
	else
		it = json_object_iter_next(v, json_object_iter_at(v, luaL_checkstring(L, 2)));
	if (!it) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushlstring(L, json_object_iter_key(it), json_object_iter_key_len(it));
	proxy_push(L, json_object_iter_value(it));
	return 2;
}

static int next_element(lua_State *L, json_t *v)
{
	lua_Integer i = luaL_optinteger(L, 2, 0);
	if (i < 0 || (size_t)i >= json_array_size(v)) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, i + 1);
	proxy_push(L, json_array_get(v, (size_t)i));
	return 2;
}

static int next_proxy(lua_State *L)
{
	json_t *v = proxy_get(L, 1);
	if (!v)
		return luaL_typeerror(L, 1, "table");
	return json_is_array(v) ? next_element(L, v) : next_member(L, v);
}

/* A step over a snapshot of keys; what was removed meanwhile is passed over. */
static int next_sorted(lua_State *L)
{
	lua_settop(L, 1);
	for (lua_Integer i = lua_tointeger(L, lua_upvalueindex(2)) + 1;; i++) {
		if (lua_rawgeti(L, lua_upvalueindex(1), i) == LUA_TNIL)
			return 1;
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 1) != LUA_TNIL) {
			lua_pushinteger(L, i);
			lua_replace(L, lua_upvalueindex(2));
			return 2;
		}
		lua_pop(L, 2);
	}
}

static int pairs_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status, (void)ctx;
	return 3;
}

int order_pairs(lua_State *L)
{
	luaL_checkany(L, 1);
	if (proxy_get(L, 1)) {
		lua_pushcfunction(L, next_proxy);
		lua_pushvalue(L, 1);
		return 2;
	}
	if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
		lua_pushvalue(L, 1);
		lua_callk(L, 1, 3, 0, pairs_done);
		return 3;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	order_keys(L, 1);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, next_sorted, 2);
	lua_pushvalue(L, 1);
	return 2;
}

static int next_index(lua_State *L)
{
	lua_Integer i = luaL_checkinteger(L, 2) + 1;
	lua_pushinteger(L, i);
	return lua_geti(L, 1, i) == LUA_TNIL ? 1 : 2;
}

int order_ipairs(lua_State *L)
{
	json_t *v = proxy_get(L, 1);
	if (!v && !lua_istable(L, 1))
		return luaL_typeerror(L, 1, "table");
	/* Lists from outside count their nulls, so a null does not end the loop. */
	lua_pushcfunction(L, json_is_array(v) ? next_proxy : next_index);
	lua_pushvalue(L, 1);
	lua_pushinteger(L, 0);
	return 3;
}

int order_next(lua_State *L)
{
	lua_settop(L, 2);
	if (proxy_get(L, 1))
		return next_proxy(L);
	luaL_checktype(L, 1, LUA_TTABLE);
	struct key after = {0}, best = {0}, k;
	bool from_start = lua_isnil(L, 2), found = false;
	if (!from_start)
		after = key_read(L, 2);
	budget_charge(L, count_keys(L, 1));
	lua_pushnil(L);
	while (lua_next(L, 1)) {
		lua_pop(L, 1);
		k = key_read(L, -1);
		if ((!from_start && key_compare(&k, &after) <= 0) ||
		    (found && key_compare(&k, &best) >= 0))
			continue;
		best = k;
		found = true;
	}
	if (!found) {
		lua_pushnil(L);
		return 1;
	}
	key_push(L, &best);
	lua_pushvalue(L, -1);
	lua_rawget(L, 1);
	return 2;
}
