/* Sends what a person decides about a run, and shows what it is then. */
#include "engine/cli/person.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/client.h"
#include "engine/cli/follow.h"
#include "engine/cli/print.h"

const struct cli_option person_options[] = {
	{"wait", 0, false, NULL, "follow the run to its end and show its timeline"},
	{0},
};

static int act(const struct cli *c, struct client *client, const char *id, const char *what,
	       const json_t *body)
{
	auto_free char *path = mem_printf("/api/runs/%s/%s", id, what);
	json_auto_t *empty = json_object(), *answer = NULL;
	int code = client_call(client, "POST", path, body ? body : empty, &answer);
	if (code != CLI_DONE)
		return code;
	if (cli_has(c, "wait"))
		return follow_run(c, client, id, strcmp(what, "cancel") ? "completed" : "cancelled",
				  0);
	if (cli_has(c, "json"))
		return print_json(answer);
	struct buf b = BUF_INIT;
	(void)buf_printf(&b, "%s\n", id);
	return print_out(&b);
}

int person_acts(const struct cli *c, const char *what, const json_t *body)
{
	int code;
	char *id = NULL;
	struct client *client = client_open(c, &code);
	if (!client)
		return code;
	code = client_run_id(client, c->words[0], &id);
	if (code == CLI_DONE)
		code = act(c, client, id, what, body);
	free(id);
	client_free(client);
	return code;
}
