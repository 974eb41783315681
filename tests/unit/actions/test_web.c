/* Tests of the step `http` where answers are lost and the process dies: what is asked twice, and what never. */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

#define RULE                                                                                       \
	"api: pawl/1\nrule: r\nwhen: {event: go}\ndo:\n"                                           \
	"  - http: {connection: shop, path: /put, method: PUT, body: {n: 1}}\n"                    \
	"    retry: {first: 100ms, jitter: none}\n"                                                \
	"  - http: {connection: shop, path: /post, body: {n: =data.n}, effect: %s}\n"              \
	"    retry: {first: 100ms, jitter: none}\n    as: made\n"                                  \
	"result: =made.body.id\n"

static struct world w;
static unsigned n_puts, n_posts, nth, bad_nth;
static enum fate bad;

static int on_answer(struct world *world, const struct world_req *q, json_t **ret)
{
	(void)world;
	if (strcmp(q->method, "PUT") == 0)
		n_puts++;
	else {
		n_posts++;
		assert_int_equal(json_int(q->body, "n", 0), 7);
	}
	*ret = json_pack("{s:s}", "id", "x1");
	return 200;
}

static enum fate on_fate(struct world *world, const struct world_req *q)
{
	(void)world;
	(void)q;
	return ++nth == bad_nth ? bad : FATE_WELL;
}

static void begin(const char *effect, enum fate fate, unsigned at)
{
	char rule[1000];
	(void)snprintf(rule, sizeof(rule), RULE, effect);
	n_puts = n_posts = nth = 0;
	bad = fate;
	bad_nth = at;
	world_init(&w, SHOP, rule);
	w.answer = on_answer;
	w.fate = on_fate;
	w.there_ms = w.back_ms = 50;
	world_send(&w, "go", "{'n':7}");
}

static const enum fate fates[] = {FATE_WELL, FATE_LOST_BEFORE, FATE_LOST_AFTER, FATE_BUSY,
				  FATE_BROKEN};

#define EACH_FATE(f, at)                                                                           \
	for (size_t f = 0; f < sizeof(fates) / sizeof(*fates); f++)                                \
		for (unsigned at = 1; at <= 2; at++)

static bool is_unsure(enum fate f)
{
	return f == FATE_LOST_BEFORE || f == FATE_LOST_AFTER || f == FATE_BROKEN;
}

static void once_is_never_sent_again(void **state)
{
	(void)state;
	EACH_FATE(f, at)
	{
		bool doubt = at == 2 && is_unsure(fates[f]);
		begin("once", fates[f], at);
		world_pass(&w, 3600 * 1000);
		assert_int_equal(world_count(&w, doubt ? "in_doubt" : "completed"), 1);
		assert_int_equal(n_posts, doubt && fates[f] == FATE_LOST_BEFORE ? 0 : 1);
		assert_true(n_puts >= 1 && n_puts <= 2);
		world_done(&w);
	}
}

static void what_may_be_sent_again_is(void **state)
{
	(void)state;
	EACH_FATE(f, at)
	{
		begin("idempotent", fates[f], at);
		world_pass(&w, 3600 * 1000);
		assert_int_equal(world_count(&w, "completed"), 1);
		assert_int_equal(nth, fates[f] == FATE_WELL ? 2 : 3);
		world_done(&w);
	}
}

/* The process dies at this time; what `once` sent before then is not sent again. */
static void die_at(const char *effect, enum fate fate, unsigned at, int64_t ms)
{
	bool once = strcmp(effect, "once") == 0;
	begin(effect, fate, at);
	world_pass(&w, ms);
	world_crash(&w);
	world_pass(&w, 3600 * 1000);
	size_t done = world_count(&w, "completed"), doubt = world_count(&w, "in_doubt");
	assert_int_equal(done + doubt, 1);
	assert_true(once || done);
	assert_true(once ? n_posts <= 1 : n_posts >= 1);
	assert_true(!done || n_posts >= 1);
	assert_true(n_puts >= 1);
	world_done(&w);
}

static void a_death_at_any_time_doubles_nothing(void **state)
{
	(void)state;
	EACH_FATE(f, at)
	for (int64_t ms = 0; ms <= 420; ms += 10) {
		die_at("once", fates[f], at, ms);
		die_at("idempotent", fates[f], at, ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_is_never_sent_again),
		cmocka_unit_test(what_may_be_sent_again_is),
		cmocka_unit_test(a_death_at_any_time_doubles_nothing),
	};
	return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
