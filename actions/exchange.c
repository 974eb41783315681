/* One request to a connection and its classified answer. */
#include "actions/exchange.h"

#include <string.h>

#include "actions/services.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

int exchange_render(struct exchange *x, const struct action *action, const struct connection *conn,
		    const json_t *params, struct errmsg *msg)
{
	request_done(&x->text);
	x->text = (struct http_request_text){0};
	return request_render(action, params, conn->base_url, &x->text, msg);
}

static void on_answer(struct http_req *r)
{
	struct exchange *x = container_of(r, struct exchange, req);
	x->flying = false;
	step_wake(x->act);
}

static size_t fill_headers(struct exchange *x, const struct connection *conn)
{
	size_t n = 0;
	const char *name;
	json_t *value;
	json_object_foreach (x->text.headers, name, value)
		if (n < EXCHANGE_HEADERS - 1)
			x->headers[n++] = (struct http_header){name, json_string_value(value)};
	if (conn->authorization)
		x->headers[n++] = (struct http_header){"Authorization", conn->authorization};
	return n;
}

void exchange_start(struct exchange *x, struct act *a, const struct connection *conn,
		    const struct action *action)
{
	const struct services *s = act_services(a);
	http_req_done(&x->req);
	x->act = a;
	x->action = action;
	x->flying = true;
	x->req = (struct http_req){
		.method = x->text.method,
		.url = x->text.url,
		.headers = x->headers,
		.n_headers = fill_headers(x, conn),
		.body = x->text.body,
		.body_len = x->text.body_len,
		.has_body = x->text.body != NULL,
		.timeout_ms = conn->timeout_ms,
		.cb = on_answer,
	};
	http_start(s->http, &x->req);
}

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

int exchange_read(struct exchange *x, bool repeated)
{
	const struct services *s = act_services(x->act);
	if (x->req.err)
		return x->req.err;
	json_auto_t *headers = headers_json(&x->req.answer_headers);
	answer_done(&x->answer);
	answer_classify(x->action, x->req.status, headers, buf_str(&x->req.answer),
			x->req.answer.len, repeated, loop_wall_ms(s->loop), &x->answer);
	return 0;
}

int64_t exchange_skew_ms(const struct exchange *x)
{
	const struct services *s = act_services(x->act);
	char date[64];
	int64_t at;
	if (!http_answer_header(&x->req, "date", date, sizeof(date)) ||
	    time_parse_http(date, &at) != 0)
		return 0;
	return at - loop_wall_ms(s->loop);
}

void exchange_cancel(struct exchange *x)
{
	if (x->flying)
		http_cancel(&x->req);
}

void exchange_done(struct exchange *x)
{
	answer_done(&x->answer);
	request_done(&x->text);
	http_req_done(&x->req);
	*x = (struct exchange){0};
}
