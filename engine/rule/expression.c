/* One expression: compiled by the language behind expr_ops, its mistakes told at their places. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "engine/rule/compile.h"

/* The place in the file of a byte of the source. */
static void place_of(const struct spot *at, const char *src, size_t off, int *line, int *col)
{
	size_t start = 0;
	*line = at->line;
	for (size_t i = 0; i < off; i++) {
		if (src[i] == '\n') {
			++*line;
			start = i + 1;
		}
	}
	*col = *line == at->line ? at->col : at->indent ? at->indent : 1;
	*col += source_characters(src + start, off - start);
}

/* Leaves out "rules/a.yaml:12: " in front of a message: the finding has its place already. */
static const char *without_place(const char *text, const char *where)
{
	size_t len = strlen(where);
	if (strncmp(text, where, len))
		return text;
	text += len;
	while (*text == ':' || *text == ' ' || isdigit((unsigned char)*text))
		text++;
	return text;
}

static void failed(struct compiler *c, const char *src, bool chunk, const struct spot *at,
		   const char *text)
{
	const char *cut = at->node ? source_cut(c->src, at->node) : NULL;
	int line, col;
	if (cut) {
		c->cuts = compile_grow(c, c->cuts, c->n_cuts, &c->cap_cuts, sizeof(*c->cuts));
		c->cuts[c->n_cuts++] = (struct cut){at->line, at->col};
		c->check.error(&c->check, at->line, at->col, "the expression ends too early; %s",
			       cut);
		return;
	}
	struct hint h = hint_find(src, true, chunk);
	place_of(at, src, h.text ? h.off : 0, &line, &col);
	if (h.text)
		c->check.error(&c->check, line, col, "%s", h.text);
	else
		c->check.error(&c->check, line, col, "no valid expression: %s", text);
}

static void check_habits(struct compiler *c, const char *src, bool chunk, const struct spot *at)
{
	struct hint h = hint_find(src, false, chunk);
	int line, col;
	if (!h.text)
		return;
	place_of(at, src, h.off, &line, &col);
	if (h.sure)
		c->check.error(&c->check, line, col, "%s", h.text);
	else
		c->check.warn(&c->check, line, col, "%s", h.text);
}

struct names_arg {
	struct compiler *c;
	const char *src;
	const struct spot *at;
};

static bool is_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

/* Where a dotted name stands in the source from its line on; the line's beginning when it is
 * written otherwise (a["b"]). */
static size_t find_name(const char *src, const char *dotted, int line)
{
	const char *from = src;
	for (int i = 1; i < line; i++) {
		const char *nl = strchr(from, '\n');
		if (!nl)
			break;
		from = nl + 1;
	}
	size_t len = strlen(dotted), head = strcspn(dotted, ".");
	for (int whole = 1; whole >= 0; whole--) {
		size_t n = whole ? len : head;
		for (const char *p = from; *p; p++) {
			if (strncmp(p, dotted, n) || is_word(p[n]))
				continue;
			if (p == src ||
			    (!is_word(p[-1]) && (p[-1] != '.' || (p > src + 1 && p[-2] == '.'))))
				return (size_t)(p - src);
		}
	}
	return (size_t)(from - src);
}

static void on_name(void *arg, const char *dotted, int line)
{
	struct names_arg *a = arg;
	int l, col;
	place_of(a->at, a->src, find_name(a->src, dotted, line), &l, &col);
	bool secret = strcspn(dotted, ".") == strlen("secrets") && !strncmp(dotted, "secrets", 7);
	if (secret && !a->c->in_secrets && !strstr(a->src, "hmac"))
		a->c->check.error(
			&a->c->check, l, col,
			"secrets may be read only inside hmac(), and in the url, query, headers "
			"and body of http: give calls their keys by a connection");
	else
		scope_use(a->c, dotted, l, col);
}

struct tmpl *expression_compile(struct compiler *c, const char *src, bool chunk,
				const struct spot *at)
{
	struct tmpl *t = arena_alloc(&c->plan->arena, sizeof(*t));
	const struct expr_vm *vm = c->env->vm;
	struct errmsg msg = {0};
	char where[300];
	*t = (struct tmpl){.kind = TMPL_EXPR,
			   .line = at->line,
			   .col = at->col,
			   .ref = -1,
			   .src = src,
			   .chunk = chunk};
	if (!src[strspn(src, " \t\n")]) {
		c->check.error(&c->check, at->line, at->col, "an expression is missing here");
		return t;
	}
	snprintf(where, sizeof(where), "%s:%d", c->file, at->line);
	if (vm->ops->compile(vm->vm, src, chunk, where, &t->ref, &msg)) {
		t->ref = -1;
		failed(c, src, chunk, at, without_place(msg.text, where));
		return t;
	}
	if (c->bundle)
		return t;
	check_habits(c, src, chunk, at);
	struct names_arg arg = {c, src, at};
	vm->ops->names(vm->vm, src, chunk, on_name, &arg);
	return t;
}
