/* A small expression language, so that the compiler is tested without the real one. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "tests/unit/rule/fake.h"

#define EXPRS_MAX 10000

static char *exprs[EXPRS_MAX];
static int n_exprs, n_live;

static const char *const words[] = {"and", "or",    "not",  "nil", "true",   "false",
				    "if",  "local", "then", "end", "return", NULL};
static const char *const library[] = {"lower", "len",  "has",    "empty", "time", "json",
				      "list",  "find", "string", "hmac",  NULL};

static bool is_in(const char *const *list, const char *word, size_t len)
{
	for (; *list; list++)
		if (strlen(*list) == len && !strncmp(*list, word, len))
			return true;
	return false;
}

/* ---- reading and evaluating are one descent; without a scope it only reads ---- */

struct reader {
	const char *at;
	const struct scope *s;
	bool bad;
	bool failed; /* at run time */
};

static json_t *read_or(struct reader *r);

static void skip_space(struct reader *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

static bool take(struct reader *r, const char *text)
{
	size_t n = strlen(text);
	skip_space(r);
	if (strncmp(r->at, text, n))
		return false;
	if (isalpha((unsigned char)*text) && (isalnum((unsigned char)r->at[n]) || r->at[n] == '_'))
		return false;
	r->at += n;
	return true;
}

static json_t *read_string(struct reader *r)
{
	char quote = *r->at++;
	const char *start = r->at;
	while (*r->at && *r->at != quote)
		r->at++;
	if (!*r->at) {
		r->bad = true;
		return NULL;
	}
	return json_stringn(start, (size_t)(r->at++ - start));
}

static json_t *read_number(struct reader *r)
{
	char *end;
	double d = strtod(r->at, &end);
	bool real = memchr(r->at, '.', (size_t)(end - r->at)) != NULL;
	r->at = end;
	return real ? json_real(d) : json_integer((json_int_t)d);
}

/* name.field.field, and calls and indexes behind it, which give nil. */
static json_t *read_name(struct reader *r)
{
	const char *start = r->at;
	while (isalnum((unsigned char)*r->at) || *r->at == '_')
		r->at++;
	size_t len = (size_t)(r->at - start);
	if (is_in(words, start, len)) {
		bool yes = !strncmp(start, "true", len), no = !strncmp(start, "false", len);
		r->bad = r->bad || !(yes || no || !strncmp(start, "nil", len));
		return yes ? json_true() : no ? json_false() : NULL;
	}
	char name[100];
	snprintf(name, sizeof(name), "%.*s", (int)len, start);
	json_t *v = r->s ? r->s->get(r->s, name) : NULL;
	while (*r->at == '.' && isalpha((unsigned char)r->at[1])) {
		start = ++r->at;
		while (isalnum((unsigned char)*r->at) || *r->at == '_')
			r->at++;
		snprintf(name, sizeof(name), "%.*s", (int)(r->at - start), start);
		v = json_object_get(v, name);
	}
	while (*r->at == '(' || *r->at == '[') {
		char close = *r->at++ == '(' ? ')' : ']';
		for (skip_space(r); *r->at != close && !r->bad; skip_space(r)) {
			json_decref(read_or(r));
			skip_space(r);
			if (*r->at == ',')
				r->at++;
			else if (*r->at != close)
				r->bad = true;
		}
		r->at += !r->bad;
		v = NULL;
	}
	return json_incref(v);
}

static json_t *read_primary(struct reader *r)
{
	skip_space(r);
	if (*r->at == '"' || *r->at == '\'')
		return read_string(r);
	if (isdigit((unsigned char)*r->at))
		return read_number(r);
	if (take(r, "not")) {
		json_auto_t *v = read_primary(r);
		return json_boolean(!v || json_is_false(v) || json_is_null(v));
	}
	if (take(r, "(")) {
		json_t *v = read_or(r);
		r->bad = r->bad || !take(r, ")");
		return v;
	}
	if (take(r, "boom()")) {
		r->failed = r->s != NULL;
		return NULL;
	}
	if (isalpha((unsigned char)*r->at) || *r->at == '_')
		return read_name(r);
	r->bad = true;
	return NULL;
}

static json_t *read_compare(struct reader *r)
{
	json_t *a = read_primary(r);
	for (;;) {
		static const char *const ops[] = {"==", "~=", "..", "+", "<", ">", NULL};
		int op = 0;
		while (ops[op] && !take(r, ops[op]))
			op++;
		if (!ops[op])
			return a;
		json_auto_t *b = read_primary(r);
		json_t *v;
		if (op <= 1)
			v = json_boolean((json_equal(a, b) || (!a && !b)) == (op == 0));
		else if (op == 2)
			v = json_sprintf("%s%s", json_is_string(a) ? json_string_value(a) : "",
					 json_is_string(b) ? json_string_value(b) : "");
		else
			v = json_boolean((op == 4) ==
					 (json_number_value(a) < json_number_value(b)));
		json_decref(a);
		a = v;
	}
}

static bool is_true(const json_t *v)
{
	return v && !json_is_false(v) && !json_is_null(v);
}

static json_t *read_and(struct reader *r)
{
	json_t *a = read_compare(r);
	while (take(r, "and")) {
		json_t *b = read_compare(r);
		json_t *drop = is_true(a) ? a : b;
		a = is_true(a) ? b : a;
		json_decref(drop);
	}
	return a;
}

static json_t *read_or(struct reader *r)
{
	json_t *a = read_and(r);
	while (take(r, "or")) {
		json_t *b = read_and(r);
		json_t *drop = is_true(a) ? b : a;
		a = is_true(a) ? a : b;
		json_decref(drop);
	}
	return a;
}

static json_t *read_all(struct reader *r)
{
	json_t *v = read_or(r);
	skip_space(r);
	r->bad = r->bad || *r->at;
	return v;
}

/* ---- the doors ---- */

static int fake_compile_expr(void *vm, const char *src, bool chunk, const char *where, int *ret_ref,
			     struct errmsg *msg)
{
	struct reader r = {.at = src};
	if (!chunk)
		json_decref(read_all(&r));
	if (r.bad)
		return err_set(msg, ERR_PARSE, "%s: unexpected text near '%.10s'", where, r.at);
	exprs[n_exprs] = strdup(src);
	*ret_ref = n_exprs++;
	n_live++;
	return 0;
}

static void fake_release(void *vm, int ref)
{
	free(exprs[ref]);
	exprs[ref] = NULL;
	n_live--;
}

static int fake_eval(void *vm, int ref, const struct scope *s, json_t **ret, struct errmsg *msg)
{
	struct reader r = {.at = exprs[ref], .s = s};
	*ret = read_all(&r);
	if (r.failed) {
		json_decref(*ret);
		*ret = NULL;
		return err_set(msg, ERR_SCRIPT, "boom");
	}
	if (json_is_null(*ret)) {
		json_decref(*ret);
		*ret = NULL;
	}
	return 0;
}

static int fake_truth(void *vm, int ref, const struct scope *s, bool *ret, struct errmsg *msg)
{
	json_t *v;
	int err = fake_eval(vm, ref, s, &v, msg);
	*ret = is_true(v);
	json_decref(v);
	return err;
}

static void fake_names(void *vm, const char *src, bool chunk,
		       void (*cb)(void *arg, const char *dotted, int line), void *arg)
{
	int line = 1;
	for (const char *p = src; *p;) {
		if (*p == '"' || *p == '\'') {
			const char *end = strchr(p + 1, *p);
			p = end ? end + 1 : p + strlen(p);
			continue;
		}
		line += *p == '\n';
		if (!isalpha((unsigned char)*p) && *p != '_') {
			p++;
			continue;
		}
		const char *start = p;
		while (isalnum((unsigned char)*p) || *p == '_')
			p++;
		bool word = is_in(words, start, (size_t)(p - start));
		while (*p == '.' && isalpha((unsigned char)p[1]))
			for (p++; isalnum((unsigned char)*p) || *p == '_';)
				p++;
		char dotted[200];
		snprintf(dotted, sizeof(dotted), "%.*s", (int)(p - start), start);
		if (!word && strcmp(dotted, "boom"))
			cb(arg, dotted, line);
	}
}

static bool fake_is_library(void *vm, const char *name)
{
	return is_in(library, name, strlen(name));
}

static const struct expr_ops ops = {
	.compile = fake_compile_expr,
	.release = fake_release,
	.eval = fake_eval,
	.truth = fake_truth,
	.names = fake_names,
	.is_library = fake_is_library,
};

const struct expr_vm fake_vm = {.ops = &ops};

int fake_vm_live(void)
{
	return n_live;
}
