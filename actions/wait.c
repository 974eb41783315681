/*
 * `wait`: for a time, until an instant, or for a bulk activity to end.
 *
 * W opens it and holds the due time, T ends it with what came. Between them the run is parked: an
 * activity is looked at from time to time, at intervals that grow with how long it has taken. Of a list
 * of activities one is looked at after the other, and D keeps how each has ended.
 */
#include "actions/wait.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/run/step.h"

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

/* ---- the kind ---- */

static bool wait_is_event(const struct wait_args *args)
{
	return args->event || args->conversation || args->webhook || args->run;
}

static enum verdict wait_start(struct act *a)
{
	const struct wait_args *args = act_args(a);
	if (wait_is_event(args))
		return wait_event_go(a);
	return args->activity ? wait_job_start(a, act_state(a)) : wait_for_time(a);
}

static enum verdict wait_resume(struct act *a)
{
	struct wait_state *st = act_state(a);
	bool again = st->at == WAIT_PARKED || wait_is_event(act_args(a));
	return again ? wait_start(a) : wait_job_resume(a, st);
}

static bool wait_cancel(struct act *a)
{
	struct wait_state *st = act_state(a);
	return wait_job_cancel(st);
}

static void wait_drop(struct act *a)
{
	struct wait_state *st = act_state(a);
	watch_leave(&st->watch);
	exchange_done(&st->x);
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

static const char *const activity_fields[] = {"outcome", "state",     "percent_done", "errors",
					      "status",  "result_id", "activities",   NULL};

static void check_filters(struct plan_check *c, const struct step *s)
{
	const struct wait_args *args = s->args;
	bool any = args->where || args->match || args->scan;
	for (size_t i = 0; i < WAIT_OWN; i++)
		any |= args->own[i] != NULL;
	if (any)
		c->error(c, s->line, s->col, "only a wait for an event has a filter");
}

static void wait_check(struct plan_check *c, struct step *s)
{
	struct wait_args *args = s->args;
	int n = (args->time != NULL) + (args->until != NULL) + (args->activity != NULL) +
		(args->event != NULL) + (args->conversation != NULL) + (args->webhook != NULL) +
		(args->run != NULL);
	if (n != 1) {
		c->error(c, s->line, s->col,
			 "wait needs one of: a duration, {until: …}, {activity: …}, {event: …}, "
			 "{conversation: …}, {webhook: …} or {run: …}");
		return;
	}
	if (!args->timeout_ms && args->other.kind != ELSE_UNSET)
		c->error(c, s->line, s->col, "a wait with else needs a timeout");
	if (wait_is_event(args))
		wait_event_check(c, s);
	else
		check_filters(c, s);
	if (args->timeout_ms && !args->activity && !wait_is_event(args))
		c->error(c, s->line, s->col, "only a wait for something can have a timeout");
	if (args->time)
		check_time(c, args->time);
	if (args->activity)
		check_activity(c, s, args);
	/* What steps of an else: give, nobody knows. */
	if (args->activity && args->other.kind != ELSE_STEPS)
		c->gives(c, s, plan_has_name, (void *)activity_fields);
	else if (wait_is_event(args) && args->other.kind != ELSE_STEPS)
		c->gives_event(c, s, args->conversation != NULL);
}

static const struct param wait_params[] = {
	{"wait", P_TMPL, IN_WORD, false, offsetof(struct wait_args, time), "a duration"},
	{"until", P_TMPL, IN_MAP, false, offsetof(struct wait_args, until), "an instant"},
	{"activity", P_TMPL, IN_MAP, false, offsetof(struct wait_args, activity),
	 "the answer of the call that began a bulk activity, or its id; or a list of them"},
	{"connection", P_STRING, IN_MAP, false, offsetof(struct wait_args, connection),
	 "whose activity it is, when that cannot be seen"},
	{"event", P_STRING, IN_MAP, false, offsetof(struct wait_args, event),
	 "the type of an event; * at the end stands for any rest"},
	{"conversation", P_STRING, IN_MAP, false, offsetof(struct wait_args, conversation),
	 "the type of an event of the same conversation"},
	{"webhook", P_STRING, IN_MAP, false, offsetof(struct wait_args, webhook), "a hook's name"},
	{"run", P_STRING, IN_MAP, false, offsetof(struct wait_args, run),
	 "how a run ends: completed, failed or cancelled"},
	{"where", P_TMPL, IN_MAP, false, offsetof(struct wait_args, where),
	 "values that the event must have; a list means any of them"},
	{"match", P_EXPR, IN_MAP, false, offsetof(struct wait_args, match),
	 "a condition over the event, `it`"},
	{"scan", P_BOOL, IN_MAP, false, offsetof(struct wait_args, scan),
	 "true: any event of that type is meant"},
	{"platform", P_TMPL, IN_MAP, false, offsetof(struct wait_args, own[WAIT_PLATFORM]),
	 "the conversation's platform"},
	{"channel", P_TMPL, IN_MAP, false, offsetof(struct wait_args, own[WAIT_CHANNEL]),
	 "the conversation's channel"},
	{"intent", P_TMPL, IN_MAP, false, offsetof(struct wait_args, own[WAIT_INTENT]),
	 "the name of an intent"},
	{"source", P_TMPL, IN_MAP, false, offsetof(struct wait_args, own[WAIT_SOURCE]),
	 "the event's source"},
	{"subject", P_TMPL, IN_MAP, false, offsetof(struct wait_args, own[WAIT_SUBJECT]),
	 "the event's subject"},
	{"timeout", P_DURATION, IN_MAP, false, offsetof(struct wait_args, timeout_ms),
	 "how long at the most"},
	{"else", P_ELSE, IN_MAP, false, offsetof(struct wait_args, other),
	 "what comes after the timeout: fail, continue or steps"},
	{0},
};

const struct step_kind kind_wait = {
	.name = "wait",
	.help = "waits for a time, an event or a bulk activity, without costing memory",
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
