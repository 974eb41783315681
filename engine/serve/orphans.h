/* Removes, after a start, the folders of files whose runs the store does not know. */
#pragma once

#include "engine/store/files.h"
#include "engine/store/store.h"

struct orphans;

/*
 * Begins with the folders that are there now, one after the other; those of runs to come are none of
 * them. *place is set until it is done, or stopped. Both are borrowed. A store that fails ends it:
 * nothing is removed that it did not answer for.
 */
void orphans_start(struct orphans **place, struct files *f, struct store *s);
/* Nothing is removed any more. Accepts NULL. */
void orphans_stop(struct orphans *o);
