/* One activation of a step: its turn, how it ends, and what happens next. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/run/run.h"

static json_t *act_scope_get(const struct scope *s, const char *name)
{
	const struct act *a = container_of(s, struct act, scope);
	return scope_lookup(a->run, a->frame, name);
}

/* "do.3/each#17/do.1": the frame's prefix and the step's own segment. */
static char *act_make_path(const struct frame *f, const struct step *s)
{
	return f ? mem_printf("%s%s", f->prefix, s->key) : mem_strdup("");
}

struct act *act_new(struct run *r, struct frame *f, const struct step *s)
{
	struct act *a = mem_alloc(sizeof(*a) + s->kind->state_size);
	a->run = r;
	a->frame = f;
	a->step = s;
	a->path = act_make_path(f, s);
	a->scope.get = act_scope_get;
	a->state = s->kind->state_size ? a + 1 : NULL;
	a->attempt = 1;
	a->at = ACT_ENTERED; /* nowhere yet */
	arena_init(&a->arena, 0);
	list_init(&a->frames);
	list_append(&r->acts, &a->link);
	return a;
}

void act_free(struct act *a)
{
	if (!a)
		return;
	if (a->step->kind->drop)
		a->step->kind->drop(a);
	list_remove(&a->ready);
	list_remove(&a->link);
	if (a->at == ACT_FLYING)
		a->run->flying--;
	jpath_done(&a->j);
	arena_done(&a->arena);
	json_decref(a->interrupt);
	json_decref(a->late);
	json_decref(a->result);
	json_decref(a->error);
	json_decref(a->meta);
	json_decref(a->outer);
	json_decref(a->child_error);
	json_decref(a->child_result);
	json_decref(a->child_names);
	json_decref(a->child_told);
	json_decref(a->child_sets);
	json_decref(a->child_view);
	while (!list_empty(&a->frames))
		frame_free(container_of(a->frames.next, struct frame, link));
	free(a->path);
	free(a);
}

/* The one place that changes how an activation stands, so that `flying` is always right. */
static void act_put(struct act *a, enum act_at at)
{
	if (a->at == ACT_FLYING)
		a->run->flying--;
	if (at == ACT_FLYING)
		a->run->flying++;
	a->at = at;
}

void act_make_ready(struct act *a)
{
	if (a->at == ACT_READY)
		return;
	act_put(a, ACT_READY);
	list_append(&a->run->ready, &a->ready);
	run_schedule(a->run);
}

bool act_is_leaf(const struct act *a)
{
	list_each (l, &a->frames)
		if (!container_of(l, struct frame, link)->over)
			return false;
	return true;
}

struct frame *act_newest(const struct act *a)
{
	return container_of(a->frames.prev, struct frame, link);
}

bool act_is_shielded(const struct act *a)
{
	for (const struct frame *f = a->frame; f; f = f->owner->frame)
		if (f->shielded)
			return true;
	return false;
}

bool act_is_called_off(const struct act *a)
{
	for (const struct frame *f = a->frame; f; f = f->owner->frame)
		if (f->shielded || f->stopped)
			return f->stopped;
	return a->run->cancelling && a->frame;
}

bool act_is_stopped(const struct act *a)
{
	return a->late || act_is_called_off(a);
}

json_t *error_new(int err, const char *message, const char *step)
{
	json_t *e = json_object();
	json_object_set_new(e, "name", json_string(err_name(err)));
	json_t *text = json_string(message);
	json_object_set_new(e, "message", text ? text : json_string(err_text(err)));
	if (step)
		json_object_set_new(e, "step", json_string(step));
	return e;
}

bool error_is(const json_t *error, const char *name)
{
	const char *n = json_str(error, "name");
	return n && strcmp(n, name) == 0;
}

/* ---- how it ends ---- */

static void act_tell_meta(struct act *a, const char *outcome)
{
	if (!a->step->name)
		return;
	if (!a->meta)
		a->meta = json_object();
	json_object_set_new(a->meta, "outcome", json_string(outcome));
	frame_tell(a->frame, a->step->name, a->meta);
}

/* Names and result become visible, the activation is gone, the next step of its block comes. */
static void act_leave(struct act *a, json_t *result, const char *outcome)
{
	struct frame *f = a->frame;
	struct run *r = a->run;
	r->engine->stats.steps++;
	if (!f) {
		r->result = json_incref(result);
		r->root = NULL;
		act_free(a);
		run_finish(r, NULL);
		return;
	}
	act_tell_meta(a, outcome);
	if (a->step->name)
		frame_set(f, a->step->name, json_incref(result), false);
	json_decref(f->result);
	f->result = json_incref(result);
	act_free(a);
	frame_next(f);
}

/* Names that `set` made, or that iterations changed outside themselves. */
static void act_apply_names(struct act *a, const json_t *names)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)names, key, value)
		frame_set(a->frame, key, json_incref(value), true);
}

/* When it began and ended: for expressions, and for whoever looks at the run later. */
static void act_tell_times(struct act *a)
{
	char at[TIME_TEXT_LEN];
	int64_t began = a->began ? a->began : a->run->turn_ms;
	if (!a->step->name && !a->meta)
		return;
	step_meta(a, "started", json_string(time_format(began, at)));
	step_meta(a, "ended", json_string(time_format(a->run->turn_ms, at)));
}

static json_t *try_new(int64_t ms, const json_t *status, const json_t *error)
{
	char at[TIME_TEXT_LEN];
	json_t *t = json_pack("{s:s}", "at", time_format(ms, at));
	if (status)
		json_object_set(t, "status", (json_t *)status);
	if (json_object_get(error, "name"))
		json_object_set(t, "error", json_object_get(error, "name"));
	return t;
}

/* steps.NAME.tries: how each attempt of a kind that counts them ended, the last one included. */
static void act_tell_tries(struct act *a)
{
	json_t *tries;
	if (!a->step->name || !json_object_get(a->meta, "attempts"))
		return;
	tries = json_array();
	for (const struct jrec *r = a->j.first; r; r = r->next) {
		const json_t *error = json_object_get(r->body, "error");
		if (r->type == REC_ATTEMPT && json_bool(r->body, "sent", true))
			json_array_append_new(
				tries, try_new(r->at, json_object_get(error, "status"), error));
	}
	json_array_append_new(
		tries, try_new(a->run->turn_ms, json_object_get(a->meta, "status"), a->error));
	step_meta(a, "tries", tries);
}

/* Nothing more is waited for at its path. */
static void act_close_waits(struct act *a)
{
	const struct jrec *w = jpath_last(&a->j, REC_WAIT);
	if (a->awaits || (w && json_bool(w->body, "awaits", false)))
		jbuf_wait(&a->run->buf, &(struct store_wait){.path = a->path, .close = true});
	a->awaits = false;
}

static void act_record_end(struct act *a)
{
	json_t *body = json_object();
	act_tell_tries(a);
	act_tell_times(a);
	json_object_set_new(body, "outcome", json_string(a->outcome));
	if (a->result)
		json_object_set(body, "output", a->result);
	if (a->meta && json_object_size(a->meta))
		json_object_set(body, "meta", a->meta);
	if (a->outer)
		json_object_set(body, "names", a->outer);
	if (a->error)
		json_object_set(body, "error", a->error);
	act_close_waits(a);
	undo_note(a, body);
	run_record(a->run, a->path, REC_STEP, body);
	undo_keep(a->run, a->path, a->run->n, body);
	json_decref(body);
}

static void act_end_ok(struct act *a)
{
	if (!a->step->kind->silent && !a->replayed && a->frame)
		act_record_end(a);
	act_leave(a, a->result, a->outcome);
}

/* The error goes on to whoever runs the block. */
static void act_propagate(struct act *a, json_t *error)
{
	struct frame *f = a->frame;
	json_incref(error);
	if (!f) {
		struct run *r = a->run;
		act_free(a);
		r->root = NULL;
		run_finish(r, error);
		return;
	}
	act_tell_meta(a, "failed");
	act_free(a);
	frame_end(f, error);
}

/* The blocks that were entered begin. */
static void act_enter(struct act *a)
{
	bool over = false;
	act_put(a, ACT_ENTERED);
	list_each_safe (l, &a->frames) {
		struct frame *f = container_of(l, struct frame, link);
		if (!f->begun) {
			f->begun = true;
			frame_next(f);
		}
		over |= f->over;
	}
	if (over)
		act_make_ready(a);
}

static bool act_try_catch(struct act *a)
{
	const struct step *s = a->step;
	if (!s->has_catch || s->kind->catches)
		return false;
	int i = step_pick_catch(a, &s->catches, a->error);
	if (i < 0)
		return false;
	a->catching = true;
	(void)step_enter_guarded(a, &s->catches.at[i].body, a->error, false);
	act_enter(a);
	return true;
}

/* As if it had never begun, but for its journal. */
static void act_reset(struct act *a)
{
	a->started = false;
	a->replayed = false;
	json_decref(a->error);
	a->error = NULL;
	if (a->step->kind->drop)
		a->step->kind->drop(a);
	if (a->state)
		memset(a->state, 0, a->step->kind->state_size);
}

/* A policy of the step for kinds that do not retry by themselves: the whole step again, later. */
static bool act_try_retry(struct act *a)
{
	const struct step *s = a->step;
	if (!s->retry.set || s->kind->retries || !a->frame)
		return false;
	if (!retry_wants(&s->retry, a->error, a->attempt, a->run->turn_ms - a->began))
		return false;
	int64_t due = a->run->turn_ms + retry_delay(&s->retry, a->attempt, act_rng(a));
	json_t *d = json_pack("{s:i, s:I, s:I, s:O}", "retry", (int)a->attempt + 1, "due",
			      (json_int_t)due, "began", (json_int_t)a->began, "error", a->error);
	step_record(a, REC_DECISION, d);
	a->attempt++;
	act_reset(a);
	(void)step_park(a, RUN_RETRYING, due);
	return true;
}

/* An undo that fails leaves something half done: a person decides. */
static bool act_try_doubt(struct act *a)
{
	if (!undo_is_doubt(a))
		return false;
	auto_free char *why = mem_strdup(json_str(a->error, "message"));
	act_reset(a);
	(void)step_in_doubt(a, "taking back what was done failed: %s", why);
	return true;
}

/* A read that was broken off because its time was over ends as that. */
static void act_tell_late(struct act *a)
{
	if (!a->late || !error_is(a->error, "cancelled"))
		return;
	json_decref(a->error);
	a->error = a->late;
	a->late = NULL;
}

static void act_end_fail(struct act *a)
{
	act_tell_late(a);
	bool final = !flow_may_handle(a->error);
	if (!final && !a->replayed && !act_is_stopped(a) && act_try_retry(a))
		return;
	if (!final && !a->replayed && act_try_doubt(a))
		return;
	a->outcome = "failed";
	if (!a->step->kind->silent && !a->replayed && a->frame)
		act_record_end(a);
	if (!final && act_try_catch(a))
		return;
	act_propagate(a, a->error);
}

/* The step's own catch ended: well, then the step counts as caught; or with an error of its own. */
static void act_caught(struct act *a)
{
	if (a->child_error) {
		act_propagate(a, a->child_error);
		return;
	}
	act_leave(a, NULL, "caught");
}

/* ---- its turn ---- */

/* The journal has its end: names, result and error come from there. */
static enum verdict act_replay_end(struct act *a, const json_t *s)
{
	a->replayed = true;
	a->outcome = json_str(s, "outcome");
	a->result = json_incref(json_object_get(s, "output"));
	a->meta = json_incref(json_object_get(s, "meta"));
	a->error = json_incref(json_object_get(s, "error"));
	const json_t *names = json_object_get(s, "names");
	if (names)
		act_apply_names(a, names);
	if (a->error && strcmp(a->outcome, "failed") == 0)
		return STEP_FAIL;
	return STEP_DONE;
}

/* A person decided about this step while it was in doubt. */
static bool act_decided(struct act *a, enum verdict *ret)
{
	const struct jrec *h = jpath_last(&a->j, REC_HUMAN);
	if (!h || h != a->j.last)
		return false;
	const char *as = json_str(h->body, "as");
	if (as && strcmp(as, "done") == 0) {
		json_t *result = json_object_get(h->body, "result");
		*ret = step_done(a, result ? json_incref(result) : json_object());
		return true;
	}
	if (as && strcmp(as, "fail") == 0) {
		*ret = step_fail(a, ERR_IN_DOUBT, "a person ended the doubt as failed");
		return true;
	}
	return false;
}

/* False when the step is skipped. */
static bool act_guard(struct act *a, enum verdict *ret)
{
	const struct jrec *d = jpath_last_with(&a->j, REC_DECISION, "if");
	bool yes = false;
	if (!a->step->guard)
		return true;
	if (d) {
		yes = json_bool(d->body, "if", false);
	} else {
		if (!act_truth(a, a->step->guard, &yes)) {
			*ret = STEP_FAIL;
			return false;
		}
		step_record(a, REC_DECISION, json_pack("{s:b}", "if", yes));
	}
	if (yes)
		return true;
	a->outcome = "skipped";
	a->replayed = true; /* the decision tells it: no end of its own */
	*ret = STEP_DONE;
	return false;
}

static void act_arm_timeout(struct act *a)
{
	if (!a->step->timeout_ms)
		return;
	const struct jrec *d = jpath_last_with(&a->j, REC_DECISION, "deadline");
	if (d) { /* 0: it is over, and was dealt with */
		a->deadline = json_int(d->body, "deadline", 0);
		return;
	}
	a->deadline = a->run->turn_ms + a->step->timeout_ms;
	step_record(a, REC_DECISION, json_pack("{s:I}", "deadline", (json_int_t)a->deadline));
}

/* A recorded retry of the whole step: the attempt it stands at, parked until it is due. */
static bool act_resume_retry(struct act *a, enum verdict *ret)
{
	const struct jrec *d = jpath_last_with(&a->j, REC_DECISION, "retry");
	if (!d || a->attempt > 1)
		return false;
	a->attempt = (unsigned)json_int(d->body, "retry", 1);
	a->began = json_int(d->body, "began", a->began);
	int64_t due = json_int(d->body, "due", 0);
	if (due <= a->run->turn_ms)
		return false;
	*ret = step_park(a, RUN_RETRYING, due);
	return true;
}

/* An attempt was begun, and no record tells its end. An A that says sent: false closes none. */
static bool act_has_open_attempt(const struct act *a)
{
	unsigned open = 0;
	for (const struct jrec *r = a->j.first; r; r = r->next) {
		if (r->type == REC_INTENT)
			open++;
		else if (r->type == REC_ATTEMPT && open && json_bool(r->body, "sent", true))
			open--;
	}
	return open > 0;
}

/*
 * Of a cancelled run: what became of an open attempt is found out and recorded. A doubt that was
 * there before the cancel is none to settle: whoever cancelled has seen it.
 */
static bool act_must_settle(const struct act *a)
{
	const struct jrec *doubt = jpath_last_with(&a->j, REC_PROBE, "doubt");
	bool seen = doubt && doubt == a->j.last && doubt->n < a->run->cancel_n;
	return act_has_open_attempt(a) && !act_again(a) && !seen;
}

/* After a cancel: steps that only hold others go on as far as those inside have come. */
static bool act_must_not_start(const struct act *a)
{
	return act_is_called_off(a) && !(a->step->kind->silent && a->j.first) &&
	       !act_must_settle(a) && !fold_has_below(&a->run->fold, a->path);
}

static enum verdict act_begin(struct act *a)
{
	enum verdict v;
	if (!a->j.first)
		a->j = fold_take(&a->run->fold, a->path);
	const struct jrec *s = a->attempt == 1 ? jpath_last(&a->j, REC_STEP) : NULL;
	if (s)
		return act_replay_end(a, s->body);
	if (act_decided(a, &v))
		return v;
	if (act_must_not_start(a))
		return step_fail(a, ERR_CANCELLED, "the run was cancelled");
	if (!act_guard(a, &v))
		return v;
	if (!a->began)
		a->began = a->run->turn_ms;
	if (!a->started)
		act_arm_timeout(a);
	a->started = true;
	if (act_resume_retry(a, &v))
		return v;
	return a->step->kind->start(a);
}

/* It was awaited, and would go on later: nothing of it is under way, so it ends here. */
static bool act_waits_too_late(const struct act *a)
{
	return a->late && a->at == ACT_PARKED && !a->in_doubt && !act_has_open_attempt(a);
}

static void act_end_late(struct act *a)
{
	if (a->step->kind->cancel)
		(void)a->step->kind->cancel(a);
	json_decref(a->error);
	a->error = a->late;
	a->late = NULL;
	act_end_fail(a);
}

static void act_settle(struct act *a, enum verdict v)
{
	switch (v) {
	case STEP_DONE:
		act_end_ok(a);
		break;
	case STEP_FAIL:
		act_end_fail(a);
		break;
	case STEP_ENTER:
		act_enter(a);
		break;
	case STEP_WAIT:
		/* parked or at a barrier already; else its kind will wake it. It may have been woken
		 * in between: then it is ready again. */
		if (a->at == ACT_ENTERED)
			act_put(a, ACT_FLYING);
		else if (act_waits_too_late(a))
			act_end_late(a);
		break;
	}
}

/* How the first block that is over ended. */
static void act_take_child(struct act *a)
{
	struct frame *f = NULL;
	list_each (l, &a->frames) {
		f = container_of(l, struct frame, link);
		if (f->over)
			break;
		f = NULL;
	}
	if (!f)
		return;
	json_decref(a->child_error);
	json_decref(a->child_result);
	json_decref(a->child_names);
	json_decref(a->child_told);
	json_decref(a->child_sets);
	a->child_error = json_incref(f->failed);
	a->child_result = json_incref(f->result);
	a->child_names = json_incref(f->names);
	a->child_told = json_incref(f->told);
	a->child_sets = json_incref(f->sets);
	a->child_lane = f->lane;
	frame_free(f);
}

void act_turn(struct act *a)
{
	act_put(a, ACT_ENTERED); /* its turn: nowhere else */
	if (a->interrupt) {
		json_decref(a->error);
		a->error = a->interrupt;
		a->interrupt = NULL;
		act_settle(a, STEP_FAIL);
		return;
	}
	act_take_child(a);
	if (a->catching) {
		act_caught(a);
		return;
	}
	enum verdict v = a->started ? a->step->kind->resume(a) : act_begin(a);
	act_settle(a, v);
}

void act_interrupt(struct act *a, json_t *error)
{
	const struct step_kind *k = a->step->kind;
	if (a->interrupt || a->late) {
		json_decref(error);
		return;
	}
	if (a->at == ACT_FLYING && k->cancel && k->cancel(a)) {
		a->late = error; /* awaited: its outcome is recorded, what follows is stopped */
		return;
	}
	if (a->at == ACT_PARKED && error_is(error, "cancelled") && !a->in_doubt &&
	    act_has_open_attempt(a)) {
		a->late = error; /* between two looks for what a lost request did */
		return;
	}
	if (a->at != ACT_FLYING && k->cancel && a->started)
		(void)k->cancel(a);
	a->interrupt = error;
	a->in_doubt = false;
	act_make_ready(a);
}
