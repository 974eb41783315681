/* Evaluates templates: YAML values in which expressions stand, against a scope. */
#include "engine/run/expr.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/json.h"

/* A text made by interpolation is for people and fields, not for files. */
#define TEXT_MAX (1024 * 1024)

struct tmpl *tmpl_literal(struct arena *a, json_t *value)
{
	struct tmpl *t = arena_alloc(a, sizeof(*t));
	t->kind = TMPL_LITERAL;
	t->ref = -1;
	t->literal = value;
	return t;
}

void tmpl_release(const struct expr_vm *vm, struct tmpl *t)
{
	if (!t)
		return;
	if (t->kind == TMPL_EXPR && t->ref >= 0)
		vm->ops->release(vm->vm, t->ref);
	t->ref = -1;
	json_decref(t->literal);
	t->literal = NULL;
	for (size_t i = 0; i < t->n; i++)
		tmpl_release(vm, t->items[i]);
}

/* Numbers look as Lua's tostring() makes them: a real always shows that it is one. */
static int add_real(struct buf *b, double d)
{
	char text[40];
	snprintf(text, sizeof(text), "%.14g", d);
	bool whole = !text[strspn(text, "-0123456789")];
	return buf_printf(b, "%s%s", text, whole ? ".0" : "");
}

/* One piece of an interpolated text; objects and lists are written as JSON. */
static int add_value(struct buf *b, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return buf_add(b, json_string_value(v), json_string_length(v));
	case JSON_INTEGER:
		return buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	case JSON_REAL:
		return add_real(b, json_real_value(v));
	case JSON_TRUE:
		return buf_puts(b, "true");
	case JSON_FALSE:
		return buf_puts(b, "false");
	case JSON_OBJECT:
	case JSON_ARRAY:
		return json_add_text(b, v);
	case JSON_NULL:
	default:
		return 0;
	}
}

static int add_piece(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s,
		     struct buf *b, struct errmsg *msg)
{
	json_auto_t *v = NULL;
	int err = tmpl_eval(vm, t, s, &v, msg);
	if (err)
		return err;
	if (!v || json_is_null(v))
		return err_set(msg, ERR_SCRIPT,
			       "%s is nil inside a text: write ${%s or ''} if it may be missing",
			       t->src ? t->src : "a value", t->src ? t->src : "value");
	if (add_value(b, v))
		return err_set(msg, ERR_TOOBIG, "a text grew over %d bytes", TEXT_MAX);
	return 0;
}

static int eval_text(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s,
		     json_t **ret, struct errmsg *msg)
{
	struct buf b;
	int err = 0;
	buf_init(&b, TEXT_MAX);
	for (size_t i = 0; i < t->n && !err; i++)
		err = add_piece(vm, t->items[i], s, &b, msg);
	if (!err) {
		*ret = s->secrets ? json_stringn_nocheck(buf_str(&b), b.len)
				  : json_stringn(buf_str(&b), b.len);
		if (!*ret)
			err = err_set(msg, ERR_SCRIPT, "a text is not valid UTF-8");
	}
	buf_done(&b);
	return err;
}

static int eval_map(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s,
		    json_t **ret, struct errmsg *msg)
{
	json_t *map = json_object();
	for (size_t i = 0; i < t->n; i++) {
		json_t *v = NULL;
		int err = tmpl_eval(vm, t->items[i], s, &v, msg);
		if (err) {
			json_decref(map);
			return err;
		}
		if (v)
			json_object_set_new(map, t->keys[i], v);
	}
	*ret = map;
	return 0;
}

static int eval_list(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s,
		     json_t **ret, struct errmsg *msg)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n; i++) {
		json_t *v = NULL;
		int err = tmpl_eval(vm, t->items[i], s, &v, msg);
		if (err) {
			json_decref(list);
			return err;
		}
		if (v)
			json_array_append_new(list, v);
	}
	*ret = list;
	return 0;
}

/* Containers are copied, so that whoever gets the value may change it. */
static json_t *eval_literal(const struct tmpl *t)
{
	if (json_is_object(t->literal) || json_is_array(t->literal))
		return json_deep_copy(t->literal);
	return json_incref(t->literal);
}

int tmpl_eval(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s, json_t **ret,
	      struct errmsg *msg)
{
	*ret = NULL;
	switch (t->kind) {
	case TMPL_LITERAL:
		*ret = eval_literal(t);
		return 0;
	case TMPL_EXPR:
		return vm->ops->eval(vm->vm, t->ref, s, ret, msg);
	case TMPL_TEXT:
		return eval_text(vm, t, s, ret, msg);
	case TMPL_MAP:
		return eval_map(vm, t, s, ret, msg);
	case TMPL_LIST:
	default:
		return eval_list(vm, t, s, ret, msg);
	}
}

int tmpl_truth(const struct expr_vm *vm, const struct tmpl *t, const struct scope *s, bool *ret,
	       struct errmsg *msg)
{
	if (t->kind == TMPL_EXPR)
		return vm->ops->truth(vm->vm, t->ref, s, ret, msg);
	json_auto_t *v = NULL;
	int err = tmpl_eval(vm, t, s, &v, msg);
	/* As in Lua, only nil (here also null) and false are not true. */
	*ret = v && !json_is_null(v) && !json_is_false(v);
	return err;
}
