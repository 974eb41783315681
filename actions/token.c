/* Tokens of connections: one renewal at a time, durable before use. */
#include "actions/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/map.h"
#include "engine/base/seal.h"
#include "engine/base/timefmt.h"

#define PARTNER "partner"
#define MARGIN_MS 60000 /* a token is renewed so long before its end, */
#define MARGIN_PART 20  /* or when less than one in so many parts of its life is left */
#define PLACE_MS 1050   /* between two requests to one sign-in server */
#define LATER_MS 1000   /* the first pause after a failure, then twice as long */
#define LATER_CAP_MS 60000
#define WRONG_MS 60000   /* a refused client is a mistake of a configuration: rarely again */
#define NAME_MAX_LEN 200 /* of a connection in texts */

/* What is known of a login. */
struct known {
	char *access, *refresh, *scope; /* scope: what was given, else what was asked for */
	int64_t expires, life_ms;       /* of the access token; wall ms */
	int64_t since;                  /* when the person logged in */
	char *end;                      /* why it is void, or NULL */
};

enum at { AT_NEW, AT_LOADING, AT_NONE, AT_GOOD, AT_VOID };

/* What is under way for it. */
enum busy {
	BUSY_NO,
	BUSY_PLACE, /* the timer: a place at the sign-in server */
	BUSY_ASK,   /* the request */
	BUSY_KEEP,  /* the store */
	BUSY_AGAIN, /* the timer: the store failed, once more */
};

struct token {
	struct tokens *all;
	char *name;    /* of the connection */
	char *kept_as; /* NULL: it is not kept */
	const struct oauth_client *client;
	enum at at;
	enum busy busy;
	struct known now;  /* durable */
	struct known next; /* BUSY_KEEP, BUSY_AGAIN: not yet */
	char *header;      /* prefix and now.access */
	uint64_t serial;   /* of now.access */
	bool stale;        /* the API refused it */
	bool after_refusal, proved;
	unsigned logins;   /* what was asked before a login is of no use after it */
	unsigned asked_at; /* logins when the request left */
	unsigned arriving; /* logins that are not durable yet */
	unsigned failures;
	int64_t again_at;  /* boot ms: not before */
	bool wrong;        /* the client is refused: why says how */
	struct errmsg why; /* of the last failure */
	struct oauth_post post;
	struct loop_timer timer;
	struct store_kept load;
	struct link waiting;
};

struct tokens {
	struct tokens_config c;
	struct map by_name;
	struct map places; /* sign-in server's address → when the next may leave, boot ms */
	struct link keeps; /* under way */
};

/* One commit of a login. */
struct keep {
	struct store_keep op;
	struct link link;
	struct token *token;
	unsigned char *sealed;
	struct known known; /* of a person's login; else token->next */
	bool is_login, is_void;
	unsigned logins;
	token_login_cb cb;
	void *arg;
};

static int64_t wall(const struct tokens *ts)
{
	return loop_wall_ms(ts->c.loop);
}

static int64_t boot(const struct tokens *ts)
{
	return loop_boot_ms(ts->c.loop);
}

/* ---- what is known ---- */

static void known_done(struct known *k)
{
	seal_free(k->access);
	seal_free(k->refresh);
	free(k->scope);
	free(k->end);
	*k = (struct known){0};
}

static char *dup_or_null(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

/* What a login looks like in the store, before it is sealed. malloc'd. */
static char *known_format(const struct token *t, const struct known *k)
{
	json_t *v =
		json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:I, s:I, s:I, s:s?}", "client",
			  t->client->id, "token", t->client->token, "access", k->access, "refresh",
			  k->refresh, "scope", k->scope, "expires", (json_int_t)k->expires, "life",
			  (json_int_t)k->life_ms, "since", (json_int_t)k->since, "end", k->end);
	assert(v); /* all texts came out of JSON */
	char *text = json_text(v);
	json_decref(v);
	return text;
}

static int known_parse(const struct token *t, const char *text, size_t len, struct known *ret,
		       struct errmsg *msg)
{
	json_t *v = NULL;
	if (json_parse(text, len, true, &v, msg) != 0)
		return err_set(msg, ERR_PARSE, "what is kept of it cannot be read");
	const char *client = json_str(v, "client"), *url = json_str(v, "token");
	int err = 0;
	if (!client || strcmp(client, t->client->id) != 0)
		err = err_set(msg, ERR_AUTH, "the login was made with another client_id");
	else if (!url || !oauth_same_origin(url, t->client->token))
		err = err_set(msg, ERR_AUTH, "the login was made at another sign-in server");
	else
		*ret = (struct known){.access = dup_or_null(json_str(v, "access")),
				      .refresh = dup_or_null(json_str(v, "refresh")),
				      .scope = dup_or_null(json_str(v, "scope")),
				      .expires = json_int(v, "expires", 0),
				      .life_ms = json_int(v, "life", 0),
				      .since = json_int(v, "since", 0),
				      .end = dup_or_null(json_str(v, "end"))};
	json_decref(v);
	return err;
}

/* A person has to log in. */
static void tell_end(const struct token *t)
{
	const struct tokens_config *c = &t->all->c;
	if (c->on_end)
		c->on_end(c->arg, t->name, t->now.end);
}

/* It is the one to be used from now on. Takes its texts. */
static void known_use(struct token *t, struct known *k)
{
	known_done(&t->now);
	t->now = *k;
	*k = (struct known){0};
	seal_free(t->header);
	t->header = t->now.access ? mem_printf("%s%s", t->client->prefix, t->now.access) : NULL;
	t->at = t->now.end ? AT_VOID : AT_GOOD;
	t->serial++;
	t->after_refusal = t->stale;
	t->stale = t->proved = false;
	if (t->at == AT_VOID)
		tell_end(t);
}

/* Of a renewal: what the answer does not say stays as it was. Takes the texts of g. */
static void known_renew(struct token *t, struct oauth_given *g, struct known *ret)
{
	int64_t now = wall(t->all);
	*ret = (struct known){
		.access = g->access,
		.refresh = g->refresh ? g->refresh : dup_or_null(t->now.refresh),
		.scope = g->scope ? g->scope
				  : mem_strdup(t->now.scope ? t->now.scope : t->client->scope),
		.expires = now + g->life_ms,
		.life_ms = g->life_ms,
		.since = t->now.since ? t->now.since : now};
	*g = (struct oauth_given){0};
}

static bool is_alive(const struct token *t)
{
	return t->at == AT_GOOD && t->now.access && !t->stale && wall(t->all) < t->now.expires;
}

/* Alive, and for a while. */
static bool is_good(const struct token *t)
{
	int64_t part = t->now.life_ms / MARGIN_PART;
	return is_alive(t) && wall(t->all) < t->now.expires - (part < MARGIN_MS ? part : MARGIN_MS);
}

/* ---- the key ---- */

static int get_key(struct tokens *ts, bool make, struct seal_key *ret, struct errmsg *msg)
{
	if (ts->c.key_text)
		return seal_key_text(ts->c.key_text, ret, msg);
	return seal_key_file(ts->c.key_file, make ? ts->c.rng : NULL, ret, msg);
}

/* ---- those who wait ---- */

static void tell_held(const struct token *t, struct token_wait *w, const char *why)
{
	w->held = true;
	w->err = err_set(&w->msg, ERR_AUTH,
			 "connection %.*s needs a login: %s. Run `pawl connect %.*s`", NAME_MAX_LEN,
			 t->name, why, NAME_MAX_LEN, t->name);
}

/* The client itself is refused: no login helps, and there may be none. */
static void tell_wrong(const struct token *t, struct token_wait *w)
{
	w->held = true;
	w->due = wall(t->all) + (t->again_at - boot(t->all));
	w->err = err_set(&w->msg, ERR_AUTH,
			 "connection %.*s: the sign-in server refuses its client: %s. Look at its "
			 "`auth` in pawl.yaml",
			 NAME_MAX_LEN, t->name, t->why.text);
}

static void tell_later(const struct token *t, struct token_wait *w)
{
	int64_t left = t->again_at - boot(t->all);
	w->due = wall(t->all) + (left > 0 ? left : 0);
	w->err =
		err_set(&w->msg, t->why.code ? t->why.code : ERR_NETWORK,
			"connection %.*s: no token for it: %s", NAME_MAX_LEN, t->name, t->why.text);
}

static bool is_over(const struct token *t)
{
	return t->at == AT_NONE || t->at == AT_VOID;
}

static bool can_renew(const struct token *t)
{
	return t->now.refresh || !t->kept_as;
}

/* False: it has to wait on. */
static bool decide(struct token *t, struct token_wait *w)
{
	w->err = 0;
	w->held = false;
	w->due = 0;
	if (is_good(t) || (is_alive(t) && !can_renew(t)))
		return true;
	if (t->at == AT_NEW || t->at == AT_LOADING)
		return false;
	if (is_over(t) && t->kept_as)
		tell_held(t, w, t->at == AT_NONE ? "nobody has logged in" : t->now.end);
	else if (t->again_at <= boot(t->all))
		return false;
	else if (!is_alive(t) && t->wrong)
		tell_wrong(t, w);
	else if (!is_alive(t))
		tell_later(t, w);
	return true;
}

static void make_void(struct token *t, const char *why);

/* It has run out, and nothing can renew it. */
static void see_end(struct token *t)
{
	if (t->at == AT_GOOD && !can_renew(t) && !is_alive(t) && t->again_at <= boot(t->all))
		make_void(t, "it has run out, and there is no refresh token");
}

/* All who can be told are told. Their callbacks may ask again. */
static void settle(struct token *t)
{
	struct link told;
	list_init(&told);
	see_end(t);
	list_each_safe (l, &t->waiting) {
		struct token_wait *w = container_of(l, struct token_wait, link);
		if (!decide(t, w))
			continue;
		list_remove(l);
		list_append(&told, l);
	}
	for (struct link *l; (l = list_shift(&told));) {
		struct token_wait *w = container_of(l, struct token_wait, link);
		w->cb(w);
	}
}

static void go_on(struct token *t);

static void fail_later(struct token *t, int64_t wait_ms, const struct errmsg *why)
{
	int64_t pause = LATER_MS;
	for (unsigned i = 0; i < t->failures && pause < LATER_CAP_MS; i++)
		pause *= 2;
	pause = pause < LATER_CAP_MS ? pause : LATER_CAP_MS;
	pause += (int64_t)rng_below(t->all->c.rng, (uint64_t)pause / 4);
	t->failures++;
	t->why = *why;
	t->again_at = boot(t->all) + (pause > wait_ms ? pause : wait_ms);
}

/* ---- keeping ---- */

static void keep_free(struct keep *k)
{
	free(k->sealed);
	known_done(&k->known);
	free(k);
}

static void keep_again(struct token *t, const struct errmsg *why)
{
	fail_later(t, 0, why);
	t->busy = BUSY_AGAIN;
	loop_timer_start(t->all->c.loop, &t->timer, t->again_at - boot(t->all));
	settle(t);
}

static void on_renewed(struct token *t, const struct store_op *op)
{
	if (t->asked_at != t->logins) { /* somebody has logged in meanwhile */
		known_done(&t->next);
		t->busy = BUSY_NO;
	} else if (op->err) {
		keep_again(t, &op->msg);
		return;
	} else {
		known_use(t, &t->next);
		t->busy = BUSY_NO;
		t->failures = 0;
		t->again_at = 0;
		t->wrong = false;
	}
	settle(t);
	go_on(t);
}

static void on_login(struct keep *k)
{
	struct token *t = k->token;
	struct tokens *ts = t->all;
	t->arriving--;
	if (!k->op.op.err && k->logins == t->logins) {
		t->stale = false;
		known_use(t, &k->known);
		t->failures = 0;
		t->again_at = 0;
		t->wrong = false;
	}
	settle(t);
	go_on(t);
	k->cb(k->arg, k->op.op.err, k->op.op.msg.text);
	if (!k->op.op.err && ts->c.on_login)
		ts->c.on_login(ts->c.arg, t->name);
}

static void on_kept(struct store_op *op)
{
	struct keep *k = container_of(op, struct keep, op.op);
	list_remove(&k->link);
	if (k->is_login)
		on_login(k);
	else if (!k->is_void)
		on_renewed(k->token, op);
	keep_free(k);
}

/* 0, or why it cannot be sealed or kept; k is the store's then. */
static int keep_submit(struct keep *k, const struct known *known, struct errmsg *msg)
{
	struct token *t = k->token;
	struct tokens *ts = t->all;
	struct seal_key key;
	if (!ts->c.store)
		return err_set(msg, ERR_STORE, "there is no store");
	int err = get_key(ts, true, &key, msg);
	if (err)
		return err;
	char *text = known_format(t, known);
	k->sealed = seal(&key, ts->c.rng, t->kept_as, text, strlen(text), &k->op.len);
	k->op.name = t->kept_as;
	k->op.bytes = k->sealed;
	k->op.op = (struct store_op){.verb = STORE_KEEP, .cb = on_kept};
	k->logins = t->logins;
	seal_free(text);
	seal_key_done(&key);
	list_append(&ts->keeps, &k->link);
	store_submit(ts->c.store, &k->op.op);
	return 0;
}

/* t->next becomes durable, and is used then. */
static void keep_next(struct token *t)
{
	struct errmsg msg;
	struct keep *k = mem_alloc(sizeof(*k));
	k->token = t;
	t->busy = BUSY_KEEP;
	if (keep_submit(k, &t->next, &msg) == 0)
		return;
	keep_free(k);
	keep_again(t, &msg);
}

int token_login(struct tokens *ts, const struct connection *conn, struct oauth_given *given,
		token_login_cb cb, void *arg, struct errmsg *msg)
{
	token_load(ts, conn);
	struct token *t = map_get(&ts->by_name, conn->name);
	struct keep *k = mem_alloc(sizeof(*k));
	*k = (struct keep){.token = t, .is_login = true, .cb = cb, .arg = arg};
	k->known =
		(struct known){.access = given->access,
			       .refresh = given->refresh,
			       .scope = given->scope ? given->scope : mem_strdup(t->client->scope),
			       .expires = wall(ts) + given->life_ms,
			       .life_ms = given->life_ms,
			       .since = wall(ts)};
	*given = (struct oauth_given){0};
	t->logins++;
	t->arriving++;
	int err = keep_submit(k, &k->known, msg);
	if (err) {
		t->arriving--;
		keep_free(k);
	}
	return err;
}

/* The end of a login is kept too: nobody tries a dead refresh token again. */
static void make_void(struct token *t, const char *why)
{
	struct errmsg msg;
	struct known k = {
		.scope = dup_or_null(t->now.scope), .since = t->now.since, .end = mem_strdup(why)};
	struct keep *keep = mem_alloc(sizeof(*keep));
	keep->token = t;
	keep->is_void = true;
	if (keep_submit(keep, &k, &msg) != 0)
		keep_free(keep);
	known_use(t, &k);
}

/* ---- renewing ---- */

static void on_given(struct token *t)
{
	known_renew(t, &t->post.given, &t->next);
	t->wrong = false;
	if (t->kept_as) {
		keep_next(t);
		return;
	}
	known_use(t, &t->next);
	t->busy = BUSY_NO;
	t->failures = 0;
	t->again_at = 0;
}

static void on_refusal(struct token *t, enum oauth_outcome outcome)
{
	t->busy = BUSY_NO;
	t->wrong = false;
	if (outcome == OAUTH_OVER && t->kept_as) {
		auto_free char *why =
			mem_printf("the sign-in server ended it: %s", t->post.msg.text);
		make_void(t, why);
	} else if (outcome == OAUTH_LATER) {
		fail_later(t, t->post.wait_ms, &t->post.msg);
		tokens_hold_off(t->all, t->client->token, t->post.wait_ms);
	} else {
		fail_later(t, WRONG_MS, &t->post.msg);
		t->wrong = true;
	}
}

static void on_answer(struct http_req *r)
{
	struct token *t = container_of(r, struct token, post.req);
	enum oauth_outcome outcome = oauth_read(&t->post, wall(t->all));
	if (t->asked_at != t->logins)
		t->busy = BUSY_NO; /* a person was faster */
	else if (outcome == OAUTH_GIVEN)
		on_given(t);
	else
		on_refusal(t, outcome);
	oauth_post_done(&t->post);
	settle(t);
	go_on(t);
}

static void ask_server(struct token *t)
{
	oauth_post_init(&t->post, t->client);
	if (t->kept_as) {
		oauth_post_add(&t->post, "grant_type", "refresh_token", false);
		oauth_post_add(&t->post, "refresh_token", t->now.refresh, true);
	} else {
		oauth_post_add(&t->post, "grant_type", "client_credentials", false);
		oauth_post_add(&t->post, "scope", *t->client->scope ? t->client->scope : NULL,
			       false);
	}
	t->busy = BUSY_ASK;
	t->asked_at = t->logins;
	oauth_post_start(&t->post, t->all->c.http, t->client->token, on_answer);
}

static void on_time(struct loop_timer *timer)
{
	struct token *t = container_of(timer, struct token, timer);
	if (t->busy == BUSY_AGAIN && t->asked_at == t->logins) {
		keep_next(t);
	} else if (is_good(t) || t->arriving || (is_over(t) && t->kept_as)) { /* a login came */
		known_done(&t->next);
		t->busy = BUSY_NO;
		settle(t);
	} else {
		ask_server(t);
	}
}

/* Starts what those who wait need, unless it is under way. */
static void go_on(struct token *t)
{
	if (list_empty(&t->waiting) || t->busy != BUSY_NO || t->at == AT_LOADING || t->arriving)
		return;
	t->busy = BUSY_PLACE;
	loop_timer_start(t->all->c.loop, &t->timer, tokens_place(t->all, t->client->token));
}

/* ---- loading ---- */

/* Not kept: with the right key it is good again. */
static void not_ours(struct token *t, const struct errmsg *msg)
{
	struct known k = {0};
	bool key =
		msg->code == ERR_NOT_FOUND || !strcmp(msg->text, "it is sealed with another key");
	if (key && !t->all->c.key_text)
		k.end = mem_printf("its token is sealed with a key that is not in %s: bring that "
				   "file back and start again, or log in anew",
				   t->all->c.key_file);
	else if (key)
		k.end = mem_printf("its token is sealed with another key than `seal_key`: bring "
				   "that back and start again, or log in anew");
	else
		k.end = mem_strdup(msg->text);
	known_use(t, &k);
}

static int open_kept(struct token *t, struct known *ret, struct errmsg *msg)
{
	struct seal_key key;
	size_t len;
	int err = get_key(t->all, false, &key, msg);
	if (err)
		return err;
	char *text = unseal(&key, t->kept_as, t->load.bytes, t->load.len, &len, msg);
	seal_key_done(&key);
	if (!text)
		return msg->code;
	err = known_parse(t, text, len, ret, msg);
	seal_free(text);
	return err;
}

static void on_loaded(struct store_op *op)
{
	struct token *t = container_of(op, struct token, load.op);
	struct known k = {0};
	struct errmsg msg;
	if (t->at != AT_LOADING) { /* somebody has logged in meanwhile */
		free(t->load.bytes);
		return;
	}
	if (op->err == ERR_NOT_FOUND) {
		t->at = AT_NONE;
	} else if (op->err) {
		t->at = AT_GOOD; /* nothing is known: the next one who asks has it read again */
		fail_later(t, 0, &op->msg);
		settle(t);
		t->at = AT_NEW;
		return;
	} else if (open_kept(t, &k, &msg) != 0) {
		not_ours(t, &msg);
	} else {
		known_use(t, &k);
	}
	free(t->load.bytes);
	t->load.bytes = NULL;
	settle(t);
	go_on(t);
}

static void start_load(struct token *t)
{
	if (!t->kept_as || !t->all->c.store) {
		t->at = AT_NONE;
		return;
	}
	t->at = AT_LOADING;
	t->load = (struct store_kept){.op = {.verb = STORE_KEPT, .cb = on_loaded},
				      .name = t->kept_as};
	store_submit(t->all->c.store, &t->load.op);
}

/* ---- asking ---- */

static bool is_partners(const char *auth)
{
	return auth && strcmp(auth, PARTNER) == 0;
}

const struct oauth_client *token_client(const struct connection *conn, const char *auth)
{
	return is_partners(auth) ? conn->partner : conn->oauth2;
}

static struct token *token_get(struct tokens *ts, const struct connection *conn, bool partner)
{
	auto_free char *key = mem_printf("%s%s", conn->name, partner ? "/" PARTNER : "");
	struct token *t = map_get(&ts->by_name, key);
	if (t)
		return t;
	t = mem_alloc(sizeof(*t));
	t->all = ts;
	t->name = mem_strdup(conn->name);
	t->kept_as = partner ? NULL : mem_printf("token/%s", conn->name);
	t->client = token_client(conn, partner ? PARTNER : NULL);
	t->at = partner ? AT_NONE : AT_NEW;
	t->timer.cb = on_time;
	list_init(&t->waiting);
	(void)map_put(&ts->by_name, key, t);
	return t;
}

/* There are no such credentials: the configuration has to say them. */
static bool lacks(const struct connection *conn, struct token_wait *w)
{
	w->held = true;
	w->err =
		err_set(&w->msg, ERR_AUTH,
			"connection %.*s has no credentials of a partner, which this action needs: "
			"auth: {partner: {…}} in pawl.yaml",
			NAME_MAX_LEN, conn->name);
	return true;
}

bool token_ask(struct tokens *ts, const struct connection *conn, const char *auth,
	       struct token_wait *w)
{
	bool partner = is_partners(auth);
	token_done(w);
	w->err = 0;
	w->held = false;
	w->due = 0;
	if (partner && !conn->partner && !conn->authorization)
		return lacks(conn, w);
	if (!ts || !token_client(conn, auth))
		return true;
	struct token *t = w->token = token_get(ts, conn, partner);
	if (t->at == AT_NEW)
		start_load(t);
	see_end(t);
	if (decide(t, w))
		return true;
	list_append(&t->waiting, &w->link);
	go_on(t);
	return false;
}

const char *token_leave(struct token_wait *w, const struct connection *conn)
{
	if (!w->token)
		return conn->authorization;
	w->serial = w->token->serial;
	return w->token->header;
}

void token_proved(struct token_wait *w)
{
	if (w->token && w->serial == w->token->serial)
		w->token->proved = true;
}

bool token_refused(struct token_wait *w)
{
	struct token *t = w->token;
	if (!t)
		return false;
	/* Over: who asks again hears that a login is needed. */
	if (w->serial != t->serial || t->stale || is_over(t))
		return true;
	if (t->after_refusal && !t->proved)
		return false;
	t->stale = true;
	return true;
}

void token_done(struct token_wait *w)
{
	list_remove(&w->link);
	w->token = NULL;
}

/* ---- places ---- */

int64_t tokens_place(struct tokens *ts, const char *url)
{
	int64_t now = boot(ts), *next = map_get(&ts->places, url);
	if (!next) {
		next = mem_alloc(sizeof(*next));
		(void)map_put(&ts->places, url, next);
	}
	int64_t at = *next > now ? *next : now;
	*next = at + PLACE_MS;
	return at - now;
}

void tokens_hold_off(struct tokens *ts, const char *url, int64_t ms)
{
	int64_t *next = map_get(&ts->places, url);
	if (next && *next < boot(ts) + ms)
		*next = boot(ts) + ms;
}

/* ---- all of them ---- */

struct tokens *tokens_new(const struct tokens_config *c)
{
	struct tokens *ts = mem_alloc(sizeof(*ts));
	ts->c = *c;
	list_init(&ts->keeps);
	ts->c.key_file = dup_or_null(c->key_file);
	ts->c.key_text = dup_or_null(c->key_text);
	return ts;
}

static void token_free(struct token *t)
{
	loop_timer_stop(t->all->c.loop, &t->timer);
	for (struct link *l; (l = list_shift(&t->waiting));)
		continue;
	oauth_post_done(&t->post);
	known_done(&t->now);
	known_done(&t->next);
	seal_free(t->header);
	free(t->name);
	free(t->kept_as);
	free(t);
}

void tokens_free(struct tokens *ts)
{
	if (!ts)
		return;
	size_t i = 0;
	for (struct link *l; (l = list_shift(&ts->keeps));) /* of a store that is gone */
		keep_free(container_of(l, struct keep, link));
	for (struct map_entry *e; (e = map_next(&ts->by_name, &i));)
		token_free(e->value);
	i = 0;
	for (struct map_entry *e; (e = map_next(&ts->places, &i));)
		free(e->value);
	map_done(&ts->by_name);
	map_done(&ts->places);
	free((char *)ts->c.key_file);
	seal_free((char *)ts->c.key_text);
	free(ts);
}

bool tokens_idle(const struct tokens *ts)
{
	size_t i = 0;
	if (!ts)
		return true;
	for (struct map_entry *e; (e = map_next(&ts->by_name, &i));) {
		const struct token *t = e->value;
		if (t->busy == BUSY_ASK || t->busy == BUSY_KEEP)
			return false;
	}
	return list_empty(&ts->keeps);
}

/* ---- looking ---- */

void token_load(struct tokens *ts, const struct connection *conn)
{
	struct token *t = conn->oauth2 ? token_get(ts, conn, false) : NULL;
	if (t && t->at == AT_NEW)
		start_load(t);
}

bool token_is_loading(struct tokens *ts, const struct connection *conn)
{
	const struct token *t = map_get(&ts->by_name, conn->name);
	return t && t->at == AT_LOADING;
}

static json_t *time_or_null(int64_t ms)
{
	char text[TIME_TEXT_LEN];
	return ms ? json_string(time_format(ms, text)) : json_null();
}

/* The words of a scope as a list. */
static json_t *scopes_of(const char *scope)
{
	json_t *list = json_array();
	for (const char *p = scope ? scope : ""; *p;) {
		size_t len = strcspn(p, " ");
		if (len)
			json_array_append_new(list, json_stringn(p, len));
		p += len + (p[len] == ' ');
	}
	return list;
}

static const char *state_word(const struct token *t)
{
	if (t->at == AT_NEW || t->at == AT_LOADING)
		return "loading";
	if (t->wrong || t->at == AT_VOID)
		return "needs_login";
	if (t->at == AT_NONE)
		return "never";
	bool ended = !t->now.refresh && wall(t->all) >= t->now.expires;
	return ended ? "needs_login" : "ok";
}

json_t *token_status(struct tokens *ts, const struct connection *conn)
{
	if (!conn->oauth2)
		return json_pack("{s:s, s:n, s:[], s:n, s:b, s:n}", "state",
				 conn->authorization || conn->partner ? "ok" : "none", "reason",
				 "scopes", "expires", "refreshable", 0, "logged_in");
	const struct token *t = token_get(ts, conn, false);
	const char *reason = t->now.end ? t->now.end : t->failures ? t->why.text : NULL;
	return json_pack("{s:s, s:s?, s:o, s:o, s:b, s:o}", "state", state_word(t), "reason",
			 reason, "scopes", scopes_of(t->now.scope), "expires",
			 time_or_null(t->now.access ? t->now.expires : 0), "refreshable",
			 t->now.refresh != NULL, "logged_in", time_or_null(t->now.since));
}
