/* What is wrong with a call, before anything runs: its literal parameters against the definition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/call.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* What stands for a value that an expression will give. */
static json_t *unknown_value, *unknown_text, *unknown_list, *unknown_single;

static enum value_known known(void *arg, const json_t *v)
{
	(void)arg;
	return v == unknown_value    ? VALUE_UNKNOWN
	       : v == unknown_text   ? VALUE_TEXT
	       : v == unknown_list   ? VALUE_LIST
	       : v == unknown_single ? VALUE_SINGLE
				     : VALUE_KNOWN;
}

/* What an expression gives that is nothing but one of the rule's variables; NULL: not known yet. */
static json_t *variable(const struct plan *p, const struct tmpl *t)
{
	const char *path = strncmp(t->src, "vars.", 5) == 0 ? t->src + 5 : "";
	if (!*path || path[strspn(path, NAME_CHARACTERS)])
		return NULL;
	json_t *v = json_object_get(p->vars, path);
	return json_is_null(v) ? NULL : v;
}

static json_t *expression(struct plan_check *c, const struct tmpl *t)
{
	json_t *v = variable(c->plan, t);
	int list = v ? -1 : c->is_list(c, t);
	return v ? v : list > 0 ? unknown_list : list == 0 ? unknown_single : unknown_value;
}

/* The parameters as far as they are known. */
static json_t *sketch(struct plan_check *c, const struct tmpl *t)
{
	json_t *v;
	switch (t->kind) {
	case TMPL_LITERAL:
		return json_incref(t->literal);
	case TMPL_EXPR:
		return json_incref(expression(c, t));
	case TMPL_TEXT:
		return json_incref(unknown_text);
	case TMPL_MAP:
		v = json_object();
		for (size_t i = 0; i < t->n; i++)
			json_object_set_new(v, t->keys[i], sketch(c, t->items[i]));
		return v;
	case TMPL_LIST:
	default:
		v = json_array();
		for (size_t i = 0; i < t->n; i++)
			json_array_append_new(v, sketch(c, t->items[i]));
		return v;
	}
}

struct place {
	struct plan_check *check;
	const struct step *step;
	const struct tmpl *with;
	const char *action;
};

/* What the next part of a path leads to, and how long that part is; NULL when it is not there. */
static const struct tmpl *child_at(const struct tmpl *t, const char *path, size_t *ret_len,
				   struct tmpl_place *place)
{
	size_t len = strcspn(path, ".[");
	if (*path == '[') {
		size_t i = strtoul(path + 1, NULL, 10);
		*ret_len = strcspn(path, "]") + 1;
		if (t->keys || i < 1 || i > t->n)
			return NULL;
		*place = (struct tmpl_place){t->items[i - 1]->line, t->items[i - 1]->col};
		return t->items[i - 1];
	}
	*ret_len = len;
	for (size_t i = 0; t->keys && i < t->n; i++)
		if (strlen(t->keys[i]) == len && memcmp(t->keys[i], path, len) == 0) {
			const struct tmpl *v = t->items[i];
			/* Where a value has lines of its own, its key's line is the one to look at. */
			*place = v->line == t->places[i].line ? (struct tmpl_place){v->line, v->col}
							      : t->places[i];
			return v;
		}
	return NULL;
}

/* Where that is which a violation's path ("email_address.address", "notes[2].content") leads to, or
 * what it is missing in. */
static struct tmpl_place place_of(const struct place *p, const char *path)
{
	struct tmpl_place place = {p->step->line, p->step->col};
	const struct tmpl *t = p->with;
	size_t len;
	while (t && *path && (t = child_at(t, path, &len, &place))) {
		path += len;
		path += *path == '.';
	}
	return place;
}

static void on_violation(void *arg, const char *path, const char *message, bool warning)
{
	const struct place *p = arg;
	struct tmpl_place at = place_of(p, path);
	const char *colon = *path ? ": " : "";
	if (warning)
		p->check->warn(p->check, at.line, at.col, "%s: %s%s%s", p->action, path, colon,
			       message);
	else
		p->check->error(p->check, at.line, at.col, "%s: %s%s%s", p->action, path, colon,
				message);
}

/* The nearest name for the wrong part of a path into an answer. */
int call_has_field(void *arg, const char *dotted, char *near, size_t max)
{
	const struct action *action = arg;
	const char *const *names;
	size_t at = 0, n = 0;
	enum field_known known = action_has_field(action, dotted, &at, &names, &n);
	if (known == FIELD_YES)
		return 1;
	size_t len = strcspn(dotted + at, ".");
	auto_free char *part = mem_strndup(dotted + at, len);
	const char *found = suggest(part, names, n);
	if (max && found)
		snprintf(near, max, "%.*s%s", (int)at, dotted, found);
	/* Other fields may be there too; one that is nearly a known one hardly is. */
	if (known == FIELD_UNKNOWN)
		return found && strcmp(found, part) != 0 ? -1 : 1;
	return 0;
}

/* What cannot be taken back, again and again with nothing in its way. */
static void check_loop(struct plan_check *c, const struct step *s, const struct target *t)
{
	if (t->action->destructive && c->loops && !s->guard)
		c->warn(c, s->line, s->col,
			"%s cannot be taken back, and the loop does it for every item: give the "
			"step an if:, or put an approve: in front of the loop",
			t->full);
}

void call_check(struct plan_check *c, struct step *s)
{
	struct call_args *args = s->args;
	if (!unknown_value) {
		unknown_value = json_string("an expression");
		unknown_text = json_string("a text with an expression");
		unknown_list = json_string("an expression that gives a list");
		unknown_single = json_string("an expression that gives no list");
	}
	args->target = target_check(c, args->action, s->line, s->col);
	if (!args->target)
		return;
	struct place place = {c, s, args->with, args->target->full};
	struct check check = {.violation = on_violation, .known = known, .arg = &place};
	json_t *with = args->with ? sketch(c, args->with) : json_object();
	if (json_is_object(with))
		(void)action_check(args->target->action, with, &check);
	else if (with != unknown_value && with != unknown_single)
		c->error(c, s->line, s->col, "with: takes a map of parameters");
	json_decref(with);
	call_reads_check(c, s);
	check_loop(c, s, args->target);
	if (c->gives)
		c->gives(c, s, call_has_field, args->target->action);
}
