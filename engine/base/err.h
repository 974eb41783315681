/* Error codes: their stable names, what a retry may do about them, and the reason in words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* How a retry looks at an error. Nothing else decides whether a step is tried again. */
enum err_class {
	ERR_PERMANENT, /* the same request would fail again */
	ERR_TRANSIENT, /* the same request may succeed later */
	ERR_UNCERTAIN, /* it is not known whether the request had its effect */
};

/*
 * X(CODE, class, name, text). `name` is what users see and match in `catch:`; the names of the
 * first block are frozen under `api: pawl/1`, those of the second are the program's own.
 */
#define ERR_MAP(X)                                                                                 \
	X(THROTTLED, TRANSIENT, "throttled", "too many requests at once")                          \
	X(QUOTA, TRANSIENT, "quota_exceeded", "the day's quota is used up")                        \
	X(NETWORK, TRANSIENT, "network", "the peer could not be reached")                          \
	X(TIMEOUT, TRANSIENT, "timeout", "timed out")                                              \
	X(SERVER, TRANSIENT, "5xx", "the server failed")                                           \
	X(AUTH, PERMANENT, "auth", "not authenticated")                                            \
	X(FORBIDDEN, PERMANENT, "forbidden", "not allowed")                                        \
	X(NOT_FOUND, PERMANENT, "not_found", "not found")                                          \
	X(CONFLICT, TRANSIENT, "conflict", "changed by someone else at the same time")             \
	X(EXISTS, PERMANENT, "exists", "exists already")                                           \
	X(INVALID, PERMANENT, "invalid", "not valid")                                              \
	X(REJECTED, PERMANENT, "rejected", "rejected")                                             \
	X(LIMIT, PERMANENT, "limit", "over a limit")                                               \
	X(IN_DOUBT, UNCERTAIN, "in_doubt", "not known whether it was done")                        \
	X(SCRIPT, PERMANENT, "script", "an expression or script failed")                           \
	X(CANCELLED, PERMANENT, "cancelled", "cancelled")                                          \
	X(FAILED, PERMANENT, "failed", "failed")                                                   \
	X(TOOBIG, PERMANENT, "too_big", "larger than allowed")                                     \
	X(POISON, PERMANENT, "poison", "the service crashed on it each time")                      \
	/* the program's own */                                                                    \
	X(PARSE, PERMANENT, "parse", "cannot be read")                                             \
	X(IO, TRANSIENT, "io", "input or output failed")                                           \
	X(STORE, TRANSIENT, "store", "the store failed")                                           \
	X(LOCKED, PERMANENT, "locked", "in use by another process")                                \
	X(FENCED, PERMANENT, "fenced", "owned by someone else by now")                             \
	X(CLAIMED, PERMANENT, "claimed", "claimed by another effect")                              \
	X(BUSY, TRANSIENT, "busy", "the queue is full")                                            \
	X(USAGE, PERMANENT, "usage", "wrong use")                                                  \
	X(NOMEM, PERMANENT, "memory", "out of memory")

enum err_code {
	ERR_OK = 0,
#define X(code, class, name, text) ERR_##code##_,
	ERR_MAP(X)
#undef X
		ERR_COUNT
};

/* What functions return: 0 or one of these negative values. */
enum {
#define X(code, class, name, text) ERR_##code = -ERR_##code##_,
	ERR_MAP(X)
#undef X
};

/* A human's reason; written on failure only. Callers put their context in front. */
struct errmsg {
	int code;
	char text[512];
};

/* The stable name of a negative code ("throttled"); "ok" for 0; "unknown" for anything else. */
const char *err_name(int code);
/* The general text of a code ("too many requests at once"). */
const char *err_text(int code);
enum err_class err_class(int code);
/* The code of a stable name, or 0 when there is none. */
int err_by_name(const char *name);

/* Sets msg (which may be NULL) and returns code. */
int err_set(struct errmsg *msg, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "context: " in front of what msg says; returns msg->code. */
int err_wrap(struct errmsg *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
