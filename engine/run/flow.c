/* The kinds that decide which steps run: if, choose, try, set, stop, fail. Loops: each.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/run.h"

/* ---- if / do / else, choose ---- */

struct if_args {
	struct tmpl *cond;
	struct block then, other;
};

struct choose_args {
	struct choices choices;
};

/* The recorded branch, or -1 when none is. */
static int recorded_branch(const struct act *a)
{
	json_t *d = step_rec(a, REC_DECISION);
	return json_object_get(d, "branch") ? (int)json_int(d, "branch", 0) : -1;
}

static int record_branch(struct act *a, int branch)
{
	step_record(a, REC_DECISION, json_pack("{s:i}", "branch", branch));
	return branch;
}

static enum verdict if_start(struct act *a)
{
	const struct if_args *args = act_args(a);
	int branch = recorded_branch(a);
	if (branch < 0) {
		bool yes;
		if (!act_truth(a, args->cond, &yes))
			return STEP_FAIL;
		branch = record_branch(a, yes ? 0 : 1);
	}
	const struct block *b = branch == 0 ? &args->then : &args->other;
	return b->n ? step_enter(a, b, NULL, NULL) : step_done(a, NULL);
}

/* A block that a branch ran: its error goes on, its result is the step's. */
static enum verdict branch_resume(struct act *a)
{
	json_t *error = act_child_error(a);
	if (error)
		return step_fail_error(a, json_incref(error));
	return step_done(a, json_incref(act_child_result(a)));
}

/* The place of the choice to take: 0 … n-1, or n for none. -1 on an error. */
static int choose_pick(struct act *a, const struct choices *c)
{
	for (size_t i = 0; i < c->n; i++) {
		bool yes = true;
		if (c->at[i].cond && !act_truth(a, c->at[i].cond, &yes))
			return -1;
		if (yes)
			return (int)i;
	}
	return (int)c->n;
}

static enum verdict choose_start(struct act *a)
{
	const struct choose_args *args = act_args(a);
	int branch = recorded_branch(a);
	if (branch < 0) {
		branch = choose_pick(a, &args->choices);
		if (branch < 0)
			return STEP_FAIL;
		record_branch(a, branch);
	}
	if ((size_t)branch >= args->choices.n || !args->choices.at[branch].body.n)
		return step_done(a, NULL);
	return step_enter(a, &args->choices.at[branch].body, NULL, NULL);
}

static const struct param if_params[] = {
	{"if", P_EXPR, IN_WORD, true, offsetof(struct if_args, cond), "the condition"},
	{"do", P_BLOCK, BESIDE, true, offsetof(struct if_args, then), "steps when it is true"},
	{"else", P_BLOCK, BESIDE, false, offsetof(struct if_args, other), "steps when it is not"},
	{0},
};

const struct step_kind kind_if = {
	.name = "if",
	.help = "runs one of two lists of steps",
	.params = if_params,
	.args_size = sizeof(struct if_args),
	.start = if_start,
	.resume = branch_resume,
	.silent = true,
};

static const struct param choose_params[] = {
	{"choose", P_CHOICES, IN_WORD, true, offsetof(struct choose_args, choices),
	 "a list of {if:, do:}, the last may be {else: …}; the first that is true runs"},
	{0},
};

const struct step_kind kind_choose = {
	.name = "choose",
	.help = "runs the first list of steps whose condition is true",
	.params = choose_params,
	.args_size = sizeof(struct choose_args),
	.start = choose_start,
	.resume = branch_resume,
	.silent = true,
};

/* ---- try / catch / finally; the run's root is one too ---- */

enum try_at { TRY_BODY, TRY_UNDO, TRY_CATCH, TRY_FINALLY };

struct try_state {
	enum try_at at;
	json_int_t undo;        /* what is taken back now */
	json_t *names, *failed; /* of the body: what it named, and why it is taken back */
	json_t *error, *result; /* that stand while finally runs */
	bool caught;
};

bool flow_may_handle(const json_t *error)
{
	static const char *const through[] = {"stop", "cancelled", "next", "break"};
	for (size_t i = 0; i < sizeof(through) / sizeof(*through); i++)
		if (error_is(error, through[i]))
			return false;
	return true;
}

const struct jrec *flow_since_retry(const struct act *a)
{
	const struct jrec *from = a->j.first;
	for (const struct jrec *r = from; r; r = r->next)
		if (r->type == REC_DECISION && json_object_get(r->body, "retry"))
			from = r->next;
	return from;
}

const struct catchers *flow_catchers(const struct act *a)
{
	const struct try_state *st = a->state;
	if (!a->step->kind->catches || st->at != TRY_BODY)
		return NULL;
	return &((const struct try_args *)a->step->args)->catches;
}

static enum verdict try_end(struct act *a, struct try_state *st)
{
	if (st->error)
		return step_fail_error(a, json_incref(st->error));
	json_t *result = NULL;
	const struct tmpl *t = a->frame ? NULL : a->run->plan->result;
	if (t && !act_eval_child(a, t, &result))
		return STEP_FAIL;
	if (!t)
		result = json_incref(st->result);
	return step_done_as(a, result, st->caught ? "caught" : "ok");
}

static enum verdict try_finally(struct act *a, struct try_state *st)
{
	const struct try_args *args = act_args(a);
	st->at = TRY_FINALLY;
	if (!args->finally.n)
		return try_end(a, st);
	return step_enter_guarded(a, &args->finally, st->error, true);
}

static enum verdict try_start(struct act *a)
{
	const struct try_args *args = act_args(a);
	struct try_state *st = act_state(a);
	if (args->body.n)
		return step_enter(a, &args->body, NULL, NULL);
	return try_finally(a, st);
}

static void try_drop(struct act *a)
{
	struct try_state *st = act_state(a);
	json_decref(st->error);
	json_decref(st->result);
	json_decref(st->names);
	json_decref(st->failed);
	st->error = st->result = st->names = st->failed = NULL;
}

/* Its error, now that all is taken back: for a catch, else it stands while finally runs. */
static enum verdict try_failed(struct act *a, struct try_state *st, json_t *error)
{
	const struct try_args *args = act_args(a);
	int i = flow_may_handle(error) ? step_pick_catch(a, &args->catches, error) : -1;
	if (i >= 0) {
		st->at = TRY_CATCH;
		st->caught = true;
		return step_enter_guarded(a, &args->catches.at[i].body, error, false);
	}
	st->error = json_incref(error);
	return try_finally(a, st);
}

/* What is neither a success nor a turn of a loop that ends early. */
static bool is_failure(const json_t *error)
{
	return flow_may_handle(error) || error_is(error, "cancelled");
}

static enum verdict try_undo(struct act *a, struct try_state *st)
{
	if (undo_enter(a, st->failed, st->names, &st->undo))
		return STEP_ENTER;
	json_decref(a->child_names);
	a->child_names = json_incref(st->names);
	return try_failed(a, st, st->failed);
}

static enum verdict try_take_back(struct act *a, struct try_state *st, json_t *error)
{
	st->at = TRY_UNDO;
	st->failed = json_incref(error);
	st->names = json_incref(a->child_names);
	return try_undo(a, st);
}

static enum verdict try_resume(struct act *a)
{
	struct try_state *st = act_state(a);
	json_t *error = act_child_error(a);
	if (st->at == TRY_UNDO) {
		undo_done(a, st->undo, error);
		return try_undo(a, st);
	}
	if (st->at == TRY_FINALLY && error) { /* an error of finally replaces what stood */
		json_decref(st->error);
		st->error = json_incref(error);
		return try_end(a, st);
	}
	if (st->at == TRY_FINALLY)
		return try_end(a, st);
	if (error && st->at == TRY_BODY && is_failure(error))
		return try_take_back(a, st, error);
	if (error)
		st->error = json_incref(error);
	else
		st->result = json_incref(act_child_result(a));
	return try_finally(a, st);
}

static const struct param try_params[] = {
	{"try", P_BLOCK, IN_WORD, true, offsetof(struct try_args, body), "the steps to try"},
	{"catch", P_CATCH, BESIDE, false, offsetof(struct try_args, catches),
	 "what to do about which errors"},
	{"finally", P_BLOCK, BESIDE, false, offsetof(struct try_args, finally),
	 "steps that run however it ends"},
	{0},
};

const struct step_kind kind_try = {
	.name = "try",
	.help = "runs steps and handles their errors",
	.params = try_params,
	.args_size = sizeof(struct try_args),
	.state_size = sizeof(struct try_state),
	.start = try_start,
	.resume = try_resume,
	.drop = try_drop,
	.silent = true,
	.catches = true,
};

/* ---- set, stop, fail ---- */

struct value_args {
	struct tmpl *value;
};

/* Names are set top to bottom: a later one sees the earlier ones. */
static enum verdict set_start(struct act *a)
{
	const struct tmpl *map = ((const struct value_args *)act_args(a))->value;
	if (map->kind == TMPL_LITERAL) {
		const char *key;
		json_t *v;
		json_object_foreach (map->literal, key, v)
			step_set_name(a, key, json_deep_copy(v));
		return step_done(a, NULL);
	}
	for (size_t i = 0; i < map->n; i++) {
		json_t *v;
		if (!act_eval(a, map->items[i], &v))
			return STEP_FAIL;
		step_set_name(a, map->keys[i], v);
	}
	return step_done(a, NULL);
}

static enum verdict never_resumed(struct act *a)
{
	return step_fail(a, ERR_FAILED, "resumed although it does not wait");
}

static const struct param set_params[] = {
	{"set", P_NAMES, IN_WORD, true, offsetof(struct value_args, value), "names and values"},
	{0},
};

const struct step_kind kind_set = {
	.name = "set",
	.help = "names values, from top to bottom",
	.params = set_params,
	.args_size = sizeof(struct value_args),
	.start = set_start,
	.resume = never_resumed,
};

static enum verdict stop_start(struct act *a)
{
	json_t *v;
	if (!act_eval(a, ((const struct value_args *)act_args(a))->value, &v))
		return STEP_FAIL;
	(void)step_stop(a, json_is_string(v) ? json_string_value(v) : "stopped");
	json_decref(v);
	return STEP_FAIL;
}

static const struct param stop_params[] = {
	{"stop", P_TMPL, IN_WORD, true, offsetof(struct value_args, value), "the reason"},
	{0},
};

const struct step_kind kind_stop = {
	.name = "stop",
	.help = "ends the run as completed, with a reason",
	.params = stop_params,
	.args_size = sizeof(struct value_args),
	.start = stop_start,
	.resume = never_resumed,
	.ends = true,
};

/* `fail: text`, or `fail: =error` to pass an error on as it is. */
static enum verdict fail_start(struct act *a)
{
	json_t *v;
	if (!act_eval(a, ((const struct value_args *)act_args(a))->value, &v))
		return STEP_FAIL;
	if (json_is_object(v) && json_str(v, "name")) {
		json_t *error = json_clone(v);
		json_decref(v);
		return step_fail_error(a, error);
	}
	char *text = json_is_string(v) ? NULL : v ? json_text(v) : NULL;
	(void)step_fail(a, ERR_FAILED, "%s",
			json_is_string(v) ? json_string_value(v)
			: text            ? text
					  : "failed");
	json_decref(v);
	free(text);
	return STEP_FAIL;
}

static const struct param fail_params[] = {
	{"fail", P_TMPL, IN_WORD, true, offsetof(struct value_args, value),
	 "a message, or =error to pass an error on"},
	{0},
};

const struct step_kind kind_fail = {
	.name = "fail",
	.help = "ends with an error",
	.params = fail_params,
	.args_size = sizeof(struct value_args),
	.start = fail_start,
	.resume = never_resumed,
	.ends = true,
};
