/* pawl call: one action now, through the service when one answers, else from this process. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions/catalogue.h"
#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/direct.h"
#include "engine/cli/params.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/serve/rulekit.h"

/* ---- what is called, and with what ---- */

static const struct action *find_action(const struct cli *c, const struct rulekit *k,
					const struct connection **ret_conn)
{
	const char *full = c->words[0], *dot = strchr(full, '.');
	if (!dot) {
		(void)cli_wrong(c, "'%s' is no CONNECTION.ACTION; `pawl actions` lists them", full);
		return NULL;
	}
	auto_free char *name = mem_strndup(full, (size_t)(dot - full));
	const struct connection *conn = connections_find(k->connections, name);
	const char *connector = conn ? conn->connector : name;
	const struct action *a =
		connector ? catalogue_find(k->catalogue, connector, dot + 1) : NULL;
	*ret_conn = conn;
	if (a)
		return a;
	const char *hint = connector ? catalogue_suggest(k->catalogue, connector, dot + 1) : NULL;
	if (hint)
		(void)cli_wrong(c, "there is no action '%s'; did you mean '%s.%s'?", full, name,
				hint);
	else
		(void)cli_wrong(c, "there is no action '%s'", full);
	return NULL;
}

static json_t *read_params(const struct cli *c, const struct action *a)
{
	struct errmsg msg;
	const char *text = cli_value(c, "data");
	json_t *params = text ? params_data(text, a->params, &msg) : json_object();
	int err = params ? 0 : -1;
	for (size_t i = 1; i < c->n_words && !err; i++)
		err = params_set(params, c->words[i], a->params, &msg);
	if (!err)
		return params;
	json_decref(params);
	(void)cli_wrong(c, "%s", msg.text);
	return NULL;
}

static void on_violation(void *arg, const char *path, const char *message, bool warning)
{
	(void)arg;
	struct buf b = BUF_INIT;
	(void)print_text(&b, path, 0);
	(void)buf_puts(&b, *path ? ": " : "");
	(void)buf_puts(&b, warning ? "warning: " : "error: ");
	(void)print_text(&b, message, 0);
	fprintf(stderr, "%s\n", buf_str(&b));
	buf_done(&b);
}

/* ---- the result ---- */

/* What is no JSON comes as {text} or {base64}: a file gets the bytes themselves. */
static char *file_bytes(const json_t *result, size_t *ret_len)
{
	bool alone = json_object_size(result) == 1;
	const char *text = alone ? json_str(result, "text") : NULL;
	const char *code = alone ? json_str(result, "base64") : NULL;
	char *bytes = NULL;
	if (code)
		bytes = (char *)base64_decode(code, strlen(code), ret_len);
	if (bytes)
		return bytes;
	if (text) {
		bytes = mem_strdup(text);
	} else {
		auto_free char *json = json_dumps(result, JSON_INDENT(2) | JSON_ENCODE_ANY);
		bytes = mem_printf("%s\n", json ? json : "null");
	}
	*ret_len = strlen(bytes);
	return bytes;
}

static int write_file(const struct cli *c, const char *path, const json_t *result)
{
	size_t len;
	auto_free char *bytes = file_bytes(result, &len);
	FILE *f = fopen(path, "wb");
	if (!f)
		return cli_cannot(c, "cannot write '%s': %s", path, strerror(errno));
	bool bad = fwrite(bytes, 1, len, f) != len;
	bad |= fclose(f) != 0;
	return bad ? cli_cannot(c, "cannot write '%s': %s", path, strerror(errno)) : CLI_DONE;
}

static int give(const struct cli *c, const json_t *result, bool partial)
{
	const char *path = cli_value(c, "output");
	if (partial)
		fprintf(stderr,
			"pawl call: partial: not all of it was done, the answer tells what\n");
	if (path && strcmp(path, "-") != 0)
		return write_file(c, path, result);
	return print_json(result);
}

/* ---- an answer that is a file ---- */

/* Where its bytes go: FILE is there only once all have come. */
struct landing {
	const char *path; /* NULL: standard output */
	char *part;
	int fd;
};

static int landing_open(const struct cli *c, struct landing *l)
{
	const char *path = cli_value(c, "output");
	*l = (struct landing){.fd = STDOUT_FILENO};
	if (!path || strcmp(path, "-") == 0)
		return CLI_DONE;
	l->path = path;
	l->part = mem_printf("%s.part", path);
	l->fd = open(l->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return l->fd < 0 ? cli_cannot(c, "cannot write '%s': %s", l->part, strerror(errno))
			 : CLI_DONE;
}

/* code: of what was to fill it. */
static int landing_close(const struct cli *c, struct landing *l, int code)
{
	if (l->path && l->fd >= 0) {
		bool bad = close(l->fd) != 0;
		if (code == CLI_DONE && (bad || rename(l->part, l->path) != 0))
			code = cli_cannot(c, "cannot write '%s': %s", l->path, strerror(errno));
		if (code != CLI_DONE)
			(void)unlink(l->part);
	}
	free(l->part);
	return code;
}

/* ---- the two ways ---- */

static const char *pages_of(const struct cli *c)
{
	return cli_has(c, "all-pages") ? "all" : NULL;
}

static int fetch(const struct cli *c, struct client *client, const char *path, const json_t *body)
{
	struct landing l;
	int code = landing_open(c, &l);
	if (code == CLI_DONE)
		code = client_save(client, "POST", path, body, l.fd);
	return landing_close(c, &l, code);
}

static int ask_service(const struct cli *c, struct client *client, const struct action *a,
		       const json_t *params)
{
	auto_free char *path = mem_printf("/api/actions/%s/call", c->words[0]);
	json_auto_t *body = json_pack("{s:O, s:s*}", "with", (json_t *)params, "pages",
				      pages_of(c)),
		    *answer = NULL;
	if (a->download)
		return fetch(c, client, path, body);
	int code = client_call(client, "POST", path, body, &answer);
	json_t *result = json_object_get(answer, "result");
	const char *outcome = json_str(answer, "outcome");
	bool partial = outcome && strcmp(outcome, "partial") == 0;
	return code == CLI_DONE ? give(c, result ? result : answer, partial) : code;
}

/* False when no service is there, so that nothing can have been sent. */
static bool by_service(const struct cli *c, const struct action *a, const json_t *params,
		       int *ret_code)
{
	struct client *client = client_open(c, ret_code);
	if (!client)
		return true;
	bool there = cli_has(c, "url") || client_is_there(client);
	if (there)
		*ret_code = ask_service(c, client, a, params);
	client_free(client);
	return there;
}

static int by_myself(const struct cli *c, const struct config *config, const struct rulekit *k,
		     const struct action *a, const struct connection *conn, const json_t *params)
{
	struct direct_answer answer = {0};
	struct errmsg msg = {0};
	if (!conn)
		return cli_wrong(c, "the configuration has no connection for %s", c->words[0]);
	/* Now it matters whether each secret is there. */
	struct config *strict = setup_config(c, &(struct config_flags){0});
	if (!strict)
		return CLI_USAGE;
	config_free(strict);
	struct landing l = {0};
	int code = a->download ? landing_open(c, &l) : CLI_DONE;
	if (code != CLI_DONE)
		return landing_close(c, &l, code);
	const struct direct_how how = {.save_fd = l.fd, .pages = pages_of(c)};
	int err = direct_call(config, k->catalogue, a, conn, params, &how, &answer, &msg);
	if (answer.result)
		code = a->download ? CLI_DONE : give(c, answer.result, answer.partial);
	else if (answer.answered)
		code = cli_no(c, "%s: %s", err_name(err), msg.text);
	else
		code = cli_cannot(c, "%s: %s", err_name(err), msg.text);
	direct_answer_done(&answer);
	return landing_close(c, &l, code);
}

static int call(const struct cli *c, const struct config *config, const struct rulekit *k)
{
	const struct connection *conn = NULL;
	const struct action *a = find_action(c, k, &conn);
	json_auto_t *params = a ? read_params(c, a) : NULL;
	struct check check = {.violation = on_violation};
	int code = CLI_USAGE;
	if (!params || action_check(a, params, &check) > 0)
		return code;
	if (!by_service(c, a, params, &code))
		code = by_myself(c, config, k, a, conn, params);
	return code;
}

static int run(struct cli *c)
{
	struct errmsg msg;
	/* What a variable that is not set stands for matters only without a service. */
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	struct rulekit *k = rulekit_new(config, &clock_real, &rng_real, &msg);
	int code = k ? call(c, config, k) : cli_wrong(c, "%s", msg.text);
	rulekit_free(k);
	config_free(config);
	return code;
}

static const struct cli_option options[] = {
	{"data", 0, false, "JSON",
	 "parameters; @FILE reads a file, - standard input; a file parameter is \"@FILE\""},
	{"output", 'o', false, "FILE",
	 "write the answer there; what is no JSON, byte for byte and as it comes"},
	{"all-pages", 0, false, NULL, "of a list: the items of all its pages, at most 10,000"},
	{0},
};

const struct command command_call = {
	.name = "call",
	.summary = "calls one action now and prints the answer",
	.usage = "CONNECTION.ACTION [KEY=VALUE…]",
	.about =
		"Through the service when one answers, so that its budget counts; else from this process. "
		"Parameters are checked before anything is sent.\n\n"
		"KEY=VALUE sets a text, a number or a boolean as the parameter takes it; KEY.SUB=VALUE "
		"nests, KEY:=JSON gives any value, KEY=@FILE a file. For a list, KEY=VALUE may be repeated. "
		"They come over what --data gives.\n\n"
		"An answer that not all of it was done is printed like any other, and told on stderr.",
	.options = options,
	.words_min = 1,
	.words_max = CLI_WORDS_ANY,
	.run = run,
};
