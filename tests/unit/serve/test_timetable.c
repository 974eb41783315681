/* Tests of schedules as they happen: on a virtual clock, over ends and crashes of the service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions/registry.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/lua/host.h"
#include "engine/serve/timetable.h"

#define HOUR_MS (3600 * 1000LL)
#define DAY_MS (24 * HOUR_MS)

static struct {
	struct clock_virtual clock;
	struct rng rng;
	struct loop *loop;
	struct store *store;
	struct lua_host *lua;
	struct rule_env env;
	struct ruleset *rules;
	struct engine *engine;
	struct timetable *table;
	char dir[64], path[96];
} s;

static void on_match(void *arg, struct event *e, struct matches *m)
{
	(void)arg;
	ruleset_match(s.rules, e, m);
}

static const char *on_ruleset(void *arg)
{
	(void)arg;
	return ruleset_hash(s.rules);
}

static struct plan *on_plan(void *arg, const char *bundle, size_t len, struct errmsg *msg)
{
	(void)arg;
	return rule_compile_bundle(&s.env, bundle, len, msg);
}

static void begin(void)
{
	s.engine = engine_new(&(struct engine_config){.loop = s.loop,
						      .store = s.store,
						      .rng = &s.rng,
						      .vm = lua_host_vm(s.lua),
						      .match = on_match,
						      .ruleset = on_ruleset,
						      .plan_load = on_plan,
						      .kind = registry_kind});
	s.table = timetable_new(
		&(struct timetable_config){.loop = s.loop, .store = s.store, .engine = s.engine});
	for (size_t i = 0; i < ruleset_count(s.rules); i++)
		engine_put_plan(s.engine, ruleset_at(s.rules, i));
	engine_start(s.engine);
	timetable_set(s.table, s.rules);
}

static void load(const char *text)
{
	const char *paths[] = {s.path};
	struct findings f = {0};
	FILE *file = fopen(s.path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	ruleset_free(s.rules);
	s.rules = ruleset_load(&s.env, paths, 1, &f);
	if (!s.rules)
		fail_msg("%s:%d: %s", f.at[0].file, f.at[0].line, f.at[0].text);
	findings_done(&f);
}

static void start_at(const char *when, const char *rules)
{
	int64_t ms;
	assert_int_equal(time_parse(when, &ms, NULL), 0);
	memset(&s, 0, sizeof(s));
	clock_virtual_init(&s.clock, ms);
	rng_seeded_init(&s.rng, 3);
	s.loop = loop_new(&s.clock.clock, true);
	s.store = store_mem_new(s.loop, &s.clock.clock);
	s.lua = lua_host_new(&(struct lua_limits){0}, &s.clock.clock, &s.rng, NULL);
	s.env = (struct rule_env){
		.vm = lua_host_vm(s.lua), .kind = registry_kind, .kind_names = registry_names()};
	snprintf(s.dir, sizeof(s.dir), "/tmp/pawl-timetable-XXXXXX");
	assert_non_null(mkdtemp(s.dir));
	snprintf(s.path, sizeof(s.path), "%s/r.yaml", s.dir);
	load(rules);
	begin();
}

static void pass(int64_t ms)
{
	int64_t end = s.clock.wall + ms;
	while (s.clock.wall < end) {
		clock_virtual_advance(&s.clock,
				      end - s.clock.wall < 1000 ? end - s.clock.wall : 1000);
		for (int i = 0; i < 12; i++)
			(void)loop_run_once(s.loop, false);
	}
}

static void crash(int64_t away_ms)
{
	store_mem_crash(s.store);
	timetable_free(s.table);
	engine_free(s.engine);
	s.store = store_mem_reopen(s.store, s.loop);
	clock_virtual_advance(&s.clock, away_ms);
	begin();
}

static int end(void **state)
{
	(void)state;
	store_mem_crash(s.store);
	timetable_free(s.table);
	engine_free(s.engine);
	store_close(s.store);
	ruleset_free(s.rules);
	lua_host_free(s.lua);
	loop_free(s.loop);
	(void)unlink(s.path);
	(void)rmdir(s.dir);
	return 0;
}

static struct store_query query;
static bool answered;

static void on_answer(struct store_op *op)
{
	(void)op;
	answered = true;
}

/* The due times of all events, oldest first, as "24T09:00" each. */
static const char *fired(void)
{
	static char text[4096];
	query = (struct store_query){.op = {.verb = STORE_QUERY, .cb = on_answer},
				     .view = VIEW_EVENTS,
				     .state = -1,
				     .limit = 1000};
	answered = false;
	store_submit(s.store, &query.op);
	while (!answered)
		(void)loop_run_once(s.loop, true);
	const json_t *list = json_object_get(query.result, "events");
	size_t n = json_array_size(list);
	text[0] = '\0';
	for (size_t i = n; i-- > 0;) {
		const json_t *data = json_object_get(json_array_get(list, i), "data");
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%.8s", len ? " " : "",
			 json_str(data, "due") + 8);
	}
	json_decref(query.result);
	return text;
}

#define RULE(when)                                                                                 \
	"api: pawl/1\nrule: r\nwhen: {" when "}\ndo: [{set: {x: 1}}]\n---\n"                       \
	"api: pawl/1\nrule: other\nwhen: {schedule: '0 0 1 1 *'}\ndo: [{set: {x: 1}}]\n"

static void a_schedule_starts_its_rule_and_no_other(void **state)
{
	(void)state;
	start_at("2026-11-24T08:30:00Z", RULE("schedule: '0 9,10 * * *'"));
	pass(29 * 60000);
	assert_string_equal(fired(), "");
	pass(2 * HOUR_MS);
	assert_string_equal(fired(), "24T09:00 24T10:00");
	struct engine_stats st;
	engine_stats(s.engine, &st);
	assert_int_equal(st.started, 2);
}

static void an_interval_is_counted_from_full_hours(void **state)
{
	(void)state;
	start_at("2026-11-24T08:31:00Z", RULE("every: 20m"));
	pass(HOUR_MS);
	assert_string_equal(fired(), "24T08:40 24T09:00 24T09:20");
}

static void what_was_missed_happens_once(void **state)
{
	(void)state;
	start_at("2026-11-24T08:30:00Z", RULE("schedule: '0 9 * * *'"));
	pass(HOUR_MS);
	crash(3 * DAY_MS);
	pass(60000);
	assert_string_equal(fired(), "24T09:00 27T09:00");
	pass(DAY_MS);
	assert_string_equal(fired(), "24T09:00 27T09:00 28T09:00");
}

static void or_each_time(void **state)
{
	(void)state;
	start_at("2026-11-24T08:30:00Z", RULE("schedule: '0 9 * * *', missed: all"));
	pass(HOUR_MS);
	crash(3 * DAY_MS);
	pass(60000);
	assert_string_equal(fired(), "24T09:00 25T09:00 26T09:00 27T09:00");
}

static void or_not_at_all(void **state)
{
	(void)state;
	start_at("2026-11-24T08:30:00Z", RULE("schedule: '0 9 * * *', missed: skip"));
	pass(HOUR_MS);
	crash(3 * DAY_MS);
	pass(DAY_MS);
	assert_string_equal(fired(), "24T09:00 28T09:00");
}

static void nothing_is_due_twice_whatever_the_clock_does(void **state)
{
	(void)state;
	start_at("2026-11-24T08:59:00Z", RULE("schedule: '0 9 * * *'"));
	pass(2 * 60000);
	s.clock.wall -= HOUR_MS; /* set back, over the due time */
	pass(2 * HOUR_MS);
	assert_string_equal(fired(), "24T09:00");
	for (int i = 0; i < 5; i++)
		crash(1000);
	pass(60000);
	assert_string_equal(fired(), "24T09:00");
}

static void a_changed_schedule_begins_anew(void **state)
{
	(void)state;
	start_at("2026-11-24T08:30:00Z", RULE("schedule: '0 9 * * *'"));
	pass(HOUR_MS);
	load(RULE("schedule: '0 8 * * *'"));
	engine_put_plan(s.engine, ruleset_at(s.rules, 0));
	timetable_set(s.table, s.rules);
	pass(DAY_MS);
	assert_string_equal(fired(), "24T09:00 25T08:00");
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_schedule_starts_its_rule_and_no_other),
		T(an_interval_is_counted_from_full_hours),
		T(what_was_missed_happens_once),
		T(or_each_time),
		T(or_not_at_all),
		T(nothing_is_due_twice_whatever_the_clock_does),
		T(a_changed_schedule_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
