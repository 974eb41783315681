/* What a condition is made of: the parts that `or`, `and` and `not` join, for telling which of them decided. */
#pragma once

#include <stddef.h>

/* Told for each part of the outermost join, in order; text is borrowed from the source. */
typedef void (*parts_cb)(void *arg, const char *text, size_t len);

/*
 * The word that joins an expression outermost, by Lua's precedence: 'o' or, 'a' and, 'n' not (one part, behind it),
 * '(' brackets around the whole (one part, inside), or 0: nothing is told. What does not read as an expression
 * is 0 too.
 */
char parts_find(const char *src, size_t len, parts_cb cb, void *arg);
