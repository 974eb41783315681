/* Attempts of a call that ended without a result: how they count, and when the next one is due. */
#include <string.h>

#include "actions/call.h"
#include "engine/base/json.h"

#define ATTEMPTS 6
#define FIRST_MS 1000
#define CAP_MS (5 * 60 * 1000)
#define WITHIN_MS (2 * 3600 * 1000)
#define THROTTLED_MS 1000

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

unsigned call_attempts_max(const struct act *a)
{
	int said = act_retry(a)->attempts;
	return said > 0 ? (unsigned)said : ATTEMPTS;
}

static bool policy_wants(const struct act *a, const struct call_state *st, const json_t *error,
			 int err)
{
	const struct retry *r = act_retry(a);
	int64_t within = r->within_ms ? r->within_ms : WITHIN_MS;
	bool counts = err != ERR_THROTTLED && err != ERR_QUOTA;
	if (counts && st->attempts >= call_attempts_max(a))
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

enum verdict call_park(struct act *a, struct call_state *st, int64_t due)
{
	st->at = CALL_PARKED;
	return step_park(a, RUN_RETRYING, due);
}

/* The attempt had no effect, or may be repeated: again later, if the policy wants it. */
enum verdict call_again_later(struct act *a, struct call_state *st, int err, bool doubt)
{
	json_t *error = call_error(st, err);
	if (!policy_wants(a, st, error, err))
		return call_give_up(a, st, error);
	int64_t due = next_due(a, st, err);
	call_leave_job_place(a, st);
	call_record_attempt(a, st, error, due, err != ERR_THROTTLED && err != ERR_QUOTA, doubt);
	json_decref(error);
	return call_park(a, st, due);
}
