/*
 * Every preset: the senders' own test vectors are taken, and each of them, changed in any place, is not.
 * tests/data/webhook_vectors.json says where each vector is from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/serve/handshake.h"
#include "engine/serve/pick.h"
#include "engine/serve/preset.h"
#include "engine/serve/several.h"
#include "engine/serve/verify.h"

#define VECTORS "tests/data/webhook_vectors.json"
#define HEADERS_MAX 12

/* One request as a vector has it, to be changed at will. */
struct given {
	char *secret, *method, *public_url, *path, *query, *body;
	size_t body_len;
	struct server_header headers[HEADERS_MAX];
	size_t n;
	int64_t now;
};

static char *lower(const char *text)
{
	char *out = mem_strdup(text);
	for (char *p = out; *p; p++)
		*p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
	return out;
}

static void give(struct given *g, const json_t *v)
{
	const char *url = json_str(v, "url"), *method = json_str(v, "method"), *name;
	const char *host = url ? strstr(url, "://") : NULL,
		   *path = host ? strchr(host + 3, '/') : NULL;
	json_t *h;
	*g = (struct given){
		.secret = mem_strdup(json_str(v, "secret")),
		.method = mem_strdup(method ? method : "POST"),
		.public_url = path ? mem_strndup(url, (size_t)(path - url)) : NULL,
		.path = path ? mem_strndup(path, strcspn(path, "?")) : mem_strdup("/x"),
		.query = mem_strdup(path && strchr(path, '?') ? strchr(path, '?') + 1 : ""),
		.body = mem_strdup(json_str(v, "body")),
		.now = json_int(v, "now", 1700000000) * 1000};
	g->body_len = strlen(g->body);
	json_object_foreach (json_object_get(v, "headers"), name, h)
		g->headers[g->n++] =
			(struct server_header){lower(name), mem_strdup(json_string_value(h))};
}

static void take_away(struct given *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free((char *)g->headers[i].name);
		free((char *)g->headers[i].value);
	}
	free(g->secret);
	free(g->method);
	free(g->public_url);
	free(g->path);
	free(g->query);
	free(g->body);
}

static struct verify *make(const char *preset, const char *secret, struct errmsg *msg)
{
	json_auto_t *conf = json_pack("{s:s, s:s}", "preset", preset, "secret", secret);
	return verify_new(conf, msg);
}

static int judge(const char *preset, const struct given *g)
{
	struct errmsg msg = {0};
	struct verify *v = make(preset, g->secret, &msg);
	if (!v)
		return msg.code;
	struct server_req r = {.method = g->method,
			       .path = g->path,
			       .query = g->query,
			       .headers = g->headers,
			       .n_headers = g->n,
			       .body = g->body,
			       .body_len = g->body_len};
	int err = verify_request(v, &r, &(struct verify_at){g->public_url, g->now}, &msg);
	verify_free(v);
	return err;
}

static unsigned n_refused;

/* Takes the request that was changed. */
static void refused(const char *preset, const char *what, struct given *g)
{
	int err = judge(preset, g);
	if (err != ERR_AUTH)
		fail_msg("%s: %s: %d", preset, what, err);
	n_refused++;
	take_away(g);
}

static const json_t *verify_of(const char *preset)
{
	return json_object_get(preset_find(preset), "verify");
}

static struct server_header *header(struct given *g, const char *name)
{
	auto_free char *key = lower(name);
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->headers[i].name, key) == 0)
			return &g->headers[i];
	return NULL;
}

static const char *header_name(const char *preset)
{
	const json_t *v = verify_of(preset);
	const char *own = json_str(json_object_get(v, "signature"), "header");
	return own ? own : json_str(v, "header");
}

/* ---- changes ---- */

static void change_body(const char *preset, const json_t *vector)
{
	struct given g;
	for (size_t i = 0; i < strlen(json_str(vector, "body")); i += 7) {
		give(&g, vector);
		g.body[i] ^= 1;
		refused(preset, "a byte of the body", &g);
	}
	give(&g, vector);
	g.body_len--;
	refused(preset, "a body that is shorter", &g);
}

/* Digits and letters only, and not those that a rotation makes irrelevant. */
static void change_signature(const char *preset, const json_t *vector)
{
	struct given g;
	give(&g, vector);
	size_t len = strlen(header(&g, header_name(preset))->value);
	take_away(&g);
	for (size_t i = 0; i < len; i++) {
		give(&g, vector);
		char *at = (char *)header(&g, header_name(preset))->value;
		bool last = i + 3 >= len; /* of base64 some bits do not count */
		at[i] = (at[i] | 0x20) == 'b' ? 'C' : 'B';
		if (judge(preset, &g) != 0 || last) {
			n_refused += judge(preset, &g) != 0;
			take_away(&g);
			continue;
		}
		/* what may be anything: a second signature in a list, and its name */
		if (!strstr(json_str(vector, "from"), "derived") && !strchr(at, ' '))
			fail_msg("%s: character %zu of the signature does not matter", preset, i);
		take_away(&g);
	}
}

static void change_headers(const char *preset, const json_t *vector)
{
	struct given g;
	give(&g, vector);
	g.headers[g.n++] = (struct server_header){
		lower(header_name(preset)), mem_strdup(header(&g, header_name(preset))->value)};
	refused(preset, "the header twice", &g);
	give(&g, vector);
	struct server_header *h = header(&g, header_name(preset));
	free((char *)h->name);
	h->name = mem_strdup("x-other");
	refused(preset, "no header", &g);
	give(&g, vector);
	h = header(&g, header_name(preset));
	free((char *)h->value);
	h->value = mem_strdup("");
	refused(preset, "an empty header", &g);
}

static void change_secret(const char *preset, const json_t *vector)
{
	struct given g;
	give(&g, vector);
	g.secret[strlen(g.secret) / 2] ^= 1;
	refused(preset, "another secret", &g);
}

/* In the middle, so that it stays a number. */
static void change_named(const char *preset, const json_t *vector, const char *part)
{
	struct given g;
	const char *name = json_str(json_object_get(verify_of(preset), part), "header");
	if (!name)
		return;
	give(&g, vector);
	char *at = (char *)header(&g, name)->value;
	at[strlen(at) - 1] = at[strlen(at) - 1] == '1' ? '2' : '1';
	refused(preset, part, &g);
}

static void change_time(const char *preset, const json_t *vector)
{
	struct given g;
	if (!json_object_get(verify_of(preset), "timestamp"))
		return;
	for (int way = -1; way <= 1; way += 2) {
		give(&g, vector);
		g.now += way * 3600 * 1000;
		refused(preset, "another hour", &g);
	}
	change_named(preset, vector, "timestamp");
}

static void change_url(const char *preset, const json_t *vector)
{
	struct given g;
	if (!json_str(vector, "url") || !strstr(json_str(verify_of(preset), "signed"), "{url}"))
		return;
	give(&g, vector);
	g.path[strlen(g.path) - 1] ^= 1;
	refused(preset, "another path", &g);
	give(&g, vector);
	g.public_url[10] ^= 1;
	refused(preset, "another host", &g);
	if (!strstr(json_str(verify_of(preset), "signed"), "{method}"))
		return;
	give(&g, vector);
	g.method[0] = 'T';
	refused(preset, "another method", &g);
}

static void vectors_are_taken_and_changed_ones_refused(void **state)
{
	json_auto_t *all = json_load_file(VECTORS, 0, NULL);
	json_t *vector;
	size_t i;
	(void)state;
	assert_true(json_array_size(all) >= 15);
	json_array_foreach (all, i, vector) {
		const char *preset = json_str(vector, "scheme");
		struct given g;
		give(&g, vector);
		if (judge(preset, &g) != 0)
			fail_msg("%s is refused (%s)", preset, json_str(vector, "from"));
		take_away(&g);
		if (strcmp(json_str(verify_of(preset), "type"), "token") != 0)
			change_body(preset, vector);
		change_signature(preset, vector);
		change_headers(preset, vector);
		change_secret(preset, vector);
		change_time(preset, vector);
		change_url(preset, vector);
		change_named(preset, vector, "id");
	}
	print_message("%zu vectors taken, %u changes of them refused\n", json_array_size(all),
		      n_refused);
}

/* ---- all presets ---- */

static void every_preset_is_good_and_needs_a_secret(void **state)
{
	const char *name;
	json_t *v;
	struct errmsg msg;
	unsigned n = 0;
	(void)state;
	json_object_foreach ((json_t *)preset_all(), name, v) {
		const char *type = json_str(json_object_get(v, "verify"), "type");
		bool jws = strcmp(type, "jws") == 0, key = strcmp(type, "ed25519") == 0;
		const char *secret =
			key && strcmp(name, "discord") == 0
				? "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
			: key ? "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
			      : "c2VjcmV0c2VjcmV0c2VjcmV0";
		struct verify *made = jws ? NULL : make(name, secret, &msg);
		if (!made && !jws)
			fail_msg("%s: %s", name, msg.text);
		verify_free(made);
		assert_null(make(name, "", &msg));
		json_auto_t *pick = json_clone(json_object_get(v, "id"));
		if (pick)
			assert_int_equal(pick_check(pick, &msg), 0);
		if (json_str(v, "split"))
			assert_int_equal(several_check(json_str(v, "split"), &msg), 0);
		if (json_object_get(v, "challenge"))
			assert_int_equal(handshake_check(json_object_get(v, "challenge"), &msg), 0);
		n++;
	}
	assert_int_equal(n, 27);
	assert_null(make("strpe", "x", &msg));
	assert_non_null(strstr(msg.text, "did you mean 'stripe'?"));
}

/* Rotation: any of the secrets. */
static void a_list_of_secrets(void **state)
{
	json_auto_t *conf = json_pack("{s:s, s:[s, s]}", "preset", "github", "secret", "old",
				      "It's a Secret to Everybody");
	struct errmsg msg;
	struct verify *v = verify_new(conf, &msg);
	struct server_header h = {
		"x-hub-signature-256",
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"};
	struct server_req r = {.method = "POST",
			       .path = "/",
			       .query = "",
			       .headers = &h,
			       .n_headers = 1,
			       .body = "Hello, World!",
			       .body_len = 13};
	(void)state;
	assert_non_null(v);
	assert_int_equal(verify_request(v, &r, &(struct verify_at){0}, &msg), 0);
	verify_free(v);
}

static void mistakes_in_schemes(void **state)
{
	static const char *const rows[][2] = {
		{"{'type': 'hmak', 'secret': 'x'}", "type must be"},
		{"{'type': 'hmac', 'secret': 'x'}", "signature needs header"},
		{"{'type': 'hmac', 'secret': 'x', 'algorithm': 'md5', 'signature': {'header': 'a'}}",
		 "algorithm must be"},
		{"{'type': 'hmac', 'secret': 'x', 'signed': '{url}', 'signature': {'header': 'a'}}",
		 "anybody could change"},
		{"{'type': 'hmac', 'secret': 'x', 'signed': '{bdy}', 'signature': {'header': 'a'}}",
		 "is none of"},
		{"{'type': 'hmac', 'secret': 'x', 'signed': '{timestamp}{body}', 'signature': {'header': 'a'}}",
		 "needs timestamp"},
		{"{'type': 'hmac', 'secret': 'x', 'signed': '{id}{body}', 'signature': {'header': 'a'}}",
		 "needs id"},
		{"{'type': 'hmac', 'secret': 'x', 'signature': {'header': 'a b'}}",
		 "no name of a header"},
		{"{'type': 'hmac', 'secret': 'x', 'signature': {'header': 'a', 'kv': '='}}",
		 "come together"},
		{"{'type': 'hmac', 'secret': '!', 'key': {'decode': 'hex'}, 'signature': {'header': 'a'}}",
		 "not in the form"},
		{"{'type': 'hmac', 'secret': [], 'signature': {'header': 'a'}}",
		 "list of secrets is empty"},
		{"{'type': 'ed25519', 'secret': 'x', 'signature': {'header': 'a'}}", "32 bytes"},
		{"{'type': 'basic', 'secret': 'x'}", "needs user"},
		{"{'type': 'jws', 'signature': {'header': 'a'}}", "key set"},
		{"{'type': 'jws', 'jwks': '{}', 'signature': {'header': 'a'}}", "no RSA key"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *text = mem_strdup(rows[i][0]);
		struct errmsg msg = {0};
		for (char *p = text; (p = strchr(p, '\''));)
			*p = '"';
		json_auto_t *conf = json_loads(text, 0, NULL);
		assert_non_null(conf);
		assert_null(verify_new(conf, &msg));
		if (!strstr(msg.text, rows[i][1]))
			fail_msg("%s: %s", rows[i][0], msg.text);
	}
}

/* ---- detached JWS: made with a key of 2048 bits that exists for this test alone ---- */

#include "tests/unit/serve/jws_vector.h"

static int judge_jws(const char *token, const char *body, int64_t now_s)
{
	json_auto_t *conf = json_pack("{s:s, s:s}", "preset", "constantcontact-jws", "jwks", JWKS);
	struct errmsg msg;
	struct verify *v = verify_new(conf, &msg);
	struct server_header h = {"x-ctct-webhook-sig", token};
	struct server_req r = {.method = "POST",
			       .path = "/",
			       .query = "",
			       .headers = &h,
			       .n_headers = 1,
			       .body = body,
			       .body_len = strlen(body)};
	assert_non_null(v);
	int err = verify_request(v, &r, &(struct verify_at){NULL, now_s * 1000}, &msg);
	verify_free(v);
	return err;
}

static void a_detached_jws(void **state)
{
	(void)state;
	assert_int_equal(judge_jws(JWS, JWS_BODY, JWS_TIME), 0);
	assert_int_equal(judge_jws(JWS, JWS_BODY " ", JWS_TIME), ERR_AUTH);
	assert_int_equal(judge_jws(JWS, JWS_BODY, JWS_TIME + 3600), ERR_AUTH);
	assert_int_equal(judge_jws(JWS_NONE, JWS_BODY, JWS_TIME), ERR_AUTH);
	auto_free char *token = mem_strdup(JWS);
	for (size_t i = 0; i < sizeof(JWS) - 1; i += 11) {
		char was = token[i];
		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(judge_jws(token, JWS_BODY, JWS_TIME), ERR_AUTH);
		token[i] = was;
	}
}

/* ---- what is picked, and split ---- */

static void splitting(void **state)
{
	static const char *const rows[][3] = {
		{"/", "[1,2]", "[1,2]"},
		{"/", "{\"a\":1}", "[{\"a\":1}]"},
		{"/events", "{\"events\":[1,2]}", "[1,2]"},
		{"/events", "{\"other\":1}", "[]"},
		{"/entry/*/changes/*", "{\"entry\":[{\"changes\":[1,2]},{\"changes\":[3]},{}]}",
		 "[1,2,3]"},
		{"/entry/*/changes/* | /entry/*/messaging/*", "{\"entry\":[{\"messaging\":[1]}]}",
		 "[1]"},
		{"/a/b~1c", "{\"a\":{\"b/c\":[7]}}", "[7]"},
		{"/a", "{\"a\":null}", "[]"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *data = json_loads(rows[i][1], 0, NULL),
			    *want = json_loads(rows[i][2], 0, NULL);
		json_auto_t *found = several_list(data, rows[i][0]);
		if (!json_equal(found, want))
			fail_msg("%s of %s", rows[i][0], rows[i][1]);
	}
	assert_int_equal(several_check("events", NULL), ERR_INVALID);
	assert_int_equal(several_check("/a | b", NULL), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_taken_and_changed_ones_refused),
		cmocka_unit_test(every_preset_is_good_and_needs_a_secret),
		cmocka_unit_test(a_list_of_secrets),
		cmocka_unit_test(mistakes_in_schemes),
		cmocka_unit_test(a_detached_jws),
		cmocka_unit_test(splitting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
