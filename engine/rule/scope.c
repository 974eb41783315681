/* Which names an expression may read where it stands. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/rule/compile.h"

#define DOTTED_MAX 256
#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

void scope_nameless(struct compiler *c)
{
	if (!c->nameless)
		c->nameless_use = c->n_uses;
	c->nameless = true;
}

bool scope_check_name(struct compiler *c, const struct ynode *at, const char *name)
{
	if (!word_is_identifier(name)) {
		compile_error(
			c, at,
			"'%s' cannot be a name: use letters, digits and _, with no digit first",
			name);
		scope_nameless(c);
		return false;
	}
	if (word_is_keyword(name) || word_is_reserved(name)) {
		compile_error(c, at,
			      "'%s' has a meaning of its own in expressions: choose another name",
			      name);
		scope_nameless(c);
		return false;
	}
	const struct expr_vm *vm = c->env->vm;
	if (!c->bundle && vm->ops->is_library(vm->vm, name))
		compile_warn(c, at, "the name '%s' hides the library's %s from here on", name,
			     name);
	return true;
}

static struct name *add_name(struct compiler *c, const char *name, int line)
{
	c->names = compile_grow(c, c->names, c->n_names, &c->cap_names, sizeof(*c->names));
	struct name *n = &c->names[c->n_names++];
	*n = (struct name){.name = name, .line = line};
	return n;
}

void scope_declare(struct compiler *c, const struct ynode *at, const char *name,
		   const struct step *s, bool local)
{
	/* A bad name is a name all the same: what reads it is no second mistake. */
	(void)scope_check_name(c, at, name);
	struct name *n = add_name(c, name, at->line);
	n->step = s;
	n->local = local;
	if (s && c->giving.step == s) {
		n->typed = true;
		n->has_field = c->giving.has_field;
		n->arg = c->giving.arg;
	}
}

void scope_declare_local(struct compiler *c, const char *name, int line)
{
	add_name(c, name, line)->local = true;
}

void scope_given_by(struct compiler *c, const struct step *s)
{
	struct name *n = &c->names[c->n_names - 1];
	if (c->giving.step != s)
		return;
	n->typed = true;
	n->has_field = c->giving.has_field;
	n->arg = c->giving.arg;
}

/* The one visible name, of the first n, of a dotted path's head, if it is typed. */
static const struct name *typed_head(struct compiler *c, const char *dotted, size_t n_names)
{
	const struct name *found = NULL;
	size_t len = strcspn(dotted, ".");
	for (size_t i = 0; i < n_names; i++) {
		const struct name *n = &c->names[i];
		if (n->hidden || strlen(n->name) != len || memcmp(n->name, dotted, len))
			continue;
		if (found || !n->typed)
			return NULL;
		found = n;
	}
	return found;
}

struct whole {
	char dotted[DOTTED_MAX];
	size_t n;
};

static void on_whole(void *arg, const char *dotted, int line)
{
	struct whole *w = arg;
	(void)line;
	w->n++;
	snprintf(w->dotted, sizeof(w->dotted), "%s", dotted);
}

/* Only what is nothing but a path: l.lists, l["lists"], found.contacts[1].notes. */
static bool whole_path(struct compiler *c, const struct tmpl *t, struct whole *w)
{
	const struct expr_vm *vm = c->env->vm;
	*w = (struct whole){0};
	if (c->bundle || !t || t->kind != TMPL_EXPR || t->chunk ||
	    t->src[strspn(t->src, WORD_CHARACTERS ".[]\"'")])
		return false;
	vm->ops->names(vm->vm, t->src, false, on_whole, w);
	return w->n == 1;
}

/* below: "1" for an element of it, or "" for itself. */
static void type_from(struct compiler *c, const struct tmpl *value, const char *below)
{
	struct whole w;
	const struct name *head =
		whole_path(c, value, &w) ? typed_head(c, w.dotted, c->n_names - 1) : NULL;
	if (!head)
		return;
	const char *rest = strchr(w.dotted, '.'),
		   *parts[] = {head->prefix, rest ? rest + 1 : NULL, *below ? below : NULL};
	const char *path = "";
	for (size_t i = 0; i < 3; i++)
		if (parts[i])
			path = arena_printf(&c->scratch, "%s%s%s", path, *path ? "." : "",
					    parts[i]);
	char near[DOTTED_MAX];
	if (*path && head->has_field(head->arg, path, near, sizeof(near)) <= 0)
		return;
	struct name *n = &c->names[c->n_names - 1];
	n->typed = true;
	n->has_field = head->has_field;
	n->arg = head->arg;
	n->prefix = *path ? path : NULL;
}

/* No result has such a field. */
#define NO_FIELD "\x01"

/* Only a list has a first element and no field of a name that nothing has. */
int scope_is_list(struct compiler *c, const struct tmpl *value)
{
	struct whole w;
	char path[2 * DOTTED_MAX], near[DOTTED_MAX];
	if (!whole_path(c, value, &w))
		return -1;
	const char *rest = strchr(w.dotted, '.');
	if (!strncmp(w.dotted, "data.", 5))
		return typed_data_is_list(c, w.dotted + 5);
	const struct name *n = typed_head(c, w.dotted, c->n_names);
	if (!n)
		return -1;
	snprintf(path, sizeof(path), "%s%s%s", n->prefix ? n->prefix : "",
		 n->prefix && rest ? "." : "", rest ? rest + 1 : "");
	size_t len = strlen(path);
	snprintf(path + len, sizeof(path) - len, "%s" NO_FIELD, len ? "." : "");
	if (n->has_field(n->arg, path, near, sizeof(near)) != 0)
		return -1;
	snprintf(path + len, sizeof(path) - len, "%s1", len ? "." : "");
	return n->has_field(n->arg, path, near, sizeof(near)) > 0;
}

void scope_same_as(struct compiler *c, const struct tmpl *value)
{
	type_from(c, value, "");
}

void scope_element_of(struct compiler *c, const struct tmpl *list)
{
	type_from(c, list, "1");
}

void scope_hide(struct compiler *c, size_t mark)
{
	for (size_t i = mark; i < c->n_names; i++)
		c->names[i].hidden = true;
}

bool scope_is_shared(struct compiler *c, const char *name)
{
	for (size_t i = c->n_names; i-- > 0;)
		if (!c->names[i].hidden && !strcmp(c->names[i].name, name))
			return i + 1 < c->lanes_from;
	return false;
}

void scope_put_beside(struct compiler *c, size_t mark)
{
	for (size_t i = mark; i < c->n_names; i++) {
		c->names[i].beside |= !c->names[i].hidden;
		c->names[i].hidden = true;
	}
}

void scope_bring_back(struct compiler *c, size_t mark)
{
	for (size_t i = mark; i < c->n_names; i++)
		if (c->names[i].beside)
			c->names[i].hidden = false;
}

static struct name *find_visible(struct compiler *c, const char *name)
{
	for (size_t i = c->n_names; i-- > 0;)
		if (!c->names[i].hidden && !strcmp(c->names[i].name, name))
			return &c->names[i];
	return NULL;
}

const struct step *scope_step_named(struct compiler *c, const char *name)
{
	for (size_t i = c->n_names; i-- > 0;) {
		struct name *n = &c->names[i];
		if (!n->hidden && n->step && !strcmp(n->name, name))
			return n->step;
	}
	return NULL;
}

static void use_error(struct compiler *c, int line, int col, const char *text, const char *near)
{
	if (near && *near)
		c->check.error(&c->check, line, col, "%s; did you mean '%s'?", text, near);
	else
		c->check.error(&c->check, line, col, "%s", text);
}

/* "contacts.1.notes" as it is written: contacts[1].notes. */
static void as_written(const char *path, char *ret, size_t max)
{
	size_t at = 0;
	*ret = 0;
	for (bool first = true; *path && at + 1 < max; first = false) {
		size_t len = strcspn(path, ".");
		bool index = !first && strspn(path, "0123456789") >= len;
		at += (size_t)snprintf(ret + at, max - at, "%s%.*s%s",
				       index   ? "["
				       : first ? ""
					       : ".",
				       (int)len, path, index ? "]" : "");
		path += len + (path[len] == '.');
	}
}

/* Whether the name has the field, as has_field says it; near has the nearest one, or "". */
static int name_has(const struct name *n, const char *field, char *near, size_t max)
{
	char path[2 * DOTTED_MAX];
	size_t skip = n->prefix ? strlen(n->prefix) + 1 : 0;
	snprintf(path, sizeof(path), "%s%s%s", skip ? n->prefix : "", skip ? "." : "", field);
	int has = n->has_field(n->arg, path, near, max);
	if (has <= 0 && skip && strlen(near) > skip)
		memmove(near, near + skip, strlen(near + skip) + 1);
	return has;
}

/* One name may be given in several branches: a field must be missing in each. */
static void check_field(struct compiler *c, const char *name, const char *field, int line, int col)
{
	char near[DOTTED_MAX] = "", path[DOTTED_MAX], other[DOTTED_MAX];
	bool sure = true;
	for (size_t i = 0; i < c->n_names; i++) {
		struct name *n = &c->names[i];
		if (n->hidden || strcmp(n->name, name))
			continue;
		int has = n->typed ? name_has(n, field, near, sizeof(near)) : 1;
		if (has > 0)
			return;
		sure = sure && has == 0;
	}
	as_written(field, path, sizeof(path));
	as_written(near, other, sizeof(other));
	(sure ? c->check.error : c->check.warn)(
		&c->check, line, col, "the result '%s' has no field '%s'%s%s%s", name, path,
		*other ? "; did you mean '" : "", other, *other ? "'?" : "");
}

/* What vars, or a map in it, does not have: `len` bytes of the path are there. */
static void no_variable(struct compiler *c, const json_t *map, const char *path, size_t len,
			int line, int col)
{
	char text[2 * DOTTED_MAX], key[DOTTED_MAX];
	const char *names[DOTTED_MAX], *name, *rest = path + len;
	size_t n = 0;
	json_t *value;
	json_object_foreach ((json_t *)map, name, value)
		if (n < DOTTED_MAX)
			names[n++] = name;
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(rest, "."), rest);
	snprintf(text, sizeof(text), "there is no vars.%.*s%s", (int)len, path, key);
	use_error(c, line, col, text, suggest(key, names, n));
}

static void use_vars(struct compiler *c, const char *path, int line, int col)
{
	const json_t *map = c->plan->vars;
	size_t at = 0;
	while (path && path[at] && !c->no_vars && json_is_object(map)) {
		char key[DOTTED_MAX];
		size_t len = strcspn(path + at, ".");
		snprintf(key, sizeof(key), "%.*s", (int)len, path + at);
		const json_t *below = json_object_get(map, key);
		if (!below) {
			no_variable(c, map, path, at, line, col);
			return;
		}
		map = below;
		at += len + (path[at + len] == '.');
	}
}

static void use_run(struct compiler *c, const char *rest, int line, int col)
{
	char key[DOTTED_MAX], text[2 * DOTTED_MAX];
	if (!rest)
		return;
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(rest, "."), rest);
	if (word_in(words_run, key))
		return;
	snprintf(text, sizeof(text), "there is no run.%s", key);
	use_error(c, line, col, text, word_near(key, words_run, NULL));
}

static void add_use(struct compiler *c, const char *name, bool step, int line, int col)
{
	c->uses = compile_grow(c, c->uses, c->n_uses, &c->cap_uses, sizeof(*c->uses));
	c->uses[c->n_uses++] = (struct use){
		.name = arena_strdup(&c->scratch, name),
		.line = line,
		.col = col,
		.names_then = c->n_names,
		.step = step,
	};
}

static void use_steps(struct compiler *c, const char *rest, int line, int col)
{
	char key[DOTTED_MAX], text[2 * DOTTED_MAX];
	if (!rest)
		return;
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(rest, "."), rest);
	if (!scope_step_named(c, key))
		add_use(c, key, true, line, col);
	const char *field = strchr(rest, '.');
	if (!field)
		return;
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(field + 1, "."), field + 1);
	if (word_in(words_step_meta, key))
		return;
	snprintf(text, sizeof(text), "nothing is known of a step as '%s'", key);
	use_error(c, line, col, text, word_near(key, words_step_meta, NULL));
}

/* The words that are not always known; true when the word is one of them. */
static bool use_sometimes(struct compiler *c, const char *head, const char *rest, int line, int col)
{
	const char *text = NULL;
	if (!strcmp(head, "error"))
		text = c->in_catch ? "" : "'error' is known only inside a catch:";
	else if (!strcmp(head, "it"))
		text = c->in_match ? "" : "'it' is known only in a match:";
	else if (!strcmp(head, "events"))
		text = c->plan->start && c->plan->start->collect
			       ? ""
			       : "'events' is known only in a rule with collect:";
	if (text && *text)
		c->check.error(&c->check, line, col, "%s", text);
	else if (!strcmp(head, "error"))
		typed_use_error(c, rest, line, col);
	else if (!strcmp(head, "it"))
		typed_use_event(c, rest, line, col);
	return text != NULL;
}

static bool use_by_level(struct compiler *c, const char *head, const char *rest, int line, int col)
{
	if (!strcmp(head, "vars")) {
		use_vars(c, rest, line, col);
		return true;
	}
	if (c->level == LEVEL_LOAD || !strcmp(head, "secrets"))
		return !strcmp(head, "secrets");
	if (!strcmp(head, "event"))
		typed_use_event(c, rest, line, col);
	if (!strcmp(head, "event") || !strcmp(head, "now"))
		return true;
	if (!strcmp(head, "data")) {
		typed_use_data(c, rest, line, col);
		return true;
	}
	if (c->level == LEVEL_COND)
		return false;
	if (!strcmp(head, "run"))
		use_run(c, rest, line, col);
	else if (!strcmp(head, "steps"))
		use_steps(c, rest, line, col);
	else
		return use_sometimes(c, head, rest, line, col);
	return true;
}

/* A reserved word where it is not known. */
static void use_too_early(struct compiler *c, const char *head, int line, int col)
{
	c->check.error(
		&c->check, line, col,
		c->level == LEVEL_LOAD
			? "'%s' is not known while a rule is loaded: only vars is"
			: "'%s' is not known before the run begins: only event, data, vars and "
			  "now are",
		head);
}

/* time.ad: what a table of the library does not have. */
static void check_member(struct compiler *c, const char *table, const char *rest, int line, int col)
{
	const struct expr_vm *vm = c->env->vm;
	char name[DOTTED_MAX], text[2 * DOTTED_MAX];
	const char *names[DOTTED_MAX], *member;
	size_t n = 0, len = strlen(table);
	snprintf(name, sizeof(name), "%s.%.*s", table, (int)strcspn(rest, "."), rest);
	if (!vm->ops->library || vm->ops->is_library(vm->vm, name))
		return;
	for (size_t i = 0; (member = vm->ops->library(vm->vm, &i)) && n < DOTTED_MAX;)
		if (!strncmp(member, table, len) && member[len] == '.')
			names[n++] = member;
	if (!n)
		return;
	snprintf(text, sizeof(text), "the library has no %s", name);
	use_error(c, line, col, text, suggest(name, names, n));
}

void scope_use(struct compiler *c, const char *dotted, int line, int col)
{
	char head[DOTTED_MAX];
	size_t len = strcspn(dotted, ".");
	const char *rest = dotted[len] == '.' && dotted[len + 1] ? dotted + len + 1 : NULL;
	const struct expr_vm *vm = c->env->vm;
	snprintf(head, sizeof(head), "%.*s", (int)len, dotted);
	if (use_by_level(c, head, rest, line, col))
		return;
	if (word_is_reserved(head)) {
		use_too_early(c, head, line, col);
		return;
	}
	if (c->level == LEVEL_RUN && find_visible(c, head)) {
		if (rest)
			check_field(c, head, rest, line, col);
		return;
	}
	if (!vm->ops->is_library(vm->vm, head))
		add_use(c, head, false, line, col);
	else if (rest)
		check_member(c, head, rest, line, col);
}

static const char *other_language(const char *name)
{
	static const char *const table[][2] = {
		{"null", "nil"},  {"None", "nil"},    {"undefined", "nil"}, {"NULL", "nil"},
		{"True", "true"}, {"False", "false"}, {"AND", "and"},       {"OR", "or"},
		{"NOT", "not"},   {NULL, NULL},
	};
	for (size_t i = 0; table[i][0]; i++)
		if (!strcmp(table[i][0], name))
			return table[i][1];
	return NULL;
}

static const char *near_name(struct compiler *c, const struct use *u)
{
	static const char *const basic[] = {"event", "data", "vars", "steps",
					    "run",   "now",  "error"};
	const struct expr_vm *vm = c->env->vm;
	const char *names[2 * DOTTED_MAX], *name;
	size_t n = 0;
	for (size_t i = 0; i < 7 && !u->step; i++)
		names[n++] = basic[i];
	for (size_t i = 0; i < u->names_then && n < DOTTED_MAX; i++)
		if (!u->step || c->names[i].step)
			names[n++] = c->names[i].name;
	/* The author's own names come first: of two that are as near, the first is meant. */
	for (size_t i = 0; vm->ops->library && !u->step && n < 2 * DOTTED_MAX &&
			   (name = vm->ops->library(vm->vm, &i));)
		if (!strchr(name, '.'))
			names[n++] = name;
	return suggest(u->name, names, n);
}

static void judge(struct compiler *c, const struct use *u)
{
	const struct name *hidden = NULL, *later = NULL;
	const char *near = NULL;
	for (size_t i = 0; i < c->n_names; i++) {
		const struct name *n = &c->names[i];
		if (strcmp(n->name, u->name) || (u->step && !n->step))
			continue;
		if (i < u->names_then)
			hidden = n;
		else if (!later)
			later = n;
	}
	char text[2 * DOTTED_MAX];
	const char *lua = other_language(u->name);
	if (!hidden && !later && !lua) {
		near = near_name(c, u);
		/* Very likely the name that could not be read. */
		if (c->nameless && u >= c->uses + c->nameless_use && !near)
			return;
	}
	if (hidden && hidden->beside)
		snprintf(text, sizeof(text),
			 "'%s' is of a branch that runs at the same time (line %d): read it after "
			 "the branches",
			 u->name, hidden->line);
	else if (hidden)
		snprintf(text, sizeof(text),
			 "'%s' is known only inside its loop (line %d): give the "
			 "loop a result:",
			 u->name, hidden->line);
	else if (later && later->local)
		snprintf(text, sizeof(text), "'%s' is known only inside the loop at line %d",
			 u->name, later->line);
	else if (later)
		snprintf(text, sizeof(text), "'%s' comes only at line %d and is not known here yet",
			 u->name, later->line);
	else if (lua)
		snprintf(text, sizeof(text), "'%s' is written %s", u->name, lua);
	else if (u->step)
		snprintf(text, sizeof(text), "there is no step named '%s'", u->name);
	else
		snprintf(text, sizeof(text), "unknown name '%s'", u->name);
	use_error(c, u->line, u->col, text, near);
}

void scope_finish(struct compiler *c)
{
	for (size_t i = 0; i < c->n_uses; i++)
		judge(c, &c->uses[i]);
}
