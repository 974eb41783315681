/*
 * while: steps that run again as long as a condition holds; and next and break, which any loop has.
 *
 * Records at its path: D {while: k, go} before iteration k. Names that its steps give are those of the
 * block it stands in, so that the condition reads them; a replay walks through all iterations.
 */
#include <stdio.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/run.h"

#define WHILE_USUAL 1000
#define WHILE_MAX 100000

struct while_args {
	struct tmpl *cond;
	struct block body;
	int max;
};

struct while_state {
	json_int_t at; /* the iteration at hand, from 1 */
};

static const struct jrec *find_turn(const struct act *a, json_int_t k)
{
	for (const struct jrec *r = flow_since_retry(a); r; r = r->next)
		if (r->type == REC_DECISION && json_int(r->body, "while", 0) == k)
			return r;
	return NULL;
}

/* Whether iteration k runs: decided once. False: step_fail was called. */
static bool while_decide(struct act *a, json_int_t k, bool *ret)
{
	const struct jrec *d = find_turn(a, k);
	if (d) {
		*ret = json_bool(d->body, "go", false);
		return true;
	}
	if (!act_truth(a, ((const struct while_args *)act_args(a))->cond, ret))
		return false;
	step_record(a, REC_DECISION, json_pack("{s:I, s:b}", "while", k, "go", *ret));
	return true;
}

static enum verdict while_turn(struct act *a)
{
	const struct while_args *args = act_args(a);
	struct while_state *st = act_state(a);
	json_int_t max = args->max ? args->max : WHILE_USUAL;
	bool go;
	char seg[40];
	st->at++;
	if (!while_decide(a, st->at, &go))
		return STEP_FAIL;
	if (!go)
		return step_done(a, json_incref(act_child_result(a)));
	if (st->at > max)
		return step_fail(a, ERR_LIMIT, "the loop goes on after %lld turns, its max",
				 (long long)max);
	snprintf(seg, sizeof(seg), "while#%lld", (long long)st->at);
	return step_enter_open(a, &args->body, seg, json_pack("{s:I}", "index", st->at));
}

static enum verdict while_resume(struct act *a)
{
	json_t *error = act_child_error(a);
	if (error && error_is(error, "break")) {
		step_forgive(a);
		return step_done(a, json_incref(act_child_result(a)));
	}
	if (error && !error_is(error, "next"))
		return step_fail_error(a, json_incref(error));
	step_forgive(a);
	return while_turn(a);
}

static void while_check(struct plan_check *c, struct step *s)
{
	const struct while_args *args = s->args;
	if (args->max > WHILE_MAX)
		c->error(c, s->line, s->col, "max: is at most %d turns", WHILE_MAX);
	if (!args->body.n)
		c->error(c, s->line, s->col, "do: has no steps, so the condition cannot change");
}

static const struct param while_params[] = {
	{"while", P_EXPR, IN_WORD, true, offsetof(struct while_args, cond),
	 "the condition; it is asked before each turn"},
	{"do", P_BLOCK, BESIDE, true, offsetof(struct while_args, body), "steps of a turn"},
	{"max", P_INT, BESIDE, false, offsetof(struct while_args, max),
	 "how many turns there may be; 1000 when it is left out"},
	{0},
};

const struct step_kind kind_while = {
	.name = "while",
	.help = "runs steps as long as a condition holds",
	.params = while_params,
	.args_size = sizeof(struct while_args),
	.state_size = sizeof(struct while_state),
	.check = while_check,
	.start = while_turn,
	.resume = while_resume,
	.repeats = true,
	.silent = true,
};

/* ---- next, break ---- */

static enum verdict signal_start(struct act *a)
{
	const char *word = act_step(a)->kind->name;
	return step_fail_error(a, json_pack("{s:s, s:s}", "name", word, "message", word));
}

static void signal_check(struct plan_check *c, struct step *s)
{
	if (!c->loops)
		c->error(c, s->line, s->col,
			 "%s: has a meaning only inside each: or while:; stop: ends the run",
			 s->kind->name);
}

static const struct param no_params[] = {{0}};

const struct step_kind kind_next = {
	.name = "next",
	.help = "ends this turn of the loop around it",
	.params = no_params,
	.check = signal_check,
	.start = signal_start,
	.resume = signal_start,
	.ends = true,
};

const struct step_kind kind_break = {
	.name = "break",
	.help = "ends the loop around it",
	.params = no_params,
	.check = signal_check,
	.start = signal_start,
	.resume = signal_start,
	.ends = true,
};
