/* Waits and events that find each other, in the tests' store. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/store/mem.h"

void mem_wait_free(struct mem_wait *x)
{
	list_remove(&x->link);
	free(x->path);
	free(x->what);
	free(x->shape);
	free(x->note);
	free(x);
}

void mem_inbox_free(struct mem_inbox *x)
{
	list_remove(&x->link);
	free(x->path);
	free(x->what);
	free(x->body);
	free(x);
}

static bool key_equal(const struct store_key *a, const struct store_key *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void mem_inbox_put(struct mem_data *d, struct mem_run *r, const struct store_inbox_row *in,
		   bool judge, struct mem_event *e, struct woken *w)
{
	struct mem_inbox *x = mem_alloc(sizeof(*x));
	*x = (struct mem_inbox){.m = ++d->last_m,
				.run = r,
				.path = mem_strdup(in->path),
				.what = mem_strdup(in->what),
				.body = in->body ? mem_strndup(in->body, in->len) : NULL,
				.judge = judge,
				.event = e};
	list_append(&d->inbox, &x->link);
	r->inbox++;
	store_woke(w, r->id);
}

/* ---- an event comes ---- */

static bool has_key(const struct mem_event *e, const struct store_key *key)
{
	for (size_t i = 0; i < e->ev.n_keys; i++)
		if (key_equal(&e->ev.keys[i], key))
			return true;
	return false;
}

struct met mem_meet(struct mem_data *d, struct mem_event *e, struct woken *w)
{
	struct met met = {0};
	list_each (l, &d->waits) {
		struct mem_wait *x = container_of(l, struct mem_wait, link);
		if (x->behind || !has_key(e, &x->key))
			continue;
		if (!*x->path) {
			mem_cancel(x->run, e->ev.received, w);
			continue;
		}
		met.judge |= x->judge;
		met.taken |= !x->judge;
		const struct store_inbox_row in = {.path = x->path, .what = x->what};
		mem_inbox_put(d, x->run, &in, x->judge, e, w);
	}
	return met;
}

/* ---- gates ---- */

static bool is_judged(const struct mem_data *d, const struct mem_event *e)
{
	list_each (l, &d->inbox) {
		const struct mem_inbox *x = container_of(l, struct mem_inbox, link);
		if (x->judge && x->event == e)
			return false;
	}
	return true;
}

/* The runs that stood at the event's gate start, or, when it was taken, do not. */
static void gate_open(struct mem_data *d, struct mem_event *e, bool took, int64_t now,
		      struct woken *w)
{
	if (!took && !is_judged(d, e))
		return;
	for (size_t i = 0; i < d->n_runs; i++) {
		struct mem_run *r = d->runs[i];
		if (r->ended || r->event != e || r->hold != HOLD_GATE)
			continue;
		if (took) {
			mem_decide(d, e->ev.seq, r->rule, FATE_AWAITED, r);
			mem_run_over(d, r, RUN_CANCELLED, now, STORE_WHY_AWAITED, w);
		} else {
			(void)mem_admit(d, r, now, w);
			if (!r->ended && r->hold == HOLD_NONE)
				store_woke(w, r->id);
		}
	}
}

/* ---- a run judges ---- */

static struct mem_inbox *row_of(struct mem_data *d, const struct mem_run *r, const char *path,
				const struct mem_event *e)
{
	list_each (l, &d->inbox) {
		struct mem_inbox *x = container_of(l, struct mem_inbox, link);
		if (x->run == r && (!path || !strcmp(x->path, path)) && (!e || x->event == e))
			return x;
	}
	return NULL;
}

static void inbox_drop(struct mem_data *d, struct mem_inbox *x, int64_t now, struct woken *w)
{
	struct mem_event *judged = x->judge ? x->event : NULL;
	x->run->inbox--;
	mem_inbox_free(x);
	if (judged)
		gate_open(d, judged, false, now, w);
}

static void inbox_clear(struct mem_data *d, struct mem_run *r, const char *path,
			const struct mem_event *e, int64_t now, struct woken *w)
{
	for (struct mem_inbox *x; (x = row_of(d, r, path, e));)
		inbox_drop(d, x, now, w);
}

static void take(struct mem_data *d, struct mem_run *r, struct mem_event *e, int64_t now,
		 struct woken *w)
{
	r->taken = mem_realloc(r->taken, (r->n_taken + 1) * sizeof(*r->taken));
	r->taken[r->n_taken++] = e->ev.seq;
	gate_open(d, e, true, now, w);
	inbox_clear(d, r, NULL, e, now, w);
}

static bool is_taken(const struct mem_run *r, uint64_t event)
{
	for (size_t i = 0; i < r->n_taken; i++)
		if (r->taken[i] == event)
			return true;
	return false;
}

static void look_back(struct mem_data *d, struct mem_wait *x, struct woken *w)
{
	size_t n = 0;
	x->behind = false;
	for (uint64_t seq = x->seq + 1; seq <= d->n_events; seq++) {
		struct mem_event *e = mem_event_at(d, seq);
		if (!has_key(e, &x->key) || is_taken(x->run, seq))
			continue;
		x->behind = n++ == STORE_LOOK_BACK_MAX;
		if (x->behind)
			return;
		const struct store_inbox_row in = {.path = x->path, .what = "event"};
		mem_inbox_put(d, x->run, &in, x->judge, e, w);
		x->seq = seq;
	}
}

/* All that a look back gave was let go, and there was more. */
static void look_on(struct mem_data *d, struct mem_run *r, const char *path, struct woken *w)
{
	if (row_of(d, r, path, NULL))
		return;
	list_each (l, &d->waits) {
		struct mem_wait *x = container_of(l, struct mem_wait, link);
		if (x->run == r && x->behind && !strcmp(x->path, path)) {
			look_back(d, x, w);
			return;
		}
	}
}

static struct mem_inbox *row_m(struct mem_data *d, const struct mem_run *r, uint64_t m)
{
	list_each (l, &d->inbox) {
		struct mem_inbox *x = container_of(l, struct mem_inbox, link);
		if (x->run == r && x->m == m)
			return x;
	}
	return NULL;
}

void mem_judge(struct mem_data *d, struct mem_run *r, const struct store_judged *j, int64_t now,
	       struct woken *w)
{
	struct mem_inbox *x = row_m(d, r, j->m);
	if (!x)
		return;
	auto_free char *path = mem_strdup(x->path);
	struct mem_event *e = x->event;
	/* What is taken opens its gate in its own way. */
	x->judge &= !j->took;
	inbox_drop(d, x, now, w);
	if (j->took && e)
		take(d, r, e, now, w);
	else if (!j->took)
		look_on(d, r, path, w);
}

/* ---- a run waits ---- */

static void close_path(struct mem_data *d, struct mem_run *r, const char *path, int64_t now,
		       struct woken *w)
{
	list_each_safe (l, &d->waits) {
		struct mem_wait *x = container_of(l, struct mem_wait, link);
		if (x->run == r && (!path || !strcmp(x->path, path)))
			mem_wait_free(x);
	}
	inbox_clear(d, r, path, NULL, now, w);
}

static uint64_t from_of(const struct mem_run *r, const struct store_wait *wait)
{
	if (wait->from == FROM_SEQ)
		return wait->seq;
	return wait->from == FROM_MARK && r->mark ? r->mark : r->event->ev.seq;
}

void mem_wait_set(struct mem_data *d, struct mem_run *r, const struct store_wait *wait, int64_t now,
		  struct woken *w)
{
	if (wait->close) {
		close_path(d, r, wait->path, now, w);
		return;
	}
	struct mem_wait *x = mem_alloc(sizeof(*x));
	*x = (struct mem_wait){.run = r,
			       .path = mem_strdup(wait->path),
			       .what = mem_strdup(wait->what),
			       .shape = wait->shape ? mem_strdup(wait->shape) : NULL,
			       .note = wait->note ? mem_strdup(wait->note) : NULL,
			       .key = wait->key,
			       .judge = wait->judge,
			       .seq = from_of(r, wait)};
	list_append(&d->waits, &x->link);
	if (!store_key_is_zero(&wait->key) && *wait->path)
		look_back(d, x, w);
}

void mem_wait_end(struct mem_data *d, struct mem_run *r, int64_t now, struct woken *w)
{
	close_path(d, r, NULL, now, w);
	free(r->taken);
	r->taken = NULL;
	r->n_taken = 0;
}

bool mem_waits_for(struct mem_data *d, struct mem_run *r, const struct store_tell *t, bool *told)
{
	struct mem_inbox *in = row_of(d, r, t->path, NULL);
	*told = in && !strcmp(in->what, t->what);
	list_each (l, &d->waits) {
		struct mem_wait *x = container_of(l, struct mem_wait, link);
		if (x->run == r && !strcmp(x->path, t->path) && !strcmp(x->what, t->what))
			return true;
	}
	return false;
}
