/*
 * Answers of reads, kept in memory for a while, for all runs: bounded, the least used goes first.
 *
 * Whoever asks for what is not there gets the seat of the one who fetches it; others that ask for the
 * same meanwhile wait for it instead of fetching it too.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "actions/catalogue.h"
#include "engine/base/hash.h"
#include "engine/base/list.h"

#define CACHE_BYTES (16 * 1024 * 1024)
#define CACHE_ENTRY_BYTES (1024 * 1024) /* a longer answer is not kept */

struct cache;
struct cache_entry;

/* A place at an entry, in its owner's memory; zeroed before the first use. */
struct cache_seat {
	/* A waiter is told once, from within another's call: ask again, on a later turn. */
	void (*cb)(struct cache_seat *s);
	/* private */
	struct cache *cache;
	struct cache_entry *entry; /* NULL: at none */
	struct link link;
};

enum cache_found {
	CACHE_HIT,  /* *ret is the answer, a new reference */
	CACHE_LEAD, /* fetch it, then cache_put() or cache_leave() */
	CACHE_WAIT, /* another fetches it: cb comes, or cache_leave() ends the waiting */
};

/* Limits of 0 take the defaults above. */
struct cache *cache_new(size_t bytes, size_t entry_bytes);
/* All seats have left. NULL is fine. */
void cache_free(struct cache *c);
/* The name of a call's answer: equal calls have equal ones. extra: what else makes it another, or NULL. */
const char *cache_key(const char *connection, const char *base_url, const struct action *a,
		      const json_t *params, const json_t *extra, char out[HASH_HEX_LEN]);
/* An answer that is at most max_age_ms old at `now`, or a seat. The seat must be at no entry. */
enum cache_found cache_ask(struct cache *c, const char *key, int64_t now, int64_t max_age_ms,
			   struct cache_seat *s, json_t **ret);
/* The leader has the answer; its seat is left. Too long a one is only given up. */
void cache_put(struct cache_seat *s, const json_t *answer, int64_t now);
/* Leaves; a leader's waiters are told, and the next one that asks leads. Fine at no entry. */
void cache_leave(struct cache_seat *s);
/* Bytes kept now. */
size_t cache_bytes(const struct cache *c);
