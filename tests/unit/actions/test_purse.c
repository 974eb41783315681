/* What an API key may spend: rate, turn-taking, the day, what answers teach; and 48 hours of storm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actions/purse.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"

#define DAY_MS (24 * 3600 * 1000LL)
#define HOUR_MS (3600 * 1000LL)
#define NOON 1795521600000LL /* 2026-11-24T12:00:00Z */

/* ---- fixture ---- */

struct fx {
	struct clock_virtual clock;
	struct rng rng;
	struct loop *loop;
	struct services services;
	struct purse *purse;
	struct connection conn;
};

static int setup(void **state)
{
	struct fx *fx = mem_alloc(sizeof(*fx));
	clock_virtual_init(&fx->clock, NOON);
	rng_seeded_init(&fx->rng, 7);
	fx->loop = loop_new(&fx->clock.clock, true);
	fx->services = (struct services){.loop = fx->loop,
					 .rng = &fx->rng,
					 .store = store_mem_new(fx->loop, &fx->clock.clock)};
	*state = fx;
	return 0;
}

static void drop_purse(struct fx *fx)
{
	if (fx->purse)
		purse_stop(fx->purse);
	purse_free(fx->purse);
	fx->purse = fx->conn.purse = NULL;
}

static int teardown(void **state)
{
	struct fx *fx = *state;
	if (fx->purse)
		purse_stop(fx->purse);
	store_close(fx->services.store);
	drop_purse(fx);
	loop_free(fx->loop);
	free(fx);
	return 0;
}

static void open_purse(struct fx *fx, double per_second, int64_t per_day, int64_t reserve)
{
	const struct purse_limits l = {
		.per_second = per_second, .per_day = per_day, .reserve = reserve};
	fx->purse = fx->conn.purse = purse_new("key", "shop", &l);
	purse_start(fx->purse, &fx->services);
}

/* Turns the loop for so long; the clock ends there. */
struct stop {
	struct loop_timer timer;
	bool over;
};

static void on_stop(struct loop_timer *t)
{
	container_of(t, struct stop, timer)->over = true;
}

static void run_ms(struct fx *fx, int64_t ms)
{
	struct stop stop = {.timer.cb = on_stop};
	loop_timer_start(fx->loop, &stop.timer, ms);
	while (!stop.over)
		(void)loop_run_once(fx->loop, true);
}

/* ---- helpers ---- */

static unsigned called;

static void on_pass(struct pass *p)
{
	(void)p;
	called++;
}

static struct pass pass_of(struct fx *fx, enum pass_kind kind, const char *rule)
{
	return (struct pass){.conn = &fx->conn, .kind = kind, .rule = rule, .cb = on_pass};
}

static bool is_granted(const struct pass *p)
{
	return p->at == PASS_GRANTED;
}

static bool ask(struct fx *fx, struct pass *p)
{
	return pass_ask(p, &fx->services);
}

static void answer(struct pass *p, int err, int64_t peer_ms)
{
	const struct pass_answer r = {.err = err, .peer_ms = peer_ms};
	pass_answered(p, &r);
}

static int64_t shown(struct fx *fx, const char *key)
{
	json_auto_t *v = purse_json(fx->purse);
	return json_int(v, key, -1);
}

/* Asks, waits, leaves, ends. False when it was refused. */
static bool spend(struct fx *fx, enum pass_kind kind, const char *rule)
{
	struct pass p = pass_of(fx, kind, rule);
	if (!ask(fx, &p))
		run_ms(fx, 2500);
	bool granted = is_granted(&p);
	if (granted)
		(void)pass_leave(&p);
	pass_done(&p);
	return granted;
}

/* ---- purse_ask ---- */

static void without_known_limits_all_leave_at_once(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	for (int i = 0; i < 1000; i++) {
		assert_true(ask(fx, &p));
		assert_int_equal(p.err, 0);
		(void)pass_leave(&p);
		pass_done(&p);
	}
}

static void after_a_start_the_window_counts_as_full(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 4, 0, -1);
	assert_false(ask(fx, &p));
	run_ms(fx, 1049);
	assert_false(is_granted(&p));
	run_ms(fx, 1);
	assert_true(is_granted(&p));
	pass_done(&p);
}

static void a_permit_is_back_only_when_the_call_left_long_enough_ago(void **state)
{
	struct fx *fx = *state;
	struct pass p[5];
	open_purse(fx, 4, 0, -1);
	run_ms(fx, 2000);
	for (int i = 0; i < 5; i++) {
		p[i] = pass_of(fx, PASS_RULE, "a");
		assert_int_equal(ask(fx, &p[i]), i < 4);
	}
	/* Their intents take long to commit: nobody else leaves meanwhile. */
	run_ms(fx, 10000);
	assert_false(is_granted(&p[4]));
	(void)pass_leave(&p[0]);
	run_ms(fx, 1049);
	assert_false(is_granted(&p[4]));
	run_ms(fx, 1);
	assert_true(is_granted(&p[4]));
	for (int i = 0; i < 5; i++)
		pass_done(&p[i]);
}

static void a_pass_that_ends_unused_gives_its_place_back(void **state)
{
	struct fx *fx = *state;
	struct pass a = pass_of(fx, PASS_RULE, "a"), b = pass_of(fx, PASS_RULE, "b");
	open_purse(fx, 1, 100, 0);
	run_ms(fx, 2000);
	assert_false(ask(fx, &a)); /* the first block is on its way */
	run_ms(fx, 10);
	assert_true(is_granted(&a));
	assert_false(ask(fx, &b));
	run_ms(fx, 5000);
	assert_false(is_granted(&b));
	pass_done(&a);
	run_ms(fx, 10);
	assert_true(is_granted(&b));
	assert_int_equal(shown(fx, "spent"), 1);
	pass_done(&b);
	assert_int_equal(shown(fx, "spent"), 0);
}

static void a_pass_that_stops_waiting_is_not_called_back(void **state)
{
	struct fx *fx = *state;
	struct pass a = pass_of(fx, PASS_RULE, "a"), b = pass_of(fx, PASS_RULE, "b");
	open_purse(fx, 1, 0, -1);
	called = 0;
	assert_false(ask(fx, &a));
	assert_false(ask(fx, &b));
	pass_done(&a);
	run_ms(fx, 5000);
	assert_int_equal(called, 1);
	assert_true(is_granted(&b));
	pass_done(&b);
}

static void less_than_one_a_second_is_one_in_so_many_seconds(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 0.5, 0, -1);
	assert_false(ask(fx, &p));
	run_ms(fx, 2000);
	assert_false(is_granted(&p));
	run_ms(fx, 110);
	assert_true(is_granted(&p));
	pass_done(&p);
}

/* ---- turns ---- */

#define MANY 300

static void the_queue_is_bounded_and_tells_the_rest_when_to_come(void **state)
{
	struct fx *fx = *state;
	struct pass *p = mem_alloc(MANY * sizeof(*p));
	unsigned waiting = 0;
	open_purse(fx, 4, 0, -1);
	for (int i = 0; i < MANY; i++) {
		p[i] = pass_of(fx, PASS_RULE, "a");
		if (!ask(fx, &p[i])) {
			waiting++;
			continue;
		}
		assert_int_equal(p[i].err, ERR_THROTTLED);
		assert_true(p[i].due > NOON);
		assert_true(p[i].due <= NOON + 5 * 60 * 1000);
	}
	assert_int_equal(waiting, PURSE_RULE_MAX);
	for (int i = 0; i < MANY; i++)
		pass_done(&p[i]);
	free(p);
}

static void a_full_purse_makes_room_for_a_rule_that_has_less(void **state)
{
	struct fx *fx = *state;
	struct pass *p = mem_alloc(MANY * sizeof(*p)), late = pass_of(fx, PASS_RULE, "late");
	char rules[10][8];
	open_purse(fx, 4, 0, -1);
	for (int i = 0; i < PURSE_MAX; i++) {
		(void)snprintf(rules[i / PURSE_RULE_MAX], 8, "r%d", i / PURSE_RULE_MAX);
		p[i] = pass_of(fx, PASS_RULE, rules[i / PURSE_RULE_MAX]);
		assert_false(ask(fx, &p[i]));
	}
	called = 0;
	assert_false(ask(fx, &late));
	assert_int_equal(called, 0);
	run_ms(fx, 1);
	assert_int_equal(called, 1);
	assert_int_equal(shown(fx, "waiting"), PURSE_MAX);
	run_ms(fx, 60 * 1000);
	assert_true(is_granted(&late) || late.err == 0);
	pass_done(&late);
	for (int i = 0; i < PURSE_MAX; i++)
		pass_done(&p[i]);
	free(p);
}

static void rules_take_turns_by_weight(void **state)
{
	struct fx *fx = *state;
	struct pass a[24], b[24];
	unsigned got_a = 0, got_b = 0;
	open_purse(fx, 4, 0, -1);
	purse_set_rule(fx->purse, "a", 3, 0);
	for (int i = 0; i < 24; i++) {
		a[i] = pass_of(fx, PASS_RULE, "a");
		assert_false(ask(fx, &a[i]));
	}
	for (int i = 0; i < 24; i++) {
		b[i] = pass_of(fx, PASS_RULE, "b");
		assert_false(ask(fx, &b[i]));
	}
	for (int turn = 0; turn < 4; turn++) {
		run_ms(fx, 1060);
		for (int i = 0; i < 24; i++) {
			got_a += is_granted(&a[i]);
			got_b += is_granted(&b[i]);
			if (is_granted(&a[i]))
				(void)pass_leave(&a[i]);
			if (is_granted(&b[i]))
				(void)pass_leave(&b[i]);
		}
	}
	assert_int_equal(got_a, 12);
	assert_int_equal(got_b, 4);
	for (int i = 0; i < 24; i++) {
		pass_done(&a[i]);
		pass_done(&b[i]);
	}
}

static void people_go_first_but_do_not_keep_rules_off(void **state)
{
	struct fx *fx = *state;
	struct pass rule = pass_of(fx, PASS_RULE, "a"), p[10];
	open_purse(fx, 1, 0, -1);
	assert_false(ask(fx, &rule));
	for (int i = 0; i < 10; i++) {
		p[i] = pass_of(fx, PASS_PERSON, NULL);
		assert_false(ask(fx, &p[i]));
	}
	for (int turn = 0; turn < 4; turn++) {
		assert_false(is_granted(&rule));
		run_ms(fx, 1050);
		for (int i = 0; i < 10; i++)
			if (is_granted(&p[i]))
				(void)pass_leave(&p[i]);
	}
	assert_true(is_granted(&rule));
	pass_done(&rule);
	for (int i = 0; i < 10; i++)
		pass_done(&p[i]);
}

/* ---- the day ---- */

static void an_exhausted_day_refuses_until_it_turns(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 0, 20, 0);
	for (int i = 0; i < 20; i++)
		assert_true(spend(fx, PASS_RULE, "a"));
	assert_true(ask(fx, &p));
	assert_int_equal(p.err, ERR_QUOTA);
	assert_true(p.due >= NOON + DAY_MS / 2 + 5000);
	assert_true(p.due <= NOON + DAY_MS / 2 + 65000);
	run_ms(fx, p.due - fx->clock.wall);
	assert_true(spend(fx, PASS_RULE, "a"));
	assert_int_equal(shown(fx, "spent"), 1);
}

static void the_reserve_is_for_people_and_for_the_rule_that_has_one(void **state)
{
	struct fx *fx = *state;
	open_purse(fx, 0, 100, 10);
	purse_set_rule(fx->purse, "vip", 1, 20);
	unsigned n = 0;
	while (spend(fx, PASS_RULE, "a"))
		n++;
	assert_int_equal(n, 70);
	for (n = 0; spend(fx, PASS_RULE, "vip");)
		n++;
	assert_int_equal(n, 20);
	for (n = 0; spend(fx, PASS_PERSON, NULL);)
		n++;
	assert_int_equal(n, 10);
}

static void what_was_spent_is_known_after_a_crash(void **state)
{
	struct fx *fx = *state;
	open_purse(fx, 0, 1000, 0);
	for (int i = 0; i < 100; i++)
		assert_true(spend(fx, PASS_RULE, "a"));
	store_mem_crash(fx->services.store);
	drop_purse(fx);
	fx->services.store = store_mem_reopen(fx->services.store, fx->loop);
	open_purse(fx, 0, 1000, 0);
	run_ms(fx, 10);
	assert_in_range(shown(fx, "spent"), 100, 105); /* a block is five */
}

static void nothing_leaves_while_the_day_turns(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 0, 20, 0);
	assert_true(spend(fx, PASS_RULE, "a"));
	run_ms(fx, DAY_MS / 2 - (fx->clock.wall - NOON) - 1000);
	assert_false(ask(fx, &p));
	run_ms(fx, 5900);
	assert_false(is_granted(&p));
	run_ms(fx, 200);
	assert_true(is_granted(&p));
	assert_int_equal(shown(fx, "spent"), 1);
	pass_done(&p);
}

static void the_day_is_the_apis_own_and_never_goes_back(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 0, 2, 0);
	assert_true(spend(fx, PASS_RULE, "a"));
	assert_true(spend(fx, PASS_RULE, "a"));
	assert_false(spend(fx, PASS_RULE, "a"));
	/* The API is past midnight already, and half an hour later an old Date comes along. */
	answer(&p, 0, NOON + DAY_MS / 2 + 10000);
	assert_true(spend(fx, PASS_RULE, "a"));
	answer(&p, 0, NOON - HOUR_MS);
	assert_int_equal(shown(fx, "spent"), 1);
	assert_true(spend(fx, PASS_RULE, "a"));
	assert_false(spend(fx, PASS_RULE, "a"));
}

static void a_call_that_leaves_on_the_next_day_counts_for_it(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 0, 10, 0);
	assert_true(spend(fx, PASS_RULE, "a"));
	run_ms(fx, DAY_MS / 2 - (fx->clock.wall - NOON) - 3000);
	if (!ask(fx, &p))
		run_ms(fx, 10);
	assert_true(is_granted(&p));
	run_ms(fx, 60000);
	(void)pass_leave(&p);
	assert_true(spend(fx, PASS_RULE, "a"));
	assert_int_equal(shown(fx, "spent"), 2);
	pass_done(&p);
}

static void a_store_that_fails_is_asked_again(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 0, 10, 0);
	run_ms(fx, 10);
	store_mem_fail(fx->services.store, 1, ERR_STORE);
	assert_false(ask(fx, &p));
	run_ms(fx, 10);
	assert_false(is_granted(&p));
	run_ms(fx, 1500);
	assert_true(is_granted(&p));
	pass_done(&p);
}

/* ---- purse_answered ---- */

static void throttled_pauses_all_and_takes_permits_away(void **state)
{
	struct fx *fx = *state;
	struct pass p[4], next = pass_of(fx, PASS_RULE, "b");
	open_purse(fx, 4, 0, -1);
	run_ms(fx, 2000);
	for (int i = 0; i < 4; i++) {
		p[i] = pass_of(fx, PASS_RULE, "a");
		assert_true(ask(fx, &p[i]));
		(void)pass_leave(&p[i]);
	}
	run_ms(fx, 100);
	for (int i = 0; i < 4; i++) {
		answer(&p[i], ERR_THROTTLED, 0); /* one mistake, not four */
		pass_done(&p[i]);
	}
	assert_int_equal(shown(fx, "pauses"), 1);
	assert_int_equal(shown(fx, "permits"), 2);
	assert_false(ask(fx, &next));
	run_ms(fx, 999);
	assert_false(is_granted(&next));
	run_ms(fx, 300);
	assert_true(is_granted(&next));
	(void)pass_leave(&next);
	answer(&next, ERR_THROTTLED, 0);
	assert_int_equal(shown(fx, "permits"), 1);
	assert_false(ask(fx, &next));
	run_ms(fx, 1999); /* the second in a row is longer */
	assert_false(is_granted(&next));
	run_ms(fx, 600);
	assert_true(is_granted(&next));
	pass_done(&next);
	run_ms(fx, 5 * 60 * 1000);
	assert_true(ask(fx, &next));
	assert_int_equal(shown(fx, "permits"), 4);
	pass_done(&next);
}

static void a_limit_of_one_action_concerns_no_other(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	const struct pass_answer r = {.err = ERR_THROTTLED, .narrow = true, .wait_ms = 300000};
	open_purse(fx, 4, 0, -1);
	run_ms(fx, 2000);
	assert_true(ask(fx, &p));
	(void)pass_leave(&p);
	pass_answered(&p, &r);
	assert_int_equal(shown(fx, "pauses"), 0);
	assert_int_equal(shown(fx, "permits"), 4);
	assert_true(ask(fx, &p));
	pass_done(&p);
}

static void quota_exceeded_holds_the_key_until_the_day_turns(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a"), waits = pass_of(fx, PASS_RULE, "b");
	open_purse(fx, 1, 1000, 0);
	assert_false(ask(fx, &p));
	run_ms(fx, 1100);
	(void)pass_leave(&p);
	assert_false(ask(fx, &waits));
	called = 0;
	answer(&p, ERR_QUOTA, 0);
	run_ms(fx, 10);
	assert_int_equal(called, 1);
	assert_int_equal(waits.err, ERR_QUOTA);
	assert_int_equal(shown(fx, "left"), 0);
	/* And it is remembered. */
	store_mem_crash(fx->services.store);
	drop_purse(fx);
	fx->services.store = store_mem_reopen(fx->services.store, fx->loop);
	open_purse(fx, 1, 1000, 0);
	run_ms(fx, 10);
	assert_true(ask(fx, &waits));
	assert_int_equal(waits.err, ERR_QUOTA);
	assert_int_equal(purse_back_at(fx->purse), NOON + DAY_MS / 2 + 5000);
}

static void yesterdays_quota_exceeded_does_not_close_today(void **state)
{
	struct fx *fx = *state;
	struct pass p = pass_of(fx, PASS_RULE, "a");
	open_purse(fx, 0, 10, 0);
	if (!ask(fx, &p))
		run_ms(fx, 10);
	(void)pass_leave(&p);
	run_ms(fx, DAY_MS / 2 + 6000);
	answer(&p, ERR_QUOTA, 0);
	pass_done(&p);
	assert_true(spend(fx, PASS_RULE, "a"));
}

/* ---- purse_json ---- */

static void the_forecast_goes_by_the_last_hour(void **state)
{
	struct fx *fx = *state;
	open_purse(fx, 0, 100, 0);
	for (int i = 0; i < 60; i++) {
		assert_true(spend(fx, PASS_RULE, "a"));
		run_ms(fx, 60000 - (fx->clock.wall - NOON) % 60000);
	}
	json_auto_t *v = purse_json(fx->purse);
	assert_memory_equal(json_str(v, "forecast"), "2026-11-24T13:40:", 17);
	assert_in_range(json_int(v, "last_hour", 0), 59, 60); /* it goes by whole minutes */
	run_ms(fx, 2 * HOUR_MS);
	json_auto_t *idle = purse_json(fx->purse);
	assert_true(json_is_null(json_object_get(idle, "forecast")));
}

/* ---- the storm ---- */

#define RULES 50
#define AGENTS 12 /* runs of a rule that want to call, each again and again */
#define LEAVES_MAX 32768
#define PER_DAY 10000
#define RESERVE 0

/* A run: asks, takes its time to commit, leaves, hears the answer, and asks again. */
struct agent {
	struct pass pass;
	struct loop_timer timer;
	struct storm *storm;
	unsigned rule;
	enum { AGENT_ASKS, AGENT_LEAVES, AGENT_HEARS } at;
};

struct storm {
	struct fx *fx;
	struct agent agents[RULES * AGENTS];
	char names[RULES][16];
	unsigned share[RULES]; /* its weight */
	bool on;
	int64_t leaves[LEAVES_MAX]; /* wall ms */
	size_t n;
	unsigned per_rule[RULES], per_day[4], early[RULES];
	unsigned refused;
};

static void agent_act(struct agent *a);

static void on_agent(struct loop_timer *t)
{
	agent_act(container_of(t, struct agent, timer));
}

static void agent_in(struct agent *a, int at, int64_t ms)
{
	a->at = at;
	a->timer.cb = on_agent;
	loop_timer_start(a->storm->fx->loop, &a->timer, ms);
}

static void agent_leaves(struct agent *a)
{
	struct storm *s = a->storm;
	int64_t now = s->fx->clock.wall;
	(void)pass_leave(&a->pass);
	assert_true(s->n < LEAVES_MAX);
	s->leaves[s->n++] = now;
	s->per_day[(now - (NOON - DAY_MS / 2)) / DAY_MS]++;
	s->per_rule[a->rule]++;
	agent_in(a, AGENT_HEARS, 20 + (int64_t)rng_below(&s->fx->rng, 800));
}

static void agent_decided(struct pass *p)
{
	struct agent *a = container_of(p, struct agent, pass);
	struct fx *fx = a->storm->fx;
	if (p->err) {
		int64_t wait = p->due - fx->clock.wall;
		a->storm->refused++;
		assert_true(wait > 0 && p->due > 0);
		agent_in(a, AGENT_ASKS, wait);
	} else if (rng_below(&fx->rng, 50) == 0) {
		pass_done(p); /* cancelled meanwhile */
		agent_in(a, AGENT_ASKS, 1000);
	} else {
		agent_in(a, AGENT_LEAVES, (int64_t)rng_below(&fx->rng, 300));
	}
}

static void agent_act(struct agent *a)
{
	struct storm *s = a->storm;
	switch (a->at) {
	case AGENT_LEAVES:
		agent_leaves(a);
		break;
	case AGENT_HEARS:
		answer(&a->pass, 0, s->fx->clock.wall / 1000 * 1000);
		pass_done(&a->pass);
		agent_in(a, AGENT_ASKS, (int64_t)rng_below(&s->fx->rng, 20));
		break;
	case AGENT_ASKS:
	default:
		a->pass.cb = agent_decided;
		a->pass.conn = &s->fx->conn;
		a->pass.kind = PASS_RULE;
		a->pass.rule = s->names[a->rule];
		if (pass_ask(&a->pass, &s->fx->services))
			agent_decided(&a->pass);
		break;
	}
}

static void storm_start(struct storm *s)
{
	for (unsigned i = 0; i < RULES * AGENTS; i++) {
		struct agent *a = &s->agents[i];
		*a = (struct agent){.storm = s, .rule = i / AGENTS};
		agent_in(a, AGENT_ASKS, (int64_t)rng_below(&s->fx->rng, 500));
	}
}

static void storm_open(struct storm *s)
{
	open_purse(s->fx, 4, PER_DAY, RESERVE);
	for (unsigned i = 0; i < RULES; i++)
		purse_set_rule(s->fx->purse, s->names[i], s->share[i], 0);
}

/* All of a process that was killed, but for what it had made durable. */
static void storm_crash(struct storm *s)
{
	struct fx *fx = s->fx;
	for (unsigned i = 0; i < RULES * AGENTS; i++) {
		loop_timer_stop(fx->loop, &s->agents[i].timer);
		pass_done(&s->agents[i].pass);
	}
	store_mem_crash_keep(fx->services.store, 1);
	drop_purse(fx);
	fx->services.store = store_mem_reopen(fx->services.store, fx->loop);
	storm_open(s);
	storm_start(s);
}

static unsigned most_in_a_second(const struct storm *s)
{
	unsigned most = 0;
	for (size_t i = 0, from = 0; i < s->n; i++) {
		while (s->leaves[i] - s->leaves[from] >= 1000)
			from++;
		if (i - from + 1 > most)
			most = (unsigned)(i - from + 1);
	}
	return most;
}

/* Over two days of ten thousand calls, every rule has had its part: within a twentieth of it. */
static void check_parts(const struct storm *s)
{
	double weights = 0;
	for (unsigned i = 0; i < RULES; i++)
		weights += s->share[i];
	for (unsigned i = 0; i < RULES; i++) {
		double part = (double)s->n * s->share[i] / weights;
		assert_true(s->per_rule[i] > part * 0.95);
		assert_true(s->per_rule[i] < part * 1.05);
	}
}

static void storm(struct fx *fx, unsigned crashes)
{
	struct storm *s = mem_alloc(sizeof(*s));
	s->fx = fx;
	for (unsigned i = 0; i < RULES; i++) {
		(void)snprintf(s->names[i], sizeof(s->names[i]), "rule-%u", i);
		s->share[i] = i % 10 == 0 ? 2 : 1;
	}
	clock_virtual_advance(&fx->clock, 12 * HOUR_MS + 60000); /* a whole day lies ahead */
	storm_open(s);
	storm_start(s);
	for (unsigned i = 0; i < crashes; i++) {
		run_ms(fx, 7 * 60 * 1000 + 333);
		storm_crash(s);
	}
	run_ms(fx, 24 * HOUR_MS);
	for (unsigned i = 0; i < crashes; i++) {
		run_ms(fx, 5 * 60 * 1000 + 777);
		storm_crash(s);
	}
	run_ms(fx, 23 * HOUR_MS - 2 * 60 * 1000 - (int64_t)crashes * 12 * 60 * 1000);
	print_message("%zu calls, %u and %u a day, %u at most in a second, %u refusals\n", s->n,
		      s->per_day[1], s->per_day[2], most_in_a_second(s), s->refused);
	assert_in_range(most_in_a_second(s), 1, 4);
	for (unsigned day = 1; day < 3; day++)
		assert_in_range(s->per_day[day], PER_DAY - RESERVE - 50 * (1 + 2 * crashes),
				PER_DAY - RESERVE);
	check_parts(s);
	for (unsigned i = 0; i < RULES * AGENTS; i++) {
		loop_timer_stop(fx->loop, &s->agents[i].timer);
		pass_done(&s->agents[i].pass);
	}
	free(s);
}

static void a_storm_of_fifty_rules_never_passes_the_limits(void **state)
{
	storm(*state, 0);
}

static void restarts_in_the_middle_of_it_change_nothing(void **state)
{
	storm(*state, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_known_limits_all_leave_at_once),
		T(after_a_start_the_window_counts_as_full),
		T(a_permit_is_back_only_when_the_call_left_long_enough_ago),
		T(a_pass_that_ends_unused_gives_its_place_back),
		T(a_pass_that_stops_waiting_is_not_called_back),
		T(less_than_one_a_second_is_one_in_so_many_seconds),
		T(the_queue_is_bounded_and_tells_the_rest_when_to_come),
		T(a_full_purse_makes_room_for_a_rule_that_has_less),
		T(rules_take_turns_by_weight),
		T(people_go_first_but_do_not_keep_rules_off),
		T(an_exhausted_day_refuses_until_it_turns),
		T(the_reserve_is_for_people_and_for_the_rule_that_has_one),
		T(what_was_spent_is_known_after_a_crash),
		T(nothing_leaves_while_the_day_turns),
		T(the_day_is_the_apis_own_and_never_goes_back),
		T(a_call_that_leaves_on_the_next_day_counts_for_it),
		T(a_store_that_fails_is_asked_again),
		T(throttled_pauses_all_and_takes_permits_away),
		T(a_limit_of_one_action_concerns_no_other),
		T(quota_exceeded_holds_the_key_until_the_day_turns),
		T(yesterdays_quota_exceeded_does_not_close_today),
		T(the_forecast_goes_by_the_last_hour),
		T(a_storm_of_fifty_rules_never_passes_the_limits),
		T(restarts_in_the_middle_of_it_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
