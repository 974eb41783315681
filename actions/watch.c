/* Looks at activities, taken together. */
#include "actions/watch.h"

#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/base/map.h"

#define SHARED_MIN 3  /* fewer look by themselves: each learns all that way */
#define GATHER_MS 200 /* so long after the first one others may join: they are being read */
#define TICK_MS 1000

struct watch {
	char *key; /* the connection's name; NULL: it gathers no more */
	struct loop *loop;
	struct loop_timer timer;
	struct link waits;
	size_t n;
	bool has_list;
};

static struct map gathering; /* by connection, as long as they gather */

static void close_gathering(struct watch *w)
{
	if (!w->key)
		return;
	loop_timer_stop(w->loop, &w->timer);
	(void)map_remove(&gathering, w->key);
	if (!gathering.count)
		map_done(&gathering);
	free(w->key);
	w->key = NULL;
}

static void leave(struct watch_wait *w)
{
	struct watch *group = w->watch;
	list_remove(&w->link);
	w->watch = NULL;
	if (--group->n)
		return;
	close_gathering(group);
	free(group);
}

static void tell(struct watch_wait *w, enum watch_at at)
{
	w->at = at;
	leave(w);
	step_wake(w->act);
}

static struct watch_wait *first(const struct watch *w)
{
	return container_of(w->waits.next, struct watch_wait, link);
}

static void choose_leader(struct watch *w)
{
	struct watch_wait *leader = first(w);
	leader->at = WATCH_LEAD;
	step_wake(leader->act);
}

static void on_gathered(struct loop_timer *t)
{
	struct watch *group = container_of(t, struct watch, timer);
	bool shared = group->has_list && group->n >= SHARED_MIN;
	close_gathering(group);
	list_each_safe (l, &group->waits) {
		struct watch_wait *w = container_of(l, struct watch_wait, link);
		bool last = l->next == &group->waits;
		w->at = WATCH_FOLLOW;
		if (!shared)
			tell(w, WATCH_LOOK);
		if (last)
			break; /* the group may be gone */
	}
	if (shared)
		choose_leader(group);
}

static struct watch *group_of(struct act *a, const struct connection *conn, bool has_list)
{
	const struct services *s = act_services(a);
	struct watch *w = map_get(&gathering, conn->name);
	if (w)
		return w;
	w = mem_alloc(sizeof(*w));
	*w = (struct watch){.key = mem_strdup(conn->name),
			    .loop = s->loop,
			    .timer.cb = on_gathered,
			    .has_list = has_list};
	list_init(&w->waits);
	(void)map_put(&gathering, w->key, w);
	loop_timer_start(w->loop, &w->timer, GATHER_MS);
	return w;
}

void watch_join(struct watch_wait *w, struct act *a, const struct connection *conn, bool has_list,
		const char *id)
{
	watch_leave(w);
	*w = (struct watch_wait){.at = WATCH_GATHER, .id = id, .act = a};
	w->watch = group_of(a, conn, has_list);
	list_append(&w->watch->waits, &w->link);
	w->watch->n++;
}

void watch_tell(struct watch_wait *leader,
		enum watch_at (*judge)(void *arg, const char *id, json_t **ret), void *arg)
{
	struct watch *group = leader->watch;
	for (size_t n = group->n; n; n--) {
		struct watch_wait *w = first(group);
		enum watch_at at = judge ? judge(arg, w->id, &w->found) : WATCH_FAILED;
		if (w != leader) {
			tell(w, at);
			continue;
		}
		w->at = at;
		leave(w);
	}
}

void watch_leave(struct watch_wait *w)
{
	struct watch *group = w->watch;
	bool led = w->at == WATCH_LEAD, alone = group && group->n == 1;
	json_decref(w->found);
	w->found = NULL;
	if (!group)
		return;
	leave(w);
	w->at = WATCH_IDLE;
	if (led && !alone)
		choose_leader(group);
}

int64_t watch_due(int64_t now_ms, int64_t wait_ms)
{
	int64_t tick = TICK_MS, due = now_ms + wait_ms;
	while (2 * tick <= wait_ms)
		tick *= 2;
	return (due + tick - 1) / tick * tick;
}
