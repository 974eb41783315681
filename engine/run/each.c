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
 * {page, at} when a page is asked for; {each} when an iteration has ended. A page's items stand in the
 * record of its own step, page#k; the page before it is let go. Rows of a file are read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/rows.h"
#include "engine/run/run.h"

#define EACH_MAX 100000 /* iterations: their results are one list */
#define ROWS_AT_ONCE 100

struct each_args {
	struct source_arg from;
	const char *item;
	struct block body;
	struct tmpl *result;
	const char *errors;
};

struct each_state {
	json_t *list;    /* owned: all of it, or the items of this page */
	size_t first;    /* iterations before the list's first item */
	json_t *results; /* collected so far */
	json_t *errors;
	size_t at;           /* iterations ended */
	unsigned page;       /* the page at hand, from 1; 0: none yet */
	json_t *place;       /* owned: where that page is, as its step told */
	json_t *next;        /* owned: the place of the page after it; NULL: it is the last */
	bool broken;         /* break: has ended it */
	bool asking;         /* the step of the page runs, and no iteration */
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
	if ((p->type == P_TMPL || p->type == P_EXPR) && *t)
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
	st->first = st->at;
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

static json_t *each_item(const struct each_state *st)
{
	return json_array_get(st->list, st->at - st->first);
}

/* An iteration that ended: its result or error. */
static void each_take(struct each_state *st, const json_t *d)
{
	json_t *result = json_object_get(d, "result"), *error = json_object_get(d, "error");
	json_t *item = json_object_get(d, "item");
	if (error)
		json_array_append_new(
			st->errors, json_pack("{s:I, s:O?, s:O}", "index", (json_int_t)st->at + 1,
					      "item", item ? item : each_item(st), "error", error));
	else if (result)
		json_array_append(st->results, result);
	st->broken |= json_bool(d, "last", false);
	st->at++;
}

/* Iterations that the journal has are taken from there and not walked through. */
static void each_replay(struct act *a, struct each_state *st)
{
	for (const struct jrec *r = a->j.first; r; r = r->next) {
		json_t *names = json_object_get(r->body, "names"), *v;
		const char *key;
		if (r->type != REC_DECISION)
			continue;
		if (json_object_get(r->body, "page")) {
			st->page = (unsigned)json_int(r->body, "page", 1);
			st->first = st->at;
			json_decref(st->place);
			st->place = json_incref(json_object_get(r->body, "at"));
		}
		if (!json_object_get(r->body, "each"))
			continue;
		json_object_foreach (names, key, v)
			step_set_name(a, key, json_incref(v));
		each_take(st, r->body);
	}
}

static enum verdict each_end(struct act *a, struct each_state *st)
{
	if (json_array_size(st->errors))
		step_meta(a, "errors", json_incref(st->errors));
	return step_done_as(a, json_incref(st->results),
			    json_object_get(a->meta, "errors") ? "partial" : "ok");
}

static enum verdict each_after_list(struct act *a, struct each_state *st)
{
	json_t *next = st->next;
	st->next = NULL;
	return next ? each_turn_page(a, st, next) : each_end(a, st);
}

static enum verdict each_next(struct act *a)
{
	const struct each_args *args = act_args(a);
	struct each_state *st = act_state(a);
	if (st->broken)
		return each_end(a, st);
	if (st->at - st->first >= json_array_size(st->list))
		return each_after_list(a, st);
	if (st->at >= EACH_MAX)
		return step_fail(a, ERR_LIMIT, "the pages hold more than %d items", EACH_MAX);
	char seg[32];
	snprintf(seg, sizeof(seg), "each#%zu", st->at + 1);
	json_t *local = json_pack("{s:O, s:I}", args->item ? args->item : "item", each_item(st),
				  "index", (json_int_t)st->at + 1);
	return step_enter(a, &args->body, seg, local);
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
	st->results = json_array();
	st->errors = json_array();
	each_replay(a, st);
	if (st->broken)
		return each_end(a, st);
	return args->from.step || each_file(a) ? each_start_pages(a, st) : each_next(a);
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

static enum verdict each_on_iteration(struct act *a, struct each_state *st)
{
	const struct each_args *args = act_args(a);
	json_t *error = act_child_error(a), *result = NULL;
	bool next = error_is(error, "next"), last = error_is(error, "break");
	if (next || last) {
		step_forgive(a);
		error = NULL;
	}
	if (error && (!each_collects(args) || !flow_may_handle(error)))
		return step_fail_error(a, json_incref(error));
	if (!error && !next && !last && args->result && !act_eval_child(a, args->result, &result))
		return STEP_FAIL;
	if (!error && !args->result)
		result = json_incref(act_child_result(a));
	json_t *d = json_pack("{s:I}", "each", (json_int_t)st->at + 1);
	if (error) {
		json_object_set(d, "error", error);
		json_object_set(d, "item", each_item(st));
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
	json_decref(st->results);
	json_decref(st->errors);
	json_decref(st->place);
	json_decref(st->next);
	json_decref(st->head);
	file_in_done(&st->file);
	*st = (struct each_state){0};
}

static void each_check(struct plan_check *c, struct step *s)
{
	const struct each_args *args = s->args;
	if (args->errors && strcmp(args->errors, "stop") != 0 && !each_collects(args))
		c->error(c, s->line, s->col, "errors: must be stop or collect, not '%s'",
			 args->errors);
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
	{0},
};

const struct step_kind kind_each = {
	.name = "each",
	.help = "runs steps for each item of a list, one after the other",
	.params = each_params,
	.args_size = sizeof(struct each_args),
	.state_size = sizeof(struct each_state),
	.check = each_check,
	.start = each_start,
	.resume = each_resume,
	.drop = each_drop,
	.loops = true,
	.repeats = true,
};
