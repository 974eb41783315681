/*
 * A run's journal in memory: what the store gave (folded by path, for replay) and what is buffered
 * for the next commit.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/list.h"
#include "engine/base/map.h"
#include "engine/store/store.h"

/* One record at a path. */
struct jrec {
	struct jrec *next;
	uint32_t n;
	enum rec_type type;
	int64_t at;
	json_t *body; /* owned; NULL: none */
};

/* All records of one path, oldest first. */
struct jpath {
	struct jrec *first, *last;
};

/* What a load gave, until the activations of its paths take it. */
struct fold {
	struct map paths; /* path → struct jpath */
	uint32_t last_n;
	uint32_t cancelled; /* n of the C record that stands in it; 0: none */
	bool ended;         /* an E record stands in it */
};

/* May be zeroed. */
void fold_done(struct fold *f);
/*
 * Folds the records of a load in order of n. An H record {as: retry} makes the journal forget the
 * failed step it names and all that came after it. ERR_STORE when a record is damaged.
 */
int fold_load(struct fold *f, const struct store_rec *recs, size_t n, struct errmsg *msg);
/* The records of a path, the caller's now; an empty one when there are none. */
struct jpath fold_take(struct fold *f, const char *path);
/* Whether there are records of steps inside this one that nobody has taken yet. */
bool fold_has_below(const struct fold *f, const char *path);

void jpath_done(struct jpath *j);
/* Takes body. */
void jpath_add(struct jpath *j, uint32_t n, enum rec_type type, int64_t at, json_t *body);
/* The newest record of a type, or NULL. */
const struct jrec *jpath_last(const struct jpath *j, enum rec_type type);
/* The newest record of a type whose body has a key, or NULL. */
const struct jrec *jpath_last_with(const struct jpath *j, enum rec_type type, const char *key);
unsigned jpath_count(const struct jpath *j, enum rec_type type);

/* Records on their way to the store: texts owned until the commit. */
struct jbuf {
	struct store_rec *recs;
	size_t n, cap, bytes;
	struct store_accept *emits;
	size_t n_emits, cap_emits;
	struct store_claim *claims;
	size_t n_claims, cap_claims;
	struct store_wait *waits;
	size_t n_waits, cap_waits;
	struct store_judged *judged;
	size_t n_judged, cap_judged;
	struct store_memory *memory;
	size_t n_memory, cap_memory;
	bool mark;
};

/* Frees what engine_match gave it. */
void newrun_done(struct store_newrun *n);
/* Frees what run_emit gave it. */
void emit_done(struct store_accept *a);
void jbuf_done(struct jbuf *b);
void jbuf_clear(struct jbuf *b);
/* body is borrowed and becomes text. */
void jbuf_add(struct jbuf *b, uint32_t n, enum rec_type type, const char *path, int64_t at,
	      const json_t *body);
void jbuf_claim(struct jbuf *b, const char *connection, const char *foreign_id, const char *path,
		bool release);
/* Copies the texts. */
void jbuf_wait(struct jbuf *b, const struct store_wait *w);
void jbuf_judge(struct jbuf *b, uint64_t m, bool took);
/* Copies the texts; its outcome goes into the record that was added last. */
void jbuf_memory(struct jbuf *b, const struct store_memory *m);
/* Leaves only the releases, and what keep (may be NULL) says. */
void jbuf_drop_claims(struct jbuf *b, bool (*keep)(void *arg, const struct store_claim *c),
		      void *arg);
