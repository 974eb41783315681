/* Tests of the string map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/map.h"

/* --- map_put, map_get, map_remove --- */

static void a_zeroed_map_is_empty(void **state)
{
	struct map m = {0};
	size_t i = 0;
	assert_null(map_get(&m, "x"));
	assert_null(map_remove(&m, "x"));
	assert_null(map_next(&m, &i));
	map_done(&m);
	map_done(NULL);
}

static void a_put_returns_what_was_there(void **state)
{
	struct map m = {0};
	int a, b;
	assert_null(map_put(&m, "k", &a));
	assert_ptr_equal(map_put(&m, "k", &b), &a);
	assert_ptr_equal(map_get(&m, "k"), &b);
	assert_ptr_equal(map_getn(&m, "kk", 1), &b);
	assert_null(map_getn(&m, "kk", 2));
	assert_int_equal(m.count, 1);
	assert_null(map_put(&m, "", &a));
	assert_ptr_equal(map_get(&m, ""), &a);
	assert_ptr_equal(map_remove(&m, "k"), &b);
	assert_null(map_get(&m, "k"));
	assert_int_equal(m.count, 1);
	map_done(&m);
}

static void keys_of_all_lengths_are_told_apart(void **state)
{
	struct map m = {0};
	char key[41];
	static char values[41];
	for (size_t len = 0; len <= 40; len++) {
		memset(key, 'k', len);
		key[len] = '\0';
		assert_null(map_put(&m, key, &values[len]));
	}
	for (size_t len = 0; len <= 40; len++)
		assert_ptr_equal(map_getn(&m, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", len),
				 &values[len]);
	map_done(&m);
}

static void it_agrees_with_an_array_over_many_changes(void **state)
{
	enum { N = 300 };
	static int values[N];
	bool in[N] = {0};
	struct map m = {0};
	struct rng r;
	rng_seeded_init(&r, 2);
	for (int round = 0; round < 50000; round++) {
		uint64_t i = rng_below(&r, N);
		char key[16];
		snprintf(key, sizeof(key), "key %d", (int)i);
		void *want = in[i] ? &values[i] : NULL;
		assert_ptr_equal(map_get(&m, key), want);
		assert_ptr_equal(rng_below(&r, 2) ? map_put(&m, key, &values[i]) : want, want);
		in[i] = map_get(&m, key) != NULL;
		if (rng_below(&r, 3) == 0) {
			assert_ptr_equal(map_remove(&m, key), in[i] ? &values[i] : NULL);
			in[i] = false;
		}
	}
	size_t count = 0;
	for (int i = 0; i < N; i++)
		count += in[i];
	assert_int_equal(m.count, count);
	/* Removed entries are left out when it grows, so it stays in proportion. */
	assert_true(m.cap <= 2048);
	map_done(&m);
}

/* --- map_next --- */

static void iteration_is_in_insertion_order(void **state)
{
	struct map m = {0};
	static int values[100];
	char key[16];
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i * 7919 % 100);
		map_put(&m, key, &values[i]);
	}
	map_put(&m, "0", &values[0]);
	size_t at = 0;
	for (int i = 0; i < 100; i++)
		assert_ptr_equal(map_next(&m, &at)->value, &values[i]);
	assert_null(map_next(&m, &at));
	map_done(&m);
}

static void the_returned_entry_may_be_removed(void **state)
{
	struct map m = {0};
	static int value;
	char key[16];
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "%d", i);
		map_put(&m, key, &value);
	}
	size_t at = 0;
	int n = 0;
	for (struct map_entry *e; (e = map_next(&m, &at)); n++) {
		snprintf(key, sizeof(key), "%s", e->key);
		map_remove(&m, key);
	}
	assert_int_equal(n, 50);
	assert_int_equal(m.count, 0);
	map_done(&m);
}

/* --- map_seed --- */

static void the_seed_decides_where_keys_go(void **state)
{
	struct map a = {0}, b = {0};
	int value;
	map_seed(1);
	map_put(&a, "key", &value);
	map_seed(2);
	map_put(&b, "key", &value);
	assert_true(a.entries[0].hash != b.entries[0].hash);
	map_done(&a);
	map_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_map_is_empty),
		cmocka_unit_test(a_put_returns_what_was_there),
		cmocka_unit_test(keys_of_all_lengths_are_told_apart),
		cmocka_unit_test(it_agrees_with_an_array_over_many_changes),
		cmocka_unit_test(iteration_is_in_insertion_order),
		cmocka_unit_test(the_returned_entry_may_be_removed),
		cmocka_unit_test(the_seed_decides_where_keys_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
