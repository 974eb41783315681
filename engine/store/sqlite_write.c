/* The verbs that write, on SQLite: conditions are looked at first, so that a refused verb wrote nothing. */
#include <string.h>

#include "engine/store/sqlite_write.h"

static const char *const write_sql[W_COUNT] = {
#define X(name, sql) [W_##name] = sql,
	WRITE_SQL(X)
#undef X
};

int writer_prepare(struct sqlite_store *s, struct errmsg *msg)
{
	return worker_prepare(&s->writer, write_sql, W_COUNT, msg);
}

int run_of(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : rc;
}

int row_of(sqlite3_stmt *st, bool *ret_row)
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
	return run_of(writer_stmt(s, W_BEGIN));
}

int writer_commit(struct sqlite_store *s)
{
	return run_of(writer_stmt(s, W_COMMIT));
}

void writer_rollback(struct sqlite_store *s)
{
	/* Some failures have rolled back already. */
	if (!sqlite3_get_autocommit(s->writer.db))
		(void)sqlite_exec(s->writer.db, "ROLLBACK", NULL);
}

/* ---- accept ---- */

static int verb_accept(struct sqlite_store *s, struct store_accept *a)
{
	int rc = accept_check(s, a, &a->op);
	return rc || a->op.err ? rc : accept_do(s, a);
}

/* ---- append ---- */

static int live_find(struct sqlite_store *s, const struct id *run, struct live_row *ret, bool *has)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_LIVE);
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
	sqlite3_stmt *st = writer_stmt(s, W_SET_LIVE);
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
	sqlite3_stmt *st = writer_stmt(s, which);
	sqlite3_bind_int64(st, 1, run);
	return run_of(st);
}

static int rec_put(struct sqlite_store *s, int64_t run, int64_t n, const struct store_rec *rec)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_REC);
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

/* *ret: nobody, or this very effect, has claimed it; or it is a place of a run that has ended. */
static int claim_check(struct sqlite_store *s, const struct store_append *a, size_t i, int64_t run,
		       bool *ret)
{
	const struct store_claim *c = &a->claims[i];
	*ret = true;
	for (size_t k = 0; k < i; k++)
		if (!a->claims[k].release && claims_equal(&a->claims[k], c))
			*ret &= !strcmp(a->claims[k].path, c->path);
	sqlite3_stmt *st = writer_stmt(s, W_GET_CLAIM);
	bool has;
	bind_text(st, 1, c->connection);
	bind_text(st, 2, c->foreign_id);
	int rc = row_of(st, &has);
	if (!rc && has)
		*ret &= (sqlite3_column_int64(st, 0) == run &&
			 !strcmp(column_text(st, 1), c->path)) ||
			sqlite3_column_int(st, 2);
	sqlite3_reset(st);
	return rc;
}

static int claims_check(struct sqlite_store *s, struct store_append *a, int64_t run)
{
	for (size_t i = 0; i < a->n_claims; i++) {
		bool ours;
		if (a->claims[i].release)
			continue;
		int rc = claim_check(s, a, i, run, &ours);
		if (rc)
			return rc;
		if (!ours) {
			a->op.err =
				err_set(&a->op.msg, ERR_CLAIMED, "'%s' of %s is another effect's",
					a->claims[i].foreign_id, a->claims[i].connection);
			return 0;
		}
	}
	return 0;
}

static int claim_put(struct sqlite_store *s, const struct store_claim *c, int64_t run)
{
	sqlite3_stmt *st = writer_stmt(s, c->release ? W_DEL_CLAIM : W_PUT_CLAIM);
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
		a->op.err =
			err_set(&a->op.msg, ERR_FENCED, "the run has %lld records of epoch %lld",
				(long long)row->last_n, (long long)row->epoch);
	else
		rc = claims_check(s, a, row->run);
	for (size_t i = 0; !rc && !a->op.err && i < a->n_emits; i++)
		rc = accept_check(s, &a->emits[i], &a->op);
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
	sqlite3_stmt *st = writer_stmt(s, W_PUT_SOURCE);
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
	sqlite3_stmt *st = writer_stmt(s, W_GET_ENDED);
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

static int verb_keep(struct sqlite_store *s, struct store_keep *k)
{
	sqlite3_stmt *st = writer_stmt(s, k->len ? W_PUT_KEPT : W_DEL_KEPT);
	k->op.err = store_keep_check(k);
	if (k->op.err)
		return 0;
	bind_text(st, 1, k->name);
	if (k->len) {
		sqlite3_bind_blob64(st, 2, k->bytes, k->len, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, s->clock->wall_ms(s->clock));
	}
	return run_of(st);
}

static int verb_spend(struct sqlite_store *s, struct store_spend *p)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_COUNTER);
	bool has;
	bind_text(st, 1, p->name);
	int rc = row_of(st, &has);
	int64_t day = has ? sqlite3_column_int64(st, 0) : p->day;
	int64_t spent = has ? sqlite3_column_int64(st, 1) : 0;
	sqlite3_reset(st);
	if (rc || !store_spend(p, &day, &spent))
		return rc;
	st = writer_stmt(s, W_PUT_COUNTER);
	bind_text(st, 1, p->name);
	sqlite3_bind_int64(st, 2, day);
	sqlite3_bind_int64(st, 3, spent);
	return run_of(st);
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
	case STORE_SPEND:
		return verb_spend(s, container_of(op, struct store_spend, op));
	case STORE_KEEP:
		return verb_keep(s, container_of(op, struct store_keep, op));
	case STORE_LOAD:
	case STORE_DUE:
	case STORE_GET_SOURCE:
	case STORE_QUERY:
	case STORE_KEPT:
		break;
	}
	return SQLITE_MISUSE;
}
