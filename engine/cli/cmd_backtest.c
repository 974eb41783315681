/* pawl backtest: an edited rule against the events and answers that the service has recorded. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/timefmt.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/io/server.h"
#include "engine/trial/backtest.h"

#define EVENTS_MAX 100000
#define SHOWN 20

/* What came of one rule, added up. */
struct sum {
	struct plan *plan;
	json_t *runs; /* {event's id: id of the run of this rule} */
	json_t *fresh, *gone, *changed, *unknown;
	json_int_t before, now, same, calls_before, calls_now;
};

struct backtest {
	const struct cli *cli;
	struct client *client;
	struct kit *kit;
	const char *since;
	int64_t from, to;
	json_int_t events;
};

/* ---- fetching ---- */

/* One page after the other; take returns false to end. CLI_DONE, or as client_call. */
static int each_row(struct client *client, const char *path, const char *list,
		    bool (*take)(void *arg, json_t *row), void *arg)
{
	json_int_t cursor = 0;
	bool more = true;
	while (more) {
		struct buf at = BUF_INIT;
		json_auto_t *page = NULL;
		(void)buf_printf(&at, "%s&limit=1000", path);
		if (cursor)
			(void)buf_printf(&at, "&cursor=%lld", (long long)cursor);
		int code = client_call(client, "GET", buf_str(&at), NULL, &page);
		buf_done(&at);
		if (code != CLI_DONE)
			return code;
		json_t *row;
		size_t i;
		json_array_foreach (json_object_get(page, list), i, row)
			more = more && take(arg, row);
		cursor = json_int(page, "next", 0);
		more = more && cursor;
	}
	return CLI_DONE;
}

static bool take_run(void *arg, json_t *row)
{
	struct sum *s = arg;
	const char *event = json_str(row, "event");
	if (event)
		json_object_set(s->runs, event, json_object_get(row, "id"));
	return json_object_size(s->runs) < EVENTS_MAX;
}

static int fetch_runs(const struct backtest *b, struct sum *s)
{
	struct buf path = BUF_INIT;
	(void)buf_puts(&path, "/api/runs?rule=");
	(void)url_encode(&path, s->plan->rule, strlen(s->plan->rule), "");
	(void)buf_puts(&path, "&since=");
	(void)url_encode(&path, b->since, strlen(b->since), "");
	int code = each_row(b->client, buf_str(&path), "runs", take_run, s);
	buf_done(&path);
	return code;
}

static bool take_event(void *arg, json_t *row)
{
	json_array_append(arg, row);
	return json_array_size(arg) < EVENTS_MAX;
}

static int fetch_events(const struct backtest *b, json_t *events)
{
	struct buf path = BUF_INIT;
	(void)buf_puts(&path, "/api/events?since=");
	(void)url_encode(&path, b->since, strlen(b->since), "");
	int code = each_row(b->client, buf_str(&path), "events", take_event, events);
	buf_done(&path);
	return code;
}

static json_t *fetch_run(const struct backtest *b, const char *id)
{
	auto_free char *path = mem_printf("/api/runs/%s", id);
	json_t *v = NULL;
	return client_call(b->client, "GET", path, NULL, &v) == CLI_DONE ? v : NULL;
}

/* ---- adding up ---- */

static json_t *entry(const json_t *event, const json_t *result)
{
	return json_pack(
		"{s:O, s:O, s:O, s:O?, s:O?, s:O?, s:O?}", "event", json_object_get(event, "id"),
		"type", json_object_get(event, "type"), "received",
		json_object_get(event, "received"), "why", json_object_get(result, "why"), "before",
		json_object_get(result, "before"), "calls", json_object_get(result, "calls"),
		"unknown", json_object_get(result, "unknown"));
}

/* The first call that is another than it was; -1: none. What a read asked was not recorded. */
static int first_difference(const json_t *before, const json_t *now, bool to_the_end)
{
	size_t n = json_array_size(before), k = json_array_size(now), i = 0;
	for (; i < n && i < k; i++) {
		const json_t *a = json_array_get(before, i), *b = json_array_get(now, i);
		const json_t *input = json_object_get(a, "input");
		if (!json_equal(json_object_get(a, "call"), json_object_get(b, "call")) ||
		    (json_is_object(input) && !json_equal(input, json_object_get(b, "input"))))
			return (int)i;
	}
	return i < k || (to_the_end && i < n) ? (int)i : -1;
}

static void add_both(struct sum *s, const json_t *event, const json_t *result)
{
	bool known = json_is_null(json_object_get(result, "unknown"));
	int at = first_difference(json_object_get(result, "before"),
				  json_object_get(result, "calls"), known);
	if (at >= 0) {
		json_t *e = entry(event, result);
		json_object_set_new(e, "at", json_integer(at));
		json_array_append_new(s->changed, e);
	} else if (known) {
		s->same++;
	} else {
		json_array_append_new(s->unknown, entry(event, result));
	}
}

static void add(const struct backtest *b, struct sum *s, const json_t *event)
{
	const char *id = json_string_value(json_object_get(s->runs, json_str(event, "id")));
	json_auto_t *run = id ? fetch_run(b, id) : NULL;
	json_auto_t *result = backtest_event(b->kit, s->plan, event, run);
	bool yes = json_bool(result, "matched", false);
	s->before += id != NULL;
	s->now += yes;
	s->calls_before += (json_int_t)json_array_size(json_object_get(result, "before"));
	s->calls_now += (json_int_t)json_array_size(json_object_get(result, "calls"));
	if (yes && !id)
		json_array_append_new(s->fresh, entry(event, result));
	else if (!yes && id)
		json_array_append_new(s->gone, entry(event, result));
	else if (yes && run)
		add_both(s, event, result);
}

/* ---- what is said ---- */

static void say_event(struct buf *b, const char *sign, const json_t *e)
{
	(void)buf_printf(b, "  %s %s  %s  ", sign, json_str(e, "event"), json_str(e, "received"));
	(void)print_text(b, json_str(e, "type"), 0);
}

static void say_value(struct buf *b, const json_t *v)
{
	auto_free char *text = v ? json_text(v) : mem_strdup("?");
	(void)print_text(b, text, 160);
}

static void say_call(struct buf *b, const char *sign, const json_t *calls, size_t at)
{
	const json_t *call = json_array_get(calls, at);
	(void)buf_printf(b, "      %s call %zu: ", sign, at + 1);
	if (!call) {
		(void)buf_puts(b, "none\n");
		return;
	}
	(void)print_text(b, json_str(call, "call"), 0);
	(void)buf_putc(b, ' ');
	say_value(b, json_object_get(call, "input"));
	(void)buf_putc(b, '\n');
}

static void say_why(struct buf *b, const json_t *e)
{
	const json_t *why = json_object_get(e, "why"), *parts = json_object_get(why, "parts");
	const json_t *part = json_array_get(parts, json_array_size(parts) - 1);
	const char *because = json_str(why, "because"), *path = json_str(why, "path");
	(void)buf_printf(b, "  because of %s", because ? because : "nothing known");
	if (path) {
		(void)buf_printf(b, ": %s is ", path);
		say_value(b, json_object_get(why, "found"));
	} else if (part) {
		(void)buf_puts(b, ": ");
		(void)print_text(b, json_str(part, "text"), 0);
	}
}

static void say_list(struct buf *b, const char *sign, const json_t *list,
		     void (*more)(struct buf *b, const json_t *e))
{
	json_t *e;
	size_t i;
	json_array_foreach ((json_t *)list, i, e) {
		if (i == SHOWN) {
			(void)buf_printf(b, "  %s … %zu more\n", sign,
					 json_array_size(list) - SHOWN);
			break;
		}
		say_event(b, sign, e);
		if (more)
			more(b, e);
		if (b->len && b->data[b->len - 1] != '\n')
			(void)buf_putc(b, '\n');
	}
}

static void say_change(struct buf *b, const json_t *e)
{
	size_t at = (size_t)json_int(e, "at", 0);
	(void)buf_putc(b, '\n');
	say_call(b, "-", json_object_get(e, "before"), at);
	say_call(b, "+", json_object_get(e, "calls"), at);
}

static void say_unknown(struct buf *b, const json_t *e)
{
	const json_t *call = json_object_get(e, "unknown");
	(void)buf_puts(b, "  not known: what ");
	(void)print_text(b, json_str(call, "call"), 0);
	(void)buf_puts(b, " would answer to ");
	say_value(b, json_object_get(call, "input"));
}

static void say_cost(const struct backtest *t, const struct sum *s, struct buf *b)
{
	double days = (double)(t->to - t->from) / (24 * 3600 * 1000.0);
	json_auto_t *budget = NULL;
	(void)buf_printf(b, "  calls a day: %.1f before, %.1f now", (double)s->calls_before / days,
			 (double)s->calls_now / days);
	if (client_call(t->client, "GET", "/api/budget", NULL, &budget) == CLI_DONE) {
		json_t *v;
		size_t i;
		json_array_foreach (json_object_get(budget, "budgets"), i, v)
			if (json_int(v, "per_day", 0)) {
				(void)buf_puts(b, i ? ", " : ", of ");
				(void)buf_printf(b, "%lld of ",
						 (long long)json_int(v, "per_day", 0));
				(void)print_text(b, json_str(v, "name"), 0);
			}
	}
	(void)buf_putc(b, '\n');
}

static void say(const struct backtest *t, const struct sum *s, struct buf *b)
{
	(void)buf_printf(b, "%s: %lld events of the time since %s\n", s->plan->rule,
			 (long long)t->events, t->since);
	(void)buf_printf(b, "  started %lld, would start %lld: %zu new (+), %zu no more (-)\n",
			 (long long)s->before, (long long)s->now, json_array_size(s->fresh),
			 json_array_size(s->gone));
	(void)buf_printf(
		b,
		"  of those that start both times %lld call the same, %zu differ (~), of %zu an answer is not known (?)\n",
		(long long)s->same, json_array_size(s->changed), json_array_size(s->unknown));
	say_cost(t, s, b);
	say_list(b, "+", s->fresh, NULL);
	say_list(b, "-", s->gone, say_why);
	say_list(b, "~", s->changed, say_change);
	say_list(b, "?", s->unknown, say_unknown);
}

static json_t *as_json(const struct backtest *t, const struct sum *s)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O, s:O, s:O}", "rule",
			 s->plan->rule, "since", t->since, "events", t->events, "before", s->before,
			 "now", s->now, "same", s->same, "calls_before", s->calls_before,
			 "calls_now", s->calls_now, "new", s->fresh, "gone", s->gone, "changed",
			 s->changed, "unknown", s->unknown);
}

/* ---- doing it ---- */

static int one_rule(struct backtest *t, const json_t *events, struct plan *p, json_t *all)
{
	struct sum s = {.plan = p,
			.runs = json_object(),
			.fresh = json_array(),
			.gone = json_array(),
			.changed = json_array(),
			.unknown = json_array()};
	int code = fetch_runs(t, &s);
	for (size_t i = json_array_size(events); code == CLI_DONE && i-- > 0;)
		add(t, &s, json_array_get(events, i));
	if (code == CLI_DONE && cli_has(t->cli, "json")) {
		json_array_append_new(all, as_json(t, &s));
	} else if (code == CLI_DONE) {
		struct buf b = BUF_INIT;
		say(t, &s, &b);
		code = print_out(&b);
	}
	json_decref(s.runs);
	json_decref(s.fresh);
	json_decref(s.gone);
	json_decref(s.changed);
	json_decref(s.unknown);
	return code;
}

static int all_rules(struct backtest *t)
{
	json_auto_t *events = json_array(), *all = json_array();
	int code = fetch_events(t, events);
	t->events = (json_int_t)json_array_size(events);
	for (size_t i = 0; code == CLI_DONE && i < ruleset_count(t->kit->set); i++)
		code = one_rule(t, events, ruleset_at(t->kit->set, i), all);
	return code == CLI_DONE && cli_has(t->cli, "json") ? print_json(all) : code;
}

static int with_kit(struct backtest *t, const struct config *config)
{
	struct findings f = {0};
	struct errmsg msg = {0};
	int code = CLI_NO;
	t->kit = kit_new(config, t->cli->words, 1, &f, &msg);
	if (!t->kit && f.errors)
		setup_tell(&f);
	else if (!t->kit || kit_open(t->kit, &msg) != 0)
		code = cli_no(t->cli, "%s", msg.text);
	else
		code = all_rules(t);
	kit_free(t->kit);
	findings_done(&f);
	return code;
}

static int run(struct cli *c)
{
	const char *since = cli_value(c, "since");
	struct backtest t = {.cli = c, .since = since ? since : "7d"};
	struct config *config = setup_config(c, NULL);
	int code;
	int64_t span;
	if (!config)
		return CLI_USAGE;
	t.client = client_open(c, &code);
	if (!t.client) {
		config_free(config);
		return code;
	}
	t.to = client_now(t.client);
	if (duration_parse(t.since, &span, NULL) == 0)
		t.from = t.to - span;
	else if (time_parse(t.since, &t.from, NULL) != 0)
		t.from = t.to;
	log_setup(&(struct log_config){.level = LOG_ERROR});
	code = t.from < t.to ? with_kit(&t, config)
			     : cli_wrong(c, "--since takes a duration (7d) or a time before now");
	client_free(t.client);
	config_free(config);
	return code;
}

static const struct cli_option options[] = {
	{"since", 0, false, "TIME", "events from then on, or from that long ago; default: 7d"},
	{0},
};

const struct command command_backtest = {
	.name = "backtest",
	.summary = "plays recorded events against an edited rule: what would start, and be called",
	.usage = "RULEFILE",
	.about =
		"Shows as differences which events would start it now and which no more, and what it would "
		"call otherwise, with the answers that were recorded; where none fits the run is followed "
		"no further. limit:, once: and collect: are left out of account. Nothing is sent.",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
