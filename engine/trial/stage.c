/* One test's engine: wiring, time, and the questions to its store. */
#include "engine/trial/stage.h"

#include <stdlib.h>
#include <string.h>

#include "actions/cache.h"
#include "actions/registry.h"
#include "actions/target.h"
#include "actions/token.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/rule/compile.h"
#include "engine/store/files.h"

#define HOST "http://localhost"
/* Shorter waits are gone through timer by timer, which keeps the order of all that is due in them. */
#define LEAP_MS (60 * 1000)
/* What is not over by then never will be. */
#define TURNS_MAX 1000000
#define YEARS_MS (2 * 366 * INT64_C(86400000))
#define SEED 7

/* ---- the kit ---- */

struct kit *kit_new(const struct config *c, const char *const *paths, size_t n, struct findings *f,
		    struct errmsg *msg)
{
	struct kit *k = mem_alloc(sizeof(*k));
	k->config = c;
	clock_virtual_init(&k->clock, 0);
	rng_seeded_init(&k->rng, SEED);
	k->rules = rulekit_new(c, &k->clock.clock, &k->rng, msg);
	if (k->rules) {
		k->set = ruleset_load(&k->rules->env, n ? paths : (const char *const *)c->rules,
				      n ? n : c->n_rules, f);
		if (k->set)
			return k;
	}
	kit_free(k);
	return NULL;
}

int kit_open(struct kit *k, struct errmsg *msg)
{
	k->loop = loop_new(&k->clock.clock, true);
	if (!k->loop)
		return err_set(msg, ERR_IO, "the event loop cannot start");
	k->files = files_temp(k->loop, &k->rng, msg);
	if (!k->files)
		return msg->code;
	lua_host_files(k->rules->lua, k->files);
	return 0;
}

void kit_free(struct kit *k)
{
	if (!k)
		return;
	app_free(k->sandbox);
	files_close(k->files);
	ruleset_free(k->set);
	rulekit_free(k->rules);
	if (k->loop)
		loop_free(k->loop);
	free(k);
}

/* ---- the sandbox ---- */

static struct app *sandbox_new_app(struct kit *k, struct errmsg *msg)
{
	if (!k->config->sandbox_scripts) {
		(void)err_set(msg, ERR_NOT_FOUND,
			      "the sandbox's scripts are nowhere: set PAWL_DATA");
		return NULL;
	}
	json_auto_t *config = json_pack("{s:s}", "seed", "demo");
	const struct app_config c = {.dir = k->config->sandbox_scripts,
				     .config = config,
				     .clock = &k->clock.clock,
				     .rng = &k->rng};
	return app_new(&c, msg);
}

/* One that another test has used begins anew. */
static struct app *on_sandbox(void *arg, struct errmsg *msg)
{
	struct stage *s = arg;
	struct kit *k = s->kit;
	bool fresh = !k->sandbox;
	if (fresh)
		k->sandbox = sandbox_new_app(k, msg);
	if (k->sandbox && !fresh && !s->app_clean) {
		struct app_answer a = {0};
		app_handle(k->sandbox,
			   &(struct app_request){.method = "POST",
						 .path = "/_sandbox/reset",
						 .query = "",
						 .body = ""},
			   &a);
		app_answer_done(&a);
	}
	s->app_clean = true;
	return k->sandbox;
}

/* ---- connections: whatever would reach an API comes to the peer ---- */

static const char *url_path(const char *url)
{
	const char *host = url ? strstr(url, "://") : NULL;
	const char *path = host ? strchr(host + 3, '/') : NULL;
	return path ? path : "";
}

/* Nobody has to log in here; a partner's client does so by itself. */
static json_t *auth_of(const struct connector *k)
{
	const json_t *partner = json_object_get(k->oauth2, "partner");
	json_t *auth = json_pack("{s:s}", "bearer", "sandbox");
	if (partner)
		json_object_set_new(
			auth, "partner",
			json_pack("{s:s, s:s, s:s, s:o}", "client_id", "sandbox", "client_secret",
				  "sandbox", "api_key", "sandbox", "token",
				  json_sprintf(HOST "%s", url_path(json_str(partner, "token")))));
	return auth;
}

static int connect_one(struct stage *s, const char *name, const struct connector *k,
		       struct errmsg *msg)
{
	json_auto_t *conf = json_pack("{s:s, s:o, s:o, s:s}", "connector", k->name, "base_url",
				      json_sprintf(HOST "%s", url_path(k->base_url)), "auth",
				      auth_of(k), "budget", "none");
	return connections_add(s->connections, s->kit->rules->catalogue, name, conf, msg);
}

static int connect_all(struct stage *s, struct errmsg *msg)
{
	const struct catalogue *cat = s->kit->rules->catalogue;
	const struct connector *k;
	const char *name;
	json_t *conf;
	size_t i = 0;
	int err = 0;
	s->connections = connections_new();
	while (!err && (k = catalogue_next_connector(cat, &i)))
		err = connect_one(s, k->name, k, msg);
	json_object_foreach (s->kit->config->connections, name, conf) {
		const char *said = json_str(conf, "connector");
		k = catalogue_connector(cat, said ? said : name);
		if (!err && k && !connections_find(s->connections, name))
			err = connect_one(s, name, k, msg);
		else if (!err && !k)
			err = connections_add(s->connections, cat, name, conf, msg);
	}
	target_setup(cat, s->connections);
	return err;
}

/* ---- wiring ---- */

static void on_match(void *arg, struct event *e, struct matches *m)
{
	match_index_find(((struct stage *)arg)->index, e, m);
}

/* Ends of runs are told to rules that take part in the test. */
static bool on_hears(void *arg, const char *type)
{
	return match_index_hears(((struct stage *)arg)->index, type);
}

static const char *on_ruleset(void *arg)
{
	return ruleset_hash(((struct stage *)arg)->kit->set);
}

static struct plan *on_plan_of(void *arg, const char *rule)
{
	return ruleset_find(((struct stage *)arg)->kit->set, rule);
}

static struct plan *on_plan(void *arg, const char *bundle, size_t len, struct errmsg *msg)
{
	return rule_compile_bundle(&((struct stage *)arg)->kit->rules->env, bundle, len, msg);
}

/* All rules of the set may be run by others, so all are known to the store. */
static void begin(struct stage *s)
{
	struct kit *k = s->kit;
	s->http = http_new_offline(k->loop, peer_answer, s->peer);
	s->tokens =
		tokens_new(&(struct tokens_config){.loop = k->loop,
						   .http = s->http,
						   .store = s->store,
						   .rng = &k->rng,
						   .key_text = "0123456789abcdef0123456789abcdef"});
	s->cache = cache_new(0, 0);
	s->services = (struct services){.loop = k->loop,
					.http = s->http,
					.store = s->store,
					.files = k->files,
					.tokens = s->tokens,
					.cache = s->cache,
					.rng = &k->rng,
					.catalogue = k->rules->catalogue,
					.connections = s->connections};
	connections_start(s->connections, &s->services);
	struct engine_config c = {.loop = k->loop,
				  .store = s->store,
				  .rng = &k->rng,
				  .vm = k->rules->env.vm,
				  .files = k->files,
				  .services = &s->services,
				  .public_url = k->config->public_url,
				  .match = on_match,
				  .hears = on_hears,
				  .ruleset = on_ruleset,
				  .plan_load = on_plan,
				  .plan_of = on_plan_of,
				  .arg = s,
				  .kind = registry_kind};
	s->engine = engine_new(&c);
	for (size_t i = 0; i < ruleset_count(k->set); i++) {
		connections_set_rule(s->connections, ruleset_at(k->set, i));
		engine_put_plan(s->engine, ruleset_at(k->set, i));
		if (ruleset_later(k->set))
			engine_put_plan(s->engine, ruleset_later(k->set));
	}
	engine_start(s->engine);
}

/* What is under way dies with the process: nothing of it is heard any more. */
static void end(struct stage *s)
{
	store_mem_crash(s->store);
	connections_stop(s->connections);
	http_free(s->http);
	engine_free(s->engine);
	tokens_free(s->tokens);
	cache_free(s->cache);
	s->engine = NULL;
}

int stage_init(struct stage *s, struct kit *k, const struct stage_config *c, struct errmsg *msg)
{
	*s = (struct stage){.kit = k, .plans = c->plans, .n_plans = c->n_plans, .began = c->now};
	k->clock.wall = c->now;
	rng_seeded_init(&k->rng, SEED);
	lua_host_zone(k->rules->lua, c->zone ? c->zone : k->config->zone);
	int err = connect_all(s, msg);
	if (err)
		return err;
	s->peer = peer_new(&(struct peer_config){.clock = &k->clock.clock,
						 .catalogue = k->rules->catalogue,
						 .connections = s->connections,
						 .answers = c->answers,
						 .faults = c->faults,
						 .tape = c->tape,
						 .recall = c->recall,
						 .recall_arg = c->recall_arg,
						 .sandbox = on_sandbox,
						 .arg = s});
	s->index = match_index_new(s->plans, s->n_plans);
	s->store = store_mem_new(k->loop, &k->clock.clock);
	begin(s);
	stage_settle(s);
	return 0;
}

void stage_done(struct stage *s)
{
	if (s->engine)
		end(s);
	if (s->store)
		store_close(s->store);
	match_index_free(s->index);
	peer_free(s->peer);
	target_setup(s->kit->rules->catalogue, s->kit->rules->connections);
	connections_free(s->connections);
	s->endless = false;
	s->turns = 0;
	stage_settle(s);
}

int stage_crash(struct stage *s, struct errmsg *msg)
{
	end(s);
	s->store = store_mem_reopen(s->store, s->kit->loop);
	connections_free(s->connections);
	int err = connect_all(s, msg);
	peer_connections(s->peer, s->connections);
	if (!err)
		begin(s);
	return err;
}

/* ---- time ---- */

void stage_settle(struct stage *s)
{
	for (; !s->endless && loop_quiet_ms(s->kit->loop) == 0; s->turns++) {
		(void)loop_run_once(s->kit->loop, true);
		s->endless = s->turns > TURNS_MAX;
	}
}

struct due_ask {
	struct store_due due;
	bool done;
};

static void on_due(struct store_op *op)
{
	container_of(container_of(op, struct store_due, op), struct due_ask, due)->done = true;
}

/* When the next of the runs wants to go on, wall ms; INT64_MAX: none by itself. */
static int64_t next_due(struct stage *s)
{
	struct due_ask q = {
		.due = {.op = {.verb = STORE_DUE, .cb = on_due}, .until = INT64_MAX, .max = 1000}};
	int64_t next = INT64_MAX;
	store_submit(s->store, &q.due.op);
	while (!q.done)
		(void)loop_run_once(s->kit->loop, false);
	for (size_t i = 0; i < q.due.n_rows; i++)
		if (q.due.rows[i].due && q.due.rows[i].due < next)
			next = q.due.rows[i].due;
	free(q.due.rows);
	return next;
}

static int64_t wall(const struct stage *s)
{
	return s->kit->clock.wall;
}

/* Time goes on to the next thing that is due, not beyond `until` (wall ms). */
static void go_on(struct stage *s, int64_t until)
{
	int64_t quiet = loop_quiet_ms(s->kit->loop);
	if (!engine_idle(s->engine) || http_inflight(s->http)) {
		if (quiet > until - wall(s))
			clock_virtual_advance(&s->kit->clock, until - wall(s));
		else
			(void)loop_run_once(s->kit->loop, true);
		return;
	}
	int64_t due = next_due(s), to = due < until ? due : until;
	if (to - wall(s) > LEAP_MS)
		clock_virtual_advance(&s->kit->clock, to - wall(s));
	else if (quiet > to - wall(s))
		clock_virtual_advance(&s->kit->clock, to > wall(s) ? to - wall(s) : 0);
	else
		(void)loop_run_once(s->kit->loop, true);
}

void stage_pass(struct stage *s, int64_t ms)
{
	int64_t until = wall(s) + ms;
	stage_settle(s);
	while (wall(s) < until && !s->endless) {
		go_on(s, until);
		stage_settle(s);
	}
}

bool stage_until(struct stage *s, bool (*when)(void *arg), void *arg)
{
	for (stage_settle(s); !s->endless; stage_settle(s)) {
		bool idle = engine_idle(s->engine) && !http_inflight(s->http);
		if (idle && when(arg))
			return true;
		if (idle && next_due(s) == INT64_MAX)
			return false;
		go_on(s, INT64_MAX);
		s->turns++;
		s->endless = stage_elapsed(s) > YEARS_MS;
	}
	return false;
}

int64_t stage_elapsed(const struct stage *s)
{
	return wall(s) - s->began;
}

/* ---- what happens ---- */

struct accepted {
	struct stage *stage;
	bool done;
	int err;
	struct id id;
};

static void on_accept(void *arg, int err, bool duplicate, struct id id, const struct id *runs,
		      size_t n_runs)
{
	struct accepted *a = arg;
	(void)duplicate;
	a->done = true;
	a->err = err;
	a->id = id;
	if (!err && n_runs)
		peer_main(a->stage->peer, runs[0]);
}

int stage_accept(struct stage *s, struct event *e, struct plan *by_hand, struct id *ret)
{
	struct accepted a = {.stage = s};
	if (by_hand)
		engine_start_run(s->engine, by_hand, e, on_accept, &a);
	else
		engine_accept(s->engine, e, on_accept, &a);
	while (!a.done)
		(void)loop_run_once(s->kit->loop, false);
	*ret = a.id;
	return a.err;
}

struct told {
	bool done;
	int err;
};

static void on_told(void *arg, int err, const char *why)
{
	(void)why;
	*(struct told *)arg = (struct told){true, err};
}

int stage_tell(struct stage *s, struct id run, const char *path, const json_t *body)
{
	struct told t = {0};
	engine_tell(s->engine, run, path, "person", body, on_told, &t);
	while (!t.done)
		(void)loop_run_once(s->kit->loop, false);
	return t.err;
}

void stage_cancel(struct stage *s, struct id run)
{
	struct told t = {0};
	engine_cancel(s->engine, run, on_told, &t);
	while (!t.done)
		(void)loop_run_once(s->kit->loop, false);
}

struct asked {
	struct store_query query;
	bool done;
};

static void on_query(struct store_op *op)
{
	container_of(container_of(op, struct store_query, op), struct asked, query)->done = true;
}

json_t *stage_ask(struct stage *s, const struct store_query *q)
{
	struct asked a = {.query = *q};
	a.query.op = (struct store_op){.verb = STORE_QUERY, .cb = on_query};
	store_submit(s->store, &a.query.op);
	while (!a.done)
		(void)loop_run_once(s->kit->loop, false);
	return a.query.result;
}
