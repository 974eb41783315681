/* pawl serve: the service itself. */
#include "engine/base/log.h"
#include "engine/cli/cli.h"
#include "engine/cli/setup.h"
#include "engine/serve/service.h"

enum { RULES_MAX = 64 };

static int failed(const struct cli *c, const struct errmsg *msg)
{
	/* A wrong connection is seen only with the catalogue: it is a mistake of the configuration. */
	return msg->code == ERR_INVALID ? cli_wrong(c, "%s", msg->text)
					: cli_cannot(c, "%s", msg->text);
}

static int serve(const struct cli *c, const struct config *config)
{
	struct errmsg msg = {0};
	log_setup(&config->log);
	struct service *s = service_new(config, &msg);
	if (!s)
		return failed(c, &msg);
	int code = CLI_DONE;
	if (service_start(s, &msg) != 0)
		code = failed(c, &msg);
	else if (service_run(s) != 0)
		code = CLI_CANNOT;
	service_free(s);
	return code;
}

static int run(struct cli *c)
{
	const char *rules[RULES_MAX];
	struct config_flags flags = {
		.listen = cli_value(c, "listen"),
		.store = cli_value(c, "store"),
		.rules = rules,
		.sandbox = cli_has(c, "sandbox"),
	};
	while (flags.n_rules < RULES_MAX &&
	       (rules[flags.n_rules] = cli_value_at(c, "rules", flags.n_rules)))
		flags.n_rules++;
	struct config *config = setup_config(c, &flags);
	if (!config)
		return CLI_USAGE;
	int code = serve(c, config);
	config_free(config);
	return code;
}

static const struct cli_option options[] = {
	{"listen", 0, false, "A:P", "answer at this address and port (default: 127.0.0.1:8080)"},
	{"store", 0, false, "URL", "keep the journal there (default: sqlite:pawl.db)"},
	{"rules", 0, true, "DIR", "read the rules below it, instead of those of the configuration"},
	{"sandbox", 0, false, NULL,
	 "bring a stand-in of the API along; connections without an address go to it"},
	{0},
};

const struct command command_serve = {
	.name = "serve",
	.summary = "runs the service",
	.usage = "",
	.about =
		"A changed rule file, or SIGHUP, loads the rules anew: all of them, or with any mistake "
		"none. SIGTERM ends what is under way, 10 seconds at most, and stops; what was not "
		"answered by then is looked into at the next start. A store that another process has is "
		"refused.",
	.options = options,
	.serves = true,
	.run = run,
};
