/* One action of the catalogue, described whole: for people and as JSON. */
#pragma once

#include "actions/catalogue.h"
#include "engine/base/buf.h"
#include "engine/cli/print.h"

void describe_action(struct buf *b, const struct action *a, const struct look *l);
/* A new reference. */
json_t *describe_json(const struct action *a);
