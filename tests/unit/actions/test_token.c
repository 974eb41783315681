/* Tokens: one renewal for all, durable before use, held until somebody logs in. */
#include "tests/unit/actions/signin.h"

#define DAY_MS (24 * 3600 * 1000LL)

/* ---- helpers ---- */

struct waiter {
	struct token_wait wait;
	unsigned called;
	bool decided;
};

static void on_wait(struct token_wait *w)
{
	container_of(w, struct waiter, wait)->called++;
}

static void start(struct signin *s, struct waiter *w, const char *conn, const char *auth)
{
	w->wait.cb = on_wait;
	w->called = 0;
	w->decided = token_ask(s->tokens, signin_conn(s, conn), auth, &w->wait);
}

static void finish(struct signin *s, struct waiter *w)
{
	while (!w->decided && !w->called)
		(void)loop_run_once(s->loop, true);
	assert_int_equal(w->called, w->decided ? 0 : 1);
	w->decided = true;
}

/* Asks and waits for the answer; its err. */
static int ask(struct signin *s, struct waiter *w, const char *conn)
{
	start(s, w, conn, NULL);
	finish(s, w);
	w->called = 0;
	return w->wait.err;
}

static const char *leave(struct signin *s, struct waiter *w)
{
	return token_leave(&w->wait, signin_conn(s, "shop"));
}

static int login_err;
static unsigned logins_ended;

static void on_login(void *arg, int err, const char *why)
{
	(void)arg;
	(void)why;
	login_err = err;
	logins_ended++;
}

static void login(struct signin *s, const char *conn, const char *access, const char *refresh,
		  int64_t life_ms)
{
	struct oauth_given given = {.access = mem_strdup(access),
				    .refresh = refresh ? mem_strdup(refresh) : NULL,
				    .life_ms = life_ms};
	unsigned before = logins_ended;
	assert_int_equal(token_login(s->tokens, signin_conn(s, conn), &given, on_login, NULL, NULL),
			 0);
	while (logins_ended == before)
		(void)loop_run_once(s->loop, true);
}

/* As after a crash: what was not durable is gone. */
static void restart(struct signin *s)
{
	http_free(s->http);
	tokens_free(s->tokens);
	s->store = store_mem_reopen(s->store, s->loop);
	s->http = http_new(s->loop, 4);
	signin_open(s);
}

static void crash(struct signin *s)
{
	store_mem_crash(s->store);
}

static bool sent(const struct signin *s, size_t i, const char *part)
{
	return i < s->n_asked && strstr(s->asked[i].form, part);
}

static const char *status(struct signin *s, const char *conn, const char *key, char out[256])
{
	json_t *v = token_status(s->tokens, signin_conn(s, conn));
	const char *text = json_str(v, key);
	snprintf(out, 256, "%s", text ? text : "");
	json_decref(v);
	return out;
}

/* ---- token_ask ---- */

static void without_a_login_one_is_held_and_told_what_to_do(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	char text[256];
	assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
	assert_true(w.wait.held);
	assert_non_null(strstr(w.wait.msg.text, "pawl connect shop"));
	assert_int_equal(s->n_asked, 0);
	assert_string_equal(status(s, "shop", "state", text), "never");
}

static void a_good_token_is_used_without_asking_anybody(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	login(s, "shop", "A1", "R1", DAY_MS);
	assert_int_equal(login_err, 0);
	assert_int_equal(s->logins, 1);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_true(w.decided);
	assert_string_equal(leave(s, &w), "Bearer A1");
	assert_int_equal(s->n_asked, 0);
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A1");
}

static void ten_who_wait_cause_one_renewal(void **state)
{
	struct signin *s = *state;
	struct waiter w[10] = {0};
	s->answers[s->n_answers++] =
		"{'access_token': 'A2', 'refresh_token': 'R2', 'expires_in': 86400}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	for (size_t i = 0; i < 10; i++)
		start(s, &w[i], "shop", NULL);
	for (size_t i = 0; i < 10; i++) {
		finish(s, &w[i]);
		assert_int_equal(w[i].wait.err, 0);
		assert_string_equal(leave(s, &w[i]), "Bearer A2");
	}
	assert_int_equal(s->n_asked, 1);
	assert_string_equal(s->asked[0].form,
			    "client_id=me&grant_type=refresh_token&refresh_token=R1");
}

static void one_is_renewed_a_minute_before_its_end(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] = "{'access_token': 'A2', 'expires_in': 86400}";
	login(s, "shop", "A1", "R1", DAY_MS);
	signin_run(s, DAY_MS - 61000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A1");
	signin_run(s, 2000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A2");
}

static void a_short_one_is_renewed_in_its_last_twentieth(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] = "{'access_token': 'A2', 'expires_in': 20}";
	login(s, "shop", "A1", "R1", 20000);
	signin_run(s, 18500);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A1");
	signin_run(s, 1000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A2");
}

static void a_long_lived_refresh_token_is_used_again(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] = "{'access_token': 'A2', 'expires_in': 10}";
	s->answers[s->n_answers++] = "{'access_token': 'A3', 'expires_in': 10}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	signin_run(s, 10000);
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A3");
	assert_true(sent(s, 0, "refresh_token=R1"));
	assert_true(sent(s, 1, "refresh_token=R1"));
}

static void a_rotated_refresh_token_takes_the_place_of_the_old_one(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] =
		"{'access_token': 'A2', 'refresh_token': 'R2', 'expires_in': 10}";
	s->answers[s->n_answers++] =
		"{'access_token': 'A3', 'refresh_token': 'R3', 'expires_in': 10}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	restart(s);
	signin_run(s, 20000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_true(sent(s, 1, "refresh_token=R2"));
}

/* ---- durable before use ---- */

static void a_new_token_is_not_used_before_it_is_durable(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] =
		"{'access_token': 'A2', 'refresh_token': 'R2', 'expires_in': 10}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	s->on_request = crash; /* received, and never committed */
	start(s, &w, "shop", NULL);
	signin_run(s, 60000);
	assert_int_equal(s->n_asked, 1);
	assert_int_equal(w.called, 0);
	assert_string_equal(leave(s, &w), "Bearer A1");
	token_done(&w.wait);
}

static void after_a_crash_the_old_token_is_tried_once(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	char text[256];
	s->answers[s->n_answers++] =
		"{'access_token': 'A2', 'refresh_token': 'R2', 'expires_in': 10}";
	s->answers[s->n_answers++] = "400 {'error': 'invalid_grant'}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	s->on_request = crash;
	start(s, &w, "shop", NULL);
	signin_run(s, 5000);
	token_done(&w.wait);
	s->on_request = NULL;
	restart(s);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
		assert_true(w.wait.held);
		signin_run(s, 100000);
	}
	assert_int_equal(s->n_asked, 2);
	assert_true(sent(s, 1, "refresh_token=R1"));
	assert_string_equal(status(s, "shop", "state", text), "needs_login");
}

/* The inner store dies right after the commit, before anybody hears of it. */
struct deaf {
	struct store base;
	struct store *inner;
};

static void deaf_submit(struct store *base, struct store_op *op)
{
	struct deaf *d = (struct deaf *)base;
	store_submit(d->inner, op);
	if (op->verb == STORE_KEEP)
		store_mem_crash_keep(d->inner, 1);
}

static void killed_after_the_commit_nothing_is_lost(void **state)
{
	static const struct store_ops ops = {.submit = deaf_submit};
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] =
		"{'access_token': 'A2', 'refresh_token': 'R2', 'expires_in': 1000}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	struct store *inner = s->store;
	struct deaf deaf = {.base = {&ops}, .inner = inner};
	tokens_free(s->tokens);
	s->store = &deaf.base;
	signin_open(s);
	start(s, &w, "shop", NULL);
	signin_run(s, 5000);
	assert_int_equal(w.called, 0);
	token_done(&w.wait);
	s->store = inner;
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A2");
	assert_int_equal(s->n_asked, 1);
}

static void a_store_that_fails_is_asked_again_with_the_same_token(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] =
		"{'access_token': 'A2', 'refresh_token': 'R2', 'expires_in': 1000}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	store_mem_fail(s->store, 1, ERR_STORE);
	assert_int_equal(ask(s, &w, "shop"), ERR_STORE);
	assert_false(w.wait.held);
	assert_true(w.wait.due > s->clock.wall);
	signin_run(s, 5000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A2");
	assert_int_equal(s->n_asked, 1);
}

static void a_login_that_is_not_durable_is_none(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
	store_mem_fail(s->store, 1, ERR_STORE);
	login(s, "shop", "A1", "R1", DAY_MS);
	assert_int_equal(login_err, ERR_STORE);
	assert_int_equal(s->logins, 0);
	assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
}

/* ---- ends ---- */

static void an_ended_grant_is_never_tried_again_until_somebody_logs_in(void **state)
{
	struct signin *s = *state;
	struct waiter w[3] = {0};
	s->answers[s->n_answers++] =
		"400 {'error': 'invalid_grant', 'error_description': 'Token expired, R1'}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	for (size_t i = 0; i < 3; i++)
		start(s, &w[i], "shop", NULL);
	for (size_t i = 0; i < 3; i++) {
		finish(s, &w[i]);
		assert_int_equal(w[i].wait.err, ERR_AUTH);
		assert_true(w[i].wait.held);
		assert_non_null(strstr(w[i].wait.msg.text, "invalid_grant"));
		assert_null(strstr(w[i].wait.msg.text, "R1"));
	}
	signin_run(s, DAY_MS);
	restart(s);
	assert_int_equal(ask(s, &w[0], "shop"), ERR_AUTH);
	assert_true(w[0].wait.held);
	assert_int_equal(s->n_asked, 1);
	login(s, "shop", "A5", "R5", DAY_MS);
	assert_int_equal(ask(s, &w[0], "shop"), 0);
	assert_string_equal(leave(s, &w[0]), "Bearer A5");
}

static void one_without_a_refresh_token_ends_by_itself(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	char text[256];
	login(s, "shop", "A1", NULL, 1000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	signin_run(s, 2000);
	assert_string_equal(status(s, "shop", "state", text), "needs_login");
	assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
	assert_true(w.wait.held);
	assert_int_equal(s->n_asked, 0);
}

static void a_refused_client_is_asked_for_once_a_minute_at_most(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] = "401 {'error': 'invalid_client'}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	for (int i = 0; i < 120; i++) {
		assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
		assert_true(w.wait.held);
		assert_non_null(strstr(w.wait.msg.text, "pawl.yaml"));
		signin_run(s, 1000);
	}
	assert_true(s->n_asked >= 2 && s->n_asked <= 3);
	s->answers[s->n_asked] = "{'access_token': 'A2', 'expires_in': 1000}";
	s->n_answers = s->n_asked + 1;
	for (size_t i = 1; i < s->n_asked; i++)
		s->answers[i] = s->answers[0];
	signin_run(s, 80000);
	assert_int_equal(ask(s, &w, "shop"), 0);
}

static void while_the_server_is_away_a_token_is_used_to_its_end(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] = "503";
	login(s, "shop", "A1", "R1", DAY_MS);
	signin_run(s, DAY_MS - 30000);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A1");
	signin_run(s, 40000);
	assert_int_equal(ask(s, &w, "shop"), ERR_SERVER);
	assert_false(w.wait.held);
	assert_true(w.wait.due > s->clock.wall && w.wait.due <= s->clock.wall + 75000);
}

static void a_server_that_is_not_there_is_asked_again_when_it_is_due(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	s->answers[s->n_answers++] = "429 {'error': 'too_many_requests'}";
	s->answers[s->n_answers++] = "503";
	s->answers[s->n_answers++] = "{'access_token': 'A2', 'expires_in': 1000}";
	for (int i = 0; i < 2; i++) {
		int err = ask(s, &w, "shop");
		assert_int_equal(err, i ? ERR_SERVER : ERR_THROTTLED);
		assert_true(w.wait.due > s->clock.wall);
		assert_int_equal(ask(s, &w, "shop"), err);
		assert_int_equal(s->n_asked, i + 1);
		signin_run(s, w.wait.due - s->clock.wall);
	}
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A2");
}

/* ---- refusals by the API ---- */

static void a_refused_token_is_renewed_once_for_all(void **state)
{
	struct signin *s = *state;
	struct waiter a = {0}, b = {0}, c = {0};
	s->answers[s->n_answers++] = "{'access_token': 'A2', 'expires_in': 1000}";
	login(s, "shop", "A1", "R1", DAY_MS);
	(void)ask(s, &a, "shop");
	(void)ask(s, &b, "shop");
	(void)ask(s, &c, "shop");
	(void)leave(s, &a);
	(void)leave(s, &b);
	(void)leave(s, &c);
	assert_true(token_refused(&a.wait));
	assert_true(token_refused(&b.wait));
	start(s, &a, "shop", NULL);
	start(s, &b, "shop", NULL);
	finish(s, &a);
	finish(s, &b);
	assert_string_equal(leave(s, &a), "Bearer A2");
	assert_true(token_refused(&c.wait)); /* of the one before */
	assert_int_equal(ask(s, &c, "shop"), 0);
	assert_string_equal(leave(s, &c), "Bearer A2");
	assert_int_equal(s->n_asked, 1);
	/* It never worked: another one would not either. */
	assert_false(token_refused(&a.wait));
	(void)leave(s, &b);
	token_proved(&b.wait);
	assert_true(token_refused(&a.wait));
}

/* ---- pace ---- */

static void requests_to_one_server_leave_once_a_second(void **state)
{
	struct signin *s = *state;
	static const char *const names[] = {"a", "b", "c", "d"};
	struct waiter w[4] = {0};
	s->answers[s->n_answers++] = "{'access_token': 'A2', 'expires_in': 1000}";
	for (size_t i = 0; i < 4; i++) {
		signin_connect(s, names[i], NULL);
		login(s, names[i], "A1", "R1", 1000);
	}
	signin_run(s, 2000);
	for (size_t i = 0; i < 4; i++)
		start(s, &w[i], names[i], NULL);
	for (size_t i = 0; i < 4; i++)
		finish(s, &w[i]);
	assert_int_equal(s->n_asked, 4);
	for (size_t i = 1; i < 4; i++)
		assert_true(s->asked[i].at - s->asked[i - 1].at >= 1000);
	assert_true(s->asked[3].at - s->asked[0].at < 4000);
}

/* ---- logins ---- */

static void a_login_wins_over_a_renewal_that_is_under_way(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] =
		"{'access_token': 'A2', 'refresh_token': 'R2', 'expires_in': 1000}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	start(s, &w, "shop", NULL);
	login(s, "shop", "A9", "R9", DAY_MS);
	finish(s, &w);
	signin_run(s, 5000);
	assert_string_equal(leave(s, &w), "Bearer A9");
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_string_equal(leave(s, &w), "Bearer A9");
}

static void a_login_of_another_client_is_none(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	login(s, "shop", "A1", "R1", DAY_MS);
	char *id = (char *)signin_conn(s, "shop")->oauth2->id;
	id[0] = 'w';
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
	assert_true(w.wait.held);
	assert_non_null(strstr(w.wait.msg.text, "client_id"));
	assert_int_equal(s->n_asked, 0);
}

static void another_key_is_told_and_nothing_is_sent_or_lost(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	login(s, "shop", "A1", "R1", DAY_MS);
	s->key_text = KEY_B;
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
	assert_true(w.wait.held);
	assert_non_null(strstr(w.wait.msg.text, "seal_key"));
	s->key_text = NULL;
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), ERR_AUTH);
	assert_non_null(strstr(w.wait.msg.text, s->key_file));
	s->key_text = KEY_A;
	restart(s);
	assert_int_equal(ask(s, &w, "shop"), 0);
	assert_int_equal(s->n_asked, 0);
}

static bool has_read;

static void on_read(struct store_op *op)
{
	(void)op;
	has_read = true;
}

static void what_is_kept_is_not_readable(void **state)
{
	struct signin *s = *state;
	struct store_kept k = {.op = {.verb = STORE_KEPT}, .name = "token/shop"};
	login(s, "shop", "canary-access", "canary-refresh", DAY_MS);
	has_read = false;
	k.op.cb = on_read;
	store_submit(s->store, &k.op);
	while (!has_read)
		(void)loop_run_once(s->loop, true);
	assert_int_equal(k.op.err, 0);
	assert_null(memmem(k.bytes, k.len, "canary", 6));
	assert_null(memmem(k.bytes, k.len, "access", 6));
	free(k.bytes);
}

/* ---- partners ---- */

static void a_partner_s_token_is_the_client_s_own(void **state)
{
	struct signin *s = *state;
	struct waiter w = {0};
	s->answers[s->n_answers++] = "{'access_token': 'P1', 'expires_in': 3600}";
	start(s, &w, "shop", "partner");
	finish(s, &w);
	assert_int_equal(w.wait.err, 0);
	assert_string_equal(leave(s, &w), "P1");
	assert_string_equal(s->asked[0].path, "/partner");
	assert_string_equal(s->asked[0].form, "grant_type=client_credentials");
	assert_string_equal(s->asked[0].authorization, "Basic dXM6aHVzaA==");
	start(s, &w, "shop", "partner");
	assert_true(w.decided);
	assert_int_equal(s->n_asked, 1);
	signin_run(s, 3600000);
	start(s, &w, "shop", "partner");
	finish(s, &w);
	assert_int_equal(s->n_asked, 2);
}

static void an_action_of_partners_needs_their_credentials(void **state)
{
	struct signin *s = *state;
	struct waiter w = {.wait = {.cb = on_wait}};
	const struct connection plain = {.name = "plain", .base_url = "http://x"};
	const struct connection bearer = {
		.name = "b", .base_url = "http://x", .authorization = "Bearer B"};
	assert_true(token_ask(s->tokens, &plain, "partner", &w.wait));
	assert_int_equal(w.wait.err, ERR_AUTH);
	assert_true(w.wait.held);
	assert_true(token_ask(s->tokens, &bearer, "partner", &w.wait));
	assert_int_equal(w.wait.err, 0);
	assert_string_equal(token_leave(&w.wait, &bearer), "Bearer B");
	assert_false(token_refused(&w.wait));
}

/* ---- token_done ---- */

static void who_stops_waiting_is_not_called(void **state)
{
	struct signin *s = *state;
	struct waiter a = {0}, b = {0};
	s->answers[s->n_answers++] = "{'access_token': 'A2', 'expires_in': 1000}";
	login(s, "shop", "A1", "R1", 1000);
	signin_run(s, 2000);
	start(s, &a, "shop", NULL);
	start(s, &b, "shop", NULL);
	token_done(&a.wait);
	finish(s, &b);
	assert_int_equal(a.called, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, signin_setup, signin_teardown)
	const struct CMUnitTest tests[] = {
		T(without_a_login_one_is_held_and_told_what_to_do),
		T(a_good_token_is_used_without_asking_anybody),
		T(ten_who_wait_cause_one_renewal),
		T(one_is_renewed_a_minute_before_its_end),
		T(a_short_one_is_renewed_in_its_last_twentieth),
		T(a_long_lived_refresh_token_is_used_again),
		T(a_rotated_refresh_token_takes_the_place_of_the_old_one),
		T(a_new_token_is_not_used_before_it_is_durable),
		T(after_a_crash_the_old_token_is_tried_once),
		T(killed_after_the_commit_nothing_is_lost),
		T(a_store_that_fails_is_asked_again_with_the_same_token),
		T(a_login_that_is_not_durable_is_none),
		T(an_ended_grant_is_never_tried_again_until_somebody_logs_in),
		T(one_without_a_refresh_token_ends_by_itself),
		T(a_refused_client_is_asked_for_once_a_minute_at_most),
		T(while_the_server_is_away_a_token_is_used_to_its_end),
		T(a_server_that_is_not_there_is_asked_again_when_it_is_due),
		T(a_refused_token_is_renewed_once_for_all),
		T(requests_to_one_server_leave_once_a_second),
		T(a_login_wins_over_a_renewal_that_is_under_way),
		T(a_login_of_another_client_is_none),
		T(another_key_is_told_and_nothing_is_sent_or_lost),
		T(what_is_kept_is_not_readable),
		T(a_partner_s_token_is_the_client_s_own),
		T(an_action_of_partners_needs_their_credentials),
		T(who_stops_waiting_is_not_called),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
