/* lower upper trim split join words contains starts_with ends_with match glob isemail. */
#include <ctype.h>
#include <string.h>

#include "engine/lua/element.h"
#include "engine/lua/lib.h"
#include "engine/lua/lib_pattern.h"
#include "engine/lua/machine.h"
#include "engine/lua/text.h"
#include "engine/lua/value.h"

struct slice {
	const char *s;
	size_t len;
};

/* A text argument, charged; numbers are their text. */
static struct slice text_arg(lua_State *L, int arg)
{
	struct slice t;
	t.s = luaL_checklstring(L, arg, &t.len);
	budget_charge(L, t.len / 16);
	return t;
}

/* What is missing stays missing: lower(data.email) of an event without one is nil. */
static int missing(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

static int change(lua_State *L, void (*how)(char *s, size_t len))
{
	luaL_checkany(L, 1);
	if (element_is_missing(L, 1))
		return missing(L);
	struct slice t = text_arg(L, 1);
	luaL_Buffer b;
	char *p = luaL_buffinitsize(L, &b, t.len);
	memcpy(p, t.s, t.len);
	how(p, t.len);
	luaL_pushresultsize(&b, t.len);
	return 1;
}

static int text_lower_fn(lua_State *L)
{
	return change(L, text_lower);
}

static int text_upper_fn(lua_State *L)
{
	return change(L, text_upper);
}

static int text_trim(lua_State *L)
{
	luaL_checkany(L, 1);
	if (element_is_missing(L, 1))
		return missing(L);
	struct slice t = text_arg(L, 1);
	while (t.len && isspace((unsigned char)t.s[t.len - 1]))
		t.len--;
	while (t.len && isspace((unsigned char)*t.s))
		t.s++, t.len--;
	lua_pushlstring(L, t.s, t.len);
	return 1;
}

/* A new list at the top, of the words of t. */
static int push_words(lua_State *L, struct slice t)
{
	lua_Integer n = 0;
	const char *end = t.s + t.len;
	lua_newtable(L);
	value_mark_list(L);
	for (const char *p = t.s; p < end;) {
		while (p < end && isspace((unsigned char)*p))
			p++;
		const char *word = p;
		while (p < end && !isspace((unsigned char)*p))
			p++;
		if (p == word)
			break;
		lua_pushlstring(L, word, (size_t)(p - word));
		lua_rawseti(L, -2, ++n);
		budget_charge(L, 2);
	}
	return 1;
}

static int text_words(lua_State *L)
{
	luaL_checkany(L, 1);
	return push_words(L, element_is_missing(L, 1) ? (struct slice){"", 0} : text_arg(L, 1));
}

/* Without a separator: the words. */
static int text_split(lua_State *L)
{
	luaL_checkany(L, 1);
	if (element_is_missing(L, 1) || lua_isnoneornil(L, 2))
		return text_words(L);
	struct slice t = text_arg(L, 1), sep = text_arg(L, 2);
	luaL_argcheck(L, sep.len, 2, "an empty separator");
	lua_Integer n = 0;
	lua_newtable(L);
	value_mark_list(L);
	for (;;) {
		const char *hit = memmem(t.s, t.len, sep.s, sep.len);
		size_t len = hit ? (size_t)(hit - t.s) : t.len;
		lua_pushlstring(L, t.s, len);
		lua_rawseti(L, -2, ++n);
		budget_charge(L, 2);
		if (!hit)
			return 1;
		t.s = hit + sep.len;
		t.len -= len + sep.len;
	}
}

/* Nulls and holes are passed over. */
static int text_join(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_Integer n = element_count(L, 1);
	size_t sep_len;
	const char *sep = luaL_optlstring(L, 2, ",", &sep_len);
	bool first = true;
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_geti(L, 1, i);
		if (element_is_missing(L, -1)) {
			lua_pop(L, 1);
			continue;
		}
		if (lua_type(L, -1) != LUA_TBOOLEAN && !lua_isstring(L, -1))
			return luaL_error(L, "join: element %d is a %s", (int)i, proxy_type(L, -1));
		luaL_tolstring(L, -1, NULL);
		lua_remove(L, -2);
		if (!first) {
			lua_pushlstring(L, sep, sep_len);
			lua_insert(L, -2);
			lua_concat(L, 2);
		}
		first = false;
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	return 1;
}

static bool list_contains(lua_State *L)
{
	lua_Integer n = element_count(L, 1);
	bool found = false;
	for (lua_Integer i = 1; i <= n && !found; i++) {
		lua_geti(L, 1, i);
		found = lua_compare(L, -1, 2, LUA_OPEQ);
		lua_pop(L, 1);
	}
	return found;
}

/* Of a text a part, of a list an element. */
static int text_contains(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_settop(L, 2);
	bool found = false;
	if (proxy_get(L, 1) || lua_istable(L, 1)) {
		found = list_contains(L);
	} else if (!element_is_missing(L, 1)) {
		struct slice t = text_arg(L, 1), part = text_arg(L, 2);
		found = memmem(t.s, t.len, part.s, part.len) != NULL;
	}
	lua_pushboolean(L, found);
	return 1;
}

static int text_starts_with(lua_State *L)
{
	luaL_checkany(L, 1);
	bool is = false;
	if (!element_is_missing(L, 1)) {
		struct slice t = text_arg(L, 1), start = text_arg(L, 2);
		is = t.len >= start.len && memcmp(t.s, start.s, start.len) == 0;
	}
	lua_pushboolean(L, is);
	return 1;
}

static int text_ends_with(lua_State *L)
{
	luaL_checkany(L, 1);
	bool is = false;
	if (!element_is_missing(L, 1)) {
		struct slice t = text_arg(L, 1), end = text_arg(L, 2);
		is = t.len >= end.len && memcmp(t.s + t.len - end.len, end.s, end.len) == 0;
	}
	lua_pushboolean(L, is);
	return 1;
}

static int text_match(lua_State *L)
{
	luaL_checkany(L, 1);
	return element_is_missing(L, 1) ? missing(L) : lib_pattern_match(L);
}

static int text_glob_fn(lua_State *L)
{
	luaL_checkany(L, 1);
	bool is = false;
	if (!element_is_missing(L, 1)) {
		struct slice t = text_arg(L, 1), glob = text_arg(L, 2);
		budget_charge(L, glob.len ? t.len * glob.len / 8 : 0);
		is = text_glob(t.s, t.len, glob.s, glob.len);
	}
	lua_pushboolean(L, is);
	return 1;
}

static int text_isemail(lua_State *L)
{
	luaL_checkany(L, 1);
	bool is = lua_type(L, 1) == LUA_TSTRING;
	if (is) {
		struct slice t = text_arg(L, 1);
		is = text_is_email(t.s, t.len);
	}
	lua_pushboolean(L, is);
	return 1;
}

void lib_text_open(lua_State *L)
{
	static const luaL_Reg rows[] = {{"lower", text_lower_fn},
					{"upper", text_upper_fn},
					{"trim", text_trim},
					{"split", text_split},
					{"join", text_join},
					{"words", text_words},
					{"contains", text_contains},
					{"starts_with", text_starts_with},
					{"ends_with", text_ends_with},
					{"match", text_match},
					{"glob", text_glob_fn},
					{"isemail", text_isemail},
					{NULL, NULL}};
	luaL_setfuncs(L, rows, 0);
}
