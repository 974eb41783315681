/* Runs the same pattern call in Lua's own string library and in ours. */
#include "tests/fuzz/pattern_twins.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/lua/machine.h"
#include "engine/lua/pattern.h"

#define STEPS 20000

struct twins {
	lua_State *stock;
	struct machine ours;
};

struct twins *twins_new(void)
{
	struct twins *t = mem_alloc(sizeof(*t));
	t->stock = luaL_newstate();
	luaL_requiref(t->stock, LUA_STRLIBNAME, luaopen_string, 1);
	lua_settop(t->stock, 0);
	t->ours.budget = (struct budget){.limit = 10000000, .cpu_ms_max = 60000};
	t->ours.script = true;
	if (!machine_init(&t->ours))
		abort();
	return t;
}

void twins_free(struct twins *t)
{
	lua_close(t->stock);
	machine_done(&t->ours);
	free(t);
}

/* Steps of each start of the search: what backtracks for ever is not for the stock library. */
static bool is_tame(const char *text, size_t len, const char *pat, size_t pat_len)
{
	struct pattern p;
	size_t end;
	bool anchor = pat_len && *pat == '^';
	pattern_init(&p, text, len, pat, pat_len, STEPS);
	for (int skip = 0; skip <= anchor; skip++) {
		pattern_init(&p, text, len, pat + skip, pat_len - (size_t)skip, STEPS);
		for (size_t at = 0; at <= len; at++)
			if (pattern_match(&p, at, &end) == PATTERN_STEPS)
				return false;
	}
	return true;
}

/* All results of a gmatch, with their count. */
static int drain(lua_State *L)
{
	int n = 0;
	luaL_Buffer b;
	lua_settop(L, 1);
	luaL_buffinit(L, &b);
	for (; n < 200; n++) {
		int base = lua_gettop(L);
		lua_pushvalue(L, 1);
		lua_call(L, 0, LUA_MULTRET);
		if (lua_gettop(L) == base || lua_isnil(L, base + 1)) {
			lua_settop(L, base);
			break;
		}
		lua_pushliteral(L, "");
		for (int i = base + 1; i < lua_gettop(L); i++) {
			lua_pushvalue(L, i);
			lua_pushliteral(L, "|");
			lua_concat(L, 3);
		}
		lua_insert(L, base + 1);
		lua_settop(L, base + 1);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	return 1;
}

/* Calls string.NAME with the arguments on the stack's place 1 on; the text of all answers. */
static int call_all(lua_State *L)
{
	const char *name = lua_tostring(L, lua_upvalueindex(1));
	int n = lua_gettop(L);
	lua_pushliteral(L, "");
	lua_getfield(L, -1, name); /* by the metatable of texts */
	lua_insert(L, 1);
	lua_settop(L, n + 1);
	lua_call(L, n, LUA_MULTRET);
	if (strcmp(name, "gmatch") == 0)
		return drain(L);
	n = lua_gettop(L);
	lua_pushliteral(L, "");
	for (int i = 1; i <= n; i++) {
		luaL_tolstring(L, i, NULL);
		lua_pushliteral(L, "|");
		lua_concat(L, 3);
	}
	return 1;
}

struct call {
	const char *name;
	const char *text, *pat, *repl;
	size_t len, pat_len, repl_len;
	int start;
};

/* True with the answers at the top, false with the error there. */
static bool ask(lua_State *L, const struct call *c)
{
	lua_settop(L, 0);
	lua_pushstring(L, c->name);
	lua_pushcclosure(L, call_all, 1);
	lua_pushlstring(L, c->text, c->len);
	lua_pushlstring(L, c->pat, c->pat_len);
	if (c->repl)
		lua_pushlstring(L, c->repl, c->repl_len);
	else
		lua_pushinteger(L, c->start);
	return lua_pcall(L, 3, 1, 0) == LUA_OK;
}

static bool same_call(struct twins *t, const struct call *c, char why[512])
{
	bool stock = ask(t->stock, c);
	budget_start(&t->ours.budget, t->ours.L);
	bool ours = ask(t->ours.L, c);
	budget_stop(&t->ours.budget);
	const char *a = lua_tostring(t->stock, -1), *b = lua_tostring(t->ours.L, -1);
	size_t a_len = lua_rawlen(t->stock, -1), b_len = lua_rawlen(t->ours.L, -1);
	if (stock == ours && (!stock || (a_len == b_len && memcmp(a, b, a_len) == 0)))
		return true;
	snprintf(why, 512,
		 "%s(\"%.*s\", \"%.*s\", %d \"%.*s\"): stock %s '%.100s', ours %s '%.100s'",
		 c->name, (int)c->len, c->text, (int)c->pat_len, c->pat, c->start, (int)c->repl_len,
		 c->repl ? c->repl : "", stock ? "gave" : "failed", a, ours ? "gave" : "failed", b);
	return false;
}

bool twins_agree(struct twins *t, const char *text, size_t len, const char *pat, size_t pat_len,
		 const char *repl, size_t repl_len, int start, char why[512])
{
	if (!is_tame(text, len, pat, pat_len))
		return true;
	struct call c = {.text = text, .pat = pat, .len = len, .pat_len = pat_len, .start = start};
	static const char *const names[] = {"find", "match", "gmatch"};
	for (int i = 0; i < 3; i++) {
		c.name = names[i];
		if (!same_call(t, &c, why))
			return false;
	}
	c.name = "gsub";
	c.repl = repl;
	c.repl_len = repl_len;
	return same_call(t, &c, why);
}
