/* find, match, gmatch and gsub over our own matcher. */
#pragma once

#include <lua.h>

/* Adds them to the table at the top. */
void lib_pattern_open(lua_State *L);
/* string.match, for the expression library's `match`. */
int lib_pattern_match(lua_State *L);
