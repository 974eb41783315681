/* The sandbox's sign-in server: codes, devices, refreshing, lives of tokens, and what counts them. */
#include "tests/unit/serve/sandbox_api.h"

#define AUTH "/oauth2/default/v1/authorize"
#define TOKEN "/oauth2/default/v1/token"
#define DEVICE "/oauth2/default/v1/device/authorize"
#define BACK "redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fback"
#define ASK "client_id=app&response_type=code&scope=contact_data+offline_access&" BACK "&state=s1"
/* A verifier and its challenge as in RFC 7636, appendix B. */
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define DEVICE_GRANT "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=app"

static char code[64], refresh[64], access_header[4096], device_code[64];

static int start(void **state)
{
	int rc = api_start(state);
	code[0] = refresh[0] = '\0';
	return rc;
}

static void set(const char *body)
{
	call(200, "PUT", "/_sandbox", body);
}

static int form(const char *path, const char *text)
{
	api.type = "application/x-www-form-urlencoded";
	int status = call_raw("POST", path, text, strlen(text));
	api.type = "application/json";
	return status;
}

/* The status of a request to the API with the token that was got last. */
static int use_token(void)
{
	api.token = access_header;
	return call_raw("GET", "/v3/contacts/counts", "", 0);
}

static void keep_tokens(void)
{
	snprintf(access_header, sizeof(access_header), "Bearer %s",
		 json_string_value(json_object_get(api.json, "access_token")));
	snprintf(refresh, sizeof(refresh), "%s", at("refresh_token"));
}

static int ask_refresh(const char *token)
{
	char text[300];
	snprintf(text, sizeof(text), "grant_type=refresh_token&client_id=app&refresh_token=%s",
		 token);
	return form(TOKEN, text);
}

/* Asks for a code with more parameters than the usual ones. */
static void get_code(const char *more)
{
	char path[600];
	set("{'oauth':{'auto_approve':true,'required':true}}");
	snprintf(path, sizeof(path), "%s%s", AUTH "?" ASK, more);
	call(302, "GET", path, NULL);
	const char *found = strstr(buf_str(&api.answer.extra), "code=");
	assert_non_null(found);
	assert_non_null(strstr(buf_str(&api.answer.extra), "state=s1"));
	snprintf(code, sizeof(code), "%.*s", (int)strcspn(found + 5, "&\r"), found + 5);
}

static int redeem(const char *more)
{
	char text[400];
	snprintf(text, sizeof(text), "grant_type=authorization_code&code=%s&%s%s", code, BACK,
		 more);
	return form(TOKEN, text);
}

static void sign_in(void)
{
	get_code("&code_challenge=" CHALLENGE "&code_challenge_method=S256");
	assert_int_equal(redeem("&client_id=app&code_verifier=" VERIFIER), 200);
	keep_tokens();
}

/* ---- codes ---- */

static void a_person_presses_a_button_on_a_page(void **state)
{
	call(200, "GET", AUTH "?" ASK, NULL);
	assert_string_equal(buf_str(&api.answer.type), "text/html; charset=utf-8");
	assert_non_null(strstr(buf_str(&api.answer.body), "name=\"decision\" value=\"approve\""));
	assert_int_equal(form(AUTH, ASK "&decision=deny"), 302);
	assert_non_null(strstr(buf_str(&api.answer.extra), "error=access_denied"));
	assert_int_equal(form(AUTH, ASK "&decision=approve"), 302);
	assert_non_null(strstr(buf_str(&api.answer.extra), "code="));
	call(302, "GET", AUTH "?client_id=app&response_type=token&scope=a&" BACK, NULL);
	assert_non_null(strstr(buf_str(&api.answer.extra), "error=unsupported_response_type"));
	call(400, "GET", AUTH "?client_id=app&response_type=code&scope=a", NULL);
}

static void a_code_becomes_tokens_once(void **state)
{
	get_code("");
	api.token = "Basic YXBwOnNlY3JldA=="; /* app:secret */
	assert_int_equal(redeem(""), 200);
	expect("token_type", "Bearer");
	expect("expires_in", "86400");
	expect("scope", "contact_data offline_access");
	keep_tokens();
	assert_true(strlen(access_header) > 1000);
	assert_int_equal(use_token(), 200);
	api.token = "Basic YXBwOnNlY3JldA==";
	assert_int_equal(redeem(""), 400);
	expect("error", "invalid_grant");
}

static void a_code_without_proof_or_too_old_is_refused(void **state)
{
	get_code("");
	api.token = NULL;
	assert_int_equal(redeem("&client_id=app"), 401);
	expect("error", "invalid_client");
	wait_ms(300000);
	assert_int_equal(redeem("&client_id=app&client_secret=x"), 400);
	expect("error", "invalid_grant");
}

static void a_challenge_is_met_by_its_verifier_alone(void **state)
{
	const char *challenge = "&code_challenge=" CHALLENGE "&code_challenge_method=S256";
	get_code(challenge);
	assert_int_equal(redeem("&client_id=app&code_verifier=" VERIFIER "x"), 400);
	expect("error", "invalid_grant");
	get_code(challenge);
	assert_int_equal(redeem("&client_id=app"), 400);
	get_code(challenge);
	assert_int_equal(redeem("&client_id=app&code_verifier=" VERIFIER), 200);
	call(302, "GET", AUTH "?" ASK "&code_challenge=" CHALLENGE "&code_challenge_method=plain",
	     NULL);
	assert_non_null(strstr(buf_str(&api.answer.extra), "error=invalid_request"));
}

static void clients_that_are_configured_are_checked(void **state)
{
	set("{'oauth':{'clients':{'app':{'secret':'secret',"
	    "'redirect_uris':['http://127.0.0.1:9/back']}}}}");
	get_code("");
	api.token = "Basic YXBwOndyb25n"; /* app:wrong */
	assert_int_equal(redeem(""), 401);
	expect("error", "invalid_client");
	api.token = "Basic YXBwOnNlY3JldA==";
	assert_int_equal(redeem(""), 200);
	call(400, "GET",
	     AUTH "?client_id=app&response_type=code&scope=a&redirect_uri=http%3A%2F%2Felsewhere",
	     NULL);
	call(401, "GET", AUTH "?client_id=other&response_type=code&scope=a&" BACK, NULL);
}

/* ---- lives of tokens ---- */

static void a_rotated_refresh_token_is_dead(void **state)
{
	sign_in();
	char first[64];
	snprintf(first, sizeof(first), "%s", refresh);
	assert_int_equal(ask_refresh(first), 200);
	keep_tokens();
	assert_string_not_equal(refresh, first);
	assert_int_equal(use_token(), 200);
	assert_int_equal(ask_refresh(first), 400);
	expect("error", "invalid_grant");
	assert_int_equal(ask_refresh(refresh), 200);
}

static void a_long_lived_refresh_token_stays_until_it_is_not_used(void **state)
{
	sign_in();
	set("{'oauth':{'refresh':'long_lived'}}");
	char first[64];
	snprintf(first, sizeof(first), "%s", refresh);
	for (int i = 0; i < 3; i++) {
		wait_ms(100 * 86400000LL);
		assert_int_equal(ask_refresh(first), 200);
		expect("refresh_token", first);
	}
	wait_ms(181 * 86400000LL);
	assert_int_equal(ask_refresh(first), 400);
}

static void an_access_token_lives_as_long_as_it_is_set_to(void **state)
{
	set("{'oauth':{'token_ms':5000}}");
	sign_in();
	expect("expires_in", "5");
	wait_ms(4999);
	assert_int_equal(use_token(), 200);
	wait_ms(1);
	assert_int_equal(use_token(), 401);
	expect("error_key", "unauthorized");
	assert_int_equal(ask_refresh(refresh), 200);
	keep_tokens();
	assert_int_equal(use_token(), 200);
	call(200, "POST", "/_sandbox/revoke", "{'what':'access'}");
	expect("revoked", "2");
	assert_int_equal(use_token(), 401);
	call(200, "POST", "/_sandbox/revoke", "{'what':'refresh'}");
	assert_int_equal(ask_refresh(refresh), 400);
	api.token = "Bearer made.up.token";
	call(401, "GET", "/v3/contacts", NULL);
}

static void without_offline_access_nothing_can_be_refreshed(void **state)
{
	set("{'oauth':{'auto_approve':true}}");
	call(302, "GET", AUTH "?client_id=app&response_type=code&scope=contact_data&" BACK, NULL);
	const char *found = strstr(buf_str(&api.answer.extra), "code=") + 5;
	snprintf(code, sizeof(code), "%.*s", (int)strcspn(found, "&\r"), found);
	assert_int_equal(redeem("&client_id=app&client_secret=x"), 200);
	expect("refresh_token", "-");
}

/* ---- devices ---- */

static int poll(void)
{
	char text[200];
	snprintf(text, sizeof(text), DEVICE_GRANT "&device_code=%s", device_code);
	return form(TOKEN, text);
}

static void begin_device(void)
{
	assert_int_equal(form(DEVICE, "client_id=app&response_type=code&scope=contact_data+"
				      "offline_access"),
			 200);
	snprintf(device_code, sizeof(device_code), "%s", at("device_code"));
	expect("interval", "5");
	expect("verification_uri", "http://127.0.0.1:8090/activate");
}

static void a_device_waits_for_the_person(void **state)
{
	char text[100];
	begin_device();
	snprintf(text, sizeof(text), "user_code=%s&decision=approve", at("user_code"));
	assert_int_equal(poll(), 400);
	expect("error", "authorization_pending");
	wait_ms(4000);
	assert_int_equal(poll(), 400);
	expect("error", "slow_down");
	assert_int_equal(form("/activate", text), 200);
	wait_ms(9000);
	assert_int_equal(poll(), 400);
	expect("error", "slow_down");
	wait_ms(15000);
	assert_int_equal(poll(), 200);
	expect_some("refresh_token");
	wait_ms(15000);
	assert_int_equal(poll(), 400);
	expect("error", "invalid_grant");
}

static void a_device_is_refused_or_comes_too_late(void **state)
{
	begin_device();
	call(200, "POST", "/_sandbox/device", "{'decision':'deny'}");
	assert_int_equal(poll(), 400);
	expect("error", "access_denied");
	begin_device();
	wait_ms(600000);
	assert_int_equal(poll(), 400);
	expect("error", "expired_token");
	set("{'oauth':{'auto_approve':true}}");
	begin_device();
	assert_int_equal(poll(), 400);
	wait_ms(5000);
	assert_int_equal(poll(), 200);
}

/* ---- partners, limits, counts ---- */

static void a_partner_gets_a_token_of_its_own(void **state)
{
	set("{'oauth':{'required':true}}");
	api.token = "Basic YXBwOnNlY3JldA==";
	assert_int_equal(form("/partners" TOKEN, "grant_type=client_credentials"), 200);
	expect("expires_in", "3600");
	expect("refresh_token", "-");
	keep_tokens();
	assert_int_equal(use_token(), 401);
	api.key = "k";
	api.token = access_header + strlen("Bearer ");
	call(200, "GET", "/v3/partner/accounts", NULL);
	sign_in();
	api.token = access_header;
	call(401, "GET", "/v3/partner/accounts", NULL);
}

static void requests_for_tokens_are_limited_and_counted(void **state)
{
	set("{'oauth':{'per_second':1}}");
	assert_int_equal(ask_refresh("none"), 400);
	assert_int_equal(ask_refresh("none"), 429);
	wait_ms(1000);
	assert_int_equal(ask_refresh("none"), 400);
	api.type = "application/json";
	call(400, "POST", TOKEN, "{}");
	wait_ms(1000);
	assert_int_equal(form(TOKEN, "grant_type=password"), 400);
	expect("error", "unsupported_grant_type");
	call(200, "GET", "/_sandbox/oauth", NULL);
	expect("token_requests", "5");
	expect("tokens_given", "0");
	expect("by_grant.refresh_token", "3");
	expect("by_error.invalid_grant", "2");
	call(200, "GET", "/_sandbox/counts", NULL);
	const json_t *sums = json_object_get(json_object_get(api.json, "paths"), "POST " TOKEN);
	assert_int_equal(json_integer_value(json_object_get(sums, "requests")), 5);
}

static void the_answer_with_a_rotated_token_can_be_lost(void **state)
{
	sign_in();
	call(201, "POST", "/_sandbox/faults", "{'kind':'lose_answer','path':'" TOKEN "'}");
	char first[64];
	snprintf(first, sizeof(first), "%s", refresh);
	ask_refresh(first);
	assert_true(api.answer.drop);
	assert_int_equal(ask_refresh(first), 400);
}

/* ---- chance, and the clock ---- */

/* How many of 1,000 answers are lost with these settings. */
static int lost(const char *settings)
{
	int n = 0;
	set(settings);
	for (int i = 0; i < 1000; i++) {
		call(201, "POST", "/v3/contacts", "{'first_name':'A','create_source':'Account'}");
		n += api.answer.drop;
	}
	return n;
}

static void a_share_of_answers_is_lost_by_a_seeded_chance(void **state)
{
	int first = lost("{'lose':0.2,'random_seed':7}");
	assert_in_range(first, 150, 250);
	assert_int_equal(lost("{'random_seed':7}"), first);
	assert_int_equal(lost("{'lose':0}"), 0);
	call(200, "GET", "/_sandbox/state", NULL);
	expect("contacts", "3012");
	call(200, "GET", "/_sandbox/counts", NULL);
	const json_t *sums =
		json_object_get(json_object_get(api.json, "paths"), "POST /v3/contacts");
	assert_int_equal(json_integer_value(json_object_get(sums, "changed")), 3000);
	assert_int_equal(json_integer_value(json_object_get(sums, "lost")), 2 * first);
	call(201, "POST", "/_sandbox/faults", "{'kind':'throttled','times':0,'share':0.5}");
	int refused = 0;
	for (int i = 0; i < 100; i++)
		refused += call_raw("GET", "/v3/contacts/counts", "", 0) == 429;
	assert_in_range(refused, 30, 70);
}

static void the_date_of_answers_follows_a_moved_clock(void **state)
{
	call(200, "GET", "/v3/contacts/counts", NULL);
	assert_null(strstr(buf_str(&api.answer.extra), "Date:"));
	set("{'now_offset_ms':86400000}");
	call(200, "GET", "/v3/contacts/counts", NULL);
	assert_non_null(
		strstr(buf_str(&api.answer.extra), "Date: Wed, 15 Nov 2023 22:13:20 GMT\r\n"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, api_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_person_presses_a_button_on_a_page),
		T(a_code_becomes_tokens_once),
		T(a_code_without_proof_or_too_old_is_refused),
		T(a_challenge_is_met_by_its_verifier_alone),
		T(clients_that_are_configured_are_checked),
		T(a_rotated_refresh_token_is_dead),
		T(a_long_lived_refresh_token_stays_until_it_is_not_used),
		T(an_access_token_lives_as_long_as_it_is_set_to),
		T(without_offline_access_nothing_can_be_refreshed),
		T(a_device_waits_for_the_person),
		T(a_device_is_refused_or_comes_too_late),
		T(a_partner_gets_a_token_of_its_own),
		T(requests_for_tokens_are_limited_and_counted),
		T(the_answer_with_a_rotated_token_can_be_lost),
		T(a_share_of_answers_is_lost_by_a_seeded_chance),
		T(the_date_of_answers_follows_a_moved_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
