/* The verbs that read, on the tests' store. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/store/mem.h"

static const char *copy_of(struct store_loaded *l, const char *text)
{
	return loaded_text(l, text, strlen(text));
}

static void load_event(struct store_loaded *l, struct store_event *ret,
		       const struct store_event *ev)
{
	*ret = *ev;
	ret->source = copy_of(l, ev->source);
	ret->ext_id = copy_of(l, ev->ext_id);
	ret->type = copy_of(l, ev->type);
	ret->subject = copy_of(l, ev->subject);
	ret->ruleset = copy_of(l, ev->ruleset);
	ret->headers = copy_of(l, ev->headers);
	ret->body = loaded_text(l, ev->body, ev->body_len);
	/* Of the dedupe and the keys nothing is read back. */
	ret->dedupe = false;
	ret->dedupe_ms = 0;
	memset(ret->fp, 0, sizeof(ret->fp));
	ret->keys = NULL;
	ret->n_keys = 0;
}

static bool load_inbox(struct mem_data *d, struct store_loaded *l, const struct mem_run *r)
{
	/* What has no event comes first, then by the events. */
	for (uint64_t seq = 0; seq <= d->n_events && l->n_inbox < STORE_INBOX_MAX; seq++)
		list_each (e, &d->inbox) {
			const struct mem_inbox *x = container_of(e, struct mem_inbox, link);
			struct store_event ev;
			if (x->run != r || (x->event ? x->event->ev.seq : 0) != seq)
				continue;
			if (x->event)
				load_event(l, &ev, &x->event->ev);
			const struct store_inbox_row row = {.m = x->m,
							    .path = x->path,
							    .what = x->what,
							    .event = x->event ? &ev : NULL,
							    .body = x->body ? x->body : "",
							    .len = x->body ? strlen(x->body) : 0};
			if (!loaded_inbox_add(l, &row))
				return false;
		}
	return true;
}

static bool load_collected(struct mem_data *d, struct store_loaded *l, const struct mem_run *r)
{
	for (size_t i = 0; i < r->n_collected; i++) {
		struct store_event *ev = loaded_event(l);
		if (!ev)
			return false;
		load_event(l, ev, &mem_event_at(d, r->collected[i])->ev);
	}
	if (l->n_events)
		l->ev = l->events[l->n_events - 1];
	return true;
}

static int read_load(struct mem_data *d, struct store_load *v)
{
	struct mem_run *r = mem_run_find(d, v->run);
	v->loaded = NULL;
	if (!r)
		return err_set(&v->op.msg, ERR_NOT_FOUND, "no such run");
	struct store_loaded *l = loaded_new();
	load_event(l, &l->ev, &r->event->ev);
	l->run = r->id;
	l->epoch = r->epoch;
	l->rule = loaded_text(l, r->rule, strlen(r->rule));
	l->plan_hash = loaded_text(l, r->plan_hash, strlen(r->plan_hash));
	l->trigger = loaded_text(l, r->trigger, strlen(r->trigger));
	l->parent_path = loaded_text(l, r->parent_path, strlen(r->parent_path));
	l->parent = r->parent;
	l->state = r->state;
	l->ended = r->ended;
	l->due = r->due;
	l->cancel_at = r->cancel_at;
	l->created = r->created;
	l->last_n = (uint32_t)r->n_recs;
	bool ok = loaded_recs(l, r->n_recs);
	for (size_t i = 0; ok && i < r->n_recs; i++)
		ok = loaded_rec_add(l, &r->recs[i].rec);
	l->collecting = r->hold == HOLD_WINDOW;
	l->stands = r->hold == HOLD_LIMIT || r->hold == HOLD_GATE || r->hold == HOLD_RATE;
	if (!ok || !load_collected(d, l, r) || (r->inbox && !load_inbox(d, l, r))) {
		store_loaded_free(l);
		return err_set(&v->op.msg, ERR_STORE, "the run's journal is too large");
	}
	v->loaded = l;
	return 0;
}

static int wake_order(const void *a, const void *b)
{
	const struct mem_run *x = *(struct mem_run *const *)a, *y = *(struct mem_run *const *)b;
	int64_t wx = mem_wake_of(x);
	int64_t wy = mem_wake_of(y);
	if (wx != wy)
		return wx < wy ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static bool is_due(const struct mem_run *r, const struct store_due *v)
{
	if (r->ended)
		return false;
	int64_t wake = mem_wake_of(r);
	if (wake == WAKE_NEVER || (wake == WAKE_READY && v->timed_only))
		return false;
	return wake <= WAKE_LOOK || wake <= v->until;
}

static int read_due(struct mem_data *d, struct store_due *v)
{
	struct mem_run **due = mem_alloc((d->n_runs + 1) * sizeof(struct mem_run *));
	size_t n = 0;
	for (size_t i = 0; i < d->n_runs; i++)
		if (is_due(d->runs[i], v))
			due[n++] = d->runs[i];
	qsort(due, n, sizeof(struct mem_run *), wake_order);
	v->more = n > v->max;
	v->n_rows = v->more ? v->max : n;
	v->rows = mem_alloc((v->n_rows + 1) * sizeof(*v->rows));
	for (size_t i = 0; i < v->n_rows; i++) {
		const struct mem_run *r = due[i];
		bool cancel = mem_wake_of(r) == WAKE_LOOK;
		v->rows[i] = (struct store_due_row){
			.run = r->id, .due = cancel ? r->cancel_at : r->due, .state = r->state};
	}
	free(due);
	return 0;
}

static int read_inbox(struct mem_data *d, struct store_inbox *v)
{
	struct mem_run *r = mem_run_find(d, v->run);
	v->loaded = NULL;
	if (!r || r->ended)
		return err_set(&v->op.msg, ERR_NOT_FOUND, "no such run is live");
	struct store_loaded *l = loaded_new();
	l->run = v->run;
	l->cancel_at = r->cancel_at;
	if (!load_inbox(d, l, r)) {
		store_loaded_free(l);
		return err_set(&v->op.msg, ERR_STORE, "the run is too large");
	}
	v->loaded = l;
	return 0;
}

static int read_shapes(struct mem_data *d, struct store_shapes *v)
{
	json_t *seen = json_object();
	list_each (l, &d->waits) {
		const struct mem_wait *x = container_of(l, struct mem_wait, link);
		if (x->shape)
			json_object_set_new(seen, x->shape, json_true());
	}
	v->list = json_array();
	const char *text;
	json_t *yes;
	json_object_foreach (seen, text, yes)
		json_array_append_new(v->list, json_string(text));
	json_decref(seen);
	return 0;
}

static int read_source(struct mem_data *d, struct store_get_source *v)
{
	struct mem_source *s = map_get(&d->sources, v->hash);
	if (!s)
		return err_set(&v->op.msg, ERR_NOT_FOUND, "no source '%s'", v->hash);
	v->text = mem_strndup(s->text, s->len);
	v->len = s->len;
	return 0;
}

static json_t *run_json(const struct mem_run *r)
{
	return view_run(&(struct view_run){.seq = r->seq,
					   .id = r->id,
					   .event = r->event->ev.id,
					   .rule = r->rule,
					   .version = r->plan_hash,
					   .state = r->state,
					   .created = r->created,
					   .ended = r->ended_at,
					   .due = r->due,
					   .error = r->error});
}

static json_t *event_json(struct mem_data *d, struct mem_event *e)
{
	json_t *runs = json_array();
	for (size_t i = 0; i < d->n_runs; i++)
		if (d->runs[i]->event == e)
			json_array_append_new(runs, view_id(d->runs[i]->id));
	json_t *v = view_event(&e->ev, runs), *decisions = json_array();
	list_each (l, &d->decisions) {
		const struct mem_decision *x = container_of(l, struct mem_decision, link);
		if (x->event == e->ev.seq)
			json_array_append_new(
				decisions, view_decision(x->rule, x->fate,
							 x->run ? x->run->id : (struct id){{0}}));
	}
	json_object_set_new(v, "decisions", decisions);
	return v;
}

static bool run_fits(const struct mem_run *r, const struct store_query *q)
{
	return (!q->before || r->seq < q->before) &&
	       (id_is_zero(q->id) || id_equal(r->event->ev.id, q->id)) &&
	       (!q->rule || !strcmp(r->rule, q->rule)) &&
	       (q->state < 0 || r->state == (enum run_state)q->state) && r->created >= q->since;
}

static json_t *view_runs(struct mem_data *d, const struct store_query *q)
{
	json_t *rows = json_array();
	size_t limit = view_limit(q->limit);
	uint64_t last = 0;
	for (size_t i = d->n_runs; i-- > 0;) {
		if (!run_fits(d->runs[i], q))
			continue;
		if (json_array_size(rows) == limit)
			return view_page("runs", rows, last);
		json_array_append_new(rows, run_json(d->runs[i]));
		last = d->runs[i]->seq;
	}
	return view_page("runs", rows, 0);
}

static bool event_fits(const struct store_event *ev, const struct store_query *q)
{
	return (!q->before || ev->seq < q->before) &&
	       (!q->subject || !strcmp(ev->subject, q->subject)) &&
	       (!q->type || !strcmp(ev->type, q->type));
}

static json_t *view_events(struct mem_data *d, const struct store_query *q)
{
	json_t *rows = json_array();
	size_t limit = view_limit(q->limit);
	uint64_t last = 0;
	for (size_t i = d->n_events; i-- > 0;) {
		if (!event_fits(&d->events[i]->ev, q))
			continue;
		if (json_array_size(rows) == limit)
			return view_page("events", rows, last);
		json_array_append_new(rows, event_json(d, d->events[i]));
		last = d->events[i]->ev.seq;
	}
	return view_page("events", rows, 0);
}

static json_t *view_one_run(struct mem_data *d, const struct mem_run *r)
{
	json_t *v = run_json(r), *recs = json_array();
	for (size_t i = 0; i < r->n_recs; i++)
		json_array_append_new(recs, view_rec(&r->recs[i].rec));
	json_object_set_new(v, "records", recs);
	json_object_set_new(v, "event", event_json(d, r->event));
	return v;
}

static json_t *view_stats(struct mem_data *d)
{
	json_int_t count[RUN_STATES] = {0}, live = 0;
	for (size_t i = 0; i < d->n_runs; i++) {
		count[d->runs[i]->state]++;
		live += !d->runs[i]->ended;
	}
	return view_counts(d->n_events, count, live, 0);
}

static json_t *view_claim(struct mem_data *d, const struct store_query *q)
{
	auto_free char *key = mem_claim_key(q->connection, q->foreign_id);
	struct mem_claim *c = map_get(&d->claims, key);
	if (!c)
		return json_null();
	json_t *v = json_object();
	json_object_set_new(v, "run", view_id(c->run->id));
	json_object_set_new(v, "path", json_string(c->path));
	return v;
}

static bool wait_fits(const struct mem_wait *x, const struct store_query *q)
{
	return *x->path && (id_is_zero(q->id) || id_equal(x->run->id, q->id)) &&
	       (!q->what || !strcmp(x->what, q->what)) && (!q->before || x->run->seq < q->before);
}

/* Newest run first; all of it in one page. */
static json_t *view_waits(struct mem_data *d, const struct store_query *q)
{
	json_t *rows = json_array();
	for (size_t i = d->n_runs; i-- > 0;) {
		const char *path = "";
		list_each (l, &d->waits) {
			const struct mem_wait *x = container_of(l, struct mem_wait, link);
			if (x->run != d->runs[i] || !wait_fits(x, q) || !strcmp(path, x->path))
				continue;
			path = x->path;
			json_array_append_new(rows, view_wait(x->run->id, x->run->rule, x->path,
							      x->what, x->note));
		}
	}
	return view_page("waits", rows, 0);
}

/* In one page, in the order of the map. */
static json_t *view_values(struct mem_data *d, const struct store_query *q)
{
	json_t *rows = json_array();
	auto_free char *prefix = mem_memory_key(q->scope ? q->scope : "", "");
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&d->memory, &i));) {
		const struct mem_memory *m = e->value;
		if (!strncmp(e->key, prefix, strlen(prefix)))
			json_array_append_new(
				rows, view_memory(e->key + strlen(prefix), m->value, m->expires));
	}
	return view_page("values", rows, 0);
}

static int read_query(struct mem_data *d, struct store_query *q)
{
	struct mem_run *r = q->view == VIEW_RUN ? mem_run_find(d, q->id) : NULL;
	struct mem_event *e = q->view == VIEW_EVENT ? mem_event_find(d, q->id) : NULL;
	q->result = NULL;
	switch (q->view) {
	case VIEW_RUNS:
		q->result = view_runs(d, q);
		break;
	case VIEW_RUN:
		q->result = r ? view_one_run(d, r) : NULL;
		break;
	case VIEW_EVENTS:
		q->result = view_events(d, q);
		break;
	case VIEW_EVENT:
		q->result = e ? event_json(d, e) : NULL;
		break;
	case VIEW_STATS:
		q->result = view_stats(d);
		break;
	case VIEW_CLAIM:
		q->result = view_claim(d, q);
		break;
	case VIEW_WAITS:
		q->result = view_waits(d, q);
		break;
	case VIEW_MEMORY:
		q->result = view_values(d, q);
		break;
	}
	return q->result ? 0 : err_set(&q->op.msg, ERR_NOT_FOUND, "nothing of this id");
}

static int read_kept(struct mem_data *d, struct store_kept *v)
{
	const struct mem_kept *k = map_get(&d->kept, v->name);
	v->bytes = NULL;
	v->len = 0;
	if (!k)
		return err_set(&v->op.msg, ERR_NOT_FOUND, "nothing is kept as '%s'", v->name);
	v->bytes = store_bytes_copy(k->bytes, k->len);
	v->len = k->len;
	v->changed = k->changed;
	return 0;
}

void mem_read(struct mem_data *d, struct store_op *op)
{
	switch (op->verb) {
	case STORE_LOAD:
		op->err = read_load(d, container_of(op, struct store_load, op));
		break;
	case STORE_DUE:
		op->err = read_due(d, container_of(op, struct store_due, op));
		break;
	case STORE_GET_SOURCE:
		op->err = read_source(d, container_of(op, struct store_get_source, op));
		break;
	case STORE_QUERY:
		op->err = read_query(d, container_of(op, struct store_query, op));
		break;
	case STORE_INBOX:
		op->err = read_inbox(d, container_of(op, struct store_inbox, op));
		break;
	case STORE_SHAPES:
		op->err = read_shapes(d, container_of(op, struct store_shapes, op));
		break;
	case STORE_KEPT:
		op->err = read_kept(d, container_of(op, struct store_kept, op));
		break;
	case STORE_ACCEPT:
	case STORE_APPEND:
	case STORE_PUT_SOURCE:
	case STORE_CANCEL:
	case STORE_REVIVE:
	case STORE_SPEND:
	case STORE_KEEP:
	case STORE_TELL:
		break;
	}
}
