/* Names and orders of runs' states, and the results of loads. */
#include "engine/store/shared.h"

#include <assert.h>
#include <string.h>

#include "engine/base/arena.h"

#define LOADED_MAX (256 * 1024 * 1024)

static const struct {
	const char *name;
	bool end;
} states[RUN_STATES] = {
#define X(code, name, end) [RUN_##code] = {name, end},
	RUN_STATE_MAP(X)
#undef X
};

const char *run_state_name(enum run_state s)
{
	return s < RUN_STATES ? states[s].name : "unknown";
}

bool run_state_is_end(enum run_state s)
{
	return s < RUN_STATES && states[s].end;
}

int run_state_by_name(const char *name)
{
	for (int i = 0; i < RUN_STATES; i++)
		if (name && !strcmp(states[i].name, name))
			return i;
	return -1;
}

int64_t store_wake(const struct store_look *l)
{
	bool timed = l->hold == HOLD_WINDOW || l->hold == HOLD_RATE;
	if (l->hold == HOLD_NONE && (l->state == RUN_QUEUED || l->state == RUN_RUNNING))
		return WAKE_READY;
	if (l->cancel_at || (l->inbox && l->hold == HOLD_NONE))
		return WAKE_LOOK;
	if (l->hold != HOLD_NONE && !timed)
		return WAKE_NEVER;
	/* A due time of before 1970 is still later than a wish to cancel. */
	return l->due ? (l->due < 1 ? 1 : l->due) : WAKE_NEVER;
}

int64_t store_window_due(const struct store_start *s, int64_t opened, int64_t now)
{
	int64_t due = s->for_ms ? opened + s->for_ms : 0;
	int64_t quiet = s->quiet_ms ? now + s->quiet_ms : 0;
	return !due ? quiet : !quiet || due < quiet ? due : quiet;
}

void store_woke(struct woken *w, struct id id)
{
	/* Grows when the number is a power of two. */
	if ((w->n & (w->n - 1)) == 0)
		w->ids = mem_realloc(w->ids, (w->n ? 2 * w->n : 1) * sizeof(*w->ids));
	w->ids[w->n++] = id;
}

const char *store_fate_name(enum store_fate f)
{
	static const char *const names[] = {
		[FATE_STARTED] = "started",     [FATE_QUEUED] = "queued",
		[FATE_COLLECTED] = "collected", [FATE_JOINED] = "joined",
		[FATE_DROPPED] = "dropped",     [FATE_ONCE] = "once",
		[FATE_AWAITED] = "awaited"};
	return f < sizeof(names) / sizeof(*names) ? names[f] : "unknown";
}

bool store_takes_cancel(const struct store_append *a)
{
	for (size_t i = 0; i < a->n_recs; i++)
		if (a->recs[i].type == REC_CANCEL)
			return true;
	return false;
}

const char *store_end_of(const struct store_append *a, int64_t *ret_at)
{
	*ret_at = a->n_recs ? a->recs[a->n_recs - 1].at : 0;
	for (size_t i = a->n_recs; i-- > 0;) {
		if (a->recs[i].type != REC_END)
			continue;
		*ret_at = a->recs[i].at;
		return a->recs[i].body;
	}
	return NULL;
}

bool store_is_read(const struct store_op *op)
{
	return op->verb >= STORE_LOAD;
}

bool store_spend(struct store_spend *p, int64_t *day, int64_t *spent)
{
	if (p->day > *day) {
		*day = p->day;
		*spent = 0;
	}
	/* Clocks may differ by a day; further ahead one was set wrongly, and would close it for long. */
	if (*day > p->day + 1)
		*day = p->day;
	int64_t left = *day == p->day && p->limit > *spent ? p->limit - *spent : 0;
	p->granted = p->amount < left ? p->amount : left;
	*spent += p->granted;
	p->spent = *spent;
	p->last_day = *day;
	return p->granted > 0;
}

int store_no_source(struct errmsg *msg, const char *hash)
{
	return err_set(msg, ERR_NOT_FOUND, "the source of plan '%s' was not put before", hash);
}

int store_not_revivable(struct errmsg *msg, enum run_state state)
{
	return err_set(msg, ERR_NOT_FOUND, "the run is %s, neither failed nor in doubt",
		       run_state_name(state));
}

int store_not_told(struct errmsg *msg, bool told)
{
	if (told)
		return err_set(msg, ERR_CLAIMED, "it was answered before");
	return err_set(msg, ERR_NOT_FOUND, "the run does not wait there");
}

int store_keep_check(struct store_keep *k)
{
	if (k->len <= STORE_KEEP_MAX)
		return 0;
	return err_set(&k->op.msg, ERR_TOOBIG, "%zu bytes are too many to be kept", k->len);
}

void *store_bytes_copy(const void *bytes, size_t len)
{
	char *copy = mem_alloc(len + 1);
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

struct store_loaded *loaded_new(void)
{
	struct arena *a = mem_alloc(sizeof(*a));
	arena_init(a, LOADED_MAX);
	struct store_loaded *l = arena_alloc(a, sizeof(*l));
	assert(l);
	l->memory = a;
	return l;
}

void store_loaded_free(struct store_loaded *l)
{
	if (!l)
		return;
	struct arena *a = l->memory; /* l itself lies in it */
	arena_done(a);
	free(a);
}

char *loaded_text(struct store_loaded *l, const char *text, size_t len)
{
	char *copy = arena_alloc(l->memory, len + 1);
	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

bool loaded_recs(struct store_loaded *l, size_t n)
{
	l->recs = n ? arena_alloc(l->memory, n * sizeof(*l->recs)) : NULL;
	return l->recs || !n;
}

bool loaded_rec_add(struct store_loaded *l, const struct store_rec *rec)
{
	struct store_rec *r = &l->recs[l->n_recs];
	*r = *rec;
	r->path = loaded_text(l, rec->path, strlen(rec->path));
	r->body = loaded_text(l, rec->body, rec->len);
	if (!r->path || !r->body)
		return false;
	l->n_recs++;
	return true;
}

/* Arena blocks are not given back one by one: growing by doubling wastes at most as much again. */
static void *grown(struct store_loaded *l, void *items, size_t n, size_t size)
{
	if (n & (n - 1))
		return items;
	char *more = arena_alloc(l->memory, (n ? 2 * n : 1) * size);
	if (more && n)
		memcpy(more, items, n * size);
	return more;
}

struct store_event *loaded_event(struct store_loaded *l)
{
	struct store_event *events = grown(l, l->events, l->n_events, sizeof(*events));
	if (!events)
		return NULL;
	l->events = events;
	return &l->events[l->n_events++];
}

bool loaded_inbox_add(struct store_loaded *l, const struct store_inbox_row *row)
{
	struct store_inbox_row *rows = grown(l, l->inbox, l->n_inbox, sizeof(*rows));
	if (!rows)
		return false;
	l->inbox = rows;
	struct store_inbox_row *r = &rows[l->n_inbox];
	*r = *row;
	r->path = loaded_text(l, row->path, strlen(row->path));
	r->what = loaded_text(l, row->what, strlen(row->what));
	r->body = loaded_text(l, row->body, row->len);
	r->event = row->event ? arena_alloc(l->memory, sizeof(*r->event)) : NULL;
	if (!r->path || !r->what || !r->body || (row->event && !r->event))
		return false;
	if (row->event)
		*r->event = *row->event;
	l->n_inbox++;
	return true;
}

char *store_born(const struct store_newrun *n)
{
	return mem_printf("{\"born\":%s}", n->error ? n->error : "{}");
}
