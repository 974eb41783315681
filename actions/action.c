/* One action, made of its definition, and what may be asked about it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "actions/catalogue.h"
#include "actions/merge.h"
#include "actions/shape.h"
#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

static const char *const effect_words[] = {
#define X(code, word) [EFFECT_##code] = word,
	EFFECT_MAP(X)
#undef X
};

static const char *const in_words[] = {
	[IN_PATH] = "path", [IN_QUERY] = "query",   [IN_BODY] = "body",
	[IN_FORM] = "form", [IN_HEADER] = "header", [IN_LOCAL] = "local",
};

static const char *const body_words[] = {
	[BODY_NONE] = "none", [BODY_JSON] = "json",           [BODY_BARE] = "bare",
	[BODY_FORM] = "form", [BODY_MULTIPART] = "multipart",
};

static const char *const paging_words[] = {
#define X(code, word) [PAGING_##code] = word,
	PAGING_MAP(X)
#undef X
};

/* What an action owns beside its definition. */
struct owned {
	struct schema *params, *answer;
	struct action_look_up look_up;
	struct action_job job;
	struct action_merge merge;
	struct action_split split;
	json_t *no_aliases, *no_examples;
};

const char *effect_word(enum effect e)
{
	return e < EFFECTS ? effect_words[e] : "?";
}

const char *param_in_word(enum param_in in)
{
	return in < PARAM_INS ? in_words[in] : "?";
}

const char *paging_word(enum paging_kind k)
{
	return k < PAGING_KINDS ? paging_words[k] : "?";
}

static int find_word(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; word && i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

/* Making. */

static int read_params(struct action *a, struct owned *own, struct errmsg *msg)
{
	json_t *params = json_object_get(a->def, "params"), *shape = json_object(), *rule;
	own->params = NULL;
	json_object_set_new(shape, "type", json_string("object"));
	json_object_set(shape, "fields", params);
#define X(code, word)                                                                              \
	if ((rule = json_object_get(a->def, word)))                                                \
		json_object_set(shape, word, rule);
	SCHEMA_RULE_MAP(X)
#undef X
	if (json_is_object(params))
		own->params = schema_new(shape, msg);
	else
		(void)err_set(msg, ERR_PARSE, "params is missing");
	json_decref(shape); /* its parts live on in def */
	if (!own->params)
		return err_wrap(msg, "params");
	a->params = own->params;
	a->n_params = own->params->n_fields;
	a->param = mem_alloc((a->n_params + 1) * sizeof(*a->param));
	for (size_t i = 0; i < a->n_params; i++) {
		const char *name = own->params->names[i];
		const json_t *def = json_object_get(params, name);
		const char *wire = json_str(def, "as"), *list = json_str(def, "list");
		int in = find_word(in_words, PARAM_INS, json_str(def, "in"));
		if (in < 0)
			return err_set(msg, ERR_PARSE, "params: %s: in is missing or unknown",
				       name);
		a->param[i] = (struct action_param){
			.name = name,
			.wire = wire ? wire : name,
			.in = (enum param_in)in,
			.repeat = list && strcmp(list, "repeat") == 0,
			.filename = json_str(def, "filename"),
			.schema = own->params->fields[i],
		};
	}
	return 0;
}

static void read_look_up(struct action *a, struct owned *own)
{
	const json_t *def = json_object_get(a->def, "reconcile");
	if (!json_str(def, "look_up"))
		return;
	own->look_up = (struct action_look_up){
		.action = json_str(def, "look_up"),
		.key = json_object_get(def, "key"),
		.with = json_object_get(def, "with"),
		.match = json_object_get(def, "match"),
		.agree = json_object_get(def, "agree"),
		.items = json_str(def, "items") ? json_str(def, "items") : "",
		.created = json_str(def, "created"),
		.deleted = json_str(def, "deleted"),
		.id = json_str(def, "id"),
		.all_pages = json_bool(def, "all_pages", false),
		.read = json_str(def, "read"),
		.read_param = json_str(def, "read_param"),
	};
	a->look_up = &own->look_up;
}

static int read_merge(struct action *a, struct owned *own, struct errmsg *msg)
{
	const json_t *def = json_object_get(a->def, "merge"), *name;
	const char *unless = json_str(def, "unless");
	size_t i;
	if (!def)
		return 0;
	own->merge = (struct action_merge){
		.read = json_str(def, "read"),
		.key = json_object_get(def, "key"),
		.with = json_object_get(def, "with"),
		.carry = json_object_get(def, "carry"),
		.drop = json_object_get(def, "drop"),
		.lists = json_object_get(def, "lists"),
		.keep = json_object_get(def, "keep"),
		.refuse = json_object_get(def, "refuse"),
		.unless = unless,
	};
	a->merge = &own->merge;
	if (!own->merge.read || !own->merge.key)
		return err_set(msg, ERR_PARSE, "merge: read or key is missing");
	if (unless && (!action_param(a, unless) || action_param(a, unless)->in != IN_LOCAL))
		return err_set(msg, ERR_PARSE, "merge: '%s' is no parameter with in: local",
			       unless);
	json_array_foreach ((json_t *)own->merge.carry, i, name)
		if (!json_is_string(name) || !action_param(a, json_string_value(name)))
			return err_set(msg, ERR_PARSE, "merge: carry names what is no parameter");
	return 0;
}

static int read_split(struct action *a, struct owned *own, struct errmsg *msg)
{
	const json_t *def = json_object_get(a->def, "split");
	if (!def)
		return 0;
	own->split = (struct action_split){
		.param = json_str(def, "param"),
		.lines = (long)json_int(def, "lines", 0),
		.bytes = json_int(def, "bytes", 0),
	};
	a->split = &own->split;
	const struct action_param *p = a->split->param ? action_param(a, a->split->param) : NULL;
	if (!p || (p->schema->type != SCHEMA_FILE && p->schema->type != SCHEMA_LIST))
		return err_set(msg, ERR_PARSE, "split: param must name a file or a list");
	if (a->split->lines < 2 || a->split->bytes < 1)
		return err_set(msg, ERR_PARSE, "split: lines or bytes is missing");
	return 0;
}

static int read_named(struct action *a, struct errmsg *msg)
{
	const json_t *def = json_object_get(a->def, "named");
	if (!def)
		return 0;
	a->named_param = json_str(def, "param");
	a->named_as = json_str(def, "as");
	const struct action_param *p = a->named_param ? action_param(a, a->named_param) : NULL;
	if (!p || p->schema->type != SCHEMA_FILE || !a->named_as)
		return err_set(msg, ERR_PARSE, "named: param must name a file, as where it shows");
	return 0;
}

static int read_shape(struct action *a, struct errmsg *msg)
{
	const json_t *params = json_object_get(a->def, "params");
	a->shape = json_object_get(a->def, "shape");
	a->result = json_object_get(a->def, "result");
	const char *stray = a->shape ? shape_stray(a->shape, params) : NULL;
	const char *parse = json_str(a->result, "json");
	if (stray)
		return err_set(msg, ERR_PARSE, "shape: there is no parameter '%s'", stray);
	if (a->result && !json_str(a->result, "at"))
		return err_set(msg, ERR_PARSE, "result: at is missing");
	if (parse && !action_param(a, parse))
		return err_set(msg, ERR_PARSE, "result: there is no parameter '%s'", parse);
	return 0;
}

static void read_job(struct action *a, struct owned *own, const json_t *def)
{
	if (!json_is_object(def))
		return;
	own->job = (struct action_job){
		.action = json_str(def, "action"),
		.param = json_str(def, "param"),
		.id = json_str(def, "id"),
		.state = json_str(def, "state"),
		.percent = json_str(def, "percent"),
		.errors = json_str(def, "errors"),
		.status = json_str(def, "status"),
		.result = json_str(def, "result"),
		.list = json_str(def, "list"),
		.items = json_str(def, "items"),
		.created = json_str(def, "created"),
		.running = json_object_get(def, "running"),
		.ends = json_object_get(def, "states"),
		.partial = json_object_get(def, "partial"),
		.kept_ms = json_int(def, "kept_ms", 0),
	};
	a->job = &own->job;
}

/* The kind follows from the keys that only it has, unless it is written. */
static int paging_kind(const json_t *def)
{
	static const struct {
		const char *key;
		enum paging_kind kind;
	} marks[] = {{"cursor", PAGING_CURSOR},
		     {"page", PAGING_PAGE},
		     {"offset", PAGING_OFFSET},
		     {"link", PAGING_LINK}};
	const char *word = json_str(def, "kind");
	if (word || !def)
		return word ? find_word(paging_words, PAGING_KINDS, word) : PAGING_NONE;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (json_object_get(def, marks[i].key))
			return marks[i].kind;
	return PAGING_WHOLE;
}

static int check_paging(const struct action *a, struct errmsg *msg)
{
	const struct action_paging *p = &a->paging;
	const char *params[] = {p->limit, p->cursor_param, p->back_param, p->page_param,
				p->offset_param};
	if (p->kind != PAGING_NONE && !p->items)
		return err_set(msg, ERR_PARSE, "paging: items is missing");
	if ((p->kind == PAGING_LINK && !p->link) ||
	    (p->kind == PAGING_CURSOR && !p->cursor_param) ||
	    (p->kind == PAGING_PAGE && !p->page_param) ||
	    (p->kind == PAGING_OFFSET && !p->offset_param))
		return err_set(msg, ERR_PARSE, "paging: what kind %s needs is missing",
			       paging_word(p->kind));
	for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
		if (params[i] && !action_param(a, params[i]))
			return err_set(msg, ERR_PARSE, "paging: there is no parameter '%s'",
				       params[i]);
	return 0;
}

static int read_paging(struct action *a, struct errmsg *msg)
{
	const json_t *def = json_object_get(a->def, "paging");
	int kind = paging_kind(def);
	if (kind < 0)
		return err_set(msg, ERR_PARSE, "paging: there is no kind '%s'",
			       json_str(def, "kind"));
	a->paging = (struct action_paging){
		.kind = (enum paging_kind)kind,
		.link = kind == PAGING_LINK ? json_object_get(def, "link") : NULL,
		.cursor = json_str(def, "cursor"),
		.cursor_param = json_str(def, "cursor_param"),
		.back = json_str(def, "back"),
		.back_param = json_str(def, "back_param"),
		.page_param = json_str(def, "page"),
		.first = (long)json_int(def, "first", 1),
		.pages = json_str(def, "pages"),
		.offset_param = json_str(def, "offset"),
		.more = json_object_get(def, "more"),
		.items = json_str(def, "items"),
		.limit = json_str(def, "limit"),
		.limit_max = (long)json_int(def, "max", 0),
		.limit_default = (long)json_int(def, "size", 0),
	};
	return check_paging(a, msg);
}

/* Each {name} of the path needs a parameter that fills it. */
static int check_path(const struct action *a, struct errmsg *msg)
{
	for (const char *p = strchr(a->path, '{'); p; p = strchr(p + 1, '{')) {
		size_t len = strcspn(p + 1, "}"), i;
		for (i = 0; i < a->n_params; i++)
			if (a->param[i].in == IN_PATH && strlen(a->param[i].wire) == len &&
			    strncmp(a->param[i].wire, p + 1, len) == 0)
				break;
		if (p[1 + len] != '}' || i == a->n_params)
			return err_set(msg, ERR_PARSE, "path: no parameter fills {%.*s}", (int)len,
				       p + 1);
	}
	return 0;
}

static int unknown_word(struct errmsg *msg, const char *key, const char *word,
			const char *const *words, int n)
{
	struct buf known = BUF_INIT;
	for (int i = 0; i < n; i++)
		(void)buf_printf(&known, "%s%s", i ? ", " : "", words[i]);
	int err = word ? err_set(msg, ERR_PARSE, "'%s' is no %s: it is one of %s", word, key,
				 buf_str(&known))
		       : err_set(msg, ERR_PARSE, "%s is missing: it is one of %s", key,
				 buf_str(&known));
	buf_done(&known);
	return err;
}

static int read_words(struct action *a, struct errmsg *msg)
{
	const json_t *def = a->def;
	int effect = find_word(effect_words, EFFECTS, json_str(def, "effect"));
	int body = find_word(body_words, BODY_MULTIPART + 1, json_str(def, "body"));
	a->connector = json_str(def, "connector");
	a->name = json_str(def, "name");
	a->title = json_str(def, "title") ? json_str(def, "title") : a->name;
	a->method = json_str(def, "method");
	a->path = json_str(def, "path");
	a->accept = json_str(def, "accept");
	a->auth = json_str(def, "auth");
	a->download = json_bool(def, "download", false);
	a->scope = json_str(def, "scope");
	a->privilege = json_str(def, "privilege");
	a->destructive = json_bool(def, "destructive", false);
	a->gone_ok = json_bool(def, "gone_ok", false);
	a->is_job = json_bool(def, "job", false);
	a->success = json_object_get(def, "success");
	a->errors = json_object_get(def, "errors");
	a->again = json_object_get(def, "again");
	a->group = a->about = a->surprise = "";
	if (!a->connector || !a->name || !a->method || !a->path || *a->path != '/')
		return err_set(msg, ERR_PARSE, "connector, name, method or path is missing");
	if (effect < 0)
		return unknown_word(msg, "effect", json_str(def, "effect"), effect_words, EFFECTS);
	if (body < 0)
		return unknown_word(msg, "body", json_str(def, "body"), body_words,
				    BODY_MULTIPART + 1);
	a->effect = (enum effect)effect;
	a->body = (enum body_kind)body;
	return 0;
}

static int make(struct action *a, struct owned *own, struct errmsg *msg)
{
	const json_t *shape = json_object_get(a->def, "answer");
	const json_t *shared = json_object_get(a->def, "of_connector");
	int err = read_words(a, msg);
	if (!err)
		err = read_params(a, own, msg);
	if (!err)
		err = check_path(a, msg);
	if (!err && shape && !(own->answer = schema_new(shape, msg)))
		err = err_wrap(msg, "answer");
	if (err)
		return err;
	a->answer = own->answer;
	a->connector_errors = json_object_get(shared, "errors");
	read_look_up(a, own);
	read_job(a, own, json_object_get(shared, "job"));
	err = read_paging(a, msg);
	if (!err)
		err = read_merge(a, own, msg);
	if (!err)
		err = read_split(a, own, msg);
	if (!err)
		err = read_named(a, msg);
	if (!err)
		err = read_shape(a, msg);
	if (!err && a->download && a->effect != EFFECT_READ)
		err = err_set(msg, ERR_PARSE, "download: only a read fetches a file");
	if (err)
		return err;
	if (a->effect == EFFECT_KEYED && (!a->look_up || !a->look_up->match || !a->look_up->id))
		return err_set(msg, ERR_PARSE, "effect keyed needs reconcile: look_up, match, id");
	if (a->effect == EFFECT_JOB && !a->job)
		return err_set(msg, ERR_PARSE, "effect job needs a connector with a job");
	return 0;
}

struct action *action_from_json(const json_t *def, struct errmsg *msg)
{
	struct action *a = mem_alloc(sizeof(*a));
	struct owned *own = mem_alloc(sizeof(*own));
	a->memory = own;
	a->def = json_deep_copy(def);
	a->aliases = own->no_aliases = json_array();
	a->examples = own->no_examples = json_object();
	int err = json_is_object(def) ? make(a, own, msg)
				      : err_set(msg, ERR_PARSE, "an action must be an object");
	if (!err)
		return a;
	if (a->name)
		(void)err_wrap(msg, "action '%s'", a->name);
	action_free(a);
	return NULL;
}

void action_free(struct action *a)
{
	if (!a || a->refs-- > 0)
		return;
	struct owned *own = a->memory;
	schema_free(own->params);
	schema_free(own->answer);
	json_decref(own->no_aliases);
	json_decref(own->no_examples);
	json_decref(a->def);
	free(a->param);
	free(own);
	free(a);
}

struct action *action_ref(struct action *a)
{
	a->refs++;
	return a;
}

const char *action_hash(const struct action *a, char out[65])
{
	auto_free char *text = json_canonical(a->def);
	return sha256_hex(text, strlen(text), out);
}

const struct action_param *action_param(const struct action *a, const char *name)
{
	for (size_t i = 0; i < a->n_params; i++)
		if (strcmp(a->param[i].name, name) == 0)
			return &a->param[i];
	return NULL;
}

/* Asking. */

size_t action_check(const struct action *a, const json_t *params, const struct check *c)
{
	struct check check = *c;
	if (merge_applies(a, params))
		check.filled = a->merge->carry;
	return schema_check(a->params, params, "", &check);
}

static void keep_first(void *arg, const char *path, const char *message, bool warning)
{
	struct errmsg *msg = arg;
	if (!warning && !msg->code)
		(void)err_set(msg, ERR_INVALID, *path ? "%.200s: %s" : "%s%s", path, message);
}

int action_check_given(const struct action *a, const json_t *params, struct errmsg *msg)
{
	struct errmsg first = {0};
	if (!action_check(a, params, &(struct check){.violation = keep_first, .arg = &first}))
		return 0;
	return err_set(msg, ERR_INVALID, "%s", first.text);
}

int action_check_first(const struct action *a, const json_t *params, struct errmsg *msg)
{
	struct errmsg first = {0};
	const struct check check = {.violation = keep_first, .arg = &first};
	if (!schema_check(a->params, params, "", &check))
		return 0;
	return err_set(msg, ERR_INVALID, "%s", first.text);
}

static bool is_given(const json_t *params, const char *path)
{
	const json_t *v = schema_member(params, path);
	return v && !json_is_null(v) && !json_is_false(v) &&
	       !(json_is_string(v) && !json_string_length(v)) &&
	       !(json_is_array(v) && !json_array_size(v)) &&
	       !(json_is_object(v) && !json_object_size(v));
}

static bool all_given(const json_t *paths, const json_t *params)
{
	const char *name;
	json_t *path;
	json_object_foreach ((json_t *)paths, name, path)
		if (!is_given(params, json_string_value(path)))
			return false;
	return true;
}

enum effect action_effect(const struct action *a, const json_t *params)
{
	if (a->effect != EFFECT_KEYED || !params)
		return a->effect;
	bool keyed = all_given(a->look_up->key, params) && all_given(a->look_up->match, params);
	return keyed ? EFFECT_KEYED : EFFECT_ONCE;
}

bool action_repeat_is_harmless(const struct action *a, const json_t *params)
{
	const json_t *repeat = json_object_get(a->def, "repeat"), *path;
	const json_t *with = json_object_get(repeat, "harmless_with");
	size_t i;
	if (a->effect == EFFECT_READ || a->effect == EFFECT_IDEMPOTENT || json_is_string(repeat))
		return true;
	json_array_foreach ((json_t *)with, i, path)
		if (is_given(params, json_string_value(path)))
			return true;
	return false;
}

static bool is_number(const char *part, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)part[i]))
			return false;
	return len > 0;
}

/* One step into a shape: FIELD_YES with *s moved, or where it ends. */
static enum field_known step_into(const struct schema **s, const char *part, size_t len)
{
	const struct schema *at = *s;
	auto_free char *name = mem_strndup(part, len);
	if (at->type == SCHEMA_ANY)
		return FIELD_UNKNOWN;
	if (at->type == SCHEMA_LIST) {
		*s = at->items;
		return !is_number(part, len) ? FIELD_NO : at->items ? FIELD_YES : FIELD_UNKNOWN;
	}
	*s = schema_field(at, name);
	if (*s)
		return FIELD_YES;
	return at->type == SCHEMA_OBJECT && at->open ? FIELD_UNKNOWN : FIELD_NO;
}

enum field_known action_has_field(const struct action *a, const char *path, size_t *ret_at,
				  const char *const **ret_names, size_t *ret_n)
{
	const struct schema *s = a->answer;
	for (const char *part = path; s && *part;) {
		const struct schema *at = s;
		size_t len = strcspn(part, ".");
		enum field_known known = step_into(&s, part, len);
		if (known != FIELD_YES && ret_at)
			*ret_at = (size_t)(part - path);
		if (known != FIELD_YES && ret_names && ret_n) {
			*ret_names = (const char *const *)at->names;
			*ret_n = at->n_fields;
		}
		if (known != FIELD_YES)
			return known;
		part += len + (part[len] == '.');
	}
	return s ? FIELD_YES : FIELD_UNKNOWN;
}
