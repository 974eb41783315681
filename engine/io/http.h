/*
 * Outgoing HTTP by libcurl's multi interface on the loop. The request struct is the caller's.
 *
 * Once a byte of a request has left it is never sent a second time by libcurl itself, unless it is a
 * GET or HEAD without body: bodies are given by a read callback that cannot be rewound, and a second
 * start is refused before it leaves. A reused connection that dies so ends in ERR_NETWORK, HTTP_SENT.
 * Redirects are not followed. Only http and https, HTTP/1.1, no user in the URL; no proxy or .netrc
 * from the environment; no Expect; no signals. POST, PUT and PATCH without a body get an empty one.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/list.h"
#include "engine/io/loop.h"

struct http;
struct http_easy;

/* Who sends a request and why, for what stands in the place of the network. */
struct http_about {
	const char *connection, *action; /* NULL: no action's */
	const char *run, *path;          /* the step; NULL outside of runs */
	const char *step;                /* its name, or NULL */
	const json_t *input; /* the step's parameters; NULL: it is not the step's own request */
};

/* Neither may hold CR, LF or other control bytes; what frames the message cannot be given. */
struct http_header {
	const char *name, *value;
};

/* Where a failed request stood: what decides between "refused" and "in doubt". */
enum http_reach {
	HTTP_NOT_SENT, /* no byte of the request left: it had no effect */
	HTTP_SENT,     /* bytes left, no complete answer came back */
	HTTP_ANSWERED, /* a complete answer */
};

/*
 * Lives in its owner's memory from http_start until its callback; zeroed before use. The strings
 * and the body are borrowed for the same time.
 */
struct http_req {
	/* in */
	const char *method, *url;
	const struct http_header *headers;
	size_t n_headers;
	const void *body;
	size_t body_len;
	bool has_body; /* an empty body is sent too, with Content-Length: 0 */
	/*
	 * Instead of `body`: gives the next bytes of the body_len ones, at most max, in order and each
	 * once only, which is why it cannot be sent twice. 0 or less ends the request with ERR_IO; then
	 * the peer has a part of it. Must not call http_*.
	 */
	ssize_t (*read)(struct http_req *r, void *to, size_t max);
	int64_t timeout_ms; /* for the whole exchange; 0: 30 s */
	int64_t stall_ms; /* nothing moves for so long: ERR_TIMEOUT; whole seconds, 0: not asked */
	/* 0: 8 MiB. Over it: ERR_TOOBIG, reach HTTP_SENT, `answer` holds the start. Also for save_fd. */
	size_t answer_max;
	int save_fd; /* > 0: a 2xx answer's body is written there instead of into `answer` */
	bool fresh;  /* never on a reused connection */
	struct http_about about;
	/*
	 * May refuse an address (returns false): egress rules on the resolved address, asked for new
	 * connections and again for a reused one. Then ERR_FORBIDDEN. NULL: all. Must not call http_*.
	 */
	bool (*addr_ok)(struct http_req *r, const struct sockaddr *addr);
	void (*cb)(struct http_req *r); /* once; never from inside http_start */

	/* out, valid in the callback and until the owner reuses or http_req_done()s it */
	int err; /* 0 when an answer came (whatever its status), else ERR_NETWORK … */
	struct errmsg msg;
	enum http_reach reach;
	int status;
	struct buf answer;
	struct buf
		answer_headers; /* "name: value\n" lines, names in lower case, last answer only */
	int64_t saved;          /* bytes written to save_fd */

	/* private */
	struct link link;
	struct http *http;
	struct http_easy *easy;
	size_t body_at;
	int save_errno;
	bool refused, too_big, head_done, unread;
	struct loop_task task;
	struct loop_timer timer; /* offline: when its answer is there */
};

/* connections_max: idle connections kept. Errors: NULL only when libcurl cannot start. */
struct http *http_new(struct loop *l, size_t connections_max);
/*
 * One that has no network: `answer` fills the request's results (err, msg, reach, status, answer,
 * answer_headers) when it would have left, and returns how many ms later the answer is there. What is
 * cancelled before that has been answered all the same. Nothing holds the loop's clock meanwhile.
 */
typedef int64_t (*http_answer_cb)(void *arg, struct http_req *r);
struct http *http_new_offline(struct loop *l, http_answer_cb answer, void *arg);
/* All of a request's body; malloc'd, a NUL behind it. For an offline client's answer, once. */
char *http_req_body(struct http_req *r, size_t *ret_len);
/* Cancels what is under way (callbacks with ERR_CANCELLED) and frees. Not from a request's callback. */
void http_free(struct http *h);

/* Starts; any failure, of the URL too, comes by the callback. */
void http_start(struct http *h, struct http_req *r);
/* The callback comes with ERR_CANCELLED, from the next turn. Does nothing when not under way. */
void http_cancel(struct http_req *r);
/* Frees the answer's buffers; the struct may be used again. Not while under way. */
void http_req_done(struct http_req *r);
/* Value of an answer's header (name in lower case) copied into out; NULL when missing. */
const char *http_answer_header(const struct http_req *r, const char *name, char *out, size_t max);
/* How many requests are under way. */
size_t http_inflight(const struct http *h);
