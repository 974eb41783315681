/* The day's quota of an API key. */
#include "actions/quota.h"

#define BEFORE_MS 2000
#define AFTER_MS 5000
#define BLOCKS 200
#define SOON_MS 60000 /* blocks that come this soon after each other are too small */
#define AGAIN_MS 1000
#define MINUTE_MS 60000
/* A Date that is further from our own clock is taken for a mistake. */
#define SKEW_MAX_MS QUOTA_DAY_MS

/* ---- the day ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t api_ms(const struct quota *q)
{
	return loop_wall_ms(q->loop) + q->skew_ms - q->resets_ms;
}

int64_t quota_quiet_ms(const struct quota *q)
{
	if (!q->limit)
		return 0;
	int64_t now = api_ms(q), at = now - floor_div(now, QUOTA_DAY_MS) * QUOTA_DAY_MS;
	if (at >= QUOTA_DAY_MS - BEFORE_MS)
		return QUOTA_DAY_MS - at + AFTER_MS;
	return at < AFTER_MS ? AFTER_MS - at : 0;
}

int64_t quota_turn_at(const struct quota *q)
{
	return (q->day + 1) * QUOTA_DAY_MS + q->resets_ms + AFTER_MS - q->skew_ms;
}

static void turn_to(struct quota *q, int64_t day)
{
	q->day = day;
	q->turns++;
	q->spent = q->left = 0;
	q->out = q->known = false;
}

void quota_tick(struct quota *q)
{
	int64_t day = floor_div(api_ms(q) - AFTER_MS, QUOTA_DAY_MS);
	/* Never back by a day, which clocks may differ by; further ahead it was a clock's mistake. */
	if (day > q->day || day < q->day - 1)
		turn_to(q, day);
}

void quota_hear(struct quota *q, int64_t peer_ms)
{
	int64_t skew = peer_ms - loop_wall_ms(q->loop);
	if (peer_ms && skew < SKEW_MAX_MS && skew > -SKEW_MAX_MS)
		q->skew_ms = skew;
}

/* ---- blocks ---- */

static void settle_debt(struct quota *q)
{
	int64_t n = q->owed < q->left ? q->owed : q->left;
	q->left -= n;
	q->owed -= n;
}

/* What the store said of the day that it is. */
static void take_news(struct quota *q)
{
	if (q->op.last_day > q->day)
		turn_to(q, q->op.last_day);
	if (q->op.last_day != q->day)
		return; /* the day has turned meanwhile: the block is lost */
	q->known = true;
	q->spent = q->op.spent;
	if (q->op.day == q->day)
		q->left += q->op.granted;
	if (q->out)
		q->left = 0;
	settle_debt(q);
}

static void ask_store(struct quota *q, int64_t amount);

static void on_again(struct loop_timer *t)
{
	struct quota *q = container_of(t, struct quota, again);
	if (q->out && q->spent < q->limit)
		ask_store(q, q->limit);
	q->cb(q);
}

static void on_spent(struct store_op *op)
{
	struct quota *q = container_of(op, struct quota, op.op);
	q->busy = false;
	if (q->stopped)
		return;
	if (op->err) {
		q->again.cb = on_again;
		loop_timer_start(q->loop, &q->again, AGAIN_MS);
		return;
	}
	take_news(q);
	if (q->out && q->spent < q->limit)
		ask_store(q, q->limit);
	q->cb(q);
}

/* One question at a time. Without a store the answer is there at once. */
static void ask_store(struct quota *q, int64_t amount)
{
	if (q->busy || loop_timer_is_on(&q->again))
		return;
	q->op = (struct store_spend){.op = {.verb = STORE_SPEND, .cb = on_spent},
				     .name = q->name,
				     .day = q->day,
				     .amount = amount,
				     .limit = q->limit};
	if (q->store) {
		q->busy = true;
		store_submit(q->store, &q->op.op);
		return;
	}
	int64_t rest = q->limit - q->spent;
	q->op.granted = amount < rest ? amount : rest;
	q->op.spent = q->spent + q->op.granted;
	q->op.last_day = q->day;
	take_news(q);
}

/* Seldom calls take a block of one each; the faster they come, the larger the blocks. */
static void fill(struct quota *q)
{
	int64_t now = loop_boot_ms(q->loop), max = q->limit / BLOCKS;
	if (q->busy || q->spent >= q->limit)
		return;
	if (!q->block)
		q->block = 1;
	else if (now - q->filled_at < SOON_MS)
		q->block *= 2;
	else
		q->block = (q->block + 1) / 2;
	if (q->block > max)
		q->block = max ? max : 1;
	q->filled_at = now;
	ask_store(q, q->block > q->left ? q->block - q->left : 1);
}

bool quota_take(struct quota *q)
{
	if (!q->limit)
		return true;
	if (!q->left)
		fill(q);
	if (!q->left || q->out)
		return false;
	q->left--;
	if (q->block >= 4 && q->left <= q->block / 2)
		fill(q);
	return true;
}

void quota_give_back(struct quota *q, int64_t day)
{
	if (q->limit && day == q->day && !q->out)
		q->left++;
}

void quota_leave(struct quota *q, int64_t day)
{
	int64_t minute = loop_boot_ms(q->loop) / MINUTE_MS;
	for (; q->minute < minute; q->minute++)
		q->minutes[(q->minute + 1) % QUOTA_MINUTES] = 0;
	q->minutes[minute % QUOTA_MINUTES]++;
	quota_tick(q);
	/* Granted on one day, and it may count for the next. */
	if (q->limit && (day != q->day || quota_quiet_ms(q)))
		q->owed++;
	settle_debt(q);
}

void quota_exhaust(struct quota *q, int64_t day)
{
	quota_tick(q);
	if (!q->limit || day != q->day || q->out)
		return;
	q->out = q->known = true;
	q->left = 0;
	ask_store(q, q->limit);
}

/* ---- life and figures ---- */

void quota_start(struct quota *q, struct loop *l, struct store *store)
{
	q->loop = l;
	q->store = store;
	q->stopped = false;
	q->started_at = loop_boot_ms(l);
	q->minute = q->started_at / MINUTE_MS;
	q->day = floor_div(api_ms(q) - AFTER_MS, QUOTA_DAY_MS);
	if (q->limit)
		ask_store(q, 0);
}

void quota_stop(struct quota *q)
{
	q->stopped = true;
	if (q->loop)
		loop_timer_stop(q->loop, &q->again);
}

int64_t quota_open(const struct quota *q)
{
	if (!q->limit)
		return INT64_MAX;
	int64_t open = q->out ? 0 : q->limit - q->spent + q->left - q->owed;
	return open > 0 ? open : 0;
}

int64_t quota_used(const struct quota *q)
{
	return q->spent - q->left + q->owed;
}

int64_t quota_last_hour(const struct quota *q)
{
	int64_t sum = 0, minute = loop_boot_ms(q->loop) / MINUTE_MS;
	for (int64_t i = 0; i < QUOTA_MINUTES; i++)
		if (q->minute - i > minute - QUOTA_MINUTES && q->minute - i >= 0)
			sum += q->minutes[(q->minute - i) % QUOTA_MINUTES];
	return sum;
}

int64_t quota_forecast(const struct quota *q)
{
	int64_t used = quota_last_hour(q), open = quota_open(q), now = loop_wall_ms(q->loop);
	int64_t over = loop_boot_ms(q->loop) - q->started_at;
	if (!q->limit || !q->known)
		return 0;
	if (!open)
		return now;
	over = over < MINUTE_MS ? MINUTE_MS : over > 60 * MINUTE_MS ? 60 * MINUTE_MS : over;
	if (!used)
		return 0;
	double at = (double)now + (double)open / (double)used * (double)over;
	return at < (double)quota_turn_at(q) ? (int64_t)at : 0;
}
