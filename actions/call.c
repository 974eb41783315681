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
#include "actions/call.h"

#include <string.h>

#include "actions/probe_clock.h"
#include "engine/base/json.h"

/* ---- the request ---- */

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

/* What is merged first is rendered then. */
static bool render(struct act *a, struct call_state *st)
{
	struct errmsg *msg = act_msg(a);
	if (call_merges(st))
		return true;
	exchange_of(&st->x, a, st->conn, st->target->action, PASS_RULE);
	st->x.input = st->params;
	if ((call_is_paged(a) ? call_render_page(st, msg)
			      : exchange_render(&st->x, st->params, msg)) == 0)
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

/* ---- sending ---- */

static enum verdict send_now(struct act *a, struct call_state *st)
{
	st->at = CALL_SEND;
	st->sent_ms = act_now(a);
	exchange_start(&st->x);
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

/*
 * No leave now: the run is parked without a record, and asks again when it is due. Until somebody logs
 * in it is held, and looks more seldom the longer that takes.
 */
static enum verdict no_leave(struct act *a, struct call_state *st)
{
	const struct pass *p = &st->x.pass;
	int64_t due = p->due ? p->due : act_now(a) + act_run_age_ms(a) / 8 + 1000;
	call_leave_job_place(a, st);
	st->at = CALL_PARKED;
	if (p->held)
		return step_park(a, RUN_HELD, due);
	if (p->err == ERR_QUOTA || p->err == ERR_THROTTLED || p->due)
		return step_park(a, RUN_WAITING, due);
	return call_again_later(a, st, p->err, false);
}

static enum verdict on_pass(struct act *a, struct call_state *st)
{
	if (st->x.pass.err)
		return no_leave(a, st);
	if (st->reading)
		return call_send_read(st);
	if (st->effect != EFFECT_READ)
		return intend(a, st);
	st->attempts++;
	return send_now(a, st);
}

enum verdict call_admit(struct act *a, struct call_state *st)
{
	st->at = CALL_PASS;
	return exchange_admit(&st->x) ? on_pass(a, st) : STEP_WAIT;
}

enum verdict call_attempt(struct act *a, struct call_state *st)
{
	st->taking = 0;
	return call_take_places(a, st);
}

/* ---- the answer ---- */

/* What this call made is its own: no other effect may ever take it for the work of its lost request. */
static void claim_answered(struct act *a, struct call_state *st)
{
	const struct answer *r = &st->x.answer;
	const char *made = st->effect == EFFECT_KEYED ? probe_id(st->target, r->result) : NULL;
	if (st->target->action->is_job && *r->job)
		step_claim(a, st->conn->name, r->job);
	else if (made)
		step_claim(a, st->conn->name, made);
}

static enum verdict answered_well(struct act *a, struct call_state *st)
{
	const struct answer *r = &st->x.answer;
	call_tell(a, st);
	call_leave_places(a, st);
	if (call_is_paged(a))
		return call_take_page(a, st);
	call_keep(a, st);
	if (st->target->action->is_job)
		step_meta(a, "connection", json_string(st->conn->name));
	claim_answered(a, st);
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

bool call_renews(const struct act *a, struct call_state *st)
{
	(void)a;
	bool may = !st->renewed && pass_can_renew(&st->x.pass);
	st->renewed |= may;
	return may;
}

/* Refused for its credentials: once more with others, which counts as no attempt. */
static enum verdict with_new_credentials(struct act *a, struct call_state *st)
{
	json_t *error = call_error(st, ERR_AUTH);
	if (call_has_open_attempt(a))
		call_record_attempt(a, st, error, 0, false, st->repeated);
	json_decref(error);
	st->attempts--;
	return call_attempt(a, st);
}

static enum verdict answered_badly(struct act *a, struct call_state *st)
{
	const struct answer *r = &st->x.answer;
	if (is_doubtful_status(st))
		return call_doubt(a, st, ERR_SERVER);
	if (r->err == ERR_AUTH && call_renews(a, st))
		return with_new_credentials(a, st);
	if (r->err == ERR_EXISTS && st->repeated && st->effect == EFFECT_KEYED)
		return call_doubt(a, st, r->err); /* it may be ours, from the attempt before */
	return call_again_later(a, st, r->err, false);
}

static enum verdict on_answered(struct act *a, struct call_state *st)
{
	int err = exchange_read(&st->x, st->repeated);
	probe_clock_seen(&st->x, st->sent_ms, act_now(a));
	if (err && st->x.req.reach == HTTP_ANSWERED)
		return call_give_up(a, st, call_error(st, err));
	if (err && st->x.req.reach == HTTP_NOT_SENT)
		return call_again_later(a, st, err, false);
	if (err == ERR_TOOBIG && st->effect == EFFECT_READ)
		return call_give_up(a, st, call_error(st, err));
	if (err)
		return call_doubt(a, st, err);
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
	st->crashed = false;
	return call_send_again(a, st);
}

static enum verdict go_on_open(struct act *a, struct call_state *st)
{
	json_t *found = json_object_get(step_rec(a, REC_PROBE), "found");
	call_places_are_held(st);
	if (found) { /* its claim was under way when the program ended */
		probe_done(&st->probe);
		st->probe.found = json_incref(found);
		return call_claim(a, st);
	}
	st->crashed = step_rec_at(a, REC_PROBE) < step_rec_at(a, REC_INTENT);
	if (st->effect == EFFECT_READ || st->effect == EFFECT_IDEMPOTENT)
		return call_send_again(a, st);
	return call_doubt(a, st, ERR_IN_DOUBT);
}

/* Where the journal says that this call stands: also how a call begins. */
static enum verdict go_on(struct act *a, struct call_state *st)
{
	json_t *probe = step_rec(a, REC_PROBE);
	int64_t due = recorded_due(a);
	call_read_attempts(a, st);
	if (act_again(a))
		return again_by_person(a, st);
	if (json_object_get(probe, "doubt"))
		return step_in_doubt(a, "%s", json_str(probe, "doubt"));
	if (due > act_now(a))
		return call_park(a, st, due);
	return call_has_open_attempt(a) ? go_on_open(a, st) : call_attempt(a, st);
}

static enum verdict call_start(struct act *a)
{
	struct call_state *st = act_state(a);
	st->target = find_target(a);
	if (!st->target || !find_connection(a, st) || !find_params(a, st) || !call_find_page(a, st))
		return STEP_FAIL;
	return call_splits(a, st) ? call_split_start(a, st) : call_start_one(a, st);
}

enum verdict call_start_one(struct act *a, struct call_state *st)
{
	st->at = CALL_PARKED;
	if (!render(a, st))
		return STEP_FAIL;
	st->effect = action_effect(st->target->action, st->params);
	if (!call_name_places(a, st))
		return STEP_FAIL;
	return call_may_be_kept(a, st) ? call_ask_cache(a, st) : go_on(a, st);
}

static enum verdict call_resume(struct act *a)
{
	struct call_state *st = act_state(a);
	switch (st->at) {
	case CALL_CACHE:
		return call_ask_cache(a, st);
	case CALL_PARTS:
		return call_split_resume(a, st);
	case CALL_PLACE:
		return call_take_places(a, st);
	case CALL_READ:
		return call_on_read(a, st);
	case CALL_PASS:
		return on_pass(a, st);
	case CALL_INTENT:
		return send_now(a, st);
	case CALL_SEND:
		return on_answered(a, st);
	case CALL_PROBE:
		return call_judge(a, st, probe_resume(&st->probe));
	case CALL_ADOPT:
		return call_on_claimed(a, st);
	case CALL_PARKED:
	default:
		return go_on(a, st);
	}
}

/* A read is broken off; anything else is awaited, since it may act. */
static bool call_cancel(struct act *a)
{
	struct call_state *st = act_state(a);
	bool reads = st->at == CALL_READ || (st->at == CALL_SEND && st->effect == EFFECT_READ);
	if (reads)
		exchange_cancel(&st->x);
	if (!reads && st->at != CALL_SEND && st->at != CALL_PROBE && st->at != CALL_PARTS)
		call_leave_places(a, st); /* it ends here, nothing is under way */
	if (st->at == CALL_PASS)
		pass_done(&st->x.pass);
	if (st->at == CALL_CACHE)
		cache_leave(&st->seat);
	return st->at != CALL_PASS && st->at != CALL_CACHE;
}

static void call_drop(struct act *a)
{
	struct call_state *st = act_state(a);
	exchange_done(&st->x);
	probe_done(&st->probe);
	call_split_drop(st);
	call_reads_drop(st);
	for (enum call_place i = 0; i < PLACES; i++)
		slot_done(&st->place[i]);
	json_decref(st->params);
	st->params = NULL;
}

static const struct param call_params[] = {
	{"call", P_STRING, IN_WORD, true, offsetof(struct call_args, action), "connection.action"},
	{"with", P_TMPL, BESIDE, false, offsetof(struct call_args, with),
	 "the action's parameters, flat, under the API's names"},
	{"connection", P_TMPL, BESIDE, false, offsetof(struct call_args, connection),
	 "another connection of the same connector, chosen at run time"},
	{"serialize", P_TMPL, BESIDE, false, offsetof(struct call_args, serialize),
	 "calls with an equal value on one connection go one at a time"},
	{"pages", P_STRING, BESIDE, false, offsetof(struct call_args, pages),
	 "all, or how many: their items are joined into one answer, at most 10,000"},
	{"cache", P_DURATION, BESIDE, false, offsetof(struct call_args, cache_ms),
	 "how old an answer may be that another run has got; for reads"},
	{"page", P_TMPL, SPAWNED, false, offsetof(struct call_args, page), "the place of a page"},
	{0},
};

const struct step_kind kind_call = {
	.name = "call",
	.help = "calls one action of the catalogue",
	.params = call_params,
	.args_size = sizeof(struct call_args),
	.state_size = sizeof(struct call_state),
	.check = call_check,
	.pages = call_pages_check,
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
