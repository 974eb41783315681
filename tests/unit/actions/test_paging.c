/* Lists in pages: items, the next request, and what must not be followed. */
#include "tests/unit/actions/fixture.h"

#include "actions/paging.h"

#define BASE "https://api.example.com/v3"

static const char shop[] =
	"connector:\n"
	"  name: shop\n"
	"  title: Shop\n"
	"  about: Lists of every kind.\n"
	"  base_url: " BASE "\n"
	"  auth: [bearer]\n"
	"  paging: {link: [_links.next.href, _links.next.next.href]}\n"
	"group: Lists\n"
	"actions:\n"
	"  by_link: &list\n"
	"    title: T\n"
	"    about: A.\n"
	"    method: GET\n"
	"    path: /things\n"
	"    params: {limit: {type: integer, min: 1, max: 100}, colour: string}\n"
	"    paging: {items: things, limit: limit, max: 100, size: 50}\n"
	"    effect: read\n"
	"  by_link_bare:\n"
	"    <<: *list\n"
	"    paging: {items: \"\"}\n"
	"  by_link_deep:\n"
	"    <<: *list\n"
	"    paging: {items: page.things}\n"
	"  by_cursor:\n"
	"    <<: *list\n"
	"    params: {next: string, prev: string, limit: integer}\n"
	"    paging: {kind: cursor, items: records, cursor: next_cursor, cursor_param: next, back: "
	"prev_cursor, back_param: prev}\n"
	"  by_page:\n"
	"    <<: *list\n"
	"    params: {page: integer, limit: {type: integer, max: 5}}\n"
	"    paging: {kind: page, items: tags, page: page, first: 0, limit: limit, max: 5, pages: "
	"page.pages}\n"
	"  by_page_more:\n"
	"    <<: *list\n"
	"    params: {page: integer}\n"
	"    paging: {kind: page, items: tags, page: page, more: [more]}\n"
	"  by_offset:\n"
	"    <<: *list\n"
	"    params: {offset: string, limit: {type: integer, max: 50}}\n"
	"    paging: {kind: offset, items: sites, offset: offset, limit: limit, max: 50}\n"
	"  whole:\n"
	"    <<: *list\n"
	"    paging: {kind: whole, items: \"\"}\n"
	"  single:\n"
	"    title: T\n"
	"    about: A.\n"
	"    method: GET\n"
	"    path: /thing\n"
	"    effect: read\n";

static int load_shop(void **state)
{
	struct errmsg msg = {0};
	if (load_catalogue(state))
		return -1;
	if (catalogue_load_text(cat, "shop.yaml", shop, strlen(shop), &msg))
		print_error("%s\n", msg.text);
	return msg.code;
}

static const struct action *list(const char *name)
{
	const struct action *a = catalogue_find(cat, "shop", name);
	assert_non_null(a);
	return a;
}

/* ---- helpers ---- */

static struct errmsg msg;

static json_t *take(const struct action *a, const char *params, const json_t *place,
		    const char *answer)
{
	json_auto_t *p = js(params), *v = js(answer);
	json_t *taken;
	int err = paging_take(a, p, place, BASE, v, &taken, &msg);
	if (err)
		assert_null(taken);
	return taken;
}

static void assert_url(const struct action *a, const char *params, const json_t *place,
		       const char *want)
{
	struct http_request_text text;
	json_auto_t *p = js(params);
	assert_int_equal(paging_render(a, p, place, BASE, &text, &msg), 0);
	assert_string_equal(text.url, want);
	request_done(&text);
}

static const json_t *next_of(const json_t *taken)
{
	assert_non_null(taken);
	return json_object_get(taken, "next");
}

static size_t count(const json_t *taken)
{
	assert_non_null(taken);
	return json_array_size(json_object_get(taken, "items"));
}

static void assert_refused(const struct action *a, const char *answer, int code, const char *part)
{
	assert_null(take(a, "{}", NULL, answer));
	assert_int_equal(msg.code, code);
	if (!strstr(msg.text, part))
		fail_msg("'%s' is not in: %s", part, msg.text);
}

/* ---- links ---- */

static void the_first_page_asks_for_the_largest_one(void **state)
{
	assert_url(list("by_link"), "{}", NULL, BASE "/things?limit=100");
	assert_url(list("by_link"), "{'limit': 7}", NULL, BASE "/things?limit=7");
	assert_url(list("by_link_bare"), "{}", NULL, BASE "/things");
}

static void a_link_is_followed_as_it_is(void **state)
{
	static const char *const cases[][2] = {
		{"/v3/things?cursor=bGltaXQ9MQ==", BASE "/things?cursor=bGltaXQ9MQ=="},
		{BASE "/things?cursor=x", BASE "/things?cursor=x"},
		{"HTTPS://API.example.com/v3/things?cursor=x",
		 "HTTPS://API.example.com/v3/things?cursor=x"},
		{"?cursor=y&limit=2", BASE "/things?cursor=y&limit=2"},
	};
	const struct action *a = list("by_link");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_free char *answer = mem_printf(
			"{'things': [1], '_links': {'next': {'href': '%s'}}}", cases[i][0]);
		json_auto_t *taken = take(a, "{'colour': 'red'}", NULL, answer);
		assert_url(a, "{'colour': 'red'}", next_of(taken), cases[i][1]);
	}
}

static void a_nested_link_is_found(void **state)
{
	json_auto_t *taken = take(
		list("by_link"), "{}", NULL,
		"{'things': [1], '_links': {'next': {'next': {'href': '/v3/things?cursor=n'}}}}");
	assert_url(list("by_link"), "{}", next_of(taken), BASE "/things?cursor=n");
}

static void a_list_ends_where_no_link_is_set(void **state)
{
	static const char *const answers[] = {
		"{'things': [1]}",
		"{'things': [1], '_links': null}",
		"{'things': [1], '_links': {}}",
		"{'things': [1], '_links': {'next': null}}",
		"{'things': [1], '_links': {'next': {'href': null}}}",
		"{'things': [1], '_links': {'next': {'href': ''}}}",
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		json_auto_t *taken = take(list("by_link"), "{}", NULL, answers[i]);
		assert_int_equal(count(taken), 1);
		assert_null(next_of(taken));
	}
}

static void an_empty_page_with_a_link_is_not_the_last(void **state)
{
	json_auto_t *taken = take(list("by_link"), "{}", NULL,
				  "{'things': [], '_links': {'next': {'href': '/v3/things?c=2'}}}");
	assert_int_equal(count(taken), 0);
	assert_non_null(next_of(taken));
}

static void too_many_empty_pages_are_an_error(void **state)
{
	json_auto_t *place = json_object();
	int pages = 0;
	for (json_t *taken;; pages++) {
		auto_free char *answer = mem_printf(
			"{'things': [], '_links': {'next': {'href': '/v3/things?c=%d'}}}", pages);
		taken = take(list("by_link"), "{}", place, answer);
		if (!taken)
			break;
		json_decref(place);
		place = json_incref((json_t *)next_of(taken));
		json_decref(taken);
	}
	assert_int_equal(pages, PAGES_EMPTY_MAX - 1);
	assert_int_equal(msg.code, ERR_LIMIT);
}

static void a_link_to_another_origin_is_refused(void **state)
{
	static const char *const links[] = {
		"https://evil.example/v3/things?cursor=x",
		"http://api.example.com/v3/things",
		"https://api.example.com:8443/v3/things",
		"https://api.example.com.evil.example/v3/things",
		"https://api.example.com@evil.example/v3/things",
		"//evil.example/v3/things",
		"/\\\\evil.example/",
		"ftp://api.example.com/v3/things",
		"things?cursor=x",
	};
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		auto_free char *answer =
			mem_printf("{'things': [1], '_links': {'next': {'href': '%s'}}}", links[i]);
		assert_refused(list("by_link"), answer, ERR_INVALID, "the next page's link");
	}
	assert_non_null(strstr(msg.text, BASE));
}

/* The journal's text is not trusted either: the connection may be another by then. */
static void a_place_that_leads_elsewhere_is_not_rendered(void **state)
{
	struct http_request_text text;
	json_auto_t *place = js("{'page': 2, 'cursor': 'https://evil.example/v3/things'}");
	assert_int_equal(paging_render(list("by_link"), NULL, place, BASE, &text, &msg),
			 ERR_INVALID);
	assert_null(text.url);
}

static void a_relative_place_follows_a_connection_that_moved(void **state)
{
	struct http_request_text text;
	json_auto_t *place = js("{'page': 2, 'cursor': '/v3/things?cursor=x'}");
	assert_int_equal(
		paging_render(list("by_link"), NULL, place, "http://127.0.0.1:9/v3", &text, &msg),
		0);
	assert_string_equal(text.url, "http://127.0.0.1:9/v3/things?cursor=x");
	assert_string_equal(text.target, "/things?cursor=x");
	request_done(&text);
}

static void an_odd_cursor_is_an_error(void **state)
{
	assert_refused(list("by_link"), "{'things': [], '_links': {'next': {'href': ['x']}}}",
		       ERR_INVALID, "is list and no text");
	assert_refused(list("by_cursor"), "{'records': [], 'next_cursor': 1.5}", ERR_INVALID,
		       "no text");
}

/* ---- circles ---- */

/* Walks a list whose page n leads to page next(n); how many pages came before the error. */
static int walk(int (*next)(int), int most)
{
	json_auto_t *place = json_object();
	int at = 1, pages = 0;
	while (pages < most) {
		at = next(at);
		auto_free char *answer = mem_printf(
			"{'things': [1], '_links': {'next': {'href': '/v3/things?c=%d'}}}", at);
		json_t *taken = take(list("by_link"), "{}", place, answer);
		if (!taken)
			return pages;
		pages++;
		json_decref(place);
		place = json_incref((json_t *)next_of(taken));
		json_decref(taken);
	}
	return pages;
}

static int stays(int n)
{
	(void)n;
	return 2;
}

static int swings(int n)
{
	return n == 2 ? 3 : 2;
}

static int circles(int n)
{
	return n < 20 ? n + 1 : 10;
}

static int goes_on(int n)
{
	return n + 1;
}

static void a_circle_of_pages_is_found(void **state)
{
	assert_in_range(walk(stays, 100), 1, 2);
	assert_int_equal(msg.code, ERR_INVALID);
	assert_in_range(walk(swings, 100), 2, 6);
	assert_in_range(walk(circles, 100), 20, 60);
	assert_non_null(strstr(msg.text, "was there before"));
	assert_int_equal(walk(goes_on, 1000), 1000);
}

/* ---- cursors, pages, offsets ---- */

static void a_cursor_goes_into_its_parameter(void **state)
{
	const struct action *a = list("by_cursor");
	json_auto_t *taken = take(a, "{'prev': 'p', 'limit': 2}", NULL,
				  "{'records': [1, 2], 'next_cursor': 'a b', 'prev_cursor': 'z'}");
	assert_url(a, "{'prev': 'p', 'limit': 2}", next_of(taken),
		   BASE "/things?limit=2&next=a%20b");
	json_auto_t *last = take(a, "{}", next_of(taken), "{'records': [3], 'next_cursor': null}");
	assert_null(next_of(last));
}

static void pages_are_counted_to_the_number_of_them(void **state)
{
	const struct action *a = list("by_page");
	json_auto_t *first = take(a, "{}", NULL, "{'tags': [1], 'page': {'pages': 2}}");
	assert_url(a, "{}", NULL, BASE "/things?limit=5");
	assert_url(a, "{}", next_of(first), BASE "/things?limit=5&page=1");
	json_auto_t *second = take(a, "{}", next_of(first), "{'tags': [2], 'page': {'pages': 2}}");
	assert_null(next_of(second));
}

static void a_page_that_is_not_full_is_the_last_where_nothing_else_is_known(void **state)
{
	const struct action *a = list("by_page");
	json_auto_t *full = take(a, "{'limit': 2}", NULL, "{'tags': [1, 2]}");
	json_auto_t *part = take(a, "{'limit': 2}", NULL, "{'tags': [1]}");
	assert_non_null(next_of(full));
	assert_null(next_of(part));
}

static void pages_go_on_while_there_is_more(void **state)
{
	const struct action *a = list("by_page_more");
	json_auto_t *more = take(a, "{'page': 4}", NULL, "{'tags': [], 'more': true}");
	json_auto_t *last = take(a, "{'page': 4}", NULL, "{'tags': [1], 'more': false}");
	assert_url(a, "{'page': 4}", next_of(more), BASE "/things?page=5");
	assert_null(next_of(last));
}

static void an_offset_counts_the_items_that_came(void **state)
{
	const struct action *a = list("by_offset");
	json_auto_t *taken = take(a, "{'limit': 2, 'offset': '10'}", NULL, "{'sites': [1, 2, 3]}");
	assert_url(a, "{'limit': 2}", next_of(taken), BASE "/things?limit=2&offset=13");
	json_auto_t *last = take(a, "{'limit': 2}", next_of(taken), "{'sites': [4]}");
	assert_null(next_of(last));
}

/* ---- items ---- */

static void items_are_where_the_action_says(void **state)
{
	json_auto_t *bare = take(list("by_link_bare"), "{}", NULL, "[1, 2]");
	json_auto_t *deep =
		take(list("by_link_deep"), "{}", NULL, "{'page': {'things': [1, 2, 3]}}");
	json_auto_t *whole = take(list("whole"), "{}", NULL, "[1]");
	assert_int_equal(count(bare), 2);
	assert_int_equal(count(deep), 3);
	assert_int_equal(count(whole), 1);
	assert_null(next_of(whole));
}

static void a_missing_list_is_a_page_without_items(void **state)
{
	json_auto_t *missing = take(list("by_link"), "{}", NULL, "{}");
	json_auto_t *none = take(list("by_link"), "{}", NULL, "{'things': null}");
	json_auto_t *empty = take(list("whole"), "{}", NULL, "{}");
	assert_int_equal(count(missing) + count(none) + count(empty), 0);
	assert_refused(list("by_link"), "{'things': 'none'}", ERR_INVALID, "things is string");
	assert_refused(list("whole"), "{'error': 1}", ERR_INVALID, "the answer is object");
}

static void only_lists_are_paged(void **state)
{
	assert_true(paging_is(list("by_link")));
	assert_true(paging_is(list("whole")));
	assert_false(paging_is(list("single")));
}

/* ---- joining ---- */

static void joined_pages_have_the_shape_of_one(void **state)
{
	struct paging_join j = {0};
	const struct action *a = list("by_link_deep");
	json_auto_t *one = take(a, "{}", NULL, "{'page': {'things': [1, 2], 'n': 1}, 'total': 3}");
	json_auto_t *two = take(a, "{}", NULL, "{'page': {'things': [3], 'n': 2}, 'total': 3}");
	json_auto_t *want = js("{'page': {'things': [1, 2, 3], 'n': 2}, 'total': 3}");
	assert_int_equal(paging_join_add(&j, one, &msg), 0);
	assert_int_equal(paging_join_add(&j, two, &msg), 0);
	json_auto_t *joined = paging_join_take(&j, a);
	assert_true(json_equal(joined, want));
}

/* Both forms in which the real API names the next page. */
static void the_api_s_own_lists_go_on(void **state)
{
	const struct action *a = get("list_contacts");
	json_auto_t *taken =
		take(a, "{}", NULL,
		     "{'contacts': [{}], '_links': {'next': {'href': '/v3/contacts?cursor=x'}}}");
	assert_url(a, "{}", NULL, BASE "/contacts?limit=500");
	assert_url(a, "{}", next_of(taken), BASE "/contacts?cursor=x");
}

static void joined_lists_are_a_list(void **state)
{
	struct paging_join j = {0};
	json_auto_t *one = take(list("whole"), "{}", NULL, "[1]"), *want = js("[1, 1]");
	assert_int_equal(paging_join_add(&j, one, &msg), 0);
	assert_int_equal(paging_join_add(&j, one, &msg), 0);
	json_auto_t *joined = paging_join_take(&j, list("whole"));
	assert_true(json_equal(joined, want));
}

static void more_items_than_the_limit_are_not_joined(void **state)
{
	struct paging_join j = {0};
	json_auto_t *taken = json_pack("{s:[]}", "items");
	for (int i = 0; i < PAGES_ITEMS_MAX; i++)
		json_array_append_new(json_object_get(taken, "items"), json_integer(i));
	json_auto_t *one = json_pack("{s:[i]}", "items", 1), *none = json_pack("{s:[]}", "items");
	assert_int_equal(paging_join_add(&j, taken, &msg), 0);
	assert_int_equal(paging_join_add(&j, none, &msg), 0);
	assert_int_equal(paging_join_add(&j, one, &msg), ERR_LIMIT);
	paging_join_done(&j);
}

static void pages_are_all_or_a_number(void **state)
{
	unsigned n = 9;
	assert_int_equal(paging_count_parse("all", &n, &msg), 0);
	assert_int_equal(n, 0);
	assert_int_equal(paging_count_parse("3", &n, &msg), 0);
	assert_int_equal(n, 3);
	static const char *const wrong[] = {"", "0", "-1", "1.5", "some", "1000000"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(paging_count_parse(wrong[i], &n, &msg), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_page_asks_for_the_largest_one),
		cmocka_unit_test(a_link_is_followed_as_it_is),
		cmocka_unit_test(a_nested_link_is_found),
		cmocka_unit_test(a_list_ends_where_no_link_is_set),
		cmocka_unit_test(an_empty_page_with_a_link_is_not_the_last),
		cmocka_unit_test(too_many_empty_pages_are_an_error),
		cmocka_unit_test(a_link_to_another_origin_is_refused),
		cmocka_unit_test(a_place_that_leads_elsewhere_is_not_rendered),
		cmocka_unit_test(a_relative_place_follows_a_connection_that_moved),
		cmocka_unit_test(an_odd_cursor_is_an_error),
		cmocka_unit_test(a_circle_of_pages_is_found),
		cmocka_unit_test(a_cursor_goes_into_its_parameter),
		cmocka_unit_test(pages_are_counted_to_the_number_of_them),
		cmocka_unit_test(a_page_that_is_not_full_is_the_last_where_nothing_else_is_known),
		cmocka_unit_test(pages_go_on_while_there_is_more),
		cmocka_unit_test(an_offset_counts_the_items_that_came),
		cmocka_unit_test(items_are_where_the_action_says),
		cmocka_unit_test(a_missing_list_is_a_page_without_items),
		cmocka_unit_test(only_lists_are_paged),
		cmocka_unit_test(joined_pages_have_the_shape_of_one),
		cmocka_unit_test(the_api_s_own_lists_go_on),
		cmocka_unit_test(joined_lists_are_a_list),
		cmocka_unit_test(more_items_than_the_limit_are_not_joined),
		cmocka_unit_test(pages_are_all_or_a_number),
	};
	return cmocka_run_group_tests(tests, load_shop, drop_catalogue);
}
