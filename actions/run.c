/*
 * `run`: a run of another rule as a step of this one. The record W names it and is committed with it;
 * its end comes as mail, and its `result` is the step's.
 */
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/step.h"

struct run_args {
	const char *rule;
	struct tmpl *with;
	bool detach;
};

static enum verdict begin(struct act *a)
{
	const struct run_args *args = act_args(a);
	char text[ID_TEXT_LEN];
	struct id id;
	json_t *data = NULL;
	if (args->with && !act_eval(a, args->with, &data))
		return STEP_FAIL;
	if (step_start_run(a, args->rule, data ? data : json_object(), args->detach, &id,
			   act_msg(a)) != 0)
		return step_fail_msg(a);
	id_format(id, text);
	step_record(
		a, REC_WAIT,
		json_pack("{s:s, s:b, s:s}", "kind", "run", "awaits", !args->detach, "run", text));
	if (args->detach)
		return step_done(a, json_pack("{s:s}", "run", text));
	step_await(a, &(struct store_wait){.what = "run"});
	return step_park(a, RUN_WAITING, 0);
}

static enum verdict ended(struct act *a, struct mail *m, json_t *end)
{
	json_auto_t *kept = json_incref(end);
	json_t *error = json_object_get(kept, "error");
	const char *state = json_str(kept, "state");
	step_record(a, REC_TAKEN,
		    json_pack("{s:s, s:O*}", "by", "run", "run", json_object_get(kept, "id")));
	step_judge(a, m, true);
	if (state && strcmp(state, "completed") == 0)
		return step_done(a, json_incref(json_object_get(kept, "result")));
	if (state && strcmp(state, "cancelled") == 0)
		return step_fail(a, ERR_FAILED, "the run of this step was cancelled");
	if (json_is_object(error))
		return step_fail_error(a, json_copy(error));
	return step_fail(a, ERR_FAILED, "the run of this step failed");
}

static enum verdict run_go(struct act *a)
{
	json_t *event, *body, *open = step_rec(a, REC_WAIT);
	if (!open)
		return begin(a);
	if (!json_bool(open, "awaits", true))
		return step_done(a, json_pack("{s:O}", "run", json_object_get(open, "run")));
	struct mail *m = step_mail(a, &event, &body);
	return m ? ended(a, m, body) : step_park(a, RUN_WAITING, 0);
}

static bool run_cancel_step(struct act *a)
{
	(void)a;
	return false;
}

static void run_check(struct plan_check *c, struct step *s)
{
	const struct run_args *args = s->args;
	c->needs_rule(c, args->rule, s->line, s->col);
}

static const struct param run_params[] = {
	{"run", P_STRING, IN_WORD, true, offsetof(struct run_args, rule), "the rule's name"},
	{"with", P_TMPL, BESIDE, false, offsetof(struct run_args, with), "its `data`"},
	{"detach", P_BOOL, BESIDE, false, offsetof(struct run_args, detach),
	 "true: its end is not waited for"},
	{0},
};

const struct step_kind kind_run = {
	.name = "run",
	.help = "runs another rule and gives its result",
	.params = run_params,
	.args_size = sizeof(struct run_args),
	.check = run_check,
	.start = run_go,
	.resume = run_go,
	.cancel = run_cancel_step,
};
