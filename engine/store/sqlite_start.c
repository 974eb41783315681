/* How runs start on SQLite: at once, later, in a window, behind a limit, or not at all. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/store/sqlite_write.h"

/* limited.place */
enum { PLACE_HELD, PLACE_WAITS, PLACE_NOT_YET };

static void bind_key(sqlite3_stmt *st, int i, const struct store_key *k)
{
	sqlite3_bind_blob(st, i, k->b, sizeof(k->b), SQLITE_STATIC);
}

static struct store_key column_key(sqlite3_stmt *st, int i)
{
	struct id id = column_id(st, i);
	struct store_key k;
	memcpy(k.b, id.b, sizeof(k.b));
	return k;
}

/* ---- the limit ---- */

struct limited {
	struct store_key key;
	int place;
	int64_t max, rate, rate_ms;
	enum store_then then;
};

static int limited_find(struct sqlite_store *s, int64_t run, struct limited *ret, bool *has)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_LIMITED);
	sqlite3_bind_int64(st, 1, run);
	int rc = row_of(st, has);
	if (!rc && *has)
		*ret = (struct limited){.key = column_key(st, 0),
					.place = sqlite3_column_int(st, 1),
					.max = sqlite3_column_int64(st, 2),
					.rate = sqlite3_column_int64(st, 3),
					.rate_ms = sqlite3_column_int64(st, 4),
					.then = (enum store_then)sqlite3_column_int(st, 5)};
	sqlite3_reset(st);
	return rc;
}

static int limited_put(struct sqlite_store *s, struct live_row *row, const struct store_start *l)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_LIMITED);
	sqlite3_bind_int64(st, 1, row->run);
	bind_key(st, 2, &l->limit);
	sqlite3_bind_int(st, 3, PLACE_NOT_YET);
	sqlite3_bind_int64(st, 4, l->max);
	sqlite3_bind_int64(st, 5, l->rate);
	sqlite3_bind_int64(st, 6, l->rate_ms);
	sqlite3_bind_int(st, 7, (int)l->then);
	row->uses |= USES_LIMITED;
	return run_of(st);
}

static int place_set(struct sqlite_store *s, int64_t run, int place)
{
	sqlite3_stmt *st = writer_stmt(s, W_SET_PLACE);
	sqlite3_bind_int64(st, 1, run);
	sqlite3_bind_int(st, 2, place);
	return run_of(st);
}

static int number_of(sqlite3_stmt *st, int64_t *ret)
{
	bool has;
	int rc = row_of(st, &has);
	*ret = rc || !has ? 0 : sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc;
}

/* The first run after `run` of a key in such a place; 0: none. */
static int next_of(struct sqlite_store *s, const struct store_key *key, int place, int64_t run,
		   int64_t *ret)
{
	sqlite3_stmt *st = writer_stmt(s, W_NEXT_IN_LINE);
	bind_key(st, 1, key);
	sqlite3_bind_int(st, 2, place);
	sqlite3_bind_int64(st, 3, run);
	return number_of(st, ret);
}

static int drop(struct sqlite_store *s, struct live_row *row, int64_t now, const char *why,
		struct woken *w)
{
	return live_end(s, row, RUN_CANCELLED, now, why, w);
}

/* The older runs of the key make room: those that wait end, the others are cancelled. */
static int replace(struct sqlite_store *s, const struct store_key *key, int64_t now,
		   struct woken *w)
{
	struct live_row row;
	bool has;
	int rc = 0;
	for (int64_t run = 0; !rc;) {
		rc = next_of(s, key, PLACE_WAITS, 0, &run);
		if (rc || !run)
			break;
		rc = live_find_seq(s, run, &row, &has);
		/* It gives its place in the line up first, so that its end moves nobody up. */
		if (!rc)
			rc = delete_of(s, W_DEL_LIMITED, run);
		row.uses &= ~USES_LIMITED;
		if (!rc && has)
			rc = drop(s, &row, now, STORE_WHY_REPLACED, w);
	}
	for (int64_t run = 0; !rc;) {
		rc = next_of(s, key, PLACE_HELD, run, &run);
		if (rc || !run)
			break;
		rc = live_find_seq(s, run, &row, &has);
		if (!rc && has)
			rc = live_cancel(s, &row, now, w);
	}
	return rc;
}

static int wait_for_place(struct sqlite_store *s, struct live_row *row, const struct limited *l,
			  int64_t now, enum store_fate *ret, struct woken *w)
{
	if (l->then == THEN_DROP) {
		*ret = FATE_DROPPED;
		return drop(s, row, now, STORE_WHY_LIMIT, w);
	}
	*ret = FATE_QUEUED;
	int rc = l->then == THEN_REPLACE ? replace(s, &l->key, now, w) : 0;
	if (!rc)
		rc = place_set(s, row->run, PLACE_WAITS);
	row->look.hold = HOLD_LIMIT;
	return rc ? rc : live_set(s, row);
}

/* When the rate lets one more start: now, or *ret later. */
static int rate_look(struct sqlite_store *s, const struct limited *l, int64_t now, int64_t *ret)
{
	sqlite3_stmt *st = writer_stmt(s, W_DEL_STARTED);
	int64_t at;
	bind_key(st, 1, &l->key);
	sqlite3_bind_int64(st, 2, now - l->rate_ms);
	int rc = run_of(st);
	if (rc)
		return rc;
	st = writer_stmt(s, W_RATE_AT);
	bind_key(st, 1, &l->key);
	sqlite3_bind_int64(st, 2, now - l->rate_ms);
	sqlite3_bind_int64(st, 3, l->rate - 1);
	rc = number_of(st, &at);
	*ret = at ? at + l->rate_ms : now;
	return rc;
}

static int rate_note(struct sqlite_store *s, const struct limited *l, int64_t run, int64_t at)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_STARTED);
	bind_key(st, 1, &l->key);
	sqlite3_bind_int64(st, 2, at);
	sqlite3_bind_int64(st, 3, run);
	return run_of(st);
}

/* It has its place; its rate may still let it wait. */
static int admit(struct sqlite_store *s, struct live_row *row, const struct limited *l, int64_t now,
		 enum store_fate *ret, struct woken *w)
{
	int64_t at = now;
	int rc = l->rate ? rate_look(s, l, now, &at) : 0;
	if (!rc && at > now && l->then == THEN_DROP) {
		*ret = FATE_DROPPED;
		return drop(s, row, now, STORE_WHY_LIMIT, w);
	}
	if (!rc && l->rate)
		rc = rate_note(s, l, row->run, at);
	if (!rc)
		rc = place_set(s, row->run, PLACE_HELD);
	*ret = at > now ? FATE_QUEUED : FATE_STARTED;
	row->look.hold = at > now ? HOLD_RATE : HOLD_NONE;
	row->look.due = at > now ? at : 0;
	return rc ? rc : live_set(s, row);
}

int start_admit(struct sqlite_store *s, struct live_row *row, int64_t now, enum store_fate *ret,
		struct woken *w)
{
	struct limited l = {0};
	bool has = row->uses & USES_LIMITED;
	int64_t n = 0;
	row->look.hold = HOLD_NONE;
	row->look.due = 0;
	*ret = FATE_STARTED;
	int rc = has ? limited_find(s, row->run, &l, &has) : 0;
	if (rc || !has)
		return rc ? rc : live_set(s, row);
	if (l.max) {
		sqlite3_stmt *st = writer_stmt(s, W_IN_PLACE);
		bind_key(st, 1, &l.key);
		sqlite3_bind_int64(st, 2, l.max);
		rc = number_of(st, &n);
	}
	if (rc)
		return rc;
	return l.max && n >= l.max ? wait_for_place(s, row, &l, now, ret, w)
				   : admit(s, row, &l, now, ret, w);
}

/* Who is dropped by its rate makes no use of the place: then the one behind it. */
static int move_up(struct sqlite_store *s, const struct limited *l, int64_t now, struct woken *w)
{
	enum store_fate fate = FATE_DROPPED;
	int rc = 0;
	while (!rc && fate == FATE_DROPPED) {
		struct live_row next;
		bool has;
		int64_t run;
		rc = next_of(s, &l->key, PLACE_WAITS, 0, &run);
		if (rc || !run)
			return rc;
		rc = live_find_seq(s, run, &next, &has);
		if (rc || !has)
			return rc ? rc : delete_of(s, W_DEL_LIMITED, run);
		rc = start_admit(s, &next, now, &fate, w);
		if (!rc && fate != FATE_DROPPED)
			store_woke(w, next.id);
	}
	return rc;
}

int start_leave(struct sqlite_store *s, const struct live_row *row, int64_t now, struct woken *w)
{
	struct limited l;
	bool has;
	int rc = limited_find(s, row->run, &l, &has);
	if (rc || !has)
		return rc;
	rc = delete_of(s, W_DEL_LIMITED, row->run);
	return rc || l.place != PLACE_HELD ? rc : move_up(s, &l, now, w);
}

/* ---- windows ---- */

static int collect_one(struct sqlite_store *s, int64_t run, uint64_t event)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_COLLECTED);
	sqlite3_bind_int64(st, 1, run);
	sqlite3_bind_int64(st, 2, (int64_t)event);
	return run_of(st);
}

struct gather {
	int64_t run, opened, n, due;
	struct id id;
};

static int gather_find(struct sqlite_store *s, const struct store_key *key, struct gather *ret,
		       bool *has)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_GATHER);
	bind_key(st, 1, key);
	int rc = row_of(st, has);
	if (!rc && *has)
		*ret = (struct gather){.run = sqlite3_column_int64(st, 0),
				       .opened = sqlite3_column_int64(st, 1),
				       .n = sqlite3_column_int64(st, 2),
				       .due = sqlite3_column_int64(st, 3),
				       .id = column_id(st, 4)};
	sqlite3_reset(st);
	return rc;
}

static int gather_full(struct sqlite_store *s, struct live_row *row, int64_t now, struct woken *w)
{
	row->look.due = now;
	store_woke(w, row->id);
	return delete_of(s, W_DEL_GATHER, row->run);
}

/* The event goes into the open window. */
static int gather_join(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
		       const struct gather *g, struct woken *w)
{
	const struct store_start *c = &n->start;
	struct live_row row;
	bool has;
	int rc = live_find_seq(s, g->run, &row, &has);
	if (!rc)
		rc = collect_one(s, g->run, ev->seq);
	sqlite3_stmt *st = writer_stmt(s, W_MORE_GATHER);
	bind_key(st, 1, &c->collect);
	if (!rc)
		rc = run_of(st);
	if (rc)
		return rc;
	n->fate = FATE_JOINED;
	n->into = g->id;
	row.look.due = store_window_due(c, g->opened, ev->received);
	if (c->collect_max && g->n + 1 >= c->collect_max)
		rc = gather_full(s, &row, ev->received, w);
	n->due = row.look.due;
	if (!rc)
		rc = live_set(s, &row);
	return rc ? rc : decision_put(s, (int64_t)ev->seq, n->rule, FATE_JOINED, g->run);
}

static int gather_open(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
		       struct live_row *row, struct woken *w)
{
	const struct store_start *c = &n->start;
	sqlite3_stmt *st = writer_stmt(s, W_PUT_GATHER);
	bind_key(st, 1, &c->collect);
	sqlite3_bind_int64(st, 2, row->run);
	sqlite3_bind_int64(st, 3, ev->received);
	int rc = run_of(st);
	if (!rc)
		rc = collect_one(s, row->run, ev->seq);
	row->uses |= USES_COLLECTED;
	row->look.hold = HOLD_WINDOW;
	n->due = row->look.due = store_window_due(c, ev->received, ev->received);
	n->fate = FATE_COLLECTED;
	if (!rc && c->collect_max == 1)
		rc = gather_full(s, row, ev->received, w);
	return rc ? rc : live_set(s, row);
}

/* ---- births ---- */

static int run_put(struct sqlite_store *s, const struct store_event *ev,
		   const struct store_newrun *n, int64_t *ret)
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
	*ret = sqlite3_last_insert_rowid(s->writer.db);
	return rc;
}

static int put_cancels(struct sqlite_store *s, const struct store_event *ev, struct live_row *row,
		       const struct store_start *c, struct woken *w)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < c->n_cancel; i++)
		rc = wait_set(s, row,
			      &(struct store_wait){.path = "",
						   .what = "cancel",
						   .key = c->cancel[i],
						   .shape = c->cancel_shapes[i],
						   .from = FROM_SEQ,
						   .seq = ev->seq},
			      ev->received, w);
	return rc;
}

/* It is in the store, and nothing is decided about its start. */
static int born(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
		struct live_row *row, struct woken *w)
{
	*row = (struct live_row){.id = n->id, .epoch = s->epoch, .look.state = RUN_QUEUED};
	int rc = run_put(s, ev, n, &row->run);
	if (!rc && !store_key_is_zero(&n->start.limit))
		rc = limited_put(s, row, &n->start);
	if (!rc)
		rc = put_cancels(s, ev, row, &n->start, w);
	return rc ? rc : live_put(s, row);
}

static int once_look(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
		     bool *ret)
{
	int64_t event, expires = n->start.once_ms ? ev->received + n->start.once_ms : INT64_MAX;
	const unsigned char *fp = n->start.once.b;
	int rc = fp_find(s, fp, ev->received, ret, &event);
	return rc || *ret ? rc : fp_keep(s, fp, (int64_t)ev->seq, expires);
}

static int gather_look(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
		       struct woken *w)
{
	struct gather g = {0};
	struct live_row row;
	bool has;
	int rc = gather_find(s, &n->start.collect, &g, &has);
	if (rc)
		return rc;
	if (has && (!g.due || g.due > ev->received))
		return gather_join(s, ev, n, &g, w);
	rc = born(s, ev, n, &row, w);
	return rc ? rc : gather_open(s, ev, n, &row, w);
}

static int stand_at_gate(struct sqlite_store *s, struct store_newrun *n, struct live_row *row)
{
	n->fate = FATE_QUEUED;
	row->look.hold = HOLD_GATE;
	return live_set(s, row);
}

/* Its first record says why it can only fail; the engine lets it. */
static int start_failed(struct sqlite_store *s, const struct store_event *ev,
			struct store_newrun *n, struct woken *w)
{
	struct live_row row;
	auto_free char *body = store_born(n);
	struct store_rec rec = {.type = REC_DECISION,
				.path = "",
				.at = ev->received,
				.body = body,
				.len = strlen(body)};
	int rc = born(s, ev, n, &row, w);
	if (!rc)
		rc = rec_put(s, row.run, ++row.last_n, &rec);
	return rc ? rc : live_set(s, &row);
}

static int start_plain(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
		       const struct met *met, struct woken *w)
{
	struct live_row row;
	int rc = born(s, ev, n, &row, w);
	if (rc)
		return rc;
	if (met->judge && !n->start.awaited)
		return stand_at_gate(s, n, &row);
	if (store_key_is_zero(&n->start.limit))
		return 0;
	rc = start_admit(s, &row, ev->received, &n->fate, w);
	n->due = row.look.due;
	if (!rc && n->fate != FATE_STARTED)
		rc = decision_put(s, (int64_t)ev->seq, n->rule, n->fate, row.run);
	return rc;
}

int start_run(struct sqlite_store *s, const struct store_event *ev, struct store_newrun *n,
	      const struct met *met, struct woken *w)
{
	bool known = false;
	n->fate = FATE_STARTED;
	n->due = 0;
	if (n->failed_match)
		return start_failed(s, ev, n, w);
	if (met->taken && !n->start.awaited)
		n->fate = FATE_AWAITED;
	int rc = n->fate != FATE_STARTED || store_key_is_zero(&n->start.once)
			 ? 0
			 : once_look(s, ev, n, &known);
	if (known)
		n->fate = FATE_ONCE;
	if (rc || n->fate != FATE_STARTED)
		return rc ? rc : decision_put(s, (int64_t)ev->seq, n->rule, n->fate, 0);
	if (!store_key_is_zero(&n->start.collect))
		return gather_look(s, ev, n, w);
	return start_plain(s, ev, n, met, w);
}
