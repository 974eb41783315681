/* Writes a call as people write it: on a command line, and as a step of a rule. */
#include "engine/cli/example.h"

#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

#define SAFE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@,+%="

/* Inside of single quotes a shell takes everything but these as it is. */
static void add_quoted(struct buf *b, const char *text)
{
	if (*text && strspn(text, SAFE) == strlen(text)) {
		(void)buf_puts(b, text);
		return;
	}
	(void)buf_putc(b, '\'');
	for (; *text; text++)
		if (*text == '\'')
			(void)buf_puts(b, "'\\''");
		else
			(void)buf_putc(b, *text);
	(void)buf_putc(b, '\'');
}

void example_command(struct buf *b, const struct action *a, const json_t *params)
{
	const char *name;
	json_t *v;
	(void)buf_printf(b, "pawl call %s.%s", a->connector, a->name);
	json_object_foreach ((json_t *)params, name, v) {
		auto_free char *text = json_text(v);
		bool nested = json_is_object(v) || json_is_array(v);
		(void)buf_printf(b, " %s%s=", name, nested ? ":" : "");
		add_quoted(b, json_is_string(v) ? json_string_value(v) : text);
	}
	(void)buf_putc(b, '\n');
}

static void add_yaml(struct buf *b, const json_t *v, int indent);

/* Each name on a line of its own; the first where the line stands already, if `begun`. */
static void add_map(struct buf *b, const json_t *map, int indent, bool begun)
{
	const char *name;
	json_t *v;
	json_object_foreach ((json_t *)map, name, v) {
		(void)buf_printf(b, "%*s%s:", begun ? 0 : indent, "", name);
		add_yaml(b, v, indent + 2);
		begun = false;
	}
}

static bool has_parts(const json_t *v)
{
	return json_object_size(v) > 0 ||
	       (json_array_size(v) > 0 && json_object_size(json_array_get(v, 0)) > 0);
}

/* What follows "name:": scalars and lists of them on the same line, the rest below. */
static void add_yaml(struct buf *b, const json_t *v, int indent)
{
	const json_t *part;
	size_t i;
	if (!has_parts(v)) {
		auto_free char *text = json_text(v);
		(void)buf_printf(b, " %s\n", text);
		return;
	}
	(void)buf_putc(b, '\n');
	if (json_is_object(v))
		add_map(b, v, indent, false);
	json_array_foreach ((json_t *)v, i, part) {
		(void)buf_printf(b, "%*s- ", indent, "");
		if (json_object_size(part))
			add_map(b, part, indent + 2, true);
		else
			(void)json_add_text(b, part);
	}
}

void example_step(struct buf *b, const struct action *a, const json_t *params, int indent)
{
	(void)buf_printf(b, "%*s- call: %s.%s\n", indent, "", a->connector, a->name);
	if (!json_object_size(params))
		return;
	(void)buf_printf(b, "%*swith:\n", indent + 2, "");
	add_map(b, params, indent + 4, false);
}
