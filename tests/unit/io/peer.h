/* Raw sockets on the loopback for tests: a client that says any bytes, and helpers to drive a loop. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/io/loop.h"

/* A non-blocking client socket, connected to the port; it holds little that was not read. */
static inline int peer_connect(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, small = 65536;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return -1;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Turns the loop a few times without sleeping: loopback delivers at once. */
static inline void peer_turn(struct loop *l, int turns)
{
	while (turns-- > 0)
		(void)loop_run_once(l, false);
}

/* Adds to b what has come; false once the other side has closed or reset. */
static inline bool peer_read(int fd, struct buf *b)
{
	char part[65536];
	ssize_t n;
	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		(void)buf_add(b, part, (size_t)n);
	return n < 0 && errno == EAGAIN;
}

/* Closes so that the other side sees a reset. */
static inline void peer_reset(int fd)
{
	struct linger l = {.l_onoff = 1};
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}
