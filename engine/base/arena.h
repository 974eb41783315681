/* Memory that lives as long as one run (or one request) and is given back as a whole. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct arena_block;

/* May be zeroed. `cap` bounds the sum of all blocks; 0 means 32 MiB. */
struct arena {
	struct arena_block *head;
	size_t used, cap;
};

struct arena_mark {
	struct arena_block *block;
	size_t block_used, used;
};

void arena_init(struct arena *a, size_t cap);
/* Frees everything. */
void arena_done(struct arena *a);
/* Keeps the first block, frees the rest; all pointers into it are dead (poisoned under ASan). */
void arena_reset(struct arena *a);
/*
 * Zeroed, aligned to 16. NULL when the cap would be passed, but never for up to 1 KiB: such requests,
 * whose size no input decides, live on a reserve as large as the cap, and abort beyond it.
 */
void *arena_alloc(struct arena *a, size_t size);
/* NULL when the cap would be passed, however short the text. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct arena_mark arena_mark(const struct arena *a);
/* Gives back all that was allocated since the mark was taken. */
void arena_rewind(struct arena *a, struct arena_mark mark);

/* malloc & co. that abort when memory is out: for small sizes that no input decides. */
void *mem_alloc(size_t size); /* zeroed */
void *mem_realloc(void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline void mem_free_ptr(void *pp)
{
	void *p;
	memcpy(&p, pp, sizeof(p));
	free(p);
}
/* A local that owns what malloc gave. */
#define auto_free __attribute__((cleanup(mem_free_ptr)))
