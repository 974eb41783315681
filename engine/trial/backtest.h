/*
 * A rule against what has happened: whether a recorded event would start it, and with the answers that were
 * recorded, what it would call. Nothing is sent.
 */
#pragma once

#include <jansson.h>

#include "engine/trial/stage.h"

/*
 * event: as GET /api/events has it. run: the one that it started of this rule, as GET /api/runs/ID has it, or NULL.
 *   {matched, why: rule_why(), calls: [{call, input}], before: [{call, input or null}] or null,
 *    unknown: {call, input} or null, state}
 * calls ends where an answer is not known: one that was recorded counts for the same action with the same
 * input, of a read for the step of the same name or path. What the run waited for comes as it came then. limit,
 * once and collect are left out of account. A new reference.
 */
json_t *backtest_event(struct kit *k, struct plan *p, const json_t *event, const json_t *run);
