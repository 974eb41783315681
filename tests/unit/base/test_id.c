/* Tests of identifiers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/id.h"

/* --- id_new --- */

static void an_id_carries_its_time_version_and_variant(void **state)
{
	struct clock_virtual v;
	struct rng r;
	char text[ID_TEXT_LEN];
	clock_virtual_init(&v, 0x0123456789ab);
	rng_seeded_init(&r, 1);
	id_format(id_new(&v.clock, &r), text);
	assert_memory_equal(text, "01234567-89ab-7", 15);
	assert_non_null(strchr("89ab", text[19]));
}

static void ids_rise_within_a_millisecond_and_when_the_clock_goes_back(void **state)
{
	struct clock_virtual v;
	struct rng r;
	clock_virtual_init(&v, 1700000000000);
	rng_seeded_init(&r, 1);
	struct id last = id_new(&v.clock, &r);
	for (int i = 0; i < 100000; i++) {
		if (i % 1000 == 0)
			clock_virtual_advance(&v, i % 3000 == 0 ? -5 : 3);
		struct id next = id_new(&v.clock, &r);
		assert_true(memcmp(last.b, next.b, 16) < 0);
		last = next;
	}
}

static void real_fill_ones(struct rng *r, void *buf, size_t len)
{
	memset(buf, 0xff, len);
}

static void a_full_counter_goes_on_in_the_next_millisecond(void **state)
{
	struct clock_virtual v;
	struct rng ones = {.fill = real_fill_ones};
	clock_virtual_init(&v, 1000);
	struct id last = id_new(&v.clock, &ones);
	for (int i = 0; i < 1000; i++) {
		struct id next = id_new(&v.clock, &ones);
		assert_true(memcmp(last.b, next.b, 16) < 0);
		assert_int_equal(next.b[6] >> 4, 7);
		assert_int_equal(next.b[8] >> 6, 2);
		last = next;
	}
}

/* --- id_from_name --- */

static void a_name_gives_the_same_id_in_its_scope_only(void **state)
{
	struct id scope = {{1, 2, 3}}, other = {{1, 2, 4}};
	struct id a = id_from_name(scope, "step/0");
	assert_true(id_equal(a, id_from_name(scope, "step/0")));
	assert_false(id_equal(a, id_from_name(scope, "step/1")));
	assert_false(id_equal(a, id_from_name(other, "step/0")));
	assert_int_equal(a.b[6] >> 4, 8);
	assert_int_equal(a.b[8] >> 6, 2);
}

/* --- id_format, id_parse --- */

static void texts_are_read_back_in_either_case(void **state)
{
	struct id id;
	char text[ID_TEXT_LEN];
	assert_true(id_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", &id));
	assert_string_equal(id_format(id, text), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	assert_false(id_is_zero(id));
	assert_true(id_parse("00000000-0000-0000-0000-000000000000", &id));
	assert_true(id_is_zero(id));
}

static void other_texts_are_no_ids(void **state)
{
	static const char *const rows[] = {
		"",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
		"017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e2-79b0-7cc3-98c40dc0c0c07398f",
		"017f22e-279b0-7cc3-98c4-dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
	};
	struct id id = {{9}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(id_parse(rows[i], &id));
	assert_false(id_parse(NULL, &id));
	assert_int_equal(id.b[0], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_carries_its_time_version_and_variant),
		cmocka_unit_test(ids_rise_within_a_millisecond_and_when_the_clock_goes_back),
		cmocka_unit_test(a_full_counter_goes_on_in_the_next_millisecond),
		cmocka_unit_test(a_name_gives_the_same_id_in_its_scope_only),
		cmocka_unit_test(texts_are_read_back_in_either_case),
		cmocka_unit_test(other_texts_are_no_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
