/* Waits and events that find each other, on SQLite. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/store/sqlite_write.h"

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

static void bind_text_or_null(sqlite3_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

int inbox_put(struct sqlite_store *s, struct live_row *row, const struct store_inbox_row *in,
	      bool judge, int64_t event, struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_INBOX);
	sqlite3_bind_int64(st, 1, row->run);
	bind_text(st, 2, in->path);
	bind_text(st, 3, in->what);
	sqlite3_bind_int(st, 4, judge);
	if (event)
		sqlite3_bind_int64(st, 5, event);
	else
		sqlite3_bind_null(st, 5);
	sqlite3_bind_text64(st, 6, in->body, in->len, SQLITE_STATIC, SQLITE_UTF8);
	row->look.inbox++;
	store_woke(w, row->id);
	return run_of(st);
}

/* ---- an event comes ---- */

/* A wait that looks for a key of it. */
struct found {
	int64_t run;
	char *path, *what;
	bool judge, behind;
};

static void found_free(struct found *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(f[i].path);
		free(f[i].what);
	}
	free(f);
}

/* Gathered before anything changes below the walk. */
static int find_waits(struct sqlite_store *s, const struct store_key *key, struct found **ret,
		      size_t *ret_n)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_WAITS);
	int rc;
	bind_key(st, 1, key);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if ((*ret_n & (*ret_n - 1)) == 0)
			*ret = mem_realloc(*ret, (*ret_n ? 2 * *ret_n : 1) * sizeof(**ret));
		(*ret)[(*ret_n)++] = (struct found){.run = sqlite3_column_int64(st, 0),
						    .path = mem_strdup(column_text(st, 1)),
						    .what = mem_strdup(column_text(st, 2)),
						    .judge = sqlite3_column_int(st, 3),
						    .behind = sqlite3_column_int(st, 4)};
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : rc;
}

static int meet_one(struct sqlite_store *s, const struct store_event *ev, const struct found *f,
		    struct met *met, struct woken *w)
{
	struct live_row row;
	bool has;
	int rc = live_find_seq(s, f->run, &row, &has);
	if (rc || !has || f->behind)
		return rc;
	if (!*f->path)
		return live_cancel(s, &row, ev->received, w);
	met->judge |= f->judge;
	met->taken |= !f->judge;
	const struct store_inbox_row in = {.path = f->path, .what = f->what};
	rc = inbox_put(s, &row, &in, f->judge, (int64_t)ev->seq, w);
	return rc ? rc : live_set(s, &row);
}

static int meet_key(struct sqlite_store *s, const struct store_event *ev,
		    const struct store_key *key, struct met *met, struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_EVENT_KEY);
	bind_key(st, 1, key);
	sqlite3_bind_int64(st, 2, (int64_t)ev->seq);
	int rc = run_of(st);
	struct found *found = NULL;
	size_t n = 0;
	if (!rc)
		rc = find_waits(s, key, &found, &n);
	for (size_t i = 0; !rc && i < n; i++)
		rc = meet_one(s, ev, &found[i], met, w);
	found_free(found, n);
	return rc;
}

int wait_meet(struct sqlite_store *s, const struct store_event *ev, struct met *ret,
	      struct woken *w)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < ev->n_keys; i++)
		rc = meet_key(s, ev, &ev->keys[i], ret, w);
	return rc;
}

/* ---- gates ---- */

static int at_gate(struct sqlite_store *s, int64_t event, struct live_row *ret, bool *has)
{
	sqlite3_stmt *st = writer_stmt(s, W_AT_GATE);
	sqlite3_bind_int64(st, 1, event);
	int rc = row_of(st, has);
	int64_t run = rc || !*has ? 0 : sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc || !*has ? rc : live_find_seq(s, run, ret, has);
}

static int is_judged(struct sqlite_store *s, int64_t event, bool *ret)
{
	sqlite3_stmt *st = writer_stmt(s, W_JUDGED_BY);
	bool has;
	sqlite3_bind_int64(st, 1, event);
	int rc = row_of(st, &has);
	sqlite3_reset(st);
	*ret = !has;
	return rc;
}

static int turn_away(struct sqlite_store *s, struct live_row *row, int64_t event, int64_t now,
		     struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_RUN_RULE);
	bool has;
	sqlite3_bind_int64(st, 1, row->run);
	int rc = row_of(st, &has);
	auto_free char *rule = mem_strdup(rc || !has ? "" : column_text(st, 0));
	sqlite3_reset(st);
	if (!rc)
		rc = decision_put(s, event, rule, FATE_AWAITED, row->run);
	return rc ? rc : live_end(s, row, RUN_CANCELLED, now, STORE_WHY_AWAITED, w);
}

/* The runs that stood at the event's gate start, or, when it was taken, do not. */
static int gate_open(struct sqlite_store *s, int64_t event, bool took, int64_t now, struct woken *w)
{
	struct live_row row;
	bool has = true, judged = took;
	int rc = took ? 0 : is_judged(s, event, &judged);
	while (!rc && judged && has) {
		rc = at_gate(s, event, &row, &has);
		if (rc || !has)
			break;
		enum store_fate fate;
		rc = took ? turn_away(s, &row, event, now, w) : start_admit(s, &row, now, &fate, w);
		if (!rc && !took && row.look.hold == HOLD_NONE)
			store_woke(w, row.id);
	}
	return rc;
}

/* ---- a run judges ---- */

static int inbox_drop(struct sqlite_store *s, struct live_row *row, int64_t m)
{
	row->look.inbox--;
	return delete_of(s, W_DEL_INBOX, m);
}

/* All rows of a path (NULL: any) and of an event (0: any). */
static int inbox_clear(struct sqlite_store *s, struct live_row *row, const char *path,
		       int64_t event, int64_t now, struct woken *w)
{
	for (;;) {
		sqlite3_stmt *st = writer_stmt(s, W_FIND_INBOX);
		bool has;
		sqlite3_bind_int64(st, 1, row->run);
		bind_text_or_null(st, 2, path);
		if (event)
			sqlite3_bind_int64(st, 3, event);
		else
			sqlite3_bind_null(st, 3);
		int rc = row_of(st, &has);
		int64_t m = has ? sqlite3_column_int64(st, 0) : 0;
		int64_t judged = has && sqlite3_column_int(st, 1) ? sqlite3_column_int64(st, 2) : 0;
		sqlite3_reset(st);
		if (rc || !has)
			return rc;
		rc = inbox_drop(s, row, m);
		if (!rc && judged)
			rc = gate_open(s, judged, false, now, w);
		if (rc)
			return rc;
	}
}

static int take(struct sqlite_store *s, struct live_row *row, int64_t event, int64_t now,
		struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_PUT_TAKEN);
	sqlite3_bind_int64(st, 1, row->run);
	sqlite3_bind_int64(st, 2, event);
	int rc = run_of(st);
	row->uses |= USES_TAKEN;
	if (!rc)
		rc = gate_open(s, event, true, now, w);
	return rc ? rc : inbox_clear(s, row, NULL, event, now, w);
}

/* Looks at the past from `from` on; says where it ended, and whether there is more. */
static int look_back(struct sqlite_store *s, struct live_row *row, const char *path, bool judge,
		     const struct store_key *key, int64_t *seq, bool *ret_more, struct woken *w)
{
	int64_t events[STORE_LOOK_BACK_MAX + 1];
	size_t n = 0;
	sqlite3_stmt *st = writer_stmt(s, W_LOOK_BACK);
	int rc;
	bind_key(st, 1, key);
	sqlite3_bind_int64(st, 2, *seq);
	sqlite3_bind_int64(st, 3, row->run);
	sqlite3_bind_int64(st, 4, STORE_LOOK_BACK_MAX + 1);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		events[n++] = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	rc = rc == SQLITE_DONE ? 0 : rc;
	*ret_more = n > STORE_LOOK_BACK_MAX;
	n -= *ret_more;
	const struct store_inbox_row in = {.path = path, .what = "event"};
	for (size_t i = 0; !rc && i < n; i++)
		rc = inbox_put(s, row, &in, judge, events[i], w);
	if (n)
		*seq = events[n - 1];
	return rc;
}

/* All that a look back gave was let go, and there was more. */
static int look_on(struct sqlite_store *s, struct live_row *row, const char *path, struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_BEHIND);
	bool has, more;
	sqlite3_bind_int64(st, 1, row->run);
	bind_text(st, 2, path);
	int rc = row_of(st, &has);
	struct store_key key = {{0}};
	int64_t seq = 0;
	bool judge = false;
	if (!rc && has) {
		key = column_key(st, 0);
		seq = sqlite3_column_int64(st, 1);
		judge = sqlite3_column_int(st, 2);
	}
	sqlite3_reset(st);
	if (rc || !has)
		return rc;
	rc = look_back(s, row, path, judge, &key, &seq, &more, w);
	if (rc)
		return rc;
	st = writer_stmt(s, W_SET_WAIT);
	sqlite3_bind_int64(st, 1, row->run);
	bind_text(st, 2, path);
	bind_key(st, 3, &key);
	sqlite3_bind_int64(st, 4, seq);
	sqlite3_bind_int(st, 5, more);
	return run_of(st);
}

int wait_judge(struct sqlite_store *s, struct live_row *row, const struct store_judged *j,
	       int64_t now, struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_GET_INBOX);
	bool has;
	sqlite3_bind_int64(st, 1, (int64_t)j->m);
	sqlite3_bind_int64(st, 2, row->run);
	int rc = row_of(st, &has);
	auto_free char *path = mem_strdup(rc || !has ? "" : column_text(st, 0));
	bool judge = !rc && has && sqlite3_column_int(st, 1);
	int64_t event = rc || !has ? 0 : sqlite3_column_int64(st, 2);
	sqlite3_reset(st);
	if (rc || !has)
		return rc;
	rc = inbox_drop(s, row, (int64_t)j->m);
	if (!rc && event && j->took)
		return take(s, row, event, now, w);
	if (!rc && event && judge)
		rc = gate_open(s, event, false, now, w);
	return rc || j->took ? rc : look_on(s, row, path, w);
}

/* ---- a run waits ---- */

static int close_path(struct sqlite_store *s, struct live_row *row, const char *path, int64_t now,
		      struct woken *w)
{
	sqlite3_stmt *st = writer_stmt(s, W_LEAVE_SHAPES);
	sqlite3_bind_int64(st, 1, row->run);
	bind_text_or_null(st, 2, path);
	int rc = run_of(st);
	st = writer_stmt(s, W_DEL_WAITS);
	sqlite3_bind_int64(st, 1, row->run);
	bind_text_or_null(st, 2, path);
	if (!rc)
		rc = run_of(st);
	return rc ? rc : inbox_clear(s, row, path, 0, now, w);
}

/* The number of a shape, with one more wait that uses it; 0: none. */
static int shape_of(struct sqlite_store *s, const char *text, int64_t *ret)
{
	*ret = 0;
	if (!text)
		return 0;
	sqlite3_stmt *st = writer_stmt(s, W_PUT_SHAPE);
	bool has;
	bind_text(st, 1, text);
	int rc = row_of(st, &has);
	if (!rc && has)
		*ret = sqlite3_column_int64(st, 0);
	/* To its end: what it returns comes before it is done. */
	while (!rc && has && (rc = sqlite3_step(st)) == SQLITE_ROW)
		;
	sqlite3_reset(st);
	return rc == SQLITE_DONE || rc == SQLITE_OK ? 0 : rc;
}

static int from_of(struct sqlite_store *s, const struct live_row *row,
		   const struct store_wait *wait, int64_t *ret)
{
	if (wait->from == FROM_SEQ || (wait->from == FROM_MARK && row->mark)) {
		*ret = wait->from == FROM_SEQ ? (int64_t)wait->seq : row->mark;
		return 0;
	}
	sqlite3_stmt *st = writer_stmt(s, W_GET_RUN_EVENT);
	bool has;
	sqlite3_bind_int64(st, 1, row->run);
	int rc = row_of(st, &has);
	*ret = rc || !has ? 0 : sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc;
}

static int open_wait(struct sqlite_store *s, struct live_row *row, const struct store_wait *wait,
		     struct woken *w)
{
	int64_t seq, shape;
	bool more = false, keyed = !store_key_is_zero(&wait->key);
	int rc = from_of(s, row, wait, &seq);
	if (!rc)
		rc = shape_of(s, wait->shape, &shape);
	if (!rc && keyed && *wait->path)
		rc = look_back(s, row, wait->path, wait->judge, &wait->key, &seq, &more, w);
	if (rc)
		return rc;
	sqlite3_stmt *st = writer_stmt(s, W_PUT_WAIT);
	sqlite3_bind_int64(st, 1, row->run);
	bind_text(st, 2, wait->path);
	bind_key(st, 3, &wait->key);
	bind_text(st, 4, wait->what);
	sqlite3_bind_int(st, 5, wait->judge);
	sqlite3_bind_int64(st, 6, seq);
	sqlite3_bind_int(st, 7, more);
	sqlite3_bind_int64(st, 8, shape);
	bind_text_or_null(st, 9, wait->note);
	row->uses |= USES_WAIT;
	return run_of(st);
}

int wait_set(struct sqlite_store *s, struct live_row *row, const struct store_wait *wait,
	     int64_t now, struct woken *w)
{
	return wait->close ? close_path(s, row, wait->path, now, w) : open_wait(s, row, wait, w);
}

int wait_end(struct sqlite_store *s, struct live_row *row, int64_t now, struct woken *w)
{
	int rc = row->uses & USES_WAIT ? close_path(s, row, NULL, now, w) : 0;
	if (!rc && row->look.inbox)
		rc = inbox_clear(s, row, NULL, 0, now, w);
	return rc || !(row->uses & USES_TAKEN) ? rc : delete_of(s, W_DEL_TAKEN, row->run);
}
