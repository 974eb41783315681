/* The clocks and sources of randomness, real and driven. */
#include "engine/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;
	if (clock_gettime(id, &ts))
		abort();
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t real_wall(const struct clock *c)
{
	return read_ms(CLOCK_REALTIME);
}

static int64_t real_boot(const struct clock *c)
{
	return read_ms(CLOCK_BOOTTIME);
}

const struct clock clock_real = {.wall_ms = real_wall, .boot_ms = real_boot};

static int64_t virtual_wall(const struct clock *c)
{
	return ((const struct clock_virtual *)c)->wall;
}

static int64_t virtual_boot(const struct clock *c)
{
	return ((const struct clock_virtual *)c)->boot;
}

void clock_virtual_init(struct clock_virtual *v, int64_t wall_ms)
{
	*v = (struct clock_virtual){.clock = {.wall_ms = virtual_wall, .boot_ms = virtual_boot},
				    .wall = wall_ms};
}

void clock_virtual_advance(struct clock_virtual *v, int64_t ms)
{
	v->wall += ms;
	v->boot += ms;
}

static void real_fill(struct rng *r, void *buf, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = getrandom((char *)buf + got, len - got, 0);
		if (n < 0 && errno != EINTR) {
			perror("pawl: getrandom");
			abort();
		}
		got += n > 0 ? (size_t)n : 0;
	}
}

struct rng rng_real = {.fill = real_fill};

/* SplitMix64: each state of the counter is mixed to one word. */
static void seeded_fill(struct rng *r, void *buf, size_t len)
{
	for (size_t done = 0; done < len; done += 8) {
		uint64_t x = r->state += 0x9e3779b97f4a7c15u;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		x ^= x >> 31;
		memcpy((char *)buf + done, &x, len - done < 8 ? len - done : 8);
	}
}

void rng_seeded_init(struct rng *r, uint64_t seed)
{
	*r = (struct rng){.fill = seeded_fill, .state = seed};
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t x;
	r->fill(r, &x, sizeof(x));
	return x;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	if (!n)
		return 0;
	/* Words below 2^64 mod n would make the small results more likely: drawn again. */
	uint64_t skip = -n % n, x;
	do
		x = rng_u64(r);
	while (x < skip);
	return x % n;
}
