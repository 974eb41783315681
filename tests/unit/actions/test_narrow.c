/* Tests of waits that are looked up by what their `match` demands. */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

static struct world w;

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

static void begin_with(const char *match)
{
	auto_free char *rules =
		mem_printf("api: pawl/1\nrule: r\nwhen: {event: go}\ndo:\n"
			   "  - wait: {event: x, match: '%s'}\n    as: e\n"
			   "result: =e.data.n\n---\n"
			   "api: pawl/1\nrule: other\nwhen: {event: x}\ndo: [{log: x}]\n",
			   match);
	world_init(&w, SHOP, rules);
}

/* Runs of the rule in that state, with that result when it is not 0. */
static size_t count(const char *rule, const char *want, json_int_t result)
{
	json_auto_t *runs = world_runs(&w);
	size_t i, n = 0;
	json_t *r;
	json_array_foreach (json_object_get(runs, "runs"), i, r) {
		json_auto_t *whole = world_run(&w, json_str(r, "id"));
		json_t *records = json_object_get(whole, "records");
		json_t *end = json_array_get(records, json_array_size(records) - 1);
		n += strcmp(json_str(r, "rule"), rule) == 0 &&
		     strcmp(json_str(r, "state"), want) == 0 &&
		     (!result || json_int(json_object_get(end, "body"), "result", 0) == result);
	}
	return n;
}

/* The condition fails on events without `n`, which shows whether it was asked. */
static void an_event_is_judged_by_the_waits_that_fit_it(void **state)
{
	(void)state;
	begin_with("it.data.n > 5 and it.data.id == data.id");
	post("go", "{'id':'a'}");
	post("x", "{'id':'b'}");
	post("x", "{'id':'a','n':4}");
	assert_int_equal(count("r", "waiting", 0), 1);
	post("x", "{'id':'a','n':6}");
	assert_int_equal(count("r", "completed", 6), 1);
	post("go", "{'id':'a'}");
	post("x", "{'id':'a'}");
	assert_int_equal(count("r", "failed", 0), 1);
}

static void each_of_many_runs_takes_its_own_event(void **state)
{
	(void)state;
	begin_with("it.data.order.id == data.id");
	for (int i = 0; i < 20; i++) {
		char json[64];
		snprintf(json, sizeof(json), "{'id':%d}", i);
		post("go", json);
	}
	world_crash(&w);
	for (int i = 19; i >= 0; i -= 2) {
		char json[64];
		snprintf(json, sizeof(json), "{'order':{'id':%d},'n':%d}", i, 100 + i);
		post("x", json);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(count("r", "completed", 100 + i), i % 2);
	assert_int_equal(count("r", "waiting", 0), 10);
}

/* What the expression takes for equal is found, and what it does not is not taken. */
static void what_is_found_is_what_the_expression_accepts(void **state)
{
	static const struct {
		const char *mine, *its;
		bool fits;
	} cases[] = {
		{"1", "1", true},
		{"1", "1.0", true},
		{"1.0", "1", true},
		{"0.5", "0.50", true},
		{"0", "-0.0", true},
		{"1", "'1'", false},
		{"'1'", "'1'", true},
		{"'1'", "1", false},
		{"true", "true", true},
		{"true", "1", false},
		{"false", "false", true},
		{"'a'", "'A'", false},
		{"''", "''", true},
		{"9007199254740993", "9007199254740993", true},
		{"9007199254740993", "9007199254740992", false},
		{"100000000000000000", "1e17", true},
		{"1e17", "100000000000000000", true},
		{"1e300", "1e300", true},
		{"[1]", "[1]", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char json[128];
		begin_with("it.data.v == data.v");
		snprintf(json, sizeof(json), "{'v':%s}", cases[i].mine);
		post("go", json);
		snprintf(json, sizeof(json), "{'v':%s,'n':1}", cases[i].its);
		post("x", json);
		if (count("r", "completed", 1) != cases[i].fits)
			fail_msg("%s and %s", cases[i].mine, cases[i].its);
		world_done(&w);
	}
	begin_with("it.data.v == 1");
}

/* `where` takes a key with a dot whole; an expression does not, and what it accepts is found. */
static void a_dot_in_a_key_misleads_nothing(void **state)
{
	(void)state;
	begin_with("it.data.a.b == data.v");
	post("go", "{'v':1}");
	post("x", "{'a.b':1,'a':{'b':2},'n':1}");
	assert_int_equal(count("r", "waiting", 0), 1);
	post("x", "{'a.b':2,'a':{'b':1},'n':2}");
	assert_int_equal(count("r", "completed", 2), 1);
}

static void a_comparison_with_nil_is_an_error(void **state)
{
	(void)state;
	begin_with("it.data.id == data.id");
	post("go", "{}");
	assert_int_equal(count("r", "failed", 0), 1);
}

/* It came before the wait, while the run was elsewhere. */
static void what_came_before_is_found_too(void **state)
{
	(void)state;
	world_init(&w, SHOP,
		   "api: pawl/1\nrule: r\nwhen: {event: go}\ndo:\n  - wait: 1m\n"
		   "  - wait: {event: x, where: {k: 1}, match: it.data.id == data.id}\n    as: e\n"
		   "result: =e.data.n\n");
	post("go", "{'id':'a'}");
	post("x", "{'k':1,'id':'b','n':1}");
	post("x", "{'k':2,'id':'a','n':2}");
	post("x", "{'k':1,'id':'a','n':3}");
	post("x", "{'k':1,'id':'a','n':4}");
	world_crash(&w);
	world_pass(&w, 61000);
	assert_int_equal(count("r", "completed", 3), 1);
}

static void a_crash_at_any_turn_takes_the_first_that_fits(void **state)
{
	size_t ended = 0;
	(void)state;
	for (unsigned turn = 0; turn < 40; turn++) {
		begin_with("it.data.id == data.id and it.data.n > 5");
		world_send(&w, "go", "{'id':'a'}");
		for (unsigned i = 0; i < turn; i++)
			(void)loop_run_once(w.loop, false);
		world_crash(&w);
		world_pass(&w, 5000);
		size_t runs = count("r", "waiting", 0);
		world_send(&w, "x", "{'id':'b','n':7}");
		world_send(&w, "x", "{'id':'a','n':4}");
		world_send(&w, "x", "{'id':'a','n':8}");
		world_send(&w, "x", "{'id':'a','n':9}");
		for (unsigned i = 0; i < turn; i++)
			(void)loop_run_once(w.loop, false);
		world_crash(&w);
		world_pass(&w, 5000);
		assert_int_equal(count("r", "completed", 0) + count("r", "waiting", 0), runs);
		/* Of what died before it was accepted nothing is owed; what was comes in its order. */
		assert_int_equal(count("r", "completed", 8), count("r", "completed", 0));
		post("x", "{'id':'a','n':8}");
		assert_int_equal(count("r", "completed", 8), runs);
		ended += runs;
		world_done(&w);
	}
	assert_true(ended > 30);
	begin_with("it.data.v == 1");
}

/* The messages of a rule that waits so. */
static void check(const char *wait, const char *want)
{
	struct findings f = {0};
	struct plan **plans = NULL;
	struct buf b = BUF_INIT;
	size_t n = 0;
	auto_free char *text = mem_printf("api: pawl/1\nrule: c\nwhen: {event: go}\ndo:\n"
					  "  - wait:\n      event: x\n%s",
					  wait);
	rule_compile_text(&w.env, "r.yaml", text, strlen(text), &plans, &n, &f);
	findings_format(&f, &b);
	if (strncmp(buf_str(&b), want, strlen(want)) != 0 || !*want != !b.len)
		fail_msg("%s", buf_str(&b));
	for (size_t i = 0; i < n; i++)
		plan_unref(plans[i]);
	free(plans);
	buf_done(&b);
	findings_done(&f);
}

static void a_wait_that_nothing_narrows_is_refused(void **state)
{
	(void)state;
	begin_with("it.data.v == 1");
	check("      match: it.data.id == data.id\n", "");
	check("      match: it.data.id == data.id or it.data.all\n",
	      "r.yaml:7:14: error: no event can be looked up by this match");
	check("      match: it.data.id == it.data.of\n",
	      "r.yaml:7:14: error: no event can be looked up by this match");
	check("      match: it.data.id == data.id or it.data.all\n      scan: true\n", "");
	check("      match: it.data.n > 5\n      where: {id: 1}\n", "");
	check("", "r.yaml:5:5: error: the wait needs where:");
}

#define T(f) cmocka_unit_test_teardown(f, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_event_is_judged_by_the_waits_that_fit_it),
		T(each_of_many_runs_takes_its_own_event),
		T(what_is_found_is_what_the_expression_accepts),
		T(a_dot_in_a_key_misleads_nothing),
		T(a_wait_that_nothing_narrows_is_refused),
		T(a_comparison_with_nil_is_an_error),
		T(what_came_before_is_found_too),
		T(a_crash_at_any_turn_takes_the_first_that_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
