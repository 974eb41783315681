/* Tests of the tests' store: the shared behaviour, failures and crashes on demand. */
#include "tests/unit/store/suite.h"

static void mem_open(struct fx *fx)
{
	fx->store = store_mem_new(fx->loop, &fx->clock.clock);
}

static void mem_reopen(struct fx *fx)
{
	fx->store = store_mem_reopen(fx->store, fx->loop);
}

const struct backend backend = {.open = mem_open, .reopen = mem_reopen};

static unsigned heard;

static void on_heard(struct store_op *op)
{
	heard++;
}

static void submit_three(struct fx *fx, struct store_accept a[3])
{
	heard = 0;
	for (unsigned i = 0; i < 3; i++) {
		a[i] = (struct store_accept){.op = {.verb = STORE_ACCEPT, .cb = on_heard},
					     .ev = event_at(fx, i)};
		store_submit(fx->store, &a[i].op);
	}
}

static bool has_event(struct fx *fx, unsigned n)
{
	struct store_query q = {.view = VIEW_EVENT, .id = id_at(1000 + n)};
	json_t *v = query(fx, &q);
	json_decref(v);
	return v != NULL;
}

/* ---- store_mem_fail ---- */

static void the_nth_verb_fails_and_changes_nothing(void **state)
{
	struct fx *fx = *state;
	struct store_accept a[3];
	store_mem_fail(fx->store, 2, ERR_STORE);
	submit_three(fx, a);
	while (heard < 3)
		loop_run_once(fx->loop, true);
	assert_int_equal(a[0].op.err, 0);
	assert_int_equal(a[1].op.err, ERR_STORE);
	assert_int_equal(a[2].op.err, 0);
	assert_true(has_event(fx, 0));
	assert_false(has_event(fx, 1));
	assert_true(has_event(fx, 2));
}

/* ---- store_mem_crash, store_mem_crash_keep, store_mem_reopen ---- */

static void after_a_crash_nothing_is_heard_and_what_was_in_flight_is_lost(void **state)
{
	struct fx *fx = *state;
	struct store_accept a[3];
	accept_run(fx, 9);
	submit_three(fx, a);
	store_mem_crash(fx->store);
	store_submit(fx->store, &a[0].op);
	while (loop_run_once(fx->loop, false))
		;
	assert_int_equal(heard, 0);
	mem_reopen(fx);
	assert_true(has_event(fx, 9));
	for (unsigned i = 0; i < 3; i++)
		assert_false(has_event(fx, i));
}

static void a_crash_can_keep_what_nobody_has_heard_of(void **state)
{
	struct fx *fx = *state;
	struct store_accept a[3];
	submit_three(fx, a);
	store_mem_crash_keep(fx->store, 2);
	mem_reopen(fx);
	assert_int_equal(heard, 0);
	assert_true(has_event(fx, 0));
	assert_true(has_event(fx, 1));
	assert_false(has_event(fx, 2));
}

#define T(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_nth_verb_fails_and_changes_nothing),
		T(after_a_crash_nothing_is_heard_and_what_was_in_flight_is_lost),
		T(a_crash_can_keep_what_nobody_has_heard_of),
	};
	return suite_run("store_mem", tests, sizeof(tests) / sizeof(*tests));
}
