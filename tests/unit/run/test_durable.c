/* Durable scripts: straight-line code with calls and waits, cut off anywhere. */
#include "tests/unit/run/flow.h"

#define HEAD "api: pawl/1\nrule: a\nwhen: {event: go}\n"
#define RUNS HEAD "result: =out\ndo:\n  - lua: s.lua\n    with: {name: eve}\n    as: out\n"
#define MIN 60000

/* Ten calls, two waits, three days between the first and the last. */
#define TEN_CALLS(first, second)                                                                   \
	"local args = ...\n"                                                                       \
	"local made = {}\n"                                                                        \
	"local function make(key)\n"                                                               \
	"  made[#made + 1] = call('shop.make', {key = args.name .. key}).key\n"                    \
	"end\n"                                                                                    \
	"for i = 1, 3 do make('a' .. i) end\n"                                                     \
	"local before = now()\n"                                                                   \
	"wait('" first "')\n"                                                                      \
	"for i = 1, 2 do make('b' .. i) end\n"                                                     \
	"local ok, e = pcall(call, 'shop.make', {key = 'bad'})\n"                                  \
	"made[#made + 1] = e.name\n"                                                               \
	"local gone = call('shop.find', {key = 'evea1'}).items[1]\n"                               \
	"pcall(function() call('shop.remove', {id = gone.id}) end)\n"                              \
	"local n = memory.add('shared/n', 2)\n"                                                    \
	"if memory.first('once', '7d') then made[#made + 1] = n end\n"                             \
	"wait('" second "')\n"                                                                     \
	"emit('done', {n = #made})\n"                                                              \
	"for i = 1, 2 do make('c' .. i) end\n"                                                     \
	"memory.put('last', made[#made])\n"                                                        \
	"made[#made + 1] = memory.get('last')\n"                                                   \
	"made[#made + 1] = now() > before\n"                                                       \
	"return made\n"

#define GIVES                                                                                      \
	"[\"evea1\",\"evea2\",\"evea3\",\"eveb1\",\"eveb2\",\"invalid\",2,\"evec1\",\"evec2\","    \
	"\"evec2\",true]"
#define DONE "+evea1 +evea2 +evea3 +eveb1 +eveb2 -evea1 +evec1 +evec2"

static int with_script(void **state)
{
	(void)state;
	world_script = TEN_CALLS("1d", "2d");
	return 0;
}

static void ten_calls_and_two_waits(void **state)
{
	(void)state;
	play(RUNS, 4 * 1440 * MIN);
	assert_string_equal(outcome_of("a"), GIVES);
	assert_string_equal(shop.log, DONE);
}

static void it_is_not_in_memory_while_it_waits(void **state)
{
	struct engine_stats s;
	(void)state;
	play(RUNS, 2 * 60 * MIN);
	engine_stats(w.engine, &s);
	assert_int_equal(s.in_memory, 0);
	assert_string_equal(state_of("a"), "waiting");
	assert_string_equal(shop.log, "+evea1 +evea2 +evea3");
}

/* Of each crash: the same result, everything once, in the same order but for what is looked up again. */
static void a_crash_at_any_turn_changes_nothing(void **state)
{
	(void)state;
	world_script = TEN_CALLS("1m", "2m");
	crash_at_every_turn(RUNS, "a", GIVES, DONE, 5 * MIN, NULL);
}

#define PAID(event) "{'order': 'x1', 'n': " event "}"

/* A script waits for one event that came before it waited, and for one that never comes. */
static void an_event_is_waited_for(void **state)
{
	(void)state;
	for (int crash = 0; crash < 4; crash++) {
		world_script =
			"wait('10m')\n"
			"local e = wait_event('order.paid', {where = {['order'] = 'x1'}, "
			"timeout = '1d'})\n"
			"local ok, why = pcall(wait_event, 'order.paid', {where = {order = 'x1'}, "
			"timeout = '5m'})\n"
			"return {e.data.n, ok, why.name}\n";
		play(RUNS, 2 * MIN);
		world_send(&w, "order.paid", "{'order': 'other', 'n': 6}");
		world_send(&w, "order.paid", PAID("7"));
		for (int minute = 0; minute < 25; minute++) {
			if (crash && minute % crash == 0)
				world_crash(&w);
			world_pass(&w, MIN);
		}
		assert_string_equal(outcome_of("a"), "[7,false,\"timeout\"]");
		if (crash < 3)
			world_done(&w);
	}
}

static void any_address_is_asked(void **state)
{
	(void)state;
	world_script = "local r = http{connection = 'shop', path = '/things', body = {key = 'w1'}, "
		       "effect = 'idempotent'}\n"
		       "local ok, e = pcall(http, {connection = 'shop', path = 'x'})\n"
		       "local ok2, e2 = pcall(http, {connection = 'shop', path = '/x', "
		       "headers = {['X-A'] = 'a\\nb'}})\n"
		       "return {r.status, r.body.key, e.name, e2.message}\n";
	play(RUNS, MIN);
	assert_string_equal(outcome_of("a"), "[201,\"w1\",\"invalid\","
					     "\"http: the header X-A holds a control character\"]");
	assert_string_equal(shop.log, "+w1");
	world_done(&w);
	world_script = "http{uri = 'x'}\n";
	play(RUNS, MIN);
	assert_string_equal(outcome_of("a"), "\"script\"");
}

static void mistakes_with_memory_are_errors_of_the_script(void **state)
{
	(void)state;
	world_script = "local ok, e = pcall(memory.put, 'k', 1, 'soon')\nreturn tostring(ok)\n";
	play(RUNS, MIN);
	assert_string_equal(outcome_of("a"), "\"script\"");
	world_done(&w);
	world_script = "local ok, e = pcall(memory.get, {})\nreturn {ok, e}\n";
	play(RUNS, MIN);
	assert_non_null(strstr(outcome_of("a"), "string expected"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, with_script, end_world)

static void what_cannot_be_read_is_told(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"local t = 'x'\nwait_event(t)\n", "line 2 of the script: wait_event takes"},
		{"wait_event('a.b', {where = args})\n", "wait_event takes"},
		{"wait_event('a.b', {timeout = '1d'})\n", "wait_event needs where, else every a.b"},
		{"wait_event('a.b')\n", "wait_event needs where"},
		{"wait_event{where = {a = 1}}\n", "wait_event needs a type"},
		{"wait_event{conversation = 'message.received', timeout = '1d'}\n", ""},
		{"x.wait_event(t)\nwait_event('a.b', {scan = true})\n", ""},
		{"wait_event('a.b', {where = {a = f(1, {2}), [\"b.c\"] = 2; d = 3}})\n", ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world_script = rows[i][0];
		begin_with(HEAD "do: [{log: x}]\n");
		assert_told(RUNS, rows[i][1]);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ten_calls_and_two_waits),
		T(it_is_not_in_memory_while_it_waits),
		T(a_crash_at_any_turn_changes_nothing),
		T(an_event_is_waited_for),
		T(any_address_is_asked),
		T(what_cannot_be_read_is_told),
		T(mistakes_with_memory_are_errors_of_the_script),
	};
	return cmocka_run_group_tests_name("durable", tests, NULL, NULL);
}
