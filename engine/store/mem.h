/* Inside of the tests' store: what it keeps, and the verbs on it. */
#pragma once

#include "engine/base/map.h"
#include "engine/store/shared.h"

struct mem_event {
	struct store_event ev; /* all texts owned */
};

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
	struct map events_by_id, runs_by_id, sources, fps, claims, kept, counters;
};

void mem_data_free(struct mem_data *d);
/* Carry a verb out and set its err; the callback is the caller's. */
void mem_write(struct mem_data *d, struct store_op *op);
void mem_read(struct mem_data *d, struct store_op *op);

struct mem_run *mem_run_find(const struct mem_data *d, struct id id);
struct mem_event *mem_event_find(const struct mem_data *d, struct id id);
/* malloc'd: the key of a claim in its map. */
char *mem_claim_key(const char *connection, const char *foreign_id);
