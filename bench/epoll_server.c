/* A plain epoll HTTP/1.1 server with ready-made answers: the least that a server can do. */
#include "bench/epoll_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX 16384
#define OUT_MAX 65536
#define EVENTS_MAX 256

/* Requests may be pipelined: answers gather in `out` and leave by one write. */
struct conn {
	int fd;
	size_t skip; /* bytes of a body that are still to come */
	size_t in_len, out_len;
	bool waits_to_write;
	char in[IN_MAX];
	char out[OUT_MAX];
};

static volatile sig_atomic_t ended;

static void on_signal(int signo)
{
	ended = 1;
}

/* Content-Length of a head, 0 when there is none; SIZE_MAX for what this server does not do. */
static size_t body_len(const char *head, size_t len)
{
	static const char name[] = "\r\ncontent-length:";
	const char *end = head + len;
	for (const char *p = head; p + sizeof(name) < end; p++) {
		if (*p == '\r' && !strncasecmp(p, name, sizeof(name) - 1))
			return strtoul(p + sizeof(name) - 1, NULL, 10);
		if (*p == '\r' && !strncasecmp(p, "\r\ntransfer-encoding:", 20))
			return SIZE_MAX;
	}
	return 0;
}

static void conn_free(struct conn *c)
{
	close(c->fd);
	free(c);
}

static void take_in(struct conn *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

/* Drops what has come of the current body. */
static void skip_body(struct conn *c)
{
	size_t n = c->skip < c->in_len ? c->skip : c->in_len;
	take_in(c, n);
	c->skip -= n;
}

/* Queues the answer to the request whose head stands at the start of `in`; the body is skipped. */
static bool take_request(struct conn *c, size_t head_len,
			 struct epoll_answer (*answer)(const char *, size_t))
{
	struct epoll_answer a = answer(c->in, head_len);
	size_t body = body_len(c->in, head_len);
	if (body == SIZE_MAX || a.len > OUT_MAX - c->out_len)
		return false;
	memcpy(c->out + c->out_len, a.text, a.len);
	c->out_len += a.len;
	take_in(c, head_len);
	c->skip = body;
	return true;
}

/* Answers all that is complete. False when the peer sent what this server does not do. */
static bool conn_answer(struct conn *c, struct epoll_answer (*answer)(const char *, size_t))
{
	for (;;) {
		if (c->skip)
			skip_body(c);
		if (c->skip || !c->in_len)
			return true;
		const char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
		if (!end)
			return c->in_len < IN_MAX;
		if (!take_request(c, (size_t)(end - c->in) + 4, answer))
			return false;
	}
}

/* Writes what it can, unless a body is still to come. False when the peer is gone. */
static bool conn_write(struct conn *c, int epoll)
{
	ssize_t n = 0;
	if (c->out_len && !c->skip)
		n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return false;
	if (n > 0) {
		memmove(c->out, c->out + n, c->out_len - (size_t)n);
		c->out_len -= (size_t)n;
	}
	bool wait = c->out_len && !c->skip;
	if (wait == c->waits_to_write)
		return true;
	c->waits_to_write = wait;
	struct epoll_event ev = {.events = EPOLLIN | (wait ? EPOLLOUT : 0), .data.ptr = c};
	return epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev) == 0;
}

static void conn_serve(struct conn *c, int epoll,
		       struct epoll_answer (*answer)(const char *, size_t))
{
	ssize_t n = recv(c->fd, c->in + c->in_len, IN_MAX - c->in_len, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		conn_free(c);
		return;
	}
	c->in_len += n > 0 ? (size_t)n : 0;
	if (!conn_answer(c, answer) || !conn_write(c, epoll))
		conn_free(c);
}

static void accept_one(int listener, int epoll)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = fd < 0 ? NULL : malloc(sizeof(*c));
	if (!c)
		return;
	c->fd = fd;
	c->skip = c->in_len = c->out_len = 0;
	c->waits_to_write = false;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		conn_free(c);
}

/* The listening socket, or -1; tells the port on stdout. */
static int listen_on(int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		perror("listen");
		return -1;
	}
	printf("port %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

int epoll_serve(int port, struct epoll_answer (*answer)(const char *head, size_t len))
{
	struct epoll_event events[EVENTS_MAX], ev = {.events = EPOLLIN};
	struct sigaction act = {.sa_handler = on_signal};
	int listener = listen_on(port), epoll = epoll_create1(EPOLL_CLOEXEC);
	if (listener < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev) < 0)
		return 3;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	while (!ended) {
		int n = epoll_wait(epoll, events, EVENTS_MAX, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				conn_serve(events[i].data.ptr, epoll, answer);
			else
				accept_one(listener, epoll);
		}
	}
	return 0;
}

int epoll_port_arg(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	char *end;
	long port = strtol(argv[1], &end, 10);
	return *end || port < 0 || port > 65535 ? -1 : (int)port;
}
