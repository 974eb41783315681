/* The event loop: libev for descriptors, signals and asyncs, a heap of our own for timers. */
#include "engine/io/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include <ev.h>

#include "engine/base/arena.h"

/*
 * libev sleeps on a clock that stands still while the machine is suspended, our timers do not: no
 * sleep is longer than this while a timer is armed, so none is later than this after a resume.
 */
enum { SLEEP_MS_MAX = 1000 };

struct loop_signal {
	ev_signal ev;
	struct loop *loop;
	void (*cb)(void *arg, int signo);
	void *arg;
};

struct loop {
	struct ev_loop *ev;
	const struct clock *clock;
	struct clock_virtual *jumps; /* the same clock when time is virtual, else NULL */
	int64_t boot, wall;          /* as of the last wake-up; not kept when time is virtual */
	struct heap timers;
	ev_timer sleep;    /* armed for the nearest timer */
	int64_t sleep_due; /* what it is armed for, in boot ms */
	ev_check woken;    /* reads the clocks before any other callback */
	struct link tasks;
	struct loop_signal *signals[NSIG];
	unsigned watches, asyncs, n_signals, holds;
	uint64_t events; /* callbacks that libev made, but for the sleep's */
	bool stop;
};

struct loop_async {
	ev_async ev;
	struct loop *loop;
	void (*cb)(void *arg);
	void *arg;
};

static void read_clocks(struct loop *l)
{
	if (l->jumps)
		return;
	l->boot = l->clock->boot_ms(l->clock);
	l->wall = l->clock->wall_ms(l->clock);
}

static void on_woken(struct ev_loop *ev, ev_check *w, int events)
{
	read_clocks(w->data);
}

/* Only ends the sleep: timers run from the turn. */
static void on_sleep_over(struct ev_loop *ev, ev_timer *w, int events)
{
}

struct loop *loop_new(const struct clock *clock, bool virtual_time)
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!ev)
		return NULL;
	struct loop *l = mem_alloc(sizeof(*l));
	l->ev = ev;
	l->clock = clock;
	if (virtual_time)
		l->jumps = (struct clock_virtual *)clock;
	list_init(&l->tasks);
	ev_timer_init(&l->sleep, on_sleep_over, 0, 0);
	ev_check_init(&l->woken, on_woken);
	ev_set_priority(&l->woken, EV_MAXPRI);
	l->woken.data = l;
	ev_check_start(ev, &l->woken);
	ev_unref(ev); /* it alone is no reason to sleep */
	read_clocks(l);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (int i = 0; i < NSIG; i++)
		loop_signal(l, i, NULL, NULL);
	while (list_shift(&l->tasks))
		;
	heap_done(&l->timers);
	ev_loop_destroy(l->ev);
	free(l);
}

const struct clock *loop_clock(const struct loop *l)
{
	return l->clock;
}

int64_t loop_boot_ms(const struct loop *l)
{
	return l->jumps ? l->jumps->boot : l->boot;
}

int64_t loop_wall_ms(const struct loop *l)
{
	return l->jumps ? l->jumps->wall : l->wall;
}

/* Boot ms until the next timer is due, at least 0; -1 without a timer. */
static int64_t next_timer_ms(const struct loop *l)
{
	struct heap_node *n = heap_peek(&l->timers);
	if (!n)
		return -1;
	int64_t left = n->due - loop_boot_ms(l);
	return left > 0 ? left : 0;
}

/* Makes the sleep end when the nearest timer is due. */
static void arm_sleep(struct loop *l, int64_t left)
{
	if (left < 0) {
		ev_timer_stop(l->ev, &l->sleep);
		return;
	}
	int64_t ms = left < SLEEP_MS_MAX || l->jumps ? left : SLEEP_MS_MAX;
	int64_t due = loop_boot_ms(l) + ms;
	/* Too early an end costs one turn, and spares a busy loop the arming. */
	if (!l->jumps && ev_is_active(&l->sleep) && l->sleep_due <= due)
		return;
	/* libev counts from its own last look at the clock. */
	ev_now_update(l->ev);
	ev_timer_stop(l->ev, &l->sleep);
	ev_timer_set(&l->sleep, (double)ms / 1000, 0);
	ev_timer_start(l->ev, &l->sleep);
	l->sleep_due = due;
}

static void poll_real(struct loop *l, bool block)
{
	if (block) {
		read_clocks(l);
		int64_t left = next_timer_ms(l);
		arm_sleep(l, left);
		block = left != 0;
	}
	ev_run(l->ev, block ? EVRUN_ONCE : EVRUN_NOWAIT);
}

/*
 * Jumps to the next timer when no descriptor is ready. While something is held the jump comes only
 * after the same real time has passed: a timer then still bounds what never answers.
 */
static void poll_virtual(struct loop *l, bool block)
{
	uint64_t before = l->events;
	ev_run(l->ev, EVRUN_NOWAIT);
	int64_t left = next_timer_ms(l);
	if (!block || l->events != before || left == 0)
		return;
	if (l->holds || (left < 0 && l->watches)) {
		arm_sleep(l, left);
		ev_run(l->ev, EVRUN_ONCE);
		bool over = !ev_is_active(&l->sleep);
		ev_timer_stop(l->ev, &l->sleep);
		if (!over || l->events != before)
			return;
	}
	if (left > 0)
		clock_virtual_advance(l->jumps, left);
}

/* new_from: the first timer started in this turn, which has to wait for the next one. */
static void run_timers(struct loop *l, uint64_t new_from)
{
	int64_t now = loop_boot_ms(l);
	for (struct heap_node *n; (n = heap_peek(&l->timers)) && n->due <= now;) {
		/* Such timers are due last, as they start from now or later. */
		if (n->seq >= new_from)
			break;
		heap_remove(&l->timers, n);
		struct loop_timer *t = container_of(n, struct loop_timer, node);
		t->cb(t);
	}
}

static void run_tasks(struct loop *l)
{
	if (list_empty(&l->tasks))
		return;
	struct link now = l->tasks;
	now.prev->next = now.next->prev = &now;
	list_init(&l->tasks);
	for (struct link *k; (k = list_shift(&now));) {
		struct loop_task *t = container_of(k, struct loop_task, link);
		t->cb(t);
	}
}

static bool has_work(const struct loop *l)
{
	return l->timers.len || l->watches || l->holds || !list_empty(&l->tasks);
}

bool loop_run_once(struct loop *l, bool wait)
{
	bool block = wait && list_empty(&l->tasks);
	uint64_t new_from = l->timers.seq;
	if (l->jumps)
		poll_virtual(l, block);
	else
		poll_real(l, block && (has_work(l) || l->asyncs || l->n_signals));
	run_timers(l, new_from);
	run_tasks(l);
	return has_work(l);
}

int64_t loop_quiet_ms(const struct loop *l)
{
	int64_t left = list_empty(&l->tasks) ? next_timer_ms(l) : 0;
	return left < 0 ? INT64_MAX : left;
}

void loop_run(struct loop *l)
{
	while (!l->stop)
		if (!loop_run_once(l, true) && (l->jumps || !(l->asyncs || l->n_signals)))
			break;
	l->stop = false;
}

void loop_break(struct loop *l)
{
	l->stop = true;
}

void loop_hold(struct loop *l)
{
	l->holds++;
}

void loop_release(struct loop *l)
{
	assert(l->holds);
	l->holds--;
}

/* ---- timers and tasks ---- */

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms)
{
	heap_remove(&l->timers, &t->node);
	int64_t now = l->clock->boot_ms(l->clock);
	if (delay_ms < 0)
		delay_ms = 0;
	t->node.due = delay_ms > INT64_MAX - now ? INT64_MAX : now + delay_ms;
	heap_add(&l->timers, &t->node);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	heap_remove(&l->timers, &t->node);
}

void loop_defer(struct loop *l, struct loop_task *t)
{
	if (!link_is_in(&t->link))
		list_append(&l->tasks, &t->link);
}

/* ---- descriptors ---- */

static void on_ready(struct ev_loop *ev, ev_io *io, int events)
{
	struct loop_watch *w = io->data;
	w->loop->events++;
	w->cb(w, (events & EV_READ ? LOOP_READ : 0) | (events & EV_WRITE ? LOOP_WRITE : 0));
}

static void watch_stop(struct loop_watch *w)
{
	ev_io *io = w->ev;
	if (!io || !ev_is_active(io))
		return;
	ev_io_stop(w->loop->ev, io);
	w->loop->watches--;
}

/*
 * The descriptor may be closed now, and in the same turn its number may be another one's, of which
 * the kernel must be told even when the events are the same.
 */
static void watch_forget(struct loop_watch *w)
{
	ev_io *io = w->ev;
	if (io)
		ev_io_set(io, -1, 0);
}

void loop_watch_set(struct loop *l, struct loop_watch *w, int fd, int events)
{
	int want = (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);
	ev_io *io = w->ev;
	if (io && ev_is_active(io) && io->fd == fd && (io->events & (EV_READ | EV_WRITE)) == want)
		return;
	watch_stop(w);
	if (!want) {
		watch_forget(w);
		return;
	}
	if (!io) {
		io = w->ev = mem_alloc(sizeof(*io));
		w->loop = l;
		ev_io_init(io, on_ready, fd, want);
		io->data = w;
	} else if (io->fd != fd) {
		ev_io_set(io, fd, want);
	} else {
		/* Unlike ev_io_set this makes no system call when the old events come back soon. */
		io->events = (io->events & ~(EV_READ | EV_WRITE)) | want;
	}
	ev_io_start(l->ev, io);
	l->watches++;
}

void loop_watch_done(struct loop_watch *w)
{
	watch_stop(w);
	free(w->ev);
	w->ev = NULL;
}

/* ---- asyncs and signals ---- */

static void on_async(struct ev_loop *ev, ev_async *w, int events)
{
	struct loop_async *a = w->data;
	a->loop->events++;
	a->cb(a->arg);
}

struct loop_async *loop_async_new(struct loop *l, void (*cb)(void *arg), void *arg)
{
	struct loop_async *a = mem_alloc(sizeof(*a));
	a->loop = l;
	a->cb = cb;
	a->arg = arg;
	ev_async_init(&a->ev, on_async);
	a->ev.data = a;
	ev_async_start(l->ev, &a->ev);
	l->asyncs++;
	return a;
}

void loop_async_send(struct loop_async *a)
{
	ev_async_send(a->loop->ev, &a->ev);
}

void loop_async_free(struct loop_async *a)
{
	if (!a)
		return;
	ev_async_stop(a->loop->ev, &a->ev);
	a->loop->asyncs--;
	free(a);
}

static void on_signal(struct ev_loop *ev, ev_signal *w, int events)
{
	struct loop_signal *s = w->data;
	s->loop->events++;
	s->cb(s->arg, w->signum);
}

void loop_signal(struct loop *l, int signo, void (*cb)(void *arg, int signo), void *arg)
{
	struct loop_signal *s = l->signals[signo];
	if (s && !cb) {
		ev_signal_stop(l->ev, &s->ev);
		l->n_signals--;
		l->signals[signo] = NULL;
		free(s);
	}
	if (!cb)
		return;
	if (!s) {
		s = l->signals[signo] = mem_alloc(sizeof(*s));
		s->loop = l;
		ev_signal_init(&s->ev, on_signal, signo);
		s->ev.data = s;
		ev_signal_start(l->ev, &s->ev);
		l->n_signals++;
	}
	s->cb = cb;
	s->arg = arg;
}
