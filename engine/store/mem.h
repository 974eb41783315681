/* Inside of the tests' store: what it keeps, and the verbs on it. */
#pragma once

#include "engine/base/map.h"
#include "engine/store/shared.h"

struct mem_event {
	struct store_event ev; /* all texts owned, and the keys */
};

/* A run's limit, and where it stands in it. */
enum mem_place { PLACE_NONE, PLACE_HELD, PLACE_WAITS, PLACE_NOT_YET };

struct mem_rec {
	struct store_rec rec; /* texts owned */
};

struct mem_run {
	uint64_t seq;
	struct id id, parent;
	struct mem_event *event;
	char *rule, *plan_hash, *trigger, *parent_path;
	enum run_state state;
	bool ended;
	int64_t due, cancel_at, created, ended_at;
	uint64_t epoch;
	char *error; /* of an ended one, or NULL */
	struct mem_rec *recs;
	size_t n_recs, cap_recs;
	enum store_hold hold;
	size_t inbox; /* rows */
	uint64_t mark;
	struct store_start start; /* keys and numbers of its limit and window */
	enum mem_place place;
	bool open;                   /* its window is */
	int64_t opened;              /* when */
	uint64_t *collected, *taken; /* seqs of events */
	size_t n_collected, n_taken;
};

struct mem_wait {
	struct link link;
	struct mem_run *run;
	char *path, *what, *shape, *note; /* the last two: or NULL */
	struct store_key key;
	bool judge, behind;
	uint64_t seq;
};

struct mem_inbox {
	struct link link;
	uint64_t m;
	struct mem_run *run;
	char *path, *what, *body; /* body: or NULL */
	bool judge;
	struct mem_event *event; /* or NULL */
};

struct mem_started {
	struct link link;
	struct store_key key;
	int64_t at;
};

struct mem_decision {
	struct link link;
	uint64_t event;
	char *rule;
	enum store_fate fate;
	struct mem_run *run; /* or NULL */
};

struct mem_memory {
	char *value;
	int64_t expires;
};

struct mem_source {
	char *text;
	size_t len;
};

struct mem_fp {
	struct mem_event *event;
	int64_t expires;
};

struct mem_claim {
	struct mem_run *run;
	char *path;
};

struct mem_kept {
	void *bytes;
	size_t len;
	int64_t changed;
};

struct mem_counter {
	int64_t day, spent;
};

/* What survives a crash. Places in the arrays are seq - 1. */
struct mem_data {
	const struct clock *clock;
	uint64_t epoch;
	struct mem_event **events;
	size_t n_events, cap_events;
	struct mem_run **runs;
	size_t n_runs, cap_runs;
	struct map events_by_id, runs_by_id, sources, fps, claims, kept, counters, memory;
	struct link waits, inbox, started, decisions; /* oldest first */
	uint64_t last_m;
};

void mem_data_init(struct mem_data *d);

void mem_data_free(struct mem_data *d);
/* Carry a verb out and set its err; the callback is the caller's. */
void mem_write(struct mem_data *d, struct store_op *op);
void mem_read(struct mem_data *d, struct store_op *op);

struct mem_run *mem_run_find(const struct mem_data *d, struct id id);
struct mem_event *mem_event_find(const struct mem_data *d, struct id id);
/* malloc'd: the key of a claim in its map. */
char *mem_claim_key(const char *connection, const char *foreign_id);
struct mem_event *mem_event_at(const struct mem_data *d, uint64_t seq);
/* Does it to a value and fills the outcome. */
void mem_remember(struct mem_data *d, struct store_memory *m);
/* malloc'd: the key of a value in the map of memories. */
char *mem_memory_key(const char *scope, const char *key);
int64_t mem_wake_of(const struct mem_run *r);
struct mem_run *mem_run_born(struct mem_data *d, const struct store_newrun *n, struct mem_event *e);
/* The same, of one that can only fail. */
void mem_start_failed(struct mem_data *d, struct mem_event *e, const struct store_newrun *n);
/* It is over: it leaves all that it stood in. error: JSON text or NULL. */
void mem_run_over(struct mem_data *d, struct mem_run *r, enum run_state state, int64_t at,
		  const char *error, struct woken *w);
void mem_cancel(struct mem_run *r, int64_t at, struct woken *w);
bool mem_fp_find(struct mem_data *d, const unsigned char fp[16], int64_t at,
		 struct mem_event **ret);
void mem_fp_keep(struct mem_data *d, const unsigned char fp[16], struct mem_event *e,
		 int64_t expires);
void mem_decide(struct mem_data *d, uint64_t event, const char *rule, enum store_fate f,
		struct mem_run *r);
void mem_decision_free(struct mem_decision *x);

/* mem_start.c: as the same verbs of sqlite_write.h */
void mem_start_run(struct mem_data *d, struct mem_event *e, struct store_newrun *n,
		   const struct met *met, struct woken *w);
enum store_fate mem_admit(struct mem_data *d, struct mem_run *r, int64_t now, struct woken *w);
void mem_leave(struct mem_data *d, struct mem_run *r, int64_t now, struct woken *w);

/* mem_wait.c */
struct met mem_meet(struct mem_data *d, struct mem_event *e, struct woken *w);
void mem_judge(struct mem_data *d, struct mem_run *r, const struct store_judged *j, int64_t now,
	       struct woken *w);
void mem_wait_set(struct mem_data *d, struct mem_run *r, const struct store_wait *wait, int64_t now,
		  struct woken *w);
void mem_wait_end(struct mem_data *d, struct mem_run *r, int64_t now, struct woken *w);
void mem_inbox_put(struct mem_data *d, struct mem_run *r, const struct store_inbox_row *in,
		   bool judge, struct mem_event *e, struct woken *w);
/* Does it wait at a path for what may be told? *told: it has been. */
bool mem_waits_for(struct mem_data *d, struct mem_run *r, const struct store_tell *t, bool *told);
void mem_wait_free(struct mem_wait *x);
void mem_inbox_free(struct mem_inbox *x);
