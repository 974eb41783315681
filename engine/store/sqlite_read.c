/* The verbs that read, on SQLite: loads, due runs, sources; on the reader's thread. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/store/sqlite.h"

#define DUE_ROWS_MAX 100000

#define EVENT_COLUMNS                                                                              \
	"e.seq, e.id, e.source, e.ext_id, e.type, e.subject, e.time, e.received, e.ruleset,"       \
	" e.headers, e.body"

#define READ_SQL(X)                                                                                  \
	X(BEGIN, "BEGIN")                                                                            \
	X(COMMIT, "COMMIT")                                                                          \
	X(LOAD, "SELECT r.rule, s.hash, r.trigger, r.parent, r.parent_path, r.created, r.seq,"       \
		" " EVENT_COLUMNS ", l.state, l.due, l.last_n, l.epoch, l.cancel_at,"                \
		" d.state, d.last_n, d.epoch, l.hold, l.uses, l.inbox FROM run r"                    \
		" CROSS JOIN event e ON e.seq = r.event CROSS JOIN source s ON s.seq = r.source"     \
		" LEFT JOIN live l ON l.run = r.seq LEFT JOIN ended d ON d.run = r.seq"              \
		" WHERE r.id = ?1")                                                                  \
	X(RECS, "SELECT n, type, path, at, body FROM journal WHERE run = ?1 ORDER BY n")             \
	X(DUE, "SELECT r.id, CASE l.wake WHEN 0 THEN l.cancel_at ELSE l.due END, l.state"            \
	       " FROM live l CROSS JOIN run r ON r.seq = l.run"                                      \
	       " WHERE l.wake BETWEEN ?1 AND ?2 ORDER BY l.wake, l.run LIMIT ?3")                    \
	X(SOURCE, "SELECT text FROM source WHERE hash = ?1")                                         \
	X(KEPT, "SELECT body, changed FROM kept WHERE name = ?1")                                    \
	X(COLLECTED, "SELECT " EVENT_COLUMNS " FROM collected c CROSS JOIN event e"                  \
		     " ON e.seq = c.event WHERE c.run = ?1 ORDER BY c.event")                        \
	X(INBOX, "SELECT " EVENT_COLUMNS ", i.seq, i.path, i.what, i.body FROM inbox i"              \
		 " LEFT JOIN event e ON e.seq = i.event WHERE i.run = ?1"                            \
		 " ORDER BY ifnull(i.event, 0), i.seq LIMIT ?2")                                     \
	X(LIVE,                                                                                      \
	  "SELECT l.run, l.cancel_at FROM run r CROSS JOIN live l ON l.run = r.seq WHERE r.id = ?1") \
	X(SHAPES, "SELECT text FROM shape WHERE n > 0")

enum {
#define X(name, sql) R_##name,
	READ_SQL(X)
#undef X
		R_COUNT
};

static const char *const read_sql[R_COUNT] = {
#define X(name, sql) [R_##name] = sql,
	READ_SQL(X)
#undef X
};
const size_t read_sql_n = R_COUNT;

static sqlite3_stmt *stmt(struct sqlite_store *s, int which)
{
	return s->reader.stmts[which];
}

int reader_prepare(struct sqlite_store *s, struct errmsg *msg)
{
	int err = worker_prepare(&s->reader, read_sql, R_COUNT, msg);
	return err ? err : worker_prepare(&s->reader, query_sql, query_sql_n, msg);
}

int reader_failed(struct sqlite_store *s, sqlite3_stmt *st, struct errmsg *msg)
{
	int err = err_set(msg, ERR_STORE, "%s", sqlite3_errmsg(s->reader.db));
	sqlite3_reset(st);
	return err;
}

/* ---- load ---- */

static char *taken_text(struct store_loaded *l, sqlite3_stmt *st, int i)
{
	const char *text = column_text(st, i);
	return loaded_text(l, text, (size_t)sqlite3_column_bytes(st, i));
}

/* From the column `c` on. */
static bool load_event(struct store_loaded *l, struct store_event *ev, sqlite3_stmt *st, int c)
{
	ev->seq = (uint64_t)sqlite3_column_int64(st, c);
	ev->id = column_id(st, c + 1);
	ev->source = taken_text(l, st, c + 2);
	ev->ext_id = taken_text(l, st, c + 3);
	ev->type = taken_text(l, st, c + 4);
	ev->subject = taken_text(l, st, c + 5);
	ev->time = sqlite3_column_int64(st, c + 6);
	ev->received = sqlite3_column_int64(st, c + 7);
	ev->ruleset = taken_text(l, st, c + 8);
	ev->headers = taken_text(l, st, c + 9);
	ev->body = taken_text(l, st, c + 10);
	ev->body_len = (size_t)sqlite3_column_bytes(st, c + 10);
	return ev->source && ev->ext_id && ev->type && ev->subject && ev->ruleset && ev->headers &&
	       ev->body;
}

static void load_state(struct store_loaded *l, sqlite3_stmt *st)
{
	l->ended = sqlite3_column_type(st, 18) == SQLITE_NULL;
	if (l->ended) {
		l->state = (enum run_state)sqlite3_column_int(st, 23);
		l->last_n = (uint32_t)sqlite3_column_int64(st, 24);
		l->epoch = (uint64_t)sqlite3_column_int64(st, 25);
		return;
	}
	l->state = (enum run_state)sqlite3_column_int(st, 18);
	l->due = sqlite3_column_int64(st, 19);
	l->last_n = (uint32_t)sqlite3_column_int64(st, 20);
	l->epoch = (uint64_t)sqlite3_column_int64(st, 21);
	l->cancel_at = sqlite3_column_int64(st, 22);
	enum store_hold hold = (enum store_hold)sqlite3_column_int(st, 26);
	l->collecting = hold == HOLD_WINDOW;
	l->stands = hold == HOLD_LIMIT || hold == HOLD_GATE || hold == HOLD_RATE;
}

static bool load_run(struct store_loaded *l, sqlite3_stmt *st)
{
	l->rule = taken_text(l, st, 0);
	l->plan_hash = taken_text(l, st, 1);
	l->trigger = taken_text(l, st, 2);
	l->parent = column_id(st, 3);
	l->parent_path = taken_text(l, st, 4);
	l->created = sqlite3_column_int64(st, 5);
	load_state(l, st);
	return l->rule && l->plan_hash && l->trigger && l->parent_path &&
	       load_event(l, &l->ev, st, 7);
}

/* 0, ERR_STORE also when the journal has a gap. */
static int load_recs(struct sqlite_store *s, struct store_loaded *l, int64_t run,
		     struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, R_RECS);
	int rc;
	sqlite3_bind_int64(st, 1, run);
	bool ok = loaded_recs(l, l->last_n);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (l->n_recs == l->last_n || sqlite3_column_int64(st, 0) != (int64_t)l->n_recs + 1)
			break;
		const char *path = column_text(st, 2), *body = column_text(st, 4);
		ok = loaded_rec_add(
			l, &(struct store_rec){.n = (uint32_t)sqlite3_column_int64(st, 0),
					       .type = (enum rec_type)column_text(st, 1)[0],
					       .path = path,
					       .at = sqlite3_column_int64(st, 3),
					       .body = body,
					       .len = (size_t)sqlite3_column_bytes(st, 4)});
	}
	if (ok && rc != SQLITE_ROW && rc != SQLITE_DONE)
		return reader_failed(s, st, msg);
	sqlite3_reset(st);
	if (!ok)
		return err_set(msg, ERR_STORE, "the run's journal is too large");
	if (rc == SQLITE_ROW || l->n_recs != l->last_n)
		return err_set(msg, ERR_STORE, "the run's journal is damaged after record %zu",
			       l->n_recs);
	return 0;
}

static const char *too_large = "the run is too large";

/* What its window has gathered. */
static int load_collected(struct sqlite_store *s, struct store_loaded *l, int64_t run,
			  struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, R_COLLECTED);
	int rc;
	sqlite3_bind_int64(st, 1, run);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_event *ev = loaded_event(l);
		if (!ev || !load_event(l, ev, st, 0)) {
			sqlite3_reset(st);
			return err_set(msg, ERR_STORE, "%s", too_large);
		}
	}
	if (rc != SQLITE_DONE)
		return reader_failed(s, st, msg);
	sqlite3_reset(st);
	if (l->n_events)
		l->ev = l->events[l->n_events - 1];
	return 0;
}

static bool load_inbox_row(struct store_loaded *l, sqlite3_stmt *st)
{
	struct store_event ev = {0};
	struct store_inbox_row row = {.m = (uint64_t)sqlite3_column_int64(st, 11),
				      .path = column_text(st, 12),
				      .what = column_text(st, 13),
				      .body = column_text(st, 14),
				      .len = (size_t)sqlite3_column_bytes(st, 14)};
	if (sqlite3_column_type(st, 0) != SQLITE_NULL) {
		if (!load_event(l, &ev, st, 0))
			return false;
		row.event = &ev;
	}
	return loaded_inbox_add(l, &row);
}

static int load_inbox(struct sqlite_store *s, struct store_loaded *l, int64_t run,
		      struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, R_INBOX);
	int rc;
	sqlite3_bind_int64(st, 1, run);
	sqlite3_bind_int(st, 2, STORE_INBOX_MAX);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (!load_inbox_row(l, st)) {
			sqlite3_reset(st);
			return err_set(msg, ERR_STORE, "%s", too_large);
		}
	if (rc != SQLITE_DONE)
		return reader_failed(s, st, msg);
	sqlite3_reset(st);
	return 0;
}

static int read_inbox(struct sqlite_store *s, struct store_inbox *v)
{
	sqlite3_stmt *st = stmt(s, R_LIVE);
	v->loaded = NULL;
	bind_id(st, 1, &v->run);
	int rc = sqlite3_step(st);
	int64_t run = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	int64_t cancel_at = rc == SQLITE_ROW ? sqlite3_column_int64(st, 1) : 0;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return reader_failed(s, st, &v->op.msg);
	sqlite3_reset(st);
	if (!run)
		return err_set(&v->op.msg, ERR_NOT_FOUND, "no such run is live");
	struct store_loaded *l = loaded_new();
	l->run = v->run;
	l->cancel_at = cancel_at;
	int err = load_inbox(s, l, run, &v->op.msg);
	if (err)
		store_loaded_free(l);
	else
		v->loaded = l;
	return err;
}

static int read_shapes(struct sqlite_store *s, struct store_shapes *v)
{
	sqlite3_stmt *st = stmt(s, R_SHAPES);
	int rc;
	v->list = json_array();
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		json_array_append_new(v->list, json_string(column_text(st, 0)));
	if (rc != SQLITE_DONE) {
		json_decref(v->list);
		v->list = NULL;
		return reader_failed(s, st, &v->op.msg);
	}
	sqlite3_reset(st);
	return 0;
}

static int read_load(struct sqlite_store *s, struct store_load *v)
{
	sqlite3_stmt *st = stmt(s, R_LOAD);
	struct errmsg *msg = &v->op.msg;
	v->loaded = NULL;
	bind_id(st, 1, &v->run);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_DONE) {
		sqlite3_reset(st);
		return err_set(msg, ERR_NOT_FOUND, "no such run");
	}
	if (rc != SQLITE_ROW)
		return reader_failed(s, st, msg);
	struct store_loaded *l = loaded_new();
	l->run = v->run;
	bool ok = load_run(l, st);
	int64_t run = sqlite3_column_int64(st, 6);
	bool collected = sqlite3_column_int(st, 27) & USES_COLLECTED;
	bool inbox = sqlite3_column_int64(st, 28) > 0;
	sqlite3_reset(st);
	int err = ok ? load_recs(s, l, run, msg) : err_set(msg, ERR_STORE, "%s", too_large);
	if (!err && collected)
		err = load_collected(s, l, run, msg);
	if (!err && inbox)
		err = load_inbox(s, l, run, msg);
	if (err)
		store_loaded_free(l);
	else
		v->loaded = l;
	return err;
}

/* ---- due, source ---- */

static int read_due(struct sqlite_store *s, struct store_due *v)
{
	sqlite3_stmt *st = stmt(s, R_DUE);
	size_t max = v->max < DUE_ROWS_MAX ? v->max : DUE_ROWS_MAX, cap = 16;
	int rc;
	v->rows = mem_alloc(cap * sizeof(*v->rows));
	v->n_rows = 0;
	v->more = false;
	sqlite3_bind_int64(st, 1, v->timed_only ? WAKE_LOOK : WAKE_READY);
	sqlite3_bind_int64(st, 2, v->until > WAKE_LOOK ? v->until : WAKE_LOOK);
	sqlite3_bind_int64(st, 3, (int64_t)max + 1);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (v->n_rows == max) {
			v->more = true;
			continue;
		}
		if (v->n_rows == cap)
			v->rows = mem_realloc(v->rows, (cap *= 2) * sizeof(*v->rows));
		v->rows[v->n_rows++] =
			(struct store_due_row){.run = column_id(st, 0),
					       .due = sqlite3_column_int64(st, 1),
					       .state = (enum run_state)sqlite3_column_int(st, 2)};
	}
	if (rc != SQLITE_DONE) {
		free(v->rows);
		v->rows = NULL;
		v->n_rows = 0;
		return reader_failed(s, st, &v->op.msg);
	}
	sqlite3_reset(st);
	return 0;
}

static int read_source(struct sqlite_store *s, struct store_get_source *v)
{
	sqlite3_stmt *st = stmt(s, R_SOURCE);
	v->text = NULL;
	v->len = 0;
	bind_text(st, 1, v->hash);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		const char *text = column_text(st, 0);
		v->len = (size_t)sqlite3_column_bytes(st, 0);
		v->text = mem_strndup(text, v->len);
	} else if (rc != SQLITE_DONE) {
		return reader_failed(s, st, &v->op.msg);
	}
	sqlite3_reset(st);
	return v->text ? 0 : err_set(&v->op.msg, ERR_NOT_FOUND, "no source '%s'", v->hash);
}

static int read_kept(struct sqlite_store *s, struct store_kept *v)
{
	sqlite3_stmt *st = stmt(s, R_KEPT);
	v->bytes = NULL;
	v->len = 0;
	bind_text(st, 1, v->name);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		const void *bytes = sqlite3_column_blob(st, 0);
		v->len = (size_t)sqlite3_column_bytes(st, 0);
		v->changed = sqlite3_column_int64(st, 1);
		v->bytes = store_bytes_copy(bytes, v->len);
	} else if (rc != SQLITE_DONE) {
		return reader_failed(s, st, &v->op.msg);
	}
	sqlite3_reset(st);
	return v->bytes ? 0
			: err_set(&v->op.msg, ERR_NOT_FOUND, "nothing is kept as '%s'", v->name);
}

static int read_verb(struct sqlite_store *s, struct store_op *op)
{
	switch (op->verb) {
	case STORE_LOAD:
		return read_load(s, container_of(op, struct store_load, op));
	case STORE_DUE:
		return read_due(s, container_of(op, struct store_due, op));
	case STORE_GET_SOURCE:
		return read_source(s, container_of(op, struct store_get_source, op));
	case STORE_QUERY:
		return query_run(s, container_of(op, struct store_query, op));
	case STORE_KEPT:
		return read_kept(s, container_of(op, struct store_kept, op));
	case STORE_INBOX:
		return read_inbox(s, container_of(op, struct store_inbox, op));
	case STORE_SHAPES:
		return read_shapes(s, container_of(op, struct store_shapes, op));
	case STORE_ACCEPT:
	case STORE_APPEND:
	case STORE_PUT_SOURCE:
	case STORE_CANCEL:
	case STORE_REVIVE:
	case STORE_SPEND:
	case STORE_KEEP:
	case STORE_TELL:
		break;
	}
	return err_set(&op->msg, ERR_STORE, "not a verb that reads");
}

/* One transaction: all statements of a verb see the same commit. */
void reader_verb(struct sqlite_store *s, struct store_op *op)
{
	sqlite3_stmt *begin = stmt(s, R_BEGIN), *commit = stmt(s, R_COMMIT);
	op->err = 0;
	if (sqlite3_step(begin) != SQLITE_DONE) {
		op->err = reader_failed(s, begin, &op->msg);
		return;
	}
	sqlite3_reset(begin);
	op->err = read_verb(s, op);
	(void)sqlite3_step(commit);
	sqlite3_reset(commit);
}
