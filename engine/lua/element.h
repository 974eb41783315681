/*
 * Reading lists and objects of both kinds, JSON from outside and plain tables, for the library.
 *
 * nil stands for a list without elements: what is missing has none.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

/* Raises when the argument is neither nil nor a table. */
void element_check(lua_State *L, int arg);
/* The elements of a list, charged, as their readers visit them all; nulls and holes count. */
lua_Integer element_count(lua_State *L, int arg);
bool element_is_list(lua_State *L, int arg);
/* nil, json.null, or no argument at all. */
bool element_is_missing(lua_State *L, int index);
/* Pushes element i as rules read it: null is nil. */
void element_push(lua_State *L, int list, lua_Integer i);
/* The same with null as json.null, so that copies lose nothing. */
void element_push_kept(lua_State *L, int list, lua_Integer i);
/* Replaces the value at the top by what a dotted path finds in it, or nil. Places count from 1. */
void element_follow(lua_State *L, const char *path);
/* Pushes a new list. */
void element_new_list(lua_State *L);
