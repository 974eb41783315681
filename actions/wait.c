/*
 * `wait`: for a time, until an instant, or for a bulk activity to end.
 *
 * W opens it and holds the due time, T ends it with what came. Between them the run is parked: an
 * activity is looked at from time to time, at intervals that grow with how long it has taken. Of a list
 * of activities one is looked at after the other, and D keeps how each has ended.
 */
#include <stdlib.h>
#include <string.h>

#include "actions/exchange.h"
#include "actions/services.h"
#include "actions/target.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/run/step.h"

#define POLL_FIRST_MS 1000
#define POLL_CAP_MS (60 * 1000)
#define POLL_ERROR_MS 5000

struct wait_args {
	struct tmpl *time; /* wait: 10m */
	struct tmpl *until;
	struct tmpl *activity;
	const char *connection;
	int64_t timeout_ms;
	struct else_arg other;
	const struct target *job; /* found by the check: the call that began the activity */
	const char *job_connection;
};

enum wait_at { WAIT_PARKED, WAIT_LOOK, WAIT_ELSE };

struct wait_state {
	enum wait_at at;
	struct exchange x;
	const struct connection *conn;
	const struct action *action; /* reads one activity */
};

/* ---- times ---- */

/* A number of seconds since 1970, or a text as RFC 3339 has it. */
static bool read_instant(struct act *a, const json_t *v, int64_t *ret)
{
	if (json_is_number(v)) {
		*ret = (int64_t)(json_number_value(v) * 1000);
		return true;
	}
	if (json_is_string(v) && time_parse(json_string_value(v), ret, act_msg(a)) == 0)
		return true;
	(void)step_fail(a, ERR_INVALID,
			"until needs a time: seconds since 1970 or RFC 3339, not %s",
			v ? json_type_word(v) : "nil");
	return false;
}

/* A duration as a text ("10m"), or a number of seconds. */
static bool read_duration(struct act *a, const json_t *v, int64_t *ret)
{
	if (json_is_number(v)) {
		*ret = act_now(a) + (int64_t)(json_number_value(v) * 1000);
		return true;
	}
	int64_t ms;
	if (json_is_string(v) && duration_parse(json_string_value(v), &ms, act_msg(a)) == 0) {
		*ret = act_now(a) + ms;
		return true;
	}
	(void)step_fail(a, ERR_INVALID, "wait needs a duration such as 10m, not %s",
			json_is_string(v) ? json_string_value(v)
			: v               ? json_type_word(v)
					  : "nil");
	return false;
}

static bool find_due(struct act *a, int64_t *due)
{
	const struct wait_args *args = act_args(a);
	json_t *v;
	if (!act_eval(a, args->until ? args->until : args->time, &v))
		return false;
	bool ok = args->until ? read_instant(a, v, due) : read_duration(a, v, due);
	json_decref(v);
	return ok;
}

/* ---- for a time ---- */

static enum verdict time_taken(struct act *a)
{
	step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "timer"));
	return step_done(a, NULL);
}

static enum verdict wait_for_time(struct act *a)
{
	json_t *open = step_rec(a, REC_WAIT);
	int64_t due = json_int(open, "due", 0);
	if (!open) {
		if (!find_due(a, &due))
			return STEP_FAIL;
		step_record(a, REC_WAIT,
			    json_pack("{s:s, s:I}", "kind", "timer", "due", (json_int_t)due));
	}
	return due <= act_now(a) ? time_taken(a) : step_park(a, RUN_WAITING, due);
}

/* ---- for an activity ---- */

static bool is_job_reader(const struct catalogue *cat, const struct connection *c,
			  const struct action **ret)
{
	size_t i = 0;
	for (const struct action *x; c->connector && (x = catalogue_next(cat, &i));)
		if (strcmp(x->connector, c->connector) == 0 && x->job) {
			*ret = catalogue_find(cat, c->connector, x->job->action);
			return *ret != NULL;
		}
	return false;
}

/* The only connection whose activities can be followed, when nothing says which. */
static bool find_only_connection(struct act *a, struct wait_state *st)
{
	const struct services *s = act_services(a);
	size_t i = 0, n = 0;
	const struct action *action;
	for (const struct connection *c; (c = connections_next(s->connections, &i));)
		if (is_job_reader(s->catalogue, c, &action) && ++n == 1) {
			st->conn = c;
			st->action = action;
		}
	if (n == 1)
		return true;
	(void)step_fail(a, ERR_INVALID,
			"say whose activity it is: wait: {activity: …, connection: NAME}");
	return false;
}

static bool find_reader(struct act *a, struct wait_state *st)
{
	const struct wait_args *args = act_args(a);
	const struct services *s = act_services(a);
	const char *name = args->connection ? args->connection : args->job_connection;
	if (!name)
		return find_only_connection(a, st);
	st->conn = connections_find(s->connections, name);
	if (!st->conn) {
		(void)step_fail(a, ERR_INVALID, "there is no connection '%s'", name);
		return false;
	}
	if (args->job)
		st->action = args->job->job_status;
	else if (!is_job_reader(s->catalogue, st->conn, &st->action))
		st->action = NULL;
	if (!st->action)
		(void)step_fail(a, ERR_INVALID, "%s has no activities to wait for", name);
	return st->action != NULL;
}

/* Its id: the value itself, or the id inside the answer of the call that began it. */
static const char *job_id(const struct action *action, const json_t *v)
{
	if (json_is_object(v))
		v = json_path(v, action->job->id);
	return json_is_string(v) ? json_string_value(v) : NULL;
}

/* The ids of a list of answers or ids; NULL when one of them has none, or nothing is in it. */
static json_t *job_ids(const struct action *action, const json_t *list)
{
	json_t *ids = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = job_id(action, json_array_get(list, i));
		if (!id || json_array_append_new(ids, json_string(id)) != 0) {
			json_decref(ids);
			return NULL;
		}
	}
	if (json_array_size(ids))
		return ids;
	json_decref(ids);
	return NULL;
}

static bool open_wait(struct act *a, struct wait_state *st)
{
	const struct wait_args *args = act_args(a);
	json_auto_t *v = NULL;
	if (!act_eval(a, args->activity, &v))
		return false;
	const char *id = job_id(st->action, v);
	json_t *ids = json_is_array(v) ? job_ids(st->action, v) : NULL;
	if (!id && !ids) {
		(void)step_fail(a, ERR_INVALID,
				"activity needs an activity's id or the answer of the "
				"call that began it, or a list of them, not %s",
				v ? json_type_word(v) : "nil");
		return false;
	}
	json_int_t until = args->timeout_ms ? act_now(a) + args->timeout_ms : 0;
	json_t *w = json_pack("{s:s, s:I}", "kind", "activity", "until", until);
	if (ids)
		json_object_set_new(w, "ids", ids);
	else
		json_object_set_new(w, "id", json_string(id));
	step_record(a, REC_WAIT, w);
	return true;
}

/* Those of the list that have ended come first. */
static json_t *current_id(const struct act *a)
{
	json_t *w = step_rec(a, REC_WAIT), *ids = json_object_get(w, "ids");
	return ids ? json_array_get(ids, step_rec_count(a, REC_DECISION))
		   : json_object_get(w, "id");
}

/* A quarter of what it has taken so far: a second at first, a minute in the end. */
static int64_t next_look(const struct act *a)
{
	int64_t taken = act_now(a) - step_rec_at(a, REC_WAIT), wait = taken / 4;
	if (wait < POLL_FIRST_MS)
		wait = POLL_FIRST_MS;
	return act_now(a) + (wait < POLL_CAP_MS ? wait : POLL_CAP_MS);
}

static int64_t give_up_at(const struct act *a)
{
	return json_int(step_rec(a, REC_WAIT), "until", 0);
}

static enum verdict look_later(struct act *a, struct wait_state *st, int64_t due)
{
	int64_t until = give_up_at(a);
	st->at = WAIT_PARKED;
	return step_park(a, RUN_WAITING, until && until < due ? until : due);
}

static json_t *outcome_json(const char *word)
{
	return json_pack("{s:s}", "outcome", word);
}

static enum verdict timed_out(struct act *a, struct wait_state *st)
{
	const struct wait_args *args = act_args(a);
	switch (args->other.kind) {
	case ELSE_CONTINUE:
		step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "timeout"));
		return step_done_as(a, outcome_json("waiting"), "waiting");
	case ELSE_STEPS:
		st->at = WAIT_ELSE;
		return step_enter(a, &args->other.body, NULL, NULL);
	case ELSE_UNSET:
	case ELSE_FAIL:
	default:
		return step_fail(a, ERR_TIMEOUT, "the activity has not ended in time");
	}
}

static enum verdict look(struct act *a, struct wait_state *st)
{
	json_auto_t *params = json_pack("{s:O}", st->action->job->param, current_id(a));
	exchange_of(&st->x, a, st->conn, st->action, PASS_LOOK);
	if (exchange_render(&st->x, params, act_msg(a)) != 0)
		return step_fail_msg(a);
	st->at = WAIT_LOOK;
	exchange_start(&st->x);
	return STEP_WAIT;
}

/*
 * How a list ended as a whole: as all of them did; partial where only some did what they should; else as
 * the first that did not.
 */
static const char *joined_outcome(const json_t *results)
{
	const char *first = json_str(json_array_get(results, 0), "outcome"), *bad = NULL;
	bool same = true, some = false;
	const json_t *r;
	size_t i;
	json_array_foreach ((json_t *)results, i, r) {
		const char *word = json_str(r, "outcome");
		bool well = strcmp(word, "completed") == 0 || strcmp(word, "partial") == 0;
		same = same && strcmp(word, first) == 0;
		some = some || well;
		bad = bad || well ? bad : word;
	}
	return same ? first : some ? "partial" : bad;
}

static enum verdict all_ended(struct act *a)
{
	json_t *results = json_array(), *d;
	for (unsigned i = 0; (d = step_rec_at_index(a, REC_DECISION, i)); i++)
		json_array_append(results, json_object_get(d, "ended"));
	step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "activity"));
	const char *outcome = joined_outcome(results);
	return step_done(a, json_pack("{s:s, s:o}", "outcome", outcome, "activities", results));
}

/* Takes result. */
static enum verdict one_ended(struct act *a, struct wait_state *st, json_t *result)
{
	json_t *ids = json_object_get(step_rec(a, REC_WAIT), "ids");
	if (!ids) {
		step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "activity"));
		return step_done(a, result);
	}
	step_record(a, REC_DECISION, json_pack("{s:o}", "ended", result));
	return step_rec_count(a, REC_DECISION) < json_array_size(ids) ? look(a, st) : all_ended(a);
}

static enum verdict activity_ended(struct act *a, struct wait_state *st)
{
	return one_ended(a, st, job_result(st->action->job, st->x.answer.result));
}

/* Statuses are kept for some days only. */
static enum verdict not_found(struct act *a, struct wait_state *st)
{
	int64_t kept = st->action->job->kept_ms;
	if (kept && act_now(a) - step_rec_at(a, REC_WAIT) > kept)
		return one_ended(a, st, outcome_json("expired"));
	return step_fail(a, ERR_NOT_FOUND, "there is no such activity");
}

static enum verdict judge(struct act *a, struct wait_state *st)
{
	int err = exchange_read(&st->x, false);
	if (err)
		return look_later(a, st, act_now(a) + POLL_ERROR_MS);
	const struct answer *r = &st->x.answer;
	if (r->outcome == ANSWER_OK || r->outcome == ANSWER_PARTIAL)
		return job_classify(st->action->job, r->result) == JOB_RUNNING
			       ? look_later(a, st, next_look(a))
			       : activity_ended(a, st);
	if (r->err == ERR_NOT_FOUND)
		return not_found(a, st);
	if (err_class(r->err) == ERR_TRANSIENT)
		return look_later(
			a, st,
			act_now(a) + (r->wait_ms > POLL_ERROR_MS ? r->wait_ms : POLL_ERROR_MS));
	return step_fail(a, r->err, "%s", r->msg.text);
}

static enum verdict wait_for_activity(struct act *a, struct wait_state *st)
{
	if (!find_reader(a, st))
		return STEP_FAIL;
	if (!step_rec(a, REC_WAIT)) {
		if (!open_wait(a, st))
			return STEP_FAIL;
		return look_later(a, st, act_now(a) + POLL_FIRST_MS);
	}
	int64_t until = give_up_at(a);
	if (!current_id(a))
		return all_ended(a); /* the process ended just before this */
	return until && until <= act_now(a) ? timed_out(a, st) : look(a, st);
}

/* ---- the kind ---- */

static enum verdict wait_start(struct act *a)
{
	const struct wait_args *args = act_args(a);
	return args->activity ? wait_for_activity(a, act_state(a)) : wait_for_time(a);
}

static enum verdict wait_resume(struct act *a)
{
	struct wait_state *st = act_state(a);
	if (st->at == WAIT_LOOK)
		return judge(a, st);
	if (st->at == WAIT_ELSE) {
		json_t *error = act_child_error(a);
		return error ? step_fail_error(a, json_incref(error))
			     : step_done_as(a, outcome_json("waiting"), "waiting");
	}
	return wait_start(a);
}

static bool wait_cancel(struct act *a)
{
	struct wait_state *st = act_state(a);
	if (st->at == WAIT_LOOK)
		exchange_cancel(&st->x);
	return true;
}

static void wait_drop(struct act *a)
{
	exchange_done(&((struct wait_state *)act_state(a))->x);
}

/* The step whose answer `=tagging` or `=tagging.activity_id` names. */
static void check_activity(struct plan_check *c, struct step *s, struct wait_args *args)
{
	const struct tmpl *t = args->activity;
	if (t->kind != TMPL_EXPR || args->connection)
		return;
	size_t len =
		strspn(t->src, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	auto_free char *name = mem_strndup(t->src, len);
	const struct step *by = len ? c->step_named(c, name) : NULL;
	const char *full = by ? call_action(by) : NULL;
	args->job = full ? target_find(c->plan, full) : NULL;
	if (!args->job)
		return;
	if (!args->job->action->is_job || !args->job->job_status) {
		c->error(c, t->line, t->col,
			 "%s gives no activity to wait for: it has ended when it answers", full);
		args->job = NULL;
		return;
	}
	args->job_connection = args->job->connection;
}

static void check_time(struct plan_check *c, const struct tmpl *t)
{
	struct errmsg msg;
	int64_t ms;
	const char *text = t->kind == TMPL_LITERAL ? json_string_value(t->literal) : NULL;
	if (t->kind != TMPL_LITERAL)
		return;
	if (json_is_number(t->literal))
		c->error(c, t->line, t->col, "a duration needs its unit: 10s, 10m, 2h or 3d");
	else if (!text)
		c->error(c, t->line, t->col, "wait needs a duration such as 10m, or {until: …}");
	else if (duration_parse(text, &ms, &msg) != 0)
		c->error(c, t->line, t->col, "%s", msg.text);
}

static void wait_check(struct plan_check *c, struct step *s)
{
	struct wait_args *args = s->args;
	int n = (args->time != NULL) + (args->until != NULL) + (args->activity != NULL);
	if (n != 1) {
		c->error(c, s->line, s->col,
			 "wait needs one of: a duration, {until: …} or {activity: …}");
		return;
	}
	if (!args->timeout_ms && args->other.kind != ELSE_UNSET)
		c->error(c, s->line, s->col, "a wait with else needs a timeout");
	if (args->timeout_ms && !args->activity)
		c->error(c, s->line, s->col, "only a wait for something can have a timeout");
	if (args->time)
		check_time(c, args->time);
	if (args->activity)
		check_activity(c, s, args);
}

static const struct param wait_params[] = {
	{"wait", P_TMPL, IN_WORD, false, offsetof(struct wait_args, time), "a duration"},
	{"until", P_TMPL, IN_MAP, false, offsetof(struct wait_args, until), "an instant"},
	{"activity", P_TMPL, IN_MAP, false, offsetof(struct wait_args, activity),
	 "the answer of the call that began a bulk activity, or its id; or a list of them"},
	{"connection", P_STRING, IN_MAP, false, offsetof(struct wait_args, connection),
	 "whose activity it is, when that cannot be seen"},
	{"timeout", P_DURATION, IN_MAP, false, offsetof(struct wait_args, timeout_ms),
	 "how long at the most"},
	{"else", P_ELSE, IN_MAP, false, offsetof(struct wait_args, other),
	 "what comes after the timeout: fail, continue or steps"},
	{0},
};

const struct step_kind kind_wait = {
	.name = "wait",
	.help = "waits for a time or for a bulk activity, without costing memory",
	.params = wait_params,
	.args_size = sizeof(struct wait_args),
	.state_size = sizeof(struct wait_state),
	.check = wait_check,
	.start = wait_start,
	.resume = wait_resume,
	.cancel = wait_cancel,
	.drop = wait_drop,
	.retries = true,
};
