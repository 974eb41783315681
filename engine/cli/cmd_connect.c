/* pawl connect: a person logs in for a connection; and what connections may do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions/login.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/alone.h"
#include "engine/cli/callback.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/io/server.h"
#include "engine/serve/rulekit.h"

enum { LOOK_MS = 300, PASTE_MAX = 16384 };

/* The two ways: the service does it, or this process under the store's lock. */
struct way {
	const struct cli *cli;
	const char *name;      /* of the connection; NULL: all */
	struct client *client; /* NULL: alone */
	struct config *config;
	struct rulekit *kit;
	struct alone alone;
	struct login *login;
};

/* ---- opening ---- */

static int open_alone(struct way *w, bool make)
{
	struct errmsg msg;
	w->config = setup_config(w->cli, make ? &(struct config_flags){0} : NULL);
	if (!w->config)
		return CLI_USAGE;
	w->kit = rulekit_new(w->config, &clock_real, &rng_real, &msg);
	if (!w->kit)
		return cli_wrong(w->cli, "%s", msg.text);
	if (w->name && !connections_find(w->kit->connections, w->name)) {
		const char *near = connections_suggest(w->kit->connections, w->name);
		return cli_wrong(w->cli, "there is no connection '%s'%s%s%s", w->name,
				 near ? "; did you mean '" : "", near ? near : "",
				 near ? "'?" : "");
	}
	if (alone_open(&w->alone, w->config, make, &msg) != 0)
		return cli_cannot(w->cli, "%s", msg.text);
	return CLI_DONE;
}

/* make: the store, for a login. */
static int way_open(struct way *w, bool make)
{
	int code;
	w->client = client_open(w->cli, &code);
	if (!w->client)
		return code;
	if (cli_has(w->cli, "url") || client_is_there(w->client))
		return CLI_DONE;
	client_free(w->client);
	w->client = NULL;
	return open_alone(w, make);
}

static void way_close(struct way *w)
{
	client_free(w->client);
	login_free(w->login);
	alone_close(&w->alone);
	rulekit_free(w->kit);
	config_free(w->config);
}

static struct loop *way_loop(struct way *w)
{
	return w->client ? client_loop(w->client) : w->alone.loop;
}

static void way_pause(struct way *w, int64_t ms)
{
	if (w->client)
		client_pause(w->client, ms);
	else
		alone_pause(&w->alone, ms);
}

static char *path_of(const struct way *w, const char *more)
{
	struct buf b = BUF_INIT;
	(void)buf_puts(&b, "/api/connections/");
	(void)url_encode(&b, w->name, strlen(w->name), NULL);
	(void)buf_puts(&b, more);
	return buf_take(&b);
}

/* ---- one login ---- */

static int begin(struct way *w, bool by_device, json_t **ret)
{
	struct errmsg msg;
	if (w->client) {
		auto_free char *path = path_of(w, "/connect");
		json_auto_t *body = json_pack("{s:s}", "flow", by_device ? "device" : "browser");
		return client_call(w->client, "POST", path, body, ret);
	}
	const struct login_config c = {w->alone.loop, w->alone.http, w->alone.tokens, &rng_real};
	const struct connection *conn = connections_find(w->kit->connections, w->name);
	w->login = by_device ? login_device(&c, conn, &msg) : login_browser(&c, conn, &msg);
	if (!w->login)
		return cli_no(w->cli, "%s", msg.text);
	*ret = login_json(w->login);
	return CLI_DONE;
}

static int look(struct way *w, json_t **ret)
{
	if (!w->client) {
		*ret = login_json(w->login);
		return CLI_DONE;
	}
	auto_free char *path = path_of(w, "");
	json_auto_t *v = NULL;
	int code = client_call(w->client, "GET", path, NULL, &v);
	if (code != CLI_DONE)
		return code;
	*ret = json_incref(json_object_get(v, "login"));
	return CLI_DONE;
}

static int tell_code(struct way *w, const struct callback *c)
{
	struct errmsg msg;
	if (!w->client) {
		int err = login_code(w->login, c->state, c->code, c->error, &msg);
		return err ? cli_no(w->cli, "%s", msg.text) : CLI_DONE;
	}
	auto_free char *path = path_of(w, "/connect/code");
	json_auto_t *body = json_pack("{s:s, s:s?, s:s?}", "state", c->state, "code", c->code,
				      "error", c->error);
	json_auto_t *answer = NULL;
	if (!body)
		return cli_no(w->cli, "what the browser came back with is no text");
	return client_call(w->client, "POST", path, body, &answer);
}

static bool is_state(const json_t *v, const char *state)
{
	const char *text = json_str(v, "state");
	return text && strcmp(text, state) == 0;
}

/* Until it is neither of the two states; *v is the newest look. */
static int wait_while(struct way *w, json_t **v, const char *state, const char *or_state)
{
	int code = CLI_DONE;
	while (code == CLI_DONE && (is_state(*v, state) || is_state(*v, or_state))) {
		way_pause(w, LOOK_MS);
		json_decref(*v);
		*v = NULL;
		code = look(w, v);
	}
	return code;
}

/* ---- what a person sees ---- */

static void say(struct buf *b)
{
	(void)print_out(b);
	(void)fflush(stdout);
}

static void add_text(struct buf *b, const json_t *v, const char *key)
{
	(void)print_text(b, json_str(v, key), 0);
}

static void show_device(const struct way *w, const json_t *v)
{
	struct buf b = BUF_INIT;
	const char *whole = json_str(v, "verification_uri_complete");
	(void)buf_printf(&b, "To log in for %s, open\n\n    ", w->name);
	add_text(&b, v, whole ? "verification_uri_complete" : "verification_uri");
	(void)buf_printf(&b, "\n\nand %s the code\n\n    ", whole ? "compare" : "type in");
	add_text(&b, v, "user_code");
	(void)buf_puts(&b, "\n\nIt is good until ");
	add_text(&b, v, "expires");
	(void)buf_puts(&b, ".\n");
	say(&b);
}

static void show_browser(const struct way *w, const json_t *v)
{
	struct buf b = BUF_INIT;
	(void)buf_printf(&b, "To log in for %s, open in a browser\n\n    ", w->name);
	add_text(&b, v, "authorize_url");
	(void)buf_puts(&b, "\n\n");
	if (!callback_is_here(json_str(v, "redirect_uri")))
		(void)buf_puts(&b, "and then paste here the address at which it ends:\n");
	say(&b);
}

static void show(const struct way *w, const json_t *v, bool by_device)
{
	if (cli_has(w->cli, "json")) {
		(void)print_json(v);
		(void)fflush(stdout);
	} else if (by_device) {
		show_device(w, v);
	} else {
		show_browser(w, v);
	}
}

/* ---- by browser ---- */

static int wait_browser(struct way *w, struct callback *c, const json_t *v)
{
	struct errmsg msg;
	if (callback_open(c, way_loop(w), json_str(v, "redirect_uri"), json_str(v, "nonce"),
			  &msg) != 0)
		return cli_cannot(w->cli, "%s", msg.text);
	show(w, v, false);
	json_t *now = json_incref((json_t *)v);
	int code = CLI_DONE;
	while (code == CLI_DONE && !c->came && is_state(now, "pending")) {
		way_pause(w, LOOK_MS);
		json_decref(now);
		now = NULL;
		code = look(w, &now);
	}
	json_decref(now);
	way_pause(w, LOOK_MS / 3); /* the page leaves */
	return code;
}

static int read_browser(struct way *w, struct callback *c, const json_t *v)
{
	struct errmsg msg;
	auto_free char *line = mem_alloc(PASTE_MAX);
	show(w, v, false);
	if (!fgets(line, PASTE_MAX, stdin))
		return cli_no(w->cli, "no address was given");
	line[strcspn(line, "\r\n")] = '\0';
	int err = callback_read(c, line, json_str(v, "nonce"), &msg);
	explicit_bzero(line, strlen(line));
	return err ? cli_no(w->cli, "%s", msg.text) : CLI_DONE;
}

static int by_browser(struct way *w, json_t **v)
{
	struct callback c = {0};
	json_auto_t *first = json_incref(*v);
	const char *uri = json_str(first, "redirect_uri");
	int code = uri && callback_is_here(uri) ? wait_browser(w, &c, first)
						: read_browser(w, &c, first);
	if (code == CLI_DONE && c.came)
		code = tell_code(w, &c);
	callback_done(&c);
	if (code == CLI_DONE) {
		json_decref(*v);
		*v = NULL;
		code = look(w, v);
	}
	return code == CLI_DONE ? wait_while(w, v, "pending", "pending") : code;
}

/* ---- by device ---- */

static int by_device(struct way *w, json_t **v)
{
	int code = wait_while(w, v, "starting", "starting");
	if (code != CLI_DONE || is_state(*v, "failed"))
		return code;
	show(w, *v, true);
	return wait_while(w, v, "pending", "pending");
}

/* ---- the end ---- */

static int tell_end(struct way *w, const json_t *v)
{
	const char *error = json_str(v, "error"), *warning = json_str(v, "warning");
	if (!is_state(v, "done"))
		return cli_no(w->cli, "the login for %s has failed: %s", w->name,
			      error ? error : "nothing is known of it");
	if (warning)
		fprintf(stderr, "pawl connect: warning: %s\n", warning);
	if (cli_has(w->cli, "json"))
		return print_json(v);
	struct buf b = BUF_INIT;
	(void)buf_printf(&b, "%s is connected; runs that were held for it go on.\n", w->name);
	return print_out(&b);
}

/* A page is of use where there is a screen. */
static bool wants_device(const struct cli *c)
{
	if (cli_has(c, "device") || cli_has(c, "browser"))
		return cli_has(c, "device");
	bool screen = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY");
	return !screen || !isatty(STDOUT_FILENO);
}

static int log_in(struct way *w)
{
	bool device = wants_device(w->cli);
	json_auto_t *v = NULL;
	int code = begin(w, device, &v);
	if (code == CLI_DONE)
		code = device ? by_device(w, &v) : by_browser(w, &v);
	return code == CLI_DONE ? tell_end(w, v) : code;
}

/* ---- --status ---- */

static json_t *status_alone(struct way *w)
{
	json_t *list = json_array();
	const struct connections *all = w->kit->connections;
	const struct connection *conn;
	for (size_t i = 0; (conn = connections_next(all, &i));) {
		if (w->name && strcmp(w->name, conn->name) != 0)
			continue;
		token_load(w->alone.tokens, conn);
		while (token_is_loading(w->alone.tokens, conn))
			(void)loop_run_once(w->alone.loop, true);
		json_t *v = json_pack("{s:s, s:s?, s:s, s:s}", "name", conn->name, "connector",
				      conn->connector, "base_url", conn->base_url, "auth",
				      conn->oauth2          ? "oauth2"
				      : conn->authorization ? "bearer"
				      : conn->partner       ? "partner"
							    : "none");
		json_t *status = token_status(w->alone.tokens, conn);
		json_object_update(v, status);
		json_decref(status);
		json_array_append_new(list, v);
	}
	return list;
}

static int status_of_service(struct way *w, json_t **ret)
{
	json_auto_t *v = NULL;
	auto_free char *path = w->name ? path_of(w, "") : mem_strdup("/api/connections");
	int code = client_call(w->client, "GET", path, NULL, &v);
	if (code != CLI_DONE)
		return code;
	*ret = w->name ? json_pack("[O]", v) : json_incref(json_object_get(v, "connections"));
	return CLI_DONE;
}

static void add_until(struct buf *b, const json_t *v)
{
	const char *expires = json_str(v, "expires"), *auth = json_str(v, "auth");
	if (!is_state(v, "ok") || !auth || strcmp(auth, "oauth2") != 0)
		print_cell(b, "", 24, false);
	else if (json_bool(v, "refreshable", false))
		print_cell(b, "renews itself", 24, false);
	else
		print_cell(b, expires, 24, false);
}

static void add_row(struct buf *b, const struct look *l, const json_t *v, int width)
{
	const char *state = json_str(v, "state"), *reason = json_str(v, "reason");
	bool bad = is_state(v, "needs_login") || is_state(v, "never");
	size_t i;
	json_t *scope;
	print_cell(b, json_str(v, "name"), width, false);
	(void)buf_puts(b, "  ");
	print_cell(b, json_str(v, "auth"), 7, false);
	(void)buf_printf(b, "  %s", paint(l, bad ? PAINT_RED : PAINT_GREEN));
	print_cell(b, state, 11, false);
	(void)buf_printf(b, "%s  ", paint(l, PAINT_PLAIN));
	add_until(b, v);
	json_array_foreach (json_object_get(v, "scopes"), i, scope) {
		(void)buf_puts(b, i ? " " : "  ");
		(void)print_text(b, json_string_value(scope), 0);
	}
	while (b->len && b->data[b->len - 1] == ' ')
		b->data[--b->len] = '\0';
	(void)buf_putc(b, '\n');
	if (!reason)
		return;
	(void)buf_puts(b, "    ");
	(void)print_text(b, reason, 0);
	(void)buf_putc(b, '\n');
}

static int print_status(const struct way *w, json_t *list)
{
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	bool bad = false;
	int width = 10;
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		int n = print_width(json_str(v, "name"));
		width = n > width ? n : width;
		bad |= is_state(v, "needs_login") || is_state(v, "never");
	}
	int code = CLI_DONE;
	if (cli_has(w->cli, "json")) {
		json_auto_t *all = json_pack("{s:O}", "connections", list);
		code = print_json(all);
	} else {
		json_array_foreach (list, i, v)
			add_row(&b, &l, v, width);
		if (!i)
			(void)buf_puts(&b, "the configuration has no connections\n");
		code = print_out(&b);
	}
	return code == CLI_DONE && bad ? CLI_NO : code;
}

static int status(struct way *w)
{
	json_auto_t *list = NULL;
	int code = CLI_DONE;
	if (w->client)
		code = status_of_service(w, &list);
	else
		list = status_alone(w);
	return code == CLI_DONE ? print_status(w, list) : code;
}

static int run(struct cli *c)
{
	bool status_only = cli_has(c, "status");
	struct way w = {.cli = c, .name = c->n_words ? c->words[0] : NULL};
	if (!w.name && !status_only)
		return cli_wrong(c, "say which CONNECTION; `pawl connect --status` lists them");
	if (cli_has(c, "device") && cli_has(c, "browser"))
		return cli_wrong(c, "--device and --browser are two ways: choose one");
	int code = way_open(&w, !status_only);
	if (code == CLI_DONE)
		code = status_only ? status(&w) : log_in(&w);
	way_close(&w);
	return code;
}

static const struct cli_option options[] = {
	{"device", 0, false, NULL,
	 "by a code that is typed in elsewhere (default without a screen)"},
	{"browser", 0, false, NULL, "by a page in a browser on this machine"},
	{"status", 0, false, NULL,
	 "log nobody in: show what each connection may do; exit code 1 when one needs a login"},
	{0},
};

const struct command command_connect = {
	.name = "connect",
	.summary = "logs in for a connection, by OAuth",
	.usage = "[CONNECTION]",
	.about =
		"The tokens are kept sealed in the store, and renewed from there; a running service "
		"does it itself, and its runs that were held for the connection go on at once.\n\n"
		"--browser waits for the browser at the connection's `redirect_uri`. When that is not "
		"on this machine, paste the address at which the browser ends.",
	.options = options,
	.words_max = 1,
	.run = run,
};
