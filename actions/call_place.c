/* The places that a call holds while it is sent: what goes one at a time over all runs. */
#include <stdlib.h>

#include "actions/call.h"
#include "actions/merge.h"
#include "engine/base/json.h"

/* What the rule says, evaluated once: the decision is recorded with the first claim. */
static bool find_said(struct act *a, json_t **ret)
{
	const struct call_args *args = act_args(a);
	json_t *d;
	for (unsigned i = 0; (d = step_rec_at_index(a, REC_DECISION, i)); i++)
		if ((*ret = json_incref(json_object_get(d, "serialize"))))
			return true;
	if (!act_eval(a, args->serialize, ret))
		return false;
	if (!*ret)
		*ret = json_null();
	step_record(a, REC_DECISION, json_pack("{s:O}", "serialize", *ret));
	return true;
}

static bool name_said(struct act *a, struct call_state *st)
{
	const struct call_args *args = act_args(a);
	json_auto_t *v = NULL;
	if (!args->serialize)
		return true;
	if (!find_said(a, &v))
		return false;
	if (json_is_null(v))
		return true;
	auto_free char *text = json_is_string(v) ? mem_strdup(json_string_value(v)) : json_text(v);
	slot_name(&st->place[PLACE_SAID], st->conn->name, "serialize", text);
	return true;
}

/* The thing is what the merge's read names. */
static void name_object(struct call_state *st)
{
	if (!call_merges(st))
		return;
	json_auto_t *key = merge_read(st->target->action, st->params);
	auto_free char *text = json_text(key);
	slot_name(&st->place[PLACE_OBJECT], st->conn->name, "object", text);
}

/*
 * Jobs of one connection look alike in the list of jobs, but for those that carry their effect's id. So at
 * most one of the others is unanswered at any time: a job without an owner is then that one's, or a
 * stranger's.
 */
static void name_job(struct call_state *st)
{
	if (st->effect == EFFECT_JOB && !probe_has_mark(st->target->action))
		slot_name(&st->place[PLACE_JOB], st->conn->name, "job", "");
}

bool call_name_places(struct act *a, struct call_state *st)
{
	if (!name_said(a, st))
		return false;
	name_object(st);
	name_job(st);
	return true;
}

enum verdict call_take_places(struct act *a, struct call_state *st)
{
	st->at = CALL_PLACE;
	if (act_is_stopped(a)) {
		call_leave_places(a, st);
		return step_fail(a, ERR_CANCELLED, "the run was cancelled");
	}
	for (; st->taking < PLACES; st->taking++)
		if (!slot_ask(&st->place[st->taking], a))
			return STEP_WAIT;
	return call_merges(st) ? call_read(a, st) : call_admit(a, st);
}

void call_places_are_held(struct call_state *st)
{
	for (enum call_place i = 0; i < PLACES; i++)
		slot_is_held(&st->place[i]);
}

void call_leave_job_place(struct act *a, struct call_state *st)
{
	slot_release(&st->place[PLACE_JOB], a);
}

void call_leave_places(struct act *a, struct call_state *st)
{
	for (enum call_place i = 0; i < PLACES; i++)
		slot_release(&st->place[i], a);
}
