/*
 * What completed steps have done and may have to take back: `undo`. A step's end holds which block that is
 * and the names of the scopes around it that are gone by then; D {undone} tells that it has run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/run.h"

/* ---- noting ---- */

/* The names that end before the run does: those of iterations and lanes, the inner ones first. */
static json_t *names_around(const struct act *a)
{
	json_t *all = json_object();
	for (const struct frame *f = a->frame; f && f->owner->frame; f = f->owner->frame) {
		if (f->names)
			json_object_update_missing(all, f->names);
		if (f->fixed)
			json_object_update_missing(all, f->fixed);
	}
	return all;
}

static bool is_undoing(const struct act *a)
{
	for (const struct frame *f = a->frame; f; f = f->owner->frame)
		if (f->undo)
			return true;
	return false;
}

void undo_note(const struct act *a, json_t *body)
{
	if (!a->step->undo_at || is_undoing(a) || strcmp(a->outcome, "ok") != 0)
		return;
	json_object_set_new(
		body, "undo",
		json_pack("{s:i, s:o}", "step", (int)a->step->undo_at, "names", names_around(a)));
}

void undo_keep(struct run *r, const char *path, uint32_t n, const json_t *body)
{
	const json_t *undo = json_object_get(body, "undo");
	size_t at = (size_t)json_int(undo, "step", 0);
	if (!at || at > r->plan->n_undos)
		return;
	const struct step *s = r->plan->undos[at - 1];
	json_t *names = json_copy(json_object_get(undo, "names")),
	       *output = json_object_get(body, "output");
	if (s->name)
		json_object_set_new(names, s->name, output ? json_incref(output) : json_null());
	if (!r->undos)
		r->undos = json_array();
	json_array_append_new(r->undos, json_pack("{s:I, s:s, s:i, s:o}", "n", (json_int_t)n,
						  "path", path, "step", (int)at, "names", names));
}

/* ---- reading back ---- */

static int by_number(const void *a, const void *b)
{
	json_int_t x = json_int(*(json_t *const *)a, "n", 0),
		   y = json_int(*(json_t *const *)b, "n", 0);
	return (x > y) - (x < y);
}

/* Paths come in any order, ends do not. */
static void sort(json_t *list)
{
	size_t n = json_array_size(list);
	json_t **at = n ? mem_alloc(n * sizeof(*at)) : NULL;
	for (size_t i = 0; i < n; i++)
		at[i] = json_incref(json_array_get(list, i));
	if (n)
		qsort(at, n, sizeof(*at), by_number);
	json_array_clear(list);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, at[i]);
	free(at);
}

static void drop(struct run *r, json_int_t n)
{
	for (size_t i = json_array_size(r->undos); i-- > 0;)
		if (json_int(json_array_get(r->undos, i), "n", 0) == n)
			(void)json_array_remove(r->undos, i);
}

static void each_record(struct run *r,
			void (*cb)(struct run *r, const char *path, const struct jrec *rec))
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&r->fold.paths, &i));) {
		const struct jpath *j = e->value;
		for (const struct jrec *rec = j->first; rec; rec = rec->next)
			cb(r, e->key, rec);
	}
}

static void on_end(struct run *r, const char *path, const struct jrec *rec)
{
	if (rec->type == REC_STEP)
		undo_keep(r, path, rec->n, rec->body);
}

static void on_undone(struct run *r, const char *path, const struct jrec *rec)
{
	(void)path;
	if (rec->type == REC_DECISION && json_object_get(rec->body, "undone"))
		drop(r, json_int(rec->body, "undone", 0));
}

void undo_load(struct run *r)
{
	if (!r->plan->n_undos)
		return;
	each_record(r, on_end);
	each_record(r, on_undone);
	sort(r->undos);
}

/* ---- undoing ---- */

static bool is_inside(const struct act *a, const char *path)
{
	size_t len = strlen(a->path);
	return !a->frame ||
	       (strncmp(path, a->path, len) == 0 && (path[len] == '/' || path[len] == '@'));
}

static const json_t *newest(const struct act *a)
{
	for (size_t i = json_array_size(a->run->undos); i-- > 0;) {
		const json_t *u = json_array_get(a->run->undos, i);
		if (is_inside(a, json_str(u, "path")))
			return u;
	}
	return NULL;
}

bool undo_enter(struct act *a, json_t *error, json_t *names, json_int_t *ret_n)
{
	const json_t *u = newest(a);
	if (!u)
		return false;
	const struct step *s = a->run->plan->undos[json_int(u, "step", 1) - 1];
	char seg[48];
	*ret_n = json_int(u, "n", 0);
	snprintf(seg, sizeof(seg), "undo.%zu#%lld", s->undo_at, (long long)*ret_n);
	json_t *own = !a->frame && names ? json_copy(names) : json_object();
	json_object_update(own, json_object_get(u, "names"));
	step_enter_undo(a, &s->undo, seg, own, error);
	return true;
}

void undo_done(struct act *a, json_int_t n, json_t *error)
{
	step_record(a, REC_DECISION, json_pack("{s:I, s:O*}", "undone", n, "error", error));
	drop(a->run, n);
}

bool undo_is_doubt(const struct act *a)
{
	return a->frame && a->frame->undo && !a->step->has_catch &&
	       !error_is(a->error, err_name(ERR_IN_DOUBT));
}
