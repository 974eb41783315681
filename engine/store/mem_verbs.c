/* The verbs that write, on the tests' store: what SQLite does in tables, in plain structs. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/store/mem.h"

/* Room for one more element in an array of pointers or structs. */
static void *grown(void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 8;
	return mem_realloc(items, *cap * size);
}

static struct mem_event *event_copy(const struct store_event *ev, uint64_t seq)
{
	struct mem_event *e = mem_alloc(sizeof(*e));
	e->ev = *ev;
	e->ev.seq = seq;
	e->ev.source = mem_strdup(ev->source);
	e->ev.ext_id = mem_strdup(ev->ext_id);
	e->ev.type = mem_strdup(ev->type);
	e->ev.subject = mem_strdup(ev->subject);
	e->ev.ruleset = mem_strdup(ev->ruleset);
	e->ev.headers = mem_strdup(ev->headers);
	e->ev.body = mem_strndup(ev->body, ev->body_len);
	e->ev.keys = store_bytes_copy(ev->keys, ev->n_keys * sizeof(*ev->keys));
	return e;
}

static void event_free(struct mem_event *e)
{
	free((char *)e->ev.source);
	free((char *)e->ev.ext_id);
	free((char *)e->ev.type);
	free((char *)e->ev.subject);
	free((char *)e->ev.ruleset);
	free((char *)e->ev.headers);
	free((char *)e->ev.body);
	free((void *)e->ev.keys);
	free(e);
}

static void run_free(struct mem_run *r)
{
	for (size_t i = 0; i < r->n_recs; i++) {
		free((char *)r->recs[i].rec.path);
		free((char *)r->recs[i].rec.body);
	}
	free(r->recs);
	free(r->rule);
	free(r->plan_hash);
	free(r->trigger);
	free(r->parent_path);
	free(r->error);
	free(r->collected);
	free(r->taken);
	free(r);
}

static void source_free(void *p)
{
	struct mem_source *s = p;
	free(s->text);
	free(s);
}

static void claim_free(void *p)
{
	struct mem_claim *c = p;
	free(c->path);
	free(c);
}

static void kept_free(void *p)
{
	struct mem_kept *k = p;
	free(k->bytes);
	free(k);
}

static void map_free(struct map *m, void (*value_free)(void *))
{
	size_t i = 0;
	for (struct map_entry *e; value_free && (e = map_next(m, &i));)
		value_free(e->value);
	map_done(m);
}

static void memory_free(void *p)
{
	struct mem_memory *m = p;
	free(m->value);
	free(m);
}

void mem_decision_free(struct mem_decision *x)
{
	list_remove(&x->link);
	free(x->rule);
	free(x);
}

void mem_data_init(struct mem_data *d)
{
	list_init(&d->waits);
	list_init(&d->inbox);
	list_init(&d->started);
	list_init(&d->decisions);
}

static void lists_free(struct mem_data *d)
{
	list_each_safe (l, &d->waits)
		mem_wait_free(container_of(l, struct mem_wait, link));
	list_each_safe (l, &d->inbox)
		mem_inbox_free(container_of(l, struct mem_inbox, link));
	list_each_safe (l, &d->decisions)
		mem_decision_free(container_of(l, struct mem_decision, link));
	list_each_safe (l, &d->started)
		free(container_of(l, struct mem_started, link));
}

void mem_data_free(struct mem_data *d)
{
	if (!d)
		return;
	lists_free(d);
	map_free(&d->memory, memory_free);
	for (size_t i = 0; i < d->n_runs; i++)
		run_free(d->runs[i]);
	for (size_t i = 0; i < d->n_events; i++)
		event_free(d->events[i]);
	map_free(&d->sources, source_free);
	map_free(&d->claims, claim_free);
	map_free(&d->kept, kept_free);
	map_free(&d->fps, free);
	map_free(&d->counters, free);
	map_free(&d->events_by_id, NULL);
	map_free(&d->runs_by_id, NULL);
	free(d->runs);
	free(d->events);
	free(d);
}

struct mem_run *mem_run_find(const struct mem_data *d, struct id id)
{
	char text[ID_TEXT_LEN];
	return map_get(&d->runs_by_id, id_format(id, text));
}

struct mem_event *mem_event_find(const struct mem_data *d, struct id id)
{
	char text[ID_TEXT_LEN];
	return map_get(&d->events_by_id, id_format(id, text));
}

struct mem_event *mem_event_at(const struct mem_data *d, uint64_t seq)
{
	return d->events[seq - 1];
}

int64_t mem_wake_of(const struct mem_run *r)
{
	return store_wake(&(struct store_look){.state = r->state,
					       .due = r->due,
					       .cancel_at = r->cancel_at,
					       .hold = r->hold,
					       .inbox = (int64_t)r->inbox});
}

char *mem_memory_key(const char *scope, const char *key)
{
	return mem_printf("%zu:%s:%s", strlen(scope), scope, key);
}

char *mem_claim_key(const char *connection, const char *foreign_id)
{
	return mem_printf("%zu:%s:%s", strlen(connection), connection, foreign_id);
}

static int sources_check(struct mem_data *d, const struct store_accept *a, struct errmsg *msg)
{
	for (size_t i = 0; i < a->n_runs; i++)
		if (!map_get(&d->sources, a->runs[i].plan_hash))
			return store_no_source(msg, a->runs[i].plan_hash);
	return 0;
}

bool mem_fp_find(struct mem_data *d, const unsigned char fp[16], int64_t at, struct mem_event **ret)
{
	char hex[33];
	hex_encode(fp, 16, hex);
	struct mem_fp *known = map_get(&d->fps, hex);
	*ret = known ? known->event : NULL;
	return known && known->expires > at;
}

void mem_fp_keep(struct mem_data *d, const unsigned char fp[16], struct mem_event *e,
		 int64_t expires)
{
	char hex[33];
	hex_encode(fp, 16, hex);
	struct mem_fp *known = mem_alloc(sizeof(*known));
	known->event = e;
	known->expires = expires;
	free(map_put(&d->fps, hex, known));
}

/* The unexpired earlier event of the same fingerprint or id, or NULL. */
static struct mem_event *duplicate_of(struct mem_data *d, const struct store_event *ev)
{
	struct mem_event *e;
	if (ev->dedupe && mem_fp_find(d, ev->fp, ev->received, &e))
		return e;
	return mem_event_find(d, ev->id);
}

void mem_decide(struct mem_data *d, uint64_t event, const char *rule, enum store_fate f,
		struct mem_run *r)
{
	list_each_safe (l, &d->decisions) {
		struct mem_decision *x = container_of(l, struct mem_decision, link);
		if (x->event == event && !strcmp(x->rule, rule))
			mem_decision_free(x);
	}
	struct mem_decision *x = mem_alloc(sizeof(*x));
	*x = (struct mem_decision){.event = event, .rule = mem_strdup(rule), .fate = f, .run = r};
	list_append(&d->decisions, &x->link);
}

struct mem_run *mem_run_born(struct mem_data *d, const struct store_newrun *n, struct mem_event *e)
{
	char text[ID_TEXT_LEN];
	struct mem_run *r = mem_alloc(sizeof(*r));
	r->id = n->id;
	r->event = e;
	r->rule = mem_strdup(n->rule);
	r->plan_hash = mem_strdup(n->plan_hash);
	r->trigger = mem_strdup(n->trigger ? n->trigger : "");
	r->parent = n->parent;
	r->parent_path = mem_strdup(n->parent_path ? n->parent_path : "");
	r->created = e->ev.received;
	r->epoch = d->epoch;
	r->state = RUN_QUEUED;
	r->start = n->start;
	r->start.cancel = NULL;
	r->start.cancel_shapes = NULL;
	r->place = store_key_is_zero(&n->start.limit) ? PLACE_NONE : PLACE_NOT_YET;
	d->runs = grown(d->runs, d->n_runs, &d->cap_runs, sizeof(*d->runs));
	d->runs[d->n_runs++] = r;
	r->seq = d->n_runs;
	map_put(&d->runs_by_id, id_format(n->id, text), r);
	return r;
}

void mem_cancel(struct mem_run *r, int64_t at, struct woken *w)
{
	if (r->cancel_at)
		return;
	r->cancel_at = at;
	store_woke(w, r->id);
}

void mem_run_over(struct mem_data *d, struct mem_run *r, enum run_state state, int64_t at,
		  const char *error, struct woken *w)
{
	r->state = state;
	r->ended = true;
	r->ended_at = at;
	r->due = r->cancel_at = 0;
	r->hold = HOLD_NONE;
	r->open = false;
	free(r->error);
	r->error = error ? mem_strdup(error) : NULL;
	mem_wait_end(d, r, at, w);
	mem_leave(d, r, at, w);
}

/* The runs' ids are new: as in SQLite, a known one fails the whole verb. */
static int run_ids_check(struct mem_data *d, const struct store_accept *a, struct errmsg *msg)
{
	for (size_t i = 0; i < a->n_runs; i++)
		if (mem_run_find(d, a->runs[i].id))
			return err_set(msg, ERR_STORE, "a run of this id exists already");
	return 0;
}

/* All conditions that fail the verb were checked. */
static void accept_do(struct mem_data *d, struct store_accept *a, struct woken *w)
{
	char text[ID_TEXT_LEN];
	struct mem_event *first = duplicate_of(d, &a->ev);
	a->epoch = d->epoch;
	a->duplicate = first != NULL;
	if (first) {
		a->first = first->ev.id;
		return;
	}
	d->events = grown(d->events, d->n_events, &d->cap_events, sizeof(*d->events));
	a->ev.seq = d->n_events + 1;
	struct mem_event *e = d->events[d->n_events++] = event_copy(&a->ev, a->ev.seq);
	map_put(&d->events_by_id, id_format(e->ev.id, text), e);
	if (e->ev.dedupe)
		mem_fp_keep(d, e->ev.fp, e, e->ev.received + e->ev.dedupe_ms);
	struct met met = mem_meet(d, e, w);
	for (size_t i = 0; i < a->n_runs; i++)
		mem_start_run(d, e, &a->runs[i], &met, w);
}

static int verb_accept(struct mem_data *d, struct store_accept *a)
{
	struct woken w = {0};
	if (sources_check(d, a, &a->op.msg))
		return ERR_NOT_FOUND;
	if (!duplicate_of(d, &a->ev) && run_ids_check(d, a, &a->op.msg))
		return ERR_STORE;
	accept_do(d, a, &w);
	a->woken = w.ids;
	a->n_woken = w.n;
	return 0;
}

static void rec_add(struct mem_run *r, const struct store_rec *rec)
{
	r->recs = grown(r->recs, r->n_recs, &r->cap_recs, sizeof(*r->recs));
	struct store_rec *copy = &r->recs[r->n_recs++].rec;
	*copy = *rec;
	copy->n = (uint32_t)r->n_recs;
	copy->path = mem_strdup(rec->path);
	copy->body = mem_strndup(rec->body, rec->len);
}

void mem_start_failed(struct mem_data *d, struct mem_event *e, const struct store_newrun *n)
{
	auto_free char *body = store_born(n);
	struct store_rec rec = {.type = REC_DECISION,
				.path = "",
				.at = e->ev.received,
				.body = body,
				.len = strlen(body)};
	rec_add(mem_run_born(d, n, e), &rec);
}

static bool claim_is_free(struct mem_data *d, const struct store_append *a, size_t i,
			  struct mem_run *r)
{
	const struct store_claim *c = &a->claims[i];
	if (c->release)
		return true;
	for (size_t k = 0; k < i; k++)
		if (!a->claims[k].release && !strcmp(a->claims[k].connection, c->connection) &&
		    !strcmp(a->claims[k].foreign_id, c->foreign_id))
			return !strcmp(a->claims[k].path, c->path);
	auto_free char *key = mem_claim_key(c->connection, c->foreign_id);
	struct mem_claim *has = map_get(&d->claims, key);
	return !has || (has->run == r && !strcmp(has->path, c->path)) ||
	       (*c->foreign_id == '#' && has->run->ended);
}

static void claim_drop(struct mem_data *d, const char *key, const char *path, struct mem_run *r)
{
	struct mem_claim *has = map_get(&d->claims, key);
	if (has && has->run == r && !strcmp(has->path, path))
		claim_free(map_remove(&d->claims, key));
}

static void claim_keep(struct mem_data *d, const struct store_claim *c, struct mem_run *r)
{
	auto_free char *key = mem_claim_key(c->connection, c->foreign_id);
	if (c->release) {
		claim_drop(d, key, c->path, r);
		return;
	}
	struct mem_claim *claim = map_get(&d->claims, key);
	if (claim && (*c->foreign_id != '#' || !claim->run->ended))
		return;
	if (claim)
		claim_free(map_remove(&d->claims, key));
	claim = mem_alloc(sizeof(*claim));
	claim->run = r;
	claim->path = mem_strdup(c->path);
	map_put(&d->claims, key, claim);
}

static int append_check(struct mem_data *d, struct store_append *a, struct mem_run *r)
{
	struct errmsg *msg = &a->op.msg;
	if (!r || r->ended)
		return err_set(msg, ERR_FENCED, "the run is not live");
	if (r->epoch != a->epoch || r->n_recs != a->expect_n)
		return err_set(msg, ERR_FENCED, "the run has %zu records of epoch %llu", r->n_recs,
			       (unsigned long long)r->epoch);
	for (size_t i = 0; i < a->n_claims; i++)
		if (!claim_is_free(d, a, i, r))
			return err_set(msg, ERR_CLAIMED, "'%s' of %s is another effect's",
				       a->claims[i].foreign_id, a->claims[i].connection);
	for (size_t i = 0; i < a->n_emits; i++) {
		if (sources_check(d, &a->emits[i], msg))
			return ERR_NOT_FOUND;
		if (!duplicate_of(d, &a->emits[i].ev) && run_ids_check(d, &a->emits[i], msg))
			return ERR_STORE;
	}
	return 0;
}

static void memory_put(struct mem_data *d, const char *key, char *value, int64_t expires)
{
	struct mem_memory *m = NULL;
	if (value) {
		m = mem_alloc(sizeof(*m));
		*m = (struct mem_memory){.value = value, .expires = expires};
	}
	m = m ? map_put(&d->memory, key, m) : map_remove(&d->memory, key);
	if (m)
		memory_free(m);
}

void mem_remember(struct mem_data *d, struct store_memory *m)
{
	auto_free char *key = mem_memory_key(m->scope, m->key);
	struct mem_memory *there = map_get(&d->memory, key);
	bool old = there && (!there->expires || there->expires > m->at);
	int64_t expires = m->for_ms ? m->at + m->for_ms : 0;
	char *new;
	bool changes = store_memory(m, old ? there->value : NULL, &new);
	if (m->op == MEMORY_ADD && old)
		expires = there->expires;
	if (changes)
		memory_put(d, key, new, expires);
}

static void put_recs(struct mem_data *d, struct store_append *a, struct mem_run *r)
{
	for (size_t i = 0; i < a->n_memory; i++)
		mem_remember(d, &a->memory[i]);
	for (size_t i = 0; i < a->n_recs; i++) {
		struct store_rec rec = a->recs[i];
		char *body = NULL;
		for (size_t k = 0; !body && k < a->n_memory; k++)
			if (a->memory[k].rec == i)
				body = store_fill(rec.body, rec.len, a->memory[k].outcome);
		rec.body = body ? body : rec.body;
		rec.len = body ? strlen(body) : rec.len;
		rec_add(r, &rec);
		free(body);
	}
	for (size_t i = 0; i < a->n_claims; i++)
		claim_keep(d, &a->claims[i], r);
}

static void put_waits(struct mem_data *d, const struct store_append *a, struct mem_run *r,
		      int64_t now, struct woken *w)
{
	if (a->mark)
		r->mark = d->n_events;
	for (size_t i = 0; i < a->n_judged; i++)
		mem_judge(d, r, &a->judged[i], now, w);
	for (size_t i = 0; i < a->n_waits; i++)
		mem_wait_set(d, r, &a->waits[i], now, w);
}

static void run_end(struct mem_data *d, struct mem_run *r, const struct store_append *a,
		    struct woken *w)
{
	int64_t at;
	const char *error = store_end_of(a, &at);
	mem_run_over(d, r, a->state, at, a->state == RUN_COMPLETED ? NULL : error, w);
	struct mem_run *parent = a->tell_parent ? mem_run_find(d, r->parent) : NULL;
	if (!parent || parent->ended)
		return;
	const struct store_inbox_row in = {.path = r->parent_path,
					   .what = "run",
					   .body = a->tell_parent,
					   .len = strlen(a->tell_parent)};
	mem_inbox_put(d, parent, &in, false, NULL, w);
}

static void append_row(struct mem_data *d, struct mem_run *r, struct store_append *a,
		       struct woken *w)
{
	bool window = r->hold == HOLD_WINDOW;
	r->state = a->state;
	r->due = a->due;
	r->hold = HOLD_NONE;
	if (run_state_is_end(a->state)) {
		run_end(d, r, a, w);
	} else if (window) {
		r->open = false;
		a->held = mem_admit(d, r, d->clock->wall_ms(d->clock), w) != FATE_STARTED;
	}
}

static int verb_append(struct mem_data *d, struct store_append *a)
{
	struct mem_run *r = mem_run_find(d, a->run);
	struct woken w = {0};
	int64_t at;
	int err = append_check(d, a, r);
	if (err)
		return err;
	(void)store_end_of(a, &at);
	for (size_t i = 0; i < a->n_emits; i++)
		accept_do(d, &a->emits[i], &w);
	put_recs(d, a, r);
	put_waits(d, a, r, at, &w);
	if (store_takes_cancel(a))
		r->cancel_at = 0;
	a->cancel_asked = r->cancel_at != 0;
	a->held = false;
	append_row(d, r, a, &w);
	a->inbox = r->inbox;
	a->woken = w.ids;
	a->n_woken = w.n;
	return 0;
}

static int verb_tell(struct mem_data *d, struct store_tell *t)
{
	struct mem_run *r = mem_run_find(d, t->run);
	struct woken w = {0};
	bool told = false;
	bool waits = r && !r->ended && mem_waits_for(d, r, t, &told);
	if (!waits || told)
		return store_not_told(&t->op.msg, waits && told);
	const struct store_inbox_row in = {
		.path = t->path, .what = t->what, .body = t->body, .len = t->len};
	mem_inbox_put(d, r, &in, false, NULL, &w);
	free(w.ids);
	return 0;
}

static int verb_put_source(struct mem_data *d, struct store_put_source *p)
{
	if (map_get(&d->sources, p->hash))
		return 0;
	struct mem_source *s = mem_alloc(sizeof(*s));
	s->text = mem_strndup(p->text, p->len);
	s->len = p->len;
	map_put(&d->sources, p->hash, s);
	return 0;
}

static int verb_cancel(struct mem_data *d, struct store_cancel *c)
{
	struct mem_run *r = mem_run_find(d, c->run);
	if (!r || r->ended)
		return err_set(&c->op.msg, ERR_NOT_FOUND, "no such run is live");
	if (!r->cancel_at)
		r->cancel_at = c->at;
	return 0;
}

static int verb_revive(struct mem_data *d, struct store_revive *v)
{
	struct mem_run *r = mem_run_find(d, v->run);
	if (!r)
		return err_set(&v->op.msg, ERR_NOT_FOUND, "no such run");
	if (r->state != RUN_FAILED && r->state != RUN_IN_DOUBT)
		return store_not_revivable(&v->op.msg, r->state);
	rec_add(r, &v->rec);
	v->rec.n = (uint32_t)r->n_recs;
	if (r->ended)
		r->epoch = d->epoch;
	r->ended = false;
	r->ended_at = 0;
	free(r->error);
	r->error = NULL;
	r->state = v->state;
	r->due = v->due;
	return 0;
}

static int verb_spend(struct mem_data *d, struct store_spend *p)
{
	struct mem_counter *c = map_get(&d->counters, p->name);
	struct mem_counter row = {.day = p->day};
	if (c)
		row = *c;
	if (!store_spend(p, &row.day, &row.spent))
		return 0;
	if (!c) {
		c = mem_alloc(sizeof(*c));
		map_put(&d->counters, p->name, c);
	}
	*c = row;
	return 0;
}

static int verb_keep(struct mem_data *d, struct store_keep *k)
{
	struct mem_kept *old, *new = NULL;
	int err = store_keep_check(k);
	if (err)
		return err;
	if (k->len) {
		new = mem_alloc(sizeof(*new));
		*new = (struct mem_kept){.bytes = store_bytes_copy(k->bytes, k->len),
					 .len = k->len,
					 .changed = d->clock->wall_ms(d->clock)};
	}
	old = new ? map_put(&d->kept, k->name, new) : map_remove(&d->kept, k->name);
	if (old)
		kept_free(old);
	return 0;
}

void mem_write(struct mem_data *d, struct store_op *op)
{
	switch (op->verb) {
	case STORE_ACCEPT:
		op->err = verb_accept(d, container_of(op, struct store_accept, op));
		break;
	case STORE_APPEND:
		op->err = verb_append(d, container_of(op, struct store_append, op));
		break;
	case STORE_PUT_SOURCE:
		op->err = verb_put_source(d, container_of(op, struct store_put_source, op));
		break;
	case STORE_CANCEL:
		op->err = verb_cancel(d, container_of(op, struct store_cancel, op));
		break;
	case STORE_REVIVE:
		op->err = verb_revive(d, container_of(op, struct store_revive, op));
		break;
	case STORE_SPEND:
		op->err = verb_spend(d, container_of(op, struct store_spend, op));
		break;
	case STORE_KEEP:
		op->err = verb_keep(d, container_of(op, struct store_keep, op));
		break;
	case STORE_TELL:
		op->err = verb_tell(d, container_of(op, struct store_tell, op));
		break;
	case STORE_LOAD:
	case STORE_INBOX:
	case STORE_SHAPES:
	case STORE_DUE:
	case STORE_GET_SOURCE:
	case STORE_QUERY:
	case STORE_KEPT:
		break;
	}
}
