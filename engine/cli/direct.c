/* Renders, sends and judges one call on a loop of its own. */
#include "engine/cli/direct.h"

#include <string.h>
#include <unistd.h>

#include "actions/answer.h"
#include "actions/request.h"
#include "engine/base/json.h"
#include "engine/io/http.h"
#include "engine/io/loop.h"
#include "engine/store/store.h"

enum { HEADERS_MAX = 24, AGAIN_MAX = 20 };
static const char sqlite[] = "sqlite:";

struct flight {
	struct loop *loop;
	struct http *http;
	struct http_req req;
	struct loop_timer timer;
	bool landed, passed;
};

static void on_answer(struct http_req *r)
{
	container_of(r, struct flight, req)->landed = true;
}

static void on_time(struct loop_timer *t)
{
	container_of(t, struct flight, timer)->passed = true;
}

static void pause_for(struct flight *f, int64_t ms)
{
	f->passed = false;
	f->timer.cb = on_time;
	loop_timer_start(f->loop, &f->timer, ms);
	while (!f->passed)
		(void)loop_run_once(f->loop, true);
}

/* Once; the credentials are put on here. */
static int fly(struct flight *f, const struct http_request_text *text,
	       const struct connection *conn, struct errmsg *msg)
{
	struct http_header headers[HEADERS_MAX];
	size_t n = 0;
	const char *name;
	json_t *value;
	json_object_foreach (text->headers, name, value)
		if (n < HEADERS_MAX - 1)
			headers[n++] = (struct http_header){name, json_string_value(value)};
	if (conn->authorization)
		headers[n++] = (struct http_header){"Authorization", conn->authorization};
	http_req_done(&f->req);
	f->req = (struct http_req){
		.method = text->method,
		.url = text->url,
		.headers = headers,
		.n_headers = n,
		.body = text->body,
		.body_len = text->body_len,
		.has_body = text->body != NULL,
		.timeout_ms = conn->timeout_ms,
		.cb = on_answer,
	};
	f->landed = false;
	http_start(f->http, &f->req);
	while (!f->landed)
		(void)loop_run_once(f->loop, true);
	if (f->req.err)
		*msg = f->req.msg;
	return f->req.err;
}

/* Retry-After is the one header that an answer is judged by. */
static void judge(struct flight *f, const struct action *a, struct answer *out)
{
	char value[128];
	json_auto_t *headers = json_object();
	if (http_answer_header(&f->req, "retry-after", value, sizeof(value)))
		json_object_set_new(headers, "retry-after", json_string(value));
	if (http_answer_header(&f->req, "content-type", value, sizeof(value)))
		json_object_set_new(headers, "content-type", json_string(value));
	answer_classify(a, f->req.status, headers, buf_str(&f->req.answer), f->req.answer.len,
			false, clock_real.wall_ms(&clock_real), out);
}

static int send_and_judge(struct flight *f, const struct http_request_text *text,
			  const struct action *a, const struct connection *conn,
			  struct direct_answer *ret, struct errmsg *msg)
{
	struct answer answer = {0};
	for (int i = 0; i < AGAIN_MAX; i++) {
		int err = fly(f, text, conn, msg);
		if (err)
			return err;
		answer_done(&answer);
		answer = (struct answer){0};
		judge(f, a, &answer);
		if (answer.outcome != ANSWER_AGAIN)
			break;
		pause_for(f, answer.wait_ms);
	}
	ret->answered = true;
	ret->status = answer.status;
	bool ok = answer.outcome == ANSWER_OK || answer.outcome == ANSWER_PARTIAL;
	int err = ok ? 0 : answer.err;
	if (ok)
		ret->result = json_incref(answer.result);
	else
		*msg = answer.msg;
	answer_done(&answer);
	return err;
}

/* A store that is not there yet is not made for one call. */
static int lock_store(const struct config *c, struct loop *l, struct store **ret,
		      struct errmsg *msg)
{
	*ret = NULL;
	const char *path = strncmp(c->store, sqlite, sizeof(sqlite) - 1)
				   ? NULL
				   : c->store + sizeof(sqlite) - 1;
	if (!path || access(path, F_OK) != 0)
		return 0;
	*ret = store_sqlite_open(path, l, &clock_real, msg);
	return *ret ? 0 : msg->code;
}

static int with_loop(struct flight *f, const struct config *config, const struct action *a,
		     const struct connection *conn, const json_t *params, struct direct_answer *ret,
		     struct errmsg *msg)
{
	struct http_request_text text = {0};
	struct store *store = NULL;
	int err = request_render(a, params, conn->base_url, &text, msg);
	if (!err)
		err = lock_store(config, f->loop, &store, msg);
	if (!err)
		err = send_and_judge(f, &text, a, conn, ret, msg);
	store_close(store);
	request_done(&text);
	return err;
}

int direct_call(const struct config *config, const struct action *a, const struct connection *conn,
		const json_t *params, struct direct_answer *ret, struct errmsg *msg)
{
	struct flight f = {.loop = loop_new(&clock_real, false)};
	int err = 0;
	f.http = f.loop ? http_new(f.loop, 1) : NULL;
	if (f.http)
		err = with_loop(&f, config, a, conn, params, ret, msg);
	else
		err = err_set(msg, ERR_IO, "libev or libcurl cannot start");
	http_req_done(&f.req);
	if (f.http)
		http_free(f.http);
	if (f.loop)
		loop_free(f.loop);
	return err;
}

void direct_answer_done(struct direct_answer *a)
{
	json_decref(a->result);
	*a = (struct direct_answer){0};
}
