/* Answers as JSON, and refusals as problem details. */
#include "engine/serve/reply.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"

void reply_json(struct server_req *r, int status, json_t *v)
{
	auto_free char *text = json_text(v);
	json_decref(v);
	server_reply(r, status, "application/json", "Cache-Control: no-store\r\n", text,
		     strlen(text));
}

static const char *title(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
		{400, "Bad Request"},         {401, "Unauthorized"},
		{403, "Forbidden"},           {404, "Not Found"},
		{405, "Method Not Allowed"},  {409, "Conflict"},
		{413, "Content Too Large"},   {415, "Unsupported Media Type"},
		{421, "Misdirected Request"}, {422, "Unprocessable Content"},
		{429, "Too Many Requests"},   {500, "Internal Server Error"},
		{502, "Bad Gateway"},         {503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};
	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

void reply_problem(struct server_req *r, int status, const char *extra, const char *fmt, ...)
{
	struct buf detail = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	(void)buf_vprintf(&detail, fmt, ap);
	va_end(ap);
	json_t *text = json_string(buf_str(&detail));
	json_auto_t *v =
		json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title", title(status),
			  "status", status, "detail", text ? text : json_string(""));
	auto_free char *body = json_text(v);
	server_reply(r, status, "application/problem+json", extra, body, strlen(body));
	buf_done(&detail);
}

int reply_status(int err)
{
	switch (err) {
	case ERR_PARSE:
	case ERR_INVALID:
	case ERR_USAGE:
		return 400;
	case ERR_AUTH:
		return 401;
	case ERR_FORBIDDEN:
		return 403;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_CONFLICT:
	case ERR_EXISTS:
	case ERR_FENCED:
		return 409;
	case ERR_TOOBIG:
		return 413;
	case ERR_REJECTED:
		return 415;
	case ERR_BUSY:
		return 429;
	case ERR_STORE:
	case ERR_CANCELLED:
		return 503;
	default:
		return 500;
	}
}

void reply_error(struct server_req *r, int err, const char *text)
{
	int status = reply_status(err);
	const char *extra = status == 429   ? "Retry-After: 1\r\n"
			    : status == 503 ? "Retry-After: 5\r\n"
			    : status == 401 ? "WWW-Authenticate: Bearer\r\n"
					    : NULL;
	reply_problem(r, status, extra, "%s", text && *text ? text : err_text(err));
}

long long query_number(const struct server_req *r, const char *name, long long max, long long def)
{
	auto_free char *text = server_req_query(r, name);
	char *end;
	if (!text)
		return def;
	long long n = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && n >= 1 && n <= max ? n : -1;
}
