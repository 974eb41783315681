/* The string map: entries in insertion order, found through a table of their places. */
#include "engine/base/map.h"

#include <assert.h>
#include <string.h>

#include "engine/base/arena.h"

/* Keys come from outside, so the hash is keyed (SipHash-1-3): nobody can aim at one slot. */
static uint64_t seed_k0 = 0x9ae16a3b2f90404fu, seed_k1 = 0xc3a5c85c97cb3127u;

struct sip {
	uint64_t a, b, c, d;
};

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(struct sip *s)
{
	s->a += s->b;
	s->c += s->d;
	s->b = rotl(s->b, 13) ^ s->a;
	s->d = rotl(s->d, 16) ^ s->c;
	s->a = rotl(s->a, 32);
	s->c += s->b;
	s->a += s->d;
	s->b = rotl(s->b, 17) ^ s->c;
	s->d = rotl(s->d, 21) ^ s->a;
	s->c = rotl(s->c, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->d ^= word;
	sip_round(s);
	s->a ^= word;
}

static uint64_t hash_of(const char *key, size_t len)
{
	struct sip s = {seed_k0 ^ 0x736f6d6570736575u, seed_k1 ^ 0x646f72616e646f6du,
			seed_k0 ^ 0x6c7967656e657261u, seed_k1 ^ 0x7465646279746573u};
	uint64_t word;
	size_t i = 0;
	for (; len - i >= 8; i += 8) {
		memcpy(&word, key + i, 8);
		sip_word(&s, word);
	}
	word = 0;
	memcpy(&word, key + i, len - i);
	sip_word(&s, word | (uint64_t)len << 56);
	s.c ^= 0xff;
	for (int n = 0; n < 3; n++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

void map_seed(uint64_t seed)
{
	seed_k0 = seed;
	seed_k1 = rotl(seed, 29) * 0x9e3779b97f4a7c15u + 1;
}

void map_done(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->used; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->slots);
	*m = (struct map){0};
}

/* A slot holds the entry's place plus one; 0 ends a probe, a removed entry does not. */
static struct map_entry *find(const struct map *m, const char *key, size_t len)
{
	if (!m->count)
		return NULL;
	uint64_t hash = hash_of(key, len);
	for (size_t i = hash & (m->n_slots - 1); m->slots[i]; i = (i + 1) & (m->n_slots - 1)) {
		struct map_entry *e = &m->entries[m->slots[i] - 1];
		if (e->key && e->hash == hash && e->len == len && !memcmp(e->key, key, len))
			return e;
	}
	return NULL;
}

void *map_getn(const struct map *m, const char *key, size_t len)
{
	struct map_entry *e = find(m, key, len);
	return e ? e->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_getn(m, key, strlen(key));
}

static void link_slot(struct map *m, size_t place)
{
	size_t i = m->entries[place].hash & (m->n_slots - 1);
	while (m->slots[i])
		i = (i + 1) & (m->n_slots - 1);
	m->slots[i] = (uint32_t)place + 1;
}

/* Called when all entries are used: leaves the removed ones out, and doubles if most are alive. */
static void rebuild(struct map *m)
{
	size_t live = 0;
	for (size_t i = 0; i < m->used; i++)
		if (m->entries[i].key)
			m->entries[live++] = m->entries[i];
	m->used = live;
	if (!m->cap || live > m->cap / 2) {
		m->cap = m->cap ? m->cap * 2 : 8;
		assert(m->cap < UINT32_MAX / 2);
		m->entries = mem_realloc(m->entries, m->cap * sizeof(*m->entries));
	}
	m->n_slots = m->cap * 2;
	free(m->slots);
	m->slots = mem_alloc(m->n_slots * sizeof(*m->slots));
	for (size_t i = 0; i < m->used; i++)
		link_slot(m, i);
}

void *map_put(struct map *m, const char *key, void *value)
{
	assert(value);
	size_t len = strlen(key);
	struct map_entry *e = find(m, key, len);
	if (e) {
		void *old = e->value;
		e->value = value;
		return old;
	}
	if (m->used == m->cap)
		rebuild(m);
	m->entries[m->used] = (struct map_entry){.key = mem_strndup(key, len),
						 .len = len,
						 .hash = hash_of(key, len),
						 .value = value};
	link_slot(m, m->used++);
	m->count++;
	return NULL;
}

void *map_remove(struct map *m, const char *key)
{
	struct map_entry *e = find(m, key, strlen(key));
	if (!e)
		return NULL;
	void *value = e->value;
	free(e->key);
	*e = (struct map_entry){0};
	m->count--;
	return value;
}

struct map_entry *map_next(const struct map *m, size_t *i)
{
	while (*i < m->used) {
		struct map_entry *e = &m->entries[(*i)++];
		if (e->key)
			return e;
	}
	return NULL;
}
