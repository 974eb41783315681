/*
 * The API at the other end of the bench's calls: answers any request with 200 and a small object.
 *
 * It counts the PUT requests, which are the last call of a run of the three-call rule; GET /count
 * tells how many there were.
 */
#include <stdio.h>
#include <string.h>

#include "bench/epoll_server.h"

static unsigned long puts_seen;

static struct epoll_answer tell_count(void)
{
	static char text[160];
	char body[40];
	int body_len = snprintf(body, sizeof(body), "{\"count\":%lu}", puts_seen);
	int len = snprintf(text, sizeof(text),
			   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			   "Content-Length: %d\r\n\r\n%s",
			   body_len, body);
	return (struct epoll_answer){text, (size_t)len};
}

static struct epoll_answer on_request(const char *head, size_t len)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n"
				 "Content-Type: application/json\r\n"
				 "Content-Length: 20\r\n\r\n"
				 "{\"ok\":true,\"id\":\"1\"}";
	if (len > 11 && !memcmp(head, "GET /count ", 11))
		return tell_count();
	if (len > 4 && !memcmp(head, "PUT ", 4))
		puts_seen++;
	return (struct epoll_answer){ok, sizeof(ok) - 1};
}

int main(int argc, char **argv)
{
	int port = epoll_port_arg(argc, argv);
	if (port < 0) {
		fprintf(stderr, "usage: %s [PORT]\n", argv[0]);
		return 2;
	}
	return epoll_serve(port, on_request);
}
