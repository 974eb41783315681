/*
 * A run's inbox in memory: what came for its waits and it has not judged yet. Rows that it has judged go
 * when that is durable, since the store may give them once more until then.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/store/store.h"

struct mail {
	uint64_t m;
	char *path, *what;
	struct event *event; /* NULL: told */
	json_t *body;        /* of what was told, or NULL */
	bool judged, gone;
};

struct mailbox {
	struct mail *at;
	size_t n, cap;
	bool fetching, again; /* something came while it was being read */
	struct store_inbox op;
};

void mailbox_done(struct mailbox *b);
/* Adds the rows that are not there yet. */
void mailbox_take(struct mailbox *b, const struct store_loaded *l);
/* The first row for a path that is not judged, or NULL. */
struct mail *mailbox_first(const struct mailbox *b, const char *path);
/* What was judged is durable: it goes. */
void mailbox_sweep(struct mailbox *b, const struct store_judged *j, size_t n);
