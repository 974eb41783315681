/* Why an event starts a rule, or does not: worked out when somebody asks, so that it costs nothing before. */
#include <string.h>

#include "engine/base/json.h"
#include "engine/rule/fit.h"
#include "engine/rule/rules.h"
#include "engine/run/keys.h"

#define DEPTH_MAX 20

/* ---- the condition, part by part ---- */

struct trace {
	const struct plan *plan;
	const struct scope *scope;
	json_t *parts;
	int depth;
};

enum truth { IS_FALSE, IS_TRUE, IS_ERROR };

static int compile(const struct trace *t, const char *src, struct tmpl *ret, struct errmsg *msg)
{
	const struct expr_vm *vm = t->plan->vm;
	*ret = (struct tmpl){.kind = TMPL_EXPR, .src = src};
	return vm->ops->compile(vm->vm, src, false, t->plan->file, &ret->ref, msg);
}

struct reading {
	const struct trace *t;
	json_t *read; /* {path: value} */
};

/* What a dotted name reads; calls of the library are none. */
static void on_name(void *arg, const char *dotted, int line)
{
	const struct reading *a = arg;
	const struct expr_vm *vm = a->t->plan->vm;
	auto_free char *first = mem_strndup(dotted, strcspn(dotted, "."));
	struct tmpl e;
	json_t *v = NULL;
	(void)line;
	if (json_object_get(a->read, dotted) || vm->ops->is_library(vm->vm, first) ||
	    compile(a->t, dotted, &e, NULL) != 0)
		return;
	if (tmpl_eval(vm, &e, a->t->scope, &v, NULL) == 0)
		json_object_set_new(a->read, dotted, v ? v : json_null());
	vm->ops->release(vm->vm, e.ref);
}

static json_t *read_by(const struct trace *t, const char *src, bool chunk)
{
	struct reading a = {t, json_object()};
	t->plan->vm->ops->names(t->plan->vm->vm, src, chunk, on_name, &a);
	return a.read;
}

/* One that is not split any more. */
static enum truth leaf(struct trace *t, const char *src, const struct tmpl *whole)
{
	const struct expr_vm *vm = t->plan->vm;
	struct errmsg msg = {0};
	struct tmpl own;
	bool yes = false;
	int err = whole ? 0 : compile(t, src, &own, &msg);
	bool compiled = !whole && !err;
	if (!err)
		err = tmpl_truth(vm, whole ? whole : &own, t->scope, &yes, &msg);
	if (compiled)
		vm->ops->release(vm->vm, own.ref);
	json_array_append_new(t->parts, json_pack("{s:s, s:o, s:o, s:o}", "text", src, "is",
						  err ? json_null() : json_boolean(yes), "error",
						  err ? json_string(msg.text) : json_null(), "read",
						  read_by(t, src, whole && whole->chunk)));
	return err ? IS_ERROR : yes ? IS_TRUE : IS_FALSE;
}

static void on_part(void *arg, const char *text, size_t len)
{
	while (len && strchr(" \t\r\n", *text))
		text++, len--;
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	json_array_append_new(arg, json_stringn(text, len));
}

static enum truth trace(struct trace *t, const char *src)
{
	const struct expr_vm *vm = t->plan->vm;
	json_auto_t *parts = json_array();
	char join = t->depth < DEPTH_MAX && vm->ops->split
			    ? vm->ops->split(vm->vm, src, strlen(src), on_part, parts)
			    : 0;
	if (!join)
		return leaf(t, src, NULL);
	enum truth is = IS_FALSE;
	t->depth++;
	for (size_t i = 0; i < json_array_size(parts); i++) {
		is = trace(t, json_string_value(json_array_get(parts, i)));
		if (is == IS_ERROR || (join == 'o' && is == IS_TRUE) ||
		    (join == 'a' && is == IS_FALSE))
			break;
	}
	t->depth--;
	if (join == 'n' && is != IS_ERROR)
		is = is == IS_TRUE ? IS_FALSE : IS_TRUE;
	return is;
}

/* ---- the rule ---- */

static void tell_if(const struct plan *p, const struct trigger *t, struct event *e, json_t *v)
{
	struct fit_scope s;
	struct trace tr = {p, &s.scope, json_array(), 0};
	fit_scope_init(&s, e, p, t);
	bool plain = p->cond->kind == TMPL_EXPR && !p->cond->chunk;
	enum truth is = plain ? trace(&tr, p->cond->src)
			      : leaf(&tr, p->cond->src ? p->cond->src : "", p->cond);
	fit_scope_done(&s);
	json_object_set_new(v, "line", json_integer(p->cond->line));
	json_object_set_new(v, "col", json_integer(p->cond->col));
	json_object_set_new(v, "parts", tr.parts);
	json_object_set_new(v, "matched", json_boolean(is != IS_FALSE));
	if (is == IS_FALSE)
		json_object_set_new(v, "because", json_string("if"));
}

static json_t *name_of(const struct trigger *t)
{
	return t->id ? json_string(t->id) : json_sprintf("%s%s", t->type, t->prefix ? "*" : "");
}

static void tell_where(const struct trigger *t, size_t i, struct event *e, json_t *v)
{
	json_t *found = event_value(e, t->where[i].path);
	json_object_set_new(v, "because", json_string("where"));
	json_object_set_new(v, "trigger", name_of(t));
	json_object_set_new(v, "path", json_string(t->where[i].path));
	json_object_set_new(v, "found", found ? json_incref(found) : json_null());
	json_object_set(v, "wanted", t->where[i].values);
}

static void tell_when(const struct plan *p, json_t *v)
{
	json_t *hears = json_array();
	for (size_t i = 0; i < p->n_triggers; i++)
		json_array_append_new(hears, json_sprintf("%s%s", p->triggers[i].type,
							  p->triggers[i].prefix ? "*" : ""));
	json_object_set_new(v, "because", json_string("when"));
	json_object_set_new(v, "hears", hears);
}

/* The first trigger that fits all the way; else the first one of the type tells where it does not. */
static const struct trigger *find_trigger(const struct plan *p, struct event *e, json_t *v)
{
	const struct trigger *near = NULL;
	for (size_t i = 0; i < p->n_triggers; i++) {
		const struct trigger *t = &p->triggers[i];
		if (!fit_type(t, e) || !fit_kind(p, t, e))
			continue;
		if (fit_where(t, e) == t->n_where)
			return t;
		near = near ? near : t;
	}
	if (near)
		tell_where(near, fit_where(near, e), e, v);
	else
		tell_when(p, v);
	return NULL;
}

json_t *rule_why(const struct plan *p, struct event *e)
{
	json_t *v = json_pack("{s:s, s:s, s:b}", "rule", p->rule, "version", p->hash, "matched", 0);
	if (!p->enabled) {
		json_object_set_new(v, "because", json_string("enabled"));
		return v;
	}
	const struct trigger *t = find_trigger(p, e, v);
	if (!t)
		return v;
	json_object_set_new(v, "trigger", name_of(t));
	json_object_set_new(v, "matched", json_true());
	if (p->cond)
		tell_if(p, t, e, v);
	return v;
}
