/* Puts the parameters of an update over what is there, so that nothing is emptied by being left out. */
#include "actions/merge.h"

#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

bool merge_applies(const struct action *a, const json_t *given)
{
	return a->merge && !(a->merge->unless && json_bool(given, a->merge->unless, false));
}

json_t *merge_read(const struct action *a, const json_t *given)
{
	json_t *params = a->merge->with ? json_deep_copy(a->merge->with) : json_object(), *path;
	const char *name;
	json_object_foreach ((json_t *)a->merge->key, name, path) {
		const json_t *v = schema_member(given, json_string_value(path));
		if (v)
			json_object_set(params, name, (json_t *)v);
	}
	return params;
}

/* What of an answer's value may be sent: the parts that the parameter has; without nulls. */
static json_t *sendable(const struct schema *s, const json_t *v)
{
	json_t *out, *part;
	const char *name;
	size_t i;
	if (s->type == SCHEMA_LIST && json_is_array(v)) {
		out = json_array();
		json_array_foreach ((json_t *)v, i, part)
			json_array_append_new(out, s->items ? sendable(s->items, part)
							    : json_deep_copy(part));
		return out;
	}
	if (s->type != SCHEMA_OBJECT || !json_is_object(v))
		return json_deep_copy(v);
	out = json_object();
	json_object_foreach ((json_t *)v, name, part) {
		const struct schema *field = schema_field(s, name);
		if (!json_is_null(part) && (field || (s->open && !s->n_fields)))
			json_object_set_new(out, name,
					    field ? sendable(field, part) : json_deep_copy(part));
	}
	return out;
}

/* Given parts over those that are there; objects in objects likewise. Takes base. */
static json_t *lay_over(json_t *base, const json_t *given)
{
	const char *name;
	json_t *part;
	if (!json_is_object(base) || !json_is_object(given)) {
		json_decref(base);
		return json_deep_copy(given);
	}
	json_object_foreach ((json_t *)given, name, part) {
		json_t *there = json_incref(json_object_get(base, name));
		json_object_set_new(base, name,
				    there ? lay_over(there, part) : json_deep_copy(part));
	}
	return base;
}

static bool same_field(const json_t *x, const json_t *y, const char *field)
{
	const json_t *a = json_object_get(x, field), *b = json_object_get(y, field);
	return a && b && json_equal(a, b);
}

/* The place of the first part with the same field that no given one has taken; -1: there is none. */
static int find_part(const json_t *list, const json_t *part, const char *field, const bool *taken,
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!taken[i] && same_field(json_array_get(list, i), part, field))
			return (int)i;
	return -1;
}

static bool has_all_of(const json_t *whole, const json_t *part)
{
	const char *name;
	json_t *v;
	json_object_foreach ((json_t *)part, name, v)
		if (!json_equal(json_object_get(whole, name), v))
			return false;
	return json_is_object(whole) && json_is_object(part);
}

static size_t count_of(const json_t *list, const json_t *part)
{
	size_t n = 0, i;
	json_t *v;
	json_array_foreach ((json_t *)list, i, v)
		n += has_all_of(v, part);
	return n;
}

/*
 * A part that the API names when it makes it has no name of ours to be known by. But as many equal ones
 * as were sent are there only when that request was carried out.
 */
static bool has_come(const json_t *there, const json_t *sent, const json_t *part, const char *field)
{
	size_t n = json_object_get(part, field) ? 0 : count_of(sent, part);
	return n && count_of(there, part) >= n;
}

/* Given parts over those with the same field, new ones behind them. Takes base. */
static json_t *lay_list_over(json_t *base, const json_t *given, const char *field,
			     const json_t *sent)
{
	json_auto_t *there = sent ? json_copy(base) : NULL;
	size_t n = json_array_size(base), i;
	auto_free bool *taken = mem_alloc((n + 1) * sizeof(*taken));
	json_t *part;
	json_array_foreach ((json_t *)given, i, part) {
		int at = find_part(base, part, field, taken, n);
		if (at < 0) {
			if (!has_come(there, sent, part, field))
				json_array_append_new(base, json_deep_copy(part));
			continue;
		}
		taken[at] = true;
		json_t *old = json_incref(json_array_get(base, (size_t)at));
		json_array_set_new(base, (size_t)at, lay_over(old, part));
	}
	return base;
}

static bool is_carried(const struct action_merge *m, const char *name)
{
	const json_t *carried;
	size_t i;
	json_array_foreach ((json_t *)m->carry, i, carried)
		if (strcmp(json_string_value(carried), name) == 0)
			return true;
	return false;
}

static void drop_path(json_t *v, const char *path)
{
	const char *dot = strrchr(path, '.');
	auto_free char *head = mem_strndup(path, dot ? (size_t)(dot - path) : 0);
	json_t *holder = dot ? (json_t *)schema_member(v, head) : v;
	(void)json_object_del(holder, dot ? dot + 1 : path);
}

/* One parameter of the outcome, or NULL when it is not sent. */
static json_t *merge_param(const struct action *a, const struct action_param *p,
			   const json_t *current, const json_t *given, const json_t *sent)
{
	const json_t *there = json_object_get(current, p->wire);
	const json_t *mine = json_object_get(given, p->name);
	const char *field = json_str(a->merge->lists, p->name);
	bool known = p->in == IN_BODY && there && !json_is_null(there);
	if (!mine)
		return known && is_carried(a->merge, p->name) ? sendable(p->schema, there) : NULL;
	if (!known)
		return json_deep_copy(mine);
	if (field && json_is_array(mine) && json_is_array(there))
		return lay_list_over(sendable(p->schema, there), mine, field,
				     json_object_get(sent, p->wire));
	if (json_is_object(mine) && json_is_object(there))
		return lay_over(sendable(p->schema, there), mine);
	return json_deep_copy(mine);
}

/* Whether a table names the given word among those that a word that is there does not give way to. */
static bool stands_against(const json_t *table, const json_t *there, const json_t *given)
{
	const json_t *words, *word;
	size_t i;
	if (!json_is_string(there) || !json_is_string(given))
		return false;
	words = json_object_get(table, json_string_value(there));
	json_array_foreach ((json_t *)words, i, word)
		if (json_equal(word, given))
			return true;
	return false;
}

static void set_member(json_t *v, const char *path, const json_t *value)
{
	const char *dot = strrchr(path, '.');
	auto_free char *head = mem_strndup(path, dot ? (size_t)(dot - path) : 0);
	json_t *holder = dot ? (json_t *)schema_member(v, head) : v;
	json_object_set_new(holder, dot ? dot + 1 : path, json_deep_copy(value));
}

/* What a call must not undo: refused aloud, or kept without a word. */
static int guard(const struct action_merge *m, const json_t *current, const json_t *given,
		 json_t *out, struct errmsg *msg)
{
	const char *path;
	json_t *table;
	json_object_foreach ((json_t *)m->refuse, path, table) {
		const json_t *there = schema_member(current, path);
		const json_t *mine = schema_member(given, path);
		if (stands_against(table, there, mine))
			return err_set(msg, ERR_REJECTED,
				       "%s: is %s and would become %s by this%s%s%s", path,
				       json_string_value(there), json_string_value(mine),
				       m->unless ? "; only with " : "", m->unless ? m->unless : "",
				       m->unless ? ": true" : "");
	}
	json_object_foreach ((json_t *)m->keep, path, table) {
		const json_t *there = schema_member(current, path);
		if (stands_against(table, there, schema_member(given, path)))
			set_member(out, path, there);
	}
	return 0;
}

int merge_body_again(const struct action *a, const json_t *answer, const json_t *given,
		     const json_t *sent, json_t **ret, struct errmsg *msg)
{
	json_t *out = json_object(), *path;
	json_auto_t *current = json_deep_copy(answer);
	size_t at;
	json_array_foreach ((json_t *)a->merge->drop, at, path)
		drop_path(current, json_string_value(path));
	for (size_t i = 0; i < a->n_params; i++) {
		json_t *v = merge_param(a, &a->param[i], current, given, sent);
		if (v)
			json_object_set_new(out, a->param[i].name, v);
	}
	int err = guard(a->merge, current, given, out, msg);
	if (err) {
		json_decref(out);
		return err;
	}
	*ret = out;
	return 0;
}

int merge_body(const struct action *a, const json_t *answer, const json_t *given, json_t **ret,
	       struct errmsg *msg)
{
	return merge_body_again(a, answer, given, NULL, ret, msg);
}
