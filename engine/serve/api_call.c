/* One call of an action now: not durable, never repeated, in no run. */
#include <stdlib.h>
#include <string.h>

#include "actions/ask.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"
#include "engine/store/files.h"

struct one_call {
	struct ask ask;
	char *pages;            /* how many are joined; NULL: one */
	struct server_req *req; /* NULL: gone */
};

static void call_free(struct one_call *o)
{
	ask_done(&o->ask);
	free(o->pages);
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

/* ---- an answer that is a file ---- */

#define PIECE 65536
#define BEHIND_MAX (4 * PIECE)
#define PAUSE_MS 2

/* Sends a file as fast as the client takes it, and holds no more than that of it. */
struct sending {
	struct server_req *req;
	struct loop *loop;
	struct loop_timer timer;
	struct file_in in;
	int64_t at;
};

static void sending_free(struct sending *s)
{
	loop_timer_stop(s->loop, &s->timer);
	file_in_done(&s->in);
	free(s);
}

static void on_sending_gone(struct server_req *r)
{
	sending_free(r->user);
}

static void on_piece(struct loop_timer *t)
{
	struct sending *s = container_of(t, struct sending, timer);
	char piece[PIECE];
	ssize_t n = 1;
	while (n > 0 && server_stream_behind(s->req) < BEHIND_MAX) {
		n = file_in_read(&s->in, s->at, piece, sizeof(piece), NULL);
		s->at += n > 0 ? n : 0;
		if (n > 0 && !server_stream_write(s->req, piece, (size_t)n)) {
			sending_free(s); /* the client is gone */
			return;
		}
	}
	if (n > 0) {
		loop_timer_start(s->loop, t, PAUSE_MS);
		return;
	}
	s->req->on_gone = NULL;
	server_stream_end(s->req);
	sending_free(s);
}

/* The file is the call's alone: its name goes at once, its content when it is sent. */
static void send_file(struct server_req *req, const struct services *services, const json_t *file)
{
	struct sending *s = mem_alloc(sizeof(*s));
	struct errmsg msg;
	s->req = req;
	s->loop = services->loop;
	s->timer.cb = on_piece;
	if (files_find(services->files, FILES_CALLS, file, &s->in, &msg) != 0) {
		reply_error(req, msg.code, msg.text);
		sending_free(s);
		return;
	}
	files_remove(services->files, FILES_CALLS, s->in.id);
	const char *type = json_str(file, "type");
	bool plain = type && *type && !strpbrk(type, "\r\n");
	req->user = s;
	req->on_gone = on_sending_gone;
	server_stream(req, 200, plain ? type : "application/octet-stream");
	loop_timer_start(s->loop, &s->timer, 0);
}

static void on_answer(struct ask *q)
{
	struct one_call *o = container_of(q, struct one_call, ask);
	const struct services *services = q->x.services;
	bool is_file = !q->err && q->action->download && files_is_value(q->result);
	if (o->req) {
		o->req->on_gone = NULL;
		if (is_file)
			send_file(o->req, services, q->result);
		else
			reply_answer(o->req, q);
	} else if (is_file) {
		files_remove(services->files, FILES_CALLS, json_str(q->result, "file"));
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

/* "all" or a number; malloc'd. NULL: one page. */
static char *pages_of(const json_t *body)
{
	const json_t *v = json_object_get(body, "pages");
	if (json_is_integer(v))
		return mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return v && !json_is_null(v) ? mem_strdup(json_is_string(v) ? json_string_value(v) : "?")
				     : NULL;
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
	o->pages = pages_of(body);
	o->ask.pages = o->pages;
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
