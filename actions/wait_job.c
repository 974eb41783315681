/* Waiting for a bulk activity to end: looks that several waits share, at intervals that grow. */
#include "actions/wait.h"

#include <stdlib.h>
#include <string.h>

#include "actions/paging.h"
#include "engine/base/json.h"

#define POLL_FIRST_MS 1000
#define POLL_CAP_MS (64 * 1000) /* a power of two in seconds, as the ticks are */
#define POLL_ERROR_MS 5000

/* ---- which, and who reads it ---- */

static bool is_job_reader(const struct catalogue *cat, const struct connection *c,
			  const struct action **ret)
{
	size_t i = 0;
	for (const struct action *x; c->connector && (x = catalogue_next(cat, &i));)
		if (strcmp(x->connector, c->connector) == 0 && x->job) {
			*ret = catalogue_find(cat, c->connector, x->job->action);
			return *ret != NULL;
		}
	return false;
}

/* The only connection whose activities can be followed, when nothing says which. */
static bool find_only_connection(struct act *a, struct wait_state *st)
{
	const struct services *s = act_services(a);
	size_t i = 0, n = 0;
	const struct action *action;
	for (const struct connection *c; (c = connections_next(s->connections, &i));)
		if (is_job_reader(s->catalogue, c, &action) && ++n == 1) {
			st->conn = c;
			st->action = action;
		}
	if (n == 1)
		return true;
	(void)step_fail(a, ERR_INVALID,
			"say whose activity it is: wait: {activity: …, connection: NAME}");
	return false;
}

/* Where the rule does not say which call began it, the list is not pinned either. */
static void find_list(const struct catalogue *cat, struct wait_state *st)
{
	const char *name = st->action ? st->action->job->list : NULL;
	if (!st->list && name)
		st->list = catalogue_find(cat, st->action->connector, name);
}

static bool find_reader(struct act *a, struct wait_state *st)
{
	const struct wait_args *args = act_args(a);
	const struct services *s = act_services(a);
	const char *name = args->connection ? args->connection : args->job_connection;
	if (!name)
		return find_only_connection(a, st) && (find_list(s->catalogue, st), true);
	st->conn = connections_find(s->connections, name);
	if (!st->conn) {
		(void)step_fail(a, ERR_INVALID, "there is no connection '%s'", name);
		return false;
	}
	if (args->job) {
		st->action = args->job->job_status;
		st->list = args->job->job_list;
	} else if (!is_job_reader(s->catalogue, st->conn, &st->action)) {
		st->action = NULL;
	}
	find_list(s->catalogue, st);
	if (!st->action)
		(void)step_fail(a, ERR_INVALID, "%s has no activities to wait for", name);
	return st->action != NULL;
}

/* Its id: the value itself, or the id inside the answer of the call that began it. */
static const char *job_id(const struct action *action, const json_t *v)
{
	if (json_is_object(v))
		v = json_path(v, action->job->id);
	return json_is_string(v) ? json_string_value(v) : NULL;
}

/* The ids of a list of answers or ids; NULL when one of them has none, or nothing is in it. */
static json_t *job_ids(const struct action *action, const json_t *list)
{
	json_t *ids = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = job_id(action, json_array_get(list, i));
		if (!id || json_array_append_new(ids, json_string(id)) != 0) {
			json_decref(ids);
			return NULL;
		}
	}
	if (json_array_size(ids))
		return ids;
	json_decref(ids);
	return NULL;
}

static bool open_wait(struct act *a, struct wait_state *st)
{
	const struct wait_args *args = act_args(a);
	json_auto_t *v = NULL;
	if (!act_eval(a, args->activity, &v))
		return false;
	const char *id = job_id(st->action, v);
	json_t *ids = json_is_array(v) ? job_ids(st->action, v) : NULL;
	if (!id && !ids) {
		(void)step_fail(a, ERR_INVALID,
				"activity needs an activity's id or the answer of the "
				"call that began it, or a list of them, not %s",
				v ? json_type_word(v) : "nil");
		return false;
	}
	json_int_t until = args->timeout_ms ? act_now(a) + args->timeout_ms : 0;
	json_t *w = json_pack("{s:s, s:I}", "kind", "activity", "until", until);
	if (ids)
		json_object_set_new(w, "ids", ids);
	else
		json_object_set_new(w, "id", json_string(id));
	step_record(a, REC_WAIT, w);
	return true;
}

/* The step's guard and its deadline are decisions too. */
static unsigned n_ended(const struct act *a)
{
	unsigned n = 0;
	json_t *d;
	for (unsigned i = 0; (d = step_rec_at_index(a, REC_DECISION, i)); i++)
		n += json_object_get(d, "ended") != NULL;
	return n;
}

/* Those of the list that have ended come first. */
static json_t *current_id(const struct act *a)
{
	json_t *w = step_rec(a, REC_WAIT), *ids = json_object_get(w, "ids");
	return ids ? json_array_get(ids, n_ended(a)) : json_object_get(w, "id");
}

/* A quarter of what it has taken so far: a second at first, a minute in the end. */
static int64_t next_look(const struct act *a)
{
	int64_t taken = act_now(a) - step_rec_at(a, REC_WAIT), wait = taken / 4;
	if (wait < POLL_FIRST_MS)
		wait = POLL_FIRST_MS;
	return watch_due(act_now(a), wait < POLL_CAP_MS ? wait : POLL_CAP_MS);
}

static int64_t give_up_at(const struct act *a)
{
	return json_int(step_rec(a, REC_WAIT), "until", 0);
}

static enum verdict look_later(struct act *a, struct wait_state *st, int64_t due)
{
	int64_t until = give_up_at(a);
	st->at = WAIT_PARKED;
	return step_park(a, RUN_WAITING, until && until < due ? until : due);
}

static json_t *outcome_json(const char *word)
{
	return json_pack("{s:s}", "outcome", word);
}

static enum verdict timed_out(struct act *a, struct wait_state *st)
{
	const struct wait_args *args = act_args(a);
	switch (args->other.kind) {
	case ELSE_CONTINUE:
		step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "timeout"));
		return step_done_as(a, outcome_json("waiting"), "waiting");
	case ELSE_STEPS:
		st->at = WAIT_ELSE;
		return step_enter(a, &args->other.body, NULL, NULL);
	case ELSE_UNSET:
	case ELSE_FAIL:
	default:
		return step_fail(a, ERR_TIMEOUT, "the activity has not ended in time");
	}
}

static enum verdict look(struct act *a, struct wait_state *st)
{
	json_auto_t *params = json_pack("{s:O}", st->action->job->param, current_id(a));
	exchange_of(&st->x, a, st->conn, st->action, PASS_LOOK);
	if (exchange_render(&st->x, params, act_msg(a)) != 0)
		return step_fail_msg(a);
	st->at = WAIT_LOOK;
	exchange_start(&st->x);
	return STEP_WAIT;
}

/*
 * How a list ended as a whole: as all of them did; partial where only some did what they should; else as
 * the first that did not.
 */
static const char *joined_outcome(const json_t *results)
{
	const char *first = json_str(json_array_get(results, 0), "outcome"), *bad = NULL;
	bool same = true, some = false;
	const json_t *r;
	size_t i;
	json_array_foreach ((json_t *)results, i, r) {
		const char *word = json_str(r, "outcome");
		bool well = strcmp(word, "completed") == 0 || strcmp(word, "partial") == 0;
		same = same && strcmp(word, first) == 0;
		some = some || well;
		bad = bad || well ? bad : word;
	}
	return same ? first : some ? "partial" : bad;
}

static enum verdict all_ended(struct act *a)
{
	json_t *results = json_array(), *d;
	for (unsigned i = 0; (d = step_rec_at_index(a, REC_DECISION, i)); i++)
		if (json_object_get(d, "ended"))
			json_array_append(results, json_object_get(d, "ended"));
	step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "activity"));
	const char *outcome = joined_outcome(results);
	return step_done(a, json_pack("{s:s, s:o}", "outcome", outcome, "activities", results));
}

/* Takes result. */
static enum verdict one_ended(struct act *a, struct wait_state *st, json_t *result)
{
	json_t *ids = json_object_get(step_rec(a, REC_WAIT), "ids");
	if (!ids) {
		step_record(a, REC_TAKEN, json_pack("{s:s}", "by", "activity"));
		return step_done(a, result);
	}
	step_record(a, REC_DECISION, json_pack("{s:o}", "ended", result));
	return n_ended(a) < json_array_size(ids) ? look(a, st) : all_ended(a);
}

static enum verdict activity_ended(struct act *a, struct wait_state *st, const json_t *status)
{
	return one_ended(a, st, job_result(st->action->job, status));
}

/* Statuses are kept for some days only. */
static enum verdict not_found(struct act *a, struct wait_state *st)
{
	int64_t kept = st->action->job->kept_ms;
	if (kept && act_now(a) - step_rec_at(a, REC_WAIT) > kept)
		return one_ended(a, st, outcome_json("expired"));
	return step_fail(a, ERR_NOT_FOUND, "there is no such activity");
}

static enum verdict judge(struct act *a, struct wait_state *st)
{
	int err = exchange_read(&st->x, false);
	if (err)
		return look_later(a, st, act_now(a) + POLL_ERROR_MS);
	const struct answer *r = &st->x.answer;
	if (r->outcome == ANSWER_OK || r->outcome == ANSWER_PARTIAL)
		return job_classify(st->action->job, r->result) == JOB_RUNNING
			       ? look_later(a, st, next_look(a))
			       : activity_ended(a, st, r->result);
	if (r->err == ERR_NOT_FOUND)
		return not_found(a, st);
	if (r->err == ERR_AUTH && !st->renewed && pass_can_renew(&st->x.pass)) {
		st->renewed = true;
		return look(a, st);
	}
	if (err_class(r->err) == ERR_TRANSIENT)
		return look_later(
			a, st,
			act_now(a) + (r->wait_ms > POLL_ERROR_MS ? r->wait_ms : POLL_ERROR_MS));
	return step_fail(a, r->err, "%s", r->msg.text);
}

/* ---- together with others ---- */

static enum verdict watch(struct act *a, struct wait_state *st)
{
	st->at = WAIT_WATCH;
	watch_join(&st->watch, a, st->conn, st->list != NULL, json_string_value(current_id(a)));
	return STEP_WAIT;
}

/* One page for all: the newest activities, as many as it takes. */
static enum verdict ask_page(struct act *a, struct wait_state *st)
{
	exchange_of(&st->x, a, st->conn, st->list, PASS_LOOK);
	request_done(&st->x.text);
	st->x.text = (struct http_request_text){0};
	json_auto_t *params = json_object();
	if (paging_render(st->list, params, NULL, st->conn->base_url, &st->x.text, act_msg(a)) != 0)
		return step_fail_msg(a);
	st->at = WAIT_LIST;
	exchange_start(&st->x);
	return STEP_WAIT;
}

struct page {
	const struct action_job *job;
	const json_t *items;
	bool whole; /* its items are what a look by the id answers */
};

/* By what the definitions say of the two answers. */
static bool is_whole(const struct wait_state *st)
{
	auto_free char *path = mem_printf("answer.fields.%s.items", st->action->job->items);
	const json_t *item = json_path(st->list->def, path);
	return item && json_equal(item, json_object_get(st->action->def, "answer"));
}

static json_t *find_item(const struct page *p, const char *id)
{
	json_t *item;
	size_t i;
	json_array_foreach ((json_t *)p->items, i, item) {
		const json_t *has = json_path(item, p->job->id);
		if (json_is_string(has) && strcmp(json_string_value(has), id) == 0)
			return item;
	}
	return NULL;
}

static enum watch_at judge_item(void *arg, const char *id, json_t **ret)
{
	const struct page *p = arg;
	json_t *item = find_item(p, id);
	if (item && job_classify(p->job, item) == JOB_RUNNING)
		return WATCH_RUNNING;
	if (!item || !p->whole)
		return WATCH_LOOK;
	*ret = json_incref(item);
	return WATCH_ENDED;
}

static void take_page(struct wait_state *st)
{
	bool came = exchange_read(&st->x, false) == 0 && st->x.answer.outcome == ANSWER_OK;
	struct page p = {.job = st->action->job, .whole = is_whole(st)};
	/* The next look goes with others. */
	if (!came && !st->x.pass.err && st->x.answer.err == ERR_AUTH)
		(void)pass_can_renew(&st->x.pass);
	if (came)
		p.items = *p.job->items ? json_path(st->x.answer.result, p.job->items)
					: st->x.answer.result;
	watch_tell(&st->watch, came ? judge_item : NULL, &p);
}

static enum verdict on_watched(struct act *a, struct wait_state *st)
{
	switch (st->watch.at) {
	case WATCH_LEAD:
		return ask_page(a, st);
	case WATCH_RUNNING:
		return look_later(a, st, next_look(a));
	case WATCH_ENDED:
		return activity_ended(a, st, st->watch.found);
	case WATCH_FAILED:
		return look_later(a, st, watch_due(act_now(a), POLL_ERROR_MS));
	case WATCH_LOOK:
		return look(a, st);
	case WATCH_IDLE:
	case WATCH_GATHER:
	case WATCH_FOLLOW:
	default:
		return STEP_WAIT; /* not its turn yet */
	}
}

enum verdict wait_job_start(struct act *a, struct wait_state *st)
{
	if (!find_reader(a, st))
		return STEP_FAIL;
	if (!step_rec(a, REC_WAIT)) {
		if (!open_wait(a, st))
			return STEP_FAIL;
		return look_later(a, st, act_now(a) + POLL_FIRST_MS);
	}
	int64_t until = give_up_at(a);
	if (!current_id(a))
		return all_ended(a); /* the process ended just before this */
	return until && until <= act_now(a) ? timed_out(a, st) : watch(a, st);
}

enum verdict wait_job_resume(struct act *a, struct wait_state *st)
{
	json_t *error = act_child_error(a);
	switch (st->at) {
	case WAIT_LIST:
		take_page(st);
		return on_watched(a, st);
	case WAIT_WATCH:
		return on_watched(a, st);
	case WAIT_LOOK:
		return judge(a, st);
	case WAIT_ELSE:
		return error ? step_fail_error(a, json_incref(error))
			     : step_done_as(a, outcome_json("waiting"), "waiting");
	case WAIT_PARKED:
	default:
		return wait_job_start(a, st);
	}
}

bool wait_job_cancel(struct wait_state *st)
{
	if (st->at == WAIT_WATCH) {
		watch_leave(&st->watch);
		return false;
	}
	if (st->at == WAIT_LOOK || st->at == WAIT_LIST)
		exchange_cancel(&st->x);
	return true;
}
