/* A plain epoll HTTP/1.1 server with ready-made answers: the least that a server can do. */
#pragma once

#include <stddef.h>

/* A whole answer, head and body. */
struct epoll_answer {
	const char *text;
	size_t len;
};

/*
 * Listens on 127.0.0.1:port (0: a free one), prints `port N` on stdout and serves on one thread
 * until SIGTERM or SIGINT. answer() is called once a request with its head (not NUL-terminated), the
 * body has been read and dropped by then. Returns the program's exit code.
 */
int epoll_serve(int port, struct epoll_answer (*answer)(const char *head, size_t len));
/* The port of argv[1], 0 when there is none, -1 when it is no number. */
int epoll_port_arg(int argc, char **argv);
