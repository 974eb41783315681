/* Answers: their heads, bodies and streams, and the output buffer they leave by. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "engine/io/conn.h"

enum {
	COPY_MAX = 16384, /* longer bodies are sent from where they are */
	STREAM_BEHIND_MAX = 1024 * 1024,
};

/* ---- the output buffer ---- */

static void out_add(struct server_conn *c, const void *data, size_t len)
{
	(void)buf_add(&c->out, data, len); /* has no maximum */
}

static void out_puts(struct server_conn *c, const char *s)
{
	out_add(c, s, strlen(s));
}

/* Marks `taken` bytes of the output as sent. */
static void out_taken(struct server_conn *c, size_t taken)
{
	c->out_at += taken;
	c->moved += taken;
	if (conn_unsent(c)) {
		/* A stream may never be sent to its end: what is gone must not stay in front of it. */
		if (c->out_at >= CONN_OUT_KEPT && c->out_at >= conn_unsent(c)) {
			buf_shift(&c->out, c->out_at);
			c->out_at = 0;
		}
		return;
	}
	c->out_at = 0;
	buf_clear(&c->out);
	if (c->out.cap > CONN_OUT_KEPT)
		buf_done(&c->out);
}

static bool is_again(int e)
{
	return e == EAGAIN || e == EWOULDBLOCK || e == EINTR;
}

void conn_flush(struct server_conn *c)
{
	if (c->broken || !conn_unsent(c))
		return;
	ssize_t n = send(c->fd, c->out.data + c->out_at, conn_unsent(c), MSG_NOSIGNAL);
	if (n < 0)
		c->broken = !is_again(errno);
	else
		out_taken(c, (size_t)n);
}

/* Sends what waits and data behind it; copies only what the socket does not take. */
static void send_through(struct server_conn *c, const void *data, size_t len)
{
	size_t waiting = conn_unsent(c);
	struct iovec iov[2] = {
		{.iov_base = waiting ? c->out.data + c->out_at : NULL, .iov_len = waiting},
		{.iov_base = (void *)data, .iov_len = len},
	};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n = c->broken ? 0 : sendmsg(c->fd, &m, MSG_NOSIGNAL);
	if (n < 0) {
		c->broken = !is_again(errno);
		n = 0;
	}
	size_t old = (size_t)n < waiting ? (size_t)n : waiting;
	size_t done = (size_t)n - old;
	c->moved += done;
	out_taken(c, old);
	out_add(c, (const char *)data + done, len - done);
}

/* ---- answers ---- */

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

static const char *date_of(struct server *s)
{
	int64_t now = loop_wall_ms(s->loop) / 1000;
	if (now == s->date_s && s->date[0])
		return s->date;
	struct tm tm;
	time_t t = (time_t)now;
	gmtime_r(&t, &tm);
	(void)strftime(s->date, sizeof(s->date), "\r\nDate: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	s->date_s = now;
	return s->date;
}

static void out_number(struct server_conn *c, size_t n)
{
	char text[24], *p = text + sizeof(text);
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	out_add(c, p, (size_t)(text + sizeof(text) - p));
}

/* Every line ends in CRLF, none is empty: no input may end the head. */
static bool is_lines(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((*p == '\r') != (p[1] == '\n') || (*p == '\n' && (p == s || p[1] == '\r')))
			return false;
	return !*s || (strlen(s) > 2 && strcmp(s + strlen(s) - 2, "\r\n") == 0 && *s != '\r');
}

/* Whether an answer brings a Date of its own, as one for a clock that was moved does. */
static bool has_date(const char *lines)
{
	for (const char *p = lines; p && *p; p = strchr(p, '\n') + 1)
		if (strncasecmp(p, "date:", 5) == 0)
			return true;
	return false;
}

/* The head but for what tells the body's length, and for the empty line. */
static void add_head(struct server_conn *c, int status, const char *type, const char *extra)
{
	assert(status >= 200 && status <= 999);
	assert(!type || !strpbrk(type, "\r\n"));
	assert(!extra || is_lines(extra));
	out_puts(c, "HTTP/1.1 ");
	out_number(c, (size_t)status);
	out_add(c, " ", 1);
	out_puts(c, reason(status));
	out_puts(c, has_date(extra) ? "\r\n" : date_of(c->server));
	if (type) {
		out_puts(c, "Content-Type: ");
		out_puts(c, type);
		out_puts(c, "\r\n");
	}
	if (!c->req.keep_alive)
		out_puts(c, "Connection: close\r\n");
	else if (c->request.old)
		out_puts(c, "Connection: keep-alive\r\n");
	if (extra)
		out_puts(c, extra);
}

static bool has_body(const struct server_conn *c, int status)
{
	return !c->request.is_head && status != 204 && status != 304;
}

/* A whole answer. */
static void add_answer(struct server_conn *c, int status, const char *type, const char *extra,
		       const void *body, size_t len)
{
	add_head(c, status, type, extra);
	if (status != 204 && status != 304) {
		out_puts(c, "Content-Length: ");
		out_number(c, len);
		out_puts(c, "\r\n");
	}
	out_puts(c, "\r\n");
	if (!has_body(c, status))
		return;
	if (len > COPY_MAX)
		send_through(c, body, len);
	else
		out_add(c, body, len);
}

void conn_send_continue(struct server_conn *c)
{
	out_puts(c, "HTTP/1.1 100 Continue\r\n\r\n");
}

void conn_refuse(struct server_conn *c, int status, const char *why)
{
	char body[256];
	int len = snprintf(
		body, sizeof(body),
		"{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
		reason(status), status, why);
	c->req.keep_alive = false;
	if (c->state == CONN_HEAD)
		c->request.is_head = false;
	add_answer(c, status, "application/problem+json", NULL, body, (size_t)len);
	c->last = c->linger = true;
	c->state = CONN_HEAD;
	conn_drop_input(c);
}

void server_reply(struct server_req *r, int status, const char *type, const char *extra,
		  const void *body, size_t len)
{
	struct server_conn *c = r->conn;
	assert(c->state == CONN_HANDLED);
	if (c->server->stopped && r->keep_alive) {
		r->keep_alive = false;
		c->linger = true;
	}
	add_answer(c, status, type, extra, body, len);
	conn_answered(c);
}

void server_stream(struct server_req *r, int status, const char *type)
{
	struct server_conn *c = r->conn;
	assert(c->state == CONN_HANDLED);
	if (c->request.old)
		r->keep_alive = false; /* the close is the end */
	add_head(c, status, type, "Cache-Control: no-store\r\n");
	out_puts(c, c->request.old ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
	c->state = CONN_STREAM;
	conn_flush(c);
	conn_park(c);
}

/* Gives the request up without a word to the handler, who learns it from a return value. */
static void stream_give_up(struct server_conn *c)
{
	c->req.on_gone = NULL;
	c->broken = true;
	if (!c->running)
		conn_close(c);
}

void server_drop(struct server_req *r)
{
	struct server_conn *c = r->conn;
	struct linger at_once = {.l_onoff = 1}; /* close sends RST, not FIN */
	assert(c->state == CONN_HANDLED);
	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	stream_give_up(c);
}

bool server_stream_write(struct server_req *r, const void *data, size_t len)
{
	struct server_conn *c = r->conn;
	assert(c->state == CONN_STREAM);
	if (len && !c->request.is_head) {
		char size[24];
		int n = snprintf(size, sizeof(size), "%zx\r\n", len);
		if (!c->request.old)
			out_add(c, size, (size_t)n);
		out_add(c, data, len);
		if (!c->request.old)
			out_add(c, "\r\n", 2);
	}
	conn_flush(c);
	if (c->broken || conn_unsent(c) > STREAM_BEHIND_MAX) {
		stream_give_up(c);
		return false;
	}
	conn_park(c);
	return true;
}

size_t server_stream_behind(const struct server_req *r)
{
	return conn_unsent(r->conn);
}

void server_stream_end(struct server_req *r)
{
	struct server_conn *c = r->conn;
	assert(c->state == CONN_STREAM);
	if (!c->request.old && !c->request.is_head)
		out_puts(c, "0\r\n\r\n");
	if (c->server->stopped)
		r->keep_alive = false;
	if (!r->keep_alive)
		c->linger = true;
	conn_answered(c);
}
