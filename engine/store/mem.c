/* The tests' store: in memory, with callbacks from the next turn, failures and crashes on demand. */
#include "engine/store/mem.h"

#include <stdlib.h>

#include "engine/base/arena.h"

struct mem_store {
	struct store base; /* first */
	struct loop *loop;
	const struct clock *clock;
	struct loop_timer timer; /* on while the queue has verbs */
	struct link queue;
	unsigned fail_in; /* 0: off */
	int fail_err;
	bool crashed;
	struct mem_data *data;
};

/*
 * Verbs that a crash has cut off: their owners died with the process that is played here, and so does
 * their memory. It stays in sight, so that what looks for leaks finds none.
 */
static struct store_op **dead;
static size_t n_dead;

static void bury(struct store_op *op)
{
	if ((n_dead & (n_dead - 1)) == 0)
		dead = mem_realloc(dead, (n_dead ? 2 * n_dead : 1) * sizeof(struct store_op *));
	dead[n_dead++] = op;
}

static struct mem_store *mem_of(struct store *s)
{
	return (struct mem_store *)s;
}

/* The op at the queue's front, with its result, no longer in any list. NULL: none. */
static struct store_op *carry_out(struct mem_store *m)
{
	struct link *l = list_shift(&m->queue);
	if (!l)
		return NULL;
	struct store_op *op = container_of(l, struct store_op, link);
	op->err = 0;
	if (m->fail_in && --m->fail_in == 0)
		op->err = err_set(&op->msg, m->fail_err, "%s", err_text(m->fail_err));
	else if (store_is_read(op))
		mem_read(m->data, op);
	else
		mem_write(m->data, op);
	return op;
}

/* Verbs that a callback submits arm the timer again: they come in the turn after. */
static void on_turn(struct loop_timer *t)
{
	struct mem_store *m = container_of(t, struct mem_store, timer);
	size_t n = 0;
	list_each (l, &m->queue)
		n++;
	while (n-- > 0 && !m->crashed) {
		struct store_op *op = carry_out(m);
		op->cb(op);
	}
}

static void mem_submit(struct store *s, struct store_op *op)
{
	struct mem_store *m = mem_of(s);
	if (m->crashed) {
		bury(op);
		return;
	}
	list_append(&m->queue, &op->link);
	if (!loop_timer_is_on(&m->timer))
		loop_timer_start(m->loop, &m->timer, 0);
}

static void mem_free(struct mem_store *m)
{
	loop_timer_stop(m->loop, &m->timer);
	mem_data_free(m->data);
	free(m);
}

static void mem_close(struct store *s)
{
	struct mem_store *m = mem_of(s);
	while (!m->crashed && !list_empty(&m->queue)) {
		struct store_op *op = carry_out(m);
		op->cb(op);
	}
	mem_free(m);
}

static const struct store_ops mem_ops = {.submit = mem_submit, .close = mem_close};

static struct mem_store *mem_with(struct loop *l, const struct clock *c, struct mem_data *data)
{
	struct mem_store *m = mem_alloc(sizeof(*m));
	m->base.ops = &mem_ops;
	m->loop = l;
	m->clock = c;
	m->timer.cb = on_turn;
	list_init(&m->queue);
	m->data = data;
	m->data->clock = c;
	m->data->epoch++;
	return m;
}

struct store *store_mem_new(struct loop *l, const struct clock *c)
{
	struct mem_data *d = mem_alloc(sizeof(*d));
	mem_data_init(d);
	return &mem_with(l, c, d)->base;
}

void store_mem_remember(struct store *s, const char *scope, const char *key, const char *value)
{
	struct mem_store *m = mem_of(s);
	struct store_memory put = {.op = MEMORY_PUT,
				   .scope = scope,
				   .key = key,
				   .value = value,
				   .at = m->clock->wall_ms(m->clock)};
	mem_remember(m->data, &put);
	free(put.outcome);
}

void store_mem_fail(struct store *s, unsigned nth, int err)
{
	mem_of(s)->fail_in = nth;
	mem_of(s)->fail_err = err;
}

void store_mem_crash_keep(struct store *s, size_t n)
{
	struct mem_store *m = mem_of(s);
	for (struct link *l; (l = list_shift(&m->queue));) {
		struct store_op *op = container_of(l, struct store_op, link);
		if (n && !store_is_read(op))
			mem_write(m->data, op);
		n -= n > 0;
		bury(op);
	}
	m->crashed = true;
	loop_timer_stop(m->loop, &m->timer);
}

void store_mem_crash(struct store *s)
{
	store_mem_crash_keep(s, 0);
}

struct store *store_mem_reopen(struct store *s, struct loop *l)
{
	struct mem_store *m = mem_of(s);
	if (!m->crashed)
		store_mem_crash(s);
	struct mem_store *next = mem_with(l, m->clock, m->data);
	m->data = NULL;
	mem_free(m);
	return &next->base;
}
