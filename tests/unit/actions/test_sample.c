/* Tests of samples: what is made for an action is fine for it, and what is made to be wrong is not. */
#include "tests/unit/actions/fixture.h"

#include "actions/request.h"
#include "actions/sample.h"

struct told {
	const char *action;
	size_t warnings;
};

static void tell(void *arg, const char *path, const char *message, bool warning)
{
	struct told *t = arg;
	print_error("%s: %s: %s\n", t->action, path, message);
	t->warnings += warning;
}

/* --- action_sample --- */

static void what_is_made_for_an_action_is_fine_for_it(void **state)
{
	size_t i = 0;
	for (const struct action *a; (a = catalogue_next(cat, &i));)
		for (int k = SAMPLE_MINIMAL; k <= SAMPLE_FULL; k++) {
			struct told t = {.action = a->name};
			struct http_request_text r;
			struct errmsg msg = {0};
			json_auto_t *v = action_sample(a, (enum sample_kind)k);
			assert_int_equal(
				action_check(a, v, &(struct check){.violation = tell, .arg = &t}),
				0);
			assert_int_equal(t.warnings, 0);
			assert_int_equal(request_render(a, v, "https://api.test", &r, &msg), 0);
			request_done(&r);
		}
}

static void what_is_made_to_be_wrong_is_refused(void **state)
{
	size_t i = 0;
	for (const struct action *a; (a = catalogue_next(cat, &i));) {
		struct errmsg msg = {0};
		json_auto_t *v = action_sample(a, SAMPLE_INVALID);
		assert_int_equal(action_check_first(a, v, &msg), ERR_INVALID);
	}
}

static void the_least_is_part_of_the_most(void **state)
{
	static const struct {
		const char *action, *minimal;
		size_t full;
	} rows[] = {
		{"list_contacts", "{}", 14},
		{"create_contact_list", "{'name':'name'}", 3},
		{"get_contact_activity_details_report",
		 "{'contact_id':'d3e00000-0000-4000-8000-000000000001',"
		 "'tracking_activities_list':['em_sends']}",
		 4},
		{"update_contact",
		 "{'contact_id':'d3e00000-0000-4000-8000-000000000001','update_source':'Account'}",
		 18},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *want = js(rows[i].minimal);
		json_auto_t *least = action_sample(get(rows[i].action), SAMPLE_MINIMAL);
		json_auto_t *most = action_sample(get(rows[i].action), SAMPLE_FULL);
		auto_free char *text = json_canonical(least), *wanted = json_canonical(want);
		assert_string_equal(text, wanted);
		assert_int_equal(json_object_size(most), rows[i].full);
	}
}

static void a_files_own_sample_comes_first(void **state)
{
	struct catalogue *own = catalogue_new();
	struct errmsg msg = {0};
	const char *text = "connector: {name: x, base_url: 'http://h'}\nactions:\n  a:\n"
			   "    method: GET\n    path: /a\n    effect: read\n"
			   "    params: {n: {type: integer, min: 3, required: true}, t: string}\n"
			   "    examples: {minimal: {n: 7}}\n";
	assert_int_equal(catalogue_load_text(own, "x.yaml", text, strlen(text), &msg), 0);
	const struct action *a = catalogue_find(own, "x", "a");
	json_auto_t *least = action_sample(a, SAMPLE_MINIMAL);
	json_auto_t *most = action_sample(a, SAMPLE_FULL);
	json_auto_t *wrong = action_sample(a, SAMPLE_INVALID);
	assert_int_equal(json_int(least, "n", 0), 7);
	assert_int_equal(json_int(most, "n", 0), 3);
	assert_string_equal(json_str(most, "t"), "t");
	assert_null(json_object_get(wrong, "n"));
	catalogue_free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_for_an_action_is_fine_for_it),
		cmocka_unit_test(what_is_made_to_be_wrong_is_refused),
		cmocka_unit_test(the_least_is_part_of_the_most),
		cmocka_unit_test(a_files_own_sample_comes_first),
	};
	return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
