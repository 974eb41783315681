/* Expressions in the shared state: compiled once, evaluated against a scope. */
#pragma once

#include "engine/lua/machine.h"

struct expr_code {
	char *where; /* NULL: the reference is free */
	bool chunk;
};

/* The name under which sources are compiled: messages then begin with "e:LINE: ". */
#define EXPR_CHUNK "=e"
/* What follows that beginning; *ret_line is 0 when there is none. */
const char *expr_cut_prefix(const char *text, int *ret_line);

/* All expressions of a host. */
struct expr_set {
	struct expr_code *codes;
	size_t n, cap;
	size_t first_free; /* a hint: nothing below it is free */
};

void expr_set_done(struct expr_set *e);
int expr_compile(struct machine *m, struct expr_set *e, const char *src, bool chunk,
		 const char *where, int *ret_ref, struct errmsg *msg);
void expr_release(struct machine *m, struct expr_set *e, int ref);
/* ret_value or ret_truth is filled, the other is NULL. */
int expr_run(struct machine *m, struct expr_set *e, int ref, const struct scope *s,
	     json_t **ret_value, bool *ret_truth, struct errmsg *msg);
