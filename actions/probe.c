/* Finding out what became of a request whose answer was lost. */
#include "actions/probe.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actions/services.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

#define PAGES_MAX 200
#define SLACK_MS 2000 /* Date has whole seconds, and clocks drift between two answers */

/* ---- what is compared ---- */

/* Equal, letter case of texts aside: e-mail addresses and names are unique that way. */
static bool same(const json_t *a, const json_t *b)
{
	if (json_is_string(a) && json_is_string(b))
		return strcasecmp(json_string_value(a), json_string_value(b)) == 0;
	return json_equal(a, b);
}

static bool matches(const struct probe *p, const json_t *item)
{
	const struct action_look_up *l = p->target->action->look_up;
	const char *path;
	json_t *ours;
	json_object_foreach ((json_t *)l->match, path, ours) {
		const json_t *want = schema_member(p->params, json_string_value(ours));
		const json_t *have = json_path(item, path);
		if (!want || !have || !same(want, have))
			return false;
	}
	return true;
}

/* Created after the intent, by the server's clock. */
static bool is_since(const struct probe *p, const json_t *item, const char *path)
{
	const json_t *at = path ? json_path(item, path) : NULL;
	int64_t ms;
	if (!json_is_string(at) || time_parse(json_string_value(at), &ms, NULL) != 0)
		return false;
	return ms >= p->since + exchange_skew_ms(&p->x) - SLACK_MS;
}

/* The fields that the call sent and the item shows must be the same. */
static bool agrees(const struct probe *p, const json_t *item)
{
	const json_t *path;
	size_t i;
	json_array_foreach ((json_t *)p->target->action->look_up->agree, i, path) {
		const json_t *sent = schema_member(p->params, json_string_value(path));
		const json_t *have = json_path(item, json_string_value(path));
		if (sent && (!have || !same(sent, have)))
			return false;
	}
	return true;
}

static bool is_adoptable(const struct probe *p, const json_t *item)
{
	const struct action_look_up *l = p->target->action->look_up;
	const json_t *deleted = l->deleted ? json_path(item, l->deleted) : NULL;
	if (deleted && !json_is_null(deleted))
		return false;
	return is_since(p, item, l->created) && agrees(p, item);
}

/* ---- by key ---- */

static const json_t *items_of(const json_t *answer, const char *path)
{
	return path && *path ? json_path(answer, path) : answer;
}

static json_t *look_up_params(const struct probe *p)
{
	const struct action_look_up *l = p->target->action->look_up;
	json_t *params = l->with ? json_deep_copy(l->with) : json_object();
	const char *name;
	json_t *path;
	json_object_foreach ((json_t *)l->key, name, path) {
		const json_t *v = schema_member(p->params, json_string_value(path));
		if (v)
			json_object_set(params, name, (json_t *)v);
	}
	const struct action_paging *page = &p->target->look_up->paging;
	if (l->all_pages && page->limit)
		json_object_set_new(params, page->limit, json_integer(page->limit_max));
	return params;
}

static enum probe_verdict send_look(struct probe *p, const struct action *action,
				    const json_t *params)
{
	struct errmsg msg;
	exchange_of(&p->x, p->act, p->conn, action, PASS_SETTLE);
	if (exchange_render(&p->x, params, &msg) != 0)
		return PROBE_FAILED;
	exchange_start(&p->x);
	return PROBE_WAIT;
}

/* The address of the next page, or NULL at the end. */
static const char *next_link(const struct action *action, const json_t *answer)
{
	const json_t *path;
	size_t i;
	json_array_foreach ((json_t *)action->paging.link, i, path) {
		const json_t *link = json_path(answer, json_string_value(path));
		if (json_is_string(link) && *json_string_value(link))
			return json_string_value(link);
	}
	return NULL;
}

static enum probe_verdict next_page(struct probe *p, const char *link)
{
	struct errmsg msg;
	char *url;
	if (++p->pages > PAGES_MAX || request_next_url(p->conn->base_url, link, &url, &msg) != 0)
		return PROBE_FAILED;
	free(p->x.text.url);
	p->x.text.url = url;
	exchange_start(&p->x);
	return PROBE_WAIT;
}

static enum probe_verdict judge_page(struct probe *p)
{
	const struct action_look_up *l = p->target->action->look_up;
	const json_t *items = items_of(p->x.answer.result, l->items), *item;
	size_t i;
	json_array_foreach ((json_t *)items, i, item) {
		if (!matches(p, item))
			continue;
		if (is_adoptable(p, item)) {
			p->found = json_incref((json_t *)item);
			return PROBE_FOUND;
		}
		return PROBE_OTHER;
	}
	const char *link = l->all_pages ? next_link(p->x.action, p->x.answer.result) : NULL;
	return link ? next_page(p, link) : PROBE_ABSENT;
}

/* ---- among the jobs ---- */

static void on_claim(struct store_op *op)
{
	struct probe *p =
		container_of(container_of(op, struct store_query, op), struct probe, query);
	step_wake(p->act);
}

static const char *job_id(const struct probe *p, const json_t *item)
{
	const json_t *id = json_path(item, p->target->action->job->id);
	return json_is_string(id) ? json_string_value(id) : NULL;
}

/* Whether another effect has the candidate is known to the store alone. */
static enum probe_verdict ask_claim(struct probe *p)
{
	const struct services *s = act_services(p->act);
	p->querying = true;
	p->query = (struct store_query){
		.op = {.verb = STORE_QUERY, .cb = on_claim},
		.view = VIEW_CLAIM,
		.state = -1,
		.limit = 1,
		.connection = p->conn->name,
		.foreign_id = job_id(p, json_array_get(p->seen, p->at)),
	};
	store_submit(s->store, &p->query.op);
	return PROBE_WAIT;
}

static enum probe_verdict judge_candidates(struct probe *p)
{
	switch (json_array_size(p->seen)) {
	case 0:
		return PROBE_ABSENT;
	case 1:
		p->found = json_incref(json_array_get(p->seen, 0));
		return PROBE_FOUND;
	default:
		return PROBE_UNCLEAR;
	}
}

static enum probe_verdict next_claim(struct probe *p)
{
	return p->at < json_array_size(p->seen) ? ask_claim(p) : judge_candidates(p);
}

static enum probe_verdict judge_claim(struct probe *p)
{
	p->querying = false;
	if (p->query.op.err)
		return PROBE_FAILED;
	if (p->query.result && !json_is_null(p->query.result))
		json_array_remove(p->seen, p->at);
	else
		p->at++;
	json_decref(p->query.result);
	p->query.result = NULL;
	return next_claim(p);
}

/* Jobs are looked at on the first, largest page: they began minutes ago at the most. */
static enum probe_verdict judge_jobs(struct probe *p)
{
	const struct action_job *j = p->target->action->job;
	const json_t *items = items_of(p->x.answer.result, j->items), *item;
	size_t i;
	p->seen = json_array();
	p->at = 0;
	json_array_foreach ((json_t *)items, i, item)
		if (job_id(p, item) && is_since(p, item, j->created))
			json_array_append(p->seen, (json_t *)item);
	return next_claim(p);
}

static bool is_keyed(const struct probe *p)
{
	return p->target->action->look_up != NULL;
}

enum probe_verdict probe_start(struct probe *p, struct act *a, const struct target *t,
			       const struct connection *conn, const json_t *params, int64_t since)
{
	probe_done(p);
	p->act = a;
	p->target = t;
	p->conn = conn;
	p->params = params;
	p->since = since;
	const struct action *action = is_keyed(p) ? t->look_up : t->job_list;
	if (!action)
		return PROBE_UNCLEAR;
	json_auto_t *look = is_keyed(p) ? look_up_params(p) : json_object();
	if (!is_keyed(p) && action->paging.limit)
		json_object_set_new(look, action->paging.limit,
				    json_integer(action->paging.limit_max));
	return send_look(p, action, look);
}

enum probe_verdict probe_resume(struct probe *p)
{
	if (p->querying)
		return judge_claim(p);
	if (exchange_read(&p->x, false) != 0 || p->x.answer.outcome != ANSWER_OK)
		return PROBE_FAILED;
	return is_keyed(p) ? judge_page(p) : judge_jobs(p);
}

void probe_done(struct probe *p)
{
	exchange_done(&p->x);
	json_decref(p->found);
	json_decref(p->seen);
	json_decref(p->query.result);
	*p = (struct probe){0};
}
