/* Tests of the intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/base/list.h"

struct item {
	int n;
	struct link link;
};

/* --- list_append, list_shift, list_remove --- */

static void links_keep_their_order(void **state)
{
	struct link head;
	struct item items[3] = {{.n = 0}, {.n = 1}, {.n = 2}};
	list_init(&head);
	assert_true(list_empty(&head));
	for (int i = 0; i < 3; i++)
		list_append(&head, &items[i].link);
	int n = 0;
	list_each (pos, &head)
		assert_int_equal(container_of(pos, struct item, link)->n, n++);
	assert_int_equal(n, 3);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(list_shift(&head), &items[i].link);
	assert_null(list_shift(&head));
	assert_false(link_is_in(&items[0].link));
}

static void links_may_go_while_the_list_is_walked(void **state)
{
	struct link head;
	struct item items[4] = {{.n = 0}, {.n = 1}, {.n = 2}, {.n = 3}};
	list_init(&head);
	for (int i = 0; i < 4; i++)
		list_append(&head, &items[i].link);
	list_each_safe (pos, &head)
		if (container_of(pos, struct item, link)->n % 2 == 0)
			list_remove(pos);
	list_remove(&items[0].link);
	assert_ptr_equal(list_shift(&head), &items[1].link);
	assert_ptr_equal(list_shift(&head), &items[3].link);
	assert_true(list_empty(&head));
}

static void a_zeroed_head_is_empty(void **state)
{
	struct link head = {0};
	assert_true(list_empty(&head));
	assert_null(list_shift(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_keep_their_order),
		cmocka_unit_test(links_may_go_while_the_list_is_walked),
		cmocka_unit_test(a_zeroed_head_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
