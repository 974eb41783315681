/*
 * Two days of more work than an API key may do, for fifty rules of a whole engine that dies again and
 * again: what arrives at the API, counted there, is never more than the key allows; each rule has its
 * share; and no run is lost.
 */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

#define RULES 50
#define DOUBLES 10 /* of them have a double share */
#define PER_SECOND 4
#define PER_DAY 10000
#define RESERVE (PER_DAY / 50)
#define DAY_MS (24 * 3600 * 1000LL)
#define FIRST 1800057600000LL /* 2027-01-16T00:00:00Z */
#define STEP_MS (10 * 60 * 1000LL)
#define STEPS (2 * DAY_MS / STEP_MS)
#define AT_ONCE 200 /* runs of a rule at the beginning; of one with a double share twice as many */
#define REFS_MAX 40000
/* The most that a block of the day may be: a crash can lose one. */
#define BLOCK (PER_DAY / 200)

/* ---- the API, which counts ---- */

struct peer {
	int64_t last[PER_SECOND]; /* when the latest requests arrived, in a ring */
	size_t n, too_fast;
	unsigned per_day[4], per_rule[4][RULES];
	bool done[REFS_MAX];
	unsigned sent[RULES]; /* events, by us */
	unsigned refs;
};

static unsigned day_of(int64_t ms)
{
	return ms < FIRST ? 0 : 1 + (unsigned)((ms - FIRST) / DAY_MS);
}

/* The id of what is renamed is the rule's number and the run's: r-n. */
static int on_answer(struct world *w, const struct world_req *q, json_t **ret)
{
	struct peer *p = w->arg;
	int64_t now = world_peer_ms(w);
	char *end;
	unsigned long rule = strtoul(q->path + strlen("/names/"), &end, 10);
	unsigned long ref = strtoul(end + 1, NULL, 10);
	assert_true(rule < RULES && ref < REFS_MAX);
	if (p->n >= PER_SECOND && now - p->last[p->n % PER_SECOND] < 1000)
		p->too_fast++;
	p->last[p->n++ % PER_SECOND] = now;
	p->per_day[day_of(now)]++;
	p->per_rule[day_of(now)][rule]++;
	p->done[ref] = true;
	*ret = json_pack("{s:s}", "id", "x");
	return 200;
}

/* ---- the storm ---- */

static bool is_double(unsigned rule)
{
	return rule < DOUBLES;
}

static char *rules_text(void)
{
	struct buf b = BUF_INIT;
	for (unsigned i = 0; i < RULES; i++)
		(void)buf_printf(&b,
				 "%sapi: pawl/1\nrule: r%u\nwhen: {event: e%u}\n%sdo:\n"
				 "  - call: shop.rename\n    with: {id: =data.id, name: n}\n",
				 i ? "---\n" : "", i, i,
				 is_double(i) ? "budget: {share: 2}\n" : "");
	return buf_take(&b);
}

static void send_one(struct world *w, unsigned rule)
{
	struct peer *p = w->arg;
	char type[16], json[64];
	snprintf(type, sizeof(type), "e%u", rule);
	snprintf(json, sizeof(json), "{'id': '%u-%u'}", rule, p->refs++);
	p->sent[rule]++;
	world_send(w, type, json);
}

static void send_all(struct world *w, unsigned each)
{
	for (unsigned i = 0; i < each; i++)
		for (unsigned r = 0; r < RULES; r++)
			for (int k = 0; k <= is_double(r); k++)
				send_one(w, r);
}

/* More at the beginning than a day has, then steadily some; it dies at odd moments. */
static void storm(struct world *w)
{
	send_all(w, AT_ONCE);
	for (int i = 0; i < STEPS; i++) {
		if (i % 2 == 0)
			send_all(w, 1);
		world_pass(w, 123456);
		if (i % 144 < 4 || i % 36 == 35)
			world_crash(w);
		world_pass(w, STEP_MS - 123456);
	}
}

/* ---- what became of it ---- */

static void judge_days(const struct peer *p)
{
	for (unsigned day = 1; day <= 2; day++) {
		print_message("day %u: %u calls\n", day, p->per_day[day]);
		assert_in_range(p->per_day[day], PER_DAY - RESERVE - 10 * BLOCK, PER_DAY);
	}
}

static void judge_shares(const struct peer *p)
{
	for (unsigned day = 1; day <= 2; day++)
		for (unsigned r = 0; r < RULES; r++) {
			unsigned part = p->per_day[day] * (is_double(r) ? 2 : 1);
			unsigned share = part / (RULES + DOUBLES);
			if (p->per_rule[day][r] < share * 9 / 10)
				fail_msg("rule %u had %u of %u on day %u", r, p->per_rule[day][r],
					 share, day);
		}
}

static void judge_runs(struct world *w)
{
	const struct peer *p = w->arg;
	json_auto_t *stats = world_stats(w);
	const json_t *states = json_object_get(stats, "runs"), *n;
	const char *state;
	json_int_t all = 0, completed = json_int(states, "completed", 0), ends = 0;
	size_t done = 0;
	json_object_foreach ((json_t *)states, state, n) {
		all += json_integer_value(n);
		if (run_state_is_end((enum run_state)run_state_by_name(state)) ||
		    strcmp(state, "in_doubt") == 0)
			ends += json_integer_value(n);
	}
	for (unsigned i = 0; i < p->refs; i++)
		done += p->done[i];
	print_message("%u runs: %lld completed, %lld queued\n", p->refs, (long long)completed,
		      (long long)(all - ends));
	assert_int_equal(all, p->refs);
	assert_int_equal(ends, completed);
	assert_int_equal(done, completed);
	assert_true(all - ends > PER_DAY / 20); /* there was work for all until the end */
}

/* --- a connection with a budget --- */

static void fifty_rules_and_crashes_stay_within_the_budget_of_the_key(void **state)
{
	static struct peer peer;
	struct world w;
	auto_free char *rules = rules_text();
	peer = (struct peer){0};
	world_init_budget(&w, SHOP, rules,
			  json_pack("{s:i, s:i}", "per_second", PER_SECOND, "per_day", PER_DAY));
	w.arg = &peer;
	w.answer = on_answer;
	world_pass(&w, FIRST + 5000 - world_peer_ms(&w));
	storm(&w);
	world_pass(&w, FIRST + 2 * DAY_MS - 3000 - world_peer_ms(&w));
	assert_int_equal(peer.too_fast, 0);
	judge_days(&peer);
	judge_shares(&peer);
	judge_runs(&w);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fifty_rules_and_crashes_stay_within_the_budget_of_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
