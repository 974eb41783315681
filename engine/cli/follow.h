/* Waits for runs to end and prints their timelines. */
#pragma once

#include <stdint.h>

#include "engine/cli/cli.h"
#include "engine/cli/client.h"

/*
 * Until the run has ended, or stands in doubt or held, where it needs a person; then its timeline (or
 * its JSON). CLI_DONE when its state is `good`, else CLI_NO. until: boot ms of the loop; 0: for ever.
 */
int follow_run(const struct cli *c, struct client *client, const char *id, const char *good,
	       int64_t until);
/* All runs that an event started, which are to complete, also those that come while the first are followed. As above. */
int follow_event(const struct cli *c, struct client *client, const char *event, int64_t until);
