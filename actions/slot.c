/* Places that one effect holds at a time: claims in the store, and lines of those who wait in memory. */
#include "actions/slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/base/map.h"

#define NAME_MAX_LEN 200
#define LINE_MAX 64   /* who stand in one line */
#define LINES_MAX 256 /* who stand in all lines: they are runs in memory */
#define TICK_MS 1500  /* a park so short that the run stays in memory */
#define LINE_MS 60000 /* who has stood so long makes room in memory */
#define AWAY_MIN_MS 1000
#define AWAY_MAX_MS 15000

/* Who waits for one place, or claims it just now; it lives as long as somebody does. */
struct slot_line {
	char *key;
	struct link slots;
	size_t n;
};

static struct map lines;
static size_t standing;

/* ---- names ---- */

void slot_name(struct slot *s, const char *connection, const char *kind, const char *value)
{
	char hex[HASH_HEX_LEN];
	if (strlen(value) > NAME_MAX_LEN) {
		value = sha256_hex(value, strlen(value), hex);
	}
	s->connection = connection;
	free(s->name);
	s->name = mem_printf("#%s%s%s", kind, *value ? ":" : "", value);
}

static char *key_of(const char *connection, const char *name)
{
	return mem_printf("%s\n%s", connection, name);
}

/* ---- the line ---- */

static void on_released(const char *connection, const char *name);

static void line_join(struct slot *s)
{
	char *key = key_of(s->connection, s->name);
	struct slot_line *l = map_get(&lines, key);
	if (!l) {
		l = mem_alloc(sizeof(*l));
		l->key = key;
		list_init(&l->slots);
		(void)map_put(&lines, l->key, l);
		step_on_released(on_released);
	} else {
		free(key);
	}
	list_append(&l->slots, &s->link);
	l->n++;
	standing++;
	s->line = l;
}

/* The first in line may try. */
static void line_poke(struct slot_line *l)
{
	if (list_empty(&l->slots))
		return;
	struct slot *s = container_of(l->slots.next, struct slot, link);
	s->poked = true;
	if (s->at == SLOT_IN_LINE)
		step_wake(s->act);
}

static void line_leave(struct slot *s)
{
	struct slot_line *l = s->line;
	if (!l)
		return;
	bool poked = s->poked;
	list_remove(&s->link);
	s->line = NULL;
	s->poked = false;
	standing--;
	if (--l->n) {
		if (poked) /* it was its turn and did not use it */
			line_poke(l);
		return;
	}
	(void)map_remove(&lines, l->key);
	if (!lines.count)
		map_done(&lines);
	free(l->key);
	free(l);
}

static void on_released(const char *connection, const char *name)
{
	if (*name != '#' || !lines.count)
		return;
	auto_free char *key = key_of(connection, name);
	struct slot_line *l = map_get(&lines, key);
	if (l)
		line_poke(l);
}

/* ---- asking ---- */

static bool claim(struct slot *s, struct act *a)
{
	s->at = SLOT_CLAIMING;
	s->poked = false;
	step_claim(a, s->connection, s->name);
	(void)step_barrier(a);
	return false;
}

/* Out of memory; the longer the run has gone on, the more seldom it asks. */
static bool go_away(struct slot *s, struct act *a)
{
	int64_t wait = act_run_age_ms(a) / 8;
	wait = wait < AWAY_MIN_MS ? AWAY_MIN_MS : wait < AWAY_MAX_MS ? wait : AWAY_MAX_MS;
	line_leave(s);
	s->at = SLOT_AWAY;
	(void)step_park(a, RUN_WAITING,
			act_now(a) + TICK_MS + wait +
				(int64_t)rng_below(act_rng(a), (uint64_t)wait));
	return false;
}

static bool stand(struct slot *s, struct act *a)
{
	if (s->line->n > LINE_MAX || standing > LINES_MAX || act_now(a) - s->since > LINE_MS)
		return go_away(s, a);
	s->at = SLOT_IN_LINE;
	(void)step_park(a, RUN_WAITING, act_now(a) + TICK_MS);
	return false;
}

static bool on_claimed(struct slot *s, struct act *a)
{
	if (!act_claim_lost(a)) {
		s->poked = false;
		line_leave(s);
		s->at = SLOT_HELD;
		return true;
	}
	return s->poked ? claim(s, a) : stand(s, a);
}

/*
 * In line without a poke: its holder's release may be one that nobody heard, since its run has ended in
 * an unusual way. So the first in line tries now and then.
 */
static bool in_line(struct slot *s, struct act *a)
{
	bool first = s->line->slots.next == &s->link;
	return s->poked || (first && act_now(a) - s->since > 4 * TICK_MS) ? claim(s, a)
									  : stand(s, a);
}

static bool begin(struct slot *s, struct act *a)
{
	s->act = a;
	s->since = act_now(a);
	s->poked = false;
	if (!s->line)
		line_join(s);
	return claim(s, a);
}

bool slot_ask(struct slot *s, struct act *a)
{
	if (!s->name)
		return true;
	switch (s->at) {
	case SLOT_HELD:
		return true;
	case SLOT_CLAIMING:
		return on_claimed(s, a);
	case SLOT_IN_LINE:
		return in_line(s, a);
	case SLOT_IDLE:
	case SLOT_AWAY:
	default:
		return begin(s, a);
	}
}

void slot_is_held(struct slot *s)
{
	if (s->name)
		s->at = SLOT_HELD;
}

/* Also where it is not known to be held: a claim may be durable that this process has not heard of. */
void slot_release(struct slot *s, struct act *a)
{
	if (s->name)
		step_release(a, s->connection, s->name);
	line_leave(s);
	s->at = SLOT_IDLE;
}

void slot_done(struct slot *s)
{
	line_leave(s);
	free(s->name);
	*s = (struct slot){0};
}
