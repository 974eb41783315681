/* The model of conversation events, for those that arrive in native form (docs/HTTP.md). */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "engine/base/buf.h"

/*
 * Checks one event, envelope and data. Each violation is added to b as "path: what is wrong", the
 * first ten of them, separated by "; ". Returns how many there are.
 */
size_t native_check(const json_t *event, struct buf *b);
