/*
 * Which ways through a rule its tests have taken: every list of steps (do, else, catch, finally, the
 * else of a wait), the branch that is not written, and each guard both ways.
 */
#pragma once

#include <jansson.h>

#include "engine/run/plan.h"

/* Adds to marks what the records of a run went through: texts, each once. */
void cover_marks(const json_t *records, json_t *marks);
/* [{line, text, mark}]: all ways of a rule, in the order of its text; a new reference. */
json_t *cover_ways(const struct plan *p);
/* {name or path of a step: true}; a new reference. */
json_t *cover_names(const struct plan *p);
