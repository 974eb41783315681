/* Proxies of JSON values: userdata with one pointer, pooled in the shared state. */
#include "engine/lua/proxy.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/lua/machine.h"

/* Proxies that the pool keeps for the next evaluation; more are left to the collector. */
#define POOL_KEEP 1024

static const char null_mark;

json_t *proxy_get(lua_State *L, int index)
{
	if (lua_type(L, index) != LUA_TUSERDATA)
		return NULL;
	struct proxy *p = lua_touserdata(L, index);
	return p->kind == OBJECT_PROXY || p->kind == OBJECT_ERROR ? p->v : NULL;
}

bool proxy_is_error(lua_State *L, int index)
{
	return lua_type(L, index) == LUA_TUSERDATA &&
	       *(int *)lua_touserdata(L, index) == OBJECT_ERROR;
}

void proxy_push_null(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)&null_mark);
}

bool proxy_is_null(lua_State *L, int index)
{
	return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &null_mark;
}

const char *proxy_type(lua_State *L, int index)
{
	if (proxy_is_null(L, index))
		return "null";
	if (proxy_get(L, index))
		return "table";
	return lua_typename(L, lua_type(L, index));
}

static size_t slot_of(const struct proxies *p, const json_t *v)
{
	uint64_t h = (uint64_t)(uintptr_t)v * 0x9E3779B97F4A7C15u;
	size_t i = (h >> 32) & (p->n_slots - 1);
	while (p->slots[i].gen == p->gen && p->slots[i].v != v)
		i = (i + 1) & (p->n_slots - 1);
	return i;
}

static void slots_grow(struct proxies *p)
{
	struct proxies old = *p;
	p->n_slots = old.n_slots ? old.n_slots * 2 : 64;
	p->slots = mem_alloc(p->n_slots * sizeof(*p->slots));
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].gen == p->gen)
			p->slots[slot_of(p, old.slots[i].v)] = old.slots[i];
	free(old.slots);
}

static struct proxy *proxy_make(lua_State *L, int kind, int metatable, json_t *v)
{
	struct proxy *p = lua_newuserdatauv(L, sizeof(*p), 0);
	p->kind = kind;
	p->v = v;
	lua_rawgeti(L, LUA_REGISTRYINDEX, metatable);
	lua_setmetatable(L, -2);
	return p;
}

/* The next proxy of the pool, pointed at v. */
static void pool_push(lua_State *L, struct proxies *p, size_t slot, json_t *v)
{
	uint32_t n = (uint32_t)++p->used;
	p->slots[slot] = (struct proxy_slot){.v = v, .gen = p->gen, .index = n};
	if (lua_rawgeti(L, LUA_REGISTRYINDEX, REG_POOL + n) == LUA_TUSERDATA) {
		((struct proxy *)lua_touserdata(L, -1))->v = v;
		return;
	}
	lua_pop(L, 1);
	proxy_make(L, OBJECT_PROXY, REG_PROXY, v);
	lua_pushvalue(L, -1);
	lua_rawseti(L, LUA_REGISTRYINDEX, REG_POOL + n);
}

static void push_pooled(lua_State *L, struct proxies *p, json_t *v)
{
	if (p->used * 2 >= p->n_slots)
		slots_grow(p);
	size_t slot = slot_of(p, v);
	if (p->slots[slot].gen == p->gen)
		lua_rawgeti(L, LUA_REGISTRYINDEX, REG_POOL + p->slots[slot].index);
	else
		pool_push(L, p, slot, v);
}

/* Scripts: one proxy a value as long as somebody holds it. */
static void push_counted(lua_State *L, json_t *v)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_MEMO);
	if (lua_rawgetp(L, -1, v) != LUA_TUSERDATA) {
		lua_pop(L, 1);
		struct proxy *p = proxy_make(L, OBJECT_PROXY, REG_PROXY, NULL);
		p->v = json_incref(v);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, -3, v);
	}
	lua_remove(L, -2);
}

static void push_container(lua_State *L, json_t *v)
{
	struct machine *m = machine_of(L);
	luaL_checkstack(L, 4, NULL);
	if (m->script)
		push_counted(L, v);
	else
		push_pooled(L, &m->proxies, v);
}

void proxy_push(lua_State *L, json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		push_container(L, v);
		break;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(v));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(v));
		break;
	case JSON_NULL:
		lua_pushnil(L);
		break;
	}
}

void proxy_push_kept(lua_State *L, json_t *v)
{
	if (v && json_is_null(v))
		proxy_push_null(L);
	else
		proxy_push(L, v);
}

static void own(struct proxies *p, json_t *v)
{
	if (p->n_owned == p->owned_cap) {
		p->owned_cap = p->owned_cap ? p->owned_cap * 2 : 16;
		p->owned = mem_realloc(p->owned, p->owned_cap * sizeof(*p->owned));
	}
	p->owned[p->n_owned++] = v;
}

void proxy_push_new(lua_State *L, json_t *v)
{
	struct machine *m = machine_of(L);
	if (!m->script) {
		own(&m->proxies, v);
		proxy_push(L, v);
		return;
	}
	if (!json_is_object(v) && !json_is_array(v)) {
		proxy_push(L, v);
		json_decref(v);
		return;
	}
	own(&m->proxies, v); /* making the userdata may raise: until then this is the owner */
	struct proxy *p = proxy_make(L, OBJECT_PROXY, REG_PROXY, NULL);
	p->v = m->proxies.owned[--m->proxies.n_owned];
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_MEMO);
	lua_pushvalue(L, -2);
	lua_rawsetp(L, -2, v);
	lua_pop(L, 1);
}

void proxy_push_error(lua_State *L, json_t *v)
{
	struct proxy *p = proxy_make(L, OBJECT_ERROR, REG_ERROR, NULL);
	p->v = json_incref(v);
}

/* Places count from 1; anything but a whole number finds nothing. */
static json_t *list_at(lua_State *L, json_t *v)
{
	int whole;
	lua_Integer i = lua_tointegerx(L, 2, &whole);
	if (!whole || lua_type(L, 2) != LUA_TNUMBER || i < 1)
		return NULL;
	return json_array_get(v, (size_t)i - 1);
}

static int index_proxy(lua_State *L)
{
	json_t *v = ((struct proxy *)lua_touserdata(L, 1))->v;
	if (json_is_array(v)) {
		proxy_push(L, list_at(L, v));
		return 1;
	}
	size_t len;
	const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &len) : NULL;
	proxy_push(L, key ? json_object_getn(v, key, len) : NULL);
	return 1;
}

static int length_proxy(lua_State *L)
{
	json_t *v = ((struct proxy *)lua_touserdata(L, 1))->v;
	lua_pushinteger(L, (lua_Integer)json_array_size(v));
	return 1;
}

static int refuse_write(lua_State *L)
{
	return luaL_error(L, "this table came from outside and cannot be changed: merge, pick "
			     "and map make new ones");
}

static int collect_proxy(lua_State *L)
{
	struct proxy *p = lua_touserdata(L, 1);
	json_decref(p->v);
	p->v = NULL;
	return 0;
}

static const char *error_message(const struct proxy *p)
{
	const char *s = json_string_value(json_object_get(p->v, "message"));
	if (!s)
		s = json_string_value(json_object_get(p->v, "name"));
	return s ? s : "error";
}

static int error_tostring(lua_State *L)
{
	lua_pushstring(L, error_message(lua_touserdata(L, 1)));
	return 1;
}

static int error_concat(lua_State *L)
{
	for (int i = 1; i <= 2; i++) {
		if (proxy_is_error(L, i))
			lua_pushstring(L, error_message(lua_touserdata(L, i)));
		else if (lua_isstring(L, i))
			lua_pushvalue(L, i);
		else
			return luaL_error(L, "attempt to concatenate a %s value", proxy_type(L, i));
	}
	lua_concat(L, 2);
	return 1;
}

static void metatable(lua_State *L, int reg, bool counted, const luaL_Reg *more)
{
	lua_createtable(L, 0, 8);
	lua_pushcfunction(L, index_proxy);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, length_proxy);
	lua_setfield(L, -2, "__len");
	lua_pushcfunction(L, refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_pushliteral(L, "table");
	lua_setfield(L, -2, "__name"); /* the word of Lua's own messages */
	if (counted) {
		lua_pushcfunction(L, collect_proxy);
		lua_setfield(L, -2, "__gc");
	}
	if (more)
		luaL_setfuncs(L, more, 0);
	lua_rawseti(L, LUA_REGISTRYINDEX, reg);
}

void proxy_open(lua_State *L)
{
	static const luaL_Reg of_errors[] = {
		{"__tostring", error_tostring}, {"__concat", error_concat}, {NULL, NULL}};
	bool script = machine_of(L)->script;
	metatable(L, REG_PROXY, script, NULL);
	metatable(L, REG_ERROR, true, of_errors);
	if (script) {
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "v");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		lua_rawseti(L, LUA_REGISTRYINDEX, REG_MEMO);
	}
	machine_of(L)->proxies.gen = 1;
}

/* A pool that one evaluation has blown up would be memory that never comes back. */
static void pool_shrink(struct machine *m)
{
	free(m->proxies.slots);
	m->proxies.slots = NULL;
	m->proxies.n_slots = 0;
	for (size_t i = m->proxies.used; i > POOL_KEEP; i--) {
		lua_pushnil(m->L);
		lua_rawseti(m->L, LUA_REGISTRYINDEX, REG_POOL + (lua_Integer)i);
	}
}

void proxy_reset(struct machine *m)
{
	struct proxies *p = &m->proxies;
	for (size_t i = 0; i < p->n_owned; i++)
		json_decref(p->owned[i]);
	p->n_owned = 0;
	if (p->used > POOL_KEEP)
		pool_shrink(m);
	p->used = 0;
	if (++p->gen == 0) {
		if (p->slots)
			memset(p->slots, 0, p->n_slots * sizeof(*p->slots));
		p->gen = 1;
	}
}

void proxy_done(struct machine *m)
{
	for (size_t i = 0; i < m->proxies.n_owned; i++)
		json_decref(m->proxies.owned[i]);
	free(m->proxies.owned);
	free(m->proxies.slots);
	m->proxies = (struct proxies){0};
}
