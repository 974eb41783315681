/* Looking at scripts without running them: syntax, the files they require, the actions they call, the events they wait for. */
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

/* ---- wait_event ---- */

/* Goes to what ends a value in a table: a separator, or the table's end. */
static void skip_value(struct lex *t)
{
	int depth = 0;
	for (; t->kind != LEX_END && t->kind != LEX_BAD; lex_next(t)) {
		bool close = lex_is(t, ")") || lex_is(t, "}") || lex_is(t, "]");
		if (!depth && (close || lex_is(t, ",") || lex_is(t, ";")))
			return;
		depth += (lex_is(t, "(") || lex_is(t, "{") || lex_is(t, "[")) - close;
	}
}

/* `name =` or `["name"] =`; goes behind it. False: something else. */
static bool read_key(struct lex *t, struct lex *ret)
{
	bool bracket = lex_is(t, "[");
	if (bracket)
		lex_next(t);
	*ret = *t;
	if (t->kind != (bracket ? LEX_STRING : LEX_NAME) || memchr(t->text, '\\', t->len))
		return false;
	lex_next(t);
	if (bracket && !lex_is(t, "]"))
		return false;
	if (bracket)
		lex_next(t);
	bool equals = lex_is(t, "=");
	lex_next(t);
	return equals;
}

/* Goes through a table from its "{" to behind its "}" and tells each key, with the token of its value. */
static bool read_table(struct lex *t,
		       bool (*on_key)(struct lex *t, const struct lex *key, json_t *to), json_t *to)
{
	struct lex key;
	for (lex_next(t); !lex_is(t, "}");) {
		if (!read_key(t, &key) || !on_key(t, &key, to))
			return false;
		skip_value(t);
		if (lex_is(t, ",") || lex_is(t, ";"))
			lex_next(t);
		else if (!lex_is(t, "}"))
			return false;
	}
	lex_next(t);
	return true;
}

static void put(json_t *to, const struct lex *key, json_t *v)
{
	json_t *name = json_stringn(key->text, key->len);
	if (name)
		json_object_set_new(to, json_string_value(name), v);
	else
		json_decref(v);
	json_decref(name);
}

static bool on_where(struct lex *t, const struct lex *key, json_t *to)
{
	(void)t;
	put(to, key, json_null());
	return true;
}

static bool on_word(struct lex *t, const struct lex *key, json_t *to)
{
	if (lex_is(key, "where")) {
		json_t *where = json_object();
		json_object_set_new(to, "where", where);
		return lex_is(t, "{") && read_table(t, on_where, where);
	}
	if (lex_is(key, "timeout"))
		return true;
	if (lex_is(key, "scan")) {
		put(to, key, json_boolean(lex_is(t, "true")));
		return true;
	}
	json_t *name = t->kind == LEX_STRING ? json_stringn(t->text, t->len) : NULL;
	if (name)
		put(to, key, name);
	return name != NULL;
}

/* wait_event("x", {…}), wait_event({…}), wait_event{…}, pcall(wait_event, …); t: at the name. */
static bool read_wait(struct lex t, json_t *words)
{
	lex_next(&t);
	bool bracket = lex_is(&t, "(") || lex_is(&t, ",");
	if (bracket)
		lex_next(&t);
	if (t.kind == LEX_STRING) {
		json_t *name = json_stringn(t.text, t.len);
		if (!name || memchr(t.text, '\\', t.len))
			return false;
		json_object_set_new(words, "event", name);
		lex_next(&t);
		if (!bracket || lex_is(&t, ")"))
			return true;
		if (!lex_is(&t, ","))
			return false;
		lex_next(&t);
	}
	return lex_is(&t, "{") && read_table(&t, on_word, words);
}

void script_waits(const char *text, void (*cb)(void *arg, const json_t *words, int line), void *arg)
{
	struct scan s = {0};
	lex_init(&s.t, text, strlen(text));
	for (step(&s); s.t.kind != LEX_END && s.t.kind != LEX_BAD; step(&s)) {
		if (!lex_is(&s.t, "wait_event") || s.is_field)
			continue;
		json_auto_t *words = json_object();
		cb(arg, read_wait(s.t, words) ? words : NULL, s.t.line);
	}
}
