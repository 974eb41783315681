/* Schedules: reading where they stand, waiting for what is due, and making events of it. */
#include "engine/serve/timetable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/cron.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/timefmt.h"

#define LOOK_MS 20000 /* how late a step of the wall clock may be noticed */
#define AGAIN_MS 1000
#define DAY_MS (24 * 3600 * 1000LL)

struct timetable {
	struct timetable_config conf;
	struct zones zones;
	struct map entries; /* source → struct entry */
	struct loop_timer timer;
	size_t under_way;
	bool stopped;
};

enum entry_at { READ, ARMED, FIRING };

struct entry {
	struct timetable *table;
	enum entry_at at;
	char *source, *spec;
	struct cron cron;
	const struct zone *zone;
	int64_t every_ms; /* 0: cron */
	enum missed missed;
	int64_t last, previous, due; /* wall ms; due: of the event that is on its way */
	bool gone;                   /* its rule is: it ends when nothing of it is under way */
	struct store_kept kept;
	struct store_keep keep;
	char *keeping;
};

static int64_t now_of(const struct timetable *t)
{
	return loop_wall_ms(t->conf.loop);
}

/* ---- due times ---- */

static int64_t next_after(const struct entry *e, int64_t ms)
{
	if (e->every_ms)
		return (ms / e->every_ms + 1) * e->every_ms;
	int64_t s = cron_next(&e->cron, e->zone, ms / 1000);
	return s == INT64_MAX ? INT64_MAX : s * 1000;
}

/* The newest due time in (from, now], or 0. */
static int64_t newest_in(const struct entry *e, int64_t from, int64_t now)
{
	int64_t found = 0;
	if (e->every_ms)
		return now / e->every_ms * e->every_ms > from ? now / e->every_ms * e->every_ms : 0;
	for (int64_t due = next_after(e, from); due <= now; due = next_after(e, due))
		found = due;
	return found;
}

/* From the present backwards, so that a year without service is not walked through. */
static int64_t newest(const struct entry *e, int64_t now)
{
	static const int64_t spans[] = {3600 * 1000LL, DAY_MS, 31 * DAY_MS, 366 * DAY_MS,
					8 * 366 * DAY_MS};
	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		int64_t from = now - spans[i] > e->last ? now - spans[i] : e->last;
		int64_t found = newest_in(e, from, now);
		if (found || from == e->last)
			return found;
	}
	return 0;
}

/* The oldest of those that still count where all of them do. */
static int64_t oldest_of_all(struct entry *e, int64_t now)
{
	int64_t n = 0;
	for (int64_t due = next_after(e, e->last); due <= now && n <= TIMETABLE_ALL; n++)
		due = next_after(e, due);
	if (n <= TIMETABLE_ALL)
		return next_after(e, e->last);
	/* Too many: those before the last thousand are left out. */
	if (e->every_ms)
		e->last = (now / e->every_ms - TIMETABLE_ALL) * e->every_ms;
	else
		e->last = next_after(e, e->last);
	return next_after(e, e->last);
}

/* What is to be fired now, or 0. */
static int64_t due_now(struct entry *e, int64_t now)
{
	if (next_after(e, e->last) > now)
		return 0;
	int64_t due = e->missed == MISSED_ALL ? oldest_of_all(e, now) : newest(e, now);
	if (e->missed == MISSED_SKIP && now - due >= TIMETABLE_LATE_MS) {
		e->last = due;
		return 0;
	}
	return due;
}

/* ---- the cursor ---- */

static void arm(struct timetable *t);

static void entry_free(struct entry *e)
{
	free(e->source);
	free(e->spec);
	free(e->keeping);
	free(e);
}

/* One thing of it less is under way. */
static void settle(struct entry *e)
{
	struct timetable *t = e->table;
	t->under_way--;
	e->at = ARMED;
	if (e->gone)
		entry_free(e);
	arm(t);
}

static void on_kept(struct store_op *op)
{
	struct entry *e = container_of(container_of(op, struct store_keep, op), struct entry, keep);
	if (op->err)
		log_line(LOG_ERROR, "schedule_not_kept", "schedule", e->source, "text",
			 op->msg.text, NULL);
	settle(e);
}

/* Where it stands becomes durable; at = FIRING meanwhile. */
static void keep(struct entry *e)
{
	json_auto_t *v = json_pack("{s:s, s:I, s:I}", "spec", e->spec, "last", (json_int_t)e->last,
				   "previous", (json_int_t)e->previous);
	free(e->keeping);
	e->keeping = json_text(v);
	e->at = FIRING;
	e->keep = (struct store_keep){.op = {.verb = STORE_KEEP, .cb = on_kept},
				      .name = e->source,
				      .bytes = e->keeping,
				      .len = strlen(e->keeping)};
	store_submit(e->table->conf.store, &e->keep.op);
}

/* Another schedule than the one that is kept begins now. */
static void on_read(struct store_op *op)
{
	struct entry *e = container_of(container_of(op, struct store_kept, op), struct entry, kept);
	json_auto_t *v = op->err ? NULL : json_loadb(e->kept.bytes, e->kept.len, 0, NULL);
	const char *spec = json_str(v, "spec");
	free(e->kept.bytes);
	e->last = now_of(e->table);
	if (spec && strcmp(spec, e->spec) == 0) {
		e->last = json_int(v, "last", e->last);
		e->previous = json_int(v, "previous", 0);
		settle(e);
	} else if (e->gone) {
		settle(e);
	} else {
		keep(e);
	}
}

static void read_cursor(struct entry *e)
{
	e->at = READ;
	e->table->under_way++;
	e->kept = (struct store_kept){.op = {.verb = STORE_KEPT, .cb = on_read}, .name = e->source};
	store_submit(e->table->conf.store, &e->kept.op);
}

/* ---- firing ---- */

static void on_accepted(void *arg, int err, bool duplicate, struct id id, const struct id *runs,
			size_t n_runs)
{
	struct entry *e = arg;
	(void)duplicate;
	(void)id;
	(void)runs;
	(void)n_runs;
	if (err) { /* busy, or the store is in trouble: it stays due */
		settle(e);
		return;
	}
	e->previous = e->last = e->due;
	keep(e);
}

static json_t *time_json(int64_t ms)
{
	char text[TIME_TEXT_LEN];
	return ms ? json_string(time_format(ms, text)) : json_null();
}

static void fire(struct entry *e, int64_t due)
{
	struct timetable *t = e->table;
	char at[TIME_TEXT_LEN];
	struct id none = {{0}};
	json_t *data =
		json_pack("{s:o, s:o}", "due", time_json(due), "previous", time_json(e->previous));
	auto_free char *body = json_text(data), *name = NULL;
	name = mem_printf("%s@%s", e->source, time_format(due, at));
	struct event *ev = event_new(id_from_name(none, name), "schedule", e->source, NULL, name,
				     due, now_of(t), data, body, strlen(body));
	e->due = due;
	e->at = FIRING;
	t->under_way++;
	engine_accept(t->conf.engine, ev, on_accepted, e);
	event_unref(ev);
}

static void on_timer(struct loop_timer *timer)
{
	struct timetable *t = container_of(timer, struct timetable, timer);
	int64_t now = now_of(t);
	size_t i = 0;
	for (struct map_entry *m; !t->stopped && (m = map_next(&t->entries, &i));) {
		struct entry *e = m->value;
		int64_t due = e->at == ARMED ? due_now(e, now) : 0;
		if (due)
			fire(e, due);
	}
	arm(t);
}

static void arm(struct timetable *t)
{
	int64_t wait = LOOK_MS, now = now_of(t);
	size_t i = 0;
	bool any = false;
	for (struct map_entry *m; (m = map_next(&t->entries, &i));) {
		const struct entry *e = m->value;
		int64_t due = e->at == ARMED ? next_after(e, e->last) : INT64_MAX;
		any = true;
		if (due - now < wait)
			wait = due > now ? due - now : AGAIN_MS / 10;
	}
	t->timer.cb = on_timer;
	if (any && !t->stopped)
		loop_timer_start(t->conf.loop, &t->timer, wait);
}

/* ---- the rules ---- */

static struct entry *entry_new(struct timetable *t, const struct trigger *tr, const char *source,
			       char *spec)
{
	struct entry *e = mem_alloc(sizeof(*e));
	struct errmsg msg;
	*e = (struct entry){.table = t,
			    .source = mem_strdup(source),
			    .spec = spec,
			    .every_ms = tr->every_ms,
			    .missed = tr->missed,
			    .zone = zone_find(&t->zones, tr->zone ? tr->zone : t->conf.zone)};
	if (!e->zone)
		e->zone = zone_find(&t->zones, NULL);
	if (tr->cron)
		(void)cron_parse(tr->cron, &e->cron, &msg); /* it was read when the rule was */
	return e;
}

static char *spec_of(const struct timetable *t, const struct trigger *tr)
{
	const char *zone = tr->zone ? tr->zone : t->conf.zone;
	if (tr->every_ms)
		return mem_printf("every %lld", (long long)tr->every_ms);
	return mem_printf("%s in %s", tr->cron, zone ? zone : "UTC");
}

/* Moves the entry of a trigger over to the new table, or makes one. */
static void set_trigger(struct timetable *t, struct map *fresh, const struct trigger *tr)
{
	char *spec = spec_of(t, tr);
	const char *source = json_string_value(json_array_get(tr->where[0].values, 0));
	struct entry *old = map_get(&t->entries, source);
	if (old && strcmp(old->spec, spec) == 0) {
		old->missed = tr->missed;
		(void)map_remove(&t->entries, source);
		(void)map_put(fresh, source, old);
		free(spec);
		return;
	}
	struct entry *e = entry_new(t, tr, source, spec);
	(void)map_put(fresh, source, e);
	read_cursor(e);
}

static void forget(struct entry *e)
{
	if (e->at == ARMED)
		entry_free(e);
	else
		e->gone = true;
}

void timetable_set(struct timetable *t, const struct ruleset *rules)
{
	struct map fresh = {0};
	size_t k = 0;
	for (size_t i = 0; i < ruleset_count(rules); i++) {
		const struct plan *p = ruleset_at(rules, i);
		for (size_t n = 0; p->enabled && n < p->n_triggers; n++)
			if (p->triggers[n].cron || p->triggers[n].every_ms)
				set_trigger(t, &fresh, &p->triggers[n]);
	}
	for (struct map_entry *m; (m = map_next(&t->entries, &k));)
		forget(m->value);
	map_done(&t->entries);
	t->entries = fresh;
	arm(t);
}

struct timetable *timetable_new(const struct timetable_config *c)
{
	struct timetable *t = mem_alloc(sizeof(*t));
	t->conf = *c;
	return t;
}

void timetable_stop(struct timetable *t)
{
	if (!t) /* a service that could not be made */
		return;
	t->stopped = true;
	loop_timer_stop(t->conf.loop, &t->timer);
}

bool timetable_idle(const struct timetable *t)
{
	return t->under_way == 0;
}

void timetable_free(struct timetable *t)
{
	if (!t)
		return;
	size_t i = 0;
	timetable_stop(t);
	for (struct map_entry *m; (m = map_next(&t->entries, &i));)
		entry_free(m->value);
	map_done(&t->entries);
	zones_done(&t->zones);
	free(t);
}
