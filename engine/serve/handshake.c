/* Handshakes. */
#include "engine/serve/handshake.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/serve/media.h"
#include "engine/serve/reply.h"

/* What texts are filled from. */
struct source {
	const struct verify *verify;
	const struct server_req *req;
	const json_t *data;
};

int handshake_check(const json_t *list, struct errmsg *msg)
{
	size_t i;
	json_t *one;
	json_array_foreach ((json_t *)list, i, one) {
		const json_t *respond = json_object_get(one, "respond");
		if (!json_is_object(json_object_get(one, "when")) || !json_is_object(respond))
			return err_set(msg, ERR_INVALID, "challenge: each has when: and respond:");
		json_int_t status = json_int(respond, "status", 200);
		if (status < 200 || status > 499)
			return err_set(msg, ERR_INVALID, "challenge: status is from 200 to 499");
	}
	return json_is_array(list) ? 0 : err_set(msg, ERR_INVALID, "challenge: is a list");
}

/* ---- texts ---- */

static char *header_of(const struct server_req *r, const char *name)
{
	auto_free char *key = mem_strdup(name);
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	const char *v = server_req_header(r, key, NULL);
	return v ? mem_strdup(v) : NULL;
}

static char *mac_of(const struct source *s, const char *pointer)
{
	unsigned char mac[64];
	const char *text = json_string_value(media_pointer(s->data, pointer)),
		   *secret = verify_secret(s->verify);
	if (!text || !secret)
		return NULL;
	size_t len = hmac("sha256", secret, strlen(secret), text, strlen(text), mac);
	char *out = mem_alloc(2 * len + 1);
	hex_encode(mac, len, out);
	return out;
}

static char *json_of(const struct source *s, const char *pointer)
{
	const json_t *v = media_pointer(s->data, pointer);
	return !v ? NULL : json_is_string(v) ? mem_strdup(json_string_value(v)) : json_text(v);
}

/* What stands for "query:hub.challenge"; malloc'd, NULL: nothing. */
static char *value_of(const struct source *s, const char *token)
{
	if (strncmp(token, "query:", 6) == 0)
		return server_req_query(s->req, token + 6);
	if (strncmp(token, "header:", 7) == 0)
		return header_of(s->req, token + 7);
	if (strncmp(token, "json:", 5) == 0)
		return json_of(s, token + 5);
	if (strncmp(token, "hmac_hex:", 9) == 0)
		return mac_of(s, token + 9);
	const char *own = strcmp(token, "token") == 0 ? verify_token(s->verify) : NULL;
	return own ? mem_strdup(own) : NULL;
}

/* malloc'd; NULL when something in it is not there. */
static char *filled(const struct source *s, const char *text)
{
	struct buf b = BUF_INIT;
	bool whole = true;
	for (const char *p = text; *p && whole;) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		if (!end) {
			(void)buf_putc(&b, *p++);
			continue;
		}
		auto_free char *token = mem_strndup(p + 1, (size_t)(end - p - 1));
		auto_free char *v = value_of(s, token);
		whole = v != NULL;
		(void)buf_puts(&b, v ? v : "");
		p = end + 1;
	}
	if (whole)
		return buf_take(&b);
	buf_done(&b);
	return NULL;
}

static json_t *filled_json(const struct source *s, const json_t *v)
{
	const char *key;
	json_t *one;
	if (json_is_string(v)) {
		auto_free char *text = filled(s, json_string_value(v));
		return json_string(text ? text : "");
	}
	if (!json_is_object(v))
		return json_incref((json_t *)v);
	json_t *out = json_object();
	json_object_foreach ((json_t *)v, key, one)
		json_object_set_new(out, key, filled_json(s, one));
	return out;
}

/* ---- is it one? ---- */

static bool is_wanted(const struct source *s, const char *want, const char *found)
{
	auto_free char *text = filled(s, want);
	return text && found && ct_equal(text, strlen(text), found, strlen(found));
}

/* *ret_named: all the names are there, whatever they say. */
static bool query_fits(const struct source *s, const json_t *query, bool *ret_named)
{
	const char *name;
	json_t *v;
	bool fits = true;
	*ret_named = true;
	json_object_foreach ((json_t *)query, name, v) {
		auto_free char *found = server_req_query(s->req, name);
		*ret_named &= found != NULL;
		fits &= json_is_string(v) && is_wanted(s, json_string_value(v), found);
	}
	return fits;
}

static bool headers_fit(const struct source *s, const json_t *headers)
{
	const char *name;
	json_t *v;
	json_object_foreach ((json_t *)headers, name, v) {
		auto_free char *found = header_of(s->req, name);
		if (!json_is_string(v) || !is_wanted(s, json_string_value(v), found))
			return false;
	}
	return true;
}

static bool data_fits(const struct source *s, const json_t *json)
{
	const char *pointer;
	json_t *v;
	json_object_foreach ((json_t *)json, pointer, v)
		if (!s->data || !json_equal(media_pointer(s->data, pointer), v))
			return false;
	return true;
}

static bool fits(const struct source *s, const json_t *when, bool *ret_refused)
{
	const char *method = json_str(when, "method");
	const json_t *query = json_object_get(when, "query");
	bool named;
	*ret_refused = false;
	if (strcmp(s->req->method, method ? method : "POST") != 0)
		return false;
	bool query_ok = query_fits(s, query, &named);
	*ret_refused = !query_ok && named && json_object_size(query);
	return query_ok && headers_fit(s, json_object_get(when, "header")) &&
	       data_fits(s, json_object_get(when, "json"));
}

/* ---- answers ---- */

static void respond(const struct source *s, struct server_req *r, const json_t *how)
{
	const char *type = json_str(how, "content_type"), *body = json_str(how, "body");
	int status = (int)json_int(how, "status", 200);
	if (json_object_get(how, "json")) {
		reply_json(r, status, filled_json(s, json_object_get(how, "json")));
		return;
	}
	auto_free char *text = filled(s, body ? body : "");
	server_reply(r, status, type ? type : "text/plain", "X-Content-Type-Options: nosniff\r\n",
		     text ? text : "", text ? strlen(text) : 0);
}

bool handshake_answer(const json_t *list, const struct verify *v, struct server_req *r,
		      const json_t *data, bool after_auth)
{
	const struct source s = {v, r, data};
	size_t i;
	json_t *one;
	bool refused;
	json_array_foreach ((json_t *)list, i, one) {
		if (json_bool(one, "after_auth", false) != after_auth)
			continue;
		if (fits(&s, json_object_get(one, "when"), &refused)) {
			respond(&s, r, json_object_get(one, "respond"));
			return true;
		}
		json_int_t other = json_int(one, "else_status", 0);
		if (refused && other) {
			reply_problem(r, (int)other, NULL, "the token does not fit");
			return true;
		}
	}
	return false;
}

static bool is_origin(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".-:/_*", *p))
			return false;
	return *text;
}

bool handshake_options(struct server_req *r)
{
	size_t count;
	const char *origin = server_req_header(r, "webhook-request-origin", &count);
	if (strcmp(r->method, "OPTIONS") != 0 || !origin || count != 1 || !is_origin(origin))
		return false;
	auto_free char *extra = mem_printf("Allow: POST\r\nWebHook-Allowed-Origin: %s\r\n"
					   "WebHook-Allowed-Rate: *\r\n",
					   origin);
	server_reply(r, 200, NULL, extra, "", 0);
	return true;
}
