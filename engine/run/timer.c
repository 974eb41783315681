/* Waking parked runs: only those due in the near window are in memory, the rest are rows. */
#include <stdlib.h>

#include "engine/run/run.h"

#define NEAR_MS (60 * 1000)
#define NEAR_MAX 4096
#define LOOK_MS 1000 /* how late a step of the wall clock may be noticed */

/* A parked run that is due soon. */
struct near {
	struct heap_node node; /* due: wall ms */
	struct id run;
	char id_text[ID_TEXT_LEN];
};

static void on_due(struct loop_timer *t);

static void arm(struct engine *e)
{
	struct heap_node *n = heap_peek(&e->due);
	if (!n || e->draining)
		return;
	int64_t delay = n->due - loop_wall_ms(e->conf.loop);
	e->due_timer.cb = on_due;
	loop_timer_start(e->conf.loop, &e->due_timer,
			 delay < 0         ? 0
			 : delay < LOOK_MS ? delay
					   : LOOK_MS);
}

static void near_free(struct engine *e, struct near *n)
{
	heap_remove(&e->due, &n->node);
	(void)map_remove(&e->near, n->id_text);
	free(n);
}

static void on_due(struct loop_timer *t)
{
	struct engine *e = container_of(t, struct engine, due_timer);
	int64_t now = loop_wall_ms(e->conf.loop);
	for (struct heap_node *h; (h = heap_peek(&e->due)) && h->due <= now;) {
		struct near *n = container_of(h, struct near, node);
		struct id run = n->run;
		near_free(e, n);
		engine_load(e, run);
	}
	arm(e);
}

void engine_near_add(struct engine *e, struct id run, int64_t due)
{
	char text[ID_TEXT_LEN];
	int64_t now = loop_wall_ms(e->conf.loop);
	if (!due || due > now + NEAR_MS)
		return;
	engine_near_remove(e, id_format(run, text));
	struct near *n = mem_alloc(sizeof(*n));
	*n = (struct near){.node.due = due, .run = run};
	id_format(run, n->id_text);
	(void)map_put(&e->near, n->id_text, n);
	heap_add(&e->due, &n->node);
	arm(e);
}

void engine_near_remove(struct engine *e, const char *id_text)
{
	struct near *n = map_get(&e->near, id_text);
	if (n)
		near_free(e, n);
}

void engine_near_done(struct engine *e)
{
	loop_timer_stop(e->conf.loop, &e->due_timer);
	loop_timer_stop(e->conf.loop, &e->refill_timer);
	for (struct heap_node *h; (h = heap_peek(&e->due));)
		near_free(e, container_of(h, struct near, node));
	heap_done(&e->due);
	map_done(&e->near);
}

/* ---- the window ---- */

struct refill {
	struct store_due op;
	struct engine *engine;
};

/* A queued one with a time stands in a window, or behind its rate. */
static bool wants_now(const struct store_due_row *row, int64_t now)
{
	bool ready = !row->due && (row->state == RUN_QUEUED || row->state == RUN_RUNNING);
	return ready || row->due <= now;
}

static void take_row(struct engine *e, const struct store_due_row *row, int64_t now)
{
	char text[ID_TEXT_LEN];
	if (engine_find(e, id_format(row->run, text)))
		return;
	if (wants_now(row, now))
		engine_load(e, row->run);
	else
		engine_near_add(e, row->run, row->due);
}

static int64_t clock_offset(const struct engine *e)
{
	return loop_wall_ms(e->conf.loop) - loop_boot_ms(e->conf.loop);
}

static void on_refill_timer(struct loop_timer *t);

static void arm_refill(struct engine *e)
{
	e->refill_timer.cb = on_refill_timer;
	loop_timer_start(e->conf.loop, &e->refill_timer, LOOK_MS);
}

/* Every half window, and at once when the wall clock was set. */
static void on_refill_timer(struct loop_timer *t)
{
	struct engine *e = container_of(t, struct engine, refill_timer);
	int64_t moved = clock_offset(e) - e->clock_offset;
	bool old = loop_boot_ms(e->conf.loop) - e->refilled_at >= NEAR_MS / 2;
	if (old || moved > LOOK_MS || moved < -LOOK_MS)
		engine_refill(e);
	else
		arm_refill(e);
}

static void on_refilled(struct store_op *op)
{
	struct refill *f = container_of(container_of(op, struct store_due, op), struct refill, op);
	struct engine *e = f->engine;
	int64_t now = loop_wall_ms(e->conf.loop);
	e->refilling = false;
	e->backlog = f->op.more;
	for (size_t i = 0; !op->err && i < f->op.n_rows && !e->draining; i++)
		take_row(e, &f->op.rows[i], now);
	free(f->op.rows);
	free(f);
	if (!e->draining)
		arm_refill(e);
}

void engine_refill(struct engine *e)
{
	if (e->refilling || e->draining)
		return;
	struct refill *f = mem_alloc(sizeof(*f));
	*f = (struct refill){.engine = e};
	f->op.op = (struct store_op){.verb = STORE_DUE, .cb = on_refilled};
	f->op.until = loop_wall_ms(e->conf.loop) + NEAR_MS;
	f->op.max = NEAR_MAX;
	f->op.timed_only = e->refilled && !e->backlog; /* the others are in memory by now */
	e->refilled = true;
	e->refilling = true;
	e->refilled_at = loop_boot_ms(e->conf.loop);
	e->clock_offset = clock_offset(e);
	store_submit(e->conf.store, &f->op.op);
}

/* Not for each that wakes: thousands would be read again, most of which are near already. */
void engine_refill_backlog(struct engine *e)
{
	bool fresh = loop_boot_ms(e->conf.loop) - e->refilled_at < LOOK_MS;
	if (e->backlog && (!fresh || e->near.count <= NEAR_MAX / 2))
		engine_refill(e);
}
