/* Requests to sign-in servers, and their answers. */
#include "actions/oauth.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/seal.h"
#include "engine/base/suggest.h"
#include "engine/base/timefmt.h"
#include "engine/io/server.h"

#define ANSWER_MAX (256 * 1024)
#define TIMEOUT_MS 30000
#define LATER_CAP_MS (3600 * 1000LL)
#define LIFE_MS (3600 * 1000LL) /* where the server does not say */
#define LIFE_CAP_S (10 * 365 * 24 * 3600LL)
#define SAID_MAX 200
/* Sign-in servers compare the address letter by letter: it must be the same each time. */
#define REDIRECT_URI "http://localhost:18080/callback"

/* ---- addresses ---- */

/* The length of "scheme://host:port". */
static size_t origin_len(const char *url)
{
	const char *host = strstr(url, "://");
	return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#\\") : 0;
}

bool oauth_same_origin(const char *a, const char *b)
{
	size_t len = origin_len(a);
	return len && len == origin_len(b) && strncasecmp(a, b, len) == 0 && !memchr(a, '@', len);
}

bool oauth_is_safe(const char *url)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
	if (strncmp(url, "https://", 8) == 0)
		return true;
	if (strncmp(url, "http://", 7) != 0 || memchr(url, '@', origin_len(url)))
		return false;
	const char *host = url + 7;
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strlen(own[i]) == len && strncasecmp(host, own[i], len) == 0)
			return true;
	return false;
}

/* ---- clients ---- */

static int check_keys(const char *connection, const char *kind, const json_t *conf,
		      const char *const *known, size_t n, struct errmsg *msg)
{
	const char *key;
	json_t *v;
	json_object_foreach ((json_t *)conf, key, v) {
		bool found = false;
		for (size_t i = 0; i < n; i++)
			found |= strcmp(known[i], key) == 0;
		if (found)
			continue;
		const char *near = suggest(key, known, n);
		return err_set(msg, ERR_INVALID, "connection %s: %s: unknown key '%s'%s%s%s",
			       connection, kind, key, near ? ", did you mean '" : "",
			       near ? near : "", near ? "'?" : "");
	}
	return 0;
}

static char *text_of(const json_t *conf, const json_t *data, const char *key)
{
	const char *text = json_str(conf, key);
	if (!text)
		text = json_str(data, key);
	return text ? mem_strdup(text) : NULL;
}

/* A list or one text of words; without any, those of the connector. */
static char *scope_of(const json_t *conf, const json_t *data)
{
	json_t *scopes = json_object_get(conf, "scopes"), *v;
	struct buf b = BUF_INIT;
	size_t i;
	if (!scopes)
		scopes = json_object_get(data, "scopes");
	if (json_is_string(scopes))
		(void)buf_puts(&b, json_string_value(scopes));
	json_array_foreach (scopes, i, v)
		if (json_is_string(v))
			(void)buf_printf(&b, "%s%s", b.len ? " " : "", json_string_value(v));
	return buf_take(&b);
}

static int check_url(const char *connection, const char *what, const char *url, struct errmsg *msg)
{
	if (!url || (oauth_is_safe(url) && !url[strcspn(url, " \t\r\n")]))
		return 0;
	return err_set(msg, ERR_INVALID,
		       "connection %s: %s must begin with https://, or with http:// and a name of "
		       "this machine",
		       connection, what);
}

static int check_client(const char *connection, const char *kind, const struct oauth_client *c,
			struct errmsg *msg)
{
	const char *missing = !c->id || !*c->id          ? "client_id"
			      : c->secret && !*c->secret ? "client_secret"
			      : !c->token                ? "token (the address that gives tokens)"
			      : c->key_header && !c->key ? "api_key"
			      : c->key && !*c->key       ? "api_key"
							 : NULL;
	if (missing)
		return err_set(msg, ERR_INVALID, "connection %s: %s needs %s", connection, kind,
			       missing);
	if (c->key && c->key[strcspn(c->key, "\r\n \t")])
		return err_set(msg, ERR_INVALID, "connection %s: the api_key has blanks in it",
			       connection);
	int err = check_url(connection, "the address `token`", c->token, msg);
	if (!err)
		err = check_url(connection, "the address `device`", c->device, msg);
	if (!err)
		err = check_url(connection, "the address `authorize`", c->authorize, msg);
	return err;
}

static void read_person(struct oauth_client *c, const json_t *conf, const json_t *data)
{
	c->authorize = text_of(conf, data, "authorize");
	c->device = text_of(conf, data, "device");
	c->redirect_uri = text_of(conf, data, "redirect_uri");
	c->refresh_scope = text_of(NULL, data, "refresh_scope");
	c->prefix = mem_strdup("Bearer ");
	if (!c->redirect_uri)
		c->redirect_uri = mem_strdup(REDIRECT_URI);
	c->pkce = json_bool(conf, "pkce", !c->secret);
}

static void read_partner(struct oauth_client *c, const json_t *conf, const json_t *data)
{
	c->key_header = text_of(NULL, data, "key_header");
	c->key = text_of(conf, NULL, "api_key");
	c->prefix = text_of(conf, data, "prefix");
	if (!c->prefix)
		c->prefix = mem_strdup("Bearer ");
}

struct oauth_client *oauth_client_new(const char *connection, const json_t *conf,
				      const json_t *data, bool partner, struct errmsg *msg)
{
	static const char *const person_keys[] = {"client_id",    "client_secret", "scopes",
						  "redirect_uri", "pkce",          "authorize",
						  "token",        "device"};
	static const char *const partner_keys[] = {"client_id", "client_secret", "api_key",
						   "token",     "prefix",        "scopes"};
	const char *kind = partner ? "partner" : "oauth2";
	if (!json_is_object(conf)) {
		(void)err_set(msg, ERR_INVALID, "connection %s: %s takes a map", connection, kind);
		return NULL;
	}
	if (check_keys(connection, kind, conf, partner ? partner_keys : person_keys,
		       partner ? sizeof(partner_keys) / sizeof(*partner_keys)
			       : sizeof(person_keys) / sizeof(*person_keys),
		       msg) != 0)
		return NULL;
	struct oauth_client *c = mem_alloc(sizeof(*c));
	c->id = text_of(conf, NULL, "client_id");
	c->secret = text_of(conf, NULL, "client_secret");
	c->scope = scope_of(conf, data);
	c->token = text_of(conf, data, "token");
	if (partner)
		read_partner(c, conf, data);
	else
		read_person(c, conf, data);
	if (check_client(connection, kind, c, msg) == 0)
		return c;
	oauth_client_free(c);
	return NULL;
}

void oauth_client_free(struct oauth_client *c)
{
	if (!c)
		return;
	free((char *)c->id);
	seal_free((char *)c->secret);
	free((char *)c->scope);
	free((char *)c->authorize);
	free((char *)c->token);
	free((char *)c->device);
	free((char *)c->redirect_uri);
	free((char *)c->refresh_scope);
	free((char *)c->prefix);
	free((char *)c->key_header);
	seal_free((char *)c->key);
	free(c);
}

/* ---- the page of a person ---- */

char *oauth_nonce(struct rng *rng)
{
	unsigned char bytes[32];
	rng->fill(rng, bytes, sizeof(bytes));
	char *text = base64_encode(bytes, sizeof(bytes), true);
	explicit_bzero(bytes, sizeof(bytes));
	return text;
}

char *oauth_challenge(const char *verifier)
{
	unsigned char sum[SHA256_LEN];
	sha256(verifier, strlen(verifier), sum);
	return base64_encode(sum, sizeof(sum), true);
}

/* "name=value" behind what is there. */
static void add_field(struct buf *b, const char *name, const char *value)
{
	if (b->len && !strchr("?&", b->data[b->len - 1]))
		(void)buf_putc(b, '&');
	(void)url_encode(b, name, strlen(name), NULL);
	(void)buf_putc(b, '=');
	(void)url_encode(b, value, strlen(value), NULL);
}

char *oauth_authorize_url(const struct oauth_client *c, const char *state, const char *verifier)
{
	struct buf b = BUF_INIT;
	auto_free char *challenge = verifier ? oauth_challenge(verifier) : NULL;
	(void)buf_printf(&b, "%s%c", c->authorize, strchr(c->authorize, '?') ? '&' : '?');
	add_field(&b, "client_id", c->id);
	add_field(&b, "redirect_uri", c->redirect_uri);
	add_field(&b, "response_type", "code");
	add_field(&b, "scope", c->scope);
	add_field(&b, "state", state);
	if (challenge) {
		add_field(&b, "code_challenge", challenge);
		add_field(&b, "code_challenge_method", "S256");
	}
	return buf_take(&b);
}

/* ---- requests ---- */

static void keep_secret(struct oauth_post *p, const char *text)
{
	json_array_append_new(p->secrets, json_string(text));
}

/* RFC 6749 2.3.1: both parts are encoded as in a form first. */
static char *basic_of(const struct oauth_client *c)
{
	struct buf b = BUF_INIT;
	(void)url_encode(&b, c->id, strlen(c->id), NULL);
	(void)buf_putc(&b, ':');
	(void)url_encode(&b, c->secret, strlen(c->secret), NULL);
	auto_free char *code = base64_encode(b.data, b.len, false);
	explicit_bzero(b.data, b.len);
	buf_done(&b);
	return mem_printf("Basic %s", code);
}

void oauth_post_init(struct oauth_post *p, const struct oauth_client *c)
{
	oauth_post_done(p);
	p->secrets = json_array();
	if (c->secret) {
		p->basic = basic_of(c);
		keep_secret(p, c->secret);
	} else {
		add_field(&p->form, "client_id", c->id);
	}
}

void oauth_post_add(struct oauth_post *p, const char *name, const char *value, bool secret)
{
	if (!value)
		return;
	add_field(&p->form, name, value);
	if (secret && *value)
		keep_secret(p, value);
}

void oauth_post_start(struct oauth_post *p, struct http *http, const char *url,
		      void (*cb)(struct http_req *r))
{
	size_t n = 0;
	p->headers[n++] = (struct http_header){"Content-Type", "application/x-www-form-urlencoded"};
	p->headers[n++] = (struct http_header){"Accept", "application/json"};
	if (p->basic)
		p->headers[n++] = (struct http_header){"Authorization", p->basic};
	p->req = (struct http_req){
		.method = "POST",
		.url = url,
		.headers = p->headers,
		.n_headers = n,
		.body = buf_str(&p->form),
		.body_len = p->form.len,
		.has_body = true,
		.timeout_ms = TIMEOUT_MS,
		.answer_max = ANSWER_MAX,
		.fresh = true, /* an answer lost with an old connection would cost a login */
		.cb = cb,
	};
	http_start(http, &p->req);
}

static void wipe_answer(struct oauth_post *p)
{
	if (p->req.answer.data)
		explicit_bzero(p->req.answer.data, p->req.answer.len);
	http_req_done(&p->req);
}

void oauth_post_done(struct oauth_post *p)
{
	wipe_answer(p);
	if (p->form.data)
		explicit_bzero(p->form.data, p->form.len);
	buf_done(&p->form);
	seal_free(p->basic);
	json_decref(p->secrets);
	oauth_given_done(&p->given);
	*p = (struct oauth_post){0};
}

void oauth_given_done(struct oauth_given *g)
{
	seal_free(g->access);
	seal_free(g->refresh);
	free(g->scope);
	*g = (struct oauth_given){0};
}

/* ---- answers ---- */

/* A sentence of the server's, unless it repeats a secret. */
static const char *harmless(const struct oauth_post *p, const char *said)
{
	size_t i;
	json_t *v;
	json_array_foreach (p->secrets, i, v)
		if (said && strstr(said, json_string_value(v)))
			return NULL;
	return said;
}

/* What comes from outside is cut, and then only ASCII stays: it may go into JSON. */
static void sanitize(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static enum oauth_outcome fail(struct oauth_post *p, enum oauth_outcome outcome, int err,
			       const char *word, const char *said)
{
	said = harmless(p, said);
	word = harmless(p, word);
	p->outcome = outcome;
	(void)err_set(&p->msg, err, "%.60s%s%.*s%s", word ? word : err_text(err), said ? " (" : "",
		      SAID_MAX, said ? said : "", said ? ")" : "");
	sanitize(p->msg.text);
	return outcome;
}

static enum oauth_outcome outcome_of(const char *word, int status)
{
	static const struct {
		const char *word;
		enum oauth_outcome outcome;
	} known[] = {
		{"authorization_pending", OAUTH_PENDING},
		{"slow_down", OAUTH_SLOWER},
		{"invalid_grant", OAUTH_OVER},
		{"expired_token", OAUTH_OVER},
		{"access_denied", OAUTH_OVER},
		{"temporarily_unavailable", OAUTH_LATER},
		{"server_error", OAUTH_LATER},
	};
	if (status == 429 || status == 408 || status >= 500)
		return OAUTH_LATER;
	for (size_t i = 0; word && i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].word, word) == 0)
			return known[i].outcome;
	return OAUTH_WRONG;
}

static void read_wait(struct oauth_post *p, int64_t now_ms)
{
	char after[64];
	p->wait_ms = 0;
	if (!http_answer_header(&p->req, "retry-after", after, sizeof(after)))
		return;
	int64_t ms = retry_after_ms(after, now_ms, LATER_CAP_MS);
	p->wait_ms = ms > 0 ? ms : 0;
}

/* NULL after p->outcome and p->msg were set. The answer is gone afterwards. */
static json_t *read_answer(struct oauth_post *p, int64_t now_ms)
{
	struct errmsg msg;
	json_t *v = NULL;
	int status = p->req.status;
	read_wait(p, now_ms);
	if (p->req.err) {
		(void)fail(p, OAUTH_LATER, p->req.err, NULL, p->req.msg.text);
		return NULL;
	}
	if (json_parse(buf_str(&p->req.answer), p->req.answer.len, true, &v, &msg) != 0)
		v = NULL;
	wipe_answer(p);
	if (status / 100 == 2 && v)
		return v;
	const char *word = json_str(v, "error");
	enum oauth_outcome outcome = outcome_of(word, status);
	auto_free char *plain = mem_printf("it answers %d", status);
	int err = status == 429 ? ERR_THROTTLED : outcome == OAUTH_LATER ? ERR_SERVER : ERR_AUTH;
	if (status / 100 == 2)
		(void)fail(p, OAUTH_LATER, ERR_SERVER, "its answer cannot be read", NULL);
	else
		(void)fail(p, outcome, err, word ? word : plain, json_str(v, "error_description"));
	json_decref(v);
	return NULL;
}

/* Fit for a header? */
static bool is_token(const char *text)
{
	if (!text || !*text)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* A number, or a text that is one. */
static int64_t life_of(const json_t *v)
{
	const json_t *life = json_object_get(v, "expires_in");
	long long s = json_is_string(life) ? strtoll(json_string_value(life), NULL, 10)
					   : (long long)json_number_value(life);
	if (s <= 0)
		return LIFE_MS;
	return (s < LIFE_CAP_S ? s : LIFE_CAP_S) * 1000;
}

static char *dup_secret(json_t *v, const char *key)
{
	const char *text = json_str(v, key);
	return text && *text ? mem_strdup(text) : NULL;
}

/* jansson frees its texts without wiping them. */
static void wipe_texts(json_t *v)
{
	const char *key;
	json_t *one;
	json_object_foreach (v, key, one)
		if (json_is_string(one))
			explicit_bzero((char *)json_string_value(one), json_string_length(one));
}

enum oauth_outcome oauth_read(struct oauth_post *p, int64_t now_ms)
{
	json_auto_t *v = read_answer(p, now_ms);
	if (!v)
		return p->outcome;
	if (!is_token(json_str(v, "access_token"))) {
		wipe_texts(v);
		return fail(p, OAUTH_LATER, ERR_SERVER, "its answer holds no access token", NULL);
	}
	const char *scope = json_str(v, "scope");
	oauth_given_done(&p->given);
	p->given = (struct oauth_given){.access = dup_secret(v, "access_token"),
					.refresh = dup_secret(v, "refresh_token"),
					.scope = scope ? mem_strdup(scope) : NULL,
					.life_ms = life_of(v)};
	wipe_texts(v);
	return p->outcome = OAUTH_GIVEN;
}

json_t *oauth_read_json(struct oauth_post *p, int64_t now_ms)
{
	return read_answer(p, now_ms);
}
