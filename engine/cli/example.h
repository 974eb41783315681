/* A call as people write it: on a command line, and as a step of a rule. */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"
#include "engine/base/buf.h"

/* "pawl call shop.create_order name=x parts:='[1]'", to be pasted into a shell; one line. */
void example_command(struct buf *b, const struct action *a, const json_t *params);
/* "- call: shop.create_order" with its parameters under it, each line indented. */
void example_step(struct buf *b, const struct action *a, const json_t *params, int indent);
