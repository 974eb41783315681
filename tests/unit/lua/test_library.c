/* The library of rules.md: one table of cases a subject. */
#include "tests/unit/lua/rig.h"

static const char event[] =
	"{\"l\":[{\"id\":2,\"n\":\"b\",\"t\":{\"x\":1}},{\"id\":1,\"n\":\"a\",\"t\":{\"x\":null}},"
	"{\"id\":3,\"n\":\"b\"}],\"nums\":[3,1,null,2,1],\"o\":{\"z\":1,\"a\":null,\"m\":{\"k\":\"v\"}},"
	"\"e\":[],\"eo\":{},\"s\":\"  Ann Lee \",\"a.b\":{\"c.d\":5},\"nul\":null}";

struct example {
	const char *src, *gives; /* NULL: an error that has... */
	const char *says;        /* ...this part */
};

static void check(struct rig *r, const struct example *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (cases[i].gives)
			rig_expect(r, cases[i].src, cases[i].gives);
		else
			rig_refuse(r, cases[i].src, cases[i].says);
	}
}
#define CHECK(r, cases) check(r, cases, sizeof(cases) / sizeof(*(cases)))

static void paths_find_what_is_there(void **state)
{
	static const struct example cases[] = {
		{"has(o, 'm.k')", "true"},
		{"has(o, 'm.q')", "false"},
		{"has(o, 'a')", "false"},
		{"has(nothing, 'a.b')", "false"},
		{"has({a = {b = 1}}, 'a.b')", "true"},
		{"get(o, 'm.k')", "\"v\""},
		{"get(o, 'm.k.z')", "nil"},
		{"get(o, 'a', 7)", "7"},
		{"get(l, '1.id')", "2"},
		{"get(l, '0.id', 'none')", "\"none\""},
		{"get(l, '9.id', 'none')", "\"none\""},
		{"get({10, 20}, '2')", "20"},
		{"get({x = {[3] = 1}}, 'x.3')", "1"},
		{"get({w = o}, 'w.m.k')", "\"v\""},
		{"get({['a.b'] = 1, a = {b = 2}}, 'a.b')", "2"},
		{"isnull(o, 'a')", "true"},
		{"isnull(o, 'z')", "false"},
		{"isnull(o, 'q')", "false"},
		{"isnull(l, '2.t.x')", "true"},
		{"isnull({a = json.null}, 'a')", "true"},
		{"isnull(json.null)", "true"},
		{"isnull(o.a)", "false"},
		{"isnull(nums, 3)", "true"},
		{"get(o)", NULL, "bad argument #2 to 'get'"},
	};
	CHECK((struct rig *)*state, cases);
}

static void lists_are_searched_and_shaped(void **state)
{
	static const struct example cases[] = {
		{"find(l, 'id', 1).n", "\"a\""},
		{"find(l, 'id', 9)", "nil"},
		{"find(l, function(x) return x.id > 2 end).id", "3"},
		{"find(l, {n = 'b', id = 3}).id", "3"},
		{"find(l, 't.x').id", "2"},
		{"find(nil, 'id', 1)", "nil"},
		{"pluck(l, 'id')", "[2,1,3]"},
		{"pluck(l, 't.x')", "[1]"},
		{"pluck(e, 'id')", "[]"},
		{"map(l, 'n')", "[\"b\",\"a\",\"b\"]"},
		{"map(l, function(x, i) return x.id * i end)", "[2,2,9]"},
		{"map(l, function(x) if x.id > 1 then return x end end)",
		 "[{\"id\":2,\"n\":\"b\",\"t\":{\"x\":1}},{\"id\":3,\"n\":\"b\"}]"},
		{"map(nil, 'x')", "[]"},
		{"map(l)", NULL, "function or field name expected"},
		{"map(5, 'x')", NULL, "table expected, got number"},
		{"filter(nums, function(x) return x ~= 1 end)", "[3,null,2]"},
		{"filter(nums, function(x) return x == nil end)", "[null]"},
		{"pluck(filter(l, 'n', 'b'), 'id')", "[2,3]"},
		{"pluck(filter(l, {n = 'b'}), 'id')", "[2,3]"},
		{"pluck(filter(l, 't'), 'id')", "[2,1]"},
		{"filter({1, 2, 3}, function(x) return x > 1 end)", "[2,3]"},
		{"sort(nums)", "[1,1,2,3,null]"},
		{"sort(nums, nil, 'desc')", "[3,2,1,1,null]"},
		{"sort({'b', 'a', 10, 9, true})", "[9,10,\"a\",\"b\",true]"},
		{"pluck(sort(l, 'n'), 'id')", "[1,2,3]"},
		{"pluck(sort(l, 'n', 'desc'), 'id')", "[2,3,1]"},
		{"pluck(sort(l, function(x) return -x.id end), 'id')", "[3,2,1]"},
		{"sort({'é', 'z', 'a'})", "[\"a\",\"z\",\"é\"]"},
		{"sort(e)", "[]"},
		{"sort(l)", NULL, "a key is a table"},
		{"sort(l, 'n', 'up')", NULL, "invalid option"},
		{"uniq(nums)", "[3,1,null,2]"},
		{"pluck(uniq(l, 'n'), 'id')", "[2,1]"},
		{"uniq({{a = 1}, {a = 1}, {a = 2}})", "[{\"a\":1},{\"a\":2}]"},
		{"uniq({1, 1.0, '1'})", "[1,\"1\"]"},
		{"chunk(nums, 2)", "[[3,1],[null,2],[1]]"},
		{"chunk(e, 2)", "[]"},
		{"chunk(nums, 0)", NULL, "must be 1 or more"},
		{"merge(o, {z = 2, b = 3})", "{\"a\":null,\"b\":3,\"m\":{\"k\":\"v\"},\"z\":2}"},
		{"merge({a = 1}, nil, {b = 2})", "{\"a\":1,\"b\":2}"},
		{"merge(nums, {9})", "[3,1,null,2,1,9]"},
		{"merge(e, list{})", "[]"},
		{"merge(e, {1})", "[1]"},
		{"merge()", "{}"},
		{"merge(nums, {a = 1})", NULL, "not both"},
		{"pick(o, 'z', 'a')", "{\"a\":null,\"z\":1}"},
		{"pick(o, {'m'})", "{\"m\":{\"k\":\"v\"}}"},
		{"omit(o, 'm')", "{\"a\":null,\"z\":1}"},
		{"omit(o, {'m', 'z'})", "{\"a\":null}"},
		{"pick(nil, 'a')", "{}"},
		{"keys(o)", "[\"z\",\"a\",\"m\"]"},
		{"keys({z = 1, a = 2})", "[\"a\",\"z\"]"},
		{"keys(l)", "[1,2,3]"},
		{"keys(nil)", "[]"},
		{"len(nums)", "5"},
		{"len(o)", "3"},
		{"len('né')", "2"},
		{"len(nil)", "0"},
		{"len{1, 2}", "2"},
		{"len{a = 1}", "1"},
		{"len(5)", NULL, "table or text expected, got number"},
		{"list{}", "[]"},
		{"list()", "[]"},
		{"list(l) == l", "true"},
		{"list(5)", NULL, "table expected"},
	};
	CHECK((struct rig *)*state, cases);
}

static void empty_is_what_others_take_for_false(void **state)
{
	static const struct example cases[] = {
		{"empty(nil)", "true"},       {"empty('')", "true"},   {"empty(e)", "true"},
		{"empty(eo)", "true"},        {"empty({})", "true"},   {"empty(list{})", "true"},
		{"empty(json.null)", "true"}, {"empty(0)", "true"},    {"empty(0.0)", "true"},
		{"empty(false)", "true"},     {"empty(' ')", "false"}, {"empty(o)", "false"},
		{"empty({1})", "false"},      {"empty(1)", "false"},   {"empty(true)", "false"},
		{"empty()", "true"},
	};
	CHECK((struct rig *)*state, cases);
}

static void texts_are_cut_and_compared(void **state)
{
	static const struct example cases[] = {
		{"lower('ÀÉÖŞŽ ΑΩ ЖЯ AbC')", "\"àéöşž αω жя abc\""},
		{"upper('àéöşž αω жя ß ÿ aBc')", "\"ÀÉÖŞŽ ΑΩ ЖЯ ß Ÿ ABC\""},
		{"lower('×÷')", "\"×÷\""},
		{"lower(nil)", "nil"},
		{"upper(nul)", "nil"},
		{"lower(12)", "\"12\""},
		{"lower({})", NULL, "string expected, got table"},
		{"lower(o)", NULL, "string expected, got table"},
		{"trim(s)", "\"Ann Lee\""},
		{"trim(' \\t\\n')", "\"\""},
		{"trim(nil)", "nil"},
		{"split('a,b,,c', ',')", "[\"a\",\"b\",\"\",\"c\"]"},
		{"split('', ',')", "[\"\"]"},
		{"split('a--b', '--')", "[\"a\",\"b\"]"},
		{"split(s)", "[\"Ann\",\"Lee\"]"},
		{"split(nil, ',')", "[]"},
		{"split('a', '')", NULL, "an empty separator"},
		{"join({'a', 1, true, 2.5})", "\"a,1,true,2.5\""},
		{"join({'a', 'b'}, ' and ')", "\"a and b\""},
		{"join(nums, '-')", "\"3-1-2-1\""},
		{"join(nil)", "\"\""},
		{"join(l)", NULL, "join: element 1 is a table"},
		{"words('  one  two ')", "[\"one\",\"two\"]"},
		{"words('')", "[]"},
		{"contains('abc', 'b')", "true"},
		{"contains('a.c', '%.')", "false"},
		{"contains(nums, 2)", "true"},
		{"contains({'x'}, 'y')", "false"},
		{"contains(nil, 'y')", "false"},
		{"starts_with('abc', 'ab')", "true"},
		{"starts_with('ab', 'abc')", "false"},
		{"starts_with(nil, 'a')", "false"},
		{"ends_with('abc', 'bc')", "true"},
		{"ends_with('bc', 'abc')", "false"},
		{"match('key=val', '(%w+)=(%w+)')", "\"key\""},
		{"match('abc', '%d')", "nil"},
		{"match(nil, '%d')", "nil"},
		{"match('a', '(')", NULL, "unfinished capture"},
		{"glob('lead.captured', 'lead.*')", "true"},
		{"glob('lead', 'lead.*')", "false"},
		{"glob('aé', 'a?')", "true"},
		{"glob('file7.csv', 'file[0-9].csv')", "true"},
		{"glob('filex.csv', 'file[!0-9].csv')", "true"},
		{"glob('a]', 'a[]]')", "true"},
		{"glob('a*', 'a\\\\*')", "true"},
		{"glob('ab', 'a\\\\*')", "false"},
		{"glob('[', '[')", "true"},
		{"glob('', '*')", "true"},
		{"glob('', '')", "true"},
		{"glob('abcbd', 'a*b?')", "true"},
		{"isemail('a@x.org')", "true"},
		{"isemail('a.b+c@x-y.co.uk')", "true"},
		{"isemail('é@exämple.org')", "true"},
		{"isemail('a@x')", "false"},
		{"isemail('a b@x.org')", "false"},
		{"isemail('a@x..org')", "false"},
		{"isemail('a@-x.org')", "false"},
		{"isemail('.a@x.org')", "false"},
		{"isemail('a@b@x.org')", "false"},
		{"isemail('@x.org')", "false"},
		{"isemail('a@x.org ')", "false"},
		{"isemail(nil)", "false"},
		{"isemail(o)", "false"},
	};
	CHECK((struct rig *)*state, cases);
}

static void codes_are_those_of_the_standards(void **state)
{
	struct rig *r = *state;
	static const struct example cases[] = {
		{"json.encode({b = 1, a = {1, 2.5, 'x'}})",
		 "\"{\\\"a\\\":[1,2.5,\\\"x\\\"],\\\"b\\\":1}\""},
		{"json.encode(o)",
		 "\"{\\\"z\\\":1,\\\"a\\\":null,\\\"m\\\":{\\\"k\\\":\\\"v\\\"}}\""},
		{"json.encode(nil)", "\"null\""},
		{"json.encode('x')", "\"\\\"x\\\"\""},
		{"json.decode('{\"a\":[1,null]}')", "{\"a\":[1,null]}"},
		{"json.decode('{\"a\":[1,null]}').a[1]", "1"},
		{"json.decode('5')", "5"},
		{"json.decode('null')", "nil"},
		{"json.decode('{')", NULL, "json.decode: "},
		{"json.decode('{\"a\":1,\"a\":2}')", NULL, "json.decode: "},
		{"base64('hello')", "\"aGVsbG8=\""},
		{"base64.encode('>>>?', true)", "\"Pj4-Pw\""},
		{"base64.decode('aGVsbG8=')", "\"hello\""},
		{"base64.decode('!')", NULL, "not base64"},
		{"hex('az')", "\"617a\""},
		{"hex.decode('617A')", "\"az\""},
		{"hex.decode('6')", NULL, "not hexadecimal"},
		{"sha256('abc')",
		 "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""},
		{"hmac('sha256', 'Jefe', 'what do ya want for nothing?')",
		 "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\""},
		{"hmac('md5', 'k', 'x')", NULL, "none of sha1, sha256, sha512"},
		{"hmac('sha256', secrets.key, 'x') == hmac('sha256', 'hush', 'x')", "true"},
		{"hmac('sha256', secrets.other, 'x')", NULL, "secrets.other is not declared"},
		{"len(uuid()) == 36 and uuid() ~= uuid()", "true"},
		{"random() < 1 and random(1) == 1", "true"},
		{"random(0)", NULL, "the range is empty"},
	};
	json_t *secrets = rig_json("{\"key\":\"hush\"}");
	lua_host_secrets(r->host, secrets);
	CHECK(r, cases);
	rig_expect_as(
		r,
		"for i = 1, 100 do local n = random(3, 5) if n < 3 or n > 5 then return n end end",
		true, "nil");
	json_decref(secrets);
}

static void times_know_their_zones(void **state)
{
	static const struct example cases[] = {
		{"time.parse('2026-11-24T09:00:00Z')", "1795510800"},
		{"time.parse('2026-11-24T09:00:00.250+01:00')", "1795507200.25"},
		{"time.parse('2026-11-24')", "1795478400"},
		{"time.parse('2026-11-24', 'Europe/Paris')", "1795474800"},
		{"time.parse('2026-07-24T09:00', 'Europe/Paris')", "1784876400"},
		{"time.parse('2026-07-24 09:00:30', '+02:00')", "1784876430"},
		{"time.parse('2026-07-24T09:00Z', 'Europe/Paris')", NULL, ""},
		{"time.parse(nil)", "nil"},
		{"time.parse('soon')", NULL, "'soon' is no time"},
		{"time.parse('2026-11-24', 'Mars/Base')", NULL,
		 "there is no time zone 'Mars/Base'"},
		{"time.parse('2026-11-24', '../../etc/passwd')", NULL, "no time zone"},
		{"time.format(1795510800)", "\"2026-11-24T09:00:00Z\""},
		{"time.format(1795510800.5)", "\"2026-11-24T09:00:00.500Z\""},
		{"time.format(1795510800, nil, 'Europe/Paris')", "\"2026-11-24T10:00:00+01:00\""},
		{"time.format(1795510800, '%A %d %B %Y, %H:%M %z', 'America/New_York')",
		 "\"Tuesday 24 November 2026, 04:00 -0500\""},
		{"time.format(0, '%a %b %e %I %p %j %u %w %y %F %T %R %s %%')",
		 "\"Thu Jan 1 12 AM 001 4 4 70 1970-01-01 00:00:00 00:00 0 %\""},
		{"time.format(0, '%Q')", NULL, "there is no %Q"},
		{"time.format(-1)", "\"1969-12-31T23:59:59Z\""},
		{"time.format(1e18)", NULL, "no time between"},
		{"time.format(0/0)", NULL, "no time between"},
		{"time.format(time.add(time.parse('2026-01-31'), '1mo'))",
		 "\"2026-02-28T00:00:00Z\""},
		{"time.format(time.add(time.parse('2024-02-29'), '1y'))",
		 "\"2025-02-28T00:00:00Z\""},
		{"time.format(time.add(time.parse('2026-03-31'), '-1mo'))",
		 "\"2026-02-28T00:00:00Z\""},
		{"time.add(0, '1d')", "86400"},
		{"time.add(0.5, '1h30m')", "5400.5"},
		{"time.add(0, '-90s')", "-90"},
		{"time.add(0, '1w2d')", "777600"},
		/* the clocks of Paris went on by an hour on 2026-03-29 */
		{"time.add(time.parse('2026-03-28T12:00', 'Europe/Paris'), '1d', 'Europe/Paris') - "
		 "time.parse('2026-03-28T12:00', 'Europe/Paris')",
		 "82800"},
		{"time.add(time.parse('2026-03-28T12:00', 'Europe/Paris'), '24h', 'Europe/Paris') - "
		 "time.parse('2026-03-28T12:00', 'Europe/Paris')",
		 "86400"},
		{"time.format(time.parse('2026-03-29T02:30', 'Europe/Paris'), nil, 'Europe/Paris')",
		 "\"2026-03-29T03:30:00+02:00\""},
		{"time.format(time.parse('2026-10-25T02:30', 'Europe/Paris'), nil, 'Europe/Paris')",
		 "\"2026-10-25T02:30:00+02:00\""},
		{"time.format(time.parse('2060-07-01T00:00', 'Europe/Paris'))",
		 "\"2060-06-30T22:00:00Z\""},
		{"time.add(0, 5)", NULL, "needs a unit"},
		{"time.add(0, '5')", NULL, "the units are"},
		{"time.add(0, '')", NULL, "is no span"},
		{"time.add(0, '1x')", NULL, "the units are"},
		{"time.add(0, '99999999d')", NULL, "is no span"},
		{"time.parts(1795510800, 'Asia/Kolkata')",
		 "{\"day\":24,\"hour\":14,\"min\":30,\"month\":11,\"offset\":19800,\"sec\":0,"
		 "\"weekday\":2,\"year\":2026,\"yearday\":328}"},
		{"time.parts(0, '-05:30').hour", "18"},
		{"time.parts(0, 'UTC').weekday", "4"},
	};
	CHECK((struct rig *)*state, cases);
}

static void the_stock_library_is_there(void **state)
{
	static const struct example cases[] = {
		{"string.format('%5.2f|%-4s|%q|%d', 3.14159, 'ab', 'x', 7)",
		 "\" 3.14|ab  |\\\"x\\\"|7\""},
		{"('abc'):sub(2) .. ('x'):rep(3, '-') .. ('ab'):reverse():upper()",
		 "\"bcx-x-xBA\""},
		{"table.concat({1, 2, 3}, '-')", "\"1-2-3\""},
		{"table.concat(list{'a', 'b'})", "\"ab\""},
		{"#table.pack(table.unpack({1, 2, 3}))", "3"},
		{"table.move({1, 2}, 1, 2, 2)", "[1,1,2]"},
		{"math.floor(2.7) + math.max(1, 5) + math.tointeger(3.0)", "10"},
		{"math.type(1) .. math.type(1.0)", "\"integerfloat\""},
		{"utf8.len('né') .. utf8.char(233)", "\"2é\""},
		{"tonumber('0x10') + tonumber('12', 8)", "26"},
		{"select('#', 1, nil, 3)", "3"},
		{"'10' + 1", "11"},
		{"tostring(1.0) .. tostring(nil) .. tostring(2^53)",
		 "\"1.0nil9.007199254741e+15\""},
		{"math.huge > 1", "true"},
		{"string.gsub('hello', 'l', {l = 'L'})", "\"heLLo\""},
		{"string.byte('A')", "65"},
		{"#('x'):rep(1000)", "1000"},
	};
	struct rig *r = *state;
	CHECK(r, cases);
	rig_expect_as(r,
		      "local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return t",
		      true, "[3,2,1]");
	rig_expect_as(
		r,
		"local t = {} for i = 1, 100 do t[i] = {k = i % 3, i = i} end "
		"table.sort(t, function(a, b) return a.k < b.k end) "
		"for i = 2, 100 do if t[i-1].k == t[i].k and t[i-1].i > t[i].i then return 'unstable' end end",
		true, "nil");
	rig_expect_as(
		r,
		"local t = {1, 2, 3} table.insert(t, 1, 0) table.remove(t) table.insert(t, 9) return t",
		true, "[0,1,2,9]");
}

static int setup(void **state)
{
	struct rig *r = malloc(sizeof(*r));
	rig_init(r, event);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

/* ---- text, csv ---- */

static void files_at_hand_are_read_and_made(void **state)
{
	struct rig *r = *state;
	rig_expect(r, "text({name = 'a', text = 'hello'})", "\"hello\"");
	rig_expect(r, "text('as it is')", "\"as it is\"");
	rig_expect(r, "text(nil)", "nil");
	rig_expect(r, "csv.rows('a,b\\n1,2\\n3,\"4,5\"\\n')",
		   "[{\"a\":\"1\",\"b\":\"2\"},{\"a\":\"3\",\"b\":\"4,5\"}]");
	rig_expect(r, "len(csv.rows({text = 'a\\n1\\n2'}))", "2");
	rig_expect(r, "csv.rows({text = 'a\\n1'})[1].a", "\"1\"");
	rig_expect(r, "csv.file({{a = 'x,y', b = 2}, {a = 'q\"', c = true}}, 'n.csv')",
		   "{\"name\":\"n.csv\",\"type\":\"text/csv\",\"text\":"
		   "\"a,b,c\\r\\n\\\"x,y\\\",2,\\r\\n\\\"q\\\"\\\"\\\",,true\\r\\n\"}");
	rig_expect(r, "csv.rows(csv.file({{a = '1\\n2'}}, 'n'))[1].a", "\"1\\n2\"");
	rig_refuse(r, "csv.file('x')", "a list of objects is needed");
	rig_refuse(r, "text(5)", "a file");
	rig_refuse(r, "text({name = 'a'})", "a file");
	rig_refuse(r, "csv.rows('a\\n\"1')", "has a quote that is never closed");
	/* what merely looks like a file of a run */
	rig_refuse(r, "text({file = '/etc/passwd', size = 1})", "there are no files here");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(paths_find_what_is_there),
		TEST(lists_are_searched_and_shaped),
		TEST(empty_is_what_others_take_for_false),
		TEST(texts_are_cut_and_compared),
		TEST(codes_are_those_of_the_standards),
		TEST(times_know_their_zones),
		TEST(the_stock_library_is_there),
		TEST(files_at_hand_are_read_and_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
