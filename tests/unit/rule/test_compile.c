/* From a rule's text to its plan, and from the plan's bundle to the same plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "tests/unit/rule/fake.h"

/* ---- fixture ---- */

#define HEAD "api: pawl/1\nrule: r\n"

static struct plan *good(const char *text)
{
	struct findings f = {0};
	struct buf b = BUF_INIT;
	struct plan *p = fake_compile(text, &f);
	findings_format(&f, &b);
	assert_string_equal(buf_str(&b), "");
	assert_non_null(p);
	buf_done(&b);
	findings_done(&f);
	return p;
}

static void bad(const char *text, const char *want)
{
	struct findings f = {0};
	struct buf b = BUF_INIT;
	struct plan *p = fake_compile(text, &f);
	findings_format(&f, &b);
	assert_string_equal(buf_str(&b), want);
	assert_int_equal(p == NULL, f.errors > 0);
	plan_unref(p);
	buf_done(&b);
	findings_done(&f);
}

static const void *args_of(const struct plan *p, size_t i)
{
	return p->body.steps[i]->args;
}

static int all_released(void **state)
{
	return fake_vm_live();
}

/* ---- rule_compile_text: the parts of a rule ---- */

static const char whole[] =
	"api: pawl/1\n"
	"rule: captured-lead\n"
	"about: a lead becomes a contact\n"
	"when:\n"
	"  - conversation: lead.captured\n"
	"    platform: [slack, whatsapp]\n"
	"    where: {conversation.status: [open, pending]}\n"
	"    id: lead\n"
	"  - webhook: shop/orders\n"
	"  - event: contact.*\n"
	"    source: crm\n"
	"if: data.contact.consent.status == \"granted\"\n"
	"vars:\n"
	"  leads: 07936f78\n"
	"  n: 3\n"
	"retry: {attempts: 6, first: 1s, factor: 2, cap: 5m, within: 2h, error: [throttled, 503]}\n"
	"timeout: 1d\n"
	"do:\n"
	"  - call: crm.create\n"
	"    with: {email: =data.contact.email, lists: [=vars.leads], source: {kind: form}}\n"
	"    as: contact\n"
	"    if: data.contact.email\n"
	"    retry: {attempts: 2, jitter: none}\n"
	"    timeout: 30s\n"
	"    catch: [{error: [exists, contacts.api.conflict, 409], do: []}]\n"
	"  - wait: {activity: =contact, timeout: 30m, else: fail}\n"
	"  - if: contact.contact_id == \"1\"\n"
	"    do: [{log: \"hello ${contact.email or 'friend'}\"}]\n"
	"    else: [{fail: no}]\n"
	"catch:\n"
	"  - error: throttled\n"
	"    do: [{fail: =error}]\n"
	"finally:\n"
	"  - log: \"done in ${run.elapsed}s\"\n"
	"result: =contact.contact_id\n"
	"budget: {share: 2.5, reserve: 200/day}\n"
	"tests: [{name: t, given: {}, expect: {matched: true}}]\n"
	"x-owner: sales\n";

static void a_whole_rule_becomes_a_plan(void **state)
{
	struct plan *p = good(whole);
	assert_string_equal(p->rule, "captured-lead");
	assert_string_equal(p->file, "r.yaml");
	assert_int_equal(p->n_triggers, 3);
	assert_true(p->triggers[0].conversation);
	assert_string_equal(p->triggers[0].type, "lead.captured");
	assert_string_equal(p->triggers[0].id, "lead");
	assert_int_equal(p->triggers[0].n_where, 2);
	assert_string_equal(p->triggers[0].where[0].path, "platform");
	assert_int_equal(json_array_size(p->triggers[0].where[1].values), 2);
	assert_string_equal(p->triggers[1].type, "webhook:shop/orders");
	assert_true(p->triggers[2].prefix);
	assert_string_equal(p->triggers[2].type, "contact.");
	assert_string_equal(p->triggers[2].where[0].path, "event.source");
	assert_int_equal(p->cond->kind, TMPL_EXPR);
	assert_int_equal(p->retry.attempts, 6);
	assert_int_equal(p->retry.within_ms, 7200000);
	assert_int_equal(p->retry.n_errors, 2);
	assert_int_equal(p->timeout_ms, 86400000);
	assert_true(p->share == 2.5);
	assert_int_equal(p->reserve, 200);
	assert_int_equal(json_int(p->vars, "n", 0), 3);
	assert_int_equal(p->body.n, 3);
	assert_true(p->has_catch);
	assert_int_equal(p->finally.n, 1);
	assert_int_equal(p->result->kind, TMPL_EXPR);
	plan_unref(p);
}

static void a_steps_parts_are_filled_by_its_kinds_table(void **state)
{
	struct plan *p = good(whole);
	const struct step *s = p->body.steps[0];
	const struct call_args *call = s->args;
	assert_string_equal(s->key, "do.1");
	assert_string_equal(s->name, "contact");
	assert_int_equal(s->line, 19);
	assert_string_equal(call->action, "crm.create");
	assert_int_equal(call->with->kind, TMPL_MAP);
	assert_int_equal(call->with->items[2]->kind, TMPL_LITERAL);
	assert_int_equal(s->guard->kind, TMPL_EXPR);
	assert_int_equal(s->retry.attempts, 2);
	assert_true(s->retry.no_jitter);
	assert_int_equal(s->timeout_ms, 30000);
	assert_int_equal(s->catches.at[0].n_errors, 3);
	assert_string_equal(s->catches.at[0].errors[2], "409");
	const struct wait_args *wait = args_of(p, 1);
	assert_null(wait->duration);
	assert_int_equal(wait->timeout_ms, 1800000);
	assert_int_equal(wait->otherwise.kind, ELSE_FAIL);
	const struct if_args *branch = args_of(p, 2);
	assert_null(p->body.steps[2]->guard);
	assert_string_equal(branch->other.steps[0]->key, "else.1");
	plan_unref(p);
}

static void several_documents_are_several_rules_at_their_own_lines(void **state)
{
	static const char text[] =
		"rule: a\ndo: [{log: x}]\n---\n# two\nrule: b\ndo: [{log: =data.x}]\n";
	struct rule_env env = fake_env();
	struct findings f = {0};
	struct plan **plans = NULL;
	size_t n = 0;
	rule_compile_text(&env, "r.yaml", text, strlen(text), &plans, &n, &f);
	assert_int_equal(n, 2);
	assert_string_equal(plans[1]->rule, "b");
	assert_int_equal(plans[1]->line, 5);
	assert_int_equal(plans[1]->body.steps[0]->line, 6);
	assert_null(strstr(plans[1]->bundle, "rule: a"));
	plan_unref(plans[0]);
	plan_unref(plans[1]);
	free(plans);
	findings_done(&f);
}

static void the_word_alone_takes_a_scalar_and_a_map_takes_its_keys(void **state)
{
	struct plan *p = good(HEAD "do:\n  - wait: 10m\n  - wait: {until: =now, else: continue}\n");
	const struct wait_args *a = args_of(p, 0), *b = args_of(p, 1);
	assert_string_equal(json_string_value(a->duration->literal), "10m");
	assert_null(a->until);
	assert_null(b->duration);
	assert_string_equal(b->until->src, "now");
	assert_int_equal(b->otherwise.kind, ELSE_CONTINUE);
	plan_unref(p);
}

static void a_word_without_map_keys_takes_a_map_as_its_whole_value(void **state)
{
	struct plan *p = good(HEAD "do:\n  - log: {a: 1, b: =data.x}\n");
	const struct value_args *a = args_of(p, 0);
	assert_int_equal(a->value->kind, TMPL_MAP);
	plan_unref(p);
}

static void blocks_in_blocks_have_keys_of_their_own(void **state)
{
	struct plan *p = good(HEAD "do:\n"
				   "  - choose:\n"
				   "      - {if: data.a, do: [{log: a}]}\n"
				   "      - {else: [{log: b}, {log: c}]}\n"
				   "  - try: [{log: a}]\n"
				   "    catch: [{do: [{log: =error.name}]}]\n"
				   "    finally: [{log: z}]\n"
				   "  - all: [[{log: a}], [{log: b}]]\n");
	const struct choose_args *choose = args_of(p, 0);
	assert_string_equal(choose->choices.at[1].body.steps[1]->key, "choose2.2");
	assert_null(choose->choices.at[1].cond);
	const struct try_args *try = args_of(p, 1);
	assert_false(p->body.steps[1]->has_catch);
	assert_string_equal(try->body.steps[0]->key, "try.1");
	assert_string_equal(try->catches.at[0].body.steps[0]->key, "catch1.1");
	assert_string_equal(try->finally.steps[0]->key, "finally.1");
	const struct all_args *all = args_of(p, 2);
	assert_string_equal(all->blocks.at[1].steps[0]->key, "all2.1");
	plan_unref(p);
}

static void enabled_is_judged_while_loading(void **state)
{
	struct rule_env env = fake_env();
	json_auto_t *vars = json_pack("{s:s, s:i}", "env", "prod", "n", 1);
	static const char text[] = "rule: r\nvars: {n: 2}\nenabled: =vars.env == \"dev\"\n"
				   "do: [{log: =vars.env}]\n";
	struct findings f = {0};
	struct plan **plans = NULL;
	size_t n = 0;
	env.vars = vars;
	rule_compile_text(&env, "r.yaml", text, strlen(text), &plans, &n, &f);
	assert_int_equal(n, 1);
	assert_false(plans[0]->enabled);
	assert_int_equal(json_int(plans[0]->vars, "n", 0), 2);
	assert_string_equal(json_str(plans[0]->vars, "env"), "prod");
	plan_unref(plans[0]);
	free(plans);
	findings_done(&f);
}

/* ---- templates ---- */

static const struct tmpl *value_of(struct plan **ret, const char *value)
{
	auto_free char *text = mem_printf(HEAD "do:\n  - log: %s\n", value);
	*ret = good(text);
	return ((const struct value_args *)args_of(*ret, 0))->value;
}

static void a_scalar_is_a_literal_an_expression_or_a_text(void **state)
{
	static const struct {
		const char *yaml;
		enum tmpl_kind kind;
		const char *text; /* the literal's JSON, or the source */
	} cases[] = {
		{"hello", TMPL_LITERAL, "\"hello\""},
		{"12", TMPL_LITERAL, "12"},
		{"[null]", TMPL_LITERAL, "[null]"},
		{"\"==x\"", TMPL_LITERAL, "\"=x\""},
		{"a $${b}", TMPL_LITERAL, "\"a ${b}\""},
		{"{a: [1, {b: c}]}", TMPL_LITERAL, "{\"a\":[1,{\"b\":\"c\"}]}"},
		{"=data.x", TMPL_EXPR, "data.x"},
		{"'=data.x'", TMPL_EXPR, "data.x"},
		{"|\n      =data.x\n", TMPL_EXPR, "data.x\n"},
		{"a ${data.x} b", TMPL_TEXT, NULL},
		{"[a, =data.x]", TMPL_LIST, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan *p;
		const struct tmpl *t = value_of(&p, cases[i].yaml);
		assert_int_equal(t->kind, cases[i].kind);
		if (t->kind == TMPL_EXPR)
			assert_string_equal(t->src, cases[i].text);
		if (t->kind == TMPL_LITERAL) {
			auto_free char *text = json_text(t->literal);
			assert_string_equal(text, cases[i].text);
		}
		plan_unref(p);
	}
}

static void a_part_of_a_plain_map_keeps_its_place(void **state)
{
	struct plan *p;
	const struct tmpl *t = value_of(&p, "{a: 1, b: [x]}");
	assert_int_equal(t->kind, TMPL_LITERAL);
	assert_int_equal(t->n, 2);
	assert_string_equal(t->keys[1], "b");
	assert_int_equal(t->items[1]->items[0]->line, 4);
	assert_int_equal(t->items[1]->items[0]->col, 21);
	plan_unref(p);
}

static void braces_and_quotes_inside_an_interpolation_do_not_end_it(void **state)
{
	struct plan *p;
	const struct tmpl *t = value_of(&p, "\"${data.a or '}'} and ${data.b}\"");
	assert_int_equal(t->n, 3);
	assert_string_equal(t->items[0]->src, "data.a or '}'");
	assert_string_equal(json_string_value(t->items[1]->literal), " and ");
	assert_string_equal(t->items[2]->src, "data.b");
	plan_unref(p);
}

static void a_block_that_returns_is_a_chunk(void **state)
{
	struct plan *p;
	const struct tmpl *t =
		value_of(&p, "|\n      =if data.a then return 1 end\n      return data.b\n");
	assert_true(t->chunk);
	plan_unref(p);
}

static void names_stay_a_map_even_when_all_values_are_plain(void **state)
{
	struct plan *p = good(HEAD "do:\n  - set: {a: 1, b: =a}\n  - log: =b\n");
	const struct value_args *a = args_of(p, 0);
	assert_int_equal(a->value->kind, TMPL_MAP);
	assert_string_equal(a->value->keys[1], "b");
	plan_unref(p);
}

/* ---- checks that need more than one line; tests/broken has the others ---- */

static void a_name_is_known_after_its_step_and_inside_later_blocks(void **state)
{
	plan_unref(good(HEAD "do:\n"
			     "  - if: data.a\n"
			     "    do: [{call: crm.odd, as: made}]\n"
			     "    else: [{call: crm.odd, as: found}]\n"
			     "  - log: =made.list_id or found.list_id\n"
			     "  - log: =steps.made.outcome\n"));
	bad(HEAD "do:\n  - log: =made.x\n  - call: crm.odd\n    as: made\n",
	    "r.yaml:4:11: error: 'made' comes only at line 6 and is not known here yet\n");
	bad(HEAD "do:\n  - call: crm.odd\n    with: {a: =made.x}\n    as: made\n",
	    "r.yaml:5:16: error: 'made' comes only at line 6 and is not known here yet\n");
}

static void a_loops_names_end_with_the_loop(void **state)
{
	plan_unref(good(HEAD "do:\n"
			     "  - each: =data.list\n"
			     "    item: c\n"
			     "    do: [{call: crm.create, with: {a: =c.x, n: =index}, as: made}]\n"
			     "    result: =made.contact_id\n"
			     "    as: all_made\n"
			     "  - each: =all_made\n"
			     "    do: [{log: =item}]\n"));
	bad(HEAD "do:\n"
		 "  - each: =data.list\n"
		 "    item: c\n"
		 "    do: [{call: crm.odd, as: made}]\n"
		 "  - log: =made.x\n"
		 "  - log: =c\n",
	    "r.yaml:7:11: error: 'made' is known only inside its loop (line 6): give the loop a "
	    "result:\n"
	    "r.yaml:8:11: error: 'c' is known only inside its loop (line 4): give the loop a "
	    "result:\n");
}

static void a_field_must_be_missing_in_every_branch(void **state)
{
	plan_unref(good(HEAD "do:\n"
			     "  - if: data.a\n"
			     "    do: [{call: crm.create, as: made}]\n"
			     "    else: [{call: crm.odd, as: made}]\n"
			     "  - log: =made.anything\n"));
	bad(HEAD "do:\n  - call: crm.create\n    as: made\n  - log: =made.contct_id\n",
	    "r.yaml:6:11: error: the result 'made' has no field 'contct_id'; did you mean "
	    "'contact_id'?\n");
}

static void one_mistake_gives_one_message(void **state)
{
	/* The name of a step whose word is wrong is known all the same. */
	bad(HEAD "do:\n  - cal: crm.create\n    as: made\n  - log: =made.contact_id\n",
	    "r.yaml:4:5: error: unknown step 'cal'; did you mean 'call'?\n");
	/* A word that was meant to be another one is read as that. */
	bad(HEAD "vras: {a: 1}\ndo:\n  - st: {b: =vars.a}\n  - log: =b\n    iff: b\n    as: x\n"
		 "  - wait: {event: a, timeout: 1h, ele: fail}\n",
	    "r.yaml:3:1: error: unknown key 'vras'; did you mean 'vars'?\n"
	    "r.yaml:5:5: error: unknown step 'st'; did you mean 'set'?\n"
	    "r.yaml:7:5: error: unknown key 'iff'; did you mean 'if'?\n"
	    "r.yaml:9:35: error: unknown key 'ele'; did you mean 'else'?\n");
	/* One that is like no other may be what is missing. */
	bad(HEAD "do:\n  - each: =data.x\n    steps: [{log: x}]\n",
	    "r.yaml:5:5: error: unknown key 'steps'; known here: item, do, result\n");
	/* A name that cannot be one is what its readers cannot find. */
	bad(HEAD "do:\n  - set: {1st: 2}\n  - log: =first\n",
	    "r.yaml:4:11: error: '1st' cannot be a name: use letters, digits and _, with no digit first\n");
	/* What YAML makes of the rest of a cut line is no second mistake. */
	bad(HEAD "do:\n  - wait: {until: =lower(now, data.x)}\n",
	    "r.yaml:4:20: error: the expression ends too early; inside { } and [ ] YAML ends a plain "
	    "value at any of , [ ] { }: put quotes around the whole expression\n");
}

static void what_is_no_yaml_hides_no_rule_in_front_of_it(void **state)
{
	bad("rule: a\ndo: [{log: =x}]\n---\nrule: b\ndo: [{log: x]\n---\nrule: c\ndo: [{log: =y}]\n",
	    "r.yaml:2:13: error: unknown name 'x'\n"
	    "r.yaml:5:13: error: did not find expected ',' or '}' while parsing a flow mapping\n");
}

static void findings_stand_in_the_order_of_their_places(void **state)
{
	bad("rule: r\nvarss: {a: 1}\ndo:\n  - log: =x\n  - nope: 1\nabuot: a\n",
	    "r.yaml:2:1: error: unknown key 'varss'; did you mean 'vars'?\n"
	    "r.yaml:4:11: error: unknown name 'x'\n"
	    "r.yaml:5:5: error: unknown step 'nope'\n"
	    "r.yaml:6:1: error: unknown key 'abuot'; did you mean 'about'?\n");
}

static void warnings_do_not_stop_a_rule(void **state)
{
	bad(HEAD "do:\n"
		 "  - set: {lower: 1}\n"
		 "  - log: 'dear {{name}}'\n"
		 "  - log: x\n"
		 "    if: len(data.list)\n",
	    "r.yaml:4:11: warning: the name 'lower' hides the library's lower from here on\n"
	    "r.yaml:5:16: warning: {{ }} is sent as it stands: write ${ } to fill a value in\n"
	    "r.yaml:7:9: warning: 0 counts as true: write len(data.list) > 0, or not empty(…)\n");
	bad(HEAD "when: {conversation: lead.captured}\nif: data.contact.emial\ndo: [{log: x}]\n",
	    "r.yaml:4:5: warning: a conversation event has no field 'contact.emial'; did you mean "
	    "'contact.email'?\n");
}

/* ---- findings_json ---- */

static void findings_are_told_as_json_too(void **state)
{
	struct findings f = {0};
	assert_null(fake_compile("rule: r\ndo:\n  - log: =dota\n", &f));
	json_auto_t *v = findings_json(&f);
	auto_free char *text = json_text(v);
	assert_string_equal(text, "[{\"file\":\"r.yaml\",\"line\":3,\"column\":11,"
				  "\"level\":\"error\",\"message\":\"unknown name 'dota'; "
				  "did you mean 'data'?\",\"remedy\":\"did you mean 'data'?\"}]");
	findings_done(&f);
}

/* ---- rule_compile_bundle ---- */

static char *no_script(void *arg, const char *name)
{
	return NULL;
}

static const char pinned[] = "rule: a\ndo: [{log: x}]\n---\n"
			     "rule: r\n"
			     "when: {webhook: shop/orders}\n"
			     "vars: {a: 1}\n"
			     "do:\n"
			     "  - lua: score.lua\n"
			     "    as: score\n"
			     "  - call: crm.create\n"
			     "    with: {a: =score.x, b: =vars.b}\n"
			     "finally: [{log: '${run.id}'}]\n";

static struct plan *compile_second(struct rule_env *env)
{
	struct findings f = {0};
	struct plan **plans = NULL;
	size_t n = 0;
	rule_compile_text(env, "rules/r.yaml", pinned, strlen(pinned), &plans, &n, &f);
	assert_int_equal(f.n, 0);
	assert_int_equal(n, 2);
	struct plan *p = plans[1];
	plan_unref(plans[0]);
	free(plans);
	return p;
}

static void a_bundle_has_all_that_the_plan_was_made_of(void **state)
{
	struct rule_env env = fake_env();
	env.vars = json_pack("{s:s}", "b", "service");
	struct plan *p = compile_second(&env);
	json_auto_t *b = NULL;
	assert_int_equal(json_parse(p->bundle, p->bundle_len, true, &b, NULL), 0);
	assert_int_equal(json_int(b, "engine", 0), PLAN_ENGINE);
	assert_string_equal(json_str(b, "rule"), "r");
	assert_string_equal(json_str(b, "file"), "rules/r.yaml");
	assert_non_null(json_str(json_object_get(b, "scripts"), "score.lua"));
	assert_non_null(json_str(json_object_get(b, "scripts"), "lib/names.lua"));
	assert_non_null(json_object_get(json_object_get(b, "actions"), "crm.create"));
	assert_string_equal(json_str(json_object_get(b, "vars"), "b"), "service");
	char hash[HASH_HEX_LEN];
	assert_string_equal(p->hash, sha256_hex(p->bundle, p->bundle_len, hash));
	plan_unref(p);
	json_decref(env.vars);
}

static void a_bundle_gives_the_same_plan_without_anything_else(void **state)
{
	struct rule_env env = fake_env();
	env.vars = json_pack("{s:s}", "b", "service");
	struct plan *p = compile_second(&env);
	json_decref(env.vars);
	static const char *const no_hooks[] = {NULL};
	env.vars = NULL;
	env.script = no_script;
	env.hooks = no_hooks;
	struct errmsg msg;
	struct plan *q = rule_compile_bundle(&env, p->bundle, p->bundle_len, &msg);
	assert_non_null(q);
	assert_string_equal(q->hash, p->hash);
	assert_string_equal(q->rule, "r");
	assert_int_equal(q->line, p->line);
	assert_int_equal(q->body.steps[1]->line, 10);
	assert_int_equal(q->body.steps[1]->line, p->body.steps[1]->line);
	assert_string_equal(map_get(&q->scripts, "lib/names.lua"), "return {}");
	assert_string_equal(json_str(q->vars, "b"), "service");
	plan_unref(p);
	plan_unref(q);
}

static void a_bundle_that_is_none_is_refused_with_a_reason(void **state)
{
	static const char *const cases[][2] = {
		{"{}", "a plan of engine 0, and this is engine 1"},
		{"{\"engine\":2}", "a plan of engine 2, and this is engine 1"},
		{"{\"engine\":1}", "a plan without its rule, file or text"},
		{"{\"engine\":1,\"rule\":\"r\",\"file\":\"f\",\"line\":3,\"yaml\":\"rule: r\\ndo:\\n- x: 1\"}",
		 "f:5: unknown step 'x'"},
	};
	struct rule_env env = fake_env();
	for (size_t i = 0; i < 4; i++) {
		struct errmsg msg = {0};
		assert_null(rule_compile_bundle(&env, cases[i][0], strlen(cases[i][0]), &msg));
		assert_string_equal(msg.text, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_rule_becomes_a_plan),
		cmocka_unit_test(a_steps_parts_are_filled_by_its_kinds_table),
		cmocka_unit_test(several_documents_are_several_rules_at_their_own_lines),
		cmocka_unit_test(the_word_alone_takes_a_scalar_and_a_map_takes_its_keys),
		cmocka_unit_test(a_word_without_map_keys_takes_a_map_as_its_whole_value),
		cmocka_unit_test(blocks_in_blocks_have_keys_of_their_own),
		cmocka_unit_test(enabled_is_judged_while_loading),
		cmocka_unit_test(a_scalar_is_a_literal_an_expression_or_a_text),
		cmocka_unit_test(a_part_of_a_plain_map_keeps_its_place),
		cmocka_unit_test(braces_and_quotes_inside_an_interpolation_do_not_end_it),
		cmocka_unit_test(a_block_that_returns_is_a_chunk),
		cmocka_unit_test(names_stay_a_map_even_when_all_values_are_plain),
		cmocka_unit_test(a_name_is_known_after_its_step_and_inside_later_blocks),
		cmocka_unit_test(a_loops_names_end_with_the_loop),
		cmocka_unit_test(a_field_must_be_missing_in_every_branch),
		cmocka_unit_test(one_mistake_gives_one_message),
		cmocka_unit_test(what_is_no_yaml_hides_no_rule_in_front_of_it),
		cmocka_unit_test(findings_stand_in_the_order_of_their_places),
		cmocka_unit_test(warnings_do_not_stop_a_rule),
		cmocka_unit_test(findings_are_told_as_json_too),
		cmocka_unit_test(a_bundle_has_all_that_the_plan_was_made_of),
		cmocka_unit_test(a_bundle_gives_the_same_plan_without_anything_else),
		cmocka_unit_test(a_bundle_that_is_none_is_refused_with_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, all_released);
}
