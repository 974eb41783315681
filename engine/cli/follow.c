/* Waits for runs to end, by asking at growing intervals. */
#include "engine/cli/follow.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/print.h"
#include "engine/cli/timeline.h"
#include "engine/io/loop.h"
#include "engine/store/store.h"

enum { PAUSE_MS = 40, PAUSE_MAX_MS = 1000 };

/* Progress goes to a terminal only, and is wiped away. */
static void progress(const char *rule, const char *state)
{
	if (!isatty(STDERR_FILENO))
		return;
	struct buf b = BUF_INIT;
	if (state) {
		(void)print_text(&b, rule, 40);
		(void)buf_puts(&b, " … ");
		(void)print_text(&b, state, 20);
	}
	fprintf(stderr, "\r\033[K%s", buf_str(&b));
	buf_done(&b);
}

static bool rests(const char *state)
{
	int s = run_state_by_name(state ? state : "");
	return s < 0 || run_state_is_end((enum run_state)s) || s == RUN_IN_DOUBT || s == RUN_HELD;
}

static int print_run(const struct cli *c, struct client *client, const json_t *run)
{
	if (cli_has(c, "json"))
		return print_json(run);
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	timeline_print(&b, run, &l, client_now(client), false);
	(void)buf_putc(&b, '\n');
	return print_out(&b);
}

/* False when the time is over. */
static bool pause_for(struct client *client, int64_t *pause, int64_t until)
{
	int64_t now = loop_boot_ms(client_loop(client));
	if (until && now >= until)
		return false;
	client_pause(client, until && now + *pause > until ? until - now : *pause);
	*pause = *pause * 3 / 2 < PAUSE_MAX_MS ? *pause * 3 / 2 : PAUSE_MAX_MS;
	return true;
}

int follow_run(const struct cli *c, struct client *client, const char *id, const char *good,
	       int64_t until)
{
	auto_free char *path = mem_printf("/api/runs/%s", id);
	int64_t pause = PAUSE_MS;
	for (;;) {
		json_auto_t *run = NULL;
		int code = client_call(client, "GET", path, NULL, &run);
		if (code != CLI_DONE)
			return code;
		const char *state = json_str(run, "state");
		if (rests(state)) {
			progress(NULL, NULL);
			code = print_run(c, client, run);
			return code != CLI_DONE                ? code
			       : state && !strcmp(state, good) ? CLI_DONE
							       : CLI_NO;
		}
		progress(json_str(run, "rule"), state);
		if (pause_for(client, &pause, until))
			continue;
		progress(NULL, NULL);
		(void)print_run(c, client, run);
		return cli_no(c, "the time is over and run %s is %s", id, state);
	}
}

int follow_event(const struct cli *c, struct client *client, const char *event, int64_t until)
{
	auto_free char *path = mem_printf("/api/events/%s", event);
	int worst = CLI_DONE;
	for (size_t at = 0;; at++) {
		json_auto_t *ev = NULL;
		int code = client_call(client, "GET", path, NULL, &ev);
		if (code != CLI_DONE)
			return code;
		const json_t *runs = json_object_get(ev, "runs");
		if (at >= json_array_size(runs)) {
			if (!at)
				fprintf(stderr, "no rule starts by it\n");
			return worst;
		}
		const json_t *run = json_array_get(runs, at);
		const char *id = json_is_string(run) ? json_string_value(run) : json_str(run, "id");
		code = follow_run(c, client, id ? id : "", "completed", until);
		if (code == CLI_CANNOT)
			return code;
		worst = code > worst ? code : worst;
	}
}
