/* What kinds of step may do with their activation (step.h). */
#include "engine/run/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/fault.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/timefmt.h"
#include "engine/run/run.h"

/* ---- what it is ---- */

const struct step *act_step(const struct act *a)
{
	return a->step;
}

void *act_args(const struct act *a)
{
	return a->step->args;
}

void *act_state(const struct act *a)
{
	return a->state;
}

struct run *act_run(const struct act *a)
{
	return a->run;
}

const char *act_path(const struct act *a)
{
	return a->path;
}

struct id act_effect_id(const struct act *a)
{
	return id_from_name(a->run->id, a->path);
}

const struct plan *act_plan(const struct act *a)
{
	return a->run->plan;
}

unsigned act_attempt(const struct act *a)
{
	return a->attempt;
}

struct arena *act_arena(struct act *a)
{
	return &a->arena;
}

const struct scope *act_scope(const struct act *a)
{
	return &a->scope;
}

void *act_services(const struct act *a)
{
	return engine_conf(a->run->engine)->services;
}

int64_t act_now(const struct act *a)
{
	return a->run->turn_ms;
}

struct rng *act_rng(const struct act *a)
{
	return engine_conf(a->run->engine)->rng;
}

struct errmsg *act_msg(struct act *a)
{
	return &a->msg;
}

const char *act_run_id(const struct act *a)
{
	return a->run->id_text;
}

json_t *act_event(const struct act *a)
{
	return event_envelope(a->run->event);
}

const struct retry *act_retry(const struct act *a)
{
	return a->step->retry.set ? &a->step->retry : &a->run->plan->retry;
}

json_t *act_current_error(const struct act *a)
{
	return scope_lookup(a->run, a->frame, "error");
}

void act_log(struct act *a, const char *text)
{
	log_line(LOG_INFO, "rule_log", "run", a->run->id_text, "rule", a->run->plan->rule, "step",
		 a->path, "text", text, NULL);
}

/* ---- evaluation ---- */

static const struct expr_vm *act_vm(const struct act *a)
{
	return engine_conf(a->run->engine)->vm;
}

bool act_eval(struct act *a, const struct tmpl *t, json_t **ret)
{
	if (tmpl_eval(act_vm(a), t, &a->scope, ret, &a->msg) == 0)
		return true;
	(void)step_fail_msg(a);
	return false;
}

bool act_eval_secrets(struct act *a, const struct tmpl *t, json_t **ret)
{
	a->scope.secrets = true;
	bool ok = act_eval(a, t, ret);
	a->scope.secrets = false;
	return ok;
}

bool act_truth(struct act *a, const struct tmpl *t, bool *ret)
{
	if (tmpl_truth(act_vm(a), t, &a->scope, ret, &a->msg) == 0)
		return true;
	(void)step_fail_msg(a);
	return false;
}

struct it_scope {
	struct scope scope;
	const struct act *act;
	json_t *it;
};

static json_t *it_scope_get(const struct scope *s, const char *name)
{
	const struct it_scope *i = container_of(s, struct it_scope, scope);
	return strcmp(name, "it") == 0 ? i->it : i->act->scope.get(&i->act->scope, name);
}

bool act_truth_of(struct act *a, const struct tmpl *t, json_t *it, bool *ret)
{
	struct it_scope s = {.scope.get = it_scope_get, .act = a, .it = it};
	if (tmpl_truth(act_vm(a), t, &s.scope, ret, &a->msg) == 0)
		return true;
	(void)step_fail_msg(a);
	return false;
}

void step_memory(struct act *a, struct store_memory *m)
{
	step_record(a, REC_DECISION, json_pack("{s:s#}", "memory", "", 1));
	m->at = a->run->turn_ms;
	jbuf_memory(&a->run->buf, m);
}

/* The scope that the last child block left: its own names first. */
struct child_scope {
	struct scope scope;
	const struct act *act;
};

/* With what the steps of a lane told. */
static json_t *child_steps(struct act *a)
{
	json_t *view = json_copy(scope_lookup(a->run, a->frame, "steps"));
	json_object_update(view, a->child_told);
	json_decref(a->child_view);
	a->child_view = view;
	return view;
}

static json_t *child_scope_get(const struct scope *s, const char *name)
{
	struct act *a = (struct act *)container_of(s, struct child_scope, scope)->act;
	if (a->child_told && !strcmp(name, "steps"))
		return child_steps(a);
	json_t *v = a->child_names ? json_object_get(a->child_names, name) : NULL;
	if (v)
		return json_is_null(v) ? NULL : v;
	return scope_lookup(a->run, a->frame, name);
}

bool act_eval_child(struct act *a, const struct tmpl *t, json_t **ret)
{
	struct child_scope s = {.scope.get = child_scope_get, .act = a};
	if (tmpl_eval(act_vm(a), t, &s.scope, ret, &a->msg) == 0)
		return true;
	(void)step_fail_msg(a);
	return false;
}

/* ---- how it ends ---- */

enum verdict step_done_as(struct act *a, json_t *result, const char *outcome)
{
	json_decref(a->result);
	a->result = result;
	a->outcome = outcome;
	return STEP_DONE;
}

enum verdict step_done(struct act *a, json_t *result)
{
	return step_done_as(a, result, "ok");
}

void step_meta(struct act *a, const char *key, json_t *value)
{
	if (!a->meta)
		a->meta = json_object();
	json_object_set_new(a->meta, key, value);
}

enum verdict step_fail_error(struct act *a, json_t *error)
{
	const char *step = a->step->name ? a->step->name : a->path;
	if (!json_object_get(error, "step"))
		json_object_set_new(error, "step", json_string(step));
	json_decref(a->error);
	a->error = error;
	return STEP_FAIL;
}

enum verdict step_fail_msg(struct act *a)
{
	return step_fail_error(a, error_new(a->msg.code, a->msg.text, NULL));
}

enum verdict step_fail(struct act *a, int err, const char *fmt, ...)
{
	char text[sizeof(a->msg.text)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return step_fail_error(a, error_new(err, text, NULL));
}

/* `stop:` runs through every enclosing block like an error, but no catch takes it. */
enum verdict step_stop(struct act *a, const char *reason)
{
	json_t *e = json_pack("{s:s, s:s}", "name", "stop", "message", reason);
	return step_fail_error(a, e);
}

/* Only a catch that names in_doubt takes a doubt away from the person it is for. */
static bool catchers_want_doubt(const struct catchers *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		for (size_t k = 0; k < c->at[i].n_errors; k++)
			if (strcmp(c->at[i].errors[k], "in_doubt") == 0)
				return true;
	return false;
}

static bool doubt_is_caught(const struct act *a)
{
	if (a->step->has_catch && catchers_want_doubt(&a->step->catches))
		return true;
	for (const struct frame *f = a->frame; f && !f->undo; f = f->owner->frame)
		if (catchers_want_doubt(flow_catchers(f->owner)))
			return true;
	return false;
}

enum verdict step_in_doubt(struct act *a, const char *fmt, ...)
{
	char text[sizeof(a->msg.text)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (doubt_is_caught(a))
		return step_fail(a, ERR_IN_DOUBT, "%s", text);
	a->in_doubt = true;
	const struct jrec *p = jpath_last_with(&a->j, REC_PROBE, "doubt");
	if (!p || p != a->j.last)
		step_record(a, REC_PROBE, json_pack("{s:s}", "doubt", text));
	return step_park(a, RUN_IN_DOUBT, 0);
}

/* ---- the journal ---- */

json_t *step_rec(const struct act *a, enum rec_type type)
{
	const struct jrec *r = jpath_last(&a->j, type);
	return r ? r->body : NULL;
}

int64_t act_run_age_ms(const struct act *a)
{
	return a->run->turn_ms - a->run->created;
}

json_t *step_rec_at_index(const struct act *a, enum rec_type type, unsigned n)
{
	for (const struct jrec *r = a->j.first; r; r = r->next)
		if (r->type == type && n-- == 0)
			return r->body;
	return NULL;
}

int64_t step_rec_at(const struct act *a, enum rec_type type)
{
	const struct jrec *r = jpath_last(&a->j, type);
	return r ? r->at : 0;
}

unsigned step_rec_count(const struct act *a, enum rec_type type)
{
	return jpath_count(&a->j, type);
}

bool act_is_replay(const struct act *a)
{
	return a->j.first && a->j.first->n <= a->run->fold.last_n;
}

bool act_again(const struct act *a)
{
	const struct jrec *h = jpath_last(&a->j, REC_HUMAN);
	const char *as = h ? json_str(h->body, "as") : NULL;
	return as && h == a->j.last && (strcmp(as, "again") == 0 || strcmp(as, "retry") == 0);
}

void step_record(struct act *a, enum rec_type type, json_t *body)
{
	run_record(a->run, a->path, type, body);
	jpath_add(&a->j, a->run->n, type, a->run->turn_ms, body);
}

void step_claim(struct act *a, const char *connection, const char *foreign_id)
{
	a->claim_lost = false;
	jbuf_claim(&a->run->buf, connection, foreign_id, a->path, false);
}

void step_release(struct act *a, const char *connection, const char *foreign_id)
{
	jbuf_claim(&a->run->buf, connection, foreign_id, a->path, true);
}

static void (*on_released)(const char *connection, const char *foreign_id);

void step_on_released(void (*cb)(const char *connection, const char *foreign_id))
{
	on_released = cb;
}

void step_tell_released(const struct jbuf *b)
{
	for (size_t i = 0; i < b->n_claims && on_released; i++)
		if (b->claims[i].release)
			on_released(b->claims[i].connection, b->claims[i].foreign_id);
}

bool act_claim_lost(const struct act *a)
{
	return a->claim_lost;
}

enum verdict step_barrier(struct act *a)
{
	a->barrier = a->run->barrier + 1; /* the next commit carries it */
	a->at = ACT_BARRIER;
	if (fault_is_on("LATE_INTENT"))
		act_make_ready(a);
	return STEP_WAIT;
}

enum verdict step_park(struct act *a, enum run_state state, int64_t due)
{
	a->park_state = state;
	a->due = due;
	a->at = ACT_PARKED;
	return STEP_WAIT;
}

void step_wake(struct act *a)
{
	act_make_ready(a);
}

void step_emit(struct act *a, json_t *event)
{
	struct run *r = a->run;
	char name[32];
	snprintf(name, sizeof(name), "#emit%u", a->n_emitted++);
	char *key = mem_printf("%s%s", a->path, name);
	json_t *data = json_object_get(event, "data");
	char *body = data ? json_text(data) : NULL;
	const char *source = json_str(event, "source"), *subject = json_str(event, "subject");
	char *own = source ? NULL : mem_printf("/rules/%s", r->plan->rule);
	struct event *ev =
		event_new(id_from_name(r->id, key), json_str(event, "type"), source ? source : own,
			  subject, json_str(event, "id"), r->turn_ms, r->turn_ms, json_incref(data),
			  body, body ? strlen(body) : 0);
	json_int_t depth = json_int(event_envelope(r->event), "depth", 0) + 1;
	json_t *extra = json_pack("{s:I, s:O*}", "depth", depth, "change",
				  json_object_get(event, "change"));
	ev->extra = json_text(extra);
	json_decref(extra);
	run_emit(r, ev);
	free(key);
	free(own);
	free(body);
	json_decref(event);
}

/* ---- runs of other rules ---- */

#define CHAIN_MAX 32

int step_start_run(struct act *a, const char *rule, json_t *data, bool detached, struct id *ret,
		   struct errmsg *msg)
{
	struct run *r = a->run;
	const struct engine_config *conf = engine_conf(r->engine);
	json_auto_t *owned = data;
	(void)owned;
	struct plan *p = conf->plan_of ? conf->plan_of(conf->arg, rule) : NULL;
	json_int_t depth = json_int(event_envelope(r->event), "depth", 0) + 1;
	if (!p)
		return err_set(msg, ERR_NOT_FOUND, "there is no rule '%s'", rule);
	if (depth > CHAIN_MAX)
		return err_set(msg, ERR_LIMIT, "runs that start runs go %d deep at most",
			       CHAIN_MAX);
	auto_free char *key = mem_printf("%s#run", a->path),
		       *source = mem_printf("/rules/%s", r->plan->rule);
	auto_free char *body = data ? json_text(data) : NULL;
	struct event *ev =
		event_new(id_from_name(r->id, key), "run", source, NULL, NULL, r->turn_ms,
			  r->turn_ms, json_incref(data), body, body ? strlen(body) : 0);
	json_auto_t *extra = json_pack("{s:I}", "depth", depth);
	ev->extra = json_text(extra);
	*ret = id_from_name(ev->id, rule);
	run_emit_child(r, ev, p, *ret, detached ? NULL : a->path);
	return 0;
}

/* ---- blocks ---- */

static struct frame *frame_new(struct act *a, const struct block *b, const char *seg, json_t *local)
{
	struct frame *f = mem_alloc(sizeof(*f));
	char again[16] = "";
	if (a->attempt > 1)
		snprintf(again, sizeof(again), "@%u", a->attempt);
	f->owner = a;
	list_append(&a->frames, &f->link);
	f->block = b;
	f->names = local;
	if (!a->frame && !f->names)
		f->names = json_object(); /* the run's own scope */
	if (!a->frame)
		f->prefix = mem_strdup("");
	else if (seg)
		f->prefix = mem_printf("%s%s/%s/", a->path, again, seg);
	else
		f->prefix = mem_printf("%s%s/", a->path, again);
	return f;
}

enum verdict step_enter(struct act *a, const struct block *b, const char *seg, json_t *local)
{
	(void)frame_new(a, b, seg, local);
	return STEP_ENTER;
}

enum verdict step_enter_open(struct act *a, const struct block *b, const char *seg, json_t *fixed)
{
	frame_new(a, b, seg, NULL)->fixed = fixed;
	return STEP_ENTER;
}

enum verdict step_enter_lane(struct act *a, const struct block *b, const char *seg, size_t lane,
			     json_t *local, bool stopped)
{
	struct frame *f = frame_new(a, b, seg, local ? local : json_object());
	f->lane = lane;
	f->stopped = stopped;
	return STEP_ENTER;
}

size_t act_child_lane(const struct act *a)
{
	return a->child_lane;
}

json_t *act_child_lane_names(const struct act *a)
{
	return json_pack("{s:O?, s:O?, s:O?}", "names", a->child_names, "sets", a->child_sets,
			 "told", a->child_told);
}

void step_merge_lane(struct act *a, json_t *lane)
{
	json_t *v, *sets = json_object_get(lane, "sets");
	const char *key;
	json_object_foreach (json_object_get(lane, "names"), key, v)
		frame_set(a->frame, key, json_incref(v), json_object_get(sets, key) != NULL);
	json_object_foreach (json_object_get(lane, "told"), key, v)
		frame_tell(a->frame, key, v);
}

void step_stop_lanes(struct act *a)
{
	list_each_safe (l, &a->frames) {
		struct frame *f = container_of(l, struct frame, link);
		if (!f->over && !f->stopped)
			frame_stop(f);
	}
}

enum verdict step_enter_guarded(struct act *a, const struct block *b, json_t *error, bool shielded)
{
	struct frame *f = frame_new(a, b, NULL, NULL);
	f->error = json_incref(error);
	f->shielded = shielded;
	if (!a->frame && a->child_names) { /* catch and finally see what the body named */
		json_decref(f->names);
		f->names = json_incref(a->child_names);
	}
	return STEP_ENTER;
}

void step_enter_undo(struct act *a, const struct block *b, const char *seg, json_t *names,
		     json_t *error)
{
	struct frame *f = frame_new(a, b, seg, names);
	if (!a->frame) { /* beside the body, whose paths begin with nothing */
		free(f->prefix);
		f->prefix = mem_printf("%s/", seg);
	}
	f->error = json_incref(error);
	f->shielded = f->undo = true;
}

json_t *act_child_error(const struct act *a)
{
	return a->child_error;
}

void step_forgive(struct act *a)
{
	json_decref(a->child_error);
	a->child_error = NULL;
}

json_t *act_child_result(const struct act *a)
{
	return a->child_result;
}

void step_set_name(struct act *a, const char *name, json_t *value)
{
	if (!a->outer)
		a->outer = json_object();
	json_object_set_new(a->outer, name, json_incref(value) ? value : json_null());
	frame_set(a->frame, name, value, true);
}

/* A catch's `if:` sees the error as `error`; one that itself fails does not fit. */
static bool catcher_cond(struct act *a, const struct tmpl *cond, json_t *error)
{
	json_t *kept = a->child_names;
	a->child_names = json_pack("{s:O}", "error", error);
	struct child_scope s = {.scope.get = child_scope_get, .act = a};
	bool yes = false;
	if (tmpl_truth(act_vm(a), cond, &s.scope, &yes, &a->msg) != 0)
		yes = false;
	json_decref(a->child_names);
	a->child_names = kept;
	return yes;
}

static bool catcher_fits(struct act *a, const struct catcher *c, json_t *error)
{
	if (c->n_errors && !error_matches(error, c->errors, c->n_errors))
		return false;
	return !c->cond || catcher_cond(a, c->cond, error);
}

int step_pick_catch(struct act *a, const struct catchers *c, json_t *error)
{
	const struct jrec *d = jpath_last_with(&a->j, REC_DECISION, "catch");
	if (d)
		return (int)json_int(d->body, "catch", -1);
	int pick = -1;
	for (size_t i = 0; i < c->n && pick < 0; i++)
		if (catcher_fits(a, &c->at[i], error))
			pick = (int)i;
	if (c->n)
		step_record(a, REC_DECISION,
			    json_pack("{s:i, s:O}", "catch", pick, "error", error));
	return pick;
}

/* Fills one parameter of a spawned step with a literal; the value stays the frame's. */
static void spawn_param(struct act *a, const struct param *p, void *at, json_t *v)
{
	if (p->type == P_TMPL || p->type == P_SECRETS || p->type == P_EXPR) {
		struct tmpl *t = arena_alloc(&a->arena, sizeof(*t));
		*t = (struct tmpl){.kind = TMPL_LITERAL, .ref = -1, .literal = v};
		*(struct tmpl **)at = t;
	} else if (p->type == P_STRING && json_is_string(v)) {
		*(const char **)at = json_string_value(v);
	} else if (p->type == P_DURATION) {
		*(int64_t *)at = json_integer_value(v);
	} else if (p->type == P_INT) {
		*(int *)at = (int)json_integer_value(v);
	} else if (p->type == P_BOOL) {
		*(bool *)at = json_is_true(v);
	}
}

enum verdict step_spawn(struct act *a, const char *kind, const char *seg, json_t *args)
{
	const struct step_kind *k = engine_conf(a->run->engine)->kind(kind);
	struct step *s = arena_alloc(&a->arena, sizeof(*s));
	struct frame *f = mem_alloc(sizeof(*f));
	*s = (struct step){.kind = k,
			   .key = arena_strdup(&a->arena, seg),
			   .line = a->step->line,
			   .retry = a->step->kind->retries ? a->step->retry : (struct retry){0},
			   .args = arena_alloc(&a->arena, k->args_size + 1)};
	for (const struct param *p = k->params; p && p->name; p++) {
		json_t *v = json_object_get(args, p->name);
		if (v)
			spawn_param(a, p, (char *)s->args + p->offset, v);
	}
	f->owner = a;
	list_append(&a->frames, &f->link);
	f->spawned = s;
	f->spawned_args = args;
	f->one = (struct block){.steps = &f->spawned, .n = 1};
	f->block = &f->one;
	f->names = json_object();
	f->prefix = mem_printf(a->attempt > 1 ? "%s@%u/" : "%s/", a->path, a->attempt);
	return STEP_ENTER;
}
