/*
 * Whether a value is as a test expects it: maps need hold only what is expected, lists are whole,
 * numbers are equal by value, a text "/…/" is a pattern (Lua's) that is somewhere in the text, null
 * means that nothing is there.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/buf.h"

/* False adds where and how they differ to b: "email.address: expected "a", got "b"". got: NULL: nothing. */
bool alike(const json_t *want, const json_t *got, struct buf *b);
/* A value as people read it in a message: cut when it is long; "nothing" for NULL. */
void alike_show(struct buf *b, const json_t *v);
