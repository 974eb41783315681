/* What a run has done is taken back, the last first, when it fails or is cancelled; cut off anywhere. */
#include "tests/unit/run/flow.h"

#define T(f) cmocka_unit_test_teardown(f, end_world)
#define HEAD "api: pawl/1\nrule: a\nwhen: {event: go}\n"
#define MAKE(key, name)                                                                            \
	"  - call: shop.make\n    with: {key: " key "}\n    as: " name                             \
	"\n    undo: {call: shop.remove, with: {id: =" name ".id}}\n"
#define FAILS "  - call: shop.make\n    with: {key: bad}\n"
#define MIN 60000

#define SAGA                                                                                                 \
	HEAD "do:\n" MAKE(                                                                                   \
		"a",                                                                                         \
		"a") "  - each: '={1, 2}'\n    do:\n"                                                        \
		     "      - call: shop.make\n        with: {key: '=\"i\" .. item'}\n        as: x\n"       \
		     "        undo:\n"                                                                       \
		     "          - call: shop.find\n            with: {key: =x.key}\n            as: found\n" \
		     "          - call: shop.remove\n            with: {id: '=found.items[1].id'}\n"         \
		     "  - wait: 1m\n" FAILS

#define SAGA_LOG "+a +i1 +i2 -i2 -i1 -a"

static void the_last_is_taken_back_first(void **state)
{
	(void)state;
	play(SAGA, 5 * MIN);
	assert_string_equal(outcome_of("a"), "\"invalid\"");
	assert_string_equal(shop.log, SAGA_LOG);
}

static void a_crash_at_any_turn_changes_nothing(void **state)
{
	(void)state;
	crash_at_every_turn(SAGA, "a", "\"invalid\"", SAGA_LOG, 5 * MIN, NULL);
}

static void a_catch_comes_after_it(void **state)
{
	(void)state;
	play(HEAD
	     "catch: [{do: [{call: shop.make, with: {key: c}}]}]\nresult: 7\ndo:\n" MAKE("a", "a")
		     FAILS,
	     5 * MIN);
	assert_string_equal(shop.log, "+a -a +c");
	assert_string_equal(state_of("a"), "completed");
}

#define INNER                                                                                      \
	HEAD "result: =o.key\ndo:\n" MAKE(                                                         \
		"o", "o") "  - try:\n"                                                             \
			  "      - call: shop.make\n        with: {key: a}\n        as: a\n"       \
			  "        undo: {call: shop.remove, with: {id: =a.id}}\n"                 \
			  "      - wait: 1m\n"                                                     \
			  "      - fail: no\n"                                                     \
			  "    catch: [{do: [{log: x}]}]\n"                                        \
			  "  - call: shop.make\n    with: {key: z}\n"

static void a_try_takes_back_its_own(void **state)
{
	(void)state;
	play(INNER, 5 * MIN);
	assert_string_equal(shop.log, "+o +a -a +z");
	world_done(&w);
	crash_at_every_turn(INNER, "a", "\"o\"", "+o +a -a +z", 5 * MIN, NULL);
}

static void what_ends_well_or_by_stop_stays(void **state)
{
	(void)state;
	play(HEAD "do:\n" MAKE("a", "a") "  - stop: enough\n", 5 * MIN);
	assert_string_equal(shop.log, "+a");
	assert_string_equal(state_of("a"), "completed");
}

#define LONG HEAD "finally: [{log: x}]\ndo:\n" MAKE("a", "a") MAKE("b", "b") "  - wait: 1d\n"

static void a_cancelled_run_is_taken_back(void **state)
{
	(void)state;
	for (int ms = 10; ms <= 300; ms += 10) {
		play(LONG, MIN);
		world_cancel(&w, id_of("a"));
		world_pass(&w, ms);
		world_crash(&w);
		world_pass(&w, MIN);
		assert_string_equal(state_of("a"), "cancelled");
		assert_string_equal(shop.log, "+a +b -b -a");
		if (ms < 300)
			world_done(&w);
	}
}

static void on_person(void *arg, int err, const char *why)
{
	(void)why;
	*(int *)arg = err;
}

static int decide(const char *as)
{
	struct id id;
	int err = -1;
	assert_true(id_parse(id_of("a"), &id));
	engine_resume(w.engine, id, as, NULL, "tests", on_person, &err);
	world_pass(&w, MIN);
	return err;
}

#define TWO HEAD "do:\n" MAKE("a", "a") MAKE("b", "b") FAILS

static void what_cannot_be_taken_back_is_for_a_person(void **state)
{
	static const struct {
		const char *as, *log;
	} rows[] = {{"again", "+a +b -b -a"}, {"done", "+a +b -a"}, {"fail", "+a +b -a"}};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		begin_with(TWO);
		shop.stuck = true;
		world_send(&w, "go", "{}");
		world_pass(&w, 5 * MIN);
		assert_string_equal(state_of("a"), "in_doubt");
		shop.stuck = false;
		if (i >= 3)
			world_crash(&w);
		assert_int_equal(decide(rows[i % 3].as), 0);
		assert_string_equal(outcome_of("a"), "\"invalid\"");
		assert_string_equal(shop.log, rows[i % 3].log);
		assert_int_equal(decide("retry"), ERR_CONFLICT);
		if (i != 5)
			world_done(&w);
	}
}

static void lanes_are_taken_back_too(void **state)
{
	(void)state;
	play(HEAD "do:\n  - all:\n"
		  "    - - {call: shop.make, with: {key: a}, as: a, "
		  "undo: {call: shop.remove, with: {id: =a.id}}}\n"
		  "      - {wait: 1m}\n      - {fail: no}\n"
		  "    - - {call: shop.make, with: {key: b}, as: b, "
		  "undo: {call: shop.remove, with: {id: =b.id}}}\n",
	     5 * MIN);
	assert_string_equal(state_of("a"), "failed");
	assert_true(shop_is("+a +b -a -b"));
}

static void mistakes_are_told(void **state)
{
	(void)state;
	begin_with(TWO);
	assert_told(HEAD "do:\n  - if: data.x\n    do: [{log: x}]\n    undo: {log: y}\n",
		    "7:5: error: if: does nothing that could be taken back");
	assert_told(HEAD "do:\n  - log: x\n    undo: {lgo: y}\n", "did you mean 'log'");
	assert_told(HEAD "undo: {log: x}\ndo:\n  - log: x\n", "stands beside the step");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_last_is_taken_back_first),
		T(a_crash_at_any_turn_changes_nothing),
		T(a_catch_comes_after_it),
		T(a_try_takes_back_its_own),
		T(what_ends_well_or_by_stop_stays),
		T(a_cancelled_run_is_taken_back),
		T(what_cannot_be_taken_back_is_for_a_person),
		T(lanes_are_taken_back_too),
		T(mistakes_are_told),
	};
	return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
