/* Tests of who may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/verify.h"

#define BODY "Hello, World!"

static json_t *js(const char *text)
{
	auto_free char *copy = mem_strdup(text);
	json_t *v = NULL;
	for (char *p = copy; (p = strchr(p, '\''));)
		*p = '"';
	assert_int_equal(json_parse(copy, strlen(copy), false, &v, NULL), 0);
	return v;
}

static struct verify *make(const char *conf, struct errmsg *msg)
{
	json_auto_t *v = js(conf);
	return verify_new(v, msg);
}

/* What a request with up to two headers and the body gets. */
static int judge(const char *conf, struct server_header *headers, size_t n, const char *body)
{
	struct errmsg msg;
	struct verify *v = make(conf, &msg);
	assert_non_null(v);
	struct server_req r = {
		.headers = headers, .n_headers = n, .body = body, .body_len = strlen(body)};
	int err = verify_request(v, &r, &(struct verify_at){0}, &msg);
	verify_free(v);
	return err;
}

/* --- verify_new --- */

static void a_configuration_that_would_let_everybody_in_is_refused(void **state)
{
	static const char *const rows[] = {
		"null",
		"true",
		"'yes'",
		"{}",
		"''",
		"{'bearer': ''}",
		"{'bearer': []}",
		"{'bearer': ['a', '']}",
		"{'bearer': null}",
		"{'bearer': 'a b'}",
		"{'bearer': 'a', 'hmac': {}}",
		"{'preset': 'x'}",
		"{'hmac': {}}",
		"{'hmac': {'header': 'X-S'}}",
		"{'hmac': {'header': 'X-S', 'secret': ''}}",
		"{'hmac': {'header': 'X S', 'secret': 'k'}}",
		"{'hmac': {'secret': 'k'}}",
		"{'hmac': {'header': 'X', 'secret': 'k', 'algorithm': 'md5'}}",
		"{'hmac': {'header': 'X', 'secret': 'k', 'encoding': 'rot13'}}",
		"{'hmac': {'header': 'X', 'secret': []}}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct errmsg msg = {0};
		struct verify *v = make(rows[i], &msg);
		if (v)
			print_error("%s was taken\n", rows[i]);
		assert_null(v);
		assert_int_equal(msg.code, ERR_INVALID);
	}
}

static void the_words_name_the_ways(void **state)
{
	struct verify *none = make("'none'", NULL), *bearer = make("{'bearer': 'a'}", NULL);
	assert_string_equal(verify_word(none), "none");
	assert_string_equal(verify_word(bearer), "bearer");
	verify_free(none);
	verify_free(bearer);
	verify_free(NULL);
}

/* --- verify_request --- */

#define HEX "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
static const char by_hex[] = "{'hmac': {'header': 'X-Hub-Signature-256', 'prefix': 'sha256=', "
			     "'secret': ['other', 'It\\u0027s a Secret to Everybody']}}";

static void a_signature_fits_its_body_and_no_other(void **state)
{
	static const struct {
		const char *value, *body;
		int err;
	} rows[] = {
		{"sha256=" HEX, BODY, 0},
		{"sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17", BODY,
		 0},
		{"sha256=" HEX, "Hello, World?", ERR_AUTH},
		{"sha256=" HEX "00", BODY, ERR_AUTH},
		{"sha256=857107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", BODY,
		 ERR_AUTH},
		{"sha256=7571", BODY, ERR_AUTH},
		{"sha256=", BODY, ERR_AUTH},
		{"", BODY, ERR_AUTH},
		{HEX, BODY, ERR_AUTH},
		{"sha1=" HEX, BODY, ERR_AUTH},
		{"sha256=zz", BODY, ERR_AUTH},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server_header h[] = {{"x-hub-signature-256", rows[i].value}};
		assert_int_equal(judge(by_hex, h, 1, rows[i].body), rows[i].err);
	}
}

static void a_missing_or_doubled_signature_is_refused(void **state)
{
	struct server_header twice[] = {{"x-hub-signature-256", "sha256=" HEX},
					{"x-hub-signature-256", "sha256=" HEX}};
	assert_int_equal(judge(by_hex, twice, 2, BODY), ERR_AUTH);
	assert_int_equal(judge(by_hex, twice, 1, BODY), 0);
	assert_int_equal(judge(by_hex, NULL, 0, BODY), ERR_AUTH);
}

static void base64_is_read_too(void **state)
{
	struct server_header h[] = {{"x-mac", "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="}};
	/* HMAC-SHA256 of "The quick brown fox jumps over the lazy dog" under "key" */
	static const char conf[] =
		"{'hmac': {'header': 'X-Mac', 'encoding': 'base64', 'secret': 'key'}}";
	assert_int_equal(judge(conf, h, 1, "The quick brown fox jumps over the lazy dog"), 0);
	assert_int_equal(judge(conf, h, 1, "The quick brown fox jumps over the lazy cat"),
			 ERR_AUTH);
}

static void a_bearer_token_fits_as_a_whole(void **state)
{
	static const struct {
		const char *value;
		int err;
	} rows[] = {
		{"Bearer new", 0},       {"bearer old", 0},          {"Bearer  new", 0},
		{"Bearer ne", ERR_AUTH}, {"Bearer newer", ERR_AUTH}, {"Bearer ", ERR_AUTH},
		{"Basic new", ERR_AUTH}, {"new", ERR_AUTH},          {"", ERR_AUTH},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server_header h[] = {{"authorization", rows[i].value}};
		assert_int_equal(judge("{'bearer': ['new', 'old']}", h, 1, ""), rows[i].err);
	}
	assert_int_equal(judge("'none'", NULL, 0, ""), 0);
}

/* --- verify_bearer --- */

static void no_token_is_never_the_right_one(void **state)
{
	struct server_header h[] = {{"authorization", "Bearer "}, {"authorization", "Bearer a"}};
	struct server_req r = {.headers = h, .n_headers = 1};
	assert_false(verify_bearer(&r, ""));
	assert_false(verify_bearer(&r, NULL));
	r.headers = h + 1;
	assert_true(verify_bearer(&r, "a"));
	r.headers = h;
	r.n_headers = 2;
	assert_false(verify_bearer(&r, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_that_would_let_everybody_in_is_refused),
		cmocka_unit_test(the_words_name_the_ways),
		cmocka_unit_test(a_signature_fits_its_body_and_no_other),
		cmocka_unit_test(a_missing_or_doubled_signature_is_refused),
		cmocka_unit_test(base64_is_read_too),
		cmocka_unit_test(a_bearer_token_fits_as_a_whole),
		cmocka_unit_test(no_token_is_never_the_right_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
