/* Kept answers: how old, how many, and who fetches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/cache.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"

/* ---- fixture ---- */

static struct cache *cache;

static int setup(void **state)
{
	(void)state;
	cache = cache_new(100, 40);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cache_free(cache);
	return 0;
}

struct guest {
	struct cache_seat seat;
	unsigned told;
};

static void on_told(struct cache_seat *s)
{
	container_of(s, struct guest, seat)->told++;
}

static enum cache_found ask(struct guest *g, const char *key, int64_t now, int64_t age)
{
	json_t *v = NULL;
	g->seat.cb = on_told;
	enum cache_found found = cache_ask(cache, key, now, age, &g->seat, &v);
	assert_int_equal(v != NULL, found == CACHE_HIT);
	json_decref(v);
	return found;
}

static void put(const char *key, int64_t now, size_t len)
{
	struct guest g = {0};
	auto_free char *text = mem_printf("%0*d", (int)len - 2, 0);
	json_auto_t *v = json_string(text);
	assert_int_equal(ask(&g, key, now, 0), CACHE_LEAD);
	cache_put(&g.seat, v, now);
}

/* ---- ages ---- */

static void an_answer_serves_until_it_is_too_old(void **state)
{
	struct guest g = {0};
	put("a", 1000, 10);
	assert_int_equal(ask(&g, "a", 1000, 50), CACHE_HIT);
	assert_int_equal(ask(&g, "a", 1050, 50), CACHE_HIT);
	assert_int_equal(ask(&g, "a", 1051, 50), CACHE_LEAD);
	cache_leave(&g.seat);
	assert_int_equal(ask(&g, "a", 1051, 60), CACHE_HIT);
	assert_int_equal(ask(&g, "b", 1000, 50), CACHE_LEAD);
	cache_leave(&g.seat);
}

static void a_clock_that_was_set_back_makes_nothing_young(void **state)
{
	struct guest g = {0};
	put("a", 1000, 10);
	assert_int_equal(ask(&g, "a", 999, 50), CACHE_LEAD);
	cache_leave(&g.seat);
}

static void an_answer_comes_back_as_it_was(void **state)
{
	struct guest g = {0};
	json_auto_t *v = json_pack("{s:[i, s, n], s:f}", "a", 1, "x", "b", 0.5);
	json_t *back = NULL;
	assert_int_equal(ask(&g, "k", 1, 1), CACHE_LEAD);
	cache_put(&g.seat, v, 1);
	assert_int_equal(cache_ask(cache, "k", 1, 1, &g.seat, &back), CACHE_HIT);
	assert_true(json_equal(v, back));
	assert_ptr_not_equal(v, back);
	json_decref(back);
}

/* ---- bounds ---- */

static void the_least_used_answer_goes_first(void **state)
{
	struct guest g = {0};
	put("a", 1, 40);
	put("b", 1, 40);
	assert_int_equal(ask(&g, "a", 1, 10), CACHE_HIT);
	put("c", 1, 40);
	assert_int_equal(cache_bytes(cache), 80);
	assert_int_equal(ask(&g, "a", 1, 10), CACHE_HIT);
	assert_int_equal(ask(&g, "c", 1, 10), CACHE_HIT);
	assert_int_equal(ask(&g, "b", 1, 10), CACHE_LEAD);
	cache_leave(&g.seat);
}

static void a_long_answer_is_not_kept(void **state)
{
	struct guest g = {0};
	put("a", 1, 41);
	assert_int_equal(cache_bytes(cache), 0);
	assert_int_equal(ask(&g, "a", 1, 10), CACHE_LEAD);
	cache_leave(&g.seat);
}

static void a_newer_answer_takes_the_place_of_the_older(void **state)
{
	put("a", 1, 30);
	put("a", 5, 20);
	assert_int_equal(cache_bytes(cache), 20);
}

/* ---- one fetches, the others wait ---- */

static void others_wait_for_who_fetches(void **state)
{
	struct guest one = {0}, two = {0}, three = {0};
	json_auto_t *v = json_string("x");
	assert_int_equal(ask(&one, "a", 1, 10), CACHE_LEAD);
	assert_int_equal(ask(&two, "a", 1, 10), CACHE_WAIT);
	assert_int_equal(ask(&three, "a", 1, 10), CACHE_WAIT);
	cache_leave(&three.seat);
	assert_int_equal(two.told, 0);
	cache_put(&one.seat, v, 2);
	assert_int_equal(two.told, 1);
	assert_int_equal(three.told, 0);
	assert_int_equal(ask(&two, "a", 2, 10), CACHE_HIT);
}

static void who_waits_fetches_when_the_first_gives_up(void **state)
{
	struct guest one = {0}, two = {0}, three = {0};
	assert_int_equal(ask(&one, "a", 1, 10), CACHE_LEAD);
	assert_int_equal(ask(&two, "a", 1, 10), CACHE_WAIT);
	assert_int_equal(ask(&three, "a", 1, 10), CACHE_WAIT);
	cache_leave(&one.seat);
	assert_int_equal(two.told + three.told, 2);
	assert_int_equal(ask(&two, "a", 1, 10), CACHE_LEAD);
	assert_int_equal(ask(&three, "a", 1, 10), CACHE_WAIT);
	cache_leave(&two.seat);
	cache_leave(&three.seat);
	cache_leave(&three.seat);
}

/* ---- keys ---- */

static void equal_calls_have_equal_keys(void **state)
{
	static const char text[] =
		"connector: {name: c, title: C, about: A., base_url: http://c, "
		"auth: [none]}\ngroup: G\nactions:\n"
		"  x: {title: X, about: A., method: GET, path: /x, effect: read}\n"
		"  y: {title: Y, about: A., method: GET, path: /y, effect: read}\n";
	struct errmsg msg = {0};
	struct catalogue *cat = catalogue_new();
	char first[HASH_HEX_LEN], key[HASH_HEX_LEN];
	if (catalogue_load_text(cat, "c.yaml", text, strlen(text), &msg) != 0)
		fail_msg("%s", msg.text);
	const struct action *x = catalogue_find(cat, "c", "x"), *y = catalogue_find(cat, "c", "y");
	json_auto_t *ab = json_pack("{s:i, s:i}", "a", 1, "b", 2);
	json_auto_t *ba = json_pack("{s:i, s:i}", "b", 2, "a", 1);
	json_auto_t *other = json_pack("{s:i}", "a", 1);
	(void)cache_key("c", "http://c", x, ab, NULL, first);
	assert_string_equal(cache_key("c", "http://c", x, ba, NULL, key), first);
	assert_string_not_equal(cache_key("d", "http://c", x, ab, NULL, key), first);
	assert_string_not_equal(cache_key("c", "http://d", x, ab, NULL, key), first);
	assert_string_not_equal(cache_key("c", "http://c", y, ab, NULL, key), first);
	assert_string_not_equal(cache_key("c", "http://c", x, other, NULL, key), first);
	assert_string_not_equal(cache_key("c", "http://c", x, ab, other, key), first);
	catalogue_free(cat);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_serves_until_it_is_too_old),
		TEST(a_clock_that_was_set_back_makes_nothing_young),
		TEST(an_answer_comes_back_as_it_was),
		TEST(the_least_used_answer_goes_first),
		TEST(a_long_answer_is_not_kept),
		TEST(a_newer_answer_takes_the_place_of_the_older),
		TEST(others_wait_for_who_fetches),
		TEST(who_waits_fetches_when_the_first_gives_up),
		TEST(equal_calls_have_equal_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
