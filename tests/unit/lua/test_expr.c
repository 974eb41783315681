/* Expressions: values in and out, scope, errors, and the door of the rule layer. */
#include "tests/unit/lua/rig.h"

static const char event[] =
	"{\"data\":{\"contact\":{\"email\":\"A@x.org\",\"first_name\":\"Ann\",\"gone\":null,"
	"\"tags\":[\"b\",\"a\",null,\"c\"],\"age\":41,\"score\":2.0,\"big\":9007199254740993,"
	"\"ok\":true},\"lists\":[{\"id\":1,\"n\":\"x\"},{\"id\":2,\"n\":\"y\"}],\"z\":1,\"a\":2},"
	"\"vars\":{\"hot\":\"5eb\"},\"item\":null,\"lower\":\"hidden\"}";

/* ---- eval: values ---- */

static void scalars_keep_their_type(void **state)
{
	struct rig *r = *state;
	rig_expect(r, "data.contact.email", "\"A@x.org\"");
	rig_expect(r, "data.contact.age", "41");
	rig_expect(r, "data.contact.score", "2.0");
	rig_expect(r, "data.contact.score + 1", "3.0");
	rig_expect(r, "data.contact.big + 1", "9007199254740994");
	rig_expect(r, "7 // 2", "3");
	rig_expect(r, "data.contact.ok", "true");
	rig_expect(r, "data.contact.email == nil", "false");
	rig_expect(r, "1 == 1.0", "true");
	rig_expect(r, "'a' .. 1", "\"a1\"");
}

static void missing_things_are_nil(void **state)
{
	struct rig *r = *state;
	rig_expect(r, "data.nothing.at.all", "nil");
	rig_expect(r, "unknown.x[1].y", "nil");
	rig_expect(r, "data.contact.gone", "nil");
	rig_expect(r, "data.contact.gone.more", "nil");
	rig_expect(r, "item", "nil");
	rig_expect(r, "data.contact.gone or 'friend'", "\"friend\"");
	rig_expect(r, "json.null.x", "nil");
}

static void a_container_comes_back_as_the_same_value(void **state)
{
	struct rig *r = *state;
	json_t *v;
	assert_int_equal(rig_run(r, "data.contact", false, &v), 0);
	assert_ptr_equal(v, json_object_get(json_object_get(r->names, "data"), "contact"));
	json_decref(v);
	rig_expect(r, "{c = data.contact.tags}", "{\"c\":[\"b\",\"a\",null,\"c\"]}");
	rig_expect(r, "data.lists[1]", "{\"id\":1,\"n\":\"x\"}");
	rig_expect(r, "data.lists[1] == data.lists[1]", "true");
	rig_expect(r, "data.lists[1] == data.lists[2]", "false");
	rig_expect(r, "#data.lists", "2");
	rig_expect(r, "#data.contact.tags", "4");
	rig_expect(r, "data.lists[0]", "nil");
	rig_expect(r, "data.lists[3]", "nil");
	rig_expect(r, "data.lists.id", "nil");
	rig_expect(r, "type(data) .. type(data.lists) .. type(json.null)", "\"tabletablenull\"");
}

static void tables_become_lists_or_sorted_objects(void **state)
{
	struct rig *r = *state;
	rig_expect(r, "{}", "{}");
	rig_expect(r, "list{}", "[]");
	rig_expect(r, "{3, 1, 2}", "[3,1,2]");
	rig_expect(r, "{zeta = 1, alpha = {b = 2, a = 1}}",
		   "{\"alpha\":{\"a\":1,\"b\":2},\"zeta\":1}");
	rig_expect(r, "list{1, nil, 3}", "[1,3]");
	rig_expect(r, "{a = json.null, b = nil}", "{\"a\":null}");
	rig_refuse(r, "{1, 2, x = 3}", "mixes the place 2 of a list with the field 'x'");
	rig_refuse(r, "{1, nil, 3}", "use list{...}");
	rig_refuse(r, "{[1.5] = 2}", "key 1.5");
	rig_refuse(r, "{[true] = 2}", "key true");
	rig_refuse(r, "{f = pairs}", "a function cannot leave");
	rig_refuse(r, "0/0", "no place in JSON");
	rig_refuse(r, "{x = 1/0}", "no place in JSON");
	rig_refuse(r, "'\\xff'", "not UTF-8");
	rig_refuse(r, "{['\\xff'] = 1}", "not UTF-8");
	rig_refuse_as(r, "local t = {} t.t = t return t", true, ERR_SCRIPT, "nested");
	rig_expect_as(r, "local t = {} for i = 1, 60 do t = {t} end return #t", true, "1");
}

static void loops_go_in_one_order(void **state)
{
	struct rig *r = *state;
	rig_expect_as(r, "local s = '' for k in pairs(data) do s = s .. k .. ' ' end return s",
		      true, "\"contact lists z a \"");
	rig_expect_as(r,
		      "local t, s = {zz = 1, [10] = 1, [2] = 1, aa = 1, [1.5] = 1, [true] = 1}, '' "
		      "for k in pairs(t) do s = s .. tostring(k) .. ' ' end return s",
		      true, "\"1.5 2 10 aa zz true \"");
	rig_expect_as(r, "local n = 0 for i, v in ipairs(data.contact.tags) do n = i end return n",
		      true, "4");
	rig_expect_as(r, "local n = 0 for i, v in pairs(data.contact.tags) do n = i end return n",
		      true, "4");
	rig_expect_as(r, "local n = 0 for i, v in ipairs({1, 2, nil, 4}) do n = i end return n",
		      true, "2");
	rig_expect_as(
		r, "local t = {c = 1, a = 1, b = 1} for k in pairs(t) do t[k] = nil end return t",
		true, "{}");
	rig_expect_as(r,
		      "local t, s, k = {c = 1, a = 1, b = 1}, '', nil repeat k = next(t, k) "
		      "s = s .. tostring(k) until not k return s",
		      true, "\"abcnil\"");
	rig_expect(r, "next({})", "nil");
	rig_expect(r, "next(data)", "\"contact\"");
}

static void truth_is_that_of_lua(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *src;
		bool is;
	} cases[] = {{"data", true},
		     {"0", true},
		     {"''", true},
		     {"{}", true},
		     {"nil", false},
		     {"false", false},
		     {"data.x.y", false},
		     {"data.contact.age > 40 and data.contact.first_name == 'Ann'", true}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int ref;
		bool is;
		assert_int_equal(
			r->vm->ops->compile(r->vm->vm, cases[i].src, false, "w", &ref, &r->msg), 0);
		assert_int_equal(r->vm->ops->truth(r->vm->vm, ref, &r->scope, &is, &r->msg), 0);
		assert_int_equal(is, cases[i].is);
		r->vm->ops->release(r->vm->vm, ref);
	}
}

static void a_name_of_the_rule_hides_the_library(void **state)
{
	struct rig *r = *state;
	rig_expect(r, "lower", "\"hidden\"");
	rig_expect(r, "upper('x')", "\"X\"");
	assert_true(r->vm->ops->is_library(r->vm->vm, "lower"));
	assert_true(r->vm->ops->is_library(r->vm->vm, "time"));
	assert_true(r->vm->ops->is_library(r->vm->vm, "pairs"));
	assert_false(r->vm->ops->is_library(r->vm->vm, "os"));
	assert_false(r->vm->ops->is_library(r->vm->vm, "data"));
}

/* ---- errors ---- */

static void errors_say_where_and_which_field(void **state)
{
	struct rig *r = *state;
	rig_refuse(r, "data.contact.gone + 1", "rules/a.yaml:12: ");
	rig_refuse(r, "data.contact.gone + 1", "field 'gone'");
	rig_refuse(r, "data.contact.gone < 1", "attempt to compare nil with number");
	rig_refuse(r, "'x' .. data.contact.gone", "field 'gone'");
	rig_refuse(r, "data.contact.gone()", "field 'gone'");
	rig_refuse(r, "data + 1", "arithmetic on a table value (global 'data')");
	rig_refuse(r, "nothing()", "global 'nothing'");
	rig_refuse_as(r, "local a = 1\nlocal b = 2\nreturn a + data.x", true, ERR_SCRIPT,
		      "rules/a.yaml:12 (line 3): ");
	rig_refuse(r, "split(1, {})", "split");
	json_t *v;
	assert_int_equal(rig_run(r, "data.contact.gone + 1", false, &v), ERR_SCRIPT);
	assert_null(strchr(r->msg.text, '\n'));
	assert_string_equal(r->msg.text, "rules/a.yaml:12: attempt to perform arithmetic on a nil "
					 "value (field 'gone')");
}

static void syntax_errors_speak_of_what_was_written(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *src;
		bool chunk;
		const char *says;
	} cases[] = {
		{"", false, "empty"},
		{"  \n ", false, "empty"},
		{"a and", false, "unexpected symbol at its end"},
		{"a != b", false, "near '!'"},
		{"1, 2", false, "near ','"},
		{"1) local x = (2", false, "near 'local'"},
		{"return 1", false, "near 'return'"},
		{"x = 1", false, "near '='"},
		{"local a = 1\nreturn a +", true, "line 2: unexpected symbol at its end"},
		{"f(", false, "at its end"},
		{"\"abc", false, "unfinished string"},
		{"1 --[[", false, "unfinished"},
		{"_ENV", true, "syntax"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		rig_refuse_as(r, cases[i].src, cases[i].chunk, ERR_PARSE, cases[i].says);
	rig_expect(r, "1 -- one", "1");
}

/* ---- names ---- */

static void note(void *arg, const char *dotted, int line)
{
	(void)buf_printf(arg, "%s:%d ", dotted, line);
}

static void names_are_free_ones_with_their_fields(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *src;
		bool chunk;
		const char *names;
	} cases[] = {
		{"data.contact.email", false, "data.contact.email:1 "},
		{"contact.emails[1].id and lower(x)", false, "contact.emails.1.id:1 lower:1 x:1 "},
		{"a.b[c.d].e", false, "a.b:1 c.d:1 "},
		{"a['b'].c", false, "a.b.c:1 "},
		{"'data.x' .. \"y\" .. [[z]] -- w", false, ""},
		{"{a = b, [c] = d, e}", false, "b:1 c:1 d:1 e:1 "},
		{"data.name:upper()", false, "data.name:1 "},
		{"('x'):rep(n)", false, "n:1 "},
		{"map(xs, function(x, i) return x.id + i + y end)", false, "map:1 xs:1 y:1 "},
		{"not a\nand -b", false, "a:1 b:2 "},
		{"local x = x return x + y", true, "x:1 y:1 "},
		{"for i, v in pairs(t) do f(i, v) end return i", true, "pairs:1 t:1 f:1 i:1 "},
		{"local function f(n) return f(n - k) end return f(1)", true, "k:1 "},
		{"do local a = 1 end return a", true, "a:1 "},
		{"repeat local q = 1 until q or z", true, "z:1 "},
		{"for i = a, b do local c = i end", true, "a:1 b:1 "},
		{"if a then return b elseif c then return d else return e end", true,
		 "a:1 b:1 c:1 d:1 e:1 "},
		{"local a <const>, b = f{g}, h'x' return a.b", true, "f:1 g:1 h:1 "},
		{"a + ", false, "a:1 "},
		{"goto x ::x:: y()", true, "y:1 "},
		{"1e+5 + 0x1p-3 + a", false, "a:1 "},
		{"function f.g:h(a) return self, a, b end", true, "f.g:1 b:1 "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = BUF_INIT;
		r->vm->ops->names(r->vm->vm, cases[i].src, cases[i].chunk, note, &out);
		if (strcmp(buf_str(&out), cases[i].names) != 0)
			fail_msg("%s: '%s', not '%s'", cases[i].src, buf_str(&out), cases[i].names);
		buf_done(&out);
	}
}

/* ---- life ---- */

static void references_are_used_again(void **state)
{
	struct rig *r = *state;
	int first, second, third;
	bool is;
	const struct expr_ops *ops = r->vm->ops;
	assert_int_equal(ops->compile(r->vm->vm, "true", false, "a", &first, &r->msg), 0);
	assert_int_equal(ops->compile(r->vm->vm, "false", false, "b", &second, &r->msg), 0);
	ops->release(r->vm->vm, first);
	assert_int_equal(ops->compile(r->vm->vm, "1", false, "c", &third, &r->msg), 0);
	assert_int_equal(first, third);
	assert_int_equal(ops->truth(r->vm->vm, second, &r->scope, &is, &r->msg), 0);
	assert_false(is);
	ops->release(r->vm->vm, second);
	ops->release(r->vm->vm, third);
	ops->release(r->vm->vm, -1);
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(scalars_keep_their_type),
		TEST(missing_things_are_nil),
		TEST(a_container_comes_back_as_the_same_value),
		TEST(tables_become_lists_or_sorted_objects),
		TEST(loops_go_in_one_order),
		TEST(truth_is_that_of_lua),
		TEST(a_name_of_the_rule_hides_the_library),
		TEST(errors_say_where_and_which_field),
		TEST(syntax_errors_speak_of_what_was_written),
		TEST(names_are_free_ones_with_their_fields),
		TEST(references_are_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
