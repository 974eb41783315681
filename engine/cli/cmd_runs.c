/* pawl runs: lists runs, newest first; --follow prints what changes. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/map.h"
#include "engine/base/timefmt.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/print.h"
#include "engine/io/server.h"
#include "engine/store/store.h"

enum { LIMIT_MAX = 1000, LIMIT = 50, FOLLOW_MS = 500, RULE_WIDTH_MAX = 32 };

static int64_t time_at(const json_t *v, const char *key, int64_t def)
{
	const char *text = json_str(v, key);
	int64_t ms;
	return text && time_parse(text, &ms, NULL) == 0 ? ms : def;
}

static void add_query(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	(void)buf_printf(b, "&%s=", name);
	(void)url_encode(b, value, strlen(value), "");
}

/* "1h" is an hour ago, anything else a time. */
static int since(const char *text, int64_t now, char out[TIME_TEXT_LEN], struct errmsg *msg)
{
	int64_t ms;
	if (duration_parse(text, &ms, NULL) == 0)
		ms = now - ms;
	else if (time_parse(text, &ms, NULL) != 0)
		return err_set(
			msg, ERR_USAGE,
			"--since takes a duration (2h) or a time (2026-11-23T09:00:00Z), not '%s'",
			text);
	time_format(ms, out);
	return 0;
}

static int make_path(const struct cli *c, int64_t now, struct buf *path, struct errmsg *msg)
{
	long limit;
	char from[TIME_TEXT_LEN];
	const char *state = cli_value(c, "state"), *text = cli_value(c, "since");
	if (cli_number(c, "limit", LIMIT_MAX, LIMIT, &limit, msg) != 0)
		return msg->code;
	if (state && run_state_by_name(state) < 0) {
		(void)err_set(msg, ERR_USAGE, "there is no state '%s'; there are:", state);
		for (int i = 0; i < RUN_STATES; i++) {
			size_t len = strlen(msg->text);
			(void)snprintf(msg->text + len, sizeof(msg->text) - len, " %s",
				       run_state_name((enum run_state)i));
		}
		return msg->code;
	}
	if (text && since(text, now, from, msg) != 0)
		return msg->code;
	(void)buf_printf(path, "/api/runs?limit=%ld", limit);
	add_query(path, "state", state);
	add_query(path, "rule", cli_value(c, "rule"));
	add_query(path, "since", text ? from : NULL);
	return 0;
}

static void add_line(struct buf *b, const struct look *l, const json_t *run, int rule, int64_t now)
{
	char d[PRINT_DURATION_LEN], created[TIME_TEXT_LEN] = "";
	const char *state = json_str(run, "state");
	int64_t from = time_at(run, "created", -1), to = time_at(run, "ended", now);
	if (from >= 0) {
		time_format(from, created);
		created[10] = ' ';
		created[19] = 0;
	}
	(void)print_text(b, json_str(run, "id"), 0);
	(void)buf_printf(b, "  %s  %s", created, paint(l, paint_of_state(state)));
	print_cell(b, state, 9, false);
	(void)buf_printf(b, "%s  ", paint(l, PAINT_PLAIN));
	print_cell(b, from >= 0 ? print_duration(to - from, d) : "", 7, true);
	(void)buf_puts(b, "  ");
	const json_t *error = json_object_get(run, "error");
	const char *name =
		json_is_string(error) ? json_string_value(error) : json_str(error, "name");
	if (!name || (state && !strcmp(name, state))) {
		(void)print_text(b, json_str(run, "rule"), 0);
	} else {
		print_cell(b, json_str(run, "rule"), rule, false);
		(void)buf_printf(b, "  %s", paint(l, PAINT_RED));
		(void)print_text(b, name, 0);
		(void)buf_puts(b, paint(l, PAINT_PLAIN));
	}
	(void)buf_putc(b, '\n');
}

static int rule_width(const json_t *runs)
{
	int width = 0;
	size_t i;
	json_t *run;
	json_array_foreach ((json_t *)runs, i, run) {
		int w = print_width(json_str(run, "rule"));
		width = w > width ? w : width;
	}
	return width > RULE_WIDTH_MAX ? RULE_WIDTH_MAX : width;
}

static int list(const struct cli *c, struct client *client, const char *path)
{
	json_auto_t *page = NULL;
	int code = client_call(client, "GET", path, NULL, &page);
	if (code != CLI_DONE)
		return code;
	if (cli_has(c, "json"))
		return print_json(page);
	const json_t *runs = json_object_get(page, "runs");
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	size_t i;
	json_t *run;
	json_array_foreach ((json_t *)runs, i, run)
		add_line(&b, &l, run, rule_width(runs), client_now(client));
	if (!json_array_size(runs))
		fprintf(stderr, "no runs\n");
	else if (json_integer_value(json_object_get(page, "next")))
		fprintf(stderr, "there are more: --limit shows up to %d\n", LIMIT_MAX);
	return print_out(&b);
}

/* Prints those of a page, oldest first, whose state is another than the last time. */
static int print_changes(const struct cli *c, struct client *client, const json_t *runs,
			 struct map *seen)
{
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	for (size_t i = json_array_size(runs); i-- > 0;) {
		const json_t *run = json_array_get(runs, i);
		const char *id = json_str(run, "id");
		int state =
			run_state_by_name(json_str(run, "state") ? json_str(run, "state") : "") + 2;
		if (!id || map_get(seen, id) == (void *)(intptr_t)state)
			continue;
		(void)map_put(seen, id, (void *)(intptr_t)state);
		if (cli_has(c, "json")) {
			(void)json_add_text(&b, run);
			(void)buf_putc(&b, '\n');
		} else {
			add_line(&b, &l, run, rule_width(runs), client_now(client));
		}
	}
	return print_out(&b);
}

static int follow(const struct cli *c, struct client *client, const char *path)
{
	struct map seen = {0};
	int code;
	for (;;) {
		json_auto_t *page = NULL;
		code = client_call(client, "GET", path, NULL, &page);
		if (code == CLI_DONE)
			code = print_changes(c, client, json_object_get(page, "runs"), &seen);
		if (code != CLI_DONE)
			break;
		client_pause(client, FOLLOW_MS);
	}
	map_done(&seen);
	return code;
}

static int run(struct cli *c)
{
	int code;
	struct errmsg msg;
	struct buf path = BUF_INIT;
	struct client *client = client_open(c, &code);
	if (!client)
		return code;
	if (make_path(c, client_now(client), &path, &msg) != 0)
		code = cli_wrong(c, "%s", msg.text);
	else
		code = cli_has(c, "follow") ? follow(c, client, buf_str(&path))
					    : list(c, client, buf_str(&path));
	buf_done(&path);
	client_free(client);
	return code;
}

static const struct cli_option options[] = {
	{"state", 0, false, "S",
	 "only those in this state: queued, running, waiting, retrying, held, in_doubt, completed, "
	 "failed, cancelled"},
	{"rule", 0, false, "R", "only those of this rule"},
	{"since", 0, false, "T", "only those created since: a duration back (2h) or a time"},
	{"limit", 0, false, "N", "at most so many (default: 50, at most 1000)"},
	{"follow", 0, false, NULL, "go on: print a line whenever the state of a run changes"},
	{0},
};

const struct command command_runs = {
	.name = "runs",
	.summary = "lists runs, newest first",
	.usage = "",
	.about =
		"Times are UTC. A run that has failed or is in doubt stays in the list until someone has "
		"seen to it.",
	.options = options,
	.run = run,
};
