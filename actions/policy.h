/* When a request that ended without a result is sent again: a step's `retry:`, and what stands for it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/run/step.h"

/* Sends that count, those at most. */
unsigned policy_attempts_max(const struct act *a);
/*
 * Whether it wants another one: after `attempts` sends that count, of which the first was at `first` (wall
 * ms), ended by err, of which `error` is the object that a catch would see.
 */
bool policy_wants(const struct act *a, unsigned attempts, int64_t first, const json_t *error,
		  int err);
/* When that may leave (wall ms). asked_ms: how long the answer asks to wait; 0: it does not. */
int64_t policy_due(struct act *a, unsigned attempts, int err, int64_t asked_ms);
