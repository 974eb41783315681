/* Bodies and results of another form than parameters and answers. */
#include "actions/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/base/json.h"

static json_t *read(const char *text)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(v);
	return v;
}

static void assert_fills(const char *shape, const char *params, const char *want)
{
	json_auto_t *s = read(shape), *p = read(params), *w = want ? read(want) : NULL;
	json_auto_t *found = shape_fill(s, p);
	if (!want)
		assert_null(found);
	else if (!json_equal(found, w))
		fail_msg("%s with %s: wanted %s", shape, params, want);
}

/* ---- shape_fill ---- */

static void parameters_stand_where_the_shape_names_them_and_keep_their_type(void **state)
{
	assert_fills("{\"a\": [\"$x\", {\"b\": \"$y\"}], \"c\": \"z\", \"n\": 1}",
		     "{\"x\": {\"k\": 1}, \"y\": false}",
		     "{\"a\": [{\"k\": 1}, {\"b\": false}], \"c\": \"z\", \"n\": 1}");
	assert_fills("\"$x\"", "{\"x\": 7}", "7");
	assert_fills("\"$$x\"", "{\"x\": 7}", "\"$x\"");
}

static void what_is_not_given_is_left_out(void **state)
{
	assert_fills("{\"a\": \"$x\", \"l\": [\"$x\", 1]}", "{}", "{\"l\": [1]}");
	assert_fills("{\"a\": \"$x\"}", "{\"x\": null}", "{}");
	assert_fills("\"$x\"", "{}", NULL);
}

static void a_map_may_depend_on_a_parameter(void **state)
{
	const char *shape = "{\"l\": [{\"when\": \"x\", \"a\": 1}, {\"b\": 2}]}";
	assert_fills(shape, "{}", "{\"l\": [{\"b\": 2}]}");
	assert_fills(shape, "{\"x\": 0}", "{\"l\": [{\"a\": 1}, {\"b\": 2}]}");
}

/* ---- shape_stray ---- */

static void a_name_that_is_no_parameter_is_found(void **state)
{
	json_auto_t *params = read("{\"x\": {}}");
	json_auto_t *good = read("{\"a\": [\"$x\", \"$$y\", {\"when\": \"x\"}]}");
	json_auto_t *bad = read("{\"a\": [{\"b\": \"$y\"}]}");
	json_auto_t *when = read("[{\"when\": \"z\"}]");
	assert_null(shape_stray(good, params));
	assert_string_equal(shape_stray(bad, params), "y");
	assert_string_equal(shape_stray(when, params), "z");
}

/* ---- shape_result ---- */

static void assert_result(bool as_json, const char *content, const char *want)
{
	json_auto_t *def = read("{\"at\": \"c.0.m\", \"json\": \"s\", \"otherwise\": \"text\"}");
	json_auto_t *v = read(content), *answer = json_pack("{s:[{s:O}]}", "c", "m", v);
	json_auto_t *w = want ? read(want) : NULL, *found = NULL;
	struct errmsg msg;
	int err = shape_result(def, as_json, answer, &found, &msg);
	if (!want)
		assert_int_equal(err, ERR_INVALID);
	else if (err || !json_equal(found, w))
		fail_msg("%s: wanted %s", content, want);
}

static void a_text_is_the_result_under_its_name_or_read_as_json(void **state)
{
	assert_result(false, "\"hello\"", "{\"text\": \"hello\"}");
	assert_result(true, "\"{\\\"a\\\": 1}\"", "{\"a\": 1}");
	assert_result(true, "\"```json\\n{\\\"a\\\": 1}\\n```\"", "{\"a\": 1}");
	assert_result(true, "\"I cannot say\"", NULL);
	assert_result(true, "\"{\\\"a\\\": 1, \\\"a\\\": 2}\"", NULL);
	assert_result(false, "null", NULL);
	assert_result(true, "{\"b\": 2}", "{\"b\": 2}");
}

static void an_answer_without_it_is_an_error(void **state)
{
	json_auto_t *def = read("{\"at\": \"c.0.m\"}"), *answer = read("{\"c\": []}");
	json_t *found;
	struct errmsg msg;
	assert_int_equal(shape_result(def, false, answer, &found, &msg), ERR_INVALID);
	assert_string_equal(msg.text, "the answer has nothing at 'c.0.m'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_stand_where_the_shape_names_them_and_keep_their_type),
		cmocka_unit_test(what_is_not_given_is_left_out),
		cmocka_unit_test(a_map_may_depend_on_a_parameter),
		cmocka_unit_test(a_name_that_is_no_parameter_is_found),
		cmocka_unit_test(a_text_is_the_result_under_its_name_or_read_as_json),
		cmocka_unit_test(an_answer_without_it_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
