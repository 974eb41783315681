/* From the merged tree to the configuration. */
#include "engine/serve/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/seal.h"
#include "engine/base/timefmt.h"
#include "engine/rule/compile.h"
#include "engine/serve/handshake.h"
#include "engine/serve/pick.h"
#include "engine/serve/several.h"
#include "engine/serve/tree.h"

#define IDLE_MAX_MS (365LL * 24 * 3600 * 1000)
#define FILE_MAX (1 << 20)
#define LISTEN "127.0.0.1:8080"
#define STORE "sqlite:pawl.db"
#define DEDUPE_MS (72 * 3600 * 1000LL)
#define BODY_MAX (1 << 20)

struct builder {
	struct config *c;
	const struct tree *tree;
	const struct config_flags *flags;
	struct findings *f;
};

static void complain(struct builder *b, const char *key, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* What the command line says has its option as its place. */
static struct place place_of(const struct builder *b, const char *key, const char *name)
{
	if (b->flags->listen && strcmp(key, "listen") == 0)
		return (struct place){"--listen", 0, 0};
	if (b->flags->store && strcmp(key, "store") == 0)
		return (struct place){"--store", 0, 0};
	return tree_place(b->tree, key, name);
}

/* A mistake that only the whole shows, told at the key or the entry that it is about. */
static void complain(struct builder *b, const char *key, const char *name, const char *fmt, ...)
{
	struct place p = place_of(b, key, name);
	va_list ap;
	va_start(ap, fmt);
	findings_addv(b->f, p.file, p.line, p.col, false, fmt, ap);
	va_end(ap);
}

static char *dup_str(const json_t *obj, const char *key, const char *def)
{
	const char *s = json_str(obj, key);
	return s ? mem_strdup(s) : def ? mem_strdup(def) : NULL;
}

static char **dup_list(const json_t *list, size_t *ret_n)
{
	size_t n = json_array_size(list), i;
	json_t *v;
	char **out = mem_alloc((n + 1) * sizeof(*out));
	json_array_foreach (list, i, v)
		out[i] = mem_strdup(json_string_value(v));
	*ret_n = n;
	return out;
}

static json_t *dup_map(const json_t *root, const char *key)
{
	json_t *v = json_object_get(root, key);
	return v ? json_incref(v) : json_object();
}

/* ---- the listener ---- */

static bool is_loopback(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : strlen(listen);
	if (len == 9 && strncmp(listen, "localhost", 9) == 0)
		return true;
	if (len == 5 && strncmp(listen, "[::1]", 5) == 0)
		return true;
	return strncmp(listen, "127.", 4) == 0 && strspn(listen, "0123456789.") == len;
}

/* The form only; whether the address is this machine's is seen when it is bound. */
static void read_listen(struct builder *b, const json_t *root)
{
	const char *said = b->flags->listen ? b->flags->listen : json_str(root, "listen");
	const char *listen = said ? said : LISTEN, *colon = strrchr(listen, ':');
	char *end = NULL;
	long port = colon ? strtol(colon + 1, &end, 10) : -1;
	bool formed = colon && colon != listen && isdigit((unsigned char)colon[1]) && !*end &&
		      port <= 65535;
	if (!formed)
		complain(b, "listen", NULL,
			 "listen takes address:port such as 127.0.0.1:8080, not %s", listen);
	b->c->listen = mem_strdup(listen);
	b->c->loopback = is_loopback(listen);
	if (formed && !b->c->loopback && !b->c->admin_token && !b->flags->lenient)
		complain(b, "listen", NULL,
			 "listening on %s, beyond this machine, needs admin: {token: !env …}",
			 listen);
}

static void read_admin(struct builder *b, const json_t *root)
{
	const char *token = json_str(json_object_get(root, "admin"), "token");
	if (token && (!*token || token[strcspn(token, " \t\r\n")]))
		complain(b, "admin", NULL, "the admin token is %s",
			 *token ? "no single word" : "empty");
	else
		b->c->admin_token = token ? mem_strdup(token) : NULL;
}

/* A token tells who it is: each has its own. */
static bool is_taken(const struct config *c, const char *token)
{
	const char *name;
	json_t *v;
	json_object_foreach (c->people, name, v)
		if (strcmp(json_string_value(v), token) == 0)
			return true;
	return c->admin_token && strcmp(c->admin_token, token) == 0;
}

static void read_people(struct builder *b, const json_t *root)
{
	const char *name;
	json_t *v;
	b->c->people = json_object();
	json_object_foreach (json_object_get(root, "people"), name, v) {
		const char *token = json_str(v, "token");
		if (!token && b->flags->lenient)
			token = "";
		if (!token || (*token && token[strcspn(token, " \t\r\n")]) ||
		    (!*token && !b->flags->lenient))
			complain(b, "people", name, "%s needs token: !env NAME, a single word",
				 name);
		else if (*token && is_taken(b->c, token))
			complain(b, "people", name, "the token of %s is also somebody else's",
				 name);
		else
			json_object_set_new(b->c->people, name, json_string(token));
	}
}

static void read_seal_key(struct builder *b, const json_t *root)
{
	struct errmsg msg;
	struct seal_key key;
	b->c->seal_key = dup_str(root, "seal_key", NULL);
	if (b->c->seal_key && seal_key_text(b->c->seal_key, &key, &msg) != 0)
		complain(b, "seal_key", NULL, "seal_key: %s", msg.text);
	seal_key_done(&key);
}

static void read_store(struct builder *b, const json_t *root)
{
	const char *flag = b->flags->store;
	if (flag && (strncmp(flag, "sqlite:", 7) != 0 || !flag[7]))
		complain(b, "store", NULL, "--store takes sqlite:PATH, not %s", flag);
	if (flag)
		b->c->store = mem_strdup(flag);
	else
		b->c->store = dup_str(root, "store", STORE);
}

/* ---- folders ---- */

static void read_rules(struct builder *b, const json_t *root)
{
	const json_t *list = json_object_get(root, "rules");
	const struct config_flags *flags = b->flags;
	if (flags->n_rules) {
		b->c->rules = mem_alloc((flags->n_rules + 1) * sizeof(char *));
		for (size_t i = 0; i < flags->n_rules; i++)
			b->c->rules[b->c->n_rules++] = mem_strdup(flags->rules[i]);
		return;
	}
	b->c->rules = dup_list(list, &b->c->n_rules);
	if (list)
		return;
	free(b->c->rules);
	b->c->rules = mem_alloc(2 * sizeof(char *));
	char *path = path_under(b->c->dir, "rules");
	if (access(path, R_OK) == 0)
		b->c->rules[b->c->n_rules++] = path;
	else
		free(path);
}

static void read_folders(struct builder *b, const json_t *root)
{
	const json_t *actions = json_object_get(root, "actions");
	read_rules(b, root);
	b->c->scripts = dup_str(root, "scripts", NULL);
	if (!b->c->scripts)
		b->c->scripts = path_under(b->c->dir, "scripts");
	b->c->actions = dup_list(actions, &b->c->n_actions);
	b->c->sandbox_scripts = path_data(b->c->dir, "scripts/sandbox");
	b->c->adapters = path_data(b->c->dir, "scripts/adapters/main.lua");
	if (b->c->adapters)
		*strrchr(b->c->adapters, '/') = '\0';
	if (actions)
		return;
	free(b->c->actions);
	b->c->actions = mem_alloc(2 * sizeof(char *));
	char *path = path_data(b->c->dir, "actions");
	if (path)
		b->c->actions[b->c->n_actions++] = path;
}

/* ---- hooks and conversations ---- */

/* A path of plain words, so that it cannot be written in two ways. */
static bool is_hook_path(const char *path)
{
	size_t len = strlen(path);
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
	return len && len <= 200 && strspn(path, plain) == len && *path != '/' &&
	       path[len - 1] != '/' && !strstr(path, "//") && !strstr(path, "..");
}

static struct verify *read_verify(struct builder *b, const char *key, const char *name,
				  const json_t *conf)
{
	struct errmsg msg;
	const json_t *verify = json_object_get(conf, "verify");
	if (!verify) {
		complain(b, key, name,
			 "%s must say who may send: verify: {bearer: !env …}, "
			 "{preset: NAME, secret: !env …}, {hmac: {…}} or none",
			 name);
		return NULL;
	}
	struct verify *v = verify_new(verify, &msg);
	if (!v && !b->flags->lenient)
		complain(b, key, name, "verify: %s", msg.text);
	return v;
}

static void read_methods(struct builder *b, struct config_hook *h, const json_t *methods)
{
	size_t i;
	json_t *v;
	json_array_foreach ((json_t *)methods, i, v) {
		const char *method = json_string_value(v);
		if (strcmp(method, "POST") == 0)
			h->post = true;
		else if (strcmp(method, "GET") == 0)
			h->get = true;
		else
			complain(b, "hooks", h->path, "methods are POST and GET, not %s", method);
	}
	if (!json_array_size(methods))
		h->post = true;
}

static json_t *read_pick(struct builder *b, const struct config_hook *h, const char *key,
			 const json_t *v)
{
	struct errmsg msg;
	json_t *pick = v ? json_clone(v) : NULL;
	if (!pick || pick_check(pick, &msg) == 0)
		return pick;
	complain(b, "hooks", h->path, "%s: %s", key, msg.text);
	json_decref(pick);
	return NULL;
}

static void read_answer(struct builder *b, struct config_hook *h, const json_t *conf)
{
	const json_t *v = json_object_get(conf, "answer");
	json_int_t status = json_int(v, "status", 202);
	const char *type = json_str(v, "type");
	if (v && (status < 200 || status > 299))
		complain(b, "hooks", h->path, "answer: status is from 200 to 299");
	if (type && type[strcspn(type, "\r\n")])
		complain(b, "hooks", h->path, "answer: type is a media type");
	h->answer = json_incref((json_t *)v);
}

/* The hook's own keys, else those of its preset. */
static const json_t *key_of(const json_t *conf, const json_t *preset, const char *key)
{
	const json_t *own = json_object_get(conf, key);
	return own ? own : json_object_get(preset, key);
}

static void read_parts(struct builder *b, struct config_hook *h, const json_t *conf)
{
	const json_t *preset = verify_preset(json_object_get(conf, "verify"));
	const char *split = json_string_value(key_of(conf, preset, "split"));
	const json_t *challenge = key_of(conf, preset, "challenge");
	struct errmsg msg;
	read_methods(b, h, key_of(conf, preset, "methods"));
	h->id = read_pick(b, h, "id", key_of(conf, preset, "id"));
	h->kind = read_pick(b, h, "type", key_of(conf, preset, "type"));
	if (split && several_check(split, &msg) != 0)
		complain(b, "hooks", h->path, "%s", msg.text);
	if (challenge && handshake_check(challenge, &msg) != 0)
		complain(b, "hooks", h->path, "%s", msg.text);
	h->split = split ? mem_strdup(split) : NULL;
	h->challenge = json_incref((json_t *)challenge);
	read_answer(b, h, conf);
}

static void read_hook(struct builder *b, struct config_hook *h, const char *path,
		      const json_t *conf)
{
	*h = (struct config_hook){
		.path = mem_strdup(path),
		.type = mem_printf("webhook:%s", path),
		.source = mem_printf("/hooks/%s", path),
		.dedupe_ms = json_int(conf, "dedupe", DEDUPE_MS),
		.body_max = (size_t)json_int(conf, "max_body", BODY_MAX),
	};
	if (!is_hook_path(path))
		complain(b, "hooks", path, "a hook's path has letters, digits and - _ . / only: %s",
			 path);
	h->verify = read_verify(b, "hooks", path, conf);
	if (h->verify && verify_wants_url(h->verify) && !b->c->public_url)
		complain(b, "hooks", path,
			 "%s signs the address: public_url must say which one senders know",
			 verify_word(h->verify));
	read_parts(b, h, conf);
}

static void read_hooks(struct builder *b, const json_t *root)
{
	json_t *hooks = json_object_get(root, "hooks"), *conf;
	const char *path;
	b->c->hooks = mem_alloc((json_object_size(hooks) + 1) * sizeof(*b->c->hooks));
	json_object_foreach (hooks, path, conf)
		read_hook(b, &b->c->hooks[b->c->n_hooks++], path, conf);
}

static void read_idle(struct builder *b, const char *platform, const char *text, int64_t *ret)
{
	struct errmsg msg;
	if (text && (duration_parse(text, ret, &msg) != 0 || *ret < 1000 || *ret > IDLE_MAX_MS))
		complain(b, "conversations", platform,
			 "idle_end of %s takes a duration from 1s to 365d such as 30m, not %s",
			 platform, text);
}

static void read_conversations(struct builder *b, const json_t *root)
{
	json_t *all = json_object_get(root, "conversations"), *conf;
	const char *platform;
	b->c->conversations = mem_alloc((json_object_size(all) + 1) * sizeof(*b->c->conversations));
	json_object_foreach (all, platform, conf) {
		struct config_conversation *v = &b->c->conversations[b->c->n_conversations++];
		*v = (struct config_conversation){
			.platform = mem_strdup(platform),
			.reply = json_incref(json_object_get(conf, "reply"))};
		if (json_object_get(conf, "verify"))
			v->verify = read_verify(b, "conversations", platform, conf);
		if (v->verify && verify_wants_url(v->verify) && !b->c->public_url)
			complain(b, "conversations", platform,
				 "%s signs the address: public_url must say which one senders know",
				 verify_word(v->verify));
		read_idle(b, platform, json_str(conf, "idle_end"), &v->idle_ms);
		const json_t *preset = verify_preset(json_object_get(conf, "verify"));
		v->challenge = json_incref(json_object_get(preset, "challenge"));
		if (v->reply && !json_str(v->reply, "url"))
			complain(b, "conversations", platform, "the reply of %s needs a url",
				 platform);
	}
}

/* ---- the rest ---- */

static void drop_without(json_t *auth, const char *kind, const char *key)
{
	const json_t *conf = json_object_get(auth, kind);
	if (conf && !json_str(conf, key))
		(void)json_object_del(auth, kind);
}

/* Connections are judged with the catalogue, later: here is where each of them stands. */
static json_t *places_of(const struct builder *b)
{
	const char *name;
	json_t *conf, *places = json_object();
	json_object_foreach (b->c->connections, name, conf) {
		struct place p = tree_place(b->tree, "connections", name);
		json_object_set_new(places, name, json_sprintf("%s:%d:%d", p.file, p.line, p.col));
	}
	return places;
}

/* Left out secrets must not read as an auth that is wrong. */
static void drop_empty_auth(json_t *connections)
{
	const char *name;
	json_t *conf;
	json_object_foreach (connections, name, conf) {
		json_t *auth = json_object_get(conf, "auth");
		drop_without(auth, "oauth2", "client_id");
		drop_without(auth, "partner", "client_id");
		drop_without(auth, "partner", "client_secret");
		drop_without(auth, "partner", "api_key");
		if (json_object_size(auth) == 0)
			(void)json_object_del(conf, "auth");
	}
}

static void read_log(struct builder *b, const json_t *root)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	const json_t *log = json_object_get(root, "log");
	const char *level = json_str(log, "level"), *format = json_str(log, "format");
	b->c->log.level = LOG_INFO;
	for (size_t i = 0; level && i < sizeof(levels) / sizeof(*levels); i++)
		if (strcmp(levels[i], level) == 0)
			b->c->log.level = (enum log_level)i;
	b->c->log.json = format && strcmp(format, "json") == 0;
}

static void read_all(struct builder *b, const json_t *root)
{
	struct config *c = b->c;
	read_admin(b, root);
	read_people(b, root);
	read_listen(b, root);
	read_store(b, root);
	read_folders(b, root);
	c->public_url = dup_str(root, "public_url", NULL);
	read_hooks(b, root);
	read_conversations(b, root);
	read_log(b, root);
	read_seal_key(b, root);
	c->zone = dup_str(root, "zone", NULL);
	c->vars = dup_map(root, "vars");
	c->secrets = dup_map(root, "secrets");
	c->egress = dup_map(root, "egress");
	c->connections = dup_map(root, "connections");
	c->places = places_of(b);
	c->sandbox = b->flags->sandbox;
	if (b->flags->lenient)
		drop_empty_auth(c->connections);
}

static struct config *build(struct tree *t, const char *first, const struct config_flags *flags,
			    struct findings *f)
{
	static const struct config_flags none;
	struct config *c = NULL;
	if (!t->root)
		t->root = json_object();
	if (!f->errors) {
		c = mem_alloc(sizeof(*c));
		c->dir = path_folder(first ? first : "pawl.yaml");
		struct builder b = {c, t, flags ? flags : &none, f};
		read_all(&b, t->root);
	}
	if (f->errors) {
		config_free(c);
		c = NULL;
	}
	tree_done(t);
	return c;
}

static void add_file(struct tree *t, const char *file, bool lenient, struct findings *f)
{
	struct errmsg msg;
	char *text;
	size_t len;
	if (file_read(file, FILE_MAX, &text, &len, &msg) != 0) {
		findings_add(f, file, 1, 1, false, "%s", msg.text);
		return;
	}
	tree_add(t, file, text, len, lenient, f);
	free(text);
}

struct config *config_load(const char *const *files, size_t n, const struct config_flags *flags,
			   struct findings *f)
{
	static const char *const usual[] = {"pawl.yaml"};
	struct tree t = {0};
	if (!n && access(usual[0], F_OK) == 0) {
		files = usual;
		n = 1;
	}
	for (size_t i = 0; i < n; i++)
		add_file(&t, files[i], flags && flags->lenient, f);
	return build(&t, n ? files[0] : NULL, flags, f);
}

struct config *config_load_text(const char *file, const char *text, size_t len,
				const struct config_flags *flags, struct findings *f)
{
	struct tree t = {0};
	tree_add(&t, file, text, len, flags && flags->lenient, f);
	return build(&t, file, flags, f);
}

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void free_hook(struct config_hook *h)
{
	free(h->path);
	free(h->type);
	free(h->source);
	json_decref(h->id);
	json_decref(h->kind);
	json_decref(h->challenge);
	json_decref(h->answer);
	free(h->split);
	verify_free(h->verify);
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_hooks; i++)
		free_hook(&c->hooks[i]);
	for (size_t i = 0; i < c->n_conversations; i++) {
		free(c->conversations[i].platform);
		verify_free(c->conversations[i].verify);
		json_decref(c->conversations[i].reply);
		json_decref(c->conversations[i].challenge);
	}
	free(c->hooks);
	free(c->conversations);
	free_list(c->rules, c->n_rules);
	free_list(c->actions, c->n_actions);
	json_decref(c->vars);
	json_decref(c->secrets);
	json_decref(c->egress);
	json_decref(c->people);
	json_decref(c->connections);
	json_decref(c->places);
	free_secret(c->admin_token);
	free_secret(c->seal_key);
	free(c->dir);
	free(c->listen);
	free(c->public_url);
	free(c->store);
	free(c->scripts);
	free(c->sandbox_scripts);
	free(c->adapters);
	free(c->zone);
	free(c);
}

char *config_key_file(const struct config *c)
{
	const char *path = strchr(c->store, ':');
	return mem_printf("%s.key", path ? path + 1 : c->store);
}

const struct config_hook *config_hook(const struct config *c, const char *path)
{
	for (size_t i = 0; i < c->n_hooks; i++)
		if (strcmp(c->hooks[i].path, path) == 0)
			return &c->hooks[i];
	return NULL;
}

const struct config_conversation *config_conversation(const struct config *c, const char *platform)
{
	for (size_t i = 0; i < c->n_conversations; i++)
		if (strcmp(c->conversations[i].platform, platform) == 0)
			return &c->conversations[i];
	return NULL;
}
