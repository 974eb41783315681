/* The free names of an expression: what it reads from its scope and from the library. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* dotted: the name with the fields that follow it literally; valid during the call only. */
typedef void (*names_cb)(void *arg, const char *dotted, int line);

/*
 * Tells each free name of an expression, or (chunk) of statements, in the order of the text. What
 * does not parse is told as far as it goes: Lua's own compiler has the word on syntax.
 */
void names_find(const char *src, bool chunk, names_cb cb, void *arg);
