/*
 * Faults of our own, for the torture test's negative controls: a test that never fails proves nothing.
 *
 * They exist in builds with -Dfaults=true alone, and there an environment variable turns one on.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>

#ifdef PAWL_FAULTS
#define fault_is_on(name) (getenv("PAWL_FAULT_" name) != NULL)
#else
#define fault_is_on(name) false
#endif
