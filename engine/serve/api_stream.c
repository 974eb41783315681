/* Changes of runs as Server-Sent Events. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/timefmt.h"
#include "engine/serve/api_private.h"

#define STREAMS_MAX 64
#define BEAT_MS 15000

struct stream {
	struct link link; /* in api->streams */
	struct server_req *req;
	struct api *api;
};

static void stream_free(struct stream *s)
{
	list_remove(&s->link);
	free(s);
}

static void on_gone(struct server_req *r)
{
	stream_free(r->user);
}

/* One who does not read fast enough is left by the server, and has to begin anew. */
static void write_all(struct api *a, const char *text, size_t len)
{
	list_each_safe (l, &a->streams) {
		struct stream *s = container_of(l, struct stream, link);
		if (!server_stream_write(s->req, text, len))
			stream_free(s);
	}
}

static void on_change(void *arg, struct id run, const char *rule, enum run_state state)
{
	struct api *a = arg;
	char id[ID_TEXT_LEN], at[TIME_TEXT_LEN];
	struct buf b = BUF_INIT;
	if (list_empty(&a->streams))
		return;
	/* A rule's name has letters, digits and dashes only. */
	(void)buf_printf(
		&b,
		"event: run\ndata: {\"id\":\"%s\",\"rule\":\"%s\",\"state\":\"%s\",\"at\":\"%s\"}\n\n",
		id_format(run, id), rule, run_state_name(state),
		time_format(loop_wall_ms(a->service->loop), at));
	write_all(a, b.data, b.len);
	buf_done(&b);
}

static void on_beat(struct loop_timer *t)
{
	struct api *a = container_of(t, struct api, beat);
	write_all(a, ":\n\n", 3);
	if (!list_empty(&a->streams))
		loop_timer_start(a->service->loop, t, BEAT_MS);
}

void api_stream_init(struct api *a)
{
	list_init(&a->streams);
	a->beat.cb = on_beat;
	engine_listen(a->service->engine, on_change, a);
}

void api_stream_done(struct api *a)
{
	struct link *l;
	loop_timer_stop(a->service->loop, &a->beat);
	engine_listen(a->service->engine, NULL, NULL);
	while ((l = list_shift(&a->streams))) {
		struct stream *s = container_of(l, struct stream, link);
		s->req->on_gone = NULL;
		server_stream_end(s->req);
		free(s);
	}
}

static size_t count(const struct api *a)
{
	size_t n = 0;
	list_each (l, &a->streams)
		n++;
	return n;
}

void api_stream(const struct api_call *c)
{
	static const char hello[] = "retry: 2000\n: run states\n\n";
	if (count(c->api) >= STREAMS_MAX) {
		reply_problem(c->req, 503, "Retry-After: 5\r\n",
			      "there are %d streams open already", STREAMS_MAX);
		return;
	}
	struct stream *s = mem_alloc(sizeof(*s));
	*s = (struct stream){.req = c->req, .api = c->api};
	c->req->user = s;
	c->req->on_gone = on_gone;
	list_append(&c->api->streams, &s->link);
	server_stream(c->req, 200, "text/event-stream");
	if (!server_stream_write(c->req, hello, sizeof(hello) - 1)) {
		stream_free(s);
		return;
	}
	if (!loop_timer_is_on(&c->api->beat))
		loop_timer_start(c->service->loop, &c->api->beat, BEAT_MS);
}
