/* Answers of reads, kept in memory for a while. */
#include "actions/cache.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/map.h"

/* It is in the map while it has an answer or a leader. */
struct cache_entry {
	char key[HASH_HEX_LEN];
	char *text; /* the answer; NULL: none yet */
	size_t len;
	int64_t at;                /* wall ms when it came */
	struct link used;          /* in cache->used while it has a text */
	struct cache_seat *leader; /* who fetches it; NULL: nobody */
	struct link waiters;
};

struct cache {
	struct map entries;
	struct link used; /* the least used first */
	size_t bytes, bytes_max, entry_max;
};

struct cache *cache_new(size_t bytes, size_t entry_bytes)
{
	struct cache *c = mem_alloc(sizeof(*c));
	c->bytes_max = bytes ? bytes : CACHE_BYTES;
	c->entry_max = entry_bytes ? entry_bytes : CACHE_ENTRY_BYTES;
	list_init(&c->used);
	return c;
}

size_t cache_bytes(const struct cache *c)
{
	return c->bytes;
}

static void forget_text(struct cache *c, struct cache_entry *e)
{
	c->bytes -= e->len;
	free(e->text);
	e->text = NULL;
	e->len = 0;
	list_remove(&e->used);
}

static void drop_if_useless(struct cache *c, struct cache_entry *e)
{
	if (e->text || e->leader)
		return;
	(void)map_remove(&c->entries, e->key);
	free(e);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	size_t i = 0;
	for (struct map_entry *m; (m = map_next(&c->entries, &i));) {
		forget_text(c, m->value);
		free(m->value);
	}
	map_done(&c->entries);
	free(c);
}

const char *cache_key(const char *connection, const char *base_url, const struct action *a,
		      const json_t *params, const json_t *extra, char out[HASH_HEX_LEN])
{
	char hash[HASH_HEX_LEN];
	json_auto_t *all = json_pack("[s, s?, s, O?, O?]", connection, base_url,
				     action_hash(a, hash), params, extra);
	auto_free char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	return sha256_hex(text, strlen(text), out);
}

static struct cache_entry *entry_of(struct cache *c, const char *key)
{
	struct cache_entry *e = map_get(&c->entries, key);
	if (e)
		return e;
	e = mem_alloc(sizeof(*e));
	memcpy(e->key, key, strlen(key) + 1);
	list_init(&e->waiters);
	(void)map_put(&c->entries, key, e);
	return e;
}

/* A clock that was set back makes an answer no younger. */
static bool is_fresh(const struct cache_entry *e, int64_t now, int64_t max_age_ms)
{
	return e->text && now >= e->at && now - e->at <= max_age_ms;
}

static json_t *answer_of(struct cache *c, struct cache_entry *e)
{
	json_t *v = json_loadb(e->text, e->len, JSON_DECODE_ANY, NULL);
	list_remove(&e->used);
	list_append(&c->used, &e->used);
	return v;
}

enum cache_found cache_ask(struct cache *c, const char *key, int64_t now, int64_t max_age_ms,
			   struct cache_seat *s, json_t **ret)
{
	struct cache_entry *e = entry_of(c, key);
	*ret = is_fresh(e, now, max_age_ms) ? answer_of(c, e) : NULL;
	if (*ret)
		return CACHE_HIT;
	s->cache = c;
	s->entry = e;
	if (!e->leader) {
		e->leader = s;
		return CACHE_LEAD;
	}
	list_append(&e->waiters, &s->link);
	return CACHE_WAIT;
}

/* The leader gives up its seat; whoever waited asks again. */
static void end_leading(struct cache *c, struct cache_entry *e)
{
	struct link told, *l;
	e->leader = NULL;
	list_init(&told);
	while ((l = list_shift(&e->waiters))) {
		container_of(l, struct cache_seat, link)->entry = NULL;
		list_append(&told, l);
	}
	drop_if_useless(c, e);
	while ((l = list_shift(&told))) {
		struct cache_seat *s = container_of(l, struct cache_seat, link);
		s->cb(s);
	}
}

static void keep(struct cache *c, struct cache_entry *e, char *text, int64_t now)
{
	e->text = text;
	e->len = strlen(text);
	e->at = now;
	c->bytes += e->len;
	list_append(&c->used, &e->used);
	while (c->bytes > c->bytes_max) {
		struct cache_entry *old = container_of(c->used.next, struct cache_entry, used);
		forget_text(c, old);
		if (old != e)
			drop_if_useless(c, old);
	}
}

void cache_put(struct cache_seat *s, const json_t *answer, int64_t now)
{
	struct cache_entry *e = s->entry;
	struct cache *c = s->cache;
	if (!e || e->leader != s)
		return;
	s->entry = NULL;
	if (e->text)
		forget_text(c, e);
	char *text = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text && strlen(text) <= c->entry_max)
		keep(c, e, text, now);
	else
		free(text);
	end_leading(c, e);
}

void cache_leave(struct cache_seat *s)
{
	struct cache_entry *e = s->entry;
	list_remove(&s->link);
	s->entry = NULL;
	if (e && e->leader == s)
		end_leading(s->cache, e);
}
