/*
 * Which rules an event starts: an index by type and by the `where` pair that rules out most, so
 * that a rule that does not fit costs nothing; then the other pairs; then, once a rule, its
 * condition.
 *
 *   type ─▶ bucket ─▶ group by path ─▶ value ─▶ triggers
 *                  └▶ triggers without `where`
 *   prefixes ("order.*") stand in one list of their own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/rule/compile.h"
#include "engine/rule/fit.h"
#include "engine/run/keys.h"

/* The rules of one process; far below what a machine holds. */
#define INDEX_MAX ((size_t)1 << 30)

struct entry {
	struct entry *next;
	uint32_t plan, trigger;
};

/* The triggers of one type that are found by one path. Texts are looked up as they are, other
 * values by a short text of theirs. */
struct group {
	struct group *next;
	const char *path;
	struct map texts, others;
};

struct bucket {
	struct group *groups;
	struct entry *plain;
};

struct match_index {
	struct plan *const *plans;
	size_t n;
	struct map types; /* type → bucket */
	struct entry *prefixes;
	struct arena arena;
	/* Scratch of one event: the best trigger of each rule that fits so far. */
	uint64_t round, *rounds;
	uint32_t *best, *touched;
	size_t n_touched;
};

static struct entry *look_up(const struct group *g, const json_t *v)
{
	char key[FIT_KEY_MAX];
	if (json_is_string(v))
		return map_getn(&g->texts, json_string_value(v), json_string_length(v));
	const char *text = fit_key(v, key);
	return text ? map_get(&g->others, text) : NULL;
}

/* ---- building ---- */

/* In front: the order of a list decides nothing. */
static void push(struct match_index *x, struct entry **list, uint32_t plan, uint32_t trigger)
{
	struct entry *e = arena_alloc(&x->arena, sizeof(*e));
	*e = (struct entry){*list, plan, trigger};
	*list = e;
}

static struct bucket *bucket_of(struct match_index *x, const char *type)
{
	struct bucket *b = map_get(&x->types, type);
	if (b)
		return b;
	b = arena_alloc(&x->arena, sizeof(*b));
	map_put(&x->types, type, b);
	return b;
}

static struct group *group_of(struct match_index *x, struct bucket *b, const char *path)
{
	struct group **at = &b->groups;
	for (; *at; at = &(*at)->next)
		if (!strcmp((*at)->path, path))
			return *at;
	struct group *g = *at = arena_alloc(&x->arena, sizeof(*g));
	g->path = path;
	return g;
}

static void push_value(struct match_index *x, struct group *g, const json_t *v, uint32_t plan,
		       uint32_t trigger)
{
	char key[FIT_KEY_MAX];
	bool text = json_is_string(v);
	struct map *map = text ? &g->texts : &g->others;
	const char *name = text ? json_string_value(v) : fit_key(v, key);
	struct entry *head = map_get(map, name);
	/* A value that is listed twice is the same trigger, and then the last one added. */
	if (head && head->plan == plan && head->trigger == trigger)
		return;
	push(x, &head, plan, trigger);
	map_put(map, name, head);
}

/* How many triggers ask for each (type, path, value); to find the pair that rules out most. */
static void each_value(struct map *counts, const struct trigger *t, const struct where *w,
		       void (*fn)(struct map *counts, const char *key, size_t *sum), size_t *sum)
{
	char other[FIT_KEY_MAX];
	struct buf key = BUF_INIT;
	for (size_t i = 0; i < json_array_size(w->values); i++) {
		const json_t *v = json_array_get(w->values, i);
		bool text = json_is_string(v);
		buf_clear(&key);
		(void)buf_printf(&key, "%s %s %c%s", t->type, w->path, text ? '"' : ' ',
				 text ? json_string_value(v) : fit_key(v, other));
		fn(counts, buf_str(&key), sum);
	}
	buf_done(&key);
}

static void count_one(struct map *counts, const char *key, size_t *sum)
{
	/* The count itself is kept in the place of the pointer. */
	map_put(counts, key, (void *)((uintptr_t)map_get(counts, key) + 1));
}

static void sum_one(struct map *counts, const char *key, size_t *sum)
{
	*sum += (size_t)(uintptr_t)map_get(counts, key);
}

static void count_all(const struct match_index *x, struct map *counts)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->plans[i]->n_triggers; k++)
			for (size_t w = 0; w < x->plans[i]->triggers[k].n_where; w++)
				each_value(counts, &x->plans[i]->triggers[k],
					   &x->plans[i]->triggers[k].where[w], count_one, NULL);
}

/* The pair whose values are asked for by the fewest triggers: "platform: slack" tells little. */
static const struct where *best_pair(struct map *counts, const struct trigger *t)
{
	const struct where *best = NULL;
	size_t least = 0;
	for (size_t i = 0; i < t->n_where; i++) {
		size_t sum = 0;
		each_value(counts, t, &t->where[i], sum_one, &sum);
		if (!best || sum < least) {
			best = &t->where[i];
			least = sum;
		}
	}
	return best;
}

static void add_trigger(struct match_index *x, struct map *counts, uint32_t plan, uint32_t trigger)
{
	const struct trigger *t = &x->plans[plan]->triggers[trigger];
	if (t->prefix) {
		push(x, &x->prefixes, plan, trigger);
		return;
	}
	struct bucket *b = bucket_of(x, t->type);
	const struct where *w = best_pair(counts, t);
	if (!w) {
		push(x, &b->plain, plan, trigger);
		return;
	}
	struct group *g = group_of(x, b, w->path);
	for (size_t i = 0; i < json_array_size(w->values); i++)
		push_value(x, g, json_array_get(w->values, i), plan, trigger);
}

struct match_index *match_index_new(struct plan *const *plans, size_t n)
{
	struct match_index *x = mem_alloc(sizeof(*x));
	x->plans = plans;
	x->n = n;
	arena_init(&x->arena, INDEX_MAX);
	x->rounds = mem_alloc((n + 1) * sizeof(*x->rounds));
	x->best = mem_alloc((n + 1) * sizeof(*x->best));
	x->touched = mem_alloc((n + 1) * sizeof(*x->touched));
	struct map counts = {0};
	count_all(x, &counts);
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; plans[i]->enabled && t < plans[i]->n_triggers; t++)
			add_trigger(x, &counts, (uint32_t)i, (uint32_t)t);
	map_done(&counts);
	return x;
}

void match_index_free(struct match_index *x)
{
	if (!x)
		return;
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&x->types, &i));) {
		for (struct group *g = ((struct bucket *)e->value)->groups; g; g = g->next) {
			map_done(&g->texts);
			map_done(&g->others);
		}
	}
	map_done(&x->types);
	free(x->rounds);
	free(x->best);
	free(x->touched);
	arena_done(&x->arena);
	free(x);
}

/* ---- finding ---- */

/* Of several triggers of one rule the first in its text counts. */
static void note(struct match_index *x, const struct entry *at)
{
	if (x->rounds[at->plan] != x->round) {
		x->rounds[at->plan] = x->round;
		x->best[at->plan] = at->trigger;
		x->touched[x->n_touched++] = at->plan;
	} else if (at->trigger < x->best[at->plan]) {
		x->best[at->plan] = at->trigger;
	}
}

static void note_fitting(struct match_index *x, const struct entry *list, struct event *e)
{
	for (; list; list = list->next) {
		const struct plan *p = x->plans[list->plan];
		if (fit_all(p, &p->triggers[list->trigger], e))
			note(x, list);
	}
}

static void note_prefixes(struct match_index *x, struct event *e)
{
	for (const struct entry *at = x->prefixes; at; at = at->next) {
		const struct plan *p = x->plans[at->plan];
		const struct trigger *t = &p->triggers[at->trigger];
		if (fit_type(t, e) && fit_all(p, t, e))
			note(x, at);
	}
}

bool match_index_hears(const struct match_index *x, const char *type)
{
	if (map_get(&x->types, type))
		return true;
	for (const struct entry *at = x->prefixes; at; at = at->next) {
		const struct trigger *t = &x->plans[at->plan]->triggers[at->trigger];
		if (!strncmp(type, t->type, strlen(t->type)))
			return true;
	}
	return false;
}

static struct match *add_match(struct matches *m)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 8;
		m->at = mem_realloc(m->at, m->cap * sizeof(*m->at));
	}
	struct match *at = &m->at[m->n++];
	*at = (struct match){0};
	return at;
}

static void judge(struct match_index *x, uint32_t plan, struct event *e, struct matches *m)
{
	struct plan *p = x->plans[plan];
	const struct trigger *t = &p->triggers[x->best[plan]];
	struct errmsg msg = {0};
	struct fit_scope s;
	struct store_start start = {.awaited = t->awaited};
	bool yes = true;
	fit_scope_init(&s, e, p, t);
	int err = p->cond ? tmpl_truth(p->vm, p->cond, &s.scope, &yes, &msg) : 0;
	if (!err && yes)
		err = start_eval(p, &s.scope, &start, &msg);
	fit_scope_done(&s);
	if (!err && !yes)
		return;
	struct match *at = add_match(m);
	at->start = start;
	at->plan = p;
	at->trigger = t->id ? t->id : "";
	at->failed = err != 0;
	at->msg = msg;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void note_type(struct match_index *x, struct event *e, size_t len)
{
	const struct bucket *b = map_getn(&x->types, e->type, len);
	if (!b)
		return;
	note_fitting(x, b->plain, e);
	for (const struct group *g = b->groups; g; g = g->next)
		note_fitting(x, look_up(g, event_value(e, g->path)), e);
}

void match_index_find(struct match_index *x, struct event *e, struct matches *m)
{
	size_t len = strlen(e->type), kind = strcspn(e->type, "#");
	x->round++;
	x->n_touched = 0;
	note_type(x, e, len);
	if (kind < len)
		note_type(x, e, kind);
	note_prefixes(x, e);
	if (x->n_touched > 1)
		qsort(x->touched, x->n_touched, sizeof(*x->touched), by_number);
	for (size_t i = 0; i < x->n_touched; i++)
		judge(x, x->touched[i], e, m);
}
