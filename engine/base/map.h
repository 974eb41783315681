/* A map from strings to pointers. Iteration is in insertion order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
	char *key; /* owned by the map; NULL: removed */
	size_t len;
	uint64_t hash;
	void *value;
};

/* May be zeroed. */
struct map {
	struct map_entry *entries; /* in insertion order */
	uint32_t *slots;
	size_t count; /* live entries */
	size_t used, cap, n_slots;
};

void map_done(struct map *m);
void *map_get(const struct map *m, const char *key);
void *map_getn(const struct map *m, const char *key, size_t len);
/* Returns the value that was there before, or NULL. The key is copied. value must not be NULL. */
void *map_put(struct map *m, const char *key, void *value);
/* Returns the removed value, or NULL. */
void *map_remove(struct map *m, const char *key);
/* Iterates: start with *i = 0; NULL at the end. Removing the returned entry meanwhile is allowed. */
struct map_entry *map_next(const struct map *m, size_t *i);
/* Seeds the hash of all maps; once, at start, from the random seam. */
void map_seed(uint64_t seed);
