/* The ways through a rule, and which of them a run took. */
#include "engine/trial/cover.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/run/step.h"
#include "engine/serve/steps.h"

/* ---- what was gone through ---- */

static void mark(json_t *marks, char *text_taken)
{
	json_t *v;
	size_t i;
	bool known = false;
	json_array_foreach (marks, i, v)
		known = known || strcmp(json_string_value(v), text_taken) == 0;
	if (!known)
		json_array_append_new(marks, json_string(text_taken));
	free(text_taken);
}

/* A step was reached, and with it those around it, of which some have no record of their own. */
static void mark_steps(json_t *marks, const char *path)
{
	for (const char *end = path; *end; end += *end == '/') {
		end += strcspn(end, "/");
		mark(marks, mem_printf("step %.*s", (int)(end - path), path));
	}
}

void cover_marks(const json_t *records, json_t *marks)
{
	json_t *rec;
	size_t i;
	json_array_foreach ((json_t *)records, i, rec) {
		const json_t *body = json_object_get(rec, "body");
		const json_t *branch = json_object_get(body, "branch");
		const json_t *guard = json_object_get(body, "if");
		auto_free char *path = steps_plan_path(json_str(rec, "path"));
		mark_steps(marks, path);
		if (*json_str(rec, "type") != REC_DECISION)
			continue;
		if (branch)
			mark(marks,
			     mem_printf("branch %s %d", path, (int)json_integer_value(branch)));
		if (guard)
			mark(marks,
			     mem_printf("guard %s %s", path, json_is_true(guard) ? "yes" : "no"));
	}
}

/* ---- what there is ---- */

struct walk {
	json_t *ways;
	json_t *names; /* {name of a step: true} */
};

static void way(struct walk *w, int line, const char *text, char *mark_taken)
{
	json_array_append_new(w->ways, json_pack("{s:i, s:s, s:s}", "line", line, "text", text,
						 "mark", mark_taken));
	free(mark_taken);
}

static void walk_block(struct walk *w, const struct block *b, const char *prefix, const char *text);

static void walk_catchers(struct walk *w, const struct catchers *c, const char *prefix)
{
	for (size_t i = 0; i < c->n; i++)
		walk_block(w, &c->at[i].body, prefix, "catch");
}

static void walk_choices(struct walk *w, const struct step *s, const struct choices *c,
			 const char *path, const char *inside)
{
	for (size_t i = 0; i < c->n; i++)
		walk_block(w, &c->at[i].body, inside,
			   c->at[i].cond ? "a choice" : "else of the choices");
	if (c->n && c->at[c->n - 1].cond)
		way(w, s->line, "no choice fits", mem_printf("branch %s %zu", path, c->n));
}

/* A list that may be left out is a way all the same, where its kind records the branch. */
static void walk_list(struct walk *w, const struct step *s, const struct param *p,
		      const struct block *b, const char *path, const char *inside)
{
	bool other = s->kind->silent && !p->required && strcmp(p->name, "else") == 0;
	if (b->n)
		walk_block(w, b, inside, p->name);
	else if (other)
		way(w, s->line, "the condition is false", mem_printf("branch %s 1", path));
}

static void walk_param(struct walk *w, const struct step *s, const struct param *p,
		       const char *path, const char *inside)
{
	const void *at = (const char *)s->args + p->offset;
	const struct blocks *blocks = at;
	const struct else_arg *other = at;
	if (p->type == P_BLOCK)
		walk_list(w, s, p, at, path, inside);
	else if (p->type == P_ELSE && other->kind == ELSE_STEPS)
		walk_block(w, &other->body, inside, "else");
	else if (p->type == P_CATCH)
		walk_catchers(w, at, inside);
	else if (p->type == P_CHOICES)
		walk_choices(w, s, at, path, inside);
	for (size_t i = 0; p->type == P_BLOCKS && i < blocks->n; i++)
		walk_block(w, &blocks->at[i], inside, "a branch");
}

static void walk_step(struct walk *w, const struct step *s, const char *prefix)
{
	auto_free char *path = mem_printf("%s%s", prefix, s->key);
	auto_free char *inside = mem_printf("%s/", path);
	json_object_set_new(w->names, path, json_true());
	if (s->name)
		json_object_set_new(w->names, s->name, json_true());
	if (s->guard) {
		way(w, s->line, "its if: is true", mem_printf("guard %s yes", path));
		way(w, s->line, "its if: is false", mem_printf("guard %s no", path));
	}
	for (const struct param *p = s->kind->params; p && p->name; p++)
		walk_param(w, s, p, path, inside);
	walk_catchers(w, &s->catches, inside);
}

/* A list is a way; it was taken when its first step was reached. */
static void walk_block(struct walk *w, const struct block *b, const char *prefix, const char *text)
{
	if (b->n)
		way(w, b->steps[0]->line, text, mem_printf("step %s%s", prefix, b->steps[0]->key));
	for (size_t i = 0; i < b->n; i++)
		walk_step(w, b->steps[i], prefix);
}

static void walk_plan(struct walk *w, const struct plan *p)
{
	*w = (struct walk){json_array(), json_object()};
	walk_block(w, &p->body, "", "do");
	walk_catchers(w, &p->catches, "");
	walk_block(w, &p->finally, "", "finally");
}

json_t *cover_ways(const struct plan *p)
{
	struct walk w;
	walk_plan(&w, p);
	json_decref(w.names);
	return w.ways;
}

json_t *cover_names(const struct plan *p)
{
	struct walk w;
	walk_plan(&w, p);
	json_decref(w.ways);
	return w.names;
}
