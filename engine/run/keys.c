/* Shapes and keys: what waits look for, and events are found by. */
#include "engine/run/keys.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

/* As expressions read it: a name after the other, whatever keys have dots in them. */
static json_t *by_names(json_t *v, const char *path)
{
	for (;; path++) {
		size_t len = strcspn(path, ".");
		v = json_object_getn(v, path, len);
		path += len;
		if (!*path)
			return v;
	}
}

json_t *event_value(struct event *e, const char *path)
{
	if (!strncmp(path, "=it.", 4))
		return by_names(event_envelope(e), path + 4);
	if (!strncmp(path, "event.", 6))
		return json_path(event_envelope(e), path + 6);
	return e->data ? json_path(e->data, path) : NULL;
}

/* ---- keys ---- */

void value_key(const char *kind, const char *name, const json_t *value, struct store_key *ret)
{
	unsigned char digest[SHA256_LEN];
	json_auto_t *all = json_pack("[s, s, O]", kind, name, value);
	auto_free char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	sha256(text, strlen(text), digest);
	memcpy(ret->b, digest, sizeof(ret->b));
}

/* 1.0 and 1 are one value, as they are in Lua. */
static json_t *plain(const json_t *v)
{
	double d = json_is_real(v) ? json_real_value(v) : 0.5;
	if (d >= -9e15 && d <= 9e15 && d == (double)(json_int_t)d)
		return json_integer((json_int_t)d);
	return json_is_object(v) || json_is_array(v) ? NULL : json_incref((json_t *)v);
}

bool shape_key(const char *shape, const json_t *values, struct store_key *ret)
{
	json_auto_t *all = json_object();
	const char *path;
	json_t *v;
	json_object_foreach ((json_t *)values, path, v) {
		json_t *one = plain(v);
		if (!one)
			return false;
		json_object_set_new(all, path, one);
	}
	value_key("wait", shape, all, ret);
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *shape_text(const char *type, bool conversation, const json_t *paths)
{
	size_t n = 0;
	const char *path, **sorted = mem_alloc((json_object_size(paths) + 1) * sizeof(*sorted));
	json_t *v, *list = json_array();
	json_object_foreach ((json_t *)paths, path, v)
		sorted[n++] = path;
	qsort(sorted, n, sizeof(*sorted), by_text);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(sorted[i]));
	free(sorted);
	json_auto_t *shape = json_pack("{s:s, s:b, s:o}", "type", type, "conversation",
				       conversation, "paths", list);
	return json_dumps(shape, JSON_COMPACT | JSON_SORT_KEYS);
}

/* ---- the set ---- */

struct shape {
	struct shape *next; /* of the same type, or of the prefixes */
	json_t *def;
	const char *text, *type;
	bool conversation;
	size_t prefix; /* how many bytes of `type` count; 0 with `*` alone, SIZE_MAX: it is exact */
	const json_t *paths;
};

static void shape_free(struct shape *s)
{
	json_decref(s->def);
	free((char *)s->text);
	free(s);
}

void shapes_done(struct shapes *s)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&s->by_text, &i));)
		shape_free(e->value);
	map_done(&s->by_text);
	map_done(&s->types);
}

static void chain(struct shapes *s, struct shape *x)
{
	size_t len = strlen(x->type);
	bool prefix = len && x->type[len - 1] == '*';
	x->prefix = prefix ? len - 1 : SIZE_MAX;
	x->next = prefix ? s->prefixes : map_get(&s->types, x->type);
	if (prefix)
		s->prefixes = x;
	else
		(void)map_put(&s->types, x->type, x);
}

void shapes_add(struct shapes *s, const char *text)
{
	if (map_get(&s->by_text, text))
		return;
	json_t *def = json_loads(text, 0, NULL);
	const char *type = json_str(def, "type");
	const json_t *paths = json_object_get(def, "paths");
	if (!type || !json_is_array(paths)) {
		json_decref(def);
		return;
	}
	struct shape *x = mem_alloc(sizeof(*x));
	*x = (struct shape){.def = def,
			    .text = mem_strdup(text),
			    .type = type,
			    .conversation = json_bool(def, "conversation", false),
			    .paths = paths};
	(void)map_put(&s->by_text, text, x);
	chain(s, x);
}

/* Has the event all that the shape's key is made of? */
static bool key_of(const struct shape *x, struct event *e, struct store_key *ret)
{
	json_auto_t *values = json_object();
	size_t i;
	const json_t *path;
	if (x->conversation && !e->conversation)
		return false;
	json_array_foreach ((json_t *)x->paths, i, path) {
		json_t *v = event_value(e, json_string_value(path));
		if (!v || json_is_null(v))
			return false;
		json_object_set(values, json_string_value(path), v);
	}
	return shape_key(x->text, values, ret);
}

struct keys {
	struct store_key *at;
	size_t n, cap;
};

static void add_keys(const struct shape *x, struct event *e, struct keys *all)
{
	for (; x; x = x->next) {
		if (x->prefix != SIZE_MAX && strncmp(e->type, x->type, x->prefix) != 0)
			continue;
		if (all->n == all->cap) {
			all->cap = all->cap ? 2 * all->cap : 8;
			all->at = mem_realloc(all->at, all->cap * sizeof(*all->at));
		}
		all->n += key_of(x, e, &all->at[all->n]);
	}
}

size_t shapes_keys(const struct shapes *s, struct event *e, struct store_key **ret)
{
	struct keys all = {0};
	size_t kind = strcspn(e->type, "#"); /* "webhook:github#push" is also a "webhook:github" */
	add_keys(map_get(&s->types, e->type), e, &all);
	if (e->type[kind])
		add_keys(map_getn(&s->types, e->type, kind), e, &all);
	add_keys(s->prefixes, e, &all);
	*ret = all.at;
	return all.n;
}

bool shapes_hear(const struct shapes *s, const char *type)
{
	if (map_get(&s->types, type))
		return true;
	for (const struct shape *x = s->prefixes; x; x = x->next)
		if (strncmp(type, x->type, x->prefix) == 0)
			return true;
	return false;
}
