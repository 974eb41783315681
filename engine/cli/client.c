/* Synchronous requests to the service over engine/io/http. */
#include "engine/cli/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/id.h"
#include "engine/base/json.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/io/http.h"
#include "engine/io/loop.h"
#include "engine/io/server.h"

enum { ID_PART_MIN = 6, TIMEOUT_MS = 60000, SAVE_MS = 2 * 3600 * 1000, ID_PAGES_MAX = 50 };
#define SAVE_MAX ((size_t)16 << 30)

struct client {
	const struct cli *cli;
	struct loop *loop;
	struct http *http;
	char *url;           /* without a slash at its end */
	char *authorization; /* or NULL */
	bool answered, passed;
	int save_fd; /* of the next request; 0: none */
	struct loop_timer timer;
	struct http_req req;
};

/* "0.0.0.0" and "[::]" are where one listens, not where one connects to. */
static char *url_of_listen(const char *listen)
{
	const char *port = strrchr(listen, ':');
	if (!strncmp(listen, "0.0.0.0:", 8) || *listen == ':')
		return mem_printf("http://127.0.0.1%s", port);
	if (!strncmp(listen, "[::]:", 5))
		return mem_printf("http://[::1]%s", port);
	return mem_printf("http://%s", listen);
}

static char *plain_url(const char *url)
{
	size_t len = strlen(url);
	while (len && url[len - 1] == '/')
		len--;
	bool scheme = !strncmp(url, "http://", 7) || !strncmp(url, "https://", 8);
	return mem_printf("%s%.*s", scheme ? "" : "http://", (int)len, url);
}

struct client *client_open(const struct cli *cli, int *ret_code)
{
	struct config *config = setup_config(cli, NULL);
	*ret_code = CLI_USAGE;
	if (!config)
		return NULL;
	struct client *c = mem_alloc(sizeof(*c));
	const char *url = cli_value(cli, "url");
	c->cli = cli;
	c->url = url ? plain_url(url) : url_of_listen(config->listen);
	const char *token = getenv("PAWL_TOKEN");
	if (token && *token)
		c->authorization = mem_printf("Bearer %s", token);
	else if (config->admin_token)
		c->authorization = mem_printf("Bearer %s", config->admin_token);
	config_free(config);
	c->loop = loop_new(&clock_real, false);
	c->http = c->loop ? http_new(c->loop, 2) : NULL;
	if (c->http)
		return c;
	*ret_code = cli_cannot(cli, "libev or libcurl cannot start");
	client_free(c);
	return NULL;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	if (c->http)
		http_free(c->http);
	if (c->loop)
		loop_free(c->loop);
	free(c->url);
	free(c->authorization);
	free(c);
}

const char *client_url(const struct client *c)
{
	return c->url;
}

struct loop *client_loop(struct client *c)
{
	return c->loop;
}

static void on_answer(struct http_req *r)
{
	container_of(r, struct client, req)->answered = true;
}

static int exchange(struct client *c, const char *method, const char *url, const char *type,
		    const char *body)
{
	struct http_header headers[3] = {{"Accept", "application/json"}};
	size_t n = 1;
	if (body)
		headers[n++] =
			(struct http_header){"Content-Type", type ? type : "application/json"};
	if (c->authorization)
		headers[n++] = (struct http_header){"Authorization", c->authorization};
	c->req = (struct http_req){
		.method = method,
		.url = url,
		.headers = headers,
		.n_headers = n,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.has_body = body != NULL,
		.timeout_ms = c->save_fd ? SAVE_MS : TIMEOUT_MS,
		.save_fd = c->save_fd,
		.answer_max = c->save_fd ? SAVE_MAX : 0,
		.cb = on_answer,
	};
	c->answered = false;
	http_start(c->http, &c->req);
	while (!c->answered)
		(void)loop_run_once(c->loop, true);
	return c->req.err;
}

int client_try(struct client *c, const char *method, const char *path, const json_t *body,
	       const char *type, int *ret_status, json_t **ret, struct errmsg *msg)
{
	auto_free char *url = mem_printf("%s%s", c->url, path);
	auto_free char *text = json_text(body);
	*ret = NULL;
	*ret_status = 0;
	int err = exchange(c, method, url, type, text);
	if (err) {
		*msg = c->req.msg;
	} else {
		*ret_status = c->req.status;
		struct errmsg ignored;
		if (json_parse(buf_str(&c->req.answer), c->req.answer.len, false, ret, &ignored) !=
		    0)
			*ret = NULL;
	}
	http_req_done(&c->req);
	return err;
}

bool client_is_there(struct client *c)
{
	struct errmsg msg;
	json_auto_t *answer = NULL;
	int status;
	return client_try(c, "GET", "/healthz", NULL, NULL, &status, &answer, &msg) == 0 &&
	       status / 100 == 2;
}

/* What the refusal means: the API behind the service may have said no, then it is not the service. */
static int code_of(int status, const json_t *problem)
{
	if (json_int(json_object_get(problem, "error"), "status", 0) > 0)
		return CLI_NO;
	return status >= 500 || status == 401 || status == 429 ? CLI_CANNOT : CLI_NO;
}

/* Problem details, if the answer has them; each part is from outside. */
static int refused(struct client *c, const char *path, int status, const json_t *problem)
{
	struct buf b = BUF_INIT;
	const char *detail = json_str(problem, "detail"), *title = json_str(problem, "title");
	const char *name = json_str(json_object_get(problem, "error"), "name");
	if (name) {
		(void)print_text(&b, name, 0);
		(void)buf_puts(&b, ": ");
	} else {
		(void)buf_printf(&b, "%s answers %d: ", c->url, status);
	}
	(void)print_text(&b, detail ? detail : title ? title : "no reason is given", 0);
	fprintf(stderr, "pawl %s: %s\n", c->cli->command->name, buf_str(&b));
	buf_done(&b);
	if (status == 401)
		fprintf(stderr, "%s\n",
			strncmp(path, "/hooks/", 7) == 0
				? "the hook's `verify:` asks for it: send with a client that has the secret"
				: "the admin token comes from the configuration: `admin: {token: …}`");
	return code_of(status, problem);
}

static int call(struct client *c, const char *method, const char *path, const char *type,
		const json_t *body, int *ret_status, json_t **ret)
{
	struct errmsg msg;
	*ret = NULL;
	if (client_try(c, method, path, body, type, ret_status, ret, &msg) != 0)
		return cli_cannot(c->cli, "no service answers at %s: is `pawl serve` running? (%s)",
				  c->url, msg.text);
	int code = *ret_status / 100 != 2 ? refused(c, path, *ret_status, *ret) : CLI_DONE;
	if (code == CLI_DONE && !*ret)
		code = cli_cannot(c->cli, "what answers at %s is no pawl", c->url);
	if (code != CLI_DONE) {
		json_decref(*ret);
		*ret = NULL;
	}
	return code;
}

int client_call(struct client *c, const char *method, const char *path, const json_t *body,
		json_t **ret)
{
	int status;
	return call(c, method, path, NULL, body, &status, ret);
}

int client_save(struct client *c, const char *method, const char *path, const json_t *body, int fd)
{
	struct errmsg msg;
	json_auto_t *answer = NULL;
	int status;
	c->save_fd = fd;
	int err = client_try(c, method, path, body, NULL, &status, &answer, &msg);
	c->save_fd = 0;
	if (err)
		return cli_cannot(c->cli, "what %s sends does not come to its end: %s", c->url,
				  msg.text);
	return status / 100 == 2 ? CLI_DONE : refused(c, path, status, answer);
}

int client_send(struct client *c, const char *path, const char *type, const json_t *body,
		int *ret_status, json_t **ret)
{
	return call(c, "POST", path, type, body, ret_status, ret);
}

static void on_time(struct loop_timer *t)
{
	container_of(t, struct client, timer)->passed = true;
}

void client_pause(struct client *c, int64_t ms)
{
	c->passed = false;
	c->timer.cb = on_time;
	loop_timer_start(c->loop, &c->timer, ms);
	while (!c->passed)
		(void)loop_run_once(c->loop, true);
}

int64_t client_now(const struct client *c)
{
	return clock_real.wall_ms(&clock_real);
}

static bool fits(const char *id, const char *part)
{
	size_t n = strlen(id), m = strlen(part);
	return m <= n && (!strncasecmp(id, part, m) || !strcasecmp(id + n - m, part));
}

/* Adds the fitting ids of a page to `found`. */
static void collect(const json_t *page, const char *part, json_t *found)
{
	size_t i;
	json_t *run;
	json_array_foreach (json_object_get(page, "runs"), i, run) {
		const char *id = json_str(run, "id");
		if (id && fits(id, part))
			json_array_append_new(found, json_string(id));
	}
}

static int look_through(struct client *c, const char *part, json_t *found)
{
	char path[64] = "/api/runs?limit=1000";
	for (int i = 0; i < ID_PAGES_MAX; i++) {
		json_auto_t *page = NULL;
		int code = client_call(c, "GET", path, NULL, &page);
		if (code != CLI_DONE)
			return code;
		collect(page, part, found);
		json_int_t next = json_int(page, "next", 0);
		if (!next)
			break;
		(void)snprintf(path, sizeof(path), "/api/runs?limit=1000&before=%lld",
			       (long long)next);
	}
	return CLI_DONE;
}

int client_run_id(struct client *c, const char *text, char **ret)
{
	struct id id;
	size_t len = strlen(text);
	*ret = NULL;
	if (id_parse(text, &id)) {
		*ret = mem_strdup(text);
		return CLI_DONE;
	}
	if (len < ID_PART_MIN || strspn(text, "0123456789abcdefABCDEF-") != len)
		return cli_wrong(c->cli,
				 "'%s' is no run's id, nor %d characters of its beginning or end",
				 text, ID_PART_MIN);
	json_auto_t *found = json_array();
	int code = look_through(c, text, found);
	if (code != CLI_DONE)
		return code;
	if (json_array_size(found) > 1)
		return cli_no(c->cli, "%zu runs have an id that begins or ends with '%s'",
			      json_array_size(found), text);
	if (!json_array_size(found))
		return cli_no(c->cli, "there is no run with an id that begins or ends with '%s'",
			      text);
	*ret = mem_strdup(json_string_value(json_array_get(found, 0)));
	return CLI_DONE;
}

int client_newest(struct client *c, const char *what, char **ret)
{
	auto_free char *path = mem_printf("/api/%s?limit=1", what);
	json_auto_t *page = NULL;
	int code = client_call(c, "GET", path, NULL, &page);
	const char *id = json_str(json_array_get(json_object_get(page, what), 0), "id");
	*ret = NULL;
	if (code != CLI_DONE)
		return code;
	if (!id)
		return cli_no(c->cli, "there are no %s yet", what);
	*ret = mem_strdup(id);
	return CLI_DONE;
}
