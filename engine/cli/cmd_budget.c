/* pawl budget: what each API key may spend, what it is spent on, and when it runs out. */
#include <stdio.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/print.h"

enum { NAME_MAX_WIDTH = 40, SHARES_SHOWN = 20 };

static int64_t time_at(const json_t *v, const char *key)
{
	int64_t ms;
	const char *text = json_str(v, key);
	return text && time_parse(text, &ms, NULL) == 0 ? ms : 0;
}

static void add_names(struct buf *b, const json_t *names, const char *title)
{
	size_t i;
	json_t *v;
	const char *before = " (";
	json_array_foreach ((json_t *)names, i, v) {
		if (json_array_size(names) == 1 && strcmp(json_string_value(v), title) == 0)
			return;
		(void)buf_puts(b, before);
		(void)print_text(b, json_string_value(v), 0);
		before = ", ";
	}
	if (json_array_size(names))
		(void)buf_puts(b, ")");
}

static void add_rate(struct buf *b, const json_t *v, int64_t now)
{
	char d[PRINT_DURATION_LEN];
	const json_t *rate = json_object_get(v, "per_second");
	json_int_t permits = json_int(v, "permits", 0), pauses = json_int(v, "pauses", 0);
	int64_t until = time_at(v, "paused_until");
	if (!json_is_number(rate)) {
		(void)buf_puts(b, "  rate      no limit is known");
	} else {
		(void)buf_printf(b, "  rate      %.6g a second", json_number_value(rate));
		if (permits < (json_int_t)json_number_value(rate))
			(void)buf_printf(b, ", %lld for now", (long long)permits);
	}
	if (pauses)
		(void)buf_printf(b, "; too fast %lld time%s", (long long)pauses,
				 pauses == 1 ? "" : "s");
	if (until > now)
		(void)buf_printf(b, ", pausing for %s", print_duration(until - now, d));
	(void)buf_putc(b, '\n');
}

static void add_clock(struct buf *b, int64_t at)
{
	char text[TIME_TEXT_LEN];
	time_format(at, text);
	(void)buf_printf(b, "%.5s UTC", text + 11);
}

static void add_day(struct buf *b, const struct look *l, const json_t *v, int64_t now)
{
	json_int_t left = json_int(v, "left", 0);
	int64_t out = time_at(v, "forecast"), turns = time_at(v, "turns_at");
	if (!json_is_integer(json_object_get(v, "per_day"))) {
		(void)buf_puts(b, "  day       no limit is known\n");
		return;
	}
	(void)buf_printf(b, "  day       %lld of %lld spent, %s%lld left%s",
			 (long long)json_int(v, "spent", 0), (long long)json_int(v, "per_day", 0),
			 paint(l, left ? PAINT_PLAIN : PAINT_RED), (long long)left,
			 paint(l, PAINT_PLAIN));
	if (json_int(v, "reserve", 0))
		(void)buf_printf(b, " (%lld kept for people and for what settles a doubt)",
				 (long long)json_int(v, "reserve", 0));
	(void)buf_printf(
		b, "\n  forecast  %lld in the last hour: ", (long long)json_int(v, "last_hour", 0));
	if (out && out <= now) {
		(void)buf_puts(b, "used up");
	} else if (out) {
		(void)buf_puts(b, "used up at ");
		add_clock(b, out);
	} else {
		(void)buf_puts(b, "not used up today");
	}
	(void)buf_puts(b, ", a new day at ");
	add_clock(b, turns);
	(void)buf_putc(b, '\n');
}

static int width_of(const json_t *shares)
{
	int width = 0;
	size_t i;
	json_t *v;
	json_array_foreach ((json_t *)shares, i, v) {
		int w = print_width(json_str(v, "name"));
		width = w > width ? w : width;
	}
	return width < NAME_MAX_WIDTH ? width : NAME_MAX_WIDTH;
}

static void add_share(struct buf *b, const json_t *v, int width)
{
	static const struct {
		const char *kind, *text;
	} kinds[] = {{"person", "people, by hand"},
		     {"settle", "settling doubts"},
		     {"login", "logins"},
		     {"look", "looks at jobs"}};
	const char *name = json_str(v, "name"), *kind = json_str(v, "kind");
	json_int_t reserve = json_int(v, "reserve", 0), waiting = json_int(v, "waiting", 0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kind && strcmp(kinds[i].kind, kind) == 0)
			name = kinds[i].text;
	(void)buf_puts(b, "    ");
	print_cell(b, name && *name ? name : "no rule", width, false);
	(void)buf_printf(b, "  %6lld", (long long)json_int(v, "spent", 0));
	if (waiting)
		(void)buf_printf(b, "  %lld waiting", (long long)waiting);
	if (json_number_value(json_object_get(v, "share")) != 1)
		(void)buf_printf(b, "  share %.4g", json_number_value(json_object_get(v, "share")));
	if (reserve)
		(void)buf_printf(b, "  reserve %lld", (long long)reserve);
	(void)buf_putc(b, '\n');
}

static void add_shares(struct buf *b, const json_t *v)
{
	const json_t *shares = json_object_get(v, "shares");
	json_int_t waiting = json_int(v, "waiting", 0);
	size_t i;
	json_t *share;
	int width = width_of(shares);
	if (waiting)
		(void)buf_printf(b, "  waiting   %lld\n", (long long)waiting);
	if (!json_array_size(shares))
		return;
	(void)buf_puts(b, "  spent on, since the service or the day began:\n");
	json_array_foreach ((json_t *)shares, i, share)
		if (i < SHARES_SHOWN)
			add_share(b, share, width < 16 ? 16 : width);
	if (json_array_size(shares) > SHARES_SHOWN)
		(void)buf_printf(b, "    and %zu more: --json has all\n",
				 json_array_size(shares) - SHARES_SHOWN);
}

static void add_budget(struct buf *b, const struct look *l, const json_t *v, int64_t now)
{
	const char *name = json_str(v, "name");
	(void)buf_puts(b, paint(l, PAINT_BOLD));
	(void)print_text(b, name, 0);
	(void)buf_puts(b, paint(l, PAINT_PLAIN));
	add_names(b, json_object_get(v, "connections"), name ? name : "");
	(void)buf_putc(b, '\n');
	add_rate(b, v, now);
	add_day(b, l, v, now);
	add_shares(b, v);
}

static int show(const struct cli *c, struct client *client)
{
	json_auto_t *answer = NULL;
	int code = client_call(client, "GET", "/api/budget", NULL, &answer);
	if (code != CLI_DONE)
		return code;
	const json_t *budgets = json_object_get(answer, "budgets");
	if (cli_has(c, "json"))
		return print_json(answer);
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	size_t i;
	json_t *v;
	json_array_foreach ((json_t *)budgets, i, v)
		add_budget(&b, &l, v, client_now(client));
	if (!json_array_size(budgets))
		fprintf(stderr, "no connection has a limit\n");
	return print_out(&b);
}

static int run(struct cli *c)
{
	int code;
	struct client *client = client_open(c, &code);
	if (!client)
		return code;
	code = show(c, client);
	client_free(client);
	return code;
}

const struct command command_budget = {
	.name = "budget",
	.summary = "shows what the API keys may spend, and when the day's quota runs out",
	.usage = "",
	.about =
		"Connections with the same API key share one budget. What a rule has spent is counted "
		"since the service started or the day began, the day's sum is kept over restarts.",
	.run = run,
};
