/* Accepts a second: events of 400 bytes with dedupe through submit and callback on SQLite. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/io/loop.h"
#include "engine/store/store.h"

#define OUTSTANDING_MAX 1024

struct bench {
	struct loop *loop;
	struct store *store;
	struct store_accept ops[OUTSTANDING_MAX];
	int64_t sent_us[OUTSTANDING_MAX];
	int32_t *took_us;
	size_t sent, done, total;
	char body[512];
	struct rng rng;
};

static struct bench b;

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_accepted(struct store_op *op);

static void send_one(struct store_accept *a)
{
	int64_t now = clock_real.wall_ms(&clock_real);
	*a = (struct store_accept){
		.op = {.verb = STORE_ACCEPT, .cb = on_accepted},
		.ev = {.id = id_new(&clock_real, &b.rng),
		       .source = "/hooks/signup",
		       .ext_id = "evt_0123456789",
		       .type = "signup.created",
		       .subject = "ada@example.com",
		       .time = now,
		       .received = now,
		       .ruleset = "0123456789abcdef",
		       .headers = "{\"content-type\":\"application/json\"}",
		       .body = b.body,
		       .body_len = 400,
		       .dedupe = true,
		       .dedupe_ms = 72 * 3600 * 1000LL},
	};
	b.rng.fill(&b.rng, a->ev.fp, sizeof(a->ev.fp));
	b.sent_us[a - b.ops] = now_us();
	b.sent++;
	store_submit(b.store, &a->op);
}

static void on_accepted(struct store_op *op)
{
	struct store_accept *a = container_of(op, struct store_accept, op);
	if (op->err || a->duplicate) {
		fprintf(stderr, "accept: %s\n", op->err ? op->msg.text : "duplicate");
		exit(1);
	}
	b.took_us[b.done++] = (int32_t)(now_us() - b.sent_us[a - b.ops]);
	if (b.sent < b.total)
		send_one(a);
}

static int by_time(const void *x, const void *y)
{
	return *(const int32_t *)x - *(const int32_t *)y;
}

static void measure(size_t outstanding)
{
	b.sent = b.done = 0;
	int64_t start = now_us();
	for (size_t i = 0; i < outstanding; i++)
		send_one(&b.ops[i]);
	while (b.done < b.total)
		loop_run_once(b.loop, true);
	double s = (double)(now_us() - start) / 1e6;
	qsort(b.took_us, b.total, sizeof(*b.took_us), by_time);
	printf("%4zu outstanding: %7.0f accepts/s, p50 %.1f ms, p99 %.1f ms\n", outstanding,
	       (double)b.total / s, b.took_us[b.total / 2] / 1e3,
	       b.took_us[b.total * 99 / 100] / 1e3);
}

static void remove_store(const char *path)
{
	const char *ends[] = {"", "-wal", "-shm", ".lock"};
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		auto_free char *p = mem_printf("%s%s", path, ends[i]);
		(void)unlink(p);
	}
}

static size_t number_of(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);
	if (*end || n < 1 || n > 100000000) {
		fprintf(stderr, "'%s' is no number from 1 to 100000000\n", text);
		exit(2);
	}
	return (size_t)n;
}

/* bench_store [DIR] [ACCEPTS a row] [ROUNDS] */
int main(int argc, char **argv)
{
	auto_free char *path =
		mem_printf("%s/bench_store.%ld.db", argc > 1 ? argv[1] : ".", (long)getpid());
	struct errmsg msg;
	b.total = number_of(argc > 2 ? argv[2] : "100000");
	size_t rounds = number_of(argc > 3 ? argv[3] : "1");
	b.took_us = mem_alloc(b.total * sizeof(*b.took_us));
	memset(b.body, 'x', sizeof(b.body));
	memcpy(b.body, "{\"a\":\"", 6);
	memcpy(b.body + 398, "\"}", 2);
	rng_seeded_init(&b.rng, 1);
	b.loop = loop_new(&clock_real, false);
	b.store = store_sqlite_open(path, b.loop, &clock_real, &msg);
	if (!b.store) {
		fprintf(stderr, "%s\n", msg.text);
		return 1;
	}
	for (size_t i = 0; i < rounds; i++) {
		measure(64);
		measure(256);
	}
	store_close(b.store);
	loop_free(b.loop);
	free(b.took_us);
	remove_store(path);
	return 0;
}
