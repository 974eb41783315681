/* The library of rules.md, a file a subject: each opener adds its names to the table at the top. */
#pragma once

#include <lauxlib.h>
#include <lua.h>

/* What a function of Lua's own library costs beyond its one instruction. */
enum lib_cost {
	LIB_CHEAP,
	LIB_TEXT,   /* its text arguments are read or copied */
	LIB_INSERT, /* of three arguments: the elements after place 2 move */
	LIB_REMOVE, /* of two arguments: the same */
	LIB_RANGE,  /* the places from argument 2 to 3 are visited */
	LIB_JOIN,   /* the places from argument 3 to 4, by default the whole first argument */
	LIB_REP,    /* argument 2 copies of argument 1 */
};

struct lib_stock {
	const char *name;
	enum lib_cost cost;
};

/* Copies functions of the stock library at index `stock` into the table at the top, with a charge. */
void lib_wrap(lua_State *L, int stock, const struct lib_stock *rows, size_t n);
/* Replaces the table at the top by a view that nobody can write to. call may be NULL. */
void lib_lock(lua_State *L, lua_CFunction call);

void lib_base_open(lua_State *L);   /* type, pairs, pcall … */
void lib_table_open(lua_State *L);  /* table.* */
void lib_string_open(lua_State *L); /* string.*, utf8.*, math.*, and methods of texts */
void lib_list_open(lua_State *L);   /* find, map, filter, sort … */
void lib_object_open(lua_State *L); /* has, get, merge, len … */
void lib_text_open(lua_State *L);   /* lower, trim, match, glob … */
void lib_code_open(lua_State *L);   /* json, base64, hex, sha256, hmac */
void lib_random_open(lua_State *L); /* uuid, random of expressions */
void lib_time_open(lua_State *L);   /* time.* */
void lib_file_open(lua_State *L);   /* text, csv.* */

/* tostring without addresses: pushes the text of the value at index. */
const char *lib_tostring(lua_State *L, int index);
/* Sorts the list at index 1 in place, stably; a comparison function or nil is at 2. */
int lib_table_sort(lua_State *L);
