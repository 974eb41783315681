/* A person logs in: by a code typed in elsewhere, by a page in a browser. */
#include "actions/login.h"
#include "tests/unit/actions/signin.h"

#define DEVICE                                                                                     \
	"{'device_code': 'canary-device', 'user_code': 'BCDF-GHJK', 'verification_uri': "          \
	"'https://x.example/activate', 'expires_in': 60, 'interval': 5}"
#define GIVEN "{'access_token': 'A1', 'refresh_token': 'R1', 'expires_in': 86400, 'scope': 'a b'}"
#define ERROR(word) "400 {'error': '" word "'}"

static struct login_config config_of(struct signin *s)
{
	return (struct login_config){s->loop, s->http, s->tokens, &s->rng};
}

static struct login *begin(struct signin *s, bool by_device)
{
	struct login_config c = config_of(s);
	struct errmsg msg;
	const struct connection *conn = signin_conn(s, "shop");
	struct login *l = by_device ? login_device(&c, conn, &msg) : login_browser(&c, conn, &msg);
	assert_non_null(l);
	return l;
}

static void finish(struct signin *s, struct login *l)
{
	while (!login_is_over(l))
		(void)loop_run_once(s->loop, true);
}

/* The text at a key of login_json() or token_status(). */
static char *text_at(json_t *v, const char *key)
{
	char *text = mem_strdup(json_str(v, key) ? json_str(v, key) : "");
	json_decref(v);
	return text;
}

static void assert_login(struct login *l, const char *key, const char *want)
{
	auto_free char *text = text_at(login_json(l), key);
	if (!strstr(text, want))
		fail_msg("%s is '%s', not '%s'", key, text, want);
}

static void assert_state(struct signin *s, const char *want)
{
	auto_free char *text = text_at(token_status(s->tokens, signin_conn(s, "shop")), "state");
	assert_string_equal(text, want);
}

static void answer(struct signin *s, const char *text)
{
	s->answers[s->n_answers++] = text;
}

/* ---- login_device ---- */

static void the_person_agrees_after_a_while(void **state)
{
	struct signin *s = *state;
	answer(s, DEVICE);
	answer(s, ERROR("authorization_pending"));
	answer(s, ERROR("authorization_pending"));
	answer(s, GIVEN);
	struct login *l = begin(s, true);
	signin_run(s, 1000);
	assert_login(l, "user_code", "BCDF-GHJK");
	assert_login(l, "verification_uri", "https://x.example/activate");
	assert_login(l, "state", "pending");
	finish(s, l);
	assert_login(l, "state", "done");
	assert_state(s, "ok");
	assert_int_equal(s->logins, 1);
	assert_int_equal(s->n_asked, 4);
	for (size_t i = 2; i < 4; i++)
		assert_true(s->asked[i].at - s->asked[i - 1].at >= 5000);
	assert_non_null(strstr(s->asked[1].form, "device_code=canary-device"));
	json_auto_t *told = login_json(l);
	auto_free char *all = json_text(told);
	assert_null(strstr(all, "canary"));
	login_free(l);
}

static void one_who_is_too_fast_slows_down(void **state)
{
	struct signin *s = *state;
	answer(s, DEVICE);
	answer(s, ERROR("slow_down"));
	answer(s, ERROR("authorization_pending"));
	answer(s, GIVEN);
	struct login *l = begin(s, true);
	finish(s, l);
	assert_login(l, "state", "done");
	assert_true(s->asked[2].at - s->asked[1].at >= 10000);
	assert_true(s->asked[3].at - s->asked[2].at >= 10000);
	login_free(l);
}

static void refusals_and_expiry_end_it(void **state)
{
	static const char *const words[] = {ERROR("expired_token"), ERROR("access_denied"),
					    "401 {'error': 'invalid_client'}"};
	struct signin *s = *state;
	token_load(s->tokens, signin_conn(s, "shop"));
	for (size_t i = 0; i < 3; i++) {
		s->n_answers = s->n_asked;
		for (size_t k = 0; k < s->n_asked; k++)
			s->answers[k] = "503";
		answer(s, DEVICE);
		answer(s, words[i]);
		struct login *l = begin(s, true);
		finish(s, l);
		assert_login(l, "state", "failed");
		assert_login(l, "error", i == 0 ? "expired" : i == 1 ? "denied" : "client");
		login_free(l);
	}
	assert_state(s, "never");
}

static void a_code_that_nobody_types_in_runs_out(void **state)
{
	struct signin *s = *state;
	answer(s, DEVICE);
	answer(s, ERROR("authorization_pending"));
	struct login *l = begin(s, true);
	finish(s, l);
	assert_login(l, "state", "failed");
	assert_true(s->clock.boot >= 60000 && s->clock.boot < 70000);
	login_free(l);
}

static void a_server_that_stumbles_is_asked_on(void **state)
{
	struct signin *s = *state;
	answer(s, DEVICE);
	answer(s, "503");
	answer(s, "429 {'error': 'too_many_requests'}");
	answer(s, GIVEN);
	struct login *l = begin(s, true);
	finish(s, l);
	assert_login(l, "state", "done");
	login_free(l);
}

static void an_answer_without_a_code_is_none(void **state)
{
	struct signin *s = *state;
	answer(s, "{'device_code': 'x', 'user_code': 'y', 'verification_uri': 'javascript:1'}");
	struct login *l = begin(s, true);
	finish(s, l);
	assert_login(l, "state", "failed");
	login_free(l);
}

static void a_login_that_lasts_a_day_says_so(void **state)
{
	struct signin *s = *state;
	answer(s, DEVICE);
	answer(s, "{'access_token': 'A1', 'expires_in': 86400}");
	struct login *l = begin(s, true);
	finish(s, l);
	assert_login(l, "warning", "no refresh token");
	login_free(l);
}

static void what_was_agreed_to_is_kept_though_nobody_waits(void **state)
{
	struct signin *s = *state;
	answer(s, DEVICE);
	answer(s, GIVEN);
	struct login *l = begin(s, true);
	while (s->n_asked < 2)
		(void)loop_run_once(s->loop, true);
	login_free(l);
	signin_run(s, 2000);
	assert_state(s, "ok");
}

/* ---- login_browser ---- */

static void a_code_is_exchanged_with_its_verifier(void **state)
{
	struct signin *s = *state;
	struct errmsg msg;
	answer(s, GIVEN);
	struct login *l = begin(s, false);
	auto_free char *url = text_at(login_json(l), "authorize_url");
	auto_free char *nonce = text_at(login_json(l), "nonce");
	assert_non_null(strstr(url, "response_type=code"));
	assert_non_null(strstr(url, nonce));
	assert_non_null(strstr(url, "code_challenge_method=S256"));
	assert_int_equal(login_code(l, "guess", "C1", NULL, &msg), ERR_FORBIDDEN);
	assert_int_equal(s->n_asked, 0);
	assert_int_equal(login_code(l, nonce, "C1", NULL, &msg), 0);
	assert_int_equal(login_code(l, nonce, "C1", NULL, &msg), ERR_INVALID);
	finish(s, l);
	assert_login(l, "state", "done");
	assert_int_equal(s->n_asked, 1);
	assert_non_null(strstr(s->asked[0].form, "grant_type=authorization_code&code=C1&"));
	const char *verifier = strstr(s->asked[0].form, "code_verifier=");
	assert_non_null(verifier);
	auto_free char *challenge = oauth_challenge(verifier + strlen("code_verifier="));
	assert_non_null(strstr(url, challenge));
	assert_null(strstr(url, verifier + strlen("code_verifier=")));
	login_free(l);
}

static void a_client_with_a_secret_says_it_instead_of_a_verifier(void **state)
{
	struct signin *s = *state;
	struct errmsg msg;
	answer(s, GIVEN);
	signin_connect(s, "shop", "'client_secret': 'a b'");
	struct login *l = begin(s, false);
	auto_free char *url = text_at(login_json(l), "authorize_url");
	auto_free char *nonce = text_at(login_json(l), "nonce");
	assert_null(strstr(url, "code_challenge"));
	assert_int_equal(login_code(l, nonce, "C1", NULL, &msg), 0);
	finish(s, l);
	assert_null(strstr(s->asked[0].form, "client_id"));
	assert_string_equal(s->asked[0].authorization, "Basic bWU6YSUyMGI=");
	login_free(l);
}

static void a_code_is_never_tried_twice(void **state)
{
	struct signin *s = *state;
	struct errmsg msg;
	answer(s, "503");
	struct login *l = begin(s, false);
	auto_free char *nonce = text_at(login_json(l), "nonce");
	assert_int_equal(login_code(l, nonce, "C1", NULL, &msg), 0);
	finish(s, l);
	assert_login(l, "state", "failed");
	signin_run(s, 100000);
	assert_int_equal(s->n_asked, 1);
	login_free(l);
}

static void a_refusal_in_the_browser_ends_it(void **state)
{
	struct signin *s = *state;
	struct errmsg msg;
	struct login *l = begin(s, false);
	auto_free char *nonce = text_at(login_json(l), "nonce");
	assert_int_equal(login_code(l, nonce, NULL, "access_denied", &msg), 0);
	assert_login(l, "error", "refused");
	assert_int_equal(s->n_asked, 0);
	login_free(l);
}

static void nobody_comes_back_for_ten_minutes(void **state)
{
	struct signin *s = *state;
	struct login *l = begin(s, false);
	finish(s, l);
	assert_login(l, "state", "failed");
	assert_int_equal(s->clock.boot, 600000);
	login_free(l);
}

/* ---- the texts on the wire ---- */

static void the_challenge_is_that_of_rfc_7636(void **state)
{
	(void)state;
	auto_free char *challenge = oauth_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
	assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void secrets_go_to_this_machine_or_over_tls(void **state)
{
	static const struct {
		const char *url;
		bool safe;
	} rows[] = {{"https://a.example/x", true},
		    {"http://127.0.0.1:1/x", true},
		    {"http://[::1]:1/x", true},
		    {"http://localhost/x", true},
		    {"http://a.example/x", false},
		    {"http://localhost.a.example/x", false},
		    {"http://127.0.0.1@a.example/x", false},
		    {"http://127.0.0.1:80@a.example/x", false},
		    {"ftp://127.0.0.1/x", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (oauth_is_safe(rows[i].url) != rows[i].safe)
			fail_msg("%s", rows[i].url);
}

static void an_origin_is_scheme_host_and_port(void **state)
{
	static const char base[] = "https://api.example/v3";
	static const struct {
		const char *url;
		bool same;
	} rows[] = {{"https://api.example/v3/contacts", true},
		    {"https://API.example?x", true},
		    {"http://api.example/v3", false},
		    {"https://api.example:444/v3", false},
		    {"https://api.example.evil/v3", false},
		    {"https://api.example@evil/v3", false},
		    {"https://api.example./v3", false},
		    {"https://evil/https://api.example/", false},
		    {"/v3/contacts", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (oauth_same_origin(rows[i].url, base) != rows[i].same)
			fail_msg("%s", rows[i].url);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, signin_setup, signin_teardown)
	const struct CMUnitTest tests[] = {
		T(the_person_agrees_after_a_while),
		T(one_who_is_too_fast_slows_down),
		T(refusals_and_expiry_end_it),
		T(a_code_that_nobody_types_in_runs_out),
		T(a_server_that_stumbles_is_asked_on),
		T(an_answer_without_a_code_is_none),
		T(a_login_that_lasts_a_day_says_so),
		T(what_was_agreed_to_is_kept_though_nobody_waits),
		T(a_code_is_exchanged_with_its_verifier),
		T(a_client_with_a_secret_says_it_instead_of_a_verifier),
		T(a_code_is_never_tried_twice),
		T(a_refusal_in_the_browser_ends_it),
		T(nobody_comes_back_for_ten_minutes),
		T(the_challenge_is_that_of_rfc_7636),
		T(secrets_go_to_this_machine_or_over_tls),
		T(an_origin_is_scheme_host_and_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
