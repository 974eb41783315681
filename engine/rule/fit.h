/*
 * One rule and one event: what matching asks for every event, and what telling why asks again later. Private to
 * engine/rule.
 */
#pragma once

#include "engine/rule/compile.h"
#include "engine/run/event.h"

#define FIT_KEY_MAX 40

/* The text that stands for a value that is no text, equal for equal numbers; NULL: a map or list, equal to nothing. */
const char *fit_key(const json_t *v, char out[FIT_KEY_MAX]);
/* Are two values the same for `where`? Maps and lists never are. */
bool fit_equal(const json_t *a, const json_t *b);
/* Is the event's type one that the trigger names? */
bool fit_type(const struct trigger *t, const struct event *e);
/* Is it of the trigger's kind: a conversation's or not, the end of a run that is meant? */
bool fit_kind(const struct plan *p, const struct trigger *t, struct event *e);
/* The first pair of `where` that the event does not have; t->n_where when it has all. */
size_t fit_where(const struct trigger *t, struct event *e);
/* Kind and `where`; the type is the caller's business. */
bool fit_all(const struct plan *p, const struct trigger *t, struct event *e);

/* What a rule's condition sees. */
struct fit_scope {
	struct scope scope; /* first */
	struct event *e;
	const struct plan *plan;
	const struct trigger *trigger;
	json_t *event; /* the envelope with this rule's trigger in it, once it was asked for */
	json_t *now;
};

/* Borrows all three until fit_scope_done. */
void fit_scope_init(struct fit_scope *s, struct event *e, const struct plan *p,
		    const struct trigger *t);
void fit_scope_done(struct fit_scope *s);
