/* each with parallel: items that go side by side. */
#include "tests/unit/run/flow.h"

#define HEAD "api: pawl/1\nrule: a\nwhen: {event: go}\n"
#define MIN 60000

/* Answers of which each comes when the dice say so. */
static enum fate slow(struct world *at, const struct world_req *q)
{
	(void)q;
	at->there_ms = 10 + (int64_t)rng_below(&at->dice, 300);
	at->back_ms = 10 + (int64_t)rng_below(&at->dice, 300);
	return FATE_WELL;
}

#define SIX                                                                                        \
	HEAD "result: '={out, steps.out.outcome, n}'\ndo:\n"                                       \
	     "  - set: {n: 7}\n"                                                                   \
	     "  - each: ['1', '2', '3', '4', '5', '6']\n    parallel: 3\n    as: out\n    do:\n"   \
	     "      - {call: shop.make, with: {key: '=\"k\" .. item'}, as: made}\n"                \
	     "      - set: {own: =made.key .. index}\n"                                            \
	     "    result: =own\n"
#define SIX_GIVES "[[\"k11\",\"k22\",\"k33\",\"k44\",\"k55\",\"k66\"],\"ok\",7]"

static void results_stand_in_the_order_of_the_items(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		begin_with(SIX);
		w.fate = slow;
		rng_seeded_init(&w.dice, i);
		world_send(&w, "go", "{}");
		world_pass(&w, 150 * (i % 10));
		world_crash(&w);
		if (strcmp(state_of("a"), "none") == 0)
			world_send(&w, "go", "{}");
		world_pass(&w, 5 * MIN);
		assert_string_equal(outcome_of("a"), SIX_GIVES);
		assert_true(shop_is("+k1 +k2 +k3 +k4 +k5 +k6"));
		if (i < 19)
			world_done(&w);
	}
}

static enum fate a_second(struct world *at, const struct world_req *q)
{
	(void)q;
	at->there_ms = at->back_ms = 500;
	return FATE_WELL;
}

static void no_more_go_side_by_side_than_are_allowed(void **state)
{
	(void)state;
	begin_with(SIX);
	w.fate = a_second;
	world_send(&w, "go", "{}");
	world_pass(&w, 900);
	assert_true(shop_is("+k1 +k2 +k3"));
	world_pass(&w, 5000);
	assert_string_equal(outcome_of("a"), SIX_GIVES);
}

static void a_crash_at_any_turn_makes_each_thing_once(void **state)
{
	(void)state;
	crash_at_every_turn(SIX, "a", SIX_GIVES, "+k1 +k2 +k3 +k4 +k5 +k6", 5 * MIN, NULL);
}

#define WAITS                                                                                      \
	HEAD "result: =out\ndo:\n"                                                                 \
	     "  - each: ['1', '2', '3']\n    parallel: 2\n    as: out\n    do:\n"                  \
	     "      - wait: 1m\n"                                                                  \
	     "      - {call: shop.make, with: {key: '=\"w\" .. item'}, as: made}\n"                \
	     "    result: =made.key\n"

static void waiting_items_take_no_memory(void **state)
{
	struct engine_stats s;
	(void)state;
	play(WAITS, 30 * 1000);
	engine_stats(w.engine, &s);
	assert_int_equal(s.in_memory, 0);
	world_pass(&w, 45 * 1000);
	assert_true(shop_is("+w1 +w2"));
	world_pass(&w, MIN);
	assert_string_equal(outcome_of("a"), "[\"w1\",\"w2\",\"w3\"]");
}

static void a_crash_at_any_turn_loses_no_wait(void **state)
{
	(void)state;
	crash_at_every_turn(WAITS, "a", "[\"w1\",\"w2\",\"w3\"]", "+w1 +w2 +w3", 5 * MIN, NULL);
}

#define STOPS                                                                                      \
	HEAD "result: =said\ndo:\n"                                                                \
	     "  - each: [s1, bad, s2, s3]\n    parallel: 2\n    do:\n"                             \
	     "      - wait: =index == 1 and '1h' or '1s'\n"                                        \
	     "      - {call: shop.make, with: {key: =item}}\n"                                     \
	     "    catch: [{error: invalid, do: [{set: {said: =error.name}}]}]\n"

static void the_first_error_ends_the_loop(void **state)
{
	(void)state;
	play(STOPS, MIN);
	assert_string_equal(outcome_of("a"), "\"invalid\"");
	assert_string_equal(shop.log, "");
}

static void a_crash_at_any_turn_keeps_the_first_error(void **state)
{
	(void)state;
	crash_at_every_turn(STOPS, "a", "\"invalid\"", "", 5 * MIN, NULL);
}

static void errors_are_collected_in_the_order_of_the_items(void **state)
{
	(void)state;
	begin_with(HEAD "result: '={out, steps.out.errors[1].index, steps.out.errors[2].item, "
			"steps.out.outcome}'\ndo:\n"
			"  - each: [c1, bad1, c2, bad2, c3]\n    parallel: 4\n    errors: collect\n"
			"    as: out\n    do:\n"
			"      - {call: shop.make, with: {key: =item}, as: made}\n"
			"    result: =made.key\n");
	w.fate = slow;
	rng_seeded_init(&w.dice, 3);
	world_send(&w, "go", "{}");
	world_pass(&w, MIN);
	assert_string_equal(outcome_of("a"), "[[\"c1\",\"c2\",\"c3\"],2,\"bad2\",\"partial\"]");
	assert_true(shop_is("+c1 +c2 +c3"));
}

#define BREAKS                                                                                     \
	HEAD "result: =out\ndo:\n"                                                                 \
	     "  - each: [1, 2, 3, 4, 5]\n    parallel: 2\n    as: out\n    do:\n"                  \
	     "      - {next: , if: item == 1}\n"                                                   \
	     "      - wait: 1s\n"                                                                  \
	     "      - {break: , if: item == 3}\n"                                                  \
	     "      - {wait: 1h, if: item == 4}\n"                                                 \
	     "    result: =item\n"

static void next_and_break(void **state)
{
	(void)state;
	play(BREAKS, MIN);
	assert_string_equal(outcome_of("a"), "[2]");
}

static void a_cancel_ends_all_items(void **state)
{
	(void)state;
	play(WAITS, 30 * 1000);
	world_cancel(&w, id_of("a"));
	world_pass(&w, 10 * MIN);
	assert_string_equal(state_of("a"), "cancelled");
	assert_string_equal(shop.log, "");
}

#define ROWS                                                                                        \
	HEAD "result: '={#out, out[1], out[3]}'\ndo:\n"                                             \
	     "  - each: =csv.rows('id\\nr1\\nr2\\nr3\\n')\n    parallel: 2\n    as: out\n    do:\n" \
	     "      - {call: shop.make, with: {key: =item.id}, as: made}\n"                         \
	     "    result: =made.key\n"

static void rows_go_side_by_side_too(void **state)
{
	(void)state;
	play(ROWS, MIN);
	assert_string_equal(outcome_of("a"), "[3,\"r1\",\"r3\"]");
	assert_true(shop_is("+r1 +r2 +r3"));
}

static void mistakes_are_told(void **state)
{
	(void)state;
	begin_with(SIX);
	assert_told(
		HEAD "do:\n  - set: {n: 0}\n  - each: [1]\n    parallel: 2\n    do:\n"
		     "      - set: {n: =n + 1}\n",
		"9:15: error: items that go side by side cannot change 'n' for each other: give "
		"the loop a result:, and add up after it");
	assert_told(HEAD "do:\n  - each: [1]\n    parallel: 101\n    do: [{log: x}]\n",
		    "5:5: error: parallel: is at most 100 items at a time");
	assert_told(HEAD "do:\n  - each: [1]\n    parallel: many\n    do: [{log: x}]\n",
		    "6:15: error:");
}

#define T(f) cmocka_unit_test_teardown(f, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(results_stand_in_the_order_of_the_items),
		T(no_more_go_side_by_side_than_are_allowed),
		T(a_crash_at_any_turn_makes_each_thing_once),
		T(waiting_items_take_no_memory),
		T(a_crash_at_any_turn_loses_no_wait),
		T(the_first_error_ends_the_loop),
		T(a_crash_at_any_turn_keeps_the_first_error),
		T(errors_are_collected_in_the_order_of_the_items),
		T(next_and_break),
		T(a_cancel_ends_all_items),
		T(rows_go_side_by_side_too),
		T(mistakes_are_told),
	};
	return cmocka_run_group_tests_name("side", tests, NULL, NULL);
}
