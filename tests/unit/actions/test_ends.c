/* Tests of runs' ends that start other rules, end waits, and cancel. */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

static struct world w;

static void begin_with(const char *rules)
{
	world_init(&w, SHOP, rules);
}

static int end_world(void **state)
{
	(void)state;
	world_done(&w);
	return 0;
}

static void post(const char *type, const char *json)
{
	world_send(&w, type, json);
	world_pass(&w, 10);
}

/* How many runs of a rule stand in this state. */
static size_t runs_in(const char *rule, const char *state)
{
	json_auto_t *runs = world_runs(&w);
	size_t i, n = 0;
	json_t *r;
	json_array_foreach (json_object_get(runs, "runs"), i, r)
		n += !strcmp(json_str(r, "rule"), rule) && !strcmp(json_str(r, "state"), state);
	return n;
}

/* The result of the newest run of a rule, as JSON text. */
static const char *result_of(const char *rule)
{
	static char text[512];
	json_auto_t *runs = world_runs(&w);
	size_t i;
	json_t *r;
	json_array_foreach (json_object_get(runs, "runs"), i, r) {
		if (strcmp(json_str(r, "rule"), rule))
			continue;
		json_auto_t *run = world_run(&w, json_str(r, "id"));
		json_t *records = json_object_get(run, "records");
		json_t *end = json_array_get(records, json_array_size(records) - 1);
		auto_free char *json =
			json_dumps(json_object_get(json_object_get(end, "body"), "result"),
				   JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
		snprintf(text, sizeof(text), "%s", json ? json : "none");
		return text;
	}
	return "no run";
}

#define FAILS                                                                                      \
	"api: pawl/1\nrule: sync-a\nwhen: {event: a}\ndo: [{fail: no}]\n---\n"                     \
	"api: pawl/1\nrule: sync-b\nwhen: {event: b}\ndo: [{set: {x: 1}}]\nresult: =x\n"
#define ALERT                                                                                      \
	"---\napi: pawl/1\nrule: alert\nwhen: {run: failed, rule: sync-*}\ndo: [{set: {x: 1}}]\n"  \
	"result: =data.rule .. ' ' .. data.error.message .. ' ' .. data.event.data.k\n"

static void a_failed_run_starts_the_rule_that_asks_for_it(void **state)
{
	(void)state;
	begin_with(FAILS ALERT);
	post("b", "{}");
	assert_int_equal(runs_in("alert", "completed"), 0);
	post("a", "{'k':7}");
	assert_int_equal(runs_in("alert", "completed"), 1);
	assert_string_equal(result_of("alert"), "\"sync-a no 7\"");
}

static void a_crash_at_any_turn_tells_of_an_end_once(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 30; turn++) {
		begin_with(FAILS ALERT);
		world_send(&w, "a", "{'k':1}");
		for (unsigned i = 0; i < turn; i++)
			(void)loop_run_once(w.loop, false);
		world_crash(&w);
		world_pass(&w, 100);
		size_t n = runs_in("sync-a", "failed"); /* 0: it was lost before it was accepted */
		assert_true(n == 1 || (n == 0 && turn < 3));
		assert_int_equal(runs_in("alert", "completed"), n);
		world_done(&w);
	}
	begin_with(FAILS);
}

#define PING                                                                                       \
	"api: pawl/1\nrule: ping\nwhen: [{event: go}, {run: failed}]\ndo: [{fail: no}]\n---\n"     \
	"api: pawl/1\nrule: pong\nwhen: {run: failed, rule: ping}\ndo: [{fail: no}]\n"

static void no_rule_starts_by_its_own_ends_and_chains_are_short(void **state)
{
	(void)state;
	begin_with("api: pawl/1\nrule: one\nwhen: [{event: go}, {event: '*'}]\ndo: [{fail: no}]\n");
	post("go", "{}");
	world_pass(&w, 100);
	assert_int_equal(runs_in("one", "failed"), 1);
	world_done(&w);
	begin_with(PING);
	post("go", "{}");
	world_pass(&w, 1000);
	assert_int_equal(runs_in("ping", "failed") + runs_in("pong", "failed"), 33);
}

static size_t events_kept(void)
{
	json_auto_t *stats = world_stats(&w);
	return (size_t)json_int(stats, "events", 0);
}

static void an_end_that_nobody_listens_to_is_no_event(void **state)
{
	(void)state;
	begin_with(FAILS);
	post("a", "{}");
	assert_int_equal(events_kept(), 1);
	world_done(&w);
	begin_with(FAILS ALERT);
	post("b", "{}");
	assert_int_equal(events_kept(), 1);
	post("a", "{'k':1}");
	assert_int_equal(events_kept(), 3);
}

#define BORN                                                                                       \
	"---\napi: pawl/1\nrule: sync-c\nwhen: {event: c}\nif: data.x > 1\ndo: [{set: {x: 1}}]\n"

static void a_condition_that_fails_is_told_of_too(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 20; turn++) {
		begin_with(FAILS ALERT BORN);
		world_send(&w, "c", "{'k':1}");
		for (unsigned i = 0; i < turn; i++)
			(void)loop_run_once(w.loop, false);
		world_crash(&w);
		world_pass(&w, 100);
		size_t n = runs_in("sync-c", "failed");
		assert_true(n == 1 || (n == 0 && turn < 3));
		assert_int_equal(runs_in("alert", "completed"), n);
		world_done(&w);
	}
	begin_with(FAILS);
}

#define WAITS                                                                                      \
	FAILS "---\napi: pawl/1\nrule: waits\nwhen: {event: w}\ndo:\n"                             \
	      "  - wait: {run: completed, where: {rule: sync-b}, timeout: 1h, else: fail}\n"       \
	      "    as: ended\nresult: =ended.data.result\n"                                        \
	      "---\napi: pawl/1\nrule: given-up\nwhen: {event: w}\n"                               \
	      "cancel: {run: failed, where: {rule: sync-a}}\ndo: [{wait: 1h}]\n"

static void an_end_is_waited_for_or_cancels(void **state)
{
	(void)state;
	begin_with(WAITS);
	post("w", "{}");
	post("a", "{}");
	world_crash(&w);
	assert_int_equal(runs_in("waits", "waiting"), 1);
	world_pass(&w, 100);
	assert_int_equal(runs_in("given-up", "cancelled"), 1);
	post("b", "{}");
	assert_string_equal(result_of("waits"), "1");
}

#define T(f) cmocka_unit_test_teardown(f, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failed_run_starts_the_rule_that_asks_for_it),
		T(a_crash_at_any_turn_tells_of_an_end_once),
		T(no_rule_starts_by_its_own_ends_and_chains_are_short),
		T(an_end_that_nobody_listens_to_is_no_event),
		T(a_condition_that_fails_is_told_of_too),
		T(an_end_is_waited_for_or_cancels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
