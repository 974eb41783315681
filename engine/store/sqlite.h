/*
 * Inside of the SQLite store: two threads with a connection each, and what they share.
 *
 *     loop  ── to_write ──▶ writer: the one connection that writes and checkpoints
 *           ── to_read ───▶ reader: a read-only connection
 *           ◀── done ────── both
 *
 * A connection is used by one thread only: by the loop's until the thread has started.
 */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "engine/store/shared.h"

struct sqlite_store;

/* A thread with a queue of verbs and a connection with its statements. */
struct worker {
	struct sqlite_store *store;
	/* Takes verbs off the queue, carries them out, posts them. */
	void (*serve)(struct worker *w, struct link *queue);
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct link queue;
	bool stop;
	/* the thread's own */
	sqlite3 *db;
	sqlite3_stmt **stmts;
	size_t n_stmts;
};

struct sqlite_store {
	struct store base; /* first */
	struct loop *loop;
	const struct clock *clock;
	char *path;
	int lock_fd;
	int64_t epoch;

	/* the loop's */
	struct loop_async *async;
	struct loop_task kick; /* hands over what one turn has submitted */
	struct link to_write, to_read;
	size_t outstanding;

	struct worker writer, reader;

	pthread_mutex_t done_lock; /* of done */
	pthread_cond_t done_more;
	struct link done;

	/* the writer's */
	bool dead;           /* a sync has failed: nothing may be written any more */
	int wal_pages;       /* in the log after the last commit */
	int checkpoint_at;   /* pages of the log at which the next checkpoint is tried */
	int64_t newest;      /* the latest time of receipt: what expires is judged by it */
	unsigned prune_debt; /* fingerprints kept since the last look for expired ones */
	unsigned char prune_from[16];

	/* the reader's */
	int64_t deadline_ms; /* of the running query, on clock_real's boot time */
};

/* Bits of live.uses: which tables have rows of the run. */
enum { USES_WAIT = 1, USES_TAKEN = 2, USES_COLLECTED = 4, USES_LIMITED = 8 };

/* sqlite_open.c */

/* Locks, creates, migrates, opens both connections, prepares nothing. ERR_LOCKED, ERR_STORE. */
int sqlite_open_all(struct sqlite_store *s, struct errmsg *msg);
/* The opposite, as far as it came; the threads have ended. */
void sqlite_close_all(struct sqlite_store *s);
/* Prepares one statement a text. ERR_STORE. */
int worker_prepare(struct worker *w, const char *const *sql, size_t n, struct errmsg *msg);
/* Runs statements without result. ERR_STORE. */
int sqlite_exec(sqlite3 *db, const char *sql, struct errmsg *msg);
/* A pragma's or query's one number. ERR_STORE. */
int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret, struct errmsg *msg);
/* Has the failure made it unknown what is on the disk? */
bool sqlite_is_fatal(int rc);

/* sqlite_write.c, sqlite_accept.c: the verbs, inside a transaction */

int writer_prepare(struct sqlite_store *s, struct errmsg *msg);
/* Begin, commit, roll back: 0 or an SQLite code. */
int writer_begin(struct sqlite_store *s);
int writer_commit(struct sqlite_store *s);
void writer_rollback(struct sqlite_store *s);
/* 0 with op->err set as the verb's conditions decide; or an SQLite code, after which all is undone. */
int writer_verb(struct sqlite_store *s, struct store_op *op);
/* Removes a few expired fingerprints. 0 or an SQLite code. */
int writer_prune(struct sqlite_store *s);

/* sqlite_read.c */

int reader_prepare(struct sqlite_store *s, struct errmsg *msg);
/* Carries a read out in a transaction of its own and sets op->err. */
void reader_verb(struct sqlite_store *s, struct store_op *op);
/* Sets msg from the connection's last error and ends the statement; returns ERR_STORE. */
int reader_failed(struct sqlite_store *s, sqlite3_stmt *st, struct errmsg *msg);
/* Statements of sqlite_query.c stand behind those of sqlite_read.c. */
extern const char *const query_sql[];
extern const size_t query_sql_n, read_sql_n;
int query_run(struct sqlite_store *s, struct store_query *q);

/* Small helpers of both sides. Columns are valid until the next step. */

static inline void bind_id(sqlite3_stmt *st, int i, const struct id *id)
{
	sqlite3_bind_blob(st, i, id->b, sizeof(id->b), SQLITE_STATIC);
}

static inline void bind_text(sqlite3_stmt *st, int i, const char *s)
{
	sqlite3_bind_text(st, i, s ? s : "", -1, SQLITE_STATIC);
}

struct id column_id(sqlite3_stmt *st, int i);
/* Never NULL. */
const char *column_text(sqlite3_stmt *st, int i);
