/* The engine: the table of runs in memory, and the doors for events, people and other layers. */
#include "engine/run/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/fault.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/run/run.h"

#define QUEUE_MAX 4096
#define ACTIVE_MAX 1024
#define CHAIN_MAX 32
#define KEEP_MS 2000 /* a wait shorter than this stays in memory */

struct engine *engine_new(const struct engine_config *c)
{
	struct engine *e = mem_alloc(sizeof(*e));
	e->conf = *c;
	if (!e->conf.queue_max)
		e->conf.queue_max = QUEUE_MAX;
	if (!e->conf.active_max)
		e->conf.active_max = ACTIVE_MAX;
	list_init(&e->to_load);
	list_init(&e->unshaped);
	return e;
}

/* ---- shapes ---- */

struct ask_shapes {
	struct store_shapes op;
	struct engine *engine;
};

static void accept_waiting(struct engine *e);

static void ask_shapes(struct engine *e);

static void on_shapes(struct store_op *op)
{
	struct ask_shapes *q =
		container_of(container_of(op, struct store_shapes, op), struct ask_shapes, op);
	struct engine *e = q->engine;
	size_t i;
	json_t *v;
	e->asked--;
	e->shapes_due = false;
	if (op->err)
		log_line(LOG_ERROR, "waits_unread", "text", op->msg.text, NULL);
	json_array_foreach (q->op.list, i, v)
		shapes_add(&e->shapes, json_string_value(v));
	json_decref(q->op.list);
	free(q);
	accept_waiting(e);
}

/* What is waited for by rules that are loaded no more. Until it is known, events are kept back. */
static void ask_shapes(struct engine *e)
{
	struct ask_shapes *q = mem_alloc(sizeof(*q));
	*q = (struct ask_shapes){.op.op = {.verb = STORE_SHAPES, .cb = on_shapes}, .engine = e};
	e->shapes_due = true;
	e->asked++;
	store_submit(e->conf.store, &q->op.op);
}

void engine_start(struct engine *e)
{
	e->started = true;
	ask_shapes(e);
	engine_refill(e);
}

void engine_drain(struct engine *e)
{
	e->draining = true;
	loop_timer_stop(e->conf.loop, &e->due_timer);
	loop_timer_stop(e->conf.loop, &e->refill_timer);
	engine_drop_loads(e);
}

static bool run_is_idle(const struct run *r)
{
	return !r->flying && !r->appending && !r->buf.n && !r->task.link.next;
}

bool engine_idle(const struct engine *e)
{
	size_t i = 0;
	for (struct map_entry *m; (m = map_next(&e->runs, &i));)
		if (!run_is_idle(m->value))
			return false;
	return !e->accepting && !e->loading.count && !e->refilling;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	size_t i = 0;
	for (struct map_entry *m; (m = map_next(&e->runs, &i));)
		run_free(m->value);
	map_done(&e->runs);
	engine_near_done(e);
	engine_drop_loads(e);
	map_done(&e->loading);
	i = 0;
	for (struct map_entry *m; (m = map_next(&e->plans, &i));)
		plan_unref(m->value);
	map_done(&e->plans);
	shapes_done(&e->shapes);
	free(e->matches.at);
	free(e);
}

/* ---- runs in memory ---- */

struct run *engine_find(const struct engine *e, const char *id_text)
{
	return map_get(&e->runs, id_text);
}

void engine_add(struct engine *e, struct run *r)
{
	(void)map_put(&e->runs, r->id_text, r);
	engine_near_remove(e, r->id_text);
	run_schedule(r);
}

bool engine_has_place(const struct engine *e)
{
	return e->runs.count - e->resting < e->conf.active_max;
}

void engine_run_woken(struct engine *e, struct run *r)
{
	e->resting -= r->resting;
	r->resting = false;
}

static void engine_remove(struct engine *e, struct run *r)
{
	engine_run_woken(e, r);
	(void)map_remove(&e->runs, r->id_text);
	run_free(r);
	engine_load_more(e);
}

void engine_run_parked(struct engine *e, struct run *r, int64_t due)
{
	int64_t now = loop_wall_ms(e->conf.loop);
	bool soon = due && due - now <= KEEP_MS && r->op.state != RUN_IN_DOUBT;
	if (soon && e->resting < e->conf.active_max) {
		e->resting += !r->resting;
		r->resting = true;
		loop_timer_start(e->conf.loop, &r->timer, due > now ? due - now : 0);
		engine_load_more(e);
		return;
	}
	engine_near_add(e, r->id, due);
	engine_remove(e, r);
}

static void log_end(const struct run *r)
{
	const char *name = r->error ? json_str(r->error, "name") : NULL;
	const char *text = r->error ? json_str(r->error, "message") : NULL;
	const char *step = r->error ? json_str(r->error, "step") : NULL;
	log_line(r->state == RUN_FAILED ? LOG_WARN : LOG_DEBUG, "run_end", "run", r->id_text,
		 "rule", r->plan->rule, "state", run_state_name(r->state), "error", name, "step",
		 step, "text", text, NULL);
}

void engine_run_ended(struct engine *e, struct run *r)
{
	if (r->finished && !r->fenced) {
		e->stats.ended++;
		log_end(r);
	}
	engine_remove(e, r);
}

void engine_run_changed(struct engine *e, struct run *r, enum run_state state)
{
	if (state == RUN_IN_DOUBT)
		log_line(LOG_WARN, "run_in_doubt", "run", r->id_text, "rule", r->plan->rule, NULL);
	if (e->on_change)
		e->on_change(e->on_change_arg, r->id, r->plan->rule, state);
}

void engine_listen(struct engine *e,
		   void (*cb)(void *arg, struct id run, const char *rule, enum run_state state),
		   void *arg)
{
	e->on_change = cb;
	e->on_change_arg = arg;
}

void engine_begin_runs(struct engine *e, const struct store_accept *acc, struct event *ev,
		       struct plan **plans)
{
	for (size_t i = 0; i < acc->n_runs; i++) {
		const struct store_newrun *n = &acc->runs[i];
		if (n->due)
			engine_near_add(e, n->fate == FATE_JOINED ? n->into : n->id, n->due);
		if (n->fate != FATE_STARTED)
			continue;
		e->stats.started++;
		if (e->draining || !engine_has_place(e)) {
			e->backlog = true; /* queued in the store: read when there is a place */
			continue;
		}
		struct run *r = run_new(e, acc->runs[i].id, plans[i], ev, ev->received);
		r->epoch = acc->epoch;
		r->has_parent = !id_is_zero(n->parent);
		engine_add(e, r);
		if (n->failed_match)
			run_fail_born(r, json_loads(n->error, 0, NULL));
	}
}

/* ---- matching ---- */

static char *match_error(const struct match *m)
{
	json_t *error = error_new(m->msg.code, m->msg.text, "if");
	char *text = json_text(error);
	json_decref(error);
	return text;
}

static void add_run(struct engine *e, struct store_newrun *run, const struct match *m)
{
	*run = (struct store_newrun){
		.id = id_new(loop_clock(e->conf.loop), e->conf.rng),
		.rule = m->plan->rule,
		.plan_hash = m->plan->hash,
		.trigger = m->trigger ? m->trigger : "",
		.parent_path = "",
		.failed_match = m->failed,
		.error = m->failed ? match_error(m) : NULL,
		.start = m->start,
	};
}

void engine_wake(struct engine *e, const struct id *ids, size_t n, const struct run *self)
{
	char text[ID_TEXT_LEN];
	for (size_t i = 0; i < n; i++) {
		struct run *r = engine_find(e, id_format(ids[i], text));
		if (r && r != self && !r->finished)
			run_fetch_mail(r);
		else if (!r)
			engine_load(e, ids[i]);
	}
}

void engine_match(struct engine *e, struct event *ev, struct store_accept *acc,
		  struct plan ***plans)
{
	struct matches *m = &e->matches;
	m->n = 0;
	acc->runs = NULL;
	acc->n_runs = 0;
	*plans = NULL;
	if (ev->extra && json_int(event_envelope(ev), "depth", 0) > CHAIN_MAX)
		return;
	e->conf.match(e->conf.arg, ev, m);
	if (!m->n)
		return;
	acc->runs = mem_alloc(m->n * sizeof(*acc->runs));
	*plans = mem_alloc((m->n + 1) * sizeof(**plans));
	for (size_t i = 0; i < m->n; i++) {
		add_run(e, &acc->runs[i], &m->at[i]);
		(*plans)[i] = plan_ref(m->at[i].plan);
	}
	acc->n_runs = m->n;
}

/* ---- events ---- */

struct accepting {
	struct store_accept acc;
	struct link link; /* in engine->unshaped */
	struct engine *engine;
	struct event *ev;
	struct plan **plans;
	char ruleset[HASH_HEX_LEN]; /* a reload may come before the commit */
	accept_cb cb;
	void *arg;
};

static void accepting_free(struct accepting *a)
{
	for (struct plan **p = a->plans; p && *p; p++)
		plan_unref(*p);
	for (size_t i = 0; i < a->acc.n_runs; i++)
		newrun_done(&a->acc.runs[i]);
	free(a->plans);
	free(a->acc.runs);
	free((void *)a->acc.ev.keys);
	free(a->acc.woken);
	event_unref(a->ev);
	free(a);
}

static void answer(struct accepting *a)
{
	struct store_accept *acc = &a->acc;
	struct id *ids = acc->n_runs ? mem_alloc(acc->n_runs * sizeof(*ids)) : NULL;
	size_t n = 0;
	for (size_t i = 0; i < acc->n_runs; i++) {
		const struct store_newrun *r = &acc->runs[i];
		if (r->fate != FATE_ONCE && r->fate != FATE_AWAITED)
			ids[n++] = r->fate == FATE_JOINED ? r->into : r->id;
	}
	if (a->cb)
		a->cb(a->arg, acc->op.err, acc->duplicate, acc->duplicate ? acc->first : a->ev->id,
		      ids, acc->duplicate ? 0 : n);
	free(ids);
}

static void on_accepted(struct store_op *op)
{
	struct accepting *a =
		container_of(container_of(op, struct store_accept, op), struct accepting, acc);
	struct engine *e = a->engine;
	e->accepting--;
	if (!op->err && a->acc.duplicate)
		e->stats.duplicates++;
	if (!op->err && !a->acc.duplicate) {
		e->stats.accepted++;
		a->ev->seq = a->acc.ev.seq;
		engine_begin_runs(e, &a->acc, a->ev, a->plans);
		engine_wake(e, a->acc.woken, a->acc.n_woken, NULL);
	}
	answer(a);
	accepting_free(a);
}

static struct accepting *accepting_new(struct engine *e, struct event *ev, accept_cb cb, void *arg)
{
	struct accepting *a = mem_alloc(sizeof(*a));
	*a = (struct accepting){.engine = e, .ev = event_ref(ev), .cb = cb, .arg = arg};
	e->accepting++;
	a->acc.op = (struct store_op){.verb = STORE_ACCEPT, .cb = on_accepted};
	snprintf(a->ruleset, sizeof(a->ruleset), "%s", e->conf.ruleset(e->conf.arg));
	event_to_store(ev, a->ruleset, &a->acc.ev);
	return a;
}

static void accept_submit(struct accepting *a)
{
	struct engine *e = a->engine;
	if (e->shapes_due) {
		list_append(&e->unshaped, &a->link);
		return;
	}
	struct store_event *ev = &a->acc.ev;
	ev->n_keys = shapes_keys(&e->shapes, a->ev, (struct store_key **)&ev->keys);
	store_submit(e->conf.store, &a->acc.op);
}

static void accept_waiting(struct engine *e)
{
	for (struct link *l; (l = list_shift(&e->unshaped));)
		accept_submit(container_of(l, struct accepting, link));
}

static bool refuse(struct engine *e, accept_cb cb, void *arg, struct event *ev)
{
	int err = e->unkept                                          ? ERR_STORE
		  : e->draining || e->accepting >= e->conf.queue_max ? ERR_BUSY
								     : 0;
	if (err)
		cb(arg, err, false, ev->id, NULL, 0);
	return err != 0;
}

void engine_accept(struct engine *e, struct event *ev, accept_cb cb, void *arg)
{
	if (refuse(e, cb, arg, ev))
		return;
	struct accepting *a = accepting_new(e, ev, cb, arg);
	engine_match(e, ev, &a->acc, &a->plans);
	if (fault_is_on("EARLY_ANSWER")) {
		answer(a);
		a->cb = NULL;
	}
	accept_submit(a);
}

void engine_start_run(struct engine *e, struct plan *p, struct event *ev, accept_cb cb, void *arg)
{
	if (refuse(e, cb, arg, ev))
		return;
	struct accepting *a = accepting_new(e, ev, cb, arg);
	struct match m = {.plan = p, .trigger = ""};
	a->acc.runs = mem_alloc(sizeof(*a->acc.runs));
	a->acc.n_runs = 1;
	a->plans = mem_alloc(2 * sizeof(*a->plans));
	a->plans[0] = plan_ref(p);
	add_run(e, a->acc.runs, &m);
	accept_submit(a);
}

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
	*ret = e->stats;
	ret->in_memory = e->runs.count;
	ret->parked_near = e->near.count;
	ret->accepting = e->accepting;
}
