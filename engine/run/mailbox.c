/* What came for a run's waits. */
#include "engine/run/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/run/run.h"

static void mail_free(struct mail *m)
{
	free(m->path);
	free(m->what);
	event_unref(m->event);
	json_decref(m->body);
}

void mailbox_done(struct mailbox *b)
{
	for (size_t i = 0; i < b->n; i++)
		mail_free(&b->at[i]);
	free(b->at);
	b->at = NULL;
	b->n = b->cap = 0;
}

static bool has(const struct mailbox *b, uint64_t m)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->at[i].m == m)
			return true;
	return false;
}

static void add(struct mailbox *b, const struct store_inbox_row *row)
{
	struct errmsg msg;
	struct mail m = {.m = row->m};
	if (row->event)
		m.event = event_from_store(row->event, &msg);
	else if (row->len)
		(void)json_parse(row->body, row->len, false, &m.body, &msg);
	if (row->event && !m.event)
		return;
	m.path = mem_strdup(row->path);
	m.what = mem_strdup(row->what);
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 4;
		b->at = mem_realloc(b->at, b->cap * sizeof(*b->at));
	}
	b->at[b->n++] = m;
}

void mailbox_take(struct mailbox *b, const struct store_loaded *l)
{
	for (size_t i = 0; i < l->n_inbox; i++)
		if (!has(b, l->inbox[i].m))
			add(b, &l->inbox[i]);
}

struct mail *mailbox_first(const struct mailbox *b, const char *path)
{
	for (size_t i = 0; i < b->n; i++)
		if (!b->at[i].judged && !strcmp(b->at[i].path, path))
			return &b->at[i];
	return NULL;
}

/* Of an event that is taken no other wait of the run has anything. */
static void mark_gone(struct mailbox *b, const struct store_judged *j)
{
	const struct event *taken = NULL;
	for (size_t i = 0; i < b->n; i++) {
		if (b->at[i].m != j->m)
			continue;
		b->at[i].gone = true;
		taken = j->took ? b->at[i].event : NULL;
	}
	for (size_t i = 0; i < b->n && taken; i++)
		if (b->at[i].event && b->at[i].event->seq == taken->seq)
			b->at[i].gone = true;
}

void mailbox_sweep(struct mailbox *b, const struct store_judged *j, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		mark_gone(b, &j[i]);
	for (size_t i = 0; i < b->n; i++) {
		if (b->at[i].gone)
			mail_free(&b->at[i]);
		else
			b->at[kept++] = b->at[i];
	}
	b->n = kept;
}

/* ---- for kinds ---- */

void step_await(struct act *a, struct store_wait *w)
{
	w->path = a->path;
	a->awaits = true;
	jbuf_wait(&a->run->buf, w);
}

struct mail *step_mail(const struct act *a, json_t **ret_event, json_t **ret_body)
{
	struct mail *m = mailbox_first(&a->run->mail, a->path);
	*ret_event = m && m->event ? event_envelope(m->event) : NULL;
	*ret_body = m ? m->body : NULL;
	return m;
}

const struct event *mail_event(const struct mail *m)
{
	return m->event;
}

/* Of an event that is taken the store lets no other wait of this run have anything. */
static void forget_event(struct mailbox *b, const struct mail *taken)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->at[i].event && b->at[i].event->seq == taken->event->seq)
			b->at[i].judged = true;
}

void step_judge(struct act *a, struct mail *m, bool took)
{
	m->judged = true;
	jbuf_judge(&a->run->buf, m->m, took);
	if (took && m->event)
		forget_event(&a->run->mail, m);
}

void step_mark(struct act *a)
{
	a->run->buf.mark = true;
}

/* ---- of a run ---- */

void run_deliver_mail(struct run *r)
{
	list_each_safe (l, &r->acts) {
		struct act *a = container_of(l, struct act, link);
		if (a->at == ACT_PARKED && mailbox_first(&r->mail, a->path))
			act_make_ready(a);
	}
	if (!list_empty(&r->ready))
		run_schedule(r);
}

static void on_fetched(struct store_op *op)
{
	struct run *r = container_of(container_of(op, struct store_inbox, op), struct run, mail.op);
	struct store_loaded *l = r->mail.op.loaded;
	r->mail.fetching = false;
	r->flying--;
	if (l) {
		mailbox_take(&r->mail, l);
		if (l->cancel_at)
			run_cancel(r);
		store_loaded_free(l);
	} else if (op->err != ERR_NOT_FOUND) {
		log_line(LOG_ERROR, "inbox_unread", "run", r->id_text, "text", op->msg.text, NULL);
	}
	run_deliver_mail(r);
	if (r->mail.again)
		run_fetch_mail(r);
	else
		run_schedule(r);
}

void run_fetch_mail(struct run *r)
{
	r->mail.again = r->mail.fetching;
	if (r->mail.fetching)
		return;
	engine_run_woken(r->engine, r);
	r->mail.fetching = true;
	r->flying++; /* it does not leave memory meanwhile */
	r->mail.op =
		(struct store_inbox){.op = {.verb = STORE_INBOX, .cb = on_fetched}, .run = r->id};
	store_submit(engine_conf(r->engine)->store, &r->mail.op.op);
}
