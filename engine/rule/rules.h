/*
 * The rule set: all plans that are loaded now, replaced as a whole or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/yaml.h"
#include "engine/run/engine.h"
#include "engine/run/plan.h"

/* One mistake or warning, with its place. */
struct finding {
	char *file;
	int line, col;
	bool warning;
	char *text; /* one sentence that says what to do */
};
struct findings {
	struct finding *at;
	size_t n, cap, errors;
};
void findings_done(struct findings *f);
/* "file:line:col: error: text" lines in order of file and line into b. */
void findings_format(const struct findings *f, struct buf *b);
/* [{file, line, column, level, message, remedy}]; remedy only where it can be told apart. */
json_t *findings_json(const struct findings *f);

/* What the compiler looks things up in; main wires it. All borrowed. */
/* A platform whose conversations have ended when nothing was said for so long. */
struct rule_idle {
	const char *platform;
	int64_t ms;
};

struct rule_env {
	const struct expr_vm *vm;
	const struct step_kind *(*kind)(const char *name);
	const char *const *kind_names; /* for "did you mean"; closed by NULL */
	/* Reads a script by name (NULL: no such file); *ret is malloc'd. */
	char *(*script)(void *arg, const char *name);
	/* The name of the script that is nearest to one that is not there; malloc'd, or NULL. May be NULL. */
	char *(*script_near)(void *arg, const char *name);
	/* Checks a script's syntax and finds what it requires and calls (lua/script.h by way of main). */
	int (*script_check)(void *arg, const char *name, const char *text,
			    void (*requires)(void *arg2, const char *file, int line), void *arg2,
			    int *ret_line, struct errmsg *msg);
	void *arg;
	/* Hooks declared in pawl.yaml, for `webhook:` triggers: closed by NULL; NULL: do not check. */
	const char *const *hooks;
	json_t *vars;                 /* the service's; or NULL */
	const struct rule_idle *idle; /* closed by one without a platform; or NULL */
};

/* Compiles every document of one file's text; plans are appended to *ret (each with one reference). */
void rule_compile_text(const struct rule_env *env, const char *file, const char *text, size_t len,
		       struct plan ***ret, size_t *ret_n, struct findings *f);
/*
 * The text in the one layout of rule files (`pawl fmt`), with every comment; malloc'd. It means the
 * same, and formatted again it stays as it is. NULL with *err: no YAML, or what has no such layout.
 */
char *rule_format(const char *text, size_t len, struct yaml_error *err);
/*
 * The JSON Schema (draft-07) of rule files, a new reference. `definitions.step_KIND` is that of a kind of
 * step; those who know more about its parameters than the kind's table add it there.
 */
json_t *rule_schema(const struct rule_env *env);
/* A text with an expression in it, which may stand for any value; `what` the value is, for messages. */
json_t *rule_schema_text(const char *what);
/* The same plan again from its bundle. NULL with msg. */
struct plan *rule_compile_bundle(const struct rule_env *env, const char *bundle, size_t len,
				 struct errmsg *msg);

struct ruleset;

/* Reads all *.yaml and *.yml below the paths (files or folders), compiles, finds duplicates. NULL only
 * when f->errors > 0. */
struct ruleset *ruleset_load(const struct rule_env *env, const char *const *paths, size_t n,
			     struct findings *f);
void ruleset_free(struct ruleset *r);
const char *ruleset_hash(const struct ruleset *r);
size_t ruleset_count(const struct ruleset *r);
/* The plan of RULE_LATER, which ruleset_find() finds and no list has; borrowed, or NULL. */
struct plan *ruleset_later(const struct ruleset *r);
struct plan *ruleset_at(const struct ruleset *r, size_t i);
struct plan *ruleset_find(const struct ruleset *r, const char *rule);
/*
 * Whether an event starts a rule, and what decides: everything is evaluated again, with each part of the condition
 * on its own.
 *   {rule, version, matched, because: "enabled"|"when"|"where"|"if", …}
 *   when: hears: [types]; where: trigger, path, found, wanted: [values]; if: line, col, parts
 *   parts: [{text, is: true|false|null, error, read: {path: value or null}}], those that were evaluated; also
 *   when it matched, with `trigger` and without `because`.
 * A condition that fails begins a run that has failed: that counts as matched. A new reference.
 */
json_t *rule_why(const struct plan *p, struct event *e);
/* The rules that an event starts: the index by type and `where` equality first, then conditions. */
void ruleset_match(struct ruleset *r, struct event *e, struct matches *m);
/* Whether events of this type could start any of its rules. */
bool ruleset_hears(const struct ruleset *r, const char *type);
/*
 * Every rule file below a path, in the order of the names. st is NULL and err an errno when one cannot
 * be looked at.
 */
void rules_walk(const char *path,
		void (*cb)(void *arg, const char *path, const struct stat *st, int err), void *arg);
/* A number that changes when any rule or script below the paths changes (names, sizes, mtimes). */
uint64_t rules_fingerprint(const char *const *paths, size_t n);
