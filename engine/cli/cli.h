/*
 * The command line: a command is one file with one const struct, a row in cmds.def and nothing else.
 *
 * Results go to stdout, messages to stderr. Help texts and docs/CLI.md are made of these tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

/* What a process says when it ends; scripts rely on the numbers. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_NO = 1,     /* the answer is no: a check failed, a run failed, the API refused */
	CLI_USAGE = 2,  /* the command line cannot be meant */
	CLI_CANNOT = 3, /* no network, no service, no store */
};

struct cli_option {
	const char *name;  /* "state" for --state */
	char letter;       /* 'c' for -c; 0: none */
	bool many;         /* may be given more than once */
	const char *value; /* what stands for its value in help texts; NULL: takes none */
	const char *help;
};

struct cli;

struct command {
	const char *name;
	const char *under;   /* "runs": may be written `pawl runs NAME` too; NULL: no */
	const char *summary; /* one line for the list of commands */
	const char *usage;   /* what comes behind the name, options left out; "" for nothing */
	const char *about;   /* further paragraphs for the command's own help; NULL: none */
	const struct cli_option *options; /* its own, closed by one without a name; NULL: none */
	size_t words_min, words_max;      /* how many words beside options it takes */
	bool serves; /* it is the service: warnings of the configuration are told */
	/* Does it; returns one of enum cli_exit. */
	int (*run)(struct cli *c);
};

enum { CLI_WORDS_ANY = 1000 };

/* A command line that was read. The texts are those of argv. */
struct cli {
	const struct command *command;
	const char **words; /* beside options, in their order */
	size_t n_words;
	struct cli_given *given;
	size_t n_given;
};

/* All commands, in the order of help texts; closed by NULL. */
extern const struct command *const commands[];
/* What every command takes; closed like the others. */
extern const struct cli_option common_options[];
/* NULL when there is none. */
const struct command *command_find(const char *name);
/* The name that is nearest to a misspelt one, or NULL. */
const char *command_suggest(const char *name);

/*
 * Reads what stands behind the command's name. 0, or ERR_USAGE with the sentence to print. cli_done
 * frees it either way.
 */
int cli_parse(struct cli *c, const struct command *command, int argc, char **argv,
	      struct errmsg *msg);
void cli_done(struct cli *c);
bool cli_has(const struct cli *c, const char *option);
/* The last value given, or NULL. */
const char *cli_value(const struct cli *c, const char *option);
/* The i-th value of an option that may come several times, or NULL. */
const char *cli_value_at(const struct cli *c, const char *option, size_t i);
/* A value as a number from 1 to max, or def when not given. ERR_USAGE. */
int cli_number(const struct cli *c, const char *option, long max, long def, long *ret,
	       struct errmsg *msg);

/* Says what is wrong on stderr ("pawl send: …") and gives CLI_USAGE, CLI_CANNOT or CLI_NO. */
int cli_wrong(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cli_cannot(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cli_no(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The help of everything, of one command, and docs/CLI.md. */
void help_all(struct buf *b);
void help_command(struct buf *b, const struct command *command);
void help_markdown(struct buf *b);

/* Reads argv, runs the command; returns the exit code. */
int cli_main(int argc, char **argv);
