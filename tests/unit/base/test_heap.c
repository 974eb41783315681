/* Tests of the timer heap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/base/heap.h"

/* --- heap_add, heap_peek, heap_remove --- */

static void the_earliest_comes_first_and_equals_in_order_of_insertion(void **state)
{
	struct heap h = {0};
	struct heap_node n[] = {{.due = 5}, {.due = 1}, {.due = 5}, {.due = -3}, {.due = 1}};
	const size_t order[] = {3, 1, 4, 0, 2};
	for (size_t i = 0; i < 5; i++)
		heap_add(&h, &n[i]);
	for (size_t i = 0; i < 5; i++) {
		assert_ptr_equal(heap_peek(&h), &n[order[i]]);
		heap_remove(&h, &n[order[i]]);
		assert_int_equal(n[order[i]].index, 0);
	}
	assert_null(heap_peek(&h));
	heap_done(&h);
}

static void removing_twice_does_nothing(void **state)
{
	struct heap h = {0};
	struct heap_node a = {.due = 1}, b = {.due = 2};
	heap_remove(&h, &a);
	heap_add(&h, &a);
	heap_add(&h, &b);
	heap_remove(&h, &b);
	heap_remove(&h, &b);
	assert_int_equal(h.len, 1);
	assert_ptr_equal(heap_peek(&h), &a);
	heap_done(&h);
	assert_int_equal(a.index, 0);
	heap_done(NULL);
}

static void any_mix_of_adding_and_removing_keeps_the_order(void **state)
{
	enum { N = 500 };
	static struct heap_node n[N];
	struct heap h = {0};
	struct rng r;
	rng_seeded_init(&r, 1);
	for (int round = 0; round < 20000; round++) {
		struct heap_node *x = &n[rng_below(&r, N)];
		if (x->index) {
			heap_remove(&h, x);
		} else {
			x->due = (int64_t)rng_below(&r, 50);
			heap_add(&h, x);
		}
		for (size_t i = 1; round % 100 == 0 && i < h.len; i++) {
			const struct heap_node *up = h.at[(i - 1) / 2], *down = h.at[i];
			assert_true(up->due < down->due ||
				    (up->due == down->due && up->seq < down->seq));
			assert_int_equal(down->index, i + 1);
		}
	}
	struct heap_node *last = NULL;
	for (struct heap_node *x; (x = heap_peek(&h)); last = x) {
		assert_true(!last || last->due <= x->due);
		heap_remove(&h, x);
	}
	heap_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earliest_comes_first_and_equals_in_order_of_insertion),
		cmocka_unit_test(removing_twice_does_nothing),
		cmocka_unit_test(any_mix_of_adding_and_removing_keeps_the_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
