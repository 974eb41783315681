/* Tests of the clock and random seams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/clock.h"

/* --- clocks --- */

static void the_real_clock_goes_forward(void **state)
{
	int64_t wall = clock_real.wall_ms(&clock_real), boot = clock_real.boot_ms(&clock_real);
	assert_true(wall > 1600000000000);
	assert_true(boot > 0);
	assert_true(clock_real.boot_ms(&clock_real) >= boot);
}

static void a_virtual_clock_stands_until_it_is_moved(void **state)
{
	struct clock_virtual v;
	clock_virtual_init(&v, 1000);
	assert_int_equal(v.clock.wall_ms(&v.clock), 1000);
	assert_int_equal(v.clock.boot_ms(&v.clock), 0);
	clock_virtual_advance(&v, 50);
	assert_int_equal(v.clock.wall_ms(&v.clock), 1050);
	assert_int_equal(v.clock.boot_ms(&v.clock), 50);
}

/* --- rng --- */

static void a_seed_repeats_its_numbers(void **state)
{
	struct rng a, b, c;
	rng_seeded_init(&a, 7);
	rng_seeded_init(&b, 7);
	rng_seeded_init(&c, 8);
	for (int i = 0; i < 10; i++) {
		uint64_t x = rng_u64(&a);
		assert_true(x == rng_u64(&b));
		assert_true(x != rng_u64(&c));
	}
}

static void any_length_is_filled(void **state)
{
	struct rng r;
	rng_seeded_init(&r, 1);
	unsigned char bytes[32];
	for (size_t len = 0; len <= 24; len++) {
		memset(bytes, 0, sizeof(bytes));
		for (int tries = 0; tries < 5; tries++)
			r.fill(&r, bytes, len);
		for (size_t i = len; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], 0);
	}
	assert_true(rng_u64(&rng_real) != rng_u64(&rng_real));
}

static void below_is_below_and_reaches_everything(void **state)
{
	struct rng r;
	int seen[7] = {0};
	rng_seeded_init(&r, 3);
	assert_int_equal(rng_below(&r, 0), 0);
	assert_int_equal(rng_below(&r, 1), 0);
	for (int i = 0; i < 7000; i++) {
		uint64_t x = rng_below(&r, 7);
		assert_true(x < 7);
		seen[x]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 850, 1150);
	for (int i = 0; i < 100; i++)
		assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_real_clock_goes_forward),
		cmocka_unit_test(a_virtual_clock_stands_until_it_is_moved),
		cmocka_unit_test(a_seed_repeats_its_numbers),
		cmocka_unit_test(any_length_is_filled),
		cmocka_unit_test(below_is_below_and_reaches_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
