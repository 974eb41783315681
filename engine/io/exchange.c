/* One exchange: from a request to libcurl's options, through its callbacks, to what came of it. */
#include "engine/io/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "engine/base/arena.h"

enum {
	TIMEOUT_MS = 30000,
	CONNECT_MS_MAX = 10000,
	IDLE_S_MAX = 60,         /* an idle connection that is older is not used again */
	HEADERS_MAX = 64 * 1024, /* bytes of an answer's headers */
	METHOD_MAX = 32,
};
static const size_t answer_default = (size_t)8 * 1024 * 1024;

/* ---- what libcurl asks while a request runs ---- */

bool exchange_has_left(const struct http_req *r)
{
	long size = 0;
	if (r->easy)
		(void)curl_easy_getinfo(r->easy->curl, CURLINFO_REQUEST_SIZE, &size);
	return size > 0 || r->body_at > 0;
}

static bool may_repeat(const struct http_req *r)
{
	return !r->has_body && (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_req *r = arg;
	if (r->addr_ok && !r->addr_ok(r, &a->addr)) {
		r->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static bool address_is_ok(struct http_req *r, const char *ip, int port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
		return r->addr_ok(r, (struct sockaddr *)&v4);
	char bare[INET6_ADDRSTRLEN];
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(ip, "%"), ip);
	if (inet_pton(AF_INET6, bare, &v6.sin6_addr) == 1)
		return r->addr_ok(r, (struct sockaddr *)&v6);
	return false;
}

/*
 * Comes when a connection is there and before anything is sent on it: also for a reused one, and
 * again when libcurl is about to send all of it once more because a reused connection has died.
 */
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_req *r = arg;
	if (exchange_has_left(r) && !may_repeat(r))
		return CURL_PREREQFUNC_ABORT;
	if (r->addr_ok && !address_is_ok(r, ip, port)) {
		r->refused = true;
		return CURL_PREREQFUNC_ABORT;
	}
	/* One of several addresses may have been refused before this one was tried. */
	r->refused = false;
	return CURL_PREREQFUNC_OK;
}

/* Without a seek function beside it libcurl cannot begin the body anew. */
static size_t read_body(char *to, size_t size, size_t n, void *arg)
{
	struct http_req *r = arg;
	size_t left = r->body_len - r->body_at;
	size_t len = size * n < left ? size * n : left;
	if (len && r->read) {
		ssize_t got = r->read(r, to, len);
		r->unread = got <= 0 || (size_t)got > len;
		if (r->unread)
			return CURL_READFUNC_ABORT;
		len = (size_t)got;
	} else if (len)
		memcpy(to, (const char *)r->body + r->body_at, len);
	r->body_at += len;
	return len;
}

static bool save(struct http_req *r, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(r->save_fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r->save_errno = errno;
			return false;
		}
		r->saved += n;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static size_t answer_limit(const struct http_req *r)
{
	return r->answer_max ? r->answer_max : answer_default;
}

/* Anything but len ends the request. */
static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_req *r = arg;
	size_t len = size * n, room = answer_limit(r) - r->answer.len - (size_t)r->saved;
	long status = 0;
	(void)curl_easy_getinfo(r->easy->curl, CURLINFO_RESPONSE_CODE, &status);
	size_t fits = len < room ? len : room;
	bool ok = true;
	if (r->save_fd > 0 && status >= 200 && status <= 299)
		ok = save(r, data, fits);
	else
		(void)buf_add(&r->answer, data, fits);
	r->too_big = ok && fits < len;
	return ok && fits == len ? len : (size_t)-1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int add_header(struct buf *b, const char *name, size_t name_len, const char *v, size_t len)
{
	size_t from = b->len;
	int rc = buf_add(b, name, name_len);
	for (size_t i = from; i < b->len; i++)
		if (b->data[i] >= 'A' && b->data[i] <= 'Z')
			b->data[i] |= 32;
	rc = rc ? rc : buf_add(b, ": ", 2);
	from = b->len;
	rc = rc ? rc : buf_add(b, v, len);
	for (size_t i = from; i < b->len; i++)
		if ((unsigned char)b->data[i] < ' ')
			b->data[i] = ' ';
	return rc ? rc : buf_add(b, "\n", 1);
}

/* One line a call: status lines, of interim answers too, headers, empty lines, trailers. */
static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_req *r = arg;
	size_t all = size * n, len = all;
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		buf_clear(&r->answer_headers);
		r->head_done = false;
		return all;
	}
	while (len && is_blank(line[len - 1]))
		len--;
	if (!len)
		r->head_done = true;
	const char *colon = memchr(line, ':', len);
	if (r->head_done || !colon || is_blank(line[0]))
		return all;
	const char *v = colon + 1, *end = line + len;
	while (v < end && is_blank(*v))
		v++;
	r->too_big = add_header(&r->answer_headers, line, (size_t)(colon - line), v,
				(size_t)(end - v)) != 0;
	return r->too_big ? (size_t)-1 : all;
}

/* ---- handles ---- */

#define SET(curl, option, value) (void)curl_easy_setopt(curl, option, value)

/* What is the same for all requests. */
static void set_constants(struct http_easy *e)
{
	CURL *c = e->curl;
	SET(c, CURLOPT_ERRORBUFFER, e->error);
	SET(c, CURLOPT_NOSIGNAL, 1L);
	SET(c, CURLOPT_QUICK_EXIT, 1L); /* never wait for a thread that resolves */
	SET(c, CURLOPT_PROXY, "");
	SET(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(c, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(c, CURLOPT_REDIR_PROTOCOLS_STR, "");
	SET(c, CURLOPT_FOLLOWLOCATION, 0L);
	SET(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(c, CURLOPT_PATH_AS_IS, 1L);
	SET(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(c, CURLOPT_MAXAGE_CONN, (long)IDLE_S_MAX);
	SET(c, CURLOPT_USERAGENT, "pawl/" PAWL_VERSION);
	SET(c, CURLOPT_SEEKFUNCTION, NULL);
	SET(c, CURLOPT_READFUNCTION, read_body);
	SET(c, CURLOPT_WRITEFUNCTION, take_body);
	SET(c, CURLOPT_HEADERFUNCTION, take_header);
	SET(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(c, CURLOPT_PREREQFUNCTION, before_request);
}

struct http_easy *exchange_easy_new(void)
{
	struct http_easy *e = mem_alloc(sizeof(*e));
	e->curl = curl_easy_init();
	if (!e->curl)
		abort(); /* out of memory */
	set_constants(e);
	return e;
}

void exchange_easy_free(struct http_easy *e)
{
	curl_easy_cleanup(e->curl);
	buf_done(&e->text);
	free(e->nodes);
	free(e);
}

/* ---- the request ---- */

static bool is_token(const char *s, const char *more)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!(*s >= 'A' && *s <= 'Z') && !strchr(more, *s))
			return false;
	return true;
}

int exchange_check(struct http_req *r)
{
	if (strlen(r->method) > METHOD_MAX || !is_token(r->method, "-_") ||
	    strcmp(r->method, "CONNECT") == 0)
		return err_set(&r->msg, ERR_INVALID, "'%.40s' is no method to send", r->method);
	if (strncasecmp(r->url, "http://", 7) != 0 && strncasecmp(r->url, "https://", 8) != 0)
		return err_set(&r->msg, ERR_INVALID,
			       "the URL does not begin with http:// or https://");
	/* libcurl would take the first thing behind more slashes for the host. */
	if (strchr("/\\", strstr(r->url, "://")[3]))
		return err_set(&r->msg, ERR_INVALID, "no host in the URL");
	for (const char *p = r->url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return err_set(&r->msg, ERR_INVALID, "a blank or control byte in the URL");
	if (strcmp(r->method, "HEAD") == 0 && r->has_body)
		return err_set(&r->msg, ERR_INVALID, "HEAD with a body");
	return 0;
}

static int check_header(const struct http_header *f, struct errmsg *msg)
{
	static const char *const ours[] = {
		"content-length", "transfer-encoding", "expect", "connection", "te", "upgrade"};
	if (!is_token(f->name, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"))
		return err_set(msg, ERR_INVALID, "'%.80s' is no name of a header", f->name);
	for (const char *p = f->value; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return err_set(msg, ERR_INVALID, "a control byte in header '%.80s'",
				       f->name);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcasecmp(f->name, ours[i]) == 0)
			return err_set(msg, ERR_INVALID, "header '%s' cannot be set", f->name);
	return 0;
}

/* libcurl takes "Name: value", "Name;" for an empty value, and "Name:" for none at all. */
static void add_line(struct buf *b, const char *name, const char *value)
{
	value += strspn(value, " \t");
	(void)buf_printf(b, *value ? "%s: %s" : "%s;", name, value);
	(void)buf_putc(b, '\0');
}

static int add_lines(struct http_req *r, struct buf *b, size_t *ret_n)
{
	bool has_type = false;
	buf_clear(b);
	for (size_t i = 0; i < r->n_headers; i++) {
		int rc = check_header(&r->headers[i], &r->msg);
		if (rc)
			return rc;
		has_type = has_type || strcasecmp(r->headers[i].name, "content-type") == 0;
		add_line(b, r->headers[i].name, r->headers[i].value);
	}
	*ret_n = r->n_headers + 1;
	(void)buf_add(b, "Expect:", 8);
	if (!has_type) {
		/* Else libcurl would call each body a form. */
		(void)buf_add(b, "Content-Type:", 14);
		++*ret_n;
	}
	return 0;
}

static int set_headers(struct http_req *r)
{
	struct http_easy *e = r->easy;
	size_t n;
	int rc = add_lines(r, &e->text, &n);
	if (rc)
		return rc;
	if (n > e->cap) {
		e->cap = n * 2;
		e->nodes = mem_realloc(e->nodes, e->cap * sizeof(e->nodes[0]));
	}
	char *line = e->text.data;
	for (size_t i = 0; i < n; i++) {
		e->nodes[i].data = line;
		e->nodes[i].next = i + 1 < n ? &e->nodes[i + 1] : NULL;
		line += strlen(line) + 1;
	}
	SET(e->curl, CURLOPT_HTTPHEADER, e->nodes);
	return 0;
}

static bool takes_body(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	       strcmp(method, "PATCH") == 0;
}

static void set_method(struct http_req *r)
{
	CURL *c = r->easy->curl;
	SET(c, CURLOPT_HTTPGET, 1L); /* forgets what the last request set */
	SET(c, CURLOPT_CUSTOMREQUEST, r->method);
	if (strcmp(r->method, "HEAD") == 0)
		SET(c, CURLOPT_NOBODY, 1L);
	if (!r->has_body && !takes_body(r->method))
		return;
	SET(c, CURLOPT_POST, 1L);
	SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(r->has_body ? r->body_len : 0));
}

int exchange_prepare(struct http_req *r)
{
	CURL *c = r->easy->curl;
	int64_t timeout = r->timeout_ms > 0 ? r->timeout_ms : TIMEOUT_MS;
	r->easy->error[0] = '\0';
	r->answer_headers.max = HEADERS_MAX;
	set_method(r);
	if (curl_easy_setopt(c, CURLOPT_URL, r->url))
		return err_set(&r->msg, ERR_INVALID, "the URL is too long");
	SET(c, CURLOPT_TIMEOUT_MS, (long)timeout);
	SET(c, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(timeout < CONNECT_MS_MAX ? timeout : CONNECT_MS_MAX));
	SET(c, CURLOPT_LOW_SPEED_LIMIT, r->stall_ms > 0 ? 1L : 0L);
	SET(c, CURLOPT_LOW_SPEED_TIME, (long)(r->stall_ms / 1000));
	SET(c, CURLOPT_FRESH_CONNECT, (long)r->fresh);
	SET(c, CURLOPT_PRIVATE, r);
	SET(c, CURLOPT_READDATA, r);
	SET(c, CURLOPT_WRITEDATA, r);
	SET(c, CURLOPT_HEADERDATA, r);
	SET(c, CURLOPT_OPENSOCKETDATA, r);
	SET(c, CURLOPT_PREREQDATA, r);
	return set_headers(r);
}

/* ---- what came of it ---- */

static int code_of(const struct http_req *r, CURLcode rc)
{
	if (r->refused)
		return ERR_FORBIDDEN;
	if (r->too_big)
		return ERR_TOOBIG;
	if (r->save_errno || r->unread)
		return ERR_IO;
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return ERR_TIMEOUT;
	/* An answer that is no HTTP is an "unsupported protocol" too. */
	if (!exchange_has_left(r) && (rc == CURLE_URL_MALFORMAT ||
				      rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_LOGIN_DENIED))
		return ERR_INVALID;
	return rc == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_NETWORK;
}

static void explain(struct http_req *r, CURLcode rc)
{
	const char *text = r->easy->error[0] ? r->easy->error : curl_easy_strerror(rc);
	if (r->refused)
		text = "the address is not allowed";
	else if (r->too_big)
		text = "the answer is larger than allowed";
	else if (r->save_errno)
		text = strerror(r->save_errno);
	else if (r->unread)
		text = "the body cannot be read to its end";
	else if (rc == CURLE_SEND_FAIL_REWIND || rc == CURLE_ABORTED_BY_CALLBACK)
		text = "the connection was lost before an answer came";
	(void)err_set(&r->msg, code_of(r, rc), "%s", text);
}

void exchange_judge(struct http_req *r, CURLcode rc)
{
	long status = 0;
	(void)curl_easy_getinfo(r->easy->curl, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	/* libcurl is content with a head that was cut off. */
	if (rc == CURLE_OK && (!r->head_done || status < 200))
		rc = CURLE_GOT_NOTHING;
	r->reach = rc == CURLE_OK         ? HTTP_ANSWERED
		   : exchange_has_left(r) ? HTTP_SENT
					  : HTTP_NOT_SENT;
	if (rc != CURLE_OK) {
		explain(r, rc);
		r->err = r->msg.code;
	}
}
