/*
 * The store: durable operations as domain verbs, each atomic and conditional, never rows or SQL.
 *
 * A verb is a struct that its owner fills, submits, and gets back by callback on the loop when it is
 * durable (or has failed). All that a verb points to is borrowed until the callback. Verbs are
 * carried out in the order of submission and share commits: a batch takes at most 512 verbs, 1 MiB
 * or what has gathered while the last one was synced. Verbs cannot make each other fail. Reads run
 * on a thread of their own and see at least what was durable when they were submitted.
 *
 * Ids are binary (base/id.h), times UTC ms, texts NUL-terminated UTF-8, bodies JSON text.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/base/id.h"
#include "engine/base/list.h"
#include "engine/io/loop.h"
#include "engine/store/memory.h"
#include "engine/store/start.h"
#include "engine/store/wait.h"

/* X(CODE, name, is an end). Stored as these numbers: append only. */
#define RUN_STATE_MAP(X)                                                                           \
	X(QUEUED, "queued", false)                                                                 \
	X(RUNNING, "running", false)                                                               \
	X(WAITING, "waiting", false)                                                               \
	X(RETRYING, "retrying", false)                                                             \
	X(HELD, "held", false)                                                                     \
	X(IN_DOUBT, "in_doubt", false)                                                             \
	X(COMPLETED, "completed", true)                                                            \
	X(FAILED, "failed", true)                                                                  \
	X(CANCELLED, "cancelled", true)

enum run_state {
#define X(code, name, end) RUN_##code,
	RUN_STATE_MAP(X)
#undef X
		RUN_STATES
};
const char *run_state_name(enum run_state s);
bool run_state_is_end(enum run_state s);
/* -1 when there is no such name. */
int run_state_by_name(const char *name);

/* Record types of a run's journal (docs/ARCHITECTURE.md). Stored as these letters. */
enum rec_type {
	REC_DECISION = 'D',
	REC_STEP = 'S',
	REC_INTENT = 'I',
	REC_ATTEMPT = 'A',
	REC_PROBE = 'P',
	REC_WAIT = 'W',
	REC_TAKEN = 'T',
	REC_LUA = 'L',
	REC_CANCEL = 'C',
	REC_UNDO = 'U',
	REC_MOVED = 'M',
	REC_HUMAN = 'H',
	REC_END = 'E',
};

struct store_rec {
	uint32_t n; /* set by the engine: dense from 1 */
	enum rec_type type;
	const char *path;
	int64_t at;
	const char *body; /* JSON text, "" for none */
	size_t len;
};

struct store_event {
	struct id id;
	uint64_t seq;                                 /* set by accept */
	const char *source, *ext_id, *type, *subject; /* subject and ext_id may be "" */
	int64_t time;                                 /* what the sender said, else received */
	int64_t received;
	const char *ruleset; /* hash of the rule set that judged it */
	const char *
		headers; /* JSON object text {headers, query, path}: the allow-list only; or NULL */
	const char *body; /* the data, JSON text as it came */
	size_t body_len;
	/* Dedupe: 16 bytes over (source, ext id) or the body; looked back dedupe_ms. */
	bool dedupe;
	unsigned char fp[16];
	int64_t dedupe_ms;
	const struct store_key *keys; /* under which waits find it; not read back */
	size_t n_keys;
};

struct store_newrun {
	struct id id;
	const char *rule; /* name, for lists */
	const char *
		plan_hash; /* 64 hex digits; its source must have been put before (ERR_NOT_FOUND) */
	const char *trigger; /* trigger id or "" */
	struct id parent;    /* zero: none */
	const char *parent_path;
	bool failed_match; /* its condition raised an error: its first record is D {born: error} */
	const char *error; /* JSON text of that error, else NULL */
	struct store_start start;
	/* out */
	enum store_fate fate;
	struct id into; /* FATE_JOINED */
	int64_t due;    /* COLLECTED, JOINED, QUEUED by its rate: when it starts; 0: not by time */
};

enum store_verb {
	STORE_ACCEPT,
	STORE_APPEND,
	STORE_PUT_SOURCE,
	STORE_CANCEL,
	STORE_REVIVE,
	STORE_SPEND,
	STORE_KEEP,
	STORE_TELL,
	/* reads */
	STORE_LOAD,
	STORE_INBOX,
	STORE_SHAPES,
	STORE_DUE,
	STORE_GET_SOURCE,
	STORE_QUERY,
	STORE_KEPT,
};

struct store_op {
	enum store_verb verb;
	void (*cb)(struct store_op *op); /* on the loop; once */
	int err;                         /* 0, ERR_STORE, ERR_FENCED, ERR_CLAIMED, ERR_NOT_FOUND */
	struct errmsg msg;
	struct link link; /* the store's while it has the op */
};

/* Event + its runs + dedupe, one commit. */
struct store_accept {
	struct store_op op;
	struct store_event ev;
	struct store_newrun *runs;
	size_t n_runs;
	bool counted; /* counters of events without runs need no row of their own */
	/* out */
	bool duplicate;  /* nothing was written: the fingerprint, or the event's id, is known */
	struct id first; /* the earlier event's id when duplicate */
	uint64_t epoch;  /* what the first append of its runs has to present */
	/* Live runs that have something new to look at; malloc'd, the receiver frees. */
	struct id *woken;
	size_t n_woken;
};

/*
 * A foreign id that begins with '#' is no id but a place that one effect holds at a time: a claim on it
 * counts only as long as its run is live.
 */
struct store_claim {
	const char *connection, *foreign_id, *path;
	bool release; /* gives up this effect's claim instead; none is no error */
};

/*
 * Appends to a run's journal, changes its live row, accepts what it emits, claims foreign ids: one
 * commit, or nothing. Fenced unless (epoch, expect_n) are what the store has. A C record takes the
 * wish to cancel: cancel_at is clear again after it. The body of an E record, or its member
 * "error" when it has one, is what lists show as the error of a run that did not complete.
 */
struct store_append {
	struct store_op op;
	struct id run;
	uint64_t epoch;
	uint32_t expect_n; /* records the journal has before */
	struct store_rec *recs;
	size_t n_recs;
	enum run_state state;       /* the live row's new state; an end deletes the row */
	int64_t due;                /* wall ms when it wants to be woken; 0: not by time */
	struct store_accept *emits; /* events that the records name; dedupe as told */
	size_t n_emits;
	struct store_claim *claims;
	size_t n_claims;
	const struct store_judged *judged; /* before the waits */
	size_t n_judged;
	const struct store_wait *waits;
	size_t n_waits;
	bool mark; /* FROM_MARK looks back to now */
	struct store_memory *memory;
	size_t n_memory;
	const char
		*tell_parent; /* with an end: JSON text for the parent's inbox, as "run"; or NULL */
	/* out */
	bool cancel_asked; /* the live row says that someone wants the run cancelled */
	bool held; /* it stood in a window, which is closed now, and its limit lets it not start */
	size_t inbox;     /* rows that lie in its inbox */
	struct id *woken; /* as of store_accept; also runs that may start now */
	size_t n_woken;
};

/*
 * Tells a run something at a path where it waits for that: into its inbox. ERR_NOT_FOUND when it does not
 * wait there (any more), ERR_CLAIMED when it was told before and has not looked yet.
 */
struct store_tell {
	struct store_op op;
	struct id run;
	const char *path, *what;
	const char *body; /* JSON text */
	size_t len;
};

/* Keeps a text by its hash; doing it again is no error. */
struct store_put_source {
	struct store_op op;
	const char *hash, *text;
	size_t len;
};

/* Marks a run to be cancelled; ERR_NOT_FOUND when it has ended or never was. */
struct store_cancel {
	struct store_op op;
	struct id run;
	int64_t at;
};

/* A person acts on a run that has ended as failed, or stands in doubt: it is live again. */
struct store_revive {
	struct store_op op;
	struct id run;
	struct store_rec rec; /* an H record; n is set by the store */
	enum run_state state; /* usually RUN_QUEUED */
	int64_t due;
};

/*
 * Keeps a few bytes under a name in the place of what was kept there before; without bytes nothing is
 * kept there any more. At most STORE_KEEP_MAX bytes (ERR_TOOBIG).
 */
#define STORE_KEEP_MAX (1024 * 1024)
struct store_keep {
	struct store_op op;
	const char *name;
	const void *bytes;
	size_t len;
};

/*
 * Takes a block of a day's quota: as much of amount as the day's limit still leaves. The day of a
 * name does not go back: of one that is over nothing is granted. A day that is more than one ahead
 * was a clock's mistake, and what was spent of it counts for this one. amount 0 looks.
 */
struct store_spend {
	struct store_op op;
	const char *name; /* whose quota */
	int64_t day;      /* days since 1970, by the quota's own calendar */
	int64_t amount, limit;
	/* out */
	int64_t granted;
	int64_t spent;    /* of last_day, this block included */
	int64_t last_day; /* the newest that the store knows: day, or a later one */
};

/* Reads. Results are malloc'd in one piece each and freed by store_loaded_free. */
struct store_loaded {
	struct store_event ev;
	struct id run;
	uint64_t epoch;
	char *rule, *plan_hash, *trigger, *parent_path;
	struct id parent;
	enum run_state state;
	bool ended;
	int64_t due, cancel_at, created;
	uint32_t last_n;
	struct store_rec *recs;
	size_t n_recs;
	bool collecting; /* its window is open: an append (of nothing) closes it, then it is to be read again */
	bool stands; /* queued behind its limit, its rate or a gate: not to be started yet */
	struct store_event *events; /* of a window, oldest first; ev is the last of them */
	size_t n_events;
	struct store_inbox_row *inbox;
	size_t n_inbox;
	void *memory;
};
void store_loaded_free(struct store_loaded *l);

struct store_load {
	struct store_op op;
	struct id run;
	struct store_loaded *loaded; /* out; the receiver's */
};

/* The inbox alone, of a run in memory. */
struct store_inbox {
	struct store_op op;
	struct id run;
	struct store_loaded
		*loaded; /* out: run and inbox; the receiver's. NULL when it is not live */
};

/* The shapes of all open waits: JSON texts, for the keys of events. */
struct store_shapes {
	struct store_op op;
	json_t *list; /* out: texts; the receiver's */
};

struct store_due_row {
	struct id run;
	int64_t due;
	enum run_state state;
};

/*
 * Live runs that are queued, running, to be cancelled, or due until `until`; in this order, then
 * oldest due first. timed_only leaves out the queued and running ones, which would otherwise fill
 * `max` again and again while they are in memory.
 */
struct store_due {
	struct store_op op;
	int64_t until;
	size_t max;
	bool timed_only;
	/* out: malloc'd, the receiver frees */
	struct store_due_row *rows;
	size_t n_rows;
	bool more;
};

struct store_get_source {
	struct store_op op;
	const char *hash;
	char *text; /* out: malloc'd, the receiver frees */
	size_t len;
};

/* What is kept under a name; ERR_NOT_FOUND when nothing is. */
struct store_kept {
	struct store_op op;
	const char *name;
	void *bytes; /* out: malloc'd, a NUL behind it, the receiver frees */
	size_t len;
	int64_t changed; /* out: wall ms */
};

/* What the API and the commands show. Bounded: 250 ms and `limit` rows (at most 1,000). */
enum store_view {
	VIEW_RUNS,
	VIEW_RUN,
	VIEW_EVENTS,
	VIEW_EVENT,
	VIEW_STATS,
	VIEW_CLAIM,
	VIEW_WAITS,
	VIEW_MEMORY
};

struct store_query {
	struct store_op op;
	enum store_view view;
	struct id id;     /* VIEW_RUN, VIEW_EVENT; a VIEW_RUNS filter on the event when not zero */
	const char *rule; /* VIEW_RUNS; NULL: any */
	int state;        /* VIEW_RUNS; -1: any */
	int64_t since;    /* created at or after; 0: any */
	const char *subject, *type;          /* VIEW_EVENTS; NULL: any */
	uint64_t before;                     /* cursor: rows with a lower seq; 0: from the newest */
	size_t limit;                        /* 0: 100 */
	const char *connection, *foreign_id; /* VIEW_CLAIM: who claimed it */
	const char *what;                    /* VIEW_WAITS; NULL: any */
	const char *scope, *after; /* VIEW_MEMORY: whose; keys after that; NULL: from the first */
	/*
	 * out, the receiver's reference.
	 * VIEW_RUNS: {runs: [{id, seq, rule, version, state, event, created, ended, due, error}], next}
	 * VIEW_RUN: the same for one, with `records: [{n, type, path, at, body}]` and `event` as VIEW_EVENT
	 * VIEW_EVENT: {id, seq, source, ext_id, type, subject, time, received, ruleset, headers, data, runs: [ids],
	 *   decisions: [{rule, fate: "once"|"awaited"|"dropped"|"joined"|…, run}]}
	 * VIEW_EVENTS: {events: [as VIEW_EVENT], next}
	 * VIEW_STATS: {events, runs: {state: count}, live, wal_bytes}
	 * VIEW_CLAIM: {run, path} or null
	 * VIEW_WAITS: {waits: [{run, rule, path, what, note}], next}; of a run when id is not zero
	 * VIEW_MEMORY: {values: [{key, value, expires}], next}; next is the last key here
	 * Ids are texts, times RFC 3339 or null, `version` is the plan's hash, `next` the `before` of the
	 * next page or null. A list that its 250 ms cut short is whole up to its `next`.
	 */
	json_t *result;
};

struct store;

struct store_ops {
	void (*submit)(struct store *s, struct store_op *op);
	/* Finishes what was submitted (callbacks come), then closes and frees. Not from a callback. */
	void (*close)(struct store *s);
};

/* Backends embed it first. */
struct store {
	const struct store_ops *ops;
};

static inline void store_submit(struct store *s, struct store_op *op)
{
	s->ops->submit(s, op);
}
static inline void store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}

/*
 * Opens "sqlite:PATH". Creates (mode 0600) and migrates. ERR_LOCKED when another process has it,
 * ERR_STORE when it is damaged, newer than this program, or cannot be opened.
 */
struct store *store_sqlite_open(const char *path, struct loop *l, const struct clock *c,
				struct errmsg *msg);

/* The tests' store: in memory, callbacks from the next turn, fails on demand. */
struct store *store_mem_new(struct loop *l, const struct clock *c);
/* Sets what rules remember, as `put` does; scope as in struct store_memory, value: JSON text. */
void store_mem_remember(struct store *s, const char *scope, const char *key, const char *value);
/* The n-th verb from now (1: the next) fails with err and changes nothing; 0 switches it off. */
void store_mem_fail(struct store *s, unsigned nth, int err);
/* From now on verbs are not carried out and no callback comes, as after a crash. */
void store_mem_crash(struct store *s);
/* The same, but the first n of the verbs in flight are durable, though nobody hears of it. */
void store_mem_crash_keep(struct store *s, size_t n);
/* A new store with what the old one had made durable; the old one is freed. */
struct store *store_mem_reopen(struct store *s, struct loop *l);

/* After a failed fsync the process must not go on: called on the writer thread; default abort(). */
extern void (*store_on_fatal)(const char *why);
