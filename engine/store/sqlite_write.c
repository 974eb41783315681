/* The verbs that write, on SQLite: conditions are looked at first, so that a refused verb wrote nothing. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
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

/* What an earlier try of the same verb, which was undone, has found is void. */
static void woken_forget(struct id **ids, size_t *n)
{
	free(*ids);
	*ids = NULL;
	*n = 0;
}

static int verb_accept(struct sqlite_store *s, struct store_accept *a)
{
	struct woken w = {0};
	woken_forget(&a->woken, &a->n_woken);
	int rc = accept_check(s, a, &a->op);
	if (!rc && !a->op.err)
		rc = accept_do(s, a, &w);
	a->woken = w.ids;
	a->n_woken = w.n;
	return rc;
}

/* ---- append ---- */

int rec_put(struct sqlite_store *s, int64_t run, int64_t n, const struct store_rec *rec)
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

/* The value of a memory, NULL when none is there now; *ret_expires too. */
static int memory_find(struct sqlite_store *s, const struct store_memory *m, char **ret,
		       int64_t *ret_expires)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_MEMORY);
	bool has;
	bind_text(st, 1, m->scope);
	bind_text(st, 2, m->key);
	int rc = row_of(st, &has);
	*ret = NULL;
	*ret_expires = rc || !has ? 0 : sqlite3_column_int64(st, 1);
	if (!rc && has && (!*ret_expires || *ret_expires > m->at))
		*ret = mem_strdup(column_text(st, 0));
	sqlite3_reset(st);
	return rc;
}

static int memory_do(struct sqlite_store *s, struct store_memory *m)
{
	int64_t expires;
	char *old, *new;
	int rc = memory_find(s, m, &old, &expires);
	if (rc)
		return rc;
	free(m->outcome);
	bool changes = store_memory(m, old, &new);
	if (m->op != MEMORY_ADD || !old)
		expires = m->for_ms ? m->at + m->for_ms : 0;
	sqlite3_stmt *st = writer_stmt(s, new ? W_PUT_MEMORY : W_DEL_MEMORY);
	bind_text(st, 1, m->scope);
	bind_text(st, 2, m->key);
	if (new) {
		bind_text(st, 3, new);
		sqlite3_bind_int64(st, 4, expires);
	}
	if (changes)
		rc = run_of(st);
	sqlite3_clear_bindings(st);
	free(old);
	free(new);
	return rc;
}

static const struct store_memory *memory_of(const struct store_append *a, size_t rec)
{
	for (size_t i = 0; i < a->n_memory; i++)
		if (a->memory[i].rec == rec)
			return &a->memory[i];
	return NULL;
}

static int put_filled(struct sqlite_store *s, const struct store_append *a, size_t i, int64_t run,
		      int64_t n)
{
	const struct store_memory *m = memory_of(a, i);
	if (!m)
		return rec_put(s, run, n, &a->recs[i]);
	struct store_rec rec = a->recs[i];
	auto_free char *body = store_fill(rec.body, rec.len, m->outcome);
	rec.body = body;
	rec.len = strlen(body);
	return rec_put(s, run, n, &rec);
}

static int put_recs(struct sqlite_store *s, struct store_append *a, struct live_row *row)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < a->n_memory; i++)
		rc = memory_do(s, &a->memory[i]);
	for (size_t i = 0; !rc && i < a->n_recs; i++)
		rc = put_filled(s, a, i, row->run, ++row->last_n);
	for (size_t i = 0; !rc && i < a->n_claims; i++)
		rc = claim_put(s, &a->claims[i], row->run);
	return rc;
}

static int put_mark(struct sqlite_store *s, struct live_row *row)
{
	sqlite3_stmt *st = writer_stmt(s, W_LAST_EVENT);
	bool has;
	int rc = row_of(st, &has);
	row->mark = rc || !has ? 0 : sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc;
}

static int put_waits(struct sqlite_store *s, const struct store_append *a, struct live_row *row,
		     int64_t now, struct woken *w)
{
	int rc = a->mark ? put_mark(s, row) : 0;
	for (size_t i = 0; !rc && i < a->n_judged; i++)
		rc = wait_judge(s, row, &a->judged[i], now, w);
	for (size_t i = 0; !rc && i < a->n_waits; i++)
		rc = wait_set(s, row, &a->waits[i], now, w);
	return rc;
}

/* Emits may find the run's own waits: its row is read anew behind them. */
static int put_emits(struct sqlite_store *s, struct store_append *a, struct live_row *row,
		     struct woken *w)
{
	int rc = 0;
	bool has;
	for (size_t i = 0; !rc && i < a->n_emits; i++)
		rc = accept_do(s, &a->emits[i], w);
	return rc || !a->n_emits ? rc : live_find_seq(s, row->run, row, &has);
}

static int tell_parent(struct sqlite_store *s, const struct store_append *a,
		       const struct live_row *row, struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_PARENT);
	struct live_row parent;
	bool has;
	sqlite3_bind_int64(st, 1, row->run);
	int rc = row_of(st, &has);
	int64_t run = rc || !has ? 0 : sqlite3_column_int64(st, 0);
	auto_free char *path = mem_strdup(rc || !has ? "" : column_text(st, 1));
	sqlite3_reset(st);
	if (rc || !has)
		return rc;
	rc = live_find_seq(s, run, &parent, &has);
	if (rc || !has)
		return rc;
	const struct store_inbox_row in = {
		.path = path, .what = "run", .body = a->tell_parent, .len = strlen(a->tell_parent)};
	rc = inbox_put(s, &parent, &in, false, 0, w);
	return rc ? rc : live_set(s, &parent);
}

static int append_end(struct sqlite_store *s, struct store_append *a, struct live_row *row,
		      struct woken *w)
{
	int64_t at;
	const char *error = store_end_of(a, &at);
	int rc = live_end(s, row, a->state, at, a->state == RUN_COMPLETED ? NULL : error, w);
	return rc || !a->tell_parent ? rc : tell_parent(s, a, row, w);
}

/* Its window closes, and it asks for its place. */
static int append_start(struct sqlite_store *s, struct store_append *a, struct live_row *row,
			struct woken *w)
{
	enum store_fate fate = FATE_STARTED;
	int rc = delete_of(s, W_DEL_GATHER, row->run);
	if (!rc)
		rc = start_admit(s, row, s->clock->wall_ms(s->clock), &fate, w);
	a->held = fate != FATE_STARTED;
	return rc;
}

static int append_row(struct sqlite_store *s, struct store_append *a, struct live_row *row,
		      struct woken *w)
{
	bool window = row->look.hold == HOLD_WINDOW;
	row->look.state = a->state;
	row->look.due = a->due;
	if (run_state_is_end(a->state))
		return append_end(s, a, row, w);
	if (window)
		return append_start(s, a, row, w);
	row->look.hold = HOLD_NONE;
	return live_set(s, row);
}

static int append_do(struct sqlite_store *s, struct store_append *a, struct live_row *row,
		     struct woken *w)
{
	int64_t at;
	(void)store_end_of(a, &at);
	int rc = put_emits(s, a, row, w);
	if (!rc)
		rc = put_recs(s, a, row);
	if (!rc)
		rc = put_waits(s, a, row, at, w);
	if (store_takes_cancel(a))
		row->look.cancel_at = 0;
	a->cancel_asked = row->look.cancel_at != 0;
	a->held = false;
	if (!rc)
		rc = append_row(s, a, row, w);
	a->inbox = run_state_is_end(a->state) ? 0 : (size_t)row->look.inbox;
	return rc;
}

static int verb_append(struct sqlite_store *s, struct store_append *a)
{
	struct live_row row;
	struct woken w = {0};
	woken_forget(&a->woken, &a->n_woken);
	int rc = append_check(s, a, &row);
	if (!rc && !a->op.err)
		rc = append_do(s, a, &row, &w);
	a->woken = w.ids;
	a->n_woken = w.n;
	return rc;
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
	if (row.look.cancel_at)
		return 0;
	row.look.cancel_at = c->at;
	return live_set(s, &row);
}

static int revive_live(struct sqlite_store *s, struct store_revive *v, struct live_row *row)
{
	if (row->look.state != RUN_IN_DOUBT) {
		v->op.err = store_not_revivable(&v->op.msg, row->look.state);
		return 0;
	}
	v->rec.n = (uint32_t)++row->last_n;
	row->look.state = v->state;
	row->look.due = v->due;
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
	struct live_row row = {
		.run = run, .last_n = n, .id = v->run, .look = {.state = v->state, .due = v->due}};
	return rc ? rc : live_put(s, &row);
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

static int is_told(struct sqlite_store *s, int which, int64_t run, const struct store_tell *t,
		   bool *ret)
{
	sqlite3_stmt *st = writer_stmt(s, which);
	sqlite3_bind_int64(st, 1, run);
	bind_text(st, 2, t->path);
	bind_text(st, 3, t->what);
	int rc = row_of(st, ret);
	sqlite3_reset(st);
	return rc;
}

static int verb_tell(struct sqlite_store *s, struct store_tell *t)
{
	struct live_row row;
	struct woken w = {0};
	bool has, told = false;
	int rc = live_find(s, &t->run, &row, &has);
	if (!rc && has)
		rc = is_told(s, W_HAS_WAIT, row.run, t, &has);
	if (!rc && has)
		rc = is_told(s, W_HAS_TOLD, row.run, t, &told);
	if (!rc && (!has || told))
		t->op.err = store_not_told(&t->op.msg, told);
	if (rc || t->op.err)
		return rc;
	const struct store_inbox_row in = {
		.path = t->path, .what = t->what, .body = t->body, .len = t->len};
	rc = inbox_put(s, &row, &in, false, 0, &w);
	free(w.ids);
	return rc ? rc : live_set(s, &row);
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
	case STORE_TELL:
		return verb_tell(s, container_of(op, struct store_tell, op));
	case STORE_LOAD:
	case STORE_INBOX:
	case STORE_SHAPES:
	case STORE_DUE:
	case STORE_GET_SOURCE:
	case STORE_QUERY:
	case STORE_KEPT:
		break;
	}
	return SQLITE_MISUSE;
}
