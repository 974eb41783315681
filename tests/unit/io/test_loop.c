/* The event loop: timers, tasks, descriptors, asyncs and signals, on real and on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include "engine/io/loop.h"

enum { LOG_MAX = 32 };

struct fixture {
	struct clock_virtual clock;
	struct loop *l;
	int log[LOG_MAX];
	int n_log;
};

struct named_timer {
	struct loop_timer t;
	struct fixture *f;
	int name;
	int64_t again; /* >= 0: starts itself with this delay */
	struct named_timer *stops;
};

struct named_task {
	struct loop_task t;
	struct fixture *f;
	int name;
	bool again;
	struct named_task *undoes;
};

static int setup(void **state)
{
	static struct fixture f;
	f = (struct fixture){0};
	clock_virtual_init(&f.clock, 1000000);
	f.l = loop_new(&f.clock.clock, true);
	*state = &f;
	return f.l ? 0 : -1;
}

static int teardown(void **state)
{
	loop_free(((struct fixture *)*state)->l);
	return 0;
}

static void note(struct fixture *f, int name)
{
	assert_true(f->n_log < LOG_MAX);
	f->log[f->n_log++] = name;
}

static void on_timer(struct loop_timer *t)
{
	struct named_timer *n = container_of(t, struct named_timer, t);
	note(n->f, n->name);
	if (n->again >= 0)
		loop_timer_start(n->f->l, t, n->again);
	if (n->stops)
		loop_timer_stop(n->f->l, &n->stops->t);
}

static void on_task(struct loop_task *t)
{
	struct named_task *n = container_of(t, struct named_task, t);
	note(n->f, n->name);
	if (n->again)
		loop_defer(n->f->l, t);
	if (n->undoes)
		loop_undefer(&n->undoes->t);
}

#define TIMER(f_, name_)                                                                           \
	{                                                                                          \
		.t.cb = on_timer, .f = (f_), .name = (name_), .again = -1                          \
	}
#define TASK(f_, name_)                                                                            \
	{                                                                                          \
		.t.cb = on_task, .f = (f_), .name = (name_)                                        \
	}

/* ---- loop_timer_start, loop_timer_stop ---- */

static void virtual_time_jumps_to_each_timer_in_order(void **state)
{
	struct fixture *f = *state;
	struct named_timer day = TIMER(f, 3), soon = TIMER(f, 1), same = TIMER(f, 2);
	loop_timer_start(f->l, &day.t, 86400000);
	loop_timer_start(f->l, &soon.t, 50);
	loop_timer_start(f->l, &same.t, 50);
	assert_true(loop_timer_is_on(&day.t));
	assert_true(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 2);
	assert_int_equal(loop_boot_ms(f->l), 50);
	assert_false(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 3);
	assert_int_equal(f->log[0], 1);
	assert_int_equal(f->log[1], 2);
	assert_int_equal(f->log[2], 3);
	assert_int_equal(loop_boot_ms(f->l), 86400000);
	assert_int_equal(loop_wall_ms(f->l), 1000000 + 86400000);
}

static void a_turn_that_may_not_wait_does_not_jump(void **state)
{
	struct fixture *f = *state;
	struct named_timer t = TIMER(f, 1);
	loop_timer_start(f->l, &t.t, 10);
	assert_true(loop_run_once(f->l, false));
	assert_int_equal(f->n_log, 0);
	assert_int_equal(loop_boot_ms(f->l), 0);
	clock_virtual_advance(&f->clock, 10);
	assert_false(loop_run_once(f->l, false));
	assert_int_equal(f->n_log, 1);
}

static void a_timer_started_for_now_by_a_timer_comes_in_the_next_turn(void **state)
{
	struct fixture *f = *state;
	struct named_timer t = TIMER(f, 1);
	t.again = 0;
	loop_timer_start(f->l, &t.t, 0);
	for (int turn = 1; turn <= 5; turn++) {
		assert_true(loop_run_once(f->l, true));
		assert_int_equal(f->n_log, turn);
	}
	assert_int_equal(loop_boot_ms(f->l), 0);
	loop_timer_stop(f->l, &t.t);
}

static void a_timer_may_stop_another_that_is_due(void **state)
{
	struct fixture *f = *state;
	struct named_timer a = TIMER(f, 1), b = TIMER(f, 2);
	a.stops = &b;
	loop_timer_start(f->l, &a.t, 5);
	loop_timer_start(f->l, &b.t, 5);
	assert_false(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 1);
	assert_false(loop_timer_is_on(&b.t));
}

static void starting_again_moves_a_timer_and_far_delays_do_not_overflow(void **state)
{
	struct fixture *f = *state;
	struct named_timer t = TIMER(f, 1);
	loop_timer_start(f->l, &t.t, INT64_MAX);
	loop_timer_start(f->l, &t.t, -5);
	assert_false(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 1);
	assert_int_equal(loop_boot_ms(f->l), 0);
	clock_virtual_advance(&f->clock, 10);
	loop_timer_start(f->l, &t.t, INT64_MAX);
	assert_true(t.t.node.due == INT64_MAX);
	loop_timer_stop(f->l, &t.t);
	loop_timer_stop(f->l, &t.t);
}

static void real_timers_are_never_early(void **state)
{
	struct fixture f = {.l = loop_new(&clock_real, false)};
	struct named_timer t = TIMER(&f, 1);
	int64_t began = clock_real.boot_ms(&clock_real);
	loop_timer_start(f.l, &t.t, 20);
	while (loop_run_once(f.l, true))
		;
	int64_t took = clock_real.boot_ms(&clock_real) - began;
	assert_int_equal(f.n_log, 1);
	assert_in_range(took, 20, 2000);
	loop_free(f.l);
}

/* ---- loop_defer, loop_undefer ---- */

static void a_task_runs_once_however_often_it_was_deferred(void **state)
{
	struct fixture *f = *state;
	struct named_task t = TASK(f, 1);
	loop_defer(f->l, &t.t);
	loop_defer(f->l, &t.t);
	assert_false(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 1);
}

static void a_task_that_defers_itself_waits_for_the_next_turn(void **state)
{
	struct fixture *f = *state;
	struct named_task t = TASK(f, 1), u = TASK(f, 2);
	t.again = true;
	t.undoes = &u;
	loop_defer(f->l, &t.t);
	loop_defer(f->l, &u.t);
	assert_true(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 1); /* u was taken back while it waited in the same turn */
	assert_true(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 2);
	loop_undefer(&t.t);
	assert_false(loop_run_once(f->l, false));
}

/* ---- loop_watch_set ---- */

struct pipe_watch {
	struct loop_watch w;
	struct fixture *f;
	int fds[2];
	int seen;
};

static void on_pipe(struct loop_watch *w, int events)
{
	struct pipe_watch *p = container_of(w, struct pipe_watch, w);
	p->seen |= events;
	char c;
	if (events & LOOP_READ && read(p->fds[0], &c, 1) == 1)
		note(p->f, c);
}

static void a_ready_descriptor_keeps_virtual_time_still(void **state)
{
	struct fixture *f = *state;
	struct pipe_watch p = {.w.cb = on_pipe, .f = f};
	struct named_timer t = TIMER(f, 9);
	assert_int_equal(pipe(p.fds), 0);
	assert_int_equal(write(p.fds[1], "ab", 2), 2);
	loop_timer_start(f->l, &t.t, 1000);
	loop_watch_set(f->l, &p.w, p.fds[0], LOOP_READ);
	assert_true(loop_run_once(f->l, true));
	assert_int_equal(loop_boot_ms(f->l), 0);
	assert_true(loop_run_once(f->l, true));
	assert_int_equal(loop_boot_ms(f->l), 0);
	assert_true(loop_run_once(f->l, true));
	assert_int_equal(loop_boot_ms(f->l), 1000);
	assert_int_equal(f->log[0], 'a');
	assert_int_equal(f->log[1], 'b');
	assert_int_equal(f->log[2], 9);
	loop_watch_set(f->l, &p.w, p.fds[0], 0);
	assert_false(loop_run_once(f->l, true));
	loop_watch_done(&p.w);
	loop_watch_done(&p.w);
	close(p.fds[0]);
	close(p.fds[1]);
}

/* A closed connection's watch is kept, and the next connection gets it with the same number. */
static void a_watch_hears_of_a_new_descriptor_that_has_the_number_of_a_closed_one(void **state)
{
	struct fixture *f = *state;
	struct pipe_watch p = {.w.cb = on_pipe, .f = f};
	assert_int_equal(pipe(p.fds), 0);
	int fd = p.fds[0];
	loop_watch_set(f->l, &p.w, fd, LOOP_READ);
	loop_run_once(f->l, false);
	assert_int_equal(f->n_log, 0);
	loop_watch_set(f->l, &p.w, fd, 0);
	close(p.fds[0]);
	close(p.fds[1]);
	assert_int_equal(pipe(p.fds), 0);
	assert_int_equal(p.fds[0], fd);
	loop_watch_set(f->l, &p.w, fd, LOOP_READ);
	assert_int_equal(write(p.fds[1], "x", 1), 1);
	loop_run_once(f->l, false);
	assert_int_equal(f->n_log, 1);
	loop_watch_done(&p.w);
	close(p.fds[0]);
	close(p.fds[1]);
}

static void a_watch_can_change_events_and_descriptor(void **state)
{
	struct fixture *f = *state;
	struct pipe_watch p = {.w.cb = on_pipe, .f = f};
	assert_int_equal(pipe(p.fds), 0);
	loop_watch_set(f->l, &p.w, p.fds[0], LOOP_READ);
	loop_run_once(f->l, false);
	assert_int_equal(p.seen, 0);
	loop_watch_set(f->l, &p.w, p.fds[1], LOOP_WRITE);
	loop_run_once(f->l, false);
	assert_int_equal(p.seen, LOOP_WRITE);
	p.seen = 0;
	loop_watch_set(f->l, &p.w, p.fds[1], 0);
	loop_watch_set(f->l, &p.w, p.fds[1], LOOP_WRITE);
	loop_run_once(f->l, false);
	assert_int_equal(p.seen, LOOP_WRITE);
	loop_watch_done(&p.w);
	close(p.fds[0]);
	close(p.fds[1]);
}

/* ---- loop_hold, loop_async ---- */

struct from_thread {
	struct fixture *f;
	struct loop_async *a;
	struct loop_task task;
	sem_t go;
};

/* The thread begins its work in the first turn: the second must wait for it. */
static void let_thread_go(struct loop_task *t)
{
	sem_post(&container_of(t, struct from_thread, task)->go);
}

static void on_async(void *arg)
{
	struct from_thread *t = arg;
	note(t->f, 7);
	loop_release(t->f->l);
}

static void *send_later(void *arg)
{
	struct from_thread *t = arg;
	sem_wait(&t->go);
	loop_async_send(t->a);
	return NULL;
}

static void virtual_time_waits_for_a_thread_that_is_held(void **state)
{
	struct fixture *f = *state;
	struct from_thread t = {.f = f, .task.cb = let_thread_go};
	struct named_timer far = TIMER(f, 1);
	pthread_t thread;
	t.a = loop_async_new(f->l, on_async, &t);
	assert_false(loop_run_once(f->l, true)); /* an async alone is nothing to wait for */
	loop_timer_start(f->l, &far.t, 3600000);
	loop_hold(f->l);
	loop_defer(f->l, &t.task);
	assert_int_equal(sem_init(&t.go, 0, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_later, &t), 0);
	while (loop_run_once(f->l, true))
		;
	assert_int_equal(f->n_log, 2);
	assert_int_equal(f->log[0], 7);
	assert_int_equal(f->log[1], 1);
	pthread_join(thread, NULL);
	sem_destroy(&t.go);
	loop_async_free(t.a);
}

static void a_timer_still_ends_a_hold_that_is_never_released(void **state)
{
	struct fixture *f = *state;
	struct named_timer t = TIMER(f, 1);
	loop_timer_start(f->l, &t.t, 15);
	loop_hold(f->l);
	assert_true(loop_run_once(f->l, true));
	assert_int_equal(f->n_log, 1);
	loop_release(f->l);
	assert_false(loop_run_once(f->l, true));
}

/* ---- loop_signal, loop_run, loop_break ---- */

static void on_signal(void *arg, int signo)
{
	struct fixture *f = arg;
	note(f, signo);
	loop_break(f->l);
}

static void a_signal_reaches_its_callback_and_can_end_the_loop(void **state)
{
	struct fixture f = {.l = loop_new(&clock_real, false)};
	loop_signal(f.l, SIGUSR1, on_signal, &f);
	raise(SIGUSR1);
	loop_run(f.l);
	assert_int_equal(f.n_log, 1);
	assert_int_equal(f.log[0], SIGUSR1);
	loop_signal(f.l, SIGUSR1, NULL, NULL);
	loop_run(f.l); /* nothing is left to wait for */
	loop_free(f.l);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(virtual_time_jumps_to_each_timer_in_order),
		T(a_turn_that_may_not_wait_does_not_jump),
		T(a_timer_started_for_now_by_a_timer_comes_in_the_next_turn),
		T(a_timer_may_stop_another_that_is_due),
		T(starting_again_moves_a_timer_and_far_delays_do_not_overflow),
		T(real_timers_are_never_early),
		T(a_task_runs_once_however_often_it_was_deferred),
		T(a_task_that_defers_itself_waits_for_the_next_turn),
		T(a_ready_descriptor_keeps_virtual_time_still),
		T(a_watch_can_change_events_and_descriptor),
		T(a_watch_hears_of_a_new_descriptor_that_has_the_number_of_a_closed_one),
		T(virtual_time_waits_for_a_thread_that_is_held),
		T(a_timer_still_ends_a_hold_that_is_never_released),
		T(a_signal_reaches_its_callback_and_can_end_the_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
