/* What the compiler is handed in its tests: a small language, and a few kinds of step. */
#pragma once

#include "engine/base/buf.h"
#include "engine/rule/rules.h"
#include "engine/run/plan.h"
#include "engine/run/step.h"

/*
 * Literals, dotted names, == ~= < > and or not .. + and parentheses; a call is read and gives nil.
 * Everything else is a syntax error.
 */
extern const struct expr_vm fake_vm;
/* How many expressions are compiled and not released. */
int fake_vm_live(void);

const struct step_kind *fake_kind(const char *name);
extern const char *const fake_kind_names[];
/* vm, kinds, two scripts (score.lua requires lib/names.lua), one hook (shop/orders). */
struct rule_env fake_env(void);

struct call_args {
	const char *action;
	struct tmpl *with;
	int pages;
};
struct wait_args {
	struct tmpl *duration, *until, *activity, *match;
	const char *event;
	int64_t timeout_ms;
	struct else_arg otherwise;
};
struct if_args {
	struct tmpl *cond;
	struct block then, other;
};
struct choose_args {
	struct choices choices;
};
struct each_args {
	struct tmpl *list, *result;
	const char *item;
	struct block body;
};
struct try_args {
	struct block body, finally;
	struct catchers catches;
};
struct value_args {
	struct tmpl *value;
};
struct emit_args {
	const char *type;
	struct tmpl *data;
};
struct lua_args {
	const char *script;
	struct tmpl *with;
};
struct all_args {
	struct blocks blocks;
};

/* Compiles a text as "r.yaml"; the only plan of it, or NULL. */
struct plan *fake_compile(const char *text, struct findings *f);
