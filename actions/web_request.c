/* The request of the step `http`: its words evaluated, recorded, and made bytes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "actions/secrets.h"
#include "actions/web.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/io/server.h"

#define BODY_MAX (16u << 20)
#define BOUNDARY_LEN 32

const char *web_method(const struct web_args *args)
{
	if (args->method)
		return args->method;
	return args->body || args->form || args->multipart ? "POST" : "GET";
}

enum effect web_effect(const struct web_args *args)
{
	static const struct {
		const char *method;
		enum effect effect;
	} usual[] = {{"GET", EFFECT_READ},
		     {"HEAD", EFFECT_READ},
		     {"OPTIONS", EFFECT_READ},
		     {"PUT", EFFECT_IDEMPOTENT},
		     {"DELETE", EFFECT_IDEMPOTENT}};
	static const enum effect all[] = {EFFECT_READ, EFFECT_IDEMPOTENT, EFFECT_KEYED,
					  EFFECT_ONCE};
	for (size_t i = 0; args->effect && i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(args->effect, effect_word(all[i])) == 0)
			return all[i];
	if (args->key_header)
		return EFFECT_KEYED;
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (strcmp(web_method(args), usual[i].method) == 0)
			return usual[i].effect;
	return EFFECT_ONCE;
}

/* ---- what is recorded ---- */

static bool take(struct act *a, struct web_state *st, const char *key, const struct tmpl *t)
{
	json_auto_t *v = NULL;
	if (!t)
		return true;
	if (!act_eval_secrets(a, t, &v))
		return false;
	if (v)
		json_object_set_new(st->params, key, secrets_record(v));
	return true;
}

static bool take_plain(struct act *a, struct web_state *st, const char *key, const struct tmpl *t)
{
	json_t *v = NULL;
	if (t && !act_eval(a, t, &v))
		return false;
	if (v)
		json_object_set_new(st->params, key, v);
	return true;
}

/* A word that must be of a kind is, or the step fails. */
static bool wants(struct act *a, struct web_state *st, const char *key, bool map)
{
	json_t *v = json_object_get(st->params, key);
	if (v && json_is_null(v))
		(void)json_object_del(st->params, key);
	else if (v && (map ? !json_is_object(v) : !json_is_string(v))) {
		(void)step_fail(a, ERR_INVALID, "http: %s must be %s, not %s", key,
				map ? "a map" : "text", json_type_word(v));
		return false;
	}
	return true;
}

static bool has_place(struct act *a, struct web_state *st)
{
	const char *url = json_str(st->params, "url"), *path = json_str(st->params, "path");
	if (!url && !path)
		(void)step_fail(a, ERR_INVALID, "http: the address is nil");
	else if (!url && *path != '/')
		(void)step_fail(a, ERR_INVALID, "http: path begins with /, and '%.60s' does not",
				path);
	else
		return true;
	return false;
}

bool web_params(struct act *a, struct web_state *st)
{
	const struct web_args *args = act_args(a);
	st->params = json_pack("{s:s}", "method", web_method(args));
	return take_plain(a, st, "connection", args->connection) && take(a, st, "url", args->url) &&
	       take(a, st, "path", args->path) && take(a, st, "query", args->query) &&
	       take(a, st, "headers", args->headers) && take(a, st, "body", args->body) &&
	       take(a, st, "form", args->form) && take(a, st, "multipart", args->multipart) &&
	       take_plain(a, st, "save", args->save) && wants(a, st, "connection", false) &&
	       wants(a, st, "url", false) && wants(a, st, "path", false) &&
	       wants(a, st, "query", true) && wants(a, st, "headers", true) &&
	       wants(a, st, "form", true) && wants(a, st, "multipart", true) &&
	       wants(a, st, "save", false) && has_place(a, st);
}

/* ---- bytes ---- */

/* Scalars as they are, the rest as JSON; malloc'd. */
static char *text_of(const json_t *v, size_t *len)
{
	char *text = json_is_string(v) ? mem_strndup(json_string_value(v), json_string_length(v))
				       : json_text(v);
	*len = json_is_string(v) ? json_string_length(v) : strlen(text);
	return text;
}

static void add_pair(struct buf *b, const char *name, const json_t *v, bool *first)
{
	size_t len;
	if (json_is_null(v))
		return;
	auto_free char *text = text_of(v, &len);
	if (!*first)
		(void)buf_putc(b, '&');
	*first = false;
	(void)url_encode(b, name, strlen(name), NULL);
	(void)buf_putc(b, '=');
	(void)url_encode(b, text, len, NULL);
}

/* A list repeats its name. */
static void add_pairs(struct buf *b, const json_t *map, bool first)
{
	const char *name;
	json_t *v, *element;
	size_t i;
	json_object_foreach ((json_t *)map, name, v) {
		if (!json_is_array(v))
			add_pair(b, name, v, &first);
		json_array_foreach (v, i, element)
			add_pair(b, name, element, &first);
	}
}

static int make_url(struct web_state *st, struct errmsg *msg)
{
	const char *url = json_str(st->clear, "url"), *path = json_str(st->clear, "path");
	const json_t *query = json_object_get(st->clear, "query");
	struct buf b = BUF_INIT;
	if (!url)
		(void)buf_puts(&b, st->conn ? st->conn->base_url : "");
	(void)buf_puts(&b, url ? url : path);
	bool fragment = strchr(buf_str(&b), '#') != NULL, asked = strchr(buf_str(&b), '?') != NULL;
	if (json_object_size(query)) {
		(void)buf_putc(&b, asked ? '&' : '?');
		add_pairs(&b, query, true);
	}
	free(st->text.url);
	st->text.url = buf_take(&b);
	return fragment ? err_set(msg, ERR_INVALID,
				  "http: an address that is asked has no #: what stands behind it "
				  "is never sent")
			: 0;
}

static void set_type(struct web_state *st, const char *type)
{
	json_decref(st->text.headers);
	st->text.headers = json_pack("{s:s}", "Content-Type", type);
}

static int keep(struct web_state *st, struct buf *b, const char *type, struct errmsg *msg)
{
	if (b->len > BODY_MAX) {
		buf_done(b);
		return err_set(msg, ERR_TOOBIG, "http: the body is larger than 16 MiB");
	}
	st->text.body_len = b->len;
	st->text.body = b->len ? buf_take(b) : mem_strdup("");
	set_type(st, type);
	return 0;
}

/* The file's bytes stand behind what is in b so far. */
static int add_file(struct act *a, struct web_state *st, const struct buf *b, const json_t *v,
		    struct errmsg *msg)
{
	const struct services *s = act_services(a);
	struct http_request_text *t = &st->text;
	struct file_in in;
	if (!s->files)
		return err_set(msg, ERR_INVALID, "http: there are no files here");
	int err = files_find(s->files, act_run_id(a), v, &in, msg);
	if (err || !in.size) {
		if (!err)
			file_in_done(&in);
		return err;
	}
	t->files = mem_realloc(t->files, (t->n_files + 1) * sizeof(*t->files));
	t->files[t->n_files++] = (struct request_file){.in = in, .to = in.size, .at = b->len};
	return 0;
}

static void add_quoted(struct buf *b, const char *text)
{
	(void)buf_putc(b, '"');
	for (; *text; text++)
		if (*text == '"' || *text == '\r' || *text == '\n')
			(void)buf_printf(b, "%%%02X", (unsigned char)*text);
		else
			(void)buf_putc(b, *text);
	(void)buf_putc(b, '"');
}

/* A type that can stand on a line. */
static const char *type_of(const json_t *file)
{
	const char *type = json_str(file, "type");
	for (const char *p = type; p && *p; p++)
		if (*p < ' ' || *p == 0x7f)
			return "application/octet-stream";
	return type && *type ? type : "application/octet-stream";
}

static int add_part(struct act *a, struct web_state *st, struct buf *b, const char *name,
		    const json_t *v, struct errmsg *msg)
{
	const char *boundary = json_str(st->clear, "boundary");
	int err = 0;
	if (json_is_null(v))
		return 0;
	(void)buf_printf(b, "--%s\r\nContent-Disposition: form-data; name=", boundary);
	add_quoted(b, name);
	if (files_is_value(v)) {
		const char *file = json_str(v, "name");
		(void)buf_puts(b, "; filename=");
		add_quoted(b, file ? file : name);
		(void)buf_printf(b, "\r\nContent-Type: %s\r\n\r\n", type_of(v));
		err = add_file(a, st, b, v, msg);
	} else {
		size_t len;
		auto_free char *text = text_of(v, &len);
		(void)buf_puts(b, "\r\n\r\n");
		(void)buf_add(b, text, len);
	}
	(void)buf_puts(b, "\r\n");
	return err;
}

/* The boundary is made of the effect, so that it is the same each time and nobody outside knows it. */
static int render_multipart(struct act *a, struct web_state *st, const json_t *map,
			    struct errmsg *msg)
{
	char hash[HASH_HEX_LEN];
	struct buf b = BUF_INIT;
	const char *name;
	json_t *v, *element;
	size_t i;
	int err = 0;
	auto_free char *text = json_text(map);
	auto_free char *all = mem_printf("%s %s", st->key, text);
	(void)sha256_hex(all, strlen(all), hash);
	hash[BOUNDARY_LEN] = 0;
	json_object_set_new(st->clear, "boundary", json_string(hash));
	json_object_foreach ((json_t *)map, name, v) {
		if (!json_is_array(v))
			err = err ? err : add_part(a, st, &b, name, v, msg);
		json_array_foreach (v, i, element)
			err = err ? err : add_part(a, st, &b, name, element, msg);
	}
	(void)buf_printf(&b, "--%s--\r\n", hash);
	if (err) {
		buf_done(&b);
		return err;
	}
	auto_free char *type = mem_printf("multipart/form-data; boundary=%s", hash);
	return keep(st, &b, type, msg);
}

static int render_body(struct act *a, struct web_state *st, struct errmsg *msg)
{
	const json_t *body = json_object_get(st->clear, "body"),
		     *form = json_object_get(st->clear, "form"),
		     *parts = json_object_get(st->clear, "multipart");
	struct buf b = BUF_INIT;
	if (parts)
		return render_multipart(a, st, parts, msg);
	if (form) {
		add_pairs(&b, form, true);
		return keep(st, &b, "application/x-www-form-urlencoded", msg);
	}
	if (!body)
		return 0;
	if (files_is_value(body)) {
		int err = add_file(a, st, &b, body, msg);
		return err ? err : keep(st, &b, type_of(body), msg);
	}
	size_t len;
	auto_free char *text = text_of(body, &len);
	(void)buf_add(&b, text, len);
	return keep(st, &b, json_is_string(body) ? "text/plain; charset=utf-8" : "application/json",
		    msg);
}

/* What comes from an expression must not end a header's line, nor be one that frames the message. */
static int check_headers(const struct web_state *st, struct errmsg *msg)
{
	const char *name;
	json_t *v;
	json_object_foreach (json_object_get(st->clear, "headers"), name, v) {
		size_t len;
		auto_free char *text = text_of(v, &len);
		if (!web_is_header(name))
			return err_set(msg, ERR_INVALID,
				       "http: '%.60s' is not a header for rules to set", name);
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)text[i] < ' ' ? text[i] != '\t' : text[i] == 0x7f)
				return err_set(msg, ERR_INVALID,
					       "http: the header %s holds a control character",
					       name);
	}
	return 0;
}

int web_render(struct act *a, struct web_state *st, struct errmsg *msg)
{
	const struct services *s = act_services(a);
	id_format(act_effect_id(a), st->key);
	request_done(&st->text);
	json_decref(st->clear);
	json_decref(st->used);
	st->clear = NULL;
	st->used = json_array();
	int err = secrets_fill(st->params, s->secrets, st->used, &st->clear, msg);
	err = err ? err : check_headers(st, msg);
	err = err ? err : make_url(st, msg);
	return err ? err : render_body(a, st, msg);
}

/* ---- headers ---- */

static bool is_said(const struct web_state *st, const char *name)
{
	const char *key;
	json_t *v;
	json_object_foreach (json_object_get(st->clear, "headers"), key, v)
		if (!json_is_null(v) && strcasecmp(key, name) == 0)
			return true;
	return false;
}

static void put(struct web_state *st, size_t *n, const char *name, const char *value)
{
	if (*n < WEB_HEADERS)
		st->headers[(*n)++] = (struct http_header){name, value};
}

size_t web_headers(struct act *a, struct web_state *st)
{
	const struct web_args *args = act_args(a);
	const char *name, *type = json_str(st->text.headers, "Content-Type");
	const char *authorization = st->conn ? pass_leave(&st->pass) : NULL;
	json_t *v;
	size_t n = 0, len;
	if (type && !is_said(st, "Content-Type"))
		put(st, &n, "Content-Type", type);
	if (args->key_header)
		put(st, &n, args->key_header, st->key);
	if (authorization && !is_said(st, "Authorization"))
		put(st, &n, "Authorization", authorization);
	json_object_foreach (json_object_get(st->clear, "headers"), name, v) {
		if (json_is_null(v))
			continue;
		auto_free char *text = text_of(v, &len);
		put(st, &n, name, arena_strdup(act_arena(a), text));
	}
	return n;
}
