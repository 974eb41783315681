/* The behaviour that every backend of the store shares, and what its tests are made of. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/io/loop.h"
#include "engine/store/store.h"

#define DAY_MS (24 * 3600 * 1000LL)
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct fx {
	struct clock_virtual clock;
	struct loop *loop;
	struct store *store;
	char dir[64], path[96]; /* SQLite's */
};

/* The backend's: opens fx->store anew over what is durable. */
struct backend {
	void (*open)(struct fx *fx);
	void (*reopen)(struct fx *fx);
};
extern const struct backend backend;

int fx_setup(void **state);
int fx_teardown(void **state);

/* Submits and runs the loop until the callback; returns op->err. */
int fx_do(struct fx *fx, struct store_op *op);

/* The id whose last byte is n. */
struct id id_at(unsigned n);
/* Event n, received now, without dedupe. */
struct store_event event_at(struct fx *fx, unsigned n);
struct store_newrun newrun_at(unsigned n);
struct store_rec rec_of(uint32_t n, enum rec_type type, const char *path, const char *body);
void put_source(struct fx *fx);
/* Event n with run n; returns its epoch. */
uint64_t accept_run(struct fx *fx, unsigned n);
/* One record, and the live row as told. */
int append_one(struct fx *fx, unsigned run, uint64_t epoch, uint32_t expect_n, enum run_state state,
	       int64_t due, struct store_rec rec);
struct store_loaded *load_run(struct fx *fx, unsigned n);
json_t *query(struct fx *fx, struct store_query *q);

/* Runs all shared tests and `more`; returns the number of failures. */
int suite_run(const char *name, const struct CMUnitTest *more, size_t n_more);
