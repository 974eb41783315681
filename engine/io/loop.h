/*
 * The one event loop: timers on boot time, file descriptors, signals, and wake-ups from threads.
 * libev is inside; with a virtual clock the loop jumps to its next timer when nothing else is ready.
 *
 * A turn: what is ready on descriptors, then the timers that are due, then the deferred tasks. What
 * any of these start for "now" comes in the next turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/heap.h"
#include "engine/base/list.h"

struct loop;

/* Embedded by its owner, zeroed before first use. */
struct loop_timer {
	struct heap_node node; /* due in boot ms */
	void (*cb)(struct loop_timer *t);
};

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* Embedded by its owner, zeroed before first use. Private but for cb. */
struct loop_watch {
	void (*cb)(struct loop_watch *w, int events);
	struct loop *loop;
	void *ev; /* the libev watcher */
};

/* Something to run soon, on the loop, after the current callback; embedded, zeroed before use. */
struct loop_task {
	struct link link;
	void (*cb)(struct loop_task *t);
};

/* Wakes the loop from another thread; several sends may fold into one callback. */
struct loop_async;

/*
 * clock: borrowed. virtual_time: jump instead of sleeping; the clock must then be that of a struct
 * clock_virtual. NULL when libev cannot start.
 */
struct loop *loop_new(const struct clock *clock, bool virtual_time);
void loop_free(struct loop *l);
const struct clock *loop_clock(const struct loop *l);
/* Boot and wall time as of the current turn's wake-up; a virtual clock's own time at any moment. */
int64_t loop_boot_ms(const struct loop *l);
int64_t loop_wall_ms(const struct loop *l);

/* Runs until loop_break, or until there is neither anything to wait for nor an async or a signal. */
void loop_run(struct loop *l);
/*
 * One turn; may block for the next event only if wait. Returns false when nothing is left to wait
 * for: no timer, task, watched descriptor or hold (asyncs and signals do not count).
 */
bool loop_run_once(struct loop *l, bool wait);
void loop_break(struct loop *l);

/* How long nothing is to be done by itself: 0 when a task or a timer is due, INT64_MAX without any. */
int64_t loop_quiet_ms(const struct loop *l);

/*
 * Work goes on outside the loop, in a thread or at a peer: until each hold is released a virtual
 * clock does not jump ahead of it, and there is something left to wait for.
 */
void loop_hold(struct loop *l);
void loop_release(struct loop *l);

/* (Re)arms: cb is called once, delay_ms from now (0: next turn). */
void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms);
void loop_timer_stop(struct loop *l, struct loop_timer *t);
static inline bool loop_timer_is_on(const struct loop_timer *t)
{
	return t->node.index != 0;
}

/* Does nothing when the task waits already. */
void loop_defer(struct loop *l, struct loop_task *t);
/* The task does not wait any more. */
static inline void loop_undefer(struct loop_task *t)
{
	list_remove(&t->link);
}

/* events: LOOP_READ | LOOP_WRITE; may be called again to change them; 0 stops watching. */
void loop_watch_set(struct loop *l, struct loop_watch *w, int fd, int events);
/* Stops and gives back what the watch holds. Call before the owner frees it. */
void loop_watch_done(struct loop_watch *w);

struct loop_async *loop_async_new(struct loop *l, void (*cb)(void *arg), void *arg);
void loop_async_send(struct loop_async *a); /* from any thread */
void loop_async_free(struct loop_async *a); /* from the loop's thread */

/* One callback a signal number, and one loop; a NULL cb stops. */
void loop_signal(struct loop *l, int signo, void (*cb)(void *arg, int signo), void *arg);
