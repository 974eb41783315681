/* pawl approve: a person decides what a run asks; without an id, the open questions. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/person.h"
#include "engine/cli/print.h"

/* The names in `by`, which is one or a list; malloc'd. */
static char *names_of(const json_t *by)
{
	struct buf b = BUF_INIT;
	size_t i;
	json_t *v;
	if (json_is_string(by))
		(void)buf_puts(&b, json_string_value(by));
	json_array_foreach ((json_t *)by, i, v)
		(void)buf_printf(&b, "%s%s", i ? ", " : "",
				 json_is_string(v) ? json_string_value(v) : "?");
	return buf_take(&b);
}

static void add_question(struct buf *b, const json_t *w)
{
	const json_t *note = json_object_get(w, "note");
	auto_free char *by = names_of(json_object_get(note, "by"));
	(void)buf_printf(b, "%s  ", json_str(w, "run"));
	(void)print_text(b, json_str(w, "rule"), 0);
	(void)buf_puts(b, "  ");
	(void)print_text(b, json_str(note, "ask"), 0);
	if (by && *by) {
		(void)buf_puts(b, "  (for ");
		(void)print_text(b, by, 0);
		(void)buf_putc(b, ')');
	}
	(void)buf_putc(b, '\n');
}

static int list(const struct cli *c)
{
	int code;
	json_auto_t *v = NULL;
	struct client *client = client_open(c, &code);
	if (!client)
		return code;
	code = client_call(client, "GET", "/api/waits", NULL, &v);
	client_free(client);
	if (code != CLI_DONE)
		return code;
	if (cli_has(c, "json"))
		return print_json(v);
	struct buf b = BUF_INIT;
	size_t i;
	const json_t *w;
	json_array_foreach (json_object_get(v, "waits"), i, w)
		add_question(&b, w);
	if (!i)
		(void)buf_puts(&b, "nobody is asked anything\n");
	return print_out(&b);
}

static int run(struct cli *c)
{
	if (!c->n_words)
		return list(c);
	const char *by = cli_value(c, "by"), *note = cli_value(c, "note"),
		   *path = cli_value(c, "path");
	json_auto_t *body = json_pack("{s:b, s:s*, s:s*, s:s*}", "approve", !cli_has(c, "no"), "by",
				      by, "note", note, "path", path);
	return person_acts(c, "approve", body);
}

static const struct cli_option options[] = {
	{"no", 0, false, NULL, "the answer is no: the step fails as rejected"},
	{"by", 0, false, "NAME", "who has decided"},
	{"note", 0, false, "TEXT", "why"},
	{"path", 0, false, "PATH", "which question, when the run asks several"},
	{"wait", 0, false, NULL, "follow the run to its end and show its timeline"},
	{0},
};

const struct command command_approve = {
	.name = "approve",
	.under = "runs",
	.summary = "decides what a run asks a person; alone: lists the questions",
	.usage = "[ID]",
	.about =
		"A step `approve` waits for it. The first answer counts. One of `people:` decides with "
		"a token of their own in PAWL_TOKEN, and sees only what they are asked.",
	.options = options,
	.words_max = 1,
	.run = run,
};
