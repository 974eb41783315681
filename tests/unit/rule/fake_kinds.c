/* Kinds of step with the shapes that real ones have; they are compiled and never run. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "tests/unit/rule/fake.h"

#define AT(type, field) offsetof(struct type, field)

static const struct param call_params[] = {
	{"call", P_STRING, IN_WORD, true, AT(call_args, action)},
	{"with", P_TMPL, BESIDE, false, AT(call_args, with)},
	{"pages", P_INT, BESIDE, false, AT(call_args, pages)},
	{0},
};
static const struct param wait_params[] = {
	{"wait", P_TMPL, IN_WORD, false, AT(wait_args, duration)},
	{"until", P_TMPL, IN_MAP, false, AT(wait_args, until)},
	{"activity", P_TMPL, IN_MAP, false, AT(wait_args, activity)},
	{"event", P_STRING, IN_MAP, false, AT(wait_args, event)},
	{"match", P_EXPR, IN_MAP, false, AT(wait_args, match)},
	{"timeout", P_DURATION, IN_MAP, false, AT(wait_args, timeout_ms)},
	{"else", P_ELSE, IN_MAP, false, AT(wait_args, otherwise)},
	{0},
};
static const struct param if_params[] = {
	{"if", P_EXPR, IN_WORD, true, AT(if_args, cond)},
	{"do", P_BLOCK, BESIDE, true, AT(if_args, then)},
	{"else", P_BLOCK, BESIDE, false, AT(if_args, other)},
	{0},
};
static const struct param choose_params[] = {
	{"choose", P_CHOICES, IN_WORD, true, AT(choose_args, choices)},
	{0},
};
static const struct param each_params[] = {
	{"each", P_TMPL, IN_WORD, true, AT(each_args, list)},
	{"item", P_NAME, BESIDE, false, AT(each_args, item)},
	{"do", P_BLOCK, BESIDE, true, AT(each_args, body)},
	{"result", P_TMPL, BESIDE, false, AT(each_args, result)},
	{0},
};
static const struct param try_params[] = {
	{"try", P_BLOCK, IN_WORD, true, AT(try_args, body)},
	{"catch", P_CATCH, BESIDE, false, AT(try_args, catches)},
	{"finally", P_BLOCK, BESIDE, false, AT(try_args, finally)},
	{0},
};
static const struct param all_params[] = {
	{"all", P_BLOCKS, IN_WORD, true, AT(all_args, blocks)},
	{0},
};
static const struct param set_params[] = {
	{"set", P_NAMES, IN_WORD, true, AT(value_args, value)},
	{0},
};
static const struct param log_params[] = {
	{"log", P_TMPL, IN_WORD, true, AT(value_args, value)},
	{0},
};
static const struct param stop_params[] = {
	{"stop", P_TMPL, IN_WORD, true, AT(value_args, value)},
	{0},
};
static const struct param fail_params[] = {
	{"fail", P_TMPL, IN_WORD, true, AT(value_args, value)},
	{0},
};
static const struct param emit_params[] = {
	{"emit", P_STRING, IN_WORD, true, AT(emit_args, type)},
	{"data", P_TMPL, BESIDE, false, AT(emit_args, data)},
	{0},
};
static const struct param lua_params[] = {
	{"lua", P_STRING, IN_WORD, true, AT(lua_args, script)},
	{"with", P_TMPL, BESIDE, false, AT(lua_args, with)},
	{0},
};

static int has_field(void *arg, const char *dotted, char *suggest, size_t max)
{
	static const char *const fields[] = {"contact_id", "email", NULL};
	for (size_t i = 0; fields[i]; i++)
		if (!strcmp(fields[i], dotted))
			return 1;
	snprintf(suggest, max, "contact_id");
	return 0;
}

/* crm.create gives {contact_id, email}; crm.odd anything; there is nothing else. */
static void call_check(struct plan_check *c, struct step *s)
{
	const char *action = ((struct call_args *)s->args)->action;
	if (!action)
		return;
	if (strcmp(action, "crm.create") && strcmp(action, "crm.odd")) {
		c->error(c, s->line, s->col, "unknown action '%s'", action);
		return;
	}
	json_auto_t *def = json_pack("{s:s}", "path", action);
	if (!c->pinned_action(c, action))
		c->pin_action(c, action, def);
	if (!strcmp(action, "crm.create"))
		c->gives(c, s, has_field, NULL);
}

static void lua_check(struct plan_check *c, struct step *s)
{
	const char *script = ((struct lua_args *)s->args)->script;
	if (script)
		(void)c->script(c, script, s->line, s->col);
}

static const struct step_kind kinds[] = {
	{.name = "call",
	 .params = call_params,
	 .args_size = sizeof(struct call_args),
	 .check = call_check},
	{.name = "wait", .params = wait_params, .args_size = sizeof(struct wait_args)},
	{.name = "if", .params = if_params, .args_size = sizeof(struct if_args)},
	{.name = "choose", .params = choose_params, .args_size = sizeof(struct choose_args)},
	{.name = "each",
	 .params = each_params,
	 .args_size = sizeof(struct each_args),
	 .loops = true},
	{.name = "try", .params = try_params, .args_size = sizeof(struct try_args)},
	{.name = "all", .params = all_params, .args_size = sizeof(struct all_args)},
	{.name = "set", .params = set_params, .args_size = sizeof(struct value_args)},
	{.name = "log", .params = log_params, .args_size = sizeof(struct value_args)},
	{.name = "stop",
	 .params = stop_params,
	 .args_size = sizeof(struct value_args),
	 .ends = true},
	{.name = "fail",
	 .params = fail_params,
	 .args_size = sizeof(struct value_args),
	 .ends = true},
	{.name = "emit", .params = emit_params, .args_size = sizeof(struct emit_args)},
	{.name = "lua",
	 .params = lua_params,
	 .args_size = sizeof(struct lua_args),
	 .check = lua_check},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *const fake_kind_names[] = {"call", "wait", "if",   "choose", "each", "try", "all",
				       "set",  "log",  "stop", "fail",   "emit", "lua", NULL};

const struct step_kind *fake_kind(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static char *script(void *arg, const char *name)
{
	if (!strcmp(name, "score.lua"))
		return strdup("return require('lib.names')");
	if (!strcmp(name, "lib/names.lua"))
		return strdup("return {}");
	return strcmp(name, "bad.lua") ? NULL : strdup("return (");
}

static int script_check(void *arg, const char *name, const char *text,
			void (*requires)(void *arg2, const char *file, int line), void *arg2,
			int *ret_line, struct errmsg *msg)
{
	if (strstr(text, "lib.names"))
	requires(arg2, "lib/names.lua", 1);
	if (!strchr(text, '(') || strchr(text, ')'))
		return 0;
	*ret_line = 1;
	return err_set(msg, ERR_PARSE, "1: ')' expected");
}

struct rule_env fake_env(void)
{
	static const char *const hooks[] = {"shop/orders", NULL};
	return (struct rule_env){
		.vm = &fake_vm,
		.kind = fake_kind,
		.kind_names = fake_kind_names,
		.script = script,
		.script_check = script_check,
		.hooks = hooks,
	};
}

struct plan *fake_compile(const char *text, struct findings *f)
{
	struct rule_env env = fake_env();
	struct plan **plans = NULL;
	size_t n = 0;
	rule_compile_text(&env, "r.yaml", text, strlen(text), &plans, &n, f);
	struct plan *p = n == 1 ? plans[0] : NULL;
	free(plans);
	return p;
}
