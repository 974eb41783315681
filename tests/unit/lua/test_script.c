/* Scripts: operations, their results and errors, require, replay, and what a check finds. */
#include "tests/unit/lua/rig.h"

#include <stdio.h>

#include "engine/lua/script.h"

struct fixture {
	struct rig rig;
	struct map sources;
	struct script *script;
	struct script_op op;
	json_t *ret;
	struct errmsg msg;
};

static void begin_with(struct fixture *f, const char *text, const char *args)
{
	json_t *v = args ? rig_json(args) : NULL;
	map_put(&f->sources, "score.lua", (void *)text);
	f->script = script_new(f->rig.host, &f->sources, "score.lua", v, &f->msg);
	if (!f->script)
		fail_msg("%s", f->msg.text);
	json_decref(f->ret); /* keeps the arguments until the next begin */
	f->ret = v;
}

static void begin(struct fixture *f, const char *text)
{
	begin_with(f, text, NULL);
}

static void end(struct fixture *f)
{
	script_free(f->script);
	f->script = NULL;
	json_decref(f->ret);
	f->ret = NULL;
}

static enum script_verdict go(struct fixture *f, const char *result, const char *error,
			      json_t **ret)
{
	json_t *r = result ? rig_json(result) : NULL, *e = error ? rig_json(error) : NULL;
	enum script_verdict v = script_run(f->script, r, e, &f->op, ret, &f->msg);
	json_decref(r);
	json_decref(e);
	return v;
}

/* Goes on with a result; the next operation must be this one with these arguments. */
static void expect_op(struct fixture *f, const char *result, const char *name, const char *args)
{
	json_t *ret;
	enum script_verdict v = go(f, result, NULL, &ret);
	if (v != SCRIPT_OP)
		fail_msg("no operation %s: %s", name, v == SCRIPT_FAIL ? f->msg.text : "done");
	char *text = json_text(f->op.args);
	assert_string_equal(f->op.name, name);
	assert_string_equal(text, args);
	free(text);
}

static void expect_done(struct fixture *f, const char *result, const char *value)
{
	json_t *ret;
	enum script_verdict v = go(f, result, NULL, &ret);
	if (v != SCRIPT_DONE)
		fail_msg("not done: %s", v == SCRIPT_FAIL ? f->msg.text : f->op.name);
	char *text = ret ? json_text(ret) : strdup("nil");
	assert_string_equal(text, value);
	free(text);
	json_decref(ret);
	end(f);
}

static void expect_fail(struct fixture *f, const char *part)
{
	json_t *ret;
	enum script_verdict v = go(f, NULL, NULL, &ret);
	if (v != SCRIPT_FAIL)
		fail_msg("not failed, but %s", v == SCRIPT_OP ? f->op.name : "done");
	if (!strstr(f->msg.text, part))
		fail_msg("'%s' is not in '%s'", part, f->msg.text);
	assert_int_equal(f->msg.code, ERR_SCRIPT);
	assert_null(ret);
	end(f);
}

/* ---- script_run ---- */

static void a_script_stops_at_each_operation(void **state)
{
	struct fixture *f = *state;
	begin_with(f,
		   "local args = ...\n"
		   "local found = call('cc.list', {email = args.email, status = 'all'})\n"
		   "local score = #found.contacts > 0 and 10 or 0\n"
		   "if score == 0 then wait('1h') end\n"
		   "emit('lead.scored', {email = args.email, score = score})\n"
		   "log('n', 1)\n"
		   "return {score = score}\n",
		   "{\"email\":\"a@x.org\"}");
	expect_op(f, NULL, "call", "[\"cc.list\",{\"email\":\"a@x.org\",\"status\":\"all\"}]");
	assert_int_equal(f->op.line, 2);
	expect_op(f, "{\"contacts\":[]}", "wait", "[\"1h\"]");
	expect_op(f, NULL, "emit", "[\"lead.scored\",{\"email\":\"a@x.org\",\"score\":0}]");
	json_t *ret;
	assert_int_equal(go(f, NULL, NULL, &ret), SCRIPT_FAIL);
	assert_string_equal(f->msg.text, "score.lua:6: log takes at most 1 arguments");
	end(f);
}

static void all_operations_give_their_arguments(void **state)
{
	struct fixture *f = *state;
	begin(f,
	      "local t = now() local a, b = random(6), random() local u = uuid()\n"
	      "reply('hi') reply{text = 'x', choices = list{}} reply(12) log(nil) log{1}\n"
	      "wait{['until'] = t + 60} wait{activity = {id = 1}} emit('k') emit('k', nil, {after = '1m'})\n"
	      "return {t, a, b, u, (call('x'))}");
	expect_op(f, NULL, "now", "[]");
	expect_op(f, "100", "random", "[6]");
	expect_op(f, "4", "random", "[]");
	expect_op(f, "0.5", "uuid", "[]");
	expect_op(f, "\"u-1\"", "reply", "[\"hi\"]");
	expect_op(f, NULL, "reply", "[{\"choices\":[],\"text\":\"x\"}]");
	expect_op(f, NULL, "reply", "[\"12\"]");
	json_t *ret;
	assert_int_equal(go(f, NULL, NULL, &ret), SCRIPT_FAIL);
	assert_non_null(strstr(f->msg.text, "bad argument #1 to 'log'"));
	end(f);
	begin(f, "log(12) log(true) wait{['until'] = 60} emit('k', nil, {after = '1m'})\n"
		 "return {1, 0.5, (call('x'))}");
	expect_op(f, NULL, "log", "[\"12\"]");
	expect_op(f, NULL, "log", "[\"true\"]");
	expect_op(f, NULL, "wait", "[{\"until\":60}]");
	expect_op(f, NULL, "emit", "[\"k\",null,{\"after\":\"1m\"}]");
	expect_op(f, NULL, "call", "[\"x\"]");
	expect_done(f, "{\"a\":null}", "[1,0.5,{\"a\":null}]");
}

static void errors_of_operations_are_values(void **state)
{
	struct fixture *f = *state;
	static const char error[] =
		"{\"name\":\"throttled\",\"message\":\"slow down\",\"status\":429,\"key\":\"k.x\"}";
	static const char src[] =
		"local ok, e = pcall(call, 'x')\n"
		"log(tostring(e) .. '|' .. e.name .. '|' .. e.status .. '|' .. e.key .. '|' .. ('e: ' .. e)"
		" .. '|' .. type(e))\n"
		"if not ok then error(e) end";
	json_t *ret;
	begin(f, src);
	expect_op(f, NULL, "call", "[\"x\"]");
	assert_int_equal(go(f, NULL, error, &ret), SCRIPT_OP);
	assert_string_equal(json_string_value(json_array_get(f->op.args, 0)),
			    "slow down|throttled|429|k.x|e: slow down|table");
	assert_int_equal(go(f, NULL, NULL, &ret), SCRIPT_FAIL);
	assert_string_equal(f->msg.text, "slow down");
	assert_int_equal(f->msg.code, ERR_THROTTLED);
	assert_string_equal(json_str(ret, "key"), "k.x");
	json_decref(ret);
	end(f);

	begin(f, "call('x')");
	expect_op(f, NULL, "call", "[\"x\"]");
	assert_int_equal(go(f, NULL, error, &ret), SCRIPT_FAIL);
	assert_string_equal(json_str(ret, "name"), "throttled");
	json_decref(ret);
	end(f);
}

static void operations_work_inside_pcall_and_loops(void **state)
{
	struct fixture *f = *state;
	begin(f, "local sum = 0\n"
		 "for i, v in ipairs{1, 2} do\n"
		 "  local ok, r = pcall(function() return call('a', {i = v}) + 1 end)\n"
		 "  sum = sum + r\n"
		 "end\n"
		 "local t = setmetatable({}, {__index = function(t, k) return call(k) end})\n"
		 "return sum + t.meta");
	expect_op(f, NULL, "call", "[\"a\",{\"i\":1}]");
	assert_int_equal(f->op.line, 3);
	expect_op(f, "10", "call", "[\"a\",{\"i\":2}]");
	expect_op(f, "20", "call", "[\"meta\"]");
	expect_done(f, "100", "132");
}

static void operations_are_refused_where_c_waits(void **state)
{
	struct fixture *f = *state;
	static const char *const bodies[] = {
		"table.sort({1, 2}, function(a, b) call('x') return a < b end)",
		"return (('x'):gsub('x', function() call('x') end))",
		"return map({1}, function() return call('x') end)",
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		begin(f, bodies[i]);
		expect_fail(f, "call cannot be used here");
	}
	begin(f, "require 'lib.top'");
	expect_fail(f, "lib/top.lua:1: call cannot be used here");
	begin(f, "all{}");
	expect_fail(f, "is not in this version");
}

static void errors_say_file_and_line(void **state)
{
	struct fixture *f = *state;
	begin(f, "local x\n\nlocal y = x + 1");
	expect_fail(f, "score.lua:3: attempt to perform arithmetic on a nil value (local 'x')");
	begin(f, "local t = ...\nreturn t.a.b.c");
	expect_fail(f, "score.lua:2: attempt to index a nil value (local 't')");
	begin(f, "error('no')");
	expect_fail(f, "score.lua:1: no");
	begin(f, "error{message = 'mine'}");
	expect_fail(f, "mine");
	begin(f, "error()");
	expect_fail(f, "an error without a message");
	begin(f, "return pairs");
	expect_fail(f, "score.lua: the result: a function cannot leave");
	begin(f, "call(1)");
	expect_fail(f, "bad argument #1 to 'call' (string expected, got number)");
	begin(f, "call('x', {f = pairs})");
	expect_fail(f, "a function cannot leave");
	begin(f, "wait(5)");
	expect_fail(f, "duration such as \"10m\", or table expected, got number");
}

static void required_files_load_once(void **state)
{
	struct fixture *f = *state;
	begin(f, "local a, b = require 'lib.once', require('lib.once')\n"
		 "return {a == b, a.n, a.get()}");
	expect_op(f, NULL, "call", "[\"inside\"]");
	expect_done(f, "7", "[true,1,7]");
	begin(f, "return require 'lib.nil'");
	expect_done(f, NULL, "true");
	begin(f, "require 'lib.loop'");
	expect_fail(f, "lib/loop.lua requires itself");
	begin(f, "require 'lib.absent'");
	expect_fail(f, "there is no lib/absent.lua");
	begin(f, "require '..etc.passwd'");
	expect_fail(f, "there is no //etc/passwd.lua");
	begin(f, "require 'lib.bad'");
	expect_fail(f, "lib/bad.lua:2: ");
}

static void two_runs_share_nothing(void **state)
{
	struct fixture *f = *state;
	begin(f, "leak = 1 local m = getmetatable(setmetatable({}, {})) m.x = 1 return leak");
	expect_done(f, NULL, "1");
	begin(f, "return {leak == nil, string.leak == nil}");
	expect_done(f, NULL, "[true,true]");
	rig_expect(&f->rig, "leak", "nil");
}

static void dropping_a_waiting_script_leaks_nothing(void **state)
{
	struct fixture *f = *state;
	begin_with(f, "local a = ... local b = a.x pcall(function() call('x', b) end)",
		   "{\"x\":{\"y\":[1]}}");
	expect_op(f, NULL, "call", "[\"x\",{\"y\":[1]}]");
	end(f);
}

/* ---- script_check, script_calls ---- */

static void note(void *arg, const char *text, int line)
{
	(void)buf_printf(arg, "%s:%d ", text, line);
}

static void a_check_finds_requires_and_calls(void **state)
{
	struct fixture *f = *state;
	struct lua_host *h = f->rig.host;
	struct buf out = BUF_INIT;
	int line;
	static const char src[] =
		"local a = require 'lib.a'\n-- require 'lib.no'\n"
		"local b = require(\"lib.b.c\") x.require(1) call('cc.get', {})\n"
		"pcall(function() return call [[cc.put]] end) x.call('no') call(name)";
	assert_int_equal(script_check(h, "s.lua", src, note, &out, &line, &f->msg), 0);
	assert_string_equal(buf_str(&out), "lib/a.lua:1 lib/b/c.lua:3 ");
	buf_clear(&out);
	script_calls(src, note, &out);
	assert_string_equal(buf_str(&out), "cc.get:3 cc.put:4 ");
	assert_int_equal(script_check(h, "s.lua", "x = 1\nx = = 2", note, &out, &line, &f->msg),
			 ERR_PARSE);
	assert_int_equal(line, 2);
	assert_string_equal(f->msg.text, "2: unexpected symbol near '='");
	static const char *const bad[] = {"require(name)", "require('a' .. 'b')",
					  "local r = require", "require()"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(script_check(h, "s.lua", bad[i], note, &out, &line, &f->msg),
				 ERR_PARSE);
		assert_int_equal(line, 1);
	}
	buf_done(&out);
}

static void a_syntax_error_is_no_script(void **state)
{
	struct fixture *f = *state;
	map_put(&f->sources, "score.lua", "local = 1");
	assert_null(script_new(f->rig.host, &f->sources, "score.lua", NULL, &f->msg));
	assert_int_equal(f->msg.code, ERR_PARSE);
	assert_non_null(strstr(f->msg.text, "score.lua:1: "));
	assert_null(script_new(f->rig.host, &f->sources, "none.lua", NULL, &f->msg));
	map_put(&f->sources, "score.lua", "\x1bLua");
	assert_null(script_new(f->rig.host, &f->sources, "score.lua", NULL, &f->msg));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	rig_init(&f->rig, "{}");
	map_put(&f->sources, "lib/once.lua",
		"count = (count or 0) + 1 return {n = count, get = function() return call('inside') end}");
	map_put(&f->sources, "lib/top.lua", "call('x')");
	map_put(&f->sources, "lib/nil.lua", "local a = 1");
	map_put(&f->sources, "lib/loop.lua", "require 'lib.loop'");
	map_put(&f->sources, "lib/bad.lua", "\nlocal 1");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	script_free(f->script);
	json_decref(f->ret);
	map_done(&f->sources);
	rig_done(&f->rig);
	free(f);
	return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_script_stops_at_each_operation),
		TEST(all_operations_give_their_arguments),
		TEST(errors_of_operations_are_values),
		TEST(operations_work_inside_pcall_and_loops),
		TEST(operations_are_refused_where_c_waits),
		TEST(errors_say_file_and_line),
		TEST(required_files_load_once),
		TEST(two_runs_share_nothing),
		TEST(dropping_a_waiting_script_leaks_nothing),
		TEST(a_check_finds_requires_and_calls),
		TEST(a_syntax_error_is_no_script),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
