/* Makes inputs of what parameters may be: the least, the most, and one that is wrong. */
#include "actions/sample.h"

#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"

#define REPAIRS_MAX 8 /* rounds until no rule is broken; rules of rules are shallow */

static const char *const words[] = {
#define X(code, word) [SAMPLE_##code] = word,
	SAMPLE_MAP(X)
#undef X
};

const char *sample_word(enum sample_kind k)
{
	return k < SAMPLES ? words[k] : "?";
}

/* What is being made. */
struct making {
	bool full;
	const json_t *samples; /* by a field's name; NULL: none */
};

static json_t *sample(const struct schema *s, const char *name, const struct making *m);

static const char *form_text(const struct schema *s)
{
	static const struct {
		const char *format, *text;
	} forms[] = {
		{"uuid", "3fa85f64-5717-4562-b3fc-2c963f66afa6"},
		{"datetime", "2026-01-31T09:00:00Z"},
		{"date", "2026-01-31"},
		{"email", "ada@example.com"},
		{"uri", "https://example.com/"},
	};
	for (size_t i = 0; s->format && i < sizeof(forms) / sizeof(*forms); i++)
		if (strcmp(forms[i].format, s->format) == 0)
			return forms[i].text;
	return NULL;
}

/* A text of the right length that tells which field it is in. */
static json_t *sample_text(const struct schema *s, const char *name)
{
	const char *form = form_text(s);
	struct buf b = BUF_INIT;
	if (form)
		return json_string(form);
	(void)buf_puts(&b, s->begins ? s->begins : "");
	(void)buf_puts(&b, name);
	while (s->len_min > 0 && (long)b.len < s->len_min)
		(void)buf_putc(&b, 'x');
	size_t len = s->len_max >= 0 && (long)b.len > s->len_max ? (size_t)s->len_max : b.len;
	json_t *v = json_stringn(buf_str(&b), len);
	buf_done(&b);
	return v;
}

static json_t *sample_list(const struct schema *s, const char *name, const struct making *m)
{
	json_t *list = json_array();
	for (long i = 0; i < (s->len_min > 1 ? s->len_min : 1); i++)
		json_array_append_new(list,
				      s->items ? sample(s->items, name, m) : json_string(name));
	return list;
}

/* Objects: fields come and go until no rule is broken. */

static bool has(const json_t *obj, const char *path)
{
	return schema_member(obj, path) != NULL;
}

static size_t count(const json_t *obj, const json_t *names)
{
	const json_t *name;
	size_t i, n = 0;
	json_array_foreach ((json_t *)names, i, name)
		n += has(obj, json_string_value(name));
	return n;
}

static void put_field(const struct schema *s, json_t *obj, const char *name, const struct making *m)
{
	const struct schema *field = schema_field(s, name);
	if (field && !has(obj, name))
		json_object_set_new(obj, name, sample(field, name, m));
}

/* Takes all but the first of the names that are there. */
static void keep_one(json_t *obj, const json_t *names)
{
	const json_t *name;
	size_t i, n = 0;
	json_array_foreach ((json_t *)names, i, name)
		if (has(obj, json_string_value(name)) && n++)
			(void)json_object_del(obj, json_string_value(name));
}

/* Fields that others cannot stand beside are left to samples of their own. */
static bool stands_alone(const struct schema *s, const json_t *obj, const struct schema_rule *r)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (strcmp(s->names[i], r->field) != 0 && has(obj, s->names[i])) {
			json_auto_t *name = json_string(s->names[i]);
			bool may = false;
			for (size_t k = 0; k < json_array_size(r->names); k++)
				may = may || json_equal(json_array_get(r->names, k), name);
			if (!may)
				return true;
		}
	return false;
}

static void obey(const struct schema *s, json_t *obj, const struct schema_rule *r,
		 const struct making *m)
{
	size_t n = count(obj, r->names), i;
	const json_t *name;
	switch (r->kind) {
	case RULE_ONE_OF:
	case RULE_ANY_OF:
		if (!n)
			put_field(s, obj, json_string_value(json_array_get(r->names, 0)), m);
		else if (r->kind == RULE_ONE_OF)
			keep_one(obj, r->names);
		break;
	case RULE_EXCLUSIVE:
		keep_one(obj, r->names);
		break;
	case RULE_TOGETHER:
		json_array_foreach ((json_t *)r->names, i, name)
			if (n)
				put_field(s, obj, json_string_value(name), m);
		break;
	case RULE_NEEDS:
		if (has(obj, r->field) && !n)
			(void)json_object_del(obj, r->field);
		break;
	case RULE_ALONE:
		if (has(obj, r->field) && stands_alone(s, obj, r))
			(void)json_object_del(obj, r->field);
		break;
	case SCHEMA_RULES:
		break;
	}
}

/* A sample of null: nothing that could be shown fits. */
static bool is_left_out(const struct making *m, const char *name)
{
	return json_is_null(json_object_get(m->samples, name));
}

static json_t *sample_object(const struct schema *s, const struct making *m)
{
	json_t *obj = json_object();
	for (size_t i = 0; i < s->n_fields; i++)
		if (s->fields[i]->required ||
		    (m->full && !s->fields[i]->ignored && !is_left_out(m, s->names[i])))
			put_field(s, obj, s->names[i], m);
	for (int round = 0; round < REPAIRS_MAX; round++)
		for (size_t i = 0; i < s->n_rules; i++)
			obey(s, obj, &s->rules[i], m);
	return obj;
}

/* A value that differs from the default, where that is easy, so that it counts as given. */
static json_t *sample(const struct schema *s, const char *name, const struct making *m)
{
	const json_t *said = json_object_get(m->samples, name);
	if (said && !json_is_null(said))
		return json_deep_copy(said);
	if (s->example)
		return json_deep_copy(s->example);
	if (json_array_size(s->values))
		return json_deep_copy(json_array_get(s->values, 0));
	switch (s->type) {
	case SCHEMA_STRING:
		return sample_text(s, name);
	case SCHEMA_INTEGER:
		return json_integer(s->has_min ? (json_int_t)s->min : 1);
	case SCHEMA_NUMBER:
		return json_real(s->has_min ? s->min : 1.5);
	case SCHEMA_BOOLEAN:
		return json_boolean(!json_is_true(s->fallback));
	case SCHEMA_OBJECT:
		return sample_object(s, m);
	case SCHEMA_LIST:
		return sample_list(s, name, m);
	case SCHEMA_FILE:
		return json_string("email\nada@example.com\n");
	case SCHEMA_ANY:
	case SCHEMA_TYPES:
		break;
	}
	return json_string(name);
}

/* Without something that must be there; else with something that nobody knows. */
static json_t *spoilt(const struct action *a)
{
	json_t *params = action_sample(a, SAMPLE_MINIMAL);
	for (size_t i = 0; i < a->n_params; i++)
		if (a->param[i].schema->required) {
			(void)json_object_del(params, a->param[i].name);
			return params;
		}
	json_object_set_new(params, "no_such_parameter", json_integer(1));
	return params;
}

json_t *action_sample(const struct action *a, enum sample_kind k)
{
	const json_t *own = json_object_get(a->examples, sample_word(k));
	if (own)
		return json_deep_copy(own);
	const struct making m = {.full = k == SAMPLE_FULL, .samples = a->samples};
	return k == SAMPLE_INVALID ? spoilt(a) : sample_object(a->params, &m);
}
