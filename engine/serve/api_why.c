/* Why an event started the runs that it did: worked out from the stored event and the rules of its time. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/run/event.h"
#include "engine/serve/api_private.h"
#include "engine/serve/roster.h"

struct why {
	struct store_query query;
	struct roster roster;
	struct service *service;
	struct server_req *req; /* NULL: gone */
	char *rule;             /* only that one; or NULL */
};

static void why_free(struct why *w)
{
	json_decref(w->query.result);
	roster_done(&w->roster);
	free(w->rule);
	free(w);
}

static void on_gone(struct server_req *r)
{
	((struct why *)r->user)->req = NULL;
}

static int64_t time_of(const json_t *v, const char *key)
{
	int64_t ms = 0;
	const char *text = json_str(v, key);
	if (text)
		(void)time_parse(text, &ms, NULL);
	return ms;
}

/* The event once more, as matching saw it. */
static struct event *event_of(const json_t *v)
{
	struct id id = {{0}};
	const json_t *extra = json_object_get(v, "headers");
	json_t *data = json_object_get(v, "data");
	auto_free char *body = data ? json_text(data) : NULL;
	(void)id_parse(json_str(v, "id"), &id);
	struct event *e =
		event_new(id, json_str(v, "type"), json_str(v, "source"), json_str(v, "subject"),
			  json_str(v, "ext_id"), time_of(v, "time"), time_of(v, "received"),
			  json_incref(data), body, body ? strlen(body) : 0);
	if (json_is_object(extra))
		e->extra = json_text(extra);
	return e;
}

/* What the store decided beside matching: a limit, once, a window, or that a waiting run took it. */
static const char *fate_of(const json_t *event, const char *rule, const json_t **ret_run)
{
	json_t *d;
	size_t i;
	json_array_foreach (json_object_get(event, "decisions"), i, d) {
		if (strcmp(json_str(d, "rule"), rule) != 0)
			continue;
		*ret_run = json_object_get(d, "run");
		return json_str(d, "fate");
	}
	return NULL;
}

static json_t *rule_row(const json_t *event, const struct plan *p, struct event *e)
{
	json_t *v = rule_why(p, e);
	const json_t *run = NULL;
	const char *fate = fate_of(event, p->rule, &run);
	if (fate) {
		json_object_set_new(v, "fate", json_string(fate));
		json_object_set(v, "run", (json_t *)run);
	}
	return v;
}

static json_t *rows(const struct why *w)
{
	json_t *list = json_array();
	struct event *e = event_of(w->query.result);
	for (size_t i = 0; i < w->roster.n; i++)
		if (!w->rule || strcmp(w->rule, w->roster.plans[i]->rule) == 0)
			json_array_append_new(list,
					      rule_row(w->query.result, w->roster.plans[i], e));
	event_unref(e);
	return list;
}

static void answer(const struct why *w)
{
	const json_t *v = w->query.result;
	json_auto_t *list = rows(w);
	if (w->rule && !json_array_size(list)) {
		reply_problem(w->req, 404, NULL, "there was no rule '%s'", w->rule);
		return;
	}
	reply_json(w->req, 200,
		   json_pack("{s:O, s:O, s:O, s:O, s:O, s:O, s:b, s:O}", "id",
			     json_object_get(v, "id"), "type", json_object_get(v, "type"), "source",
			     json_object_get(v, "source"), "received",
			     json_object_get(v, "received"), "ruleset",
			     json_object_get(v, "ruleset"), "runs", json_object_get(v, "runs"),
			     "of_its_time", w->roster.known, "rules", list));
}

static void on_rules(struct roster *r)
{
	struct why *w = container_of(r, struct why, roster);
	if (w->req) {
		w->req->on_gone = NULL;
		answer(w);
	}
	why_free(w);
}

static void on_event(struct store_op *op)
{
	struct why *w = container_of(container_of(op, struct store_query, op), struct why, query);
	bool there = !op->err && json_is_object(w->query.result);
	if (w->req && there) {
		roster_fetch(&w->roster, w->service, json_str(w->query.result, "ruleset"),
			     on_rules);
		return;
	}
	if (w->req) {
		w->req->on_gone = NULL;
		if (op->err)
			reply_error(w->req, op->err, op->msg.text);
		else
			reply_problem(w->req, 404, NULL, "there is no such event");
	}
	why_free(w);
}

void api_why(const struct api_call *c)
{
	struct why *w = mem_alloc(sizeof(*w));
	w->service = c->service;
	w->req = c->req;
	w->query = (struct store_query){
		.op = {.verb = STORE_QUERY, .cb = on_event}, .view = VIEW_EVENT, .state = -1};
	if (!id_parse(c->arg, &w->query.id)) {
		reply_problem(c->req, 404, NULL, "'%s' is no id", c->arg);
		why_free(w);
		return;
	}
	w->rule = server_req_query(c->req, "rule");
	c->req->user = w;
	c->req->on_gone = on_gone;
	store_submit(c->service->store, &w->query.op);
}
