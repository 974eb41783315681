/* Applications in Lua: what they find, what they may not, and how their answers are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/json.h"
#include "engine/lua/app.h"

struct fixture {
	char dir[64];
	struct clock_virtual clock;
	struct rng rng;
	struct app *app;
	struct app_answer answer;
	struct errmsg msg;
};

static struct fixture f;

static int start(void **state)
{
	f = (struct fixture){.dir = "/tmp/pawl-app-XXXXXX"};
	clock_virtual_init(&f.clock, 1700000000000);
	rng_seeded_init(&f.rng, 7);
	return mkdtemp(f.dir) ? 0 : -1;
}

static void path_of(char out[128], const char *name)
{
	snprintf(out, 128, "%s/%s", f.dir, name);
}

static int stop(void **state)
{
	char path[128];
	app_answer_done(&f.answer);
	app_free(f.app);
	path_of(path, "main.lua");
	(void)unlink(path);
	path_of(path, "part.lua");
	(void)unlink(path);
	return rmdir(f.dir);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	path_of(path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct app *load(const char *text, size_t memory_max)
{
	json_auto_t *config = json_pack("{s:i, s:n, s:[]}", "speed", 5, "nothing", "empty");
	const struct app_config c = {.dir = f.dir,
				     .config = config,
				     .clock = &f.clock.clock,
				     .rng = &f.rng,
				     .memory_max = memory_max};
	write_file("main.lua", text);
	return f.app = app_new(&c, &f.msg);
}

static int ask(const char *body)
{
	static const struct server_header headers[] = {{"x-kind", "test"}};
	const struct app_request r = {.method = "POST",
				      .path = "/a",
				      .query = "b=c",
				      .headers = headers,
				      .n_headers = 1,
				      .body = body,
				      .body_len = strlen(body)};
	app_answer_done(&f.answer);
	app_handle(f.app, &r, &f.answer);
	return f.answer.status;
}

/* Loads an application whose answer's body is the expression's value as text. */
static const char *value_of(const char *expression)
{
	char text[1000];
	snprintf(text, sizeof(text),
		 "app = {handle = function(req) return {status = 200, body = tostring(%s)} end}",
		 expression);
	app_free(f.app);
	if (!load(text, 0))
		fail_msg("%s", f.msg.text);
	(void)ask("{\"a\":[1,{}],\"b\":[],\"c\":{},\"d\":null,\"e\":1.5}");
	return buf_str(&f.answer.body);
}

/* ---- app_new ---- */

static void it_finds_safe_libraries_and_nothing_that_reaches_out(void **state)
{
	static const char *const absent[] = {"io",        "os",     "debug",      "package",
					     "coroutine", "dofile", "loadfile",   "load",
					     "print",     "warn",   "string.dump"};
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_string_equal(value_of(absent[i]), "nil");
	assert_string_equal(value_of("math.max(1, #string.rep('a', 3), utf8.len('x'))"), "3");
	assert_string_equal(value_of("config.speed"), "5");
	assert_string_equal(value_of("config.nothing == json.null"), "true");
	assert_string_equal(value_of("now_ms()"), "1700000000000");
	assert_string_equal(value_of("#uuid() == 36 and uuid() ~= uuid()"), "true");
	assert_string_equal(
		value_of("req.method .. req.path .. req.query .. req.headers['x-kind']"),
		"POST/ab=ctest");
}

static void require_runs_a_file_of_the_folder_once(void **state)
{
	write_file("part.lua", "count = (count or 0) + 1; return {n = count}");
	assert_string_equal(value_of("require('part').n + require('part').n"), "2");
	assert_string_equal(value_of("(pcall(require, '../part'))"), "false");
	assert_string_equal(value_of("(pcall(require, '/etc/passwd'))"), "false");
	assert_string_equal(value_of("(pcall(require, ''))"), "false");
	assert_string_equal(value_of("(pcall(require, 'none'))"), "false");
}

static void an_application_that_does_not_start_says_why(void **state)
{
	assert_null(load("x = = 1", 0));
	assert_int_equal(f.msg.code, ERR_SCRIPT);
	assert_non_null(strstr(f.msg.text, "main.lua:1"));
	assert_null(load("error('no luck')", 0));
	assert_non_null(strstr(f.msg.text, "no luck"));
	assert_null(load("app = {}", 0));
	assert_non_null(strstr(f.msg.text, "app.handle"));
	assert_null(load("app = {handle = function() end}", 1000));
	assert_int_equal(f.msg.code, ERR_NOMEM);
}

/* ---- json ---- */

static void json_keeps_arrays_objects_and_null_apart(void **state)
{
	assert_string_equal(value_of("json.encode(json.decode(req.body))"),
			    "{\"a\":[1,{}],\"b\":[],\"c\":{},\"d\":null,\"e\":1.5}");
	assert_string_equal(value_of("json.encode({{}, json.array {}, {x = json.array {1, {2}}}})"),
			    "[{},[],{\"x\":[1,[2]]}]");
	assert_string_equal(value_of("json.is_array(json.decode('[]'))"), "true");
	assert_string_equal(value_of("json.is_array({1})"), "false");
	assert_string_equal(value_of("json.encode({z = 1, a = 2, m = true, [\"\"] = json.null})"),
			    "{\"\":null,\"a\":2,\"m\":true,\"z\":1}");
	assert_string_equal(value_of("select(2, json.decode('{')) ~= nil"), "true");
	assert_string_equal(value_of("json.decode('{\"a\":1,\"a\":2}')"), "nil");
}

static void json_texts_are_valid_whatever_bytes_they_are_made_of(void **state)
{
	assert_string_equal(value_of("json.encode('a\\\"\\\\\\n\\1é')"),
			    "\"a\\\"\\\\\\n\\u0001é\"");
	assert_string_equal(value_of("json.encode('x\\xff\\xc3y\\xed\\xa0\\x80')"),
			    "\"x\xef\xbf\xbd\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_string_equal(value_of("(pcall(json.encode, 1/0))"), "false");
	assert_string_equal(value_of("(pcall(json.encode, {a = print, b = json.encode}))"),
			    "false");
	assert_string_equal(value_of("(pcall(json.encode, {[true] = 1}))"), "false");
	assert_string_equal(value_of("(function() local t = {} t[1] = t "
				     "return pcall(json.encode, t) end)()"),
			    "false");
}

/* ---- app_handle ---- */

static void an_answer_has_status_headers_and_body(void **state)
{
	assert_non_null(load("app = {handle = function(req) return {status = 201, body = 'a\\0b',"
			     "headers = {['Content-Type'] = 'text/x', Location = '/y'},"
			     "delay_ms = 7, drop = true} end}",
			     0));
	assert_int_equal(ask(""), 201);
	assert_int_equal(f.answer.body.len, 3);
	assert_string_equal(buf_str(&f.answer.type), "text/x");
	assert_string_equal(buf_str(&f.answer.extra), "Location: /y\r\n");
	assert_int_equal(f.answer.delay_ms, 7);
	assert_true(f.answer.drop);
}

static void an_error_is_a_500_with_its_text_and_the_next_request_works(void **state)
{
	assert_non_null(load("app = {handle = function(req) "
			     "if req.body == 'error' then error('broken') end "
			     "if req.body == 'header' then return {status = 200, headers = "
			     "{a = 'x\\r\\ny: z'}} end "
			     "if req.body == 'status' then return {status = 20} end "
			     "if req.body == 'nothing' then return nil end "
			     "if req.body == 'loop' then return app.handle(req) + 1 end "
			     "return {status = 204} end}",
			     0));
	assert_int_equal(ask("error"), 500);
	assert_non_null(strstr(buf_str(&f.answer.body), "broken"));
	assert_int_equal(ask("header"), 500);
	assert_int_equal(f.answer.extra.len, 0);
	assert_int_equal(ask("status"), 500);
	assert_int_equal(ask("nothing"), 500);
	assert_int_equal(ask("loop"), 500);
	assert_int_equal(ask(""), 204);
}

static void memory_has_an_end_after_which_it_goes_on(void **state)
{
	assert_non_null(load("app = {handle = function(req) if req.body == '' then "
			     "return {status = 204} end local t = {} "
			     "for i = 1, 1e7 do t[i] = {i} end end}",
			     4 << 20));
	assert_int_equal(ask("x"), 500);
	assert_non_null(strstr(buf_str(&f.answer.body), "memory"));
	assert_true(app_memory(f.app) <= 4 << 20);
	assert_int_equal(ask(""), 204);
}

/* ---- app_again ---- */

static void a_request_can_ask_to_be_handed_in_again(void **state)
{
	assert_non_null(load("app = {handle = function(req) if not req.seen then req.seen = true "
			     "return {again = true, delay_ms = 9} end "
			     "return {status = 200, body = req.body} end}",
			     0));
	(void)ask("twice");
	int again = f.answer.again;
	assert_int_not_equal(again, 0);
	assert_int_equal(f.answer.delay_ms, 9);
	app_answer_done(&f.answer);
	app_again(f.app, again, &f.answer);
	assert_int_equal(f.answer.status, 200);
	assert_string_equal(buf_str(&f.answer.body), "twice");
	assert_int_equal(f.answer.again, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_finds_safe_libraries_and_nothing_that_reaches_out),
		T(require_runs_a_file_of_the_folder_once),
		T(an_application_that_does_not_start_says_why),
		T(json_keeps_arrays_objects_and_null_apart),
		T(json_texts_are_valid_whatever_bytes_they_are_made_of),
		T(an_answer_has_status_headers_and_body),
		T(an_error_is_a_500_with_its_text_and_the_next_request_works),
		T(memory_has_an_end_after_which_it_goes_on),
		T(a_request_can_ask_to_be_handed_in_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
