/*
 * All kinds of step by name, and what their checks look actions up in.
 *
 * To add a kind: a file with a `const struct step_kind kind_NAME` at its end, a line in kinds.def, a
 * test; nothing else. Kinds of other layers (Lua) are added by main with registry_add.
 */
#pragma once

#include "engine/run/step.h"

struct catalogue;
struct connections;

/* The kind with this step word, or NULL. */
const struct step_kind *registry_kind(const char *name);
/* All step words, closed by NULL; borrowed. */
const char *const *registry_names(void);
/* Adds a kind of another layer, before any rule is compiled. */
void registry_add(const struct step_kind *kind);
