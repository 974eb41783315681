/* Judges what came of a test by its `expect:`. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/trial/alike.h"
#include "engine/trial/play.h"

/* One thing that was expected at a node: a problem when it is not so. */
static bool same(struct play *p, const struct ynode *at, const char *what, const json_t *want,
		 const json_t *got)
{
	struct buf b = BUF_INIT;
	bool ok = alike(want, got, &b);
	if (!ok)
		play_problem(p, at, "%s: %s", what, buf_str(&b));
	buf_done(&b);
	return ok;
}

static void judge(struct play *p, const struct ynode *n, const char *what, const json_t *got)
{
	json_auto_t *want = ynode_json(n);
	(void)same(p, n, what, want, got);
}

/* ---- did it start, and why not ---- */

/* What the store decided about the last event and this rule. */
static const char *decided(struct play *p)
{
	struct store_query q = {.view = VIEW_EVENT, .state = -1, .id = p->last->id};
	json_auto_t *v = stage_ask(&p->stage, &q);
	json_t *d;
	size_t i;
	json_array_foreach (json_object_get(v, "decisions"), i, d) {
		const char *rule = json_str(d, "rule"), *fate = json_str(d, "fate");
		if (!rule || strcmp(rule, p->trial->plan->rule) != 0 || !fate)
			continue;
		if (strcmp(fate, "once") == 0 || strcmp(fate, "awaited") == 0)
			return strcmp(fate, "once") == 0 ? "once" : "awaited";
		if (strcmp(fate, "dropped") == 0)
			return "limit";
	}
	return NULL;
}

/* The store's word, else what matching says; *ret: with all that it was decided by, or NULL. */
static const char *because(struct play *p, json_t **ret)
{
	const char *why = p->last ? decided(p) : NULL;
	*ret = NULL;
	if (why || !p->last)
		return why;
	*ret = rule_why(p->trial->plan, p->last);
	return json_str(*ret, "because");
}

/* The part that decided, with what it read: ": data.x > 3 (data.x = 2)". */
static void say_why(struct buf *b, const json_t *why)
{
	const json_t *parts = json_object_get(why, "parts");
	const json_t *part = json_array_get(parts, json_array_size(parts) - 1);
	const char *path = json_str(why, "path"), *key, *glue = " (";
	json_t *v;
	if (path) {
		(void)buf_printf(b, ": %s is ", path);
		alike_show(b, json_object_get(why, "found"));
	}
	if (!part)
		return;
	(void)buf_printf(b, ": %s", json_str(part, "text"));
	json_object_foreach (json_object_get(part, "read"), key, v) {
		(void)buf_printf(b, "%s%s = ", glue, key);
		alike_show(b, v);
		glue = ", ";
	}
	if (*glue == ',')
		(void)buf_putc(b, ')');
}

/* Runs that did not even begin because of a limit are none. */
static size_t count_runs(const struct play *p)
{
	size_t n = 0, i;
	json_t *row;
	json_array_foreach (p->runs, i, row) {
		const json_t *error = json_object_get(row, "error");
		const char *name = json_str(error, "name"), *state = json_str(row, "state");
		n += !(name && !strcmp(name, "limit") && state && !strcmp(state, "cancelled"));
	}
	return n;
}

static void judge_not_matched(struct play *p, const struct ynode *expect, const struct ynode *n)
{
	const struct ynode *why = ynode_get(expect, "because");
	json_auto_t *all = NULL;
	const char *found = because(p, &all);
	if (count_runs(p)) {
		play_problem(p, n, "matched: expected false, but the rule has run");
		return;
	}
	if (!why || !why->text) {
		play_problem(p, n, "matched: false needs because: here it would be %s",
			     found ? found : "unknown");
		return;
	}
	struct buf b = BUF_INIT;
	say_why(&b, all);
	if (!found || strcmp(found, why->text) != 0)
		play_problem(p, why, "because: expected \"%s\", got \"%s\"%s", why->text,
			     found ? found : "nothing known", buf_str(&b));
	buf_done(&b);
}

static void judge_matched(struct play *p, const struct ynode *at)
{
	json_auto_t *all = NULL;
	struct buf b = BUF_INIT;
	const char *why = because(p, &all);
	say_why(&b, all);
	if (!count_runs(p))
		play_problem(p, at, "the rule has not started%s%s%s", why ? ", because of " : "",
			     why ? why : "", buf_str(&b));
	buf_done(&b);
}

/* ---- the run's end ---- */

static const json_t *end_of(const struct play *p)
{
	const json_t *records = json_object_get(p->run, "records"), *end = NULL;
	json_t *rec;
	size_t i;
	json_array_foreach ((json_t *)records, i, rec)
		if (*json_str(rec, "type") == REC_END)
			end = json_object_get(rec, "body");
	return end;
}

static void judge_state(struct play *p, const struct ynode *expect)
{
	const struct ynode *n = ynode_get(expect, "state");
	const char *got = json_str(p->run, "state");
	const char *want = n && n->text                 ? n->text
			   : ynode_get(expect, "error") ? "failed"
							: "completed";
	struct buf b = BUF_INIT;
	if (!got || strcmp(got, want) == 0)
		return;
	const json_t *error = json_object_get(p->run, "error");
	if (json_is_object(error))
		alike_show(&b, error);
	play_problem(p, n ? n : expect, "state: expected \"%s\", got \"%s\"%s%s", want, got,
		     b.len ? ": " : "", buf_str(&b));
	buf_done(&b);
}

/* A name, or a map. */
static void judge_error(struct play *p, const struct ynode *n)
{
	const json_t *error = json_object_get(p->run, "error");
	judge(p, n, "error", n->kind == Y_MAP ? error : json_object_get(error, "name"));
}

/* In the unit that is written: seconds, unless it says milliseconds. {min, max} are bounds. */
static void judge_elapsed(struct play *p, const struct ynode *n)
{
	const struct ynode *min = n->kind == Y_MAP ? ynode_get(n, "min") : n,
			   *max = n->kind == Y_MAP ? ynode_get(n, "max") : n;
	int64_t got = stage_elapsed(&p->stage), low = 0, high = INT64_MAX;
	char text[TIME_TEXT_LEN];
	struct errmsg msg;
	if ((min && (!min->text || duration_parse(min->text, &low, &msg) != 0)) ||
	    (max && (!max->text || duration_parse(max->text, &high, &msg) != 0))) {
		play_problem(p, n, "elapsed: takes a time such as 10m, or {min: 9m, max: 11m}");
		return;
	}
	bool exact = min == max && strstr(min->text, "ms");
	if (max && !exact)
		high += 999;
	if (got < low || got > high)
		play_problem(p, n, "elapsed: expected %s%s%s, got %s", min ? min->text : "0s",
			     min == max ? "" : " to ",
			     min == max ? ""
			     : max      ? max->text
					: "any",
			     duration_format(got, text));
}

/* ---- lists ---- */

/* "conn.action", or {"conn.action": {input}}; the name may be the step's. */
static const char *entry_name(const struct ynode *n)
{
	return n->kind == Y_MAP && n->n == 1 ? n->keys[0]->text : n->text;
}

static bool names(struct play *p, const char *want, const json_t *call)
{
	const char *name = json_str(call, "call"), *step = json_str(call, "step");
	auto_free char *full =
		peer_action_name(p->kit->rules->catalogue, p->stage.connections, want);
	return (name && strcmp(full ? full : want, name) == 0) || (step && !strcmp(want, step));
}

static bool call_fits(struct play *p, const struct ynode *n, const json_t *call, struct buf *b)
{
	const char *want = entry_name(n);
	if (!want || !names(p, want, call)) {
		(void)buf_printf(b, "expected %s, got %s ", want ? want : "?",
				 json_str(call, "call"));
		alike_show(b, json_object_get(call, "input"));
		return false;
	}
	json_auto_t *input = n->kind == Y_MAP ? ynode_json(n->items[0]) : NULL;
	if (!input || json_is_null(input))
		return true;
	(void)buf_printf(b, "%s: ", want);
	return alike(input, json_object_get(call, "input"), b);
}

static void show_calls(struct buf *b, const json_t *calls)
{
	json_t *call;
	size_t i;
	json_array_foreach ((json_t *)calls, i, call)
		(void)buf_printf(b, "%s%s", i ? ", " : "", json_str(call, "call"));
	if (!json_array_size(calls))
		(void)buf_puts(b, "none");
}

static void judge_calls(struct play *p, const struct ynode *n)
{
	const json_t *calls = peer_calls(p->stage.peer);
	size_t got = json_array_size(calls), want = n->kind == Y_LIST ? n->n : 0;
	for (size_t i = 0; i < want && i < got; i++) {
		struct buf b = BUF_INIT;
		bool ok = call_fits(p, n->items[i], json_array_get(calls, i), &b);
		if (!ok)
			play_problem(p, n->items[i], "call %zu: %s", i + 1, buf_str(&b));
		buf_done(&b);
		if (!ok)
			return;
	}
	if (got == want)
		return;
	struct buf b = BUF_INIT;
	show_calls(&b, calls);
	play_problem(p, got < want ? n->items[got] : n, "calls: expected %zu, got %zu: %s", want,
		     got, buf_str(&b));
	buf_done(&b);
}

static void judge_some_call(struct play *p, const struct ynode *n)
{
	const json_t *calls = peer_calls(p->stage.peer);
	struct buf near = BUF_INIT;
	bool found = false;
	json_t *call;
	size_t i;
	json_array_foreach ((json_t *)calls, i, call) {
		struct buf b = BUF_INIT;
		found = found || call_fits(p, n, call, &b);
		if (!found && entry_name(n) && names(p, entry_name(n), call) && !near.len)
			(void)buf_add(&near, buf_str(&b), b.len);
		buf_done(&b);
	}
	if (!found && !near.len)
		show_calls(&near, calls);
	if (!found)
		play_problem(p, n, "calls_some: no call is %s: %s",
			     entry_name(n) ? entry_name(n) : "?", buf_str(&near));
	buf_done(&near);
}

/* Events that rules made: what was said in a conversation, or all others. */
static json_t *made(const struct play *p, bool said)
{
	json_t *out = json_array(), *e;
	size_t i;
	json_array_foreach (p->came, i, e) {
		const char *type = json_str(e, "type"), *source = json_str(e, "source");
		bool is_reply = type && source && !strcmp(type, "message.sent") &&
				!strncmp(source, "/conversations/", 15);
		if (is_reply == said)
			json_array_append(out, e);
	}
	return out;
}

static void judge_replies(struct play *p, const struct ynode *n)
{
	json_auto_t *list = made(p, true), *texts = json_array();
	json_t *e;
	size_t i;
	json_array_foreach (list, i, e) {
		json_t *m = json_object_get(json_object_get(e, "data"), "message");
		bool whole = n->kind == Y_LIST && i < n->n && n->items[i]->kind == Y_MAP;
		json_array_append(texts, whole ? m : json_object_get(m, "text"));
	}
	judge(p, n, "replies", texts);
}

/* A type, {type: {data}}, or {type: …, subject: …, data: …}. */
static json_t *emit_seen(const struct ynode *n, json_t *e)
{
	json_t *type = json_object_get(e, "type");
	if (!n || n->kind != Y_MAP)
		return json_incref(type);
	if (ynode_get(n, "type"))
		return json_incref(e);
	return json_pack("{s:O?}", json_string_value(type), json_object_get(e, "data"));
}

static void judge_emits(struct play *p, const struct ynode *n)
{
	json_auto_t *list = made(p, false), *seen = json_array();
	json_t *e;
	size_t i;
	json_array_foreach (list, i, e)
		json_array_append_new(
			seen, emit_seen(n->kind == Y_LIST && i < n->n ? n->items[i] : NULL, e));
	judge(p, n, "emits", seen);
}

/* ---- memory, steps ---- */

static void read_memory(struct play *p, const char *scope, const char *prefix, json_t *to)
{
	json_auto_t *v = stage_ask(
		&p->stage, &(struct store_query){.view = VIEW_MEMORY, .state = -1, .scope = scope});
	json_t *row;
	size_t i;
	json_array_foreach (json_object_get(v, "values"), i, row) {
		const char *expires = json_str(row, "expires");
		int64_t at;
		auto_free char *key = mem_printf("%s%s", prefix, json_str(row, "key"));
		if (!expires || time_parse(expires, &at, NULL) != 0 || at > p->kit->clock.wall)
			json_object_set(to, key, json_object_get(row, "value"));
	}
}

static void judge_memory(struct play *p, const struct ynode *n)
{
	json_auto_t *all = json_object();
	read_memory(p, "", "shared/", all);
	read_memory(p, p->trial->plan->rule, "", all);
	judge(p, n, "memory", all);
}

/* By name or path; of a loop the last one. */
static const json_t *find_step(const struct play *p, const char *name)
{
	const json_t *found = NULL;
	json_t *step;
	size_t i;
	json_array_foreach (p->steps, i, step) {
		const char *own = json_str(step, "name"), *path = json_str(step, "path");
		if ((own && !strcmp(own, name)) || (path && !strcmp(path, name)))
			found = step;
	}
	return found;
}

static void judge_steps(struct play *p, const struct ynode *n)
{
	for (size_t i = 0; n->kind == Y_MAP && i < n->n; i++) {
		const char *name = n->keys[i]->text;
		const json_t *step = find_step(p, name);
		auto_free char *what = mem_printf("step %s", name);
		if (!step && n->items[i]->kind != Y_NULL)
			play_problem(p, n->keys[i], "%s: it was not reached", what);
		else
			judge(p, n->items[i], what, step);
	}
}

/* ---- all of it ---- */

void expect_judge(struct play *p)
{
	const struct ynode *expect = play_part(p, "expect"), *n;
	const struct ynode *matched = ynode_get(expect, "matched");
	bool no = matched && matched->kind == Y_BOOL && !matched->boolean;
	if (no)
		judge_not_matched(p, expect, matched);
	else
		judge_matched(p, matched ? matched : expect);
	if ((n = ynode_get(expect, "runs"))) {
		json_auto_t *count = json_integer((json_int_t)count_runs(p));
		judge(p, n, "runs", count);
	}
	if (!no)
		judge_state(p, expect);
	if ((n = ynode_get(expect, "error")))
		judge_error(p, n);
	if ((n = ynode_get(expect, "reason")))
		judge(p, n, "reason", json_object_get(end_of(p), "reason"));
	if ((n = ynode_get(expect, "result")))
		judge(p, n, "result", json_object_get(end_of(p), "result"));
	if ((n = ynode_get(expect, "elapsed")))
		judge_elapsed(p, n);
	if ((n = ynode_get(expect, "calls")))
		judge_calls(p, n);
	if ((n = ynode_get(expect, "calls_some")))
		for (size_t i = 0; i < n->n; i++)
			judge_some_call(p, n->items[i]);
	if ((n = ynode_get(expect, "replies")))
		judge_replies(p, n);
	if ((n = ynode_get(expect, "emits")))
		judge_emits(p, n);
	if ((n = ynode_get(expect, "memory")))
		judge_memory(p, n);
	if ((n = ynode_get(expect, "steps")))
		judge_steps(p, n);
}
