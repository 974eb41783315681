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
	json_decref(f->failed);
	json_decref(f->sets);
	json_decref(f->told);
	json_decref(f->view);
	json_decref(f->result);
	json_decref(f->spawned_args);
	list_remove(&f->link);
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

static bool has_outside(const struct frame *f, const char *name)
{
	while ((f = frame_up(f)))
		if (f->names && json_object_get(f->names, name))
			return true;
	return false;
}

/* The frame that has the name, or the lane that has it from outside. */
static struct frame *frame_having(struct frame *f, const char *name)
{
	for (; f; f = frame_up(f)) {
		if (f->names && json_object_get(f->names, name))
			return f;
		if (!f->lane)
			continue;
		if (!has_outside(f, name))
			return NULL;
		if (!f->sets)
			f->sets = json_object();
		json_object_set_new(f->sets, name, json_true());
		return f;
	}
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

static struct frame *frame_lane(struct frame *f)
{
	while (f && !f->lane)
		f = frame_up(f);
	return f;
}

void frame_tell(struct frame *f, const char *name, json_t *meta)
{
	struct frame *lane = frame_lane(f);
	if (lane && !lane->told)
		lane->told = json_object();
	json_object_set(lane ? lane->told : f->owner->run->steps, name, meta);
}

static json_t *lookup_steps(const struct run *r, const struct frame *from)
{
	struct frame *lane = frame_lane((struct frame *)from);
	if (!lane)
		return r->steps;
	json_decref(lane->view);
	lane->view = json_copy(lookup_steps(r, frame_up(lane)));
	if (lane->told)
		json_object_update(lane->view, lane->told);
	return lane->view;
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
		return lookup_steps(r, f);
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

void frame_next(struct frame *f)
{
	if (f->at >= f->block->n) {
		frame_end(f, NULL);
		return;
	}
	const struct step *s = f->block->steps[f->at++];
	act_make_ready(act_new(f->owner->run, f, s));
}

void frame_end(struct frame *f, json_t *error)
{
	f->failed = error;
	f->over = true;
	act_make_ready(f->owner);
}

/* A doubt is for a person, who has not seen it yet. */
void frame_stop(struct frame *f)
{
	struct run *r = f->owner->run;
	f->stopped = true;
	list_each_safe (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		const struct frame *up = a->frame;
		while (up && up != f && !up->shielded)
			up = frame_up(up);
		if (up == f && act_is_leaf(a) && !a->in_doubt)
			act_interrupt(a,
				      error_new(ERR_CANCELLED, "the branch was called off", NULL));
	}
}
