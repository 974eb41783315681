/* Calls whose bytes left and whose answer never came: what may be done about them. */
#include <stdlib.h>
#include <string.h>

#include "actions/call.h"
#include "actions/policy.h"
#include "engine/base/fault.h"
#include "engine/base/json.h"

#define SETTLE_MS (2 * 60 * 1000) /* how long what was made may take to show in a list */
#define LOOKS 3
#define HARMLESS_LOOKS 1 /* before what does no harm is sent again */
#define FAILED_MS 5000   /* after a look that told nothing; longer with each one */

/* ---- adoption ---- */

enum verdict call_adopt(struct act *a, struct call_state *st, json_t *found)
{
	call_leave_places(a, st);
	step_meta(a, "adopted", json_true());
	step_meta(a, "attempts", json_integer(st->attempts));
	if (st->target->action->is_job)
		step_meta(a, "connection", json_string(st->conn->name));
	return step_done(a, json_incref(found));
}

/* It is claimed before it counts as the result: no two effects may take one thing for theirs. */
enum verdict call_claim(struct act *a, struct call_state *st)
{
	const char *id = probe_id(st->target, st->probe.found);
	if (!id)
		return call_unsettled(a, st, "what was found has no id");
	step_record(a, REC_PROBE,
		    json_pack("{s:s, s:s, s:O}", "evidence",
			      "its answer was lost; what it made was found and adopted", "adopt",
			      id, "found", st->probe.found));
	step_claim(a, st->conn->name, id);
	st->at = CALL_ADOPT;
	return step_barrier(a);
}

/* ---- unsettled ---- */

/* Records of this attempt: "look" of those that told something, "failed" of the others. */
static unsigned looks_of(const struct act *a, const struct call_state *st, const char *kind)
{
	unsigned n = 0;
	json_t *rec;
	for (unsigned i = 0; (rec = step_rec_at_index(a, REC_PROBE, i)); i++)
		n += json_int(rec, kind, 0) == (json_int_t)st->attempts;
	return n;
}

static unsigned looks(const struct act *a, const struct call_state *st)
{
	return looks_of(a, st, "look");
}

enum verdict call_unsettled(struct act *a, struct call_state *st, const char *what)
{
	call_leave_places(a, st);
	call_tell(a, st);
	return step_in_doubt(a, "%s was sent and its answer was lost; %s", st->target->full, what);
}

static enum verdict exists(struct act *a, struct call_state *st)
{
	call_leave_places(a, st);
	call_tell(a, st);
	return step_fail(a, ERR_EXISTS, "%s: something with this key exists already",
			 st->target->full);
}

static enum verdict park_look(struct act *a, struct call_state *st, const char *evidence,
			      const char *kind, int64_t wait_ms)
{
	json_int_t due = act_now(a) + wait_ms;
	step_record(a, REC_PROBE,
		    json_pack("{s:s, s:I, s:i}", "evidence", evidence, "due", due, kind,
			      (int)st->attempts));
	return call_park(a, st, due);
}

/* The next look: what was made may show late. */
static enum verdict look_later(struct act *a, struct call_state *st, const char *evidence)
{
	static const int64_t after_ms[LOOKS] = {5000, 45000, SETTLE_MS};
	unsigned n = looks(a, st);
	return park_look(a, st, evidence, "look", after_ms[n < LOOKS ? n : LOOKS - 1]);
}

/* Nothing may leave now, as when nobody is logged in: no look was made, and nothing is recorded of it. */
static enum verdict no_look(struct act *a, struct call_state *st)
{
	const struct pass *p = &st->probe.x.pass;
	int64_t due = p->due ? p->due : act_now(a) + FAILED_MS + act_run_age_ms(a) / 8;
	st->at = CALL_PARKED;
	return step_park(a, p->held ? RUN_HELD : RUN_WAITING, due);
}

/* A look that told nothing is none: it is made again until it does. */
static enum verdict look_again(struct act *a, struct call_state *st, const char *evidence)
{
	if (st->probe.x.pass.err)
		return no_look(a, st);
	int64_t wait = FAILED_MS * (1 + looks_of(a, st, "failed"));
	return park_look(a, st, evidence, "failed", wait < SETTLE_MS ? wait : SETTLE_MS);
}

/* The doubt is settled, or a person has settled it: the open attempt counts as one without effect. */
enum verdict call_send_again(struct act *a, struct call_state *st)
{
	if (!st->crashed && st->attempts >= policy_attempts_max(a))
		return call_unsettled(a, st, "it is not there, and it was tried often enough");
	json_t *error = call_error(st, ERR_IN_DOUBT);
	if (call_has_open_attempt(a))
		call_record_attempt(a, st, error, 0, !st->crashed, true);
	json_decref(error);
	st->attempts -= st->crashed; /* that the program ended is not the API's fault */
	st->crashed = false;
	return call_attempt(a, st);
}

static enum verdict send_again_for(struct act *a, struct call_state *st, const char *evidence)
{
	step_record(a, REC_PROBE, json_pack("{s:s}", "evidence", evidence));
	return call_send_again(a, st);
}

/* ---- what a probe tells ---- */

/*
 * Whether the API refuses a second one with the same key: then a request that is merely late does no harm
 * when it is sent again at once.
 */
static bool key_is_unique(const struct action *a)
{
	const char *status;
	json_t *means;
	json_object_foreach ((json_t *)a->errors, status, means) {
		const char *error = json_str(means, "error");
		if (error && strcmp(error, "exists") == 0)
			return true;
	}
	return false;
}

static enum verdict judge_absent(struct act *a, struct call_state *st)
{
	bool refused = st->at_exists, settled = looks(a, st) >= LOOKS;
	if (!refused && (settled || key_is_unique(st->target->action)))
		return send_again_for(a, st, "it is not there");
	if (!settled)
		return look_later(
			a, st, refused ? "it is said to exist, but is not shown" : "not there yet");
	return exists(a, st);
}

static enum verdict judge_keyed(struct act *a, struct call_state *st, enum probe_verdict v)
{
	switch (v) {
	case PROBE_FOUND:
		return call_claim(a, st);
	case PROBE_OTHER:
		return exists(a, st);
	case PROBE_ABSENT:
		return judge_absent(a, st);
	case PROBE_UNCLEAR:
		return call_unsettled(a, st,
				      "something with its key came into being at about that time, "
				      "but it cannot be told by whom");
	case PROBE_WAIT:
	case PROBE_FAILED:
	default:
		return look_again(a, st, "the look-up failed");
	}
}

static const char *job_evidence(enum probe_verdict v)
{
	return v == PROBE_UNCLEAR ? "a job that nobody owns could be it, or could not"
				  : "no job that could be it has shown";
}

static enum verdict judge_job(struct act *a, struct call_state *st, enum probe_verdict v)
{
	bool harmless = action_repeat_is_harmless(st->target->action, st->params);
	unsigned needed = harmless ? HARMLESS_LOOKS : LOOKS;
	if (v == PROBE_FOUND)
		return call_claim(a, st);
	if (v == PROBE_FAILED && st->target->job_list)
		return look_again(a, st, "the look at the jobs failed");
	if (looks(a, st) < needed && st->target->job_list)
		return look_later(a, st, job_evidence(v));
	/* should it show late, nothing is lost */
	return harmless ? send_again_for(a, st, job_evidence(v))
			: call_unsettled(a, st, job_evidence(v));
}

enum verdict call_judge(struct act *a, struct call_state *st, enum probe_verdict v)
{
	st->at = CALL_PROBE;
	if (v == PROBE_WAIT)
		return STEP_WAIT;
	return st->effect == EFFECT_KEYED ? judge_keyed(a, st, v) : judge_job(a, st, v);
}

enum verdict call_on_claimed(struct act *a, struct call_state *st)
{
	if (!act_claim_lost(a))
		return call_adopt(a, st, st->probe.found);
	if (st->effect == EFFECT_KEYED)
		return exists(a, st);
	return look_later(a, st, "another effect has that job");
}

/* The bytes left and no whole answer came: what may be done is a matter of the effect class. */
enum verdict call_doubt(struct act *a, struct call_state *st, int err)
{
	if (fault_is_on("BLIND_RESEND"))
		return call_again_later(a, st, ERR_SERVER, true);
	st->repeated = true;
	st->at_exists = err == ERR_EXISTS;
	if (!st->since)
		st->since = step_rec_at(a, REC_INTENT);
	switch (st->effect) {
	case EFFECT_READ:
	case EFFECT_IDEMPOTENT:
		return call_again_later(a, st, err, true);
	case EFFECT_KEYED:
	case EFFECT_JOB:
		return call_judge(
			a, st,
			probe_start(&st->probe, a, st->target, st->conn, st->params, st->since));
	case EFFECT_ONCE:
	case EFFECTS:
	default:
		return call_unsettled(a, st, "it is never sent twice by itself");
	}
}
