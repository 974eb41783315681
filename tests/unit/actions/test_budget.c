/* `budget:` of connections: what is read, what is wrong, and who shares with whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/budget.h"
#include "actions/catalogue.h"
#include "engine/base/json.h"

static const char shop[] =
	"connector:\n"
	"  name: shop\n"
	"  title: Shop\n"
	"  about: A shop.\n"
	"  base_url: https://shop.example\n"
	"  auth: [bearer]\n"
	"  rate: {per_second: 4, per_day: 10000, per: api_key, day_ends: \"00:00 UTC\"}\n"
	"group: Orders\n"
	"actions: {}\n";

/* ---- fixture ---- */

struct fx {
	struct catalogue *cat;
	struct connections *conns;
};

static int setup(void **state)
{
	static struct fx fx;
	struct errmsg msg = {0};
	fx.cat = catalogue_new();
	fx.conns = connections_new();
	if (catalogue_load_text(fx.cat, "shop.yaml", shop, sizeof(shop) - 1, &msg) != 0)
		fail_msg("%s", msg.text);
	*state = &fx;
	return 0;
}

static int teardown(void **state)
{
	struct fx *fx = *state;
	connections_free(fx->conns);
	catalogue_free(fx->cat);
	return 0;
}

static int add(struct fx *fx, const char *name, const char *config, struct errmsg *msg)
{
	json_auto_t *v = json_loads(config, JSON_DECODE_ANY, NULL);
	assert_non_null(v);
	return connections_add(fx->conns, fx->cat, name, v, msg);
}

static void added(struct fx *fx, const char *name, const char *config)
{
	struct errmsg msg = {0};
	if (add(fx, name, config, &msg) != 0)
		fail_msg("%s", msg.text);
}

/* ---- what is read ---- */

static void the_catalogues_rate_holds_where_none_is_said(void **state)
{
	struct fx *fx = *state;
	added(fx, "shop", "{}");
	added(fx, "plain", "{\"base_url\": \"https://a.example\"}");
	added(fx, "free", "{\"connector\": \"shop\", \"budget\": \"none\"}");
	json_auto_t *v = connections_budgets(fx->conns);
	assert_int_equal(json_array_size(v), 1);
	assert_int_equal(json_int(json_array_get(v, 0), "per_day", 0), 10000);
	assert_int_equal(json_int(json_array_get(v, 0), "reserve", 0), 200);
	assert_null(connections_find(fx->conns, "plain")->purse);
	assert_null(connections_find(fx->conns, "free")->purse);
}

static void what_is_said_goes_before_the_catalogue(void **state)
{
	struct fx *fx = *state;
	added(fx, "shop",
	      "{\"budget\": {\"per_day\": 50, \"resets\": \"05:30 UTC\", \"reserve\": \"7/day\"}}");
	json_auto_t *v = connections_budgets(fx->conns);
	const json_t *b = json_array_get(v, 0);
	assert_int_equal(json_int(b, "per_day", 0), 50);
	assert_int_equal(json_int(b, "permits", 0), 4);
	assert_int_equal(json_int(b, "reserve", 0), 7);
	assert_string_equal(json_str(b, "resets"), "05:30 UTC");
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *config, *text;
	} cases[] = {
		{"{\"budget\": 5}", "connection shop: budget must be a map such as {per_second: 4, "
				    "per_day: 10000}, or none"},
		{"{\"budget\": {\"per_second\": 0}}",
		 "connection shop: budget.per_second must be a number above 0"},
		{"{\"budget\": {\"per_day\": 1.5}}",
		 "connection shop: budget.per_day must be a whole number above 0"},
		{"{\"budget\": {\"resets\": \"24:00 UTC\"}}",
		 "connection shop: budget.resets must be a time such as \"00:00 UTC\""},
		{"{\"budget\": {\"reserve\": \"7\"}}",
		 "connection shop: budget.reserve must be so many calls a day: 200/day"},
		{"{\"budget\": {\"per_day\": 7, \"reserve\": 7}}",
		 "connection shop: budget.reserve leaves nothing of per_day for rules"},
		{"{\"budget\": {\"key\": \"\"}}", "connection shop: budget.key must be a name"},
		{"{\"budget\": {\"per_dya\": 7}}",
		 "connection shop: unknown key 'budget.per_dya', did you mean 'per_day'?"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct errmsg msg = {0};
		assert_int_equal(add(*state, "shop", cases[i].config, &msg), ERR_INVALID);
		assert_string_equal(msg.text, cases[i].text);
	}
}

/* ---- who shares ---- */

static const struct purse *purse_of(struct fx *fx, const char *name)
{
	return connections_find(fx->conns, name)->purse;
}

static void one_key_has_one_purse_and_the_lowest_limits(void **state)
{
	struct fx *fx = *state;
	added(fx, "a", "{\"connector\": \"shop\", \"auth\": {\"bearer\": \"x\"}}");
	added(fx, "b",
	      "{\"connector\": \"shop\", \"auth\": {\"bearer\": \"x\"}, \"budget\": {\"per_day\": 9}}");
	added(fx, "c", "{\"connector\": \"shop\", \"auth\": {\"bearer\": \"y\"}}");
	added(fx, "d", "{\"connector\": \"shop\"}");
	added(fx, "e", "{\"connector\": \"shop\"}");
	added(fx, "f", "{\"connector\": \"shop\", \"budget\": {\"key\": \"app\"}}");
	added(fx, "g",
	      "{\"connector\": \"shop\", \"auth\": {\"bearer\": \"y\"},"
	      " \"budget\": {\"key\": \"app\"}}");
	assert_ptr_equal(purse_of(fx, "a"), purse_of(fx, "b"));
	assert_ptr_not_equal(purse_of(fx, "a"), purse_of(fx, "c"));
	assert_ptr_not_equal(purse_of(fx, "d"), purse_of(fx, "e"));
	assert_ptr_equal(purse_of(fx, "f"), purse_of(fx, "g"));
	json_auto_t *v = connections_budgets(fx->conns);
	assert_int_equal(json_array_size(v), 5);
	assert_int_equal(json_int(json_array_get(v, 0), "per_day", 0), 9);
	assert_int_equal(json_array_size(json_object_get(json_array_get(v, 0), "connections")), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_catalogues_rate_holds_where_none_is_said),
		T(what_is_said_goes_before_the_catalogue),
		T(mistakes_are_told),
		T(one_key_has_one_purse_and_the_lowest_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
