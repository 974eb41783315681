/* From the catalogue's own types to JSON Schema. An expression may stand for any value. */
#include "engine/cli/action_schema.h"

#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/cli/describe.h"
#include "engine/rule/rules.h"

/* ---- values ---- */

static void add_type(json_t *v, const char *type)
{
	json_array_append_new(json_object_get(v, "type"), json_string(type));
}

static const char *json_type_of(const struct schema *s)
{
	static const char *const names[] = {
		[SCHEMA_STRING] = "string", [SCHEMA_INTEGER] = "integer",
		[SCHEMA_NUMBER] = "number", [SCHEMA_BOOLEAN] = "boolean",
		[SCHEMA_OBJECT] = "object", [SCHEMA_LIST] = "array",
		[SCHEMA_FILE] = "object",   [SCHEMA_TYPES] = NULL,
	};
	return names[s->type];
}

static json_t *value_json(const struct schema *s, bool filled);

/* filled: what is left out is filled in, so that nothing must be there. */
static void add_fields(json_t *v, const struct schema *s, bool filled)
{
	json_t *properties = json_object(), *required = json_array();
	for (size_t i = 0; i < s->n_fields; i++) {
		json_object_set_new(properties, s->names[i], value_json(s->fields[i], filled));
		if (s->fields[i]->required && !filled)
			json_array_append_new(required, json_string(s->names[i]));
	}
	json_object_set_new(v, "properties", properties);
	json_object_set_new(v, "required", required);
	if (s->n_fields && !s->open)
		json_object_set_new(v, "additionalProperties", json_false());
}

static void add_limits(json_t *v, const struct schema *s)
{
	bool list = s->type == SCHEMA_LIST;
	if (s->has_min)
		json_object_set_new(v, "minimum", json_real(s->min));
	if (s->has_max)
		json_object_set_new(v, "maximum", json_real(s->max));
	if (list && s->len_min >= 0)
		json_object_set_new(v, "minItems", json_integer(s->len_min));
	if (list && s->len_max >= 0)
		json_object_set_new(v, "maxItems", json_integer(s->len_max));
}

/* One of a few values, which an editor then lists. */
static json_t *choice_json(const struct schema *s, const char *what)
{
	json_t *values = json_copy((json_t *)s->values);
	if (s->nullable)
		json_array_append_new(values, json_null());
	return json_pack("{s:[{s:o}, o]}", "anyOf", "enum", values, rule_schema_text(what));
}

/* Texts may be anything, as an expression may be in them; what else must be text is an expression. */
static json_t *typed_json(const struct schema *s, const char *what, bool filled)
{
	bool text = s->type == SCHEMA_STRING || s->type == SCHEMA_FILE || s->csv || s->encoded;
	json_t *v = text ? json_object() : rule_schema_text(what);
	json_object_set_new(v, "type", json_pack("[s]", json_type_of(s)));
	if (s->type != SCHEMA_STRING)
		add_type(v, "string");
	if (s->nullable)
		add_type(v, "null");
	if (s->as_text) {
		add_type(v, "number");
		add_type(v, "boolean");
	}
	if (s->type == SCHEMA_OBJECT)
		add_fields(v, s, filled);
	if (s->type == SCHEMA_LIST && s->items)
		json_object_set_new(v, "items", value_json(s->items, filled));
	add_limits(v, s);
	return v;
}

static json_t *value_json(const struct schema *s, bool filled)
{
	struct buf b = BUF_INIT;
	describe_type(&b, s, true);
	auto_free char *what = buf_take(&b);
	json_t *v = s->type == SCHEMA_ANY ? json_object()
		    : s->values           ? choice_json(s, what)
					  : typed_json(s, what, filled);
	auto_free char *help =
		mem_printf("%s%s%s", s->about ? s->about : "", s->about ? "\n\n" : "", what);
	json_object_set_new(v, "description", json_string(help));
	return v;
}

/* ---- actions ---- */

static char *about_of(const struct action *a)
{
	return mem_printf("%s\n\n%s%s%s%s%s", a->title, a->about, *a->about ? "\n\n" : "",
			  a->surprise, *a->surprise ? "\n\n" : "", describe_effect(a->effect));
}

/* What the step's `with` is when it calls this action. */
static json_t *params_json(const struct action *a)
{
	json_t *v = rule_schema_text("a map of parameters");
	json_object_set_new(v, "type", json_pack("[s, s]", "object", "string"));
	add_fields(v, a->params, a->merge != NULL);
	/* What is filled in may be left out; what says which thing is meant may not. */
	for (size_t i = 0; a->merge && i < a->n_params; i++)
		if (a->param[i].schema->required && a->param[i].in == IN_PATH)
			json_array_append_new(json_object_get(v, "required"),
					      json_string(a->param[i].name));
	json_object_set_new(v, "title", json_string(a->title));
	return v;
}

struct adding {
	json_t *names, *abouts, *then, *definitions;
};

static void add_name(struct adding *to, json_t *own, const char *connection, const char *name,
		     const char *about)
{
	auto_free char *full = mem_printf("%s.%s", connection, name);
	json_array_append_new(own, json_string(full));
	json_array_append_new(to->names, json_string(full));
	json_array_append_new(to->abouts, json_string(about));
}

static void add_action(struct adding *to, const struct action *a, const json_t *connections)
{
	json_t *own = json_array(), *connector, *alias;
	const char *name;
	size_t i;
	auto_free char *about = about_of(a), *id = mem_printf("call_%s.%s", a->connector, a->name);
	auto_free char *path = mem_printf("#/definitions/%s", id);
	json_object_foreach ((json_t *)connections, name, connector) {
		if (strcmp(json_string_value(connector), a->connector) != 0)
			continue;
		add_name(to, own, name, a->name, about);
		json_array_foreach ((json_t *)a->aliases, i, alias)
			if (json_str(alias, "name"))
				add_name(to, own, name, json_str(alias, "name"), about);
	}
	json_t *with = params_json(a);
	json_t *then = json_pack("{s:{s:{s:s}}}", "properties", "with", "$ref", path);
	if (json_array_size(json_object_get(with, "required")))
		json_object_set_new(then, "required", json_pack("[s]", "with"));
	json_object_set_new(to->definitions, id, with);
	json_array_append_new(to->then,
			      json_pack("{s:{s:{s:{s:o}}, s:[s]}, s:o}", "if", "properties", "call",
					"enum", own, "required", "call", "then", then));
}

void action_schema_add(json_t *step, json_t *definitions, const struct catalogue *cat,
		       const json_t *names)
{
	struct adding to = {json_array(), json_array(), json_array(), definitions};
	json_t *call = json_object_get(json_object_get(step, "properties"), "call");
	const struct action *a;
	for (size_t i = 0; (a = catalogue_next(cat, &i));)
		add_action(&to, a, names);
	json_object_set_new(call, "type", json_string("string"));
	if (json_array_size(to.names))
		json_object_set(call, "enum", to.names);
	json_object_set(call, "enumDescriptions", to.abouts);
	json_object_set_new(step, "allOf", to.then);
	json_decref(to.names);
	json_decref(to.abouts);
}
