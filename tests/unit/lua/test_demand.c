/* What conditions demand of an event: what is told, and what must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/lua/demand.h"

static void on_demand(void *arg, const char *path, const char *value)
{
	(void)buf_printf(arg, "[%s=%s]", path, value);
}

static void check(const char *src, const char *want)
{
	struct buf b = BUF_INIT;
	demands_find(src, on_demand, &b);
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
}

static void test_comparisons_with_what_a_run_knows(void **state)
{
	(void)state;
	check("it.data.id == data.id", "[data.id= data.id]");
	check("data.id == it.data.id", "[data.id=data.id ]");
	check("it.subject=='x'", "[subject='x']");
	check("it.data.order.id == lower(data.id) .. '-1'",
	      "[data.order.id= lower(data.id) .. '-1']");
	check("it.data[\"order id\"] == 5", "[data.order id= 5]");
	check("it.data.a == 1 and it.data.b == x and it.data.c > 5", "[data.a= 1 ][data.b= x ]");
	check("(it.data.a == 1) and (it.data.c or it.data.d)", "[data.a= 1]");
	check("it.data.a == (data.x or data.y)", "[data.a= (data.x or data.y)]");
	check("it.data.now == data.now", "[data.now= data.now]");
	check("it.data.a == run.id", "[data.a= run.id]");
	check("it.data.a == \"and it or\"", "[data.a= \"and it or\"]");
	check("it.data.a == x -- the same", "[data.a= x -- the same]");
}

static void test_what_may_be_true_without_it(void **state)
{
	(void)state;
	check("it.data.a == 1 or it.data.b == 2", "");
	check("it.data.a == 1 and it.data.b == 2 or data.c", "");
	check("not (it.data.a == 1)", "");
	check("not it.data.a == 1", "");
	check("(it.data.a == 1) == false", "");
	check("it.data.a == 1 == data.x", "");
	check("it.data.a ~= 1", "");
	check("it.data.a >= 1", "");
	check("it.data.a == 1 < 2", "");
	check("len(it.data.a == 1)", "");
	check("(function() return it.data.a == 1 end)()", "");
	check("it.data.a == 1 -- [[ or it.data.b", "[data.a= 1 -- [[ or it.data.b]");
	check("it.data.a == 1 --[[x]] or it.data.b", "");
}

static void test_values_that_may_change(void **state)
{
	(void)state;
	check("it.data.a == now", "");
	check("it.data.a == it.data.b", "");
	check("it.data.a == data.a..now", "");
	check("it.data.a == data.a .. it.data.b", "");
	check("it.data.a == it['data'].b", "");
	check("it.data.a == random(2)", "");
	check("it.data.a == math.random(2)", "");
	check("it.data.a == uuid()", "");
	check("it.data.a == run.elapsed", "");
	check("it.data.a == run['elapsed']", "");
	check("it.data.a == len(run)", "");
	check("it.data.a == _ENV.now", "");
	check("it.data.a == (function() return now end)()", "");
	check("it.data.a == data[it.data.b]", "");
}

static void test_fields_that_are_none(void **state)
{
	(void)state;
	check("it == data", "");
	check("it.data == data", "");
	check("it.data[data.k] == 1", "");
	check("it.data[1] == 1", "");
	check("it.data['a.b'] == 1", "");
	check("it.data['a\\n'] == 1", "");
	check("it.data.a .. 'x' == data.b", "");
	check("lower(it.data.a) == data.b", "");
	check("#it.data.a == 1", "");
	check("-it.data.a == 1", "");
	check("it.data:a() == 1", "");
	check("items.data.a == 1", "");
	check("data.it.a == 1", "");
}

static void test_what_does_not_read_as_a_condition(void **state)
{
	(void)state;
	check("", "");
	check("it.data.a == 'x", "");
	check("it.data.a == (1", "");
	check("it.data.a == [[x", "");
	check("it.data.a ==", "[data.a=]"); /* no expression: Lua refuses the whole of it */
	check("it.data.a == "
	      "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((now"
	      "))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))",
	      "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comparisons_with_what_a_run_knows),
		cmocka_unit_test(test_what_may_be_true_without_it),
		cmocka_unit_test(test_values_that_may_change),
		cmocka_unit_test(test_fields_that_are_none),
		cmocka_unit_test(test_what_does_not_read_as_a_condition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
