/* Reads a command line by the tables of its command. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/suggest.h"
#include "engine/cli/cli.h"

/* One option on the command line. */
struct cli_given {
	const struct cli_option *option;
	const char *value; /* NULL: it takes none */
};

const struct cli_option common_options[] = {
	{"config", 'c', true, "FILE",
	 "read this configuration (default: pawl.yaml here, if there is one); of several, later ones "
	 "win key by key"},
	{"url", 0, false, "URL", "the service's address (default: the configuration's `listen`)"},
	{"json", 0, false, NULL, "print JSON for programs"},
	{"help", 'h', false, NULL, "explain the command"},
	{0},
};

enum { OPTIONS_MAX = 64 };

static const struct cli_option *find_in(const struct cli_option *o, const char *name, size_t len,
					char letter)
{
	for (; o && o->name; o++)
		if (letter ? o->letter == letter
			   : strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

static const struct cli_option *find(const struct command *command, const char *name, size_t len,
				     char letter)
{
	const struct cli_option *o = find_in(command->options, name, len, letter);
	return o ? o : find_in(common_options, name, len, letter);
}

static const char *nearest(const struct command *command, const char *word)
{
	const char *names[OPTIONS_MAX];
	size_t n = 0;
	for (const struct cli_option *o = command->options; o && o->name && n < OPTIONS_MAX; o++)
		names[n++] = o->name;
	for (const struct cli_option *o = common_options; o->name && n < OPTIONS_MAX; o++)
		names[n++] = o->name;
	return suggest(word, names, n);
}

static int unknown(const struct command *command, const char *arg, struct errmsg *msg)
{
	const char *name = arg + strspn(arg, "-");
	auto_free char *word = mem_strndup(name, strcspn(name, "="));
	const char *hint = nearest(command, word);
	if (hint)
		return err_set(msg, ERR_USAGE, "there is no option '%s'; did you mean --%s?", arg,
			       hint);
	return err_set(msg, ERR_USAGE, "there is no option '%s'", arg);
}

static int give(struct cli *c, const struct cli_option *o, const char *value, struct errmsg *msg)
{
	if (!o->many && cli_has(c, o->name))
		return err_set(msg, ERR_USAGE, "--%s is given twice", o->name);
	c->given[c->n_given++] = (struct cli_given){o, value};
	return 0;
}

/* One option at argv[*i], whose value may be the next argument. */
static int read_option(struct cli *c, int argc, char **argv, int *i, struct errmsg *msg)
{
	const char *arg = argv[*i], *value = NULL;
	const struct cli_option *o;
	if (arg[1] == '-') {
		size_t len = strcspn(arg + 2, "=");
		o = len ? find(c->command, arg + 2, len, 0) : NULL;
		value = arg[2 + len] ? arg + 3 + len : NULL;
	} else {
		o = find(c->command, NULL, 0, arg[1]);
		value = arg[2] ? arg + 2 : NULL;
		if (o && !o->value && value)
			o = NULL;
	}
	if (!o)
		return unknown(c->command, arg, msg);
	if (!o->value && value)
		return err_set(msg, ERR_USAGE, "--%s takes no value", o->name);
	if (o->value && !value) {
		if (*i + 1 >= argc)
			return err_set(msg, ERR_USAGE, "--%s needs a value: %s", o->name, o->value);
		value = argv[++*i];
	}
	return give(c, o, value, msg);
}

static int count_words(const struct cli *c, struct errmsg *msg)
{
	const struct command *k = c->command;
	if (c->n_words < k->words_min)
		return err_set(msg, ERR_USAGE, "something is missing: %s %s", k->name, k->usage);
	if (c->n_words > k->words_max)
		return err_set(msg, ERR_USAGE, "'%s' is one too many: %s%s%s",
			       c->words[k->words_max], k->name, *k->usage ? " " : "", k->usage);
	return 0;
}

int cli_parse(struct cli *c, const struct command *command, int argc, char **argv,
	      struct errmsg *msg)
{
	*c = (struct cli){
		.command = command,
		.words = mem_alloc(((size_t)argc + 1) * sizeof(char *)),
		.given = mem_alloc(((size_t)argc + 1) * sizeof(struct cli_given)),
	};
	bool options = true;
	for (int i = 0; i < argc; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (!options || argv[i][0] != '-' || !argv[i][1])
			c->words[c->n_words++] = argv[i];
		else if (read_option(c, argc, argv, &i, msg) != 0)
			return msg->code;
	}
	return cli_has(c, "help") ? 0 : count_words(c, msg);
}

void cli_done(struct cli *c)
{
	free(c->words);
	free(c->given);
	*c = (struct cli){0};
}

bool cli_has(const struct cli *c, const char *option)
{
	for (size_t i = 0; i < c->n_given; i++)
		if (!strcmp(c->given[i].option->name, option))
			return true;
	return false;
}

const char *cli_value_at(const struct cli *c, const char *option, size_t at)
{
	for (size_t i = 0; i < c->n_given; i++)
		if (!strcmp(c->given[i].option->name, option) && at-- == 0)
			return c->given[i].value;
	return NULL;
}

const char *cli_value(const struct cli *c, const char *option)
{
	const char *value = NULL;
	for (size_t i = 0; i < c->n_given; i++)
		if (!strcmp(c->given[i].option->name, option))
			value = c->given[i].value;
	return value;
}

int cli_number(const struct cli *c, const char *option, long max, long def, long *ret,
	       struct errmsg *msg)
{
	const char *text = cli_value(c, option);
	*ret = def;
	if (!text)
		return 0;
	char *end;
	*ret = strtol(text, &end, 10);
	if (!*text || *end || *ret < 1 || *ret > max)
		return err_set(msg, ERR_USAGE, "--%s takes a number from 1 to %ld, not '%s'",
			       option, max, text);
	return 0;
}

__attribute__((format(printf, 2, 0))) static void say(const struct cli *c, const char *fmt,
						      va_list ap)
{
	fprintf(stderr, "pawl %s: ", c->command->name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int cli_wrong(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
	return CLI_USAGE;
}

int cli_cannot(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
	return CLI_CANNOT;
}

int cli_no(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
	return CLI_NO;
}
