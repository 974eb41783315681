/* What is wrong with an `http` step, before anything runs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "actions/target.h"
#include "actions/web.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
static const char *const effects[] = {"read", "idempotent", "keyed", "once"};
static const char *const fields[] = {"status", "headers", "body", "truncated"};

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static void check_word(struct plan_check *c, const struct step *s, const char *key,
		       const char *word, const char *const *list, size_t n)
{
	if (!word || is_one_of(word, list, n))
		return;
	const char *near = suggest(word, list, n);
	for (size_t i = 0; i < n; i++)
		near = strcasecmp(word, list[i]) == 0 ? list[i] : near;
	if (near)
		c->error(c, s->line, s->col, "http: there is no %s '%s', did you mean '%s'?", key,
			 word, near);
	else
		c->error(c, s->line, s->col, "http: there is no %s '%s'", key, word);
}

static const char *literal_text(const struct tmpl *t)
{
	return t && t->kind == TMPL_LITERAL ? json_string_value(t->literal) : NULL;
}

static void check_place(struct plan_check *c, const struct step *s, const struct web_args *args)
{
	const char *url = literal_text(args->url), *path = literal_text(args->path);
	const char *conn = literal_text(args->connection);
	if (!args->url == !args->path)
		c->error(c, s->line, s->col,
			 "http needs url:, the whole address, or connection: and path:");
	else if (args->path && !args->connection)
		c->error(c, args->path->line, args->path->col,
			 "http: path: stands behind a connection's base_url: say connection: too, "
			 "or url:");
	if (url && strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		c->error(c, args->url->line, args->url->col,
			 "http: url: begins with https:// or http://");
	if (path && *path != '/')
		c->error(c, args->path->line, args->path->col, "http: path: begins with /");
	if (conn && !target_knows_connection(conn))
		target_unknown_connection(c, conn, args->connection->line, args->connection->col);
}

static void check_bodies(struct plan_check *c, const struct step *s, const struct web_args *args)
{
	const char *method = web_method(args);
	int n = (args->body != NULL) + (args->form != NULL) + (args->multipart != NULL);
	if (n > 1)
		c->error(c, s->line, s->col,
			 "http: body:, form: and multipart: are three ways to say one thing: keep "
			 "one");
	if (n && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
		c->error(c, s->line, s->col,
			 "http: %s has no body: say values under query:, or method: POST", method);
}

static bool is_token(const char *name)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "!#$%&'*+-.^_`|~";
	return *name && strspn(name, token) == strlen(name);
}

bool web_is_header(const char *name)
{
	static const char *const own[] = {"host",       "content-length", "transfer-encoding",
					  "connection", "expect",         "te",
					  "upgrade"};
	for (size_t i = 0; i < COUNT(own); i++)
		if (strcasecmp(name, own[i]) == 0)
			return false;
	return is_token(name);
}

static void check_header(struct plan_check *c, const struct step *s, const char *name)
{
	if (!is_token(name))
		c->error(c, s->line, s->col, "http: '%s' cannot be a header's name", name);
	else if (!web_is_header(name))
		c->error(c, s->line, s->col, "http: the header %s is not for rules to set", name);
}

static void check_map(struct plan_check *c, const struct tmpl *t, const char *key)
{
	bool map = !t || t->kind == TMPL_MAP || t->kind == TMPL_EXPR ||
		   (t->kind == TMPL_LITERAL && json_is_object(t->literal));
	if (!map)
		c->error(c, t->line, t->col, "http: %s: takes a map of names and values", key);
}

static void check_headers(struct plan_check *c, const struct step *s, const struct web_args *args)
{
	const struct tmpl *t = args->headers;
	for (size_t i = 0; t && t->keys && i < t->n; i++)
		check_header(c, s, t->keys[i]);
	if (args->key_header)
		check_header(c, s, args->key_header);
	check_map(c, t, "headers");
	check_map(c, args->query, "query");
	check_map(c, args->form, "form");
	check_map(c, args->multipart, "multipart");
}

/* One status becomes a list of one. */
static void check_ok(struct plan_check *c, const struct web_args *args)
{
	size_t i;
	json_t *v;
	struct tmpl *t = args->ok;
	bool well = t && t->kind == TMPL_LITERAL;
	if (!t)
		return;
	if (well && json_is_integer(t->literal))
		t->literal = json_pack("[o]", t->literal);
	well = well && json_is_array(t->literal);
	json_array_foreach (well ? t->literal : NULL, i, v)
		well = well && json_is_integer(v) && json_integer_value(v) >= 100 &&
		       json_integer_value(v) <= 599;
	if (!well)
		c->error(c, t->line, t->col, "http: ok: takes a list of statuses such as [404]");
}

static void check_effect(struct plan_check *c, const struct step *s, const struct web_args *args)
{
	bool keyed = args->effect && strcmp(args->effect, "keyed") == 0;
	check_word(c, s, "effect", args->effect, effects, COUNT(effects));
	if (keyed && !args->key_header)
		c->error(c, s->line, s->col,
			 "http: effect: keyed needs key_header:, the header under which the key is "
			 "sent");
	else if (args->key_header && args->effect && !keyed)
		c->error(c, s->line, s->col, "http: key_header: makes it keyed: leave effect: out");
}

static int has_field(void *arg, const char *dotted, char *near, size_t max)
{
	(void)arg;
	char head[64];
	snprintf(head, sizeof(head), "%.*s", (int)strcspn(dotted, "."), dotted);
	if (is_one_of(head, fields, COUNT(fields)))
		return 1;
	const char *found = suggest(head, fields, COUNT(fields));
	if (max && found)
		snprintf(near, max, "%s", found);
	return 0;
}

void web_check(struct plan_check *c, struct step *s)
{
	const struct web_args *args = s->args;
	check_word(c, s, "method", args->method, methods, COUNT(methods));
	check_place(c, s, args);
	check_bodies(c, s, args);
	check_headers(c, s, args);
	check_ok(c, args);
	check_effect(c, s, args);
	if (c->gives)
		c->gives(c, s, has_field, NULL);
}

/* ---- of a script ---- */

struct first {
	struct plan_check check;
	struct errmsg *msg;
};

static void on_error(struct plan_check *c, int line, int col, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void on_error(struct plan_check *c, int line, int col, const char *fmt, ...)
{
	struct errmsg *msg = container_of(c, struct first, check)->msg;
	va_list ap;
	(void)line, (void)col;
	if (msg->code)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(msg->text, sizeof(msg->text), fmt, ap);
	va_end(ap);
	msg->code = ERR_INVALID;
}

int web_check_made(struct step *s, struct errmsg *msg)
{
	struct first f = {.check = {.error = on_error}, .msg = msg};
	*msg = (struct errmsg){0};
	web_check(&f.check, s);
	return msg->code;
}
