/*
 * The plan: one rule, compiled once and never changed; counted references. A run holds one.
 *
 * A plan is pinned by content: its `bundle` is the JSON text from which the same plan can be built
 * again in another process, its hash is the SHA-256 of that text.
 *   {"engine": 1, "rule": name, "file": "rules/a.yaml", "line": first line, "yaml": text of the
 *    document, "scripts": {"score.lua": text, …}, "actions": {"shop.get_order": {…}}}
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/map.h"
#include "engine/run/expr.h"
#include "engine/store/start.h"

#define PLAN_ENGINE 1

struct plan;
struct step;
struct step_kind;

struct block {
	struct step **steps;
	size_t n;
};

/* One entry of a `catch:` list. */
struct catcher {
	const char **errors; /* names, API keys or statuses; n_errors == 0: any */
	size_t n_errors;
	struct tmpl *cond; /* `if:`, or NULL */
	struct block body;
};

struct catchers {
	struct catcher *at;
	size_t n;
};

/* `retry:`; a field that is 0 (or NULL) takes the default of the step's effect class. */
struct retry {
	bool set;
	int attempts;
	int64_t first_ms, cap_ms, within_ms;
	double factor;
	bool no_jitter;
	const char **errors;
	size_t n_errors;
};

struct step {
	const struct step_kind *kind;
	const char *key;  /* its segment of a path: "do.3" */
	const char *name; /* `as:` or `id:`; NULL */
	const char *about;
	int line, col;
	struct tmpl *guard; /* `if:` beside another step word; NULL */
	struct retry retry;
	int64_t timeout_ms; /* 0: none */
	struct catchers catches;
	bool has_catch;
	struct block undo; /* what takes it back */
	size_t undo_at;    /* its place in the plan's list of those, from 1; 0: none */
	void *args;        /* kind->args_size bytes, filled by kind->params */
};

/* One `where:` pair; any of the values (scalars) satisfies it. */
struct where {
	const char *path; /* from data, or "event.…" */
	json_t *values;   /* a list */
};

/* What becomes of the due times of a schedule at which nothing ran. */
enum missed { MISSED_ONCE, MISSED_ALL, MISSED_SKIP };

struct trigger {
	const char *id;      /* or NULL */
	const char *type;    /* "webhook:shop/orders", "lead.captured", "contact.synced" */
	bool prefix;         /* `*` at the end */
	bool conversation;   /* only events that came in as conversation events */
	bool awaited;        /* also events that a waiting run took */
	struct where *where; /* of a schedule the first is its own source */
	size_t n_where;
	const char *cron; /* schedule: five fields; NULL */
	int64_t every_ms; /* every: its span; 0 */
	const char *zone; /* of the schedule; NULL: the service's */
	enum missed missed;
	const char *of_rule; /* run: only ends of runs of this rule; NULL: of any other */
	bool of_rules;       /* it is the beginning of names */
	int line, col;
};

/* The rule that waits for events which are emitted later; every set of rules has it. */
#define RULE_LATER "emit.later"

/* `cancel:` of a rule: an event that ends its runs; the values are evaluated when a run starts. */
struct plan_cancel {
	const char *shape;
	struct tmpl *where; /* a MAP of paths; NULL: none */
};

/* What stands beside `when` and is decided when an event is accepted. */
struct plan_start {
	struct tmpl *once; /* its key */
	int64_t once_ms;
	struct tmpl *limit; /* its key; NULL with a limit: one for the whole rule */
	bool has_limit;
	unsigned max, rate;
	int64_t rate_ms;
	enum store_then then;
	struct tmpl *collect;
	int64_t for_ms, quiet_ms;
	unsigned collect_max;
	struct plan_cancel *cancel;
	size_t n_cancel;
};

/* Another rule that this one names: told of when a whole set of rules does not have it. */
struct plan_need {
	const char *rule;
	int line, col;
};

struct plan {
	unsigned refs;
	char hash[HASH_HEX_LEN];
	const char *bundle; /* the JSON text */
	size_t bundle_len;
	const char *rule, *file, *about;
	int line;
	bool enabled;
	struct trigger *triggers;
	size_t n_triggers;
	struct tmpl *cond;        /* `if:`, or NULL */
	json_t *vars;             /* an object, the rule's over the service's */
	struct retry retry;       /* default for its steps */
	int64_t timeout_ms;       /* of the run; 0: none */
	double share;             /* of the calls that an API key allows, by weight; 0: 1 */
	int64_t reserve;          /* calls of a day that are kept for it */
	struct plan_start *start; /* what may keep its runs from starting at once; NULL: nothing */
	struct tmpl *result;
	struct block body;
	struct catchers catches;
	bool has_catch;
	struct block finally;
	/* scripts by name: malloc'd texts, for kinds that run them */
	struct map scripts;
	/* what kinds made of the actions it names, by full name; owned by `owned` below */
	struct map actions;
	/* how the keys of its waits are made of events (keys.h) */
	struct step **undos; /* those with an undo, in the order of the file */
	size_t n_undos;
	const char **shapes;
	size_t n_shapes, cap_shapes;
	struct plan_need *needs;
	size_t n_needs, cap_needs;
	/* private */
	struct arena arena;
	struct tmpl **tmpls; /* roots, for release */
	size_t n_tmpls, cap_tmpls;
	const struct expr_vm *vm;
	/* the kind-owned things of this plan (pinned actions): freed with it */
	void **owned;
	void (**owned_free)(void *);
	size_t n_owned, cap_owned;
};

struct plan *plan_new(const struct expr_vm *vm); /* refs = 1 */
struct plan *plan_ref(struct plan *p);
void plan_unref(struct plan *p); /* NULL is fine */
/* Registers a template root to be released with the plan. Returns t. */
struct tmpl *plan_keep(struct plan *p, struct tmpl *t);
/* Registers a step that has an undo. */
void plan_undo(struct plan *p, struct step *s);
/* Registers a shape of keys that its waits look for; copied. Returns the plan's copy. */
const char *plan_shape(struct plan *p, const char *text);
/* Notes that it names another rule; `rule` is the plan's. */
void plan_need(struct plan *p, const char *rule, int line, int col);
/* Registers any object to be freed with the plan. */
void plan_own(struct plan *p, void *obj, void (*free_fn)(void *));

/*
 * A has_field (below) of results that have these fields and no others, of which nothing more is known; arg
 * is the list of their names, closed by NULL.
 */
int plan_has_name(void *names, const char *dotted, char *suggest, size_t max);

/*
 * What a kind's check sees while a rule is compiled (or while a pinned plan is built again). Errors
 * are collected, not returned, so that one pass finds all mistakes.
 */
struct plan_check {
	struct plan *plan;
	/* line, col of the mistake; text is one sentence that says what to do. */
	void (*error)(struct plan_check *c, int line, int col, const char *fmt, ...)
		__attribute__((format(printf, 4, 5)));
	void (*warn)(struct plan_check *c, int line, int col, const char *fmt, ...)
		__attribute__((format(printf, 4, 5)));
	/*
	 * The pinned definition of an action, borrowed, or NULL: the bundle's when a plan is built
	 * again, else the caller's catalogue by way of the kind. pin() puts one into the bundle.
	 */
	json_t *(*pinned_action)(struct plan_check *c, const char *name);
	void (*pin_action)(struct plan_check *c, const char *name, json_t *def);
	/* The text of a script, borrowed, or NULL with an error collected; pins it. */
	const char *(*script)(struct plan_check *c, const char *name, int line, int col);
	/*
	 * Tells what a named step gives: field lookups of later expressions are checked by it. has_field
	 * says 1: there is, or nobody knows; 0: there is not; -1: very likely not. In both of the last
	 * suggest is the nearest field, or "".
	 */
	void (*gives)(struct plan_check *c, const struct step *s,
		      int (*has_field)(void *arg, const char *dotted, char *suggest, size_t max),
		      void *arg);
	/* The same of a step whose result is an event; of a conversation, whose data have a known form. */
	void (*gives_event)(struct plan_check *c, const struct step *s, bool conversation);
	/* Is what an expression gives a list? 1: yes, 0: no, -1: nobody knows. */
	int (*is_list)(struct plan_check *c, const struct tmpl *t);
	/* The step needs a rule of that name. */
	void (*needs_rule)(struct plan_check *c, const char *rule, int line, int col);
	/* How many loops the step is inside of. */
	int loops;
	/* The step that `name` was given to, or NULL: for checks between steps (activity waits). */
	const struct step *(*step_named)(struct plan_check *c, const char *name);
};
