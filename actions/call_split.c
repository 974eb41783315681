/*
 * A call whose parameters are larger than the API takes: the parts are calls of their own, part#k, one
 * after the other, so that each has its intent, its effect's id and its answer.
 *
 *            ┌───────┐ sealed ┌──────┐ more than one   ┌──────┐ all
 *  text ────▶│ STORE │───────▶│ SCAN │────────────────▶│ PART │────▶ the list of the answers
 *            └───────┘        └──┬───┘                 └──────┘
 *  file ─────────────────────────┘ one: the call as it is
 *
 * How it is cut is a decision: D {split: {params, head, parts}}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/call.h"
#include "actions/split.h"
#include "engine/base/json.h"

struct call_parts {
	enum { STORE, SCAN, PART } at;
	struct act *act;
	const struct action_split *limits;
	struct files_job job;
	struct files_seal seal;
	struct file_out out;
	struct file_in in;
	struct split split;
	json_t *results; /* of the parts so far */
	size_t next;
};

static const json_t *value_of(const struct call_state *st)
{
	return json_object_get(st->params, st->target->action->split->param);
}

static const json_t *text_of(const json_t *v)
{
	return json_is_string(v) ? v : json_object_get(v, "text");
}

/* The decision that stands, or NULL. */
static json_t *decided(const struct act *a)
{
	json_t *d;
	for (unsigned i = 0; (d = step_rec_at_index(a, REC_DECISION, i)); i++)
		if (json_object_get(d, "split"))
			return json_object_get(d, "split");
	return NULL;
}

bool call_splits(const struct act *a, const struct call_state *st)
{
	const struct action_split *l = st->target->action->split;
	if (!l || step_rec_count(a, REC_INTENT))
		return false;
	const json_t *v = value_of(st), *text = text_of(v);
	if (decided(a) || json_is_array(v))
		return true;
	if (json_is_string(text))
		return split_may_need(l, json_string_value(text), json_string_length(text));
	return files_is_value(v) && !split_is_part(v);
}

/* ---- the parts ---- */

/* What this part is called with. */
static json_t *part_params(const struct call_state *st, const struct call_parts *p)
{
	const struct split_part *part = &p->split.parts[p->next];
	json_t *params = json_copy(st->params), *list;
	if (files_is_value(value_of(st))) {
		json_object_set_new(params, p->limits->param,
				    split_file_part(value_of(st), &p->split, p->next));
		return params;
	}
	list = json_array();
	for (int64_t i = part->from; i < part->to; i++)
		json_array_append(list, json_array_get(value_of(st), (size_t)i));
	json_object_set_new(params, p->limits->param, list);
	return params;
}

static enum verdict end(struct act *a, const struct call_state *st, const struct call_parts *p)
{
	if (st->target->action->is_job)
		step_meta(a, "connection", json_string(st->conn->name));
	return step_done(a, json_incref(p->results));
}

static enum verdict next_part(struct act *a, struct call_state *st)
{
	struct call_parts *p = st->parts;
	char seg[32];
	p->at = PART;
	if (p->next == p->split.n)
		return end(a, st, p);
	snprintf(seg, sizeof(seg), "part#%zu", p->next + 1);
	return step_spawn(a, act_step(a)->kind->name, seg,
			  json_pack("{s:s, s:o, s:s}", "call", st->target->full, "with",
				    part_params(st, p), "connection", st->conn->name));
}

/* The parts before it are done and stay so; a person's retry goes on with this one. */
static enum verdict part_failed(struct act *a, const struct call_parts *p, const json_t *error)
{
	json_t *e = json_copy((json_t *)error);
	const char *text = json_str(e, "message");
	if (p->split.n > 1 && text)
		json_object_set_new(
			e, "message",
			json_sprintf("part %zu of %zu: %s", p->next + 1, p->split.n, text));
	return step_fail_error(a, e);
}

static enum verdict on_part(struct act *a, struct call_state *st)
{
	struct call_parts *p = st->parts;
	json_t *error = act_child_error(a), *result = act_child_result(a);
	if (error)
		return part_failed(a, p, error);
	json_array_append_new(p->results, result ? json_incref(result) : json_null());
	p->next++;
	return next_part(a, st);
}

/* ---- how it is cut ---- */

static enum verdict decide(struct act *a, struct call_state *st)
{
	struct call_parts *p = st->parts;
	if (p->split.n <= 1)
		return call_start_one(a, st);
	json_t *d = split_json(&p->split);
	json_object_set(d, "params", st->params);
	step_record(a, REC_DECISION, json_pack("{s:o}", "split", d));
	return next_part(a, st);
}

static enum verdict failed(struct act *a, const struct call_state *st)
{
	err_wrap(act_msg(a), "%s: %s", st->target->full, st->parts->limits->param);
	return step_fail_msg(a);
}

static void on_done(struct files_job *j)
{
	step_wake(container_of(j, struct call_parts, job)->act);
}

static void scan_work(struct files_job *j)
{
	struct call_parts *p = container_of(j, struct call_parts, job);
	j->err = split_csv(&p->in, p->limits, &p->split, &j->msg);
}

static enum verdict scan(struct act *a, struct call_state *st)
{
	const struct services *s = act_services(a);
	struct call_parts *p = st->parts;
	if (files_find(s->files, act_run_id(a), value_of(st), &p->in, act_msg(a)) != 0)
		return failed(a, st);
	p->at = SCAN;
	p->job = (struct files_job){.work = scan_work, .cb = on_done};
	files_run(s->files, &p->job);
	return STEP_WAIT;
}

static enum verdict on_scan(struct act *a, struct call_state *st)
{
	struct call_parts *p = st->parts;
	file_in_done(&p->in);
	if (!p->job.err)
		return decide(a, st);
	*act_msg(a) = p->job.msg;
	return failed(a, st);
}

/* ---- a text becomes a file ---- */

static void on_sealed(struct files_job *j)
{
	struct files_seal *s = container_of(j, struct files_seal, job);
	step_wake(container_of(s, struct call_parts, seal)->act);
}

static enum verdict store(struct act *a, struct call_state *st)
{
	const struct services *s = act_services(a);
	const json_t *text = text_of(value_of(st));
	struct call_parts *p = st->parts;
	if (!s->files)
		return step_fail(a, ERR_TOOBIG, "%s: there is no place to cut it into parts",
				 p->limits->param);
	if (files_create(s->files, act_run_id(a), &p->out, act_msg(a)) != 0 ||
	    file_out_write(&p->out, json_string_value(text), json_string_length(text),
			   act_msg(a)) != 0)
		return failed(a, st);
	p->at = STORE;
	p->seal = (struct files_seal){.job.cb = on_sealed};
	files_seal(&p->seal, &p->out);
	return STEP_WAIT;
}

static enum verdict on_stored(struct act *a, struct call_state *st)
{
	struct call_parts *p = st->parts;
	if (p->seal.job.err) {
		*act_msg(a) = p->seal.job.msg;
		return failed(a, st);
	}
	const char *name = json_str(value_of(st), "name");
	json_t *params = json_copy(st->params);
	json_object_set_new(params, p->limits->param,
			    file_out_value(&p->out, name ? name : "file", "text/csv"));
	json_decref(st->params);
	st->params = params;
	file_out_drop(&p->out);
	return scan(a, st);
}

/* ---- from call.c ---- */

enum verdict call_split_start(struct act *a, struct call_state *st)
{
	struct call_parts *p = st->parts = arena_alloc(act_arena(a), sizeof(*p));
	json_t *d = decided(a);
	*p = (struct call_parts){.act = a, .limits = st->target->action->split};
	p->results = json_array();
	st->at = CALL_PARTS;
	if (d && split_from_json(d, &p->split)) {
		json_decref(st->params);
		st->params = json_incref(json_object_get(d, "params"));
		return next_part(a, st);
	}
	if (files_is_value(value_of(st)))
		return scan(a, st);
	if (!json_is_array(value_of(st)))
		return store(a, st);
	if (split_list(st->params, p->limits, &p->split, act_msg(a)) != 0)
		return failed(a, st);
	return decide(a, st);
}

enum verdict call_split_resume(struct act *a, struct call_state *st)
{
	switch (st->parts->at) {
	case STORE:
		return on_stored(a, st);
	case SCAN:
		return on_scan(a, st);
	case PART:
	default:
		return on_part(a, st);
	}
}

void call_split_drop(struct call_state *st)
{
	struct call_parts *p = st->parts;
	if (!p)
		return;
	file_out_drop(&p->out);
	file_in_done(&p->in);
	split_done(&p->split);
	json_decref(p->results);
	st->parts = NULL;
}
