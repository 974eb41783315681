/* An event in memory: its envelope and its data, parsed once. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/store/store.h"

#define RUN_TYPE "run." /* the types of events that tell of ended runs begin so */

/* Counted; shared by the runs it starts. */
struct event {
	unsigned refs;
	struct id id;
	uint64_t seq; /* 0 until accepted */
	char *source, *ext_id, *type, *subject;
	bool conversation; /* source begins with "/conversations/" */
	int64_t time, received;
	char *extra; /* JSON object text {headers, query, path}: merged into the envelope; or NULL */
	char *body;  /* data as JSON text, as it came */
	size_t body_len;
	json_t *data;     /* parsed; may be NULL (no data) */
	json_t *envelope; /* what expressions see as `event` ({id, type, source, subject, time, headers, data}); made on demand */
	bool dedupe;
	unsigned char fp[16];
	int64_t dedupe_ms;
};

/* Copies the texts. data: taken, may be NULL; body: its text. */
struct event *event_new(struct id id, const char *type, const char *source, const char *subject,
			const char *ext_id, int64_t time, int64_t received, json_t *data,
			const char *body, size_t body_len);
struct event *event_from_store(const struct store_event *ev, struct errmsg *msg);
struct event *event_ref(struct event *e);
void event_unref(struct event *e);
/* What expressions see as `event`; borrowed. */
json_t *event_envelope(struct event *e);
/* Fills the store's view of it (borrowed pointers). */
void event_to_store(const struct event *e, const char *ruleset, struct store_event *ret);
/* Sets the dedupe fingerprint from (source, id). */
void event_dedupe_by_id(struct event *e, int64_t window_ms);
/* … from a hash of (source, body): for senders without ids. */
void event_dedupe_by_body(struct event *e, int64_t window_ms);
