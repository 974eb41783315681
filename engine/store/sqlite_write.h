/* Inside of the SQLite store's writer: its statements, and how a verb accepts an event. */
#pragma once

#include "engine/store/sqlite.h"

#define WRITE_SQL(X)                                                                               \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                \
	X(COMMIT, "COMMIT")                                                                        \
	X(HAS_SOURCE, "SELECT 1 FROM source WHERE hash = ?1")                                      \
	X(PUT_SOURCE, "INSERT INTO source(hash, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")     \
	X(GET_FP, "SELECT event, expires FROM dedupe WHERE fp = ?1")                               \
	X(PUT_FP, "REPLACE INTO dedupe VALUES (?1, ?2, ?3)")                                       \
	X(LOOK_FP, "SELECT fp, expires FROM dedupe WHERE fp >= ?1 ORDER BY fp LIMIT ?2")           \
	X(DEL_FP, "DELETE FROM dedupe WHERE fp = ?1")                                              \
	X(EVENT_ID, "SELECT id FROM event WHERE seq = ?1")                                         \
	X(PUT_EVENT, "INSERT INTO event(id, source, ext_id, type, subject, time, received,"        \
		     " ruleset, headers, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"   \
		     " ON CONFLICT DO NOTHING")                                                    \
	X(PUT_RUN, "INSERT INTO run(id, event, source, rule, trigger, created, parent,"            \
		   " parent_path) VALUES (?1, ?2, (SELECT seq FROM source WHERE hash = ?3),"       \
		   " ?4, ?5, ?6, ?7, ?8)")                                                         \
	X(PUT_LIVE, "INSERT INTO live(run, state, due, last_n, epoch, cancel_at, wake)"            \
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                        \
	X(GET_LIVE, "SELECT l.run, l.state, l.last_n, l.epoch, l.cancel_at, l.due FROM run r"      \
		    " CROSS JOIN live l ON l.run = r.seq WHERE r.id = ?1")                         \
	X(SET_LIVE, "UPDATE live SET state = ?2, due = ?3, last_n = ?4, cancel_at = ?5,"           \
		    " wake = ?6 WHERE run = ?1")                                                   \
	X(DEL_LIVE, "DELETE FROM live WHERE run = ?1")                                             \
	X(PUT_ENDED, "INSERT INTO ended(run, state, at, last_n, epoch, error)"                     \
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                           \
	X(GET_ENDED, "SELECT d.run, d.state, d.last_n FROM run r"                                  \
		     " CROSS JOIN ended d ON d.run = r.seq WHERE r.id = ?1")                       \
	X(DEL_ENDED, "DELETE FROM ended WHERE run = ?1")                                           \
	X(PUT_REC, "INSERT INTO journal(run, n, type, path, at, body)"                             \
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                             \
	X(GET_CLAIM, "SELECT run, path, foreign_id GLOB '#*' AND NOT EXISTS"                       \
		     " (SELECT 1 FROM live WHERE live.run = claim.run)"                            \
		     " FROM claim WHERE connection = ?1 AND foreign_id = ?2")                      \
	X(DEL_CLAIM, "DELETE FROM claim WHERE connection = ?1 AND foreign_id = ?2 AND run = ?3"    \
		     " AND path = ?4")                                                             \
	X(PUT_CLAIM, "INSERT INTO claim VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET"         \
		     " run = ?3, path = ?4 WHERE foreign_id GLOB '#*'")                            \
	X(GET_COUNTER, "SELECT day, spent FROM counter WHERE name = ?1")                           \
	X(PUT_COUNTER, "REPLACE INTO counter(name, day, spent) VALUES (?1, ?2, ?3)")               \
	X(PUT_KEPT, "REPLACE INTO kept(name, body, changed) VALUES (?1, ?2, ?3)")                  \
	X(DEL_KEPT, "DELETE FROM kept WHERE name = ?1")

enum {
#define X(name, sql) W_##name,
	WRITE_SQL(X)
#undef X
		W_COUNT
};

/* A run's live row, or what of it an end keeps. */
struct live_row {
	int64_t run, last_n, epoch, cancel_at, due;
	enum run_state state;
};

static inline sqlite3_stmt *writer_stmt(struct sqlite_store *s, int which)
{
	return s->writer.stmts[which];
}

/* Runs a statement that gives no row. 0 or an SQLite code. */
int run_of(sqlite3_stmt *st);
/* One row, or none: *ret_row says which. The statement stays open on a row until it is reset. */
int row_of(sqlite3_stmt *st, bool *ret_row);

/* Are the sources of its runs there? If not, op->err is set. 0 or an SQLite code, as all below. */
int accept_check(struct sqlite_store *s, const struct store_accept *a, struct store_op *op);
/* Event, runs and fingerprint, unless it is a duplicate. The sources were checked. */
int accept_do(struct sqlite_store *s, struct store_accept *a);
int live_put(struct sqlite_store *s, int64_t run, enum run_state state, int64_t due,
	     int64_t last_n);
/* error: JSON text or NULL. */
int ended_put(struct sqlite_store *s, const struct live_row *row, enum run_state state, int64_t at,
	      const char *error);
