/* Calls whose bytes left and whose answer never came: what may be done about them. */
#include <stdlib.h>

#include "actions/call.h"
#include "engine/base/json.h"

#define SETTLE_MS (2 * 60 * 1000) /* how long a lost job may take to show in the list */
#define LOOKS 3

/* found: what the lost request made; it is the step's result. */
enum verdict call_adopt(struct act *a, struct call_state *st, json_t *found)
{
	call_release_slot(a, st);
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
	call_release_slot(a, st);
	call_tell(a, st);
	return step_in_doubt(a, "%s was sent and its answer was lost; %s", st->target->full, what);
}

/* The next look at the list of jobs: it may lag behind what happened. */
enum verdict call_look_later(struct act *a, struct call_state *st, const char *evidence)
{
	static const int64_t after_ms[LOOKS] = {5000, 45000, SETTLE_MS};
	unsigned n = looks(a);
	int64_t due = act_now(a) + after_ms[n < LOOKS ? n : LOOKS - 1];
	step_record(a, REC_PROBE,
		    json_pack("{s:s, s:I}", "evidence", evidence, "due", (json_int_t)due));
	return call_park(a, st, due);
}

/* The doubt is settled, or a person has settled it: the open attempt counts as one without effect. */
enum verdict call_send_again(struct act *a, struct call_state *st)
{
	if (!st->crashed && st->attempts >= call_attempts_max(a))
		return unsettled(a, st, "it is not there, and it was tried often enough");
	json_t *error = call_error(st, ERR_IN_DOUBT);
	if (call_has_open_attempt(a))
		call_record_attempt(a, st, error, 0, !st->crashed, true);
	json_decref(error);
	st->attempts -= st->crashed; /* that the program ended is not the API's fault */
	st->crashed = false;
	return call_attempt(a, st);
}

static enum verdict judge_keyed(struct act *a, struct call_state *st, enum probe_verdict v)
{
	switch (v) {
	case PROBE_FOUND:
		return call_adopt(a, st, st->probe.found);
	case PROBE_OTHER:
		return step_fail(a, ERR_EXISTS, "%s: something with this key exists already",
				 st->target->full);
	case PROBE_ABSENT:
		step_record(a, REC_PROBE, json_pack("{s:s}", "evidence", "absent"));
		return call_send_again(a, st);
	case PROBE_UNCLEAR:
		return unsettled(a, st, "it cannot be looked up");
	case PROBE_WAIT:
	case PROBE_FAILED:
	default:
		return call_look_later(a, st, "the look-up failed");
	}
}

static enum verdict judge_job(struct act *a, struct call_state *st, enum probe_verdict v)
{
	bool harmless = action_repeat_is_harmless(st->target->action, st->params);
	if (v == PROBE_FOUND)
		return claim_job(a, st);
	if (harmless && v == PROBE_ABSENT)
		return call_send_again(a, st); /* should it show late, nothing is lost */
	if (looks(a) < LOOKS && (v != PROBE_UNCLEAR || st->target->job_list))
		return call_look_later(
			a, st, v == PROBE_UNCLEAR ? "several jobs could be it" : "not there yet");
	if (harmless)
		return call_send_again(a, st);
	return unsettled(a, st,
			 v == PROBE_UNCLEAR ? "several jobs could be it"
					    : "no job that could be it has shown");
}

enum verdict call_judge(struct act *a, struct call_state *st, enum probe_verdict v)
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
enum verdict call_doubt(struct act *a, struct call_state *st, int err)
{
	st->repeated = true;
	switch (st->effect) {
	case EFFECT_READ:
	case EFFECT_IDEMPOTENT:
		return call_again_later(a, st, err, true);
	case EFFECT_KEYED:
	case EFFECT_JOB:
		return call_judge(
			a, st,
			probe_start(&st->probe, a, st->target, st->conn, st->params, intent_at(a)));
	case EFFECT_ONCE:
	case EFFECTS:
	default:
		return unsettled(a, st, "it is never sent twice by itself");
	}
}
