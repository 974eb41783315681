/* One request to a connection and its classified answer. */
#include "actions/exchange.h"

#include <string.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"

static void aim(struct exchange *x, const struct connection *conn, const struct action *action,
		enum pass_kind kind)
{
	pass_done(&x->pass);
	x->conn = conn;
	x->action = action;
	x->pass = (struct pass){.conn = conn, .kind = kind};
}

void exchange_of(struct exchange *x, struct act *a, const struct connection *conn,
		 const struct action *action, enum pass_kind kind)
{
	aim(x, conn, action, kind);
	x->act = a;
	x->services = act_services(a);
	x->pass.rule = act_plan(a)->rule;
}

void exchange_for(struct exchange *x, const struct services *s, const struct connection *conn,
		  const struct action *action, enum pass_kind kind, void (*cb)(struct exchange *x))
{
	aim(x, conn, action, kind);
	x->services = s;
	x->cb = cb;
}

int exchange_render(struct exchange *x, const json_t *params, struct errmsg *msg)
{
	request_done(&x->text);
	x->text = (struct http_request_text){0};
	return request_render(x->action, params, x->conn->base_url, &x->text, msg);
}

static void tell(struct exchange *x)
{
	x->flying = false;
	if (x->act)
		step_wake(x->act);
	else
		x->cb(x);
}

/* ---- leaving ---- */

static void on_answer(struct http_req *r)
{
	tell(container_of(r, struct exchange, req));
}

static size_t fill_headers(struct exchange *x)
{
	size_t n = 0;
	const char *name, *authorization = pass_leave(&x->pass);
	json_t *value;
	json_object_foreach (x->text.headers, name, value)
		if (n < EXCHANGE_HEADERS - 1)
			x->headers[n++] = (struct http_header){name, json_string_value(value)};
	if (authorization)
		x->headers[n++] = (struct http_header){"Authorization", authorization};
	return n;
}

static void leave(struct exchange *x)
{
	x->req = (struct http_req){
		.method = x->text.method,
		.url = x->text.url,
		.headers = x->headers,
		.n_headers = fill_headers(x),
		.body = x->text.body,
		.body_len = x->text.body_len,
		.has_body = x->text.body != NULL,
		.timeout_ms = x->conn->timeout_ms,
		.cb = on_answer,
	};
	http_start(x->services->http, &x->req);
}

/* Nothing has left and nothing will: the answer is the reason. */
static void on_refused(struct loop_task *t)
{
	tell(container_of(t, struct exchange, task));
}

static void refuse(struct exchange *x, int err, const struct errmsg *msg)
{
	x->req = (struct http_req){.err = err, .msg = *msg, .reach = HTTP_NOT_SENT};
	x->task.cb = on_refused;
	loop_defer(x->services->loop, &x->task);
}

static void go(struct exchange *x)
{
	static const struct errmsg cancelled = {.code = ERR_CANCELLED, .text = "cancelled"};
	if (x->cancelled)
		refuse(x, ERR_CANCELLED, &cancelled);
	else if (x->pass.err)
		refuse(x, x->pass.err, &x->pass.msg);
	else
		leave(x);
}

static void on_pass(struct pass *p)
{
	go(container_of(p, struct exchange, pass));
}

static void on_admitted(struct pass *p)
{
	tell(container_of(p, struct exchange, pass));
}

bool exchange_admit(struct exchange *x)
{
	x->pass.cb = on_admitted;
	return pass_ask(&x->pass, x->services);
}

void exchange_start(struct exchange *x)
{
	http_req_done(&x->req);
	x->flying = true;
	x->cancelled = false;
	if (x->pass.at == PASS_GRANTED) {
		leave(x);
		return;
	}
	x->pass.cb = on_pass;
	if (pass_ask(&x->pass, x->services))
		go(x);
}

/* ---- the answer ---- */

/* "name: value" lines to {name: value}; a repeated name keeps its last value. */
static json_t *headers_json(const struct buf *lines)
{
	json_t *headers = json_object();
	const char *p = buf_str(lines);
	while (*p) {
		const char *end = strchr(p, '\n'), *colon = strchr(p, ':');
		if (!end)
			break;
		if (colon && colon < end) {
			const char *v = colon + 1;
			while (*v == ' ')
				v++;
			char name[128];
			size_t len = (size_t)(colon - p);
			if (len < sizeof(name)) {
				memcpy(name, p, len);
				name[len] = 0;
				json_t *text = json_stringn(v, (size_t)(end - v));
				if (text)
					json_object_set_new(headers, name, text);
			}
		}
		p = end + 1;
	}
	return headers;
}

static int64_t peer_ms(const struct exchange *x)
{
	char date[64];
	int64_t at;
	if (!http_answer_header(&x->req, "date", date, sizeof(date)) ||
	    time_parse_http(date, &at) != 0)
		return 0;
	return at;
}

/* A key that the connector has no word for is of a limit of the action's own, not of the rate. */
static void tell_pass(struct exchange *x)
{
	const struct answer *r = &x->answer;
	const json_t *shared = json_object_get(x->action->connector_errors, "by_key");
	const struct pass_answer said = {
		.err = r->err,
		.narrow = *r->key && !json_object_get(shared, r->key),
		.wait_ms = r->wait_ms,
		.peer_ms = peer_ms(x),
	};
	pass_answered(&x->pass, &said);
}

int exchange_read(struct exchange *x, bool repeated)
{
	if (x->req.err) {
		pass_done(&x->pass);
		return x->req.err;
	}
	json_auto_t *headers = headers_json(&x->req.answer_headers);
	answer_done(&x->answer);
	answer_classify(x->action, x->req.status, headers, buf_str(&x->req.answer),
			x->req.answer.len, repeated, loop_wall_ms(x->services->loop), &x->answer);
	tell_pass(x);
	return 0;
}

int64_t exchange_skew_ms(const struct exchange *x)
{
	int64_t at = peer_ms(x);
	return at ? at - loop_wall_ms(x->services->loop) : 0;
}

void exchange_cancel(struct exchange *x)
{
	if (!x->flying)
		return;
	x->cancelled = true;
	if (x->pass.at == PASS_ASKED) {
		pass_done(&x->pass);
		go(x);
	} else {
		http_cancel(&x->req);
	}
}

void exchange_done(struct exchange *x)
{
	pass_done(&x->pass);
	loop_undefer(&x->task);
	answer_done(&x->answer);
	request_done(&x->text);
	http_req_done(&x->req);
	*x = (struct exchange){0};
}
