/*
 * What the API and the commands show, from SQLite. Lists are walked from the newest row downwards
 * and filtered here, not in SQL: when their time is up, they know how far they have come.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/arena.h"
#include "engine/store/sqlite.h"

#define LOOK_EVERY 1000 /* steps of SQLite's machine between two looks at the clock */

/* Older runs are further down but for a clock that was set back: by how much, at most. */
#define CLOCK_BACK_MS (3600 * 1000)

#define EVENT_COLS                                                                                 \
	"e.seq, e.id, e.source, e.type, e.subject, e.time, e.received, e.ruleset, e.headers, e.body, e.ext_id"
#define RUN_COLS                                                                                   \
	"SELECT r.seq, r.id, e.id, r.rule, s.hash, r.created, l.state, l.due, d.state, d.at,"      \
	" d.error FROM "
#define RUN_JOINS                                                                                  \
	" CROSS JOIN event e ON e.seq = r.event CROSS JOIN source s ON s.seq = r.source"           \
	" LEFT JOIN live l ON l.run = r.seq LEFT JOIN ended d ON d.run = r.seq "
/* ?1: the seq to stay below; ?2: what the list is about */
#define QUERY_SQL(X)                                                                               \
	X(RUNS, RUN_COLS "run r" RUN_JOINS "WHERE r.seq < ?1 ORDER BY r.seq DESC")                 \
	X(RUNS_OF_EVENT, RUN_COLS "run r" RUN_JOINS "WHERE r.event ="                              \
				  " (SELECT seq FROM event WHERE id = ?2) AND r.seq < ?1"          \
				  " ORDER BY r.seq DESC")                                          \
	X(RUNS_OF_RULE, RUN_COLS "run r" RUN_JOINS "WHERE r.rule = ?2 AND r.seq < ?1"              \
				 " ORDER BY r.seq DESC")                                           \
	X(RUNS_LIVE, RUN_COLS "live w CROSS JOIN run r ON r.seq = w.run" RUN_JOINS                 \
			      "WHERE w.run < ?1 AND w.state = ?2 ORDER BY w.run DESC")             \
	X(RUNS_ENDED, RUN_COLS "ended w CROSS JOIN run r ON r.seq = w.run" RUN_JOINS               \
			       "WHERE w.run < ?1 AND w.state = ?2 AND w.state <> 6"                \
			       " ORDER BY w.run DESC")                                             \
	X(RUN, RUN_COLS "run r" RUN_JOINS "WHERE r.id = ?1")                                       \
	X(RECS, "SELECT n, type, path, at, body FROM journal WHERE run = ?1 ORDER BY n")           \
	X(EVENTS, "SELECT " EVENT_COLS " FROM event e WHERE e.seq < ?1 ORDER BY e.seq DESC")       \
	X(EVENT, "SELECT " EVENT_COLS " FROM event e WHERE e.id = ?1")                             \
	X(EVENT_RUNS, "SELECT id FROM run WHERE event = ?1 ORDER BY seq")                          \
	X(COUNTS, "SELECT (SELECT max(seq) FROM event), (SELECT max(seq) FROM run)")               \
	X(COUNT_LIVE, "SELECT state, count(*) FROM live GROUP BY state")                           \
	X(COUNT_ENDED, "SELECT state, count(*) FROM ended WHERE state <> 6 GROUP BY state")        \
	X(CLAIM, "SELECT r.id, c.path FROM claim c CROSS JOIN run r ON r.seq = c.run"              \
		 " WHERE c.connection = ?1 AND c.foreign_id = ?2")                                 \
	X(DECISIONS, "SELECT d.rule, d.fate, r.id FROM decision d LEFT JOIN run r"                 \
		     " ON r.seq = d.run WHERE d.event = ?1")                                       \
	X(WAITS, "SELECT r.seq, r.id, r.rule, w.path, w.what, w.note FROM wait w"                  \
		 " CROSS JOIN run r ON r.seq = w.run WHERE w.run < ?1 AND w.path <> ''"            \
		 " ORDER BY w.run DESC, w.path")                                                   \
	X(WAITS_OF_RUN, "SELECT r.seq, r.id, r.rule, w.path, w.what, w.note FROM run r"            \
			" CROSS JOIN wait w ON w.run = r.seq WHERE r.id = ?2 AND w.path <> ''"     \
			" ORDER BY w.path")                                                        \
	X(WAITS_PERSON, "SELECT r.seq, r.id, r.rule, w.path, w.what, w.note"                       \
			" FROM wait w INDEXED BY wait_person CROSS JOIN run r ON r.seq = w.run"    \
			" WHERE w.what = 'person' AND w.run < ?1 ORDER BY w.run DESC, w.path")     \
	X(MEMORY, "SELECT key, value, expires FROM memory WHERE scope = ?1 AND key > ?2"           \
		  " ORDER BY key")

enum {
#define X(name, sql) Q_##name,
	QUERY_SQL(X)
#undef X
		Q_COUNT
};

const char *const query_sql[] = {
#define X(name, sql) [Q_##name] = sql,
	QUERY_SQL(X)
#undef X
};
const size_t query_sql_n = Q_COUNT;

/* Not the store's clock: the bound is on what a query takes from others, also in tests. */
static int64_t now_ms(void)
{
	return clock_real.boot_ms(&clock_real);
}

static int on_look(void *arg)
{
	const struct sqlite_store *s = arg;
	return now_ms() >= s->deadline_ms;
}

static sqlite3_stmt *stmt(struct sqlite_store *s, int which)
{
	return s->reader.stmts[read_sql_n + (size_t)which];
}

/* Ends a walk; 0 when it went to its end or stopped by itself. */
static int ended(struct sqlite_store *s, sqlite3_stmt *st, int rc, struct errmsg *msg)
{
	if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
		sqlite3_reset(st);
		return 0;
	}
	if (rc != SQLITE_INTERRUPT)
		return reader_failed(s, st, msg);
	sqlite3_reset(st);
	return err_set(msg, ERR_STORE, "the query took more than %d ms", STORE_QUERY_MS);
}

/* ---- lists ---- */

/* A walk down a list: how far it came and what it has found. */
struct walk {
	json_t *rows;
	size_t limit, bytes;
	uint64_t last; /* the last row looked at */
	bool cut;      /* there is more below `last` */
};

static bool walk_is_full(struct walk *w)
{
	w->cut = json_array_size(w->rows) >= w->limit || w->bytes >= STORE_QUERY_BYTES;
	return w->cut;
}

/* Takes the walk's rows. A walk whose time was up after its first row is a page. */
static int walk_end(struct sqlite_store *s, struct walk *w, sqlite3_stmt *st, int rc,
		    const char *name, struct store_query *q)
{
	if (rc == SQLITE_INTERRUPT && w->last) {
		w->cut = true;
		rc = SQLITE_DONE;
	}
	int err = ended(s, st, rc, &q->op.msg);
	if (err)
		json_decref(w->rows);
	else
		q->result = view_page(name, w->rows, w->cut ? w->last : 0);
	return err;
}

static int64_t below(const struct store_query *q)
{
	return q->before && q->before < INT64_MAX ? (int64_t)q->before : INT64_MAX;
}

static void row_run(sqlite3_stmt *st, struct view_run *r)
{
	bool live = sqlite3_column_type(st, 6) != SQLITE_NULL;
	*r = (struct view_run){.seq = (uint64_t)sqlite3_column_int64(st, 0),
			       .id = column_id(st, 1),
			       .event = column_id(st, 2),
			       .rule = column_text(st, 3),
			       .version = column_text(st, 4),
			       .created = sqlite3_column_int64(st, 5),
			       .state = (enum run_state)sqlite3_column_int(st, live ? 6 : 8),
			       .due = sqlite3_column_int64(st, 7),
			       .ended = sqlite3_column_int64(st, 9),
			       .error = (const char *)sqlite3_column_text(st, 10)};
}

/* The statement that has to look at the fewest rows. */
static sqlite3_stmt *runs_stmt(struct sqlite_store *s, const struct store_query *q)
{
	bool by_state = q->state >= 0 && q->state != RUN_COMPLETED;
	bool is_end = by_state && run_state_is_end((enum run_state)q->state);
	int which = !id_is_zero(q->id) ? Q_RUNS_OF_EVENT
		    : by_state         ? (is_end ? Q_RUNS_ENDED : Q_RUNS_LIVE)
		    : q->rule          ? Q_RUNS_OF_RULE
				       : Q_RUNS;
	sqlite3_stmt *st = stmt(s, which);
	sqlite3_bind_int64(st, 1, below(q));
	if (which == Q_RUNS_OF_EVENT)
		bind_id(st, 2, &q->id);
	else if (which == Q_RUNS_OF_RULE)
		bind_text(st, 2, q->rule);
	else if (by_state)
		sqlite3_bind_int(st, 2, q->state);
	return st;
}

static bool run_fits(const struct view_run *r, const struct store_query *q)
{
	return (!q->rule || !strcmp(r->rule, q->rule)) &&
	       (q->state < 0 || r->state == (enum run_state)q->state) && r->created >= q->since;
}

static int query_runs(struct sqlite_store *s, struct store_query *q)
{
	struct walk w = {.rows = json_array(), .limit = view_limit(q->limit)};
	sqlite3_stmt *st = runs_stmt(s, q);
	struct view_run r;
	int rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		row_run(st, &r);
		if (r.created < q->since - CLOCK_BACK_MS)
			break;
		bool fits = run_fits(&r, q);
		if (fits && walk_is_full(&w))
			break;
		w.last = r.seq;
		if (!fits)
			continue;
		w.bytes += 300 + (r.error ? strlen(r.error) : 0);
		json_array_append_new(w.rows, view_run(&r));
	}
	return walk_end(s, &w, st, rc, "runs", q);
}

/* The ids of an event's runs; NULL with msg set when they cannot be read. */
static json_t *event_runs(struct sqlite_store *s, int64_t event, struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, Q_EVENT_RUNS);
	json_t *ids = json_array();
	int rc;
	sqlite3_bind_int64(st, 1, event);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		json_array_append_new(ids, view_id(column_id(st, 0)));
	if (!ended(s, st, rc, msg))
		return ids;
	json_decref(ids);
	return NULL;
}

/* What kept rules from starting, or from starting at once; as event_runs. */
static json_t *event_decisions(struct sqlite_store *s, int64_t event, struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, Q_DECISIONS);
	json_t *list = json_array();
	int rc;
	sqlite3_bind_int64(st, 1, event);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		json_array_append_new(list,
				      view_decision(column_text(st, 0),
						    (enum store_fate)sqlite3_column_int(st, 1),
						    column_id(st, 2)));
	if (!ended(s, st, rc, msg))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *row_event(struct sqlite_store *s, sqlite3_stmt *st, struct errmsg *msg)
{
	json_t *runs = event_runs(s, sqlite3_column_int64(st, 0), msg);
	if (!runs)
		return NULL;
	json_t *decisions = event_decisions(s, sqlite3_column_int64(st, 0), msg);
	if (!decisions) {
		json_decref(runs);
		return NULL;
	}
	const char *body = column_text(st, 9);
	json_t *v =
		view_event(&(struct store_event){.seq = (uint64_t)sqlite3_column_int64(st, 0),
						 .id = column_id(st, 1),
						 .source = column_text(st, 2),
						 .ext_id = column_text(st, 10),
						 .type = column_text(st, 3),
						 .subject = column_text(st, 4),
						 .time = sqlite3_column_int64(st, 5),
						 .received = sqlite3_column_int64(st, 6),
						 .ruleset = column_text(st, 7),
						 .headers = column_text(st, 8),
						 .body = body,
						 .body_len = (size_t)sqlite3_column_bytes(st, 9)},
			   runs);
	json_object_set_new(v, "decisions", decisions);
	return v;
}

static bool event_fits(sqlite3_stmt *st, const struct store_query *q)
{
	return (!q->type || !strcmp(column_text(st, 3), q->type)) &&
	       (!q->subject || !strcmp(column_text(st, 4), q->subject));
}

static int query_events(struct sqlite_store *s, struct store_query *q)
{
	struct walk w = {.rows = json_array(), .limit = view_limit(q->limit)};
	sqlite3_stmt *st = stmt(s, Q_EVENTS);
	int rc;
	sqlite3_bind_int64(st, 1, below(q));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		bool fits = event_fits(st, q);
		if (fits && walk_is_full(&w))
			break;
		json_t *row = fits ? row_event(s, st, &q->op.msg) : NULL;
		if (fits && !row) {
			rc = SQLITE_INTERRUPT;
			break;
		}
		w.last = (uint64_t)sqlite3_column_int64(st, 0);
		if (!fits)
			continue;
		w.bytes += 300 + (size_t)sqlite3_column_bytes(st, 9);
		json_array_append_new(w.rows, row);
	}
	return walk_end(s, &w, st, rc, "events", q);
}

/* ---- one ---- */

static int not_found(struct sqlite_store *s, sqlite3_stmt *st, int rc, struct errmsg *msg)
{
	int err = ended(s, st, rc, msg);
	return err ? err : err_set(msg, ERR_NOT_FOUND, "nothing of this id");
}

static int query_event(struct sqlite_store *s, const struct id *id, json_t **ret,
		       struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, Q_EVENT);
	bind_id(st, 1, id);
	int rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return not_found(s, st, rc, msg);
	*ret = row_event(s, st, msg);
	sqlite3_reset(st);
	return *ret ? 0 : ERR_STORE;
}

static int run_recs(struct sqlite_store *s, int64_t run, json_t *recs, struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, Q_RECS);
	int rc;
	sqlite3_bind_int64(st, 1, run);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *body = column_text(st, 4);
		json_array_append_new(recs, view_rec(&(struct store_rec){
						    .n = (uint32_t)sqlite3_column_int64(st, 0),
						    .type = (enum rec_type)column_text(st, 1)[0],
						    .path = column_text(st, 2),
						    .at = sqlite3_column_int64(st, 3),
						    .body = body,
						    .len = (size_t)sqlite3_column_bytes(st, 4)}));
	}
	return ended(s, st, rc, msg);
}

static int query_one_run(struct sqlite_store *s, struct store_query *q)
{
	sqlite3_stmt *st = stmt(s, Q_RUN);
	struct view_run r;
	bind_id(st, 1, &q->id);
	int rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return not_found(s, st, rc, &q->op.msg);
	row_run(st, &r);
	json_t *v = view_run(&r), *recs = json_array(), *event = NULL;
	sqlite3_reset(st);
	json_object_set_new(v, "records", recs);
	int err = run_recs(s, (int64_t)r.seq, recs, &q->op.msg);
	if (!err)
		err = query_event(s, &r.event, &event, &q->op.msg);
	if (err) {
		json_decref(v);
		return err;
	}
	json_object_set_new(v, "event", event);
	q->result = v;
	return 0;
}

/* Adds to count; *sum is what was added. */
static int count_states(struct sqlite_store *s, int which, json_int_t *count, json_int_t *sum,
			struct errmsg *msg)
{
	sqlite3_stmt *st = stmt(s, which);
	int rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int state = sqlite3_column_int(st, 0);
		if (state >= 0 && state < RUN_STATES)
			count[state] += sqlite3_column_int64(st, 1);
		*sum += sqlite3_column_int64(st, 1);
	}
	return ended(s, st, rc, msg);
}

/* Neither events nor runs are ever removed one by one: their highest seq is their number. */
static int query_stats(struct sqlite_store *s, struct store_query *q)
{
	json_int_t count[RUN_STATES] = {0}, live = 0, others = 0;
	sqlite3_stmt *st = stmt(s, Q_COUNTS);
	int rc = sqlite3_step(st);
	int64_t events = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	int64_t runs = rc == SQLITE_ROW ? sqlite3_column_int64(st, 1) : 0;
	int err = ended(s, st, rc, &q->op.msg);
	if (!err)
		err = count_states(s, Q_COUNT_LIVE, count, &live, &q->op.msg);
	if (!err)
		err = count_states(s, Q_COUNT_ENDED, count, &others, &q->op.msg);
	if (err)
		return err;
	count[RUN_COMPLETED] = runs - live - others;
	auto_free char *wal = mem_printf("%s-wal", s->path);
	struct stat st_wal = {0};
	(void)stat(wal, &st_wal);
	q->result = view_counts((uint64_t)events, count, live, st_wal.st_size);
	return 0;
}

static int query_claim(struct sqlite_store *s, struct store_query *q)
{
	sqlite3_stmt *st = stmt(s, Q_CLAIM);
	bind_text(st, 1, q->connection);
	bind_text(st, 2, q->foreign_id);
	int rc = sqlite3_step(st);
	json_t *v = rc == SQLITE_ROW ? json_object() : json_null();
	if (rc == SQLITE_ROW) {
		json_object_set_new(v, "run", view_id(column_id(st, 0)));
		json_object_set_new(v, "path", json_string(column_text(st, 1)));
	}
	int err = ended(s, st, rc, &q->op.msg);
	if (err)
		json_decref(v);
	else
		q->result = v;
	return err;
}

static sqlite3_stmt *waits_stmt(struct sqlite_store *s, const struct store_query *q)
{
	bool person = q->what && strcmp(q->what, "person") == 0;
	int which = !id_is_zero(q->id) ? Q_WAITS_OF_RUN : person ? Q_WAITS_PERSON : Q_WAITS;
	sqlite3_stmt *st = stmt(s, which);
	sqlite3_bind_int64(st, 1, below(q));
	if (which == Q_WAITS_OF_RUN)
		bind_id(st, 2, &q->id);
	return st;
}

/* A page ends between two runs only; a path that waits for several keys is one row. */
static int query_waits(struct sqlite_store *s, struct store_query *q)
{
	struct walk w = {.rows = json_array(), .limit = view_limit(q->limit)};
	sqlite3_stmt *st = waits_stmt(s, q);
	auto_free char *path = mem_strdup("");
	int rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		uint64_t run = (uint64_t)sqlite3_column_int64(st, 0);
		if (run == w.last && strcmp(path, column_text(st, 3)) == 0)
			continue;
		if (q->what && strcmp(q->what, column_text(st, 4)) != 0)
			continue;
		if (run != w.last && walk_is_full(&w))
			break;
		w.last = run;
		free(path);
		path = mem_strdup(column_text(st, 3));
		const char *note = (const char *)sqlite3_column_text(st, 5);
		w.bytes += 200 + (note ? strlen(note) : 0);
		json_array_append_new(w.rows, view_wait(column_id(st, 1), column_text(st, 2), path,
							column_text(st, 4), note));
	}
	return walk_end(s, &w, st, rc, "waits", q);
}

static int query_memory(struct sqlite_store *s, struct store_query *q)
{
	struct walk w = {.rows = json_array(), .limit = view_limit(q->limit)};
	sqlite3_stmt *st = stmt(s, Q_MEMORY);
	int rc;
	bind_text(st, 1, q->scope);
	bind_text(st, 2, q->after);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !walk_is_full(&w)) {
		w.bytes += 100 + (size_t)sqlite3_column_bytes(st, 1);
		json_array_append_new(w.rows, view_memory(column_text(st, 0), column_text(st, 1),
							  sqlite3_column_int64(st, 2)));
	}
	int err = walk_end(s, &w, st, rc, "values", q);
	const json_t *last = err ? NULL : json_array_get(w.rows, json_array_size(w.rows) - 1);
	if (w.cut && last)
		json_object_set(q->result, "next", json_object_get(last, "key"));
	return err;
}

static int query_view(struct sqlite_store *s, struct store_query *q)
{
	switch (q->view) {
	case VIEW_RUNS:
		return query_runs(s, q);
	case VIEW_RUN:
		return query_one_run(s, q);
	case VIEW_EVENTS:
		return query_events(s, q);
	case VIEW_EVENT:
		return query_event(s, &q->id, &q->result, &q->op.msg);
	case VIEW_STATS:
		return query_stats(s, q);
	case VIEW_CLAIM:
		return query_claim(s, q);
	case VIEW_WAITS:
		return query_waits(s, q);
	case VIEW_MEMORY:
		return query_memory(s, q);
	}
	return err_set(&q->op.msg, ERR_STORE, "no such view");
}

int query_run(struct sqlite_store *s, struct store_query *q)
{
	q->result = NULL;
	s->deadline_ms = now_ms() + STORE_QUERY_MS;
	sqlite3_progress_handler(s->reader.db, LOOK_EVERY, on_look, s);
	int err = query_view(s, q);
	sqlite3_progress_handler(s->reader.db, 0, NULL, NULL);
	return err;
}
