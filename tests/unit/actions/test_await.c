/* Tests of waits for events, approvals, sub-runs, memories, and of what keeps runs from starting. */
#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "tests/unit/actions/shop.h"

#define CHAT "/conversations/web/test"
#define MIN 60000

static struct world w;

static void begin_with(const char *rules)
{
	world_init(&w, SHOP, rules);
}

static int end_world(void **state)
{
	(void)state;
	world_done(&w);
	return 0;
}

static void say(const char *subject, const char *type, const char *json)
{
	world_say(&w, type, CHAT, subject, json);
	world_pass(&w, 10);
}

static void post(const char *type, const char *json)
{
	world_send(&w, type, json);
	world_pass(&w, 10);
}

/* The n-th newest run of a rule, whole, or NULL; the caller's. */
static json_t *run_of(const char *rule, size_t n)
{
	json_auto_t *runs = world_runs(&w);
	size_t i;
	json_t *r;
	json_array_foreach (json_object_get(runs, "runs"), i, r)
		if (strcmp(json_str(r, "rule"), rule) == 0 && n-- == 0)
			return world_run(&w, json_str(r, "id"));
	return NULL;
}

static const char *state_of(const char *rule, size_t n)
{
	static char text[32];
	json_auto_t *r = run_of(rule, n);
	snprintf(text, sizeof(text), "%s", r ? json_str(r, "state") : "none");
	return text;
}

static const char *id_of(const char *rule)
{
	static char text[64];
	json_auto_t *r = run_of(rule, 0);
	assert_non_null(r);
	snprintf(text, sizeof(text), "%s", json_str(r, "id"));
	return text;
}

/* The result in the E record of the newest run of a rule, as JSON text. */
static const char *result_of(const char *rule)
{
	static char text[256];
	json_auto_t *r = run_of(rule, 0);
	json_t *records = json_object_get(r, "records");
	json_t *end = json_array_get(records, json_array_size(records) - 1);
	json_t *v = json_object_get(json_object_get(end, "body"), "result");
	auto_free char *json = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	snprintf(text, sizeof(text), "%s", json ? json : "none");
	return text;
}

static const char *error_of(const char *rule)
{
	static char text[64];
	json_auto_t *r = run_of(rule, 0);
	const char *name = json_str(json_object_get(r, "error"), "name");
	snprintf(text, sizeof(text), "%s", name ? name : "none");
	return text;
}

/* ---- waits for events ---- */

#define ASK                                                                                        \
	"api: pawl/1\nrule: ask\nwhen: {conversation: intent.detected}\ndo:\n"                     \
	"  - reply: which size?\n"                                                                 \
	"  - wait: {conversation: message.received, timeout: 10m, else: continue}\n    as: said\n" \
	"result: =said and said.data.text or 'silence'\n"

static void the_next_message_of_the_conversation_is_the_answer(void **state)
{
	(void)state;
	begin_with(ASK);
	say("web:1", "message.received", "{'text':'before'}");
	say("web:1", "intent.detected", "{'intent':{'name':'x'}}");
	assert_string_equal(state_of("ask", 0), "waiting");
	say("web:2", "message.received", "{'text':'of another'}");
	assert_string_equal(state_of("ask", 0), "waiting");
	world_crash(&w);
	say("web:1", "message.received", "{'text':'large'}");
	assert_string_equal(state_of("ask", 0), "completed");
	assert_string_equal(result_of("ask"), "\"large\"");
}

static void silence_ends_a_wait_as_its_else_says(void **state)
{
	(void)state;
	begin_with(ASK);
	say("web:1", "intent.detected", "{'intent':{'name':'x'}}");
	world_pass(&w, 9 * MIN);
	assert_string_equal(state_of("ask", 0), "waiting");
	world_crash(&w);
	world_pass(&w, 2 * MIN);
	assert_string_equal(state_of("ask", 0), "completed");
	assert_string_equal(result_of("ask"), "\"silence\"");
}

static void one_answer_never_answers_two_questions(void **state)
{
	(void)state;
	begin_with("api: pawl/1\nrule: two\nwhen: {conversation: intent.detected}\ndo:\n"
		   "  - reply: your name?\n"
		   "  - wait: {conversation: message.received}\n    as: a\n"
		   "  - wait: {conversation: message.received}\n    as: b\n"
		   "result: =a.data.text .. '/' .. b.data.text\n");
	say("web:1", "intent.detected", "{}");
	say("web:1", "message.received", "{'text':'one'}");
	assert_string_equal(state_of("two", 0), "waiting");
	world_crash(&w);
	say("web:1", "message.received", "{'text':'two'}");
	assert_string_equal(result_of("two"), "\"one/two\"");
}

#define PAID                                                                                       \
	"api: pawl/1\nrule: paid\nwhen: {event: order}\ndo:\n"                                     \
	"  - wait: 1m\n"                                                                           \
	"  - wait: {event: paid, where: {order: =data.order}, match: it.data.sum >= 10}\n"         \
	"    as: p\n"                                                                              \
	"result: =p.data.sum\n---\n"                                                               \
	"api: pawl/1\nrule: other\nwhen: {event: paid}\ndo: [{set: {x: 1}}]\n---\n"                \
	"api: pawl/1\nrule: too\nwhen: {event: paid, awaited: too}\ndo: [{set: {x: 1}}]\n"

static void what_came_since_the_run_began_is_looked_at_first(void **state)
{
	(void)state;
	begin_with(PAID);
	post("paid", "{'order':1,'sum':99}");
	post("order", "{'order':1}");
	post("paid", "{'order':1,'sum':5}");
	post("paid", "{'order':2,'sum':50}");
	post("paid", "{'order':1,'sum':20}");
	post("paid", "{'order':1,'sum':30}");
	world_pass(&w, MIN);
	assert_string_equal(state_of("paid", 0), "completed");
	assert_string_equal(result_of("paid"), "20");
}

static void what_a_wait_takes_starts_no_other_rule(void **state)
{
	(void)state;
	begin_with(PAID);
	post("order", "{'order':1}");
	world_pass(&w, MIN);
	post("paid", "{'order':1,'sum':5}"); /* judged and let go: the other rule runs */
	assert_string_equal(state_of("paid", 0), "waiting");
	assert_string_equal(state_of("other", 0), "completed");
	post("paid", "{'order':1,'sum':20}");
	assert_string_equal(state_of("paid", 0), "completed");
	assert_string_equal(state_of("other", 0), "cancelled");
	assert_string_equal(state_of("too", 0), "completed");
	assert_string_equal(state_of("too", 1), "completed");
}

static void a_list_means_any_of_its_values(void **state)
{
	(void)state;
	begin_with("api: pawl/1\nrule: any\nwhen: {event: go}\ndo:\n"
		   "  - wait: {event: 'x.*', where: {k: '=list{1, 2}', s: a}}\n    as: e\n"
		   "result: =e.data.k\n");
	post("go", "{}");
	post("x.one", "{'k':3,'s':'a'}");
	post("x.one", "{'k':2,'s':'b'}");
	post("y.one", "{'k':2,'s':'a'}");
	assert_string_equal(state_of("any", 0), "waiting");
	post("x.two", "{'k':2.0,'s':'a'}");
	assert_string_equal(state_of("any", 0), "completed");
}

static void a_value_that_is_nil_is_an_error(void **state)
{
	(void)state;
	begin_with("api: pawl/1\nrule: nil\nwhen: {event: go}\ndo:\n"
		   "  - wait: {event: x, where: {k: =data.missing}}\n");
	post("go", "{}");
	assert_string_equal(state_of("nil", 0), "failed");
	assert_string_equal(error_of("nil"), "invalid");
}

static void a_cancelled_wait_hears_nothing(void **state)
{
	(void)state;
	begin_with(ASK);
	say("web:1", "intent.detected", "{}");
	world_cancel(&w, id_of("ask"));
	world_pass(&w, 100);
	assert_string_equal(state_of("ask", 0), "cancelled");
	say("web:1", "message.received", "{'text':'late'}");
	assert_string_equal(state_of("ask", 0), "cancelled");
}

/* At whatever turn the process dies, the run ends with the first fitting event, once. */
static void a_crash_at_any_turn_takes_the_same_event(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 40; turn++) {
		begin_with(PAID);
		post("order", "{'order':1}");
		world_pass(&w, MIN);
		world_send(&w, "paid", "{'order':1,'sum':5}");
		world_send(&w, "paid", "{'order':1,'sum':20}");
		world_send(&w, "paid", "{'order':1,'sum':30}");
		for (unsigned i = 0; i < turn; i++)
			(void)loop_run_once(w.loop, false);
		world_crash(&w);
		world_pass(&w, 5000);
		if (world_count(&w, "completed") + world_count(&w, "cancelled") == 0)
			assert_string_equal(state_of("paid", 0), "waiting");
		else if (strcmp(state_of("paid", 0), "completed") == 0)
			assert_string_equal(result_of("paid"), "20");
		world_done(&w);
	}
	begin_with(ASK);
}

/* ---- approve ---- */

#define APPROVE                                                                                      \
	"api: pawl/1\nrule: may\nwhen: {event: go}\ndo:\n"                                           \
	"  - approve: {ask: 'send ${data.n}?', by: marketing, timeout: 1h, else: [{set: {x: 1}}]}\n" \
	"    as: a\n"                                                                                \
	"result: =a and a.by or 'nobody'\n"

static void a_person_lets_a_run_go_on(void **state)
{
	(void)state;
	begin_with(APPROVE);
	post("go", "{'n':7}");
	char id[64];
	snprintf(id, sizeof(id), "%s", id_of("may"));
	world_crash(&w);
	assert_int_equal(world_tell(&w, id, "do.2", "{'approved':true}"), ERR_NOT_FOUND);
	assert_int_equal(world_tell(&w, id, "do.1", "{'approved':true,'by':'eve'}"), 0);
	world_pass(&w, 100);
	assert_string_equal(result_of("may"), "\"eve\"");
	assert_int_equal(world_tell(&w, id, "do.1", "{'approved':true}"), ERR_NOT_FOUND);
}

static void a_no_is_the_error_rejected(void **state)
{
	(void)state;
	begin_with(APPROVE);
	post("go", "{'n':7}");
	assert_int_equal(world_tell(&w, id_of("may"), "do.1", "{'approved':false}"), 0);
	world_pass(&w, 100);
	assert_string_equal(error_of("may"), "rejected");
}

static void nobody_decides_in_time(void **state)
{
	(void)state;
	begin_with(APPROVE);
	post("go", "{'n':7}");
	world_pass(&w, 61 * MIN);
	assert_string_equal(state_of("may", 0), "completed");
}

/* ---- run ---- */

#define PARENT                                                                                     \
	"api: pawl/1\nrule: parent\nwhen: {event: go}\ndo:\n"                                      \
	"  - run: child\n    with: {n: =data.n}\n    as: c\n"                                      \
	"result: =c * 2\n---\n"                                                                    \
	"api: pawl/1\nrule: child\ndo:\n  - wait: 1m\n  - if: data.n < 0\n    do: [{fail: no}]\n"  \
	"result: =data.n + 1\n---\n"                                                               \
	"api: pawl/1\nrule: loose\nwhen: {event: let}\ndo:\n"                                      \
	"  - run: child\n    with: {n: 1}\n    detach: true\n"

static void a_step_gives_what_another_rule_gives(void **state)
{
	(void)state;
	begin_with(PARENT);
	post("go", "{'n':4}");
	world_crash(&w);
	assert_string_equal(state_of("parent", 0), "waiting");
	world_pass(&w, 2 * MIN);
	assert_string_equal(state_of("child", 0), "completed");
	assert_string_equal(result_of("parent"), "10");
}

static void the_error_of_a_child_is_the_step_s(void **state)
{
	(void)state;
	begin_with(PARENT);
	post("go", "{'n':-4}");
	world_pass(&w, 2 * MIN);
	assert_string_equal(state_of("parent", 0), "failed");
	assert_string_equal(error_of("parent"), "failed");
}

static void a_detached_run_is_not_waited_for(void **state)
{
	(void)state;
	begin_with(PARENT);
	post("let", "{}");
	assert_string_equal(state_of("loose", 0), "completed");
	assert_string_equal(state_of("child", 0), "waiting");
}

static void a_crash_at_any_turn_starts_one_child(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 30; turn++) {
		begin_with(PARENT);
		world_send(&w, "go", "{'n':4}");
		for (unsigned i = 0; i < turn; i++)
			(void)loop_run_once(w.loop, false);
		world_crash(&w);
		world_pass(&w, 2 * MIN);
		json_auto_t *runs = world_runs(&w);
		size_t n = json_array_size(json_object_get(runs, "runs"));
		assert_true(n == 0 || n == 2);
		if (n)
			assert_string_equal(result_of("parent"), "10");
		world_done(&w);
	}
	begin_with(PARENT);
}

/* ---- memory ---- */

#define COUNT                                                                                      \
	"api: pawl/1\nrule: count\nwhen: {event: go}\ndo:\n"                                       \
	"  - memory: {add: n, by: 2}\n    as: n\n"                                                 \
	"  - memory: {first: '=data.k', for: 1h}\n    as: f\n"                                     \
	"result: '=list{n, f}'\n---\n"                                                             \
	"api: pawl/1\nrule: read\nwhen: {event: read}\ndo:\n"                                      \
	"  - memory: {get: n}\n    as: own\n  - memory: {get: shared/n}\n    as: all\n"            \
	"  - memory: {put: shared/n, value: {a: =data.v}}\n"                                       \
	"result: '=list{own == nil, all and all.a}'\n"

static void values_outlive_runs_and_belong_to_their_rule(void **state)
{
	(void)state;
	begin_with(COUNT);
	post("go", "{'k':'x'}");
	assert_string_equal(result_of("count"), "[2,true]");
	world_crash(&w);
	post("go", "{'k':'x'}");
	assert_string_equal(result_of("count"), "[4,false]");
	post("read", "{'v':5}");
	assert_string_equal(result_of("read"), "[true]");
	post("read", "{'v':6}");
	assert_string_equal(result_of("read"), "[true,5]");
}

static void a_crash_at_any_turn_adds_once(void **state)
{
	(void)state;
	begin_with(COUNT);
	for (unsigned turn = 0; turn < 25; turn++) {
		world_send(&w, "go", "{'k':'x'}");
		for (unsigned i = 0; i < turn % 12; i++)
			(void)loop_run_once(w.loop, false);
		world_crash(&w);
		world_pass(&w, 3000);
	}
	size_t done = world_count(&w, "completed");
	post("go", "{'k':'x'}");
	char want[32];
	snprintf(want, sizeof(want), "[%zu,false]", 2 * (done + 1));
	assert_true(done > 5);
	assert_string_equal(result_of("count"), want);
}

/* ---- once, limit, collect, cancel ---- */

#define STARTS                                                                                                 \
	"api: pawl/1\nrule: once\nwhen: {event: a}\nonce: {key: =data.k, for: 1h}\ndo: [{set: {x: 1}}]\n---\n" \
	"api: pawl/1\nrule: line\nwhen: {event: b}\nlimit: {key: =data.k, max: 1}\ndo: [{wait: 1m}]\n---\n"    \
	"api: pawl/1\nrule: batch\nwhen: {event: c}\ncollect: {key: =data.k, for: 10m, quiet: 1m}\n"           \
	"do: [{set: {n: =len(events), last: =data.v}}]\nresult: '=list{n, last}'\n---\n"                       \
	"api: pawl/1\nrule: stop\nwhen: {event: d}\ncancel: [{event: off, where: {k: =data.k}}]\n"             \
	"do: [{wait: 1h}]\n---\n"                                                                              \
	"api: pawl/1\nrule: rate\nwhen: {event: e}\nlimit: {rate: 2/m}\ndo: [{set: {x: 1}}]\n"

static size_t runs_in(const char *rule, const char *state)
{
	size_t n = 0;
	for (size_t i = 0;; i++) {
		const char *s = state_of(rule, i);
		if (strcmp(s, "none") == 0)
			return n;
		n += strcmp(s, state) == 0;
	}
}

static void later_events_of_a_key_start_nothing(void **state)
{
	(void)state;
	begin_with(STARTS);
	post("a", "{'k':1}");
	post("a", "{'k':1}");
	post("a", "{'k':2}");
	post("a", "{}"); /* nil: once does not count */
	post("a", "{}");
	assert_int_equal(runs_in("once", "completed"), 4);
	world_pass(&w, 60 * MIN);
	post("a", "{'k':1}");
	assert_int_equal(runs_in("once", "completed"), 5);
}

static void runs_of_a_key_go_one_at_a_time(void **state)
{
	(void)state;
	begin_with(STARTS);
	post("b", "{'k':1}");
	post("b", "{'k':1}");
	post("b", "{'k':2}");
	assert_int_equal(runs_in("line", "waiting"), 2);
	assert_int_equal(runs_in("line", "queued"), 1);
	world_crash(&w);
	world_pass(&w, MIN + 1000);
	assert_int_equal(runs_in("line", "completed"), 2);
	assert_int_equal(runs_in("line", "waiting"), 1);
	world_pass(&w, MIN + 1000);
	assert_int_equal(runs_in("line", "completed"), 3);
}

static void events_of_a_window_become_one_run(void **state)
{
	(void)state;
	begin_with(STARTS);
	for (int i = 0; i < 3; i++) {
		post("c", i == 2 ? "{'k':1,'v':'last'}" : "{'k':1,'v':'x'}");
		world_pass(&w, 50000);
	}
	assert_string_equal(state_of("batch", 0), "queued");
	world_crash(&w);
	world_pass(&w, 20000);
	assert_string_equal(state_of("batch", 0), "completed");
	assert_string_equal(result_of("batch"), "[3,\"last\"]");
	post("c", "{'k':1,'v':'new'}");
	world_pass(&w, 2 * MIN);
	assert_string_equal(result_of("batch"), "[1,\"new\"]");
}

static void an_event_ends_the_runs_that_name_it(void **state)
{
	(void)state;
	begin_with(STARTS);
	post("d", "{'k':1}");
	post("d", "{'k':2}");
	world_crash(&w);
	post("off", "{'k':1}");
	world_pass(&w, 1000);
	assert_int_equal(runs_in("stop", "cancelled"), 1);
	assert_int_equal(runs_in("stop", "waiting"), 1);
}

static void a_rate_lets_so_many_start_in_a_span(void **state)
{
	(void)state;
	begin_with(STARTS);
	for (int i = 0; i < 5; i++)
		post("e", "{}");
	assert_int_equal(runs_in("rate", "completed"), 2);
	world_pass(&w, MIN);
	assert_int_equal(runs_in("rate", "completed"), 4);
	world_crash(&w);
	world_pass(&w, MIN);
	assert_int_equal(runs_in("rate", "completed"), 5);
}

#define T(f) cmocka_unit_test_teardown(f, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_next_message_of_the_conversation_is_the_answer),
		T(silence_ends_a_wait_as_its_else_says),
		T(one_answer_never_answers_two_questions),
		T(what_came_since_the_run_began_is_looked_at_first),
		T(what_a_wait_takes_starts_no_other_rule),
		T(a_list_means_any_of_its_values),
		T(a_value_that_is_nil_is_an_error),
		T(a_cancelled_wait_hears_nothing),
		T(a_crash_at_any_turn_takes_the_same_event),
		T(a_person_lets_a_run_go_on),
		T(a_no_is_the_error_rejected),
		T(nobody_decides_in_time),
		T(a_step_gives_what_another_rule_gives),
		T(the_error_of_a_child_is_the_step_s),
		T(a_detached_run_is_not_waited_for),
		T(a_crash_at_any_turn_starts_one_child),
		T(values_outlive_runs_and_belong_to_their_rule),
		T(a_crash_at_any_turn_adds_once),
		T(later_events_of_a_key_start_nothing),
		T(runs_of_a_key_go_one_at_a_time),
		T(events_of_a_window_become_one_run),
		T(an_event_ends_the_runs_that_name_it),
		T(a_rate_lets_so_many_start_in_a_span),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
