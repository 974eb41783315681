/* The two ways in which a person logs in. */
#include "actions/login.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/seal.h"
#include "engine/base/timefmt.h"

#define BROWSER_MS (10 * 60000) /* for a person to find the page and the password */
#define INTERVAL_S 5            /* where the server does not say */
#define INTERVAL_MAX_S 300
#define SLOWER_MS 5000
#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"

enum at { AT_STARTING, AT_PENDING, AT_PLACE, AT_ASKING, AT_KEEPING, AT_DONE, AT_FAILED };

struct login {
	struct login_config c;
	const struct connection *conn;
	bool by_device;
	enum at at;
	bool orphan;     /* nobody has it any more: it goes when what is under way has ended */
	int64_t ends_at; /* wall ms */
	int64_t interval_ms;
	struct loop_timer timer;
	struct oauth_post post;
	/* by device */
	char *device_code, *user_code, *uri, *uri_complete;
	/* by browser */
	char *nonce, *verifier, *url, *code;
	bool lasts; /* a refresh token came */
	struct errmsg why;
};

static const struct oauth_client *client_of(const struct login *l)
{
	return l->conn->oauth2;
}

static int64_t now(const struct login *l)
{
	return loop_wall_ms(l->c.loop);
}

bool login_is_over(const struct login *l)
{
	return l->at == AT_DONE || l->at == AT_FAILED;
}

static void login_drop(struct login *l)
{
	loop_timer_stop(l->c.loop, &l->timer);
	oauth_post_done(&l->post);
	seal_free(l->device_code);
	seal_free(l->verifier);
	seal_free(l->code);
	free(l->user_code);
	free(l->uri);
	free(l->uri_complete);
	free(l->nonce);
	free(l->url);
	free(l);
}

static void end(struct login *l, enum at at)
{
	l->at = at;
	loop_timer_stop(l->c.loop, &l->timer);
}

static void fail(struct login *l, const struct errmsg *why)
{
	l->why = *why;
	end(l, AT_FAILED);
}

static void fail_text(struct login *l, int err, const char *text)
{
	struct errmsg msg;
	(void)err_set(&msg, err, "%s", text);
	fail(l, &msg);
}

/* ---- keeping what was given ---- */

static void on_kept(void *arg, int err, const char *why)
{
	struct login *l = arg;
	if (err)
		fail_text(l, err, why);
	else
		end(l, AT_DONE);
	if (l->orphan)
		login_drop(l);
}

static void keep(struct login *l)
{
	l->at = AT_KEEPING;
	l->lasts = l->post.given.refresh != NULL;
	struct oauth_given given = l->post.given;
	l->post.given = (struct oauth_given){0};
	oauth_post_done(&l->post);
	struct errmsg msg;
	if (token_login(l->c.tokens, l->conn, &given, on_kept, l, &msg) != 0)
		fail(l, &msg);
}

/* ---- asking for a token ---- */

static void pause(struct login *l, int64_t ms)
{
	int64_t left = l->ends_at - now(l);
	l->at = AT_PENDING;
	loop_timer_start(l->c.loop, &l->timer, ms < left ? ms : left > 0 ? left : 0);
}

static void on_outcome(struct login *l, enum oauth_outcome outcome)
{
	switch (outcome) {
	case OAUTH_GIVEN:
		keep(l);
		return;
	case OAUTH_SLOWER:
		l->interval_ms += SLOWER_MS;
		break;
	case OAUTH_LATER:
		tokens_hold_off(l->c.tokens, client_of(l)->token, l->post.wait_ms);
		break;
	case OAUTH_PENDING:
		break;
	case OAUTH_OVER:
	case OAUTH_WRONG:
	default:
		fail(l, &l->post.msg);
		return;
	}
	if (l->by_device) {
		l->why = outcome == OAUTH_LATER ? l->post.msg : (struct errmsg){0};
		pause(l, l->interval_ms);
	} else {
		/* A code is good once: whether it was used up, nobody knows. */
		fail(l, &l->post.msg);
	}
}

static void on_token(struct http_req *r)
{
	struct login *l = container_of(r, struct login, post.req);
	enum oauth_outcome outcome = oauth_read(&l->post, now(l));
	on_outcome(l, outcome);
	if (l->at == AT_KEEPING)
		return;
	if (l->orphan)
		login_drop(l);
	else
		oauth_post_done(&l->post);
}

static void ask_token(struct login *l)
{
	struct oauth_post *p = &l->post;
	const struct oauth_client *c = client_of(l);
	oauth_post_init(p, c);
	if (l->by_device) {
		oauth_post_add(p, "grant_type", DEVICE_GRANT, false);
		oauth_post_add(p, "device_code", l->device_code, true);
	} else {
		oauth_post_add(p, "grant_type", "authorization_code", false);
		oauth_post_add(p, "code", l->code, true);
		oauth_post_add(p, "redirect_uri", c->redirect_uri, false);
		oauth_post_add(p, "code_verifier", l->verifier, true);
	}
	l->at = AT_ASKING;
	oauth_post_start(p, l->c.http, c->token, on_token);
}

/* With a place at the sign-in server. */
static void ask_in_turn(struct login *l)
{
	l->at = AT_PLACE;
	loop_timer_start(l->c.loop, &l->timer, tokens_place(l->c.tokens, client_of(l)->token));
}

static void on_time(struct loop_timer *t)
{
	struct login *l = container_of(t, struct login, timer);
	if (l->at == AT_PLACE)
		ask_token(l);
	else if (now(l) >= l->ends_at)
		fail_text(l, ERR_TIMEOUT, "nobody has agreed in time: begin anew");
	else
		ask_in_turn(l);
}

static struct login *login_new(const struct login_config *c, const struct connection *conn,
			       bool by_device)
{
	struct login *l = mem_alloc(sizeof(*l));
	l->c = *c;
	l->conn = conn;
	l->by_device = by_device;
	l->timer.cb = on_time;
	return l;
}

static int check(const struct connection *conn, bool by_device, struct errmsg *msg)
{
	const struct oauth_client *c = conn->oauth2;
	if (!c)
		return err_set(msg, ERR_INVALID,
			       "connection %s has no login: its auth is not {oauth2: {…}}",
			       conn->name);
	if (by_device ? c->device : c->authorize)
		return 0;
	return err_set(msg, ERR_INVALID,
		       "connection %s: its sign-in server has no way by %s: name its address under "
		       "auth: {oauth2: {%s: …}}",
		       conn->name, by_device ? "device" : "browser",
		       by_device ? "device" : "authorize");
}

/* ---- by device ---- */

static char *dup_text(const json_t *v, const char *key)
{
	const char *text = json_str(v, key);
	return text && *text ? mem_strdup(text) : NULL;
}

/* Only an address may be shown as one. */
static char *dup_url(const json_t *v, const char *key)
{
	const char *url = json_str(v, key);
	bool is_url = url && (!strncmp(url, "https://", 8) || !strncmp(url, "http://", 7));
	return is_url ? mem_strdup(url) : NULL;
}

static void read_device(struct login *l, const json_t *v)
{
	json_int_t life_s = json_int(v, "expires_in", 0);
	json_int_t interval_s = json_int(v, "interval", INTERVAL_S);
	l->device_code = dup_text(v, "device_code");
	l->user_code = dup_text(v, "user_code");
	l->uri = dup_url(v, "verification_uri");
	if (!l->uri)
		l->uri = dup_url(v, "verification_url");
	l->uri_complete = dup_url(v, "verification_uri_complete");
	if (interval_s < 1 || interval_s > INTERVAL_MAX_S)
		interval_s = INTERVAL_S;
	l->interval_ms = interval_s * 1000;
	l->ends_at = now(l) + (life_s > 0 && life_s < 86400 ? life_s * 1000 : BROWSER_MS);
}

static void on_device(struct http_req *r)
{
	struct login *l = container_of(r, struct login, post.req);
	json_auto_t *v = oauth_read_json(&l->post, now(l));
	if (l->orphan) {
		login_drop(l);
		return;
	}
	if (v)
		read_device(l, v);
	if (!v)
		fail(l, &l->post.msg);
	else if (!l->device_code || !l->user_code || !l->uri)
		fail_text(l, ERR_SERVER, "the sign-in server's answer holds no code");
	else
		pause(l, l->interval_ms);
	oauth_post_done(&l->post);
}

struct login *login_device(const struct login_config *c, const struct connection *conn,
			   struct errmsg *msg)
{
	if (check(conn, true, msg) != 0)
		return NULL;
	struct login *l = login_new(c, conn, true);
	struct oauth_post *p = &l->post;
	oauth_post_init(p, client_of(l));
	if (client_of(l)->secret)
		oauth_post_add(p, "client_id", client_of(l)->id, false);
	oauth_post_add(p, "response_type", "code", false);
	oauth_post_add(p, "scope", client_of(l)->scope, false);
	auto_free char *state = oauth_nonce(c->rng);
	oauth_post_add(p, "state", state, false);
	l->at = AT_STARTING;
	l->ends_at = now(l) + BROWSER_MS;
	oauth_post_start(p, c->http, client_of(l)->device, on_device);
	return l;
}

/* ---- by browser ---- */

struct login *login_browser(const struct login_config *c, const struct connection *conn,
			    struct errmsg *msg)
{
	if (check(conn, false, msg) != 0)
		return NULL;
	struct login *l = login_new(c, conn, false);
	l->nonce = oauth_nonce(c->rng);
	l->verifier = client_of(l)->pkce ? oauth_nonce(c->rng) : NULL;
	l->url = oauth_authorize_url(client_of(l), l->nonce, l->verifier);
	l->ends_at = now(l) + BROWSER_MS;
	pause(l, BROWSER_MS);
	return l;
}

int login_code(struct login *l, const char *state, const char *code, const char *error,
	       struct errmsg *msg)
{
	if (l->by_device || l->at != AT_PENDING)
		return err_set(msg, ERR_INVALID, "no answer of a browser is waited for");
	if (!state || !ct_equal(state, strlen(state), l->nonce, strlen(l->nonce)))
		return err_set(msg, ERR_FORBIDDEN, "that is the answer to another login");
	loop_timer_stop(l->c.loop, &l->timer);
	if (error || !code || !*code) {
		bool refused = error && strcmp(error, "access_denied") == 0;
		fail_text(l, ERR_FORBIDDEN,
			  refused ? "access_denied: the person has refused"
				  : "the sign-in page came back without a code");
		return 0;
	}
	l->code = mem_strdup(code);
	ask_in_turn(l);
	return 0;
}

/* ---- for those who look ---- */

static const char *state_word(const struct login *l)
{
	switch (l->at) {
	case AT_STARTING:
		return "starting";
	case AT_DONE:
		return "done";
	case AT_FAILED:
		return "failed";
	case AT_PENDING:
	case AT_PLACE:
	case AT_ASKING:
	case AT_KEEPING:
	default:
		return "pending";
	}
}

/* Something that a person should know about a login that went well. */
static json_t *warning(const struct login *l)
{
	const char *scope = client_of(l)->refresh_scope;
	if (l->at != AT_DONE || l->lasts)
		return json_null();
	if (!scope || strstr(client_of(l)->scope, scope))
		return json_string("no refresh token came: the login ends when this token does");
	return json_sprintf("no refresh token came: the login ends when this token does. Put %s "
			    "among the scopes",
			    scope);
}

json_t *login_json(const struct login *l)
{
	char ends[TIME_TEXT_LEN];
	json_t *v = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:s}", "connection", l->conn->name,
			      "flow", l->by_device ? "device" : "browser", "state", state_word(l),
			      "error", l->why.code ? l->why.text : NULL, "warning", warning(l),
			      "expires", time_format(l->ends_at, ends));
	json_t *more =
		l->by_device ? json_pack("{s:s?, s:s?, s:s?}", "user_code", l->user_code,
					 "verification_uri", l->uri, "verification_uri_complete",
					 l->uri_complete)
			     : json_pack("{s:s, s:s, s:s}", "authorize_url", l->url, "redirect_uri",
					 client_of(l)->redirect_uri, "nonce", l->nonce);
	json_object_update(v, more);
	json_decref(more);
	return v;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	if (l->at == AT_STARTING || l->at == AT_ASKING || l->at == AT_KEEPING)
		l->orphan = true; /* what was agreed to is kept all the same */
	else
		login_drop(l);
}
