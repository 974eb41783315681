/* Help texts and the reference page, made of the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/cli/cli.h"

enum { TEXT_COLUMN = 26, WIDTH = 90 };

/*
 * Adds text with line breaks before WIDTH; what follows the first line is indented. A line that
 * begins with four blanks is left as it is.
 */
static void wrap(struct buf *b, const char *text, int at, int indent)
{
	for (const char *p = text; *p;) {
		bool example = strncmp(p, "    ", 4) == 0;
		size_t len = strcspn(p, example ? "\n" : " \n");
		if (!example && at > indent && at + 1 + (int)len > WIDTH) {
			(void)buf_printf(b, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			(void)buf_putc(b, ' ');
			at++;
		}
		(void)buf_add(b, p, len);
		at += (int)len;
		p += len;
		if (*p == '\n') {
			(void)buf_printf(b, "\n%*s", p[1] && p[1] != '\n' ? indent : 0, "");
			at = indent;
		}
		p += *p != 0;
	}
	(void)buf_putc(b, '\n');
}

/* "-c, --config FILE …" */
static char *option_head(const struct cli_option *o)
{
	char letter[8] = "";
	if (o->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	return mem_printf("%s--%s%s%s%s", letter, o->name, o->value ? " " : "",
			  o->value ? o->value : "", o->many ? " …" : "");
}

static void row(struct buf *b, const char *head, const char *text)
{
	/* The ellipsis is three bytes and one column. */
	int width = (int)strlen(head) - (strstr(head, "…") ? 2 : 0);
	(void)buf_printf(b, "  %s", head);
	if (2 + width + 2 > TEXT_COLUMN)
		(void)buf_printf(b, "\n%*s", TEXT_COLUMN, "");
	else
		(void)buf_printf(b, "%*s", TEXT_COLUMN - 2 - width, "");
	wrap(b, text, TEXT_COLUMN, TEXT_COLUMN);
}

static void option_rows(struct buf *b, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		auto_free char *head = option_head(o);
		row(b, head, o->help);
	}
}

static void usage_line(struct buf *b, const struct command *k)
{
	(void)buf_printf(b, "pawl %s%s%s [options]\n", k->name, *k->usage ? " " : "", k->usage);
}

void help_all(struct buf *b)
{
	(void)buf_puts(b, "pawl runs automations that must not lose anything.\n\n"
			  "usage: pawl COMMAND [options]\n\n");
	for (size_t i = 0; commands[i]; i++)
		row(b, commands[i]->name, commands[i]->summary);
	(void)buf_puts(b, "\nEvery command takes:\n");
	option_rows(b, common_options);
	(void)buf_puts(b,
		       "\n`pawl help COMMAND` explains one; `pawl --version` tells the version.\n"
		       "Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 could not.\n");
}

void help_command(struct buf *b, const struct command *k)
{
	(void)buf_puts(b, "usage: ");
	usage_line(b, k);
	(void)buf_putc(b, '\n');
	wrap(b, k->summary, 0, 0);
	if (k->about) {
		(void)buf_putc(b, '\n');
		wrap(b, k->about, 0, 0);
	}
	(void)buf_puts(b, "\noptions:\n");
	option_rows(b, k->options);
	option_rows(b, common_options);
}

static void markdown_options(struct buf *b, const struct cli_option *o)
{
	if (!o || !o->name)
		return;
	(void)buf_puts(b, "\n| option | |\n|---|---|\n");
	for (; o->name; o++) {
		auto_free char *head = option_head(o);
		(void)buf_printf(b, "| `%s` | ", head);
		for (const char *p = o->help; *p; p++)
			(void)buf_printf(b, "%s%c", *p == '|' ? "\\" : "", *p);
		(void)buf_puts(b, " |\n");
	}
}

void help_markdown(struct buf *b)
{
	(void)buf_puts(
		b,
		"# Commands\n\n"
		"Made by `pawl help --markdown` from the tables of `engine/cli/`.\n\n"
		"Exit codes: 0 done, 1 the answer is no (a check failed, a run failed), 2 wrong use, "
		"3 could not\n(network, store). Results go to stdout, messages to stderr; colours and "
		"progress only to a terminal.\n\n"
		"Every command takes:\n");
	markdown_options(b, common_options);
	for (size_t i = 0; commands[i]; i++) {
		const struct command *k = commands[i];
		(void)buf_printf(b, "\n## pawl %s\n\n```\n", k->name);
		usage_line(b, k);
		if (k->under)
			(void)buf_printf(b, "pawl %s %s %s [options]\n", k->under, k->name,
					 k->usage);
		(void)buf_puts(b, "```\n\n");
		wrap(b, k->summary, 0, 0);
		if (k->about) {
			(void)buf_putc(b, '\n');
			wrap(b, k->about, 0, 0);
		}
		markdown_options(b, k->options);
	}
}
