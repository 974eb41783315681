/*
 * A wait for an event: the next message of the conversation, or any event that fits.
 *
 *            ┌──────┐ W, its keys   ┌────────┐ something came  ┌───────┐ it fits
 *  start ───▶│ OPEN │──────────────▶│ PARKED │────────────────▶│ JUDGE │────────▶ T, done
 *            └──────┘               └────▲───┘                 └───┬───┘
 *                                        └─── it does not ─────────┘
 *
 * The values of `where` are taken when it begins. The store finds what has them, also what came between
 * the run's own event (for a conversation: its last reply) and now, oldest first; `match` is judged here. What
 * a `match` such as `it.data.id == data.id` demands is a value of the key too, so that an event is judged by
 * those waits alone whose value it has.
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

/* ---- what `match` demands ---- */

static struct tmpl *compile_value(struct plan *p, const char *src, const struct tmpl *at)
{
	struct tmpl *t = arena_alloc(&p->arena, sizeof(*t));
	*t = (struct tmpl){.kind = TMPL_EXPR,
			   .line = at->line,
			   .col = at->col,
			   .src = arena_strdup(&p->arena, src)};
	if (p->vm->ops->compile(p->vm->vm, t->src, false, p->file, &t->ref, NULL) != 0)
		return NULL;
	return plan_keep(p, t);
}

struct found {
	struct plan *plan;
	struct wait_args *args;
	json_t *paths;
};

static void on_demand(void *arg, const char *path, const char *value)
{
	struct found *f = arg;
	struct wait_args *args = f->args;
	auto_free char *own = mem_printf("=it.%s", path);
	if (args->n_fixed == WAIT_FIXED || json_object_get(f->paths, own))
		return;
	struct tmpl *t = compile_value(f->plan, value, args->match);
	if (!t)
		return;
	json_object_set_new(f->paths, own, json_null());
	args->fixed[args->n_fixed++] = (struct fixed){arena_strdup(&f->plan->arena, own), t};
}

/* Adds to the paths what `match` demands beside `where`. */
static void find_fixed(struct plan *p, struct wait_args *args, json_t *paths)
{
	struct found f = {p, args, paths};
	const struct tmpl *t = args->match;
	args->n_fixed = 0;
	if (t && t->kind == TMPL_EXPR && !t->chunk && p->vm->ops->demands)
		p->vm->ops->demands(p->vm->vm, t->src, on_demand, &f);
}

/* Every event of the type would be looked at: who means that says so. */
static void check_filter(struct plan_check *c, const struct step *s, const json_t *paths)
{
	const struct wait_args *args = s->args;
	if (json_object_size(paths) || args->scan)
		return;
	if (args->match)
		c->error(
			c, args->match->line, args->match->col,
			"no event can be looked up by this match: compare a field with what the run knows, "
			"as in it.data.id == data.id, joined to the rest by `and`; or add where:, or "
			"scan: true to judge every such event");
	else
		c->error(
			c, s->line, s->col,
			"the wait needs where: or a match: with it.field == value, else every such "
			"event ends it; scan: true says that this is meant");
}

static const char *name_of(const struct wait_args *args)
{
	return args->event          ? args->event
	       : args->conversation ? args->conversation
	       : args->webhook      ? args->webhook
				    : args->run;
}

/* The key's form of a wait with these paths; malloc'd. */
static char *shape_of(const struct wait_args *args, const json_t *paths)
{
	auto_free char *type = mem_printf("%s%s",
					  args->webhook ? "webhook:"
					  : args->run   ? RUN_TYPE
							: "",
					  name_of(args));
	return shape_text(type, args->conversation != NULL, paths);
}

void wait_event_pin(struct plan_check *c, const json_t *words, int line, int col)
{
	json_auto_t *none = json_object();
	json_t *where = json_object_get(words, "where");
	struct tmpl t = {.kind = TMPL_LITERAL, .literal = where ? where : none};
	const struct wait_args args = {.event = json_str(words, "event"),
				       .conversation = json_str(words, "conversation"),
				       .webhook = json_str(words, "webhook"),
				       .run = json_str(words, "run"),
				       .where = &t};
	json_auto_t *paths = paths_of(&args);
	if (!name_of(&args))
		c->error(c, line, col,
			 "wait_event needs a type, or one of event, conversation, webhook and run");
	else if (!json_object_size(paths) && !json_bool(words, "scan", false))
		c->error(
			c, line, col,
			"wait_event needs where, else every %s ends it; scan = true says that this is "
			"meant",
			name_of(&args));
	else {
		auto_free char *shape = shape_of(&args, paths);
		(void)plan_shape(c->plan, shape);
	}
}

void wait_event_check(struct plan_check *c, struct step *s)
{
	struct wait_args *args = s->args;
	const char *name = name_of(args);
	json_auto_t *paths = paths_of(args);
	if (args->where && args->where->kind != TMPL_MAP && !where_is_plain(args))
		c->error(c, args->where->line, args->where->col,
			 "where: is a map such as {order_id: =data.order_id}");
	if (args->timeout_ms && args->other.kind == ELSE_UNSET)
		c->error(c, s->line, s->col,
			 "a wait with a timeout needs an else: fail, continue or steps");
	if (args->match && args->match->kind != TMPL_EXPR)
		c->error(c, s->line, s->col, "match: is an expression over `it`");
	if (args->run && strcmp(name, "completed") && strcmp(name, "failed") &&
	    strcmp(name, "cancelled"))
		c->error(c, s->line, s->col, "run: is one of completed, failed, cancelled");
	auto_free char *shape = shape_of(args, paths);
	args->shape = plan_shape(c->plan, shape);
	args->wide_is_all = !json_object_size(paths) && !args->scan;
	find_fixed(c->plan, args, paths);
	check_filter(c, s, paths);
	auto_free char *narrow = shape_of(args, paths);
	args->narrow_shape = args->n_fixed ? plan_shape(c->plan, narrow) : NULL;
}

/* ---- opening ---- */

/* A script's wait was pinned by its words, and finds its form among the plan's. NULL: step_fail was called. */
static const char *wide_shape(struct act *a)
{
	const struct wait_args *args = act_args(a);
	const struct plan *p = act_plan(a);
	if (args->shape)
		return args->shape;
	json_auto_t *paths = paths_of(args);
	auto_free char *shape = shape_of(args, paths);
	for (size_t i = 0; i < p->n_shapes; i++)
		if (strcmp(p->shapes[i], shape) == 0)
			return p->shapes[i];
	(void)step_fail(
		a, ERR_SCRIPT,
		"this wait for %s is not one that stands in the script: its words are read from "
		"there when the rule is loaded",
		name_of(args));
	return NULL;
}

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

/* Equal values of these have one key; of numbers beyond, an integer and a real may be equal and have two. */
static bool has_one_key(const json_t *v)
{
	double d = json_number_value(v);
	return v && !json_is_null(v) && !json_is_object(v) && !json_is_array(v) && d >= -9e15 &&
	       d <= 9e15;
}

static bool is_nil(struct act *a, const struct fixed *f)
{
	(void)step_fail(a, ERR_INVALID,
			"the wait's match compares %s with nil: any event without it would do",
			f->path + 1);
	return false;
}

/*
 * Adds what `match` demands, and finds the shape for it. A value that is no plain one is left to `match`
 * itself, and with it the rest: the wide shape finds what the narrow one would. False: step_fail was called.
 */
static bool add_fixed(struct act *a, json_t *values, const char **ret_shape)
{
	const struct wait_args *args = act_args(a);
	json_auto_t *own = json_object();
	bool narrow = args->n_fixed > 0;
	for (size_t i = 0; i < args->n_fixed; i++) {
		const struct fixed *f = &args->fixed[i];
		json_t *v = NULL;
		int rc = tmpl_eval(act_plan(a)->vm, f->value, act_scope(a), &v, NULL);
		if (rc == 0 && (!v || json_is_null(v)) && args->wide_is_all) {
			json_decref(v);
			return is_nil(a, f);
		}
		narrow = narrow && rc == 0 && has_one_key(v);
		json_object_set_new(own, f->path, v ? v : json_null());
	}
	if (narrow)
		json_object_update(values, own);
	*ret_shape = narrow ? args->narrow_shape : wide_shape(a);
	return *ret_shape != NULL;
}

static bool open_key(struct act *a, const json_t *values, const char *shape)
{
	const struct wait_args *args = act_args(a);
	struct store_wait w = {.what = "event",
			       .judge = args->match != NULL,
			       .from = args->conversation ? FROM_MARK : FROM_RUN,
			       .shape = shape};
	if (!shape_key(shape, values, &w.key)) {
		(void)step_fail(a, ERR_INVALID, "a wait compares plain values");
		return false;
	}
	step_await(a, &w);
	return true;
}

/* A list means any of: a key for each choice. Takes values. */
static bool open_keys(struct act *a, json_t *values, const char *shape, unsigned *left)
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
			if (!open_keys(a, copy, shape, left))
				return false;
		}
		return true;
	}
	if ((*left)-- > 0)
		return open_key(a, values, shape);
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
	const char *shape;
	if (!values)
		return false;
	if (!add_fixed(a, values, &shape)) {
		json_decref(values);
		return false;
	}
	step_record(a, REC_WAIT,
		    json_pack("{s:s, s:b, s:I, s:O}", "kind", "event", "awaits", 1, "due", due,
			      "where", values));
	return open_keys(a, values, shape, &left);
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
