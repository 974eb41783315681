/*
 * What the files of the compiler share: the state of one rule's compilation.
 *
 * Order is meaning here: a step's parts are compiled in the order in which they run, so that the
 * names known so far are just the names an expression may read.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/arena.h"
#include "engine/base/yaml.h"
#include "engine/rule/rules.h"
#include "engine/run/plan.h"
#include "engine/run/step.h"

/* Which names an expression may read. */
enum scope_level {
	LEVEL_LOAD, /* evaluated once, while loading: `vars` only */
	LEVEL_COND, /* judged before there is a run: event, data, vars, now */
	LEVEL_RUN,
};

/* One name given by `as`, `id`, `set`, `item`, or by a loop (index). */
struct name {
	const char *name;
	int line;
	const struct step *step; /* NULL: not a step's result */
	bool local;              /* a loop's item or index */
	bool hidden;             /* its loop is over */
	bool beside;             /* of a branch beside the one at hand */
	bool typed;              /* has_field can tell */
	const char *prefix;      /* what has_field needs in front: "contacts.1", or NULL */
	int (*has_field)(void *arg, const char *dotted, char *suggest, size_t max);
	void *arg;
};

/* A read of a name that was not known where it stood; judged when the whole rule is read. */
struct use {
	const char *name;
	int line, col;
	size_t names_then;
	bool step; /* read as steps.NAME */
};

/* Where YAML ended a scalar too early: what follows on its line is no mistake of its own. */
struct cut {
	int line, col;
};

/* What a kind's check told about the step it looks at. */
struct giving {
	const struct step *step;
	int (*has_field)(void *arg, const char *dotted, char *suggest, size_t max);
	void *arg;
};

struct source {
	const char *text;
	size_t len;
	size_t *lines; /* where each line begins; line 1 is lines[0] */
	size_t n_lines;
};

#define POLLS_MAX 8

/* A trigger `poll`, and the rule that looks for it. */
struct poll {
	const struct ynode *trigger;
	const char *rule;
};

struct compiler {
	struct plan_check check; /* first: kinds get a pointer to it */
	const struct rule_env *env;
	struct findings *f;
	const char *file;
	const struct source *src;
	struct plan *plan;
	struct arena scratch; /* lives as long as this rule's compilation */
	json_t *bundle;       /* built again from it; NULL: a fresh compilation */
	json_t *actions;      /* pinned so far, by name */
	json_t *scripts;      /* the same */
	enum scope_level level;
	int in_catch, in_match, in_secrets;
	size_t n_unknown; /* words that were not known, with no name near */
	bool nameless;    /* a name could not be read: later readers of it are no second mistake */
	size_t nameless_use; /* those are the reads from this one on */
	bool no_vars;        /* the same of vars: */
	size_t lanes_from; /* the names before that one are of outside the lanes at hand; 0: none are */
	bool conversation_data; /* every trigger is a conversation's: `data` has a known shape */
	struct name *names;
	size_t n_names, cap_names;
	struct use *uses;
	size_t n_uses, cap_uses;
	struct cut *cuts;
	size_t n_cuts, cap_cuts;
	struct giving giving;
	struct poll polls[POLLS_MAX];
	size_t n_polls;
	bool hidden; /* no author's: the rule of a poll */
};

/* ---- poll.c ---- */

/* The name of the rule that looks for this trigger. */
const char *poll_rule(struct compiler *c, const struct ynode *trigger);
/* It is to be made when the rule itself is without a mistake. */
void poll_note(struct compiler *c, const struct ynode *trigger, const char *rule);
/* The i-th of those that were noted, or NULL after an error; root: the rule's. */
struct plan *poll_compile(struct compiler *c, const struct ynode *root, size_t i);
/* ---- idle.c ---- */

/* The rule that ends conversations of a platform. */
struct plan *idle_compile(const struct rule_env *env, const struct rule_idle *i,
			  struct findings *f);
/* A rule that no author wrote, from its text; NULL after an error. */
struct plan *compile_own(const struct rule_env *env, const char *file, const char *text,
			 struct findings *f);
/* The same from its tree. */
struct plan *compile_hidden(const struct compiler *of, const struct ynode *root);

/* ---- findings.c ---- */

/* Adds one; the same text at the same place is added once. */
void findings_add(struct findings *f, const char *file, int line, int col, bool warning,
		  const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void findings_addv(struct findings *f, const char *file, int line, int col, bool warning,
		   const char *fmt, va_list ap) __attribute__((format(printf, 6, 0)));
/* Drops those of `file` from index `from` on that drop() says are no mistakes of their own. */
void findings_drop(struct findings *f, size_t from,
		   bool (*drop)(const struct finding *at, void *arg), void *arg);
void findings_sort(struct findings *f);

/* ---- compile.c ---- */

/* An error at a node's place. */
void compile_error(struct compiler *c, const struct ynode *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void compile_warn(struct compiler *c, const struct ynode *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * "unknown WHAT 'word'", with the nearest of the names; both lists may be NULL. The word is put right in
 * the tree, so that what follows from it is no second mistake. False where no name is near: then those
 * that are missing beside it may be the ones that were meant.
 */
bool compile_unknown(struct compiler *c, const struct ynode *at, const char *what,
		     const char *const *names, const char *const *more);
/* Grows an array by one; for the compiler's lists. */
void *compile_grow(struct compiler *c, void *at, size_t n, size_t *cap, size_t size);

/* ---- source.c ---- */

void source_init(struct source *s, const char *text, size_t len);
void source_done(struct source *s);
/* The line in which a byte stands. */
int source_line_at(const struct source *s, size_t off);
/* The text of a line without its end; "" when there is none. *ret_len is its length. */
const char *source_line(const struct source *s, int line, size_t *ret_len);
/* What follows a plain scalar on its line, or "" when that cannot be told. */
const char *source_after(const struct source *s, const struct ynode *n, size_t *ret_len);
/* Did YAML end this plain scalar where its author did not? The hint says so; NULL: no. */
const char *source_cut(const struct source *s, const struct ynode *n);
/* Characters, not bytes: what columns count. */
int source_characters(const char *s, size_t len);
/* The column at which the content of a block scalar begins, 0 when unknown. */
int source_indent(const struct source *s, const struct ynode *n);
/* A hint for a text that is no YAML at this line, or NULL. */
const char *source_hint(const struct source *s, int line);
/* The line above this one on which a double quote opens and is not closed; 0: none. */
int source_open_quote(const struct source *s, int line);

/* ---- words.c ---- */

extern const char *const words_rule[], *const words_rule_later[];
extern const char *const words_step_later[], *const words_param_later[];
extern const char *const words_step[];
extern const char *const words_errors[];
extern const char *const words_run[];
extern const char *const words_trigger[], *const words_catch[], *const words_choice[];
extern const char *const words_retry[], *const words_budget[], *const words_once[];
extern const char *const words_limit[], *const words_collect[], *const words_cancel[];
extern const char *const words_step_meta[];
bool word_in(const char *const *list, const char *word);
size_t word_count(const char *const *list);
/* The nearest of two lists (either may be NULL), or NULL. */
const char *word_near(const char *word, const char *const *a, const char *const *b);
bool word_is_reserved(const char *word);
bool word_is_keyword(const char *word);
bool word_is_identifier(const char *word);

/* ---- template.c ---- */

/* Any value in which expressions may stand. Never NULL; errors are collected. */
struct tmpl *template_compile(struct compiler *c, const struct ynode *n);
/* A bare expression; a leading '=' is allowed. */
struct tmpl *template_expr(struct compiler *c, const struct ynode *n);
/* A map whose keys become names, each known to the values after it. */
struct tmpl *template_names(struct compiler *c, const struct ynode *n, const struct step *s);
/* A value that is known while loading: plain, or an expression over `vars`. A new reference; NULL
 * after an error was collected, or for nil. */
json_t *template_load(struct compiler *c, const struct ynode *n);

/* ---- expression.c ---- */

/* Where an expression's text stands in its file. */
struct spot {
	int line, col; /* of its first byte */
	int indent;    /* the column of its further lines; 0: unknown */
	const struct ynode *node;
};
/* Compiles and checks the names; an EXPR with ref -1 after an error. src is kept. */
struct tmpl *expression_compile(struct compiler *c, const char *src, bool chunk,
				const struct spot *at);

/* ---- hint.c ---- */

struct hint {
	size_t off;       /* the byte of the source it is about */
	const char *text; /* NULL: nothing found */
	bool sure;        /* wrong even where the syntax is right */
};
/* Looks for the habits of other languages. */
struct hint hint_find(const char *src, bool failed, bool chunk);

/* ---- scope.c ---- */

/* A new name; checks that it may be one. */
void scope_declare(struct compiler *c, const struct ynode *at, const char *name,
		   const struct step *s, bool local);
/* The same without checks: names that a loop gives by itself. */
void scope_declare_local(struct compiler *c, const char *name, int line);
/* Is the word fit to be a name? An error is collected when not. */
bool scope_check_name(struct compiler *c, const struct ynode *at, const char *name);
/* The name declared last is what the expression gives, or an element of it, where that is known. */
void scope_same_as(struct compiler *c, const struct tmpl *value);
void scope_element_of(struct compiler *c, const struct tmpl *list);
/* The name declared last is what that step gives, where its check has told. */
void scope_given_by(struct compiler *c, const struct step *s);
/* Is what the expression gives a list? 1: yes, 0: no, -1: nobody knows. */
int scope_is_list(struct compiler *c, const struct tmpl *value);
/* Names declared from `mark` on are not known any more. */
void scope_hide(struct compiler *c, size_t mark);
/* Is the name of outside the turns that run side by side here? They cannot share it. */
bool scope_is_shared(struct compiler *c, const char *name);
/* Names declared from `mark` on are of one branch: those beside it do not know them, until … */
void scope_put_beside(struct compiler *c, size_t mark);
/* … all branches, whose names begin at `mark`, are read. */
void scope_bring_back(struct compiler *c, size_t mark);
/* One read of a dotted name in an expression. */
void scope_use(struct compiler *c, const char *dotted, int line, int col);
/* A name could not be read here: whoever reads an unknown one from now on may mean it. */
void scope_nameless(struct compiler *c);
/* Judges the reads that were open; at the end of the rule. */
void scope_finish(struct compiler *c);
const struct step *scope_step_named(struct compiler *c, const char *name);

/* ---- typed.c ---- */

/* The door of struct plan_check. */
void typed_event(struct plan_check *check, const struct step *s, bool conversation);
/* Reads of fields of `event` (and `it`), `error` and `data`; rest is NULL where all of it is read. */
void typed_use_event(struct compiler *c, const char *rest, int line, int col);
void typed_use_error(struct compiler *c, const char *rest, int line, int col);
void typed_use_data(struct compiler *c, const char *rest, int line, int col);
/* Is that field of a conversation's event a list? As scope_is_list says it. */
int typed_data_is_list(const struct compiler *c, const char *rest);

/* ---- steps.c ---- */

/* A list of steps. label: the segment of their keys ("do"). */
void steps_compile(struct compiler *c, const struct ynode *n, const char *label, struct block *ret);
/* What a loop goes through: a list, or the pages of a step written as a map. */
void source_fill(struct compiler *c, struct source_arg *ret, const struct ynode *n);

/* ---- params.c ---- */

/* Fills one parameter of a step's args. */
void param_fill(struct compiler *c, struct step *s, const struct param *p, const struct ynode *n);
bool param_duration(struct compiler *c, const struct ynode *n, int64_t *ret_ms);

/* ---- catch.c ---- */

void catch_compile(struct compiler *c, const struct ynode *n, struct catchers *ret);
void retry_compile(struct compiler *c, const struct ynode *n, struct retry *ret);

/* ---- trigger.c ---- */

void triggers_compile(struct compiler *c, const struct ynode *n);
enum { TRIGGER_OWN_MAX = 8 };
/* The i-th trigger's word, with the words of its own in ret_own, closed by NULL; NULL: no more. */
const char *trigger_word_at(size_t i, const char *ret_own[TRIGGER_OWN_MAX]);

/* ---- start.c ---- */

/* once, limit, collect and cancel of a rule, whose expressions see what its condition sees. */
void start_compile(struct compiler *c, const struct ynode *root);
/* Their keys for one event. ret: zeroed; its cancel and cancel_shapes are malloc'd, on an error too;
 * the shapes' texts are the plan's. */
int start_eval(const struct plan *p, const struct scope *scope, struct store_start *ret,
	       struct errmsg *msg);

/* ---- conversation_fields.c ---- */

enum field_type { FIELD_NONE, FIELD_SCALAR, FIELD_MAP, FIELD_LIST, FIELD_OPEN };
extern const char *const conversation_kinds[];
/*
 * What a dotted path from `data` is in a conversation event. FIELD_NONE: there is no such field;
 * suggest (of `max` bytes) then has the nearest whole path or "". *ret_values: the only values it
 * may have, or NULL.
 */
enum field_type conversation_field(const char *path, const char *const **ret_values, char *suggest,
				   size_t max);
/* The i-th path that may be compared, with its values as above; NULL: no more. */
const char *conversation_path_at(size_t i, const char *const **ret_values);

/* ---- tests.c ---- */

/* The outline of `tests:`: what has a place in it and what has not. */
void tests_check(struct compiler *c, const struct ynode *n);

/* ---- pin.c ---- */

/* The doors of struct plan_check. */
void pin_doors(struct plan_check *check);
/* Writes the bundle and its hash into the plan. */
void pin_bundle(struct compiler *c, const char *yaml, size_t len, int line);

/* ---- match.c ---- */

struct match_index;
/* The plans stay the caller's and must outlive the index. */
struct match_index *match_index_new(struct plan *const *plans, size_t n);
void match_index_free(struct match_index *x);
void match_index_find(struct match_index *x, struct event *e, struct matches *m);
/* Whether events of this type could start any of its rules. */
bool match_index_hears(const struct match_index *x, const char *type);
