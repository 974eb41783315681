/* The bench's reference: answers any request with 202 and an id, and keeps nothing. */
#include <stdio.h>

#include "bench/epoll_server.h"

static struct epoll_answer on_request(const char *head, size_t len)
{
	static const char accepted[] = "HTTP/1.1 202 Accepted\r\n"
				       "Content-Type: application/json\r\n"
				       "Content-Length: 45\r\n\r\n"
				       "{\"id\":\"01936000-0000-7000-8000-000000000000\"}";
	return (struct epoll_answer){accepted, sizeof(accepted) - 1};
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
