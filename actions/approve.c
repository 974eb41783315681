/*
 * `approve`: a person decides. The question stands in the store, where lists show it; the answer comes
 * by the API. A no is the error `rejected`.
 */
#include <string.h>

#include "actions/people.h"
#include "engine/base/json.h"
#include "engine/run/step.h"

struct approve_args {
	struct tmpl *ask, *by;
	int64_t timeout_ms;
	struct else_arg other;
};

struct approve_state {
	bool other; /* the steps of `else` run */
};

/* A name, or a list of names, that may decide. */
static bool are_known(struct act *a, const json_t *by)
{
	size_t n = json_is_array(by) ? json_array_size(by) : by && !json_is_null(by);
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_is_array(by) ? json_array_get(by, i) : by;
		const char *name = json_string_value(v);
		if (name && people_knows(name))
			continue;
		(void)step_fail(a, ERR_INVALID,
				"approve: there is no %s under people: in pawl.yaml",
				name ? name : json_type_word(v));
		return false;
	}
	return true;
}

static bool open_question(struct act *a)
{
	const struct approve_args *args = act_args(a);
	json_t *ask, *by = NULL;
	if (!act_eval(a, args->ask, &ask))
		return false;
	if (args->by && !act_eval(a, args->by, &by)) {
		json_decref(ask);
		return false;
	}
	if (!are_known(a, by)) {
		json_decref(ask);
		json_decref(by);
		return false;
	}
	json_int_t due = args->timeout_ms ? act_now(a) + args->timeout_ms : 0;
	json_auto_t *note = json_pack("{s:o*, s:o*, s:I}", "ask", ask, "by", by, "due", due);
	auto_free char *text = json_text(note);
	step_record(a, REC_WAIT,
		    json_pack("{s:s, s:b, s:I, s:O}", "kind", "person", "awaits", 1, "due", due,
			      "note", note));
	step_await(a, &(struct store_wait){.what = "person", .note = text});
	return true;
}

static enum verdict answered(struct act *a, struct mail *m, json_t *answer)
{
	const char *by = json_str(answer, "by"), *note = json_str(answer, "note");
	json_t *t = json_copy(answer);
	json_object_set_new(t, "answer_by", json_string(by ? by : ""));
	json_object_set_new(t, "by", json_string("person"));
	step_record(a, REC_TAKEN, t);
	step_judge(a, m, true);
	if (json_bool(answer, "approved", false))
		return step_done(a, json_incref(answer));
	return step_fail(a, ERR_REJECTED, "%s said no%s%s", by && *by ? by : "a person",
			 note && *note ? ": " : "", note ? note : "");
}

static enum verdict over(struct act *a)
{
	const struct approve_args *args = act_args(a);
	struct approve_state *st = act_state(a);
	if (!step_rec(a, REC_TAKEN))
		step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "timeout"));
	switch (args->other.kind) {
	case ELSE_CONTINUE:
		return step_done_as(a, NULL, "waiting");
	case ELSE_STEPS:
		st->other = true;
		return step_enter(a, &args->other.body, NULL, NULL);
	case ELSE_UNSET:
	case ELSE_FAIL:
	default:
		return step_fail(a, ERR_TIMEOUT, "nobody has decided in time");
	}
}

static enum verdict approve_go(struct act *a)
{
	struct approve_state *st = act_state(a);
	json_t *event, *body;
	if (st->other)
		return act_child_error(a)
			       ? step_fail_error(a, json_incref(act_child_error(a)))
			       : step_done_as(a, json_incref(act_child_result(a)), "waiting");
	if (step_rec(a, REC_TAKEN)) /* its `else` was under way */
		return over(a);
	if (!step_rec(a, REC_WAIT) && !open_question(a))
		return STEP_FAIL;
	json_int_t due = json_int(step_rec(a, REC_WAIT), "due", 0);
	struct mail *m = step_mail(a, &event, &body);
	if (m)
		return answered(a, m, body);
	return due && due <= act_now(a) ? over(a) : step_park(a, RUN_WAITING, due);
}

static bool approve_cancel(struct act *a)
{
	(void)a;
	return false;
}

static const char *const answer_fields[] = {"approved", "by", "note", "at", NULL};

static void check_person(struct plan_check *c, const struct tmpl *by, const json_t *v)
{
	const char *name = json_string_value(v), *near;
	if (!name)
		c->error(c, by->line, by->col, "approve: by: is a name, or a list of names");
	else if (people_knows(name))
		return;
	else if ((near = people_suggest(name)))
		c->error(c, by->line, by->col,
			 "there is no '%s' under people: in pawl.yaml; did you mean '%s'?", name,
			 near);
	else
		c->error(c, by->line, by->col,
			 "there is no '%s' under people: in pawl.yaml: name them there", name);
}

static void check_people(struct plan_check *c, const struct tmpl *by)
{
	size_t i;
	json_t *v;
	if (!by || by->kind != TMPL_LITERAL)
		return;
	json_array_foreach (by->literal, i, v)
		check_person(c, by, v);
	if (!json_is_array(by->literal))
		check_person(c, by, by->literal);
}

static void approve_check(struct plan_check *c, struct step *s)
{
	const struct approve_args *args = s->args;
	check_people(c, args->by);
	if (args->timeout_ms && args->other.kind == ELSE_UNSET)
		c->error(c, s->line, s->col,
			 "an approval with a timeout needs an else: fail, continue or steps");
	if (!args->timeout_ms && args->other.kind != ELSE_UNSET)
		c->error(c, s->line, s->col, "an approval with else needs a timeout");
	if (args->other.kind != ELSE_STEPS)
		c->gives(c, s, plan_has_name, (void *)answer_fields);
}

static const struct param approve_params[] = {
	{"ask", P_TMPL, IN_MAP, true, offsetof(struct approve_args, ask), "the question"},
	{"by", P_TMPL, IN_MAP, false, offsetof(struct approve_args, by), "who is to decide"},
	{"timeout", P_DURATION, IN_MAP, false, offsetof(struct approve_args, timeout_ms),
	 "how long at the most"},
	{"else", P_ELSE, IN_MAP, false, offsetof(struct approve_args, other),
	 "what comes after the timeout: fail, continue or steps"},
	{0},
};

const struct step_kind kind_approve = {
	.name = "approve",
	.help = "waits until a person has decided",
	.params = approve_params,
	.args_size = sizeof(struct approve_args),
	.state_size = sizeof(struct approve_state),
	.check = approve_check,
	.start = approve_go,
	.resume = approve_go,
	.cancel = approve_cancel,
	.retries = true,
};
