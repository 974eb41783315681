/* A whole engine on a virtual clock. */
#include "tests/lib/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/registry.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/lua/script.h"
#include "engine/lua/step.h"

/* engine/store/mem.h: the first n queued verbs were durable. */
void store_mem_crash_keep(struct store *s, size_t n);

struct effect_log effects;

unsigned effect_count(const char *name)
{
	for (size_t i = 0; i < effects.n; i++)
		if (strcmp(effects.at[i].name, name) == 0)
			return effects.at[i].count;
	return 0;
}

void effects_reset(void)
{
	effects = (struct effect_log){0};
}

static void effect_do(const char *name)
{
	size_t i = 0;
	while (i < effects.n && strcmp(effects.at[i].name, name) != 0)
		i++;
	assert_true(i < RIG_EFFECTS);
	if (i == effects.n)
		snprintf(effects.at[effects.n++].name, sizeof(effects.at[i].name), "%s", name);
	effects.at[i].count++;
	effects.total++;
}

/* ---- `act: NAME`: an effect of class once, with its intent recorded before it is done ---- */

struct act_args {
	struct tmpl *name;
};

struct act_state {
	struct loop_task task;
	struct act *act;
	bool sent;
};

static void on_effect(struct loop_task *t)
{
	step_wake(container_of(t, struct act_state, task)->act);
}

static enum verdict act_start(struct act *a)
{
	const struct act_args *args = act_args(a);
	bool open = step_rec_count(a, REC_INTENT) > step_rec_count(a, REC_ATTEMPT);
	json_auto_t *name = NULL;
	if (open && !act_again(a))
		return step_in_doubt(a, "the effect was begun");
	if (!act_eval(a, args->name, &name))
		return STEP_FAIL;
	if (effects.locked)
		return step_park(a, RUN_HELD, 0);
	step_record(a, REC_INTENT, json_pack("{s:O}", "name", name));
	return step_barrier(a);
}

static enum verdict act_resume(struct act *a)
{
	struct act_state *st = act_state(a);
	if (!step_rec(a, REC_INTENT))
		return act_start(a);
	json_t *name = json_object_get(step_rec(a, REC_INTENT), "name");
	if (!st->sent) {
		const struct rig *r = act_services(a);
		st->sent = true;
		st->act = a;
		st->task.cb = on_effect;
		if (effects.fail_next && effects.fail_next--) {
			step_record(a, REC_ATTEMPT, NULL);
			return step_fail(a, ERR_NETWORK, "not reached");
		}
		effect_do(json_string_value(name));
		if (effects.lose_next && effects.lose_next--)
			return step_in_doubt(a, "lost");
		loop_defer(r->loop, &st->task);
		return STEP_WAIT;
	}
	return step_done(a, json_incref(name));
}

static void act_drop(struct act *a)
{
	list_remove(&((struct act_state *)act_state(a))->task.link);
}

static const struct param act_params[] = {
	{"act", P_TMPL, IN_WORD, true, offsetof(struct act_args, name), "the effect's name"},
	{0},
};

static const struct step_kind kind_act = {
	.name = "act",
	.help = "an effect that the tests count",
	.params = act_params,
	.args_size = sizeof(struct act_args),
	.state_size = sizeof(struct act_state),
	.start = act_start,
	.resume = act_resume,
	.drop = act_drop,
};

/* ---- wiring ---- */

static void rig_match(void *arg, struct event *e, struct matches *m)
{
	struct rig *r = arg;
	for (size_t i = 0; i < r->n_plans; i++)
		for (size_t t = 0; t < r->plans[i]->n_triggers; t++) {
			if (strcmp(r->plans[i]->triggers[t].type, e->type) != 0)
				continue;
			if (m->n == m->cap) {
				m->cap = m->cap ? 2 * m->cap : 4;
				m->at = mem_realloc(m->at, m->cap * sizeof(*m->at));
			}
			m->at[m->n++] = (struct match){.plan = r->plans[i], .trigger = ""};
			break;
		}
}

static const char *rig_ruleset(void *arg)
{
	(void)arg;
	return "0000";
}

static struct plan *rig_plan(void *arg, const char *bundle, size_t len, struct errmsg *msg)
{
	return rule_compile_bundle(&((struct rig *)arg)->env, bundle, len, msg);
}

static char *rig_script_text(void *arg, const char *name)
{
	const char *text = json_str(((struct rig *)arg)->scripts, name);
	return text ? mem_strdup(text) : NULL;
}

static int rig_script_check(void *arg, const char *name, const char *text,
			    void (*requires)(void *arg2, const char *file, int line), void *arg2,
			    int *ret_line, struct errmsg *msg)
{
	return script_check(((struct rig *)arg)->lua, name, text, requires, arg2, ret_line, msg);
}

void rig_script(struct rig *r, const char *name, const char *text)
{
	json_object_set_new(r->scripts, name, json_string(text));
}

static void rig_engine(struct rig *r)
{
	struct engine_config c = {
		.loop = r->loop,
		.store = r->store,
		.rng = &r->rng,
		.vm = lua_host_vm(r->lua),
		.services = r,
		.active_max = r->active_max,
		.crashes = r->crashes,
		.match = rig_match,
		.ruleset = rig_ruleset,
		.plan_load = rig_plan,
		.arg = r,
		.kind = registry_kind,
	};
	r->engine = engine_new(&c);
	for (size_t i = 0; i < r->n_plans; i++)
		engine_put_plan(r->engine, r->plans[i]);
	engine_start(r->engine);
}

void rig_init(struct rig *r)
{
	*r = (struct rig){0};
	registry_add(&kind_act);
	registry_add(&kind_lua);
	r->scripts = json_object();
	clock_virtual_init(&r->clock, 1800000000000);
	rng_seeded_init(&r->rng, 7);
	r->loop = loop_new(&r->clock.clock, true);
	r->store = store_mem_new(r->loop, &r->clock.clock);
	r->lua = lua_host_new(&(struct lua_limits){0}, &r->clock.clock, &r->rng, NULL);
	r->env = (struct rule_env){.vm = lua_host_vm(r->lua),
				   .kind = registry_kind,
				   .kind_names = registry_names(),
				   .script = rig_script_text,
				   .script_check = rig_script_check,
				   .arg = r};
	lua_step_setup(r->lua, (struct lua_pins){0});
	rig_engine(r);
}

void rig_done(struct rig *r)
{
	store_mem_crash_keep(r->store, 0);
	engine_free(r->engine);
	store_close(r->store);
	for (size_t i = 0; i < r->n_plans; i++)
		plan_unref(r->plans[i]);
	free(r->plans);
	json_decref(r->scripts);
	lua_host_free(r->lua);
	loop_free(r->loop);
}

void rig_rules(struct rig *r, const char *yaml)
{
	struct findings f = {0};
	size_t before = r->n_plans;
	rule_compile_text(&r->env, "test.yaml", yaml, strlen(yaml), &r->plans, &r->n_plans, &f);
	if (f.errors) {
		struct buf b = BUF_INIT;
		findings_format(&f, &b);
		fail_msg("%s", buf_str(&b));
	}
	findings_done(&f);
	for (size_t i = before; i < r->n_plans; i++)
		engine_put_plan(r->engine, r->plans[i]);
}

static void on_accept(void *arg, int err, bool duplicate, struct id id, const struct id *runs,
		      size_t n_runs)
{
	struct rig *r = arg;
	(void)id;
	if (err || duplicate) {
		r->refused++;
		return;
	}
	r->accepted++;
	r->n_last_runs = n_runs;
	if (n_runs)
		r->last_run = runs[0];
}

void rig_send(struct rig *r, const char *type, const char *json)
{
	json_t *data = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(data);
	struct event *e = event_new(id_new(&r->clock.clock, &r->rng), type, "/tests", NULL, NULL,
				    r->clock.wall, r->clock.wall, data, json, strlen(json));
	engine_accept(r->engine, e, on_accept, r);
	event_unref(e);
}

/* More turns than anything that starts at one instant takes. */
#define TURNS 120

void rig_settle(struct rig *r)
{
	for (int i = 0; i < TURNS; i++)
		(void)loop_run_once(r->loop, false);
}

void rig_pass(struct rig *r, int64_t ms)
{
	int64_t end = r->clock.boot + ms, step = ms / 100 > 500 ? ms / 100 : 500;
	while (r->clock.boot < end) {
		clock_virtual_advance(&r->clock,
				      end - r->clock.boot < step ? end - r->clock.boot : step);
		rig_settle(r);
	}
}

void rig_crash(struct rig *r, size_t keep)
{
	store_mem_crash_keep(r->store, keep);
	engine_free(r->engine);
	r->engine = NULL;
}

void rig_restart(struct rig *r)
{
	r->store = store_mem_reopen(r->store, r->loop);
	rig_engine(r);
}

struct asked {
	struct store_query query;
	bool done;
};

static void on_query(struct store_op *op)
{
	container_of(container_of(op, struct store_query, op), struct asked, query)->done = true;
}

static json_t *ask(struct rig *r, const struct store_query *query)
{
	struct asked q = {.query = *query};
	q.query.op = (struct store_op){.verb = STORE_QUERY, .cb = on_query};
	store_submit(r->store, &q.query.op);
	for (int i = 0; i < 1000 && !q.done; i++)
		(void)loop_run_once(r->loop, false);
	assert_true(q.done);
	return q.query.result;
}

json_t *rig_run(struct rig *r, size_t n)
{
	struct id id;
	json_auto_t *list =
		ask(r, &(struct store_query){.view = VIEW_RUNS, .state = -1, .limit = 100});
	json_t *row = json_array_get(json_object_get(list, "runs"), n);
	assert_non_null(row);
	assert_true(id_parse(json_str(row, "id"), &id));
	return ask(r, &(struct store_query){.view = VIEW_RUN, .id = id, .state = -1});
}

const char *rig_state(struct rig *r)
{
	static char state[32];
	json_auto_t *run = rig_run(r, 0);
	snprintf(state, sizeof(state), "%s", json_str(run, "state"));
	return state;
}
