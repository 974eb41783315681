/*
 * One test of a rule, from `tests:` to a verdict.
 *
 *   given    memory, the clock, events that come
 *   then     what happens later: time, events, a person's answer, a restart
 *   expect   what must have come of it
 *
 * docs/TESTING.md says what each word means.
 */
#pragma once

#include <jansson.h>

#include "engine/base/yaml.h"
#include "engine/trial/stage.h"

struct trial {
	const struct ynode *node; /* the test; borrowed */
	struct plan *plan;        /* borrowed */
	const char *file, *name;
	int line; /* of the file: where the text begins whose lines the nodes have */
};

/* The line of the file in which a node of the test stands. */
int trial_line(const struct trial *t, const struct ynode *n);
/*
 * Plays it and gives
 *   {problems: [{line, col, text}], run: as the timeline takes it or null, at: wall ms at its end,
 *    marks: [what was gone through]}
 * marks (cover.h) only when asked for. A new reference.
 */
json_t *trial_run(struct kit *k, const struct trial *t, bool cover);
