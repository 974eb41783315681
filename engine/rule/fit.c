/* Whether a trigger fits an event, and what a rule's condition sees of it. */
#include "engine/rule/fit.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/keys.h"

/* Of the end of a run: is it one of a rule that is meant, and of another rule than this one? */
static bool fits_rule(const struct plan *p, const struct trigger *t, struct event *e)
{
	if (strncmp(e->type, RUN_TYPE, sizeof(RUN_TYPE) - 1))
		return true;
	const char *rule = json_str(e->data, "rule");
	if (!rule || !strcmp(rule, p->rule))
		return false;
	if (!t->of_rule)
		return true;
	return t->of_rules ? !strncmp(rule, t->of_rule, strlen(t->of_rule))
			   : !strcmp(rule, t->of_rule);
}

const char *fit_key(const json_t *v, char out[FIT_KEY_MAX])
{
	double d = json_is_real(v) ? json_real_value(v) : 0;
	if (!v || json_is_null(v))
		return "nil";
	if (json_is_boolean(v))
		return json_is_true(v) ? "true" : "false";
	if (json_is_integer(v))
		snprintf(out, FIT_KEY_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (d >= -9e15 && d <= 9e15 && d == (double)(json_int_t)d)
		snprintf(out, FIT_KEY_MAX, "%" JSON_INTEGER_FORMAT, (json_int_t)d);
	else if (json_is_real(v))
		snprintf(out, FIT_KEY_MAX, "%.17g", d);
	else
		return NULL; /* a list or a map equals nothing */
	return out;
}

bool fit_equal(const json_t *a, const json_t *b)
{
	if (json_is_string(a) && json_is_string(b))
		return json_string_length(a) == json_string_length(b) &&
		       !memcmp(json_string_value(a), json_string_value(b), json_string_length(a));
	if (json_is_string(a) || json_is_string(b))
		return false;
	char a_key[FIT_KEY_MAX], b_key[FIT_KEY_MAX];
	const char *at = fit_key(a, a_key), *bt = fit_key(b, b_key);
	return at && bt && !strcmp(at, bt);
}

/* "webhook:github" is also of the type when the event's is "webhook:github#push". */
bool fit_type(const struct trigger *t, const struct event *e)
{
	size_t len = strlen(t->type);
	if (strncmp(e->type, t->type, len) != 0)
		return false;
	return t->prefix || !e->type[len] || e->type[len] == '#';
}

bool fit_kind(const struct plan *p, const struct trigger *t, struct event *e)
{
	return t->conversation == e->conversation && fits_rule(p, t, e);
}

size_t fit_where(const struct trigger *t, struct event *e)
{
	for (size_t i = 0; i < t->n_where; i++) {
		const json_t *v = event_value(e, t->where[i].path);
		size_t k = 0, n = json_array_size(t->where[i].values);
		while (k < n && !fit_equal(v, json_array_get(t->where[i].values, k)))
			k++;
		if (k == n)
			return i;
	}
	return t->n_where;
}

bool fit_all(const struct plan *p, const struct trigger *t, struct event *e)
{
	return fit_kind(p, t, e) && fit_where(t, e) == t->n_where;
}

/* The envelope is shared by all rules, and the trigger's id is one rule's own. */
static json_t *scope_event(struct fit_scope *s)
{
	if (!s->trigger->id)
		return event_envelope(s->e);
	if (!s->event) {
		s->event = json_copy(event_envelope(s->e));
		json_object_set_new(s->event, "trigger", json_string(s->trigger->id));
	}
	return s->event;
}

static json_t *scope_get(const struct scope *scope, const char *name)
{
	/* The scope is this file's own local; only its lazily made parts change. */
	struct fit_scope *s = (struct fit_scope *)scope;
	if (!strcmp(name, "data"))
		return s->e->data;
	if (!strcmp(name, "event"))
		return scope_event(s);
	if (!strcmp(name, "vars"))
		return s->plan->vars;
	if (strcmp(name, "now"))
		return NULL;
	if (!s->now)
		s->now = json_integer((s->e->received ? s->e->received : s->e->time) / 1000);
	return s->now;
}

void fit_scope_init(struct fit_scope *s, struct event *e, const struct plan *p,
		    const struct trigger *t)
{
	*s = (struct fit_scope){.scope = {scope_get}, .e = e, .plan = p, .trigger = t};
}

void fit_scope_done(struct fit_scope *s)
{
	json_decref(s->event);
	json_decref(s->now);
}
