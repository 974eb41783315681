/* The outline of `tests:`, so that a mistake is found before the tests are played. */
#include <string.h>

#include "engine/base/timefmt.h"
#include "engine/base/zone.h"
#include "engine/rule/compile.h"

#define EVENT_KEYS                                                                                 \
	"webhook", "conversation", "event", "schedule", "every", "poll", "run", "data", "source",  \
		"subject", "id", "headers", "query", "path", "change", "after", "about"

static const char *const event_keys[] = {EVENT_KEYS, "memory", NULL};
static const char *const given_keys[] = {EVENT_KEYS, "memory", "now", "zone", "events", NULL};
static const char *const then_keys[] = {EVENT_KEYS, "approve", "by", "note",
					"cancel",   "restart", NULL};
static const char *const kinds[] = {"webhook", "conversation", "event", "schedule",
				    "every",   "poll",         "run",   NULL};

static bool is_map(struct compiler *c, const struct ynode *n, const char *what,
		   const char *const *keys)
{
	if (n->kind != Y_MAP) {
		compile_error(c, n, "%s is a map, not %s", what, ynode_word(n));
		return false;
	}
	for (size_t i = 0; keys && i < n->n; i++)
		if (!word_in(keys, n->keys[i]->text) && strncmp(n->keys[i]->text, "x-", 2))
			compile_unknown(c, n->keys[i], "key", keys, NULL);
	return true;
}

static bool is_list(struct compiler *c, const struct ynode *n, const char *what)
{
	if (n->kind != Y_LIST)
		compile_error(c, n, "%s is a list, not %s", what, ynode_word(n));
	return n->kind == Y_LIST;
}

static void check_span(struct compiler *c, const struct ynode *n, const char *key)
{
	int64_t ms;
	struct errmsg msg;
	if (n && (!n->text || duration_parse(n->text, &ms, &msg) != 0))
		compile_error(c, n, "%s: takes a time such as 10m", key);
}

static void check_word(struct compiler *c, const struct ynode *n, const char *what,
		       const char *const *words)
{
	if (n && (!n->text || !word_in(words, n->text)))
		compile_unknown(c, n, what, words, NULL);
}

/* ---- given, then ---- */

static void check_event(struct compiler *c, const struct ynode *n)
{
	const char *found = NULL;
	for (size_t i = 0; kinds[i]; i++) {
		const struct ynode *key = ynode_key(n, kinds[i]);
		if (key && found)
			compile_error(c, key, "an event is of one kind: %s or %s", found, kinds[i]);
		found = key ? kinds[i] : found;
	}
	check_span(c, ynode_get(n, "after"), "after");
}

static void check_events(struct compiler *c, const struct ynode *list, const char *const *first)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_map(c, list->items[i], "an event", i ? event_keys : first))
			check_event(c, list->items[i]);
}

static void check_begin(struct compiler *c, const struct ynode *n)
{
	const struct ynode *now = ynode_get(n, "now"), *zone = ynode_get(n, "zone");
	int64_t ms;
	struct errmsg msg;
	if (now && (!now->text || time_parse(now->text, &ms, &msg) != 0))
		compile_error(c, now, "now: takes a time such as 2026-11-24T09:00:00Z");
	struct zones zones = {0};
	if (zone && (!zone->text || !zone_find(&zones, zone->text)))
		compile_error(c, zone, "zone: takes a name such as Europe/Paris");
	zones_done(&zones);
}

static void check_given(struct compiler *c, const struct ynode *n)
{
	if (n->kind == Y_LIST) {
		if (n->n && n->items[0]->kind == Y_MAP)
			check_begin(c, n->items[0]);
		check_events(c, n, given_keys);
		return;
	}
	if (!is_map(c, n, "given:", given_keys))
		return;
	const struct ynode *events = ynode_get(n, "events");
	check_begin(c, n);
	check_event(c, n);
	if (events && is_list(c, events, "events:"))
		check_events(c, events, event_keys);
}

static void check_then(struct compiler *c, const struct ynode *n)
{
	if (!is_list(c, n, "then:"))
		return;
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *at = n->items[i];
		if (!is_map(c, at, "what happens then", then_keys))
			continue;
		const struct ynode *approve = ynode_get(at, "approve");
		check_event(c, at);
		if (approve && approve->kind != Y_BOOL)
			compile_error(c, approve, "approve: is true or false");
	}
}

/* ---- answers, faults ---- */

static void check_fault(struct compiler *c, const struct ynode *n)
{
	static const char *const words[] = {"throttled", "down",   "unsent", "lost_before",
					    "lost",      "broken", NULL};
	static const char *const delay[] = {"delay", NULL};
	if (n->kind == Y_NULL)
		return;
	if (n->kind == Y_MAP && is_map(c, n, "a fault", delay))
		check_span(c, ynode_get(n, "delay"), "delay");
	else if (n->kind != Y_MAP)
		check_word(c, n, "fault", words);
}

static void check_faults(struct compiler *c, const struct ynode *n)
{
	if (!is_map(c, n, "faults:", NULL))
		return;
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *at = n->items[i];
		if (at->kind != Y_LIST)
			check_fault(c, at);
		for (size_t k = 0; at->kind == Y_LIST && k < at->n; k++)
			check_fault(c, at->items[k]);
	}
}

/* ---- expect ---- */

static void check_elapsed(struct compiler *c, const struct ynode *n)
{
	static const char *const bounds[] = {"min", "max", NULL};
	if (n->kind != Y_MAP) {
		check_span(c, n, "elapsed");
	} else if (is_map(c, n, "elapsed:", bounds)) {
		check_span(c, ynode_get(n, "min"), "min");
		check_span(c, ynode_get(n, "max"), "max");
	}
}

static void check_calls(struct compiler *c, const struct ynode *n, const char *what)
{
	for (size_t i = 0; is_list(c, n, what) && i < n->n; i++) {
		const struct ynode *at = n->items[i];
		if (!at->text && !(at->kind == Y_MAP && at->n == 1))
			compile_error(c, at, "a call is ACTION, or {ACTION: {parameters}}");
	}
}

static void check_expect(struct compiler *c, const struct ynode *n)
{
	static const char *const keys[] = {"matched", "because", "runs",       "state",   "calls",
					   "reason",  "error",   "calls_some", "replies", "emits",
					   "memory",  "steps",   "elapsed",    "result",  NULL};
	static const char *const reasons[] = {"where",   "if",   "once",    "limit",
					      "enabled", "when", "awaited", NULL};
	static const char *const states[] = {"queued", "running",  "waiting",   "retrying",  "held",
					     "failed", "in_doubt", "completed", "cancelled", NULL};
	if (!is_map(c, n, "expect:", keys))
		return;
	const struct ynode *no = ynode_get(n, "matched"), *at;
	if (no && no->kind != Y_BOOL)
		compile_error(c, no, "matched: is true or false");
	else if (no && !no->boolean && !ynode_get(n, "because"))
		compile_error(c, no, "matched: false needs because: where, if, once, limit, …");
	check_word(c, ynode_get(n, "because"), "reason", reasons);
	check_word(c, ynode_get(n, "state"), "state", states);
	if ((at = ynode_get(n, "elapsed")))
		check_elapsed(c, at);
	if ((at = ynode_get(n, "calls")))
		check_calls(c, at, "calls:");
	if ((at = ynode_get(n, "calls_some")))
		check_calls(c, at, "calls_some:");
	if ((at = ynode_get(n, "steps")))
		(void)is_map(c, at, "steps:", NULL);
	if ((at = ynode_get(n, "memory")))
		(void)is_map(c, at, "memory:", NULL);
}

/* ---- a test ---- */

static void check_test(struct compiler *c, const struct ynode *n)
{
	static const char *const keys[] = {"name",   "given",  "answers", "tape",  "then",
					   "expect", "faults", "rules",   "about", NULL};
	if (!is_map(c, n, "a test", keys))
		return;
	const struct ynode *given = ynode_get(n, "given"), *expect = ynode_get(n, "expect");
	const struct ynode *then = ynode_get(n, "then"), *at;
	if (!ynode_get(n, "tape") && (!given || !expect))
		compile_error(c, n, "a test needs given: and expect:, or a tape:");
	if ((at = ynode_get(n, "tape")) && !at->text)
		compile_error(c, at, "tape: is the name of a file, as seen from the rule's folder");
	if (given)
		check_given(c, given);
	if ((at = ynode_get(n, "answers")))
		(void)is_map(c, at, "answers:", NULL);
	if ((at = ynode_get(n, "faults")))
		check_faults(c, at);
	if ((at = ynode_get(n, "rules")))
		(void)is_list(c, at, "rules:");
	if (then)
		check_then(c, then);
	if (expect)
		check_expect(c, expect);
}

void tests_check(struct compiler *c, const struct ynode *n)
{
	for (size_t i = 0; is_list(c, n, "tests:") && i < n->n; i++)
		check_test(c, n->items[i]);
}
