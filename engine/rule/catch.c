/* `catch:` and `retry:`: what is done about errors, and the names errors have. */
#include <stdio.h>
#include <string.h>

#include "engine/rule/compile.h"

/* Stable names, statuses, and the APIs' own keys, which have a dot ("contacts.api.conflict"). */
static bool is_error_name(const struct ynode *n)
{
	if (n->kind == Y_INT)
		return n->integer >= 100 && n->integer <= 599;
	return word_in(words_errors, n->text) || strchr(n->text, '.');
}

static const char *error_name(struct compiler *c, const struct ynode *n)
{
	if ((n->kind != Y_STRING && n->kind != Y_INT) || !n->len) {
		compile_error(c, n, "the name of an error, or a status, must stand here, not %s",
			      ynode_word(n));
		return NULL;
	}
	if (!is_error_name(n)) {
		const char *near = word_near(n->text, words_errors, NULL);
		if (near)
			compile_error(c, n, "no error has the name '%s'; did you mean '%s'?",
				      n->text, near);
		else
			compile_error(c, n,
				      "no error has the name '%s': use a stable name such as "
				      "not_found, an API's key, or a status",
				      n->text);
		return NULL;
	}
	return arena_strdup(&c->plan->arena, n->text);
}

static void error_names(struct compiler *c, const struct ynode *n, const char ***ret, size_t *ret_n)
{
	size_t count = n->kind == Y_LIST ? n->n : 1;
	if (!count)
		compile_error(c, n, "name at least one error, or leave error: out for any");
	const char **names = arena_alloc(&c->plan->arena, (count + 1) * sizeof(*names));
	*ret_n = 0;
	for (size_t i = 0; i < count; i++) {
		const char *name = error_name(c, n->kind == Y_LIST ? n->items[i] : n);
		if (name)
			names[(*ret_n)++] = name;
	}
	*ret = names;
}

static bool is_catch_all(const struct ynode *n)
{
	return n->kind == Y_MAP && ynode_get(n, "do") && !ynode_get(n, "error") &&
	       !ynode_get(n, "if");
}

static void compile_one(struct compiler *c, const struct ynode *n, size_t nth, struct catcher *ret)
{
	const struct ynode *v;
	if (n->kind != Y_MAP) {
		compile_error(c, n, "a catch is a map such as {error: [timeout], do: […]}, not %s",
			      ynode_word(n));
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		if (!word_in(words_catch, n->keys[i]->text) && strncmp(n->keys[i]->text, "x-", 2))
			compile_unknown(c, n->keys[i], "key", words_catch, NULL);
	if ((v = ynode_get(n, "error")))
		error_names(c, v, &ret->errors, &ret->n_errors);
	if ((v = ynode_get(n, "if")))
		ret->cond = template_expr(c, v);
	if ((v = ynode_get(n, "do")))
		steps_compile(c, v, arena_printf(&c->plan->arena, "catch%zu", nth), &ret->body);
	else
		compile_error(c, n, "a catch needs do:; to go on after the error write do: []");
}

void catch_compile(struct compiler *c, const struct ynode *n, struct catchers *ret)
{
	if (n->kind != Y_LIST || !n->n) {
		compile_error(c, n,
			      "catch: is a list such as [{error: [timeout], do: […]}], not %s",
			      ynode_word(n));
		return;
	}
	ret->at = arena_alloc(&c->plan->arena, n->n * sizeof(*ret->at));
	ret->n = n->n;
	c->in_catch++;
	for (size_t i = 0; i < n->n; i++) {
		compile_one(c, n->items[i], i + 1, &ret->at[i]);
		if (i + 1 < n->n && is_catch_all(n->items[i]))
			compile_error(
				c, n->items[i + 1],
				"this catch is never reached: the one before it takes any error");
	}
	c->in_catch--;
}

static void retry_factor(struct compiler *c, const struct ynode *n, double *ret)
{
	double v = n->kind == Y_INT ? (double)n->integer : n->kind == Y_REAL ? n->real : 0;
	if (v < 1 || v > 100)
		compile_error(c, n, "factor must be a number from 1 to 100");
	else
		*ret = v;
}

static void retry_jitter(struct compiler *c, const struct ynode *n, bool *ret_none)
{
	if (n->kind == Y_STRING && (!strcmp(n->text, "full") || !strcmp(n->text, "none")))
		*ret_none = n->text[0] == 'n';
	else
		compile_error(c, n, "jitter is full or none");
}

static void retry_attempts(struct compiler *c, const struct ynode *n, int *ret)
{
	if (n->kind == Y_INT && n->integer >= 1 && n->integer <= 1000)
		*ret = (int)n->integer;
	else
		compile_error(c, n, "attempts must be a whole number from 1 to 1000");
}

void retry_compile(struct compiler *c, const struct ynode *n, struct retry *ret)
{
	if (n->kind != Y_MAP) {
		compile_error(c, n, "retry: is a map such as {attempts: 3, first: 5s}, not %s",
			      ynode_word(n));
		return;
	}
	const struct ynode *v;
	ret->set = true;
	for (size_t i = 0; i < n->n; i++)
		if (!word_in(words_retry, n->keys[i]->text))
			compile_unknown(c, n->keys[i], "key", words_retry, NULL);
	if ((v = ynode_get(n, "attempts")))
		retry_attempts(c, v, &ret->attempts);
	if ((v = ynode_get(n, "first")))
		(void)param_duration(c, v, &ret->first_ms);
	if ((v = ynode_get(n, "cap")))
		(void)param_duration(c, v, &ret->cap_ms);
	if ((v = ynode_get(n, "within")))
		(void)param_duration(c, v, &ret->within_ms);
	if ((v = ynode_get(n, "factor")))
		retry_factor(c, v, &ret->factor);
	if ((v = ynode_get(n, "jitter")))
		retry_jitter(c, v, &ret->no_jitter);
	if ((v = ynode_get(n, "error")))
		error_names(c, v, &ret->errors, &ret->n_errors);
}
