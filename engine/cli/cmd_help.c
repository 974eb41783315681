/* pawl help: explains the commands; --markdown makes the reference page. */
#include "engine/cli/cli.h"
#include "engine/cli/print.h"

static int run(struct cli *c)
{
	struct buf b = BUF_INIT;
	if (cli_has(c, "markdown")) {
		help_markdown(&b);
	} else if (!c->n_words) {
		help_all(&b);
	} else {
		/* `pawl help runs show` is about the last word. */
		const char *word = c->words[c->n_words - 1];
		const struct command *k = command_find(word);
		const char *hint = command_suggest(word);
		if (!k && hint)
			return cli_wrong(c, "there is no command '%s'; did you mean '%s'?", word,
					 hint);
		if (!k)
			return cli_wrong(c, "there is no command '%s'", word);
		help_command(&b, k);
	}
	return print_out(&b);
}

static const struct cli_option options[] = {
	{"markdown", 0, false, NULL, "print the page docs/CLI.md"},
	{0},
};

const struct command command_help = {
	.name = "help",
	.summary = "explains a command",
	.usage = "[COMMAND]",
	.options = options,
	.words_max = 2,
	.run = run,
};
