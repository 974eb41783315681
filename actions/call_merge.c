/* Updates that read what is there before they write, on every attempt anew. */
#include "actions/merge.h"

#include "actions/call.h"
#include "engine/base/json.h"

bool call_merges(const struct call_state *st)
{
	return st->target->read && merge_applies(st->target->action, st->params);
}

/* A read that failed is an attempt without a send: it opens none and closes none. */
enum verdict call_read(struct act *a, struct call_state *st)
{
	json_auto_t *params = merge_read(st->target->action, st->params);
	exchange_of(&st->x, a, st->conn, st->target->read, PASS_RULE);
	if (exchange_render(&st->x, params, act_msg(a)) != 0) {
		call_leave_places(a, st);
		return step_fail_msg(a);
	}
	st->reading = true;
	return call_admit(a, st);
}

enum verdict call_send_read(struct call_state *st)
{
	st->at = CALL_READ;
	exchange_start(&st->x);
	return STEP_WAIT;
}

/* An earlier attempt may have been carried out: nobody heard, or the API broke over it. */
static bool may_be_done(const struct act *a, const struct call_state *st)
{
	json_t *rec;
	for (unsigned i = 0; (rec = step_rec_at_index(a, REC_ATTEMPT, i)); i++) {
		json_int_t status = json_int(json_object_get(rec, "error"), "status", 0);
		if (json_bool(rec, "sent", true) && status >= 500 && status != 503)
			return true;
	}
	return st->repeated;
}

/* The body that the last attempt had, if it may be done; else NULL. A new reference. */
static json_t *body_sent(const struct act *a, const struct call_state *st)
{
	const char *text = json_str(json_object_get(step_rec(a, REC_INTENT), "request"), "body");
	return text && may_be_done(a, st) ? json_loads(text, 0, NULL) : NULL;
}

/* What is read is put under what is given, and that is the call's request. */
static enum verdict merge(struct act *a, struct call_state *st)
{
	struct errmsg *msg = act_msg(a);
	json_auto_t *current = json_incref(st->x.answer.result), *merged = NULL;
	json_auto_t *sent = body_sent(a, st);
	int err = merge_body_again(st->target->action, current, st->params, sent, &merged, msg);
	st->reading = false;
	exchange_of(&st->x, a, st->conn, st->target->action, PASS_RULE);
	st->x.input = st->params;
	if (!err)
		err = exchange_render(&st->x, merged, msg);
	if (!err)
		return call_admit(a, st);
	err_wrap(msg, "%s", st->target->full);
	call_leave_places(a, st);
	return step_fail_msg(a);
}

enum verdict call_on_read(struct act *a, struct call_state *st)
{
	int err = exchange_read(&st->x, false);
	const struct answer *r = &st->x.answer;
	if (!err && (r->outcome == ANSWER_OK || r->outcome == ANSWER_PARTIAL))
		return merge(a, st);
	if (!err)
		err = r->err;
	if (err == ERR_AUTH && call_renews(a, st))
		return call_attempt(a, st);
	st->attempts++;
	return call_again_later(a, st, err, st->repeated);
}
