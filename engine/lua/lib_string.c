/* string.*, utf8.* and math.*: Lua's own with charges; the pattern functions are lib_pattern.c's. */
#include <lualib.h>
#include <string.h>

#include "engine/lua/lib.h"
#include "engine/lua/lib_pattern.h"
#include "engine/lua/machine.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Tables and functions become their word: their own text would be an address. */
static void format_args(lua_State *L)
{
	for (int i = lua_gettop(L); i > 1; i--) {
		int type = lua_type(L, i);
		if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN ||
		    type == LUA_TNIL)
			continue;
		lib_tostring(L, i);
		lua_replace(L, i);
	}
}

static int string_format(lua_State *L)
{
	size_t len;
	const char *f = luaL_checklstring(L, 1, &len);
	budget_charge(L, len);
	for (const char *p = f; p < f + len; p++) {
		if (*p != '%')
			continue;
		p += 1 + strspn(p + 1, "-+ #0123456789.");
		if (*p == 'p')
			return luaL_error(L, "%%p is not available: addresses differ each time");
	}
	format_args(L);
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static void open_string(lua_State *L, int library)
{
	static const struct lib_stock rows[] = {
		{"byte", LIB_TEXT},   {"char", LIB_CHEAP},   {"len", LIB_CHEAP},
		{"lower", LIB_TEXT},  {"pack", LIB_TEXT},    {"packsize", LIB_TEXT},
		{"rep", LIB_REP},     {"reverse", LIB_TEXT}, {"sub", LIB_TEXT},
		{"unpack", LIB_TEXT}, {"upper", LIB_TEXT},
	};
	luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
	int stock = lua_gettop(L);
	lua_newtable(L);
	lib_wrap(L, stock, rows, COUNT(rows));
	lua_getfield(L, stock, "format");
	lua_pushcclosure(L, string_format, 1);
	lua_setfield(L, -2, "format");
	lib_pattern_open(L);
	/* The methods of texts are the same table; nothing hands it out, so it needs no lock. */
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 2);
	lib_lock(L, NULL);
	lua_setfield(L, library, LUA_STRLIBNAME);
}

static void open_utf8(lua_State *L, int library)
{
	static const struct lib_stock rows[] = {
		{"char", LIB_CHEAP},  {"charpattern", LIB_CHEAP}, {"codepoint", LIB_TEXT},
		{"codes", LIB_CHEAP}, {"len", LIB_TEXT},          {"offset", LIB_TEXT},
	};
	luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 0);
	lua_newtable(L);
	lib_wrap(L, -2, rows, COUNT(rows));
	lib_lock(L, NULL);
	lua_setfield(L, library, LUA_UTF8LIBNAME);
}

static void open_math(lua_State *L, int library)
{
	static const struct lib_stock rows[] = {
		{"abs", LIB_CHEAP},        {"acos", LIB_CHEAP},       {"asin", LIB_CHEAP},
		{"atan", LIB_CHEAP},       {"ceil", LIB_CHEAP},       {"cos", LIB_CHEAP},
		{"deg", LIB_CHEAP},        {"exp", LIB_CHEAP},        {"floor", LIB_CHEAP},
		{"fmod", LIB_CHEAP},       {"huge", LIB_CHEAP},       {"log", LIB_CHEAP},
		{"max", LIB_CHEAP},        {"maxinteger", LIB_CHEAP}, {"min", LIB_CHEAP},
		{"mininteger", LIB_CHEAP}, {"modf", LIB_CHEAP},       {"pi", LIB_CHEAP},
		{"rad", LIB_CHEAP},        {"sin", LIB_CHEAP},        {"sqrt", LIB_CHEAP},
		{"tan", LIB_CHEAP},        {"tointeger", LIB_CHEAP},  {"type", LIB_CHEAP},
		{"ult", LIB_CHEAP},
	};
	luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
	lua_newtable(L);
	lib_wrap(L, -2, rows, COUNT(rows));
	lib_lock(L, NULL);
	lua_setfield(L, library, LUA_MATHLIBNAME);
}

void lib_string_open(lua_State *L)
{
	int library = lua_gettop(L);
	open_string(L, library);
	open_utf8(L, library);
	open_math(L, library);
	lua_settop(L, library);
}
