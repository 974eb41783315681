/* What the backends of the store share: wake-up order, results in one piece, views as JSON. */
#pragma once

#include <jansson.h>

#include "engine/store/store.h"

#define STORE_BATCH_VERBS 512
#define STORE_BATCH_BYTES (1024 * 1024)
/* Rows of an inbox that are given at a time; the others follow when these are judged. */
#define STORE_INBOX_MAX 256
#define STORE_QUERY_ROWS 1000
#define STORE_QUERY_MS 250
/* A list of a query ends early once its texts have come to this many bytes. */
#define STORE_QUERY_BYTES (8 * 1024 * 1024)

/* When a live run is to be looked at; they sort in the order of STORE_DUE. */
#define WAKE_READY (-1)
#define WAKE_LOOK 0 /* it is to be cancelled, or has something in its inbox */
#define WAKE_NEVER INT64_MIN

/* Why a queued run is not started yet. Stored as these numbers. */
enum store_hold {
	HOLD_NONE,
	HOLD_LIMIT,  /* its key has as many runs as it may */
	HOLD_GATE,   /* a wait has to judge its event first */
	HOLD_WINDOW, /* it gathers events until it is due */
	HOLD_RATE,   /* until it is due */
};

/* What of a live row says when the run is to be looked at. */
struct store_look {
	enum run_state state;
	int64_t due, cancel_at;
	enum store_hold hold;
	int64_t inbox;
};
int64_t store_wake(const struct store_look *l);

/* The first record's body of a run whose rule's condition raised an error; malloc'd. */
char *store_born(const struct store_newrun *n);
/* When a window is to close: opened then, its newest event now. 0: not by time. */
int64_t store_window_due(const struct store_start *s, int64_t opened, int64_t now);
/*
 * What a memory operation does to the value that is there (JSON text, or NULL). m->outcome is set;
 * *ret_new is malloc'd, or NULL when nothing is to be there. False: what is there stays as it is.
 */
bool store_memory(struct store_memory *m, const char *old, char **ret_new);
/* The body with its hole filled; malloc'd. */
char *store_fill(const char *body, size_t len, const char *outcome);
/* Live runs that a verb finds something for; one may stand there twice. */
struct woken {
	struct id *ids;
	size_t n;
};

/* What the waits that look for an event do with it. */
struct met {
	bool taken; /* one takes it */
	bool judge; /* one has to judge it */
};

void store_woke(struct woken *w, struct id id);
const char *store_fate_name(enum store_fate f);
/* Why a run that its limit, or a wait, has put an end to did not complete: JSON text. */
#define STORE_WHY_LIMIT "{\"name\":\"cancelled\",\"message\":\"limit\"}"
#define STORE_WHY_REPLACED "{\"name\":\"cancelled\",\"message\":\"replaced by a newer run\"}"
#define STORE_WHY_AWAITED "{\"name\":\"cancelled\",\"message\":\"a waiting run took the event\"}"

/* The records' C record takes the wish to cancel. */
bool store_takes_cancel(const struct store_append *a);
/* The body of the records' E record, or NULL; *ret_at its time, else that of the last record. */
const char *store_end_of(const struct store_append *a, int64_t *ret_at);
/* Does the op only read? */
bool store_is_read(const struct store_op *op);
/* What a block does to its name's row; fills p's out. True when the row has changed. */
bool store_spend(struct store_spend *p, int64_t *day, int64_t *spent);
int store_no_source(struct errmsg *msg, const char *hash);
/* ERR_CLAIMED when it was told before, else ERR_NOT_FOUND. */
int store_not_told(struct errmsg *msg, bool told);
int store_not_revivable(struct errmsg *msg, enum run_state state);
/* 0, or ERR_TOOBIG with its message. */
int store_keep_check(struct store_keep *k);
/* malloc'd, with a NUL behind it. */
void *store_bytes_copy(const void *bytes, size_t len);

/* Never NULL. All texts of it go by store_loaded_free. */
struct store_loaded *loaded_new(void);
/* A copy inside l ("" for NULL), or NULL when l would grow over 256 MiB. */
char *loaded_text(struct store_loaded *l, const char *text, size_t len);
/* Makes room for n records; false when l would grow over its bound. */
bool loaded_recs(struct store_loaded *l, size_t n);
/* Adds a copy of a record; false as above. */
bool loaded_rec_add(struct store_loaded *l, const struct store_rec *rec);

/* Room for one more event of a window, zeroed; NULL as above. */
struct store_event *loaded_event(struct store_loaded *l);
/* Adds a copy of a row; the event's texts are l's already. */
bool loaded_inbox_add(struct store_loaded *l, const struct store_inbox_row *row);

/* One run as lists show it. */
struct view_run {
	uint64_t seq;
	struct id id, event;
	const char *rule, *version;
	enum run_state state;
	int64_t created, ended, due; /* 0: null */
	const char *error;           /* JSON text or NULL */
};

size_t view_limit(size_t limit);
json_t *view_id(struct id id);
json_t *view_time(int64_t ms);
/* The value of a JSON text; the text itself when it is none; null for "". */
json_t *view_json(const char *text, size_t len);
json_t *view_run(const struct view_run *r);
json_t *view_event(const struct store_event *ev, json_t *runs_taken);
json_t *view_rec(const struct store_rec *rec);
json_t *view_decision(const char *rule, enum store_fate f, struct id run);
/* note: JSON text or "". */
json_t *view_wait(struct id run, const char *rule, const char *path, const char *what,
		  const char *note);
json_t *view_memory(const char *key, const char *value, int64_t expires);
/* {NAME: rows, next}; takes rows. next 0: null. */
json_t *view_page(const char *name, json_t *rows_taken, uint64_t next);
/* VIEW_STATS; count has RUN_STATES numbers. */
json_t *view_counts(uint64_t events, const json_int_t *count, json_int_t live, int64_t wal_bytes);
