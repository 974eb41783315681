/* Lua's basic functions: without addresses, with one order of keys, and a pcall that budgets pass. */
#include <lualib.h>
#include <string.h>

#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/order.h"

#define PCALL_UNITS 50 /* a protected call is dearer than an instruction */
/* Calls that may lie below a pcall: Lua walks them all for each error that a pcall catches. */
#define PCALL_DEPTH 200

const char *lib_tostring(lua_State *L, int index)
{
	index = lua_absindex(L, index);
	if (luaL_callmeta(L, index, "__tostring")) {
		if (!lua_isstring(L, -1))
			luaL_error(L, "'__tostring' must return a string");
		return lua_tostring(L, -1);
	}
	switch (lua_type(L, index)) {
	case LUA_TSTRING:
	case LUA_TNUMBER:
	case LUA_TBOOLEAN:
	case LUA_TNIL:
		return luaL_tolstring(L, index, NULL);
	default:
		return lua_pushstring(L, proxy_type(L, index)); /* an address would not replay */
	}
}

static int base_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	lib_tostring(L, 1);
	return 1;
}

static int base_type(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_pushstring(L, proxy_type(L, 1));
	return 1;
}

static int pcall_end(lua_State *L, int status, lua_KContext ctx)
{
	(void)ctx;
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L);
	if (status == LUA_ERRMEM)
		budget_memory_out(L);
	budget_check(L);
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

static int base_pcall(lua_State *L)
{
	luaL_checkany(L, 1);
	budget_charge(L, PCALL_UNITS);
	lua_Debug ar;
	if (lua_getstack(L, PCALL_DEPTH, &ar))
		return luaL_error(L, "pcall is nested more than %d calls deep", PCALL_DEPTH);
	lua_pushboolean(L, 1);
	lua_insert(L, 1);
	return pcall_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_end), 0);
}

static void refuse_field(lua_State *L, const char *name)
{
	lua_pushstring(L, name);
	if (lua_rawget(L, 2) != LUA_TNIL)
		luaL_error(L, "setmetatable: %s is not available in scripts", name);
	lua_pop(L, 1);
}

/*
 * Finalisers and weak tables depend on the collector, which no replay repeats, and Lua runs
 * finalisers without the hook. (Lua looks for __gc here only: setting it later has no effect.)
 */
static int base_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (lua_type(L, 2) != LUA_TTABLE && !lua_isnil(L, 2))
		return luaL_typeerror(L, 2, "nil or table");
	lua_settop(L, 2);
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (lua_istable(L, 2)) {
		refuse_field(L, "__gc");
		refuse_field(L, "__close");
		refuse_field(L, "__mode");
	}
	lua_setmetatable(L, 1);
	return 1;
}

static int base_getmetatable(lua_State *L)
{
	luaL_checkany(L, 1);
	if (lua_type(L, 1) != LUA_TTABLE || !lua_getmetatable(L, 1)) {
		lua_pushnil(L);
		return 1;
	}
	luaL_getmetafield(L, 1, "__metatable");
	return 1;
}

static const luaL_Reg everywhere[] = {{"tostring", base_tostring}, {"type", base_type},
				      {"pairs", order_pairs},      {"ipairs", order_ipairs},
				      {"next", order_next},        {NULL, NULL}};

static const luaL_Reg in_scripts[] = {{"pcall", base_pcall},
				      {"setmetatable", base_setmetatable},
				      {"getmetatable", base_getmetatable},
				      {NULL, NULL}};

void lib_base_open(lua_State *L)
{
	static const struct lib_stock rows[] = {{"tonumber", LIB_TEXT}, {"select", LIB_CHEAP}};
	static const struct lib_stock errors[] = {{"error", LIB_CHEAP}, {"assert", LIB_CHEAP}};
	int library = lua_gettop(L);
	luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
	lua_pushvalue(L, library);
	lib_wrap(L, library + 1, rows, 2);
	luaL_setfuncs(L, everywhere, 0);
	if (machine_of(L)->script) {
		lib_wrap(L, library + 1, errors, 2);
		luaL_setfuncs(L, in_scripts, 0);
	}
	lua_settop(L, library);
}
