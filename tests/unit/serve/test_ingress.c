/* Tests of the ways in, from the socket to the store. */
#include "tests/unit/serve/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

#define RULES                                                                                      \
	"api: pawl/1\nrule: orders\nwhen: {webhook: shop/orders, where: {kind: paid}}\n"           \
	"do: [{log: 'order ${data.n}'}]\n---\n"                                                    \
	"api: pawl/1\nrule: leads\nwhen: {conversation: lead.captured}\ndo: [{log: lead}]\n"

#define HOOKS                                                                                      \
	"hooks:\n"                                                                                 \
	"  shop/orders: {verify: none, id: {json: /id}}\n"                                         \
	"  body: {verify: none, max_body: 64}\n"                                                   \
	"  byheader: {verify: none, id: {header: X-Delivery-Id}}\n"                                \
	"  link: {verify: none, methods: [GET]}\n"                                                 \
	"  signed: {verify: {hmac: {header: X-Shop-Mac, secret: !env PAWL_TEST_SECRET}}}\n"

static struct web web;

static int start(void **state)
{
	setenv("PAWL_TEST_SECRET", "s3cret", 1);
	web_start(&web, HOOKS, RULES);
	return 0;
}

static int stop(void **state)
{
	web_stop(&web);
	return 0;
}

/* The id in the last answer, in a static buffer of two that take turns. */
static const char *answered_id(void)
{
	static char ids[2][40];
	static unsigned turn;
	char *to = ids[turn++ % 2];
	(void)snprintf(to, sizeof(ids[0]), "%s", web_str(&web, "id"));
	return to;
}

/* The newest event, as the API tells it. */
static const json_t *newest_event(void)
{
	assert_int_equal(web_get(&web, "/api/events?limit=1"), 200);
	return json_array_get(json_object_get(web.body, "events"), 0);
}

/* --- hooks --- */

static void an_event_is_answered_once_it_is_durable_and_starts_its_run(void **state)
{
	assert_int_equal(
		web_post(&web, "/hooks/shop/orders", "{'id': 'a', 'kind': 'paid', 'n': 1}"), 202);
	const char *id = answered_id();
	auto_free char *path = mem_printf("/api/events/%s", id);
	assert_int_equal(web_get(&web, path), 200);
	assert_string_equal(web_str(&web, "type"), "webhook:shop/orders");
	assert_string_equal(web_str(&web, "source"), "/hooks/shop/orders");
	assert_int_equal(json_array_size(json_object_get(web.body, "runs")), 1);
}

static void an_event_of_which_nobody_wants_to_hear_is_kept_too(void **state)
{
	assert_int_equal(web_post(&web, "/hooks/shop/orders", "{'id': 'b', 'kind': 'refund'}"),
			 202);
	assert_int_equal(json_array_size(json_object_get(newest_event(), "runs")), 0);
}

static void a_repeated_id_gets_the_first_events_id(void **state)
{
	assert_int_equal(web_post(&web, "/hooks/shop/orders", "{'id': 7, 'n': 1}"), 202);
	const char *first = answered_id();
	assert_int_equal(web_post(&web, "/hooks/shop/orders", "{'id': 7, 'n': 2}"), 200);
	assert_string_equal(answered_id(), first);
	assert_int_equal(web_post(&web, "/hooks/shop/orders", "{'id': 8, 'n': 2}"), 202);
	static const char h[] = "Content-Type: application/json\r\nX-Delivery-Id: d1\r\n";
	assert_int_equal(web_ask(&web, "POST", "/hooks/byheader", h, "{\"a\":1}"), 202);
	assert_int_equal(web_ask(&web, "POST", "/hooks/byheader", h, "{\"a\":2}"), 200);
}

static void without_an_id_the_same_body_is_the_same_event(void **state)
{
	assert_int_equal(web_post(&web, "/hooks/body", "{'a': 1}"), 202);
	assert_int_equal(web_post(&web, "/hooks/body", "{'a': 1}"), 200);
	assert_int_equal(web_post(&web, "/hooks/body", "{'a': 2}"), 202);
	assert_int_equal(web_post(&web, "/hooks/byheader", "{'a': 1}"), 202);
}

static void a_store_that_fails_is_not_answered_with_202(void **state)
{
	web_settle(&web);
	store_mem_fail(web.store, 1, ERR_STORE);
	assert_int_equal(web_post(&web, "/hooks/shop/orders", "{'id': 'f', 'kind': 'paid'}"), 503);
	assert_non_null(strstr(buf_str(&web.head), "Retry-After: "));
	assert_int_equal(web_post(&web, "/hooks/shop/orders", "{'id': 'f', 'kind': 'paid'}"), 202);
}

static void what_is_refused_says_why_and_leaves_nothing(void **state)
{
	static const struct {
		const char *method, *path, *headers, *body;
		int status;
	} rows[] = {
		{"POST", "/hooks/none", NULL, "{}", 404},
		{"POST", "/hooks/", NULL, "{}", 404},
		{"POST", "/hooks/shop", NULL, "{}", 404},
		{"GET", "/hooks/shop/orders", NULL, NULL, 405},
		{"PUT", "/hooks/shop/orders", NULL, "{}", 405},
		{"POST", "/hooks/link", NULL, "{}", 405},
		{"POST", "/hooks/shop/orders", "Content-Type: application/json\r\n", "{", 400},
		{"POST", "/hooks/shop/orders", "Content-Type: application/json\r\n", "", 400},
		{"POST", "/hooks/shop/orders", "Content-Type: application/json\r\n",
		 "{\"a\":1,\"a\":2}", 400},
		{"POST", "/hooks/shop/orders",
		 "Content-Type: application/x-www-form-urlencoded\r\n", "a=%ff", 400},
		{"POST", "/hooks/shop/orders", "Content-Type: text/plain\r\n", "\xff", 400},
		{"POST", "/hooks/shop/orders", "Content-Type: multipart/form-data; boundary=x\r\n",
		 "x", 415},
		{"POST", "/hooks/shop/orders", "Content-Type: image/png\r\n", "x", 415},
		{"POST", "/hooks/shop/orders", "Content-Encoding: gzip\r\n", "x", 415},
		{"POST", "/hooks/body", NULL,
		 "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890\"}", 413},
		{"POST", "/hooks/signed", "Content-Type: application/json\r\n", "{}", 401},
		{"POST", "/hooks/shop/orders", "Host: evil.example\r\n", "{}", 421},
		{"GET", "/hooks/link?a=%zz", NULL, NULL, 400},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int status =
			web_ask(&web, rows[i].method, rows[i].path, rows[i].headers, rows[i].body);
		if (status != rows[i].status)
			print_error("%s %s %s: %d\n", rows[i].method, rows[i].path, rows[i].body,
				    status);
		assert_int_equal(status, rows[i].status);
		assert_true(*web_str(&web, "detail") != 0);
		assert_non_null(strstr(buf_str(&web.head), "application/problem+json"));
		if (status == 405)
			assert_non_null(strstr(buf_str(&web.head), "Allow: "));
	}
	assert_null(newest_event());
}

static void a_signed_body_is_taken(void **state)
{
	unsigned char mac[64];
	char hex[129];
	hex_encode(mac, hmac("sha256", "s3cret", 6, "{\"a\":1}", 7, mac), hex);
	auto_free char *headers =
		mem_printf("Content-Type: application/json\r\nX-Shop-Mac: %s\r\n", hex);
	assert_int_equal(web_ask(&web, "POST", "/hooks/signed", headers, "{\"a\":1}"), 202);
	assert_int_equal(web_ask(&web, "POST", "/hooks/signed", headers, "{\"a\":2}"), 401);
	assert_null(json_path(newest_event(), "headers.x-shop-mac"));
}

static void forms_and_texts_become_data(void **state)
{
	static const struct {
		const char *type, *body, *want;
	} rows[] = {
		{"application/x-www-form-urlencoded", "a=1&b=x+y&a=%C3%A9&a=3&c",
		 "{\"a\":[\"1\",\"é\",\"3\"],\"b\":\"x y\",\"c\":\"\"}"},
		{"application/x-www-form-urlencoded; charset=utf-8", "", "{}"},
		{"text/plain", "hello \"you\"", "{\"text\":\"hello \\\"you\\\"\"}"},
		{"application/vnd.shop+json", "[1, 2]", "[1,2]"},
		{"application/json", "5", "5"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *h = mem_printf("Content-Type: %s\r\n", rows[i].type);
		assert_int_equal(web_ask(&web, "POST", "/hooks/body", h, rows[i].body), 202);
		auto_free char *got = json_text(json_object_get(newest_event(), "data"));
		assert_string_equal(got, rows[i].want);
	}
	assert_int_equal(web_ask(&web, "POST", "/hooks/body", NULL, "[3]"), 202);
	assert_true(json_is_array(json_object_get(newest_event(), "data")));
}

static void a_link_that_is_followed_is_an_event(void **state)
{
	assert_int_equal(web_get(&web, "/hooks/link?token=t%201&yes=1"), 202);
	const json_t *e = newest_event();
	assert_string_equal(json_string_value(json_path(e, "data.token")), "t 1");
	assert_string_equal(json_string_value(json_path(e, "query.yes")), "1");
	assert_string_equal(json_str(e, "path"), "/hooks/link");
}

static void credentials_are_not_among_the_headers_of_an_event(void **state)
{
	static const char h[] =
		"Content-Type: application/json\r\nUser-Agent: shop/1 \"q\"\r\nX-Topic: paid\r\n"
		"X-Topic: second\r\nX-Shop-Signature: s\r\nX-Api-Key: k\r\nX-Auth-Token: t\r\n"
		"Authorization: Bearer b\r\nCookie: c\r\nAccept: a\r\nX-Latin: caf\xe9\r\n";
	assert_int_equal(web_ask(&web, "POST", "/hooks/body", h, "{}"), 202);
	auto_free char *got = json_text(json_object_get(newest_event(), "headers"));
	assert_string_equal(
		got, "{\"content-type\":\"application/json\",\"user-agent\":\"shop/1 \\\"q\\\"\","
		     "\"x-topic\":\"paid\",\"x-latin\":null}");
}

static void a_sender_that_does_not_wait_is_heard_all_the_same(void **state)
{
	static const char text[] =
		"POST /hooks/shop/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 22\r\n"
		"Content-Type: application/json\r\n\r\n{\"id\":1,\"kind\":\"gone\"}";
	int fd = web_connect(&web);
	assert_true(write(fd, text, strlen(text)) > 0);
	close(fd);
	web_settle(&web);
	assert_non_null(newest_event());
}

/* --- conversations --- */

#define LEAD(id, more)                                                                             \
	"{'specversion': '1.0', 'id': '" id "', 'source': '/conversations/bot/acme',"              \
	"'type': 'lead.captured', 'subject': 'bot:acme:c1', 'time': '2026-11-23T09:46:31Z',"       \
	"'datacontenttype': 'application/json', 'data': {'platform': 'bot', 'account': 'acme',"    \
	"'conversation': {'id': 'c1', 'channel': 'web'}" more "}}"

static void a_native_conversation_event_starts_its_rules(void **state)
{
	assert_int_equal(web_post(&web, "/conversations/native", LEAD("l1", "")), 202);
	assert_int_equal(web_post(&web, "/conversations/native", LEAD("l1", "")), 200);
	const json_t *e = newest_event();
	assert_string_equal(json_str(e, "time"), "2026-11-23T09:46:31.000Z");
	assert_string_equal(json_str(e, "subject"), "bot:acme:c1");
	assert_int_equal(json_array_size(json_object_get(e, "runs")), 1);
}

static void what_is_against_the_model_is_told_by_its_path(void **state)
{
	static const struct {
		const char *more, *says;
	} rows[] = {
		{", 'intent': {}", "data.intent.name: is missing"},
		{", 'intent': {'name': 'x', 'confidence': 2}",
		 "data.intent.confidence: is out of its range"},
		{", 'message': {'id': 5}", "data.message.id: must be text, not integer"},
		{", 'message': {'id': 'm', 'format': 'rtf'}",
		 "data.message.format: must be one of plain"},
		{", 'participant': {'id': 'p'}", "data.participant.role: is missing"},
		{", 'entities': [{'name': 'n'}]", "data.entities[0].value: is missing"},
		{", 'contact': {'mail': 'x'}", "data.contact.mail: is no field of the model"},
		{", 'slots': []", "data.slots: must be an object"},
		{", 'changed': [1]", "data.changed[0]: must be text"},
		{", 'transcript': 'x'", "data.transcript: must be an object"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *body = mem_printf("%s%s}}", "", LEAD("w", ""));
		body[strlen(body) - 4] = 0;
		auto_free char *whole = mem_printf("%s%s}}", body, rows[i].more);
		assert_int_equal(web_post(&web, "/conversations/native", whole), 400);
		if (!strstr(web_str(&web, "detail"), rows[i].says))
			print_error("%s\n", web_str(&web, "detail"));
		assert_non_null(strstr(web_str(&web, "detail"), rows[i].says));
	}
	assert_int_equal(web_post(&web, "/conversations/slack", LEAD("x", "")), 400);
	assert_int_equal(web_post(&web, "/conversations/nowhere", LEAD("x", "")), 404);
	assert_null(newest_event());
}

static void a_batch_is_taken_as_a_whole_or_not_at_all(void **state)
{
	assert_int_equal(web_post(&web, "/conversations/native",
				  "[" LEAD("b1", "") "," LEAD("b2", ", 'x': 1") "]"),
			 400);
	assert_non_null(strstr(web_str(&web, "detail"), "[1]"));
	assert_null(newest_event());
	assert_int_equal(
		web_post(&web, "/conversations/native", "[" LEAD("b1", "") "," LEAD("b2", "") "]"),
		202);
	assert_int_equal(json_array_size(json_object_get(web.body, "ids")), 2);
	assert_int_equal(web_post(&web, "/conversations/native", "[" LEAD("b1", "") "]"), 200);
	assert_int_equal(web_post(&web, "/conversations/native", "[]"), 400);
}

/* --- events --- */

#define CE "Content-Type: application/cloudevents+json\r\n"

static void a_cloudevent_arrives_in_each_of_its_forms(void **state)
{
	assert_int_equal(
		web_ask(&web, "POST", "/events", CE,
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"a.b\","
			"\"data\":{\"x\":1},\"traceparent\":\"tp\",\"depth\":99}"),
		202);
	const json_t *e = newest_event();
	assert_int_equal(json_integer_value(json_path(e, "data.x")), 1);
	assert_string_equal(json_str(e, "traceparent"), "tp");
	assert_null(json_object_get(e, "depth"));
	static const char binary[] =
		"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /s\r\nce-type: a.b\r\n"
		"ce-subject: caf%C3%A9\r\nContent-Type: application/json\r\n";
	assert_int_equal(web_ask(&web, "POST", "/events", binary, "{\"x\":2}"), 200);
	auto_free char *other = mem_strdup(binary);
	*strstr(other, "/s") = '~';
	assert_int_equal(web_ask(&web, "POST", "/events", other, "{\"x\":2}"), 202);
	assert_string_equal(json_str(newest_event(), "subject"), "café");
	assert_int_equal(
		web_ask(&web, "POST", "/events",
			"Content-Type: application/cloudevents-batch+json\r\n",
			"[{\"specversion\":\"1.0\",\"id\":\"3\",\"source\":\"/s\",\"type\":\"a\"}]"),
		202);
}

static void a_cloudevent_may_not_pass_for_one_of_ours(void **state)
{
	static const char *const rows[] = {
		"\"source\":\"/conversations/bot/a\",\"type\":\"lead.captured\"",
		"\"source\":\"/hooks/shop\",\"type\":\"a\"",
		"\"source\":\"/rules/x\",\"type\":\"a\"",
		"\"source\":\"/s\",\"type\":\"webhook:shop/orders\"",
		"\"source\":\"/s\",\"type\":\"run.failed\"",
		"\"source\":\"/s\",\"type\":\"schedule\"",
		"\"source\":\"/s\"",
		"\"type\":\"a\"",
		"\"source\":\"\",\"type\":\"a\"",
		"\"source\":5,\"type\":\"a\"",
		"\"source\":\"/s\",\"type\":\"a\",\"time\":\"soon\"",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *body =
			mem_printf("{\"specversion\":\"1.0\",\"id\":\"1\",%s}", rows[i]);
		assert_int_equal(web_ask(&web, "POST", "/events", CE, body), 400);
	}
	assert_int_equal(web_ask(&web, "POST", "/events", CE,
				 "{\"specversion\":\"0.3\",\"id\":\"1\","
				 "\"source\":\"/s\",\"type\":\"a\"}"),
			 400);
	assert_int_equal(
		web_ask(&web, "POST", "/events", "Content-Type: application/json\r\n", "{}"), 415);
	assert_int_equal(
		web_ask(&web, "POST", "/events", CE "Origin: http://evil.example\r\n", "{}"), 403);
	assert_null(newest_event());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
		T(an_event_is_answered_once_it_is_durable_and_starts_its_run),
		T(an_event_of_which_nobody_wants_to_hear_is_kept_too),
		T(a_repeated_id_gets_the_first_events_id),
		T(without_an_id_the_same_body_is_the_same_event),
		T(a_store_that_fails_is_not_answered_with_202),
		T(what_is_refused_says_why_and_leaves_nothing),
		T(a_signed_body_is_taken),
		T(forms_and_texts_become_data),
		T(a_link_that_is_followed_is_an_event),
		T(credentials_are_not_among_the_headers_of_an_event),
		T(a_sender_that_does_not_wait_is_heard_all_the_same),
		T(a_native_conversation_event_starts_its_rules),
		T(what_is_against_the_model_is_told_by_its_path),
		T(a_batch_is_taken_as_a_whole_or_not_at_all),
		T(a_cloudevent_arrives_in_each_of_its_forms),
		T(a_cloudevent_may_not_pass_for_one_of_ours),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
