/* One parameter of a step: from its YAML value to the bytes its kind reads. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/timefmt.h"
#include "engine/rule/compile.h"

static void wrong(struct compiler *c, const struct ynode *n, const char *wanted)
{
	compile_error(c, n, "%s must stand here, not %s", wanted, ynode_word(n));
}

static void fill_string(struct compiler *c, const char **ret, const struct ynode *n)
{
	if (!n->text || n->kind == Y_NULL || !n->len) {
		wrong(c, n, "a text");
		return;
	}
	if (n->kind == Y_STRING && (n->text[0] == '=' || strstr(n->text, "${"))) {
		compile_error(c, n, "a plain text must stand here: no expression can");
		return;
	}
	*ret = arena_strdup(&c->plan->arena, n->text);
}

bool param_duration(struct compiler *c, const struct ynode *n, int64_t *ret_ms)
{
	struct errmsg msg;
	if (n->kind != Y_STRING && n->kind != Y_INT && n->kind != Y_REAL) {
		wrong(c, n, "a duration such as 90s, 10m or 2d");
		return false;
	}
	if (duration_parse(n->text, ret_ms, &msg)) {
		compile_error(c, n, "%s", msg.text);
		return false;
	}
	return true;
}

static void fill_int(struct compiler *c, int *ret, const struct ynode *n)
{
	if (n->kind != Y_INT)
		wrong(c, n, "a whole number");
	else if (n->integer < 0 || n->integer > INT_MAX)
		compile_error(c, n, "the number must be between 0 and %d", INT_MAX);
	else
		*ret = (int)n->integer;
}

static void fill_bool(struct compiler *c, bool *ret, const struct ynode *n)
{
	if (n->kind == Y_BOOL)
		*ret = n->boolean;
	else
		wrong(c, n, "true or false");
}

static void fill_else(struct compiler *c, struct else_arg *ret, const struct ynode *n,
		      const char *label)
{
	if (n->kind == Y_LIST) {
		ret->kind = ELSE_STEPS;
		steps_compile(c, n, label, &ret->body);
	} else if (n->kind == Y_STRING && !strcmp(n->text, "fail")) {
		ret->kind = ELSE_FAIL;
	} else if (n->kind == Y_STRING && !strcmp(n->text, "continue")) {
		ret->kind = ELSE_CONTINUE;
	} else {
		wrong(c, n, "fail, continue, or a list of steps");
	}
}

static void fill_choice(struct compiler *c, struct choice *ret, const struct ynode *n,
			const char *label)
{
	for (size_t i = 0; n->kind == Y_MAP && i < n->n; i++)
		if (!word_in(words_choice, n->keys[i]->text))
			compile_unknown(c, n->keys[i], "key", words_choice, NULL);
	const struct ynode *cond = ynode_get(n, "if"), *body = ynode_get(n, cond ? "do" : "else");
	if (n->kind != Y_MAP || !body || (cond && ynode_get(n, "else"))) {
		compile_error(c, n,
			      "a choice is {if: …, do: […]}, and the last may be {else: […]}");
		return;
	}
	if (cond)
		ret->cond = template_expr(c, cond);
	steps_compile(c, body, label, &ret->body);
}

static void fill_choices(struct compiler *c, struct choices *ret, const struct ynode *n,
			 const char *name)
{
	if (n->kind != Y_LIST || !n->n) {
		wrong(c, n, "a list of choices");
		return;
	}
	ret->at = arena_alloc(&c->plan->arena, n->n * sizeof(*ret->at));
	ret->n = n->n;
	for (size_t i = 0; i < n->n; i++) {
		const char *label = arena_printf(&c->plan->arena, "%s%zu", name, i + 1);
		fill_choice(c, &ret->at[i], n->items[i], label);
		if (i + 1 < n->n && n->items[i]->kind == Y_MAP && !ynode_get(n->items[i], "if") &&
		    ynode_get(n->items[i], "else"))
			compile_error(c, n->items[i + 1],
				      "this choice is never reached: else: must be the last");
	}
}

static void fill_blocks(struct compiler *c, struct blocks *ret, const struct ynode *n,
			const char *name)
{
	if (n->kind != Y_LIST || !n->n) {
		wrong(c, n, "a list of lists of steps");
		return;
	}
	ret->at = arena_alloc(&c->plan->arena, n->n * sizeof(*ret->at));
	ret->n = n->n;
	size_t first = c->n_names;
	for (size_t i = 0; i < n->n; i++) {
		const char *label = arena_printf(&c->plan->arena, "%s%zu", name, i + 1);
		size_t mark = c->n_names;
		steps_compile(c, n->items[i], label, &ret->at[i]);
		scope_put_beside(c, mark);
	}
	scope_bring_back(c, first);
}

static void fill_name(struct compiler *c, const char **ret, const struct ynode *n)
{
	if (n->kind != Y_STRING || !n->len) {
		wrong(c, n, "a name");
		scope_nameless(c);
		return;
	}
	(void)scope_check_name(c, n, n->text);
	*ret = arena_strdup(&c->plan->arena, n->text);
}

/* `match:` is the one word in which `it`, the event that arrives, has a meaning. */
static struct tmpl *fill_expr(struct compiler *c, const struct param *p, const struct ynode *n)
{
	bool match = !strcmp(p->name, "match");
	c->in_match += match;
	struct tmpl *t = template_expr(c, n);
	c->in_match -= match;
	return t;
}

void param_fill(struct compiler *c, struct step *s, const struct param *p, const struct ynode *n)
{
	void *to = (char *)s->args + p->offset;
	switch (p->type) {
	case P_STRING:
		fill_string(c, to, n);
		break;
	case P_TMPL:
		*(struct tmpl **)to = template_compile(c, n);
		break;
	case P_SECRETS:
		c->in_secrets++;
		*(struct tmpl **)to = template_compile(c, n);
		c->in_secrets--;
		break;
	case P_EXPR:
		*(struct tmpl **)to = fill_expr(c, p, n);
		break;
	case P_DURATION:
		(void)param_duration(c, n, to);
		break;
	case P_INT:
		fill_int(c, to, n);
		break;
	case P_BOOL:
		fill_bool(c, to, n);
		break;
	case P_BLOCK:
		steps_compile(c, n, p->name, to);
		break;
	case P_ELSE:
		fill_else(c, to, n, p->name);
		break;
	case P_CHOICES:
		fill_choices(c, to, n, p->name);
		break;
	case P_BLOCKS:
		fill_blocks(c, to, n, p->name);
		break;
	case P_CATCH:
		catch_compile(c, n, to);
		break;
	case P_NAMES:
		*(struct tmpl **)to = template_names(c, n, s);
		break;
	case P_NAME:
		fill_name(c, to, n);
		break;
	case P_SOURCE:
		source_fill(c, to, n);
		break;
	}
}
