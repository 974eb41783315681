/* The kind `lua`: a durable script as a step of a rule. */
#pragma once

#include "engine/lua/host.h"
#include "engine/run/step.h"

extern const struct step_kind kind_lua;

/*
 * What becomes of what scripts name by a literal, at a check; errors are at line:col of the rule. call pins the
 * action into the plan (actions/target.h), wait the key of an event (actions/wait.h). NULL: nothing.
 */
struct lua_pins {
	void (*call)(struct plan_check *c, const char *action, int line, int col);
	void (*wait)(struct plan_check *c, const json_t *words, int line, int col);
};

/* Wires the kind, once, before any rule is compiled. */
void lua_step_setup(struct lua_host *h, struct lua_pins pins);
