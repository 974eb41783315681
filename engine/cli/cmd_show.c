/* pawl show: the timeline of one run. */
#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/follow.h"
#include "engine/cli/timeline.h"

static int show(const struct cli *c, struct client *client, const char *id)
{
	auto_free char *path = mem_printf("/api/runs/%s", id);
	json_auto_t *run = NULL;
	int code = client_call(client, "GET", path, NULL, &run);
	if (code != CLI_DONE)
		return code;
	if (cli_has(c, "json"))
		return print_json(run);
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	timeline_print(&b, run, &l, client_now(client), cli_has(c, "all"));
	return print_out(&b);
}

static int run(struct cli *c)
{
	int code;
	char *id = NULL;
	struct client *client = client_open(c, &code);
	if (!client)
		return code;
	code = c->n_words ? client_run_id(client, c->words[0], &id)
			  : client_newest(client, "runs", &id);
	if (code == CLI_DONE && cli_has(c, "wait"))
		code = follow_run(c, client, id, "completed", 0);
	else if (code == CLI_DONE)
		code = show(c, client, id);
	free(id);
	client_free(client);
	return code;
}

static const struct cli_option options[] = {
	{"all", 0, false, NULL, "show every step also of a run with more than 200"},
	{"wait", 0, false, NULL,
	 "show it when it has ended; exit code 1 when it has not completed"},
	{0},
};

const struct command command_show = {
	.name = "show",
	.under = "runs",
	.summary = "shows the timeline of a run",
	.usage = "[ID]",
	.about =
		"A line a step: when it began, a bar on the run's time axis (a wait is drawn light), what "
		"it was, what came of it and how long it took. An ID may be given by its beginning or its "
		"end, 6 characters at least; without one it is the newest run.",
	.options = options,
	.words_max = 1,
	.run = run,
};
