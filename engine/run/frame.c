/* A block being run, and the names that are in scope inside it. */
#include <stdlib.h>
#include <string.h>

#include "engine/run/run.h"

void frame_free(struct frame *f)
{
	if (!f)
		return;
	json_decref(f->names);
	json_decref(f->fixed);
	json_decref(f->error);
	json_decref(f->result);
	json_decref(f->spawned_args);
	free(f->prefix);
	free(f);
}

/* ---- names ---- */

static struct frame *frame_up(const struct frame *f)
{
	return f->owner->frame;
}

/* The nearest frame with a scope of its own; the root's frame always has one. */
static struct frame *frame_scope(struct frame *f)
{
	while (!f->names)
		f = frame_up(f);
	return f;
}

static struct frame *frame_having(struct frame *f, const char *name)
{
	for (; f; f = frame_up(f))
		if (f->names && json_object_get(f->names, name))
			return f;
	return NULL;
}

/*
 * A change of an outer name inside an iteration must reach the iteration's own record too, since a
 * finished iteration is not walked through again on a replay.
 */
static void note_outer(struct frame *from, struct frame *to, const char *name, json_t *value)
{
	for (struct frame *f = from; f && f != to; f = frame_up(f)) {
		if (!f->names)
			continue;
		if (!f->owner->outer)
			f->owner->outer = json_object();
		json_object_set(f->owner->outer, name, value);
	}
}

void frame_set(struct frame *f, const char *name, json_t *value, bool outer)
{
	struct frame *own = frame_scope(f), *at = own;
	if (!value)
		value = json_null(); /* a name whose value is nil hides the outer one */
	if (outer) {
		struct frame *has = frame_having(own, name);
		at = has ? has : own;
	}
	if (at != own)
		note_outer(own, at, name, value);
	json_object_set_new(at->names, name, value);
}

static json_t *lookup_error(const struct run *r, const struct frame *f)
{
	(void)r;
	for (; f; f = frame_up(f))
		if (f->error)
			return f->error;
	return NULL;
}

/* The reserved names first: no step can hide them. */
static json_t *lookup_reserved(const struct run *r, const struct frame *f, const char *name,
			       bool *hit)
{
	*hit = true;
	if (strcmp(name, "events") == 0)
		return r->events;
	if (strcmp(name, "data") == 0)
		return r->event->data;
	if (strcmp(name, "event") == 0)
		return event_envelope(r->event);
	if (strcmp(name, "vars") == 0)
		return r->plan->vars;
	if (strcmp(name, "steps") == 0)
		return r->steps;
	if (strcmp(name, "run") == 0)
		return r->info;
	if (strcmp(name, "now") == 0)
		return r->now;
	if (strcmp(name, "error") == 0)
		return lookup_error(r, f);
	*hit = false;
	return NULL;
}

json_t *scope_lookup(const struct run *r, const struct frame *f, const char *name)
{
	bool hit;
	json_t *v = lookup_reserved(r, f, name, &hit);
	if (hit)
		return v;
	for (; f; f = frame_up(f)) {
		v = f->names ? json_object_get(f->names, name) : NULL;
		if (!v && f->fixed)
			v = json_object_get(f->fixed, name);
		if (v)
			return json_is_null(v) ? NULL : v;
	}
	return NULL;
}

/* ---- its steps, one after the other ---- */

void frame_start(struct frame *f)
{
	f->owner->child = f;
	frame_next(f);
}

void frame_next(struct frame *f)
{
	if (f->at >= f->block->n) {
		frame_end(f, NULL);
		return;
	}
	const struct step *s = f->block->steps[f->at++];
	act_make_ready(act_new(f->owner->run, f, s));
}

/* Tells the owner how its block ended; takes error. The frame is gone. */
void frame_end(struct frame *f, json_t *error)
{
	struct act *a = f->owner;
	json_decref(a->child_error);
	json_decref(a->child_result);
	json_decref(a->child_names);
	a->child_error = error;
	a->child_result = json_incref(f->result);
	a->child_names = json_incref(f->names);
	a->child = NULL;
	frame_free(f);
	act_make_ready(a);
}
