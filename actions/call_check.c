/* What is wrong with a call, before anything runs: its literal parameters against the definition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/call.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"

/* What stands for a value that an expression will give. */
static json_t *unknown_value, *unknown_text;

static enum value_known known(void *arg, const json_t *v)
{
	(void)arg;
	return v == unknown_value ? VALUE_UNKNOWN : v == unknown_text ? VALUE_TEXT : VALUE_KNOWN;
}

/* The parameters as far as they are literal. */
static json_t *sketch(const struct tmpl *t)
{
	json_t *v;
	switch (t->kind) {
	case TMPL_LITERAL:
		return json_incref(t->literal);
	case TMPL_EXPR:
		return json_incref(unknown_value);
	case TMPL_TEXT:
		return json_incref(unknown_text);
	case TMPL_MAP:
		v = json_object();
		for (size_t i = 0; i < t->n; i++)
			json_object_set_new(v, t->keys[i], sketch(t->items[i]));
		return v;
	case TMPL_LIST:
	default:
		v = json_array();
		for (size_t i = 0; i < t->n; i++)
			json_array_append_new(v, sketch(t->items[i]));
		return v;
	}
}

struct place {
	struct plan_check *check;
	const struct step *step;
	const struct tmpl *with;
	const char *action;
};

/* The node that a violation's path ("email_address.address", "notes[2].content") leads to. */
static const struct tmpl *node_at(const struct tmpl *t, const char *path)
{
	while (t && *path) {
		const struct tmpl *next = NULL;
		size_t len = strcspn(path, ".[");
		if (*path == '[') {
			size_t i = strtoul(path + 1, NULL, 10);
			next = !t->keys && i >= 1 && i <= t->n ? t->items[i - 1] : NULL;
			len = strcspn(path, "]") + 1;
		}
		for (size_t i = 0; t->keys && i < t->n && !next; i++)
			if (strlen(t->keys[i]) == len && memcmp(t->keys[i], path, len) == 0)
				next = t->items[i];
		if (!next)
			return t;
		t = next;
		path += len;
		if (*path == '.')
			path++;
	}
	return t;
}

static void on_violation(void *arg, const char *path, const char *message, bool warning)
{
	const struct place *p = arg;
	const struct tmpl *t = p->with ? node_at(p->with, path) : NULL;
	int line = t && t->line ? t->line : p->step->line,
	    col = t && t->line ? t->col : p->step->col;
	const char *colon = *path ? ": " : "";
	if (warning)
		p->check->warn(p->check, line, col, "%s: %s%s%s", p->action, path, colon, message);
	else
		p->check->error(p->check, line, col, "%s: %s%s%s", p->action, path, colon, message);
}

/* The nearest name for the wrong part of a path into an answer. */
int call_has_field(void *arg, const char *dotted, char *near, size_t max)
{
	const struct action *action = arg;
	const char *const *names;
	size_t at = 0, n = 0;
	if (action_has_field(action, dotted, &at, &names, &n) != FIELD_NO)
		return 1;
	size_t len = strcspn(dotted + at, ".");
	auto_free char *part = mem_strndup(dotted + at, len);
	const char *found = suggest(part, names, n);
	if (max && found)
		snprintf(near, max, "%.*s%s", (int)at, dotted, found);
	return 0;
}

void call_check(struct plan_check *c, struct step *s)
{
	struct call_args *args = s->args;
	if (!unknown_value) {
		unknown_value = json_string("an expression");
		unknown_text = json_string("a text with an expression");
	}
	args->target = target_check(c, args->action, s->line, s->col);
	if (!args->target)
		return;
	struct place place = {c, s, args->with, args->target->full};
	struct check check = {.violation = on_violation, .known = known, .arg = &place};
	json_t *with = args->with ? sketch(args->with) : json_object();
	if (json_is_object(with))
		(void)action_check(args->target->action, with, &check);
	else if (with != unknown_value)
		c->error(c, s->line, s->col, "with: takes a map of parameters");
	json_decref(with);
	call_reads_check(c, s);
	if (c->gives)
		c->gives(c, s, call_has_field, args->target->action);
}
