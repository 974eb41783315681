/* Inputs to show and to try actions with, made of what their parameters may be. */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"

/* X(CODE, word) */
#define SAMPLE_MAP(X)                                                                              \
	X(MINIMAL, "minimal") /* only what must be there */                                        \
	X(FULL, "full")       /* all that may be there together */                                 \
	X(INVALID, "invalid") /* refused before anything is sent */

enum sample_kind {
#define X(code, word) SAMPLE_##code,
	SAMPLE_MAP(X)
#undef X
		SAMPLES
};
const char *sample_word(enum sample_kind k);

/*
 * Parameters of a call, a new reference: those that the action's file gives for this kind, else made
 * of the types, limits, examples and rules of its parameters. The same each time.
 */
json_t *action_sample(const struct action *a, enum sample_kind k);
