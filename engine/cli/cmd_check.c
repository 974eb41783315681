/* pawl check: the mistakes in rule files, before anything runs. */
#include <stdio.h>

#include "engine/cli/cli.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/serve/rulekit.h"

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

static int run(struct cli *c)
{
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	int code = check(c, config);
	config_free(config);
	return code;
}

const struct command command_check = {
	.name = "check",
	.summary = "checks rule files: file:line:col: error: text",
	.usage = "[PATH…]",
	.about =
		"Without a path, the rules of the configuration. Everything that can be known before a "
		"rule runs: its words, its expressions, the parameters of its calls, what it refers to. "
		"Warnings are no errors.",
	.words_max = CLI_WORDS_ANY,
	.run = run,
};
