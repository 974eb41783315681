/*
 * The HTTP/1.1 listener: llhttp behind the strict gate on plain libev sockets.
 *
 * Deadlines are absolute from the first byte: head 10 s, body 10 s + what has come at 1 KiB/s (408);
 * answers must be taken at the same rate; an idle keep-alive connection is closed after 60 s. Head at
 * most 16 KiB and 100 headers (431), body at most `body_max` (413). At most `connections_max`
 * connections; over it, and for 100 ms when descriptors run out, the listener does not accept.
 * Pipelined requests are answered in order, one at a time; what was answered at once leaves in one
 * piece. What the server refuses by itself gets problem details (RFC 9457) and the connection closes.
 * A body announced by `Expect: 100-continue` is asked for when its length is allowed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/io/loop.h"

struct server;
struct server_conn;

struct server_header {
	const char *name; /* lower case */
	const char *value;
};

/* One request; borrowed by the handler until it calls server_reply (or the cancel callback comes). */
struct server_req {
	const char *method, *path,
		*query; /* path as sent (not decoded), query without '?', "" when none */
	const struct server_header *headers;
	size_t n_headers;
	const char *body; /* NUL-terminated behind body_len */
	size_t body_len;
	const char *peer; /* the address, without port */
	bool keep_alive;
	void *user; /* the handler's */
	/*
	 * Set by the handler when it may reply later: called when the client is gone before; the request
	 * must then not be replied to. A client that only closed its sending half still waits for its
	 * answer, unless that is a stream.
	 */
	void (*on_gone)(struct server_req *r);
	struct server_conn *conn;
};

struct server_config {
	const char *listen;     /* "127.0.0.1:8080", "[::1]:0"; port 0 takes a free one */
	size_t body_max;        /* 0: 1 MiB */
	size_t connections_max; /* 0: 4096 */
	/* Called with a whole request; must lead to exactly one server_reply/…_stream/…_drop, now or
	 * later. */
	void (*handle)(void *arg, struct server_req *r);
	void *arg;
};

/* Binds and listens. NULL on error (ERR_USAGE address, ERR_IO bind). */
struct server *server_new(struct loop *l, const struct server_config *c, struct errmsg *msg);
/* Stops accepting and closes idle connections; open requests go on, then theirs close too. */
void server_stop(struct server *s);
/* Requests handed to the handler and not answered yet. */
size_t server_open(const struct server *s);
/* Closes all connections, with on_gone for open requests. Accepts NULL. Not from inside a handler. */
void server_free(struct server *s);
/* The bound port. */
int server_port(const struct server *s);

/*
 * Answers. type: NULL for none. extra: complete "Name: value\r\n" lines or NULL. Values are checked
 * for CR and LF by an assert: they never come from input. body is copied.
 */
void server_reply(struct server_req *r, int status, const char *type, const char *extra,
		  const void *body, size_t len);
/* Instead of an answer: resets the connection, and with it earlier answers not yet sent. */
void server_drop(struct server_req *r);
/* Begins an answer of unknown length (Server-Sent Events). Each write is a chunk. */
void server_stream(struct server_req *r, int status, const char *type);
/*
 * False when the client is gone or 1 MiB behind: the stream is then closed by the server, on_gone does
 * not come, and the request must not be touched again.
 */
bool server_stream_write(struct server_req *r, const void *data, size_t len);
void server_stream_end(struct server_req *r);
/* Bytes written that the client has not taken yet: who sends much waits while there are many. */
size_t server_stream_behind(const struct server_req *r);

/* Value of a header (lower-case name), or NULL. *ret_count, when given, says how often it came. */
const char *server_req_header(const struct server_req *r, const char *name, size_t *ret_count);
/* Percent-decodes a query parameter into a malloc'd text; NULL when missing or malformed. */
char *server_req_query(const struct server_req *r, const char *name);
/* Percent-decodes (plus: '+' is a blank) into malloc'd text; NULL on malformed escapes or NUL. */
char *url_decode(const char *text, size_t len, bool plus);
/* Percent-encodes all but RFC 3986 unreserved bytes; `keep` lists further bytes to leave alone. */
int url_encode(struct buf *b, const char *text, size_t len, const char *keep);
