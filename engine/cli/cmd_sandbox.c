/* pawl sandbox: the stand-in of the API, alone. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/cli/cli.h"
#include "engine/cli/setup.h"
#include "engine/serve/sandbox.h"

#define DEFAULT_LISTEN "127.0.0.1:8090"

static void on_signal(void *arg, int signo)
{
	(void)signo;
	loop_break(arg);
}

static int serve(const struct cli *c, const struct sandbox_config *conf)
{
	struct errmsg msg;
	struct loop *l = loop_new(&clock_real, false);
	if (!l)
		return cli_cannot(c, "libev cannot start");
	struct sandbox *s = sandbox_new(l, &rng_real, conf, &msg);
	int code = s ? CLI_DONE : cli_cannot(c, "%s", msg.text);
	if (s) {
		const char *colon = strrchr(conf->listen, ':');
		fprintf(stderr, "the sandbox answers at http://%.*s:%d\n",
			(int)(colon - conf->listen), conf->listen, sandbox_port(s));
		loop_signal(l, SIGTERM, on_signal, l);
		loop_signal(l, SIGINT, on_signal, l);
		loop_run(l);
		sandbox_free(s);
	}
	loop_free(l);
	return code;
}

/* Milliseconds; 0 is none at all, which the sandbox writes as a negative number. */
static int activity_ms(const struct cli *c, int64_t *ret)
{
	const char *text = cli_value(c, "activity-ms");
	if (!text)
		return CLI_DONE;
	char *end;
	errno = 0;
	long long ms = strtoll(text, &end, 10);
	if (!*text || *end || errno || ms < 0)
		return cli_wrong(c, "--activity-ms takes milliseconds, not '%s'", text);
	*ret = ms ? ms : -1;
	return CLI_DONE;
}

static int run(struct cli *c)
{
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	const char *listen = cli_value(c, "listen");
	struct sandbox_config conf = {
		.listen = listen ? listen : DEFAULT_LISTEN,
		.scripts_dir = config->sandbox_scripts,
		.seed = cli_value(c, "seed"),
	};
	int code = activity_ms(c, &conf.activity_ms);
	if (code == CLI_DONE && !conf.scripts_dir)
		code = cli_cannot(c,
				  "there is no sandbox/ in the configuration's `scripts` folder");
	else if (code == CLI_DONE && !strrchr(conf.listen, ':'))
		code = cli_wrong(c, "--listen takes ADDRESS:PORT, not '%s'", conf.listen);
	else if (code == CLI_DONE && conf.seed && strcmp(conf.seed, "demo") &&
		 strcmp(conf.seed, "none"))
		code = cli_wrong(c, "--seed takes demo or none, not '%s'", conf.seed);
	else if (code == CLI_DONE)
		code = serve(c, &conf);
	config_free(config);
	return code;
}

static const struct cli_option options[] = {
	{"listen", 0, false, "A:P",
	 "answer at this address and port (default: " DEFAULT_LISTEN ")"},
	{"activity-ms", 0, false, "N", "how long bulk activities take (default: 3000)"},
	{"seed", 0, false, "NAME",
	 "begin with what is there: demo or none (default: none, an empty account)"},
	{0},
};

const struct command command_sandbox = {
	.name = "sandbox",
	.summary = "runs the stand-in of the API alone",
	.usage = "",
	.about =
		"It keeps its state in memory and forgets it when it ends. A connection uses it by "
		"`base_url: http://" DEFAULT_LISTEN "/v3`.",
	.options = options,
	.run = run,
};
