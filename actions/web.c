/*
 * `http`: any request inside the egress rules, safe to be cut off anywhere.
 *
 *  start ──▶ PASS ──▶ INTENT ──▶ SEND ──▶ done, or failed
 *             ▲  read: no intent  │
 *             └───── PARKED ◀─────┘ refused, or no answer and it may be repeated; else in_doubt
 *
 * Records at its path: I before each send of a class other than read, A when an attempt ended without a
 * result. I without a later A is an attempt nobody heard the end of. They hold the request with names
 * of secrets, never their values; later attempts send what the first record says.
 */
#include "actions/web.h"

#include <string.h>

#include "actions/egress.h"
#include "actions/oauth.h"
#include "actions/policy.h"
#include "engine/base/json.h"

#define DOWNLOAD_MAX ((size_t)16 << 30)
#define LARGE_MS (2 * 3600 * 1000)
#define STALL_MS (60 * 1000)

static enum verdict attempt(struct act *a, struct web_state *st);

/* ---- how an attempt ends without a result ---- */

static bool has_open_attempt(const struct act *a)
{
	unsigned closed = 0;
	json_t *rec;
	for (unsigned i = 0; (rec = step_rec_at_index(a, REC_ATTEMPT, i)); i++)
		closed += json_bool(rec, "sent", true);
	return step_rec_count(a, REC_INTENT) > closed;
}

static void record_attempt(struct act *a, struct web_state *st, json_t *error, int64_t due,
			   bool counts, bool doubt)
{
	st->repeated |= doubt;
	json_t *body = json_pack("{s:i, s:I, s:O, s:I, s:b}", "counted",
				 (int)(st->attempts - !counts), "first", (json_int_t)st->first,
				 "error", error, "due", (json_int_t)due, "doubt", st->repeated);
	if (!has_open_attempt(a))
		json_object_set_new(body, "sent", json_false());
	json_object_set(body, "params", st->params);
	step_record(a, REC_ATTEMPT, body);
}

/* Which address was asked, without its query. */
static json_t *asked(const struct web_state *st)
{
	const char *url = json_str(st->params, "url");
	if (!url)
		url = json_str(st->params, "path");
	return json_sprintf("%s %.*s", json_str(st->params, "method"), (int)strcspn(url, "?"), url);
}

static void tell(struct act *a, const struct web_state *st)
{
	step_meta(a, "what", asked(st));
	step_meta(a, "attempts", json_integer(st->attempts));
	if (!st->req.err && st->req.status)
		step_meta(a, "status", json_integer(st->req.status));
}

static enum verdict park(struct act *a, struct web_state *st, int64_t due)
{
	st->at = WEB_PARKED;
	return step_park(a, RUN_RETRYING, due);
}

/* It had no effect, or may be repeated: again later, if the policy wants it. */
static enum verdict again_later(struct act *a, struct web_state *st, int err, bool doubt)
{
	int64_t wait;
	json_t *error = web_error(a, st, err, &wait);
	if (!policy_wants(a, st->attempts, st->first, error, err)) {
		tell(a, st);
		return step_fail_error(a, error);
	}
	int64_t due = policy_due(a, st->attempts, err, wait);
	record_attempt(a, st, error, due, err != ERR_THROTTLED && err != ERR_QUOTA, doubt);
	json_decref(error);
	return park(a, st, due);
}

/* The bytes left, and nobody knows what came of them. */
static enum verdict doubt(struct act *a, struct web_state *st, int err)
{
	if (st->effect != EFFECT_ONCE)
		return again_later(a, st, err, true);
	tell(a, st);
	return step_in_doubt(a,
			     "%s was sent and %s; key_header: or effect: idempotent lets it be "
			     "sent again",
			     json_str(st->params, "method"),
			     st->req.err || !st->req.status ? "its answer was lost"
							    : "the server failed on it");
}

/* ---- sending ---- */

static bool on_address(struct http_req *r, const struct sockaddr *addr)
{
	const struct web_state *st = container_of(r, struct web_state, req);
	const struct services *s = act_services(st->act);
	return st->conn || egress_addr(s->egress, addr);
}

static void on_answer(struct http_req *r)
{
	struct web_state *st = container_of(r, struct web_state, req);
	if (!web_keep(st->act, st))
		step_wake(st->act);
}

static ssize_t on_read(struct http_req *r, void *to, size_t max)
{
	return request_read(&container_of(r, struct web_state, req)->text, to, max);
}

static int64_t timeout_ms(const struct act *a, const struct web_state *st, bool large)
{
	if (act_step(a)->timeout_ms)
		return act_step(a)->timeout_ms;
	return large ? LARGE_MS : st->conn ? st->conn->timeout_ms : 0;
}

static void leave(struct act *a, struct web_state *st)
{
	const struct services *s = act_services(a);
	bool files = st->text.n_files > 0, large = files || st->saved.fd > 0;
	http_req_done(&st->req);
	request_rewind(&st->text);
	st->act = a;
	st->at = WEB_SEND;
	st->req = (struct http_req){
		.method = json_str(st->params, "method"),
		.url = st->text.url,
		.headers = st->headers,
		.n_headers = web_headers(a, st),
		.body = st->text.body,
		.body_len = (size_t)request_size(&st->text),
		.has_body = st->text.body != NULL,
		.read = files ? on_read : NULL,
		.save_fd = st->saved.fd,
		.answer_max = st->saved.fd > 0 ? DOWNLOAD_MAX : 0,
		.timeout_ms = timeout_ms(a, st, large),
		.stall_ms = large ? STALL_MS : 0,
		.about = {.run = act_run_id(a),
			  .path = act_path(a),
			  .step = act_step(a)->name,
			  .input = st->params},
		.addr_ok = on_address,
		.cb = on_answer,
	};
	http_start(s->http, &st->req);
}

static enum verdict send_now(struct act *a, struct web_state *st)
{
	const struct services *s = act_services(a);
	struct errmsg *msg = act_msg(a);
	if (json_object_get(st->params, "save") && s->files) {
		file_out_drop(&st->saved);
		if (files_create(s->files, act_run_id(a), &st->saved, msg) != 0)
			return step_fail_msg(a);
	}
	leave(a, st);
	return STEP_WAIT;
}

static enum verdict intend(struct act *a, struct web_state *st)
{
	st->attempts++;
	if (st->effect == EFFECT_READ)
		return send_now(a, st);
	step_record(a, REC_INTENT,
		    json_pack("{s:i, s:s, s:s, s:O}", "attempt", (int)st->attempts, "class",
			      effect_word(st->effect), "effect", st->key, "params", st->params));
	st->at = WEB_INTENT;
	return step_barrier(a);
}

/* No leave now: it asks again when that is due, and has recorded nothing. */
static enum verdict on_pass(struct act *a, struct web_state *st)
{
	const struct pass *p = &st->pass;
	int64_t due = p->due ? p->due : act_now(a) + act_run_age_ms(a) / 8 + 1000;
	if (!p->err)
		return intend(a, st);
	st->at = WEB_PARKED;
	if (p->held)
		return step_park(a, RUN_HELD, due);
	if (p->err == ERR_QUOTA || p->err == ERR_THROTTLED || p->due)
		return step_park(a, RUN_WAITING, due);
	return again_later(a, st, p->err, false);
}

static void on_passed(struct pass *p)
{
	step_wake(container_of(p, struct web_state, pass)->act);
}

/* Whether it may be asked at all: a connection's own host, or what egress allows. */
static int check_place(struct act *a, const struct web_state *st, struct errmsg *msg)
{
	const struct services *s = act_services(a);
	const char *url = st->text.url;
	int err = egress_url(st->conn ? NULL : s->egress, url, msg);
	if (err || !st->conn || oauth_same_origin(url, st->conn->base_url))
		return err;
	return err_set(msg, ERR_FORBIDDEN,
		       "the address is not one of %s: the credentials of connection %s are for "
		       "that host alone",
		       st->conn->base_url, st->conn->name);
}

static enum verdict attempt(struct act *a, struct web_state *st)
{
	struct errmsg *msg = act_msg(a);
	if (act_is_stopped(a))
		return step_fail(a, ERR_CANCELLED, "the run was cancelled");
	if (web_render(a, st, msg) != 0 || check_place(a, st, msg) != 0)
		return step_fail_msg(a);
	if (!st->conn)
		return intend(a, st);
	pass_done(&st->pass);
	st->act = a;
	st->at = WEB_PASS;
	st->pass = (struct pass){
		.conn = st->conn, .kind = PASS_RULE, .rule = act_plan(a)->rule, .cb = on_passed};
	return pass_ask(&st->pass, act_services(a)) ? on_pass(a, st) : STEP_WAIT;
}

/* ---- the answer ---- */

static void tell_pass(struct act *a, struct web_state *st, int err)
{
	int64_t wait = 0;
	if (!st->conn)
		return;
	if (st->req.err) {
		pass_done(&st->pass);
		return;
	}
	json_decref(web_error(a, st, err, &wait));
	pass_answered(&st->pass, &(struct pass_answer){.err = err, .wait_ms = wait});
}

static enum verdict done(struct act *a, struct web_state *st)
{
	tell(a, st);
	return step_done(a, web_result(st));
}

/* Refused for its credentials: once more with others, which counts as no attempt. */
static bool renews(struct web_state *st, int err)
{
	bool may = err == ERR_AUTH && st->conn && !st->renewed && pass_can_renew(&st->pass);
	st->renewed |= may;
	return may;
}

static enum verdict with_new_credentials(struct act *a, struct web_state *st)
{
	int64_t wait;
	json_t *error = web_error(a, st, ERR_AUTH, &wait);
	if (has_open_attempt(a))
		record_attempt(a, st, error, 0, false, false);
	json_decref(error);
	st->attempts--;
	return attempt(a, st);
}

static enum verdict on_status(struct act *a, struct web_state *st)
{
	int status = st->req.status, err = web_is_ok(act_args(a), st) ? 0 : web_error_of(status);
	tell_pass(a, st, err);
	if (!err)
		return done(a, st);
	bool gone = st->repeated && status == 404 && st->effect == EFFECT_IDEMPOTENT &&
		    strcmp(json_str(st->params, "method"), "DELETE") == 0;
	if (gone)
		return done(a, st);
	if (renews(st, err))
		return with_new_credentials(a, st);
	if (status >= 500 && status != 501 && status != 503)
		return doubt(a, st, err);
	return again_later(a, st, err, false);
}

static enum verdict on_answered(struct act *a, struct web_state *st)
{
	int err = st->req.err;
	if (!err)
		return on_status(a, st);
	tell_pass(a, st, err);
	if (st->req.reach == HTTP_NOT_SENT)
		return again_later(a, st, err, false);
	if (err == ERR_TOOBIG && st->saved.sealed)
		return done(a, st);
	if (err == ERR_TOOBIG && st->effect == EFFECT_READ)
		return again_later(a, st, err, false);
	return doubt(a, st, err == ERR_TOOBIG ? ERR_NETWORK : err);
}

/* ---- the kind ---- */

static bool find_connection(struct act *a, struct web_state *st)
{
	const struct services *s = act_services(a);
	const char *name = json_str(st->params, "connection");
	if (!name)
		return true;
	st->conn = connections_find(s->connections, name);
	if (!st->conn)
		(void)step_fail(
			a, ERR_INVALID,
			"there is no connection '%s': name it under connections: in pawl.yaml",
			name);
	else if (!st->conn->base_url)
		(void)step_fail(a, ERR_INVALID, "connection '%s' has no base_url", name);
	return st->conn && st->conn->base_url;
}

/* A process ended, or a person says again, while an attempt was open. */
static enum verdict go_on_open(struct act *a, struct web_state *st)
{
	json_t *error = json_pack("{s:s}", "name", err_name(ERR_IN_DOUBT));
	bool person = act_again(a);
	if (st->effect == EFFECT_ONCE && !person) {
		json_decref(error);
		return doubt(a, st, ERR_IN_DOUBT);
	}
	record_attempt(a, st, error, 0, false, true);
	json_decref(error);
	st->attempts = person ? 0 : st->attempts - 1;
	st->first = person ? act_now(a) : st->first;
	return attempt(a, st);
}

/* Where the journal says that it stands: also how it begins. */
static enum verdict go_on(struct act *a, struct web_state *st)
{
	json_t *last = step_rec(a, REC_ATTEMPT);
	int64_t due = json_int(last, "due", 0);
	bool open = has_open_attempt(a);
	st->attempts = (unsigned)json_int(last, "counted", 0) + open;
	st->first = json_int(last, "first", act_now(a));
	st->repeated |= json_bool(last, "doubt", false);
	if (open)
		return go_on_open(a, st);
	if (act_again(a)) {
		st->attempts = 0;
		st->first = act_now(a);
		return attempt(a, st);
	}
	return due > act_now(a) ? park(a, st, due) : attempt(a, st);
}

static enum verdict web_start(struct act *a)
{
	struct web_state *st = act_state(a);
	struct step *s = (struct step *)act_step(a);
	if ((strncmp(s->key, "lua#", 4) == 0 || strcmp(s->key, "to") == 0) &&
	    web_check_made(s, act_msg(a)) != 0)
		return step_fail_msg(a);
	json_t *rec = step_rec(a, REC_INTENT);
	if (!rec)
		rec = step_rec(a, REC_ATTEMPT);
	st->params = json_incref(json_object_get(rec, "params"));
	st->effect = web_effect(act_args(a));
	if ((!st->params && !web_params(a, st)) || !find_connection(a, st))
		return STEP_FAIL;
	return go_on(a, st);
}

static enum verdict web_resume(struct act *a)
{
	struct web_state *st = act_state(a);
	switch (st->at) {
	case WEB_PASS:
		return on_pass(a, st);
	case WEB_INTENT:
		return send_now(a, st);
	case WEB_SEND:
		return on_answered(a, st);
	case WEB_PARKED:
	default:
		return go_on(a, st);
	}
}

/* A read is broken off; anything else is awaited, since it may act. */
static bool web_cancel(struct act *a)
{
	struct web_state *st = act_state(a);
	if (st->at == WEB_SEND && st->effect == EFFECT_READ)
		http_cancel(&st->req);
	if (st->at == WEB_PASS)
		pass_done(&st->pass);
	return st->at != WEB_PASS;
}

static void web_drop(struct act *a)
{
	struct web_state *st = act_state(a);
	pass_done(&st->pass);
	http_req_done(&st->req);
	file_out_drop(&st->saved);
	request_done(&st->text);
	json_decref(st->params);
	json_decref(st->clear);
	json_decref(st->used);
	*st = (struct web_state){0};
}

static const struct param web_params_table[] = {
	{"connection", P_TMPL, IN_MAP, false, offsetof(struct web_args, connection),
	 "whose base_url, credentials and limits it uses"},
	{"method", P_STRING, IN_MAP, false, offsetof(struct web_args, method),
	 "GET, or POST where there is a body, when it is left out"},
	{"url", P_SECRETS, IN_MAP, false, offsetof(struct web_args, url), "the whole address"},
	{"path", P_SECRETS, IN_MAP, false, offsetof(struct web_args, path),
	 "the address behind the connection's base_url"},
	{"query", P_SECRETS, IN_MAP, false, offsetof(struct web_args, query),
	 "a map of what stands behind the ?"},
	{"headers", P_SECRETS, IN_MAP, false, offsetof(struct web_args, headers),
	 "a map of headers"},
	{"body", P_SECRETS, IN_MAP, false, offsetof(struct web_args, body),
	 "what is sent: a text, a file, or anything else as JSON"},
	{"form", P_SECRETS, IN_MAP, false, offsetof(struct web_args, form),
	 "a map that is sent as a form"},
	{"multipart", P_SECRETS, IN_MAP, false, offsetof(struct web_args, multipart),
	 "a map of parts, texts and files"},
	{"save", P_TMPL, IN_MAP, false, offsetof(struct web_args, save),
	 "the answer becomes a file of this name"},
	{"ok", P_TMPL, IN_MAP, false, offsetof(struct web_args, ok),
	 "statuses beside 2xx that are no errors"},
	{"effect", P_STRING, IN_MAP, false, offsetof(struct web_args, effect),
	 "read, idempotent, keyed or once: what may be done when no answer came"},
	{"key_header", P_STRING, IN_MAP, false, offsetof(struct web_args, key_header),
	 "the header under which a key is sent, the same for all attempts"},
	{0},
};

const struct step_kind kind_http = {
	.name = "http",
	.help = "sends any HTTP request that the egress rules allow",
	.params = web_params_table,
	.args_size = sizeof(struct web_args),
	.state_size = sizeof(struct web_state),
	.check = web_check,
	.start = web_start,
	.resume = web_resume,
	.cancel = web_cancel,
	.drop = web_drop,
	.retries = true,
};
