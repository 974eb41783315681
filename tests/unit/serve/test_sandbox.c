/* The sandbox on its socket: trouble on demand, late and lost answers, the log, the limits. */
#include "tests/unit/serve/sandbox_api.h"

#include "engine/serve/sandbox.h"
#include "tests/unit/io/peer.h"

#define FORM "/v3/contacts/sign_up_form"
#define SIGN_UP "{'email_address':'n@example.com','list_memberships':['" LEADS "']}"
#define RAW_GET "GET /v3/contacts/counts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n\r\n"

struct fixture {
	struct clock_virtual clock;
	struct rng rng;
	struct loop *l;
	struct sandbox *s;
	int fd;
	struct buf in;
};

static struct fixture f;

static int start(void **state)
{
	struct errmsg msg = {0};
	const struct sandbox_config c = {
		.listen = "127.0.0.1:0", .scripts_dir = "scripts/sandbox", .seed = "demo"};
	f = (struct fixture){.fd = -1};
	clock_virtual_init(&f.clock, 1700000000000);
	rng_seeded_init(&f.rng, 7);
	f.l = loop_new(&f.clock.clock, false);
	f.s = sandbox_new(f.l, &f.rng, &c, &msg);
	if (!f.s)
		print_error("%s\n", msg.text);
	f.fd = f.s ? peer_connect(sandbox_port(f.s)) : -1;
	return f.fd >= 0 ? 0 : -1;
}

static int stop(void **state)
{
	if (f.fd >= 0)
		close(f.fd);
	sandbox_free(f.s);
	loop_free(f.l);
	buf_done(&f.in);
	return 0;
}

/* Sends bytes; f.in holds what came back. False when the connection is gone. */
static bool say(const char *text)
{
	buf_clear(&f.in);
	assert_int_equal(send(f.fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	peer_turn(f.l, 6);
	return peer_read(f.fd, &f.in);
}

static bool hear(void)
{
	buf_clear(&f.in);
	peer_turn(f.l, 6);
	return peer_read(f.fd, &f.in);
}

/* A request with a JSON body in which ' stands for ". */
static bool post(const char *path, const char *body)
{
	auto_free char *text =
		mem_printf("POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n"
			   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			   path, strlen(body), body);
	for (char *p = text; (p = strchr(p, '\'')); p++)
		*p = '"';
	return say(text);
}

static bool heard(const char *part)
{
	return strstr(buf_str(&f.in), part) != NULL;
}

static void reconnect(void)
{
	close(f.fd);
	f.fd = peer_connect(sandbox_port(f.s));
}

static bool log_has(const char *part)
{
	assert_true(say("GET /_sandbox/log HTTP/1.1\r\nHost: a\r\n\r\n"));
	return heard(part);
}

/* ---- sandbox_new ---- */

static void it_answers_over_http_with_a_date(void **state)
{
	assert_true(say(RAW_GET));
	assert_true(heard("HTTP/1.1 200 OK\r\n"));
	assert_true(heard("\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
	assert_true(heard("\r\nContent-Type: application/json\r\n"));
	assert_true(heard("\"total\":12"));
}

static size_t heard_times(const char *part)
{
	size_t n = 0;
	for (const char *p = buf_str(&f.in); (p = strstr(p, part)); p++)
		n++;
	return n;
}

static void a_moved_clock_moves_the_one_date(void **state)
{
	static const char put[] = "PUT /_sandbox HTTP/1.1\r\nHost: a\r\nContent-Type: "
				  "application/json\r\nContent-Length: 26\r\n\r\n";
	auto_free char *text = mem_printf("%s{\"now_offset_ms\":86400000}", put);
	assert_true(say(text));
	assert_true(say(RAW_GET));
	assert_int_equal(heard_times("\r\nDate: "), 1);
	assert_true(heard("\r\nDate: Wed, 15 Nov 2023 22:13:20 GMT\r\n"));
}

static void a_missing_application_or_seed_is_told(void **state)
{
	struct errmsg msg = {0};
	struct sandbox_config c = {.listen = "127.0.0.1:0", .scripts_dir = "scripts/nothing"};
	assert_null(sandbox_new(f.l, &f.rng, &c, &msg));
	assert_non_null(strstr(msg.text, "scripts/nothing"));
	c.scripts_dir = "scripts/sandbox";
	c.seed = "grass";
	assert_null(sandbox_new(f.l, &f.rng, &c, &msg));
	assert_non_null(strstr(msg.text, "no such seed"));
	c.seed = NULL;
	c.listen = "nowhere";
	assert_null(sandbox_new(f.l, &f.rng, &c, &msg));
}

/* ---- lost and late answers ---- */

static void a_lost_answer_has_acted_and_the_connection_is_reset(void **state)
{
	assert_true(post("/_sandbox/faults", "[{'method':'POST','path':'/v3/contacts','kind':"
					     "'lose_answer'}]"));
	assert_true(heard("201 Created"));
	assert_false(post(FORM, SIGN_UP));
	assert_int_equal(f.in.len, 0);
	assert_int_equal(errno, ECONNRESET);
	reconnect();
	assert_true(log_has("\"fault\":\"lose_answer\",\"lost\":true"));
	assert_true(heard("\"changed\":true"));
	assert_true(post(FORM, SIGN_UP));
	assert_true(heard("\"updated\""));
}

static void a_request_can_be_lost_before_it_acts(void **state)
{
	assert_true(post("/_sandbox/faults", "{'path':'" FORM "','kind':'lose_answer',"
					     "'after_acting':false}"));
	assert_false(post(FORM, SIGN_UP));
	reconnect();
	assert_true(post(FORM, SIGN_UP));
	assert_true(heard("\"created\""));
}

static void a_delayed_answer_comes_when_its_time_has_come(void **state)
{
	assert_true(post("/_sandbox/faults", "{'kind':'delay','delay_ms':5000}"));
	assert_true(post(FORM, SIGN_UP));
	assert_int_equal(f.in.len, 0);
	clock_virtual_advance(&f.clock, 4999);
	assert_true(hear());
	assert_int_equal(f.in.len, 0);
	clock_virtual_advance(&f.clock, 1);
	assert_true(hear());
	assert_true(heard("HTTP/1.1 201"));
}

static void a_request_that_acts_late_acts_though_the_client_has_gone(void **state)
{
	assert_true(
		post("/_sandbox/faults", "{'kind':'delay','delay_ms':5000,'after_acting':false}"));
	assert_true(post(FORM, SIGN_UP));
	peer_reset(f.fd);
	f.fd = peer_connect(sandbox_port(f.s));
	assert_true(log_has("\"changed\":0"));
	clock_virtual_advance(&f.clock, 5000);
	peer_turn(f.l, 4);
	assert_true(log_has("\"changed\":1"));
	assert_true(heard("\"status\":201"));
}

static void a_sandbox_can_end_with_answers_outstanding(void **state)
{
	assert_true(post("/_sandbox/faults",
			 "[{'kind':'delay','delay_ms':5000},"
			 "{'kind':'delay','delay_ms':5000,'after_acting':false}]"));
	assert_true(say(RAW_GET RAW_GET));
	reconnect();
	assert_true(say(RAW_GET));
	assert_int_equal(f.in.len, 0);
}

/* ---- other faults (on the application alone) ---- */

static void faults_choose_by_method_path_and_count(void **state)
{
	call(201, "POST", "/_sandbox/faults",
	     "[{'method':'GET','path':'/v3/contacts/{id}','kind':"
	     "'status','status':503,'times':2,'skip':1},{'path':'/v3/*/counts','kind':'throttled'},"
	     "{'method':'DELETE','kind':'status','status':409}]");
	call(200, "GET", "/v3/contacts", NULL);
	call(429, "GET", "/v3/contacts/counts", NULL); /* the one that the first fault skips */
	expect("error_key", "throttled");
	call(503, "GET", "/v3/contacts/" ADA, NULL);
	expect_some("0.error_key");
	call(503, "GET", "/v3/contacts/" ADA, NULL);
	call(200, "GET", "/v3/contacts/" ADA, NULL);
	call(200, "GET", "/_sandbox/faults", NULL);
	expect("faults.0.method", "DELETE");
	expect("faults.1", "-");
	call(204, "DELETE", "/_sandbox/faults", NULL);
	call(204, "DELETE", "/v3/contacts/" ADA, NULL);
}

static void a_fault_can_fail_a_request_that_has_acted(void **state)
{
	call(201, "POST", "/_sandbox/faults",
	     "[{'kind':'status','status':500,'after_acting':true},"
	     "{'kind':'quota_exceeded'},{'kind':'queue_full'},"
	     "{'kind':'status','status':418,'body':{'tea':true}}]");
	call(500, "POST", FORM, SIGN_UP);
	call(429, "POST", FORM, SIGN_UP);
	expect("error_key", "quota_exceeded");
	call(429, "POST", FORM, SIGN_UP);
	expect("error_key", "activity_queue_limit");
	call(418, "POST", FORM, SIGN_UP);
	expect("tea", "true");
	call(200, "POST", FORM, SIGN_UP);
	expect("action", "updated");
	call(200, "GET", "/_sandbox/log", NULL);
	expect("changed", "2");
	expect("entries.0.status", "500");
	expect("entries.0.changed", "true");
	expect("entries.1.changed", "false");
}

static void faults_that_make_no_sense_are_refused(void **state)
{
	call(400, "POST", "/_sandbox/faults", "{}");
	call(400, "POST", "/_sandbox/faults", "[5]");
	call(400, "POST", "/_sandbox/faults", "{'kind':'rain'}");
	call(400, "POST", "/_sandbox/faults", "{'kind':'status','status':200}");
	call(200, "GET", "/_sandbox/faults", NULL);
	expect("faults", "[]");
}

/* ---- limits, log, settings ---- */

static void the_rate_is_limited_by_second_and_by_utc_day(void **state)
{
	call(200, "PUT", "/_sandbox", "{'rate':{'per_second':2,'per_day':3}}");
	call(200, "GET", "/v3/contacts", NULL);
	call(200, "GET", "/v3/contacts", NULL);
	call(429, "GET", "/v3/contacts", NULL);
	expect("error_key", "throttled");
	wait_ms(1000);
	call(200, "GET", "/v3/contacts", NULL);
	call(429, "GET", "/v3/contacts", NULL);
	expect("error_key", "quota_exceeded");
	wait_ms(86400000 - 80001000LL % 86400000); /* midnight, the clock began at 22:13:20 */
	call(200, "GET", "/v3/contacts", NULL);
	call(200, "PUT", "/_sandbox", "{'rate':{'per_second':null,'per_day':null}}");
	for (int i = 0; i < 20; i++)
		call(200, "GET", "/v3/contacts", NULL);
}

static void each_change_is_one_entry_of_the_log(void **state)
{
	call(409, "POST", "/v3/contact_lists", "{'name':'Leads'}");
	call(201, "POST", "/v3/contact_lists", "{'name':'Fresh'}");
	call(200, "GET", "/v3/contacts?limit=1", NULL);
	call(202, "DELETE", "/v3/contact_lists/" LEADS, NULL);
	call(200, "GET", "/_sandbox/log?since=1", NULL);
	expect("last", "4");
	expect("changed", "2");
	expect("entries.0.n", "2");
	expect("entries.0.body.name", "Fresh");
	expect("entries.0.effect.kind", "list");
	expect("entries.1.query", "limit=1");
	expect("entries.1.changed", "false");
	expect("entries.1.effect", "-");
	expect("entries.2.effect.kind", "activity");
	expect("entries.3", "-");
}

static void the_log_forgets_its_oldest_entries(void **state)
{
	call(200, "PUT", "/_sandbox", "{'log_max':2}");
	for (int i = 0; i < 5; i++)
		call(200, "GET", "/v3/contacts/" ADA, NULL);
	call(200, "GET", "/_sandbox/log", NULL);
	expect("first", "4");
	expect("entries.0.n", "4");
	expect("entries.2", "-");
}

static void settings_are_checked_and_a_reset_takes_them_back(void **state)
{
	call(400, "PUT", "/_sandbox", "{'activity_ms':'soon'}");
	call(400, "PUT", "/_sandbox", "{'rate':5}");
	call(200, "PUT", "/_sandbox",
	     "{'activity_ms':0,'token':'t2','now_offset_ms':86400000,"
	     "'confirmed_opt_in':true}");
	expect("now", "2023-11-15T22:13:20.000Z");
	call(401, "GET", "/v3/contacts", NULL);
	api.token = "Bearer t2";
	call(201, "POST", "/v3/activities/contact_delete", "{'contact_ids':['" ADA "']}");
	call(200, "GET", "/v3/contacts/" ADA, NULL);
	expect("deleted_at", "2023-11-15");
	call(201, "POST", FORM, SIGN_UP);
	call(200, "GET", "/v3/contacts?status=pending_confirmation&email=n@example.com", NULL);
	expect_some("contacts.0");
	call(200, "POST", "/_sandbox/reset", "{'seed':'none'}");
	expect("activity_ms", "3000");
	expect("token", "null");
	call(200, "GET", "/_sandbox/state", NULL);
	expect("contacts", "0");
	expect("requests", "0");
	call(200, "POST", "/_sandbox/reset", NULL);
	call(200, "GET", "/_sandbox/state", NULL);
	expect("contacts", "12");
}

#define S(f) cmocka_unit_test_setup_teardown(f, start, stop)
#define T(f) cmocka_unit_test_setup_teardown(f, api_start, api_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(it_answers_over_http_with_a_date),
		S(a_moved_clock_moves_the_one_date),
		S(a_missing_application_or_seed_is_told),
		S(a_lost_answer_has_acted_and_the_connection_is_reset),
		S(a_request_can_be_lost_before_it_acts),
		S(a_delayed_answer_comes_when_its_time_has_come),
		S(a_request_that_acts_late_acts_though_the_client_has_gone),
		S(a_sandbox_can_end_with_answers_outstanding),
		T(faults_choose_by_method_path_and_count),
		T(a_fault_can_fail_a_request_that_has_acted),
		T(faults_that_make_no_sense_are_refused),
		T(the_rate_is_limited_by_second_and_by_utc_day),
		T(each_change_is_one_entry_of_the_log),
		T(the_log_forgets_its_oldest_entries),
		T(settings_are_checked_and_a_reset_takes_them_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
