/* Looking at scripts without running them: syntax, the files they require, the actions they call. */
#include <lauxlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/lua/lex.h"
#include "engine/lua/script_private.h"

/* The tokens of a script, and whether the one before makes a name a field. */
struct scan {
	struct lex t;
	bool is_field;
};

static void step(struct scan *s)
{
	s->is_field = lex_is(&s->t, ".") || lex_is(&s->t, ":");
	lex_next(&s->t);
}

/* Goes past a call's literal argument (f "x" or f("x")) and fills *ret, or stays where it is. */
static bool literal(struct scan *s, bool alone, struct lex *ret)
{
	struct scan ahead = *s;
	step(&ahead);
	bool bracket = lex_is(&ahead.t, "(");
	if (bracket)
		step(&ahead);
	*ret = ahead.t;
	if (ahead.t.kind != LEX_STRING || memchr(ret->text, '\\', ret->len))
		return false;
	if (bracket && alone) {
		step(&ahead);
		if (!lex_is(&ahead.t, ")"))
			return false;
	}
	*s = ahead;
	return true;
}

static void tell_require(const struct lex *name, void (*cb)(void *, const char *, int), void *arg)
{
	struct buf file = BUF_INIT;
	for (size_t i = 0; i < name->len; i++)
		(void)buf_putc(&file, name->text[i] == '.' ? '/' : name->text[i]);
	(void)buf_puts(&file, ".lua");
	cb(arg, buf_str(&file), name->line);
	buf_done(&file);
}

static int check_syntax(struct machine *m, const char *text, int *ret_line, struct errmsg *msg)
{
	m->budget.over = BUDGET_LEFT;
	m->budget.left = m->budget.limit;
	int status = luaL_loadbufferx(m->L, text, strlen(text), EXPR_CHUNK, "t");
	int code = 0;
	if (status != LUA_OK) {
		const char *says = expr_cut_prefix(machine_error(m, m->L, status), ret_line);
		code = err_set(msg, ERR_PARSE, "%d: %s", *ret_line, says);
	}
	lua_settop(m->L, 0);
	return code;
}

int script_check(struct lua_host *h, const char *name, const char *text,
		 void (*requires)(void *arg, const char *file, int line), void *arg, int *ret_line,
		 struct errmsg *msg)
{
	(void)name;
	*ret_line = 0;
	int code = check_syntax(&h->machine, text, ret_line, msg);
	if (code)
		return code;
	struct scan s = {0};
	struct lex file;
	lex_init(&s.t, text, strlen(text));
	for (step(&s); s.t.kind != LEX_END && s.t.kind != LEX_BAD; step(&s)) {
		if (!lex_is(&s.t, "require") || s.is_field)
			continue;
		*ret_line = s.t.line;
		if (!literal(&s, true, &file))
			return err_set(msg, ERR_PARSE,
				       "%d: require takes a literal name: require "
				       "\"lib.name\"",
				       *ret_line);
		tell_require(&file, requires, arg);
	}
	*ret_line = 0;
	return 0;
}

void script_calls(const char *text, void (*cb)(void *arg, const char *action, int line), void *arg)
{
	struct scan s = {0};
	struct lex name;
	lex_init(&s.t, text, strlen(text));
	for (step(&s); s.t.kind != LEX_END && s.t.kind != LEX_BAD; step(&s)) {
		char action[256];
		int line = s.t.line;
		if (!lex_is(&s.t, "call") || s.is_field || !literal(&s, false, &name) ||
		    name.len >= sizeof(action))
			continue;
		memcpy(action, name.text, name.len);
		action[name.len] = '\0';
		cb(arg, action, line);
	}
}
