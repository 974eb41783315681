/* pawl tape: a real run as something that tests can play again. */
#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/base/yaml_print.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/serve/rulekit.h"
#include "engine/trial/tape.h"

static int print_tape(const json_t *tape, const json_t *run)
{
	struct buf b = BUF_INIT;
	(void)buf_printf(
		&b,
		"# Cut from run %s. Personal data in fields of known names, e-mail addresses and phone\n"
		"# numbers are masked; read the rest before you share it.\n",
		json_str(run, "id"));
	yaml_print(&b, tape);
	return print_out(&b);
}

static int cut(const struct cli *c, const struct config *config, const json_t *run)
{
	struct errmsg msg = {0};
	struct rng rng;
	json_auto_t *tape = NULL;
	rng_seeded_init(&rng, 1);
	struct rulekit *kit = rulekit_new(config, &clock_real, &rng, &msg);
	int err = kit ? tape_cut(run, kit->catalogue, kit->connections, &tape, &msg) : msg.code;
	rulekit_free(kit);
	if (err)
		return cli_no(c, "%s", msg.text);
	return cli_has(c, "json") ? print_json(tape) : print_tape(tape, run);
}

static int fetch(const struct cli *c, struct client *client, json_t **ret)
{
	char *id = NULL;
	int code = client_run_id(client, c->words[0], &id);
	auto_free char *owned = id;
	if (code != CLI_DONE)
		return code;
	auto_free char *path = mem_printf("/api/runs/%s", owned);
	return client_call(client, "GET", path, NULL, ret);
}

static int run(struct cli *c)
{
	int code;
	json_auto_t *found = NULL;
	struct client *client = client_open(c, &code);
	if (!client)
		return code;
	code = fetch(c, client, &found);
	client_free(client);
	if (code != CLI_DONE)
		return code;
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	code = cut(c, config, found);
	config_free(config);
	return code;
}

const struct command command_tape = {
	.name = "tape",
	.summary = "prints a run that has ended as a tape, which tests can play",
	.usage = "RUN",
	.about =
		"pawl tape 01a2 > rules/tapes/monday.yaml, and in a rule's tests: tape: tapes/monday.yaml. "
		"On it are the event, the answers to the calls and what came later; no credentials, and "
		"personal data is masked. It is refused when an action is not what it was.",
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
