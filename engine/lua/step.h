/* The kind `lua`: a durable script as a step of a rule. */
#pragma once

#include "engine/lua/host.h"
#include "engine/run/step.h"

extern const struct step_kind kind_lua;

/*
 * Wires the kind, once, before any rule is compiled. pin_call: pins an action that a script calls by
 * its literal name into the plan (actions/target.h), with errors at line:col of the rule; or NULL.
 */
void lua_step_setup(struct lua_host *host,
		    void (*pin_call)(struct plan_check *c, const char *action, int line, int col));
