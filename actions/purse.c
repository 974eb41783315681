/*
 * What an API key may spend: the rate, and who is next.
 *
 * All callbacks of passes come from purse_turn(), which runs on the loop alone: as a task after
 * something has changed, by the timer when a permit is free again, or when a block has come.
 */
#include "actions/purse.h"

#include <stdlib.h>
#include <string.h>

#include "actions/purse_private.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"

#define WINDOW_MS 1050
#define URGENT_MAX 3 /* in a row, while others wait */
#define AHEAD_MAX_MS (5 * 60 * 1000)
#define JITTER_MS 60000
#define PAUSE_MS 1000
#define PAUSE_GROWN_MS 60000
#define PAUSE_MAX_MS (10 * 60 * 1000)
#define RECOVER_MS 30000
#define BEST_SHARE 0.001

/* ---- shares ---- */

static int64_t kept_for(const struct share *s)
{
	return s->reserve > s->spent ? s->reserve - s->spent : 0;
}

static void share_count(struct purse *p, struct share *s, int64_t n)
{
	p->kept -= kept_for(s);
	s->spent += n;
	p->kept += kept_for(s);
}

static struct share *share_of(struct purse *p, enum pass_kind kind, const char *rule)
{
	if (kind != PASS_RULE)
		return &p->kinds[kind];
	struct share *s = map_get(&p->rules, rule ? rule : "");
	if (s)
		return s;
	s = mem_alloc(sizeof(*s));
	s->kind = PASS_RULE;
	s->weight = 1;
	list_init(&s->waiting);
	(void)map_put(&p->rules, rule ? rule : "", s);
	return s;
}

static bool is_urgent(const struct share *s)
{
	return s->kind < PASS_RULE;
}

/* What is left of the day for this one. */
static int64_t open_for(const struct purse *p, const struct share *s)
{
	int64_t open = quota_open(&p->quota);
	if (open == INT64_MAX)
		return open;
	open -= p->kept - kept_for(s);
	return is_urgent(s) ? open : open - p->reserve;
}

static bool is_exhausted_for(const struct purse *p, const struct share *s)
{
	return p->quota.limit && p->quota.known && open_for(p, s) <= 0;
}

/* ---- the rate ---- */

static int64_t now_ms(const struct purse *p)
{
	const struct clock *c = loop_clock(p->loop);
	return c->boot_ms(c); /* this very moment: a turn of the loop may take long */
}

static void recover(struct purse *p, int64_t now)
{
	while (p->permits < p->n_ring && now - p->shrunk_at >= RECOVER_MS) {
		p->permits++;
		p->shrunk_at += RECOVER_MS;
	}
}

/* When the n-th last leave was, n from 1. */
static int64_t nth_last(const struct purse *p, unsigned n)
{
	return p->ring[(p->at + p->n_ring - n) % p->n_ring];
}

/* How long until one may leave: 0 now, -1 not before a pass leaves or ends. */
static int64_t wait_ms(struct purse *p)
{
	int64_t now = now_ms(p), quiet = quota_quiet_ms(&p->quota);
	if (now < p->paused_until)
		return p->paused_until - now;
	if (quiet)
		return quiet;
	if (!p->n_ring)
		return 0;
	recover(p, now);
	if (p->taken >= p->permits)
		return -1;
	int64_t free_at = nth_last(p, p->permits - p->taken) + p->window_ms;
	return free_at > now ? free_at - now : 0;
}

/* ---- the queue ---- */

static void on_task(struct loop_task *t);
static void on_timer(struct loop_timer *t);

static void wake(struct purse *p)
{
	if (!p->started || (!p->n_waiting && list_empty(&p->refused)))
		return;
	p->task.cb = on_task;
	loop_defer(p->loop, &p->task);
}

static void enqueue(struct purse *p, struct share *s, struct pass *a)
{
	if (!s->n_waiting) {
		list_append(is_urgent(s) ? &p->urgent : &p->active, &s->active);
		s->vtime = s->vtime > p->vtime ? s->vtime : p->vtime;
	}
	list_append(&s->waiting, &a->link);
	s->n_waiting++;
	p->n_waiting++;
	a->at = PASS_ASKED;
}

static void dequeue(struct purse *p, struct share *s, struct pass *a)
{
	list_remove(&a->link);
	p->n_waiting--;
	if (--s->n_waiting == 0)
		list_remove(&s->active);
}

static struct share *share_at(struct link *l)
{
	return container_of(l, struct share, active);
}

/* The one of these that has had the least for its weight. */
static struct share *least(struct link *head)
{
	struct share *best = NULL;
	list_each (l, head)
		if (!best || share_at(l)->vtime < best->vtime)
			best = share_at(l);
	return best;
}

static struct share *first_urgent(struct link *head)
{
	struct share *best = NULL;
	list_each (l, head)
		if (!best || share_at(l)->kind < best->kind)
			best = share_at(l);
	return best;
}

/* Somebody is waiting. People do not keep rules off for good, however many they are. */
static struct share *next_share(struct purse *p)
{
	struct share *urgent = first_urgent(&p->urgent), *other = least(&p->active);
	if (urgent && (!other || p->streak < URGENT_MAX)) {
		p->streak++;
		return urgent;
	}
	p->streak = 0;
	return other;
}

/* ---- refusing ---- */

static double weight_of_active(const struct purse *p)
{
	double sum = 0;
	list_each (l, (struct link *)&p->active)
		sum += share_at(l)->weight;
	return sum > 0 ? sum : 1;
}

/*
 * When to come again: places are given out one after the other, twice as fast as they will be taken,
 * so that some always wait; and never far ahead, since the others may be done soon.
 */
static int64_t next_place(struct purse *p, struct share *s)
{
	int64_t now = loop_wall_ms(p->loop), cap = now + AHEAD_MAX_MS;
	double part = s->weight / weight_of_active(p);
	double each = p->n_ring ? (double)p->window_ms / p->permits : 1;
	int64_t place = (int64_t)(each / (part > 1 ? 1 : part) / 2) + 1;
	int64_t first = now + place * s->n_waiting;
	s->horizon = (s->horizon > first ? s->horizon : first) + place;
	if (s->horizon < cap)
		return s->horizon + (int64_t)rng_below(p->rng, (uint64_t)place);
	s->horizon = cap;
	return now + AHEAD_MAX_MS / 2 + (int64_t)rng_below(p->rng, AHEAD_MAX_MS / 2);
}

static void set_throttled(struct purse *p, struct share *s, struct pass *a)
{
	a->due = next_place(p, s);
	a->err = err_set(&a->msg, ERR_THROTTLED, "the rate of %s is taken by %u others that wait",
			 p->label, p->n_waiting);
}

static void set_exhausted(struct purse *p, struct share *s, struct pass *a)
{
	a->due = quota_turn_at(&p->quota) + (int64_t)rng_below(p->rng, JITTER_MS);
	a->err = err_set(&a->msg, ERR_QUOTA, "the day's quota of %s is used up%s", p->label,
			 quota_open(&p->quota) > 0 && !is_urgent(s) ? " but for what is reserved"
								    : "");
}

/* Their callbacks come in the next turn. */
static void refuse(struct purse *p, struct share *s, struct pass *a)
{
	dequeue(p, s, a);
	list_append(&p->refused, &a->link);
}

static void refuse_exhausted(struct purse *p, struct link *head)
{
	list_each_safe (l, head) {
		struct share *s = share_at(l);
		if (!is_exhausted_for(p, s))
			continue;
		while (s->n_waiting) {
			struct pass *a = container_of(s->waiting.next, struct pass, link);
			set_exhausted(p, s, a);
			refuse(p, s, a);
		}
	}
}

static void tell_refused(struct purse *p)
{
	for (struct link *l; (l = list_shift(&p->refused));) {
		struct pass *a = container_of(l, struct pass, link);
		a->share = NULL;
		a->at = PASS_IDLE;
		a->cb(a);
	}
}

/* ---- granting ---- */

static void grant(struct purse *p, struct share *s, struct pass *a)
{
	p->taken++;
	if (!is_urgent(s)) {
		p->vtime = s->vtime > p->vtime ? s->vtime : p->vtime;
		s->vtime = p->vtime + 1 / s->weight;
	}
	share_count(p, s, 1);
	a->share = s;
	a->day = p->quota.day;
	a->at = PASS_GRANTED;
}

/* A new day: what each has had of the old one does not count. */
void purse_tick(struct purse *p)
{
	quota_tick(&p->quota);
	if (p->turns == p->quota.turns)
		return;
	p->turns = p->quota.turns;
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&p->rules, &i));)
		share_count(p, e->value, -((struct share *)e->value)->spent);
	for (i = 0; i < PURSE_KINDS; i++)
		p->kinds[i].spent = 0;
}

static void refuse_all_exhausted(struct purse *p)
{
	refuse_exhausted(p, &p->urgent);
	refuse_exhausted(p, &p->active);
	tell_refused(p);
}

/* May one leave now? Otherwise something will call purse_turn() when it may. */
static bool has_place(struct purse *p)
{
	int64_t wait = wait_ms(p);
	if (wait > 0) {
		p->timer.cb = on_timer;
		loop_timer_start(p->loop, &p->timer, wait);
	}
	return !wait && quota_take(&p->quota);
}

static void purse_turn(struct purse *p)
{
	purse_tick(p);
	refuse_all_exhausted(p);
	while (p->started && p->n_waiting && has_place(p)) {
		struct share *s = next_share(p);
		struct pass *a = container_of(s->waiting.next, struct pass, link);
		dequeue(p, s, a);
		grant(p, s, a);
		a->cb(a);
		refuse_all_exhausted(p);
	}
}

static void on_task(struct loop_task *t)
{
	purse_turn(container_of(t, struct purse, task));
}

static void on_timer(struct loop_timer *t)
{
	purse_turn(container_of(t, struct purse, timer));
}

static void on_quota(struct quota *q)
{
	purse_turn(container_of(q, struct purse, quota));
}

/* ---- what passes do ---- */

/* Full: the newest of the longest queue makes room for one whose queue is shorter. */
static bool make_room(struct purse *p, const struct share *s)
{
	struct share *longest = NULL;
	if (p->n_waiting < PURSE_MAX)
		return true;
	list_each (l, &p->active)
		if (!longest || share_at(l)->n_waiting > longest->n_waiting)
			longest = share_at(l);
	if (!longest || longest->n_waiting <= s->n_waiting + 1)
		return false;
	struct pass *last = container_of(longest->waiting.prev, struct pass, link);
	set_throttled(p, longest, last);
	refuse(p, longest, last);
	wake(p);
	return true;
}

bool purse_ask(struct purse *p, struct pass *a)
{
	purse_start(p, a->services);
	purse_tick(p);
	struct share *s = share_of(p, a->kind, a->rule);
	a->share = s;
	a->at = PASS_IDLE;
	if (is_exhausted_for(p, s)) {
		set_exhausted(p, s, a);
		return true;
	}
	if (!p->n_waiting && list_empty(&p->refused) && !wait_ms(p) && quota_take(&p->quota)) {
		grant(p, s, a);
		return true;
	}
	if (s->n_waiting >= PURSE_RULE_MAX || !make_room(p, s)) {
		set_throttled(p, s, a);
		return true;
	}
	enqueue(p, s, a);
	wake(p);
	return false;
}

void purse_leave(struct purse *p, struct pass *a)
{
	a->left_at = now_ms(p);
	p->taken--;
	if (p->n_ring) {
		p->ring[p->at] = a->left_at;
		p->at = (p->at + 1) % p->n_ring;
	}
	quota_leave(&p->quota, a->day);
	wake(p);
}

void purse_done(struct purse *p, struct pass *a)
{
	struct share *s = a->share;
	a->share = NULL;
	if (a->at == PASS_ASKED && s && link_is_in(&a->link)) {
		if (a->err)
			list_remove(&a->link);
		else
			dequeue(p, s, a);
	} else if (a->at == PASS_GRANTED && s) {
		p->taken--;
		share_count(p, s, s->spent > 0 ? -1 : 0);
		quota_give_back(&p->quota, a->day);
		wake(p);
	}
}

/* ---- what answers teach ---- */

/* Those that left before the pause belong to the same mistake. */
static void learn_throttled(struct purse *p, const struct pass *a, int64_t asked_ms)
{
	int64_t now = now_ms(p), pause = PAUSE_MS;
	if (a->left_at < p->paused_at)
		return;
	for (unsigned i = 0; i < p->strikes && pause < PAUSE_GROWN_MS; i++)
		pause *= 2;
	pause = asked_ms > pause ? asked_ms : pause;
	pause = pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS;
	p->strikes++;
	p->pauses++;
	p->paused_at = now;
	p->paused_until = now + pause + (int64_t)rng_below(p->rng, (uint64_t)pause / 4 + 1);
	p->permits = p->permits > 1 ? p->permits / 2 : p->permits;
	p->shrunk_at = p->paused_until;
}

void purse_answered(struct purse *p, const struct pass *a, const struct pass_answer *r)
{
	quota_hear(&p->quota, r->peer_ms);
	purse_tick(p);
	if (r->err == ERR_QUOTA)
		quota_exhaust(&p->quota, a->day);
	else if (r->err == ERR_THROTTLED && !r->narrow)
		learn_throttled(p, a, r->wait_ms);
	else if (!r->err && a->left_at >= p->paused_at)
		p->strikes = 0;
	wake(p);
}

/* ---- life ---- */

/* What a rate means: so many permits, each back so long after it was used. */
static void set_rate(struct purse *p, double per_second)
{
	free(p->ring);
	p->ring = NULL;
	p->per_second = per_second;
	p->n_ring = per_second <= 0 ? 0 : per_second < 1 ? 1 : (unsigned)per_second;
	p->window_ms = per_second > 0 && per_second < 1 ? (int64_t)(WINDOW_MS / per_second) + 1
							: WINDOW_MS;
	p->permits = p->n_ring;
	if (p->n_ring)
		p->ring = mem_alloc(p->n_ring * sizeof(*p->ring));
}

static void set_day(struct purse *p, const struct purse_limits *l)
{
	p->quota.limit = l->per_day;
	p->quota.resets_ms = l->resets_ms;
	p->reserve = l->reserve >= 0 ? l->reserve : l->per_day / 50;
}

struct purse *purse_new(const char *id, const char *label, const struct purse_limits *l)
{
	struct purse *p = mem_alloc(sizeof(*p));
	p->id = mem_strdup(id);
	p->label = mem_strdup(label);
	p->quota.name = p->id;
	p->quota.cb = on_quota;
	list_init(&p->active);
	list_init(&p->urgent);
	list_init(&p->refused);
	for (size_t i = 0; i < PURSE_KINDS; i++) {
		p->kinds[i].kind = (enum pass_kind)i;
		p->kinds[i].weight = 1;
		list_init(&p->kinds[i].waiting);
	}
	set_rate(p, l->per_second);
	set_day(p, l);
	return p;
}

void purse_free(struct purse *p)
{
	if (!p)
		return;
	purse_stop(p);
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&p->rules, &i));)
		free(e->value);
	map_done(&p->rules);
	free(p->ring);
	free(p->id);
	free(p->label);
	free(p);
}

void purse_narrow(struct purse *p, const struct purse_limits *l)
{
	if (l->per_second > 0 && (!p->n_ring || l->per_second < p->per_second))
		set_rate(p, l->per_second);
	if (l->per_day > 0 && (!p->quota.limit || l->per_day < p->quota.limit))
		set_day(p, l);
}

const char *purse_label(const struct purse *p)
{
	return p->label;
}

void purse_start(struct purse *p, const struct services *s)
{
	if (p->started)
		return;
	p->started = true;
	p->loop = s->loop;
	p->rng = s->rng;
	for (unsigned i = 0; i < p->n_ring; i++)
		p->ring[i] = now_ms(p);
	quota_start(&p->quota, s->loop, s->store);
}

void purse_stop(struct purse *p)
{
	if (!p->started)
		return;
	p->started = false;
	quota_stop(&p->quota);
	loop_undefer(&p->task);
	loop_timer_stop(p->loop, &p->timer);
}

/* ---- rules ---- */

void purse_forget_rules(struct purse *p)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&p->rules, &i));) {
		((struct share *)e->value)->weight = 1;
		((struct share *)e->value)->reserve = 0;
	}
	p->kept = 0;
}

void purse_set_rule(struct purse *p, const char *rule, double share, int64_t reserve)
{
	struct share *s = share_of(p, PASS_RULE, rule);
	p->kept -= kept_for(s);
	s->weight = share > BEST_SHARE ? share : share > 0 ? BEST_SHARE : 1;
	s->reserve = reserve;
	p->kept += kept_for(s);
}

int64_t purse_back_at(struct purse *p)
{
	if (!p->started)
		return 0;
	purse_tick(p);
	bool out = p->quota.limit && p->quota.known &&
		   quota_open(&p->quota) - p->kept - p->reserve <= 0;
	return out ? quota_turn_at(&p->quota) : 0;
}
