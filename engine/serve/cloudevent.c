/* CloudEvents 1.0. */
#include "engine/serve/cloudevent.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/serve/media.h"

#define TEXT_MAX 1024
#define DEDUPE_MS (72 * 3600 * 1000LL)
#define EXTENSIONS_MAX 32

/* The attributes that an event has, wherever they stood. */
struct attributes {
	const char *specversion, *id, *source, *type, *subject, *time;
	json_t *extensions; /* an object or NULL */
};

static int check_text(const char *name, const char *text, bool required, struct errmsg *msg)
{
	if (!text)
		return required ? err_set(msg, ERR_INVALID, "%s is missing, or no text", name) : 0;
	if (!*text)
		return err_set(msg, ERR_INVALID, "%s is empty", name);
	if (strlen(text) > TEXT_MAX)
		return err_set(msg, ERR_INVALID, "%s is longer than %d bytes", name, TEXT_MAX);
	return 0;
}

static int check_attributes(const struct attributes *a, int64_t *time, struct errmsg *msg)
{
	const struct {
		const char *name, *text;
		bool required;
	} rows[] = {
		{"specversion", a->specversion, true}, {"id", a->id, true},
		{"source", a->source, true},           {"type", a->type, true},
		{"subject", a->subject, false},        {"time", a->time, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int err = check_text(rows[i].name, rows[i].text, rows[i].required, msg);
		if (err)
			return err;
	}
	if (strcmp(a->specversion, "1.0") != 0)
		return err_set(msg, ERR_INVALID, "specversion must be 1.0");
	if (a->time && time_parse(a->time, time, msg) != 0) {
		err_wrap(msg, "time");
		return ERR_INVALID;
	}
	return 0;
}

/* ---- extensions ---- */

/* Lower-case letters and digits, and no word that the envelope uses itself. */
static bool is_extension(const char *name)
{
	static const char *const own[] = {
		"specversion",     "id",         "source", "type",    "subject", "time",
		"datacontenttype", "dataschema", "data",   "headers", "query",   "path",
		"trigger",         "change",     "depth"};
	size_t len = strlen(name);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strcmp(own[i], name) == 0)
			return false;
	return len && len <= 40 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") == len;
}

static void keep_extension(struct attributes *a, const char *name, json_t *value_taken)
{
	if (!a->extensions)
		a->extensions = json_object();
	if (json_object_size(a->extensions) < EXTENSIONS_MAX)
		json_object_set_new(a->extensions, name, value_taken);
	else
		json_decref(value_taken);
}

/* ---- making the event ---- */

/* data: taken. body: its text. */
static struct event *make(const struct attributes *a, struct id id, int64_t time, int64_t now,
			  json_t *data, const char *body, size_t len)
{
	struct event *e =
		event_new(id, a->type, a->source, a->subject, a->id, time, now, data, body, len);
	if (a->extensions)
		e->extra = json_text(a->extensions);
	event_dedupe_by_id(e, DEDUPE_MS);
	return e;
}

static int known_member(struct attributes *a, const char *name, const json_t *v, struct errmsg *msg)
{
	const struct {
		const char *name;
		const char **to;
	} rows[] = {
		{"specversion", &a->specversion}, {"id", &a->id},
		{"source", &a->source},           {"type", &a->type},
		{"subject", &a->subject},         {"time", &a->time},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		*rows[i].to = json_string_value(v);
		if (!*rows[i].to && !json_is_null(v))
			return err_set(msg, ERR_INVALID, "%s must be text, not %s", name,
				       json_type_word(v));
	}
	return 0;
}

static int read_members(struct attributes *a, const json_t *v, struct errmsg *msg)
{
	const char *name;
	json_t *one;
	json_object_foreach ((json_t *)v, name, one) {
		int err = known_member(a, name, one, msg);
		if (err)
			return err;
		if (is_extension(name) &&
		    (json_is_string(one) || json_is_integer(one) || json_is_boolean(one)))
			keep_extension(a, name, json_incref(one));
	}
	return 0;
}

/* `data`, or what stands in its place for bytes. A new reference; NULL: none. */
static json_t *data_of(const json_t *v)
{
	json_t *bytes = json_object_get(v, "data_base64");
	if (json_is_string(bytes))
		return json_pack("{s:O}", "base64", bytes);
	return json_incref(json_object_get(v, "data"));
}

struct event *cloudevent_read(const json_t *v, struct id id, int64_t now_ms, struct errmsg *msg)
{
	struct attributes a = {0};
	struct event *e = NULL;
	int64_t time = now_ms;
	if (!json_is_object(v)) {
		(void)err_set(msg, ERR_INVALID, "an event must be an object, not %s",
			      json_type_word(v));
		return NULL;
	}
	if (read_members(&a, v, msg) == 0 && check_attributes(&a, &time, msg) == 0) {
		json_t *data = data_of(v);
		auto_free char *body = data ? json_text(data) : NULL;
		e = make(&a, id, time, now_ms, data, body, body ? strlen(body) : 0);
	}
	json_decref(a.extensions);
	return e;
}

/* ---- in headers ---- */

bool cloudevent_is_binary(const struct server_req *r)
{
	return server_req_header(r, "ce-specversion", NULL) != NULL;
}

/* A value is percent-encoded UTF-8. malloc'd into *ret. */
static int read_header(const struct server_req *r, const char *name, char **ret, struct errmsg *msg)
{
	size_t count;
	const char *value = server_req_header(r, name, &count);
	*ret = NULL;
	if (!value)
		return 0;
	*ret = url_decode(value, strlen(value), false);
	json_t *text = *ret ? json_string(*ret) : NULL;
	bool ok = text && count == 1;
	json_decref(text);
	return ok ? 0 : err_set(msg, ERR_INVALID, "the header %s came twice or is malformed", name);
}

static void read_extensions(struct attributes *a, const struct server_req *r)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		const char *name = r->headers[i].name;
		if (strncmp(name, "ce-", 3) != 0 || !is_extension(name + 3))
			continue;
		json_t *v = json_string(r->headers[i].value);
		if (v)
			keep_extension(a, name + 3, v);
	}
}

static int binary_data(const struct server_req *r, struct media *m, struct errmsg *msg)
{
	*m = (struct media){.text = ""};
	return r->body_len ? media_read(r, m, msg) : 0;
}

struct event *cloudevent_binary(const struct server_req *r, struct id id, int64_t now_ms,
				struct errmsg *msg)
{
	static const char *const names[] = {"ce-specversion", "ce-id",      "ce-source",
					    "ce-type",        "ce-subject", "ce-time"};
	char *texts[6] = {0};
	struct event *e = NULL;
	struct media m = {0};
	int64_t time = now_ms;
	int err = 0;
	for (size_t i = 0; !err && i < 6; i++)
		err = read_header(r, names[i], &texts[i], msg);
	struct attributes a = {texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], NULL};
	if (!err && check_attributes(&a, &time, msg) == 0 && binary_data(r, &m, msg) == 0) {
		read_extensions(&a, r);
		e = make(&a, id, time, now_ms, json_incref(m.data), m.text, m.len);
	}
	json_decref(a.extensions);
	media_done(&m);
	for (size_t i = 0; i < 6; i++)
		free(texts[i]);
	return e;
}

int cloudevent_check_free(const struct event *e, struct errmsg *msg)
{
	static const char *const sources[] = {"/conversations/", "/hooks/", "/rules/", "/runs/",
					      "/pawl/"};
	static const char *const types[] = {"webhook:", "run.", "poll:"};
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (strncmp(e->source, sources[i], strlen(sources[i])) == 0)
			return err_set(msg, ERR_INVALID,
				       "sources that begin with %s are not for events "
				       "from outside",
				       sources[i]);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strncmp(e->type, types[i], strlen(types[i])) == 0)
			return err_set(msg, ERR_INVALID,
				       "types that begin with %s are not for events "
				       "from outside",
				       types[i]);
	if (strcmp(e->type, "schedule") == 0)
		return err_set(msg, ERR_INVALID,
			       "the type schedule is not for events from outside");
	return 0;
}
