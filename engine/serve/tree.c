/* pawl.yaml against the table of its keys. */
#include "engine/serve/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions/egress.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/base/timefmt.h"
#include "engine/base/yaml.h"
#include "engine/rule/compile.h"

#define SECRET_MAX (64 * 1024)
#define KEYS_MAX 48

/* ---- what may stand where ---- */

enum shape {
	S_TEXT,
	S_WORD,     /* one of `words` */
	S_SECRET,   /* a text that should come by !env or !file */
	S_SECRETS,  /* one or a list */
	S_TEXTS,    /* one or a list */
	S_DURATION, /* to ms */
	S_SIZE,     /* to bytes */
	S_BOOL,
	S_URL, /* http or https; a slash at its end goes away */
	S_STORE,
	S_PATH,    /* made relative to the process */
	S_RULES,   /* paths, one or a list */
	S_ACTIONS, /* the same, looked for among the product's own too */
	S_ZONE,
	S_HOSTS, /* a list of entries that actions/egress.h reads */
	S_MAP,   /* of `keys` */
	S_NAMED, /* names of the user's, each a map of `keys` */
	S_ANY,
	S_ANY_MAP,    /* whatever it holds, secrets in it too */
	S_SECRET_MAP, /* names of the user's, each a secret */
	S_VERIFY,
	S_BUDGET,  /* `none`, or a map that actions/budget.h reads */
	S_LATER,   /* may be there, has no effect in this version: `words` says what that means */
	S_REFUSED, /* is not in this version, and ignoring it would weaken something */
};

struct key {
	const char *name;
	enum shape shape;
	const struct key *keys;
	const char *words;
};

static const struct key hmac_keys[] = {
	{"algorithm", S_TEXT}, {"header", S_TEXT},    {"encoding", S_TEXT},
	{"prefix", S_TEXT},    {"secret", S_SECRETS}, {0},
};
static const struct key verify_keys[] = {
	{"bearer", S_SECRETS},     {"hmac", S_MAP, hmac_keys},
	{"preset", S_TEXT},        {"scheme", S_TEXT},
	{"secret", S_SECRETS},     {"token", S_SECRET},
	{"jwks", S_TEXT},          {"tolerance", S_DURATION},
	{"type", S_TEXT},          {"algorithm", S_TEXT},
	{"key", S_ANY_MAP},        {"signed", S_TEXT},
	{"signature", S_ANY_MAP},  {"timestamp", S_ANY_MAP},
	{"id", S_ANY_MAP},         {"url_decode", S_TEXTS},
	{"url_variants", S_TEXTS}, {"body_digest", S_ANY_MAP},
	{"header", S_TEXT},        {"query", S_TEXT},
	{"user", S_TEXT},          {0},
};
static const struct key hook_keys[] = {
	{"verify", S_VERIFY, verify_keys},
	{"methods", S_TEXTS},
	{"id", S_ANY_MAP},
	{"dedupe", S_DURATION},
	{"max_body", S_SIZE},
	{"split", S_TEXT},
	{"type", S_ANY_MAP},
	{"answer", S_ANY_MAP},
	{"challenge", S_ANY},
	{"schema", S_REFUSED},
	{0},
};
static const struct key reply_keys[] = {
	{"url", S_URL},
	{"key_header", S_TEXT},
	{"headers", S_ANY_MAP},
	{0},
};
static const struct key conversation_keys[] = {
	{"verify", S_VERIFY, verify_keys},
	{"reply", S_MAP, reply_keys},
	{"answer_within", S_REFUSED},
	{"idle_end", S_TEXT},
	{0},
};
static const struct key oauth2_keys[] = {
	{"client_id", S_TEXT},
	{"client_secret", S_SECRET},
	{"scopes", S_TEXTS},
	{"redirect_uri", S_TEXT},
	{"pkce", S_BOOL},
	{"authorize", S_URL},
	{"token", S_URL},
	{"device", S_URL},
	{0},
};
static const struct key partner_keys[] = {
	{"client_id", S_TEXT},
	{"client_secret", S_SECRET},
	{"api_key", S_SECRET},
	{"scopes", S_TEXTS},
	{"token", S_URL},
	{"prefix", S_TEXT},
	{0},
};
static const struct key auth_keys[] = {
	{"bearer", S_SECRET},
	{"oauth2", S_MAP, oauth2_keys},
	{"partner", S_MAP, partner_keys},
	{0},
};
static const struct key connection_keys[] = {
	{"connector", S_TEXT}, {"base_url", S_URL},  {"auth", S_MAP, auth_keys},
	{"timeout", S_TEXT},   {"budget", S_BUDGET}, {0},
};
static const struct key admin_keys[] = {{"token", S_SECRET}, {0}};
static const struct key person_keys[] = {{"token", S_SECRET}, {0}};
static const struct key log_keys[] = {
	{"level", S_WORD, NULL, "error warn info debug"},
	{"format", S_WORD, NULL, "logfmt json"},
	{0},
};
static const struct key egress_keys[] = {
	{"allow", S_HOSTS},
	{"private", S_WORD, NULL, "deny allow"},
	{0},
};
static const struct key top_keys[] = {
	{"listen", S_TEXT},
	{"public_url", S_URL},
	{"store", S_STORE},
	{"rules", S_RULES},
	{"scripts", S_PATH},
	{"actions", S_ACTIONS},
	{"admin", S_MAP, admin_keys},
	{"seal_key", S_SECRET},
	{"zone", S_ZONE},
	{"vars", S_ANY_MAP},
	{"secrets", S_SECRET_MAP},
	{"connections", S_NAMED, connection_keys},
	{"hooks", S_NAMED, hook_keys},
	{"conversations", S_NAMED, conversation_keys},
	{"log", S_MAP, log_keys},
	{"retention", S_LATER, NULL, "nothing is deleted"},
	{"otlp", S_LATER, NULL, "nothing is sent there"},
	{"people", S_NAMED, person_keys},
	{"egress", S_MAP, egress_keys},
	{0},
};

/* ---- one file ---- */

struct reader {
	struct tree *tree;
	struct findings *f;
	const char *file;
	char *dir;
	bool lenient;
};

#define complain(r, n, ...) findings_add((r)->f, (r)->file, (n)->line, (n)->col, false, __VA_ARGS__)
#define warn(r, n, ...) findings_add((r)->f, (r)->file, (n)->line, (n)->col, true, __VA_ARGS__)

static json_t *read_value(struct reader *r, const struct key *k, const struct ynode *n);

static json_t *wants(struct reader *r, const char *name, const char *what, const struct ynode *n)
{
	complain(r, n, "%s takes %s, not %s", name, what, ynode_word(n));
	return NULL;
}

/* A value from outside is not there: a mistake, unless nothing is served with it. */
static void missing(struct reader *r, const struct ynode *n, const char *why)
{
	findings_add(r->f, r->file, n->line, n->col, r->lenient, "%s %s: %s", n->tag, n->text, why);
}

/* !file: the text without its last line's end. */
static json_t *read_file(struct reader *r, const struct ynode *n)
{
	struct errmsg msg;
	auto_free char *path = path_under(r->dir, n->text), *text = NULL;
	size_t len;
	if (file_read(path, SECRET_MAX, &text, &len, &msg) != 0) {
		missing(r, n, msg.text);
		return NULL;
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	json_t *v = json_stringn(text, len);
	if (!v || memchr(text, 0, len)) {
		json_decref(v);
		complain(r, n, "!file %s: the file is no text", n->text);
		return NULL;
	}
	return v;
}

/* NULL when what stands for it is not there; that has been said then. */
static json_t *read_tagged(struct reader *r, const struct ynode *n)
{
	if (strcmp(n->tag, "!file") == 0)
		return read_file(r, n);
	const char *value = getenv(n->text);
	if (!value) {
		missing(r, n, "the variable is not set");
		return NULL;
	}
	json_t *v = json_string(value);
	if (!v)
		complain(r, n, "!env %s: the variable is no UTF-8 text", n->text);
	return v;
}

static bool is_text(const struct ynode *n)
{
	return n->kind == Y_STRING && !memchr(n->text, 0, n->len);
}

static json_t *read_text(struct reader *r, const struct key *k, const struct ynode *n)
{
	if (n->tag)
		return read_tagged(r, n);
	return is_text(n) ? json_string(n->text) : wants(r, k->name, "text", n);
}

static json_t *read_secret(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_t *v = read_text(r, k, n);
	if (v && !n->tag)
		warn(r, n, "%s stands here in the clear: put it in with !env NAME or !file PATH",
		     k->name);
	return v;
}

static json_t *read_word(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_t *v = read_text(r, k, n);
	const char *word = json_string_value(v), *at = k->words;
	while (word && at) {
		size_t len = strcspn(at, " ");
		if (strlen(word) == len && memcmp(word, at, len) == 0)
			return v;
		at = at[len] ? at + len + 1 : NULL;
	}
	if (v)
		complain(r, n, "%s is one of: %s", k->name, k->words);
	json_decref(v);
	return NULL;
}

/* One value or a list of them, always as a list. */
static json_t *read_list(struct reader *r, const struct key *k, const struct ynode *n,
			 json_t *(*one)(struct reader *, const struct key *, const struct ynode *))
{
	json_t *list = json_array(), *v;
	if (n->kind != Y_LIST) {
		if ((v = one(r, k, n)))
			json_array_append_new(list, v);
		return list;
	}
	for (size_t i = 0; i < n->n; i++)
		if ((v = one(r, k, n->items[i])))
			json_array_append_new(list, v);
	return list;
}

static json_t *read_duration(struct reader *r, const struct key *k, const struct ynode *n)
{
	struct errmsg msg;
	int64_t ms;
	if (!is_text(n)) {
		complain(r, n, "%s takes a duration such as 72h, not %s", k->name, ynode_word(n));
		return NULL;
	}
	if (duration_parse(n->text, &ms, &msg) == 0)
		return json_integer(ms);
	complain(r, n, "%s: %s", k->name, msg.text);
	return NULL;
}

/* A number of bytes, with KiB or MiB. */
static json_t *read_size(struct reader *r, const struct key *k, const struct ynode *n)
{
	char *end = "";
	long long size = n->kind == Y_INT ? n->integer
			 : is_text(n)     ? strtoll(n->text, &end, 10)
					  : 0;
	if (strcmp(end, "KiB") == 0)
		size = size < (1 << 20) ? size << 10 : 0;
	else if (strcmp(end, "MiB") == 0)
		size = size < (1 << 10) ? size << 20 : 0;
	else if (*end)
		size = 0;
	if (size > 0 && size <= 64 << 20)
		return json_integer(size);
	complain(r, n, "%s takes a size from 1 byte to 64MiB, such as 512KiB", k->name);
	return NULL;
}

static json_t *read_bool(struct reader *r, const struct key *k, const struct ynode *n)
{
	if (n->kind == Y_BOOL)
		return ynode_json(n);
	return wants(r, k->name, "true or false", n);
}

static json_t *read_url(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_t *v = read_text(r, k, n);
	const char *url = json_string_value(v);
	if (!url)
		return NULL;
	size_t scheme = strncmp(url, "https://", 8) == 0  ? 8
			: strncmp(url, "http://", 7) == 0 ? 7
							  : 0;
	size_t len = strlen(url);
	if (!scheme || len == scheme || url[strcspn(url, " \t\r\n")]) {
		complain(r, n, "%s takes an address that begins with https:// or http://", k->name);
		json_decref(v);
		return NULL;
	}
	if (url[scheme + strcspn(url + scheme, "/?#@")] == '@') {
		complain(r, n, "%s: a name and password cannot stand in an address, which is shown",
			 k->name);
		json_decref(v);
		return NULL;
	}
	while (url[len - 1] == '/')
		len--;
	json_t *cut = json_stringn(url, len);
	json_decref(v);
	return cut;
}

static json_t *read_store(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_t *v = read_text(r, k, n);
	const char *url = json_string_value(v);
	if (!url)
		return NULL;
	if (strncmp(url, "sqlite:", 7) == 0 && url[7]) {
		auto_free char *path = path_under(r->dir, url + 7);
		json_decref(v);
		return json_sprintf("sqlite:%s", path);
	}
	if (strncmp(url, "postgres", 8) == 0)
		complain(r, n, "store: PostgreSQL is not in this version, write sqlite:PATH");
	else
		complain(r, n, "store takes sqlite:PATH");
	json_decref(v);
	return NULL;
}

static json_t *read_path(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_auto_t *v = read_text(r, k, n);
	if (!v)
		return NULL;
	auto_free char *path = path_under(r->dir, json_string_value(v));
	return json_string(path);
}

static json_t *read_rules(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_t *v = read_path(r, k, n);
	if (!v || access(json_string_value(v), R_OK) == 0)
		return v;
	complain(r, n, "%s: there is no folder or file %s", k->name, json_string_value(v));
	json_decref(v);
	return NULL;
}

static json_t *read_actions(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_auto_t *v = read_text(r, k, n);
	if (!v)
		return NULL;
	auto_free char *path = path_data(r->dir, json_string_value(v));
	if (!path)
		complain(r, n, "%s: there is no folder %s", k->name, json_string_value(v));
	return path ? json_string(path) : NULL;
}

static json_t *read_host(struct reader *r, const struct key *k, const struct ynode *n)
{
	json_t *v = read_text(r, k, n);
	const char *text = json_string_value(v);
	if (!text || egress_is_entry(text))
		return v;
	complain(r, n,
		 "%s takes hosts such as example.com, *.example.com or example.com:8443, and "
		 "addresses such as 10.0.0.5 or 10.1.0.0/16",
		 k->name);
	json_decref(v);
	return NULL;
}

static json_t *read_zone(struct reader *r, const struct key *k, const struct ynode *n)
{
	static const char zones[] = "/usr/share/zoneinfo";
	json_t *v = read_text(r, k, n);
	const char *zone = json_string_value(v);
	if (!zone)
		return NULL;
	auto_free char *path = mem_printf("%s/%s", zones, zone);
	bool known = access(zones, R_OK) != 0 || access(path, R_OK) == 0;
	if (*zone && *zone != '/' && !strstr(zone, "..") && (known || strcmp(zone, "UTC") == 0))
		return v;
	complain(r, n, "there is no time zone %s: names are those such as Europe/Zurich", zone);
	json_decref(v);
	return NULL;
}

/* Whatever it is; secrets may stand anywhere in it. */
static json_t *read_any(struct reader *r, const struct ynode *n)
{
	json_t *v, *out;
	if (n->kind == Y_LIST) {
		out = json_array();
		for (size_t i = 0; i < n->n; i++)
			if ((v = read_any(r, n->items[i])))
				json_array_append_new(out, v);
		return out;
	}
	if (n->kind != Y_MAP)
		return n->tag ? read_tagged(r, n) : ynode_json(n);
	out = json_object();
	for (size_t i = 0; i < n->n; i++)
		if ((v = read_any(r, n->items[i])))
			json_object_set_new(out, n->keys[i]->text, v);
	return out;
}

/* ---- maps ---- */

static void unknown_key(struct reader *r, const struct key *keys, const struct ynode *key)
{
	const char *names[KEYS_MAX];
	size_t n = 0;
	for (; keys[n].name && n < KEYS_MAX; n++)
		names[n] = keys[n].name;
	const char *near = suggest(key->text, names, n);
	if (near)
		complain(r, key, "unknown key '%s', did you mean '%s'?", key->text, near);
	else
		complain(r, key, "unknown key '%s'", key->text);
}

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static json_t *read_map(struct reader *r, const struct key *keys, const char *name,
			const struct ynode *n)
{
	if (n->kind == Y_NULL && !n->tag)
		return json_object();
	if (n->kind != Y_MAP)
		return wants(r, name, "a map", n);
	json_t *out = json_object();
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *key = n->keys[i];
		const struct key *k = find_key(keys, key->text);
		if (!k && strncmp(key->text, "x-", 2) != 0)
			unknown_key(r, keys, key);
		json_t *v = k ? read_value(r, k, n->items[i]) : NULL;
		if (v)
			json_object_set_new(out, key->text, v);
	}
	return out;
}

static void keep_place(struct reader *r, const char *key, const char *name, const struct ynode *n)
{
	auto_free char *path = name ? mem_printf("%s/%s", key, name) : mem_strdup(key);
	struct place *p = mem_alloc(sizeof(*p));
	*p = (struct place){mem_strdup(r->file), n->line, n->col};
	struct place *old = map_put(&r->tree->places, path, p);
	if (old)
		free(old->file);
	free(old);
}

static json_t *read_named(struct reader *r, const struct key *k, const struct ynode *n)
{
	if (n->kind == Y_NULL && !n->tag)
		return json_object();
	if (n->kind != Y_MAP)
		return wants(r, k->name, "a map of names", n);
	json_t *out = json_object();
	for (size_t i = 0; i < n->n; i++) {
		json_t *v = read_map(r, k->keys, n->keys[i]->text, n->items[i]);
		keep_place(r, k->name, n->keys[i]->text, n->keys[i]);
		if (v)
			json_object_set_new(out, n->keys[i]->text, v);
	}
	return out;
}

static json_t *read_secret_map(struct reader *r, const struct key *k, const struct ynode *n)
{
	if (n->kind == Y_NULL && !n->tag)
		return json_object();
	if (n->kind != Y_MAP)
		return wants(r, k->name, "a map of names", n);
	json_t *out = json_object();
	for (size_t i = 0; i < n->n; i++) {
		const struct key one = {.name = n->keys[i]->text, .shape = S_SECRET};
		json_t *v = read_secret(r, &one, n->items[i]);
		if (v)
			json_object_set_new(out, one.name, v);
	}
	return out;
}

static json_t *read_verify(struct reader *r, const struct key *k, const struct ynode *n)
{
	if (is_text(n) && !n->tag && strcmp(n->text, "none") == 0)
		return json_string("none");
	if (n->kind != Y_MAP)
		return wants(r, k->name,
			     "none, {bearer: …}, {preset: NAME, secret: …} or {hmac: {…}}", n);
	return read_map(r, k->keys, k->name, n);
}

static json_t *read_value(struct reader *r, const struct key *k, const struct ynode *n)
{
	switch (k->shape) {
	case S_TEXT:
		return read_text(r, k, n);
	case S_WORD:
		return read_word(r, k, n);
	case S_SECRET:
		return read_secret(r, k, n);
	case S_SECRETS:
		return read_list(r, k, n, read_secret);
	case S_TEXTS:
		return read_list(r, k, n, read_text);
	case S_DURATION:
		return read_duration(r, k, n);
	case S_SIZE:
		return read_size(r, k, n);
	case S_BOOL:
		return read_bool(r, k, n);
	case S_URL:
		return read_url(r, k, n);
	case S_STORE:
		return read_store(r, k, n);
	case S_PATH:
		return read_path(r, k, n);
	case S_RULES:
		return read_list(r, k, n, read_rules);
	case S_ACTIONS:
		return read_list(r, k, n, read_actions);
	case S_HOSTS:
		return read_list(r, k, n, read_host);
	case S_ZONE:
		return read_zone(r, k, n);
	case S_MAP:
		return read_map(r, k->keys, k->name, n);
	case S_NAMED:
		return read_named(r, k, n);
	case S_VERIFY:
		return read_verify(r, k, n);
	case S_ANY_MAP:
		if (n->kind != Y_MAP && n->kind != Y_NULL)
			return wants(r, k->name, "a map", n);
		return n->kind == Y_NULL ? json_object() : read_any(r, n);
	case S_SECRET_MAP:
		return read_secret_map(r, k, n);
	case S_ANY:
		return read_any(r, n);
	case S_BUDGET:
		return is_text(n) ? json_string(n->text) : read_any(r, n);
	case S_LATER:
		warn(r, n, "%s has no effect in this version: %s", k->name, k->words);
		return NULL;
	case S_REFUSED:
	default:
		complain(r, n, "%s is not in this version", k->name);
		return NULL;
	}
}

/* ---- merging ---- */

/* What is one decision is replaced as a whole. */
static bool is_whole(const char *key)
{
	return strcmp(key, "auth") == 0 || strcmp(key, "verify") == 0 || strcmp(key, "id") == 0;
}

static void merge(json_t *into, json_t *from)
{
	const char *key;
	json_t *v;
	json_object_foreach (from, key, v) {
		json_t *old = json_object_get(into, key);
		if (json_is_object(old) && json_is_object(v) && !is_whole(key))
			merge(old, v);
		else
			json_object_set(into, key, v);
	}
}

static void read_root(struct reader *r, const struct ynode *root)
{
	size_t before = r->f->errors;
	json_auto_t *v = read_map(r, top_keys, "pawl.yaml", root);
	for (size_t i = 0; root->kind == Y_MAP && i < root->n; i++)
		keep_place(r, root->keys[i]->text, NULL, root->keys[i]);
	if (!r->tree->root)
		r->tree->root = json_object();
	if (v && r->f->errors == before)
		merge(r->tree->root, v);
}

void tree_add(struct tree *t, const char *file, const char *text, size_t len, bool lenient,
	      struct findings *f)
{
	struct yaml_error err;
	struct reader r = {.tree = t, .f = f, .file = file, .lenient = lenient};
	struct yaml_file *y = yaml_read(text, len, true, &err);
	if (!y) {
		findings_add(f, file, err.line, err.col, false, "%s", err.text);
		return;
	}
	r.dir = path_folder(file);
	if (yaml_count(y) > 1)
		complain(&r, yaml_doc(y, 1)->root, "one document only: take out the second ---");
	else if (yaml_count(y))
		read_root(&r, yaml_doc(y, 0)->root);
	if (!t->root)
		t->root = json_object();
	free(r.dir);
	yaml_file_free(y);
}

void tree_done(struct tree *t)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&t->places, &i));) {
		free(((struct place *)e->value)->file);
		free(e->value);
	}
	map_done(&t->places);
	json_decref(t->root);
	*t = (struct tree){0};
}

struct place tree_place(const struct tree *t, const char *key, const char *name)
{
	auto_free char *path = name ? mem_printf("%s/%s", key, name) : mem_strdup(key);
	const struct place *p = map_get(&t->places, path);
	if (!p && name)
		return tree_place(t, key, NULL);
	return p ? *p : (struct place){"pawl.yaml", 1, 1};
}
