/*
 * An API of things that are made and removed, which logs what was done to it ("+a -a"), and a whole
 * engine before it: for tests that crash at every turn.
 */
#pragma once

#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

#define THINGS                                                                                     \
	"connector:\n"                                                                             \
	"  name: shop\n"                                                                           \
	"  title: Shop\n"                                                                          \
	"  about: Of these tests.\n"                                                               \
	"  base_url: http://api.test\n"                                                            \
	"  auth: [none]\n"                                                                         \
	"  errors: {message: [message], by_status: {404: not_found, 409: conflict}}\n"             \
	"group: All\n"                                                                             \
	"x-thing: &thing {fields: {id: string, key: string, created: datetime}}\n"                 \
	"actions:\n"                                                                               \
	"  find: {title: Find, about: Finds., method: GET, path: /things, "                        \
	"params: {key: {type: string, in: query}}, success: [200], "                               \
	"answer: {fields: {items: {items: *thing}}}, effect: read}\n"                              \
	"  make: {title: Make, about: Makes., method: POST, path: /things, "                       \
	"params: {key: {type: string, in: body, required: true}}, success: [201], "                \
	"answer: *thing, effect: keyed, errors: {409: exists}, reconcile: {look_up: find, "        \
	"key: {key: key}, match: {key: key}, items: items, created: created, id: id}}\n"           \
	"  order: {title: Order, about: Makes once., method: POST, path: /things, "                \
	"params: {key: {type: string, in: body, required: true}}, success: [201], "                \
	"answer: *thing, effect: once}\n"                                                          \
	"  remove: {title: Remove, about: Removes., method: DELETE, path: '/things/{id}', "        \
	"params: {id: string}, success: [204], effect: idempotent, gone_ok: true}\n"

#define MAX_THINGS 64

static struct world w;
static struct {
	json_t *things;
	unsigned made; /* an id is never used again */
	char log[1024];
	bool tolerant; /* bad keys are taken too */
	bool stuck;    /* what is to be removed is refused */
} shop;

static void shop_note(char what, const char *key)
{
	size_t len = strlen(shop.log);
	snprintf(shop.log + len, sizeof(shop.log) - len, "%s%c%s", len ? " " : "", what, key);
}

static int shop_find(const char *query, json_t **ret)
{
	json_t *items = json_array(), *t;
	const char *id;
	json_object_foreach (shop.things, id, t)
		if (strncmp(query, "key=", 4) == 0 && strcmp(json_str(t, "key"), query + 4) == 0)
			json_array_append(items, t);
	*ret = json_pack("{s:o}", "items", items);
	return 200;
}

static int shop_make(struct world *at, const char *key, json_t **ret)
{
	char id[16], made[TIME_TEXT_LEN];
	json_auto_t *same = NULL;
	auto_free char *query = mem_printf("key=%s", key);
	(void)shop_find(query, &same);
	bool bad = strncmp(key, "bad", 3) == 0 && !shop.tolerant;
	if (bad || json_array_size(json_object_get(same, "items"))) {
		*ret = json_pack("{s:s}", "message", "not this one");
		return bad ? 400 : 409;
	}
	snprintf(id, sizeof(id), "t%u", ++shop.made);
	shop_note('+', key);
	*ret = json_pack("{s:s, s:s, s:s}", "id", id, "key", key, "created",
			 time_format(world_peer_ms(at), made));
	json_object_set(shop.things, id, *ret);
	return 201;
}

static int shop_remove(const char *id)
{
	json_t *t = json_object_get(shop.things, id);
	if (shop.stuck)
		return 400;
	if (!t)
		return 404;
	shop_note('-', json_str(t, "key"));
	(void)json_object_del(shop.things, id);
	return 204;
}

static int shop_answer(struct world *at, const struct world_req *q, json_t **ret)
{
	if (strcmp(q->method, "GET") == 0)
		return shop_find(q->query, ret);
	if (strcmp(q->method, "POST") == 0)
		return shop_make(at, json_str(q->body, "key"), ret);
	return shop_remove(strrchr(q->path, '/') + 1);
}

static void begin_with(const char *rules)
{
	json_decref(shop.things);
	memset(&shop, 0, sizeof(shop));
	shop.things = json_object();
	world_init(&w, THINGS, rules);
	w.answer = shop_answer;
}

static int end_world(void **state)
{
	(void)state;
	world_done(&w);
	return 0;
}

/* The n-th newest run of a rule, whole, or NULL; the caller's. */
static json_t *run_of(const char *rule, size_t n)
{
	json_auto_t *runs = world_runs(&w);
	size_t i;
	json_t *r;
	json_array_foreach (json_object_get(runs, "runs"), i, r)
		if (strcmp(json_str(r, "rule"), rule) == 0 && n-- == 0)
			return world_run(&w, json_str(r, "id"));
	return NULL;
}

static const char *state_of(const char *rule)
{
	static char text[32];
	json_auto_t *r = run_of(rule, 0);
	snprintf(text, sizeof(text), "%s", r ? json_str(r, "state") : "none");
	return text;
}

__attribute__((unused)) static const char *id_of(const char *rule)
{
	static char text[64];
	json_auto_t *r = run_of(rule, 0);
	assert_non_null(r);
	snprintf(text, sizeof(text), "%s", json_str(r, "id"));
	return text;
}

/* What the newest run of a rule gave, or its error's name, as JSON text. */
static const char *outcome_of(const char *rule)
{
	static char text[1024];
	json_auto_t *r = run_of(rule, 0);
	json_t *records = json_object_get(r, "records"), *rec, *end = NULL, *v;
	size_t i;
	json_array_foreach (records, i, rec)
		if (strcmp(json_str(rec, "type"), "E") == 0)
			end = json_object_get(rec, "body");
	v = json_object_get(json_object_get(end, "error"), "name");
	v = v ? v : json_object_get(end, "result");
	auto_free char *json = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	snprintf(text, sizeof(text), "%s", json ? json : state_of(rule));
	return text;
}

/* Sends `go` and lets so much time pass. */
static void play(const char *rules, int64_t ms)
{
	begin_with(rules);
	world_send(&w, "go", "{}");
	world_pass(&w, ms);
}

static bool shop_is(const char *log)
{
	char have[sizeof(shop.log) + 2], want[sizeof(shop.log) + 2];
	snprintf(have, sizeof(have), " %s ", shop.log);
	for (const char *p = log; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		snprintf(want, sizeof(want), " %.*s ", (int)len, p);
		if (!strstr(have, want))
			return false;
		p += len;
	}
	return strlen(shop.log) == strlen(log);
}

/* `pawl check` says this of the rule, at LINE:COL. */
__attribute__((unused)) static void assert_told(const char *rule, const char *told)
{
	struct findings f = {0};
	struct plan **plans = NULL;
	size_t n = 0;
	struct buf b = BUF_INIT;
	rule_compile_text(&w.env, "test.yaml", rule, strlen(rule), &plans, &n, &f);
	findings_format(&f, &b);
	if (!strstr(buf_str(&b), told))
		fail_msg("not told: %s; but: %s", told, buf_str(&b));
	buf_done(&b);
	findings_done(&f);
	for (size_t i = 0; i < n; i++)
		plan_unref(plans[i]);
	free(plans);
}

/*
 * Plays the rule again and again, and has the process die at another turn each time, until one life had
 * nothing left to die of. Whenever it was, the outcome and what was done outside are the same. log: in any
 * order. go_on: what happens from outside; or NULL.
 */
__attribute__((unused)) static void crash_at_every_turn(const char *rules, const char *rule,
							const char *outcome, const char *log,
							int64_t ms, void (*go_on)(void))
{
	for (unsigned turn = 1; turn < 400; turn++) {
		begin_with(rules);
		world_send(&w, "go", "{}");
		if (go_on)
			go_on();
		bool ended = false;
		for (unsigned i = 0; i < turn && !ended; i++) {
			(void)loop_run_once(w.loop, true);
			ended = w.engine && turn - i == 1 && strcmp(state_of(rule), "none") &&
				strcmp(outcome_of(rule), outcome) == 0;
		}
		world_crash(&w);
		if (strcmp(state_of(rule), "none") ==
		    0) { /* never accepted: its sender tries again */
			world_send(&w, "go", "{}");
			if (go_on)
				go_on();
		}
		world_pass(&w, ms);
		world_crash(&w);
		world_pass(&w, ms);
		if (strcmp(outcome_of(rule), outcome) != 0 || !shop_is(log))
			fail_msg("a crash at turn %u: %s, not %s; %s, not %s", turn,
				 outcome_of(rule), outcome, shop.log, log);
		if (ended)
			return;
		world_done(&w);
	}
	fail_msg("the run never ended");
}
