/* YAML values to templates: what begins with '=', what has ${ } in it, and what is plain. */
#include <string.h>
#include <strings.h>

#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/rule/compile.h"

/* Shorter texts under a secret's name are examples or words. */
#define SECRET_MIN 8

static struct tmpl *compile_value(struct compiler *c, const struct ynode *n);

static struct tmpl *tmpl_at(struct compiler *c, enum tmpl_kind kind, const struct ynode *n)
{
	struct tmpl *t = arena_alloc(&c->plan->arena, sizeof(*t));
	t->kind = kind;
	t->ref = -1;
	t->line = n->line;
	t->col = n->col;
	return t;
}

static struct tmpl *literal_at(struct compiler *c, const struct ynode *n, json_t *value)
{
	struct tmpl *t = tmpl_at(c, TMPL_LITERAL, n);
	t->literal = value;
	return t;
}

/* The place of a byte of a scalar; near it where escapes or folding moved the text. */
static struct spot spot_of(struct compiler *c, const struct ynode *n, size_t off)
{
	struct spot s = {.line = n->line, .col = n->col, .node = n};
	size_t line_start = 0;
	if (!n->block) {
		s.col += !n->plain + source_characters(n->text, off);
		return s;
	}
	s.line++;
	s.indent = source_indent(c->src, n);
	for (size_t i = 0; i < off; i++) {
		if (n->text[i] == '\n') {
			s.line++;
			line_start = i + 1;
		}
	}
	s.col = (s.indent ? s.indent : 1) +
		source_characters(n->text + line_start, off - line_start);
	return s;
}

static bool has_return(const char *src)
{
	for (const char *at = src; (at = strstr(at, "return")); at += 6) {
		bool before = at == src || strchr(" \t\n;)", at[-1]);
		if (before && strchr(" \t\n;({\"'", at[6]))
			return true;
	}
	return false;
}

static struct tmpl *expr_at(struct compiler *c, const struct ynode *n, size_t off)
{
	const char *src = arena_strdup(&c->plan->arena, n->text + off);
	struct spot at = spot_of(c, n, off);
	return expression_compile(c, src, n->block && has_return(src), &at);
}

/* Behind a quote, or behind "[[" or "[=[": the byte after the text's end. */
static size_t skip_string(const char *s, size_t len, size_t i)
{
	char quote = s[i++];
	for (; i < len && s[i] != quote; i++)
		if (s[i] == '\\')
			i++;
	return i < len ? i + 1 : len;
}

static size_t skip_long(const char *s, size_t len, size_t i)
{
	size_t level = strspn(s + i + 1, "=");
	if (s[i + 1 + level] != '[')
		return i + 1;
	for (size_t at = i + 2 + level; at < len; at++)
		if (s[at] == ']' && strspn(s + at + 1, "=") == level && s[at + 1 + level] == ']')
			return at + level + 2;
	return len;
}

/* The place of the '}' that closes the '{' before `i`, or len. */
static size_t find_close(const char *s, size_t len, size_t i)
{
	int depth = 1;
	while (i < len) {
		if (s[i] == '"' || s[i] == '\'') {
			i = skip_string(s, len, i);
			continue;
		}
		if (s[i] == '[') {
			i = skip_long(s, len, i);
			continue;
		}
		if (s[i] == '{')
			depth++;
		else if (s[i] == '}' && --depth == 0)
			return i;
		i++;
	}
	return len;
}

/* The pieces of one text while it is taken apart. */
struct pieces {
	struct tmpl **at;
	size_t n, cap;
	struct buf text;
};

static void add_piece(struct compiler *c, struct pieces *p, struct tmpl *t)
{
	p->at = compile_grow(c, p->at, p->n, &p->cap, sizeof(*p->at));
	p->at[p->n++] = t;
}

static json_t *text_json(struct pieces *p)
{
	json_t *v = json_stringn(buf_str(&p->text), p->text.len);
	return v ? v : json_string("");
}

static void end_text(struct compiler *c, const struct ynode *n, struct pieces *p)
{
	if (p->text.len)
		add_piece(c, p, literal_at(c, n, text_json(p)));
	buf_clear(&p->text);
}

static void unclosed(struct compiler *c, const struct ynode *n, size_t off)
{
	struct spot at = spot_of(c, n, off);
	const char *cut = source_cut(c->src, n);
	if (cut) {
		c->cuts = compile_grow(c, c->cuts, c->n_cuts, &c->cap_cuts, sizeof(*c->cuts));
		c->cuts[c->n_cuts++] = (struct cut){at.line, at.col};
	}
	c->check.error(&c->check, at.line, at.col, "this ${ is never closed%s%s",
		       cut ? "; " : " by a }", cut ? cut : "");
}

/* One ${ } whose '$' is at i; returns the byte after it. */
static size_t take_expression(struct compiler *c, const struct ynode *n, struct pieces *p, size_t i)
{
	size_t end = find_close(n->text, n->len, i + 2);
	struct spot at = spot_of(c, n, i + 2);
	if (end == n->len) {
		unclosed(c, n, i);
		return end;
	}
	if (n->text[i + 2] == '{') {
		c->check.error(&c->check, at.line, at.col - 2,
			       "write ${ } with one brace, not ${{ }}");
		return end + 1;
	}
	end_text(c, n, p);
	const char *src = arena_strndup(&c->plan->arena, n->text + i + 2, end - i - 2);
	add_piece(c, p, expression_compile(c, src, false, &at));
	return end + 1;
}

static void take_apart(struct compiler *c, const struct ynode *n, size_t i, struct pieces *p)
{
	while (i < n->len) {
		if (n->text[i] == '$' && !strncmp(n->text + i, "$${", 3)) {
			buf_puts(&p->text, "${");
			i += 3;
		} else if (n->text[i] == '$' && n->text[i + 1] == '{') {
			i = take_expression(c, n, p, i);
		} else {
			buf_putc(&p->text, n->text[i++]);
		}
	}
}

static void warn_braces(struct compiler *c, const struct ynode *n)
{
	const char *at = strstr(n->text, "{{");
	if (!at || !strstr(at, "}}") || (at > n->text && at[-1] == '$'))
		return;
	struct spot s = spot_of(c, n, (size_t)(at - n->text));
	c->check.warn(&c->check, s.line, s.col,
		      "{{ }} is sent as it stands: write ${ } to fill a value in");
}

static struct tmpl *compile_text(struct compiler *c, const struct ynode *n)
{
	if (n->text[0] == '=' && n->text[1] != '=')
		return expr_at(c, n, 1);
	size_t start = n->text[0] == '=';
	struct pieces p = {0};
	warn_braces(c, n);
	take_apart(c, n, start, &p);
	if (!p.n) {
		struct tmpl *t = literal_at(c, n, text_json(&p));
		buf_done(&p.text);
		return t;
	}
	end_text(c, n, &p);
	buf_done(&p.text);
	struct tmpl *t = tmpl_at(c, TMPL_TEXT, n);
	t->n = p.n;
	t->items = arena_alloc(&c->plan->arena, p.n * sizeof(*t->items));
	memcpy(t->items, p.at, p.n * sizeof(*t->items));
	return t;
}

/* A container of plain values becomes one plain value; its parts stay for the places they had. */
static struct tmpl *fold(struct tmpl *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i]->kind != TMPL_LITERAL)
			return t;
	json_t *v = t->kind == TMPL_MAP ? json_object() : json_array();
	for (size_t i = 0; i < t->n; i++) {
		if (t->kind == TMPL_MAP)
			json_object_set(v, t->keys[i], t->items[i]->literal);
		else
			json_array_append(v, t->items[i]->literal);
	}
	t->kind = TMPL_LITERAL;
	t->literal = v;
	return t;
}

static struct tmpl *container(struct compiler *c, const struct ynode *n)
{
	struct tmpl *t = tmpl_at(c, n->kind == Y_MAP ? TMPL_MAP : TMPL_LIST, n);
	t->n = n->n;
	if (n->n)
		t->items = arena_alloc(&c->plan->arena, n->n * sizeof(*t->items));
	if (!n->n || n->kind != Y_MAP)
		return t;
	t->keys = arena_alloc(&c->plan->arena, n->n * sizeof(*t->keys));
	t->places = arena_alloc(&c->plan->arena, n->n * sizeof(*t->places));
	for (size_t i = 0; i < n->n; i++) {
		t->keys[i] = arena_strdup(&c->plan->arena, n->keys[i]->text);
		t->places[i] = (struct tmpl_place){n->keys[i]->line, n->keys[i]->col};
	}
	return t;
}

/* A key as it stands for what nobody else should know, with a plain text behind it; its own name is a sample. */
static void check_secret(struct compiler *c, const struct ynode *key, const struct ynode *v)
{
	static const char *const names[] = {"authorization",
					    "proxy-authorization",
					    "x-api-key",
					    "api_key",
					    "apikey",
					    "api-key",
					    "password",
					    "secret",
					    "client_secret",
					    "access_token",
					    NULL};
	bool plain = v->kind == Y_STRING && v->len >= SECRET_MIN && v->text[0] != '=' &&
		     !strstr(v->text, "${") && strcasecmp(v->text, key->text) != 0;
	for (size_t i = 0; names[i] && plain && !c->bundle; i++)
		if (!strcasecmp(names[i], key->text))
			compile_warn(c, v,
				     "a secret does not belong into a rule: declare it under "
				     "secrets: or in a connection, in pawl.yaml");
}

static struct tmpl *compile_container(struct compiler *c, const struct ynode *n)
{
	struct tmpl *t = container(c, n);
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == Y_MAP)
			check_secret(c, n->keys[i], n->items[i]);
		t->items[i] = compile_value(c, n->items[i]);
	}
	return fold(t);
}

static struct tmpl *compile_value(struct compiler *c, const struct ynode *n)
{
	switch (n->kind) {
	case Y_STRING:
		return compile_text(c, n);
	case Y_LIST:
	case Y_MAP:
		return compile_container(c, n);
	case Y_NULL:
	case Y_BOOL:
	case Y_INT:
	case Y_REAL:
	default:
		return literal_at(c, n, ynode_json(n));
	}
}

struct tmpl *template_compile(struct compiler *c, const struct ynode *n)
{
	return plan_keep(c->plan, compile_value(c, n));
}

struct tmpl *template_expr(struct compiler *c, const struct ynode *n)
{
	if (n->kind == Y_STRING) {
		size_t off = strspn(n->text, " \t\n");
		off += n->text[off] == '=' && n->text[off + 1] != '=';
		return plan_keep(c->plan, expr_at(c, n, off));
	}
	if (n->kind == Y_NULL)
		compile_error(c, n, "an expression is missing here");
	else if (n->kind == Y_MAP || n->kind == Y_LIST)
		compile_error(c, n, "an expression must stand here, not %s", ynode_word(n));
	return plan_keep(c->plan, literal_at(c, n, ynode_json(n)));
}

struct tmpl *template_names(struct compiler *c, const struct ynode *n, const struct step *s)
{
	if (n->kind != Y_MAP || !n->n) {
		compile_error(c, n, "a map of names and values must stand here, not %s",
			      ynode_word(n));
		scope_nameless(c);
		return plan_keep(c->plan, tmpl_at(c, TMPL_MAP, n));
	}
	struct tmpl *t = container(c, n);
	for (size_t i = 0; i < n->n; i++) {
		t->items[i] = compile_value(c, n->items[i]);
		if (scope_is_shared(c, n->keys[i]->text))
			compile_error(c, n->keys[i],
				      "items that go side by side cannot change '%s' for each "
				      "other: give the loop a result:, and add up after it",
				      n->keys[i]->text);
		scope_declare(c, n->keys[i], t->keys[i], NULL, false);
		scope_same_as(c, t->items[i]);
	}
	return plan_keep(c->plan, t);
}

/* The scope of what is evaluated while loading. */
struct load_scope {
	struct scope scope;
	json_t *vars;
};

static json_t *load_get(const struct scope *s, const char *name)
{
	const struct load_scope *l = (const struct load_scope *)s;
	return strcmp(name, "vars") ? NULL : l->vars;
}

json_t *template_load(struct compiler *c, const struct ynode *n)
{
	size_t errors = c->f->errors;
	enum scope_level level = c->level;
	c->level = LEVEL_LOAD;
	struct tmpl *t = template_compile(c, n);
	c->level = level;
	if (c->f->errors != errors)
		return NULL;
	struct load_scope scope = {{load_get}, c->plan->vars};
	struct errmsg msg;
	json_t *ret;
	if (tmpl_eval(c->env->vm, t, &scope.scope, &ret, &msg)) {
		compile_error(c, n, "%s", msg.text);
		return NULL;
	}
	return ret;
}
