/*
 * Lists of many pages, and answers that are kept: what is between a read and its result.
 *
 *            ┌───────┐ not kept, or too old   ┌──────┐ answer    ┌──────┐ last, or enough
 *  start ───▶│ CACHE │───────────────────────▶│ PAGE │──────────▶│ JOIN │───────────────▶ done
 *            └───┬───┘                        └──▲───┘           └──┬───┘
 *                │ kept                          └──────────────────┘ the next one
 *                ▼
 *              done
 *
 * Pages that are joined are in memory alone: a run that is parked in between begins with the first one
 * again. A loop over pages asks for one at a time, `page`, and keeps its place in the journal.
 */
#include <string.h>

#include "actions/cache.h"
#include "actions/call.h"
#include "actions/paging.h"
#include "engine/base/json.h"

/* ---- checks ---- */

static bool check_list(struct plan_check *c, const struct step *s)
{
	const struct call_args *args = s->args;
	if (!args->target || paging_is(args->target->action))
		return args->target != NULL;
	c->error(c, s->line, s->col, "%s gives no list: there are no pages to go through",
		 args->target->full);
	return false;
}

/* The fields of one item of a list. */
static int item_has_field(void *arg, const char *dotted, char *near, size_t max)
{
	const struct action *a = arg;
	const char *items = a->paging.items;
	auto_free char *path = mem_printf("%s%s1.%s", items, *items ? "." : "", dotted);
	size_t skip = strlen(path) - strlen(dotted);
	if (call_has_field(arg, path, near, max))
		return 1;
	if (max && strlen(near) > skip)
		memmove(near, near + skip, strlen(near + skip) + 1);
	return 0;
}

void call_pages_check(struct plan_check *c, struct step *s)
{
	const struct call_args *args = s->args;
	if (check_list(c, s) && args->target && c->gives)
		c->gives(c, s, item_has_field, args->target->action);
}

void call_reads_check(struct plan_check *c, struct step *s)
{
	struct call_args *args = s->args;
	struct errmsg msg = {0};
	const struct action *a = args->target->action;
	if (args->pages && check_list(c, s) &&
	    paging_count_parse(args->pages, &args->pages_max, &msg) != 0)
		c->error(c, s->line, s->col, "pages: %s", msg.text);
	if (args->cache_ms && (a->effect != EFFECT_READ || a->download))
		c->error(c, s->line, s->col, "cache: %s is no read whose answer could be kept",
			 args->target->full);
}

/* ---- the request of a page ---- */

bool call_is_paged(const struct act *a)
{
	const struct call_args *args = act_args(a);
	return args->pages || args->page;
}

/* Of a loop: the place that it asks for. */
bool call_find_page(struct act *a, struct call_state *st)
{
	const struct call_args *args = act_args(a);
	return !args->page || act_eval(a, args->page, &st->page);
}

int call_render_page(struct call_state *st, struct errmsg *msg)
{
	return paging_render(st->target->action, st->params, st->page, st->conn->base_url,
			     &st->x.text, msg);
}

/* ---- the answer of a page ---- */

static enum verdict bad_page(struct act *a, struct call_state *st)
{
	struct errmsg *msg = act_msg(a);
	err_wrap(msg, "%s, page %u", st->target->full, st->join.pages + 1);
	return step_fail_msg(a);
}

static enum verdict next_page(struct act *a, struct call_state *st, json_t *place)
{
	struct errmsg *msg = act_msg(a);
	json_decref(st->page);
	st->page = json_incref(place);
	exchange_done(&st->x);
	exchange_of(&st->x, a, st->conn, st->target->action, PASS_RULE);
	st->x.input = st->params;
	if (call_render_page(st, msg) != 0)
		return bad_page(a, st);
	st->attempts = 0;
	return call_attempt(a, st);
}

static enum verdict joined(struct act *a, struct call_state *st)
{
	json_t *result = paging_join_take(&st->join, st->target->action);
	cache_put(&st->seat, result, act_now(a));
	return step_done(a, result);
}

static enum verdict join(struct act *a, struct call_state *st, json_t *taken)
{
	const struct call_args *args = act_args(a);
	json_t *next = json_object_get(taken, "next");
	if (paging_join_add(&st->join, taken, act_msg(a)) != 0)
		return bad_page(a, st);
	if (next && (!args->pages_max || st->join.pages < args->pages_max))
		return next_page(a, st, next);
	return joined(a, st);
}

enum verdict call_take_page(struct act *a, struct call_state *st)
{
	const struct call_args *args = act_args(a);
	json_auto_t *taken = NULL;
	if (paging_take(st->target->action, st->params, st->page, st->conn->base_url,
			st->x.answer.result, &taken, act_msg(a)) != 0)
		return bad_page(a, st);
	return args->page ? step_done(a, json_incref(taken)) : join(a, st, taken);
}

/* ---- what is kept ---- */

static void on_seat(struct cache_seat *s)
{
	step_wake(container_of(s, struct call_state, seat)->act);
}

bool call_may_be_kept(const struct act *a, const struct call_state *st)
{
	const struct services *s = act_services(a);
	return ((const struct call_args *)act_args(a))->cache_ms && s->cache &&
	       st->effect == EFFECT_READ;
}

enum verdict call_ask_cache(struct act *a, struct call_state *st)
{
	const struct call_args *args = act_args(a);
	const struct services *s = act_services(a);
	json_auto_t *extra = args->pages ? json_string(args->pages) : NULL;
	char key[HASH_HEX_LEN];
	json_t *kept = NULL;
	(void)cache_key(st->conn->name, st->conn->base_url, st->target->action, st->params, extra,
			key);
	st->at = CALL_CACHE;
	st->act = a;
	st->seat.cb = on_seat;
	switch (cache_ask(s->cache, key, act_now(a), args->cache_ms, &st->seat, &kept)) {
	case CACHE_HIT:
		step_meta(a, "cached", json_true());
		return step_done(a, kept);
	case CACHE_WAIT:
		return STEP_WAIT;
	case CACHE_LEAD:
	default:
		return call_attempt(a, st);
	}
}

void call_keep(struct act *a, struct call_state *st)
{
	cache_put(&st->seat, st->x.answer.result, act_now(a));
}

void call_reads_drop(struct call_state *st)
{
	cache_leave(&st->seat);
	paging_join_done(&st->join);
	json_decref(st->page);
	st->page = NULL;
}
