/* One call of an action now: not durable, never repeated, in no run. */
#include <stdlib.h>
#include <string.h>

#include "actions/answer.h"
#include "actions/request.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"

#define HEADERS 24

struct one_call {
	struct http_req http;
	struct http_request_text text;
	struct http_header headers[HEADERS];
	struct service *service;
	struct server_req *req; /* NULL: gone */
	struct action *action;  /* its own, whatever becomes of the catalogue */
};

static void call_free(struct one_call *o)
{
	http_req_done(&o->http);
	request_done(&o->text);
	action_free(o->action);
	free(o);
}

/* A read need not go on for nobody; anything else acts, and is awaited. */
static void on_gone(struct server_req *r)
{
	struct one_call *o = r->user;
	o->req = NULL;
	if (o->action->effect == EFFECT_READ)
		http_cancel(&o->http);
}

/* "name: value" lines as an object. */
static json_t *headers_json(const char *p)
{
	json_t *headers = json_object();
	for (const char *end; (end = strchr(p, '\n')); p = end + 1) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		if (!colon)
			continue;
		const char *v = colon + 1 + strspn(colon + 1, " ");
		auto_free char *name = mem_strndup(p, (size_t)(colon - p));
		json_t *text = v <= end ? json_stringn(v, (size_t)(end - v)) : NULL;
		if (text)
			json_object_set_new(headers, name, text);
	}
	return headers;
}

/* A problem with what a step would have as its error. */
static void reply_failed(struct server_req *r, int status, int err, const char *text,
			 int api_status, const char *key)
{
	json_auto_t *error = json_pack("{s:s, s:s, s:i}", "name", err_name(err), "message", text,
				       "status", api_status);
	if (error && key && *key)
		json_object_set_new(error, "key", json_string(key));
	json_auto_t *v = json_pack("{s:s, s:s, s:i, s:s, s:O}", "type", "about:blank", "title",
				   err_text(err), "status", status, "detail", text, "error",
				   error ? error : json_null());
	if (!v) { /* a text of the peer that is no UTF-8 */
		reply_problem(r, status, NULL, "%s", err_text(err));
		return;
	}
	auto_free char *body = json_text(v);
	server_reply(r, status, "application/problem+json", NULL, body, strlen(body));
}

static void reply_answer(struct one_call *o)
{
	struct answer a = {0};
	json_auto_t *headers = headers_json(buf_str(&o->http.answer_headers));
	answer_classify(o->action, o->http.status, headers, buf_str(&o->http.answer),
			o->http.answer.len, false, loop_wall_ms(o->service->loop), &a);
	if (a.outcome == ANSWER_OK || a.outcome == ANSWER_PARTIAL)
		reply_json(o->req, 200,
			   json_pack("{s:s, s:i, s:O}", "outcome",
				     a.outcome == ANSWER_OK ? "ok" : "partial", "status", a.status,
				     "result", a.result));
	else
		reply_failed(o->req, 502, a.err, a.msg.text, a.status, a.key);
	answer_done(&a);
}

static void on_answer(struct http_req *r)
{
	struct one_call *o = container_of(r, struct one_call, http);
	if (o->req) {
		o->req->on_gone = NULL;
		if (r->err)
			reply_failed(o->req, r->err == ERR_TIMEOUT ? 504 : 502, r->err, r->msg.text,
				     0, NULL);
		else
			reply_answer(o);
	}
	call_free(o);
}

static void begin(struct one_call *o, const struct connection *conn)
{
	size_t n = 0;
	const char *name;
	json_t *value;
	json_object_foreach (o->text.headers, name, value)
		if (n < HEADERS - 1)
			o->headers[n++] = (struct http_header){name, json_string_value(value)};
	if (conn->authorization)
		o->headers[n++] = (struct http_header){"Authorization", conn->authorization};
	o->http = (struct http_req){
		.method = o->text.method,
		.url = o->text.url,
		.headers = o->headers,
		.n_headers = n,
		.body = o->text.body,
		.body_len = o->text.body_len,
		.has_body = o->text.body != NULL,
		.timeout_ms = conn->timeout_ms,
		.cb = on_answer,
	};
	o->req->user = o;
	o->req->on_gone = on_gone;
	http_start(o->service->http, &o->http);
}

/* "connection.action", or NULL after it was refused. */
static const struct action *find(const struct api_call *c, const struct connection **ret_conn)
{
	const struct rulekit *k = c->service->kit;
	const char *dot = strchr(c->arg, '.');
	auto_free char *name = mem_strndup(c->arg, dot ? (size_t)(dot - c->arg) : 0);
	*ret_conn = connections_find(k->connections, name);
	const struct connection *conn = *ret_conn;
	const struct action *a = dot && conn && conn->connector
					 ? catalogue_find(k->catalogue, conn->connector, dot + 1)
					 : NULL;
	if (dot && !conn)
		reply_problem(c->req, 404, NULL, "there is no connection '%s'", name);
	else if (!a)
		reply_problem(c->req, 404, NULL, "there is no action '%s'", c->arg);
	return a;
}

void api_call_action(const struct api_call *c)
{
	struct errmsg msg;
	const struct connection *conn;
	const struct action *a = find(c, &conn);
	json_auto_t *body = a ? api_body(c) : NULL, *none = json_object();
	if (!body)
		return;
	json_t *with = json_object_get(body, "with");
	struct one_call *o = mem_alloc(sizeof(*o));
	*o = (struct one_call){.service = c->service, .req = c->req};
	o->action = action_from_json(a->def, &msg);
	if (o->action &&
	    request_render(a, with ? with : none, conn->base_url, &o->text, &msg) == 0) {
		begin(o, conn);
		return;
	}
	reply_error(c->req, msg.code, msg.text);
	call_free(o);
}
