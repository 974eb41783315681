/*
 * How waits and events find each other, durably and without memory.
 *
 * An event is kept under keys, a wait looks for keys: 16 bytes each, made of an event type, field paths
 * and their values by whoever submits. What meets lies in the run's inbox until the run has judged it.
 *
 *   event, later than the wait:  accept puts it into the inbox
 *   event, earlier:              opening the wait looks back, oldest first
 *   a person, a sub-run's end:   told by path
 *
 * A wait that judges nothing takes what meets it; then no rule starts for that event but those that
 * say so (`awaited`). While a wait has still to judge it, those runs stand at its gate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY_LEN 16
/* Rows of the past that one look back puts into an inbox; it goes on when they are judged. */
#define STORE_LOOK_BACK_MAX 64

struct store_key {
	unsigned char b[STORE_KEY_LEN];
};

static inline bool store_key_is_zero(const struct store_key *k)
{
	for (size_t i = 0; i < STORE_KEY_LEN; i++)
		if (k->b[i])
			return false;
	return true;
}

enum store_wait_from {
	FROM_SEQ,  /* events later than `seq` */
	FROM_RUN,  /* later than the run's own event */
	FROM_MARK, /* later than the run's mark (store_append.mark), or FROM_RUN without one */
};

/* Opens or closes what one path of a run waits for. */
struct store_wait {
	const char *path;     /* "" waits as long as the run lives: what meets it cancels the run */
	bool close;           /* instead: nothing more for this path, and its inbox rows go */
	const char *what;     /* "event", "person", "run": for lists */
	struct store_key key; /* zero: only what is told by path */
	bool judge;           /* the run looks at what meets the key before it takes it */
	enum store_wait_from from;
	uint64_t seq;
	const char
		*shape; /* how keys like this one are made of events; kept until the last such wait
			    * closes; NULL: none */
	const char *note; /* JSON text for lists, or NULL */
};

/* What a run said about a row of its inbox. */
struct store_judged {
	uint64_t m;
	bool took; /* else it is let go; an event is taken by one wait of a run only */
};

/* A row of an inbox, oldest first. */
struct store_inbox_row {
	uint64_t m;
	const char *path, *what;   /* what: "event", or what it was told as */
	struct store_event *event; /* NULL: what was told */
	const char *body;          /* JSON text; of what was told */
	size_t len;
};
