/*
 * The stock string library and ours side by side: one call of each, and what differs.
 *
 * Used by the unit test (with patterns made from a seed) and by the fuzz entry.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct twins; /* a plain state, and one of ours */

struct twins *twins_new(void);
void twins_free(struct twins *t);
/*
 * Calls find, match, gmatch and gsub of both on (text, pattern, replacement, start). True when they
 * answer alike or both refuse; else why has a line about it. Patterns that run out of steps count
 * as alike, and the stock library is not asked for them.
 */
bool twins_agree(struct twins *t, const char *text, size_t len, const char *pat, size_t pat_len,
		 const char *repl, size_t repl_len, int start, char why[512]);
