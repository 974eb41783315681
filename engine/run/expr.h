/*
 * Expressions and templates: what a rule's YAML values become once, at load, and how they are
 * evaluated against a scope. The language inside (Lua) is behind struct expr_ops.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/arena.h"
#include "engine/base/err.h"

/*
 * How an evaluation sees names. get returns a borrowed value, or NULL when there is none (nil);
 * the value is not changed and lives until the evaluation ends.
 */
struct scope {
	json_t *(*get)(const struct scope *s, const char *name);
	bool secrets; /* the value may hold names of secrets */
};

/*
 * In a value that may, secrets.NAME is the bytes BEGIN NAME END inside a text. No UTF-8 has these bytes, so
 * that nothing that comes from outside can name a secret.
 */
#define EXPR_SECRET_BEGIN '\xFF'
#define EXPR_SECRET_END '\xFE'

/*
 * What csv.rows gives of a file that is too large to be one value: an object with the file's value under
 * this name, which a loop goes through row by row.
 */
#define EXPR_ROWS "csv.rows"

/* One compiled expression of the language; the reference stands for it inside the machine. */
struct expr_ops {
	/*
	 * Compiles one expression, or (chunk) a body that returns. `where` ("rules/a.yaml:12") is put
	 * in front of run-time errors. 0 and *ret_ref >= 0, or ERR_PARSE with msg.
	 */
	int (*compile)(void *vm, const char *src, bool chunk, const char *where, int *ret_ref,
		       struct errmsg *msg);
	void (*release)(void *vm, int ref);
	/* *ret: a new reference, or NULL for nil. ERR_SCRIPT with msg. */
	int (*eval)(void *vm, int ref, const struct scope *s, json_t **ret, struct errmsg *msg);
	/* Lua's truth of the value, without building it. ERR_SCRIPT with msg. */
	int (*truth)(void *vm, int ref, const struct scope *s, bool *ret, struct errmsg *msg);
	/*
	 * The free names of an expression (globals it reads), each with the dotted fields that follow
	 * it literally ("contact.contact_id", "data"): for checks. cb returns nothing; names borrowed.
	 */
	void (*names)(void *vm, const char *src, bool chunk,
		      void (*cb)(void *arg, const char *dotted, int line), void *arg);
	/*
	 * What joins a condition outermost: 'o' or, 'a' and, 'n' not, '(' brackets, each part told to cb; 0: it is
	 * one part. May be NULL: every condition is one.
	 */
	char (*split)(void *vm, const char *src, size_t len,
		      void (*cb)(void *arg, const char *text, size_t len), void *arg);
	/*
	 * The fields of `it` ("data.order.id") that a condition demands, each with the source of a value that does not
	 * change while a run waits: where the condition is true, the two are equal. May be NULL: nothing is known.
	 */
	void (*demands)(void *vm, const char *src,
			void (*cb)(void *arg, const char *path, const char *value), void *arg);
	/* True when the name belongs to the expression library (lower, time, time.add …). */
	bool (*is_library)(void *vm, const char *name);
	/* All those names, one after the other: *i begins with 0; NULL after the last. May be NULL. */
	const char *(*library)(void *vm, size_t *i);
};

struct expr_vm {
	const struct expr_ops *ops;
	void *vm;
};

enum tmpl_kind {
	TMPL_LITERAL, /* a plain value */
	TMPL_EXPR,    /* "=expr": keeps its type */
	TMPL_TEXT,    /* "a ${expr} b": always a string */
	TMPL_MAP,
	TMPL_LIST,
};

struct tmpl_place {
	int line, col;
};

/* A compiled YAML value. Immutable; its memory is the plan's arena, its expressions the plan's. */
struct tmpl {
	enum tmpl_kind kind;
	int line, col;
	json_t *literal;           /* LITERAL: owned by the plan */
	int ref;                   /* EXPR */
	const char *src;           /* EXPR: its source, for errors and checks */
	bool chunk;                /* EXPR from a block scalar: a body that returns */
	struct tmpl **items;       /* TEXT: literals and exprs in turn; MAP, LIST: the values */
	const char **keys;         /* MAP */
	struct tmpl_place *places; /* MAP: where its keys stand */
	size_t n;
};

/*
 * Evaluates a template. nil leaves a map's key or a list's element out; at the top *ret is NULL.
 * In TEXT nil is an error that names the expression. *ret is the caller's.
 */
int tmpl_eval(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s, json_t **ret,
	      struct errmsg *msg);
/* The truth of a condition (an EXPR, or a literal). */
int tmpl_truth(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s, bool *ret,
	       struct errmsg *msg);
/* A literal template in the arena; takes the value (freed by tmpl_release of the same tree). */
struct tmpl *tmpl_literal(struct arena *a, json_t *value);
/* Gives back the literals and compiled expressions of a tree, not its arena memory. */
void tmpl_release(const struct expr_vm *vm, struct tmpl *t);
