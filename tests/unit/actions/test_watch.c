/* Tests of waiting for many activities: what looks they cost, and that none is missed. */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "tests/unit/actions/shop.h"

#define RULES                                                                                      \
	"api: pawl/1\nrule: r\nwhen: {event: go}\ndo:\n"                                           \
	"  - call: shop.tag\n    as: job\n"                                                        \
	"  - wait: {activity: =job, timeout: 2h, else: fail}\n    as: done\n"
#define MINUTE 60000LL

struct api {
	int64_t ends[200]; /* when a job ends */
	int64_t takes_ms;
	size_t n_jobs, pages, looks;
	size_t shown; /* the list shows so many of the newest; 0: all */
	bool broken;  /* the list answers 500 */
};

static struct api api;
static struct world w;

static json_t *job_json(size_t i)
{
	bool over = api.ends[i] <= w.clock.wall;
	return json_pack("{s:o, s:s}", "id", json_sprintf("j%zu", i), "state",
			 over ? "completed" : "running");
}

static int list_jobs(json_t **ret)
{
	json_t *jobs = json_array();
	api.pages++;
	for (size_t i = api.n_jobs; i-- > 0 && (!api.shown || api.n_jobs - i <= api.shown);)
		json_array_append_new(jobs, job_json(i));
	*ret = json_pack("{s:o}", "jobs", jobs);
	return api.broken ? 500 : 200;
}

static int on_answer(struct world *world, const struct world_req *q, json_t **ret)
{
	(void)world;
	if (strcmp(q->path, "/jobs") == 0)
		return list_jobs(ret);
	if (strcmp(q->method, "GET") == 0) {
		api.looks++;
		*ret = job_json(strtoul(q->path + strlen("/jobs/j"), NULL, 10));
		return 200;
	}
	api.ends[api.n_jobs] = w.clock.wall + api.takes_ms;
	*ret = job_json(api.n_jobs++);
	return 201;
}

/* Without a list of jobs there are but looks one by one. */
static char *without_list(void)
{
	char *text = mem_strdup(SHOP);
	char *at = strstr(text, "    list: list_jobs\n"),
	     *end = strstr(at, "    created: created\n");
	memmove(at, end, strlen(end) + 1);
	return text;
}

static void begin(const char *connector, int64_t takes_ms)
{
	api = (struct api){.takes_ms = takes_ms};
	world_init(&w, connector, RULES);
	w.answer = on_answer;
}

static void start(size_t n, int64_t apart_ms)
{
	for (size_t i = 0; i < n; i++) {
		world_send(&w, "go", "{}");
		world_pass(&w, apart_ms);
	}
}

/* Requests for n runs with an activity each, all awaited to their end. */
static size_t cost(const char *connector, size_t n, int64_t apart_ms, int64_t takes_ms)
{
	begin(connector, takes_ms);
	start(n, apart_ms);
	world_pass(&w, takes_ms + 5 * MINUTE);
	assert_int_equal(world_count(&w, "completed"), n);
	world_done(&w);
	return api.looks + api.pages;
}

/* --- wait: activity --- */

static void a_hundred_waits_cost_a_tenth(void **state)
{
	static const struct {
		int64_t apart_ms, takes_ms;
	} rows[] = {{10, 10 * MINUTE}, {300, 10 * MINUTE}, {300, 60 * MINUTE}, {10, 3 * MINUTE}};
	auto_free char *alone = without_list();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t each = cost(alone, 100, rows[i].apart_ms, rows[i].takes_ms);
		size_t shared = cost(SHOP, 100, rows[i].apart_ms, rows[i].takes_ms);
		print_message("activities of %lld min, begun every %lld ms: %zu looks one by one, "
			      "%zu together (%.1f a minute)\n",
			      (long long)(rows[i].takes_ms / MINUTE), (long long)rows[i].apart_ms,
			      each, shared,
			      (double)shared * MINUTE / (double)(rows[i].takes_ms + MINUTE));
		assert_true(shared * 10 <= each);
	}
}

static void a_single_wait_looks_by_the_id(void **state)
{
	begin(SHOP, 30000);
	start(1, 10);
	world_pass(&w, MINUTE);
	assert_int_equal(world_count(&w, "completed"), 1);
	assert_int_equal(api.pages, 0);
	world_done(&w);
}

static void what_the_page_does_not_show_is_looked_at_by_its_id(void **state)
{
	begin(SHOP, 30000);
	api.shown = 2;
	start(8, 10);
	world_pass(&w, 2 * MINUTE);
	assert_int_equal(world_count(&w, "completed"), 8);
	assert_true(api.pages > 0);
	world_done(&w);
}

static void a_list_that_fails_keeps_nobody_for_ever(void **state)
{
	begin(SHOP, 30000);
	api.broken = true;
	start(8, 10);
	world_pass(&w, MINUTE);
	assert_int_equal(world_count(&w, "completed"), 0);
	api.broken = false;
	world_pass(&w, MINUTE);
	assert_int_equal(world_count(&w, "completed"), 8);
	world_done(&w);
}

static void waits_go_on_after_a_crash(void **state)
{
	begin(SHOP, 90000);
	start(20, 10);
	for (int i = 0; i < 10; i++) {
		world_pass(&w, 3170);
		world_crash(&w);
	}
	world_pass(&w, 3 * MINUTE);
	assert_int_equal(world_count(&w, "completed"), 20);
	world_done(&w);
}

static void a_cancelled_wait_leaves_the_others(void **state)
{
	begin(SHOP, 60000);
	start(6, 10);
	world_pass(&w, 4900);
	json_auto_t *runs = world_runs(&w);
	const json_t *r;
	size_t i;
	json_array_foreach (json_object_get(runs, "runs"), i, r)
		if (i % 2)
			world_cancel(&w, json_str(r, "id"));
	world_pass(&w, 3 * MINUTE);
	assert_int_equal(world_count(&w, "completed"), 3);
	assert_int_equal(world_count(&w, "cancelled"), 3);
	world_done(&w);
}

/* Else each end costs a look of its own. */
static void the_shipped_list_shows_activities_whole(void **state)
{
	struct errmsg msg = {0};
	struct catalogue *c = catalogue_new();
	assert_int_equal(catalogue_load_dir(c, "actions", &msg), 0);
	const struct action *list = catalogue_find_full(c,
							"constant_contact.list_activity_statuses"),
			    *one = catalogue_find_full(c, "constant_contact.get_activity_status");
	const json_t *item = json_path(list->def, "answer.fields.activities.items");
	assert_non_null(item);
	assert_true(json_equal(item, json_object_get(one->def, "answer")));
	catalogue_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_waits_cost_a_tenth),
		cmocka_unit_test(the_shipped_list_shows_activities_whole),
		cmocka_unit_test(a_single_wait_looks_by_the_id),
		cmocka_unit_test(what_the_page_does_not_show_is_looked_at_by_its_id),
		cmocka_unit_test(a_list_that_fails_keeps_nobody_for_ever),
		cmocka_unit_test(waits_go_on_after_a_crash),
		cmocka_unit_test(a_cancelled_wait_leaves_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
