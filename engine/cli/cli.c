/* From argv to a command, and from its result to an exit code. */
#include "engine/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/suggest.h"
#include "engine/cli/print.h"

#define COMMAND(name) extern const struct command command_##name;
#include "engine/cli/cmds.def"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "engine/cli/cmds.def"
#undef COMMAND
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

const char *command_suggest(const char *name)
{
	const char *names[sizeof(commands) / sizeof(*commands)];
	size_t n = 0;
	for (; commands[n]; n++)
		names[n] = commands[n]->name;
	return suggest(name, names, n);
}

/* `pawl runs show ID` is `pawl show ID`: the second word may be the command. */
static const struct command *under(const struct command *first, int argc, char **argv)
{
	const struct command *second = argc > 0 ? command_find(argv[0]) : NULL;
	return second && second->under && !strcmp(second->under, first->name) ? second : NULL;
}

static int unknown(const char *word)
{
	const char *hint = command_suggest(word);
	if (*word == '-') {
		fprintf(stderr, "pawl: '%s' comes behind the command, as in `pawl runs %s`\n", word,
			word);
		return CLI_USAGE;
	}
	fprintf(stderr, "pawl: there is no command '%s'", word);
	if (hint)
		fprintf(stderr, "; did you mean '%s'?\n", hint);
	else
		fprintf(stderr, "; `pawl help` lists them\n");
	return CLI_USAGE;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct cli c;
	struct errmsg msg;
	int code;
	if (cli_parse(&c, command, argc, argv, &msg) != 0) {
		code = cli_wrong(&c, "%s", msg.text);
	} else if (cli_has(&c, "help")) {
		struct buf b = BUF_INIT;
		help_command(&b, command);
		code = print_out(&b);
	} else {
		code = command->run(&c);
	}
	cli_done(&c);
	return code;
}

static int overview(FILE *to, int code)
{
	struct buf b = BUF_INIT;
	help_all(&b);
	(void)fputs(buf_str(&b), to);
	buf_done(&b);
	return code;
}

int cli_main(int argc, char **argv)
{
	if (argc < 2)
		return overview(stderr, CLI_USAGE);
	const char *word = argv[1];
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		return overview(stdout, CLI_DONE);
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		printf("pawl %s\n", PAWL_VERSION);
		return CLI_DONE;
	}
	const struct command *command = command_find(word);
	if (!command)
		return unknown(word);
	argc -= 2;
	argv += 2;
	const struct command *second = under(command, argc, argv);
	return second ? run(second, argc - 1, argv + 1) : run(command, argc, argv);
}
