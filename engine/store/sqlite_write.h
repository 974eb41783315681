/* Inside of the SQLite store's writer: its statements, and how a verb accepts an event. */
#pragma once

#include "engine/store/sqlite.h"

#define LIVE_COLUMNS                                                                               \
	"l.run, r.id, l.state, l.due, l.last_n, l.epoch, l.cancel_at, l.hold, l.inbox, l.mark, l.uses"

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
	X(PUT_LIVE,                                                                                \
	  "INSERT INTO live(run, state, due, last_n, cancel_at, wake, hold, inbox, mark,"          \
	  " uses, epoch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")                   \
	X(GET_LIVE, "SELECT " LIVE_COLUMNS " FROM run r CROSS JOIN live l ON l.run = r.seq"        \
		    " WHERE r.id = ?1")                                                            \
	X(GET_LIVE_SEQ, "SELECT " LIVE_COLUMNS " FROM live l CROSS JOIN run r ON r.seq = l.run"    \
			" WHERE l.run = ?1")                                                       \
	X(SET_LIVE, "UPDATE live SET state = ?2, due = ?3, last_n = ?4, cancel_at = ?5,"           \
		    " wake = ?6, hold = ?7, inbox = ?8, mark = ?9, uses = ?10 WHERE run = ?1")     \
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
	X(DEL_KEPT, "DELETE FROM kept WHERE name = ?1")                                            \
	X(PUT_EVENT_KEY, "INSERT INTO event_key VALUES (?1, ?2) ON CONFLICT DO NOTHING")           \
	X(GET_WAITS, "SELECT run, path, what, judge, behind FROM wait WHERE key = ?1")             \
	X(PUT_WAIT, "REPLACE INTO wait VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")               \
	X(SET_WAIT, "UPDATE wait SET seq = ?4, behind = ?5 WHERE run = ?1 AND path = ?2"           \
		    " AND key = ?3")                                                               \
	X(HAS_WAIT, "SELECT 1 FROM wait WHERE run = ?1 AND path = ?2 AND what = ?3")               \
	X(BEHIND, "SELECT key, seq, judge FROM wait WHERE run = ?1 AND path = ?2 AND behind"       \
		  " AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.run = ?1 AND i.path = ?2)"       \
		  " LIMIT 1")                                                                      \
	X(LOOK_BACK, "SELECT k.event FROM event_key k WHERE k.key = ?1 AND k.event > ?2"           \
		     " AND NOT EXISTS (SELECT 1 FROM taken t WHERE t.run = ?3 AND"                 \
		     " t.event = k.event) ORDER BY k.event LIMIT ?4")                              \
	X(DEL_WAITS, "DELETE FROM wait WHERE run = ?1 AND (?2 IS NULL OR path = ?2)")              \
	X(PUT_SHAPE, "INSERT INTO shape(text, n) VALUES (?1, 1) ON CONFLICT(text)"                 \
		     " DO UPDATE SET n = n + 1 RETURNING seq")                                     \
	X(LEAVE_SHAPES, "UPDATE shape SET n = n - (SELECT count(*) FROM wait WHERE run = ?1"       \
			" AND (?2 IS NULL OR path = ?2) AND shape = shape.seq) WHERE seq IN"       \
			" (SELECT w.shape FROM wait w WHERE w.run = ?1"                            \
			" AND (?2 IS NULL OR w.path = ?2))")                                       \
	X(PUT_INBOX, "INSERT INTO inbox(run, path, what, judge, event, body)"                      \
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                           \
	X(GET_INBOX, "SELECT path, judge, event FROM inbox WHERE seq = ?1 AND run = ?2")           \
	X(FIND_INBOX, "SELECT seq, judge, event FROM inbox WHERE run = ?1"                         \
		      " AND (?2 IS NULL OR path = ?2) AND (?3 IS NULL OR event = ?3) LIMIT 1")     \
	X(HAS_TOLD, "SELECT 1 FROM inbox WHERE run = ?1 AND path = ?2 AND what = ?3")              \
	X(DEL_INBOX, "DELETE FROM inbox WHERE seq = ?1")                                           \
	X(JUDGED_BY, "SELECT 1 FROM inbox WHERE event = ?1 AND judge LIMIT 1")                     \
	X(AT_GATE, "SELECT l.run FROM run r CROSS JOIN live l ON l.run = r.seq"                    \
		   " WHERE r.event = ?1 AND l.hold = 2 LIMIT 1")                                   \
	X(PUT_TAKEN, "INSERT INTO taken VALUES (?1, ?2) ON CONFLICT DO NOTHING")                   \
	X(DEL_TAKEN, "DELETE FROM taken WHERE run = ?1")                                           \
	X(LAST_EVENT, "SELECT max(seq) FROM event")                                                \
	X(GET_PARENT, "SELECT l.run, r.parent_path FROM run r CROSS JOIN run p ON p.id = r.parent" \
		      " CROSS JOIN live l ON l.run = p.seq WHERE r.seq = ?1")                      \
	X(GET_RUN_EVENT, "SELECT event FROM run WHERE seq = ?1")                                   \
	X(PUT_LIMITED, "INSERT INTO limited VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                  \
	X(GET_LIMITED, "SELECT key, place, max, rate, rate_ms, then_ FROM limited WHERE run = ?1") \
	X(SET_PLACE, "UPDATE limited SET place = ?2 WHERE run = ?1")                               \
	X(DEL_LIMITED, "DELETE FROM limited WHERE run = ?1")                                       \
	X(IN_PLACE, "SELECT count(*) FROM (SELECT 1 FROM limited WHERE key = ?1 AND place = 0"     \
		    " LIMIT ?2)")                                                                  \
	X(NEXT_IN_LINE, "SELECT run FROM limited WHERE key = ?1 AND place = ?2 AND run > ?3"       \
			" ORDER BY run LIMIT 1")                                                   \
	X(RATE_AT, "SELECT at FROM started WHERE key = ?1 AND at > ?2 ORDER BY at DESC"            \
		   " LIMIT 1 OFFSET ?3")                                                           \
	X(PUT_STARTED, "INSERT INTO started VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")           \
	X(DEL_STARTED, "DELETE FROM started WHERE key = ?1 AND at <= ?2")                          \
	X(GET_GATHER, "SELECT g.run, g.opened, g.n, l.due, r.id FROM gather g"                     \
		      " CROSS JOIN live l ON l.run = g.run CROSS JOIN run r ON r.seq = g.run"      \
		      " WHERE g.key = ?1")                                                         \
	X(PUT_GATHER, "REPLACE INTO gather VALUES (?1, ?2, ?3, 1)")                                \
	X(MORE_GATHER, "UPDATE gather SET n = n + 1 WHERE key = ?1")                               \
	X(DEL_GATHER, "DELETE FROM gather WHERE run = ?1")                                         \
	X(PUT_COLLECTED, "INSERT INTO collected VALUES (?1, ?2) ON CONFLICT DO NOTHING")           \
	X(DEL_COLLECTED, "DELETE FROM collected WHERE run = ?1")                                   \
	X(PUT_DECISION, "REPLACE INTO decision VALUES (?1, ?2, ?3, ?4)")                           \
	X(RUN_RULE, "SELECT rule FROM run WHERE seq = ?1")                                         \
	X(GET_MEMORY, "SELECT value, expires FROM memory WHERE scope = ?1 AND key = ?2")           \
	X(PUT_MEMORY, "REPLACE INTO memory VALUES (?1, ?2, ?3, ?4)")                               \
	X(DEL_MEMORY, "DELETE FROM memory WHERE scope = ?1 AND key = ?2")

enum {
#define X(name, sql) W_##name,
	WRITE_SQL(X)
#undef X
		W_COUNT
};

/* A run's live row, or what of it an end keeps. */
struct live_row {
	int64_t run, last_n, epoch, mark;
	struct id id;
	struct store_look look;
	int uses;
};

static inline sqlite3_stmt *writer_stmt(struct sqlite_store *s, int which)
{
	return s->writer.stmts[which];
}

/* Runs a statement that gives no row. 0 or an SQLite code. */
int run_of(sqlite3_stmt *st);
/* One row, or none: *ret_row says which. The statement stays open on a row until it is reset. */
int row_of(sqlite3_stmt *st, bool *ret_row);

/* ---- live rows ---- */

/* By a run's id, or by its number in the store. */
int live_find(struct sqlite_store *s, const struct id *run, struct live_row *ret, bool *has);
int live_find_seq(struct sqlite_store *s, int64_t run, struct live_row *ret, bool *has);
int live_set(struct sqlite_store *s, const struct live_row *row);
/* A record of a run, as the n-th. */
int rec_put(struct sqlite_store *s, int64_t run, int64_t n, const struct store_rec *rec);
/* A new one: its epoch is this process's. */
int live_put(struct sqlite_store *s, struct live_row *row);
/*
 * The run has ended: its rows go, and who waited for that moves up. error: JSON text or NULL. The rest
 * of row is as it was.
 */
int live_end(struct sqlite_store *s, struct live_row *row, enum run_state state, int64_t at,
	     const char *error, struct woken *w);
/* It wants to be cancelled, unless it does already. */
int live_cancel(struct sqlite_store *s, struct live_row *row, int64_t at, struct woken *w);
int delete_of(struct sqlite_store *s, int which, int64_t run);

/* ---- events and runs ---- */

/* Are the sources of its runs there? If not, op->err is set. 0 or an SQLite code, as all below. */
int accept_check(struct sqlite_store *s, const struct store_accept *a, struct store_op *op);
/* Event, runs and fingerprint, unless it is a duplicate. The sources were checked. */
int accept_do(struct sqlite_store *s, struct store_accept *a, struct woken *w);
/* An unexpired fingerprint; *ret_event: whose. */
int fp_find(struct sqlite_store *s, const unsigned char fp[16], int64_t at, bool *ret,
	    int64_t *ret_event);
int fp_keep(struct sqlite_store *s, const unsigned char fp[16], int64_t event, int64_t expires);
int decision_put(struct sqlite_store *s, int64_t event, const char *rule, enum store_fate f,
		 int64_t run);

/* sqlite_start.c */

/* Births a run, or does with its event what its limits say; n's out is set. */
int start_run(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
	      const struct met *met, struct woken *w);
/* It asks for a place at its limit. hold is NONE where it may start now; row is written. */
int start_admit(struct sqlite_store *s, struct live_row *row, int64_t now, enum store_fate *ret,
		struct woken *w);
/* Its place is free: the next of its key moves up. */
int start_leave(struct sqlite_store *s, const struct live_row *row, int64_t now, struct woken *w);

/* sqlite_wait.c */

/* Keeps the event's keys, and puts it where it is waited for. */
int wait_meet(struct sqlite_store *s, const struct store_event *ev, struct met *ret,
	      struct woken *w);
int wait_judge(struct sqlite_store *s, struct live_row *row, const struct store_judged *j,
	       int64_t now, struct woken *w);
int wait_set(struct sqlite_store *s, struct live_row *row, const struct store_wait *wait,
	     int64_t now, struct woken *w);
/* Nothing more of the run is waited for. */
int wait_end(struct sqlite_store *s, struct live_row *row, int64_t now, struct woken *w);
/* Into the inbox; row is not written. */
int inbox_put(struct sqlite_store *s, struct live_row *row, const struct store_inbox_row *in,
	      bool judge, int64_t event, struct woken *w);
