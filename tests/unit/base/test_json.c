/* Tests of the JSON helpers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

static json_t *parse(const char *text)
{
	struct errmsg msg = {0};
	json_t *v = NULL;
	if (json_parse(text, strlen(text), false, &v, &msg))
		fail_msg("%s: %s", text, msg.text);
	return v;
}

static void assert_refused(const char *text, size_t len, bool strict, const char *want)
{
	struct errmsg msg = {0};
	json_t *v = NULL;
	assert_int_equal(json_parse(text, len, strict, &v, &msg), ERR_PARSE);
	assert_null(v);
	if (!strstr(msg.text, want))
		fail_msg("%.40s: got '%s', want '%s'", text, msg.text, want);
}

/* --- json_parse --- */

static void what_is_no_json_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", "line 1 column 1"},
		{"{\"a\": 1,\n \"a\": 2}", "line 2 column"},
		{"{\"a\":1} x", "line 1 column"},
		{"{\"a\":1}{}", "line 1 column"},
		{"{\"a\":\n\n?}", "line 3 column 1"},
		{"[1,]", "line 1"},
		{"[01]", "line 1"},
		{"[\"\\u0000\"]", "a text cannot hold \\u0000"},
		{"[\"\xff\"]", "line 1"},
		{"[\"a\nb\"]", "line 1"},
		{"[\"a", "line 1"},
		{"[\"a\\", "line 1"},
		{"[1e999]", "line 1"},
		{"]", "line 1"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(rows[i].text, strlen(rows[i].text), false, rows[i].want);
}

static void nul_bytes_are_refused_wherever_they_are(void **state)
{
	assert_refused("[1]\0", 4, false, "line 1 column 4: a NUL byte");
	assert_refused("[\n\"a\0b\"]", 8, false, "line 2 column 3: a NUL byte");
	assert_refused("[\"\\\0\"]", 6, false, "a NUL byte");
	assert_refused("\0", 1, false, "line 1 column 1: a NUL byte");
	assert_refused("[1\0]", 4, false, "a NUL byte");
}

static void scalars_stand_at_the_top_only_when_allowed(void **state)
{
	static const char *const rows[] = {"1", "\"x\"", "null", "true", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_decref(parse(rows[i]));
		assert_refused(rows[i], strlen(rows[i]), true, "line 1");
	}
}

static void depth_ends_at_64(void **state)
{
	char text[200];
	for (int depth = 63; depth <= 66; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		if (depth > JSON_DEPTH_MAX) {
			assert_refused(text, 2 * (size_t)depth, true, "column 65: nested deeper");
			continue;
		}
		struct errmsg msg = {0};
		json_auto_t *v = NULL;
		assert_int_equal(json_parse(text, 2 * (size_t)depth, true, &v, &msg), 0);
	}
	/* Brackets in strings do not count. */
	char flat[200] = "[\"\\\"";
	memset(flat + 4, '[', 100);
	memcpy(flat + 104, "\"]", 2);
	json_decref(parse(flat));
}

static void integers_beyond_64_bits_become_reals(void **state)
{
	static const struct {
		const char *text;
		bool real;
		double value;
	} rows[] = {
		{"9223372036854775807", false, 9223372036854775807.0},
		{"9223372036854775808", true, 9223372036854775808.0},
		{"-9223372036854775808", false, -9223372036854775808.0},
		{"-9223372036854775809", true, -9223372036854775809.0},
		{"18446744073709551615", true, 18446744073709551615.0},
		{"100000000000000000000000000000", true, 1e29},
		{"99999999999999999999e2", true, 99999999999999999999e2},
		{"99999999999999999999.5", true, 99999999999999999999.5},
		{"0", false, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_auto_t *v = parse(rows[i].text);
		assert_int_equal(json_is_real(v), rows[i].real);
		assert_true(json_number_value(v) == rows[i].value);
	}
	json_auto_t *v = parse("{\"99999999999999999999\": [99999999999999999999, "
			       "\"99999999999999999999\", 1, -99999999999999999999]}");
	const json_t *list = json_object_get(v, "99999999999999999999");
	assert_true(json_is_real(json_array_get(list, 0)));
	assert_string_equal(json_string_value(json_array_get(list, 1)), "99999999999999999999");
	assert_true(json_is_integer(json_array_get(list, 2)));
	assert_true(json_is_real(json_array_get(list, 3)));
}

static void places_stay_true_behind_a_long_integer(void **state)
{
	const char *text = "[99999999999999999999, 99999999999999999999, ?]";
	assert_refused(text, strlen(text), true, "line 1 column 46");
	text = "[99999999999999999999,\n ?]";
	assert_refused(text, strlen(text), true, "line 2 column 2");
	text = "[99999999999999999999 9]";
	assert_refused(text, strlen(text), true, "line 1 column 23");
}

static void the_text_need_not_end_in_nul(void **state)
{
	char *text = malloc(3);
	memcpy(text, "[12", 3);
	assert_refused(text, 3, true, "line 1");
	memcpy(text, "\"\\\"", 3);
	assert_refused(text, 3, false, "line 1");
	json_t *v = NULL;
	memcpy(text, "-12", 3);
	assert_int_equal(json_parse(text, 3, false, &v, NULL), 0);
	assert_int_equal(json_integer_value(v), -12);
	json_decref(v);
	free(text);
}

/* --- json_text, json_canonical, json_add_text --- */

static void texts_are_compact_and_keep_or_sort_their_keys(void **state)
{
	json_auto_t *v = parse(
		"{\"b\": [1, null, true, \"\\u00e9\\n\\u001f\"], \"a\": {\"d\": {}, \"c\": []}}");
	auto_free char *text = json_text(v), *sorted = json_canonical(v);
	assert_string_equal(text,
			    "{\"b\":[1,null,true,\"é\\n\\u001f\"],\"a\":{\"d\":{},\"c\":[]}}");
	assert_string_equal(sorted,
			    "{\"a\":{\"c\":[],\"d\":{}},\"b\":[1,null,true,\"é\\n\\u001f\"]}");
}

static void reals_are_as_short_as_they_can_be(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"0.1", "0.1"},
		{"1.0", "1.0"},
		{"-0.0", "-0.0"},
		{"1e100", "1e100"},
		{"2.5e-8", "2.5e-8"},
		{"123456.789", "123456.789"},
		{"0.30000000000000004", "0.30000000000000004"},
		{"1e22", "1e22"},
		{"100000.0", "100000.0"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_auto_t *v = parse(rows[i].text);
		auto_free char *text = json_text(v);
		assert_string_equal(text, rows[i].want);
		json_auto_t *back = parse(text);
		assert_true(json_is_real(back) && json_real_value(back) == json_real_value(v));
	}
}

static void a_text_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	json_auto_t *v = parse("{\"a\":[1,2,3]}");
	struct buf b;
	buf_init(&b, 15);
	buf_puts(&b, "x=");
	assert_int_equal(json_add_text(&b, v), 0);
	assert_string_equal(buf_str(&b), "x={\"a\":[1,2,3]}");
	assert_int_equal(json_add_text(&b, v), ERR_TOOBIG);
	assert_string_equal(buf_str(&b), "x={\"a\":[1,2,3]}");
	buf_done(&b);
}

/* --- json_path --- */

static void paths_lead_to_members_and_elements(void **state)
{
	json_auto_t *v =
		parse("{\"contact\": {\"emails\": [{\"address\": \"a\"}, {\"address\": \"b\"}], "
		      "\"x.y\": 1, \"x\": {\"y\": 2, \"z\": 3}}, \"a.b.c\": 4, \"\": {\"\": 5}, "
		      "\"o\": {\"0\": 6}}");
	static const struct {
		const char *path, *want;
	} rows[] = {
		{"contact.emails.1.address", "\"b\""},
		{"contact.emails.2.address", NULL},
		{"contact.emails.01.address", "\"b\""},
		{"contact.emails.-1", NULL},
		{"contact.emails.x", NULL},
		{"contact.emails.", NULL},
		{"contact.emails.99999999999999999999", NULL},
		{"contact.emails.0.address.deeper", NULL},
		{"contact.x.y", "1"},
		{"contact.x.z", "3"},
		{"a.b.c", "4"},
		{"a.b", NULL},
		{".", "5"},
		{"o.0", "6"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *got = json_path(v, rows[i].path);
		if (!rows[i].want) {
			assert_null(got);
			continue;
		}
		assert_non_null(got);
		auto_free char *text = json_text(got);
		assert_string_equal(text, rows[i].want);
	}
	assert_null(json_path(NULL, "a"));
}

/* --- json_str, json_int, json_bool, json_clone, json_type_word --- */

static void members_of_another_type_count_as_missing(void **state)
{
	json_auto_t *v = parse("{\"s\": \"x\", \"i\": 7, \"b\": true, \"f\": false, \"r\": 1.5}");
	assert_string_equal(json_str(v, "s"), "x");
	assert_null(json_str(v, "i"));
	assert_null(json_str(NULL, "s"));
	assert_int_equal(json_int(v, "i", 1), 7);
	assert_int_equal(json_int(v, "r", 1), 1);
	assert_int_equal(json_int(v, "none", 1), 1);
	assert_true(json_bool(v, "b", false));
	assert_false(json_bool(v, "f", true));
	assert_true(json_bool(v, "s", true));
}

static void a_clone_is_independent(void **state)
{
	json_auto_t *v = parse("{\"a\": [1]}");
	json_auto_t *copy = json_clone(v);
	json_array_append_new(json_object_get(copy, "a"), json_integer(2));
	assert_int_equal(json_array_size(json_object_get(v, "a")), 1);
}

static void types_have_words(void **state)
{
	json_auto_t *v = parse("[{}, [], \"\", 1, 1.5, true, false, null]");
	static const char *const words[] = {"object", "list",    "string",  "integer",
					    "number", "boolean", "boolean", "null"};
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(json_type_word(json_array_get(v, i)), words[i]);
	assert_string_equal(json_type_word(NULL), "null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
		cmocka_unit_test(nul_bytes_are_refused_wherever_they_are),
		cmocka_unit_test(scalars_stand_at_the_top_only_when_allowed),
		cmocka_unit_test(depth_ends_at_64),
		cmocka_unit_test(integers_beyond_64_bits_become_reals),
		cmocka_unit_test(places_stay_true_behind_a_long_integer),
		cmocka_unit_test(the_text_need_not_end_in_nul),
		cmocka_unit_test(texts_are_compact_and_keep_or_sort_their_keys),
		cmocka_unit_test(reals_are_as_short_as_they_can_be),
		cmocka_unit_test(a_text_that_does_not_fit_leaves_the_buffer_as_it_was),
		cmocka_unit_test(paths_lead_to_members_and_elements),
		cmocka_unit_test(members_of_another_type_count_as_missing),
		cmocka_unit_test(a_clone_is_independent),
		cmocka_unit_test(types_have_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
