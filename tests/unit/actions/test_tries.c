/* Tests of what a step tells of its attempts. */
#include "tests/lib/world.h"

#include <stdlib.h>

#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

#define RULES                                                                                      \
	"api: pawl/1\nrule: raw\nwhen: {event: raw}\n"                                             \
	"result: '={#steps.x.tries, steps.x.tries[1].status, steps.x.tries[1].error, "             \
	"steps.x.tries[2].status, steps.x.tries[2].error == nil, steps.x.attempts}'\n"             \
	"do:\n  - call: shop.change\n    with: {id: c1, b: 1, raw: true}\n    as: x\n"

static struct world w;
static unsigned busy;

static int on_answer(struct world *world, const struct world_req *q, json_t **ret)
{
	(void)world;
	(void)q;
	*ret = json_pack("{s:s}", "id", "c1");
	return 200;
}

static enum fate on_fate(struct world *world, const struct world_req *q)
{
	(void)world;
	(void)q;
	return busy && busy-- ? FATE_BUSY : FATE_WELL;
}

static void each_attempt_is_told_with_its_end(void **state)
{
	(void)state;
	world_init(&w, SHOP, RULES);
	w.answer = on_answer;
	w.fate = on_fate;
	busy = 1;
	world_send(&w, "raw", "{}");
	world_pass(&w, 10000);
	world_crash(&w);
	json_auto_t *runs = world_runs(&w);
	json_auto_t *run =
		world_run(&w, json_str(json_array_get(json_object_get(runs, "runs"), 0), "id"));
	json_t *records = json_object_get(run, "records");
	json_t *end = json_array_get(records, json_array_size(records) - 1);
	json_auto_t *want = json_pack("[i, i, s, i, b, i]", 2, 503, "5xx", 200, 1, 2);
	char *have = json_text(json_object_get(json_object_get(end, "body"), "result"));
	char *wanted = json_text(want);
	assert_string_equal(have, wanted);
	free(have);
	free(wanted);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_attempt_is_told_with_its_end),
	};
	return cmocka_run_group_tests_name("tries", tests, NULL, NULL);
}
