/* The run: its life in memory, its one state, and the loop that drives it. */
#include "engine/run/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/crash.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/timefmt.h"

#define FLUSH_RECORDS 64
#define FLUSH_BYTES (64 * 1024)
#define FLUSH_MS 1000
#define DEADLINE_NEAR_MS (60 * 1000)

#define MOVE(to) (1u << RUN_##to)
/* Which state may follow which: see the drawing in run.h. */
static const unsigned allowed_moves[RUN_STATES] = {
	[RUN_QUEUED] = MOVE(RUNNING) | MOVE(CANCELLED),
	[RUN_RUNNING] = MOVE(WAITING) | MOVE(RETRYING) | MOVE(HELD) | MOVE(IN_DOUBT) |
			MOVE(COMPLETED) | MOVE(FAILED) | MOVE(CANCELLED),
	[RUN_WAITING] = MOVE(RUNNING),
	[RUN_RETRYING] = MOVE(RUNNING),
	[RUN_HELD] = MOVE(RUNNING),
	[RUN_IN_DOUBT] = MOVE(RUNNING),
	[RUN_COMPLETED] = 0,
	[RUN_FAILED] = MOVE(QUEUED),
	[RUN_CANCELLED] = 0,
};

void run_move(struct run *r, enum run_state to)
{
	if (r->state == to)
		return;
	log_ring("run %s %s -> %s", r->id_text, run_state_name(r->state), run_state_name(to));
	assert(allowed_moves[r->state] & (1u << to));
	r->state = to;
}

/* ---- life ---- */

static void on_task(struct loop_task *t)
{
	struct run *r = container_of(t, struct run, task);
	crash_about(r->id_text);
	run_drive(r);
	crash_about(NULL);
}

static void on_timer(struct loop_timer *t)
{
	run_tick(container_of(t, struct run, timer));
}

static void run_make_info(struct run *r)
{
	const char *base = engine_conf(r->engine)->public_url;
	char at[TIME_TEXT_LEN];
	r->info = json_pack("{s:s, s:s, s:i, s:s}", "id", r->id_text, "rule", r->plan->rule,
			    "attempt", 1, "started", time_format(r->created, at));
	if (base)
		json_object_set_new(r->info, "url", json_sprintf("%s/#/runs/%s", base, r->id_text));
}

/* The rule itself is the outermost try. */
static void run_make_root(struct run *r)
{
	r->root_args = (struct try_args){r->plan->body, r->plan->catches, r->plan->finally};
	r->root_step = (struct step){.kind = &kind_try,
				     .key = "",
				     .args = &r->root_args,
				     .timeout_ms = r->plan->timeout_ms};
	r->root = act_new(r, NULL, &r->root_step);
	act_make_ready(r->root);
}

struct run *run_new(struct engine *e, struct id id, struct plan *p, struct event *ev,
		    int64_t created)
{
	struct run *r = mem_alloc(sizeof(*r));
	r->engine = e;
	r->id = id;
	id_format(id, r->id_text);
	r->plan = plan_ref(p);
	r->event = event_ref(ev);
	r->created = created;
	r->steps = json_object();
	r->state = RUN_QUEUED;
	r->task.cb = on_task;
	r->timer.cb = on_timer;
	list_init(&r->ready);
	list_init(&r->acts);
	run_make_info(r);
	run_make_root(r);
	return r;
}

void run_free(struct run *r)
{
	while (!list_empty(&r->acts)) /* the youngest first: a frame goes with its owner */
		act_free(container_of(r->acts.prev, struct act, link));
	list_remove(&r->link);
	list_remove(&r->task.link);
	loop_timer_stop(engine_conf(r->engine)->loop, &r->timer);
	loop_timer_stop(engine_conf(r->engine)->loop, &r->again);
	fold_done(&r->fold);
	mailbox_done(&r->mail);
	json_decref(r->events);
	json_decref(r->undos);
	free(r->telling);
	run_drop_emitted(r->emitted, r->buf.n_emits);
	run_drop_emitted(r->emitting, r->sent.n_emits);
	jbuf_done(&r->buf);
	jbuf_done(&r->sent);
	json_decref(r->steps);
	json_decref(r->info);
	json_decref(r->now);
	json_decref(r->error);
	json_decref(r->result);
	event_unref(r->event);
	plan_unref(r->plan);
	free(r);
}

void run_schedule(struct run *r)
{
	loop_defer(engine_conf(r->engine)->loop, &r->task);
}

/* ---- records ---- */

void run_record(struct run *r, const char *path, enum rec_type type, const json_t *body)
{
	if (!r->buf.n)
		r->buffered_at = r->turn_ms;
	jbuf_add(&r->buf, ++r->n, type, path, r->turn_ms, body);
}

/* ---- the end ---- */

static const char *error_name(const json_t *error)
{
	const char *name = error ? json_str(error, "name") : NULL;
	return name ? name : "";
}

static enum run_state end_state(const struct run *r)
{
	if (!r->error || strcmp(error_name(r->error), "stop") == 0)
		return RUN_COMPLETED;
	if (r->cancelling && strcmp(error_name(r->error), "cancelled") == 0)
		return RUN_CANCELLED;
	return RUN_FAILED;
}

/* E: the state, and why. */
void run_finish(struct run *r, json_t *error)
{
	r->error = error;
	r->finished = true;
	enum run_state state = end_state(r);
	json_t *body = json_pack("{s:s}", "state", run_state_name(state));
	if (state == RUN_COMPLETED && error)
		json_object_set(body, "reason", json_object_get(error, "message"));
	else if (error)
		json_object_set(body, "error", error);
	if (r->result)
		json_object_set(body, "result", r->result);
	run_record(r, "", REC_END, body);
	run_announce(r, body);
	if (r->has_parent) {
		json_object_set_new(body, "id", json_string(r->id_text));
		r->telling = json_text(body);
	}
	json_decref(body);
}

/* ---- cancel and time ---- */

static void interrupt_leaves(struct run *r)
{
	list_each_safe (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		if (act_is_leaf(a) && !act_is_shielded(a))
			act_interrupt(a, error_new(ERR_CANCELLED, "the run was cancelled", NULL));
	}
}

static void record_cancel(struct run *r)
{
	r->cancelling = true;
	run_record(r, "", REC_CANCEL, NULL);
	r->cancel_n = r->n;
}

void run_cancel(struct run *r)
{
	if (r->cancelling || r->finished)
		return;
	r->turn_ms = loop_wall_ms(engine_conf(r->engine)->loop);
	record_cancel(r);
	interrupt_leaves(r);
	run_schedule(r);
}

/* A step whose deadline is over ends as `timeout`: the innermost steps inside it are stopped. */
static void expire(struct run *r, struct act *late)
{
	json_t *d = json_pack("{s:i}", "deadline", 0);
	run_record(r, late->path, REC_DECISION, d);
	json_decref(d);
	list_each_safe (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		if (!act_is_leaf(a))
			continue;
		for (struct act *up = a; up; up = up->frame ? up->frame->owner : NULL)
			if (up == late) {
				act_interrupt(a, error_new(ERR_TIMEOUT, "the step's time is over",
							   late->step->name));
				break;
			}
	}
	late->deadline = 0;
}

void run_tick(struct run *r)
{
	int64_t now = r->turn_ms = loop_wall_ms(engine_conf(r->engine)->loop);
	list_each_safe (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		if (a->deadline > 0 && a->deadline <= now)
			expire(r, a);
		else if (a->at == ACT_PARKED && a->due && a->due <= now)
			act_make_ready(a);
	}
	run_schedule(r);
}

void run_wake_held(struct run *r)
{
	list_each_safe (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		if (a->at == ACT_PARKED && a->park_state == RUN_HELD)
			act_make_ready(a);
	}
	run_schedule(r);
}

/* ---- driving ---- */

struct standing {
	bool barrier, parked, deadline;
	enum run_state state;
	int64_t due;
};

static void earlier(int64_t *due, int64_t other)
{
	if (other > 0 && (!*due || other < *due))
		*due = other;
}

/* What all its activations wait for, taken together. */
static struct standing run_standing(const struct run *r)
{
	struct standing s = {.state = RUN_WAITING};
	list_each (l, &r->acts) {
		const struct act *a = container_of(l, struct act, link);
		earlier(&s.due, a->deadline);
		if (a->at == ACT_BARRIER)
			s.barrier = true;
		if (a->at != ACT_PARKED)
			continue;
		s.parked = true;
		earlier(&s.due, a->due);
		if (a->park_state == RUN_IN_DOUBT || s.state == RUN_WAITING)
			s.state = a->park_state;
	}
	return s;
}

/* While something is in flight only deadlines and the late flush need a timer. */
static void run_arm_timer(struct run *r, int64_t due)
{
	struct loop *loop = engine_conf(r->engine)->loop;
	int64_t delay = r->buf.n ? r->buffered_at + FLUSH_MS - r->turn_ms : DEADLINE_NEAR_MS;
	if (due && due - r->turn_ms < delay)
		delay = due - r->turn_ms;
	if (due || r->buf.n)
		loop_timer_start(loop, &r->timer, delay > 0 ? delay : 0);
}

static bool must_flush(const struct run *r)
{
	return r->buf.n >= FLUSH_RECORDS || r->buf.bytes >= FLUSH_BYTES ||
	       (r->buf.n && r->turn_ms - r->buffered_at >= FLUSH_MS);
}

/*
 * Nothing is ready any more: at a barrier, an end or a park the records go to the store; while calls
 * are in flight they may wait for company, within bounds.
 */
static void run_settle(struct run *r)
{
	if (r->appending)
		return; /* goes on when that commit is done */
	struct standing s = run_standing(r);
	if (r->finished) {
		run_move(r, end_state(r));
		run_commit(r, r->state, 0);
	} else if (s.barrier) {
		run_commit(r, RUN_RUNNING, 0);
	} else if (!r->flying) {
		assert(s.parked);
		run_move(r, s.state);
		run_commit(r, s.state, s.due);
	} else if (must_flush(r)) {
		run_commit(r, RUN_RUNNING, 0);
	} else {
		run_arm_timer(r, s.due);
	}
}

static void run_begin_turn(struct run *r)
{
	r->turn_ms = loop_wall_ms(engine_conf(r->engine)->loop);
	json_decref(r->now);
	r->now = json_integer(r->turn_ms / 1000);
	json_object_set_new(r->info, "elapsed", json_integer((r->turn_ms - r->created) / 1000));
}

/* While the service drains, what is under way is recorded, and no further step begins. */
static void run_drain(struct run *r)
{
	list_each_safe (l, &r->ready) {
		struct act *a = container_of(l, struct act, ready);
		if (!a->started)
			continue;
		list_remove(&a->ready);
		act_turn(a);
	}
	if (!r->appending && (r->finished || run_standing(r).barrier))
		run_settle(r);
	else if (!r->appending && !r->flying && r->buf.n)
		run_commit(r, RUN_RUNNING, 0);
}

void run_drive(struct run *r)
{
	struct link *l;
	engine_run_woken(r->engine, r);
	if (r->fenced) {
		if (!r->flying && !r->appending)
			engine_run_ended(r->engine, r);
		return;
	}
	run_begin_turn(r);
	if (!list_empty(&r->ready))
		run_move(r, RUN_RUNNING);
	if (r->engine->draining) {
		run_drain(r);
		return;
	}
	if (r->cancel_asked && !r->finished && !r->cancelling)
		record_cancel(
			r); /* asked while it was away: each step learns of it when it begins */
	r->cancel_asked = false;
	while ((l = list_shift(&r->ready)))
		act_turn(container_of(l, struct act, ready));
	run_settle(r);
}

void run_fail_now(struct run *r, json_t *error)
{
	run_begin_turn(r);
	run_move(r, RUN_RUNNING);
	while (list_shift(&r->ready))
		;
	run_finish(r, error);
	run_settle(r);
}

void run_fail_born(struct run *r, json_t *error)
{
	r->n = r->durable_n = 1;
	run_fail_now(r, error);
}
