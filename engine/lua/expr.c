/* Compiling and evaluating expressions in the shared state. */
#include "engine/lua/expr.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/lua/value.h"

#define PREFIX "e:" /* what Lua puts in front of messages from code of that name */
#define SOURCE_MAX (1 << 20)

void expr_set_done(struct expr_set *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->codes[i].where);
	free(e->codes);
	*e = (struct expr_set){0};
}

static size_t take_ref(struct expr_set *e)
{
	size_t i = e->first_free;
	while (i < e->n && e->codes[i].where)
		i++;
	if (i == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 64;
		e->codes = mem_realloc(e->codes, e->cap * sizeof(*e->codes));
	}
	if (i == e->n)
		e->codes[e->n++] = (struct expr_code){0};
	e->first_free = i + 1;
	return i;
}

const char *expr_cut_prefix(const char *text, int *ret_line)
{
	*ret_line = 0;
	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return text;
	char *rest;
	long line = strtol(text + strlen(PREFIX), &rest, 10);
	if (strncmp(rest, ": ", 2) != 0)
		return text;
	*ret_line = (int)line;
	return rest + 2;
}

/* Our own closing bracket is nothing that an author has written. */
static int say_syntax(const char *src, bool chunk, const char *text, struct errmsg *msg)
{
	int line, lines = 1;
	text = expr_cut_prefix(text, &line);
	for (const char *p = src; *p; p++)
		lines += *p == '\n';
	size_t len = strlen(text);
	static const char ours[] = " near ')'", none[] = " near <eof>";
	bool at_end = (!chunk && line > lines && len >= strlen(ours) &&
		       strcmp(text + len - strlen(ours), ours) == 0);
	size_t cut = at_end ? strlen(ours) : 0;
	if (!cut && len >= strlen(none) && strcmp(text + len - strlen(none), none) == 0)
		cut = strlen(none);
	int n = (int)(len - cut);
	const char *end = cut ? " at its end" : "";
	if (chunk && lines > 1 && line > 0)
		return err_set(msg, ERR_PARSE, "line %d: %.*s%s", line, n, text, end);
	return err_set(msg, ERR_PARSE, "%.*s%s", n, text, end);
}

/*
 * The environment becomes a constant local: so that a chunk cannot put another one in its place,
 * which the next evaluation of the same code would see.
 */
static int load_source(lua_State *L, const char *src, bool chunk)
{
	struct buf text = BUF_INIT;
	(void)buf_puts(&text, "local _ENV<const> = _ENV ");
	if (chunk)
		(void)buf_puts(&text, src);
	else
		(void)buf_printf(&text, "return (%s\n)", src);
	int status = luaL_loadbufferx(L, buf_str(&text), text.len, EXPR_CHUNK, "t");
	buf_done(&text);
	return status;
}

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

/* Anchors the function at index 1 under the key at index 2: growing the table may raise. */
static int keep_function(lua_State *L)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_FUNCS);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, lua_tointeger(L, 2));
	return 0;
}

int expr_compile(struct machine *m, struct expr_set *e, const char *src, bool chunk,
		 const char *where, int *ret_ref, struct errmsg *msg)
{
	lua_State *L = m->L;
	if (is_blank(src))
		return err_set(msg, ERR_PARSE, "the expression is empty");
	if (strlen(src) > SOURCE_MAX)
		return err_set(msg, ERR_PARSE, "the expression is longer than 1 MiB");
	m->budget.over = BUDGET_LEFT; /* of the last evaluation: no error of this source */
	m->budget.left = m->budget.limit;
	int status = load_source(L, src, chunk);
	if (status == LUA_OK) {
		size_t ref = take_ref(e);
		lua_pushcfunction(L, keep_function);
		lua_insert(L, -2);
		lua_pushinteger(L, (lua_Integer)ref + 1);
		status = lua_pcall(L, 2, 0, 0);
		if (status == LUA_OK) {
			e->codes[ref] = (struct expr_code){mem_strdup(where), chunk};
			*ret_ref = (int)ref;
			return 0;
		}
		e->first_free = ref;
	}
	int code = say_syntax(src, chunk, machine_error(m, L, status), msg);
	lua_settop(L, 0);
	return code;
}

void expr_release(struct machine *m, struct expr_set *e, int ref)
{
	if (ref < 0 || (size_t)ref >= e->n || !e->codes[ref].where)
		return;
	free(e->codes[ref].where);
	e->codes[ref].where = NULL;
	if ((size_t)ref < e->first_free)
		e->first_free = (size_t)ref;
	lua_rawgeti(m->L, LUA_REGISTRYINDEX, REG_FUNCS);
	lua_pushnil(m->L);
	lua_rawseti(m->L, -2, ref + 1);
	lua_settop(m->L, 0);
}

static int say_failure(struct machine *m, const struct expr_code *code, int status,
		       struct errmsg *msg)
{
	int line;
	const char *text = expr_cut_prefix(machine_error(m, m->L, status), &line);
	if (code->chunk && line > 1)
		return err_set(msg, ERR_SCRIPT, "%s (line %d): %s", code->where, line, text);
	return err_set(msg, ERR_SCRIPT, "%s: %s", code->where, text);
}

int expr_run(struct machine *m, struct expr_set *e, int ref, const struct scope *s,
	     json_t **ret_value, bool *ret_truth, struct errmsg *msg)
{
	assert(ref >= 0 && (size_t)ref < e->n && e->codes[ref].where);
	assert(!m->budget.active && "an evaluation began inside another");
	lua_State *L = m->L;
	m->scope = s;
	m->leaving = false;
	budget_start(&m->budget, L);
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_FUNCS);
	lua_rawgeti(L, -1, ref + 1);
	int status = lua_pcall(L, 0, 1, 0);
	if (status == LUA_OK && ret_truth)
		*ret_truth = lua_toboolean(L, -1);
	else if (status == LUA_OK)
		status = value_take(L, ret_value);
	budget_stop(&m->budget);
	int code = 0;
	if (status != LUA_OK)
		code = say_failure(m, &e->codes[ref], status, msg);
	lua_settop(L, 0);
	proxy_reset(m);
	m->scope = NULL;
	return code;
}
