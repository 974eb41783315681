/* One call of an action now: not durable, never repeated, in no run. */
#include <stdlib.h>
#include <string.h>

#include "actions/ask.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"

struct one_call {
	struct ask ask;
	struct server_req *req; /* NULL: gone */
};

static void call_free(struct one_call *o)
{
	ask_done(&o->ask);
	free(o);
}

/* A read need not go on for nobody; anything else acts, and is awaited. */
static void on_gone(struct server_req *r)
{
	struct one_call *o = r->user;
	o->req = NULL;
	ask_cancel(&o->ask);
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

static void reply_answer(struct server_req *req, const struct ask *q)
{
	const struct answer *a = &q->x.answer;
	if (!q->err)
		reply_json(req, 200,
			   json_pack("{s:s, s:i, s:O}", "outcome", q->partial ? "partial" : "ok",
				     "status", a->status, "result", q->result));
	else if (q->answered)
		reply_failed(req, 502, q->err, q->msg.text, a->status, a->key);
	else
		reply_failed(req, q->err == ERR_TIMEOUT ? 504 : 502, q->err, q->msg.text, 0, NULL);
}

static void on_answer(struct ask *q)
{
	struct one_call *o = container_of(q, struct one_call, ask);
	if (o->req) {
		o->req->on_gone = NULL;
		reply_answer(o->req, q);
	}
	call_free(o);
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
	o->req = c->req;
	int err = ask_start(&o->ask, &c->service->services, conn, a, with ? with : none, on_answer,
			    &msg);
	if (err) {
		reply_error(c->req, msg.code, msg.text);
		call_free(o);
		return;
	}
	c->req->user = o;
	c->req->on_gone = on_gone;
}
