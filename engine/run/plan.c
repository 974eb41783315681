/* The life of a plan: who holds it, and what is given back with its last reference. */
#include "engine/run/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/suggest.h"

struct plan *plan_new(const struct expr_vm *vm)
{
	struct plan *p = mem_alloc(sizeof(*p));
	p->refs = 1;
	p->enabled = true;
	p->vm = vm;
	arena_init(&p->arena, 0);
	return p;
}

struct plan *plan_ref(struct plan *p)
{
	assert(p->refs > 0);
	p->refs++;
	return p;
}

static void free_scripts(struct map *scripts)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(scripts, &i));)
		free(e->value);
	map_done(scripts);
}

void plan_unref(struct plan *p)
{
	if (!p)
		return;
	assert(p->refs > 0);
	if (--p->refs > 0)
		return;
	for (size_t i = 0; i < p->n_tmpls; i++)
		tmpl_release(p->vm, p->tmpls[i]);
	free(p->tmpls);
	/* In reverse, so that what was made of earlier things goes before them. */
	for (size_t i = p->n_owned; i > 0; i--)
		p->owned_free[i - 1](p->owned[i - 1]);
	free(p->undos);
	free(p->shapes);
	free(p->owned);
	free(p->owned_free);
	free(p->needs);
	map_done(&p->actions);
	free_scripts(&p->scripts);
	json_decref(p->vars);
	arena_done(&p->arena);
	free(p);
}

int plan_has_name(void *names, const char *dotted, char *near, size_t max)
{
	const char *const *list = names;
	size_t n = 0, len = strcspn(dotted, ".");
	for (; list[n]; n++)
		if (strlen(list[n]) == len && memcmp(list[n], dotted, len) == 0)
			return 1;
	auto_free char *part = mem_strndup(dotted, len);
	const char *found = suggest(part, list, n);
	if (max)
		snprintf(near, max, "%s", found ? found : "");
	return 0;
}

struct tmpl *plan_keep(struct plan *p, struct tmpl *t)
{
	if (p->n_tmpls == p->cap_tmpls) {
		p->cap_tmpls = p->cap_tmpls ? 2 * p->cap_tmpls : 16;
		p->tmpls = mem_realloc(p->tmpls, p->cap_tmpls * sizeof(*p->tmpls));
	}
	p->tmpls[p->n_tmpls++] = t;
	return t;
}

void plan_need(struct plan *p, const char *rule, int line, int col)
{
	if (p->n_needs == p->cap_needs) {
		p->cap_needs = p->cap_needs ? 2 * p->cap_needs : 4;
		p->needs = mem_realloc(p->needs, p->cap_needs * sizeof(*p->needs));
	}
	p->needs[p->n_needs++] = (struct plan_need){rule, line, col};
}

void plan_own(struct plan *p, void *obj, void (*free_fn)(void *))
{
	if (p->n_owned == p->cap_owned) {
		p->cap_owned = p->cap_owned ? 2 * p->cap_owned : 8;
		p->owned = mem_realloc(p->owned, p->cap_owned * sizeof(*p->owned));
		p->owned_free = mem_realloc(p->owned_free, p->cap_owned * sizeof(*p->owned_free));
	}
	p->owned[p->n_owned] = obj;
	p->owned_free[p->n_owned++] = free_fn;
}

void plan_undo(struct plan *p, struct step *s)
{
	p->undos = mem_realloc(p->undos, (p->n_undos + 1) * sizeof(struct step *));
	p->undos[p->n_undos++] = s;
	s->undo_at = p->n_undos;
}

const char *plan_shape(struct plan *p, const char *text)
{
	for (size_t i = 0; i < p->n_shapes; i++)
		if (strcmp(p->shapes[i], text) == 0)
			return p->shapes[i];
	if (p->n_shapes == p->cap_shapes) {
		p->cap_shapes = p->cap_shapes ? 2 * p->cap_shapes : 4;
		p->shapes = mem_realloc(p->shapes, p->cap_shapes * sizeof(*p->shapes));
	}
	return p->shapes[p->n_shapes++] = arena_strdup(&p->arena, text);
}
