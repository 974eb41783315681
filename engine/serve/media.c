/* Bodies of requests. */
#include "engine/serve/media.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

#define FIELDS_MAX 1000

/* ---- types ---- */

static size_t type_len(const char *type)
{
	size_t len = strcspn(type, ";");
	while (len && (type[len - 1] == ' ' || type[len - 1] == '\t'))
		len--;
	return len;
}

static bool is_type(const char *type, const char *want)
{
	size_t len = type_len(type);
	return len == strlen(want) && strncasecmp(type, want, len) == 0;
}

static bool ends_with(const char *type, const char *end)
{
	size_t len = type_len(type), n = strlen(end);
	return len > n && strncasecmp(type + len - n, end, n) == 0;
}

bool media_is(const struct server_req *r, const char *type)
{
	const char *own = server_req_header(r, "content-type", NULL);
	return own && is_type(own, type);
}

enum kind { KIND_JSON, KIND_FORM, KIND_TEXT, KIND_OTHER };

static enum kind kind_of(const char *type, const char *body)
{
	if (!type)
		return *body == '{' || *body == '[' ? KIND_JSON : KIND_TEXT;
	if (is_type(type, "application/json") || ends_with(type, "+json"))
		return KIND_JSON;
	if (is_type(type, "application/x-www-form-urlencoded"))
		return KIND_FORM;
	if (strncasecmp(type, "text/", 5) == 0 || is_type(type, "application/xml") ||
	    ends_with(type, "+xml"))
		return KIND_TEXT;
	return KIND_OTHER;
}

/* ---- forms ---- */

/* A name that came before becomes a list. */
static void add_field(json_t *form, const char *name, json_t *value)
{
	json_t *old = json_object_get(form, name);
	if (!old) {
		json_object_set_new(form, name, value);
	} else if (json_is_array(old)) {
		json_array_append_new(old, value);
	} else {
		json_t *list = json_pack("[O, o]", old, value);
		json_object_set_new(form, name, list);
	}
}

static bool read_field(json_t *form, const char *text, size_t len)
{
	const char *eq = memchr(text, '=', len);
	size_t name_len = eq ? (size_t)(eq - text) : len;
	auto_free char *name = url_decode(text, name_len, true);
	auto_free char *value = url_decode(eq ? eq + 1 : "", eq ? len - name_len - 1 : 0, true);
	json_t *v = name && value ? json_string(value) : NULL;
	json_t *checked = name ? json_string(name) : NULL; /* UTF-8, as keys have to be */
	bool ok = v && checked;
	json_decref(checked);
	if (ok)
		add_field(form, name, v);
	else
		json_decref(v);
	return ok;
}

json_t *media_form(const char *text, size_t len)
{
	json_t *form = json_object();
	for (size_t at = 0, n = 0; at < len; n++) {
		const char *amp = memchr(text + at, '&', len - at);
		size_t part = amp ? (size_t)(amp - text) - at : len - at;
		if (n == FIELDS_MAX || (part && !read_field(form, text + at, part))) {
			json_decref(form);
			return NULL;
		}
		at += part + 1;
	}
	return form;
}

/* ---- the body ---- */

static int keep_own(struct media *out)
{
	out->own = json_text(out->data);
	out->text = out->own;
	out->len = strlen(out->own);
	return 0;
}

static int read_json(const struct server_req *r, struct media *out, struct errmsg *msg)
{
	int err = json_parse(r->body, r->body_len, false, &out->data, msg);
	if (err)
		return err_wrap(msg, "the body is no JSON");
	out->text = r->body;
	out->len = r->body_len;
	return 0;
}

static int read_form(const struct server_req *r, struct media *out, struct errmsg *msg)
{
	out->data = media_form(r->body, r->body_len);
	if (!out->data)
		return err_set(msg, ERR_PARSE,
			       "the form is malformed, no UTF-8, or has over %d fields",
			       FIELDS_MAX);
	return keep_own(out);
}

static int read_plain(const struct server_req *r, struct media *out, struct errmsg *msg)
{
	json_t *text = memchr(r->body, 0, r->body_len) ? NULL : json_stringn(r->body, r->body_len);
	if (!text)
		return err_set(msg, ERR_PARSE, "the text is no UTF-8");
	out->data = json_pack("{s:o}", "text", text);
	return keep_own(out);
}

int media_read(const struct server_req *r, struct media *out, struct errmsg *msg)
{
	const char *encoding = server_req_header(r, "content-encoding", NULL);
	const char *type = server_req_header(r, "content-type", NULL);
	*out = (struct media){0};
	if (encoding && strcasecmp(encoding, "identity") != 0)
		return err_set(msg, ERR_REJECTED, "send the body without Content-Encoding");
	switch (kind_of(type, r->body)) {
	case KIND_JSON:
		return read_json(r, out, msg);
	case KIND_FORM:
		return read_form(r, out, msg);
	case KIND_TEXT:
		return read_plain(r, out, msg);
	case KIND_OTHER:
	default:
		return err_set(msg, ERR_REJECTED,
			       "a body must be JSON, an URL-encoded form or text in this version");
	}
}

void media_done(struct media *m)
{
	json_decref(m->data);
	free(m->own);
	*m = (struct media){0};
}

/* ---- JSON pointers ---- */

/* One reference token, ~1 and ~0 undone. */
static char *token(const char *at, size_t len)
{
	char *out = mem_strndup(at, len), *to = out;
	for (char *p = out; *p; p++) {
		if (*p == '~' && (p[1] == '0' || p[1] == '1'))
			*to++ = *++p == '0' ? '~' : '/';
		else
			*to++ = *p;
	}
	*to = 0;
	return out;
}

static const json_t *element(const json_t *list, const char *name)
{
	char *end;
	unsigned long i = strtoul(name, &end, 10);
	bool plain = *name >= '0' && *name <= '9' && !*end && (*name != '0' || !name[1]);
	return plain ? json_array_get(list, i) : NULL;
}

const json_t *media_pointer(const json_t *v, const char *pointer)
{
	while (v && *pointer == '/') {
		size_t len = strcspn(pointer + 1, "/");
		auto_free char *name = token(pointer + 1, len);
		v = json_is_array(v) ? element(v, name) : json_object_get(v, name);
		pointer += len + 1;
	}
	return v;
}
