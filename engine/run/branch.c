/*
 * all and any: lists of steps that run side by side within one run.
 *
 * Records at their path, both D: {failed, error} when the first branch has ended all of them by its
 * error, {won} when one has ended well and that was enough. The others are called off then: what has been
 * sent is awaited, what waits ends. A replay walks through all branches; what they name becomes the run's
 * when all have ended, in the order of the branches, so that it is the same however answers came.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/run.h"

struct branch_args {
	struct blocks blocks;
};

struct branch_state {
	size_t running;
	size_t won;      /* any: the branch that counts; 0: none yet */
	json_t *error;   /* owned: by which all of them end */
	json_t *results; /* owned: of each branch, null while it has none */
	json_t *names;   /* owned: the same of what it named */
	json_t *errors;  /* owned: any: how each branch failed */
};

static const struct jrec *decision(const struct act *a, const char *key)
{
	const struct jrec *found = NULL;
	for (const struct jrec *r = flow_since_retry(a); r; r = r->next)
		if (r->type == REC_DECISION && json_object_get(r->body, key))
			found = r;
	return found;
}

static json_t *nulls(size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_null());
	return list;
}

static enum verdict branch_start(struct act *a)
{
	const struct blocks *b = &((const struct branch_args *)act_args(a))->blocks;
	struct branch_state *st = act_state(a);
	const struct jrec *failed = decision(a, "failed"), *won = decision(a, "won");
	st->results = nulls(b->n);
	st->names = nulls(b->n);
	st->errors = nulls(b->n);
	st->won = won ? (size_t)json_int(won->body, "won", 0) : 0;
	st->error = failed ? json_incref(json_object_get(failed->body, "error")) : NULL;
	for (size_t i = 0; i < b->n; i++)
		(void)step_enter_lane(a, &b->at[i], NULL, i + 1, NULL,
				      failed || (won && st->won != i + 1));
	st->running = b->n;
	return STEP_ENTER;
}

/* All of them end by this error; what was begun is awaited. */
static void branch_give_up(struct act *a, struct branch_state *st, size_t lane, json_t *error)
{
	st->error = json_incref(error);
	step_record(a, REC_DECISION,
		    json_pack("{s:I, s:O}", "failed", (json_int_t)lane, "error", error));
	step_stop_lanes(a);
}

static void branch_keep(struct act *a, struct branch_state *st, size_t lane)
{
	json_t *result = act_child_result(a);
	if (result)
		json_array_set(st->results, lane - 1, result);
	json_array_set_new(st->names, lane - 1, act_child_lane_names(a));
}

static void branch_merge(struct act *a, const struct branch_state *st)
{
	size_t i;
	json_t *names;
	json_array_foreach (st->names, i, names)
		if (json_is_object(names))
			step_merge_lane(a, names);
}

/* ---- all ---- */

static enum verdict all_resume(struct act *a)
{
	struct branch_state *st = act_state(a);
	json_t *error = act_child_error(a);
	if (error && !st->error)
		branch_give_up(a, st, act_child_lane(a), error);
	else if (!error)
		branch_keep(a, st, act_child_lane(a));
	step_forgive(a);
	if (--st->running)
		return STEP_ENTER;
	if (st->error)
		return step_fail_error(a, json_incref(st->error));
	branch_merge(a, st);
	return step_done(a, json_incref(st->results));
}

/* ---- any ---- */

static void any_win(struct act *a, struct branch_state *st, size_t lane)
{
	if (!st->won) {
		st->won = lane;
		step_record(a, REC_DECISION, json_pack("{s:I}", "won", (json_int_t)lane));
		step_stop_lanes(a);
	}
	if (st->won == lane)
		branch_keep(a, st, lane);
}

static enum verdict any_fail(struct act *a, const struct branch_state *st)
{
	size_t i;
	json_t *error;
	json_array_foreach (st->errors, i, error)
		if (!json_is_null(error))
			return step_fail_error(a, json_incref(error));
	return step_fail(a, ERR_FAILED, "no branch ended well");
}

static enum verdict any_end(struct act *a, const struct branch_state *st)
{
	if (st->error)
		return step_fail_error(a, json_incref(st->error));
	if (!st->won)
		return any_fail(a, st);
	branch_merge(a, st);
	return step_done(a, json_pack("{s:I, s:O}", "branch", (json_int_t)st->won, "result",
				      json_array_get(st->results, st->won - 1)));
}

static enum verdict any_resume(struct act *a)
{
	struct branch_state *st = act_state(a);
	size_t lane = act_child_lane(a);
	json_t *error = act_child_error(a);
	if (!error && !st->error)
		any_win(a, st, lane);
	else if (error && !st->won && !st->error && !flow_may_handle(error))
		branch_give_up(a, st, lane, error);
	else if (error)
		json_array_set(st->errors, lane - 1, error);
	step_forgive(a);
	return --st->running ? STEP_ENTER : any_end(a, st);
}

/* ---- both ---- */

static void branch_drop(struct act *a)
{
	struct branch_state *st = act_state(a);
	json_decref(st->error);
	json_decref(st->results);
	json_decref(st->names);
	json_decref(st->errors);
	*st = (struct branch_state){0};
}

static void branch_check(struct plan_check *c, struct step *s)
{
	const struct blocks *b = &((const struct branch_args *)s->args)->blocks;
	if (b->n < 2)
		c->error(c, s->line, s->col,
			 "%s: takes two branches or more, each a list of steps: [[…], […]]",
			 s->kind->name);
	for (size_t i = 0; i < b->n; i++)
		if (!b->at[i].n)
			c->error(c, s->line, s->col, "branch %zu of %s: has no steps", i + 1,
				 s->kind->name);
}

static const struct param all_params[] = {
	{"all", P_BLOCKS, IN_WORD, true, offsetof(struct branch_args, blocks),
	 "lists of steps: [[…], […]]"},
	{0},
};

const struct step_kind kind_all = {
	.name = "all",
	.help = "runs lists of steps side by side, and gives the list of their last results",
	.params = all_params,
	.args_size = sizeof(struct branch_args),
	.state_size = sizeof(struct branch_state),
	.check = branch_check,
	.start = branch_start,
	.resume = all_resume,
	.drop = branch_drop,
	.silent = true,
};

static void any_check(struct plan_check *c, struct step *s)
{
	static const char *const fields[] = {"branch", "result", NULL};
	branch_check(c, s);
	c->gives(c, s, plan_has_name, (void *)fields);
}

static const struct param any_params[] = {
	{"any", P_BLOCKS, IN_WORD, true, offsetof(struct branch_args, blocks),
	 "lists of steps: [[…], […]]"},
	{0},
};

const struct step_kind kind_any = {
	.name = "any",
	.help = "runs lists of steps side by side until one ends well, and gives {branch, result}",
	.params = any_params,
	.args_size = sizeof(struct branch_args),
	.state_size = sizeof(struct branch_state),
	.check = any_check,
	.start = branch_start,
	.resume = any_resume,
	.drop = branch_drop,
	.silent = true,
};
