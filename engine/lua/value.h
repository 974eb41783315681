/* Values of Lua as JSON: what an expression or a script gives back to the engine. */
#pragma once

#include <jansson.h>
#include <lua.h>
#include <stdbool.h>

/*
 * The value at index as a new reference; NULL for nil. Proxies become the same JSON value again. A
 * plain table is a list when it is marked as one or is a sequence 1..n that is not empty, else an
 * object with sorted keys. Raises for what has no JSON: functions, mixed keys, NaN, depth over 64,
 * text that is not UTF-8. Never leaks when it raises.
 */
json_t *value_json(lua_State *L, int index);
/* Marks the table at the top as a list, also when it is empty. It must have no metatable. */
void value_mark_list(lua_State *L);
bool value_is_marked_list(lua_State *L, int index);
/* The highest whole key of a plain table's sequence part; holes count. */
lua_Integer value_list_len(lua_State *L, int index);
/* Pushes the JSON text of the value at index; canonical: with sorted keys. */
void value_push_text(lua_State *L, int index, bool canonical);
/* value_json of the value at the top, protected: a status of Lua, with the error at the top. */
int value_take(lua_State *L, json_t **ret);
