/* Which rules an event starts, and rule sets as a whole. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "tests/unit/rule/fake.h"

/* ---- fixture: rule files in a folder of their own ---- */

struct fixture {
	char folder[64];
	struct ruleset *set;
	struct findings f;
};

static void put_file(const struct fixture *x, const char *name, const char *text)
{
	auto_free char *path = mem_printf("%s/%s", x->folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void load(struct fixture *x)
{
	struct rule_env env = fake_env();
	const char *paths[] = {x->folder};
	ruleset_free(x->set);
	findings_done(&x->f);
	x->set = ruleset_load(&env, paths, 1, &x->f);
}

static int setup(void **state)
{
	struct fixture *x = mem_alloc(sizeof(*x));
	snprintf(x->folder, sizeof(x->folder), "/tmp/pawl-match-XXXXXX");
	assert_non_null(mkdtemp(x->folder));
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	static const char *const names[] = {"a.yaml", "b.yml", "c.txt", "sub/d.yaml", ".e.yaml"};
	ruleset_free(x->set);
	findings_done(&x->f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		auto_free char *path = mem_printf("%s/%s", x->folder, names[i]);
		(void)unlink(path);
	}
	auto_free char *sub = mem_printf("%s/sub", x->folder);
	(void)rmdir(sub);
	(void)rmdir(x->folder);
	free(x);
	return fake_vm_live();
}

static struct event *event(const char *type, const char *source, const char *data)
{
	json_t *v = NULL;
	struct id id = {{0}};
	assert_int_equal(json_parse(data, strlen(data), true, &v, NULL), 0);
	return event_new(id, type, source, "s1", NULL, 5000, 7000, v, data, strlen(data));
}

/* "rule/trigger …" of what an event starts, failed ones with '!'. Takes the event. */
static void assert_matches(struct fixture *x, struct event *e, const char *want)
{
	struct matches m = {0};
	struct buf b = BUF_INIT;
	ruleset_match(x->set, e, &m);
	for (size_t i = 0; i < m.n; i++)
		buf_printf(&b, "%s%s%s%s%s", i ? " " : "", m.at[i].plan->rule,
			   *m.at[i].trigger ? "/" : "", m.at[i].trigger, m.at[i].failed ? "!" : "");
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
	free(m.at);
	event_unref(e);
}

#define DO "do: [{log: x}]\n"
#define CRM "crm"
#define SLACK "/conversations/slack/T1"

/* ---- ruleset_match ---- */

static void only_the_rules_of_the_type_match(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml",
		 "rule: a\nwhen: {event: order.paid}\n" DO
		 "---\nrule: b\nwhen: {event: order.sent}\n" DO
		 "---\nrule: c\nwhen: {event: order.*}\n" DO
		 "---\nrule: d\nwhen: {webhook: shop/orders}\n" DO "---\nrule: e\n" DO);
	load(x);
	assert_matches(x, event("order.paid", CRM, "{}"), "a c");
	assert_matches(x, event("order.sent", CRM, "{}"), "b c");
	assert_matches(x, event("orders", CRM, "{}"), "");
	assert_matches(x, event("webhook:shop/orders", CRM, "{}"), "d");
}

static void conversation_triggers_and_event_triggers_do_not_mix(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml",
		 "rule: a\nwhen: {conversation: lead.captured}\n" DO
		 "---\nrule: b\nwhen: {event: lead.captured}\n" DO
		 "---\nrule: c\nwhen: {conversation: lead.*}\n" DO);
	load(x);
	assert_matches(x, event("lead.captured", SLACK, "{}"), "a c");
	assert_matches(x, event("lead.captured", CRM, "{}"), "b");
}

static void where_is_equality_of_scalars_and_a_list_means_any(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml",
		 "rule: any\nwhen: {event: e, where: {a: [x, y, x]}}\n" DO
		 "---\nrule: deep\nwhen: {event: e, where: {b.c: 3}}\n" DO
		 "---\nrule: both\nwhen: {event: e, where: {a: x, b.c: [3, 4]}}\n" DO
		 "---\nrule: yes\nwhen: {event: e, where: {ok: true}}\n" DO
		 "---\nrule: nothing\nwhen: {event: e, where: {gone: null}}\n" DO
		 "---\nrule: source\nwhen: {event: e, source: shop}\n" DO
		 "---\nrule: text\nwhen: {event: e, where: {b.c: \"3\"}}\n" DO
		 "---\nrule: var\nvars: {v: z}\nwhen: {event: e, where: {a: =vars.v}}\n" DO);
	load(x);
	assert_matches(x, event("e", CRM, "{\"a\":\"x\"}"), "any nothing");
	assert_matches(x, event("e", CRM, "{\"a\":\"z\"}"), "nothing var");
	assert_matches(x, event("e", CRM, "{\"a\":\"x\",\"b\":{\"c\":3}}"),
		       "any deep both nothing");
	assert_matches(x, event("e", CRM, "{\"b\":{\"c\":3.0}}"), "deep nothing");
	assert_matches(x, event("e", CRM, "{\"b\":{\"c\":\"3\"}}"), "nothing text");
	assert_matches(x, event("e", CRM, "{\"b\":{\"c\":[3]},\"gone\":1}"), "");
	assert_matches(x, event("e", CRM, "{\"ok\":true,\"gone\":0}"), "yes");
	assert_matches(x, event("e", "shop", "{\"gone\":0}"), "source");
	assert_matches(x, event("e", "shop", "[1]"), "nothing source");
}

static void a_conversations_own_words_are_filters(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml",
		 "rule: a\nwhen: {conversation: intent.detected, platform: slack, channel: "
		 "slack.im, intent: [signup, join]}\n" DO);
	load(x);
	assert_matches(x,
		       event("intent.detected", SLACK,
			     "{\"platform\":\"slack\",\"conversation\":{\"channel\":\"slack.im\"},"
			     "\"intent\":{\"name\":\"join\"}}"),
		       "a");
	assert_matches(x,
		       event("intent.detected", SLACK,
			     "{\"platform\":\"slack\",\"conversation\":{\"channel\":\"slack.im\"},"
			     "\"intent\":{\"name\":\"leave\"}}"),
		       "");
}

static void a_path_may_begin_with_a_field_that_is_called_data(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml",
		 "rule: a\nwhen: {webhook: shop/orders, where: {data.object.id: 7}}\n" DO);
	load(x);
	assert_matches(x, event("webhook:shop/orders", CRM, "{\"data\":{\"object\":{\"id\":7}}}"),
		       "a");
	assert_matches(x, event("webhook:shop/orders", CRM, "{\"object\":{\"id\":7}}"), "");
}

static void a_rule_matches_once_by_its_first_trigger_that_fits(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml",
		 "rule: a\n"
		 "when:\n"
		 "  - {event: e, where: {a: 1}, id: one}\n"
		 "  - {event: e.*, id: prefix}\n"
		 "  - {event: e, id: two}\n"
		 "  - {event: e, where: {a: 2}, id: three}\n"
		 "  - {event: e*, id: four}\n" DO);
	load(x);
	assert_matches(x, event("e", CRM, "{\"a\":1}"), "a/one");
	assert_matches(x, event("e", CRM, "{\"a\":2}"), "a/two");
	assert_matches(x, event("e.x", CRM, "{\"a\":2}"), "a/prefix");
	assert_matches(x, event("ex", CRM, "{\"a\":2}"), "a/four");
}

static void the_condition_sees_event_data_vars_and_now(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml",
		 "rule: a\nwhen: {event: e}\nvars: {n: 2}\nif: data.n == vars.n and now == 7\n" DO
		 "---\nrule: b\nwhen: [{event: e, id: one}, {event: f, id: two}]\n"
		 "if: event.trigger == \"two\" and event.type == \"f\"\n" DO
		 "---\nrule: c\nwhen: {event: e}\nif: false\n" DO);
	load(x);
	assert_matches(x, event("e", CRM, "{\"n\":2}"), "a");
	assert_matches(x, event("e", CRM, "{\"n\":3}"), "");
	assert_matches(x, event("f", CRM, "{}"), "b/two");
}

static void a_condition_that_fails_is_a_match_that_says_so(void **state)
{
	struct fixture *x = *state;
	struct matches m = {0};
	put_file(x, "a.yaml", "rule: a\nwhen: {event: e}\nif: boom()\n" DO);
	load(x);
	struct event *e = event("e", CRM, "{}");
	ruleset_match(x->set, e, &m);
	assert_int_equal(m.n, 1);
	assert_true(m.at[0].failed);
	assert_string_equal(m.at[0].msg.text, "boom");
	free(m.at);
	event_unref(e);
}

static void a_disabled_rule_matches_nothing(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml", "rule: a\nenabled: false\nwhen: {event: e}\n" DO);
	load(x);
	assert_int_equal(ruleset_count(x->set), 1);
	assert_matches(x, event("e", CRM, "{}"), "");
}

static void rules_that_do_not_fit_cost_no_memory(void **state)
{
	struct fixture *x = *state;
	struct matches m = {0};
	struct buf b = BUF_INIT;
	for (int i = 0; i < 500; i++)
		buf_printf(
			&b,
			"---\nrule: r%d\nwhen: {event: e, where: {a: v%d, b: 1}}\nif: data.b\n" DO,
			i, i);
	put_file(x, "a.yaml", buf_str(&b));
	buf_done(&b);
	load(x);
	assert_int_equal(ruleset_count(x->set), 500);
	struct event *e = event("e", CRM, "{\"a\":\"v7\",\"b\":2}");
	size_t before = mallinfo2().uordblks;
	for (int i = 0; i < 100; i++)
		ruleset_match(x->set, e, &m);
	assert_int_equal(mallinfo2().uordblks, before);
	assert_int_equal(m.n, 0);
	event_unref(e);
}

/* ---- ruleset_load ---- */

static void files_are_found_by_their_ends_in_folders_below(void **state)
{
	struct fixture *x = *state;
	auto_free char *sub = mem_printf("%s/sub", x->folder);
	assert_int_equal(mkdir(sub, 0700), 0);
	put_file(x, "a.yaml", "rule: a\n" DO);
	put_file(x, "b.yml", "rule: b\n" DO "---\nrule: c\n" DO);
	put_file(x, "c.txt", "no rule");
	put_file(x, ".e.yaml", "no rule");
	put_file(x, "sub/d.yaml", "rule: d\n" DO);
	load(x);
	assert_non_null(x->set);
	assert_int_equal(ruleset_count(x->set), 4);
	assert_string_equal(ruleset_at(x->set, 3)->rule, "d");
	assert_null(ruleset_at(x->set, 4));
	assert_ptr_equal(ruleset_find(x->set, "c"), ruleset_at(x->set, 2));
	assert_null(ruleset_find(x->set, "x"));
}

static void a_name_that_is_used_twice_is_an_error(void **state)
{
	struct fixture *x = *state;
	put_file(x, "a.yaml", "rule: a\n" DO);
	put_file(x, "b.yml", "# b\nrule: a\n" DO);
	load(x);
	assert_null(x->set);
	assert_int_equal(x->f.errors, 1);
	assert_int_equal(x->f.at[0].line, 2);
	assert_non_null(strstr(x->f.at[0].text, "a.yaml:1 already"));
}

static void a_path_that_is_not_there_is_an_error(void **state)
{
	struct fixture *x = *state;
	struct rule_env env = fake_env();
	const char *paths[] = {"/nowhere/at/all"};
	assert_null(ruleset_load(&env, paths, 1, &x->f));
	assert_string_equal(x->f.at[0].text, "cannot be read: No such file or directory");
}

static void the_hash_changes_with_any_rule(void **state)
{
	struct fixture *x = *state;
	char first[HASH_HEX_LEN];
	put_file(x, "a.yaml", "rule: a\n" DO);
	load(x);
	snprintf(first, sizeof(first), "%s", ruleset_hash(x->set));
	load(x);
	assert_string_equal(ruleset_hash(x->set), first);
	put_file(x, "a.yaml", "rule: a\nabout: new\n" DO);
	load(x);
	assert_string_not_equal(ruleset_hash(x->set), first);
}

/* ---- rules_fingerprint ---- */

static void the_fingerprint_sees_changed_and_new_files(void **state)
{
	struct fixture *x = *state;
	const char *paths[] = {x->folder};
	put_file(x, "a.yaml", "rule: a\n" DO);
	uint64_t first = rules_fingerprint(paths, 1);
	assert_true(rules_fingerprint(paths, 1) == first);
	put_file(x, "b.yml", "");
	uint64_t second = rules_fingerprint(paths, 1);
	assert_true(second != first);
	put_file(x, "a.yaml", "rule: ab\n" DO);
	assert_true(rules_fingerprint(paths, 1) != second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_rules_of_the_type_match),
		TEST(conversation_triggers_and_event_triggers_do_not_mix),
		TEST(where_is_equality_of_scalars_and_a_list_means_any),
		TEST(a_conversations_own_words_are_filters),
		TEST(a_path_may_begin_with_a_field_that_is_called_data),
		TEST(a_rule_matches_once_by_its_first_trigger_that_fits),
		TEST(the_condition_sees_event_data_vars_and_now),
		TEST(a_condition_that_fails_is_a_match_that_says_so),
		TEST(a_disabled_rule_matches_nothing),
		TEST(rules_that_do_not_fit_cost_no_memory),
		TEST(files_are_found_by_their_ends_in_folders_below),
		TEST(a_name_that_is_used_twice_is_an_error),
		TEST(a_path_that_is_not_there_is_an_error),
		TEST(the_hash_changes_with_any_rule),
		TEST(the_fingerprint_sees_changed_and_new_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
