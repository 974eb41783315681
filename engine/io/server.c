/* The listener: addresses, accepting, and the life of the server as a whole. */
#include "engine/io/server.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/io/conn.h"

enum {
	BACK_OFF_MS = 100, /* no accept() after descriptors ran out */
	ACCEPTS_A_TURN = 64,
};

void server_resume_accept(struct server *s)
{
	bool on = !s->stopped && !loop_timer_is_on(&s->back_off) &&
		  s->n_conns < s->config.connections_max;
	if (s->fd >= 0)
		loop_watch_set(s->loop, &s->watch, s->fd, on ? LOOP_READ : 0);
}

static void on_back_off_over(struct loop_timer *t)
{
	server_resume_accept(container_of(t, struct server, back_off));
}

/* Without descriptors or memory the waiting connection would wake the loop without end. */
static void accept_failed(struct server *s, int e)
{
	if (e == EMFILE || e == ENFILE || e == ENOBUFS || e == ENOMEM)
		loop_timer_start(s->loop, &s->back_off, BACK_OFF_MS);
}

static void on_accept(struct loop_watch *w, int events)
{
	struct server *s = container_of(w, struct server, watch);
	for (int i = 0; i < ACCEPTS_A_TURN && s->n_conns < s->config.connections_max; i++) {
		struct sockaddr_storage a = {0};
		socklen_t len = sizeof(a);
		int fd = accept4(s->fd, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			accept_failed(s, errno);
			break;
		}
		conn_open(s, fd, &a);
	}
	server_resume_accept(s);
}

/* "host:port" or "[v6]:port" into its two parts; false when it is neither. */
static bool split_address(const char *text, char host[256], const char **ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	if (!len || len >= 256)
		return false;
	bool v6 = text[0] == '[' && text[len - 1] == ']';
	snprintf(host, 256, "%.*s", (int)(v6 ? len - 2 : len), text + v6);
	*ret_port = colon + 1;
	size_t digits = strspn(colon + 1, "0123456789");
	return host[0] && (v6 || !strchr(host, ':')) && digits >= 1 && digits <= 5 &&
	       !colon[1 + digits] && strtol(colon + 1, NULL, 10) <= 65535;
}

static int listen_on(const struct addrinfo *a, const char *text, struct errmsg *msg)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		return err_set(msg, ERR_IO, "socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	int e = errno;
	close(fd);
	return err_set(msg, ERR_IO, "listen on '%s': %s", text, strerror(e));
}

static int listen_at(const char *text, struct errmsg *msg)
{
	char host[256];
	const char *port;
	struct addrinfo *list,
		hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	if (!split_address(text, host, &port))
		return err_set(msg, ERR_USAGE, "'%s' is not HOST:PORT", text);
	int rc = getaddrinfo(host, port, &hints, &list);
	if (rc)
		return err_set(msg, ERR_USAGE, "address '%s': %s", text, gai_strerror(rc));
	int fd = listen_on(list, text, msg);
	freeaddrinfo(list);
	return fd;
}

static int bound_port(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &len))
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					     : ((struct sockaddr_in *)&a)->sin_port);
}

struct server *server_new(struct loop *l, const struct server_config *config, struct errmsg *msg)
{
	int fd = listen_at(config->listen, msg);
	if (fd < 0)
		return NULL;
	struct server *s = mem_alloc(sizeof(*s));
	s->loop = l;
	s->config = *config;
	s->config.listen = NULL; /* only borrowed for this call */
	if (!s->config.body_max)
		s->config.body_max = 1024 * 1024;
	if (!s->config.connections_max)
		s->config.connections_max = 4096;
	s->fd = fd;
	s->port = bound_port(fd);
	s->watch.cb = on_accept;
	s->back_off.cb = on_back_off_over;
	list_init(&s->conns);
	list_init(&s->spare);
	server_resume_accept(s);
	return s;
}

static void listener_close(struct server *s)
{
	loop_timer_stop(s->loop, &s->back_off);
	loop_watch_done(&s->watch);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void server_stop(struct server *s)
{
	s->stopped = true;
	listener_close(s);
	list_each_safe (k, &s->conns) {
		struct server_conn *c = container_of(k, struct server_conn, link);
		if (c->phase == PHASE_IDLE && !c->running)
			conn_close(c);
	}
}

size_t server_open(const struct server *s)
{
	return s->open;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	s->stopped = true;
	listener_close(s);
	while (!list_empty(&s->conns))
		conn_close(container_of(s->conns.next, struct server_conn, link));
	for (struct link *k; (k = list_shift(&s->spare));)
		conn_free(container_of(k, struct server_conn, link));
	free(s);
}

int server_port(const struct server *s)
{
	return s->port;
}

const char *server_req_header(const struct server_req *r, const char *name, size_t *ret_count)
{
	const char *value = NULL;
	size_t count = 0;
	for (size_t i = 0; i < r->n_headers; i++) {
		if (strcmp(r->headers[i].name, name) != 0)
			continue;
		if (!count++)
			value = r->headers[i].value;
	}
	if (ret_count)
		*ret_count = count;
	return value;
}
