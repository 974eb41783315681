/* The seams to clock and randomness: the real ones, and those that tests drive. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Waits are due by wall time; time-outs, retries and pacing by boot time (which counts suspend). */
struct clock {
	int64_t (*wall_ms)(const struct clock *c); /* UTC, ms since 1970 */
	int64_t (*boot_ms)(const struct clock *c); /* CLOCK_BOOTTIME, ms */
};

extern const struct clock clock_real;

/* A clock that stands still until it is moved. */
struct clock_virtual {
	struct clock clock; /* first: pass &v.clock on */
	int64_t wall, boot;
};
void clock_virtual_init(struct clock_virtual *v, int64_t wall_ms);
void clock_virtual_advance(struct clock_virtual *v, int64_t ms);

struct rng {
	void (*fill)(struct rng *r, void *buf, size_t len);
	uint64_t state; /* of the seeded one */
};
extern struct rng rng_real;                         /* getrandom(2); aborts when there is none */
void rng_seeded_init(struct rng *r, uint64_t seed); /* repeatable, for tests */
uint64_t rng_u64(struct rng *r);
/* Uniform in [0, n); 0 for n == 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
