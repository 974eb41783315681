/* pawl why: for each rule, whether an event started it, and what decided. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/print.h"
#include "engine/io/server.h"

#define VALUE_MAX 80

static void add_value(struct buf *b, const json_t *v)
{
	auto_free char *text = v ? json_text(v) : mem_strdup("null");
	(void)print_text(b, json_is_null(v) ? "nothing" : text, VALUE_MAX);
}

/* "data.email = "x", data.name = nothing" */
static void add_read(struct buf *b, const json_t *read)
{
	const char *key;
	json_t *v;
	bool first = true;
	json_object_foreach ((json_t *)read, key, v) {
		(void)buf_puts(b, first ? "   " : ", ");
		(void)print_text(b, key, 0);
		(void)buf_puts(b, " = ");
		add_value(b, v);
		first = false;
	}
}

/* Each part of the condition that was looked at, with what it read. */
static void add_parts(struct buf *b, const struct look *l, const json_t *rule)
{
	json_t *part;
	size_t i;
	json_array_foreach (json_object_get(rule, "parts"), i, part) {
		const json_t *is = json_object_get(part, "is");
		enum paint p = json_is_null(is)   ? PAINT_YELLOW
			       : json_is_true(is) ? PAINT_GREEN
						  : PAINT_RED;
		(void)buf_printf(b, "      %s%-5s%s ", paint(l, p),
				 json_is_null(is)   ? "error"
				 : json_is_true(is) ? "true"
						    : "false",
				 paint(l, PAINT_PLAIN));
		(void)print_text(b, json_str(part, "text"), 0);
		(void)buf_puts(b, paint(l, PAINT_DIM));
		add_read(b, json_object_get(part, "read"));
		(void)buf_printf(b, "%s\n", paint(l, PAINT_PLAIN));
		if (json_str(part, "error")) {
			(void)buf_puts(b, "            ");
			(void)print_text(b, json_str(part, "error"), 0);
			(void)buf_putc(b, '\n');
		}
	}
}

static void add_list(struct buf *b, const json_t *list)
{
	json_t *v;
	size_t i;
	json_array_foreach ((json_t *)list, i, v) {
		(void)buf_puts(b, i ? " or " : "");
		if (json_is_string(v))
			(void)print_text(b, json_string_value(v), 0);
		else
			add_value(b, v);
	}
	if (!json_array_size(list))
		(void)buf_puts(b, "nothing: it starts by hand, or by a run: step");
}

static const char *fate_text(const char *fate)
{
	static const char *const texts[][2] = {
		{"once", "its once: has seen that key already"},
		{"awaited", "a waiting run took the event"},
		{"dropped", "its limit: dropped the run"},
		{"queued", "its limit: has the run wait"},
		{"collected", "it begins a window of collect:"},
		{"joined", "it joined a window of collect:"},
		{NULL, NULL},
	};
	for (size_t i = 0; texts[i][0]; i++)
		if (fate && strcmp(fate, texts[i][0]) == 0)
			return texts[i][1];
	return fate;
}

static void add_reason(struct buf *b, const json_t *rule)
{
	const char *because = json_str(rule, "because"), *fate = json_str(rule, "fate");
	if (fate) {
		(void)buf_puts(b, fate_text(fate));
	} else if (!because) {
		(void)buf_puts(b, "it started");
	} else if (strcmp(because, "enabled") == 0) {
		(void)buf_puts(b, "it is not enabled");
	} else if (strcmp(because, "when") == 0) {
		(void)buf_puts(b, "it hears ");
		add_list(b, json_object_get(rule, "hears"));
	} else if (strcmp(because, "where") == 0) {
		(void)buf_puts(b, "where: ");
		(void)print_text(b, json_str(rule, "path"), 0);
		(void)buf_puts(b, " is ");
		add_value(b, json_object_get(rule, "found"));
		(void)buf_puts(b, ", not ");
		add_list(b, json_object_get(rule, "wanted"));
	} else {
		(void)buf_printf(b, "its condition, line %lld",
				 (long long)json_int(rule, "line", 0));
	}
}

static void add_rule(struct buf *b, const struct look *l, const json_t *rule, int width)
{
	const char *fate = json_str(rule, "fate"), *run = json_str(rule, "run");
	bool yes = json_bool(rule, "matched", false) &&
		   !(fate && (!strcmp(fate, "once") || !strcmp(fate, "awaited") ||
			      !strcmp(fate, "dropped")));
	(void)buf_printf(b, "  %s%s%s ", paint(l, yes ? PAINT_GREEN : PAINT_DIM), yes ? "✓" : "✗",
			 paint(l, PAINT_PLAIN));
	print_cell(b, json_str(rule, "rule"), width, false);
	(void)buf_puts(b, "  ");
	add_reason(b, rule);
	if (run) {
		(void)buf_puts(b, "  ");
		(void)print_text(b, run, 0);
	}
	(void)buf_putc(b, '\n');
	add_parts(b, l, rule);
}

/* Those that started first, those that do not even hear the type last. */
static int rank(const json_t *rule)
{
	const char *because = json_str(rule, "because");
	return !because ? 0 : strcmp(because, "when") ? 1 : 2;
}

static void add_all(struct buf *b, const struct look *l, const json_t *v)
{
	const json_t *rules = json_object_get(v, "rules");
	json_t *rule;
	size_t i;
	int width = 0;
	json_array_foreach ((json_t *)rules, i, rule) {
		int own = print_width(json_str(rule, "rule"));
		width = own > width ? own : width;
	}
	(void)buf_puts(b, paint(l, PAINT_BOLD));
	(void)print_text(b, json_str(v, "type"), 0);
	(void)buf_printf(b, "%s  ", paint(l, PAINT_PLAIN));
	(void)print_text(b, json_str(v, "source"), 0);
	(void)buf_puts(b, "  ");
	(void)print_text(b, json_str(v, "received"), 0);
	(void)buf_putc(b, '\n');
	for (int k = 0; k < 3; k++)
		json_array_foreach ((json_t *)rules, i, rule)
			if (rank(rule) == k)
				add_rule(b, l, rule, width);
	if (!json_bool(v, "of_its_time", true))
		(void)buf_puts(b,
			       "  the rules of that time are not known: these are those of now\n");
}

static int why(const struct cli *c, struct client *client)
{
	json_auto_t *v = NULL;
	struct buf path = BUF_INIT;
	auto_free char *newest = NULL;
	int code = c->n_words ? CLI_DONE : client_newest(client, "events", &newest);
	if (code != CLI_DONE)
		return code;
	const char *event = newest ? newest : c->words[0];
	(void)buf_puts(&path, "/api/events/");
	(void)url_encode(&path, event, strlen(event), "");
	(void)buf_printf(&path, "/why%s", c->n_words > 1 ? "?rule=" : "");
	if (c->n_words > 1)
		(void)url_encode(&path, c->words[1], strlen(c->words[1]), "");
	code = client_call(client, "GET", buf_str(&path), NULL, &v);
	buf_done(&path);
	if (code != CLI_DONE)
		return code;
	if (cli_has(c, "json"))
		return print_json(v);
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	add_all(&b, &l, v);
	return print_out(&b);
}

static int run(struct cli *c)
{
	int code;
	struct client *client = client_open(c, &code);
	if (!client)
		return code;
	code = why(c, client);
	client_free(client);
	return code;
}

const struct command command_why = {
	.name = "why",
	.summary = "says for each rule whether an event started it, and what decided",
	.usage = "[EVENT [RULE]]",
	.about =
		"The condition is evaluated again on the stored event, with the rules as they were when it "
		"came; each part of it is shown with the values that it read. An answer costs nothing "
		"before somebody asks. Without an EVENT it is the newest one.",
	.words_max = 2,
	.run = run,
};
