/* while, and next and break in loops. */
#include "tests/unit/run/flow.h"

#define HEAD "api: pawl/1\nrule: a\nwhen: {event: go}\n"
#define MIN 60000

/* ---- while ---- */

#define COUNT                                                                                      \
	HEAD "result: =n\ndo:\n  - set: {n: 0}\n"                                                  \
	     "  - while: n < 3\n    do:\n"                                                         \
	     "      - {call: shop.make, with: {key: '=\"k\" .. index'}, as: made}\n"               \
	     "      - wait: 1m\n"                                                                  \
	     "      - set: {n: =n + 1}\n"

static void a_loop_goes_on_while_its_condition_holds(void **state)
{
	(void)state;
	play(COUNT, 10 * MIN);
	assert_string_equal(outcome_of("a"), "3");
	assert_string_equal(shop.log, "+k1 +k2 +k3");
}

static void a_crash_at_any_turn_repeats_no_turn_of_a_loop(void **state)
{
	(void)state;
	crash_at_every_turn(COUNT, "a", "3", "+k1 +k2 +k3", 10 * MIN, NULL);
}

static void the_condition_reads_what_its_steps_named(void **state)
{
	(void)state;
	play(HEAD "result: =made.key\ndo:\n"
		  "  - while: not made or made.key ~= 'k3'\n    do:\n"
		  "      - {call: shop.make, with: {key: '=\"k\" .. index'}, as: made}\n",
	     MIN);
	assert_string_equal(outcome_of("a"), "\"k3\"");
}

static void more_turns_than_max_are_an_error(void **state)
{
	(void)state;
	play(HEAD "do:\n  - while: true\n    max: 2\n"
		  "    do: [{call: shop.make, with: {key: '=\"k\" .. index'}}]\n",
	     MIN);
	assert_string_equal(outcome_of("a"), "\"limit\"");
	assert_string_equal(shop.log, "+k1 +k2");
}

static void a_condition_that_is_false_at_once_runs_nothing(void **state)
{
	(void)state;
	play(HEAD
	     "result: =out == nil\ndo:\n  - while: false\n    do: [{set: {x: 1}}]\n    as: out\n",
	     MIN);
	assert_string_equal(outcome_of("a"), "true");
}

static void a_loop_that_is_cancelled_ends(void **state)
{
	(void)state;
	play(COUNT, 90 * 1000);
	world_cancel(&w, id_of("a"));
	world_pass(&w, 10 * MIN);
	assert_string_equal(state_of("a"), "cancelled");
	assert_string_equal(shop.log, "+k1 +k2");
}

/* ---- next, break ---- */

#define SIGNALS                                                                                    \
	HEAD "result: =out\ndo:\n"                                                                 \
	     "  - each: '=list{1, 2, 3, 4, 5}'\n    as: out\n    do:\n"                            \
	     "      - if: item == 2\n        do: [{next: }]\n"                                     \
	     "      - try:\n"                                                                      \
	     "          - {break: , if: item == 4}\n"                                              \
	     "        catch: [{do: [{fail: wrong}]}]\n"                                            \
	     "        finally: [{call: shop.make, with: {key: '=\"f\" .. item'}}]\n"               \
	     "      - {call: shop.make, with: {key: '=\"k\" .. item'}}\n"                          \
	     "    result: =item * 10\n"

static void next_and_break_end_a_turn_and_a_loop(void **state)
{
	(void)state;
	play(SIGNALS, MIN);
	assert_string_equal(outcome_of("a"), "[10,30]");
	assert_string_equal(shop.log, "+f1 +k1 +f3 +k3 +f4");
}

static void a_crash_at_any_turn_leaves_next_and_break_as_they_were(void **state)
{
	(void)state;
	crash_at_every_turn(SIGNALS, "a", "[10,30]", "+f1 +k1 +f3 +k3 +f4", 5 * MIN, NULL);
}

static void next_and_break_work_in_while_too(void **state)
{
	(void)state;
	play(HEAD "result: =n\ndo:\n  - set: {n: 0}\n  - while: true\n    do:\n"
		  "      - {break: , if: index == 5}\n      - {next: , if: index == 2}\n"
		  "      - set: {n: =n + index}\n",
	     MIN);
	assert_string_equal(outcome_of("a"), "8");
}

static void break_ends_a_loop_over_collected_errors(void **state)
{
	(void)state;
	play(HEAD "result: '={out, len(steps.out.errors)}'\ndo:\n"
		  "  - each: '=list{1, 2, 3}'\n    errors: collect\n    as: out\n    do:\n"
		  "      - {fail: one, if: item == 1}\n      - {break: , if: item == 3}\n"
		  "    result: =item\n",
	     MIN);
	assert_string_equal(outcome_of("a"), "[[2],1]");
}

/* ---- pawl check ---- */

static void mistakes_in_loops_are_told(void **state)
{
	(void)state;
	begin_with(COUNT);
	assert_told(HEAD "do:\n  - next:\n",
		    "5:5: error: next: has a meaning only inside each: or");
	assert_told(HEAD "do:\n  - each: [1]\n    do: [{log: x}]\n    catch: [{do: [{break: }]}]\n",
		    "7:20: error: break: has a meaning only inside each: or while:");
	assert_told(HEAD "do:\n  - while: true\n    do: [{next: }, {log: x}]\n",
		    "6:20: error: this step is never reached: 'next' at line 6 ends before it");
	assert_told(HEAD "do:\n  - while: true\n    max: 200000\n    do: [{log: x}]\n",
		    "5:5: error: max: is at most 100000 turns");
	assert_told(HEAD "do:\n  - while: true\n    do: [{log: x}]\n  - log: =index\n",
		    "7:11: error: 'index' is known only inside its loop (line 5)");
	assert_told(HEAD "do:\n  - while: true\n    do: []\n", "5:5: error: do: has no steps");
	assert_told(HEAD "do:\n  - while: true\n", "5:5: error: 'while' needs do: beside it");
	assert_told(HEAD "do:\n  - while: true\n    do: [{breaks: }]\n",
		    "6:11: error: unknown step 'breaks'; did you mean 'break'?");
}

#define T(f) cmocka_unit_test_teardown(f, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_loop_goes_on_while_its_condition_holds),
		T(a_crash_at_any_turn_repeats_no_turn_of_a_loop),
		T(the_condition_reads_what_its_steps_named),
		T(more_turns_than_max_are_an_error),
		T(a_condition_that_is_false_at_once_runs_nothing),
		T(a_loop_that_is_cancelled_ends),
		T(next_and_break_end_a_turn_and_a_loop),
		T(a_crash_at_any_turn_leaves_next_and_break_as_they_were),
		T(next_and_break_work_in_while_too),
		T(break_ends_a_loop_over_collected_errors),
		T(mistakes_in_loops_are_told),
	};
	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
