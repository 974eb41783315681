/* Answers as JSON, and refusals as problem details (RFC 9457). */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/err.h"
#include "engine/io/server.h"

/* Takes v. */
void reply_json(struct server_req *r, int status, json_t *v);
/* extra: complete header lines, or NULL. The detail is a sentence for people. */
void reply_problem(struct server_req *r, int status, const char *extra, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The status that an error of ours means to a client. */
int reply_status(int err);
/* A problem with that status; with Retry-After where it may be asked again. */
void reply_error(struct server_req *r, int err, const char *text);

/* A query parameter as a number from 1 to max, def when it is not there; -1: it is none. */
long long query_number(const struct server_req *r, const char *name, long long max, long long def);
