/* Tests of what goes one at a time: said values, merged objects, unanswered jobs. */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

#define RULES                                                                                      \
	"api: pawl/1\nrule: order\nwhen: {event: order}\ndo:\n"                                    \
	"  - call: shop.order\n    with: {ref: =data.ref}\n    serialize: =data.key\n---\n"        \
	"api: pawl/1\nrule: a\nwhen: {event: a}\ndo:\n"                                            \
	"  - call: shop.change\n    with: {id: c1, a: =data.v}\n---\n"                             \
	"api: pawl/1\nrule: b\nwhen: {event: b}\ndo:\n"                                            \
	"  - call: shop.change\n    with: {id: c1, b: =data.v}\n---\n"                             \
	"api: pawl/1\nrule: raw\nwhen: {event: raw}\ndo:\n"                                        \
	"  - call: shop.change\n    with: {id: c1, b: =data.v, raw: true}\n---\n"                  \
	"api: pawl/1\nrule: gone\nwhen: {event: gone}\ndo:\n"                                      \
	"  - call: shop.change\n    with: {id: c9, b: 1}\n---\n"                                   \
	"api: pawl/1\nrule: purge\nwhen: {event: purge}\ndo:\n"                                    \
	"  - call: shop.purge\n    with: {ref: =data.ref}\n"

/* An API that counts what it is asked at the same time: from the arrival until the answer has landed. */
struct api {
	int64_t a, b; /* of customer c1; -1: it has none */
	size_t reads, writes, orders, jobs;
	size_t order[300];
	int64_t last_order_ms;
	size_t close;           /* orders that came before the last one was answered */
	size_t conflicts, lose; /* so many are answered 409; get lost after acting */
};

static struct api api;
static struct world w;

static json_t *customer(void)
{
	json_t *c = json_pack("{s:s, s:s}", "id", "c1", "key", "k");
	if (api.a >= 0)
		json_object_set_new(c, "a", json_integer(api.a));
	if (api.b >= 0)
		json_object_set_new(c, "b", json_integer(api.b));
	return c;
}

static int put_customer(const json_t *body, json_t **ret)
{
	api.writes++;
	if (api.conflicts && api.conflicts--) {
		*ret = json_pack("{s:s}", "message", "changed meanwhile");
		return 409;
	}
	api.a = json_int(body, "a", -1);
	api.b = json_int(body, "b", -1);
	*ret = customer();
	return 200;
}

static int post_order(const json_t *body, json_t **ret)
{
	if (api.orders && w.clock.wall - api.last_order_ms < w.back_ms)
		api.close++;
	api.last_order_ms = w.clock.wall;
	api.order[api.orders++] = (size_t)json_int(body, "ref", 0);
	*ret = json_pack("{s:s}", "id", "o");
	return 201;
}

static int on_answer(struct world *world, const struct world_req *q, json_t **ret)
{
	(void)world;
	if (strcmp(q->path, "/orders") == 0)
		return post_order(q->body, ret);
	if (strncmp(q->path, "/jobs", 5) == 0) {
		*ret = strcmp(q->method, "GET")
			       ? json_pack("{s:o, s:s}", "id", json_sprintf("j%zu", api.jobs++),
					   "state", "running")
			       : json_pack("{s:[]}", "jobs");
		return strcmp(q->method, "GET") ? 201 : 200;
	}
	if (strcmp(q->path, "/customers/c1") != 0)
		return 404;
	if (strcmp(q->method, "PUT") == 0)
		return put_customer(q->body, ret);
	api.reads++;
	*ret = customer();
	return 200;
}

static enum fate on_fate(struct world *world, const struct world_req *q)
{
	(void)world;
	if (strcmp(q->method, "GET") == 0 || !api.lose)
		return FATE_WELL;
	api.lose--;
	return FATE_LOST_AFTER;
}

static int start(void **state)
{
	(void)state;
	api = (struct api){.a = 7, .b = 7};
	world_init(&w, SHOP, RULES);
	w.answer = on_answer;
	w.fate = on_fate;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_done(&w);
	return 0;
}

static void send_n(const char *type, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		auto_free char *text =
			mem_printf("{'ref': %zu, 'v': %zu, 'key': %s}", i, 100 + i, key);
		world_send(&w, type, text);
	}
}

/* --- serialize --- */

static void calls_with_an_equal_value_go_one_at_a_time_in_order(void **state)
{
	send_n("order", 30, "'x'");
	world_pass(&w, 60000);
	assert_int_equal(world_count(&w, "completed"), 30);
	assert_int_equal(api.close, 0);
	for (size_t i = 0; i < 30; i++)
		assert_int_equal(api.order[i], i);
}

static void the_next_one_is_woken_at_once(void **state)
{
	int64_t begin = w.clock.wall;
	send_n("order", 30, "'x'");
	while (api.orders < 30)
		world_pass(&w, 10);
	assert_in_range(w.clock.wall - begin, 30 * 80 - 100, 30 * 80 + 300);
}

static void calls_without_a_value_do_not_wait(void **state)
{
	send_n("order", 30, "null");
	world_pass(&w, 200);
	assert_int_equal(api.orders, 30);
	assert_true(api.close > 20);
}

static void long_lines_come_to_their_end(void **state)
{
	send_n("order", 200, "'x'");
	world_pass(&w, 30 * 60000);
	assert_int_equal(world_count(&w, "completed"), 200);
	assert_int_equal(api.close, 0);
}

static void a_crash_leaves_no_place_taken(void **state)
{
	send_n("order", 20, "'x'");
	for (int i = 0; i < 6; i++) {
		world_pass(&w, 170);
		world_crash(&w);
	}
	world_pass(&w, 10 * 60000);
	assert_int_equal(world_count(&w, "completed") + world_count(&w, "in_doubt"), 20);
	assert_true(world_count(&w, "completed") >= 14);
	assert_int_equal(api.close, 0);
}

static void a_person_who_is_asked_keeps_nobody(void **state)
{
	api.lose = 1;
	send_n("order", 3, "'x'");
	world_pass(&w, 60000);
	assert_int_equal(world_count(&w, "in_doubt"), 1);
	assert_int_equal(world_count(&w, "completed"), 2);
}

static void who_is_cancelled_in_line_lets_the_next_go(void **state)
{
	send_n("order", 4, "'x'");
	world_pass(&w, 30);
	json_auto_t *runs = world_runs(&w);
	for (size_t i = 1; i <= 2; i++) /* the newest first */
		world_cancel(&w, json_str(json_array_get(json_object_get(runs, "runs"), i), "id"));
	world_pass(&w, 5000);
	assert_int_equal(world_count(&w, "cancelled"), 2);
	assert_int_equal(api.orders, 2);
}

/* --- merge --- */

static void what_is_not_given_is_kept(void **state)
{
	world_send(&w, "a", "{'v': 1}");
	world_pass(&w, 1000);
	assert_int_equal(api.a, 1);
	assert_int_equal(api.b, 7);
	assert_int_equal(api.reads, 1);
}

static void a_raw_update_is_sent_as_it_is(void **state)
{
	world_send(&w, "raw", "{'v': 1}");
	world_pass(&w, 1000);
	assert_int_equal(api.a, -1);
	assert_int_equal(api.b, 1);
	assert_int_equal(api.reads, 0);
}

static void merges_of_one_thing_do_not_undo_each_other(void **state)
{
	for (size_t i = 0; i < 10; i++)
		world_send(&w, i % 2 ? "a" : "b", "{'v': 5}");
	world_pass(&w, 20000);
	assert_int_equal(world_count(&w, "completed"), 10);
	assert_int_equal(api.a, 5);
	assert_int_equal(api.b, 5);
}

static void a_conflict_is_read_and_merged_again(void **state)
{
	api.conflicts = 2;
	world_send(&w, "a", "{'v': 1}");
	world_pass(&w, 60000);
	assert_int_equal(world_count(&w, "completed"), 1);
	assert_int_equal(api.reads, 3);
	assert_int_equal(api.writes, 3);
	assert_int_equal(api.a, 1);
}

static void a_lost_update_is_read_and_merged_again(void **state)
{
	api.lose = 1;
	world_send(&w, "a", "{'v': 1}");
	world_pass(&w, 60000);
	assert_int_equal(world_count(&w, "completed"), 1);
	assert_int_equal(api.reads, 2);
	assert_int_equal(api.writes, 2);
}

static void what_is_not_there_cannot_be_changed(void **state)
{
	world_send(&w, "gone", "{}");
	world_send(&w, "gone", "{}");
	world_pass(&w, 60000);
	json_auto_t *runs = world_runs(&w);
	const json_t *run = json_array_get(json_object_get(runs, "runs"), 0);
	assert_int_equal(world_count(&w, "failed"), 2);
	assert_string_equal(json_string_value(json_path(run, "error.name")), "not_found");
	assert_int_equal(api.writes, 0);
}

/* --- jobs --- */

static void a_lost_job_holds_the_place_until_it_is_settled(void **state)
{
	api.lose = 1;
	send_n("purge", 3, "null");
	world_pass(&w, 100000);
	assert_int_equal(api.jobs, 1);
	world_pass(&w, 10 * 60000);
	assert_int_equal(api.jobs, 3);
	assert_int_equal(world_count(&w, "in_doubt"), 1);
	assert_int_equal(world_count(&w, "completed"), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(calls_with_an_equal_value_go_one_at_a_time_in_order),
		T(the_next_one_is_woken_at_once),
		T(calls_without_a_value_do_not_wait),
		T(long_lines_come_to_their_end),
		T(a_crash_leaves_no_place_taken),
		T(a_person_who_is_asked_keeps_nobody),
		T(who_is_cancelled_in_line_lets_the_next_go),
		T(what_is_not_given_is_kept),
		T(a_raw_update_is_sent_as_it_is),
		T(merges_of_one_thing_do_not_undo_each_other),
		T(a_conflict_is_read_and_merged_again),
		T(a_lost_update_is_read_and_merged_again),
		T(what_is_not_there_cannot_be_changed),
		T(a_lost_job_holds_the_place_until_it_is_settled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
