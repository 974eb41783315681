/*
 * The JSON Schema of rule files, for editors: made of the tables that the compiler itself reads, so
 * that both know the same words. What stands here beside is what those tables do not have: sentences
 * about the words that belong to no kind of step, and which values they take.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/rule/compile.h"

#define DURATION "^([0-9.]+(ms|s|m|h|d|w))+$|^P"
#define EXPRESSION "^=|\\$\\{"

/*
 * A word and what it takes: a shape of shape_json(). group: "rule", "step", or the word whose map it
 * is in.
 */
static const struct word {
	const char *group, *name, *shape, *help;
} table[] = {
	{"rule", "api", "word pawl/1", "The language's version."},
	{"rule", "rule", "id", "The rule's name: a-z, 0-9 and -, unique over all files."},
	{"rule", "about", "text", "A sentence for people."},
	{"rule", "when", "some trigger",
	 "A trigger, or a list of which any starts a run. Without it the rule starts by hand, or by a "
	 "run: step."},
	{"rule", "if", "expression", "The rule runs when this expression is true."},
	{"rule", "enabled", "flag",
	 "true, false, or an expression over vars; judged while loading."},
	{"rule", "vars", "map", "Names for plain values: vars.NAME in expressions."},
	{"rule", "do", "steps", "The steps, from top to bottom."},
	{"rule", "catch", "catches",
	 "What to do about errors; the first entry that fits is taken."},
	{"rule", "finally", "steps", "Steps that run however the rule ends."},
	{"rule", "retry", "map retry", "How its steps are tried again, where they say nothing."},
	{"rule", "timeout", "duration", "How long a run may take."},
	{"rule", "result", "any", "What the run gives to a run: step, and shows at its end."},
	{"rule", "tests", "list", "Tests that pawl test plays on a virtual clock."},
	{"rule", "budget", "map budget", "Its part of the calls that an API key allows."},
	{"rule", "limit", "map limit", "How many runs go at a time, or start in a time."},
	{"rule", "once", "map once", "Later events of the same key start nothing."},
	{"rule", "collect", "map collect",
	 "Events of one key become one run; events is their list."},
	{"rule", "cancel", "some cancel", "Events that end the run."},

	{"trigger", "webhook", "hook",
	 "A request to a hook that pawl.yaml declares; data is its body."},
	{"trigger", "conversation", "conversation",
	 "An event of a conversation, from any platform."},
	{"trigger", "event", "text", "An event by its type; * at the end takes all that begin so."},
	{"trigger", "schedule", "text",
	 "A cron expression of five fields, such as \"0 9 * * MON\"."},
	{"trigger", "every", "duration", "A span, counted from 1970 in UTC: every: 15m."},
	{"trigger", "poll", "text", "A list action that is looked at again and again."},
	{"trigger", "run", "word completed|failed|cancelled",
	 "How a run of another rule has ended."},
	{"trigger", "where", "where",
	 "Dotted paths from data (or event.…) and the value they must have; "
	 "a list means any of."},
	{"trigger", "id", "text", "A name for this trigger: event.trigger in expressions."},
	{"trigger", "about", "text", "A sentence for people."},
	{"trigger", "awaited", "word too", "Also events that a waiting run took."},
	{"trigger", "zone", "text", "The time zone by its name, such as Europe/Paris."},
	{"trigger", "missed", "word once|all|skip",
	 "What becomes of due times at which nothing ran."},
	{"trigger", "rule", "text", "Whose runs: a rule's name, or the beginning of names and *."},
	{"trigger", "platform", "values", "The platform, or a list of which any."},
	{"trigger", "channel", "values", "The channel, or a list of which any."},
	{"trigger", "intent", "values", "The intent's name, or a list of which any."},
	{"trigger", "source", "values", "The event's source, or a list of which any."},
	{"trigger", "subject", "values", "The event's subject, or a list of which any."},
	{"trigger", "with", "any", "Parameters of the polled action."},
	{"trigger", "at", "text", "When to look: a cron expression."},
	{"trigger", "key", "any", "An expression over the item that tells items apart."},
	{"trigger", "changed", "any",
	 "An expression over the item: another value means it changed."},
	{"trigger", "first", "word skip|all", "What becomes of the items of the first look."},

	{"step", "id", "name", "The name of its result, as as:."},
	{"step", "as", "name", "The name of its result in expressions."},
	{"step", "if", "expression", "The step is skipped unless this expression is true."},
	{"step", "retry", "map retry", "How it is tried again."},
	{"step", "timeout", "duration", "How long it may take."},
	{"step", "catch", "catches", "What to do about its errors."},
	{"step", "undo", "some step",
	 "What takes it back when the rule fails or is cancelled later."},
	{"step", "about", "text", "A sentence for people."},

	{"catch", "error", "errors",
	 "Names of errors, keys of an API, or statuses; any without it."},
	{"catch", "if", "expression", "Only when this is true; error is what has happened."},
	{"catch", "do", "steps", "What to do; [] goes on."},
	{"catch", "about", "text", "A sentence for people."},

	{"choice", "if", "expression", "The condition."},
	{"choice", "do", "steps", "Steps when it is true."},
	{"choice", "else", "steps", "Steps when no choice before was taken."},

	{"retry", "attempts", "count", "How often it is sent at most."},
	{"retry", "first", "duration", "The first pause."},
	{"retry", "factor", "number", "How much longer each further pause is."},
	{"retry", "cap", "duration", "The longest pause."},
	{"retry", "within", "duration", "No attempt begins later than this."},
	{"retry", "jitter", "word full|none", "Whether pauses are drawn at random."},
	{"retry", "error", "errors", "Which errors are tried again."},

	{"budget", "share", "number", "Its part when others want calls too; 1 is usual."},
	{"budget", "reserve", "reserve", "Calls of a day that are kept for it: 200/day."},

	{"once", "key", "any", "The same for what counts once; nil: no such thing for this event."},
	{"once", "for", "duration", "How long it is remembered; without it for ever."},

	{"limit", "key", "any",
	 "Runs with one key are counted together; without it all of the rule."},
	{"limit", "max", "count", "How many runs go at a time."},
	{"limit", "then", "word queue|drop|replace", "What becomes of one more."},
	{"limit", "rate", "rate", "How many start in what time: 100/h, 5/10m."},

	{"collect", "key", "any", "The same for what goes together."},
	{"collect", "for", "duration", "The run starts this long after the first event."},
	{"collect", "quiet", "duration", "The run starts this long after the last event."},
	{"collect", "max", "count", "The run starts at so many events."},

	{"cancel", "event", "text", "The event's type."},
	{"cancel", "conversation", "conversation", "An event of the same conversation."},
	{"cancel", "webhook", "hook", "A request to a hook."},
	{"cancel", "run", "word completed|failed|cancelled", "The end of another rule's run."},
	{"cancel", "where", "map",
	 "Paths of that event, and what their values must be for this run."},
};

static const struct word *word_of(const char *group, const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].group, group) && !strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

/* ---- shapes ---- */

/* A sentence beside a reference would be ignored. */
static json_t *described(json_t *v, const char *help)
{
	if (json_object_get(v, "$ref"))
		v = json_pack("{s:[o]}", "allOf", v);
	if (help)
		json_object_set_new(v, "description", json_string(help));
	return v;
}

static json_t *pattern(const char *text, const char *what)
{
	return json_pack("{s:s, s:s, s:s}", "type", "string", "pattern", text,
			 "patternErrorMessage", what);
}

static json_t *reference(const char *name)
{
	auto_free char *path = mem_printf("#/definitions/%s", name);
	return json_pack("{s:s}", "$ref", path);
}

static json_t *words_json(const char *const *words)
{
	json_t *list = json_array();
	for (size_t i = 0; words && words[i]; i++)
		json_array_append_new(list, json_string(words[i]));
	return list;
}

/* "queue|drop|replace" */
static json_t *enum_json(const char *words)
{
	json_t *list = json_array();
	while (*words) {
		size_t len = strcspn(words, "|");
		json_array_append_new(list, json_stringn(words, len));
		words += len + (words[len] == '|');
	}
	return json_pack("{s:o}", "enum", list);
}

static json_t *one_or_more(json_t *of)
{
	json_t *list = json_pack("{s:s, s:O}", "type", "array", "items", of);
	return json_pack("{s:[o, o]}", "anyOf", of, list);
}

static json_t *conversation_json(void)
{
	json_t *names = json_pack("{s:o}", "enum", words_json(conversation_kinds));
	return json_pack("{s:[o, o]}", "anyOf", names,
			 pattern("^[a-z.]*\\*$", "a name, or the beginning of names and *"));
}

static json_t *hook_json(const struct rule_env *env)
{
	if (!env->hooks || !env->hooks[0])
		return json_pack("{s:s}", "type", "string");
	return json_pack("{s:o}", "enum", words_json(env->hooks));
}

static json_t *values_json(void)
{
	return json_pack("{s:[s, s, s, s, s], s:{s:[s, s, s, s]}}", "type", "string", "number",
			 "boolean", "array", "null", "items", "type", "string", "number", "boolean",
			 "null");
}

/* A stable name, an API's own key, which has a dot, or a status. */
static json_t *error_json(void)
{
	return json_pack("{s:[{s:o}, {s:s, s:i, s:i}, o]}", "anyOf", "enum",
			 words_json(words_errors), "type", "integer", "minimum", 100, "maximum",
			 599, pattern("^[1-5][0-9][0-9]$|\\.", "an API's key, or a status"));
}

/* What a filter on a conversation's event can compare. */
static json_t *conversation_where(void)
{
	json_t *paths = json_object();
	const char *const *values, *path;
	for (size_t i = 0; (path = conversation_path_at(i, &values)); i++) {
		json_t *v = values_json();
		if (values) {
			json_decref(v);
			v = json_pack("{s:[{s:o}, o]}", "anyOf", "enum", words_json(values),
				      pattern("^=", "an expression over vars"));
			v = one_or_more(v);
		}
		json_object_set_new(paths, path, described(v, "a field of the event's data"));
	}
	return json_pack("{s:{s:{s:o}}}", "properties", "where", "properties", paths);
}

static json_t *shape_json(const struct rule_env *env, const char *shape)
{
	static const struct {
		const char *name, *json;
	} simple[] = {
		{"any", "{}"},
		{"map", "{\"type\": \"object\"}"},
		{"list", "{\"type\": \"array\"}"},
		{"text", "{\"type\": [\"string\", \"number\", \"boolean\"]}"},
		{"number", "{\"type\": \"number\"}"},
		{"count", "{\"type\": \"integer\", \"minimum\": 1}"},
		{"expression",
		 "{\"type\": [\"string\", \"boolean\", \"number\"], \"minLength\": 1}"},
	};
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
		if (!strcmp(simple[i].name, shape))
			return json_loads(simple[i].json, 0, NULL);
	if (!strncmp(shape, "word ", 5))
		return enum_json(shape + 5);
	if (!strncmp(shape, "map ", 4))
		return reference(shape + 4);
	if (!strncmp(shape, "some ", 5))
		return one_or_more(reference(shape + 5));
	if (!strcmp(shape, "id"))
		return pattern("^[a-z0-9-]{1,100}$", "only a-z, 0-9 and -");
	if (!strcmp(shape, "name"))
		return pattern("^[A-Za-z_][A-Za-z0-9_]*$",
			       "letters, digits and _, with no digit first");
	if (!strcmp(shape, "duration"))
		return pattern(DURATION, "a duration such as 90s, 1h30m or 2d");
	if (!strcmp(shape, "flag"))
		return json_pack("{s:[s, s], s:s}", "type", "boolean", "string", "pattern", "^=");
	if (!strcmp(shape, "conversation"))
		return conversation_json();
	if (!strcmp(shape, "hook"))
		return hook_json(env);
	if (!strcmp(shape, "values"))
		return values_json();
	if (!strcmp(shape, "errors"))
		return one_or_more(error_json());
	if (!strcmp(shape, "reserve"))
		return pattern("^[0-9]+/day$", "calls of a day, such as 200/day");
	if (!strcmp(shape, "rate"))
		return pattern("^[0-9]+/[0-9]*[a-z]+$", "how many in what time: 100/h, 5/10m");
	if (!strcmp(shape, "where"))
		return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
				 values_json());
	return reference(shape); /* steps, catches */
}

/* ---- words ---- */

static void add_word(const struct rule_env *env, json_t *properties, const char *group,
		     const char *name)
{
	const struct word *w = word_of(group, name);
	if (json_object_get(properties, name))
		return;
	json_object_set_new(properties, name,
			    w ? described(shape_json(env, w->shape), w->help) : json_object());
}

static void add_words(const struct rule_env *env, json_t *properties, const char *group,
		      const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		add_word(env, properties, group, names[i]);
}

/* An object of these properties and the author's own. */
static json_t *object_json(json_t *properties, json_t *required)
{
	return json_pack("{s:s, s:o, s:o, s:{s:{}}, s:b}", "type", "object", "properties",
			 properties, "required", required ? required : json_array(),
			 "patternProperties", "^x-", "additionalProperties", 0);
}

static json_t *group_json(const struct rule_env *env, const char *group, const char *const *names,
			  const char *required)
{
	json_t *properties = json_object();
	add_words(env, properties, group, names);
	return object_json(properties, required ? json_pack("[s]", required) : NULL);
}

static json_t *trigger_json(const struct rule_env *env)
{
	json_t *properties = json_object(), *any = json_array();
	const char *word, *own[TRIGGER_OWN_MAX];
	for (size_t i = 0; (word = trigger_word_at(i, own)); i++) {
		add_word(env, properties, "trigger", word);
		add_words(env, properties, "trigger", own);
		json_array_append_new(any, json_pack("{s:[s]}", "required", word));
	}
	add_words(env, properties, "trigger", words_trigger);
	json_t *v = object_json(properties, NULL);
	json_object_set_new(v, "oneOf", any);
	json_object_set_new(v, "if", json_pack("{s:[s]}", "required", "conversation"));
	json_object_set_new(v, "then", conversation_where());
	return v;
}

/* ---- kinds of step ---- */

static json_t *else_json(void)
{
	return json_pack("{s:[{s:[s, s]}, o]}", "anyOf", "enum", "fail", "continue",
			 reference("steps"));
}

static json_t *param_json(const struct rule_env *env, const struct param *p)
{
	switch (p->type) {
	case P_STRING:
		return shape_json(env, "text");
	case P_TMPL:
	case P_SECRETS:
		return json_object();
	case P_EXPR:
		return shape_json(env, "expression");
	case P_DURATION:
		return shape_json(env, "duration");
	case P_INT:
		return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
	case P_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case P_BLOCK:
		return reference("steps");
	case P_ELSE:
		return else_json();
	case P_CHOICES:
		return json_pack("{s:s, s:o}", "type", "array", "items", reference("choice"));
	case P_BLOCKS:
		return json_pack("{s:s, s:o}", "type", "array", "items", reference("steps"));
	case P_CATCH:
		return reference("catches");
	case P_NAMES:
		return json_pack("{s:s, s:i}", "type", "object", "minProperties", 1);
	case P_NAME:
		return shape_json(env, "name");
	case P_SOURCE:
		return reference("pages");
	}
	return json_object();
}

static void add_params(const struct rule_env *env, const struct step_kind *k,
		       enum param_where where, json_t *properties, json_t *required)
{
	for (const struct param *p = k->params; p && p->name; p++) {
		if (p->where != where)
			continue;
		json_object_set_new(properties, p->name, described(param_json(env, p), p->help));
		if (p->required)
			json_array_append_new(required, json_string(p->name));
	}
}

static const struct param *whole_param(const struct step_kind *k)
{
	for (const struct param *p = k->params; p && p->name; p++)
		if (p->where == IN_WORD)
			return p;
	return NULL;
}

/* A time-out must say what comes then. */
static void add_else(const struct step_kind *k, enum param_where where, json_t *v)
{
	for (const struct param *p = k->params; p && p->name; p++)
		if (p->type == P_ELSE && p->where == where)
			json_object_set_new(v, "dependencies",
					    json_pack("{s:[s]}", "timeout", p->name));
}

/* What stands behind the step word: a value, a map of parameters, either, or nothing. */
static json_t *word_json(const struct rule_env *env, const struct step_kind *k)
{
	const struct param *whole = whole_param(k);
	json_t *properties = json_object(), *required = json_array();
	add_params(env, k, IN_MAP, properties, required);
	json_t *v = whole ? param_json(env, whole) : json_object();
	if (json_object_size(properties)) {
		json_t *map = object_json(json_incref(properties), json_incref(required));
		/* Without a type of its own it may be a map or anything else. */
		if (whole)
			json_object_del(map, "type");
		json_object_update(v, map);
		json_decref(map);
		add_else(k, IN_MAP, v);
	} else if (!whole) {
		json_object_set_new(v, "type", json_string("null"));
	}
	json_decref(properties);
	json_decref(required);
	auto_free char *help = mem_printf("%s%s%s", k->help, whole && whole->help ? "\n\n" : "",
					  whole && whole->help ? whole->help : "");
	return described(v, help);
}

static json_t *kind_json(const struct rule_env *env, const struct step_kind *k)
{
	json_t *properties = json_object(), *required = json_pack("[s]", k->name);
	json_object_set_new(properties, k->name, word_json(env, k));
	add_params(env, k, BESIDE, properties, required);
	add_words(env, properties, "step", words_step);
	json_t *v = object_json(properties, required);
	add_else(k, BESIDE, v);
	json_object_set_new(v, "title", json_string(k->name));
	json_object_set_new(v, "description", json_string(k->help));
	return v;
}

/* Is the key of one kind a parameter beside another one's word? */
static bool is_beside(const struct step_kind *k, const char *name)
{
	for (const struct param *p = k->params; p && p->name; p++)
		if (p->where == BESIDE && !strcmp(p->name, name))
			return true;
	return false;
}

/* A step is of this kind: it has its word, and none whose guard or parameter that is. */
static json_t *is_kind(const struct rule_env *env, const char *name)
{
	json_t *others = json_array();
	bool guard = word_in(words_step, name);
	for (size_t i = 0; env->kind_names[i]; i++) {
		const char *other = env->kind_names[i];
		if (strcmp(other, name) && (guard || is_beside(env->kind(other), name)))
			json_array_append_new(others, json_pack("{s:[s]}", "required", other));
	}
	json_t *v = json_pack("{s:[s]}", "required", name);
	if (json_array_size(others))
		json_object_set_new(v, "not", json_pack("{s:O}", "anyOf", others));
	json_decref(others);
	return v;
}

static json_t *then_kind(const struct rule_env *env, const char *name)
{
	auto_free char *to = mem_printf("step_%s", name);
	return json_pack("{s:o, s:o}", "if", is_kind(env, name), "then", reference(to));
}

/* While a step has no word yet, all words are told. */
static json_t *all_words(const struct rule_env *env, json_t *any)
{
	json_t *properties = json_object(), *none = json_array();
	for (size_t i = 0; env->kind_names[i]; i++) {
		const char *name = env->kind_names[i];
		json_object_set_new(properties, name,
				    json_pack("{s:s}", "description", env->kind(name)->help));
		if (!word_in(words_step, name))
			json_array_append_new(none, json_pack("{s:[s]}", "required", name));
		json_array_append_new(any, json_pack("{s:[s]}", "required", name));
	}
	add_words(env, properties, "step", words_step);
	return json_pack("{s:{s:{s:o}}, s:{s:o}}", "if", "not", "anyOf", none, "then", "properties",
			 properties);
}

static json_t *step_json(const struct rule_env *env)
{
	json_t *kinds = json_array(), *any = json_array();
	for (size_t i = 0; env->kind_names[i]; i++)
		json_array_append_new(kinds, then_kind(env, env->kind_names[i]));
	json_array_append_new(kinds, all_words(env, any));
	return json_pack("{s:s, s:s, s:o, s:o}", "type", "object", "description",
			 "A step: one step word, and what belongs to it.", "anyOf", any, "allOf",
			 kinds);
}

/* What a loop goes through: a list, or a step that can give its result page by page. */
static json_t *pages_json(const struct rule_env *env)
{
	json_t *kinds = json_array();
	for (size_t i = 0; env->kind_names[i]; i++)
		if (env->kind(env->kind_names[i])->pages)
			json_array_append_new(kinds, then_kind(env, env->kind_names[i]));
	return json_pack("{s:[s, s, s], s:o}", "type", "array", "string", "object", "allOf", kinds);
}

/* ---- all of it ---- */

static json_t *definitions(const struct rule_env *env)
{
	json_t *d = json_object();
	json_object_set_new(d, "steps",
			    json_pack("{s:s, s:o}", "type", "array", "items", reference("step")));
	json_object_set_new(d, "step", step_json(env));
	json_object_set_new(d, "pages", pages_json(env));
	json_object_set_new(d, "catches",
			    json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1, "items",
				      group_json(env, "catch", words_catch, "do")));
	json_object_set_new(d, "choice", group_json(env, "choice", words_choice, NULL));
	json_object_set_new(d, "trigger", trigger_json(env));
	json_object_set_new(d, "retry", group_json(env, "retry", words_retry, NULL));
	json_object_set_new(d, "budget", group_json(env, "budget", words_budget, NULL));
	json_object_set_new(d, "once", group_json(env, "once", words_once, "key"));
	json_object_set_new(d, "limit", group_json(env, "limit", words_limit, NULL));
	json_object_set_new(d, "collect", group_json(env, "collect", words_collect, "key"));
	json_object_set_new(d, "cancel", group_json(env, "cancel", words_cancel, NULL));
	for (size_t i = 0; env->kind_names[i]; i++) {
		auto_free char *name = mem_printf("step_%s", env->kind_names[i]);
		json_object_set_new(d, name, kind_json(env, env->kind(env->kind_names[i])));
	}
	return d;
}

json_t *rule_schema(const struct rule_env *env)
{
	json_t *v = group_json(env, "rule", words_rule, "rule");
	json_array_append_new(json_object_get(v, "required"), json_string("do"));
	json_object_set_new(v, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
	json_object_set_new(v, "title", json_string("A rule of pawl"));
	json_object_set_new(v, "definitions", definitions(env));
	return v;
}

json_t *rule_schema_text(const char *what)
{
	auto_free char *also = mem_printf("%s, or an expression such as =data.value", what);
	return pattern(EXPRESSION, also);
}
