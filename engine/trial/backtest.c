/* Plays one recorded event against a rule. */
#include "engine/trial/backtest.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/serve/steps.h"
#include "engine/trial/cue.h"
#include "engine/trial/tape.h"

/* ---- what was recorded ---- */

struct memory {
	const json_t *run;
	json_t *inside;  /* of its tape; owned; NULL: there was no run */
	json_t *taken;   /* {path: how many of its answers were given} */
	json_t *nothing; /* {} */
};

static json_t *next_answer(struct memory *m, const char *key)
{
	json_t *list = json_object_get(json_object_get(m->inside, "answers"), key);
	json_int_t n = json_int(m->taken, key, 0);
	if (!json_is_array(list))
		return list; /* a job's status: as often as it is asked */
	json_t *v = json_array_get(list, (size_t)n);
	if (v)
		json_object_set_new(m->taken, key, json_integer(n + 1));
	return v;
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Of what changed something the input counts; what was read is known by its step. */
static bool is_of(const json_t *step, const struct http_about *by, const char *full)
{
	const json_t *input = json_object_get(step, "input");
	if (!is_same(json_str(step, "what"), full) && !is_same(json_str(step, "kind"), full))
		return false;
	if (json_is_object(input))
		return json_equal(input, by->input);
	auto_free char *path = steps_plan_path(by->path),
		       *own = steps_plan_path(json_str(step, "path"));
	return is_same(json_str(step, "name"), by->step) || is_same(own, path);
}

static const json_t *on_recall(void *arg, const struct http_about *by, const char *full)
{
	struct memory *m = arg;
	json_t *step;
	size_t i;
	if (!by->input) { /* a job's status, or what a merge reads before it */
		json_t *v = next_answer(m, full);
		return v ? v : m->nothing;
	}
	json_array_foreach (json_object_get(m->run, "steps"), i, step) {
		const json_t *v =
			is_of(step, by, full) ? next_answer(m, json_str(step, "path")) : NULL;
		if (v)
			return v;
	}
	return NULL;
}

/* ---- playing ---- */

static struct event *event_of(struct kit *k, const struct plan *p, const json_t *event)
{
	struct event *e = NULL;
	struct errmsg msg;
	json_auto_t *cue = tape_cue(event);
	struct cue_from from = {.clock = &k->clock.clock, .rng = &k->rng, .plan = p};
	if (!cue || !cue_word(cue) || cue_event(&from, cue, &e, &msg) != 0)
		return NULL;
	return e;
}

static bool is_over(void *arg)
{
	return peer_unknown(((struct stage *)arg)->peer) != NULL;
}

static int64_t span_of(const json_t *later)
{
	int64_t ms = 0;
	const char *text = json_str(later, "after");
	if (text)
		(void)duration_parse(text, &ms, NULL);
	return ms;
}

static bool is_waiting(void *arg)
{
	struct stage *s = arg;
	json_auto_t *v =
		stage_ask(s, &(struct store_query){.view = VIEW_WAITS, .state = -1, .limit = 1});
	return is_over(arg) || json_array_size(json_object_get(v, "waits")) > 0;
}

static void approve(struct stage *s, const json_t *later)
{
	json_auto_t *v = stage_ask(
		s, &(struct store_query){
			   .view = VIEW_WAITS, .state = -1, .what = "person", .limit = 1});
	const json_t *wait = json_array_get(json_object_get(v, "waits"), 0);
	struct id run;
	json_auto_t *body =
		json_pack("{s:O, s:O?, s:O?}", "approved", json_object_get(later, "approve"), "by",
			  json_object_get(later, "by"), "note", json_object_get(later, "note"));
	if (wait && id_parse(json_str(wait, "run"), &run))
		(void)stage_tell(s, run, json_str(wait, "path"), body);
}

/* What came to the run then comes to it now, at the same distance, if it waits for anything. */
static void come_later(struct stage *s, const struct plan *p, const json_t *later)
{
	struct id id;
	stage_pass(s, span_of(later));
	if (!stage_until(s, is_waiting, s) || is_over(s))
		return;
	if (json_object_get(later, "approve")) {
		approve(s, later);
		return;
	}
	struct event *e = NULL;
	struct errmsg msg;
	struct cue_from from = {.clock = &s->kit->clock.clock, .rng = &s->kit->rng, .plan = p};
	if (cue_event(&from, later, &e, &msg) == 0) {
		(void)stage_accept(s, e, NULL, &id);
		event_unref(e);
	}
}

static bool never(void *arg)
{
	return is_over(arg);
}

static void play(struct stage *s, const struct plan *p, struct event *e, const struct memory *m)
{
	struct id id;
	json_t *later;
	size_t i;
	if (stage_accept(s, e, NULL, &id) != 0)
		return;
	json_array_foreach (json_object_get(m->inside, "then"), i, later)
		come_later(s, p, later);
	(void)stage_until(s, never, s);
}

/* ---- what came of it ---- */

/* Those of the rule itself, without what they were recorded with. */
static json_t *calls_of(const struct stage *s)
{
	json_t *out = json_array(), *call;
	size_t i;
	json_array_foreach ((json_t *)peer_calls(s->peer), i, call)
		json_array_append_new(out,
				      json_pack("{s:O, s:O}", "call", json_object_get(call, "call"),
						"input", json_object_get(call, "input")));
	return out;
}

static json_t *calls_before(const json_t *run)
{
	json_t *out = json_array(), *step;
	size_t i;
	if (!run) {
		json_decref(out);
		return json_null();
	}
	json_array_foreach (json_object_get(run, "steps"), i, step) {
		const char *kind = json_str(step, "kind");
		json_t *input = json_object_get(step, "input");
		bool http = is_same(kind, "http");
		if (http || is_same(kind, "call"))
			json_array_append_new(
				out, json_pack("{s:O?, s:O?}", "call",
					       json_object_get(step, http ? "kind" : "what"),
					       "input", json_is_object(input) ? input : NULL));
	}
	return out;
}

static json_t *state_of(struct stage *s, const struct plan *p)
{
	json_auto_t *v = stage_ask(
		s,
		&(struct store_query){.view = VIEW_RUNS, .state = -1, .rule = p->rule, .limit = 1});
	const json_t *row = json_array_get(json_object_get(v, "runs"), 0);
	return row ? json_incref(json_object_get(row, "state")) : json_null();
}

static void tell(struct stage *s, const struct plan *p, json_t *out)
{
	const json_t *unknown = peer_unknown(s->peer);
	json_object_set_new(out, "calls", calls_of(s));
	if (unknown)
		json_object_set(out, "unknown", (json_t *)unknown);
	else
		json_object_set_new(out, "unknown", json_null());
	json_object_set_new(out, "state", state_of(s, p));
}

json_t *backtest_event(struct kit *k, struct plan *p, const json_t *event, const json_t *run)
{
	struct stage s;
	struct errmsg msg;
	struct memory m = {.run = run, .taken = json_object(), .nothing = json_object()};
	struct stage_config c = {.plans = &p, .n_plans = 1, .recall = on_recall, .recall_arg = &m};
	const char *received = json_str(event, "received");
	if (received)
		(void)time_parse(received, &c.now, NULL);
	k->clock.wall = c.now;
	struct event *e = event_of(k, p, event);
	json_t *out = json_pack("{s:b, s:o, s:o}", "matched", 0, "why",
				e ? rule_why(p, e) : json_null(), "before", calls_before(run));
	bool yes = json_bool(json_object_get(out, "why"), "matched", false);
	json_object_set_new(out, "matched", json_boolean(yes));
	if (run)
		m.inside = tape_inside(run, k->rules->catalogue, k->rules->connections);
	if (yes && stage_init(&s, k, &c, &msg) == 0) {
		play(&s, p, e, &m);
		tell(&s, p, out);
		stage_done(&s);
	}
	event_unref(e);
	json_decref(m.inside);
	json_decref(m.taken);
	json_decref(m.nothing);
	return out;
}
