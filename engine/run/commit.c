/* A run's records on their way into the store, and what goes on once they are there. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/run/run.h"

#define APPEND_AGAIN_MS 500

/* ---- events that records name ---- */

void run_drop_emitted(struct emitted *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		event_unref(e[i].ev);
		for (struct plan **p = e[i].plans; p && *p; p++)
			plan_unref(*p);
		free(e[i].plans);
	}
	free(e);
}

static char *copy(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

/* The store borrows until the commit, and the event may be shared: the verb owns its texts. */
static void own_texts(struct store_event *ev)
{
	ev->source = copy(ev->source);
	ev->ext_id = copy(ev->ext_id);
	ev->type = copy(ev->type);
	ev->subject = copy(ev->subject);
	ev->headers = copy(ev->headers);
	ev->body = copy(ev->body);
	ev->ruleset = copy(ev->ruleset);
}

/* Room for one more, with its event. */
static struct store_accept *emit_add(struct run *r, struct event *ev)
{
	struct jbuf *b = &r->buf;
	if (b->n_emits == b->cap_emits) {
		b->cap_emits = b->cap_emits ? 2 * b->cap_emits : 4;
		b->emits = mem_realloc(b->emits, b->cap_emits * sizeof(*b->emits));
	}
	r->emitted = mem_realloc(r->emitted, (b->n_emits + 1) * sizeof(*r->emitted));
	struct store_accept *acc = &b->emits[b->n_emits];
	struct emitted *em = &r->emitted[b->n_emits++];
	*acc = (struct store_accept){.op.verb = STORE_ACCEPT};
	*em = (struct emitted){.ev = ev};
	event_to_store(ev, engine_conf(r->engine)->ruleset(engine_conf(r->engine)->arg), &acc->ev);
	own_texts(&acc->ev);
	return acc;
}

/* Matched when it is emitted; accepted in the commit of the record that names it. */
void run_emit(struct run *r, struct event *ev)
{
	struct store_accept *acc = emit_add(r, ev);
	engine_match(r->engine, ev, acc, &r->emitted[r->buf.n_emits - 1].plans);
	acc->ev.n_keys = shapes_keys(&r->engine->shapes, ev, (struct store_key **)&acc->ev.keys);
}

void run_emit_if_wanted(struct run *r, struct event *ev)
{
	run_emit(r, ev);
	struct store_accept *acc = &r->buf.emits[r->buf.n_emits - 1];
	if (acc->n_runs || acc->ev.n_keys)
		return;
	r->buf.n_emits--;
	emit_done(acc);
	event_unref(ev);
}

void run_emit_child(struct run *r, struct event *ev, struct plan *p, struct id id, const char *path)
{
	struct store_accept *acc = emit_add(r, ev);
	struct plan **plans = mem_alloc(2 * sizeof(struct plan *));
	acc->runs = mem_alloc(sizeof(*acc->runs));
	acc->n_runs = 1;
	acc->runs[0] = (struct store_newrun){.id = id,
					     .rule = p->rule,
					     .plan_hash = p->hash,
					     .trigger = "",
					     .parent = path ? r->id : (struct id){{0}},
					     .parent_path = path ? path : ""};
	plans[0] = plan_ref(p);
	r->emitted[r->buf.n_emits - 1].plans = plans;
}

/* ---- the commit ---- */

static void on_recorded(struct store_op *op);

static void run_submit(struct run *r)
{
	r->appending = true;
	r->op.op = (struct store_op){.verb = STORE_APPEND, .cb = on_recorded};
	r->op.recs = r->sent.recs;
	r->op.n_recs = r->sent.n;
	r->op.emits = r->sent.emits;
	r->op.n_emits = r->sent.n_emits;
	r->op.claims = r->sent.claims;
	r->op.n_claims = r->sent.n_claims;
	r->op.waits = r->sent.waits;
	r->op.n_waits = r->sent.n_waits;
	r->op.judged = r->sent.judged;
	r->op.n_judged = r->sent.n_judged;
	r->op.memory = r->sent.memory;
	r->op.n_memory = r->sent.n_memory;
	r->op.mark = r->sent.mark;
	r->op.tell_parent = r->finished ? r->telling : NULL;
	store_submit(engine_conf(r->engine)->store, &r->op.op);
}

void run_commit(struct run *r, enum run_state state, int64_t due)
{
	struct jbuf empty = r->sent; /* its memory is used again */
	r->sent = r->buf;
	r->buf = empty;
	r->emitting = r->emitted;
	r->emitted = NULL;
	r->barrier++;
	r->op = (struct store_append){.run = r->id,
				      .epoch = r->epoch,
				      .expect_n = r->durable_n,
				      .state = state,
				      .due = due};
	loop_timer_stop(engine_conf(r->engine)->loop, &r->timer);
	run_submit(r);
}

static void wake_barriers(struct run *r)
{
	list_each_safe (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		if (a->at == ACT_BARRIER && a->barrier <= r->barrier)
			act_make_ready(a);
	}
}

/* The activation that waits to hear whether a claim was granted, or NULL: it is a mere note. */
static struct act *claimer(struct run *r, const struct store_claim *c)
{
	list_each (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		if (a->at == ACT_BARRIER && strcmp(c->path, a->path) == 0)
			return a;
	}
	return NULL;
}

static bool is_note(void *arg, const struct store_claim *c)
{
	return !claimer(arg, c);
}

/*
 * Someone else has one of the ids: the rest is appended, and the claimers are told. Claims that nobody
 * waits for stay in it, unless it is one of them that was lost.
 */
static void on_claimed(struct run *r)
{
	size_t before = r->sent.n_claims;
	for (size_t i = 0; i < before; i++) {
		const struct store_claim *c = &r->sent.claims[i];
		struct act *a = c->release ? NULL : claimer(r, c);
		if (a)
			a->claim_lost = true;
	}
	jbuf_drop_claims(&r->sent, is_note, r);
	if (r->sent.n_claims == before)
		jbuf_drop_claims(&r->sent, NULL, NULL);
	run_submit(r);
}

static void on_again(struct loop_timer *t)
{
	run_submit(container_of(t, struct run, again));
}

static void on_append_failed(struct run *r)
{
	const struct errmsg *msg = &r->op.op.msg;
	if (r->op.op.err == ERR_CLAIMED) {
		on_claimed(r);
		return;
	}
	log_line(r->op.op.err == ERR_FENCED ? LOG_WARN : LOG_ERROR, "append_failed", "run",
		 r->id_text, "error", err_name(r->op.op.err), "text", msg->text, NULL);
	if (r->op.op.err == ERR_FENCED || r->op.op.err == ERR_NOT_FOUND) {
		r->fenced = true;
		r->appending = false;
		run_schedule(r);
		return;
	}
	/* The store is in trouble: nothing is lost and nothing new is sent until it takes this. */
	r->again.cb = on_again;
	loop_timer_start(engine_conf(r->engine)->loop, &r->again, APPEND_AGAIN_MS);
}

static void begin_emitted(struct run *r)
{
	size_t n = r->sent.n_emits;
	for (size_t i = 0; i < n; i++)
		if (!r->sent.emits[i].duplicate)
			engine_begin_runs(r->engine, &r->sent.emits[i], r->emitting[i].ev,
					  r->emitting[i].plans);
	run_drop_emitted(r->emitting, n);
	r->emitting = NULL;
}

/* What the store made of a memory is what the record says of it. */
static void take_memory(struct run *r, const struct store_memory *m)
{
	const char *path = r->sent.recs[m->rec].path;
	list_each (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		const struct jrec *d = strcmp(a->path, path)
					       ? NULL
					       : jpath_last_with(&a->j, REC_DECISION, "memory");
		if (d)
			json_object_set_new(d->body, "memory",
					    json_loads(m->outcome, JSON_DECODE_ANY, NULL));
	}
}

static void take_outcomes(struct run *r)
{
	for (size_t i = 0; i < r->sent.n_memory; i++)
		take_memory(r, &r->sent.memory[i]);
	mailbox_sweep(&r->mail, r->sent.judged, r->sent.n_judged);
	engine_wake(r->engine, r->op.woken, r->op.n_woken, r);
	free(r->op.woken);
	r->op.woken = NULL;
}

/* Rows that are still to come from the store. */
static bool has_mail(const struct run *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->mail.n; i++)
		n += !r->mail.at[i].judged;
	return r->op.inbox > n;
}

static void on_recorded(struct store_op *op)
{
	struct run *r = container_of(container_of(op, struct store_append, op), struct run, op);
	if (op->err) {
		on_append_failed(r);
		return;
	}
	r->appending = false;
	r->durable_n += (uint32_t)r->sent.n;
	begin_emitted(r);
	step_tell_released(&r->sent);
	take_outcomes(r);
	jbuf_clear(&r->sent);
	engine_run_changed(r->engine, r, r->op.state);
	if (run_state_is_end(r->op.state)) {
		engine_run_ended(r->engine, r);
		return;
	}
	wake_barriers(r);
	if (has_mail(r))
		run_fetch_mail(r);
	if (r->op.cancel_asked)
		run_cancel(r);
	if (list_empty(&r->ready) && r->op.state != RUN_RUNNING && !r->flying)
		engine_run_parked(r->engine, r, r->op.due);
	else
		run_schedule(r);
}
