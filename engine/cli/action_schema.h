/* What editors are told of actions: the JSON Schema of their parameters. */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"

/*
 * Adds all actions to the schema of a step that calls one: `names` are the connections, an object
 * {name: connector}. `definitions` takes a schema for each action.
 */
void action_schema_add(json_t *step, json_t *definitions, const struct catalogue *cat,
		       const json_t *names);
