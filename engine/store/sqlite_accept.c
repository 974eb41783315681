/* Accepting an event with its runs, on SQLite; and the fingerprints that repeats are known by. */
#include <string.h>

#include "engine/store/sqlite_write.h"

/* Expired fingerprints: how many are looked at and removed at a time, in one commit. */
#define PRUNE_LOOK 200
#define PRUNE_MAX 50

int accept_check(struct sqlite_store *s, const struct store_accept *a, struct store_op *op)
{
	sqlite3_stmt *st = writer_stmt(s, W_HAS_SOURCE);
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
	sqlite3_stmt *st = writer_stmt(s, W_EVENT_ID);
	bool has;
	sqlite3_bind_int64(st, 1, seq);
	int rc = row_of(st, &has);
	if (!rc && has)
		*ret = column_id(st, 0);
	sqlite3_reset(st);
	return rc;
}

int fp_find(struct sqlite_store *s, const unsigned char fp[16], int64_t at, bool *ret,
	    int64_t *ret_event)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_FP);
	bool has;
	sqlite3_bind_blob(st, 1, fp, 16, SQLITE_STATIC);
	int rc = row_of(st, &has);
	*ret_event = rc || !has ? 0 : sqlite3_column_int64(st, 0);
	*ret = !rc && has && sqlite3_column_int64(st, 1) > at;
	sqlite3_reset(st);
	return rc;
}

int fp_keep(struct sqlite_store *s, const unsigned char fp[16], int64_t event, int64_t expires)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_FP);
	sqlite3_bind_blob(st, 1, fp, 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, event);
	sqlite3_bind_int64(st, 3, expires);
	s->prune_debt++;
	return run_of(st);
}

/* Looks for an unexpired earlier event of the same fingerprint. */
static int fp_check(struct sqlite_store *s, struct store_accept *a)
{
	int64_t seq;
	int rc = fp_find(s, a->ev.fp, a->ev.received, &a->duplicate, &seq);
	return rc || !a->duplicate ? rc : event_id(s, seq, &a->first);
}

/* An event whose id is there already is a duplicate too. */
static int event_put(struct sqlite_store *s, struct store_accept *a)
{
	struct store_event *ev = &a->ev;
	sqlite3_stmt *st = writer_stmt(s, W_PUT_EVENT);
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

static void bind_live(sqlite3_stmt *st, const struct live_row *row)
{
	int64_t wake = store_wake(&row->look);
	sqlite3_bind_int64(st, 1, row->run);
	sqlite3_bind_int(st, 2, (int)row->look.state);
	sqlite3_bind_int64(st, 3, row->look.due);
	sqlite3_bind_int64(st, 4, row->last_n);
	sqlite3_bind_int64(st, 5, row->look.cancel_at);
	if (wake == WAKE_NEVER)
		sqlite3_bind_null(st, 6);
	else
		sqlite3_bind_int64(st, 6, wake);
	sqlite3_bind_int(st, 7, (int)row->look.hold);
	sqlite3_bind_int64(st, 8, row->look.inbox);
	sqlite3_bind_int64(st, 9, row->mark);
	sqlite3_bind_int(st, 10, row->uses);
}

int live_put(struct sqlite_store *s, struct live_row *row)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_LIVE);
	bind_live(st, row);
	row->epoch = s->epoch;
	sqlite3_bind_int64(st, 11, row->epoch);
	return run_of(st);
}

int live_set(struct sqlite_store *s, const struct live_row *row)
{
	sqlite3_stmt *st = writer_stmt(s, W_SET_LIVE);
	bind_live(st, row);
	return run_of(st);
}

static int live_read(sqlite3_stmt *st, struct live_row *ret, bool *has)
{
	int rc = row_of(st, has);
	if (!rc && *has)
		*ret = (struct live_row){
			.run = sqlite3_column_int64(st, 0),
			.id = column_id(st, 1),
			.look = {.state = (enum run_state)sqlite3_column_int(st, 2),
				 .due = sqlite3_column_int64(st, 3),
				 .cancel_at = sqlite3_column_int64(st, 6),
				 .hold = (enum store_hold)sqlite3_column_int(st, 7),
				 .inbox = sqlite3_column_int64(st, 8)},
			.last_n = sqlite3_column_int64(st, 4),
			.epoch = sqlite3_column_int64(st, 5),
			.mark = sqlite3_column_int64(st, 9),
			.uses = sqlite3_column_int(st, 10)};
	sqlite3_reset(st);
	return rc;
}

int live_find(struct sqlite_store *s, const struct id *run, struct live_row *ret, bool *has)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_LIVE);
	bind_id(st, 1, run);
	return live_read(st, ret, has);
}

int live_find_seq(struct sqlite_store *s, int64_t run, struct live_row *ret, bool *has)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_LIVE_SEQ);
	sqlite3_bind_int64(st, 1, run);
	return live_read(st, ret, has);
}

int live_cancel(struct sqlite_store *s, struct live_row *row, int64_t at, struct woken *w)
{
	if (row->look.cancel_at)
		return 0;
	row->look.cancel_at = at;
	store_woke(w, row->id);
	return live_set(s, row);
}

int delete_of(struct sqlite_store *s, int which, int64_t run)
{
	sqlite3_stmt *st = writer_stmt(s, which);
	sqlite3_bind_int64(st, 1, run);
	return run_of(st);
}

static int ended_put(struct sqlite_store *s, const struct live_row *row, enum run_state state,
		     int64_t at, const char *error)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_ENDED);
	sqlite3_bind_int64(st, 1, row->run);
	sqlite3_bind_int(st, 2, (int)state);
	sqlite3_bind_int64(st, 3, at);
	sqlite3_bind_int64(st, 4, row->last_n);
	sqlite3_bind_int64(st, 5, row->epoch);
	sqlite3_bind_text(st, 6, error, -1, SQLITE_STATIC);
	return run_of(st);
}

/* What lies in a window goes with the run's journal, not with its end. */
int live_end(struct sqlite_store *s, struct live_row *row, enum run_state state, int64_t at,
	     const char *error, struct woken *w)
{
	int rc = delete_of(s, W_DEL_LIVE, row->run);
	if (!rc)
		rc = ended_put(s, row, state, at, error);
	if (!rc && (row->uses & (USES_WAIT | USES_TAKEN) || row->look.inbox))
		rc = wait_end(s, row, at, w);
	if (!rc && row->uses & USES_COLLECTED)
		rc = delete_of(s, W_DEL_GATHER, row->run);
	return rc || !(row->uses & USES_LIMITED) ? rc : start_leave(s, row, at, w);
}

int decision_put(struct sqlite_store *s, int64_t event, const char *rule, enum store_fate f,
		 int64_t run)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_DECISION);
	sqlite3_bind_int64(st, 1, event);
	bind_text(st, 2, rule);
	sqlite3_bind_int(st, 3, (int)f);
	if (run)
		sqlite3_bind_int64(st, 4, run);
	else
		sqlite3_bind_null(st, 4);
	return run_of(st);
}

int accept_do(struct sqlite_store *s, struct store_accept *a, struct woken *w)
{
	struct met met = {0};
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
		rc = fp_keep(s, a->ev.fp, (int64_t)a->ev.seq, a->ev.received + a->ev.dedupe_ms);
	if (!rc && a->ev.n_keys)
		rc = wait_meet(s, &a->ev, &met, w);
	for (size_t i = 0; !rc && i < a->n_runs; i++)
		rc = start_run(s, &a->ev, &a->runs[i], &met, w);
	return rc;
}

/* ---- pruning ---- */

/* Up to PRUNE_MAX expired ones from prune_from on, which moves to where the look ended. */
static int expired_find(struct sqlite_store *s, unsigned char (*fps)[16], size_t *n)
{
	sqlite3_stmt *st = writer_stmt(s, W_LOOK_FP);
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
	sqlite3_stmt *st = writer_stmt(s, W_DEL_FP);
	for (size_t i = 0; !rc && i < n; i++) {
		sqlite3_bind_blob(st, 1, fps[i], sizeof(fps[i]), SQLITE_STATIC);
		rc = run_of(st);
	}
	s->prune_debt -= s->prune_debt < PRUNE_MAX ? s->prune_debt : PRUNE_MAX;
	return rc;
}
