/* Answers to a test's requests. */
#include "engine/trial/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actions/answer.h"
#include "actions/shape.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/map.h"
#include "engine/base/timefmt.h"

struct peer {
	struct peer_config conf;
	json_t *answers, *faults; /* by step or full action name */
	json_t *sent;             /* {name: how many answers or faults were taken} */
	json_t *calls, *problems;
	char main[ID_TEXT_LEN]; /* "": none yet */
	json_t *unknown;
	struct map by_path; /* run and path → the call's object */
};

/* ---- names ---- */

static const struct action *find_action(const struct catalogue *cat,
					const struct connections *conns, const char *text,
					const struct connection **ret)
{
	const char *dot = strchr(text, '.');
	auto_free char *name = dot ? mem_strndup(text, (size_t)(dot - text)) : NULL;
	const struct connection *conn = name ? connections_find(conns, name) : NULL;
	*ret = conn;
	return conn && conn->connector ? catalogue_find(cat, conn->connector, dot + 1) : NULL;
}

char *peer_action_name(const struct catalogue *cat, const struct connections *conns,
		       const char *text)
{
	const struct connection *conn;
	const struct action *a = find_action(cat, conns, text, &conn);
	return a ? mem_printf("%s.%s", conn->name, a->name) : NULL;
}

static void problem(struct peer *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void problem(struct peer *p, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	(void)buf_vprintf(&b, fmt, ap);
	va_end(ap);
	json_array_append_new(p->problems, json_string(buf_str(&b)));
	buf_done(&b);
}

/* Actions under one name each. */
static json_t *by_full_name(const struct peer *p, const json_t *map)
{
	json_t *out = json_object(), *v;
	const char *key;
	json_object_foreach ((json_t *)map, key, v) {
		auto_free char *full =
			peer_action_name(p->conf.catalogue, p->conf.connections, key);
		json_object_set(out, full ? full : key, v);
	}
	return out;
}

struct peer *peer_new(const struct peer_config *c)
{
	struct peer *p = mem_alloc(sizeof(*p));
	p->conf = *c;
	p->answers = by_full_name(p, c->answers);
	p->faults = by_full_name(p, c->faults);
	p->sent = json_object();
	p->calls = json_array();
	p->problems = json_array();
	return p;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	map_done(&p->by_path);
	json_decref(p->answers);
	json_decref(p->faults);
	json_decref(p->sent);
	json_decref(p->calls);
	json_decref(p->problems);
	json_decref(p->unknown);
	free(p);
}

void peer_connections(struct peer *p, const struct connections *c)
{
	p->conf.connections = c;
}

void peer_main(struct peer *p, struct id run)
{
	if (!*p->main)
		(void)id_format(run, p->main);
}

const json_t *peer_calls(const struct peer *p)
{
	return p->calls;
}

const json_t *peer_unknown(const struct peer *p)
{
	return p->unknown;
}

const json_t *peer_problems(const struct peer *p)
{
	return p->problems;
}

/* ---- the list of calls ---- */

static void note_call(struct peer *p, const struct http_req *r, const char *full)
{
	const struct http_about *by = &r->about;
	if (!by->input || !by->path)
		return;
	auto_free char *key = mem_printf("%s %s", by->run, by->path);
	json_t *call = map_get(&p->by_path, key);
	if (!call) {
		call = json_pack("{s:s, s:s*, s:s, s:s, s:o, s:i}", "call", full, "step", by->step,
				 "run", by->run, "path", by->path, "input", json_clone(by->input),
				 "sends", 0);
		json_array_append_new(p->calls, call);
		(void)map_put(&p->by_path, key, call);
	}
	json_object_set_new(call, "sends", json_integer(json_int(call, "sends", 0) + 1));
}

/* ---- what to answer ---- */

static void put_head(struct peer *p, struct http_req *r, const char *type)
{
	char date[64];
	time_t at = (time_t)(p->conf.clock->wall_ms(p->conf.clock) / 1000);
	struct tm tm;
	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
	(void)buf_printf(&r->answer_headers, "date: %s\n", date);
	if (type)
		(void)buf_printf(&r->answer_headers, "content-type: %s\n", type);
}

static void put_answer(struct peer *p, struct http_req *r, int status, const json_t *body)
{
	bool raw = json_is_string(body);
	auto_free char *text = !body || json_is_null(body) ? NULL
			       : raw                       ? mem_strdup(json_string_value(body))
							   : json_text(body);
	r->status = status;
	r->reach = HTTP_ANSWERED;
	put_head(p, r, raw ? "text/plain" : "application/json");
	(void)buf_puts(&r->answer, text ? text : "");
}

static void put_lost(struct http_req *r, enum http_reach reach)
{
	r->err = err_set(&r->msg, ERR_NETWORK,
			 reach == HTTP_SENT ? "the connection was reset"
					    : "the connection was refused");
	r->reach = reach;
	r->status = 0;
	buf_clear(&r->answer);
	buf_clear(&r->answer_headers);
}

/* A dotted path of keys becomes maps in maps. */
static void set_path(json_t *v, const char *path, const char *text)
{
	const char *dot = strchr(path, '.');
	if (!dot) {
		json_object_set_new(v, path, json_string(text));
		return;
	}
	auto_free char *head = mem_strndup(path, (size_t)(dot - path));
	json_t *in = json_object_get(v, head);
	if (!in)
		json_object_set_new(v, head, in = json_object());
	set_path(in, dot + 1, text);
}

static json_t *error_body(const struct action *a, const char *key, const char *text)
{
	json_t *v = json_object();
	const char *at =
		json_string_value(json_array_get(json_object_get(a->connector_errors, "key"), 0));
	const char *said = json_string_value(
		json_array_get(json_object_get(a->connector_errors, "message"), 0));
	if (key && at)
		set_path(v, at, key);
	if (text && said)
		set_path(v, said, text);
	return v;
}

static int classify(const struct action *a, int status, const json_t *body)
{
	struct answer out;
	auto_free char *text = json_text(body);
	answer_classify(a, status, NULL, text, strlen(text), false, 0, &out);
	int err = out.err;
	answer_done(&out);
	return err;
}

/* The status and key by which an API says this, by its own tables. */
static bool find_error(const struct action *a, const json_t *table, int err, const char *text,
		       int *ret_status, json_t **ret_body)
{
	const char *name;
	json_t *entry;
	json_object_foreach ((json_t *)table, name, entry) {
		char *end;
		long status = strtol(name, &end, 10);
		const char *said = json_str(entry, "error");
		if (!said || err_by_name(said) != err)
			continue;
		bool is_key = end == name;
		*ret_status = is_key ? (err == ERR_EXISTS || err == ERR_CONFLICT ? 409 : 400)
				     : (int)status;
		*ret_body = error_body(a, is_key ? name : *end ? "a_key" : NULL, text);
		if (classify(a, *ret_status, *ret_body) == err)
			return true;
		json_decref(*ret_body);
	}
	return false;
}

static bool known_error(const struct action *a, int err, const char *text, int *ret_status,
			json_t **ret_body)
{
	static const int statuses[][2] = {
		{ERR_THROTTLED, 429}, {ERR_SERVER, 503},   {ERR_AUTH, 401},   {ERR_FORBIDDEN, 403},
		{ERR_NOT_FOUND, 404}, {ERR_CONFLICT, 409}, {ERR_EXISTS, 409}, {ERR_INVALID, 400},
	};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		if (statuses[i][0] != err)
			continue;
		*ret_status = statuses[i][1];
		*ret_body = error_body(a, NULL, text);
		if (classify(a, *ret_status, *ret_body) == err)
			return true;
		json_decref(*ret_body);
	}
	return find_error(a, a->errors, err, text, ret_status, ret_body) ||
	       find_error(a, json_object_get(a->connector_errors, "by_key"), err, text, ret_status,
			  ret_body) ||
	       find_error(a, json_object_get(a->connector_errors, "by_status"), err, text,
			  ret_status, ret_body);
}

static void put_error(struct peer *p, struct http_req *r, const struct action *a, const char *full,
		      const char *name, const json_t *said)
{
	int err = err_by_name(name), status = 0;
	const char *text = json_str(said, "message");
	json_auto_t *body = NULL;
	if (err == ERR_NETWORK) {
		put_lost(r, HTTP_NOT_SENT);
	} else if (err == ERR_TIMEOUT) {
		put_lost(r, HTTP_SENT);
		r->err = err_set(&r->msg, ERR_TIMEOUT, "no answer came in time");
	} else if (a && err && known_error(a, err, text ? text : err_text(err), &status, &body)) {
		put_answer(p, r, status, body);
	} else {
		problem(p, "no answer of %s means '%s': give {status: …, body: …}", full, name);
		put_lost(r, HTTP_NOT_SENT);
	}
}

static bool only_has(const json_t *v, const char *const *keys)
{
	const char *key;
	json_t *x;
	json_object_foreach ((json_t *)v, key, x) {
		size_t i = 0;
		while (keys[i] && strcmp(keys[i], key))
			i++;
		if (!keys[i])
			return false;
	}
	return json_is_object(v);
}

static void put_headers(struct http_req *r, const json_t *headers)
{
	const char *name;
	json_t *v;
	json_object_foreach ((json_t *)headers, name, v) {
		auto_free char *text =
			json_is_string(v) ? mem_strdup(json_string_value(v)) : json_text(v);
		auto_free char *lower = mem_strdup(name);
		for (char *c = lower; *c; c++)
			*c |= *c >= 'A' && *c <= 'Z' ? 0x20 : 0;
		(void)buf_printf(&r->answer_headers, "%s: %s\n", lower, text);
	}
}

/* The body of an answer that a step sees as that; what is the whole answer already stays. */
static json_t *answer_of(const struct http_req *r, const struct action *a, const json_t *said)
{
	const char *at = a ? json_str(a->result, "at") : NULL, *parse;
	if (!at || json_path(said, at))
		return json_incref((json_t *)said);
	parse = json_str(a->result, "json");
	return shape_answer(a->result, parse && json_object_get(r->about.input, parse), said);
}

/* {status, body, headers}, {error: name}, or what the step is to see of an answer that is well. */
static void put_said(struct peer *p, struct http_req *r, const struct action *a, const char *full,
		     const json_t *said)
{
	static const char *const whole[] = {"status", "body", "headers", NULL}, *const errors[] = {
											"error",
											"message",
											NULL};
	const char *error = json_str(said, "error");
	if (error && only_has(said, errors)) {
		put_error(p, r, a, full, error, said);
		return;
	}
	if (json_is_integer(json_object_get(said, "status")) && only_has(said, whole)) {
		put_answer(p, r, (int)json_int(said, "status", 200), json_object_get(said, "body"));
		put_headers(r, json_object_get(said, "headers"));
		return;
	}
	int status = a ? (int)json_integer_value(json_array_get(a->success, 0)) : 0;
	json_auto_t *body = answer_of(r, a, said);
	put_answer(p, r, status ? status : 200, body);
}

/* How often something was taken before; counts on. */
static size_t count(struct peer *p, const char *kind, const char *name)
{
	auto_free char *key = mem_printf("%s %s", kind, name);
	json_int_t n = json_int(p->sent, key, 0);
	json_object_set_new(p->sent, key, json_integer(n + 1));
	return (size_t)n;
}

/* The step's own entry, else its action's. */
static const json_t *entry_for(const json_t *map, const struct http_req *r, const char *full,
			       const char **ret_name)
{
	const json_t *v = r->about.step ? json_object_get(map, *ret_name = r->about.step) : NULL;
	if (v)
		return v;
	*ret_name = full ? full : "http"; /* a script's request has no name of its own */
	full = *ret_name;
	return json_object_get(map, full);
}

/* ---- the sandbox ---- */

static size_t sandbox_headers(const struct http_req *r, struct server_header *to, char **names)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		names[i] = mem_strdup(r->headers[i].name);
		for (char *c = names[i]; *c; c++)
			*c |= *c >= 'A' && *c <= 'Z' ? 0x20 : 0;
		to[i] = (struct server_header){names[i], r->headers[i].value};
	}
	return r->n_headers;
}

static void take_app_answer(struct peer *p, struct http_req *r, const struct app_answer *a)
{
	if (a->drop) {
		put_lost(r, HTTP_SENT);
		return;
	}
	r->status = a->status;
	r->reach = HTTP_ANSWERED;
	put_head(p, r, a->type.len ? buf_str(&a->type) : NULL);
	for (const char *at = buf_str(&a->extra), *end; (end = strstr(at, "\r\n")); at = end + 2) {
		size_t name = strcspn(at, ":");
		for (size_t i = 0; i < name; i++)
			(void)buf_putc(&r->answer_headers,
				       at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] | 0x20) : at[i]);
		(void)buf_add(&r->answer_headers, at + name, (size_t)(end - at) - name);
		(void)buf_putc(&r->answer_headers, '\n');
	}
	(void)buf_add(&r->answer, buf_str(&a->body), a->body.len);
}

static int64_t ask_sandbox(struct peer *p, struct http_req *r)
{
	struct errmsg msg = {0};
	struct app *app = p->conf.sandbox ? p->conf.sandbox(p->conf.arg, &msg) : NULL;
	const char *host = strstr(r->url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
	if (!app || !path) {
		problem(p, "nothing answers %s %s: %s", r->method, r->url, msg.text);
		put_lost(r, HTTP_NOT_SENT);
		return 0;
	}
	struct server_header headers[64];
	char *names[64];
	struct app_answer answer = {0};
	size_t len, n = sandbox_headers(r, headers, names);
	auto_free char *body = http_req_body(r, &len);
	auto_free char *only = mem_strndup(path, strcspn(path, "?"));
	const char *query = strchr(path, '?');
	struct app_request q = {.method = r->method,
				.path = only,
				.query = query ? query + 1 : "",
				.headers = headers,
				.n_headers = n,
				.body = body,
				.body_len = len};
	app_handle(app, &q, &answer);
	take_app_answer(p, r, &answer);
	int64_t delay = answer.delay_ms;
	app_answer_done(&answer);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return delay;
}

/* ---- all together ---- */

static int64_t put_well(struct peer *p, struct http_req *r, const struct action *a,
			const char *full)
{
	const char *name = "";
	bool taped = p->conf.tape && r->about.input && r->about.run &&
		     strcmp(r->about.run, p->main) == 0;
	const json_t *said = entry_for(p->answers, r, full, &name);
	if (!said && p->conf.tape &&
	    (taped || full)) /* what no step asks for itself is there by action */
		said = json_object_get(p->conf.tape, name = taped ? r->about.path : full);
	if (!said && full && !taped)
		return ask_sandbox(p, r);
	if (!said && taped)
		problem(p, "the tape has no answer for the %s of %s", full ? full : "request",
			name);
	if (!said && !taped)
		problem(p, "answers: has none for the %s %s of step '%s'", r->method, r->url,
			r->about.step   ? r->about.step
			: r->about.path ? r->about.path
					: "?");
	if (!said) {
		put_lost(r, HTTP_NOT_SENT);
		return 0;
	}
	if (json_is_array(said)) {
		size_t n = json_array_size(said), k = count(p, "answer", name);
		if (k >= n) {
			problem(p, "answers: has %zu for %s, and it is sent once more", n, name);
			put_lost(r, HTTP_NOT_SENT);
			return 0;
		}
		said = json_array_get(said, k);
	}
	put_said(p, r, a, full ? full : "this request", said);
	return 0;
}

/* The next fault for this request, or NULL; *ret_delay of {delay: 5s}. */
static const char *next_fault(struct peer *p, const struct http_req *r, const char *full,
			      int64_t *ret_delay)
{
	const char *name = "";
	const json_t *list = entry_for(p->faults, r, full, &name);
	*ret_delay = 0;
	if (!list)
		return NULL;
	size_t k = count(p, "fault", name);
	const json_t *f = json_is_array(list) ? json_array_get(list, k) : k ? NULL : list;
	const char *span = json_str(f, "delay");
	if (span && duration_parse(span, ret_delay, NULL) != 0)
		problem(p, "faults: '%s' is no duration", span);
	return json_string_value(f);
}

static int64_t put_recalled(struct peer *p, struct http_req *r, const struct action *a,
			    const char *full)
{
	const json_t *said = p->conf.recall(p->conf.recall_arg, &r->about, full);
	if (said) {
		put_said(p, r, a, full, said);
		return 0;
	}
	if (!p->unknown)
		p->unknown =
			json_pack("{s:s, s:O?}", "call", full, "input", (json_t *)r->about.input);
	put_lost(r, HTTP_NOT_SENT);
	return 0;
}

int64_t peer_answer(void *arg, struct http_req *r)
{
	struct peer *p = arg;
	const struct http_about *by = &r->about;
	auto_free char *full = by->action ? mem_printf("%s.%s", by->connection, by->action) : NULL;
	const struct connection *conn;
	const struct action *a =
		full ? find_action(p->conf.catalogue, p->conf.connections, full, &conn) : NULL;
	int64_t delay, taken;
	const char *fault = next_fault(p, r, full, &delay);
	note_call(p, r, full ? full : "http");
	if (fault && !strcmp(fault, "unsent")) {
		put_lost(r, HTTP_NOT_SENT);
		return delay;
	}
	if (fault && (!strcmp(fault, "throttled") || !strcmp(fault, "down"))) {
		put_answer(p, r, *fault == 't' ? 429 : 503, NULL);
		return delay;
	}
	if (fault && !strcmp(fault, "lost_before")) {
		put_lost(r, HTTP_SENT);
		return delay;
	}
	if (p->conf.recall)
		return put_recalled(p, r, a, full ? full : "http");
	taken = by->action || by->path ? put_well(p, r, a, full) : ask_sandbox(p, r);
	if (fault && !strcmp(fault, "lost"))
		put_lost(r, HTTP_SENT);
	else if (fault && !strcmp(fault, "broken")) {
		put_lost(r, HTTP_SENT);
		r->err = 0;
		put_answer(p, r, 500, NULL);
	}
	return taken + delay;
}
