/*
 * One HTTP/1.1 request being read: the gate and llhttp over its head and its chunks, in place.
 * Private to engine/io; the connection's buffer belongs to the caller and may move between calls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <llhttp.h>

#include "engine/io/gate.h"
#include "engine/io/server.h"

enum { REQUEST_HEADERS_MAX = 100, REQUEST_HEAD_MAX = 16 * 1024 };

/* A piece of the head, from its first byte on. */
struct request_span {
	uint32_t at, len;
};

/* Needs no initialisation; nothing to free. */
struct request {
	/* out, after request_head */
	bool keep_alive, chunked, old /* HTTP/1.0 */, is_head /* method HEAD */;
	bool expects;    /* 100-continue */
	uint64_t length; /* of the body, 0 when chunked */

	/* private */
	llhttp_t parser;
	struct gate_chunks chunks;
	const char *head; /* only while it is parsed */
	bool in_value, got_head, got_all, too_many;
	struct request_span target;
	struct request_span names[REQUEST_HEADERS_MAX], values[REQUEST_HEADERS_MAX];
	size_t n_headers;
	char *decoded; /* where the next byte of a chunked body goes */
	struct server_header headers[REQUEST_HEADERS_MAX];
};

/* head: to and including the empty line. 0, or the status to answer (400, 417, 431, 501, 505). */
int request_head(struct request *q, const char *head, size_t len, const char **ret_why);
/*
 * Decodes raw chunked bytes to `to`, which may be the same place or one before it. Returns how many
 * raw bytes it took (all until the body is done, then q->chunks.done), or -1; *ret_len: bytes written.
 */
ssize_t request_chunks(struct request *q, const char *raw, size_t len, char *to, size_t *ret_len,
		       const char **ret_why);
/* Fills method to n_headers and keep_alive of r: texts inside head, which is changed for that. */
void request_finish(struct request *q, char *head, struct server_req *r);
