/* Runs and events: what the store knows of them, and what a person decides. */
#include <stdlib.h>
#include <string.h>

#include "actions/token.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/serve/api_private.h"
#include "engine/serve/steps.h"

#define LIMIT_MAX 1000

/* A question to the store, until it is answered or its asker is gone. */
struct ask {
	struct store_query query;
	struct store_get_source source;
	struct service *service;
	struct server_req *req; /* NULL: gone */
	char *rule, *type, *subject;
	void (*answer)(struct ask *a);
};

static void ask_free(struct ask *a)
{
	json_decref(a->query.result);
	free(a->source.text);
	free(a->rule);
	free(a->type);
	free(a->subject);
	free(a);
}

static void on_gone(struct server_req *r)
{
	((struct ask *)r->user)->req = NULL;
}

/* The answer: taken. */
static void ask_end(struct ask *a, json_t *v)
{
	a->req->on_gone = NULL;
	reply_json(a->req, 200, v);
	ask_free(a);
}

static void on_answered(struct store_op *op)
{
	struct ask *a = container_of(container_of(op, struct store_query, op), struct ask, query);
	if (a->req && !op->err) {
		a->answer(a);
		return;
	}
	if (a->req) {
		a->req->on_gone = NULL;
		reply_error(a->req, op->err, op->msg.text);
	}
	ask_free(a);
}

static struct ask *ask_new(const struct api_call *c, enum store_view view,
			   void (*answer)(struct ask *a))
{
	struct ask *a = mem_alloc(sizeof(*a));
	*a = (struct ask){.service = c->service, .req = c->req, .answer = answer};
	a->query = (struct store_query){
		.op = {.verb = STORE_QUERY, .cb = on_answered}, .view = view, .state = -1};
	return a;
}

static void ask_submit(struct ask *a)
{
	a->req->user = a;
	a->req->on_gone = on_gone;
	store_submit(a->service->store, &a->query.op);
}

/* ---- filters ---- */

static int filter_error(const char *what, struct errmsg *msg)
{
	return err_set(msg, ERR_INVALID, "%s", what);
}

/* A time, or a duration before now. */
static int read_since(struct ask *a, struct errmsg *msg)
{
	auto_free char *text = server_req_query(a->req, "since");
	int64_t ms;
	if (!text)
		return 0;
	if (time_parse(text, &a->query.since, NULL) == 0)
		return 0;
	if (duration_parse(text, &ms, NULL) != 0)
		return filter_error("since takes a time or a duration such as 7d", msg);
	a->query.since = loop_wall_ms(a->service->loop) - ms;
	return 0;
}

static int read_state(struct ask *a, struct errmsg *msg)
{
	auto_free char *text = server_req_query(a->req, "state");
	if (!text)
		return 0;
	a->query.state = run_state_by_name(text);
	return a->query.state >= 0 ? 0 : filter_error("there is no such state", msg);
}

static int read_event(struct ask *a, struct errmsg *msg)
{
	auto_free char *text = server_req_query(a->req, "event");
	if (!text || id_parse(text, &a->query.id))
		return 0;
	return filter_error("event takes an event's id", msg);
}

static int read_page(struct ask *a, struct errmsg *msg)
{
	long long limit = query_number(a->req, "limit", LIMIT_MAX, 0);
	long long cursor = query_number(a->req, "cursor", INT64_MAX, 0);
	long long before = query_number(a->req, "before", INT64_MAX, 0);
	if (limit < 0)
		return filter_error("limit takes a number from 1 to 1000", msg);
	if (cursor < 0 || before < 0)
		return filter_error("cursor takes what `next` said", msg);
	a->query.limit = (size_t)limit;
	a->query.before = (uint64_t)(cursor ? cursor : before);
	return 0;
}

static void ask_filtered(struct ask *a)
{
	struct errmsg msg;
	a->query.rule = a->rule = server_req_query(a->req, "rule");
	a->query.type = a->type = server_req_query(a->req, "type");
	a->query.subject = a->subject = server_req_query(a->req, "subject");
	int err = read_page(a, &msg);
	if (!err && a->query.view == VIEW_RUNS)
		err = read_state(a, &msg);
	if (!err && a->query.view == VIEW_RUNS)
		err = read_event(a, &msg);
	if (!err)
		err = read_since(a, &msg);
	if (!err) {
		ask_submit(a);
		return;
	}
	reply_error(a->req, err, msg.text);
	ask_free(a);
}

/* ---- lists ---- */

/* What the store does not keep per run is null in a list. */
static json_t *run_row(json_t *run)
{
	const char *state = json_str(run, "state");
	bool begun = state && strcmp(state, "queued") != 0;
	json_t *created = json_object_get(run, "created");
	json_object_set_new(run, "key", json_null());
	json_object_set_new(run, "started", begun ? json_incref(created) : json_null());
	return run;
}

static void answer_as_is(struct ask *a)
{
	ask_end(a, json_incref(a->query.result));
}

static void answer_runs(struct ask *a)
{
	size_t i;
	json_t *run;
	json_array_foreach (json_object_get(a->query.result, "runs"), i, run)
		(void)run_row(run);
	answer_as_is(a);
}

void api_runs(const struct api_call *c)
{
	ask_filtered(ask_new(c, VIEW_RUNS, answer_runs));
}

/* What the store keeps together, {headers, query, path}, stands beside the rest of the event. */
static void event_row(json_t *event)
{
	json_t *extra = json_object_get(event, "headers");
	if (!json_is_object(extra))
		return;
	json_incref(extra);
	(void)json_object_del(event, "headers");
	json_object_update_missing(event, extra);
	json_decref(extra);
}

static void answer_events(struct ask *a)
{
	size_t i;
	json_t *event;
	json_array_foreach (json_object_get(a->query.result, "events"), i, event)
		event_row(event);
	answer_as_is(a);
}

void api_events(const struct api_call *c)
{
	ask_filtered(ask_new(c, VIEW_EVENTS, answer_events));
}

/* ---- one ---- */

static void not_there(struct ask *a, const char *what)
{
	a->req->on_gone = NULL;
	reply_problem(a->req, 404, NULL, "there is no such %s", what);
	ask_free(a);
}

static void answer_event(struct ask *a)
{
	if (!json_is_object(a->query.result)) {
		not_there(a, "event");
		return;
	}
	event_row(a->query.result);
	answer_as_is(a);
}

/* Does the plan name an action of it? */
static bool uses(const struct plan *plan, const struct connection *conn)
{
	auto_free char *prefix = mem_printf("%s.", conn->name);
	size_t i = 0;
	for (struct map_entry *e; plan && (e = map_next(&plan->actions, &i));)
		if (strncmp(e->key, prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

/* {connection, reason} when it needs a login, else NULL. */
static json_t *needs_login(const struct service *s, const struct connection *conn)
{
	json_auto_t *status = token_status(s->tokens, conn);
	const char *state = json_str(status, "state"), *why = json_str(status, "reason");
	if (!state || (strcmp(state, "needs_login") != 0 && strcmp(state, "never") != 0))
		return NULL;
	return json_pack("{s:s, s:s}", "connection", conn->name, "reason",
			 why ? why : "nobody has logged in");
}

/* The connections without a login that the run names, or all of them when it chooses at run time. */
static json_t *held_for(const struct ask *a, const struct plan *plan)
{
	const struct service *s = a->service;
	const struct connection *conn;
	json_t *named = json_array(), *all = json_array();
	for (size_t i = 0; (conn = connections_next(s->kit->connections, &i));) {
		json_auto_t *v = needs_login(s, conn);
		if (v && uses(plan, conn))
			json_array_append(named, v);
		if (v)
			json_array_append(all, v);
	}
	bool none = json_array_size(named) == 0;
	json_decref(none ? named : all);
	return none ? all : named;
}

static void run_answer(struct ask *a, const struct plan *plan)
{
	json_t *run = a->query.result, *records = json_object_get(run, "records");
	json_t *event = json_object_get(run, "event");
	const char *started = steps_started(records);
	(void)run_row(run);
	json_object_set_new(run, "started", started ? json_string(started) : json_null());
	json_object_set_new(run, "attempts", json_integer(steps_attempts(records)));
	json_object_set_new(run, "steps", steps_of(records, plan));
	const char *state = json_str(run, "state");
	if (state && strcmp(state, run_state_name(RUN_HELD)) == 0)
		json_object_set_new(run, "held_for", held_for(a, plan));
	if (json_is_object(event)) {
		event_row(event);
		json_object_set(run, "trigger", event);
		json_object_set(run, "event", json_object_get(event, "id"));
	}
	json_incref(records); /* last, behind what is made of them */
	(void)json_object_del(run, "records");
	json_object_set_new(run, "records", records);
	answer_as_is(a);
}

/* The rule as it was when the run began; without it the steps have no kinds, which is better than no answer. */
static void on_source(struct store_op *op)
{
	struct ask *a =
		container_of(container_of(op, struct store_get_source, op), struct ask, source);
	struct plan *p = NULL;
	if (!a->req) {
		ask_free(a);
		return;
	}
	if (!op->err)
		p = rule_compile_bundle(&a->service->kit->env, a->source.text, a->source.len, NULL);
	run_answer(a, p);
	plan_unref(p);
}

static void answer_run(struct ask *a)
{
	const char *rule = json_str(a->query.result, "rule");
	const char *version = json_str(a->query.result, "version");
	if (!json_is_object(a->query.result)) {
		not_there(a, "run");
		return;
	}
	struct plan *p = rule ? ruleset_find(a->service->rules, rule) : NULL;
	if (p && version && strcmp(p->hash, version) == 0) {
		run_answer(a, p);
		return;
	}
	a->source = (struct store_get_source){.op = {.verb = STORE_GET_SOURCE, .cb = on_source},
					      .hash = version ? version : ""};
	store_submit(a->service->store, &a->source.op);
}

static void ask_one(const struct api_call *c, enum store_view view, void (*answer)(struct ask *a))
{
	struct ask *a = ask_new(c, view, answer);
	if (id_parse(c->arg, &a->query.id)) {
		ask_submit(a);
		return;
	}
	reply_problem(c->req, 404, NULL, "'%s' is no id", c->arg);
	ask_free(a);
}

void api_run(const struct api_call *c)
{
	ask_one(c, VIEW_RUN, answer_run);
}

void api_event(const struct api_call *c)
{
	ask_one(c, VIEW_EVENT, answer_event);
}

/* ---- stats ---- */

static void answer_stats(struct ask *a)
{
	const struct service *s = a->service;
	struct engine_stats e;
	engine_stats(s->engine, &e);
	json_t *v = json_incref(a->query.result);
	json_object_set_new(v, "engine",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "in_memory",
				      (json_int_t)e.in_memory, "due_soon",
				      (json_int_t)e.parked_near, "accepting",
				      (json_int_t)e.accepting, "accepted", (json_int_t)e.accepted,
				      "duplicates", (json_int_t)e.duplicates, "started",
				      (json_int_t)e.started, "ended", (json_int_t)e.ended));
	json_object_set_new(v, "rules", json_integer((json_int_t)ruleset_count(s->rules)));
	json_object_set_new(v, "ruleset", json_string(ruleset_hash(s->rules)));
	json_object_set_new(v, "version", json_string(PAWL_VERSION));
	json_object_set_new(v, "uptime_s",
			    json_integer((loop_boot_ms(s->loop) - s->started_at) / 1000));
	ask_end(a, v);
}

void api_stats(const struct api_call *c)
{
	ask_submit(ask_new(c, VIEW_STATS, answer_stats));
}

/* ---- what a person decides ---- */

struct decision {
	struct server_req *req; /* NULL: gone */
	struct id run;
};

static void decider_gone(struct server_req *r)
{
	((struct decision *)r->user)->req = NULL;
}

static void on_decided(void *arg, int err, const char *why)
{
	struct decision *d = arg;
	char id[ID_TEXT_LEN];
	if (d->req) {
		d->req->on_gone = NULL;
		if (err)
			reply_error(d->req, err, why);
		else
			reply_json(d->req, 202, json_pack("{s:s}", "id", id_format(d->run, id)));
	}
	free(d);
}

/* NULL after the id was refused. */
static struct decision *decision_new(const struct api_call *c)
{
	struct id run;
	if (!id_parse(c->arg, &run)) {
		reply_problem(c->req, 404, NULL, "'%s' is no id", c->arg);
		return NULL;
	}
	struct decision *d = mem_alloc(sizeof(*d));
	*d = (struct decision){c->req, run};
	c->req->user = d;
	c->req->on_gone = decider_gone;
	return d;
}

void api_cancel(const struct api_call *c)
{
	struct decision *d = decision_new(c);
	if (d)
		engine_cancel(c->service->engine, d->run, on_decided, d);
}

void api_retry(const struct api_call *c)
{
	struct decision *d = decision_new(c);
	if (d)
		engine_resume(c->service->engine, d->run, "retry", NULL, "api", on_decided, d);
}

void api_resume(const struct api_call *c)
{
	json_auto_t *body = api_body(c);
	const char *as = json_str(body, "as"), *by = json_str(body, "by");
	if (!body)
		return;
	if (!as || (strcmp(as, "done") && strcmp(as, "again") && strcmp(as, "fail"))) {
		reply_problem(c->req, 400, NULL, "as must be done, again or fail");
		return;
	}
	struct decision *d = decision_new(c);
	if (d)
		engine_resume(c->service->engine, d->run, as,
			      json_incref(json_object_get(body, "result")), by ? by : "api",
			      on_decided, d);
}
