/* The SQLite store's threads: verbs travel to the writer or the reader and come back in batches. */
#include "engine/store/sqlite.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"

#define CHECKPOINT_PAGES 256 /* of 4 KiB: 1 MiB */
#define PRUNE_QUEUE_MAX 16   /* verbs waiting: more, and pruning is for later */

static void fatal_default(const char *why)
{
	(void)why;
	abort();
}

void (*store_on_fatal)(const char *why) = fatal_default;

/* ---- lists ---- */

/* Appends all of `from`, which is empty then. */
static void list_move(struct link *to, struct link *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

static struct store_op *op_of(struct link *l)
{
	return container_of(l, struct store_op, link);
}

/* ---- on the threads ---- */

static void post(struct sqlite_store *s, struct link *ops)
{
	pthread_mutex_lock(&s->done_lock);
	list_move(&s->done, ops);
	pthread_cond_signal(&s->done_more);
	pthread_mutex_unlock(&s->done_lock);
	loop_async_send(s->async);
}

static size_t accept_bytes(const struct store_accept *a)
{
	return 300 + a->ev.body_len + strlen(a->ev.headers) + 250 * a->n_runs;
}

/* About what the verb adds to the log. */
static size_t op_bytes(const struct store_op *op)
{
	if (op->verb == STORE_ACCEPT)
		return accept_bytes(container_of(op, struct store_accept, op));
	if (op->verb == STORE_PUT_SOURCE)
		return container_of(op, struct store_put_source, op)->len;
	if (op->verb != STORE_APPEND)
		return 100;
	const struct store_append *a = container_of(op, struct store_append, op);
	size_t bytes = 100;
	for (size_t i = 0; i < a->n_recs; i++)
		bytes += 60 + a->recs[i].len;
	for (size_t i = 0; i < a->n_emits; i++)
		bytes += accept_bytes(&a->emits[i]);
	return bytes;
}

static void batch_take(struct link *queue, struct link *batch)
{
	size_t n = 0, bytes = 0;
	list_init(batch);
	while (!list_empty(queue) && n < STORE_BATCH_VERBS && bytes < STORE_BATCH_BYTES) {
		struct link *l = list_shift(queue);
		bytes += op_bytes(op_of(l));
		n++;
		list_append(batch, l);
	}
}

static void died(struct sqlite_store *s)
{
	s->dead = true;
	store_on_fatal("the store could not be synced to the disk");
}

/* All of the batch in one transaction. 0 or an SQLite code, after which nothing of it is there. */
static int batch_try(struct sqlite_store *s, struct link *batch, bool prune)
{
	int rc = writer_begin(s);
	list_each (l, batch)
		if (!rc)
			rc = writer_verb(s, op_of(l));
	if (!rc && prune)
		rc = writer_prune(s);
	if (!rc)
		rc = writer_commit(s);
	if (rc && sqlite_is_fatal(rc))
		died(s);
	if (rc)
		writer_rollback(s);
	return rc;
}

static void op_fail(struct sqlite_store *s, struct store_op *op, int rc)
{
	op->err = err_set(&op->msg, ERR_STORE, "%s",
			  s->dead ? "the disk could not be synced" : sqlite3_errstr(rc));
}

/* One by one, so that only those fail that the fault is about. */
static void batch_retry(struct sqlite_store *s, struct link *batch)
{
	struct link one;
	list_init(&one);
	list_each_safe (l, batch) {
		list_remove(l);
		list_append(&one, l);
		int rc = s->dead ? SQLITE_IOERR_FSYNC : batch_try(s, &one, false);
		if (rc)
			op_fail(s, op_of(l), rc);
		list_remove(l);
		list_append(l_next, l);
	}
}

/* Back into the file what the log has, unless a reader still needs it there. */
static void checkpoint(struct sqlite_store *s)
{
	if (s->dead || s->wal_pages < s->checkpoint_at)
		return;
	int in_log = 0, moved = 0;
	int rc = sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log,
					   &moved);
	if (rc && sqlite_is_fatal(rc)) {
		died(s);
		return;
	}
	/* Any other failure, as of a full disk, is tried again when the log has grown. */
	s->checkpoint_at = (rc || moved < in_log ? s->wal_pages : 0) + CHECKPOINT_PAGES;
}

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	((struct sqlite_store *)arg)->wal_pages = pages;
	return SQLITE_OK;
}

static size_t waiting_up_to(const struct link *queue, size_t max)
{
	size_t n = 0;
	for (struct link *l = queue->next; l != queue && n < max; l = l->next)
		n++;
	return n;
}

static void writer_serve(struct worker *w, struct link *queue)
{
	struct sqlite_store *s = w->store;
	struct link batch;
	while (!list_empty(queue)) {
		batch_take(queue, &batch);
		bool prune =
			s->prune_debt && waiting_up_to(queue, PRUNE_QUEUE_MAX) < PRUNE_QUEUE_MAX;
		if (s->dead || batch_try(s, &batch, prune))
			batch_retry(s, &batch);
		post(s, &batch);
		checkpoint(s);
	}
}

static void reader_serve(struct worker *w, struct link *queue)
{
	struct link one;
	list_init(&one);
	for (struct link *l; (l = list_shift(queue));) {
		reader_verb(w->store, op_of(l));
		list_append(&one, l);
		post(w->store, &one);
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct link mine;
	list_init(&mine);
	for (;;) {
		pthread_mutex_lock(&w->lock);
		while (list_empty(&w->queue) && !w->stop)
			pthread_cond_wait(&w->wake, &w->lock);
		bool over = list_empty(&w->queue);
		list_move(&mine, &w->queue);
		pthread_mutex_unlock(&w->lock);
		if (over)
			return NULL;
		w->serve(w, &mine);
	}
}

/* ---- on the loop ---- */

static void worker_init(struct worker *w, struct sqlite_store *s,
			void (*serve)(struct worker *, struct link *))
{
	w->store = s;
	w->serve = serve;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	list_init(&w->queue);
}

/* Signals are the loop's: the thread blocks them all. */
static int worker_start(struct worker *w, struct errmsg *msg)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return err_set(msg, ERR_STORE, "cannot start a thread: %s", strerror(rc));
	w->started = true;
	return 0;
}

static void worker_stop(struct worker *w)
{
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
}

static void hand_over(struct worker *w, struct link *ops)
{
	if (list_empty(ops))
		return;
	pthread_mutex_lock(&w->lock);
	list_move(&w->queue, ops);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static void on_kick(struct loop_task *t)
{
	struct sqlite_store *s = container_of(t, struct sqlite_store, kick);
	hand_over(&s->writer, &s->to_write);
	hand_over(&s->reader, &s->to_read);
}

static void deliver(struct sqlite_store *s)
{
	struct link done;
	list_init(&done);
	pthread_mutex_lock(&s->done_lock);
	list_move(&done, &s->done);
	pthread_mutex_unlock(&s->done_lock);
	for (struct link *l; (l = list_shift(&done));) {
		if (--s->outstanding == 0)
			loop_release(s->loop);
		op_of(l)->cb(op_of(l));
	}
}

static void on_done(void *arg)
{
	deliver(arg);
}

static void sqlite_submit(struct store *base, struct store_op *op)
{
	struct sqlite_store *s = (struct sqlite_store *)base;
	op->err = 0;
	list_append(store_is_read(op) ? &s->to_read : &s->to_write, &op->link);
	if (s->outstanding++ == 0)
		loop_hold(s->loop);
	loop_defer(s->loop, &s->kick);
}

static void sqlite_free(struct sqlite_store *s)
{
	worker_stop(&s->reader);
	worker_stop(&s->writer);
	sqlite_close_all(s);
	list_remove(&s->kick.link);
	loop_async_free(s->async);
	pthread_cond_destroy(&s->done_more);
	pthread_mutex_destroy(&s->done_lock);
	free(s->path);
	free(s);
}

static void sqlite_close(struct store *base)
{
	struct sqlite_store *s = (struct sqlite_store *)base;
	/* Callbacks may submit more. */
	while (s->outstanding) {
		on_kick(&s->kick);
		pthread_mutex_lock(&s->done_lock);
		while (list_empty(&s->done))
			pthread_cond_wait(&s->done_more, &s->done_lock);
		pthread_mutex_unlock(&s->done_lock);
		deliver(s);
	}
	sqlite_free(s);
}

static const struct store_ops sqlite_ops = {.submit = sqlite_submit, .close = sqlite_close};

struct store *store_sqlite_open(const char *path, struct loop *l, const struct clock *c,
				struct errmsg *msg)
{
	struct sqlite_store *s = mem_alloc(sizeof(*s));
	s->base.ops = &sqlite_ops;
	s->loop = l;
	s->clock = c;
	s->path = mem_strdup(strncmp(path, "sqlite:", 7) ? path : path + 7);
	s->lock_fd = -1;
	s->checkpoint_at = CHECKPOINT_PAGES;
	s->kick.cb = on_kick;
	list_init(&s->to_write);
	list_init(&s->to_read);
	list_init(&s->done);
	pthread_mutex_init(&s->done_lock, NULL);
	pthread_cond_init(&s->done_more, NULL);
	worker_init(&s->writer, s, writer_serve);
	worker_init(&s->reader, s, reader_serve);
	s->async = loop_async_new(l, on_done, s);
	if (sqlite_open_all(s, msg) || writer_prepare(s, msg) || reader_prepare(s, msg))
		goto failed;
	sqlite3_wal_hook(s->writer.db, on_commit, s);
	if (worker_start(&s->writer, msg) || worker_start(&s->reader, msg))
		goto failed;
	return &s->base;
failed:
	sqlite_free(s);
	return NULL;
}
