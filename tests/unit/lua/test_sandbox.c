/* Escapes that are known of embedded Lua: each ends as an error in good time and changes nothing. */
#include "tests/unit/lua/rig.h"

#include <time.h>

#include "engine/lua/script.h"

#define TIME_MS 400 /* four times the promise, which is for a machine of its own */

#if defined(__SANITIZE_ADDRESS__)
#define SLOW 8
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW 8
#endif
#endif
#ifndef SLOW
#define SLOW 1
#endif

/* Under a tool that runs the code slowly, by what it says. */
static int slow(void)
{
	const char *said = getenv("PAWL_TEST_SLOW");
	return said ? (int)strtol(said, NULL, 10) : SLOW;
}

static int64_t cpu_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void still_fine(struct rig *r)
{
	rig_expect(r, "('a'):rep(3) .. string.upper('b') .. lower('C') .. #data.list",
		   "\"aaaBc2\"");
}

static int run_script(struct rig *r, const char *text)
{
	struct map sources = {0};
	map_put(&sources, "s.lua", (void *)text);
	struct script *s = script_new(r->host, &sources, "s.lua", NULL, &r->msg);
	struct script_op op;
	json_t *ret = NULL;
	enum script_verdict v = s ? script_run(s, NULL, NULL, &op, &ret, &r->msg) : SCRIPT_FAIL;
	json_decref(ret);
	script_free(s);
	map_done(&sources);
	return v == SCRIPT_FAIL ? r->msg.code : 0;
}

/* ---- expressions ---- */

static void what_is_not_on_the_list_is_not_there(void **state)
{
	struct rig *r = *state;
	static const char *const absent[] = {"os",           "io",           "debug",
					     "load",         "loadstring",   "dofile",
					     "loadfile",     "coroutine",    "collectgarbage",
					     "package",      "require",      "print",
					     "_G",           "_VERSION",     "rawget",
					     "rawset",       "rawequal",     "rawlen",
					     "setmetatable", "getmetatable", "pcall",
					     "xpcall",       "error",        "warn",
					     "string.dump",  "math.random",  "math.randomseed",
					     "call",         "wait",         "jit",
					     "('x').dump",   "_ENV.os",      "string.load"};
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
		rig_expect(r, absent[i], "nil");
}

static void bytecode_is_refused(void **state)
{
	struct rig *r = *state;
	rig_refuse_as(r, "\x1bLuaT", false, ERR_PARSE, "");
	rig_refuse_as(r, "\x1bLuaT", true, ERR_PARSE, "");
}

static void work_without_end_is_ended(void **state)
{
	struct rig *r = *state;
	static const char *const chunks[] = {
		"while true do end",
		"for i = 1, 1e18 do end",
		"local function f() return f() end return f()",
		"local function f() return 1 + f() end return f()",
		"return ('a?'):rep(30):len() .. (('a'):rep(30)):match(('a?'):rep(30) .. ('a'):rep(30) .. 'b')",
		"return ('a'):rep(100):find('.-.-.-.-b')",
		"return ('a'):rep(100000):find(('a*'):rep(50) .. 'b')",
		"return ('x'):rep(1e9)",
		"return ('x'):rep(1e9, ('y'):rep(1000))",
		"return ('x'):rep(1 << 62)",
		"local s = 'x' while true do s = s .. s end",
		"local t = {} while true do t[#t + 1] = {} end",
		"local s = ('x'):rep(1e6) while true do s = s:upper() end",
		"local s = ('x'):rep(1e6) while true do local _ = s .. 'y' end",
		"local s = ('x'):rep(1e6) while true do s:len() s:byte(1, 1000) s:find('y', 1, true) end",
		"return table.concat({}, 'x', 1, 1e9)",
		"return table.concat(setmetatable and {} or {}, '', 1, 1 << 62)",
		"return table.unpack({}, 1, 1e8)",
		"return table.move({}, 1, 1e9, 2)",
		"return table.move({}, 1, 1 << 62, 2, {})",
		"return ('x'):rep(1e6):gsub('', ('y'):rep(1e3))",
		"return ('x'):rep(1e6):gsub('.', {x = ('y'):rep(1e5)})",
		"while true do local s = json.encode(data) end",
		"while true do json.decode('[1,2,3,[4,5,6]]') end",
		"while true do sha256(('x'):rep(1e5)) end",
		"while true do split(('a,'):rep(1e5), ',') end",
		"local t = {} for i = 1, 1e5 do t[i] = i end while true do table.insert(t, 1, 0) end",
		"local t = {} for i = 1, 1e4 do t[i] = -i end while true do table.sort(t) end",
		"local t = {} for i = 1, 1e4 do t[i] = i end while true do for k in pairs(t) do break end end",
		"local t = {} for i = 1, 1e4 do t[i] = i end while true do next(t, 5) end",
		"local t = {} for i = 1, 1e3 do t[i] = i end while true do map(t, function(x) return {x} end) end",
		"local t = {} for i = 1, 1e4 do t[i] = {i} end while true do uniq(t) end",
		"local t = {1} while true do t = merge(t, t) end",
		"while true do base64(('x'):rep(1e6)) end",
		"while true do utf8.len(('x'):rep(1e6)) end",
		"local s = ('%'):rep(2000) while true do string.format(s) end",
		"while true do glob(('a'):rep(1e4), ('*a'):rep(1e3) .. 'b') end",
		"local t = {} for i = 1, 1e5 do t = {t} end return t",
		"local t = {} for i = 1, 200 do t = {t, t} end return t",
		"return ('('):rep(1e5):gsub(('('):rep(1e5), '')",
		"return ('x'):find(('('):rep(40))",
		"return ('x'):rep(1e6):match(('x-'):rep(190) .. 'y')",
		"return tostring(1):rep(1e8):reverse()",
		"return string.pack('c100000000', 'x')",
	};
	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		json_t *v;
		int64_t from = cpu_ms();
		int code = rig_run(r, chunks[i], true, &v);
		int64_t took = cpu_ms() - from;
		if (code != ERR_SCRIPT)
			fail_msg("%s: code %d", chunks[i], code);
		if (took > TIME_MS * slow())
			fail_msg("%s took %d ms (%s)", chunks[i], (int)took, r->msg.text);
		still_fine(r);
	}
}

static void nothing_changes_a_later_evaluation(void **state)
{
	struct rig *r = *state;
	static const char *const refused[] = {
		"x = 1",
		"_ENV.x = 1",
		"_ENV['x'] = 1",
		"string.upper = nil",
		"string.evil = 1",
		"table.insert(string, 1)",
		"table.insert(_ENV, 1)",
		"table.sort(data.list)",
		"table.move({1}, 1, 1, 1, math)",
		"json.null = 1",
		"data.x = 1",
		"data.list[1] = 2",
		"table.insert(data.list, 1)",
		"table.remove(data.list)",
		"secrets.x = 1",
		"local s = '' s.x = 1",
		"local n n.x = 1",
		"pairs = 1",
		"function lower() end",
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		rig_refuse_as(r, refused[i], true, ERR_SCRIPT, "");
		still_fine(r);
	}
	rig_refuse_as(r, "_ENV = {}", true, ERR_PARSE, "const");
	rig_expect_as(r, "local _ENV = {} return x", true, "nil");
	rig_expect_as(r, "list(_ENV) list(string) list(json) return 1", true, "1");
	rig_refuse_as(r, "list(_ENV) x = 1", true, ERR_SCRIPT, "");
	rig_refuse_as(r, "list(string) string.upper = 1", true, ERR_SCRIPT, "");
	still_fine(r);
	rig_expect(r, "x", "nil");
}

/* A chunk's function keeps no state from one evaluation to the next. */
static void a_chunk_has_no_memory(void **state)
{
	struct rig *r = *state;
	int ref;
	json_t *v;
	const char *src = "local n = 0 local function f() n = n + 1 return n end f() return f()";
	assert_int_equal(r->vm->ops->compile(r->vm->vm, src, true, "w", &ref, &r->msg), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(r->vm->ops->eval(r->vm->vm, ref, &r->scope, &v, &r->msg), 0);
		assert_int_equal(json_integer_value(v), 2);
		json_decref(v);
	}
	r->vm->ops->release(r->vm->vm, ref);
}

static void nothing_tells_an_address(void **state)
{
	struct rig *r = *state;
	rig_expect(r, "tostring({}) .. tostring(pairs) .. tostring(data) .. tostring(json.null)",
		   "\"tablefunctiontablenull\"");
	rig_expect(r, "string.format('%s %s %s', {}, data, lower)", "\"table table function\"");
	rig_refuse(r, "string.format('%p', {})", "addresses");
	rig_refuse(r, "string.format('%10p', {})", "addresses");
	rig_refuse(r, "table.concat({{}})", "invalid value (table) at index 1");
	rig_refuse(r, "join({{}})", "element 1 is a table");
	rig_expect(r, "tostring(secrets.k)", "\"***\"");
	rig_refuse(r, "secrets.k", "a secret can stand only in");
	rig_refuse(r, "'' .. secrets.k", "a secret can stand only in");
	rig_refuse(r, "('' .. secrets.k):upper()", "secret value");
	rig_refuse(r, "#secrets.k", "length of a secret");
	rig_refuse(r, "{} .. secrets.k", "concatenate a table value with a secret");
}

static void memory_stays_flat(void **state)
{
	struct rig *r = *state;
	static const char *const sources[] = {
		"data.list[1] == 1 and data.name == 'x'",
		"{a = data.list, b = lower(data.name) .. now}",
		"#split('a,b,c', ',') + len(json.decode('{\"a\":[1]}').a)",
	};
	int refs[3];
	json_t *v;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			r->vm->ops->compile(r->vm->vm, sources[i], false, "w", &refs[i], &r->msg),
			0);
	const struct lua_limits small = {.memory = 400 << 10};
	struct rig tight;
	rig_init_limits(&tight, "{\"data\":{\"list\":[1,2],\"name\":\"x\"},\"now\":5}", &small);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tight.vm->ops->compile(tight.vm->vm, sources[i], false, "w",
							&refs[i], &r->msg),
				 0);
	for (int n = 0; n < 1000000 / SLOW; n++) {
		if (tight.vm->ops->eval(tight.vm->vm, refs[n % 3], &tight.scope, &v, &tight.msg) !=
		    0)
			fail_msg("evaluation %d: %s", n, tight.msg.text);
		json_decref(v);
	}
	rig_done(&tight);
}

/* ---- scripts ---- */

static void scripts_are_bounded_too(void **state)
{
	struct rig *r = *state;
	static const char *const bad[] = {
		"while true do pcall(error) end",
		"while true do pcall(function() while true do end end) end",
		"local function f() pcall(f) while true do pcall(f) end end f()",
		"while true do pcall(string.rep, 'x', 1e9) end",
		"pcall(string.rep, 'x', 1e9) while true do end",
		"local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = {} end end) end",
		"pcall(function() while true do end end) log('went on')",
		"local ok = pcall(string.match, ('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30) .. 'b') log('on')",
		"setmetatable({}, {__gc = function() while true do end end})",
		"setmetatable({}, {__mode = 'k'})",
		"setmetatable({}, {__close = function() end})",
		"setmetatable('', {})",
		"getmetatable('').__index.x = 1",
		"setmetatable(string, {})",
		"setmetatable(_ENV, {})",
		"local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return t.x",
		"local m = {} local t = setmetatable({}, m) m.__gc = error setmetatable(t, m)",
		"coroutine.wrap(function() end)()",
		"load('return 1')()",
		"debug.sethook()",
		"os.exit()",
		"io.open('/etc/passwd')",
		"require 'os'",
		"string.dump(function() end)",
		"collectgarbage()",
		"string.upper = 1",
		"local s = setmetatable({}, {__tostring = function() while true do end end}) tostring(s)",
		"local t <close> = setmetatable({}, {__close = 1})",
		"('x'):rep(1e6):gsub('.', function(c) return ('y'):rep(1e6) end)",
		"error(setmetatable({}, {__tostring = function() while true do end end}))",
		"local t = {} table.sort(t, 5)",
		"local a = {} for i = 1, 1e4 do a[i] = i end table.sort(a, function() while true do end end)",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int64_t from = cpu_ms();
		int code = run_script(r, bad[i]);
		int64_t took = cpu_ms() - from;
		if (code != ERR_SCRIPT)
			fail_msg("%s: code %d (%s)", bad[i], code, r->msg.text);
		if (took > TIME_MS * slow())
			fail_msg("%s took %d ms (%s)", bad[i], (int)took, r->msg.text);
		still_fine(r);
	}
}

static void ordinary_scripts_have_room(void **state)
{
	struct rig *r = *state;
	assert_int_equal(run_script(r,
				    "local t = {} for i = 1, 5000 do t[i] = i * 2 end "
				    "table.sort(t, function(a, b) return a > b end) return t[1]"),
			 0);
	assert_int_equal(run_script(r, "local ok, e = pcall(error, 'x') return e"), 0);
	assert_int_equal(
		run_script(r, "local C = {} C.__index = C function C.new() return "
			      "setmetatable({n = 1}, C) end function C:get() return self.n end "
			      "return C.new():get()"),
		0);
}

static int setup(void **state)
{
	static const struct lua_limits limits = {.script_instructions = 2000000};
	struct rig *r = malloc(sizeof(*r));
	rig_init_limits(r, "{\"data\":{\"list\":[1,2],\"name\":\"x\"},\"now\":5}", &limits);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_on_the_list_is_not_there),
		TEST(bytecode_is_refused),
		TEST(work_without_end_is_ended),
		TEST(nothing_changes_a_later_evaluation),
		TEST(a_chunk_has_no_memory),
		TEST(nothing_tells_an_address),
		TEST(memory_stays_flat),
		TEST(scripts_are_bounded_too),
		TEST(ordinary_scripts_have_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
