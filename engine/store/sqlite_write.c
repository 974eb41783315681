/* The verbs that write, on SQLite: conditions are looked at first, so that a refused verb wrote nothing. */
#include <string.h>

#include "engine/store/sqlite.h"

/* Expired fingerprints: how many are looked at and removed at a time, in one commit. */
#define PRUNE_LOOK 200
#define PRUNE_MAX 50

#define WRITE_SQL(X)                                                                              \
	X(BEGIN, "BEGIN IMMEDIATE")                                                               \
	X(COMMIT, "COMMIT")                                                                       \
	X(HAS_SOURCE, "SELECT 1 FROM source WHERE hash = ?1")                                     \
	X(PUT_SOURCE, "INSERT INTO source(hash, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")    \
	X(GET_FP, "SELECT event, expires FROM dedupe WHERE fp = ?1")                              \
	X(PUT_FP, "REPLACE INTO dedupe VALUES (?1, ?2, ?3)")                                      \
	X(LOOK_FP, "SELECT fp, expires FROM dedupe WHERE fp >= ?1 ORDER BY fp LIMIT ?2")           \
	X(DEL_FP, "DELETE FROM dedupe WHERE fp = ?1")                                             \
	X(EVENT_ID, "SELECT id FROM event WHERE seq = ?1")                                        \
	X(PUT_EVENT, "INSERT INTO event(id, source, ext_id, type, subject, time, received,"       \
		     " ruleset, headers, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"  \
		     " ON CONFLICT DO NOTHING")                                                   \
	X(PUT_RUN, "INSERT INTO run(id, event, source, rule, trigger, created, parent,"           \
		   " parent_path) VALUES (?1, ?2, (SELECT seq FROM source WHERE hash = ?3),"      \
		   " ?4, ?5, ?6, ?7, ?8)")                                                        \
	X(PUT_LIVE, "INSERT INTO live(run, state, due, last_n, epoch, cancel_at, wake)"           \
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                       \
	X(GET_LIVE, "SELECT l.run, l.state, l.last_n, l.epoch, l.cancel_at, l.due FROM run r"     \
		    " CROSS JOIN live l ON l.run = r.seq WHERE r.id = ?1")                        \
	X(SET_LIVE, "UPDATE live SET state = ?2, due = ?3, last_n = ?4, cancel_at = ?5,"          \
		    " wake = ?6 WHERE run = ?1")                                                  \
	X(DEL_LIVE, "DELETE FROM live WHERE run = ?1")                                            \
	X(PUT_ENDED, "INSERT INTO ended(run, state, at, last_n, epoch, error)"                    \
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                          \
	X(GET_ENDED, "SELECT d.run, d.state, d.last_n FROM run r"                                 \
		     " CROSS JOIN ended d ON d.run = r.seq WHERE r.id = ?1")                      \
	X(DEL_ENDED, "DELETE FROM ended WHERE run = ?1")                                          \
	X(PUT_REC, "INSERT INTO journal(run, n, type, path, at, body)"                            \
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                            \
	X(GET_CLAIM, "SELECT run, path FROM claim WHERE connection = ?1 AND foreign_id = ?2")     \
	X(PUT_CLAIM, "INSERT INTO claim VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")

enum {
#define X(name, sql) W_##name,
	WRITE_SQL(X)
#undef X
	W_COUNT
};

static const char *const write_sql[W_COUNT] = {
#define X(name, sql) [W_##name] = sql,
	WRITE_SQL(X)
#undef X
};

struct live_row {
	int64_t run, last_n, epoch, cancel_at, due;
	enum run_state state;
};

int writer_prepare(struct sqlite_store *s, struct errmsg *msg)
{
	return worker_prepare(&s->writer, write_sql, W_COUNT, msg);
}

static sqlite3_stmt *stmt(struct sqlite_store *s, int which)
{
	return s->writer.stmts[which];
}

/* Runs a statement that gives no row. 0 or an SQLite code. */
static int run_of(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : rc;
}

/* One row, or none: *ret_row says which. The statement stays open on a row until it is reset. */
static int row_of(sqlite3_stmt *st, bool *ret_row)
{
	int rc = sqlite3_step(st);
	*ret_row = rc == SQLITE_ROW;
	if (*ret_row)
		return 0;
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : rc;
}

int writer_begin(struct sqlite_store *s)
{
	return run_of(stmt(s, W_BEGIN));
}

int writer_commit(struct sqlite_store *s)
{
	return run_of(stmt(s, W_COMMIT));
}

void writer_rollback(struct sqlite_store *s)
{
	/* Some failures have rolled back already. */
	if (!sqlite3_get_autocommit(s->writer.db))
		(void)sqlite_exec(s->writer.db, "ROLLBACK", NULL);
}

/* ---- accept ---- */

static int sources_check(struct sqlite_store *s, const struct store_accept *a, struct store_op *op)
{
	sqlite3_stmt *st = stmt(s, W_HAS_SOURCE);
	for (size_t i = 0; i < a->n_runs; i++) {
		/* The runs of one event mostly have one plan. */
		if (i && !strcmp(a->runs[i].plan_hash, a->runs[i - 1].plan_hash))
			continue;
		bool has;
		bind_text(st, 1, a->runs[i].plan_hash);
		int rc = row_of(st, &has);
		sqlite3_reset(st);
		if (rc)
			return rc;
		if (!has) {
			op->err = store_no_source(&op->msg, a->runs[i].plan_hash);
			return 0;
		}
	}
	return 0;
}

static int event_id(struct sqlite_store *s, int64_t seq, struct id *ret)
{
	sqlite3_stmt *st = stmt(s, W_EVENT_ID);
	bool has;
	sqlite3_bind_int64(st, 1, seq);
	int rc = row_of(st, &has);
	if (!rc && has)
		*ret = column_id(st, 0);
	sqlite3_reset(st);
	return rc;
}

/* Looks for an unexpired earlier event of the same fingerprint. */
static int fp_check(struct sqlite_store *s, struct store_accept *a)
{
	sqlite3_stmt *st = stmt(s, W_GET_FP);
	bool has;
	sqlite3_bind_blob(st, 1, a->ev.fp, sizeof(a->ev.fp), SQLITE_STATIC);
	int rc = row_of(st, &has);
	int64_t seq = 0;
	if (!rc && has) {
		seq = sqlite3_column_int64(st, 0);
		a->duplicate = sqlite3_column_int64(st, 1) > a->ev.received;
	}
	sqlite3_reset(st);
	return rc || !a->duplicate ? rc : event_id(s, seq, &a->first);
}

static int fp_put(struct sqlite_store *s, const struct store_event *ev)
{
	sqlite3_stmt *st = stmt(s, W_PUT_FP);
	sqlite3_bind_blob(st, 1, ev->fp, sizeof(ev->fp), SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (int64_t)ev->seq);
	sqlite3_bind_int64(st, 3, ev->received + ev->dedupe_ms);
	s->prune_debt++;
	return run_of(st);
}

/* An event whose id is there already is a duplicate too. */
static int event_put(struct sqlite_store *s, struct store_accept *a)
{
	struct store_event *ev = &a->ev;
	sqlite3_stmt *st = stmt(s, W_PUT_EVENT);
	bind_id(st, 1, &ev->id);
	bind_text(st, 2, ev->source);
	bind_text(st, 3, ev->ext_id);
	bind_text(st, 4, ev->type);
	bind_text(st, 5, ev->subject);
	sqlite3_bind_int64(st, 6, ev->time);
	sqlite3_bind_int64(st, 7, ev->received);
	bind_text(st, 8, ev->ruleset);
	bind_text(st, 9, ev->headers);
	sqlite3_bind_text64(st, 10, ev->body_len ? ev->body : "", ev->body_len, SQLITE_STATIC,
			    SQLITE_UTF8);
	int rc = run_of(st);
	if (rc)
		return rc;
	a->duplicate = sqlite3_changes(s->writer.db) == 0;
	if (a->duplicate)
		a->first = ev->id;
	else
		ev->seq = (uint64_t)sqlite3_last_insert_rowid(s->writer.db);
	return 0;
}

static int live_put(struct sqlite_store *s, int64_t run, enum run_state state, int64_t due,
		    int64_t last_n)
{
	sqlite3_stmt *st = stmt(s, W_PUT_LIVE);
	int64_t wake = store_wake(state, due, 0);
	sqlite3_bind_int64(st, 1, run);
	sqlite3_bind_int(st, 2, (int)state);
	sqlite3_bind_int64(st, 3, due);
	sqlite3_bind_int64(st, 4, last_n);
	sqlite3_bind_int64(st, 5, s->epoch);
	sqlite3_bind_int64(st, 6, 0);
	if (wake == WAKE_NEVER)
		sqlite3_bind_null(st, 7);
	else
		sqlite3_bind_int64(st, 7, wake);
	return run_of(st);
}

/* error: JSON text or NULL. */
static int ended_put(struct sqlite_store *s, const struct live_row *row, enum run_state state,
		     int64_t at, const char *error)
{
	sqlite3_stmt *st = stmt(s, W_PUT_ENDED);
	sqlite3_bind_int64(st, 1, row->run);
	sqlite3_bind_int(st, 2, (int)state);
	sqlite3_bind_int64(st, 3, at);
	sqlite3_bind_int64(st, 4, row->last_n);
	sqlite3_bind_int64(st, 5, row->epoch);
	sqlite3_bind_text(st, 6, error, -1, SQLITE_STATIC);
	return run_of(st);
}

static int run_put(struct sqlite_store *s, const struct store_event *ev,
		   const struct store_newrun *n)
{
	sqlite3_stmt *st = stmt(s, W_PUT_RUN);
	bind_id(st, 1, &n->id);
	sqlite3_bind_int64(st, 2, (int64_t)ev->seq);
	bind_text(st, 3, n->plan_hash);
	bind_text(st, 4, n->rule);
	bind_text(st, 5, n->trigger);
	sqlite3_bind_int64(st, 6, ev->received);
	if (id_is_zero(n->parent)) {
		sqlite3_bind_null(st, 7);
		sqlite3_bind_null(st, 8);
	} else {
		bind_id(st, 7, &n->parent);
		bind_text(st, 8, n->parent_path);
	}
	int rc = run_of(st);
	if (rc)
		return rc;
	int64_t run = sqlite3_last_insert_rowid(s->writer.db);
	if (!n->failed_match)
		return live_put(s, run, RUN_QUEUED, 0, 0);
	return ended_put(s, &(struct live_row){.run = run, .epoch = s->epoch}, RUN_FAILED,
			 ev->received, n->error);
}

/* The sources were checked. */
static int accept_do(struct sqlite_store *s, struct store_accept *a)
{
	a->duplicate = false;
	a->epoch = (uint64_t)s->epoch;
	if (a->ev.received > s->newest)
		s->newest = a->ev.received;
	int rc = a->ev.dedupe ? fp_check(s, a) : 0;
	if (!rc && !a->duplicate)
		rc = event_put(s, a);
	if (rc || a->duplicate)
		return rc;
	if (a->ev.dedupe)
		rc = fp_put(s, &a->ev);
	for (size_t i = 0; !rc && i < a->n_runs; i++)
		rc = run_put(s, &a->ev, &a->runs[i]);
	return rc;
}

static int verb_accept(struct sqlite_store *s, struct store_accept *a)
{
	int rc = sources_check(s, a, &a->op);
	return rc || a->op.err ? rc : accept_do(s, a);
}

/* ---- append ---- */

static int live_find(struct sqlite_store *s, const struct id *run, struct live_row *ret, bool *has)
{
	sqlite3_stmt *st = stmt(s, W_GET_LIVE);
	bind_id(st, 1, run);
	int rc = row_of(st, has);
	if (!rc && *has)
		*ret = (struct live_row){.run = sqlite3_column_int64(st, 0),
					 .state = (enum run_state)sqlite3_column_int(st, 1),
					 .last_n = sqlite3_column_int64(st, 2),
					 .epoch = sqlite3_column_int64(st, 3),
					 .cancel_at = sqlite3_column_int64(st, 4),
					 .due = sqlite3_column_int64(st, 5)};
	sqlite3_reset(st);
	return rc;
}

static int live_set(struct sqlite_store *s, const struct live_row *row)
{
	sqlite3_stmt *st = stmt(s, W_SET_LIVE);
	int64_t wake = store_wake(row->state, row->due, row->cancel_at);
	sqlite3_bind_int64(st, 1, row->run);
	sqlite3_bind_int(st, 2, (int)row->state);
	sqlite3_bind_int64(st, 3, row->due);
	sqlite3_bind_int64(st, 4, row->last_n);
	sqlite3_bind_int64(st, 5, row->cancel_at);
	if (wake == WAKE_NEVER)
		sqlite3_bind_null(st, 6);
	else
		sqlite3_bind_int64(st, 6, wake);
	return run_of(st);
}

static int delete_of(struct sqlite_store *s, int which, int64_t run)
{
	sqlite3_stmt *st = stmt(s, which);
	sqlite3_bind_int64(st, 1, run);
	return run_of(st);
}

static int rec_put(struct sqlite_store *s, int64_t run, int64_t n, const struct store_rec *rec)
{
	sqlite3_stmt *st = stmt(s, W_PUT_REC);
	char type = (char)rec->type;
	sqlite3_bind_int64(st, 1, run);
	sqlite3_bind_int64(st, 2, n);
	sqlite3_bind_text(st, 3, &type, 1, SQLITE_STATIC);
	bind_text(st, 4, rec->path);
	sqlite3_bind_int64(st, 5, rec->at);
	sqlite3_bind_text64(st, 6, rec->len ? rec->body : "", rec->len, SQLITE_STATIC, SQLITE_UTF8);
	return run_of(st);
}

static bool claims_equal(const struct store_claim *a, const struct store_claim *b)
{
	return !strcmp(a->connection, b->connection) && !strcmp(a->foreign_id, b->foreign_id);
}

/* *ret: nobody, or this very effect, has claimed it. */
static int claim_check(struct sqlite_store *s, const struct store_append *a, size_t i, int64_t run,
		       bool *ret)
{
	const struct store_claim *c = &a->claims[i];
	*ret = true;
	for (size_t k = 0; k < i; k++)
		if (claims_equal(&a->claims[k], c))
			*ret &= !strcmp(a->claims[k].path, c->path);
	sqlite3_stmt *st = stmt(s, W_GET_CLAIM);
	bool has;
	bind_text(st, 1, c->connection);
	bind_text(st, 2, c->foreign_id);
	int rc = row_of(st, &has);
	if (!rc && has)
		*ret &= sqlite3_column_int64(st, 0) == run && !strcmp(column_text(st, 1), c->path);
	sqlite3_reset(st);
	return rc;
}

static int claims_check(struct sqlite_store *s, struct store_append *a, int64_t run)
{
	for (size_t i = 0; i < a->n_claims; i++) {
		bool ours;
		int rc = claim_check(s, a, i, run, &ours);
		if (rc)
			return rc;
		if (!ours) {
			a->op.err = err_set(&a->op.msg, ERR_CLAIMED, "'%s' of %s is another effect's",
					    a->claims[i].foreign_id, a->claims[i].connection);
			return 0;
		}
	}
	return 0;
}

static int claim_put(struct sqlite_store *s, const struct store_claim *c, int64_t run)
{
	sqlite3_stmt *st = stmt(s, W_PUT_CLAIM);
	bind_text(st, 1, c->connection);
	bind_text(st, 2, c->foreign_id);
	sqlite3_bind_int64(st, 3, run);
	bind_text(st, 4, c->path);
	return run_of(st);
}

/* Whatever can refuse the verb; op->err says so. */
static int append_check(struct sqlite_store *s, struct store_append *a, struct live_row *row)
{
	bool has;
	int rc = live_find(s, &a->run, row, &has);
	if (rc)
		return rc;
	if (!has)
		a->op.err = err_set(&a->op.msg, ERR_FENCED, "the run is not live");
	else if (row->last_n != a->expect_n || row->epoch != (int64_t)a->epoch)
		a->op.err = err_set(&a->op.msg, ERR_FENCED, "the run has %lld records of epoch %lld",
				    (long long)row->last_n, (long long)row->epoch);
	else
		rc = claims_check(s, a, row->run);
	for (size_t i = 0; !rc && !a->op.err && i < a->n_emits; i++)
		rc = sources_check(s, &a->emits[i], &a->op);
	return rc;
}

static int append_row(struct sqlite_store *s, struct store_append *a, struct live_row *row)
{
	if (!run_state_is_end(a->state))
		return live_set(s, row);
	int64_t at;
	const char *error = store_end_of(a, &at);
	int rc = delete_of(s, W_DEL_LIVE, row->run);
	return rc ? rc : ended_put(s, row, a->state, at, a->state == RUN_COMPLETED ? NULL : error);
}

static int verb_append(struct sqlite_store *s, struct store_append *a)
{
	struct live_row row;
	int rc = append_check(s, a, &row);
	if (rc || a->op.err)
		return rc;
	for (size_t i = 0; !rc && i < a->n_recs; i++)
		rc = rec_put(s, row.run, ++row.last_n, &a->recs[i]);
	for (size_t i = 0; !rc && i < a->n_claims; i++)
		rc = claim_put(s, &a->claims[i], row.run);
	for (size_t i = 0; !rc && i < a->n_emits; i++)
		rc = accept_do(s, &a->emits[i]);
	if (store_takes_cancel(a))
		row.cancel_at = 0;
	a->cancel_asked = row.cancel_at != 0;
	row.state = a->state;
	row.due = a->due;
	return rc ? rc : append_row(s, a, &row);
}

/* ---- the others ---- */

static int verb_put_source(struct sqlite_store *s, struct store_put_source *p)
{
	sqlite3_stmt *st = stmt(s, W_PUT_SOURCE);
	bind_text(st, 1, p->hash);
	sqlite3_bind_text64(st, 2, p->len ? p->text : "", p->len, SQLITE_STATIC, SQLITE_UTF8);
	return run_of(st);
}

static int verb_cancel(struct sqlite_store *s, struct store_cancel *c)
{
	struct live_row row;
	bool has;
	int rc = live_find(s, &c->run, &row, &has);
	if (rc)
		return rc;
	if (!has) {
		c->op.err = err_set(&c->op.msg, ERR_NOT_FOUND, "no such run is live");
		return 0;
	}
	if (row.cancel_at)
		return 0;
	row.cancel_at = c->at;
	return live_set(s, &row);
}

static int revive_live(struct sqlite_store *s, struct store_revive *v, struct live_row *row)
{
	if (row->state != RUN_IN_DOUBT) {
		v->op.err = store_not_revivable(&v->op.msg, row->state);
		return 0;
	}
	v->rec.n = (uint32_t)++row->last_n;
	row->state = v->state;
	row->due = v->due;
	int rc = rec_put(s, row->run, row->last_n, &v->rec);
	return rc ? rc : live_set(s, row);
}

static int revive_ended(struct sqlite_store *s, struct store_revive *v)
{
	sqlite3_stmt *st = stmt(s, W_GET_ENDED);
	bool has;
	bind_id(st, 1, &v->run);
	int rc = row_of(st, &has);
	int64_t run = has ? sqlite3_column_int64(st, 0) : 0;
	enum run_state state = has ? (enum run_state)sqlite3_column_int(st, 1) : RUN_QUEUED;
	int64_t n = has ? sqlite3_column_int64(st, 2) + 1 : 0;
	sqlite3_reset(st);
	if (rc)
		return rc;
	if (!has)
		v->op.err = err_set(&v->op.msg, ERR_NOT_FOUND, "no such run");
	else if (state != RUN_FAILED)
		v->op.err = store_not_revivable(&v->op.msg, state);
	if (v->op.err)
		return 0;
	v->rec.n = (uint32_t)n;
	rc = rec_put(s, run, n, &v->rec);
	if (!rc)
		rc = delete_of(s, W_DEL_ENDED, run);
	return rc ? rc : live_put(s, run, v->state, v->due, n);
}

static int verb_revive(struct sqlite_store *s, struct store_revive *v)
{
	struct live_row row;
	bool has;
	int rc = live_find(s, &v->run, &row, &has);
	if (rc)
		return rc;
	return has ? revive_live(s, v, &row) : revive_ended(s, v);
}

int writer_verb(struct sqlite_store *s, struct store_op *op)
{
	op->err = 0;
	switch (op->verb) {
	case STORE_ACCEPT:
		return verb_accept(s, container_of(op, struct store_accept, op));
	case STORE_APPEND:
		return verb_append(s, container_of(op, struct store_append, op));
	case STORE_PUT_SOURCE:
		return verb_put_source(s, container_of(op, struct store_put_source, op));
	case STORE_CANCEL:
		return verb_cancel(s, container_of(op, struct store_cancel, op));
	case STORE_REVIVE:
		return verb_revive(s, container_of(op, struct store_revive, op));
	case STORE_LOAD:
	case STORE_DUE:
	case STORE_GET_SOURCE:
	case STORE_QUERY:
		break;
	}
	return SQLITE_MISUSE;
}

/* ---- pruning ---- */

/* Up to PRUNE_MAX expired ones from prune_from on, which moves to where the look ended. */
static int expired_find(struct sqlite_store *s, unsigned char (*fps)[16], size_t *n)
{
	sqlite3_stmt *st = stmt(s, W_LOOK_FP);
	int rc, seen = 0;
	sqlite3_bind_blob(st, 1, s->prune_from, sizeof(s->prune_from), SQLITE_TRANSIENT);
	sqlite3_bind_int(st, 2, PRUNE_LOOK);
	while (*n < PRUNE_MAX && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		seen++;
		struct id fp = column_id(st, 0);
		memcpy(s->prune_from, fp.b, sizeof(s->prune_from));
		if (sqlite3_column_int64(st, 1) <= s->newest)
			memcpy(fps[(*n)++], fp.b, sizeof(fp.b));
	}
	sqlite3_reset(st);
	if (*n == PRUNE_MAX)
		return 0;
	if (rc != SQLITE_DONE)
		return rc;
	/* Behind the last one it starts anew. */
	if (seen < PRUNE_LOOK)
		memset(s->prune_from, 0, sizeof(s->prune_from));
	return 0;
}

/*
 * Walks the fingerprints in their order, so that what is removed together lies in few leaves and
 * no index over time has to be kept. Each kept one pays for a look at more than one.
 */
int writer_prune(struct sqlite_store *s)
{
	unsigned char fps[PRUNE_MAX][16];
	size_t n = 0;
	int rc = expired_find(s, fps, &n);
	sqlite3_stmt *st = stmt(s, W_DEL_FP);
	for (size_t i = 0; !rc && i < n; i++) {
		sqlite3_bind_blob(st, 1, fps[i], sizeof(fps[i]), SQLITE_STATIC);
		rc = run_of(st);
	}
	s->prune_debt -= s->prune_debt < PRUNE_MAX ? s->prune_debt : PRUNE_MAX;
	return rc;
}
