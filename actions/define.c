/* Reads catalogue files: from YAML as people write it to definitions in their regular form. */
#include "actions/define.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/schema.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/base/timefmt.h"
#include "engine/base/yaml.h"

#define KEYS_MAX 48

/* What stands behind a key. */
enum want { TEXT, TRUTH, NUMBER, LIST, MAP, ANY };

struct key {
	const char *name;
	enum want want;
};

#define RULE_KEYS                                                                                  \
	{"one_of", LIST}, {"any_of", LIST}, {"exclusive", LIST}, {"together", LIST},               \
		{"needs", MAP},                                                                    \
	{                                                                                          \
		"alone", MAP                                                                       \
	}

static const struct key file_keys[] = {{"connector", MAP}, {"group", TEXT}, {"actions", MAP}};

static const struct key connector_keys[] = {
	{"name", TEXT},  {"title", TEXT}, {"about", TEXT},  {"base_url", TEXT},
	{"auth", LIST},  {"oauth2", MAP}, {"rate", MAP},    {"errors", MAP},
	{"paging", MAP}, {"job", MAP},    {"samples", MAP},
};

static const struct key rate_keys[] = {
	{"per_second", NUMBER}, {"per_day", NUMBER}, {"per", TEXT}, {"day_ends", TEXT}};

static const struct key errors_keys[] = {
	{"key", LIST}, {"message", LIST}, {"by_key", MAP}, {"by_status", MAP}};

static const struct key job_keys[] = {
	{"action", TEXT},  {"param", TEXT},   {"id", TEXT},      {"state", TEXT},
	{"percent", TEXT}, {"errors", TEXT},  {"status", TEXT},  {"result", TEXT},
	{"list", TEXT},    {"items", TEXT},   {"created", TEXT}, {"running", LIST},
	{"states", MAP},   {"partial", LIST}, {"kept", TEXT},
};

static const struct key action_keys[] = {
	{"title", TEXT},    {"aliases", LIST},      {"about", TEXT},   {"surprise", TEXT},
	{"method", TEXT},   {"path", TEXT},         {"accept", TEXT},  {"params", MAP},
	{"body", TEXT},     {"answer", ANY},        {"success", LIST}, {"effect", TEXT},
	{"repeat", ANY},    {"reconcile", MAP},     {"scope", TEXT},   {"privilege", TEXT},
	{"paging", MAP},    {"job", TRUTH},         {"errors", MAP},   {"again", MAP},
	{"gone_ok", TRUTH}, {"destructive", TRUTH}, {"auth", TEXT},    {"download", TRUTH},
	{"merge", MAP},     {"examples", MAP},      {"split", MAP},    {"named", MAP},
	{"shape", ANY},     {"result", MAP},        {"samples", MAP},  RULE_KEYS,
};

static const struct key alias_keys[] = {{"name", TEXT}, {"title", TEXT}};

static const struct key reconcile_keys[] = {
	{"look_up", TEXT}, {"key", MAP},         {"with", MAP},     {"match", MAP},
	{"agree", LIST},   {"items", TEXT},      {"created", TEXT}, {"deleted", TEXT},
	{"id", TEXT},      {"all_pages", TRUTH}, {"read", TEXT},    {"read_param", TEXT},
};

static const struct key paging_keys[] = {
	{"kind", TEXT},       {"link", LIST},   {"cursor", TEXT},  {"cursor_param", TEXT},
	{"back", TEXT},       {"page", TEXT},   {"first", NUMBER}, {"pages", TEXT},
	{"back_param", TEXT}, {"offset", TEXT}, {"more", LIST},    {"items", TEXT},
	{"limit", TEXT},      {"max", NUMBER},  {"size", NUMBER},
};

static const struct key merge_keys[] = {
	{"read", TEXT}, {"key", MAP},    {"with", MAP},    {"carry", LIST}, {"lists", MAP},
	{"keep", MAP},  {"refuse", MAP}, {"unless", TEXT}, {"drop", LIST},
};

static const struct key split_keys[] = {{"param", TEXT}, {"lines", NUMBER}, {"bytes", NUMBER}};

static const struct key named_keys[] = {{"param", TEXT}, {"as", TEXT}};

static const struct key result_keys[] = {{"at", TEXT}, {"json", TEXT}, {"otherwise", TEXT}};

static const struct key examples_keys[] = {{"minimal", MAP}, {"full", MAP}, {"invalid", MAP}};

static const struct key repeat_keys[] = {{"harmless_with", LIST}};

static const struct key error_keys[] = {{"error", TEXT}, {"wait", TEXT}};

static const struct key spec_keys[] = {
	{"type", ANY},          {"format", TEXT},
	{"about", TEXT},        {"required", TRUTH},
	{"null", TRUTH},        {"open", TRUTH},
	{"min", NUMBER},        {"max", NUMBER},
	{"min_length", NUMBER}, {"max_length", NUMBER},
	{"min_items", NUMBER},  {"max_items", NUMBER},
	{"enum", LIST},         {"default", ANY},
	{"items", ANY},         {"fields", MAP},
	{"in", TEXT},           {"as", TEXT},
	{"list", TEXT},         {"filename", TEXT},
	{"encode", TEXT},       {"date_as", TEXT},
	{"as_text", TRUTH},     {"begins", TEXT},
	{"also", LIST},         {"example", ANY},
	{"ignored", TRUTH},     RULE_KEYS,
};

#define KEYS(table) (table), sizeof(table) / sizeof(*(table))

/* Texts with a form have a type word of their own. */
static const char *const text_forms[] = {"uuid", "datetime", "date", "email", "uri"};

struct reader {
	const char *file;
	struct definitions *d;
	struct errmsg *msg;
};

static int __attribute__((format(printf, 3, 4)))
fail(struct reader *r, const struct ynode *n, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->msg, ERR_PARSE, "%s:%d:%d: %s", r->file, n->line, n->col, text);
}

static bool is_wanted(const struct ynode *n, enum want want)
{
	switch (want) {
	case TEXT:
		return n->kind == Y_STRING || n->kind == Y_INT;
	case TRUTH:
		return n->kind == Y_BOOL;
	case NUMBER:
		return n->kind == Y_INT || n->kind == Y_REAL;
	case LIST:
		return n->kind == Y_LIST;
	case MAP:
		return n->kind == Y_MAP;
	case ANY:
		break;
	}
	return true;
}

static const char *want_text(enum want want)
{
	static const char *const texts[] = {
		[TEXT] = "text",   [TRUTH] = "true or false", [NUMBER] = "a number",
		[LIST] = "a list", [MAP] = "a map",           [ANY] = "anything"};
	return texts[want];
}

static const struct key *find_key(const struct key *keys, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* Keys that begin with x- are the author's own: places for anchors. */
static bool is_own_key(const struct ynode *key)
{
	return strncmp(key->text, "x-", 2) == 0;
}

static int check_keys(struct reader *r, const struct ynode *map, const struct key *keys, size_t n)
{
	const char *names[KEYS_MAX];
	for (size_t i = 0; i < n; i++)
		names[i] = keys[i].name;
	if (map->kind != Y_MAP)
		return fail(r, map, "a map is needed here, not %s", ynode_word(map));
	for (size_t i = 0; i < map->n; i++) {
		const struct ynode *key = map->keys[i], *value = map->items[i];
		const struct key *known = find_key(keys, n, key->text);
		const char *near = known ? NULL : suggest(key->text, names, n);
		if (is_own_key(key))
			continue;
		if (!known)
			return fail(r, key, "unknown key '%s'%s%s%s", key->text,
				    near ? " — did you mean '" : "", near ? near : "",
				    near ? "'?" : "");
		if (!is_wanted(value, known->want))
			return fail(r, value, "%s must be %s, not %s", key->text,
				    want_text(known->want), ynode_word(value));
	}
	return 0;
}

/* A map's plain JSON without the author's own keys. */
static json_t *plain(const struct ynode *map)
{
	json_t *v = ynode_json(map), *member;
	const char *name;
	void *next;
	json_object_foreach_safe (v, next, name, member)
		if (strncmp(name, "x-", 2) == 0)
			json_object_del(v, name);
	return v;
}

/* Types. */

static int set_type(struct reader *r, json_t *out, const struct ynode *n)
{
	for (size_t i = 0; i < sizeof(text_forms) / sizeof(*text_forms); i++)
		if (strcmp(text_forms[i], n->text) == 0) {
			json_object_set_new(out, "type", json_string("string"));
			json_object_set_new(out, "format", json_string(n->text));
			return 0;
		}
	if (schema_type_by_word(n->text) < 0)
		return fail(r, n, "there is no type '%s'", n->text);
	json_object_set_new(out, "type", json_string(n->text));
	return 0;
}

static int spec(struct reader *r, const struct ynode *n, json_t *out);

static int set_spec(struct reader *r, json_t *out, const char *key, const struct ynode *n)
{
	json_t *v = json_object();
	json_object_set_new(out, key, v);
	return spec(r, n, v);
}

static int set_list(struct reader *r, const struct ynode *n, json_t *out)
{
	if (n->n != 1)
		return fail(r, n, "a list type has one element, the type of the elements");
	json_object_set_new(out, "type", json_string("list"));
	return set_spec(r, out, "items", n->items[0]);
}

static int set_fields(struct reader *r, const struct ynode *fields, json_t *out)
{
	json_t *map = json_object();
	json_object_set_new(out, "fields", map);
	for (size_t i = 0; i < fields->n; i++) {
		int err = is_own_key(fields->keys[i])
				  ? 0
				  : set_spec(r, map, fields->keys[i]->text, fields->items[i]);
		if (err)
			return err;
	}
	return 0;
}

/* A type that is not written follows from what is. */
static int set_implied_type(struct reader *r, const struct ynode *n, json_t *out)
{
	const struct ynode *values = ynode_get(n, "enum");
	const char *type = ynode_get(n, "fields")                                      ? "object"
			   : ynode_get(n, "items")                                     ? "list"
			   : values && values->n && values->items[0]->kind == Y_STRING ? "string"
										       : NULL;
	if (!type)
		return fail(r, n, "type is missing");
	json_object_set_new(out, "type", json_string(type));
	return 0;
}

static int spec_map(struct reader *r, const struct ynode *n, json_t *out)
{
	const struct ynode *type = ynode_get(n, "type");
	int err = check_keys(r, n, KEYS(spec_keys));
	if (err)
		return err;
	json_auto_t *rest = plain(n);
	json_object_del(rest, "type");
	json_object_del(rest, "items");
	json_object_del(rest, "fields");
	json_object_update(out, rest);
	err = !type                    ? set_implied_type(r, n, out)
	      : type->kind == Y_LIST   ? set_list(r, type, out)
	      : type->kind == Y_STRING ? set_type(r, out, type)
				       : fail(r, type, "type must be a word");
	if (!err && ynode_get(n, "items"))
		err = set_spec(r, out, "items", ynode_get(n, "items"));
	if (!err && ynode_get(n, "fields"))
		err = set_fields(r, ynode_get(n, "fields"), out);
	return err;
}

/* `uuid`, `[uuid]`, or a map with type and limits. */
static int spec(struct reader *r, const struct ynode *n, json_t *out)
{
	if (n->kind == Y_STRING)
		return set_type(r, out, n);
	if (n->kind == Y_LIST)
		return set_list(r, n, out);
	return spec_map(r, n, out);
}

/* Errors and durations. */

static int milliseconds(struct reader *r, const struct ynode *n, int64_t *ret)
{
	struct errmsg why = {0};
	return duration_parse(n->text, ret, &why) ? fail(r, n, "%s", why.text) : 0;
}

/* `409: exists` or `409: {error: throttled, wait: 5m}` as {error, wait_ms}. */
static int error_entry(struct reader *r, const struct ynode *n, json_t *out)
{
	const struct ynode *name = n, *wait = NULL;
	int64_t ms = 0;
	if (n->kind == Y_MAP) {
		int err = check_keys(r, n, KEYS(error_keys));
		if (err)
			return err;
		name = ynode_get(n, "error");
		wait = ynode_get(n, "wait");
	}
	if (!name || !name->text || !err_by_name(name->text))
		return fail(r, n, "there is no error named '%s'",
			    name && name->text ? name->text : "");
	if (wait && milliseconds(r, wait, &ms))
		return ERR_PARSE;
	json_object_set_new(out, "error", json_string(name->text));
	if (ms)
		json_object_set_new(out, "wait_ms", json_integer(ms));
	return 0;
}

static int error_map(struct reader *r, const struct ynode *map, json_t *def, const char *key)
{
	json_t *out = json_object();
	if (!map) {
		json_decref(out);
		return 0;
	}
	json_object_set_new(def, key, out);
	for (size_t i = 0; i < map->n; i++) {
		json_t *entry = json_object();
		json_object_set_new(out, map->keys[i]->text, entry);
		int err = error_entry(r, map->items[i], entry);
		if (err)
			return err;
	}
	return 0;
}

static int again_map(struct reader *r, const struct ynode *map, json_t *def)
{
	json_t *out = json_object();
	for (size_t i = 0; map && i < map->n; i++) {
		int64_t ms;
		if (milliseconds(r, map->items[i], &ms)) {
			json_decref(out);
			return ERR_PARSE;
		}
		json_object_set_new(out, map->keys[i]->text, json_integer(ms));
	}
	json_object_set_new(def, "again", out);
	return 0;
}

/* The connector. */

static int connector_errors(struct reader *r, const struct ynode *n, json_t *def)
{
	int err = check_keys(r, n, KEYS(errors_keys));
	if (err)
		return err;
	json_t *out = plain(n);
	json_object_set_new(def, "errors", out);
	err = error_map(r, ynode_get(n, "by_key"), out, "by_key");
	return err ? err : error_map(r, ynode_get(n, "by_status"), out, "by_status");
}

static int connector_job(struct reader *r, const struct ynode *n, json_t *def)
{
	static const char *const needed[] = {"action", "param", "id", "state", "states"};
	const struct ynode *kept = ynode_get(n, "kept");
	int64_t ms = 0;
	int err = check_keys(r, n, KEYS(job_keys));
	for (size_t i = 0; !err && i < sizeof(needed) / sizeof(*needed); i++)
		if (!ynode_get(n, needed[i]))
			err = fail(r, n, "%s is missing", needed[i]);
	if (!err && kept)
		err = milliseconds(r, kept, &ms);
	if (err)
		return err;
	json_t *out = plain(n);
	json_object_del(out, "kept");
	if (ms)
		json_object_set_new(out, "kept_ms", json_integer(ms));
	json_object_set_new(def, "job", out);
	return 0;
}

static int read_connector(struct reader *r, const struct ynode *n)
{
	const struct ynode *errors = ynode_get(n, "errors"), *job = ynode_get(n, "job");
	const struct ynode *rate = ynode_get(n, "rate"), *paging = ynode_get(n, "paging");
	if (r->d->connector)
		return fail(r, n, "the connector is described already");
	int err = check_keys(r, n, KEYS(connector_keys));
	if (!err && !ynode_get(n, "name"))
		err = fail(r, n, "name is missing");
	if (!err && rate)
		err = check_keys(r, rate, KEYS(rate_keys));
	if (!err && paging)
		err = check_keys(r, paging, KEYS(paging_keys));
	if (err)
		return err;
	r->d->connector = plain(n);
	if (errors)
		err = connector_errors(r, errors, r->d->connector);
	if (!err && job)
		err = connector_job(r, job, r->d->connector);
	return err;
}

/* Actions. */

static bool fills_path(const char *path, const char *wire)
{
	auto_free char *hole = mem_printf("{%s}", wire);
	return strstr(path, hole) != NULL;
}

static bool sends_body(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	       strcmp(method, "PATCH") == 0;
}

/* Where a parameter goes unless it says so: a hole of the path, else by method and body. */
static void place_param(const char *name, json_t *param, const char *method, const char *path,
			const char *body)
{
	const char *wire = json_str(param, "as"), *in = json_str(param, "in");
	bool form = body && (strcmp(body, "form") == 0 || strcmp(body, "multipart") == 0);
	if (!in) {
		in = fills_path(path, wire ? wire : name) ? "path"
		     : !sends_body(method)                ? "query"
		     : form                               ? "form"
							  : "body";
		json_object_set_new(param, "in", json_string(in));
	}
	if (strcmp(in, "path") == 0)
		json_object_set_new(param, "required", json_true());
	bool list = json_str(param, "type") && strcmp(json_str(param, "type"), "list") == 0;
	if (list && strcmp(in, "body") != 0 && !json_str(param, "list"))
		json_object_set_new(param, "list", json_string("csv"));
}

static int read_params(struct reader *r, const struct ynode *params, json_t *def)
{
	const char *method = json_str(def, "method"), *path = json_str(def, "path"), *name;
	const char *body = json_str(def, "body");
	json_t *holder = json_object(), *param;
	bool any_body = false;
	int err = params ? set_fields(r, params, holder) : 0;
	json_t *all = json_object_get(holder, "fields");
	json_object_foreach (all, name, param) {
		place_param(name, param, method, path, body);
		any_body = any_body || strcmp(json_str(param, "in"), "body") == 0;
	}
	if (all)
		json_object_set(def, "params", all);
	else
		json_object_set_new(def, "params", json_object());
	if (!body)
		json_object_set_new(def, "body", json_string(any_body ? "json" : "none"));
	json_decref(holder);
	return err;
}

/* Whether an action's paging says itself how the next page is found. */
static bool has_own_way(const struct ynode *n)
{
	static const char *const ways[] = {"kind", "link", "cursor", "page", "offset"};
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (ynode_get(n, ways[i]))
			return true;
	return false;
}

static int read_paging(struct reader *r, const struct ynode *n, json_t *def)
{
	const json_t *shared = json_object_get(r->d->connector, "paging");
	int err = n ? check_keys(r, n, KEYS(paging_keys)) : 0;
	if (err || !n)
		return err;
	json_t *paging = plain(n);
	json_object_set_new(def, "paging", paging);
	if (!has_own_way(n))
		json_object_update_missing(paging, (json_t *)shared);
	return 0;
}

static int read_repeat(struct reader *r, const struct ynode *n)
{
	if (!n || (n->kind == Y_STRING && strcmp(n->text, "harmless") == 0))
		return 0;
	if (n->kind != Y_MAP)
		return fail(r, n, "repeat is 'harmless' or {harmless_with: [parameters]}");
	return check_keys(r, n, KEYS(repeat_keys));
}

static int read_aliases(struct reader *r, const struct ynode *n, json_t *entry)
{
	for (size_t i = 0; n && i < n->n; i++) {
		int err = check_keys(r, n->items[i], KEYS(alias_keys));
		if (!err && !ynode_get(n->items[i], "name"))
			err = fail(r, n->items[i], "name is missing");
		if (err)
			return err;
	}
	json_object_set_new(entry, "aliases", n ? ynode_json(n) : json_array());
	return 0;
}

/* What a run needs of the connector, pinned with the action. */
static void share_connector(const json_t *connector, json_t *def)
{
	static const char *const shared[] = {"errors", "job"};
	json_t *part = json_object();
	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
		if (json_object_get(connector, shared[i]))
			json_object_set(part, shared[i], json_object_get(connector, shared[i]));
	json_object_set_new(def, "connector", json_string(json_str(connector, "name")));
	json_object_set_new(def, "of_connector", part);
}

static void set_prose(const struct ynode *n, json_t *entry, const char *key)
{
	const struct ynode *text = ynode_get(n, key);
	size_t len = text ? text->len : 0;
	while (len && text->text[len - 1] == '\n')
		len--;
	json_object_set_new(entry, key, json_stringn(text ? text->text : "", len));
}

/* Sub-maps that have a reader of their own are taken out first, and put back regular. */
/* Values that stand for parameters in what is shown: the connector's, and over them the action's own. */
static void set_samples(const struct reader *r, const struct ynode *n, json_t *entry)
{
	const struct ynode *own = ynode_get(n, "samples");
	json_t *samples = json_copy(json_object_get(r->d->connector, "samples"));
	json_auto_t *more = own ? ynode_json(own) : json_object();
	samples = samples ? samples : json_object();
	json_object_update(samples, more);
	json_object_set_new(entry, "samples", samples);
}

static int read_parts(struct reader *r, const struct ynode *n, json_t *def, json_t *entry)
{
	static const char *const apart[] = {"title",  "aliases", "about",  "surprise", "params",
					    "answer", "paging",  "errors", "again",    "examples"};
	const struct ynode *answer = ynode_get(n, "answer"), *look = ynode_get(n, "reconcile");
	const struct ynode *merge = ynode_get(n, "merge"), *examples = ynode_get(n, "examples");
	const struct ynode *split = ynode_get(n, "split"), *named = ynode_get(n, "named");
	json_auto_t *rest = plain(n);
	for (size_t i = 1; i < sizeof(apart) / sizeof(*apart); i++)
		json_object_del(rest, apart[i]);
	json_object_update(def, rest);
	share_connector(r->d->connector, def);
	set_prose(n, entry, "about");
	set_prose(n, entry, "surprise");
	int err = read_params(r, ynode_get(n, "params"), def);
	if (!err && answer)
		err = set_spec(r, def, "answer", answer);
	if (!err && look)
		err = check_keys(r, look, KEYS(reconcile_keys));
	if (!err && merge)
		err = check_keys(r, merge, KEYS(merge_keys));
	if (!err && split)
		err = check_keys(r, split, KEYS(split_keys));
	if (!err && named)
		err = check_keys(r, named, KEYS(named_keys));
	if (!err && ynode_get(n, "result"))
		err = check_keys(r, ynode_get(n, "result"), KEYS(result_keys));
	if (!err && examples)
		err = check_keys(r, examples, KEYS(examples_keys));
	if (!err)
		set_samples(r, n, entry);
	if (!err)
		json_object_set_new(entry, "examples",
				    examples ? ynode_json(examples) : json_object());
	if (!err)
		err = read_paging(r, ynode_get(n, "paging"), def);
	if (!err)
		err = read_repeat(r, ynode_get(n, "repeat"));
	if (!err)
		err = read_aliases(r, ynode_get(n, "aliases"), entry);
	if (!err)
		err = error_map(r, ynode_get(n, "errors"), def, "errors");
	if (!err && ynode_get(n, "again"))
		err = again_map(r, ynode_get(n, "again"), def);
	return err;
}

static int read_action(struct reader *r, const struct ynode *key, const struct ynode *n,
		       const char *group)
{
	static const char *const needed[] = {"method", "path", "effect"};
	int err = check_keys(r, n, KEYS(action_keys));
	for (size_t i = 0; !err && i < sizeof(needed) / sizeof(*needed); i++)
		if (!ynode_get(n, needed[i]))
			err = fail(r, key, "%s: %s is missing", key->text, needed[i]);
	if (!err && json_object_get(r->d->actions, key->text))
		err = fail(r, key, "there is an action '%s' already", key->text);
	if (err)
		return err;
	json_t *entry = json_object(), *def = json_object();
	json_object_set_new(entry, "def", def);
	json_object_set_new(entry, "group", json_string(group));
	json_object_set_new(entry, "at", json_integer(key->line));
	json_object_set_new(entry, "file", json_string(r->file));
	json_object_set_new(def, "name", json_string(key->text));
	json_object_set_new(r->d->actions, key->text, entry);
	return read_parts(r, n, def, entry);
}

static int read_document(struct reader *r, const struct ynode *root)
{
	const struct ynode *connector = ynode_get(root, "connector");
	const struct ynode *actions = ynode_get(root, "actions"), *group = ynode_get(root, "group");
	int err = check_keys(r, root, KEYS(file_keys));
	if (!err && connector)
		err = read_connector(r, connector);
	if (!err && actions && !r->d->connector)
		err = fail(r, actions, "no connector is described for these actions");
	for (size_t i = 0; !err && actions && i < actions->n; i++)
		if (!is_own_key(actions->keys[i]))
			err = read_action(r, actions->keys[i], actions->items[i],
					  group ? group->text : "");
	return err;
}

int define_read(struct definitions *d, const char *file, const char *text, size_t len,
		struct errmsg *msg)
{
	struct reader r = {.file = file, .d = d, .msg = msg};
	struct yaml_error where;
	struct yaml_file *yaml = yaml_read(text, len, false, &where);
	if (!yaml)
		return err_set(msg, ERR_PARSE, "%s:%d:%d: %s", file, where.line, where.col,
			       where.text);
	if (!d->actions)
		d->actions = json_object();
	int err = 0;
	for (size_t i = 0; !err && i < yaml_count(yaml); i++)
		if (yaml_doc(yaml, i)->root->kind != Y_NULL)
			err = read_document(&r, yaml_doc(yaml, i)->root);
	yaml_file_free(yaml);
	return err;
}

void definitions_done(struct definitions *d)
{
	json_decref(d->connector);
	json_decref(d->actions);
	*d = (struct definitions){0};
}
