/* Tests of arenas and of the aborting allocators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/arena.h"

/* --- arena_alloc --- */

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	struct arena a = {0};
	unsigned char *last = NULL;
	for (size_t size = 0; size < 3000; size += 7) {
		unsigned char *p = arena_alloc(&a, size);
		assert_non_null(p);
		assert_true((uintptr_t)p % 16 == 0);
		assert_ptr_not_equal(p, last);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		last = p;
	}
	arena_done(&a);
	assert_null(a.head);
	assert_int_equal(a.used, 0);
}

static void large_requests_stop_at_the_cap(void **state)
{
	struct arena a;
	arena_init(&a, 100000);
	assert_non_null(arena_alloc(&a, 60000));
	assert_null(arena_alloc(&a, 60000));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 8));
	assert_true(a.used <= 100000);
	arena_done(&a);
}

static void small_requests_go_on_beyond_the_cap(void **state)
{
	struct arena a;
	arena_init(&a, 64 * 1024);
	for (int i = 0; i < 90; i++)
		assert_non_null(arena_alloc(&a, 1024));
	assert_null(arena_alloc(&a, 1025));
	assert_null(arena_strdup(&a, "texts have no reserve"));
	arena_done(&a);
}

/* --- arena_strdup, arena_strndup, arena_printf --- */

static void texts_are_copied(void **state)
{
	struct arena a = {0};
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 42), "x-42");
	assert_null(arena_strndup(&a, "", SIZE_MAX));
	arena_done(&a);
}

static void a_text_over_the_cap_is_refused(void **state)
{
	struct arena a;
	arena_init(&a, 10000);
	assert_null(arena_printf(&a, "%*s", 20000, ""));
	assert_non_null(arena_printf(&a, "%*s", 5000, ""));
	arena_done(&a);
}

/* --- arena_reset, arena_mark, arena_rewind --- */

static void a_reset_keeps_the_first_block(void **state)
{
	struct arena a = {0};
	void *first = arena_alloc(&a, 100);
	for (int i = 0; i < 100; i++)
		arena_alloc(&a, 1000);
	size_t full = a.used;
	memset(first, 0xff, 100);
	arena_reset(&a);
	assert_true(a.used < full);
	unsigned char *again = arena_alloc(&a, 100);
	assert_ptr_equal(again, first);
	for (int i = 0; i < 100; i++)
		assert_int_equal(again[i], 0);
	arena_done(&a);
	arena_reset(&a);
}

static void a_rewind_gives_back_what_came_after_the_mark(void **state)
{
	struct arena a = {0};
	char *kept = arena_strdup(&a, "kept");
	struct arena_mark mark = arena_mark(&a);
	size_t used = a.used;
	void *next = arena_alloc(&a, 16);
	arena_alloc(&a, 50000);
	arena_alloc(&a, 500000);
	arena_rewind(&a, mark);
	assert_int_equal(a.used, used);
	assert_string_equal(kept, "kept");
	assert_ptr_equal(arena_alloc(&a, 16), next);
	arena_done(&a);
}

static void a_mark_of_an_empty_arena_rewinds_to_the_start(void **state)
{
	struct arena a = {0};
	struct arena_mark mark = arena_mark(&a);
	void *first = arena_alloc(&a, 16);
	arena_alloc(&a, 50000);
	arena_rewind(&a, mark);
	assert_ptr_equal(arena_alloc(&a, 16), first);
	arena_done(&a);
	arena_done(NULL);
}

/* --- mem_* --- */

static void heap_texts_are_made_and_freed(void **state)
{
	auto_free char *a = mem_printf("%d/%s", 1, "x");
	auto_free char *b = mem_strndup("abc", 2);
	auto_free char *c = mem_strdup("");
	auto_free char *none = NULL;
	auto_free unsigned char *zero = mem_alloc(10);
	assert_string_equal(a, "1/x");
	assert_string_equal(b, "ab");
	assert_string_equal(c, "");
	assert_null(none);
	assert_int_equal(zero[9], 0);
	zero = mem_realloc(zero, 100);
	assert_int_equal(zero[9], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(large_requests_stop_at_the_cap),
		cmocka_unit_test(small_requests_go_on_beyond_the_cap),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(a_text_over_the_cap_is_refused),
		cmocka_unit_test(a_reset_keeps_the_first_block),
		cmocka_unit_test(a_rewind_gives_back_what_came_after_the_mark),
		cmocka_unit_test(a_mark_of_an_empty_arena_rewinds_to_the_start),
		cmocka_unit_test(heap_texts_are_made_and_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
