/* Arena memory: blocks that are filled from the front and freed as a whole. */
#include "engine/base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define poison(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#endif

enum {
	ALIGN = 16,
	SMALL = 1024,            /* requests up to this are never refused */
	BLOCK_FIRST = 8 * 1024,  /* bytes of the first block; each further one doubles */
	BLOCK_LAST = 256 * 1024, /* until they are this large */
	CAP_DEFAULT = 32 * 1024 * 1024,
};

struct arena_block {
	struct arena_block *prev; /* the one filled before */
	size_t size, used;        /* of data, in bytes */
	_Alignas(ALIGN) unsigned char data[];
};

static void *check(void *p)
{
	if (!p) {
		fputs("pawl: out of memory\n", stderr);
		abort();
	}
	return p;
}

void arena_init(struct arena *a, size_t cap)
{
	*a = (struct arena){.cap = cap};
}

/* Frees the head block. */
static void drop_block(struct arena *a)
{
	struct arena_block *b = a->head;
	a->head = b->prev;
	a->used -= b->size;
	unpoison(b->data, b->size);
	free(b);
}

void arena_done(struct arena *a)
{
	if (!a)
		return;
	while (a->head)
		drop_block(a);
}

void arena_reset(struct arena *a)
{
	while (a->head && a->head->prev)
		drop_block(a);
	if (a->head) {
		a->head->used = 0;
		poison(a->head->data, a->head->size);
	}
}

/* Adds a block with room for size bytes. false when the limit would be passed. */
static bool grow(struct arena *a, size_t size, size_t limit)
{
	size_t want = a->head ? a->head->size * 2 : BLOCK_FIRST;
	want = want > BLOCK_LAST ? BLOCK_LAST : want;
	if (size > limit - a->used)
		return false;
	if (want > limit - a->used)
		want = limit - a->used;
	want = want < size ? size : want;
	struct arena_block *b = check(malloc(sizeof(*b) + want));
	*b = (struct arena_block){.prev = a->head, .size = want};
	poison(b->data, want);
	a->head = b;
	a->used += want;
	return true;
}

/* size is a multiple of ALIGN. NULL also when only the reserve, which is not ours, has room. */
static void *take(struct arena *a, size_t size, size_t limit)
{
	if (a->used > limit)
		return NULL;
	if (!a->head || a->head->size - a->head->used < size)
		if (!grow(a, size, limit))
			return NULL;
	void *p = a->head->data + a->head->used;
	a->head->used += size;
	unpoison(p, size);
	return p;
}

static size_t cap_of(const struct arena *a)
{
	return a->cap ? a->cap : CAP_DEFAULT;
}

/* One byte at least, so that distinct requests have distinct places; 0 when it cannot be. */
static size_t round_up(size_t size)
{
	size = size ? size : 1;
	return size > SIZE_MAX - ALIGN ? 0 : (size + ALIGN - 1) / ALIGN * ALIGN;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t whole = round_up(size), cap = cap_of(a);
	void *p = whole ? take(a, whole, cap) : NULL;
	if (!p && size <= SMALL)
		p = check(take(a, whole, cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2 + BLOCK_FIRST));
	return p ? memset(p, 0, whole) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	size_t whole = len == SIZE_MAX ? 0 : round_up(len + 1);
	char *p = whole ? take(a, whole, cap_of(a)) : NULL;
	if (!p)
		return NULL;
	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	size_t whole = n < 0 ? 0 : round_up((size_t)n + 1);
	char *p = whole ? take(a, whole, cap_of(a)) : NULL;
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, whole, fmt, ap);
	va_end(ap);
	return p;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){
		.block = a->head, .block_used = a->head ? a->head->used : 0, .used = a->used};
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
	if (!mark.block) {
		arena_reset(a);
		return;
	}
	while (a->head != mark.block)
		drop_block(a);
	a->head->used = mark.block_used;
	poison(a->head->data + mark.block_used, a->head->size - mark.block_used);
}

void *mem_alloc(size_t size)
{
	return check(calloc(1, size ? size : 1));
}

void *mem_realloc(void *p, size_t size)
{
	return check(realloc(p, size ? size : 1));
}

char *mem_strndup(const char *s, size_t len)
{
	char *p = check(malloc(len + 1));
	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&p, fmt, ap);
	va_end(ap);
	return check(n < 0 ? NULL : p);
}
