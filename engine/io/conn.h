/*
 * A listener's connection, shared by the files that make up the server: server.c accepts, conn.c reads
 * requests and keeps deadlines, answer.c writes. Private to engine/io.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/base/buf.h"
#include "engine/base/list.h"
#include "engine/io/loop.h"
#include "engine/io/request.h"
#include "engine/io/server.h"

enum {
	CONN_OUT_KEPT = 65536, /* of the output buffer between answers */
	CONN_SPARE_MAX = 64,   /* closed connections kept for the next ones */
};

enum conn_state {
	CONN_HEAD,
	CONN_BODY,
	CONN_HANDLED, /* the handler has the request */
	CONN_STREAM,  /* the same, and its answer has begun */
	CONN_LINGER, /* all is answered: reads on, so that the close does not take the answer back */
};

/* What a deadline is kept for. */
enum conn_phase { PHASE_NONE, PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_WRITE, PHASE_LINGER };

struct server_conn {
	struct link link; /* in the server's list of open, or of spare ones */
	struct server *server;
	int fd;
	struct loop_watch watch;
	struct loop_timer timer; /* rarely moved: it looks at the deadline when it fires */
	struct loop_task resume; /* goes on with pipelined input after a late reply */
	enum conn_state state;
	enum conn_phase phase;
	int64_t since, deadline; /* of the phase, boot ms */
	size_t moved;            /* bytes since then */
	int queued;              /* bytes that the socket held then, not yet taken by the peer */
	bool running;            /* inside the loop over the input */
	bool eof, broken;        /* the peer closed its side; nothing can be sent any more */
	bool last;               /* close after what is to be sent */
	bool linger;             /* and not at once */
	bool skipped;            /* an empty line in front of this request */

	/* The input; all places but in_at, in_len and in_cap count from in_at, the request's start. */
	char *in;
	size_t in_at, in_len, in_cap;
	size_t scanned; /* without the end of the head */
	size_t body_at, body_len, next;
	char behind; /* the byte that the NUL behind the body took */
	bool has_behind;

	struct buf out;
	size_t out_at; /* sent already */

	struct request request;
	struct server_req req;
	char peer[INET6_ADDRSTRLEN];
};

struct server {
	struct loop *loop;
	struct server_config config;
	int fd, port;
	struct loop_watch watch;
	struct loop_timer back_off;
	struct link conns, spare;
	size_t n_conns, n_spare, open;
	bool stopped;
	int64_t date_s; /* the second that `date` tells */
	char date[64];
};

/* ---- server.c ---- */

/* A connection ended: accepts again if that was the hindrance. */
void server_resume_accept(struct server *s);

/* ---- conn.c ---- */

/* Takes over an accepted socket. */
void conn_open(struct server *s, int fd, const struct sockaddr_storage *peer);
/* Tells the handler of an open request. */
void conn_close(struct server_conn *c);
/* Frees a spare one. */
void conn_free(struct server_conn *c);
/* The answer is complete: the next request may begin. */
void conn_answered(struct server_conn *c);
/* Inside an answer: waits for what comes next, but leaves closing to a later moment. */
void conn_park(struct server_conn *c);
/* Forgets all input. */
void conn_drop_input(struct server_conn *c);

/* ---- answer.c ---- */

static inline size_t conn_unsent(const struct server_conn *c)
{
	return c->out.len - c->out_at;
}
/* Sends what the socket takes; sets c->broken when it is dead. */
void conn_flush(struct server_conn *c);
void conn_send_continue(struct server_conn *c);
/* Refuses what is no request, and with it all that follows on the connection. */
void conn_refuse(struct server_conn *c, int status, const char *why);
