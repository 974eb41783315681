/* pawl check: the mistakes in rule files, before anything runs. */
#include <stdio.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/io/loop.h"
#include "engine/serve/rulekit.h"

#define LOOK_MS 250

/* "3 rules, no errors", with warnings when there are any. */
static void tell_count(int rules, const struct findings *f)
{
	size_t warnings = f->n - f->errors;
	fprintf(stderr, "%d rule%s, ", rules, rules == 1 ? "" : "s");
	if (f->errors)
		fprintf(stderr, "%zu error%s", f->errors, f->errors == 1 ? "" : "s");
	else
		fprintf(stderr, "no errors");
	if (warnings)
		fprintf(stderr, ", %zu warning%s", warnings, warnings == 1 ? "" : "s");
	fputc('\n', stderr);
}

static int print_findings(const struct cli *c, int rules, const struct findings *f)
{
	struct buf b = BUF_INIT;
	if (cli_has(c, "json")) {
		json_auto_t *all = json_pack("{s:i, s:I, s:o}", "rules", rules, "errors",
					     (json_int_t)f->errors, "findings", findings_json(f));
		return print_json(all);
	}
	findings_format(f, &b);
	int code = print_out(&b);
	tell_count(rules, f);
	return code;
}

static int check(const struct cli *c, const struct config *config)
{
	struct findings f = {0};
	struct errmsg msg = {0};
	int rules = rules_check(config, c->words, c->n_words, &f, &msg);
	int code = CLI_DONE;
	if (rules < 0)
		code = cli_no(c, "%s", msg.text);
	else
		code = print_findings(c, rules, &f);
	if (code == CLI_DONE && f.errors)
		code = CLI_NO;
	findings_done(&f);
	return code;
}

static int check_once(const struct cli *c)
{
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	int code = check(c, config);
	config_free(config);
	return code;
}

/* ---- --watch ---- */

static uint64_t print_of(const char *const *paths, size_t n, uint64_t before)
{
	return before * 31 + rules_fingerprint(paths, n);
}

/* Of all that a check reads. Without a readable configuration, of its files alone. */
static uint64_t look(const struct cli *c)
{
	struct findings f = {0};
	const char *file = "pawl.yaml";
	uint64_t h = print_of(&file, 1, 0);
	for (size_t i = 0; (file = cli_value_at(c, "config", i)); i++)
		h = print_of(&file, 1, h);
	struct config *config = setup_read(c, NULL, &f);
	findings_done(&f);
	if (!config)
		return h;
	bool own = c->n_words == 0;
	const char *scripts = config->scripts;
	h = print_of(own ? (const char *const *)config->rules : c->words,
		     own ? config->n_rules : c->n_words, h);
	h = print_of((const char *const *)config->actions, config->n_actions, h);
	h = print_of(&scripts, 1, h);
	config_free(config);
	return h;
}

struct watcher {
	const struct cli *cli;
	struct loop *loop;
	struct loop_timer timer;
	uint64_t seen;
	int code;
};

static void on_look(struct loop_timer *t)
{
	struct watcher *w = container_of(t, struct watcher, timer);
	bool clear = isatty(STDOUT_FILENO) && !cli_has(w->cli, "json");
	uint64_t now = look(w->cli);
	if (now != w->seen) {
		w->seen = now;
		if (clear)
			(void)fputs("\033[H\033[2J\033[3J", stdout);
		w->code = check_once(w->cli);
		(void)fflush(stdout);
	}
	/* A mistake is no reason to stop looking; nobody who reads is. */
	if (w->code == CLI_CANNOT)
		loop_break(w->loop);
	else
		loop_timer_start(w->loop, t, LOOK_MS);
}

/* Again and again, until a signal ends it. */
static int watch(const struct cli *c)
{
	struct watcher w = {
		.cli = c, .loop = loop_new(&clock_real, false), .timer = {.cb = on_look}};
	loop_timer_start(w.loop, &w.timer, 0);
	loop_run(w.loop);
	loop_timer_stop(w.loop, &w.timer);
	loop_free(w.loop);
	return w.code;
}

static int run(struct cli *c)
{
	return cli_has(c, "watch") ? watch(c) : check_once(c);
}

static const struct cli_option options[] = {
	{.name = "watch",
	 .help = "checks again whenever a rule, script, action or the configuration changes"},
	{0},
};

const struct command command_check = {
	.name = "check",
	.summary = "checks rule files: file:line:col: error: text",
	.usage = "[PATH…]",
	.about =
		"Without a path, the rules of the configuration. Everything that can be known before a "
		"rule runs: its words, its expressions, the parameters of its calls, what it refers to. "
		"Warnings are no errors. With --json, {rules, errors, findings: [{file, line, column, "
		"level, message, remedy}]}, with --watch one such line a check.",
	.options = options,
	.words_max = CLI_WORDS_ANY,
	.run = run,
};
