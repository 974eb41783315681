/* Finding out what became of a request whose answer was lost. */
#include "actions/probe.h"

#include <stdlib.h>
#include <string.h>

#include "actions/paging.h"
#include "actions/probe_clock.h"
#include "actions/services.h"
#include "engine/base/json.h"

#define PAGES_MAX 200
#define TRIES 3 /* of one page */

/* ---- looking ---- */

static json_t *look_up_params(const struct probe *p)
{
	const struct action_look_up *l = p->target->action->look_up;
	json_t *params = l && l->with ? json_deep_copy(l->with) : json_object();
	const char *name;
	json_t *path;
	if (l)
		json_object_foreach ((json_t *)l->key, name, path) {
			const json_t *v = schema_member(p->params, json_string_value(path));
			if (v)
				json_object_set(params, name, (json_t *)v);
		}
	return params;
}

static enum probe_verdict send_look(struct probe *p)
{
	struct errmsg msg;
	exchange_of(&p->x, p->act, p->conn, p->list, PASS_SETTLE);
	request_done(&p->x.text);
	p->x.text = (struct http_request_text){0};
	int err = paging_is(p->list) ? paging_render(p->list, p->look, p->place, p->conn->base_url,
						     &p->x.text, &msg)
				     : exchange_render(&p->x, p->look, &msg);
	if (err || ++p->pages > PAGES_MAX)
		return PROBE_FAILED;
	p->asked_ms = act_now(p->act);
	exchange_start(&p->x);
	return PROBE_WAIT;
}

/* The intent's time by the server's clock, as near as that is known. */
static void read_clock(struct probe *p)
{
	int64_t now = act_now(p->act), low, high;
	probe_clock_seen(&p->x, p->asked_ms, now);
	probe_clock_range(p->conn, now, &low, &high);
	p->not_before_ms = p->since + low;
	p->not_after_ms = p->since + high;
}

static void judge_item(struct probe *p, json_t *item)
{
	enum probe_item is = probe_judge_item(p, item);
	switch (is) {
	case ITEM_OURS:
	case ITEM_UNCLEAR:
		json_array_append_new(
			p->seen, json_pack("{s:O, s:b}", "item", item, "ours", is == ITEM_OURS));
		break;
	case ITEM_OTHER:
		p->other = true;
		break;
	case ITEM_NONE:
	default:
		break;
	}
}

static void judge_items(struct probe *p, json_t *items)
{
	json_t *item;
	size_t i;
	if (json_is_object(items)) /* the answer is the one item that there can be */
		judge_item(p, items);
	json_array_foreach (items, i, item)
		judge_item(p, item);
}

/* Whether what a further page could show matters. */
static bool wants_more(const struct probe *p, const json_t *items)
{
	const struct action_look_up *l = p->target->action->look_up;
	return l ? l->all_pages : !probe_is_past(p, items);
}

static enum probe_verdict next_claim(struct probe *p);

static enum probe_verdict judge_page(struct probe *p)
{
	struct errmsg msg;
	json_auto_t *page = NULL;
	if (paging_take(p->list, p->look, p->place, p->conn->base_url, p->x.answer.result, &page,
			&msg) != 0)
		return PROBE_FAILED;
	json_t *items = json_object_get(page, "items"), *next = json_object_get(page, "next");
	judge_items(p, items);
	if (!next || !wants_more(p, items))
		return next_claim(p);
	json_decref(p->place);
	p->place = json_incref(next);
	p->tries = 0;
	return send_look(p);
}

static enum probe_verdict judge_answer(struct probe *p)
{
	const struct action_look_up *l = p->target->action->look_up;
	const char *path = l ? l->items : p->target->action->job->items;
	if (paging_is(p->list))
		return judge_page(p);
	judge_items(p, path && *path ? json_path(p->x.answer.result, path) : p->x.answer.result);
	return next_claim(p);
}

/* ---- whose the candidates are ---- */

static void on_claim(struct store_op *op)
{
	struct probe *p =
		container_of(container_of(op, struct store_query, op), struct probe, query);
	step_wake(p->act);
}

static json_t *candidate(const struct probe *p)
{
	return json_object_get(json_array_get(p->seen, p->at), "item");
}

/* Whether another effect has the candidate is known to the store alone. */
static enum probe_verdict ask_claim(struct probe *p)
{
	const struct services *s = act_services(p->act);
	p->querying = true;
	free(p->asked_id);
	p->asked_id = mem_strdup(probe_id(p->target, candidate(p)));
	p->query = (struct store_query){
		.op = {.verb = STORE_QUERY, .cb = on_claim},
		.view = VIEW_CLAIM,
		.state = -1,
		.limit = 1,
		.connection = p->conn->name,
		.foreign_id = p->asked_id,
	};
	store_submit(s->store, &p->query.op);
	return PROBE_WAIT;
}

/* Where lists show less than the creation answers, it is read whole. */
static enum probe_verdict read_whole(struct probe *p)
{
	struct errmsg msg;
	const struct action_look_up *l = p->target->action->look_up;
	json_auto_t *params = json_pack("{s:O}", l->read_param, json_path(p->found, l->id));
	exchange_of(&p->x, p->act, p->conn, p->target->whole, PASS_SETTLE);
	if (!params || exchange_render(&p->x, params, &msg) != 0)
		return PROBE_FAILED;
	p->reading = true;
	exchange_start(&p->x);
	return PROBE_WAIT;
}

static enum probe_verdict on_whole(struct probe *p)
{
	if (exchange_read(&p->x, false) != 0 || p->x.answer.outcome != ANSWER_OK)
		return PROBE_FAILED;
	json_decref(p->found);
	p->found = json_incref(p->x.answer.result);
	return PROBE_FOUND;
}

/* Of what is left nobody else has anything. */
static enum probe_verdict conclude(struct probe *p)
{
	const json_t *one = json_array_get(p->seen, 0);
	if (!one)
		return p->other ? PROBE_OTHER : PROBE_ABSENT;
	if (json_array_size(p->seen) > 1 || !json_bool(one, "ours", false))
		return PROBE_UNCLEAR;
	p->found = json_incref(json_object_get(one, "item"));
	return p->target->whole ? read_whole(p) : PROBE_FOUND;
}

static enum probe_verdict next_claim(struct probe *p)
{
	while (p->at < json_array_size(p->seen) && !probe_id(p->target, candidate(p)))
		p->at++;
	return p->at < json_array_size(p->seen) ? ask_claim(p) : conclude(p);
}

static bool is_own(const struct probe *p)
{
	const char *run = json_str(p->query.result, "run"),
		   *path = json_str(p->query.result, "path");
	return run && path && strcmp(run, act_run_id(p->act)) == 0 &&
	       strcmp(path, act_path(p->act)) == 0;
}

static enum probe_verdict judge_claim(struct probe *p)
{
	p->querying = false;
	if (p->query.op.err)
		return PROBE_FAILED;
	bool taken = p->query.result && !json_is_null(p->query.result) && !is_own(p);
	json_decref(p->query.result);
	p->query.result = NULL;
	if (taken) {
		json_array_remove(p->seen, p->at);
		p->other |= p->target->action->look_up != NULL;
	} else {
		p->at++;
	}
	return next_claim(p);
}

/* ---- the probe ---- */

/* A look of many pages is not lost for one of them; what needs longer is looked at anew, later. */
static enum probe_verdict same_page_again(struct probe *p)
{
	bool refused = !p->x.req.err && !p->x.pass.err && p->x.answer.err == ERR_AUTH;
	if (refused && !p->renewed && pass_can_renew(&p->x.pass)) {
		p->renewed = true;
		return send_look(p);
	}
	bool may = p->x.req.err || err_class(p->x.answer.err) == ERR_TRANSIENT;
	if (!may || p->x.pass.err || ++p->tries >= TRIES || p->x.answer.err == ERR_THROTTLED)
		return PROBE_FAILED;
	return send_look(p);
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
	p->list = t->action->look_up ? t->look_up : t->job_list;
	if (!p->list)
		return PROBE_UNCLEAR;
	p->look = look_up_params(p);
	p->seen = json_array();
	return send_look(p);
}

enum probe_verdict probe_resume(struct probe *p)
{
	if (p->querying)
		return judge_claim(p);
	if (p->reading)
		return on_whole(p);
	if (exchange_read(&p->x, false) != 0)
		return same_page_again(p);
	read_clock(p);
	if (p->x.answer.err == ERR_NOT_FOUND && p->target->action->look_up)
		return next_claim(p); /* of one thing: there is none */
	return p->x.answer.outcome == ANSWER_OK ? judge_answer(p) : same_page_again(p);
}

void probe_done(struct probe *p)
{
	exchange_done(&p->x);
	json_decref(p->found);
	json_decref(p->seen);
	json_decref(p->look);
	json_decref(p->place);
	json_decref(p->query.result);
	free(p->asked_id);
	*p = (struct probe){0};
}
