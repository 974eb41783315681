/* What a rule is pinned with: its text, all the scripts it can reach, its actions. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/rule/compile.h"

static void on_error(struct plan_check *check, int line, int col, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void on_warn(struct plan_check *check, int line, int col, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void on_error(struct plan_check *check, int line, int col, const char *fmt, ...)
{
	struct compiler *c = (struct compiler *)check;
	va_list ap;
	va_start(ap, fmt);
	findings_addv(c->f, c->file, line, col, false, fmt, ap);
	va_end(ap);
}

static void on_warn(struct plan_check *check, int line, int col, const char *fmt, ...)
{
	struct compiler *c = (struct compiler *)check;
	va_list ap;
	va_start(ap, fmt);
	findings_addv(c->f, c->file, line, col, true, fmt, ap);
	va_end(ap);
}

static json_t *pinned_action(struct plan_check *check, const char *name)
{
	struct compiler *c = (struct compiler *)check;
	return json_object_get(c->actions, name);
}

/* What a bundle has pinned stays as it is, whatever the catalogue says by now. */
static void pin_action(struct plan_check *check, const char *name, json_t *def)
{
	struct compiler *c = (struct compiler *)check;
	if (!c->bundle)
		json_object_set(c->actions, name, def);
}

/* ---- scripts ---- */

struct requires
{
	struct compiler *c;
	int line, col;
};

static const char *pin_script(struct compiler *c, const char *name, int line, int col);

static void on_require(void *arg, const char *file, int line)
{
	struct requires *r = arg;
	(void)line;
	(void)pin_script(r->c, file, r->line, r->col);
}

static char *read_script(struct compiler *c, const char *name)
{
	if (*name == '/' || strstr(name, "..") || !c->env->script)
		return NULL;
	return c->env->script(c->env->arg, name);
}

static void no_script(struct compiler *c, const char *name, int line, int col)
{
	auto_free char *near =
		c->env->script_near && !c->bundle ? c->env->script_near(c->env->arg, name) : NULL;
	on_error(&c->check, line, col, "there is no script '%s' in scripts/%s%s%s", name,
		 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* The script, and by its requires all that it loads; what is there already ends a circle. */
static const char *pin_script(struct compiler *c, const char *name, int line, int col)
{
	struct map *scripts = &c->plan->scripts;
	char *text = map_get(scripts, name);
	if (text)
		return text;
	text = c->bundle ? NULL : read_script(c, name);
	if (!text) {
		no_script(c, name, line, col);
		return NULL;
	}
	map_put(scripts, name, text);
	struct requires arg = {c, line, col};
	struct errmsg msg;
	int at = 0;
	if (c->env->script_check &&
	    c->env->script_check(c->env->arg, name, text, on_require, &arg, &at, &msg)) {
		on_error(&c->check, line, col, "scripts/%s:%s", name, msg.text);
		return NULL;
	}
	return text;
}

static const char *on_script(struct plan_check *check, const char *name, int line, int col)
{
	return pin_script((struct compiler *)check, name, line, col);
}

static void on_gives(struct plan_check *check, const struct step *s,
		     int (*has_field)(void *arg, const char *dotted, char *suggest, size_t max),
		     void *arg)
{
	struct compiler *c = (struct compiler *)check;
	c->giving = (struct giving){s, has_field, arg};
}

static const struct step *on_step_named(struct plan_check *check, const char *name)
{
	return scope_step_named((struct compiler *)check, name);
}

static int on_is_list(struct plan_check *check, const struct tmpl *t)
{
	return scope_is_list((struct compiler *)check, t);
}

static void on_needs_rule(struct plan_check *check, const char *rule, int line, int col)
{
	plan_need(check->plan, rule, line, col);
}

void pin_doors(struct plan_check *check)
{
	check->error = on_error;
	check->warn = on_warn;
	check->pinned_action = pinned_action;
	check->pin_action = pin_action;
	check->script = on_script;
	check->gives = on_gives;
	check->gives_event = typed_event;
	check->step_named = on_step_named;
	check->needs_rule = on_needs_rule;
	check->is_list = on_is_list;
}

/* ---- the bundle ---- */

static json_t *scripts_json(const struct plan *p)
{
	json_t *scripts = json_object();
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&p->scripts, &i));)
		json_object_set_new(scripts, e->key, json_string(e->value));
	return scripts;
}

void pin_bundle(struct compiler *c, const char *yaml, size_t len, int line)
{
	struct plan *p = c->plan;
	json_auto_t *bundle = json_object();
	json_object_set_new(bundle, "engine", json_integer(PLAN_ENGINE));
	json_object_set_new(bundle, "rule", json_string(p->rule));
	json_object_set_new(bundle, "file", json_string(p->file));
	json_object_set_new(bundle, "line", json_integer(line));
	json_object_set_new(bundle, "yaml", json_stringn(yaml, len));
	json_object_set_new(bundle, "scripts", scripts_json(p));
	json_object_set(bundle, "actions", c->actions);
	json_object_set(bundle, "vars", p->vars);
	auto_free char *text = json_canonical(bundle);
	p->bundle_len = strlen(text);
	p->bundle = arena_strndup(&p->arena, text, p->bundle_len);
	sha256_hex(text, p->bundle_len, p->hash);
}
