/* Connections: their input, the requests found in it, deadlines, and what each waits for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "engine/base/arena.h"
#include "engine/io/conn.h"

enum {
	HEAD_MS = 10000,
	IDLE_MS = 60000,
	LINGER_MS = 2000,
	IN_FIRST = 4096,       /* the first size of a connection's input buffer */
	IN_KEPT = 16384,       /* an idle connection keeps no more */
	OUT_HIGH = 65536,      /* with more unsent no further request is begun */
	FRAMING_SLACK = 16384, /* bytes around chunks: 8 a byte of data and this */
};

static void settle(struct server_conn *c);

/* ---- the input buffer ---- */

/* Room for at least `want` bytes and a NUL behind them. Not while a handler has the request. */
static void in_room(struct server_conn *c, size_t want)
{
	if (c->in_cap > c->in_len + want)
		return;
	if (c->in_at) {
		memmove(c->in, c->in + c->in_at, c->in_len - c->in_at);
		c->in_len -= c->in_at;
		c->in_at = 0;
	}
	if (c->in_cap > c->in_len + want)
		return;
	size_t cap = c->in_cap ? c->in_cap * 2 : IN_FIRST;
	while (cap <= c->in_len + want)
		cap *= 2;
	c->in = mem_realloc(c->in, cap);
	c->in_cap = cap;
}

static size_t in_left(const struct server_conn *c)
{
	return c->in_len - c->in_at;
}

static void in_make_room(struct server_conn *c)
{
	if (c->state == CONN_HEAD && !in_left(c))
		c->in_at = c->in_len = 0;
	if (c->state == CONN_HEAD) {
		in_room(c, 512);
	} else if (c->state == CONN_BODY) {
		size_t missing = c->request.chunked
					 ? 2048
					 : c->body_at + (size_t)c->request.length - in_left(c);
		in_room(c, missing < 65536 ? missing : 65536);
	}
}

void conn_drop_input(struct server_conn *c)
{
	c->in_at = c->in_len = 0;
	if (c->in_cap <= IN_KEPT)
		return;
	free(c->in);
	c->in = NULL;
	c->in_cap = 0;
}

/* ---- reading requests ---- */

/*
 * Looks for the end of the head. Returns 1 with its length, 0 when more must come, -1 when it was
 * refused. A line end without CR is refused as soon as it is seen, wherever the input was cut.
 */
static int find_head(struct server_conn *c, size_t *ret_len)
{
	for (;;) {
		const char *p = c->in + c->in_at;
		size_t n = in_left(c);
		if (n && p[0] != '\r' && (p[0] <= ' ' || p[0] >= 0x7f)) {
			conn_refuse(c, 400, "this is no HTTP request");
			return -1;
		}
		const char *lf =
			n > c->scanned ? memchr(p + c->scanned, '\n', n - c->scanned) : NULL;
		size_t at = lf ? (size_t)(lf - p) : n;
		if (at >= REQUEST_HEAD_MAX) {
			conn_refuse(c, 431, "the head is longer than 16 KiB");
			return -1;
		}
		c->scanned = lf ? at + 1 : n;
		if (!lf)
			return 0;
		if (at == 0 || p[at - 1] != '\r' || (at == 1 && c->skipped)) {
			conn_refuse(c, 400, "a line does not end in CR LF");
			return -1;
		}
		if (at == 1) {
			/* Some clients send one line end too many behind a body. */
			c->skipped = true;
			c->in_at += 2;
			c->scanned = 0;
		} else if (at >= 3 && p[at - 2] == '\n') {
			*ret_len = at + 1;
			return 1;
		}
	}
}

static size_t body_max(const struct server_conn *c)
{
	return c->server->config.body_max;
}

/* True when a request's head was read. */
static bool read_head(struct server_conn *c)
{
	size_t len;
	if (find_head(c, &len) != 1)
		return false;
	const char *why = "";
	int status = request_head(&c->request, c->in + c->in_at, len, &why);
	if (status) {
		conn_refuse(c, status, why);
		return false;
	}
	c->body_at = len;
	c->body_len = 0;
	c->moved = 0;
	c->state = CONN_BODY;
	if (c->request.length > body_max(c)) {
		conn_refuse(c, 413, "the body is longer than allowed");
		return false;
	}
	bool wants = c->request.chunked || c->request.length;
	if (c->request.expects && wants && in_left(c) == len)
		conn_send_continue(c);
	return true;
}

/* Decodes what has come of a chunked body; true when that is all of it. */
static bool read_chunks(struct server_conn *c)
{
	char *to = c->in + c->in_at + c->body_at + c->body_len;
	size_t raw = in_left(c) - c->body_at - c->body_len, len = 0;
	const char *why = "";
	ssize_t n = request_chunks(&c->request, to, raw, to, &len, &why);
	if (n < 0) {
		conn_refuse(c, 400, why);
		return false;
	}
	c->body_len += len;
	c->moved += len;
	if (c->body_len > body_max(c)) {
		conn_refuse(c, 413, "the body is longer than allowed");
		return false;
	}
	if (c->request.chunks.framing > 8 * c->body_len + FRAMING_SLACK) {
		conn_refuse(c, 400, "the chunks of the body are too small");
		return false;
	}
	c->next = c->body_at + c->body_len - len + (size_t)n;
	if (!c->request.chunks.done)
		c->in_len = c->in_at + c->body_at + c->body_len;
	return c->request.chunks.done;
}

static bool read_body(struct server_conn *c)
{
	if (c->request.chunked)
		return read_chunks(c);
	size_t here = in_left(c) - c->body_at, want = (size_t)c->request.length;
	c->moved = here;
	c->body_len = want;
	c->next = c->body_at + want;
	return here >= want;
}

/* Puts a NUL behind the body, where the next request may begin already, or may yet be read to. */
static const char *end_body(struct server_conn *c)
{
	c->has_behind = false;
	if (!c->body_len)
		return "";
	char *body = c->in + c->in_at + c->body_at;
	if (c->body_at + c->body_len == c->next) {
		if (c->next == in_left(c)) {
			c->in_len++;
			c->next++;
		} else {
			c->has_behind = true;
			c->behind = body[c->body_len];
		}
	}
	body[c->body_len] = '\0';
	return body;
}

static void hand_over(struct server_conn *c)
{
	struct server_req *r = &c->req;
	*r = (struct server_req){.peer = c->peer, .conn = c};
	request_finish(&c->request, c->in + c->in_at, r);
	r->body = end_body(c);
	r->body_len = c->body_len;
	c->state = CONN_HANDLED;
	c->server->open++;
	c->server->config.handle(c->server->config.arg, r);
}

/* One step through the input; false when it cannot go on for now. */
static bool step(struct server_conn *c)
{
	if (c->last || c->broken || conn_unsent(c) > OUT_HIGH)
		return false;
	if (c->state == CONN_HEAD)
		return in_left(c) && read_head(c);
	if (c->state != CONN_BODY || !read_body(c))
		return false;
	hand_over(c);
	return true;
}

/* The request is over: the next one may begin. */
void conn_answered(struct server_conn *c)
{
	struct server *s = c->server;
	s->open--;
	if (c->has_behind)
		c->in[c->in_at + c->next] = c->behind;
	c->in_at += c->next;
	c->state = CONN_HEAD;
	c->phase = PHASE_NONE;
	c->scanned = 0;
	c->skipped = false;
	c->req.on_gone = NULL;
	if (!c->req.keep_alive)
		c->last = true;
	if (c->running)
		return;
	if (in_left(c) && !c->last)
		loop_defer(s->loop, &c->resume);
	settle(c);
}

static void conn_run(struct server_conn *c)
{
	c->running = true;
	while (step(c))
		;
	c->running = false;
	settle(c);
}

static void on_resume(struct loop_task *t)
{
	conn_run(container_of(t, struct server_conn, resume));
}

/* ---- deadlines and readiness ---- */

static enum conn_phase phase_of(const struct server_conn *c)
{
	if (c->state == CONN_LINGER)
		return PHASE_LINGER;
	if (conn_unsent(c))
		return PHASE_WRITE;
	if (c->state == CONN_BODY)
		return PHASE_BODY;
	if (c->state == CONN_HEAD)
		return in_left(c) ? PHASE_HEAD : PHASE_IDLE;
	return PHASE_NONE;
}

/* Bytes that the kernel holds for the peer. */
static int queued_of(const struct server_conn *c)
{
	int n = 0;
	return ioctl(c->fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

/* Milliseconds since the phase began until it has to be over; -1: no limit. */
static int64_t phase_ms(const struct server_conn *c)
{
	switch (c->phase) {
	case PHASE_IDLE:
		return IDLE_MS;
	case PHASE_HEAD:
		return HEAD_MS;
	case PHASE_BODY:
		return HEAD_MS + (int64_t)c->moved * 1000 / 1024;
	case PHASE_WRITE:
		/* The kernel takes megabytes at once: what counts is what the peer has taken. */
		return HEAD_MS + ((int64_t)c->moved + c->queued - queued_of(c)) * 1000 / 1024;
	case PHASE_LINGER:
		return LINGER_MS;
	case PHASE_NONE:
		break;
	}
	return -1;
}

static void set_deadline(struct server_conn *c)
{
	struct loop *l = c->server->loop;
	enum conn_phase phase = phase_of(c);
	int64_t now = loop_boot_ms(l);
	if (phase != c->phase) {
		c->phase = phase;
		c->since = now;
		if (phase != PHASE_BODY)
			c->moved = 0;
		if (phase == PHASE_WRITE)
			c->queued = queued_of(c);
	}
	int64_t ms = phase_ms(c);
	c->deadline = ms < 0 ? INT64_MAX : c->since + ms;
	if (ms >= 0 && (!loop_timer_is_on(&c->timer) || c->timer.node.due > c->deadline))
		loop_timer_start(l, &c->timer, c->deadline - now);
}

static void on_deadline(struct loop_timer *t)
{
	struct server_conn *c = container_of(t, struct server_conn, timer);
	int64_t now = loop_boot_ms(c->server->loop);
	set_deadline(c);
	if (c->deadline == INT64_MAX)
		return;
	if (now < c->deadline)
		return;
	loop_timer_stop(c->server->loop, t);
	if (c->phase == PHASE_HEAD || c->phase == PHASE_BODY) {
		conn_refuse(c, 408, "the request did not come in time");
		settle(c);
	} else {
		conn_close(c);
	}
}

static void set_watch(struct server_conn *c)
{
	int events = conn_unsent(c) ? LOOP_WRITE : 0;
	bool parked = c->state == CONN_HANDLED || c->state == CONN_STREAM;
	bool room = !parked || c->in_cap > c->in_len + 1;
	if (!c->eof && room && (!conn_unsent(c) || parked))
		events |= LOOP_READ;
	loop_watch_set(c->server->loop, &c->watch, c->fd, events);
}

/* All is sent and nothing more will be: closes, or waits for the peer to do so. */
static bool finish(struct server_conn *c)
{
	if (c->state == CONN_LINGER || conn_unsent(c))
		return false;
	bool over = c->last && c->state == CONN_HEAD;
	bool cut = c->eof && (c->state == CONN_HEAD || c->state == CONN_BODY) &&
		   !link_is_in(&c->resume.link);
	if (!over && !cut)
		return false;
	if (over && c->linger && !c->eof && shutdown(c->fd, SHUT_WR) == 0) {
		c->state = CONN_LINGER;
		conn_drop_input(c);
		return false;
	}
	conn_close(c);
	return true;
}

/* After anything happened: sends, closes if all is over, and waits for what comes next. */
static void settle(struct server_conn *c)
{
	conn_flush(c);
	if (c->broken) {
		conn_close(c);
		return;
	}
	if (finish(c))
		return;
	if (c->state == CONN_HEAD && !in_left(c))
		conn_drop_input(c);
	set_deadline(c);
	set_watch(c);
}

void conn_park(struct server_conn *c)
{
	if (c->running)
		return;
	if (c->broken) {
		loop_defer(c->server->loop, &c->resume);
		return;
	}
	set_deadline(c);
	set_watch(c);
}

static bool is_again(int e)
{
	return e == EAGAIN || e == EWOULDBLOCK || e == EINTR;
}

/* What comes after the last answer is thrown away. */
static void discard(struct server_conn *c)
{
	char waste[16384];
	ssize_t n = recv(c->fd, waste, sizeof(waste), 0);
	if (n == 0 || (n < 0 && !is_again(errno)))
		conn_close(c);
}

static void on_input(struct server_conn *c)
{
	in_make_room(c);
	if (c->in_cap <= c->in_len + 1)
		return;
	ssize_t n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len - 1, 0);
	if (n < 0 && is_again(errno))
		return;
	if (n < 0 || (n == 0 && c->state == CONN_STREAM))
		c->broken = true;
	else if (n == 0)
		c->eof = true;
	else
		c->in_len += (size_t)n;
	conn_run(c);
}

static void on_conn(struct loop_watch *w, int events)
{
	struct server_conn *c = container_of(w, struct server_conn, watch);
	if (c->state == CONN_LINGER) {
		discard(c);
		return;
	}
	if (events & LOOP_WRITE)
		conn_flush(c);
	if (events & LOOP_READ && !c->broken)
		on_input(c);
	else
		conn_run(c);
}

/* ---- lives ---- */

void conn_free(struct server_conn *c)
{
	free(c->in);
	buf_done(&c->out);
	loop_watch_done(&c->watch);
	free(c);
}

void conn_close(struct server_conn *c)
{
	struct server *s = c->server;
	loop_watch_set(s->loop, &c->watch, c->fd, 0);
	loop_timer_stop(s->loop, &c->timer);
	loop_undefer(&c->resume);
	close(c->fd);
	c->fd = -1;
	list_remove(&c->link);
	s->n_conns--;
	if (c->state == CONN_HANDLED || c->state == CONN_STREAM) {
		s->open--;
		if (c->req.on_gone)
			c->req.on_gone(&c->req);
	}
	conn_drop_input(c);
	buf_clear(&c->out);
	if (s->n_spare < CONN_SPARE_MAX && c->out.cap <= CONN_OUT_KEPT) {
		list_append(&s->spare, &c->link);
		s->n_spare++;
	} else {
		conn_free(c);
	}
	server_resume_accept(s);
}

static struct server_conn *conn_new(struct server *s)
{
	struct link *k = list_shift(&s->spare);
	if (!k)
		return mem_alloc(sizeof(struct server_conn));
	s->n_spare--;
	struct server_conn *c = container_of(k, struct server_conn, link);
	struct server_conn kept = {
		.in = c->in, .in_cap = c->in_cap, .out = c->out, .watch = c->watch};
	*c = kept;
	return c;
}

static void name_peer(struct server_conn *c, const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;
	if (a->ss_family == AF_INET)
		(void)inet_ntop(AF_INET, &v4->sin_addr, c->peer, sizeof(c->peer));
	else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		(void)inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, c->peer, sizeof(c->peer));
	else
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, c->peer, sizeof(c->peer));
}

void conn_open(struct server *s, int fd, const struct sockaddr_storage *a)
{
	struct server_conn *c = conn_new(s);
	c->server = s;
	c->fd = fd;
	c->watch.cb = on_conn;
	c->timer.cb = on_deadline;
	c->resume.cb = on_resume;
	name_peer(c, a);
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	list_append(&s->conns, &c->link);
	s->n_conns++;
	settle(c);
}
