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

/* Looks for an unexpired earlier event of the same fingerprint. */
static int fp_check(struct sqlite_store *s, struct store_accept *a)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_FP);
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
	sqlite3_stmt *st = writer_stmt(s, W_PUT_FP);
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

int live_put(struct sqlite_store *s, int64_t run, enum run_state state, int64_t due, int64_t last_n)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_LIVE);
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

int ended_put(struct sqlite_store *s, const struct live_row *row, enum run_state state, int64_t at,
	      const char *error)
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

static int run_put(struct sqlite_store *s, const struct store_event *ev,
		   const struct store_newrun *n)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_RUN);
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

int accept_do(struct sqlite_store *s, struct store_accept *a)
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
