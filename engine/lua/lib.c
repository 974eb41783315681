/* How functions get into the sandbox: charged wrappers of stock ones, and locked tables. */
#include "engine/lua/lib.h"

#include "engine/lua/machine.h"

#define TEXT_A_UNIT 32 /* bytes of text that count as one instruction */

static size_t span(lua_Integer from, lua_Integer to)
{
	return to < from ? 0 : (size_t)to - (size_t)from + 1;
}

static size_t list_len(lua_State *L, int index)
{
	return lua_istable(L, index) ? (size_t)lua_rawlen(L, index)
				     : json_array_size(proxy_get(L, index));
}

static size_t cost_of_texts(lua_State *L)
{
	size_t sum = 0, len;
	for (int i = lua_gettop(L); i > 0; i--)
		if (lua_type(L, i) == LUA_TSTRING) {
			lua_tolstring(L, i, &len);
			sum += len / TEXT_A_UNIT;
		}
	return sum;
}

static size_t cost_of_copies(lua_State *L)
{
	size_t len = 0;
	luaL_checklstring(L, 1, &len);
	lua_Integer n = luaL_checkinteger(L, 2);
	if (n <= 0)
		return 0;
	len += lua_rawlen(L, 3) + 1;
	return (size_t)n > SIZE_MAX / len ? SIZE_MAX : (size_t)n * len / TEXT_A_UNIT;
}

static size_t cost_of(lua_State *L, enum lib_cost cost)
{
	switch (cost) {
	case LIB_CHEAP:
		return 0;
	case LIB_TEXT:
		return cost_of_texts(L);
	case LIB_INSERT:
		return lua_gettop(L) < 3
			       ? 0
			       : span(luaL_checkinteger(L, 2), (lua_Integer)list_len(L, 1));
	case LIB_REMOVE:
		return lua_gettop(L) < 2
			       ? 0
			       : span(luaL_checkinteger(L, 2), (lua_Integer)list_len(L, 1));
	case LIB_RANGE:
		return span(luaL_optinteger(L, 2, 1),
			    luaL_optinteger(L, 3, (lua_Integer)list_len(L, 1)));
	case LIB_JOIN:
		return span(luaL_optinteger(L, 3, 1),
			    luaL_optinteger(L, 4, (lua_Integer)list_len(L, 1)));
	case LIB_REP:
		return cost_of_copies(L);
	}
	return 0;
}

static int charged_call(lua_State *L)
{
	enum lib_cost cost = (enum lib_cost)lua_tointeger(L, lua_upvalueindex(2));
	lua_CFunction stock = lua_tocfunction(L, lua_upvalueindex(1));
	budget_charge(L, cost_of(L, cost));
	return stock(L);
}

void lib_wrap(lua_State *L, int stock, const struct lib_stock *rows, size_t n)
{
	stock = lua_absindex(L, stock);
	for (size_t i = 0; i < n; i++) {
		lua_getfield(L, stock, rows[i].name);
		if (rows[i].cost != LIB_CHEAP) {
			lua_pushinteger(L, (lua_Integer)rows[i].cost);
			lua_pushcclosure(L, charged_call, 2);
		}
		lua_setfield(L, -2, rows[i].name);
	}
}

static int refuse_write(lua_State *L)
{
	return luaL_error(L, "the library cannot be changed: choose another name than '%s'",
			  lib_tostring(L, 2));
}

void lib_lock(lua_State *L, lua_CFunction call)
{
	lua_newtable(L);
	lua_createtable(L, 0, 4);
	lua_rotate(L, -3, -1);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	if (call) {
		lua_pushcfunction(L, call);
		lua_setfield(L, -2, "__call");
	}
	lua_setmetatable(L, -2);
}
