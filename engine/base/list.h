/* An intrusive doubly linked list; the head is a link too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *prev, *next; /* both NULL: in no list */
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define list_each(pos, head) for (struct link *pos = (head)->next; pos != (head); pos = pos->next)
/* The same, but pos may be removed in the body. */
#define list_each_safe(pos, head)                                                                  \
	for (struct link *pos = (head)->next, *pos##_next = pos->next; pos != (head);              \
	     pos = pos##_next, pos##_next = pos->next)

static inline void list_init(struct link *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const struct link *head)
{
	return head->next == head || !head->next;
}

static inline bool link_is_in(const struct link *l)
{
	return l->next != NULL;
}

static inline void list_append(struct link *head, struct link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Does nothing when l is in no list. */
static inline void list_remove(struct link *l)
{
	if (!l->next)
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->prev = l->next = NULL;
}

/* The first link, taken out; NULL when empty. */
static inline struct link *list_shift(struct link *head)
{
	struct link *l = head->next;
	if (!l || l == head)
		return NULL;
	list_remove(l);
	return l;
}
