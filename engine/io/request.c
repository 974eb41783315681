/* Reading one request: the gate first, then llhttp, whose spans become texts in place. */
#include "engine/io/request.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "engine/base/list.h"

static struct request *of(llhttp_t *p)
{
	return container_of(p, struct request, parser);
}

static void extend(struct request *q, struct request_span *s, const char *at, size_t len)
{
	if (!s->len)
		s->at = (uint32_t)(at - q->head);
	s->len = (uint32_t)(at + len - q->head) - s->at;
}

static int on_url(llhttp_t *p, const char *at, size_t len)
{
	struct request *q = of(p);
	extend(q, &q->target, at, len);
	return 0;
}

/* Trailers come by the same callbacks: after the head they are checked by the gate and dropped. */
static int on_field(llhttp_t *p, const char *at, size_t len)
{
	struct request *q = of(p);
	if (q->got_head)
		return 0;
	if (!q->n_headers || q->in_value) {
		if (q->n_headers == REQUEST_HEADERS_MAX) {
			q->too_many = true;
			return -1;
		}
		q->names[q->n_headers] = q->values[q->n_headers] = (struct request_span){0};
		q->n_headers++;
		q->in_value = false;
	}
	extend(q, &q->names[q->n_headers - 1], at, len);
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
	struct request *q = of(p);
	if (!q->got_head && q->n_headers)
		extend(q, &q->values[q->n_headers - 1], at, len);
	return 0;
}

/* Comes for an empty value too. */
static int on_value_end(llhttp_t *p)
{
	of(p)->in_value = true;
	return 0;
}

static int on_head_end(llhttp_t *p)
{
	struct request *q = of(p);
	q->got_head = true;
	q->keep_alive = llhttp_should_keep_alive(p);
	q->chunked = p->flags & F_CHUNKED;
	q->length = q->chunked ? 0 : p->content_length;
	return 0;
}

/* Only chunked bodies are given to the parser. */
static int on_body(llhttp_t *p, const char *at, size_t len)
{
	struct request *q = of(p);
	if (q->decoded != at)
		memmove(q->decoded, at, len);
	q->decoded += len;
	return 0;
}

static int on_all(llhttp_t *p)
{
	of(p)->got_all = true;
	return 0;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_end,
	.on_headers_complete = on_head_end,
	.on_body = on_body,
	.on_message_complete = on_all,
};

/* Upgrades are not offered: what follows stays HTTP. */
static bool is_fine(llhttp_errno_t e)
{
	return e == HPE_OK || e == HPE_PAUSED_UPGRADE;
}

static int parse_head(struct request *q, const char *head, size_t len, const char **ret_why)
{
	llhttp_init(&q->parser, HTTP_REQUEST, &settings);
	q->head = head;
	llhttp_errno_t e = llhttp_execute(&q->parser, head, len);
	if (is_fine(e) && q->got_head)
		return 0;
	*ret_why = "the head is malformed";
	if (q->too_many) {
		*ret_why = "too many headers";
		return 431;
	}
	if (e != HPE_INVALID_METHOD)
		return 400;
	*ret_why = "the method is unknown";
	return 501;
}

static bool is_text(const char *head, const struct request_span *s, const char *text)
{
	return strlen(text) == s->len && strncasecmp(head + s->at, text, s->len) == 0;
}

/* Values lose the blanks behind them. Only `Expect: 100-continue` can be met. */
static int look_at_headers(struct request *q, const char *head, const char **ret_why)
{
	for (size_t i = 0; i < q->n_headers; i++) {
		struct request_span *v = &q->values[i];
		while (v->len &&
		       (head[v->at + v->len - 1] == ' ' || head[v->at + v->len - 1] == '\t'))
			v->len--;
		if (!is_text(head, &q->names[i], "expect"))
			continue;
		if (!is_text(head, v, "100-continue")) {
			*ret_why = "the expectation cannot be met";
			return 417;
		}
		q->expects = !q->old;
	}
	return 0;
}

int request_head(struct request *q, const char *head, size_t len, const char **ret_why)
{
	q->keep_alive = q->chunked = q->expects = q->is_head = false;
	q->in_value = q->got_head = q->got_all = q->too_many = false;
	q->length = 0;
	q->n_headers = 0;
	q->target = (struct request_span){0};
	q->chunks = (struct gate_chunks){0};
	int status = gate_check(head, len, ret_why);
	if (!status)
		status = parse_head(q, head, len, ret_why);
	if (status)
		return status;
	q->old = q->parser.http_minor == 0;
	q->is_head = q->parser.method == HTTP_HEAD;
	return look_at_headers(q, head, ret_why);
}

ssize_t request_chunks(struct request *q, const char *raw, size_t len, char *to, size_t *ret_len,
		       const char **ret_why)
{
	ssize_t n = gate_chunks(&q->chunks, raw, len, ret_why);
	if (n < 0)
		return -1;
	q->decoded = to;
	llhttp_errno_t e = llhttp_execute(&q->parser, raw, (size_t)n);
	*ret_len = (size_t)(q->decoded - to);
	if (!is_fine(e) || q->got_all != q->chunks.done) {
		*ret_why = "the chunks of the body are malformed";
		return -1;
	}
	return n;
}

static char *text_of(char *head, const struct request_span *s)
{
	assert(s->len);
	head[s->at + s->len] = '\0';
	return head + s->at;
}

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s |= 32;
}

void request_finish(struct request *q, char *head, struct server_req *r)
{
	r->method = llhttp_method_name(q->parser.method);
	r->keep_alive = q->keep_alive;
	char *path = text_of(head, &q->target), *mark = strchr(path, '?');
	r->path = path;
	r->query = "";
	if (mark) {
		*mark = '\0';
		r->query = mark + 1;
	}
	for (size_t i = 0; i < q->n_headers; i++) {
		char *name = text_of(head, &q->names[i]);
		lower(name);
		q->headers[i].name = name;
		q->headers[i].value = q->values[i].len ? text_of(head, &q->values[i]) : "";
	}
	r->headers = q->headers;
	r->n_headers = q->n_headers;
}
