/* pawl resume: a person tells what became of a step that is in doubt. */
#include <string.h>

#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/person.h"

static int run(struct cli *c)
{
	const char *as = cli_value(c, "as"), *text = cli_value(c, "result");
	struct errmsg msg;
	json_auto_t *result = NULL, *body = NULL;
	if (!as || (strcmp(as, "done") != 0 && strcmp(as, "again") != 0 && strcmp(as, "fail") != 0))
		return cli_wrong(c, "--as must be done, again or fail");
	if (text && strcmp(as, "done") != 0)
		return cli_wrong(c, "--result goes with --as done only");
	if (text && json_parse(text, strlen(text), false, &result, &msg) != 0)
		return cli_wrong(c, "--result: %s", msg.text);
	body = json_pack("{s:s}", "as", as);
	if (result)
		json_object_set(body, "result", result);
	return person_acts(c, "resume", body);
}

static const struct cli_option options[] = {
	{"as", 0, false, "WHAT",
	 "done: it had its effect; again: it had none, send it; fail: the step fails"},
	{"result", 0, false, "JSON", "with --as done: what the step gave"},
	{"wait", 0, false, NULL, "follow the run to its end and show its timeline"},
	{0},
};

const struct command command_resume = {
	.name = "resume",
	.under = "runs",
	.summary = "tells what became of a step in doubt, and lets its run go on",
	.usage = "ID --as done|again|fail",
	.about =
		"A run is in doubt when an answer was lost, and neither repeating nor looking up can tell "
		"whether the call had its effect.",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
