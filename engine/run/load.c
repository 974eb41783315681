/* Reading runs back: from the store's rows to a run that stands where its journal ends. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/crash.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/run/run.h"

#define LOADS_MAX 64 /* asked of the store at once */
#define PUT_AGAIN_MS 500
#define CRASHES_MAX 3

/* A run on its way into memory: first its rows, then its plan when that is not at hand. */
struct loading {
	struct store_load load;
	struct store_get_source source;
	struct store_append close; /* of its window */
	struct engine *engine;
	struct link link; /* in engine->to_load while it waits for a place */
	struct id run;
	char id_text[ID_TEXT_LEN];
};

static void loading_free(struct loading *l)
{
	(void)map_remove(&l->engine->loading, l->id_text);
	list_remove(&l->link);
	if (l->load.loaded)
		store_loaded_free(l->load.loaded);
	free(l->source.text);
	free(l);
}

/* ---- plans ---- */

struct plan *engine_plan(struct engine *e, const char *hash)
{
	return map_get(&e->plans, hash);
}

void engine_keep_plan(struct engine *e, struct plan *p)
{
	for (size_t i = 0; i < p->n_shapes; i++)
		shapes_add(&e->shapes, p->shapes[i]);
	plan_unref(map_put(&e->plans, p->hash, plan_ref(p)));
}

struct put_source {
	struct store_put_source op;
	struct plan *plan;
	struct engine *engine;
	struct loop_timer again;
	bool failed;
};

static void put_submit(struct put_source *p);

static void on_put_again(struct loop_timer *t)
{
	put_submit(container_of(t, struct put_source, again));
}

/* Until a plan is kept no event is accepted: its runs could not be read again. */
static void on_put(struct store_op *op)
{
	struct put_source *p =
		container_of(container_of(op, struct store_put_source, op), struct put_source, op);
	struct engine *e = p->engine;
	e->unkept -= p->failed;
	p->failed = op->err != 0;
	e->unkept += p->failed;
	if (p->failed) {
		log_line(LOG_ERROR, "rule_not_kept", "rule", p->plan->rule, "text", op->msg.text,
			 NULL);
		p->again.cb = on_put_again;
		loop_timer_start(e->conf.loop, &p->again, PUT_AGAIN_MS);
		return;
	}
	plan_unref(p->plan);
	free(p);
}

static void put_submit(struct put_source *p)
{
	p->op = (struct store_put_source){.op = {.verb = STORE_PUT_SOURCE, .cb = on_put},
					  .hash = p->plan->hash,
					  .text = p->plan->bundle,
					  .len = p->plan->bundle_len};
	store_submit(p->engine->conf.store, &p->op.op);
}

void engine_put_plan(struct engine *e, struct plan *p)
{
	if (engine_plan(e, p->hash))
		return;
	engine_keep_plan(e, p);
	struct put_source *put = mem_alloc(sizeof(*put));
	*put = (struct put_source){.plan = plan_ref(p), .engine = e};
	put_submit(put);
}

/* ---- from rows to a run ---- */

static void log_unreadable(const struct loading *l, const char *why)
{
	log_line(LOG_ERROR, "run_unreadable", "run", l->id_text, "text", why, NULL);
}

/* The service has crashed over it so often that nothing else is to be expected of it. */
static bool is_poison(const struct engine *e, const char *id_text)
{
	return e->conf.crashes && e->conf.crashes(id_text) >= CRASHES_MAX;
}

/* What its window has gathered: `events`. */
static json_t *gathered(const struct store_loaded *s)
{
	json_t *list = s->n_events ? json_array() : NULL;
	struct errmsg msg;
	for (size_t i = 0; i < s->n_events; i++) {
		struct event *ev = event_from_store(&s->events[i], &msg);
		if (ev)
			json_array_append(list, event_envelope(ev));
		event_unref(ev);
	}
	return list;
}

static bool must_cancel(const struct store_loaded *s, const struct run *r)
{
	return s->cancel_at && !r->fold.cancelled;
}

/* Its rule's condition raised this error, and nothing else has happened to it; or NULL. */
static json_t *born_error(const struct store_loaded *s)
{
	json_auto_t *body = NULL;
	const struct store_rec *first = s->recs;
	if (s->last_n != 1 || first->type != REC_DECISION || *first->path ||
	    json_parse(first->body, first->len, true, &body, NULL) != 0)
		return NULL;
	return json_incref(json_object_get(body, "born"));
}

static void begin(struct loading *l, struct plan *p)
{
	struct store_loaded *s = l->load.loaded;
	struct engine *e = l->engine;
	struct errmsg msg = {0};
	struct event *ev = event_from_store(&s->ev, &msg);
	if (!ev) {
		log_unreadable(l, msg.text);
		return;
	}
	struct run *r = run_new(e, l->run, p, ev, s->created);
	event_unref(ev);
	r->epoch = s->epoch;
	r->n = r->durable_n = s->last_n;
	if (fold_load(&r->fold, s->recs, s->n_recs, &msg) != 0) {
		log_unreadable(l, msg.text);
		run_free(r);
		return;
	}
	undo_load(r);
	r->cancelling = r->fold.cancelled != 0;
	r->cancel_n = r->fold.cancelled;
	r->has_parent = !id_is_zero(s->parent);
	r->events = gathered(s);
	mailbox_take(&r->mail, s);
	engine_add(e, r);
	if (is_poison(e, l->id_text)) {
		log_line(LOG_ERROR, "run_poison", "run", l->id_text, "rule", p->rule, "text",
			 err_text(ERR_POISON), NULL);
		run_fail_now(r, error_new(ERR_POISON, err_text(ERR_POISON), NULL));
	}
	json_t *born = born_error(s);
	if (born)
		run_fail_born(r, born);
	if (must_cancel(s, r))
		r->cancel_asked = true;
}

static void begin_noted(struct loading *l, struct plan *p)
{
	crash_about(l->id_text);
	begin(l, p);
	crash_about(NULL);
}

static void on_source(struct store_op *op)
{
	struct loading *l =
		container_of(container_of(op, struct store_get_source, op), struct loading, source);
	struct engine *e = l->engine;
	struct errmsg msg = op->msg;
	struct plan *p =
		op->err ? NULL
			: e->conf.plan_load(e->conf.arg, l->source.text, l->source.len, &msg);
	if (p) {
		engine_keep_plan(e, p);
		begin_noted(l, p);
		plan_unref(p);
	} else {
		log_unreadable(l, msg.text);
	}
	loading_free(l);
	engine_load_more(e);
}

static void load_plan(struct loading *l)
{
	l->source = (struct store_get_source){.op = {.verb = STORE_GET_SOURCE, .cb = on_source},
					      .hash = l->load.loaded->plan_hash};
	store_submit(l->engine->conf.store, &l->source.op);
}

/* ---- runs that may not start yet ---- */

static void start_load(struct loading *l);

static void on_closed(struct store_op *op)
{
	struct loading *l =
		container_of(container_of(op, struct store_append, op), struct loading, close);
	struct engine *e = l->engine;
	e->asked--;
	engine_wake(e, l->close.woken, l->close.n_woken, NULL);
	free(l->close.woken);
	if (!op->err && !l->close.held && !e->draining) {
		start_load(l); /* with all that lies in it */
		return;
	}
	loading_free(l);
	engine_load_more(e);
}

/* Nothing goes into its window any more, and it asks for its place. */
static void close_window(struct loading *l)
{
	l->close = (struct store_append){.op = {.verb = STORE_APPEND, .cb = on_closed},
					 .run = l->run,
					 .epoch = l->load.loaded->epoch,
					 .expect_n = l->load.loaded->last_n,
					 .state = RUN_QUEUED};
	store_loaded_free(l->load.loaded);
	l->load.loaded = NULL;
	l->engine->asked++;
	store_submit(l->engine->conf.store, &l->close.op);
}

/* True: it stays in the store for now, or comes back here when its window is closed. */
static bool may_not_start(struct loading *l)
{
	struct store_loaded *s = l->load.loaded;
	struct engine *e = l->engine;
	bool early = !s->due || s->due > loop_wall_ms(e->conf.loop);
	if (s->cancel_at || !(s->collecting || s->stands))
		return false;
	if (s->collecting && !early) {
		close_window(l);
		return true;
	}
	if (!early)
		return false;
	engine_near_add(e, l->run, s->due);
	loading_free(l);
	engine_load_more(e);
	return true;
}

static void on_loaded(struct store_op *op)
{
	struct loading *l =
		container_of(container_of(op, struct store_load, op), struct loading, load);
	struct engine *e = l->engine;
	struct store_loaded *s = l->load.loaded;
	e->asked--;
	if (op->err && op->err != ERR_NOT_FOUND)
		log_unreadable(l, op->msg.text);
	if (op->err || s->ended || e->draining) {
		loading_free(l);
		engine_load_more(e);
		return;
	}
	if (may_not_start(l))
		return;
	struct plan *p = engine_plan(e, s->plan_hash);
	if (!p) {
		load_plan(l);
		return;
	}
	begin_noted(l, p);
	loading_free(l);
	engine_load_more(e);
}

static bool has_place(const struct engine *e)
{
	return engine_has_place(e) && e->asked < LOADS_MAX;
}

static void start_load(struct loading *l)
{
	list_remove(&l->link);
	l->engine->asked++;
	l->load.loaded = NULL;
	l->load = (struct store_load){.op = {.verb = STORE_LOAD, .cb = on_loaded}, .run = l->run};
	store_submit(l->engine->conf.store, &l->load.op);
}

void engine_load(struct engine *e, struct id run)
{
	char text[ID_TEXT_LEN];
	id_format(run, text);
	if (e->draining || engine_find(e, text) || map_get(&e->loading, text))
		return;
	struct loading *l = mem_alloc(sizeof(*l));
	*l = (struct loading){.engine = e, .run = run};
	memcpy(l->id_text, text, sizeof(text));
	(void)map_put(&e->loading, l->id_text, l);
	list_append(&e->to_load, &l->link);
	engine_load_more(e);
}

void engine_load_more(struct engine *e)
{
	while (!e->draining && !list_empty(&e->to_load) && has_place(e))
		start_load(container_of(e->to_load.next, struct loading, link));
	if (list_empty(&e->to_load) && e->runs.count - e->resting <= e->conf.active_max / 2)
		engine_refill_backlog(e);
}

/* Those that only wait for a place; what was asked of the store comes back to its callback. */
void engine_drop_loads(struct engine *e)
{
	while (!list_empty(&e->to_load))
		loading_free(container_of(e->to_load.next, struct loading, link));
}

/* ---- held runs ---- */

struct wake_held {
	struct store_query query;
	struct engine *engine;
};

static void wake_page(struct wake_held *w, uint64_t before);

static void wake_one(struct engine *e, const char *text)
{
	struct id id;
	struct run *r = text ? engine_find(e, text) : NULL;
	if (r && r->resting)
		run_wake_held(r);
	else if (text && !r && id_parse(text, &id))
		engine_load(e, id);
}

static void on_held(struct store_op *op)
{
	struct wake_held *w =
		container_of(container_of(op, struct store_query, op), struct wake_held, query);
	struct engine *e = w->engine;
	const json_t *row;
	size_t i;
	e->asked--;
	json_array_foreach (json_object_get(w->query.result, "runs"), i, row)
		wake_one(e, json_str(row, "id"));
	uint64_t next = (uint64_t)json_int(w->query.result, "next", 0);
	json_decref(w->query.result);
	if (!op->err && next && !e->draining)
		wake_page(w, next);
	else
		free(w);
}

static void wake_page(struct wake_held *w, uint64_t before)
{
	w->engine->asked++;
	w->query = (struct store_query){.op = {.verb = STORE_QUERY, .cb = on_held},
					.view = VIEW_RUNS,
					.state = RUN_HELD,
					.before = before,
					.limit = 1000};
	store_submit(w->engine->conf.store, &w->query.op);
}

void engine_wake_held(struct engine *e)
{
	struct wake_held *w = mem_alloc(sizeof(*w));
	w->engine = e;
	wake_page(w, 0);
}
