/* UUIDv7 that rise within the process, and UUIDv8 from names. */
#include "engine/base/id.h"

#include <pthread.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"

/*
 * The last id made: its millisecond, and the 74 random bits as two numbers of 12 and 62 bits. A
 * second id of the same millisecond is the last one plus a random step, so it sorts behind and
 * still cannot be guessed.
 */
static struct {
	pthread_mutex_t lock;
	const struct clock *clock; /* another clock starts afresh: tests have several */
	int64_t ms;
	uint64_t high, low;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const uint64_t low_max = ((uint64_t)1 << 62) - 1, high_max = ((uint64_t)1 << 12) - 1;

static void start_ms(int64_t ms, struct rng *r)
{
	last.ms = ms;
	/* The top bit is left clear, as room for the steps. */
	last.high = rng_u64(r) & (high_max >> 1);
	last.low = rng_u64(r) & low_max;
}

static void step(struct rng *r)
{
	last.low += 1 + (rng_u64(r) & 0xffffffff);
	if (last.low <= low_max)
		return;
	last.low &= low_max;
	if (++last.high > high_max)
		start_ms(last.ms + 1, r);
}

static void put_be(unsigned char *out, uint64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		out[i] = (unsigned char)v;
}

struct id id_new(const struct clock *c, struct rng *r)
{
	struct id id;
	int64_t now = c->wall_ms(c);
	pthread_mutex_lock(&last.lock);
	if (c != last.clock || now > last.ms)
		start_ms(now < 0 ? 0 : now, r);
	else
		step(r); /* the same millisecond, or the clock went back */
	last.clock = c;
	put_be(id.b, (uint64_t)last.ms, 6);
	put_be(id.b + 6, 0x7000 | last.high, 2);
	put_be(id.b + 8, (uint64_t)1 << 63 | last.low, 8);
	pthread_mutex_unlock(&last.lock);
	return id;
}

struct id id_from_name(struct id scope, const char *name)
{
	size_t len = strlen(name);
	auto_free unsigned char *text = mem_alloc(sizeof(scope.b) + len);
	memcpy(text, scope.b, sizeof(scope.b));
	memcpy(text + sizeof(scope.b), name, len);
	unsigned char sum[SHA256_LEN];
	sha256(text, sizeof(scope.b) + len, sum);
	struct id id;
	memcpy(id.b, sum, sizeof(id.b));
	id.b[6] = (unsigned char)(0x80 | (id.b[6] & 0x0f));
	id.b[8] = (unsigned char)(0x80 | (id.b[8] & 0x3f));
	return id;
}

const char *id_format(struct id id, char out[ID_TEXT_LEN])
{
	static const char digits[] = "0123456789abcdef";
	char *p = out;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = digits[id.b[i] >> 4];
		*p++ = digits[id.b[i] & 15];
	}
	*p = '\0';
	return out;
}

bool id_parse(const char *text, struct id *ret)
{
	struct id id;
	if (!text || strlen(text) != ID_TEXT_LEN - 1)
		return false;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (*text++ != '-')
				return false;
		if (hex_decode(text, 2, id.b + i, 1) != 1)
			return false;
		text += 2;
	}
	*ret = id;
	return true;
}

bool id_is_zero(struct id id)
{
	return id_equal(id, (struct id){{0}});
}

bool id_equal(struct id a, struct id b)
{
	return !memcmp(a.b, b.b, sizeof(a.b));
}
