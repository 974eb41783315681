/*
 * each: a loop over a list, over the rows of a file, or over the items of a step that gives them page by
 * page.
 *
 *             ┌──────┐ list          ┌──────┐ no more items     ┌──────┐
 *  start ──┬─▶│ list │──────────────▶│ item │──────────────────▶│ done │
 *          │  └──────┘            ┌─▶│      │──┐                └──────┘
 *          │  ┌──────┐ items      │  └──▲───┘  │ of this page       ▲
 *          └─▶│ page │────────────┘     └──────┘                    │ no next page
 *             └──▲───┘◀──────────────────┴──────────────────────────┘
 *
 * Records at its path, all D: {list}, or {rows} with the file, or {source} with what the step is given;
 * {page, at} when a page is asked for; {each} when an iteration has ended, in the order in which they
 * end; {failed} when the first error has ended those that run side by side. A page's items stand in the
 * record of its own step, page#k; the page before it is let go once all its items have ended. Rows of a
 * file are read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/rows.h"
#include "engine/run/run.h"

#define EACH_MAX 100000 /* iterations: their results are one list */
#define PARALLEL_MAX 100
#define ROWS_AT_ONCE 100

struct each_args {
	struct source_arg from;
	const char *item;
	struct block body;
	struct tmpl *result;
	const char *errors;
	int parallel;
};

struct each_state {
	json_t *list;   /* owned: all of it, or the items of this page */
	size_t first;   /* iterations before the list's first item */
	size_t begun;   /* the next that begins, from 0 */
	size_t running; /* under way now */
	json_t *ends;   /* owned: the record of each iteration that has ended, null of others */
	json_t *error;  /* owned: by which the loop ends, once nothing of it is under way */
	bool resumed;   /* what the journal has of it is seen to */
	unsigned page;  /* the page at hand, from 1; 0: none yet */
	json_t *place;  /* owned: where that page is, as its step told */
	json_t *next;   /* owned: the place of the page after it; NULL: it is the last */
	bool broken;    /* break: has ended it */
	bool asking;    /* the step of the page runs, and no iteration */
	struct file_in file; /* whose rows the items are, if it is open */
	json_t *head;        /* owned: the names of its columns */
};

static bool each_collects(const struct each_args *args)
{
	return args->errors && strcmp(args->errors, "collect") == 0;
}

/* ---- a list ---- */

/* The list is a decision: recorded once, the same on every replay. */
static json_t *each_list(struct act *a, const struct each_args *args)
{
	const struct jrec *d = jpath_last_with(&a->j, REC_DECISION, "list");
	if (d)
		return json_incref(json_object_get(d->body, "list"));
	json_t *list, *rows;
	if (!act_eval(a, args->from.list, &list))
		return NULL;
	rows = json_object_get(list, EXPR_ROWS);
	if (rows) {
		step_record(a, REC_DECISION, json_pack("{s:O}", "rows", rows));
		json_decref(list);
		return json_array();
	}
	if (json_is_object(list) && !json_object_size(list)) {
		json_decref(list);
		list = json_array(); /* {} of an expression is an empty list here */
	}
	if (!json_is_array(list) || json_array_size(list) > EACH_MAX) {
		(void)step_fail(a, ERR_INVALID, "each needs a list of at most %d items, not %s",
				EACH_MAX, list ? json_type_word(list) : "nil");
		json_decref(list);
		return NULL;
	}
	step_record(a, REC_DECISION, json_pack("{s:O}", "list", list));
	return list;
}

/* ---- pages ---- */

/* One parameter of the source as it is now. False: step_fail was called. */
static bool eval_arg(struct act *a, const struct param *p, const void *at, json_t **ret)
{
	struct tmpl *const *t = at;
	*ret = NULL;
	if ((p->type == P_TMPL || p->type == P_SECRETS || p->type == P_EXPR) && *t)
		return act_eval(a, *t, ret);
	if (p->type == P_STRING && *(const char *const *)at)
		*ret = json_string(*(const char *const *)at);
	else if (p->type == P_DURATION && *(const int64_t *)at)
		*ret = json_integer(*(const int64_t *)at);
	else if (p->type == P_INT && *(const int *)at)
		*ret = json_integer(*(const int *)at);
	else if (p->type == P_BOOL && *(const bool *)at)
		*ret = json_true();
	return true;
}

/* What the source is given: evaluated once, so that all pages are of one list. */
static json_t *source_args(struct act *a, const struct step *source)
{
	const struct jrec *d = jpath_last_with(&a->j, REC_DECISION, "source");
	if (d)
		return json_copy(json_object_get(d->body, "source"));
	json_t *args = json_object(), *v;
	for (const struct param *p = source->kind->params; p && p->name; p++) {
		if (!eval_arg(a, p, (const char *)source->args + p->offset, &v)) {
			json_decref(args);
			return NULL;
		}
		if (v)
			json_object_set_new(args, p->name, v);
	}
	json_t *copy = json_copy(args);
	step_record(a, REC_DECISION, json_pack("{s:o}", "source", args));
	return copy;
}

/* Begins the step that gives the page at hand, or takes its end from the journal. */
static enum verdict each_ask(struct act *a, struct each_state *st)
{
	const struct step *source = ((const struct each_args *)act_args(a))->from.step;
	char seg[32];
	json_t *args = source_args(a, source);
	if (!args)
		return STEP_FAIL;
	json_object_set(args, "page", st->place);
	st->asking = true;
	snprintf(seg, sizeof(seg), "page#%u", st->page);
	enum verdict v = step_spawn(a, source->kind->name, seg, args);
	act_newest(a)->spawned->retry = source->retry;
	return v;
}

/* ---- rows ---- */

static enum verdict each_next(struct act *a);

/* The file whose rows are gone through, or NULL: what is gone through is something else. */
static json_t *each_file(const struct act *a)
{
	const struct jrec *d = jpath_last_with(&a->j, REC_DECISION, "rows");
	return d ? json_object_get(d->body, "rows") : NULL;
}

/* Some rows are the page at hand. They are in the file and need no record. */
static enum verdict each_read_rows(struct act *a, struct each_state *st)
{
	struct files *files = engine_conf(a->run->engine)->files;
	int64_t at = json_int(st->place, "at", 0);
	int err = st->file.fd
			  ? 0
			  : files_find(files, a->run->id_text, each_file(a), &st->file, &a->msg);
	if (!err)
		err = rows_read(&st->file, &st->head, &at, ROWS_AT_ONCE, &st->list, &a->msg);
	if (err)
		return step_fail_msg(a);
	st->next = at < 0 ? NULL : json_pack("{s:I}", "at", (json_int_t)at);
	return each_next(a);
}

/* Takes place. */
static enum verdict each_turn_page(struct act *a, struct each_state *st, json_t *place)
{
	st->page++;
	st->first = st->begun = json_array_size(st->ends);
	json_decref(st->place);
	st->place = place;
	json_decref(st->list);
	st->list = NULL;
	step_record(a, REC_DECISION, json_pack("{s:i, s:O}", "page", (int)st->page, "at", place));
	return each_file(a) ? each_read_rows(a, st) : each_ask(a, st);
}

/* The items of pages that are done are of no use any more. */
static void each_forget_pages(struct act *a, const struct each_state *st)
{
	for (unsigned k = 1; k < st->page; k++) {
		char *path = mem_printf("%s/page#%u", a->path, k);
		struct jpath j = fold_take(&a->run->fold, path);
		jpath_done(&j);
		free(path);
	}
}

/* ---- iterations ---- */

static bool each_ended(const struct each_state *st, size_t i)
{
	return json_is_object(json_array_get(st->ends, i));
}

/* An iteration that ended, as its record tells. */
static void each_take(struct each_state *st, json_t *d)
{
	size_t i = (size_t)json_int(d, "each", 1) - 1;
	while (json_array_size(st->ends) <= i)
		json_array_append_new(st->ends, json_null());
	json_array_set(st->ends, i, d);
	st->broken |= json_bool(d, "last", false);
}

static void each_replay_one(struct act *a, struct each_state *st, json_t *d)
{
	json_t *v;
	const char *key;
	if (json_object_get(d, "page")) {
		st->page = (unsigned)json_int(d, "page", 1);
		st->first = json_array_size(st->ends);
		json_decref(st->place);
		st->place = json_incref(json_object_get(d, "at"));
	}
	if (json_object_get(d, "failed"))
		st->error = json_incref(json_object_get(d, "error"));
	if (!json_object_get(d, "each"))
		return;
	json_object_foreach (json_object_get(d, "names"), key, v)
		step_set_name(a, key, json_incref(v));
	each_take(st, d);
}

/* Iterations that the journal has are taken from there and not walked through. */
static void each_replay(struct act *a, struct each_state *st)
{
	for (const struct jrec *r = a->j.first; r; r = r->next)
		if (r->type == REC_DECISION)
			each_replay_one(a, st, r->body);
	st->begun = st->first;
}

static enum verdict each_end(struct act *a, struct each_state *st)
{
	json_t *results = json_array(), *errors = json_array(), *d;
	size_t i;
	json_array_foreach (st->ends, i, d) {
		json_t *error = json_object_get(d, "error"), *result = json_object_get(d, "result");
		if (error)
			json_array_append_new(errors, json_pack("{s:I, s:O?, s:O}", "index",
								(json_int_t)i + 1, "item",
								json_object_get(d, "item"), "error",
								error));
		else if (result)
			json_array_append(results, result);
	}
	bool partial = json_array_size(errors) > 0;
	if (partial)
		step_meta(a, "errors", json_incref(errors));
	json_decref(errors);
	return step_done_as(a, results, partial ? "partial" : "ok");
}

static size_t each_width(const struct act *a)
{
	int n = ((const struct each_args *)act_args(a))->parallel;
	return n > 1 ? (size_t)n : 1;
}

static json_t *each_item(const struct each_state *st, size_t i)
{
	return json_array_get(st->list, i - st->first);
}

/* No further one begins: one has failed, or said break. */
static bool each_is_over(const struct each_state *st)
{
	return st->error || st->broken;
}

/* Of one that was under way when the others were called off there are records. */
static bool each_was_begun(const struct act *a, const char *seg)
{
	char again[16] = "";
	if (a->attempt > 1)
		snprintf(again, sizeof(again), "@%u", a->attempt);
	auto_free char *path = mem_printf("%s%s/%s", a->path, again, seg);
	return fold_has_below(&a->run->fold, path);
}

static void each_begin(struct act *a, struct each_state *st, size_t i)
{
	const struct each_args *args = act_args(a);
	char seg[32];
	snprintf(seg, sizeof(seg), "each#%zu", i + 1);
	if (each_is_over(st) && !each_was_begun(a, seg))
		return;
	json_t *local = json_pack("{s:O, s:I}", args->item ? args->item : "item", each_item(st, i),
				  "index", (json_int_t)i + 1);
	if (each_width(a) > 1)
		(void)step_enter_lane(a, &args->body, seg, i + 1, local, each_is_over(st));
	else
		(void)step_enter(a, &args->body, seg, local);
	st->running++;
}

/* As many as may run side by side, in the order of the items. */
static enum verdict each_next(struct act *a)
{
	struct each_state *st = act_state(a);
	size_t end = st->first + json_array_size(st->list), width = each_width(a), tried = 0;
	bool over = each_is_over(st) && st->resumed;
	for (; !over && st->running < width && tried < width && st->begun < end; st->begun++) {
		if (each_ended(st, st->begun))
			continue;
		if (st->begun >= EACH_MAX)
			return step_fail(a, ERR_LIMIT, "the pages hold more than %d items",
					 EACH_MAX);
		each_begin(a, st, st->begun);
		tried += each_is_over(st);
	}
	st->resumed = true;
	if (st->running)
		return STEP_ENTER;
	if (st->error)
		return step_fail_error(a, json_incref(st->error));
	json_t *next = st->broken ? NULL : st->next;
	if (!next)
		return each_end(a, st);
	st->next = NULL;
	return each_turn_page(a, st, next);
}

static enum verdict each_start_pages(struct act *a, struct each_state *st)
{
	each_forget_pages(a, st);
	if (!st->page)
		return each_turn_page(a, st, json_object());
	return each_file(a) ? each_read_rows(a, st) : each_ask(a, st);
}

static enum verdict each_start(struct act *a)
{
	const struct each_args *args = act_args(a);
	struct each_state *st = act_state(a);
	if (!args->from.step && !each_file(a) && !(st->list = each_list(a, args)))
		return STEP_FAIL;
	st->ends = json_array();
	each_replay(a, st);
	bool pages = args->from.step || each_file(a);
	return pages && !st->broken ? each_start_pages(a, st) : each_next(a);
}

/* An error of a page is none of an item's: the loop cannot go on, whatever it collects. */
static enum verdict each_on_page(struct act *a, struct each_state *st)
{
	json_t *error = act_child_error(a), *page = act_child_result(a);
	st->asking = false;
	if (error)
		return step_fail_error(a, json_incref(error));
	st->list = json_incref(json_object_get(page, "items"));
	st->next = json_incref(json_object_get(page, "next"));
	return each_next(a);
}

/* The error of this iteration, or NULL, and then *ret_result; both owned. */
static json_t *each_outcome(struct act *a, json_t **ret_result)
{
	const struct each_args *args = act_args(a);
	json_t *error = json_incref(act_child_error(a));
	if (error)
		return error;
	if (!args->result) {
		*ret_result = json_incref(act_child_result(a));
		return NULL;
	}
	if (act_eval_child(a, args->result, ret_result))
		return NULL;
	error = a->error;
	a->error = NULL;
	return error;
}

/* The first error ends the loop; those beside it end what they are at. */
static enum verdict each_give_up(struct act *a, struct each_state *st, json_int_t k, json_t *error)
{
	if (each_width(a) == 1)
		return step_fail_error(a, json_incref(error));
	if (!st->error) {
		st->error = json_incref(error);
		step_record(a, REC_DECISION, json_pack("{s:I, s:O}", "failed", k, "error", error));
		step_stop_lanes(a);
	}
	step_forgive(a);
	return each_next(a);
}

static enum verdict each_on_iteration(struct act *a, struct each_state *st)
{
	json_int_t k = (json_int_t)(act_child_lane(a) ? act_child_lane(a) : st->begun);
	json_t *result = NULL;
	json_auto_t *error = each_outcome(a, &result);
	bool next = error_is(error, "next"), last = error_is(error, "break"), any = next || last;
	st->running--;
	if (st->broken && error_is(error, "cancelled")) {
		step_forgive(a); /* it was called off */
		return each_next(a);
	}
	if (error && !any && (!each_collects(act_args(a)) || !flow_may_handle(error)))
		return each_give_up(a, st, k, error);
	json_t *d = json_pack("{s:I}", "each", k);
	if (error && !any) {
		json_object_set(d, "error", error);
		json_object_set(d, "item", each_item(st, (size_t)k - 1));
	} else if (last) {
		json_object_set_new(d, "last", json_true());
	} else if (!next) {
		json_object_set_new(d, "result", result ? result : json_null());
	}
	if (a->outer)
		json_object_set(d, "names", a->outer);
	step_record(a, REC_DECISION, d);
	each_take(st, d);
	step_forgive(a);
	if (last)
		step_stop_lanes(a);
	return each_next(a);
}

static enum verdict each_resume(struct act *a)
{
	struct each_state *st = act_state(a);
	return st->asking ? each_on_page(a, st) : each_on_iteration(a, st);
}

static void each_drop(struct act *a)
{
	struct each_state *st = act_state(a);
	json_decref(st->list);
	json_decref(st->ends);
	json_decref(st->error);
	json_decref(st->place);
	json_decref(st->next);
	json_decref(st->head);
	file_in_done(&st->file);
	*st = (struct each_state){0};
}

static bool each_has_lanes(const struct step *s)
{
	return ((const struct each_args *)s->args)->parallel > 1;
}

static void each_check(struct plan_check *c, struct step *s)
{
	const struct each_args *args = s->args;
	if (args->errors && strcmp(args->errors, "stop") != 0 && !each_collects(args))
		c->error(c, s->line, s->col, "errors: must be stop or collect, not '%s'",
			 args->errors);
	if (args->parallel > PARALLEL_MAX)
		c->error(c, s->line, s->col, "parallel: is at most %d items at a time",
			 PARALLEL_MAX);
}

static const struct param each_params[] = {
	{"each", P_SOURCE, IN_WORD, true, offsetof(struct each_args, from),
	 "the list; or {call:, with:}, whose pages it goes through one after the other"},
	{"item", P_NAME, BESIDE, false, offsetof(struct each_args, item),
	 "the item's name inside; item when it is left out"},
	{"do", P_BLOCK, BESIDE, true, offsetof(struct each_args, body), "steps for each item"},
	{"result", P_TMPL, BESIDE, false, offsetof(struct each_args, result),
	 "what an iteration gives; its last step's result when it is left out"},
	{"errors", P_STRING, BESIDE, false, offsetof(struct each_args, errors),
	 "stop (the first error ends the loop) or collect"},
	{"parallel", P_INT, BESIDE, false, offsetof(struct each_args, parallel),
	 "how many items go side by side; 1 when it is left out"},
	{0},
};

const struct step_kind kind_each = {
	.name = "each",
	.help = "runs steps for each item of a list, one after the other or side by side",
	.params = each_params,
	.args_size = sizeof(struct each_args),
	.state_size = sizeof(struct each_state),
	.check = each_check,
	.start = each_start,
	.resume = each_resume,
	.drop = each_drop,
	.loops = true,
	.repeats = true,
	.lanes = each_has_lanes,
};
