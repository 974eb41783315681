/*
 * A thousand calls of all effect classes to an API that loses a fifth of its answers: no effect twice,
 * none lost, nothing taken for ours that is not, and every doubt proved or put before a person.
 */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "tests/unit/actions/shop.h"

#define RULE(name, action, with)                                                                   \
	"api: pawl/1\nrule: " name "\nwhen: {event: " name "}\ndo:\n  - call: shop." action        \
	"\n    with: {" with "}\n---\n"
#define RULES                                                                                      \
	RULE("look", "look", "id: c1")                                                             \
	RULE("rename", "rename", "id: =data.id, name: =data.name")                                 \
	RULE("create", "create", "key: =data.key, name: =data.name, ref: =data.ref")               \
	RULE("order", "order", "ref: =data.ref")                                                   \
	RULE("tag", "tag", "ref: =data.ref")                                                       \
	RULE("purge", "purge", "ref: =data.ref")                                                   \
	"api: pawl/1\nrule: end\nwhen: {event: end}\ndo: [{log: over}]\n"

#define CALLS 1000
#define MAX 2200

/* ---- the API ---- */

struct customer {
	char key[32], name[32];
	int ref; /* of the call that made it; -1: it was there before */
	int64_t created;
	int taken; /* by calls that tell it as theirs */
};

struct job {
	int ref;
	int64_t created, shown;
};

struct shop {
	struct customer customers[MAX];
	struct job jobs[MAX];
	char names[MAX][16];
	int orders[MAX];
	size_t n_customers, n_jobs, lost;
	int64_t lag_ms; /* of the list of jobs, at the most */
};

static json_t *customer_json(const struct shop *s, size_t i)
{
	char at[TIME_TEXT_LEN];
	const struct customer *c = &s->customers[i];
	return json_pack("{s:o, s:s, s:s, s:s}", "id", json_sprintf("c%zu", i), "key", c->key,
			 "name", c->name, "created", time_format(c->created, at));
}

static size_t find_customer(const struct shop *s, const char *key)
{
	size_t i = 0;
	while (i < s->n_customers && strcmp(s->customers[i].key, key) != 0)
		i++;
	return i;
}

static void add_customer(struct shop *s, const char *key, const char *name, int ref,
			 int64_t created)
{
	struct customer *c = &s->customers[s->n_customers++];
	snprintf(c->key, sizeof(c->key), "%s", key);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->ref = ref;
	c->created = created;
}

static int post_customer(struct world *w, const json_t *body, json_t **ret)
{
	struct shop *s = w->arg;
	size_t i = find_customer(s, json_str(body, "key"));
	if (i < s->n_customers) {
		*ret = json_pack("{s:s, s:s}", "key", "taken", "message", "exists");
		return 409;
	}
	add_customer(s, json_str(body, "key"), json_str(body, "name"),
		     (int)json_int(body, "ref", -2), world_peer_ms(w));
	*ret = customer_json(s, i);
	return 201;
}

static int find_customers(struct world *w, const char *query, json_t **ret)
{
	struct shop *s = w->arg;
	size_t i = find_customer(s, query + strlen("key="));
	json_t *items = json_array();
	if (i < s->n_customers)
		json_array_append_new(items, customer_json(s, i));
	*ret = json_pack("{s:o}", "items", items);
	return 200;
}

static json_t *job_json(const struct shop *s, size_t i)
{
	char at[TIME_TEXT_LEN];
	return json_pack("{s:o, s:s, s:s}", "id", json_sprintf("j%zu", i), "state", "running",
			 "created", time_format(s->jobs[i].created, at));
}

static int post_job(struct world *w, const json_t *body, json_t **ret)
{
	struct shop *s = w->arg;
	int64_t now = world_peer_ms(w);
	struct job *j = &s->jobs[s->n_jobs];
	*j = (struct job){(int)json_int(body, "ref", -1), now,
			  now + (int64_t)rng_below(&w->dice, (uint64_t)s->lag_ms + 1)};
	*ret = job_json(s, s->n_jobs++);
	return 201;
}

/* Newest first, three a page, so that looks have to go on. */
static int list_jobs(struct world *w, const char *query, json_t **ret)
{
	struct shop *s = w->arg;
	const char *from = strstr(query, "from=");
	size_t at = from ? strtoul(from + 5, NULL, 10) : 0, i = s->n_jobs, n = 0;
	json_t *jobs = json_array();
	*ret = json_pack("{s:o}", "jobs", jobs);
	while (i-- > 0) {
		if (s->jobs[i].shown > world_peer_ms(w) || n++ < at)
			continue;
		if (json_array_size(jobs) == 3) {
			json_object_set_new(*ret, "next", json_sprintf("/jobs?from=%zu", at + 3));
			break;
		}
		json_array_append_new(jobs, job_json(s, i));
	}
	return 200;
}

static int put_name(struct world *w, const struct world_req *q)
{
	struct shop *s = w->arg;
	size_t i = strtoul(q->path + strlen("/names/"), NULL, 10);
	snprintf(s->names[i], sizeof(s->names[i]), "%s", json_str(q->body, "name"));
	return 200;
}

static int on_answer(struct world *w, const struct world_req *q, json_t **ret)
{
	struct shop *s = w->arg;
	bool post = strcmp(q->method, "POST") == 0;
	if (strncmp(q->path, "/jobs", 5) == 0)
		return post ? post_job(w, q->body, ret) : list_jobs(w, q->query, ret);
	if (strcmp(q->path, "/customers") == 0)
		return post ? post_customer(w, q->body, ret) : find_customers(w, q->query, ret);
	if (strcmp(q->path, "/orders") == 0)
		s->orders[json_int(q->body, "ref", 0)]++;
	else if (*q->path == '/' && q->path[1] == 'n')
		return put_name(w, q);
	*ret = json_pack("{s:s}", "id", "x");
	return post ? 201 : 200;
}

static enum fate on_fate(struct world *w, const struct world_req *q)
{
	(void)q;
	uint64_t d = rng_below(&w->dice, 100);
	((struct shop *)w->arg)->lost += d < 27;
	return d < 20   ? FATE_LOST_AFTER
	       : d < 25 ? FATE_LOST_BEFORE
	       : d < 27 ? FATE_BROKEN
	       : d < 30 ? FATE_BUSY
			: FATE_WELL;
}

/* ---- the storm ---- */

static void post(struct world *w, const char *type, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void post(struct world *w, const char *type, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	world_send(w, type, text);
}

/* Some keys were there long ago, some came from elsewhere a moment before; some are wanted twice. */
static void create(struct world *w, int i)
{
	struct shop *s = w->arg;
	int kind = i / 10 % 5, key = kind == 2 ? i - i % 2 : i;
	char text[32];
	snprintf(text, sizeof(text), "k%d", key);
	if (kind == 0)
		add_customer(s, text, "n", -1, world_peer_ms(w) - 3600000);
	if (kind == 1)
		add_customer(s, text, "n", -1,
			     world_peer_ms(w) - 1 - (int64_t)rng_below(&w->dice, 1500));
	post(w, "create", "{'key': '%s', 'name': 'n', 'ref': %d}", text, i);
}

static void one_call(struct world *w, int i)
{
	switch (i % 10) {
	case 0:
		post(w, "look", "{'ref': %d}", i);
		break;
	case 1:
		post(w, "rename", "{'id': '%d', 'name': 'n%d', 'ref': %d}", i, i, i);
		break;
	case 2:
	case 3:
	case 4:
		create(w, i);
		break;
	case 5:
	case 6:
		post(w, "order", "{'ref': %d}", i);
		break;
	case 7:
		post(w, "tag", "{'ref': %d}", i);
		break;
	default: /* two runs that want the very same */
		post(w, "purge", "{'ref': %d}", i - i % 10 + 8);
		break;
	}
}

/* ---- what became of it ---- */

struct tally {
	int completed[MAX], in_doubt[MAX], failed[MAX]; /* by ref, of purges the pairs together */
	size_t wrong, n_endless, n_completed, n_doubt, n_failed, n_adopted;
};

static void wrong(struct tally *t, const char *what, int ref, const char *state)
{
	if (t->wrong++ < 5)
		print_message("%s of call %d (%s)\n", what, ref, state);
}

static const json_t *last_output(const json_t *run, bool *adopted)
{
	const json_t *rec, *out = NULL;
	size_t i;
	*adopted = false;
	json_array_foreach (json_object_get(run, "records"), i, rec) {
		const json_t *body = json_object_get(rec, "body");
		if (strcmp(json_str(rec, "type"), "S") != 0)
			continue;
		out = json_object_get(body, "output");
		*adopted = json_bool(json_object_get(body, "meta"), "adopted", false);
	}
	return out;
}

/* Two that want the same key at once are alike: which of them has it nobody can tell, but one alone does. */
static bool is_by(const struct customer *c, int ref)
{
	bool twins = ref / 10 % 5 == 2;
	return twins ? c->ref / 2 == ref / 2 : c->ref == ref;
}

static void judge_create(struct shop *s, struct tally *t, int ref, const char *state,
			 const char *key, const json_t *out)
{
	size_t i = find_customer(s, key);
	bool done = strcmp(state, "completed") == 0;
	bool ours = i < s->n_customers && is_by(&s->customers[i], ref);
	const char *id = json_str(out, "id");
	if (done && (!ours || !id || strtoul(id + 1, NULL, 10) != i))
		wrong(t, "another's customer taken for its own", ref, state);
	if (done && s->customers[i].taken++)
		wrong(t, "a customer taken twice", ref, state);
	if (strcmp(state, "failed") == 0 && ours && s->customers[i].ref == ref && ref / 10 % 5 != 2)
		wrong(t, "its own customer told as another's", ref, state);
}

static void judge_job(struct shop *s, struct tally *t, int ref, const char *state,
		      const json_t *out, bool *taken)
{
	if (strcmp(state, "completed") != 0)
		return;
	size_t i = strtoul(json_str(out, "id") + 1, NULL, 10);
	if (i >= s->n_jobs || s->jobs[i].ref != ref)
		wrong(t, "another's job taken for its own", ref, state);
	else if (taken[i])
		wrong(t, "a job taken twice", ref, state);
	taken[i] = true;
}

static void judge_run(struct world *w, struct tally *t, const char *id, bool *taken)
{
	json_auto_t *run = world_run(w, id);
	const char *rule = json_str(run, "rule"), *state = json_str(run, "state");
	const json_t *data = json_path(run, "event.data");
	int ref = (int)json_int(data, "ref", 0);
	bool adopted;
	const json_t *out = last_output(run, &adopted);
	t->n_adopted += adopted;
	t->n_completed += strcmp(state, "completed") == 0;
	t->n_doubt += strcmp(state, "in_doubt") == 0;
	t->n_failed += strcmp(state, "failed") == 0;
	t->completed[ref] += strcmp(state, "completed") == 0;
	t->in_doubt[ref] += strcmp(state, "in_doubt") == 0;
	t->failed[ref] += strcmp(state, "failed") == 0;
	if (!run_state_is_end((enum run_state)run_state_by_name(state)) &&
	    strcmp(state, "in_doubt") != 0)
		t->n_endless++;
	if (strcmp(rule, "create") == 0)
		judge_create(w->arg, t, ref, state, json_str(data, "key"), out);
	if (strcmp(rule, "tag") == 0 || strcmp(rule, "purge") == 0)
		judge_job(w->arg, t, ref, state, out, taken);
}

/* done: how often it was carried out. */
static void judge_count(struct tally *t, const char *what, int ref, int done)
{
	if (done < t->completed[ref])
		wrong(t, what, ref, "lost");
	if (done > t->completed[ref] + t->in_doubt[ref])
		wrong(t, what, ref, "twice");
}

static void judge_effects(struct shop *s, struct tally *t)
{
	static int jobs[MAX];
	memset(jobs, 0, sizeof(jobs));
	for (size_t i = 0; i < s->n_jobs; i++)
		jobs[s->jobs[i].ref]++;
	for (int i = 0; i < CALLS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%d", i);
		if (i % 10 == 1 && t->completed[i] && strcmp(s->names[i], name) != 0)
			wrong(t, "a name", i, "lost");
		if (i % 10 == 5 || i % 10 == 6)
			judge_count(t, "an order", i, s->orders[i]);
		if (i % 10 == 8)
			judge_count(t, "a purge", i, jobs[i]);
		if (i % 10 == 7 && jobs[i] < t->completed[i])
			wrong(t, "a tag", i, "lost");
	}
}

static void judge(struct world *w, struct tally *t)
{
	static bool taken[MAX];
	json_auto_t *runs = world_runs(w);
	const json_t *r;
	size_t i;
	memset(taken, 0, sizeof(taken));
	assert_int_equal(json_array_size(json_object_get(runs, "runs")), CALLS);
	json_array_foreach (json_object_get(runs, "runs"), i, r)
		judge_run(w, t, json_str(r, "id"), taken);
	judge_effects(w->arg, t);
}

static void storm(struct tally *t, int64_t skew_ms, int crash_every)
{
	static struct shop shop;
	struct world w;
	shop = (struct shop){.lag_ms = 20000};
	*t = (struct tally){0};
	world_init(&w, SHOP, RULES);
	w.arg = &shop;
	w.answer = on_answer;
	w.fate = on_fate;
	w.skew_ms = skew_ms;
	for (int i = 0; i < CALLS; i++) {
		one_call(&w, i);
		world_pass(&w, 100);
		if (crash_every && i % crash_every == crash_every - 1)
			world_crash(&w);
	}
	world_pass(&w, 6 * 3600 * 1000LL);
	judge(&w, t);
	print_message("%zu completed, %zu in doubt, %zu failed, %zu adopted; %zu of %zu lost\n",
		      t->n_completed, t->n_doubt, t->n_failed, t->n_adopted, shop.lost, w.sent);
	world_done(&w);
}

/* --- call: lost answers --- */

static void no_effect_is_done_twice_or_lost(void **state)
{
	static struct tally t;
	storm(&t, 0, 0);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.n_endless, 0);
	assert_true(t.n_adopted > 40);
}

static void not_either_when_the_process_dies_now_and_then(void **state)
{
	static struct tally t;
	storm(&t, 0, 97);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.n_endless, 0);
}

static void not_either_when_the_clocks_differ(void **state)
{
	static struct tally t;
	storm(&t, 7300, 0);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.n_endless, 0);
	storm(&t, -90500, 0);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.n_endless, 0);
}

#ifdef PAWL_FAULTS
static void a_probe_that_ignores_the_time_is_caught(void **state)
{
	static struct tally t;
	setenv("PAWL_FAULT_BLIND_PROBE", "1", 1);
	storm(&t, 0, 0);
	unsetenv("PAWL_FAULT_BLIND_PROBE");
	assert_true(t.wrong > 0);
}

static void a_call_that_is_sent_again_blindly_is_caught(void **state)
{
	static struct tally t;
	setenv("PAWL_FAULT_BLIND_RESEND", "1", 1);
	storm(&t, 0, 0);
	unsetenv("PAWL_FAULT_BLIND_RESEND");
	assert_true(t.wrong > 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_effect_is_done_twice_or_lost),
		cmocka_unit_test(not_either_when_the_process_dies_now_and_then),
		cmocka_unit_test(not_either_when_the_clocks_differ),
#ifdef PAWL_FAULTS
		cmocka_unit_test(a_probe_that_ignores_the_time_is_caught),
		cmocka_unit_test(a_call_that_is_sent_again_blindly_is_caught),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
