/* find, match, gmatch and gsub: Lua 5.4's behaviour, each step charged to the evaluation. */
#include "engine/lua/lib_pattern.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/pattern.h"

static struct pattern begin(lua_State *L, const char *text, size_t len, const char *pat,
			    size_t pat_len)
{
	struct budget *b = &machine_of(L)->budget;
	struct pattern p;
	pattern_init(&p, text, len, pat, pat_len, b->active ? b->left : 1000000);
	return p;
}

/* One trial; the steps it took are charged at once. */
static bool match_at(lua_State *L, struct pattern *p, size_t at, size_t *ret_end)
{
	long before = p->steps;
	enum pattern_verdict v = pattern_match(p, at, ret_end);
	budget_charge(L, (size_t)(before - p->steps));
	if (v == PATTERN_BAD)
		luaL_error(L, "%s", p->error);
	if (v == PATTERN_STEPS)
		luaL_error(L, "the pattern took too many steps");
	return v == PATTERN_YES;
}

/* Capture i, or the whole match [at, end) when the pattern has none. */
static void push_capture(lua_State *L, const struct pattern *p, int i, size_t at, size_t end)
{
	if (i >= p->n) {
		if (i != 0)
			luaL_error(L, "invalid capture index %%%d", i + 1);
		lua_pushlstring(L, p->text + at, end - at);
		return;
	}
	const struct pattern_capture *c = &p->captures[i];
	if (c->len == CAPTURE_OPEN)
		luaL_error(L, "unfinished capture");
	if (c->len == CAPTURE_POSITION)
		lua_pushinteger(L, (lua_Integer)c->at + 1);
	else
		lua_pushlstring(L, p->text + c->at, (size_t)c->len);
}

static int push_captures(lua_State *L, const struct pattern *p, bool whole, size_t at, size_t end)
{
	int n = p->n == 0 && whole ? 1 : p->n;
	luaL_checkstack(L, n, "too many captures");
	for (int i = 0; i < n; i++)
		push_capture(L, p, i, at, end);
	return n;
}

/* Lua's way to count: from 1, or from the end when negative. The answer counts from 0. */
static size_t start_place(lua_Integer pos, size_t len)
{
	if (pos > 0)
		return (size_t)pos - 1;
	if (pos == 0 || pos < -(lua_Integer)len)
		return 0;
	return len - (size_t)-pos;
}

static int find_plain(lua_State *L, const char *s, size_t len, size_t at, const char *what,
		      size_t what_len)
{
	budget_charge(L, (len - at) / 8);
	const char *hit = memmem(s + at, len - at, what, what_len);
	if (!hit) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, hit - s + 1);
	lua_pushinteger(L, hit - s + (lua_Integer)what_len);
	return 2;
}

static int found(lua_State *L, const struct pattern *p, bool find, size_t at, size_t end)
{
	if (!find)
		return push_captures(L, p, true, at, end);
	lua_pushinteger(L, (lua_Integer)at + 1);
	lua_pushinteger(L, (lua_Integer)end);
	return push_captures(L, p, false, at, end) + 2;
}

static int search_from(lua_State *L, bool find)
{
	size_t len, pat_len, end;
	const char *s = luaL_checklstring(L, 1, &len);
	const char *pat = luaL_checklstring(L, 2, &pat_len);
	size_t at = start_place(luaL_optinteger(L, 3, 1), len);
	if (at > len) {
		lua_pushnil(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) || pattern_is_plain(pat, pat_len)))
		return find_plain(L, s, len, at, pat, pat_len);
	bool anchor = pat_len && *pat == '^';
	struct pattern p = begin(L, s, len, pat + anchor, pat_len - anchor);
	do {
		if (match_at(L, &p, at, &end))
			return found(L, &p, find, at, end);
	} while (++at <= len && !anchor);
	lua_pushnil(L);
	return 1;
}

static int string_find(lua_State *L)
{
	return search_from(L, true);
}

int lib_pattern_match(lua_State *L)
{
	return search_from(L, false);
}

/* Upvalues: text, pattern, where to go on, the end of the last match (-1: none yet). */
static int gmatch_next(lua_State *L)
{
	size_t len, pat_len, end;
	const char *s = lua_tolstring(L, lua_upvalueindex(1), &len);
	const char *pat = lua_tolstring(L, lua_upvalueindex(2), &pat_len);
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	struct pattern p = begin(L, s, len, pat, pat_len);
	for (size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(3)); at <= len; at++) {
		if (!match_at(L, &p, at, &end) || (lua_Integer)end == last)
			continue;
		lua_pushinteger(L, (lua_Integer)end);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return push_captures(L, &p, true, at, end);
	}
	return 0;
}

static int string_gmatch(lua_State *L)
{
	size_t len;
	luaL_checklstring(L, 1, &len);
	luaL_checkstring(L, 2);
	size_t at = start_place(luaL_optinteger(L, 3, 1), len);
	lua_settop(L, 2);
	lua_pushinteger(L, (lua_Integer)(at > len ? len + 1 : at));
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, gmatch_next, 4);
	return 1;
}

/* The replacement text with its %0 to %9. */
static void add_template(lua_State *L, luaL_Buffer *b, const struct pattern *p, size_t at,
			 size_t end)
{
	size_t len;
	const char *r = lua_tolstring(L, 3, &len), *stop = r + len;
	for (; r < stop; r++) {
		if (*r != '%') {
			luaL_addchar(b, *r);
			continue;
		}
		char c = r + 1 < stop ? *++r : '\0';
		if (c == '%') {
			luaL_addchar(b, c);
		} else if (c == '0') {
			luaL_addlstring(b, p->text + at, end - at);
		} else if (c >= '1' && c <= '9') {
			push_capture(L, p, c - '1', at, end);
			luaL_tolstring(L, -1, NULL);
			lua_remove(L, -2);
			luaL_addvalue(b);
		} else {
			luaL_error(L, "invalid use of '%%' in replacement string");
		}
	}
}

/* Pushes what a table or function says of the match; nil or false keeps it as it is. */
static void add_answer(lua_State *L, luaL_Buffer *b, const struct pattern *p, size_t at, size_t end)
{
	if (lua_isfunction(L, 3)) {
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(L, p, true, at, end), 1);
	} else {
		push_capture(L, p, 0, at, end);
		lua_gettable(L, 3);
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(b, p->text + at, end - at);
	} else if (!lua_isstring(L, -1)) {
		luaL_error(L, "invalid replacement value (a %s)", proxy_type(L, -1));
	} else {
		luaL_addvalue(b);
	}
}

static lua_Integer replace_all(lua_State *L, luaL_Buffer *b, struct pattern *p, bool anchor,
			       lua_Integer max)
{
	size_t len = (size_t)(p->text_end - p->text), at = 0, end;
	size_t last = SIZE_MAX; /* the end of the last match: an empty one may not follow there */
	lua_Integer n = 0;
	int type = lua_type(L, 3);
	while (n < max) {
		if (match_at(L, p, at, &end) && end != last) {
			n++;
			if (type == LUA_TSTRING || type == LUA_TNUMBER)
				add_template(L, b, p, at, end);
			else
				add_answer(L, b, p, at, end);
			p->steps = machine_of(L)->budget.left; /* the callback has spent, too */
			at = last = end;
		} else if (at < len) {
			luaL_addchar(b, p->text[at++]);
		} else {
			break;
		}
		if (anchor)
			break;
	}
	luaL_addlstring(b, p->text + at, len - at);
	return n;
}

static int string_gsub(lua_State *L)
{
	size_t len, pat_len;
	const char *s = luaL_checklstring(L, 1, &len);
	const char *pat = luaL_checklstring(L, 2, &pat_len);
	int type = lua_type(L, 3);
	if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TFUNCTION &&
	    type != LUA_TTABLE && !proxy_get(L, 3))
		return luaL_typeerror(L, 3, "string/function/table");
	if (type == LUA_TNUMBER)
		lua_tostring(L, 3);
	bool anchor = pat_len && *pat == '^';
	lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1);
	struct pattern p = begin(L, s, len, pat + anchor, pat_len - anchor);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	lua_Integer n = replace_all(L, &b, &p, anchor, max);
	luaL_pushresult(&b);
	lua_pushinteger(L, n);
	return 2;
}

void lib_pattern_open(lua_State *L)
{
	static const luaL_Reg rows[] = {{"find", string_find},
					{"match", lib_pattern_match},
					{"gmatch", string_gmatch},
					{"gsub", string_gsub},
					{NULL, NULL}};
	luaL_setfuncs(L, rows, 0);
}
