/* Tests of cancels that come while a call is on its way: what is sent is settled, nothing follows. */
#include "tests/lib/world.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

#define MINUTE 60000
#define RULES                                                                                      \
	"api: pawl/1\nrule: raw\nwhen: {event: raw}\ndo:\n"                                        \
	"  - call: shop.change\n    with: {id: c1, b: 1, raw: true}\n"                             \
	"  - call: shop.change\n    with: {id: c2, b: 2, raw: true}\n---\n"                        \
	"api: pawl/1\nrule: merge\nwhen: {event: merge}\ndo:\n"                                    \
	"  - call: shop.change\n    with: {id: c1, b: 1}\n---\n"                                   \
	"api: pawl/1\nrule: order\nwhen: {event: order}\ndo:\n"                                    \
	"  - call: shop.order\n    with: {ref: 1}\n---\n"                                          \
	"api: pawl/1\nrule: purge\nwhen: {event: purge}\ndo:\n"                                    \
	"  - call: shop.purge\n    with: {ref: 1}\n"

static struct world w;
static enum fate fate;
static size_t writes;

static int on_answer(struct world *world, const struct world_req *q, json_t **ret)
{
	(void)world;
	bool get = strcmp(q->method, "GET") == 0;
	if (strncmp(q->path, "/jobs", 5) == 0 && get) {
		*ret = json_pack("{s:[]}", "jobs");
		return 200;
	}
	*ret = json_pack("{s:s, s:s}", "id", "c1", "state", "running");
	return strcmp(q->method, "POST") ? 200 : 201;
}

static enum fate on_fate(struct world *world, const struct world_req *q)
{
	(void)world;
	if (strcmp(q->method, "GET") == 0)
		return FATE_WELL;
	writes++;
	return fate;
}

static int start(void **state)
{
	(void)state;
	writes = 0;
	world_init(&w, SHOP, RULES);
	w.answer = on_answer;
	w.fate = on_fate;
	w.there_ms = w.back_ms = 50;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_done(&w);
	return 0;
}

static void cancel_last(void)
{
	json_auto_t *runs = world_runs(&w);
	world_cancel(&w, json_str(json_array_get(json_object_get(runs, "runs"), 0), "id"));
}

/* One write has arrived, and its answer is on its way. */
static void send_one(const char *event)
{
	size_t before = writes;
	world_send(&w, event, "{}");
	for (int i = 0; i < 5000 && writes == before; i++)
		world_pass(&w, 1);
	assert_int_equal(writes, before + 1);
}

static const struct {
	const char *event;
	enum fate fate;
	const char *state;
} rows[] = {
	{"raw", FATE_WELL, "cancelled"},         {"raw", FATE_BUSY, "cancelled"},
	{"raw", FATE_BROKEN, "cancelled"},       {"raw", FATE_LOST_AFTER, "cancelled"},
	{"merge", FATE_BUSY, "cancelled"},       {"merge", FATE_LOST_AFTER, "cancelled"},
	{"order", FATE_BUSY, "cancelled"},       {"order", FATE_LOST_AFTER, "in_doubt"},
	{"purge", FATE_BUSY, "cancelled"},       {"purge", FATE_LOST_AFTER, "in_doubt"},
	{"purge", FATE_LOST_BEFORE, "in_doubt"},
};

static void nothing_is_sent_after_a_cancel_whatever_comes_of_the_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t before = writes, n = world_count(&w, rows[i].state);
		fate = rows[i].fate;
		send_one(rows[i].event);
		cancel_last();
		world_pass(&w, 20 * MINUTE);
		assert_int_equal(writes, before + 1);
		if (world_count(&w, rows[i].state) != n + 1)
			fail_msg("row %zu is not %s", i, rows[i].state);
	}
}

static void nothing_is_sent_after_a_cancel_and_a_crash(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t before = writes;
		fate = rows[i].fate;
		send_one(rows[i].event);
		cancel_last();
		world_pass(&w, 1); /* it is durable, and the answer still on its way */
		world_crash(&w);
		world_pass(&w, 20 * MINUTE);
		assert_int_equal(writes, before + 1);
		assert_int_equal(world_count(&w, "running") + world_count(&w, "retrying"), 0);
	}
}

static void a_parked_retry_is_not_sent_after_a_cancel_and_a_crash(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].fate != FATE_BUSY)
			continue;
		fate = FATE_BUSY;
		send_one(rows[i].event);
		for (int k = 0; k < 5000 && !world_count(&w, "retrying"); k++)
			world_pass(&w, 1);
		size_t before = w.sent;
		cancel_last();
		world_pass(&w, 1);
		world_crash(&w);
		world_pass(&w, 20 * MINUTE);
		assert_int_equal(w.sent, before);
	}
	assert_int_equal(world_count(&w, "cancelled"), 4);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		T(nothing_is_sent_after_a_cancel_whatever_comes_of_the_call),
		T(nothing_is_sent_after_a_cancel_and_a_crash),
		T(a_parked_retry_is_not_sent_after_a_cancel_and_a_crash),
	};
	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
