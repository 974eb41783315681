/* Attempts of a call that ended without a result: how they count, and when the next one is due. */
#include "actions/call.h"
#include "actions/policy.h"
#include "engine/base/json.h"

/* ---- what the journal tells ---- */

/* An A closes the I before it, unless it says that there was none: no leave, or a merge's read failed. */
static unsigned closed(const struct act *a)
{
	unsigned n = 0;
	json_t *rec;
	for (unsigned i = 0; (rec = step_rec_at_index(a, REC_ATTEMPT, i)); i++)
		n += json_bool(rec, "sent", true);
	return n;
}

bool call_has_open_attempt(const struct act *a)
{
	return step_rec_count(a, REC_INTENT) > closed(a);
}

/* The sends that count so far and the time of the first: from the last attempt that was closed. */
void call_read_attempts(const struct act *a, struct call_state *st)
{
	json_t *last = step_rec(a, REC_ATTEMPT);
	bool open = call_has_open_attempt(a);
	st->attempts = (unsigned)json_int(last, "counted", 0) + open;
	st->first = json_int(last, "first", act_now(a));
	st->repeated = json_bool(last, "doubt", false) || open;
	st->since = json_int(last, "since", 0);
	if (open && !st->since)
		st->since = step_rec_at(a, REC_INTENT);
}

/* ---- how an attempt ends without a result ---- */

void call_record_attempt(struct act *a, struct call_state *st, const json_t *error, int64_t due,
			 bool counts, bool doubt)
{
	json_t *body = json_pack(
		"{s:i, s:I, s:O, s:I, s:b}", "counted", (int)(st->attempts - (counts ? 0 : 1)),
		"first", (json_int_t)st->first, "error", (json_t *)error, "due", (json_int_t)due,
		"doubt", doubt || st->repeated); /* one doubt is not taken away by a refusal */
	if (st->since)
		json_object_set_new(body, "since", json_integer(st->since));
	if (!call_has_open_attempt(a))
		json_object_set_new(body, "sent", json_false());
	if (st->effect == EFFECT_READ)
		json_object_set(body, "params", st->params);
	step_record(a, REC_ATTEMPT, body);
}

json_t *call_error(const struct call_state *st, int err)
{
	const struct exchange *x = &st->x;
	bool answered = x->req.err == 0 && x->action;
	const char *text = x->pass.err ? x->pass.msg.text
			   : answered  ? x->answer.msg.text
				       : x->req.msg.text;
	json_t *e = json_pack("{s:s, s:s}", "name", err_name(err), "message", text);
	if (!e)
		e = json_pack("{s:s}", "name", err_name(err));
	if (answered)
		json_object_set_new(e, "status", json_integer(x->answer.status));
	if (answered && *x->answer.key)
		json_object_set_new(e, "key", json_string(x->answer.key));
	return e;
}

void call_tell(struct act *a, const struct call_state *st)
{
	step_meta(a, "attempts", json_integer(st->attempts));
	if (!st->x.req.err && st->x.answer.status)
		step_meta(a, "status", json_integer(st->x.answer.status));
}

enum verdict call_give_up(struct act *a, struct call_state *st, json_t *error)
{
	call_leave_places(a, st);
	call_tell(a, st);
	return step_fail_error(a, error);
}

enum verdict call_park(struct act *a, struct call_state *st, int64_t due)
{
	st->at = CALL_PARKED;
	return step_park(a, RUN_RETRYING, due);
}

/* The attempt had no effect, or may be repeated: again later, if the policy wants it. */
enum verdict call_again_later(struct act *a, struct call_state *st, int err, bool doubt)
{
	json_t *error = call_error(st, err);
	if (!policy_wants(a, st->attempts, st->first, error, err))
		return call_give_up(a, st, error);
	int64_t due = policy_due(a, st->attempts, err, st->x.answer.wait_ms);
	call_leave_job_place(a, st);
	call_record_attempt(a, st, error, due, err != ERR_THROTTLED && err != ERR_QUOTA, doubt);
	json_decref(error);
	return call_park(a, st, due);
}
