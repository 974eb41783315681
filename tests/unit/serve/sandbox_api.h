/* The sandbox's application without sockets, on a clock that the tests move. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/lua/app.h"

#define LEADS "07936f78-662a-11eb-af0a-fa163e56c9b0"
#define CUSTOMERS "1c2f1a50-662a-11eb-af0a-fa163e56c9b0"
#define HOT "5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11"
#define ADA "d3e00000-0000-4000-8000-000000000001"
#define BEN "d3e00000-0000-4000-8000-000000000002"
#define INES "d3e00000-0000-4000-8000-000000000009"
#define NOBODY "d3e00000-0000-4000-8000-000000009999"

struct api {
	struct clock_virtual clock;
	struct rng rng;
	struct app *app;
	struct app_answer answer;
	json_t *json;                   /* of the last answer, NULL when it was none */
	const char *token, *type, *key; /* the headers, NULL for none; key is x-api-key */
};

static struct api api;

static int api_start(void **state)
{
	struct errmsg msg = {0};
	json_auto_t *config = json_pack("{s:s}", "seed", "demo");
	api = (struct api){.token = "Bearer t", .type = "application/json"};
	clock_virtual_init(&api.clock, 1700000000000);
	rng_seeded_init(&api.rng, 7);
	const struct app_config c = {.dir = "scripts/sandbox",
				     .config = config,
				     .clock = &api.clock.clock,
				     .rng = &api.rng};
	api.app = app_new(&c, &msg);
	if (!api.app)
		print_error("%s\n", msg.text);
	return api.app ? 0 : -1;
}

static int api_stop(void **state)
{
	json_decref(api.json);
	app_answer_done(&api.answer);
	app_free(api.app);
	return 0;
}

static inline void wait_ms(int64_t ms)
{
	clock_virtual_advance(&api.clock, ms);
}

/* A request whose body is as it is. */
static int call_raw(const char *method, const char *target, const char *body, size_t len)
{
	const char *mark = strchr(target, '?');
	auto_free char *path = mem_strndup(target, mark ? (size_t)(mark - target) : strlen(target));
	struct server_header headers[4];
	struct app_request r = {.method = method,
				.path = path,
				.query = mark ? mark + 1 : "",
				.headers = headers,
				.body = body,
				.body_len = len};
	if (api.token)
		headers[r.n_headers++] = (struct server_header){"authorization", api.token};
	if (len && api.type)
		headers[r.n_headers++] = (struct server_header){"content-type", api.type};
	if (api.key)
		headers[r.n_headers++] = (struct server_header){"x-api-key", api.key};
	headers[r.n_headers++] = (struct server_header){"host", "127.0.0.1:8090"};
	app_answer_done(&api.answer);
	json_decref(api.json);
	api.json = NULL;
	app_handle(api.app, &r, &api.answer);
	if (strcmp(buf_str(&api.answer.type), "application/json") == 0)
		assert_int_equal(json_parse(api.answer.body.data, api.answer.body.len, false,
					    &api.json, NULL),
				 0);
	return api.answer.status;
}

/* Asserts the status. In body and target ' stands for ". */
static void call(int status, const char *method, const char *target, const char *body)
{
	auto_free char *text = mem_strdup(body ? body : "");
	for (char *p = text; (p = strchr(p, '\'')); p++)
		*p = '"';
	int got = call_raw(method, target, text, strlen(text));
	if (got != status)
		print_error("%s %s: %s\n", method, target, buf_str(&api.answer.body));
	assert_int_equal(got, status);
}

/* The value at a path of the last answer as text; "-" when there is none. */
static const char *at(const char *path)
{
	static char text[8][512];
	static unsigned turn;
	char *out = text[turn++ % 8];
	const json_t *v = json_path(api.json, path);
	if (!v) {
		snprintf(out, 512, "-");
	} else if (json_is_string(v)) {
		snprintf(out, 512, "%s", json_string_value(v));
	} else {
		auto_free char *s = json_text(v);
		snprintf(out, 512, "%s", s);
	}
	return out;
}

static void expect(const char *path, const char *value)
{
	const char *got = at(path);
	if (strcmp(got, value) != 0)
		print_error("%s in %s\n", path, buf_str(&api.answer.body));
	assert_string_equal(got, value);
}

static inline void expect_some(const char *path)
{
	assert_string_not_equal(at(path), "-");
}
