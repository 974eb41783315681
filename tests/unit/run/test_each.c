/* Loops over the items of a step that gives them page by page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/registry.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "tests/lib/rig.h"

/* ---- `count: n`: the numbers to n, two a page, with an empty page in the middle ---- */

#define PAGE 2
#define EMPTY_AT 3 /* the page that has no items though others follow */

static struct {
	unsigned asked[32]; /* how often each page */
	unsigned fail_next, of_page;
	char order[512]; /* what happened, page by page and item by item */
} world;

static void note(const char *what, json_int_t n)
{
	size_t len = strlen(world.order);
	snprintf(world.order + len, sizeof(world.order) - len, "%s%lld ", what, (long long)n);
}

struct count_args {
	struct tmpl *n, *page;
	int fits;
};

struct count_state {
	struct loop_task task;
	struct act *act;
};

static void on_answer(struct loop_task *t)
{
	step_wake(container_of(t, struct count_state, task)->act);
}

static enum verdict count_start(struct act *a)
{
	struct count_state *st = act_state(a);
	const struct rig *r = act_services(a);
	st->act = a;
	st->task.cb = on_answer;
	loop_defer(r->loop, &st->task);
	return STEP_WAIT;
}

/* Page k of its items; the places of pages are their numbers, under a name that is none of the loop's. */
static json_t *page_of(json_int_t n, json_int_t k)
{
	json_t *items = json_array();
	json_int_t before = k > EMPTY_AT ? k - 2 : k - 1;
	for (json_int_t i = before * PAGE; i < before * PAGE + PAGE && i < n && k != EMPTY_AT; i++)
		json_array_append_new(items, json_integer(i + 1));
	json_t *page = json_pack("{s:o, s:s}", "items", items, "rest", "of the answer");
	if ((before + 1) * PAGE < n || k == EMPTY_AT)
		json_object_set_new(page, "next", json_pack("{s:I}", "number", k + 1));
	return page;
}

static enum verdict count_resume(struct act *a)
{
	const struct count_args *args = act_args(a);
	json_auto_t *n = NULL, *page = NULL;
	if (!act_eval(a, args->n, &n) || !act_eval(a, args->page, &page))
		return STEP_FAIL;
	json_int_t k = json_int(page, "number", 1);
	note("p", k);
	world.asked[k]++;
	if (k == (json_int_t)world.of_page && world.fail_next && world.fail_next--)
		return step_fail(a, ERR_NETWORK, "no page");
	return step_done(a, page_of(json_integer_value(n), k));
}

static void count_drop(struct act *a)
{
	list_remove(&((struct count_state *)act_state(a))->task.link);
}

static void count_pages(struct plan_check *c, struct step *s)
{
	const struct count_args *args = s->args;
	if (args->fits == 13)
		c->error(c, s->line, s->col, "thirteen have no pages");
}

static const struct param count_params[] = {
	{"count", P_TMPL, IN_WORD, true, offsetof(struct count_args, n), "to what number"},
	{"fits", P_INT, BESIDE, false, offsetof(struct count_args, fits), "13: it has no pages"},
	{"page", P_TMPL, SPAWNED, false, offsetof(struct count_args, page), "the page"},
	{0},
};

static const struct step_kind kind_count = {
	.name = "count",
	.help = "numbers, page by page",
	.params = count_params,
	.args_size = sizeof(struct count_args),
	.state_size = sizeof(struct count_state),
	.pages = count_pages,
	.start = count_start,
	.resume = count_resume,
	.drop = count_drop,
};

/* ---- fixture ---- */

static void begin(struct rig *r)
{
	effects_reset();
	memset(&world, 0, sizeof(world));
	registry_add(&kind_count);
	rig_init(r);
}

static int setup(void **state)
{
	struct rig *r = malloc(sizeof(*r));
	begin(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

/* ---- helpers ---- */

#define HEAD "api: pawl/1\nrule: a\nwhen: {event: go}\n"

static void play(struct rig *r, const char *rule)
{
	rig_rules(r, rule);
	rig_send(r, "go", "{\"n\": 5}");
	rig_settle(r);
	rig_settle(r);
}

static json_t *end_of(struct rig *r)
{
	json_auto_t *run = rig_run(r, 0);
	json_t *rec, *body = NULL;
	size_t i;
	json_array_foreach (json_object_get(run, "records"), i, rec)
		if (strcmp(json_str(rec, "type"), "E") == 0)
			body = json_object_get(rec, "body");
	if (!body)
		fail_msg("the run has not ended: %s", json_str(run, "state"));
	return json_incref(body);
}

static void assert_result(struct rig *r, const char *json)
{
	json_auto_t *end = end_of(r), *want = json_loads(json, JSON_DECODE_ANY, NULL);
	auto_free char *have = json_text(end);
	if (!json_equal(json_object_get(end, "result"), want))
		fail_msg("result is not %s: %s", json, have);
}

static void restart(struct rig *r)
{
	rig_crash(r, 0);
	rig_restart(r);
	rig_settle(r);
}

/* ---- in order ---- */

static void the_items_of_all_pages_come_in_order(void **state)
{
	struct rig *r = *state;
	play(r, HEAD "result: =out\ndo:\n  - each: {count: =data.n}\n    item: x\n"
		     "    do: [{act: '=\"i\" .. x'}]\n    result: '={x, index}'\n    as: out\n");
	assert_result(r, "[[1, 1], [2, 2], [3, 3], [4, 4], [5, 5]]");
	assert_int_equal(effects.total, 5);
}

static void an_empty_page_is_passed_over(void **state)
{
	struct rig *r = *state;
	play(r, HEAD "do:\n  - each: {count: 5}\n    do: [{set: {x: 1}}]\n");
	assert_string_equal(world.order, "p1 p2 p3 p4 ");
}

static void a_list_without_items_is_done_at_once(void **state)
{
	struct rig *r = *state;
	play(r,
	     HEAD "result: =out\ndo:\n  - each: {count: 0}\n    do: [{act: never}]\n    as: out\n");
	assert_result(r, "[]");
	assert_int_equal(effects.total, 0);
}

/* A page is asked for when the items of the one before are done, and not earlier. */
static void pages_are_asked_for_when_they_are_needed(void **state)
{
	struct rig *r = *state;
	play(r, HEAD "do:\n  - each: {count: 5}\n    do: [{wait: 1h}]\n");
	assert_string_equal(world.order, "p1 ");
	rig_pass(r, 3601 * 1000);
	assert_string_equal(world.order, "p1 ");
	rig_pass(r, 3601 * 1000);
	assert_string_equal(world.order, "p1 p2 ");
}

static void stop_and_catch_work_inside(void **state)
{
	struct rig *r = *state;
	play(r, HEAD "do:\n  - each: {count: 5}\n    do:\n      - act: '=\"i\" .. item'\n"
		     "      - stop: enough\n        if: item == 3\n");
	assert_string_equal(rig_state(r), "completed");
	assert_int_equal(effects.total, 3);
	assert_int_equal(world.asked[4], 0);
}

/* ---- errors ---- */

static void an_error_of_a_page_fails_the_loop(void **state)
{
	struct rig *r = *state;
	world.fail_next = 1;
	world.of_page = 2;
	play(r, HEAD "do:\n  - each: {count: 5}\n    errors: collect\n    as: out\n"
		     "    do: [{act: '=\"i\" .. item'}]\n");
	json_auto_t *end = end_of(r);
	assert_string_equal(json_str(end, "state"), "failed");
	assert_string_equal(json_str(json_object_get(end, "error"), "name"), "network");
	assert_int_equal(effects.total, 2);
}

static void a_page_is_tried_again_as_its_source_says(void **state)
{
	struct rig *r = *state;
	world.fail_next = 2;
	world.of_page = 2;
	play(r, HEAD "do:\n  - each: {count: 5, retry: {attempts: 3, first: 10s}}\n"
		     "    do: [{act: '=\"i\" .. item'}]\n");
	assert_string_equal(rig_state(r), "retrying");
	rig_pass(r, 60 * 1000);
	assert_string_equal(rig_state(r), "completed");
	assert_string_equal(world.order, "p1 p2 p2 p2 p3 p4 ");
	assert_int_equal(effects.total, 5);
}

static void a_retried_loop_goes_on_where_it_failed(void **state)
{
	struct rig *r = *state;
	play(r, HEAD "result: =out\ndo:\n  - each: {count: 5}\n    as: out\n"
		     "    retry: {attempts: 3, first: 10s, error: [failed]}\n    do:\n"
		     "      - act: '=\"i\" .. item'\n"
		     "      - fail: later\n        if: item == 4 and run.elapsed < 5\n"
		     "    result: =item\n");
	rig_pass(r, 60 * 1000);
	assert_result(r, "[1, 2, 3, 4, 5]");
	assert_int_equal(effect_count("i1"), 1);
	assert_int_equal(effect_count("i3"), 1);
	assert_int_equal(world.asked[1], 1);
}

static void collected_errors_keep_their_items_over_a_restart(void **state)
{
	struct rig *r = *state;
	play(r, HEAD
	     "result: '=steps.out.errors'\ndo:\n  - each: {count: 5}\n"
	     "    errors: collect\n    as: out\n    do:\n"
	     "      - fail: no luck\n        if: item == 1\n      - wait: 1h\n        if: item == 5\n");
	restart(r);
	rig_pass(r, 3700 * 1000);
	json_auto_t *end = end_of(r);
	const json_t *one = json_array_get(json_object_get(end, "result"), 0);
	assert_int_equal(json_array_size(json_object_get(end, "result")), 1);
	assert_int_equal(json_int(one, "item", 0), 1);
	assert_int_equal(json_int(one, "index", 0), 1);
}

/* ---- restarts ---- */

static void a_page_that_was_recorded_is_not_asked_for_again(void **state)
{
	struct rig *r = *state;
	play(r, HEAD
	     "result: =out\ndo:\n  - set: {sum: 0}\n  - each: {count: =data.n}\n    do:\n"
	     "      - act: '=\"i\" .. item'\n      - set: {sum: =sum + item}\n      - wait: 1h\n"
	     "    result: =sum\n    as: out\n");
	for (int hour = 0; hour < 5; hour++) {
		restart(r);
		clock_virtual_advance(&r->clock, 3601 * 1000);
		rig_pass(r, 40 * 1000);
	}
	assert_result(r, "[1, 3, 6, 10, 15]");
	assert_string_equal(world.order, "p1 p2 p3 p4 ");
	assert_int_equal(effects.total, 5);
}

#define STORY                                                                                      \
	HEAD "result: '={sum, out}'\ndo:\n  - set: {sum: 0}\n"                                     \
	     "  - each: {count: =data.n}\n    item: x\n    as: out\n    do:\n"                     \
	     "      - act: '=\"i\" .. x'\n        as: got\n"                                       \
	     "      - set: {sum: =sum + x}\n"                                                      \
	     "      - wait: 5m\n        if: x == 2\n"                                              \
	     "    result: =got\n"                                                                  \
	     "  - act: last\n"

static void on_person(void *arg, int err, const char *text)
{
	(void)arg;
	(void)err;
	(void)text;
}

/* A doubt that the crash left is decided by what the world outside saw. */
static void settle_doubt(struct rig *r)
{
	json_auto_t *run = rig_run(r, 0);
	json_t *rec;
	size_t i;
	const char *name = NULL;
	struct id id;
	if (strcmp(json_str(run, "state"), "in_doubt") != 0)
		return;
	json_array_foreach (json_object_get(run, "records"), i, rec)
		if (strcmp(json_str(rec, "type"), "I") == 0)
			name = json_str(json_object_get(rec, "body"), "name");
	id_parse(json_str(run, "id"), &id);
	engine_resume(r->engine, id, effect_count(name) ? "done" : "again", json_string(name),
		      "tests", on_person, NULL);
	rig_settle(r);
}

/* Dies after so many turns of the loop; false when the story was over before. */
static bool crash_once(int turns, size_t keep)
{
	struct rig r;
	begin(&r);
	rig_rules(&r, STORY);
	rig_send(&r, "go", "{\"n\": 5}");
	int64_t end = r.clock.boot + 10 * 60 * 1000;
	bool died = true;
	for (int i = 0; i < turns && died; i++)
		died = loop_run_once(r.loop, false) && r.clock.boot < end;
	rig_crash(&r, keep);
	rig_restart(&r);
	rig_settle(&r);
	for (int i = 0; i < 14 && r.accepted; i++) {
		clock_virtual_advance(&r.clock, 60 * 1000);
		rig_settle(&r);
		settle_doubt(&r);
	}
	if (died && r.accepted) {
		assert_result(&r, "[15, [\"i1\", \"i2\", \"i3\", \"i4\", \"i5\"]]");
		if (effects.total != 6)
			fail_msg("turn %d keep %zu: %u effects", turns, keep, effects.total);
	}
	rig_done(&r);
	return died;
}

static void a_crash_at_any_turn_repeats_no_item(void **state)
{
	int tried = 0;
	(void)state;
	for (int turns = 1; turns < 300; turns++)
		for (size_t keep = 0; keep < 2; keep++)
			tried += crash_once(turns, keep);
	assert_in_range(tried, 40, 600);
}

/* ---- what is wrong with it ---- */

static void assert_mistake(struct rig *r, const char *each, const char *part)
{
	struct findings f = {0};
	struct buf b = BUF_INIT;
	struct plan **plans = NULL;
	size_t n = 0;
	auto_free char *text = mem_printf(HEAD "do:\n  - each: %s\n    do: [{log: x}]\n", each);
	rule_compile_text(&r->env, "a.yaml", text, strlen(text), &plans, &n, &f);
	findings_format(&f, &b);
	if (f.errors != 1 || !strstr(buf_str(&b), part))
		fail_msg("'%s' is not in: %s", part, buf_str(&b));
	while (n)
		plan_unref(plans[--n]);
	free(plans);
	buf_done(&b);
	findings_done(&f);
}

static void only_steps_with_pages_can_be_gone_through(void **state)
{
	struct rig *r = *state;
	assert_mistake(r, "{log: x}", "a.yaml:5:11");
	assert_mistake(r, "{}", "each takes a list, or {call:");
	assert_mistake(r, "{count: 5, fits: 13}", "a.yaml:5:12: error: thirteen have no pages");
	assert_mistake(r, "{count: 5, as: x}", "'as' stands beside each:");
	assert_mistake(r, "{count: 5, timeout: 1m}", "'timeout' stands beside each:");
	assert_mistake(r, "{count: 5, colour: red}", "colour");
	assert_mistake(r, "{count: 5, page: {}}", "page");
	assert_mistake(r, "{count: =nosuch}", "unknown name 'nosuch'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_items_of_all_pages_come_in_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_empty_page_is_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_list_without_items_is_done_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pages_are_asked_for_when_they_are_needed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(stop_and_catch_work_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_of_a_page_fails_the_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_is_tried_again_as_its_source_says, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_retried_loop_goes_on_where_it_failed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(collected_errors_keep_their_items_over_a_restart,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_that_was_recorded_is_not_asked_for_again,
						setup, teardown),
		cmocka_unit_test(a_crash_at_any_turn_repeats_no_item),
		cmocka_unit_test_setup_teardown(only_steps_with_pages_can_be_gone_through, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
