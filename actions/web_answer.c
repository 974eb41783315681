/* What an answer to the step `http` is: a result, or which error. */
#include <stdlib.h>
#include <string.h>

#include "actions/answer.h"
#include "actions/secrets.h"
#include "actions/web.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

#define TEXT_MAX (1u << 20) /* a larger text is a file */
#define SHOWN_MAX 200       /* of an error's body */
#define RETRY_AFTER_CAP_MS (24 * 3600 * 1000LL)

bool web_is_ok(const struct web_args *args, const struct web_state *st)
{
	size_t i;
	json_t *v;
	int status = st->req.status;
	if (status / 100 == 2)
		return true;
	json_array_foreach (args->ok ? args->ok->literal : NULL, i, v)
		if (json_integer_value(v) == status)
			return true;
	return false;
}

int web_error_of(int status)
{
	return answer_status_error(status);
}

/* ---- errors ---- */

static char *error_text(const struct web_state *st, int err)
{
	const struct http_req *r = &st->req;
	char to[200];
	if (st->pass.err)
		return mem_strdup(st->pass.msg.text);
	if (r->err == ERR_FORBIDDEN)
		return mem_strdup("the host's address is a private one: put it under egress.allow "
				  "in pawl.yaml, or make the host a connection");
	if (r->err == ERR_TOOBIG)
		return mem_strdup("the answer is larger than 8 MiB: save: makes it a file");
	if (r->err)
		return mem_strdup(*r->msg.text ? r->msg.text : err_text(err));
	if (r->status / 100 == 3 && http_answer_header(r, "location", to, sizeof(to)))
		return mem_printf("%d leads to %s: no redirect is followed, say that address",
				  r->status, to);
	int shown = (int)(r->answer.len < SHOWN_MAX ? r->answer.len : SHOWN_MAX);
	while (shown > 0 && r->answer.len > SHOWN_MAX &&
	       ((unsigned char)buf_str(&r->answer)[shown] & 0xc0) == 0x80)
		shown--; /* no character is cut */
	return mem_printf("%d %s%s%.*s", r->status, err_text(err), shown ? ": " : "", shown,
			  shown ? buf_str(&r->answer) : "");
}

json_t *web_error(struct act *a, struct web_state *st, int err, int64_t *ret_wait_ms)
{
	char after[64];
	auto_free char *text = error_text(st, err);
	json_auto_t *e = json_pack("{s:s, s:s*}", "name", err_name(err), "message", text);
	if (!e)
		e = json_pack("{s:s, s:s}", "name", err_name(err), "message", err_text(err));
	*ret_wait_ms = 0;
	if (!st->req.err && st->req.status) {
		json_object_set_new(e, "status", json_integer(st->req.status));
		if (http_answer_header(&st->req, "retry-after", after, sizeof(after)))
			*ret_wait_ms = retry_after_ms(after, act_now(a), RETRY_AFTER_CAP_MS);
		if (*ret_wait_ms < 0)
			*ret_wait_ms = 0;
	}
	return secrets_mask(e, st->used);
}

/* ---- the body ---- */

static bool says_json(const struct http_req *r)
{
	char type[200];
	if (!http_answer_header(r, "content-type", type, sizeof(type)))
		return false;
	type[strcspn(type, ";")] = 0;
	return strcasestr(type, "json") != NULL;
}

/* As JSON where it says so, else as text; NULL: neither. */
static json_t *body_value(const struct http_req *r)
{
	json_t *v = NULL;
	const char *text = buf_str(&r->answer);
	size_t len = r->answer.len;
	if (says_json(r) && !r->err && json_parse(text, len, false, &v, NULL) == 0)
		return v;
	if (r->err || len > TEXT_MAX || memchr(text, 0, len))
		return NULL;
	return json_stringn(text, len);
}

static bool fits_result(const struct web_state *st)
{
	json_auto_t *v = st->req.answer.len ? body_value(&st->req) : json_null();
	return v != NULL;
}

static int write_file(struct act *a, struct web_state *st, struct errmsg *msg)
{
	const struct services *s = act_services(a);
	const struct buf *b = &st->req.answer;
	if (!s->files)
		return err_set(msg, ERR_INVALID, "there are no files here");
	int err = files_create(s->files, act_run_id(a), &st->saved, msg);
	return err ? err : file_out_write(&st->saved, buf_str(b), b->len, msg);
}

/* A file's bytes are durable before anything names it; what cannot be kept has not come. */
static void on_sealed(struct files_job *j)
{
	struct web_state *st =
		container_of(container_of(j, struct files_seal, job), struct web_state, seal);
	if (j->err) {
		st->req.err = j->err;
		st->req.msg = j->msg;
		st->req.reach = HTTP_SENT;
	}
	step_wake(st->act);
}

bool web_keep(struct act *a, struct web_state *st)
{
	struct http_req *r = &st->req;
	bool well = web_is_ok(act_args(a), st), cut = r->err == ERR_TOOBIG;
	bool came = well && (!r->err || (cut && st->effect != EFFECT_READ));
	if (!came || (st->saved.fd > 0 ? r->status / 100 != 2 : fits_result(st))) {
		file_out_drop(&st->saved);
		return false;
	}
	if (st->saved.fd <= 0 && write_file(a, st, &r->msg) != 0) {
		r->err = r->msg.code;
		r->reach = HTTP_SENT;
		file_out_drop(&st->saved);
		return false;
	}
	st->seal = (struct files_seal){.job.cb = on_sealed};
	files_seal(&st->seal, &st->saved);
	return true;
}

static json_t *file_value(const struct web_state *st)
{
	char type[100];
	const char *name = json_str(st->params, "save");
	if (!http_answer_header(&st->req, "content-type", type, sizeof(type)))
		snprintf(type, sizeof(type), "application/octet-stream");
	type[strcspn(type, ";")] = 0;
	json_t *v = file_out_value(&st->saved, name ? name : "answer", type);
	return v ? v : file_out_value(&st->saved, "answer", "application/octet-stream");
}

/* ---- headers ---- */

/* What comes more than once is joined as RFC 9110 does; cookies are credentials and kept by nobody. */
static json_t *headers_of(const struct http_req *r)
{
	json_t *headers = json_object();
	for (const char *p = buf_str(&r->answer_headers), *end; (end = strchr(p, '\n'));
	     p = end + 1) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		if (!colon)
			continue;
		auto_free char *name = mem_strndup(p, (size_t)(colon - p));
		const char *from = colon + 1 + strspn(colon + 1, " ");
		auto_free char *value = mem_strndup(from, (size_t)(end - from));
		const char *old = json_str(headers, name);
		if (strcmp(name, "set-cookie") == 0)
			continue;
		json_t *v = old ? json_sprintf("%s, %s", old, value) : json_string(value);
		if (v)
			json_object_set_new(headers, name, v);
	}
	return headers;
}

json_t *web_result(struct web_state *st)
{
	const struct http_req *r = &st->req;
	json_auto_t *all = json_pack("{s:i, s:o}", "status", r->status, "headers", headers_of(r));
	if (st->saved.sealed)
		json_object_set_new(all, "body", file_value(st));
	else if (r->answer.len)
		json_object_set_new(all, "body", body_value(r));
	if (r->err == ERR_TOOBIG)
		json_object_set_new(all, "truncated", json_true());
	return secrets_mask(all, st->used);
}
