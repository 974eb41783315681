/* One order of keys everywhere: numbers rising, then strings by bytes, then false and true. */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Pushes a list of the keys of the plain table at index, in order, and returns their count. Keys of
 * other types raise an error: no order of theirs would be the same in another process.
 */
size_t order_keys(lua_State *L, int index);
/* pairs, ipairs and next of both kinds of tables. */
int order_pairs(lua_State *L);
int order_ipairs(lua_State *L);
int order_next(lua_State *L);
/*
 * Sorts the n values of the list at index, which are keys like the above or missing (last in either
 * direction), and pushes a list of their places. Equal ones stay in their order.
 */
void order_places(lua_State *L, int index, size_t n, bool descending);
