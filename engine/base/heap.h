/* A binary min-heap of intrusive timers, ordered by `due` and then by insertion. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t due;  /* unit is the owner's */
	uint64_t seq; /* set by heap_add */
	size_t index; /* 1-based place in the heap; 0: in no heap */
};

/* May be zeroed. Nodes belong to their owners. */
struct heap {
	struct heap_node **at;
	size_t len, cap;
	uint64_t seq;
};

void heap_done(struct heap *h);
/* The node must be in no heap. */
void heap_add(struct heap *h, struct heap_node *n);
/* Does nothing when the node is in no heap. */
void heap_remove(struct heap *h, struct heap_node *n);
/* The node with the least due, or NULL. */
static inline struct heap_node *heap_peek(const struct heap *h)
{
	return h->len ? h->at[0] : NULL;
}
