/* The steps of a run from its journal. */
#include "engine/serve/steps.h"

#include <stdlib.h>
#include <string.h>

#include "actions/target.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/map.h"
#include "engine/base/timefmt.h"
#include "engine/run/step.h"
#include "engine/store/store.h"

/* ---- the plan's steps by path ---- */

static void index_block(struct map *m, const struct block *b, const char *prefix);

static void index_catchers(struct map *m, const struct catchers *c, const char *prefix)
{
	for (size_t i = 0; i < c->n; i++)
		index_block(m, &c->at[i].body, prefix);
}

/* The blocks that a parameter of a kind holds. */
static void index_param(struct map *m, const struct param *p, const void *args, const char *prefix)
{
	const void *at = (const char *)args + p->offset;
	const struct choices *choices = at;
	const struct blocks *blocks = at;
	switch (p->type) {
	case P_BLOCK:
		index_block(m, at, prefix);
		break;
	case P_ELSE:
		index_block(m, &((const struct else_arg *)at)->body, prefix);
		break;
	case P_CATCH:
		index_catchers(m, at, prefix);
		break;
	case P_CHOICES:
		for (size_t i = 0; i < choices->n; i++)
			index_block(m, &choices->at[i].body, prefix);
		break;
	case P_BLOCKS:
		for (size_t i = 0; i < blocks->n; i++)
			index_block(m, &blocks->at[i], prefix);
		break;
	case P_STRING:
	case P_TMPL:
	case P_SECRETS:
	case P_EXPR:
	case P_DURATION:
	case P_INT:
	case P_BOOL:
	case P_NAMES:
	case P_NAME:
	case P_SOURCE:
	default:
		break;
	}
}

static void index_step(struct map *m, const struct step *s, const char *prefix)
{
	auto_free char *path = mem_printf("%s%s", prefix, s->key);
	auto_free char *inside = mem_printf("%s/", path);
	(void)map_put(m, path, (void *)s);
	for (const struct param *p = s->kind->params; p && p->name; p++)
		index_param(m, p, s->args, inside);
	index_catchers(m, &s->catches, inside);
	if (s->undo_at) {
		auto_free char *undo = mem_printf("undo.%zu/", s->undo_at);
		index_block(m, &s->undo, undo);
	}
}

static void index_block(struct map *m, const struct block *b, const char *prefix)
{
	for (size_t i = 0; i < b->n; i++)
		index_step(m, b->steps[i], prefix);
}

static void index_plan(struct map *m, const struct plan *p)
{
	index_block(m, &p->body, "");
	index_catchers(m, &p->catches, "");
	index_block(m, &p->finally, "");
}

char *steps_plan_path(const char *path)
{
	struct buf b = BUF_INIT;
	while (*path) {
		size_t len = strcspn(path, "/"), name = strcspn(path, "/@");
		bool undo = strncmp(path, "undo.", 5) == 0 && memchr(path, '#', len);
		if (undo) { /* wherever it runs, it is that of its step */
			buf_clear(&b);
			name = strcspn(path, "#");
		}
		if (strncmp(path, "each#", 5) != 0) {
			if (b.len)
				(void)buf_putc(&b, '/');
			(void)buf_add(&b, path, name);
		}
		path += len + (path[len] == '/');
	}
	return buf_take(&b);
}

/* ---- what each record tells ---- */

static void put(json_t *step, const char *key, const json_t *from, const char *name)
{
	json_t *v = json_object_get(from, name);
	if (v)
		json_object_set(step, key, v);
}

static void put_due(json_t *step, const json_t *body, const char *name)
{
	char text[TIME_TEXT_LEN];
	json_int_t due = json_int(body, name, 0);
	if (due > 0)
		json_object_set_new(step, "due", json_string(time_format(due, text)));
}

static void state_is(json_t *step, const char *state)
{
	json_object_set_new(step, "state", json_string(state));
}

/* A step that ends its run well does so by an error of this name, which nothing catches. */
static bool is_stop(const json_t *body)
{
	const char *error = json_str(json_object_get(body, "error"), "name");
	return error && strcmp(error, "stop") == 0;
}

/* S: the end, with its outcome, output and what it says of itself. */
static void on_end(json_t *step, const json_t *body, const char *at)
{
	const char *outcome = json_str(body, "outcome");
	const json_t *meta = json_object_get(body, "meta");
	bool failed = outcome && strcmp(outcome, "failed") == 0 && !is_stop(body);
	put(step, "outcome", body, "outcome");
	put(step, "output", body, "output");
	put(step, "error", body, "error");
	put(step, "what", meta, "what");
	put(step, "attempts", meta, "attempts");
	put(step, "status", meta, "status");
	put(step, "adopted", meta, "adopted");
	put(step, "started", meta, "started"); /* a read has no record from before its end */
	state_is(step, failed ? "failed" : "completed");
	json_object_set_new(step, "ended", json_string(at));
	(void)json_object_del(step, "due");
	if (is_stop(body)) {
		json_object_set_new(step, "outcome", json_string("ok"));
		put(step, "what", json_object_get(body, "error"), "message");
	}
	if (!failed)
		(void)json_object_del(step, "error"); /* that of an attempt before */
}

/* I: an attempt whose request is known. */
static void on_intent(json_t *step, const json_t *body)
{
	json_int_t n = json_int(body, "attempt", 1);
	put(step, "what", body, "action");
	put(step, "input", body, json_object_get(body, "params") ? "params" : "message");
	json_object_set_new(step, "attempts", json_integer(n));
	state_is(step, "running");
	(void)json_object_del(step, "due");
}

/* A: an attempt that ended without a result. */
static void on_attempt(json_t *step, const json_t *body)
{
	put(step, "error", body, "error");
	put(step, "input", body, "params");
	json_int_t counted = json_int(body, "counted", 0);
	if (counted > 0)
		json_object_set_new(step, "attempts", json_integer(counted));
	put_due(step, body, "due");
	state_is(step, "retrying");
}

static void on_decision(json_t *step, const json_t *body, const char *at)
{
	const json_t *cond = json_object_get(body, "if");
	if (json_is_false(cond)) {
		state_is(step, "skipped");
		json_object_set_new(step, "ended", json_string(at));
	} else if (json_object_get(body, "retry")) {
		json_object_set_new(step, "attempts", json_integer(json_int(body, "retry", 1)));
		put(step, "error", body, "error");
		put_due(step, body, "due");
		state_is(step, "retrying");
	}
	put(step, "branch", body, "branch");
}

/* What was seen when the effect of a lost request was looked for. */
static void add_look(json_t *step, const json_t *body, const char *at)
{
	const char *evidence = json_str(body, "evidence");
	json_t *looks = json_object_get(step, "looks");
	if (!evidence)
		return;
	if (!looks)
		json_object_set_new(step, "looks", looks = json_array());
	json_array_append_new(looks, json_pack("{s:s, s:s}", "at", at, "evidence", evidence));
}

static void on_probe(json_t *step, const json_t *body, const char *at)
{
	const char *doubt = json_str(body, "doubt");
	add_look(step, body, at);
	if (doubt) {
		state_is(step, "in_doubt");
		json_object_set_new(step, "error",
				    json_pack("{s:s, s:s}", "name", "in_doubt", "message", doubt));
	}
	put_due(step, body, "due");
}

static void on_wait(json_t *step, const json_t *body)
{
	state_is(step, "waiting");
	put(step, "what", body, "kind");
	put(step, "input", body, "id");
	put_due(step, body, json_object_get(body, "due") ? "due" : "until");
}

/* A person's decision: the doubt is over, or the step is done anew. */
static void on_person(json_t *step)
{
	(void)json_object_del(step, "ended");
	(void)json_object_del(step, "error");
	(void)json_object_del(step, "outcome");
	state_is(step, "running");
}

static void take_record(json_t *step, const char *type, const json_t *body, const char *at)
{
	switch ((enum rec_type) * type) {
	case REC_STEP:
		on_end(step, body, at);
		break;
	case REC_INTENT:
		on_intent(step, body);
		break;
	case REC_ATTEMPT:
		on_attempt(step, body);
		break;
	case REC_DECISION:
		on_decision(step, body, at);
		break;
	case REC_PROBE:
		on_probe(step, body, at);
		break;
	case REC_WAIT:
		on_wait(step, body);
		break;
	case REC_HUMAN:
		on_person(step);
		break;
	case REC_TAKEN:
	case REC_LUA:
	case REC_CANCEL:
	case REC_UNDO:
	case REC_MOVED:
	case REC_END:
	default:
		break;
	}
}

/* ---- the list ---- */

struct item {
	json_t *step; /* in the list */
	const char *path;
	bool silent; /* its end is no record: what comes after it tells */
};

struct list {
	json_t *steps;
	struct item *at;
	size_t n, cap;
	struct map index, by_path; /* path → step of the plan; path → place in `at`, from 1 */
};

static json_t *new_step(const char *path, const char *at, const struct step *s)
{
	const char *action = s ? call_action(s) : NULL;
	json_t *v = json_pack("{s:s, s:s?, s:s?, s:s, s:i, s:s}", "path", path, "kind",
			      s ? s->kind->name : NULL, "name", s ? s->name : NULL, "state",
			      "running", "attempts", 1, "started", at);
	if (action)
		json_object_set_new(v, "what", json_string(action));
	return v;
}

static json_t *step_at(struct list *l, const char *path, const char *at)
{
	const struct item *known = map_get(&l->by_path, path);
	if (known)
		return l->at[(uintptr_t)known - 1].step;
	auto_free char *key = steps_plan_path(path);
	const struct step *s = l->index.count ? map_get(&l->index, key) : NULL;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 32;
		l->at = mem_realloc(l->at, l->cap * sizeof(*l->at));
	}
	json_t *step = new_step(path, at, s);
	json_array_append_new(l->steps, step);
	l->at[l->n++] = (struct item){step, path, s && s->kind->silent};
	(void)map_put(&l->by_path, path, (void *)(uintptr_t)l->n);
	return step;
}

/* A step that a script made has no place in the plan: it is a call when it has an intent. */
static void guess_kind(json_t *step, const char *type)
{
	if (json_is_null(json_object_get(step, "kind")) && *type == REC_INTENT)
		json_object_set_new(step, "kind", json_string("call"));
}

static bool is_inside(const char *path, const char *of)
{
	size_t len = strlen(of);
	return strncmp(path, of, len) == 0 && (path[len] == '/' || path[len] == '@' || !path[len]);
}

static bool is_state(const json_t *step, const char *state)
{
	const char *own = json_str(step, "state");
	return own && strcmp(own, state) == 0;
}

/* A block that is over ended as its last step did. */
static void settle_block(const struct list *l, const struct item *it)
{
	const json_t *last = NULL;
	for (size_t i = 0; i < l->n; i++)
		if (&l->at[i] != it && is_inside(l->at[i].path, it->path))
			last = l->at[i].step;
	state_is(it->step, last && is_state(last, "failed") ? "failed" : "completed");
	const json_t *ended = json_object_get(last ? last : it->step, last ? "ended" : "started");
	if (ended)
		json_object_set(it->step, "ended", (json_t *)ended);
}

/* over: the run has ended, and what had no end of its own was stopped by that. The inner ones first. */
static void settle(const struct list *l, const char *last_path, bool over)
{
	for (size_t i = l->n; i-- > 0;) {
		const struct item *it = &l->at[i];
		if (json_object_get(it->step, "ended"))
			continue;
		if (it->silent && (over || !is_inside(last_path, it->path)))
			settle_block(l, it);
		else if (over)
			state_is(it->step, "cancelled");
	}
}

/* True when the run stands at its end after this record. */
static bool take(struct list *l, const json_t *rec, bool over)
{
	const char *path = json_str(rec, "path"), *at = json_str(rec, "at"),
		   *type = json_str(rec, "type");
	if (!path || !at || !type)
		return over;
	if (*path) {
		json_t *step = step_at(l, path, at);
		guess_kind(step, type);
		take_record(step, type, json_object_get(rec, "body"), at);
	}
	return *type == REC_END || (over && *type != REC_HUMAN);
}

json_t *steps_of(const json_t *records, const struct plan *plan)
{
	struct list l = {.steps = json_array()};
	const char *last = "";
	bool over = false;
	json_t *rec;
	size_t i;
	if (plan)
		index_plan(&l.index, plan);
	json_array_foreach (records, i, rec) {
		const char *path = json_str(rec, "path");
		over = take(&l, rec, over);
		last = path && *path ? path : last;
	}
	settle(&l, last, over);
	map_done(&l.by_path);
	map_done(&l.index);
	free(l.at);
	return l.steps;
}

const char *steps_started(const json_t *records)
{
	return json_str(json_array_get(records, 0), "at");
}

int steps_attempts(const json_t *records)
{
	int n = 1;
	size_t i;
	json_t *rec;
	json_array_foreach (records, i, rec) {
		const char *type = json_str(rec, "type");
		const char *as = json_str(json_object_get(rec, "body"), "as");
		n += type && *type == REC_HUMAN && as && strcmp(as, "retry") == 0;
	}
	return n;
}
