/* Tests of the API: the forms of its answers, who may ask, and what a person decides. */
#include "tests/unit/serve/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "tests/unit/io/peer.h"

#define RULES                                                                                      \
	"api: pawl/1\nrule: orders\nabout: Orders.\n"                                              \
	"when: {webhook: orders, where: {kind: [paid, due]}}\n"                                    \
	"do:\n"                                                                                    \
	"  - set: {x: =data.n * 2}\n"                                                              \
	"  - if: x > 3\n    do: [{log: big}]\n    else: [{log: small}]\n"                          \
	"  - emit: order.done\n    if: x > 100\n"                                                  \
	"  - each: =data.items\n    item: it2\n    do: [{log: '=it2'}]\n"                          \
	"---\n"                                                                                    \
	"api: pawl/1\nrule: broken\nwhen: {webhook: broken}\ndo: [{log: a}, {fail: too bad}]\n"    \
	"---\n"                                                                                    \
	"api: pawl/1\nrule: sleeper\nwhen: {webhook: sleeper}\ndo: [{wait: 1h}]\n"

#define HOOKS "hooks: {orders: {verify: none}, broken: {verify: none}, sleeper: {verify: none}}\n"
#define ADMIN "admin: {token: !env PAWL_TEST_SECRET}\n"

static struct web web;

static int start(void **state)
{
	web_start(&web, HOOKS, RULES);
	return 0;
}

static int start_guarded(void **state)
{
	setenv("PAWL_TEST_SECRET", "s3cret", 1);
	web_start(&web, HOOKS ADMIN "public_url: https://hooks.example.com\n", RULES);
	return 0;
}

static int start_sandbox(void **state)
{
	web_start_sandbox(&web, NULL, NULL);
	return 0;
}

static int stop(void **state)
{
	web_stop(&web);
	return 0;
}

/* The id of the only run that an event to this hook starts; it has been driven. */
static const char *make_run(const char *hook, const char *body)
{
	static char id[40];
	auto_free char *path = mem_printf("/hooks/%s", hook);
	assert_int_equal(web_post(&web, path, body), 202);
	auto_free char *runs = mem_printf("/api/runs?event=%s", web_str(&web, "id"));
	web_settle(&web);
	assert_int_equal(web_get(&web, runs), 200);
	(void)snprintf(id, sizeof(id), "%s", web_str(&web, "runs.0.id"));
	return id;
}

static int get_run(const char *id)
{
	auto_free char *path = mem_printf("/api/runs/%s", id);
	return web_get(&web, path);
}

static int act(const char *id, const char *what, const char *body)
{
	auto_free char *path = mem_printf("/api/runs/%s/%s", id, what);
	int status = web_post(&web, path, body);
	web_settle(&web);
	return status;
}

static const json_t *step(const char *path)
{
	size_t i;
	json_t *v;
	json_array_foreach (json_object_get(web.body, "steps"), i, v)
		if (strcmp(json_str(v, "path"), path) == 0)
			return v;
	print_error("no step %s\n", path);
	fail();
	return NULL;
}

/* --- /api/runs --- */

static void a_run_is_told_with_its_steps(void **state)
{
	const char *id = make_run("orders", "{'kind': 'paid', 'n': 5, 'items': ['a', 'b']}");
	assert_int_equal(get_run(id), 200);
	assert_string_equal(web_str(&web, "id"), id);
	assert_string_equal(web_str(&web, "rule"), "orders");
	assert_string_equal(web_str(&web, "state"), "completed");
	assert_int_equal(strlen(web_str(&web, "version")), 64);
	assert_int_equal(strlen(web_str(&web, "created")), 24);
	assert_int_equal(strlen(web_str(&web, "ended")), 24);
	assert_string_equal(web_str(&web, "trigger.type"), "webhook:orders");
	assert_string_equal(web_str(&web, "trigger.id"), web_str(&web, "event"));
	assert_int_equal(json_int(web.body, "attempts", 0), 1);
	assert_true(json_is_null(json_object_get(web.body, "error")));
	assert_string_equal(json_str(step("do.1"), "kind"), "set");
	assert_string_equal(json_str(step("do.2"), "kind"), "if");
	assert_string_equal(json_str(step("do.2"), "state"), "completed");
	assert_string_equal(json_str(step("do.2/do.1"), "output"), "big");
	assert_string_equal(json_str(step("do.3"), "state"), "skipped");
	assert_string_equal(json_str(step("do.4"), "kind"), "each");
	assert_string_equal(json_str(step("do.4/each#2/do.1"), "kind"), "log");
	assert_string_equal(json_str(step("do.4/each#2/do.1"), "output"), "b");
	assert_true(json_array_size(json_object_get(web.body, "records")) > 5);
}

static void a_failed_run_says_what_failed(void **state)
{
	const char *id = make_run("broken", "{}");
	assert_int_equal(get_run(id), 200);
	assert_string_equal(web_str(&web, "state"), "failed");
	assert_string_equal(web_str(&web, "error.name"), "failed");
	assert_string_equal(json_str(step("do.1"), "state"), "completed");
	assert_string_equal(json_str(step("do.2"), "state"), "failed");
	assert_string_equal(json_string_value(json_path(step("do.2"), "error.message")), "too bad");
}

static void lists_of_runs_can_be_filtered_and_paged(void **state)
{
	for (int i = 0; i < 3; i++) {
		auto_free char *body = mem_printf("{'i': %d}", i);
		(void)make_run("broken", body);
		(void)make_run("sleeper", body);
	}
	static const struct {
		const char *query;
		size_t n;
	} rows[] = {
		{"", 6},
		{"?rule=broken", 3},
		{"?state=waiting", 3},
		{"?state=completed", 0},
		{"?rule=broken&state=failed&limit=2", 2},
		{"?since=1h", 6},
		{"?since=2100-01-01", 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *path = mem_printf("/api/runs%s", rows[i].query);
		assert_int_equal(web_get(&web, path), 200);
		assert_int_equal(json_array_size(json_object_get(web.body, "runs")), rows[i].n);
	}
	assert_int_equal(web_get(&web, "/api/runs?limit=4"), 200);
	auto_free char *next = mem_printf("/api/runs?limit=4&cursor=%lld",
					  (long long)json_int(web.body, "next", 0));
	assert_int_equal(web_get(&web, next), 200);
	assert_int_equal(json_array_size(json_object_get(web.body, "runs")), 2);
	assert_true(json_is_null(json_object_get(web.body, "next")));
}

static void a_question_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *method, *path;
		int status;
	} rows[] = {
		{"GET", "/api/runs?state=happy", 400},
		{"GET", "/api/runs?limit=0", 400},
		{"GET", "/api/runs?limit=1001", 400},
		{"GET", "/api/runs?limit=x", 400},
		{"GET", "/api/runs?cursor=-1", 400},
		{"GET", "/api/runs?since=soon", 400},
		{"GET", "/api/runs?event=x", 400},
		{"GET", "/api/runs/x", 404},
		{"GET", "/api/runs/01a20a6b-420d-70b4-9e0b-4ed00b43ed35", 404},
		{"GET", "/api/events/01a20a6b-420d-70b4-9e0b-4ed00b43ed35", 404},
		{"GET", "/api/rules/none", 404},
		{"GET", "/api/actions/a.b", 404},
		{"GET", "/api/runs/", 404},
		{"GET", "/api", 404},
		{"GET", "/api/nothing", 404},
		{"GET", "/", 404},
		{"DELETE", "/api/runs", 405},
		{"GET", "/api/runs/x/cancel", 405},
		{"POST", "/metrics", 405},
		{"POST", "/healthz", 405},
		{"GET", "/events", 405},
		{"GET", "/api/rules/%zz", 400},
		{"POST", "/api/actions/a.b/call", 404},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int status = web_ask(&web, rows[i].method, rows[i].path, NULL, NULL);
		if (status != rows[i].status)
			print_error("%s %s: %d\n", rows[i].method, rows[i].path, status);
		assert_int_equal(status, rows[i].status);
		assert_int_equal(json_int(web.body, "status", 0), rows[i].status);
	}
}

/* --- what a person decides --- */

static void a_failed_run_can_be_retried(void **state)
{
	const char *id = make_run("broken", "{}");
	assert_int_equal(act(id, "retry", "{}"), 202);
	assert_int_equal(get_run(id), 200);
	assert_int_equal(json_int(web.body, "attempts", 0), 2);
	assert_string_equal(web_str(&web, "state"), "failed");
	assert_int_equal(act(id, "resume", "{'as': 'done'}"), 409);
	assert_int_equal(act(id, "resume", "{'as': 'maybe'}"), 400);
	assert_int_equal(act(id, "resume", "[]"), 400);
	assert_int_equal(act("01a20a6b-420d-70b4-9e0b-4ed00b43ed35", "retry", "{}"), 404);
}

static void a_waiting_run_can_be_cancelled_once(void **state)
{
	const char *id = make_run("sleeper", "{}");
	assert_int_equal(get_run(id), 200);
	assert_string_equal(json_str(step("do.1"), "state"), "waiting");
	assert_non_null(json_str(step("do.1"), "due"));
	assert_int_equal(act(id, "cancel", "{}"), 202);
	assert_int_equal(get_run(id), 200);
	assert_string_equal(web_str(&web, "state"), "cancelled");
	assert_int_equal(act(id, "cancel", "{}"), 409);
}

/* --- who may ask --- */

static void the_token_opens_the_api_and_nothing_else_does(void **state)
{
	static const char *const paths[] = {"/api/runs", "/metrics", "/api/stats"};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(web_get(&web, paths[i]), 401);
		assert_int_equal(
			web_ask(&web, "GET", paths[i], "Authorization: Bearer s3cre\r\n", NULL),
			401);
		assert_int_equal(
			web_ask(&web, "GET", paths[i], "Authorization: Bearer s3cret\r\n", NULL),
			200);
	}
	assert_int_equal(web_post(&web, "/conversations/native", "{}"), 401);
	assert_int_equal(web_ask(&web, "POST", "/events", NULL, "{}"), 401);
	assert_int_equal(web_get(&web, "/healthz"), 200);
	assert_int_equal(web_get(&web, "/readyz"), 200);
	assert_int_equal(web_post(&web, "/hooks/orders", "{}"), 202);
}

static void only_known_hosts_and_own_pages_are_answered(void **state)
{
	static const struct {
		const char *headers;
		int status;
	} rows[] = {
		{"Host: localhost:1\r\n", 200},
		{"Host: 127.0.0.1\r\n", 200},
		{"Host: [::1]:8080\r\n", 200},
		{"Host: HOOKS.example.com\r\n", 200},
		{"Host: evil.example\r\n", 421},
		{"Host: localhost.evil.example\r\n", 421},
		{"Host: 127.0.0.1.evil.example\r\n", 421},
		{"Host: localhost\r\nOrigin: http://localhost\r\n", 200},
		{"Host: localhost\r\nOrigin: http://evil.example\r\n", 403},
		{"Host: localhost\r\nOrigin: null\r\n", 403},
		{"Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403},
		{"Host: localhost\r\nSec-Fetch-Site: same-site\r\n", 403},
		{"Host: localhost\r\nSec-Fetch-Site: same-origin\r\n", 200},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *h =
			mem_printf("%sAuthorization: Bearer s3cret\r\n", rows[i].headers);
		int status = web_ask(&web, "GET", "/api/rules", h, NULL);
		if (status != rows[i].status)
			print_error("%s: %d\n", rows[i].headers, status);
		assert_int_equal(status, rows[i].status);
		assert_null(strstr(buf_str(&web.head), "Access-Control"));
	}
}

/* --- what is loaded --- */

static void rules_are_told_with_their_triggers_and_text(void **state)
{
	assert_int_equal(web_get(&web, "/api/rules"), 200);
	assert_int_equal(json_array_size(json_object_get(web.body, "rules")), 3);
	assert_int_equal(web_get(&web, "/api/rules/orders"), 200);
	assert_string_equal(web_str(&web, "about"), "Orders.");
	assert_string_equal(web_str(&web, "triggers.0.type"), "webhook:orders");
	assert_string_equal(web_str(&web, "triggers.0.where.0.values.1"), "due");
	assert_non_null(strstr(web_str(&web, "source"), "rule: orders"));
}

static void the_catalogue_can_be_searched_and_asked(void **state)
{
	assert_int_equal(web_get(&web, "/api/actions"), 200);
	assert_true(json_array_size(json_object_get(web.body, "actions")) >= 40);
	assert_int_equal(web_get(&web, "/api/actions?q=create%20list"), 200);
	assert_string_equal(web_str(&web, "actions.0.name"),
			    "constant_contact.create_contact_list");
	assert_int_equal(web_get(&web, "/api/actions/constant_contact.create_contact_list"), 200);
	assert_string_equal(web_str(&web, "effect"), "keyed");
	assert_true(json_is_object(json_object_get(web.body, "definition")));
}

static void rules_change_as_a_whole_or_not_at_all(void **state)
{
	struct findings f = {0};
	web_rules(&web, "api: pawl/1\nrule: one\nwhen: {webhook: orders}\ndo: [{log: a}]\n");
	assert_int_equal(service_reload(web.service, NULL), 0);
	assert_int_equal(web_get(&web, "/api/rules/one"), 200);
	web_rules(&web, "api: pawl/1\nrule: two\nwhen: {webhook: orders}\ndoo: [{log: a}]\n");
	assert_int_equal(service_reload(web.service, &f), ERR_INVALID);
	assert_true(f.errors > 0);
	findings_done(&f);
	assert_int_equal(web_get(&web, "/api/rules/one"), 200);
	assert_int_equal(web_get(&web, "/api/rules/two"), 404);
	assert_int_equal(web_post(&web, "/hooks/orders", "{}"), 202);
}

/* --- figures --- */

static void figures_count_what_happened(void **state)
{
	(void)make_run("broken", "{}");
	assert_int_equal(web_post(&web, "/hooks/none", "{}"), 404);
	assert_int_equal(web_get(&web, "/api/stats"), 200);
	assert_int_equal(json_integer_value(json_path(web.body, "runs.failed")), 1);
	assert_int_equal(json_integer_value(json_path(web.body, "engine.accepted")), 1);
	assert_int_equal(web_get(&web, "/metrics"), 200);
	assert_non_null(strstr(buf_str(&web.text), "\npawl_events_accepted_total 1\n"));
	assert_non_null(strstr(buf_str(&web.text), "\npawl_requests_refused_total 1\n"));
}

/* --- /api/stream --- */

static void changes_of_runs_are_streamed(void **state)
{
	static const char ask[] = "GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct buf b = BUF_INIT;
	int fd = web_connect(&web);
	assert_true(write(fd, ask, strlen(ask)) > 0);
	web_settle(&web);
	const char *id = make_run("broken", "{}");
	auto_free char *want =
		mem_printf("data: {\"id\":\"%s\",\"rule\":\"broken\",\"state\":\"failed\"", id);
	web_settle(&web);
	(void)peer_read(fd, &b);
	assert_non_null(strstr(buf_str(&b), "text/event-stream"));
	assert_non_null(strstr(buf_str(&b), want));
	close(fd);
	web_settle(&web);
	(void)make_run("broken", "{'a': 1}"); /* nobody reads any more */
	buf_done(&b);
}

/* --- /api/actions/NAME/call --- */

#define CALL "/api/actions/constant_contact."

static void an_action_can_be_called_once(void **state)
{
	assert_int_equal(
		web_post(&web, CALL "create_contact_list/call", "{'with': {'name': 'Mine'}}"), 200);
	assert_int_equal(json_int(web.body, "status", 0), 201);
	assert_string_equal(web_str(&web, "result.name"), "Mine");
	assert_int_equal(
		web_post(&web, CALL "create_contact_list/call", "{'with': {'name': 'Mine'}}"), 502);
	assert_string_equal(web_str(&web, "error.name"), "exists");
	assert_int_equal(
		web_post(&web, CALL "create_contact_list/call", "{'with': {'nam': 'Mine'}}"), 400);
	assert_non_null(strstr(web_str(&web, "detail"), "nam"));
	assert_int_equal(web_get(&web, "/api/connections"), 200);
	assert_true(json_is_true(json_path(web.body, "connections.0.authorized")));
}

/* --- service_drain --- */

static void mark(void *arg)
{
	*(bool *)arg = true;
}

static void a_service_that_drains_takes_nothing_new(void **state)
{
	bool done = false;
	(void)make_run("sleeper", "{}");
	service_drain(web.service, 1000, mark, &done);
	assert_false(service_is_ready(web.service));
	web_settle(&web);
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name, begin) cmocka_unit_test_setup_teardown(name, begin, stop)
		T(a_run_is_told_with_its_steps, start),
		T(a_failed_run_says_what_failed, start),
		T(lists_of_runs_can_be_filtered_and_paged, start),
		T(a_question_that_makes_no_sense_is_refused, start),
		T(a_failed_run_can_be_retried, start),
		T(a_waiting_run_can_be_cancelled_once, start),
		T(the_token_opens_the_api_and_nothing_else_does, start_guarded),
		T(only_known_hosts_and_own_pages_are_answered, start_guarded),
		T(rules_are_told_with_their_triggers_and_text, start),
		T(the_catalogue_can_be_searched_and_asked, start),
		T(rules_change_as_a_whole_or_not_at_all, start),
		T(figures_count_what_happened, start),
		T(changes_of_runs_are_streamed, start),
		T(an_action_can_be_called_once, start_sandbox),
		T(a_service_that_drains_takes_nothing_new, start),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
