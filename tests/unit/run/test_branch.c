/* all and any: branches that run side by side within one run. */
#include "tests/unit/run/flow.h"

#define HEAD "api: pawl/1\nrule: a\nwhen: {event: go}\n"
#define MIN 60000
#define MAKE(key) "{call: shop.make, with: {key: " key "}}"

/* ---- all ---- */

#define BOTH                                                                                       \
	HEAD "result: '={both[1], both[2].key, a.key, n, steps.a.outcome}'\ndo:\n"                 \
	     "  - set: {n: 0}\n"                                                                   \
	     "  - all:\n"                                                                          \
	     "      - - wait: 2m\n"                                                                \
	     "        - {call: shop.make, with: {key: a1}, as: a}\n"                               \
	     "        - set: {n: =n + 1}\n"                                                        \
	     "        - memory: {add: shared/n}\n"                                                 \
	     "      - - {call: shop.make, with: {key: b1}, as: b}\n"                               \
	     "        - set: {n: =n + 10}\n"                                                       \
	     "        - wait: 1m\n"                                                                \
	     "        - {call: shop.make, with: {key: b2}}\n"                                      \
	     "    as: both\n"                                                                      \
	     "  - {call: shop.make, with: {key: '=a.key .. b.key'}}\n"
#define BOTH_GIVES "[1,\"b2\",\"a1\",10,\"ok\"]"

static void branches_run_side_by_side_and_their_names_come_after(void **state)
{
	(void)state;
	play(BOTH, 90 * 1000);
	assert_string_equal(shop.log, "+b1 +b2");
	world_pass(&w, 5 * MIN);
	assert_string_equal(outcome_of("a"), BOTH_GIVES);
	assert_string_equal(shop.log, "+b1 +b2 +a1 +a1b1");
}

static void a_run_whose_branches_wait_is_not_in_memory(void **state)
{
	struct engine_stats s;
	(void)state;
	play(BOTH, 30 * 1000);
	engine_stats(w.engine, &s);
	assert_int_equal(s.in_memory, 0);
	assert_string_equal(state_of("a"), "waiting");
}

static void a_crash_at_any_turn_does_nothing_twice_in_branches(void **state)
{
	(void)state;
	crash_at_every_turn(BOTH, "a", BOTH_GIVES, "+a1 +a1b1 +b1 +b2", 5 * MIN, NULL);
}

/* Answers of which each comes when the dice say so. */
static enum fate slow(struct world *at, const struct world_req *q)
{
	(void)q;
	at->there_ms = 10 + (int64_t)rng_below(&at->dice, 300);
	at->back_ms = 10 + (int64_t)rng_below(&at->dice, 300);
	return FATE_WELL;
}

#define RACE                                                                                       \
	HEAD "result: '={x, one, two, three}'\ndo:\n  - set: {x: 0}\n"                             \
	     "  - all:\n"                                                                          \
	     "      - [{call: shop.make, with: {key: r1}}, {set: {x: 1, one: =x}}]\n"              \
	     "      - [{call: shop.make, with: {key: r2}}, {set: {x: 2, two: =x}}]\n"              \
	     "      - [{call: shop.make, with: {key: r3}}, {set: {three: =x}}]\n"                  \
	     "  - wait: 1m\n"

/* What a branch sets is its own until all have ended; then the later branch counts. */
static void the_order_of_answers_changes_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		begin_with(RACE);
		w.fate = slow;
		rng_seeded_init(&w.dice, i);
		world_send(&w, "go", "{}");
		world_pass(&w, 100 * (i % 10));
		world_crash(&w);
		if (strcmp(state_of("a"), "none") == 0)
			world_send(&w, "go", "{}");
		world_pass(&w, 5 * MIN);
		assert_string_equal(outcome_of("a"), "[2,1,2,0]");
		assert_true(shop_is("+r1 +r2 +r3"));
		if (i < 29)
			world_done(&w);
	}
}

#define ONE_FAILS                                                                                  \
	HEAD "result: =said\ndo:\n"                                                                \
	     "  - all:\n"                                                                          \
	     "      - [{wait: 1h}, " MAKE(                                                         \
		     "late") "]\n"                                                                 \
			     "      - [" MAKE("b1") ", " MAKE("bad") ", " MAKE(                    \
				     "never") "]\n"                                                \
					      "      - [{try: [{wait: 2h}], finally: [" MAKE(      \
						      "end") "]}]\n"                               \
							     "    catch: [{error: invalid, do: [{set: {said: =error.name}}]}]\n"

static void the_first_error_ends_all_branches(void **state)
{
	(void)state;
	play(ONE_FAILS, MIN);
	assert_string_equal(outcome_of("a"), "\"invalid\"");
	assert_string_equal(shop.log, "+b1 +end");
}

static void a_crash_at_any_turn_keeps_the_first_error(void **state)
{
	(void)state;
	crash_at_every_turn(ONE_FAILS, "a", "\"invalid\"", "+b1 +end", 5 * MIN, NULL);
}

static void a_cancel_ends_all_branches(void **state)
{
	(void)state;
	play(BOTH, 90 * 1000);
	world_cancel(&w, id_of("a"));
	world_pass(&w, 10 * MIN);
	assert_string_equal(state_of("a"), "cancelled");
	assert_string_equal(shop.log, "+b1 +b2");
}

static void a_time_out_ends_all_branches(void **state)
{
	(void)state;
	play(HEAD "result: =said\ndo:\n  - all:\n      - [{wait: 1h}]\n      - [{wait: 2h}]\n"
		  "    timeout: 5m\n    catch: [{error: timeout, do: [{set: {said: late}}]}]\n",
	     6 * MIN);
	assert_string_equal(outcome_of("a"), "\"late\"");
}

static void stop_in_a_branch_completes_the_run(void **state)
{
	(void)state;
	play(HEAD "do:\n  - all:\n      - [{wait: 1h}, " MAKE(
		     "late") "]\n"
			     "      - [{stop: enough}]\n  - " MAKE("never") "\n",
	     MIN);
	assert_string_equal(state_of("a"), "completed");
	assert_string_equal(shop.log, "");
}

static void next_in_a_branch_is_about_the_loop_around(void **state)
{
	(void)state;
	play(HEAD "result: =out\ndo:\n  - each: [1, 2, 3]\n    as: out\n    do:\n"
		  "      - all:\n          - [{wait: 1m}]\n          - [{next: , if: item == 2}]\n"
		  "    result: =item\n",
	     10 * MIN);
	assert_string_equal(outcome_of("a"), "[1,3]");
}

/* ---- any ---- */

#define FIRST                                                                                      \
	HEAD "result: '={got.branch, got.result.key, b.key, l == nil}'\ndo:\n"                     \
	     "  - any:\n"                                                                          \
	     "      - [{call: shop.make, with: {key: l1}, as: l}, {wait: 2m}, " MAKE(              \
		     "l2") "]\n"                                                                   \
			   "      - [{wait: 1m}, {call: shop.make, with: {key: b1}, as: b}]\n"     \
			   "      - [" MAKE(                                                       \
				   "bad") "]\n"                                                    \
					  "      - [{wait: {event: never, where: {x: 1}}}, " MAKE( \
						  "n1") "]\n"                                      \
							"    as: got\n"                            \
							"  - " MAKE("after") "\n"

static void the_first_branch_that_ends_well_wins(void **state)
{
	(void)state;
	play(FIRST, 5 * MIN);
	assert_string_equal(outcome_of("a"), "[2,\"b1\",\"b1\",true]");
	assert_string_equal(shop.log, "+l1 +b1 +after");
}

static void a_crash_at_any_turn_has_one_winner(void **state)
{
	(void)state;
	crash_at_every_turn(FIRST, "a", "[2,\"b1\",\"b1\",true]", "+l1 +b1 +after", 5 * MIN, NULL);
}

static void a_call_of_a_loser_that_was_sent_is_awaited(void **state)
{
	(void)state;
	begin_with(HEAD "result: =got.branch\ndo:\n  - any:\n"
			"      - [" MAKE("slow") ", " MAKE(
				"never") "]\n"
					 "      - [{wait: 1s}]\n    as: got\n");
	w.there_ms = 900;
	w.back_ms = 5000;
	world_send(&w, "go", "{}");
	world_pass(&w, 3000);
	assert_string_equal(state_of("a"), "running");
	world_pass(&w, MIN);
	assert_string_equal(outcome_of("a"), "2");
	assert_string_equal(shop.log, "+slow");
	json_auto_t *run = run_of("a", 0);
	auto_free char *text = json_text(run);
	assert_non_null(strstr(text, "\"key\":\"slow\",\"created\""));
}

static void when_none_ends_well_the_first_branch_s_error_counts(void **state)
{
	(void)state;
	play(HEAD "do:\n  - any:\n      - [{wait: 1m}, " MAKE("bad") "]\n"
								     "      - [{fail: second}]\n",
	     5 * MIN);
	assert_string_equal(outcome_of("a"), "\"invalid\"");
}

/* ---- what a person does ---- */

static void on_person(void *arg, int err, const char *why)
{
	(void)why;
	*(int *)arg = err;
}

static void resume(const char *as)
{
	struct id id;
	int err = 1;
	assert_true(id_parse(id_of("a"), &id));
	engine_resume(w.engine, id, as, NULL, "tests", on_person, &err);
	world_pass(&w, 10);
	assert_int_equal(err, 0);
}

static enum fate a1_takes_long(struct world *at, const struct world_req *q)
{
	const char *key = json_str(q->body, "key");
	at->back_ms = key && strcmp(key, "a1") == 0 ? 5000 : 40;
	return FATE_WELL;
}

/* What another branch has done after the failure is done, and is not done again. */
static void a_retry_leaves_other_branches_as_they_are(void **state)
{
	(void)state;
	begin_with(HEAD "result: '={both[1].key, both[2].key}'\ndo:\n  - all:\n"
			"      - ["
			"{call: shop.order, with: {key: a1}}"
			", {wait: 1h}, " MAKE("a2") "]\n"
						    "      - [" MAKE("bad1") "]\n    as: both\n");
	w.fate = a1_takes_long;
	world_send(&w, "go", "{}");
	world_pass(&w, MIN);
	assert_string_equal(state_of("a"), "failed");
	assert_string_equal(shop.log, "+a1");
	shop.tolerant = true;
	resume("retry");
	world_pass(&w, 70 * MIN);
	assert_string_equal(outcome_of("a"), "[\"a2\",\"bad1\"]");
	assert_true(shop_is("+a1 +bad1 +a2"));
}

/* ---- pawl check ---- */

static void mistakes_in_branches_are_told(void **state)
{
	(void)state;
	begin_with(BOTH);
	assert_told(
		HEAD "do:\n  - all: [[{log: x}]]\n",
		"5:5: error: all: takes two branches or more, each a list of steps: [[…], […]]");
	assert_told(HEAD "do:\n  - any: [[{log: x}], []]\n",
		    "5:5: error: branch 2 of any: has no steps");
	assert_told(HEAD "do:\n  - all: [{log: x}, {log: y}]\n",
		    "5:11: error: steps are a list: put '- ' in front of each");
	assert_told(HEAD "do:\n  - all: {log: x}\n", "5:10: error: a list of lists of steps must");
	assert_told(HEAD "do:\n  - all:\n      - [{set: {x: 1}}]\n      - [{log: =x}]\n",
		    "7:17: error: 'x' is of a branch that runs at the same time (line 6): read it "
		    "after the branches");
	assert_told(HEAD "do:\n  - all: [[{next: }], [{log: x}]]\n", "5:13: error: next: has a");
}

#define T(f) cmocka_unit_test_teardown(f, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(branches_run_side_by_side_and_their_names_come_after),
		T(a_run_whose_branches_wait_is_not_in_memory),
		T(a_crash_at_any_turn_does_nothing_twice_in_branches),
		T(the_order_of_answers_changes_nothing),
		T(the_first_error_ends_all_branches),
		T(a_crash_at_any_turn_keeps_the_first_error),
		T(a_cancel_ends_all_branches),
		T(a_time_out_ends_all_branches),
		T(stop_in_a_branch_completes_the_run),
		T(next_in_a_branch_is_about_the_loop_around),
		T(the_first_branch_that_ends_well_wins),
		T(a_crash_at_any_turn_has_one_winner),
		T(a_call_of_a_loser_that_was_sent_is_awaited),
		T(when_none_ends_well_the_first_branch_s_error_counts),
		T(a_retry_leaves_other_branches_as_they_are),
		T(mistakes_in_branches_are_told),
	};
	return cmocka_run_group_tests_name("branch", tests, NULL, NULL);
}
