/* A whole engine with its actions on a virtual clock, and an API in memory. */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actions/registry.h"
#include "actions/target.h"
#include "actions/wait.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/io/http.h"
#include "engine/lua/script.h"
#include "engine/lua/step.h"
#include "engine/rule/compile.h"

#define HOST "http://api.test"

/* ---- the client, in the place of the real one ---- */

struct http {
	struct world *world;
};

struct flight {
	struct loop_timer timer;
	struct http_req *req;
	struct world *world;
	char *method, *url, *body; /* its own: it goes on when its process has died */
	enum fate fate;
	bool there;
	int status;
	json_t *answer;
};

static void flight_free(struct flight *f)
{
	loop_timer_stop(f->world->loop, &f->timer);
	json_decref(f->answer);
	free(f->method);
	free(f->url);
	free(f->body);
	free(f);
}

static void put_head(struct http_req *r, int64_t wall_ms)
{
	char date[64];
	time_t at = (time_t)(wall_ms / 1000);
	struct tm tm;
	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
	(void)buf_printf(&r->answer_headers, "date: %s\ncontent-type: application/json\n", date);
}

static void land(struct flight *f)
{
	struct http_req *r = f->req;
	r->easy = NULL;
	if (f->fate == FATE_LOST_BEFORE || f->fate == FATE_LOST_AFTER) {
		r->err = err_set(&r->msg, ERR_NETWORK, "the connection was reset");
		r->reach = HTTP_SENT;
	} else {
		auto_free char *text = f->answer ? json_text(f->answer) : mem_strdup("");
		r->status = f->status;
		r->reach = HTTP_ANSWERED;
		put_head(r, world_peer_ms(f->world));
		(void)buf_puts(&r->answer, text);
	}
	flight_free(f);
	r->cb(r);
}

/* The request arrives, and the API acts or does not. */
static void arrive(struct flight *f)
{
	auto_free char *target = mem_strdup(f->url + strlen(HOST));
	json_auto_t *body = NULL;
	char *query = strchr(target, '?');
	if (query)
		*query++ = 0;
	if (*f->body)
		(void)json_parse(f->body, strlen(f->body), false, &body, NULL);
	struct world_req q = {f->method, target, query ? query : "", body};
	f->there = true;
	f->fate = f->world->fate ? f->world->fate(f->world, &q) : FATE_WELL;
	if (f->fate != FATE_LOST_BEFORE && f->fate != FATE_BUSY)
		f->status = f->world->answer(f->world, &q, &f->answer);
	if (f->fate == FATE_BUSY || f->fate == FATE_BROKEN) {
		json_decref(f->answer);
		f->answer = json_pack("{s:s}", "message", "trouble");
		f->status = f->fate == FATE_BUSY ? 503 : 500;
	}
	loop_timer_start(f->world->loop, &f->timer, f->world->back_ms);
}

static void on_flight(struct loop_timer *t)
{
	struct flight *f = container_of(t, struct flight, timer);
	if (f->there)
		land(f);
	else
		arrive(f);
}

void http_start(struct http *h, struct http_req *r)
{
	struct flight *f = mem_alloc(sizeof(*f));
	*f = (struct flight){.timer.cb = on_flight,
			     .req = r,
			     .world = h->world,
			     .method = mem_strdup(r->method),
			     .url = mem_strdup(r->url),
			     .body = mem_strndup(r->body_len ? r->body : "", r->body_len)};
	r->easy = (struct http_easy *)f;
	h->world->sent++;
	loop_timer_start(h->world->loop, &f->timer, h->world->there_ms);
}

void http_cancel(struct http_req *r)
{
	(void)r; /* its answer comes all the same */
}

/* Also of one that is under way, when its process has died: the API may still act. */
void http_req_done(struct http_req *r)
{
	struct flight *f = (struct flight *)r->easy;
	if (f) {
		if (!f->there)
			arrive(f);
		flight_free(f);
	}
	r->easy = NULL;
	buf_done(&r->answer);
	buf_done(&r->answer_headers);
}

const char *http_answer_header(const struct http_req *r, const char *name, char *out, size_t max)
{
	size_t len = strlen(name);
	for (const char *p = buf_str(&r->answer_headers); *p; p = strchr(p, '\n') + 1)
		if (strncmp(p, name, len) == 0 && p[len] == ':') {
			snprintf(out, max, "%.*s", (int)strcspn(p + len + 2, "\n"), p + len + 2);
			return out;
		}
	return NULL;
}

struct http *http_new(struct loop *l, size_t connections_max)
{
	(void)l;
	(void)connections_max;
	return mem_alloc(sizeof(struct http));
}

void http_free(struct http *h)
{
	free(h);
}

size_t http_inflight(const struct http *h)
{
	(void)h;
	return 0;
}

int64_t world_peer_ms(const struct world *w)
{
	return w->clock.wall + w->skew_ms;
}

/* ---- wiring ---- */

static void on_match(void *arg, struct event *e, struct matches *m)
{
	match_index_find(((struct world *)arg)->index, e, m);
}

static bool on_hears(void *arg, const char *type)
{
	return match_index_hears(((struct world *)arg)->index, type);
}

static struct plan *on_plan_of(void *arg, const char *rule)
{
	struct world *w = arg;
	for (size_t i = 0; i < w->n_plans; i++)
		if (strcmp(w->plans[i]->rule, rule) == 0)
			return w->plans[i];
	return NULL;
}

static const char *on_ruleset(void *arg)
{
	(void)arg;
	return "0000";
}

static struct plan *on_plan(void *arg, const char *bundle, size_t len, struct errmsg *msg)
{
	return rule_compile_bundle(&((struct world *)arg)->env, bundle, len, msg);
}

static void begin(struct world *w)
{
	w->services.store = w->store;
	connections_start(w->connections, &w->services);
	for (size_t i = 0; i < w->n_plans; i++)
		connections_set_rule(w->connections, w->plans[i]);
	struct engine_config c = {.loop = w->loop,
				  .store = w->store,
				  .rng = &w->rng,
				  .vm = lua_host_vm(w->lua),
				  .services = &w->services,
				  .match = on_match,
				  .hears = on_hears,
				  .ruleset = on_ruleset,
				  .plan_load = on_plan,
				  .plan_of = on_plan_of,
				  .arg = w,
				  .kind = registry_kind};
	w->engine = engine_new(&c);
	for (size_t i = 0; i < w->n_plans; i++)
		engine_put_plan(w->engine, w->plans[i]);
	engine_start(w->engine);
}

/* A purse is a process's own: what it remembers of a life before is what the store does. */
static void connect_shop(struct world *w)
{
	struct errmsg msg = {0};
	json_auto_t *conf = json_pack("{s:s, s:O}", "base_url", HOST, "budget", w->budget);
	w->connections = connections_new();
	if (connections_add(w->connections, w->catalogue, "shop", conf, &msg) != 0)
		fail_msg("%s", msg.text);
	target_setup(w->catalogue, w->connections);
	w->services.connections = w->connections;
}

static void load(struct world *w, const char *connector, const char *rules)
{
	struct errmsg msg = {0};
	struct findings f = {0};
	w->catalogue = catalogue_new();
	if (catalogue_load_text(w->catalogue, "shop.yaml", connector, strlen(connector), &msg) != 0)
		fail_msg("%s", msg.text);
	connect_shop(w);
	rule_compile_text(&w->env, "test.yaml", rules, strlen(rules), &w->plans, &w->n_plans, &f);
	if (f.errors) {
		struct buf b = BUF_INIT;
		findings_format(&f, &b);
		fail_msg("%s", buf_str(&b));
	}
	findings_done(&f);
	w->index = match_index_new(w->plans, w->n_plans);
}

const char *world_script;

static char *read_script(void *arg, const char *name)
{
	(void)arg;
	return world_script && strcmp(name, "s.lua") == 0 ? mem_strdup(world_script) : NULL;
}

static int check_script(void *arg, const char *name, const char *text,
			void (*requires)(void *arg2, const char *file, int line), void *arg2,
			int *ret_line, struct errmsg *msg)
{
	return script_check(((struct world *)arg)->lua, name, text, requires, arg2, ret_line, msg);
}

static void pin_call(struct plan_check *c, const char *action, int line, int col)
{
	(void)target_check(c, action, line, col);
}

void world_init_budget(struct world *w, const char *connector, const char *rules, json_t *budget)
{
	*w = (struct world){.there_ms = 40, .back_ms = 40, .budget = budget};
	log_setup(&(struct log_config){.level = LOG_ERROR});
	registry_add(&kind_lua);
	clock_virtual_init(&w->clock, 1800000000000);
	rng_seeded_init(&w->rng, 7);
	rng_seeded_init(&w->dice, 11);
	w->loop = loop_new(&w->clock.clock, true);
	w->store = store_mem_new(w->loop, &w->clock.clock);
	w->lua = lua_host_new(&(struct lua_limits){0}, &w->clock.clock, &w->rng, NULL);
	w->http = http_new(w->loop, 0);
	w->http->world = w;
	w->env = (struct rule_env){.vm = lua_host_vm(w->lua),
				   .kind = registry_kind,
				   .kind_names = registry_names(),
				   .script = read_script,
				   .script_check = check_script,
				   .arg = w};
	lua_step_setup(w->lua, (struct lua_pins){pin_call, wait_event_pin});
	load(w, connector, rules);
	w->services = (struct services){.loop = w->loop,
					.http = w->http,
					.rng = &w->rng,
					.catalogue = w->catalogue,
					.connections = w->connections};
	begin(w);
}

void world_init(struct world *w, const char *connector, const char *rules)
{
	world_init_budget(w, connector, rules, json_string("none"));
}

void world_done(struct world *w)
{
	store_mem_crash_keep(w->store, 0);
	engine_free(w->engine);
	connections_stop(w->connections);
	store_close(w->store);
	match_index_free(w->index);
	for (size_t i = 0; i < w->n_plans; i++)
		plan_unref(w->plans[i]);
	free(w->plans);
	target_setup(NULL, NULL);
	connections_free(w->connections);
	catalogue_free(w->catalogue);
	json_decref(w->budget);
	lua_host_free(w->lua);
	http_free(w->http);
	loop_free(w->loop);
}

void world_crash(struct world *w)
{
	store_mem_crash_keep(w->store, 0);
	engine_free(w->engine);
	connections_stop(w->connections);
	w->store = store_mem_reopen(w->store, w->loop);
	connections_free(w->connections);
	connect_shop(w);
	begin(w);
}

/* ---- what happens ---- */

static void on_accept(void *arg, int err, bool duplicate, struct id id, const struct id *runs,
		      size_t n_runs)
{
	(void)arg;
	(void)duplicate;
	(void)id;
	(void)runs;
	(void)n_runs;
	assert_int_equal(err, 0);
}

void world_send(struct world *w, const char *type, const char *json)
{
	world_say(w, type, "/tests", NULL, json);
}

void world_say(struct world *w, const char *type, const char *source, const char *subject,
	       const char *json)
{
	auto_free char *text = mem_strdup(json);
	for (char *p = text; (p = strchr(p, '\''));)
		*p = '"';
	json_t *data = json_loads(text, 0, NULL);
	assert_non_null(data);
	struct event *e = event_new(id_new(&w->clock.clock, &w->rng), type, source, subject, NULL,
				    w->clock.wall, w->clock.wall, data, text, strlen(text));
	engine_accept(w->engine, e, on_accept, w);
	event_unref(e);
	(void)loop_run_once(w->loop, false);
}

static void on_cancel(void *arg, int err, const char *why)
{
	(void)arg;
	(void)why;
	assert_int_equal(err, 0);
}

static void on_told(void *arg, int err, const char *why)
{
	(void)why;
	*(int *)arg = err;
}

int world_tell(struct world *w, const char *id, const char *path, const char *json)
{
	static int told;
	struct id run;
	auto_free char *text = mem_strdup(json);
	for (char *p = text; (p = strchr(p, '\''));)
		*p = '"';
	json_auto_t *body = json_loads(text, 0, NULL);
	assert_non_null(body);
	assert_true(id_parse(id, &run));
	told = 1;
	engine_tell(w->engine, run, path, "person", body, on_told, &told);
	while (told == 1)
		(void)loop_run_once(w->loop, true);
	return told;
}

void world_cancel(struct world *w, const char *id)
{
	struct id run;
	assert_true(id_parse(id, &run));
	engine_cancel(w->engine, run, on_cancel, NULL);
}

static void on_end(struct loop_timer *t)
{
	t->cb = NULL;
}

void world_pass(struct world *w, int64_t ms)
{
	struct loop_timer end = {.cb = on_end};
	loop_timer_start(w->loop, &end, ms);
	while (end.cb)
		(void)loop_run_once(w->loop, true);
}

struct asked {
	struct store_query query;
	bool done;
};

static void on_query(struct store_op *op)
{
	container_of(container_of(op, struct store_query, op), struct asked, query)->done = true;
}

static json_t *ask(struct world *w, const struct store_query *query)
{
	struct asked q = {.query = *query};
	q.query.op = (struct store_op){.verb = STORE_QUERY, .cb = on_query};
	store_submit(w->store, &q.query.op);
	while (!q.done)
		(void)loop_run_once(w->loop, false);
	return q.query.result;
}

json_t *world_runs(struct world *w)
{
	return ask(w, &(struct store_query){.view = VIEW_RUNS, .state = -1, .limit = 1000});
}

json_t *world_stats(struct world *w)
{
	return ask(w, &(struct store_query){.view = VIEW_STATS, .state = -1});
}

json_t *world_run(struct world *w, const char *id)
{
	struct store_query q = {.view = VIEW_RUN, .state = -1};
	assert_true(id_parse(id, &q.id));
	return ask(w, &q);
}

size_t world_count(struct world *w, const char *state)
{
	json_auto_t *runs = world_runs(w);
	const json_t *r;
	size_t i, n = 0;
	json_array_foreach (json_object_get(runs, "runs"), i, r)
		n += strcmp(json_str(r, "state"), state) == 0;
	return n;
}
