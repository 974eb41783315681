/* The timer heap: an array in which each parent is due no later than its children. */
#include "engine/base/heap.h"

#include <assert.h>

#include "engine/base/arena.h"

void heap_done(struct heap *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->len; i++)
		h->at[i]->index = 0;
	free(h->at);
	*h = (struct heap){0};
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void place(struct heap *h, size_t i, struct heap_node *n)
{
	h->at[i] = n;
	n->index = i + 1;
}

/* Moves n, whose free place is i, towards the root. */
static void sift_up(struct heap *h, size_t i, struct heap_node *n)
{
	while (i > 0 && before(n, h->at[(i - 1) / 2])) {
		place(h, i, h->at[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(h, i, n);
}

/* Moves n, whose free place is i, towards the leaves. */
static void sift_down(struct heap *h, size_t i, struct heap_node *n)
{
	for (size_t child; (child = 2 * i + 1) < h->len; i = child) {
		if (child + 1 < h->len && before(h->at[child + 1], h->at[child]))
			child++;
		if (!before(h->at[child], n))
			break;
		place(h, i, h->at[child]);
	}
	place(h, i, n);
}

void heap_add(struct heap *h, struct heap_node *n)
{
	assert(n->index == 0);
	if (h->len == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->at = mem_realloc(h->at, h->cap * sizeof(struct heap_node *));
	}
	n->seq = h->seq++;
	sift_up(h, h->len++, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	if (!n->index)
		return;
	size_t i = n->index - 1;
	assert(i < h->len && h->at[i] == n);
	n->index = 0;
	struct heap_node *last = h->at[--h->len];
	if (last == n)
		return;
	if (i > 0 && before(last, h->at[(i - 1) / 2]))
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}
