/* Describes an action for people and for programs. */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"
#include "engine/base/buf.h"
#include "engine/cli/print.h"

/* Everything there is to know about one action, in lines of the look's width; `full`: its longest example. */
void describe_action(struct buf *b, const struct action *a, const struct look *l, bool full);
/* The same for programs, a new reference: the definition without what comes from the connector. */
json_t *describe_json(const struct action *a);
/* "string, 1 to 255 characters, default 3"; null is told of parameters only. */
void describe_type(struct buf *b, const struct schema *s, bool as_param);
/* "exactly one of: a, b" */
void describe_rule(struct buf *b, const struct schema_rule *r);
/* What an effect class means for whoever writes a rule. */
const char *describe_effect(enum effect e);
