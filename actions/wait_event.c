/*
 * A wait for an event: the next message of the conversation, or any event that fits.
 *
 *            ┌──────┐ W, its keys   ┌────────┐ something came  ┌───────┐ it fits
 *  start ───▶│ OPEN │──────────────▶│ PARKED │────────────────▶│ JUDGE │────────▶ T, done
 *            └──────┘               └────▲───┘                 └───┬───┘
 *                                        └─── it does not ─────────┘
 *
 * The values of `where` are taken when it begins. The store finds what has them, also what came between
 * the run's own event (for a conversation: its last reply) and now, oldest first; `match` is judged here.
 */
#include <stdlib.h>
#include <string.h>

#include "actions/wait.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/run/keys.h"

#define KEYS_OF_A_WAIT 64

/* ---- checks ---- */

static const char *const own_paths[WAIT_OWN] = {
	[WAIT_PLATFORM] = "platform",     [WAIT_CHANNEL] = "conversation.channel",
	[WAIT_INTENT] = "intent.name",    [WAIT_SOURCE] = "event.source",
	[WAIT_SUBJECT] = "event.subject",
};

/* `where` without an expression in it is one value. */
static bool where_is_plain(const struct wait_args *args)
{
	const struct tmpl *t = args->where;
	return t && t->kind == TMPL_LITERAL && json_is_object(t->literal);
}

/* Every path that the wait has a value for. */
static json_t *paths_of(const struct wait_args *args)
{
	json_t *paths = where_is_plain(args) ? json_copy(args->where->literal) : json_object();
	for (size_t i = 0; args->where && args->where->keys && i < args->where->n; i++)
		json_object_set_new(paths, args->where->keys[i], json_null());
	for (size_t i = 0; i < WAIT_OWN; i++)
		if (args->own[i])
			json_object_set_new(paths, own_paths[i], json_null());
	if (args->conversation) /* the same one as the run's */
		json_object_set_new(paths, "event.subject", json_null());
	return paths;
}

static bool narrows(const struct wait_args *args)
{
	const char *src = args->match ? args->match->src : NULL;
	return src && strstr(src, "it.") && strstr(src, "==");
}

void wait_event_check(struct plan_check *c, struct step *s)
{
	struct wait_args *args = s->args;
	const char *name = args->event          ? args->event
			   : args->conversation ? args->conversation
			   : args->webhook      ? args->webhook
						: args->run;
	json_auto_t *paths = paths_of(args);
	if (args->where && args->where->kind != TMPL_MAP && !where_is_plain(args))
		c->error(c, args->where->line, args->where->col,
			 "where: is a map such as {order_id: =data.order_id}");
	if (!json_object_size(paths) && !narrows(args) && !args->scan)
		c->error(
			c, s->line, s->col,
			"the wait needs where: or a match: with it.field == value, else every such "
			"event ends it; scan: true says that this is meant");
	if (args->timeout_ms && args->other.kind == ELSE_UNSET)
		c->error(c, s->line, s->col,
			 "a wait with a timeout needs an else: fail, continue or steps");
	if (args->match && args->match->kind != TMPL_EXPR)
		c->error(c, s->line, s->col, "match: is an expression over `it`");
	auto_free char *type = mem_printf("%s%s",
					  args->webhook ? "webhook:"
					  : args->run   ? RUN_TYPE
							: "",
					  name);
	if (args->run && strcmp(name, "completed") && strcmp(name, "failed") &&
	    strcmp(name, "cancelled"))
		c->error(c, s->line, s->col, "run: is one of completed, failed, cancelled");
	auto_free char *shape = shape_text(type, args->conversation != NULL, paths);
	args->shape = plan_shape(c->plan, shape);
}

/* ---- opening ---- */

/* One path with its value; nil is an error that names it. Takes v. */
static bool put_value(struct act *a, json_t *values, const char *path, json_t *v)
{
	if (!v || json_is_null(v)) {
		json_decref(v);
		(void)step_fail(a, ERR_INVALID, "the wait's '%s' is nil: nothing could equal it",
				path);
		return false;
	}
	json_object_set_new(values, path, v);
	return true;
}

static bool put_eval(struct act *a, json_t *values, const char *path, const struct tmpl *t)
{
	json_t *v;
	return act_eval(a, t, &v) && put_value(a, values, path, v);
}

/* {path: value or list of values}, or NULL after step_fail. */
static json_t *eval_values(struct act *a)
{
	const struct wait_args *args = act_args(a);
	json_t *values = json_object(), *v;
	const char *path;
	bool ok = true;
	if (where_is_plain(args)) {
		json_object_foreach (args->where->literal, path, v)
			ok = ok && put_value(a, values, path, json_incref(v));
	}
	for (size_t i = 0; ok && args->where && i < args->where->n; i++)
		ok = put_eval(a, values, args->where->keys[i], args->where->items[i]);
	for (size_t i = 0; ok && i < WAIT_OWN; i++)
		if (args->own[i])
			ok = put_eval(a, values, own_paths[i], args->own[i]);
	if (ok && args->conversation && !json_object_get(values, "event.subject"))
		ok = put_value(a, values, "event.subject",
			       json_incref(json_object_get(act_event(a), "subject")));
	if (ok)
		return values;
	json_decref(values);
	return NULL;
}

static bool open_key(struct act *a, const json_t *values)
{
	const struct wait_args *args = act_args(a);
	struct store_wait w = {.what = "event",
			       .judge = args->match != NULL,
			       .from = args->conversation ? FROM_MARK : FROM_RUN,
			       .shape = args->shape};
	if (!shape_key(args->shape, values, &w.key)) {
		(void)step_fail(a, ERR_INVALID, "a wait compares plain values");
		return false;
	}
	step_await(a, &w);
	return true;
}

/* A list means any of: a key for each choice. Takes values. */
static bool open_keys(struct act *a, json_t *values, unsigned *left)
{
	json_auto_t *owned = values;
	(void)owned;
	const char *path;
	json_t *v, *one;
	size_t i;
	json_object_foreach (values, path, v) {
		if (!json_is_array(v))
			continue;
		json_array_foreach (v, i, one) {
			json_t *copy = json_copy(values);
			json_object_set(copy, path, one);
			if (!open_keys(a, copy, left))
				return false;
		}
		return true;
	}
	if ((*left)-- > 0)
		return open_key(a, values);
	(void)step_fail(a, ERR_LIMIT, "a wait has at most %d combinations of values",
			KEYS_OF_A_WAIT);
	return false;
}

static bool open_wait(struct act *a)
{
	const struct wait_args *args = act_args(a);
	json_t *values = eval_values(a);
	unsigned left = KEYS_OF_A_WAIT;
	json_int_t due = args->timeout_ms ? act_now(a) + args->timeout_ms : 0;
	if (!values)
		return false;
	step_record(a, REC_WAIT,
		    json_pack("{s:s, s:b, s:I, s:O}", "kind", "event", "awaits", 1, "due", due,
			      "where", values));
	return open_keys(a, values, &left);
}

/* ---- what came ---- */

static enum verdict taken(struct act *a, struct mail *m, json_t *event)
{
	char id[ID_TEXT_LEN];
	step_record(
		a, REC_TAKEN,
		json_pack("{s:s, s:s}", "by", "event", "event", id_format(mail_event(m)->id, id)));
	step_judge(a, m, true);
	return step_done(a, json_incref(event));
}

static enum verdict over(struct act *a)
{
	const struct wait_args *args = act_args(a);
	struct wait_state *st = act_state(a);
	step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "timeout"));
	switch (args->other.kind) {
	case ELSE_CONTINUE:
		return step_done_as(a, NULL, "waiting");
	case ELSE_STEPS:
		st->at = WAIT_ELSE;
		return step_enter(a, &args->other.body, NULL, NULL);
	case ELSE_UNSET:
	case ELSE_FAIL:
	default:
		return step_fail(a, ERR_TIMEOUT, "nothing that was waited for has come in time");
	}
}

/* What came before the time was over counts, even when both are seen together. */
static enum verdict look(struct act *a)
{
	const struct wait_args *args = act_args(a);
	json_int_t due = json_int(step_rec(a, REC_WAIT), "due", 0);
	json_t *event, *body;
	struct mail *m;
	while ((m = step_mail(a, &event, &body))) {
		bool fits = event != NULL;
		if (fits && args->match && !act_truth_of(a, args->match, event, &fits))
			return STEP_FAIL;
		if (fits)
			return taken(a, m, event);
		step_judge(a, m, false);
	}
	return due && due <= act_now(a) ? over(a) : step_park(a, RUN_WAITING, due);
}

enum verdict wait_event_go(struct act *a)
{
	struct wait_state *st = act_state(a);
	json_t *by = step_rec(a, REC_TAKEN);
	if (st->at == WAIT_ELSE)
		return act_child_error(a)
			       ? step_fail_error(a, json_incref(act_child_error(a)))
			       : step_done_as(a, json_incref(act_child_result(a)), "waiting");
	if (by && ((const struct wait_args *)act_args(a))->other.kind == ELSE_STEPS) {
		st->at = WAIT_ELSE;
		return step_enter(a, &((const struct wait_args *)act_args(a))->other.body, NULL,
				  NULL);
	}
	if (!step_rec(a, REC_WAIT) && !open_wait(a))
		return STEP_FAIL;
	return look(a);
}
