/* How runs start in the tests' store: at once, later, in a window, behind a limit, or not at all. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/store/mem.h"

static bool key_equal(const struct store_key *a, const struct store_key *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* ---- the limit ---- */

/* The first live run of a key in such a place, from run number `i` on. */
static struct mem_run *next_of(const struct mem_data *d, const struct store_key *key,
			       enum mem_place place, size_t i)
{
	for (; i < d->n_runs; i++) {
		struct mem_run *r = d->runs[i];
		if (!r->ended && r->place == place && key_equal(&r->start.limit, key))
			return r;
	}
	return NULL;
}

static size_t in_place(const struct mem_data *d, const struct store_key *key)
{
	size_t n = 0;
	for (struct mem_run *r = NULL; (r = next_of(d, key, PLACE_HELD, r ? r->seq : 0));)
		n++;
	return n;
}

/* The older runs of the key make room: those that wait end, the others are cancelled. */
static void replace(struct mem_data *d, const struct store_key *key, int64_t now, struct woken *w)
{
	for (struct mem_run *r; (r = next_of(d, key, PLACE_WAITS, 0));) {
		r->place = PLACE_NONE;
		mem_run_over(d, r, RUN_CANCELLED, now, STORE_WHY_REPLACED, w);
	}
	for (struct mem_run *r = NULL; (r = next_of(d, key, PLACE_HELD, r ? r->seq : 0));)
		mem_cancel(r, now, w);
}

static enum store_fate drop(struct mem_data *d, struct mem_run *r, int64_t now, struct woken *w)
{
	mem_run_over(d, r, RUN_CANCELLED, now, STORE_WHY_LIMIT, w);
	return FATE_DROPPED;
}

/* When the rate lets one more start: the `rate`-th newest start has left the span. */
static int64_t rate_at(struct mem_data *d, const struct store_start *c, int64_t now)
{
	unsigned n = 0;
	list_each_safe (l, &d->started) {
		struct mem_started *x = container_of(l, struct mem_started, link);
		if (!key_equal(&x->key, &c->limit))
			continue;
		n++;
		if (x->at <= now - c->rate_ms) {
			list_remove(l);
			free(x);
			n--;
		}
	}
	if (n < c->rate)
		return now;
	unsigned skip = n - c->rate;
	list_each (l, &d->started) {
		struct mem_started *x = container_of(l, struct mem_started, link);
		if (key_equal(&x->key, &c->limit) && !skip--)
			return x->at + c->rate_ms;
	}
	return now;
}

static void note_start(struct mem_data *d, const struct store_start *c, int64_t at)
{
	struct mem_started *x = mem_alloc(sizeof(*x));
	*x = (struct mem_started){.key = c->limit, .at = at};
	list_append(&d->started, &x->link);
}

static enum store_fate take_place(struct mem_data *d, struct mem_run *r, int64_t now,
				  struct woken *w)
{
	const struct store_start *c = &r->start;
	int64_t at = c->rate ? rate_at(d, c, now) : now;
	if (at > now && c->then == THEN_DROP)
		return drop(d, r, now, w);
	if (c->rate)
		note_start(d, c, at);
	r->place = PLACE_HELD;
	r->hold = at > now ? HOLD_RATE : HOLD_NONE;
	r->due = at > now ? at : 0;
	return at > now ? FATE_QUEUED : FATE_STARTED;
}

enum store_fate mem_admit(struct mem_data *d, struct mem_run *r, int64_t now, struct woken *w)
{
	const struct store_start *c = &r->start;
	r->hold = HOLD_NONE;
	r->due = 0;
	if (r->place == PLACE_NONE)
		return FATE_STARTED;
	if (!c->max || in_place(d, &c->limit) < c->max)
		return take_place(d, r, now, w);
	if (c->then == THEN_DROP)
		return drop(d, r, now, w);
	if (c->then == THEN_REPLACE)
		replace(d, &c->limit, now, w);
	r->place = PLACE_WAITS;
	r->hold = HOLD_LIMIT;
	return FATE_QUEUED;
}

void mem_leave(struct mem_data *d, struct mem_run *r, int64_t now, struct woken *w)
{
	enum mem_place place = r->place;
	r->place = PLACE_NONE;
	if (place != PLACE_HELD)
		return;
	for (struct mem_run *next; (next = next_of(d, &r->start.limit, PLACE_WAITS, 0));) {
		if (mem_admit(d, next, now, w) == FATE_DROPPED)
			continue;
		store_woke(w, next->id);
		return;
	}
}

/* ---- windows ---- */

static void collect_one(struct mem_run *r, uint64_t event)
{
	r->collected = mem_realloc(r->collected, (r->n_collected + 1) * sizeof(*r->collected));
	r->collected[r->n_collected++] = event;
}

static struct mem_run *window_of(const struct mem_data *d, const struct store_key *key, int64_t now)
{
	for (size_t i = d->n_runs; i-- > 0;) {
		struct mem_run *r = d->runs[i];
		if (!r->ended && r->open && key_equal(&r->start.collect, key))
			return !r->due || r->due > now ? r : NULL;
	}
	return NULL;
}

static void set_window(struct mem_run *r, const struct store_start *c, int64_t now, struct woken *w)
{
	r->due = store_window_due(c, r->opened, now);
	if (!c->collect_max || r->n_collected < c->collect_max)
		return;
	r->due = now;
	r->open = false;
	store_woke(w, r->id);
}

static void gather(struct mem_data *d, struct mem_event *e, struct store_newrun *n, struct woken *w)
{
	int64_t now = e->ev.received;
	struct mem_run *r = window_of(d, &n->start.collect, now);
	n->fate = r ? FATE_JOINED : FATE_COLLECTED;
	if (r) {
		n->into = r->id;
		mem_decide(d, e->ev.seq, n->rule, FATE_JOINED, r);
	} else {
		r = mem_run_born(d, n, e);
		r->hold = HOLD_WINDOW;
		r->open = true;
		r->opened = now;
	}
	collect_one(r, e->ev.seq);
	set_window(r, &n->start, now, w);
	n->due = r->due;
}

/* ---- births ---- */

static void put_cancels(struct mem_data *d, struct mem_run *r, const struct store_start *c,
			struct mem_event *e, struct woken *w)
{
	for (size_t i = 0; i < c->n_cancel; i++)
		mem_wait_set(d, r,
			     &(struct store_wait){.path = "",
						  .what = "cancel",
						  .key = c->cancel[i],
						  .shape = c->cancel_shapes[i],
						  .from = FROM_SEQ,
						  .seq = e->ev.seq},
			     e->ev.received, w);
}

static bool once_known(struct mem_data *d, struct mem_event *e, const struct store_start *c)
{
	struct mem_event *first;
	if (mem_fp_find(d, c->once.b, e->ev.received, &first))
		return true;
	mem_fp_keep(d, c->once.b, e, c->once_ms ? e->ev.received + c->once_ms : INT64_MAX);
	return false;
}

static void start_plain(struct mem_data *d, struct mem_event *e, struct store_newrun *n,
			const struct met *met, struct woken *w)
{
	struct mem_run *r = mem_run_born(d, n, e);
	put_cancels(d, r, &n->start, e, w);
	if (met->judge && !n->start.awaited) {
		r->hold = HOLD_GATE;
		n->fate = FATE_QUEUED;
		return;
	}
	n->fate = mem_admit(d, r, e->ev.received, w);
	n->due = r->due;
	if (n->fate != FATE_STARTED)
		mem_decide(d, e->ev.seq, n->rule, n->fate, r);
}

void mem_start_run(struct mem_data *d, struct mem_event *e, struct store_newrun *n,
		   const struct met *met, struct woken *w)
{
	n->fate = FATE_STARTED;
	n->due = 0;
	if (n->failed_match) {
		mem_start_failed(d, e, n);
		return;
	}
	if (met->taken && !n->start.awaited)
		n->fate = FATE_AWAITED;
	else if (!store_key_is_zero(&n->start.once) && once_known(d, e, &n->start))
		n->fate = FATE_ONCE;
	if (n->fate != FATE_STARTED)
		mem_decide(d, e->ev.seq, n->rule, n->fate, NULL);
	else if (!store_key_is_zero(&n->start.collect))
		gather(d, e, n, w);
	else
		start_plain(d, e, n, met, w);
}
