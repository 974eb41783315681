/* One request to a connection and its classified answer. */
#include "actions/exchange.h"

#include <stdio.h>
#include <string.h>

#include "actions/shape.h"
#include "actions/target.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

#define DOWNLOAD_MAX ((size_t)16 << 30)
#define LARGE_MS                                                                                   \
	(2 * 3600 * 1000) /* what is large takes its time, but never stands still for long */
#define STALL_MS (60 * 1000)

static void aim(struct exchange *x, const struct connection *conn, const struct action *action,
		enum pass_kind kind)
{
	pass_done(&x->pass);
	x->conn = conn;
	x->action = action;
	x->input = NULL;
	x->pass = (struct pass){.conn = conn, .kind = kind, .auth = action->auth};
}

void exchange_of(struct exchange *x, struct act *a, const struct connection *conn,
		 const struct action *action, enum pass_kind kind)
{
	aim(x, conn, action, kind);
	x->act = a;
	x->services = act_services(a);
	x->pass.rule = act_plan(a)->rule;
}

void exchange_for(struct exchange *x, const struct services *s, const struct connection *conn,
		  const struct action *action, enum pass_kind kind, void (*cb)(struct exchange *x))
{
	aim(x, conn, action, kind);
	x->services = s;
	x->cb = cb;
}

/* Files are those of the run, or of calls that belong to none. */
static const char *owner_of(const struct exchange *x)
{
	return x->act ? act_run_id(x->act) : FILES_CALLS;
}

int exchange_render(struct exchange *x, const json_t *params, struct errmsg *msg)
{
	char id[ID_TEXT_LEN];
	struct request_env env = {.files = x->services->files, .owner = owner_of(x)};
	if (x->act)
		env.name = id_format(act_effect_id(x->act), id);
	const char *parse = json_str(x->action->result, "json");
	const json_t *said = parse ? json_object_get(params, parse) : NULL;
	x->as_json = said && !json_is_null(said);
	request_done(&x->text);
	x->text = (struct http_request_text){0};
	return request_render_in(x->action, params, x->conn->base_url, &env, &x->text, msg);
}

static void tell(struct exchange *x)
{
	x->flying = false;
	if (x->act)
		step_wake(x->act);
	else
		x->cb(x);
}

/* ---- leaving ---- */

/* What cannot be made durable has not come: it is fetched again. */
static void on_sealed(struct files_job *j)
{
	struct exchange *x =
		container_of(container_of(j, struct files_seal, job), struct exchange, seal);
	if (j->err) {
		x->req.err = j->err;
		x->req.msg = j->msg;
		x->req.reach = HTTP_SENT;
	}
	tell(x);
}

static void on_answer(struct http_req *r)
{
	struct exchange *x = container_of(r, struct exchange, req);
	if (x->saved.fd > 0 && !r->err && r->status / 100 == 2) {
		x->seal = (struct files_seal){.job.cb = on_sealed};
		files_seal(&x->seal, &x->saved);
		return;
	}
	file_out_drop(&x->saved);
	tell(x);
}

static ssize_t on_read(struct http_req *r, void *to, size_t max)
{
	return request_read(&container_of(r, struct exchange, req)->text, to, max);
}

static size_t fill_headers(struct exchange *x)
{
	size_t n = 0;
	const char *name, *authorization = pass_leave(&x->pass);
	json_t *value;
	json_object_foreach (x->text.headers, name, value)
		if (n < EXCHANGE_HEADERS - 2)
			x->headers[n++] = (struct http_header){name, json_string_value(value)};
	if (authorization)
		x->headers[n++] = (struct http_header){"Authorization", authorization};
	const struct oauth_client *client = token_client(x->conn, x->action->auth);
	if (client && client->key_header)
		x->headers[n++] = (struct http_header){client->key_header, client->key};
	return n;
}

static bool has_files(const struct exchange *x)
{
	return x->text.n_files > 0;
}

/* The descriptor for a download's bytes, 0 when it is none; or an error. */
static int open_save(struct exchange *x)
{
	struct errmsg *msg = &x->pass.msg;
	if (!x->action->download || x->save_fd > 0)
		return x->action->download ? x->save_fd : 0;
	file_out_drop(&x->saved);
	if (!x->services->files)
		return 0;
	int err = files_create(x->services->files, owner_of(x), &x->saved, msg);
	return err ? err : x->saved.fd;
}

static void refuse(struct exchange *x, int err, const struct errmsg *msg);

/* Credentials are for the connection's own host, wherever a link in an answer points to. */
static bool is_own_host(const struct exchange *x)
{
	return oauth_same_origin(x->text.url, x->conn->base_url);
}

static void refuse_host(struct exchange *x)
{
	struct errmsg msg;
	(void)err_set(&msg, ERR_FORBIDDEN,
		      "the address is not one of %s: the credentials of connection %s are for that "
		      "host alone",
		      x->conn->base_url, x->conn->name);
	refuse(x, ERR_FORBIDDEN, &msg);
}

/* Who sends, for what stands in the place of the network. */
static struct http_about about(const struct exchange *x)
{
	struct http_about by = {
		.connection = x->conn->name, .action = x->action->name, .input = x->input};
	if (x->act) {
		by.run = act_run_id(x->act);
		by.path = act_path(x->act);
		/* What a call sends beside its own request, to read or to look, goes under the action. */
		by.step =
			x->input || !call_action(act_step(x->act)) ? act_step(x->act)->name : NULL;
	}
	return by;
}

static void leave(struct exchange *x)
{
	if (!is_own_host(x)) {
		refuse_host(x);
		return;
	}
	int save_fd = open_save(x);
	bool large = save_fd || has_files(x);
	if (save_fd < 0) {
		refuse(x, save_fd, &x->pass.msg);
		return;
	}
	request_rewind(&x->text);
	x->req = (struct http_req){
		.method = x->text.method,
		.url = x->text.url,
		.headers = x->headers,
		.n_headers = fill_headers(x),
		.body = x->text.body,
		.body_len = (size_t)request_size(&x->text),
		.has_body = x->text.body != NULL,
		.read = has_files(x) ? on_read : NULL,
		.save_fd = save_fd,
		.answer_max = save_fd ? DOWNLOAD_MAX : 0,
		.timeout_ms = large ? LARGE_MS : x->conn->timeout_ms,
		.stall_ms = large ? STALL_MS : 0,
		.about = about(x),
		.cb = on_answer,
	};
	http_start(x->services->http, &x->req);
}

/* Nothing has left and nothing will: the answer is the reason. */
static void on_refused(struct loop_task *t)
{
	tell(container_of(t, struct exchange, task));
}

static void refuse(struct exchange *x, int err, const struct errmsg *msg)
{
	x->req = (struct http_req){.err = err, .msg = *msg, .reach = HTTP_NOT_SENT};
	x->task.cb = on_refused;
	loop_defer(x->services->loop, &x->task);
}

static void go(struct exchange *x)
{
	static const struct errmsg cancelled = {.code = ERR_CANCELLED, .text = "cancelled"};
	if (x->cancelled)
		refuse(x, ERR_CANCELLED, &cancelled);
	else if (x->pass.err)
		refuse(x, x->pass.err, &x->pass.msg);
	else
		leave(x);
}

static void on_pass(struct pass *p)
{
	go(container_of(p, struct exchange, pass));
}

static void on_admitted(struct pass *p)
{
	tell(container_of(p, struct exchange, pass));
}

bool exchange_admit(struct exchange *x)
{
	x->pass.cb = on_admitted;
	return pass_ask(&x->pass, x->services);
}

void exchange_start(struct exchange *x)
{
	http_req_done(&x->req);
	x->flying = true;
	x->cancelled = false;
	if (x->pass.at == PASS_GRANTED) {
		leave(x);
		return;
	}
	x->pass.cb = on_pass;
	if (pass_ask(&x->pass, x->services))
		go(x);
}

/* ---- the answer ---- */

/* "name: value" lines to {name: value}; a repeated name keeps its last value. */
static json_t *headers_json(const struct buf *lines)
{
	json_t *headers = json_object();
	const char *p = buf_str(lines);
	while (*p) {
		const char *end = strchr(p, '\n'), *colon = strchr(p, ':');
		if (!end)
			break;
		if (colon && colon < end) {
			const char *v = colon + 1;
			while (*v == ' ')
				v++;
			char name[128];
			size_t len = (size_t)(colon - p);
			if (len < sizeof(name)) {
				memcpy(name, p, len);
				name[len] = 0;
				json_t *text = json_stringn(v, (size_t)(end - v));
				if (text)
					json_object_set_new(headers, name, text);
			}
		}
		p = end + 1;
	}
	return headers;
}

static int64_t peer_ms(const struct exchange *x)
{
	char date[64];
	int64_t at;
	if (!http_answer_header(&x->req, "date", date, sizeof(date)) ||
	    time_parse_http(date, &at) != 0)
		return 0;
	return at;
}

/* A key that the connector has no word for is of a limit of the action's own, not of the rate. */
static void tell_pass(struct exchange *x)
{
	const struct answer *r = &x->answer;
	const json_t *shared = json_object_get(x->action->connector_errors, "by_key");
	const struct pass_answer said = {
		.err = r->err,
		.narrow = *r->key && !json_object_get(shared, r->key),
		.wait_ms = r->wait_ms,
		.peer_ms = peer_ms(x),
	};
	pass_answered(&x->pass, &said);
}

/* What a file is called that nobody has named. */
static const char *ending(const char *type)
{
	static const char *const rows[][2] = {{"text/csv", "csv"},
					      {"application/json", "json"},
					      {"application/pdf", "pdf"},
					      {"text/plain", "txt"},
					      {"image/png", "png"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strncmp(type, rows[i][0], strlen(rows[i][0])) == 0)
			return rows[i][1];
	return "bin";
}

/* The result of a download is its file; of one that went to the owner, what is known of it. */
static void file_result(struct exchange *x)
{
	char type[100];
	if (!http_answer_header(&x->req, "content-type", type, sizeof(type)))
		snprintf(type, sizeof(type), "%s", x->action->accept ? x->action->accept : "");
	type[strcspn(type, ";")] = 0;
	auto_free char *name = mem_printf("%s.%s", x->action->name, ending(type));
	json_t *v = x->saved.sealed ? file_out_value(&x->saved, name, type)
				    : json_pack("{s:s, s:s, s:I}", "name", name, "type", type,
						"size", (json_int_t)x->req.saved);
	if (!v) /* a type that is no UTF-8 */
		v = file_out_value(&x->saved, name, "application/octet-stream");
	json_decref(x->answer.result);
	x->answer.result = v;
}

/* A file that is no result goes at once. */
static void settle_file(struct exchange *x)
{
	bool came = x->req.save_fd > 0 && x->req.status / 100 == 2;
	if (came && x->answer.outcome == ANSWER_OK)
		file_result(x);
	else if (x->saved.sealed)
		files_remove(x->saved.files, x->saved.owner, x->saved.id);
	file_out_drop(&x->saved);
}

/* Some actions give a part of their answer. One without it is as good as none. */
static void settle_result(struct exchange *x)
{
	struct answer *r = &x->answer;
	bool well = r->outcome == ANSWER_OK || r->outcome == ANSWER_PARTIAL;
	json_t *part = NULL;
	if (!x->action->result || !well)
		return;
	r->err = shape_result(x->action->result, x->as_json, r->result, &part, &r->msg);
	if (r->err)
		r->outcome = ANSWER_ERROR;
	json_decref(r->result);
	r->result = part;
}

int exchange_read(struct exchange *x, bool repeated)
{
	if (x->req.err) {
		pass_done(&x->pass);
		return x->req.err;
	}
	json_auto_t *headers = headers_json(&x->req.answer_headers);
	answer_done(&x->answer);
	answer_classify(x->action, x->req.status, headers, buf_str(&x->req.answer),
			x->req.answer.len, repeated, loop_wall_ms(x->services->loop), &x->answer);
	tell_pass(x);
	settle_file(x);
	settle_result(x);
	return 0;
}

int64_t exchange_skew_ms(const struct exchange *x)
{
	int64_t at = peer_ms(x);
	return at ? at - loop_wall_ms(x->services->loop) : 0;
}

void exchange_cancel(struct exchange *x)
{
	if (!x->flying)
		return;
	x->cancelled = true;
	if (x->pass.at == PASS_ASKED) {
		pass_done(&x->pass);
		go(x);
	} else {
		http_cancel(&x->req);
	}
}

void exchange_done(struct exchange *x)
{
	pass_done(&x->pass);
	file_out_drop(&x->saved);
	loop_undefer(&x->task);
	answer_done(&x->answer);
	request_done(&x->text);
	http_req_done(&x->req);
	*x = (struct exchange){0};
}
