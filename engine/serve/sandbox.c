/* The sandbox: requests to the application, its answers back, late ones and lost ones too. */
#include "engine/serve/sandbox.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/list.h"
#include "engine/io/server.h"
#include "engine/lua/app.h"

enum { BODY_MAX = 8 * 1024 * 1024 }; /* an import is 4 MB at most */

struct sandbox {
	struct loop *loop;
	struct app *app;
	struct server *server;
	struct link later;
};

/* A request whose answer, or whose turn, comes later. */
struct later {
	struct link link;
	struct loop_timer timer;
	struct sandbox *sandbox;
	struct server_req *req; /* NULL once the client is gone */
	struct app_answer answer;
};

static void later_free(struct later *w)
{
	if (w->req)
		w->req->on_gone = NULL;
	loop_timer_stop(w->sandbox->loop, &w->timer);
	list_remove(&w->link);
	app_answer_done(&w->answer);
	free(w);
}

static void send_answer(struct server_req *r, const struct app_answer *a)
{
	if (a->drop) {
		server_drop(r);
		return;
	}
	server_reply(r, a->status, a->type.len ? buf_str(&a->type) : NULL,
		     a->extra.len ? buf_str(&a->extra) : NULL, buf_str(&a->body), a->body.len);
}

/* A request that waited for its turn acts even if nobody waits for the answer any more. */
static void on_later(struct loop_timer *t)
{
	struct later *w = container_of(t, struct later, timer);
	int again = w->answer.again;
	if (again) {
		w->answer = (struct app_answer){0};
		app_again(w->sandbox->app, again, &w->answer);
	}
	struct server_req *r = w->req;
	if (r) {
		r->on_gone = NULL;
		w->req = NULL;
		send_answer(r, &w->answer);
	}
	later_free(w);
}

static void on_gone(struct server_req *r)
{
	struct later *w = r->user;
	w->req = NULL;
}

/* Takes the answer. */
static void answer_later(struct sandbox *s, struct server_req *r, const struct app_answer *a)
{
	struct later *w = mem_alloc(sizeof(*w));
	w->sandbox = s;
	w->req = r;
	w->answer = *a;
	w->timer.cb = on_later;
	r->user = w;
	r->on_gone = on_gone;
	list_append(&s->later, &w->link);
	loop_timer_start(s->loop, &w->timer, a->delay_ms);
}

static void handle(void *arg, struct server_req *r)
{
	struct sandbox *s = arg;
	struct app_answer answer = {0};
	struct app_request request = {.method = r->method,
				      .path = r->path,
				      .query = r->query,
				      .headers = r->headers,
				      .n_headers = r->n_headers,
				      .body = r->body,
				      .body_len = r->body_len};
	app_handle(s->app, &request, &answer);
	if (answer.again || answer.delay_ms > 0) {
		answer_later(s, r, &answer);
		return;
	}
	send_answer(r, &answer);
	app_answer_done(&answer);
}

static struct app *open_app(struct loop *l, struct rng *rng, const struct sandbox_config *c,
			    struct errmsg *msg)
{
	json_auto_t *config = json_object();
	if (c->activity_ms)
		json_object_set_new(config, "activity_ms",
				    json_integer(c->activity_ms > 0 ? c->activity_ms : 0));
	if (c->seed)
		json_object_set_new(config, "seed", json_string(c->seed));
	const struct app_config app = {.dir = c->scripts_dir,
				       .config = config,
				       .clock = loop_clock(l),
				       .rng = rng,
				       .memory_max = c->memory_max};
	return app_new(&app, msg);
}

struct sandbox *sandbox_new(struct loop *l, struct rng *rng, const struct sandbox_config *c,
			    struct errmsg *msg)
{
	struct sandbox *s = mem_alloc(sizeof(*s));
	s->loop = l;
	list_init(&s->later);
	s->app = open_app(l, rng, c, msg);
	if (s->app) {
		const struct server_config server = {
			.listen = c->listen, .body_max = BODY_MAX, .handle = handle, .arg = s};
		s->server = server_new(l, &server, msg);
	}
	if (!s->server) {
		sandbox_free(s);
		return NULL;
	}
	return s;
}

int sandbox_port(const struct sandbox *s)
{
	return server_port(s->server);
}

void sandbox_free(struct sandbox *s)
{
	if (!s)
		return;
	server_free(s->server);
	for (struct link *k; (k = s->later.next) != &s->later;)
		later_free(container_of(k, struct later, link));
	app_free(s->app);
	free(s);
}
