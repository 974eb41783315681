/* Stubs for lua-language-server. */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"
#include "engine/base/buf.h"

/* Adds the whole file to b. connections: {name: connector}, the first words of actions. */
void lua_stubs(struct buf *b, const struct catalogue *cat, const json_t *connections);
