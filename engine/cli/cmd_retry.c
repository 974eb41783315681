/* pawl retry: the failed or doubtful step of a run again, in the same run. */
#include "engine/cli/cli.h"
#include "engine/cli/person.h"

static int run(struct cli *c)
{
	return person_acts(c, "retry", NULL);
}

const struct command command_retry = {
	.name = "retry",
	.under = "runs",
	.summary = "tries the failed step of a run again, in the same run",
	.usage = "ID",
	.about =
		"What the run has done before stays done; it goes on behind the step when that succeeds.",
	.options = person_options,
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
