/* table.*: Lua's own with charges, and a stable sort of ours that gives the same order everywhere. */
#include <lualib.h>

#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/order.h"

/* Index 1 is the list, 2 the comparison or nil, 3 and 4 the two halves' scratch lists. */
static bool goes_before(lua_State *L, int a, int b)
{
	budget_charge(L, 4);
	if (lua_isnil(L, 2))
		return lua_compare(L, a, b, LUA_OPLT);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, a);
	lua_pushvalue(L, b);
	lua_call(L, 2, 1);
	bool before = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return before;
}

/* Merges [lo, mid) and [mid, hi) of list `from` into `to`; equal elements keep their order. */
static void merge_runs(lua_State *L, int from, int to, lua_Integer lo, lua_Integer mid,
		       lua_Integer hi)
{
	lua_Integer i = lo, j = mid;
	for (lua_Integer k = lo; k < hi; k++) {
		bool right = i >= mid;
		if (!right && j < hi) {
			lua_rawgeti(L, from, i);
			lua_rawgeti(L, from, j);
			int top = lua_gettop(L);
			right = goes_before(L, top, top - 1);
			lua_pop(L, 2);
		}
		lua_rawgeti(L, from, right ? j++ : i++);
		lua_rawseti(L, to, k);
	}
}

static lua_Integer least(lua_Integer a, lua_Integer b)
{
	return a < b ? a : b;
}

/* Sorts the list at 3 by runs of growing width; the answer is the index it ends up at. */
static int merge_sort(lua_State *L, lua_Integer n)
{
	int from = 3, to = 4;
	for (lua_Integer width = 1; width < n; width *= 2) {
		for (lua_Integer lo = 1; lo <= n; lo += 2 * width)
			merge_runs(L, from, to, lo, least(lo + width, n + 1),
				   least(lo + 2 * width, n + 1));
		int swap = from;
		from = to;
		to = swap;
	}
	return from;
}

int lib_table_sort(lua_State *L)
{
	lua_Integer n = luaL_len(L, 1);
	budget_charge(L, n > 0 ? (size_t)n : 0);
	lua_settop(L, 2);
	lua_createtable(L, n < 1 << 16 ? (int)n : 0, 0);
	lua_createtable(L, n < 1 << 16 ? (int)n : 0, 0);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_geti(L, 1, i);
		lua_rawseti(L, 3, i);
	}
	int sorted = merge_sort(L, n);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, sorted, i);
		lua_seti(L, 1, i);
	}
	return 0;
}

static int table_sort(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	return lib_table_sort(L);
}

void lib_table_open(lua_State *L)
{
	static const struct lib_stock rows[] = {
		{"concat", LIB_JOIN}, {"insert", LIB_INSERT}, {"move", LIB_RANGE},
		{"pack", LIB_CHEAP},  {"remove", LIB_REMOVE}, {"unpack", LIB_RANGE},
	};
	int library = lua_gettop(L);
	luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
	lua_newtable(L);
	lib_wrap(L, library + 1, rows, sizeof(rows) / sizeof(*rows));
	lua_pushcfunction(L, table_sort);
	lua_setfield(L, -2, "sort");
	lib_lock(L, NULL);
	lua_setfield(L, library, LUA_TABLIBNAME);
	lua_settop(L, library);
}
