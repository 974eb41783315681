/* Templates: what they give for a scope, and that they are given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/run/plan.h"

/* ---- fixture: expressions are names; "boom" fails ---- */

static int released;

static const char *const names[] = {"text", "int",  "real", "whole", "yes", "map",
				    "list", "null", "nil",  "boom",  NULL};
enum { TEXT, INT, REAL, WHOLE, YES, MAP, LIST, JSON_NIL, NIL, BOOM };

static void vm_release(void *vm, int ref)
{
	released++;
}

static int vm_eval(void *vm, int ref, const struct scope *s, json_t **ret, struct errmsg *msg)
{
	if (ref == BOOM)
		return err_set(msg, ERR_SCRIPT, "boom");
	*ret = json_incref(s->get(s, names[ref]));
	return 0;
}

static int vm_truth(void *vm, int ref, const struct scope *s, bool *ret, struct errmsg *msg)
{
	json_t *v = s->get(s, names[ref]);
	*ret = v && !json_is_false(v) && !json_is_null(v);
	return ref == BOOM ? err_set(msg, ERR_SCRIPT, "boom") : 0;
}

static const struct expr_ops ops = {.release = vm_release, .eval = vm_eval, .truth = vm_truth};
static const struct expr_vm vm = {.ops = &ops};

struct fixture {
	struct scope scope; /* first */
	json_t *values;
	struct arena arena;
};

static json_t *get(const struct scope *s, const char *name)
{
	return json_object_get(((const struct fixture *)s)->values, name);
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	f->scope.get = get;
	f->values =
		json_pack("{s:s, s:i, s:f, s:f, s:b, s:{s:i}, s:[i], s:n}", "text", "a", "int", 7,
			  "real", 1.5, "whole", 2.0, "yes", 1, "map", "k", 1, "list", 3, "null");
	*state = f;
	released = 0;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	json_decref(f->values);
	arena_done(&f->arena);
	free(f);
	return 0;
}

static struct tmpl *expr(struct fixture *f, int ref)
{
	struct tmpl *t = tmpl_literal(&f->arena, NULL);
	t->kind = TMPL_EXPR;
	t->ref = ref;
	t->src = names[ref];
	return t;
}

static struct tmpl *text(struct fixture *f, const char *s)
{
	return tmpl_literal(&f->arena, json_string(s));
}

/* A container of up to three items; keys a, b, c. */
static struct tmpl *container(struct fixture *f, enum tmpl_kind kind, struct tmpl *a,
			      struct tmpl *b, struct tmpl *c)
{
	static const char *keys[] = {"a", "b", "c"};
	struct tmpl *t = tmpl_literal(&f->arena, NULL);
	t->kind = kind;
	t->keys = keys;
	t->items = arena_alloc(&f->arena, 3 * sizeof(*t->items));
	t->items[t->n++] = a;
	if (b)
		t->items[t->n++] = b;
	if (c)
		t->items[t->n++] = c;
	return t;
}

static void assert_gives(struct fixture *f, struct tmpl *t, const char *want)
{
	json_t *v;
	assert_int_equal(tmpl_eval(&vm, t, &f->scope, &v, NULL), 0);
	if (!want) {
		assert_null(v);
	} else {
		char *have = json_text(v);
		assert_string_equal(have, want);
		free(have);
	}
	json_decref(v);
	tmpl_release(&vm, t);
}

/* ---- tmpl_eval ---- */

static void an_expression_keeps_its_type(void **state)
{
	struct fixture *f = *state;
	assert_gives(f, expr(f, INT), "7");
	assert_gives(f, expr(f, MAP), "{\"k\":1}");
	assert_gives(f, expr(f, NIL), NULL);
}

static void a_text_is_always_a_string(void **state)
{
	struct fixture *f = *state;
	assert_gives(f, container(f, TMPL_TEXT, expr(f, INT), NULL, NULL), "\"7\"");
	assert_gives(f, container(f, TMPL_TEXT, text(f, "x "), expr(f, REAL), text(f, " y")),
		     "\"x 1.5 y\"");
	assert_gives(f, container(f, TMPL_TEXT, expr(f, WHOLE), expr(f, YES), expr(f, LIST)),
		     "\"2.0true[3]\"");
}

static void nil_in_a_text_is_an_error_that_names_the_expression(void **state)
{
	struct fixture *f = *state;
	static const int missing[] = {NIL, JSON_NIL};
	for (int i = 0; i < 2; i++) {
		struct errmsg msg;
		json_t *v;
		struct tmpl *t = container(f, TMPL_TEXT, text(f, "x"), expr(f, missing[i]), NULL);
		assert_int_equal(tmpl_eval(&vm, t, &f->scope, &v, &msg), ERR_SCRIPT);
		assert_null(v);
		assert_non_null(strstr(msg.text, names[missing[i]]));
		assert_non_null(strstr(msg.text, "or ''"));
		tmpl_release(&vm, t);
	}
}

static void nil_leaves_out_keys_and_elements_and_null_does_not(void **state)
{
	struct fixture *f = *state;
	assert_gives(f, container(f, TMPL_MAP, expr(f, NIL), expr(f, JSON_NIL), expr(f, TEXT)),
		     "{\"b\":null,\"c\":\"a\"}");
	assert_gives(f, container(f, TMPL_LIST, expr(f, NIL), expr(f, INT), NULL), "[7]");
	assert_gives(f, container(f, TMPL_LIST, expr(f, NIL), NULL, NULL), "[]");
}

static void changes_to_a_value_do_not_reach_the_template(void **state)
{
	struct fixture *f = *state;
	struct tmpl *t = tmpl_literal(&f->arena, json_pack("{s:[i]}", "a", 1));
	json_t *v;
	assert_int_equal(tmpl_eval(&vm, t, &f->scope, &v, NULL), 0);
	json_array_append_new(json_object_get(v, "a"), json_integer(2));
	json_decref(v);
	assert_gives(f, t, "{\"a\":[1]}");
}

static void an_error_inside_ends_the_whole_value(void **state)
{
	struct fixture *f = *state;
	static const enum tmpl_kind kinds[] = {TMPL_MAP, TMPL_LIST, TMPL_TEXT};
	for (int i = 0; i < 3; i++) {
		struct errmsg msg;
		json_t *v;
		struct tmpl *t = container(f, kinds[i], expr(f, MAP), expr(f, BOOM), NULL);
		assert_int_equal(tmpl_eval(&vm, t, &f->scope, &v, &msg), ERR_SCRIPT);
		assert_null(v);
		tmpl_release(&vm, t);
	}
}

/* ---- tmpl_truth ---- */

static void only_nil_null_and_false_are_not_true(void **state)
{
	struct fixture *f = *state;
	struct {
		struct tmpl *t;
		bool want;
	} cases[] = {
		{expr(f, YES), true},
		{expr(f, INT), true},
		{expr(f, NIL), false},
		{text(f, ""), true},
		{tmpl_literal(&f->arena, json_false()), false},
		{tmpl_literal(&f->arena, json_null()), false},
		{tmpl_literal(&f->arena, json_integer(0)), true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool have = !cases[i].want;
		assert_int_equal(tmpl_truth(&vm, cases[i].t, &f->scope, &have, NULL), 0);
		assert_int_equal(have, cases[i].want);
		tmpl_release(&vm, cases[i].t);
	}
}

/* ---- tmpl_release, plan_keep, plan_own ---- */

static void free_flag(void *obj)
{
	*(int *)obj = ++released;
}

static void a_plans_last_reference_gives_all_back(void **state)
{
	int first = 0, second = 0;
	struct plan *p = plan_new(&vm);
	struct tmpl *t = arena_alloc(&p->arena, sizeof(*t));
	*t = (struct tmpl){.kind = TMPL_EXPR, .ref = INT};
	for (int i = 0; i < 40; i++)
		plan_keep(p, tmpl_literal(&p->arena, json_object()));
	assert_ptr_equal(plan_keep(p, t), t);
	plan_own(p, &first, free_flag);
	plan_own(p, &second, free_flag);
	map_put(&p->scripts, "a.lua", mem_strdup("return 1"));
	p->vars = json_object();
	assert_ptr_equal(plan_ref(p), p);
	plan_unref(p);
	assert_int_equal(released, 0);
	plan_unref(p);
	/* One expression, then the owned things, the younger one first. */
	assert_int_equal(second, 2);
	assert_int_equal(first, 3);
	plan_unref(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_expression_keeps_its_type),
		TEST(a_text_is_always_a_string),
		TEST(nil_in_a_text_is_an_error_that_names_the_expression),
		TEST(nil_leaves_out_keys_and_elements_and_null_does_not),
		TEST(changes_to_a_value_do_not_reach_the_template),
		TEST(an_error_inside_ends_the_whole_value),
		TEST(only_nil_null_and_false_are_not_true),
		TEST(a_plans_last_reference_gives_all_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
