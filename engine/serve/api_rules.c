/* What is loaded: rules, the catalogue, connections. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"

#define FOUND_MAX 1000

/* ---- rules ---- */

static json_t *trigger_json(const struct trigger *t)
{
	json_t *where = json_array();
	for (size_t i = 0; i < t->n_where; i++)
		json_array_append_new(where, json_pack("{s:s, s:O}", "path", t->where[i].path,
						       "values", t->where[i].values));
	return json_pack("{s:s?, s:s, s:b, s:b, s:o}", "id", t->id, "type", t->type, "prefix",
			 t->prefix, "conversation", t->conversation, "where", where);
}

static json_t *rule_json(const struct plan *p)
{
	json_t *triggers = json_array();
	for (size_t i = 0; i < p->n_triggers; i++)
		json_array_append_new(triggers, trigger_json(&p->triggers[i]));
	return json_pack("{s:s, s:s?, s:s, s:s?, s:i, s:b, s:i, s:o}", "rule", p->rule, "about",
			 p->about, "version", p->hash, "file", p->file, "line", p->line, "enabled",
			 p->enabled, "steps", (int)p->body.n, "triggers", triggers);
}

void api_rules(const struct api_call *c)
{
	const struct ruleset *r = c->service->rules;
	json_t *list = json_array();
	for (size_t i = 0; i < ruleset_count(r); i++)
		json_array_append_new(list, rule_json(ruleset_at(r, i)));
	reply_json(c->req, 200,
		   json_pack("{s:o, s:s, s:n}", "rules", list, "ruleset", ruleset_hash(r), "next"));
}

void api_rule(const struct api_call *c)
{
	const struct plan *p = ruleset_find(c->service->rules, c->arg);
	json_auto_t *bundle = NULL;
	if (!p) {
		reply_problem(c->req, 404, NULL, "there is no rule '%s'", c->arg);
		return;
	}
	json_t *v = rule_json(p);
	if (json_parse(p->bundle, p->bundle_len, true, &bundle, NULL) == 0 &&
	    json_str(bundle, "yaml"))
		json_object_set(v, "source", json_object_get(bundle, "yaml"));
	reply_json(c->req, 200, v);
}

/* ---- the catalogue ---- */

static json_t *full_name(const struct action *a)
{
	return json_sprintf("%s.%s", a->connector, a->name);
}

static json_t *action_row(const struct action *a)
{
	return json_pack("{s:o, s:s?, s:s?, s:s?, s:s, s:s, s:s, s:b}", "name", full_name(a),
			 "title", a->title, "group", a->group, "about", a->about, "method",
			 a->method, "path", a->path, "effect", effect_word(a->effect),
			 "destructive", a->destructive);
}

static json_t *found_actions(const struct catalogue *cat, const char *words)
{
	const struct action **found = mem_alloc(FOUND_MAX * sizeof(struct action *));
	size_t n = catalogue_search(cat, words, found, FOUND_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < n && i < FOUND_MAX; i++)
		json_array_append_new(list, action_row(found[i]));
	free(found);
	return list;
}

void api_actions(const struct api_call *c)
{
	const struct catalogue *cat = c->service->kit->catalogue;
	auto_free char *words = server_req_query(c->req, "q");
	json_t *list = words ? found_actions(cat, words) : json_array();
	const struct action *a;
	size_t i = 0;
	while (!words && (a = catalogue_next(cat, &i)))
		json_array_append_new(list, action_row(a));
	reply_json(c->req, 200, json_pack("{s:o, s:n}", "actions", list, "next"));
}

void api_action(const struct api_call *c)
{
	const struct action *a = catalogue_find_full(c->service->kit->catalogue, c->arg);
	if (!a) {
		reply_problem(c->req, 404, NULL, "there is no action '%s'", c->arg);
		return;
	}
	json_t *v = action_row(a);
	json_object_set_new(v, "surprise", json_string(a->surprise ? a->surprise : ""));
	json_object_set(v, "aliases", (json_t *)a->aliases);
	json_object_set_new(v, "scope", a->scope ? json_string(a->scope) : json_null());
	json_object_set_new(v, "privilege", a->privilege ? json_string(a->privilege) : json_null());
	json_object_set_new(v, "job", json_boolean(a->is_job));
	json_object_set(v, "definition", a->def);
	reply_json(c->req, 200, v);
}
