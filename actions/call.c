/*
 * `call`: one API call, safe to be cut off anywhere.
 *
 *            ┌────────┐ read          ┌──────┐ answer            ┌──────┐
 *  start ───▶│ RENDER │──────────────▶│ SEND │──────────────────▶│ done │
 *            └───┬────┘               └─┬──▲─┘                   └──────┘
 *                │ any other class      │  │ durable                ▲
 *                ▼                      │ ┌┴───────┐                │ found
 *            ┌────────┐   again         │ │ INTENT │           ┌────┴──┐
 *            │ refused│◀────────────────┤ └────────┘           │ PROBE │──▶ in_doubt, exists
 *            │ (park) │                 │ no whole answer      └───────┘
 *            └────────┘                 └──────────────────────▲  │ absent: send again
 *                                        class keyed, job ─────┘  ▼
 *
 * Records at its path: I before each send of a class other than read, A when an attempt ended without
 * a result, P for what a probe found. I without a later A is an attempt nobody heard the end of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/exchange.h"
#include "actions/probe.h"
#include "actions/services.h"
#include "actions/target.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/base/timefmt.h"
#include "engine/run/step.h"

#define ATTEMPTS 6
#define FIRST_MS 1000
#define CAP_MS (5 * 60 * 1000)
#define WITHIN_MS (2 * 3600 * 1000)
#define THROTTLED_MS 1000
#define SETTLE_MS (2 * 60 * 1000) /* how long a lost job may take to show in the list */
#define LOOKS 3

struct call_args {
	const char *action;
	struct tmpl *with;
	struct tmpl *connection;
	const struct target *target; /* found by the check; NULL for steps made at run time */
};

enum call_at { CALL_SLOT, CALL_INTENT, CALL_SEND, CALL_PROBE, CALL_ADOPT, CALL_PARKED };

struct call_state {
	enum call_at at;
	const struct target *target;
	const struct connection *conn;
	enum effect effect;
	json_t *params; /* owned */
	struct exchange x;
	struct probe probe;
	bool repeated;     /* an earlier attempt is unanswered */
	bool slot;         /* it holds the connection's place for an unanswered job */
	bool crashed;      /* the open attempt is of a process that ended */
	unsigned attempts; /* sends that count, this one included */
	int64_t first;     /* when the first attempt left, wall ms */
};

/* ---- what the journal tells ---- */

/* Each I opens an attempt and each A closes one; a read has no I and is never open. */
static bool has_open_attempt(const struct act *a)
{
	return step_rec_count(a, REC_INTENT) > step_rec_count(a, REC_ATTEMPT);
}

/* The sends that count so far and the time of the first: from the last attempt that was closed. */
static void read_attempts(const struct act *a, struct call_state *st)
{
	json_t *last = step_rec(a, REC_ATTEMPT);
	st->attempts = (unsigned)json_int(last, "counted", 0);
	st->first = json_int(last, "first", act_now(a));
	st->repeated = json_bool(last, "doubt", false) || has_open_attempt(a);
	if (has_open_attempt(a))
		st->attempts++;
	st->slot = st->effect == EFFECT_JOB && has_open_attempt(a);
}

/*
 * Jobs of one connection look alike in the list of jobs. So at most one of them is unanswered at any
 * time, over all runs and restarts: a job without an owner is then that one's, or a stranger's.
 */
#define SLOT_ID "" /* no foreign id is empty */
#define SLOT_FIRST_MS 50
#define SLOT_CAP_MS 5000

static void release_slot(struct act *a, struct call_state *st)
{
	if (st->slot)
		step_release(a, st->conn->name, SLOT_ID);
	st->slot = false;
}

/* ---- the request ---- */

static enum verdict attempt(struct act *a, struct call_state *st);

/* `connection:` chooses another connection of the same connector at run time. */
static bool find_connection(struct act *a, struct call_state *st)
{
	const struct call_args *args = act_args(a);
	const struct services *s = act_services(a);
	const char *name = st->target->connection;
	json_t *chosen = NULL;
	if (args->connection && !act_eval(a, args->connection, &chosen))
		return false;
	if (json_is_string(chosen))
		name = json_string_value(chosen);
	st->conn = connections_find(s->connections, name);
	if (!st->conn)
		(void)step_fail(
			a, ERR_INVALID,
			"there is no connection '%s': name it under connections: in pawl.yaml",
			name);
	json_decref(chosen);
	return st->conn != NULL;
}

/* Rendered once: later attempts send what the first intent recorded. */
static bool find_params(struct act *a, struct call_state *st)
{
	const struct call_args *args = act_args(a);
	json_t *rec = step_rec(a, REC_INTENT);
	if (!rec)
		rec = step_rec(a, REC_ATTEMPT);
	st->params = json_incref(json_object_get(rec, "params"));
	if (!st->params && args->with && !act_eval(a, args->with, &st->params))
		return false;
	if (!st->params)
		st->params = json_object();
	return true;
}

static bool render(struct act *a, struct call_state *st)
{
	struct errmsg *msg = act_msg(a);
	if (exchange_render(&st->x, st->target->action, st->conn, st->params, msg) == 0)
		return true;
	err_wrap(msg, "%s", st->target->full);
	(void)step_fail_msg(a);
	return false;
}

static const struct target *find_target(struct act *a)
{
	const struct call_args *args = act_args(a);
	const struct target *t =
		args->target ? args->target : target_find(act_plan(a), args->action);
	if (!t)
		(void)step_fail(a, ERR_INVALID,
				"%s: a script may only call actions that it names as literal texts",
				args->action);
	return t;
}

/* ---- how an attempt ends without a result ---- */

static void record_attempt(struct act *a, struct call_state *st, const json_t *error, int64_t due,
			   bool counts, bool doubt)
{
	json_t *body =
		json_pack("{s:i, s:I, s:O, s:I, s:b}", "counted",
			  (int)(st->attempts - (counts ? 0 : 1)), "first", (json_int_t)st->first,
			  "error", (json_t *)error, "due", (json_int_t)due, "doubt", doubt);
	if (st->effect == EFFECT_READ)
		json_object_set(body, "params", st->params);
	step_record(a, REC_ATTEMPT, body);
}

static json_t *attempt_error(const struct call_state *st, int err)
{
	const struct exchange *x = &st->x;
	bool answered = x->req.err == 0 && x->action;
	const char *text = answered ? x->answer.msg.text : x->req.msg.text;
	json_t *e = json_pack("{s:s, s:s}", "name", err_name(err), "message", text);
	if (!e)
		e = json_pack("{s:s}", "name", err_name(err));
	if (answered)
		json_object_set_new(e, "status", json_integer(x->answer.status));
	if (answered && *x->answer.key)
		json_object_set_new(e, "key", json_string(x->answer.key));
	return e;
}

static void tell(struct act *a, const struct call_state *st)
{
	step_meta(a, "attempts", json_integer(st->attempts));
	if (!st->x.req.err && st->x.answer.status)
		step_meta(a, "status", json_integer(st->x.answer.status));
}

static enum verdict give_up(struct act *a, struct call_state *st, json_t *error)
{
	release_slot(a, st);
	tell(a, st);
	return step_fail_error(a, error);
}

static int64_t back_off(const struct act *a, const struct call_state *st)
{
	const struct retry *r = act_retry(a);
	double factor = r->factor > 0 ? r->factor : 2;
	double cap = (double)(r->cap_ms ? r->cap_ms : CAP_MS);
	double delay = (double)(r->first_ms ? r->first_ms : FIRST_MS);
	for (unsigned i = 1; i < st->attempts && delay < cap; i++)
		delay *= factor;
	delay = delay < cap ? delay : cap;
	if (r->no_jitter)
		return (int64_t)delay;
	return 1 + (int64_t)rng_below(act_rng(a), (uint64_t)delay);
}

static int64_t day_end(int64_t now)
{
	const int64_t day = 24 * 3600 * 1000LL;
	return (now / day + 1) * day + 5000;
}

/* When the next attempt may leave. */
static int64_t next_due(const struct act *a, const struct call_state *st, int err)
{
	int64_t now = act_now(a), wait = st->x.answer.wait_ms;
	if (err == ERR_QUOTA)
		return day_end(now) + (int64_t)rng_below(act_rng(a), 60000);
	int64_t delay = back_off(a, st);
	if (err == ERR_THROTTLED && wait < THROTTLED_MS)
		wait = THROTTLED_MS;
	return now + (delay > wait ? delay : wait + (wait ? delay / 4 : 0));
}

static bool policy_wants(const struct act *a, const struct call_state *st, const json_t *error,
			 int err)
{
	const struct retry *r = act_retry(a);
	int64_t within = r->within_ms ? r->within_ms : WITHIN_MS;
	bool counts = err != ERR_THROTTLED && err != ERR_QUOTA;
	if (counts && (int)st->attempts >= (r->attempts ? r->attempts : ATTEMPTS))
		return false;
	if (err != ERR_QUOTA && act_now(a) - st->first >= within)
		return false;
	if (r->n_errors) {
		const char *name = json_str(error, "name");
		for (size_t i = 0; i < r->n_errors; i++)
			if (name && strcmp(r->errors[i], name) == 0)
				return true;
		return false;
	}
	return err_class(err) == ERR_TRANSIENT;
}

static enum verdict park(struct act *a, struct call_state *st, int64_t due)
{
	st->at = CALL_PARKED;
	return step_park(a, RUN_RETRYING, due);
}

/* The attempt had no effect, or may be repeated: again later, if the policy wants it. */
static enum verdict again_later(struct act *a, struct call_state *st, int err, bool doubt)
{
	json_t *error = attempt_error(st, err);
	if (!policy_wants(a, st, error, err))
		return give_up(a, st, error);
	int64_t due = next_due(a, st, err);
	release_slot(a, st);
	record_attempt(a, st, error, due, err != ERR_THROTTLED && err != ERR_QUOTA, doubt);
	json_decref(error);
	return park(a, st, due);
}

/* ---- doubt ---- */

/* found: what the lost request made; it is the step's result. */
static enum verdict adopt(struct act *a, struct call_state *st, json_t *found)
{
	release_slot(a, st);
	step_meta(a, "adopted", json_true());
	step_meta(a, "attempts", json_integer(st->attempts));
	if (st->target->action->is_job)
		step_meta(a, "connection", json_string(st->conn->name));
	return step_done(a, json_incref(found));
}

/* A job's id is claimed before its result counts: no two effects may take one job for theirs. */
static enum verdict claim_job(struct act *a, struct call_state *st)
{
	const json_t *id = json_path(st->probe.found, st->target->action->job->id);
	step_record(a, REC_PROBE,
		    json_pack("{s:O, s:O}", "adopt", (json_t *)id, "found", st->probe.found));
	step_claim(a, st->conn->name, json_string_value(id));
	st->at = CALL_ADOPT;
	return step_barrier(a);
}

static unsigned looks(const struct act *a)
{
	return step_rec_count(a, REC_PROBE);
}

static enum verdict unsettled(struct act *a, struct call_state *st, const char *what)
{
	release_slot(a, st);
	tell(a, st);
	return step_in_doubt(a, "%s was sent and its answer was lost; %s", st->target->full, what);
}

/* The next look at the list of jobs: it may lag behind what happened. */
static enum verdict look_later(struct act *a, struct call_state *st, const char *evidence)
{
	static const int64_t after_ms[LOOKS] = {5000, 45000, SETTLE_MS};
	unsigned n = looks(a);
	int64_t due = act_now(a) + after_ms[n < LOOKS ? n : LOOKS - 1];
	step_record(a, REC_PROBE,
		    json_pack("{s:s, s:I}", "evidence", evidence, "due", (json_int_t)due));
	return park(a, st, due);
}

/* The doubt is settled, or a person has settled it: the open attempt counts as one without effect. */
static enum verdict send_again(struct act *a, struct call_state *st)
{
	int most = act_retry(a)->attempts ? act_retry(a)->attempts : ATTEMPTS;
	if (!st->crashed && (int)st->attempts >= most)
		return unsettled(a, st, "it is not there, and it was tried often enough");
	json_t *error = attempt_error(st, ERR_IN_DOUBT);
	if (has_open_attempt(a))
		record_attempt(a, st, error, 0, !st->crashed, true);
	json_decref(error);
	st->attempts -= st->crashed; /* that the program ended is not the API's fault */
	st->crashed = false;
	return attempt(a, st);
}

static enum verdict judge_keyed(struct act *a, struct call_state *st, enum probe_verdict v)
{
	switch (v) {
	case PROBE_FOUND:
		return adopt(a, st, st->probe.found);
	case PROBE_OTHER:
		return step_fail(a, ERR_EXISTS, "%s: something with this key exists already",
				 st->target->full);
	case PROBE_ABSENT:
		step_record(a, REC_PROBE, json_pack("{s:s}", "evidence", "absent"));
		return send_again(a, st);
	case PROBE_UNCLEAR:
		return unsettled(a, st, "it cannot be looked up");
	case PROBE_WAIT:
	case PROBE_FAILED:
	default:
		return look_later(a, st, "the look-up failed");
	}
}

static enum verdict judge_job(struct act *a, struct call_state *st, enum probe_verdict v)
{
	bool harmless = action_repeat_is_harmless(st->target->action, st->params);
	if (v == PROBE_FOUND)
		return claim_job(a, st);
	if (harmless && v == PROBE_ABSENT)
		return send_again(a, st); /* should it show late, nothing is lost */
	if (looks(a) < LOOKS && (v != PROBE_UNCLEAR || st->target->job_list))
		return look_later(
			a, st, v == PROBE_UNCLEAR ? "several jobs could be it" : "not there yet");
	if (harmless)
		return send_again(a, st);
	return unsettled(a, st,
			 v == PROBE_UNCLEAR ? "several jobs could be it"
					    : "no job that could be it has shown");
}

static enum verdict judge(struct act *a, struct call_state *st, enum probe_verdict v)
{
	st->at = CALL_PROBE;
	if (v == PROBE_WAIT)
		return STEP_WAIT;
	return st->effect == EFFECT_KEYED ? judge_keyed(a, st, v) : judge_job(a, st, v);
}

static int64_t intent_at(const struct act *a)
{
	return step_rec_at(a, REC_INTENT);
}

/* The bytes left and no whole answer came: what may be done is a matter of the effect class. */
static enum verdict doubt(struct act *a, struct call_state *st, int err)
{
	st->repeated = true;
	switch (st->effect) {
	case EFFECT_READ:
	case EFFECT_IDEMPOTENT:
		return again_later(a, st, err, true);
	case EFFECT_KEYED:
	case EFFECT_JOB:
		return judge(
			a, st,
			probe_start(&st->probe, a, st->target, st->conn, st->params, intent_at(a)));
	case EFFECT_ONCE:
	case EFFECTS:
	default:
		return unsettled(a, st, "it is never sent twice by itself");
	}
}

/* ---- sending ---- */

static enum verdict send_now(struct act *a, struct call_state *st)
{
	st->at = CALL_SEND;
	exchange_start(&st->x, a, st->conn, st->target->action);
	return STEP_WAIT;
}

static void record_intent(struct act *a, struct call_state *st)
{
	char id[ID_TEXT_LEN];
	json_t *body = json_pack("{s:i, s:s, s:s, s:s, s:O, s:o}", "attempt", (int)st->attempts,
				 "action", st->target->full, "class", effect_word(st->effect),
				 "effect", id_format(act_effect_id(a), id), "params", st->params,
				 "request", request_json(&st->x.text));
	step_record(a, REC_INTENT, body);
}

static enum verdict intend(struct act *a, struct call_state *st)
{
	st->attempts++;
	record_intent(a, st);
	st->at = CALL_INTENT;
	return step_barrier(a);
}

/* The longer the run has gone on, the more seldom it asks. */
static enum verdict wait_for_slot(struct act *a, struct call_state *st)
{
	int64_t wait = act_run_age_ms(a) / 8;
	wait = wait < SLOT_FIRST_MS ? SLOT_FIRST_MS : wait < SLOT_CAP_MS ? wait : SLOT_CAP_MS;
	st->at = CALL_PARKED;
	return step_park(a, RUN_WAITING,
			 act_now(a) + wait + (int64_t)rng_below(act_rng(a), (uint64_t)wait));
}

/* The place for an unanswered job is taken, or waited for. */
static enum verdict on_slot(struct act *a, struct call_state *st)
{
	st->slot = !act_claim_lost(a);
	if (st->slot)
		return intend(a, st);
	return wait_for_slot(a, st);
}

static enum verdict attempt(struct act *a, struct call_state *st)
{
	if (st->effect == EFFECT_READ) {
		st->attempts++;
		return send_now(a, st);
	}
	if (st->effect != EFFECT_JOB || st->slot)
		return intend(a, st);
	step_claim(a, st->conn->name, SLOT_ID);
	st->at = CALL_SLOT;
	return step_barrier(a);
}

/* ---- the answer ---- */

static enum verdict answered_well(struct act *a, struct call_state *st)
{
	const struct answer *r = &st->x.answer;
	tell(a, st);
	release_slot(a, st);
	if (st->target->action->is_job) {
		step_meta(a, "connection", json_string(st->conn->name));
		if (*r->job)
			step_claim(a, st->conn->name, r->job);
	}
	return step_done_as(a, json_incref(r->result),
			    r->outcome == ANSWER_PARTIAL ? "partial" : "ok");
}

/* A server error tells nothing about whether the request was carried out. */
static bool is_doubtful_status(const struct call_state *st)
{
	int status = st->x.answer.status;
	return st->effect != EFFECT_READ && st->effect != EFFECT_IDEMPOTENT && status >= 500 &&
	       status != 501 && status != 503;
}

static enum verdict answered_badly(struct act *a, struct call_state *st)
{
	const struct answer *r = &st->x.answer;
	if (is_doubtful_status(st))
		return doubt(a, st, ERR_SERVER);
	if (r->err == ERR_EXISTS && st->repeated && st->effect == EFFECT_KEYED)
		return doubt(a, st, r->err); /* it may be ours, from the attempt before */
	return again_later(a, st, r->err, false);
}

static enum verdict on_answered(struct act *a, struct call_state *st)
{
	int err = exchange_read(&st->x, st->repeated);
	if (err && st->x.req.reach == HTTP_ANSWERED)
		return give_up(a, st, attempt_error(st, err));
	if (err && st->x.req.reach == HTTP_NOT_SENT)
		return again_later(a, st, err, false);
	if (err == ERR_TOOBIG && st->effect == EFFECT_READ)
		return give_up(a, st, attempt_error(st, err));
	if (err)
		return doubt(a, st, err);
	switch (st->x.answer.outcome) {
	case ANSWER_OK:
	case ANSWER_PARTIAL:
		return answered_well(a, st);
	case ANSWER_AGAIN:
	case ANSWER_ERROR:
	default:
		return answered_badly(a, st);
	}
}

/* ---- the kind ---- */

/* When the next attempt or look is due, by the newest of the records that say so; 0: at once. */
static int64_t recorded_due(const struct act *a)
{
	json_t *probe = step_rec(a, REC_PROBE);
	if (probe && step_rec_at(a, REC_PROBE) >= step_rec_at(a, REC_ATTEMPT) &&
	    json_object_get(probe, "due"))
		return json_int(probe, "due", 0);
	return json_int(step_rec(a, REC_ATTEMPT), "due", 0);
}

/* A person wants it sent again, whatever its class: the count and the clock begin anew. */
static enum verdict again_by_person(struct act *a, struct call_state *st)
{
	st->attempts = 0;
	st->first = act_now(a);
	st->slot = false; /* given up when the person was asked */
	st->crashed = false;
	return send_again(a, st);
}

static enum verdict go_on_open(struct act *a, struct call_state *st)
{
	json_t *found = json_object_get(step_rec(a, REC_PROBE), "found");
	if (found)
		return adopt(a, st, found); /* claimed before the program ended */
	st->crashed = true;
	if (st->effect == EFFECT_READ || st->effect == EFFECT_IDEMPOTENT)
		return send_again(a, st);
	return doubt(a, st, ERR_IN_DOUBT);
}

/* Where the journal says that this call stands: also how a call begins. */
static enum verdict go_on(struct act *a, struct call_state *st)
{
	json_t *probe = step_rec(a, REC_PROBE);
	int64_t due = recorded_due(a);
	read_attempts(a, st);
	if (act_again(a))
		return again_by_person(a, st);
	if (json_object_get(probe, "doubt"))
		return step_in_doubt(a, "%s", json_str(probe, "doubt"));
	if (due > act_now(a))
		return park(a, st, due);
	return has_open_attempt(a) ? go_on_open(a, st) : attempt(a, st);
}

static enum verdict call_start(struct act *a)
{
	struct call_state *st = act_state(a);
	st->target = find_target(a);
	if (!st->target || !find_connection(a, st) || !find_params(a, st) || !render(a, st))
		return STEP_FAIL;
	st->effect = action_effect(st->target->action, st->params);
	return go_on(a, st);
}

static enum verdict call_resume(struct act *a)
{
	struct call_state *st = act_state(a);
	switch (st->at) {
	case CALL_SLOT:
		return on_slot(a, st);
	case CALL_INTENT:
		return send_now(a, st);
	case CALL_SEND:
		return on_answered(a, st);
	case CALL_PROBE:
		return judge(a, st, probe_resume(&st->probe));
	case CALL_ADOPT:
		if (act_claim_lost(a))
			return look_later(a, st, "another effect has that job");
		return adopt(a, st, st->probe.found);
	case CALL_PARKED:
	default:
		return go_on(a, st);
	}
}

/* A read is broken off; anything else is awaited, since it may act. */
static bool call_cancel(struct act *a)
{
	struct call_state *st = act_state(a);
	if (st->at == CALL_SEND && st->effect == EFFECT_READ)
		exchange_cancel(&st->x);
	if (st->effect == EFFECT_JOB && st->at != CALL_SEND && st->at != CALL_PROBE)
		step_release(a, st->conn->name, SLOT_ID); /* it ends here, nothing is under way */
	return true;
}

static void call_drop(struct act *a)
{
	struct call_state *st = act_state(a);
	exchange_done(&st->x);
	probe_done(&st->probe);
	json_decref(st->params);
	st->params = NULL;
}

/* ---- checks ---- */

/* What stands for a value that an expression will give. */
static json_t *unknown_value, *unknown_text;

static enum value_known known(void *arg, const json_t *v)
{
	(void)arg;
	return v == unknown_value ? VALUE_UNKNOWN : v == unknown_text ? VALUE_TEXT : VALUE_KNOWN;
}

/* The parameters as far as they are literal. */
static json_t *sketch(const struct tmpl *t)
{
	json_t *v;
	switch (t->kind) {
	case TMPL_LITERAL:
		return json_incref(t->literal);
	case TMPL_EXPR:
		return json_incref(unknown_value);
	case TMPL_TEXT:
		return json_incref(unknown_text);
	case TMPL_MAP:
		v = json_object();
		for (size_t i = 0; i < t->n; i++)
			json_object_set_new(v, t->keys[i], sketch(t->items[i]));
		return v;
	case TMPL_LIST:
	default:
		v = json_array();
		for (size_t i = 0; i < t->n; i++)
			json_array_append_new(v, sketch(t->items[i]));
		return v;
	}
}

struct place {
	struct plan_check *check;
	const struct step *step;
	const struct tmpl *with;
	const char *action;
};

/* The node that a violation's path ("email_address.address", "notes[2].content") leads to. */
static const struct tmpl *node_at(const struct tmpl *t, const char *path)
{
	while (t && *path) {
		const struct tmpl *next = NULL;
		size_t len = strcspn(path, ".[");
		if (*path == '[') {
			size_t i = strtoul(path + 1, NULL, 10);
			next = !t->keys && i >= 1 && i <= t->n ? t->items[i - 1] : NULL;
			len = strcspn(path, "]") + 1;
		}
		for (size_t i = 0; t->keys && i < t->n && !next; i++)
			if (strlen(t->keys[i]) == len && memcmp(t->keys[i], path, len) == 0)
				next = t->items[i];
		if (!next)
			return t;
		t = next;
		path += len;
		if (*path == '.')
			path++;
	}
	return t;
}

static void on_violation(void *arg, const char *path, const char *message, bool warning)
{
	const struct place *p = arg;
	const struct tmpl *t = p->with ? node_at(p->with, path) : NULL;
	int line = t && t->line ? t->line : p->step->line,
	    col = t && t->line ? t->col : p->step->col;
	const char *colon = *path ? ": " : "";
	if (warning)
		p->check->warn(p->check, line, col, "%s: %s%s%s", p->action, path, colon, message);
	else
		p->check->error(p->check, line, col, "%s: %s%s%s", p->action, path, colon, message);
}

/* The nearest name for the wrong part of a path into an answer. */
static int has_field(void *arg, const char *dotted, char *near, size_t max)
{
	const struct action *action = arg;
	const char *const *names;
	size_t at = 0, n = 0;
	if (action_has_field(action, dotted, &at, &names, &n) != FIELD_NO)
		return 1;
	size_t len = strcspn(dotted + at, ".");
	auto_free char *part = mem_strndup(dotted + at, len);
	const char *found = suggest(part, names, n);
	if (max && found)
		snprintf(near, max, "%.*s%s", (int)at, dotted, found);
	return 0;
}

static void call_check(struct plan_check *c, struct step *s)
{
	struct call_args *args = s->args;
	if (!unknown_value) {
		unknown_value = json_string("an expression");
		unknown_text = json_string("a text with an expression");
	}
	args->target = target_check(c, args->action, s->line, s->col);
	if (!args->target)
		return;
	struct place place = {c, s, args->with, args->target->full};
	struct check check = {.violation = on_violation, .known = known, .arg = &place};
	json_t *with = args->with ? sketch(args->with) : json_object();
	if (json_is_object(with))
		(void)action_check(args->target->action, with, &check);
	else if (with != unknown_value)
		c->error(c, s->line, s->col, "with: takes a map of parameters");
	json_decref(with);
	if (c->gives)
		c->gives(c, s, has_field, args->target->action);
}

static const struct param call_params[] = {
	{"call", P_STRING, IN_WORD, true, offsetof(struct call_args, action), "connection.action"},
	{"with", P_TMPL, BESIDE, false, offsetof(struct call_args, with),
	 "the action's parameters, flat, under the API's names"},
	{"connection", P_TMPL, BESIDE, false, offsetof(struct call_args, connection),
	 "another connection of the same connector, chosen at run time"},
	{0},
};

const struct step_kind kind_call = {
	.name = "call",
	.help = "calls one action of the catalogue",
	.params = call_params,
	.args_size = sizeof(struct call_args),
	.state_size = sizeof(struct call_state),
	.check = call_check,
	.start = call_start,
	.resume = call_resume,
	.cancel = call_cancel,
	.drop = call_drop,
	.retries = true,
};

const char *call_action(const struct step *s)
{
	return s->kind == &kind_call ? ((const struct call_args *)s->args)->action : NULL;
}
