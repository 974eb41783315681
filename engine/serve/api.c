/* The routes of the API, and the figures. */
#include "engine/serve/api.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"
#include "engine/serve/media.h"

struct route {
	const char *method, *path; /* one `*` stands for a name */
	void (*handle)(const struct api_call *c);
	bool people; /* also for those who may only decide */
};

static const struct route routes[] = {
	{"GET", "runs", api_runs},
	{"GET", "runs/*", api_run},
	{"POST", "runs/*/retry", api_retry},
	{"POST", "runs/*/resume", api_resume},
	{"POST", "runs/*/cancel", api_cancel},
	{"POST", "runs/*/approve", api_approve, true},
	{"GET", "waits", api_waits, true},
	{"GET", "events", api_events},
	{"GET", "events/*", api_event},
	{"GET", "events/*/why", api_why},
	{"GET", "rules", api_rules},
	{"GET", "rules/*", api_rule},
	{"GET", "actions", api_actions},
	{"GET", "actions/*", api_action},
	{"POST", "actions/*/call", api_call_action},
	{"GET", "connections", api_connections},
	{"GET", "connections/*", api_connection},
	{"POST", "connections/*/connect", api_connect},
	{"POST", "connections/*/connect/code", api_connect_code},
	{"GET", "budget", api_budget},
	{"GET", "stats", api_stats},
	{"GET", "stream", api_stream},
};

/* The name in the place of `*`: *ret_len 0 where the route has none. */
static bool fits(const char *route, const char *path, const char **ret, size_t *ret_len)
{
	*ret_len = 0;
	for (; *route; route++) {
		if (*route != '*') {
			if (*path++ != *route)
				return false;
			continue;
		}
		*ret = path;
		*ret_len = strcspn(path, "/");
		if (!*ret_len)
			return false;
		path += *ret_len;
	}
	return !*path;
}

static bool is_method(const struct server_req *r, const char *method)
{
	return strcmp(r->method, method) == 0 ||
	       (strcmp(method, "GET") == 0 && strcmp(r->method, "HEAD") == 0);
}

static void call(struct api *a, struct server_req *r, const struct route *route, const char *person,
		 const char *name, size_t len)
{
	auto_free char *arg = len ? url_decode(name, len, false) : NULL;
	struct api_call c = {a, a->service, r, arg, person};
	if (person && !route->people)
		reply_problem(r, 403, NULL, "this needs the admin token; %s may only decide",
			      person);
	else if (len && !arg)
		reply_problem(r, 400, NULL, "the path is malformed");
	else
		route->handle(&c);
}

void api_handle(struct api *a, struct server_req *r, const char *path, const char *person)
{
	const char *name = NULL, *allow = NULL;
	size_t len;
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		if (!fits(routes[i].path, path, &name, &len))
			continue;
		if (is_method(r, routes[i].method)) {
			call(a, r, &routes[i], person, name, len);
			return;
		}
		allow = routes[i].method;
	}
	if (allow)
		reply_problem(r, 405, *allow == 'G' ? "Allow: GET, HEAD\r\n" : "Allow: POST\r\n",
			      "%s is not for %s", r->path, r->method);
	else
		reply_problem(r, 404, NULL, "there is nothing at this path of the API");
}

json_t *api_body(const struct api_call *c)
{
	struct errmsg msg;
	json_t *v = NULL;
	if (!c->req->body_len)
		return json_object();
	if (!media_is(c->req, "application/json")) {
		reply_error(c->req, ERR_REJECTED, "send application/json");
		return NULL;
	}
	if (json_parse(c->req->body, c->req->body_len, true, &v, &msg) != 0) {
		err_wrap(&msg, "the body is no JSON");
		reply_error(c->req, ERR_PARSE, msg.text);
		return NULL;
	}
	if (json_is_object(v))
		return v;
	json_decref(v);
	reply_error(c->req, ERR_INVALID, "the body must be an object");
	return NULL;
}

void api_init(struct api *a, struct service *s)
{
	a->service = s;
	api_stream_init(a);
}

void api_done(struct api *a)
{
	api_stream_done(a);
}

/* ---- figures ---- */

static void figure(struct buf *b, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	(void)buf_printf(b, "# HELP pawl_%s %s\n# TYPE pawl_%s %s\npawl_%s %llu\n", name, help,
			 name, type, name, (unsigned long long)value);
}

void api_metrics(struct api *a, struct server_req *r)
{
	const struct service *s = a->service;
	const struct ingress_stats *in = &s->ingress.stats;
	struct engine_stats e;
	struct buf b = BUF_INIT;
	engine_stats(s->engine, &e);
	figure(&b, "events_accepted_total", "counter", "Events taken in, from rules too.",
	       e.accepted);
	figure(&b, "events_duplicate_total", "counter", "Events that were known already.",
	       e.duplicates);
	figure(&b, "requests_refused_total", "counter", "Deliveries refused for what they are.",
	       in->refused);
	figure(&b, "requests_busy_total", "counter",
	       "Deliveries put off: no room, or the store failed.", in->busy);
	figure(&b, "runs_started_total", "counter", "Runs begun.", e.started);
	figure(&b, "runs_ended_total", "counter", "Runs ended.", e.ended);
	figure(&b, "runs_in_memory", "gauge", "Runs in memory.", e.in_memory);
	figure(&b, "runs_due_soon", "gauge", "Waiting runs whose time is near.", e.parked_near);
	figure(&b, "events_accepting", "gauge", "Events waiting for their commit.", e.accepting);
	figure(&b, "http_inflight", "gauge", "Outgoing requests under way.",
	       http_inflight(s->http));
	figure(&b, "rules_loaded", "gauge", "Rules loaded.", ruleset_count(s->rules));
	figure(&b, "rules_reloads_total", "counter", "Times the rules were read anew.", s->reloads);
	figure(&b, "rules_reload_errors_total", "counter", "Times they had mistakes.",
	       s->failed_reloads);
	figure(&b, "uptime_seconds", "gauge", "Seconds since the start.",
	       (uint64_t)(loop_boot_ms(s->loop) - s->started_at) / 1000);
	api_budget_metrics(s, &b);
	server_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, b.data, b.len);
	buf_done(&b);
}
