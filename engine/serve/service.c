/* The service: opening, wiring, draining, closing. */
#include "engine/serve/service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "actions/cache.h"
#include "actions/egress.h"
#include "actions/registry.h"
#include "engine/base/arena.h"
#include "engine/base/crash.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/serve/parts.h"
#include "engine/store/files.h"

#define IDLE_CONNECTIONS 32
#define DRAIN_MS 10000
#define DRAIN_LOOK_MS 10
#define BODY_MIN (1 << 20)

/* ---- what the engine asks ---- */

static void on_match(void *arg, struct event *e, struct matches *m)
{
	ruleset_match(((struct service *)arg)->rules, e, m);
}

static bool on_hears(void *arg, const char *type)
{
	return ruleset_hears(((struct service *)arg)->rules, type);
}

static const char *on_ruleset(void *arg)
{
	return ruleset_hash(((struct service *)arg)->rules);
}

static struct plan *on_plan_of(void *arg, const char *rule)
{
	return ruleset_find(((struct service *)arg)->rules, rule);
}

static struct plan *on_plan(void *arg, const char *bundle, size_t len, struct errmsg *msg)
{
	return rule_compile_bundle(&((struct service *)arg)->kit->env, bundle, len, msg);
}

/* The platform's own address, or the one of all native conversations. */
static json_t *on_reply_target(void *arg, const char *platform)
{
	const struct config *c = ((struct service *)arg)->config;
	const struct config_conversation *v = config_conversation(c, platform);
	if (!v || !v->reply)
		v = config_conversation(c, "native");
	return v ? json_incref(v->reply) : NULL;
}

/* ---- opening ---- */

static int open_loop(struct service *s, const struct service_seams *seams, struct errmsg *msg)
{
	s->clock = seams->clock ? seams->clock : &clock_real;
	s->rng = seams->rng ? seams->rng : &rng_real;
	s->own_loop = !seams->loop;
	s->loop = seams->loop ? seams->loop : loop_new(s->clock, false);
	return s->loop ? 0 : err_set(msg, ERR_IO, "the event loop cannot start");
}

/* Beside the store: what earlier processes were at when they crashed. */
static int open_crash_notes(const char *store, struct errmsg *msg)
{
	auto_free char *path = mem_printf("%s.crash", strchr(store, ':') + 1);
	return crash_open(path) ? err_set(msg, ERR_IO, "'%s' cannot be read", path) : 0;
}

static int open_store(struct service *s, const struct service_seams *seams, struct errmsg *msg)
{
	s->own_store = !seams->store;
	s->store = seams->store ? seams->store
				: store_sqlite_open(s->config->store, s->loop, s->clock, msg);
	if (!s->store)
		return msg->code;
	return s->own_store ? open_crash_notes(s->config->store, msg) : 0;
}

/* Beside the store, under its name. */
static int open_files(struct service *s, const struct service_seams *seams, struct errmsg *msg)
{
	static const char sqlite[] = "sqlite:";
	size_t skip =
		strncmp(s->config->store, sqlite, sizeof(sqlite) - 1) ? 0 : sizeof(sqlite) - 1;
	auto_free char *dir = mem_printf("%s.files", s->config->store + skip);
	if (seams->store && !seams->files)
		s->files = files_temp(s->loop, s->rng, msg);
	else
		s->files = files_open(seams->files ? seams->files : dir, s->loop, s->rng, msg);
	return s->files ? 0 : err_wrap(msg, "files");
}

/* The path of a connector's own address, to be put behind the sandbox's. */
static const char *url_path(const char *url)
{
	const char *host = url ? strstr(url, "://") : NULL;
	const char *path = host ? strchr(host + 3, '/') : NULL;
	return path ? path : "";
}

/* The sandbox has no limits but those that its user wants to see at work. */
static json_t *sandbox_budget(const char *name, const json_t *conf)
{
	const json_t *said = json_object_get(conf, "budget");
	if (!json_is_object(said))
		return json_string("none");
	json_t *budget = json_clone(said);
	if (!json_object_get(budget, "key"))
		json_object_set_new(budget, "key", json_string(name));
	return budget;
}

static json_t *sandbox_url(const struct service *s, const char *url)
{
	return json_sprintf("http://127.0.0.1:%d%s", sandbox_port(s->sandbox), url_path(url));
}

/* Nobody has to log in at the sandbox; a partner's client does so by itself. */
static json_t *sandbox_auth(const struct service *s, const struct connector *k)
{
	const json_t *partner = json_object_get(k->oauth2, "partner");
	json_t *auth = json_pack("{s:s}", "bearer", "sandbox");
	if (partner)
		json_object_set_new(auth, "partner",
				    json_pack("{s:s, s:s, s:s, s:o}", "client_id", "sandbox",
					      "client_secret", "sandbox", "api_key", "sandbox",
					      "token", sandbox_url(s, json_str(partner, "token"))));
	return auth;
}

static int point_at_sandbox(struct service *s, const char *name, const struct connector *k,
			    const json_t *said, struct errmsg *msg)
{
	json_auto_t *conf = json_pack("{s:s, s:o, s:o}", "connector", k->name, "base_url",
				      sandbox_url(s, k->base_url), "auth", sandbox_auth(s, k));
	json_object_set_new(conf, "budget", sandbox_budget(name, said));
	return connections_add(s->kit->connections, s->kit->catalogue, name, conf, msg);
}

/* Whatever would reach an API of the catalogue reaches the sandbox, under the names that rules use. */
static int use_sandbox(struct service *s, struct errmsg *msg)
{
	size_t i = 0;
	const struct connector *k;
	const char *name;
	json_t *conf;
	int err = 0;
	while (!err && (k = catalogue_next_connector(s->kit->catalogue, &i)))
		err = point_at_sandbox(s, k->name, k, NULL, msg);
	json_object_foreach (s->config->connections, name, conf) {
		const char *said = json_str(conf, "connector");
		k = catalogue_connector(s->kit->catalogue, said ? said : name);
		if (!err && k)
			err = point_at_sandbox(s, name, k, conf, msg);
	}
	return err;
}

static int open_sandbox(struct service *s, struct errmsg *msg)
{
	if (!s->config->sandbox)
		return 0;
	if (!s->config->sandbox_scripts)
		return err_set(msg, ERR_NOT_FOUND,
			       "the sandbox's scripts are nowhere: set PAWL_DATA");
	struct sandbox_config c = {
		.listen = "127.0.0.1:0", .scripts_dir = s->config->sandbox_scripts, .seed = "demo"};
	s->sandbox = sandbox_new(s->loop, s->rng, &c, msg);
	if (!s->sandbox)
		return err_wrap(msg, "sandbox");
	return use_sandbox(s, msg);
}

/* ---- tokens ---- */

static void on_login(void *arg, const char *connection)
{
	struct service *s = arg;
	log_line(LOG_INFO, "login", "connection", connection, NULL);
	engine_wake_held(s->engine);
}

static void on_login_end(void *arg, const char *connection, const char *why)
{
	(void)arg;
	log_line(LOG_ERROR, "needs_login", "connection", connection, "text", why, NULL);
}

static void load_tokens(struct service *s)
{
	const struct connection *conn;
	size_t i = 0;
	while ((conn = connections_next(s->kit->connections, &i)))
		token_load(s->tokens, conn);
}

static void make_tokens(struct service *s)
{
	auto_free char *key_file = config_key_file(s->config);
	s->tokens = tokens_new(&(struct tokens_config){.loop = s->loop,
						       .http = s->http,
						       .store = s->store,
						       .rng = s->rng,
						       .key_file = key_file,
						       .key_text = s->config->seal_key,
						       .on_login = on_login,
						       .on_end = on_login_end,
						       .arg = s});
}

static void wire(struct service *s)
{
	make_tokens(s);
	s->cache = cache_new(0, 0);
	s->egress = egress_new(s->config->egress);
	s->services = (struct services){
		.loop = s->loop,
		.http = s->http,
		.store = s->store,
		.files = s->files,
		.tokens = s->tokens,
		.cache = s->cache,
		.rng = s->rng,
		.catalogue = s->kit->catalogue,
		.connections = s->kit->connections,
		.egress = s->egress,
		.secrets = s->config->secrets,
		.reply_target = on_reply_target,
		.arg = s,
	};
	struct engine_config c = {
		.loop = s->loop,
		.store = s->store,
		.rng = s->rng,
		.vm = s->kit->env.vm,
		.files = s->files,
		.services = &s->services,
		.public_url = s->config->public_url,
		.match = on_match,
		.hears = on_hears,
		.ruleset = on_ruleset,
		.plan_load = on_plan,
		.plan_of = on_plan_of,
		.arg = s,
		.kind = registry_kind,
		.crashes = crash_count,
	};
	lua_host_files(s->kit->lua, s->files);
	s->engine = engine_new(&c);
	s->timetable = timetable_new(&(struct timetable_config){
		.loop = s->loop, .store = s->store, .engine = s->engine, .zone = s->config->zone});
	connections_start(s->kit->connections, &s->services);
	s->ingress = (struct ingress){
		.config = s->config, .loop = s->loop, .rng = s->rng, .engine = s->engine};
	ingress_init(&s->ingress);
	api_init(&s->api, s);
}

/* A hook of which nobody can say who may send is none. */
static int check_hooks(const struct config *c, struct errmsg *msg)
{
	for (size_t i = 0; i < c->n_hooks; i++)
		if (!c->hooks[i].verify)
			return err_set(msg, ERR_INVALID, "hook %s: its secret is not there",
				       c->hooks[i].path);
	if (!c->loopback && !c->admin_token)
		return err_set(msg, ERR_INVALID, "listening on %s needs an admin token", c->listen);
	return 0;
}

static int open_all(struct service *s, const struct service_seams *seams, struct errmsg *msg)
{
	int err = check_hooks(s->config, msg);
	if (!err)
		err = open_loop(s, seams, msg);
	if (!err)
		err = open_store(s, seams, msg);
	if (!err)
		err = open_files(s, seams, msg);
	if (!err && !(s->http = http_new(s->loop, IDLE_CONNECTIONS)))
		err = err_set(msg, ERR_IO, "the HTTP client cannot start");
	if (!err && !(s->kit = rulekit_new(s->config, s->clock, s->rng, msg)))
		err = msg->code;
	if (!err)
		err = open_sandbox(s, msg);
	if (!err)
		err = reload_first(s, msg);
	return err;
}

struct service *service_new_with(const struct config *c, const struct service_seams *seams,
				 struct errmsg *msg)
{
	struct service *s = mem_alloc(sizeof(*s));
	struct errmsg own;
	msg = msg ? msg : &own;
	s->config = c;
	if (open_all(s, seams, msg) != 0) {
		service_free(s);
		return NULL;
	}
	wire(s);
	return s;
}

struct service *service_new(const struct config *c, struct errmsg *msg)
{
	return service_new_with(c, &(struct service_seams){0}, msg);
}

/* ---- starting ---- */

static size_t body_max(const struct config *c)
{
	size_t max = BODY_MIN;
	for (size_t i = 0; i < c->n_hooks; i++)
		if (c->hooks[i].body_max > max)
			max = c->hooks[i].body_max;
	return max;
}

static void log_start(const struct service *s)
{
	int sandbox = service_sandbox_port(s);
	log_line(LOG_INFO, "start", "version", PAWL_VERSION, "listen", s->config->listen, "port",
		 log_num(service_port(s)), "store", s->config->store, "rules",
		 log_num((long long)ruleset_count(s->rules)), "actions",
		 log_num((long long)catalogue_count(s->kit->catalogue)), "hooks",
		 log_num((long long)s->config->n_hooks), "sandbox",
		 sandbox ? log_num(sandbox) : NULL, NULL);
}

int service_start(struct service *s, struct errmsg *msg)
{
	struct server_config c = {.listen = s->config->listen,
				  .body_max = body_max(s->config),
				  .handle = door_handle,
				  .arg = s};
	s->server = server_new(s->loop, &c, msg);
	if (!s->server)
		return err_wrap(msg, "listen");
	s->started = true;
	s->started_at = loop_boot_ms(s->loop);
	reload_watch(s);
	load_tokens(s);
	engine_start(s->engine);
	orphans_start(&s->orphans, s->files, s->store);
	log_start(s);
	return 0;
}

/* ---- draining ---- */

static void drain_end(struct service *s)
{
	void (*done)(void *arg) = s->drained;
	s->drained = NULL;
	loop_timer_stop(s->loop, &s->drain_timer);
	if (done)
		done(s->drained_arg);
}

static void on_drain(struct loop_timer *t)
{
	struct service *s = container_of(t, struct service, drain_timer);
	bool late = loop_boot_ms(s->loop) >= s->drain_until;
	bool idle = engine_idle(s->engine) && tokens_idle(s->tokens) &&
		    timetable_idle(s->timetable) && (!s->server || !server_open(s->server));
	if (late && !idle)
		log_line(LOG_WARN, "drain_timeout", "text",
			 "what is unanswered is looked into at the next start", NULL);
	if (late || idle)
		drain_end(s);
	else
		loop_timer_start(s->loop, t, DRAIN_LOOK_MS);
}

void service_drain(struct service *s, int64_t within_ms, void (*done)(void *arg), void *arg)
{
	s->drained = done;
	s->drained_arg = arg;
	s->drain_until = loop_boot_ms(s->loop) + within_ms;
	if (!s->draining) {
		s->draining = true;
		reload_unwatch(s);
		timetable_stop(s->timetable);
		if (s->server)
			server_stop(s->server);
		api_done(&s->api);
		engine_drain(s->engine);
	}
	s->drain_timer.cb = on_drain;
	loop_timer_start(s->loop, &s->drain_timer, 0);
}

static void on_drained(void *arg)
{
	loop_break(((struct service *)arg)->loop);
}

static void on_stop_signal(void *arg, int signo)
{
	struct service *s = arg;
	if (s->draining) {
		loop_break(s->loop);
		return;
	}
	log_line(LOG_INFO, "stop", "signal", signo == SIGINT ? "INT" : "TERM", NULL);
	service_drain(s, DRAIN_MS, on_drained, s);
}

static void on_reload_signal(void *arg, int signo)
{
	struct service *s = arg;
	(void)signo;
	if (!s->draining)
		(void)service_reload(s, NULL);
}

int service_run(struct service *s)
{
	loop_signal(s->loop, SIGTERM, on_stop_signal, s);
	loop_signal(s->loop, SIGINT, on_stop_signal, s);
	loop_signal(s->loop, SIGHUP, on_reload_signal, s);
	loop_run(s->loop);
	loop_signal(s->loop, SIGTERM, NULL, NULL);
	loop_signal(s->loop, SIGINT, NULL, NULL);
	loop_signal(s->loop, SIGHUP, NULL, NULL);
	log_line(LOG_INFO, "stopped", NULL);
	return 0;
}

/* ---- closing ---- */

/*
 * Each may still call back into what is freed after it: the listener tells that clients are gone, the
 * client that calls are cancelled, the store that verbs are done.
 */
void service_free(struct service *s)
{
	if (!s)
		return;
	if (s->loop) {
		reload_unwatch(s);
		timetable_stop(s->timetable);
		loop_timer_stop(s->loop, &s->drain_timer);
	}
	if (s->engine)
		api_done(&s->api);
	server_free(s->server);
	if (s->kit)
		connections_stop(s->kit->connections);
	http_free(s->http);
	sandbox_free(s->sandbox);
	orphans_stop(s->orphans);
	files_close(s->files);
	if (s->own_store)
		store_close(s->store);
	timetable_free(s->timetable);
	engine_free(s->engine);
	api_connections_done(&s->api);
	tokens_free(s->tokens);
	cache_free(s->cache);
	egress_free(s->egress);
	if (s->own_store)
		crash_close();
	ingress_done(&s->ingress);
	ruleset_free(s->rules);
	rulekit_free(s->kit);
	if (s->own_loop && s->loop)
		loop_free(s->loop);
	free(s);
}

/* ---- what others see ---- */

int service_port(const struct service *s)
{
	return s->server ? server_port(s->server) : 0;
}

int service_sandbox_port(const struct service *s)
{
	return s->sandbox ? sandbox_port(s->sandbox) : 0;
}

const struct config *service_config(const struct service *s)
{
	return s->config;
}

struct loop *service_loop(const struct service *s)
{
	return s->loop;
}

struct store *service_store(const struct service *s)
{
	return s->store;
}

struct http *service_http(const struct service *s)
{
	return s->http;
}

struct engine *service_engine(const struct service *s)
{
	return s->engine;
}

struct catalogue *service_catalogue(const struct service *s)
{
	return s->kit->catalogue;
}

struct connections *service_connections(const struct service *s)
{
	return s->kit->connections;
}

struct ruleset *service_rules(const struct service *s)
{
	return s->rules;
}

bool service_is_draining(const struct service *s)
{
	return s->draining;
}

bool service_is_ready(const struct service *s)
{
	return s->started && !s->draining;
}
