/* What compiling rules takes, from a configuration. */
#include "engine/serve/rulekit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "actions/people.h"
#include "actions/registry.h"
#include "actions/target.h"
#include "actions/wait.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/lua/script.h"
#include "engine/lua/step.h"
#include "engine/serve/tree.h"

#define SCRIPT_MAX (1 << 20)

/* ---- scripts ---- */

/* A name inside the folder of scripts and nowhere else. */
static bool is_script_name(const char *name)
{
	return *name && *name != '/' && !strstr(name, "..");
}

static char *read_script(void *arg, const char *name)
{
	const struct rulekit *k = arg;
	char *text;
	size_t len;
	if (!is_script_name(name))
		return NULL;
	auto_free char *path = path_under(k->scripts, name);
	if (file_read(path, SCRIPT_MAX, &text, &len, NULL) != 0)
		return NULL;
	if (!memchr(text, 0, len))
		return text;
	free(text);
	return NULL;
}

/* Those of the folder itself: more are rarely meant by a name without a folder. */
static char *near_script(void *arg, const char *name)
{
	const struct rulekit *k = arg;
	struct dirent **list;
	int n = scandir(k->scripts, &list, NULL, alphasort);
	if (n < 0)
		return NULL;
	const char **names = mem_alloc(((size_t)n + 1) * sizeof(*names));
	size_t used = 0;
	for (int i = 0; i < n; i++)
		if (*list[i]->d_name != '.')
			names[used++] = list[i]->d_name;
	const char *near = suggest(name, names, used);
	char *copy = near ? mem_strdup(near) : NULL;
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	free(names);
	return copy;
}

static int check_script(void *arg, const char *name, const char *text,
			void (*requires)(void *arg2, const char *file, int line), void *arg2,
			int *ret_line, struct errmsg *msg)
{
	const struct rulekit *k = arg;
	return script_check(k->lua, name, text, requires, arg2, ret_line, msg);
}

static void pin_call(struct plan_check *c, const char *action, int line, int col)
{
	(void)target_check(c, action, line, col);
}

/* ---- catalogue and connections ---- */

static int load_catalogue(struct rulekit *k, const struct config *c, struct errmsg *msg)
{
	for (size_t i = 0; i < c->n_actions; i++) {
		int err = catalogue_load_dir(k->catalogue, c->actions[i], msg);
		if (err)
			return err;
	}
	return 0;
}

static int add_connections(struct rulekit *k, const struct config *c, struct errmsg *msg)
{
	const char *name;
	json_t *conf;
	json_object_foreach (c->connections, name, conf) {
		int err = connections_add(k->connections, k->catalogue, name, conf, msg);
		if (err)
			return err_wrap(msg, "%s: error", json_str(c->places, name));
	}
	return 0;
}

/* ---- life ---- */

/* Platforms that tell of no end, as the configuration names them. */
static void make_idle(struct rulekit *k, const struct config *c)
{
	size_t n = 0;
	k->idle = mem_alloc((c->n_conversations + 1) * sizeof(*k->idle));
	for (size_t i = 0; i < c->n_conversations; i++)
		if (c->conversations[i].idle_ms)
			k->idle[n++] = (struct rule_idle){mem_strdup(c->conversations[i].platform),
							  c->conversations[i].idle_ms};
}

static void make_env(struct rulekit *k, const struct config *c)
{
	make_idle(k, c);
	k->hooks = mem_alloc((c->n_hooks + 1) * sizeof(*k->hooks));
	for (size_t i = 0; i < c->n_hooks; i++)
		k->hooks[i] = mem_strdup(c->hooks[i].path);
	k->scripts = mem_strdup(c->scripts);
	k->vars = json_incref(c->vars);
	k->env = (struct rule_env){
		.vm = lua_host_vm(k->lua),
		.kind = registry_kind,
		.script = read_script,
		.script_near = near_script,
		.script_check = check_script,
		.arg = k,
		.hooks = k->hooks,
		.vars = k->vars,
		.idle = k->idle,
	};
}

struct rulekit *rulekit_new(const struct config *c, const struct clock *clock, struct rng *rng,
			    struct errmsg *msg)
{
	struct rulekit *k = mem_alloc(sizeof(*k));
	k->lua = lua_host_new(&(struct lua_limits){0}, clock, rng, c->zone);
	lua_host_secrets(k->lua, c->secrets);
	k->catalogue = catalogue_new();
	k->connections = connections_new();
	if (load_catalogue(k, c, msg) != 0 || add_connections(k, c, msg) != 0) {
		rulekit_free(k);
		return NULL;
	}
	make_env(k, c);
	registry_add(&kind_lua);
	lua_step_setup(k->lua, (struct lua_pins){pin_call, wait_event_pin});
	target_setup(k->catalogue, k->connections);
	people_setup(c->people);
	k->env.kind_names = registry_names();
	return k;
}

void rulekit_free(struct rulekit *k)
{
	if (!k)
		return;
	target_setup(NULL, NULL);
	people_setup(NULL);
	lua_host_free(k->lua);
	connections_free(k->connections);
	catalogue_free(k->catalogue);
	for (size_t i = 0; k->hooks && k->hooks[i]; i++)
		free((char *)k->hooks[i]);
	free(k->hooks);
	for (size_t i = 0; k->idle && k->idle[i].platform; i++)
		free((char *)k->idle[i].platform);
	free(k->idle);
	free(k->scripts);
	json_decref(k->vars);
	free(k);
}

int rules_check(const struct config *c, const char *const *paths, size_t n, struct findings *f,
		struct errmsg *msg)
{
	struct rulekit *k = rulekit_new(c, &clock_real, &rng_real, msg);
	if (!k)
		return msg->code;
	if (!n) {
		paths = (const char *const *)c->rules;
		n = c->n_rules;
	}
	struct ruleset *r = ruleset_load(&k->env, paths, n, f);
	int count = r ? (int)ruleset_count(r) : 0;
	ruleset_free(r);
	rulekit_free(k);
	return count;
}
