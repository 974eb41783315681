/* pawl cancel: asks a run to end. */
#include "engine/cli/cli.h"
#include "engine/cli/person.h"

static int run(struct cli *c)
{
	return person_acts(c, "cancel", NULL);
}

const struct command command_cancel = {
	.name = "cancel",
	.under = "runs",
	.summary = "ends a run as cancelled",
	.usage = "ID",
	.about =
		"Nothing new is sent; a call that is under way is awaited and recorded, then the run's "
		"`finally` steps run.",
	.options = person_options,
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
