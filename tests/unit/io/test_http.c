/* The client against the own listener, and against peers that behave badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/io/http.h"
#include "engine/io/server.h"
#include "tests/unit/io/peer.h"

enum { PEER_CONNS = 300 };

/* What a peer does with the n-th request that it has read completely. */
enum deed { ANSWER, RESET, CLOSE, SILENT, TEXT };

struct peer;

struct peer_conn {
	struct loop_watch watch;
	struct peer *peer;
	int fd; /* -1 when closed */
	struct buf in;
};

struct peer {
	struct loop *l;
	struct loop_watch watch;
	int fd, port;
	int conns, requests;
	int bad_at; /* the number of the request that gets the deed; 0: all */
	enum deed deed;
	const char *text; /* of TEXT */
	bool then_close;
	struct buf last; /* the last request as it came */
	struct peer_conn conn[PEER_CONNS];
};

struct fixture {
	struct loop *l;
	struct http *h;
	struct server *s;
	struct peer *p;
	int done;
	char url[64], peer_url[64];
};

static struct fixture f;

/* ---- a peer ---- */

static void conn_end(struct peer_conn *c, bool reset)
{
	loop_watch_done(&c->watch);
	if (c->fd >= 0 && reset)
		peer_reset(c->fd);
	else if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_done(&c->in);
}

static void tell(struct peer_conn *c, const char *text)
{
	assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Length of the first request in the buffer; 0 when more must come. */
static size_t request_len(const struct buf *b)
{
	const char *end = strstr(buf_str(b), "\r\n\r\n");
	const char *length = strcasestr(buf_str(b), "content-length:");
	if (!end)
		return 0;
	size_t len = (size_t)(end + 4 - b->data) +
		     (length && length < end ? (size_t)strtol(length + 15, NULL, 10) : 0);
	return b->len >= len ? len : 0;
}

static void serve(struct peer_conn *c, size_t len)
{
	struct peer *p = c->peer;
	p->requests++;
	buf_clear(&p->last);
	buf_add(&p->last, c->in.data, len);
	buf_shift(&c->in, len);
	enum deed deed = !p->bad_at || p->bad_at == p->requests ? p->deed : ANSWER;
	if (deed == ANSWER)
		tell(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	if (deed == TEXT)
		tell(c, p->text);
	if (deed == RESET || deed == CLOSE || (deed == TEXT && p->then_close))
		conn_end(c, deed == RESET);
}

static void on_peer_input(struct loop_watch *w, int events)
{
	struct peer_conn *c = container_of(w, struct peer_conn, watch);
	bool open = peer_read(c->fd, &c->in);
	for (size_t len; c->fd >= 0 && c->in.len && (len = request_len(&c->in));)
		serve(c, len);
	if (!open && c->fd >= 0)
		conn_end(c, false);
}

static void on_peer_accept(struct loop_watch *w, int events)
{
	struct peer *p = container_of(w, struct peer, watch);
	int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0 && p->conns < PEER_CONNS);
	struct peer_conn *c = &p->conn[p->conns++];
	c->peer = p;
	c->fd = fd;
	c->watch.cb = on_peer_input;
	loop_watch_set(p->l, &c->watch, fd, LOOP_READ);
}

static struct peer *peer_new(struct loop *l)
{
	struct peer *p = mem_alloc(sizeof(*p));
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	p->l = l;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(p->fd, 512), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &len), 0);
	p->port = ntohs(a.sin_port);
	p->watch.cb = on_peer_accept;
	loop_watch_set(l, &p->watch, p->fd, LOOP_READ);
	return p;
}

static void peer_free(struct peer *p)
{
	for (int i = 0; i < p->conns; i++)
		conn_end(&p->conn[i], false);
	loop_watch_done(&p->watch);
	close(p->fd);
	buf_done(&p->last);
	free(p);
}

/* ---- the fixture ---- */

/* Says back what it got; /big is 100,000 bytes; /missing is 404. */
static void handle(void *arg, struct server_req *r)
{
	static char big[100000];
	struct buf b = BUF_INIT;
	const char *type = server_req_header(r, "content-type", NULL);
	memset(big, 'b', sizeof(big));
	buf_printf(&b, "%s %s ?%s %s {%s}", r->method, r->path, r->query, type ? type : "-",
		   r->body);
	if (strcmp(r->path, "/big") == 0)
		server_reply(r, 200, NULL, NULL, big, sizeof(big));
	else if (strcmp(r->path, "/missing") == 0)
		server_reply(r, 404, NULL, NULL, "none", 4);
	else if (strcmp(r->path, "/moved") == 0)
		server_reply(r, 302, NULL, "Location: /elsewhere\r\n", NULL, 0);
	else
		server_reply(r, 200, "text/plain", "X-Mixed-Case:  Some Value \r\n", b.data, b.len);
	buf_done(&b);
}

static int setup(void **state)
{
	struct server_config c = {.listen = "127.0.0.1:0", .handle = handle};
	f = (struct fixture){0};
	f.l = loop_new(&clock_real, false);
	f.h = http_new(f.l, 16);
	f.s = server_new(f.l, &c, NULL);
	f.p = peer_new(f.l);
	snprintf(f.url, sizeof(f.url), "http://127.0.0.1:%d", server_port(f.s));
	snprintf(f.peer_url, sizeof(f.peer_url), "http://127.0.0.1:%d/p", f.p->port);
	return f.h && f.s ? 0 : -1;
}

static int teardown(void **state)
{
	http_free(f.h);
	server_free(f.s);
	peer_free(f.p);
	loop_free(f.l);
	return 0;
}

static void count_done(struct http_req *r)
{
	f.done++;
}

static void wait_done(int n)
{
	while (f.done < n)
		assert_true(loop_run_once(f.l, true));
	assert_int_equal(f.done, n);
}

/* Runs one request to its end. */
static void run(struct http_req *r)
{
	r->cb = count_done;
	int before = f.done;
	http_start(f.h, r);
	assert_int_equal(f.done, before);
	wait_done(before + 1);
}

static const char *at(const char *path)
{
	static char url[256];
	snprintf(url, sizeof(url), "%s%s", f.url, path);
	return url;
}

static struct http_req post(const char *url, const char *body)
{
	return (struct http_req){.method = "POST",
				 .url = url,
				 .body = body,
				 .body_len = strlen(body),
				 .has_body = true};
}

static struct http_req get(const char *url)
{
	return (struct http_req){.method = "GET", .url = url};
}

/* ---- answers ---- */

static void requests_arrive_as_given_and_answers_come_back(void **state)
{
	static const struct http_header json[] = {{"Content-Type", "application/json"}};
	static const struct {
		const char *method, *path, *body;
		bool json;
		const char *want;
	} cases[] = {
		{"GET", "/a?x=1", NULL, false, "GET /a ?x=1 - {}"},
		{"POST", "/a", "{\"b\":1}", true, "POST /a ? application/json {{\"b\":1}}"},
		{"POST", "/a", "raw", false, "POST /a ? - {raw}"},
		{"POST", "/a", "", false, "POST /a ? - {}"},
		{"POST", "/a", NULL, false, "POST /a ? - {}"},
		{"PUT", "/a/../b", "c", true, "PUT /a/../b ? application/json {c}"},
		{"PATCH", "/a", "c", false, "PATCH /a ? - {c}"},
		{"DELETE", "/a", NULL, false, "DELETE /a ? - {}"},
		{"DELETE", "/a", "why", false, "DELETE /a ? - {why}"},
		{"GET", "/search", "query", false, "GET /search ? - {query}"},
		{"HEAD", "/a", NULL, false, ""},
		{"OPTIONS", "/a", NULL, false, "OPTIONS /a ? - {}"},
		{"GET", "/again", NULL, false, "GET /again ? - {}"},
	};
	struct http_req r = {0};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[32];
		r.method = cases[i].method;
		r.url = at(cases[i].path);
		r.body = cases[i].body;
		r.has_body = cases[i].body != NULL;
		r.body_len = r.has_body ? strlen(cases[i].body) : 0;
		r.headers = json;
		r.n_headers = cases[i].json;
		run(&r);
		assert_int_equal(r.err, 0);
		assert_int_equal(r.reach, HTTP_ANSWERED);
		assert_int_equal(r.status, 200);
		assert_string_equal(buf_str(&r.answer), cases[i].want);
		assert_string_equal(http_answer_header(&r, "x-mixed-case", out, sizeof(out)),
				    "Some Value");
		assert_null(http_answer_header(&r, "x-mixed", out, sizeof(out)));
		assert_string_equal(http_answer_header(&r, "x-mixed-case", out, 5), "Some");
	}
	http_req_done(&r);
	assert_int_equal(http_inflight(f.h), 0);
}

static void a_status_is_no_error_and_redirects_are_not_followed(void **state)
{
	struct http_req r = get(at("/moved"));
	char out[32];
	run(&r);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.status, 302);
	assert_string_equal(http_answer_header(&r, "location", out, sizeof(out)), "/elsewhere");
	r.url = at("/missing");
	run(&r);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.status, 404);
	assert_string_equal(buf_str(&r.answer), "none");
	assert_null(http_answer_header(&r, "location", out, sizeof(out)));
	http_req_done(&r);
}

static void nothing_is_added_to_a_request_but_what_it_needs(void **state)
{
	static const struct http_header headers[] = {{"X-Empty", ""}, {"X-Key", " k v"}};
	struct http_req r = post(f.peer_url, "body");
	char want[256];
	r.headers = headers;
	r.n_headers = 2;
	run(&r);
	snprintf(want, sizeof(want),
		 "POST /p HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: pawl/" PAWL_VERSION "\r\n"
		 "Accept: */*\r\nX-Empty:\r\nX-Key: k v\r\nContent-Length: 4\r\n\r\nbody",
		 f.p->port);
	assert_string_equal(buf_str(&f.p->last), want);
	http_req_done(&r);
}

static void connections_are_used_again_unless_fresh_is_asked_for(void **state)
{
	struct http_req r = post(f.peer_url, "x");
	run(&r);
	run(&r);
	run(&r);
	assert_int_equal(f.p->conns, 1);
	r.fresh = true;
	run(&r);
	assert_int_equal(f.p->conns, 2);
	assert_int_equal(f.p->requests, 4);
	http_req_done(&r);
}

static void only_the_last_answers_headers_are_kept(void **state)
{
	struct http_req r = get(f.peer_url);
	f.p->deed = TEXT;
	f.p->text =
		"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 201 Created\r\nX-Late:  2\r\n"
		"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Trailer: 3\r\n\r\n";
	run(&r);
	assert_int_equal(r.status, 201);
	assert_string_equal(buf_str(&r.answer), "hi");
	assert_string_equal(buf_str(&r.answer_headers), "x-late: 2\ntransfer-encoding: chunked\n");
	http_req_done(&r);
}

static void many_requests_run_side_by_side(void **state)
{
	enum { N = 200 };
	static struct http_req r[N];
	for (int i = 0; i < N; i++) {
		r[i] = post(at("/many"), "x");
		r[i].cb = count_done;
		http_start(f.h, &r[i]);
	}
	/* The URL was copied when the request started; all have the same. */
	assert_int_equal(http_inflight(f.h), N);
	wait_done(N);
	for (int i = 0; i < N; i++) {
		assert_int_equal(r[i].err, 0);
		http_req_done(&r[i]);
	}
}

struct chain {
	struct http_req r;
	int left;
};

static void on_chain(struct http_req *r)
{
	struct chain *c = container_of(r, struct chain, r);
	assert_int_equal(r->err, 0);
	f.done++;
	if (--c->left)
		http_start(f.h, r);
}

static void a_callback_may_start_its_request_again(void **state)
{
	struct chain c = {.r = get(f.peer_url), .left = 5};
	c.r.cb = on_chain;
	http_start(f.h, &c.r);
	wait_done(5);
	assert_int_equal(f.p->requests, 5);
	http_req_done(&c.r);
}

/* ---- what is refused before it is sent ---- */

static void malformed_requests_fail_by_the_callback_and_are_not_sent(void **state)
{
	static const char *const urls[] = {
		"",
		"127.0.0.1/",
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"gopher://127.0.0.1/",
		"http://",
		"http:///x",
		"http://127.0.0.1:99999/",
		"http://127.0.0.1:1/a b",
		"http://127.0.0.1:1/\r\nX: y",
		"http://u:p@127.0.0.1:1/",
		"http://[::1/",
		"dict://127.0.0.1/",
		"http://127.0.0.1:1\\@x/",
	};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct http_req r = get(urls[i]);
		run(&r);
		if (r.err != ERR_INVALID)
			print_error("url %s: %s\n", urls[i], r.msg.text);
		assert_int_equal(r.err, ERR_INVALID);
		assert_int_equal(r.msg.code, ERR_INVALID);
		assert_true(r.msg.text[0]);
		assert_int_equal(r.reach, HTTP_NOT_SENT);
		http_req_done(&r);
	}
	static const char *const methods[] = {"", "get", "GET /", "G\r\nX: y", "CONNECT", "GÉT"};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct http_req r = get(f.peer_url);
		r.method = methods[i];
		run(&r);
		assert_int_equal(r.err, ERR_INVALID);
	}
	assert_int_equal(f.p->conns, 0);
}

static void headers_that_could_split_or_frame_a_request_are_refused(void **state)
{
	static const struct http_header bad[] = {
		{"X", "a\r\nY: b"},
		{"X", "a\nb"},
		{"X", "a\rb"},
		{"X", "\x01"},
		{"X", "\x7f"},
		{"X\r\nY", "a"},
		{"X:", "a"},
		{"X Y", "a"},
		{"", "a"},
		{"X\xc3", "a"},
		{"Content-Length", "3"},
		{"transfer-encoding", "chunked"},
		{"EXPECT", "100-continue"},
		{"Connection", "close"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_header two[] = {{"X-Good", "1"}, bad[i]};
		struct http_req r = post(f.peer_url, "x");
		r.headers = two;
		r.n_headers = 2;
		run(&r);
		assert_int_equal(r.err, ERR_INVALID);
		assert_int_equal(r.reach, HTTP_NOT_SENT);
	}
	assert_int_equal(f.p->conns, 0);
}

static bool not_loopback(struct http_req *r, const struct sockaddr *a)
{
	const struct sockaddr_in *v4 = (const void *)a;
	assert_int_equal(a->sa_family, AF_INET);
	assert_int_equal(ntohs(v4->sin_port), f.p->port);
	return ntohl(v4->sin_addr.s_addr) >> 24 != 127;
}

static bool any_address(struct http_req *r, const struct sockaddr *a)
{
	return true;
}

static void a_refused_address_is_never_connected_to(void **state)
{
	struct http_req r = post(f.peer_url, "x");
	char url[64];
	r.addr_ok = not_loopback;
	run(&r);
	assert_int_equal(r.err, ERR_FORBIDDEN);
	assert_int_equal(r.reach, HTTP_NOT_SENT);
	/* The same host in other spellings. */
	static const char *const hosts[] = {"2130706433", "0x7f.1", "127.1", "0177.0.0.1"};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		snprintf(url, sizeof(url), "http://%s:%d/", hosts[i], f.p->port);
		r.url = url;
		run(&r);
		assert_int_equal(r.err, ERR_FORBIDDEN);
	}
	peer_turn(f.l, 3);
	assert_int_equal(f.p->conns, 0);
	/* Nor is a connection used that another request was allowed to open. */
	r.url = f.peer_url;
	r.addr_ok = any_address;
	run(&r);
	assert_int_equal(r.err, 0);
	r.addr_ok = not_loopback;
	run(&r);
	assert_int_equal(r.err, ERR_FORBIDDEN);
	assert_int_equal(r.reach, HTTP_NOT_SENT);
	assert_int_equal(f.p->requests, 1);
	http_req_done(&r);
}

/* ---- connections that die ---- */

static void a_refused_connection_means_not_sent(void **state)
{
	char url[64];
	struct peer *gone = peer_new(f.l);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", gone->port);
	peer_free(gone);
	struct http_req r = post(url, "x");
	run(&r);
	assert_int_equal(r.err, ERR_NETWORK);
	assert_int_equal(r.reach, HTTP_NOT_SENT);
	http_req_done(&r);
}

static void a_name_that_does_not_resolve_means_not_sent(void **state)
{
	struct http_req r = post("http://no.such.host.invalid/", "x");
	r.timeout_ms = 5000;
	run(&r);
	assert_true(r.err == ERR_NETWORK || r.err == ERR_TIMEOUT);
	assert_int_equal(r.reach, HTTP_NOT_SENT);
	http_req_done(&r);
}

/* The first request warms the connection; the second dies on it after the peer has read it all. */
static void die_on_reuse(struct http_req r, enum deed deed, int want_requests, int want_err)
{
	f.p->requests = 0;
	f.p->bad_at = 2;
	f.p->deed = deed;
	int conns = f.p->conns;
	run(&r);
	assert_int_equal(r.err, 0);
	run(&r);
	if (r.err != want_err || f.p->requests != want_requests)
		print_error("%s, deed %d: %d requests, %s\n", r.method, deed, f.p->requests,
			    r.msg.text);
	assert_int_equal(f.p->requests, want_requests);
	assert_int_equal(r.err, want_err);
	assert_int_equal(r.reach, want_err ? HTTP_SENT : HTTP_ANSWERED);
	assert_true(f.p->conns <= conns + 2);
	http_req_done(&r);
}

static void what_died_on_a_reused_connection_is_not_sent_again(void **state)
{
	struct http_req empty = post(f.peer_url, ""), none = post(f.peer_url, "");
	struct http_req delete = {.method = "DELETE", .url = f.peer_url};
	struct http_req search = get(f.peer_url);
	none.has_body = false;
	search.has_body = true;
	search.body = "q";
	search.body_len = 1;
	for (enum deed deed = RESET; deed <= CLOSE; deed++) {
		die_on_reuse(post(f.peer_url, "once"), deed, 2, ERR_NETWORK);
		die_on_reuse(empty, deed, 2, ERR_NETWORK);
		die_on_reuse(none, deed, 2, ERR_NETWORK);
		die_on_reuse(delete, deed, 2, ERR_NETWORK);
		die_on_reuse(search, deed, 2, ERR_NETWORK);
		/* A plain GET may be repeated, and is. */
		die_on_reuse(get(f.peer_url), deed, 3, 0);
	}
}

/* A body that is made as it goes: piece after piece of the alphabet, `gives` bytes in all. */
struct given {
	struct http_req r;
	size_t at, gives;
};

static ssize_t give(struct http_req *r, void *to, size_t max)
{
	struct given *g = container_of(r, struct given, r);
	size_t len = g->gives - g->at < max ? g->gives - g->at : max;
	if (len > 1000)
		len = 1000;
	for (size_t i = 0; i < len; i++)
		((char *)to)[i] = (char)('a' + (g->at + i) % 26);
	g->at += len;
	return (ssize_t)len;
}

static struct given given(size_t len, size_t gives)
{
	struct given g = {.r = post(f.peer_url, ""), .gives = gives};
	g.r.read = give;
	g.r.body_len = len;
	return g;
}

static void a_body_is_read_piece_by_piece_and_once(void **state)
{
	struct given g = given(300000, 300000);
	run(&g.r);
	assert_int_equal(g.r.err, 0);
	assert_int_equal(f.p->requests, 1);
	const char *body = strstr(buf_str(&f.p->last), "\r\n\r\n") + 4;
	assert_int_equal(f.p->last.data + f.p->last.len - body, 300000);
	for (size_t i = 0; i < 300000; i++)
		assert_int_equal(body[i], 'a' + i % 26);
	http_req_done(&g.r);
}

static void a_body_that_is_read_is_not_sent_again(void **state)
{
	for (enum deed deed = RESET; deed <= CLOSE; deed++) {
		struct http_req warm = post(f.peer_url, "x");
		struct given g = given(300000, 300000);
		f.p->deed = ANSWER;
		run(&warm);
		f.p->requests = 0;
		f.p->bad_at = 1;
		f.p->deed = deed;
		run(&g.r);
		assert_int_equal(g.r.err, ERR_NETWORK);
		assert_int_equal(g.r.reach, HTTP_SENT);
		assert_int_equal(f.p->requests, 1);
		assert_int_equal(g.at, 300000);
		http_req_done(&warm);
		http_req_done(&g.r);
	}
}

static void a_body_that_ends_early_ends_the_request(void **state)
{
	struct given g = given(300000, 1000);
	run(&g.r);
	assert_int_equal(g.r.err, ERR_IO);
	assert_int_equal(g.r.reach, HTTP_SENT);
	assert_int_equal(f.p->requests, 0);
	http_req_done(&g.r);
}

/* libcurl by itself, with a body that it can begin anew. */
static CURLcode post_by_libcurl(CURLM *multi, CURL *easy)
{
	CURLMsg *m = NULL;
	int n;
	curl_multi_add_handle(multi, easy);
	while (!(m = curl_multi_info_read(multi, &n))) {
		curl_multi_perform(multi, &n);
		loop_run_once(f.l, false);
	}
	CURLcode rc = m->data.result;
	curl_multi_remove_handle(multi, easy);
	return rc;
}

static size_t drop(char *data, size_t size, size_t n, void *arg)
{
	return size * n;
}

static void the_peer_that_proves_it_does_see_plain_libcurl_send_twice(void **state)
{
	CURLM *multi = curl_multi_init();
	CURL *easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, f.peer_url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, "once");
	f.p->bad_at = 2;
	f.p->deed = RESET;
	assert_int_equal(post_by_libcurl(multi, easy), CURLE_OK);
	assert_int_equal(post_by_libcurl(multi, easy), CURLE_OK);
	assert_int_equal(f.p->requests, 3); /* the second one came twice, and nobody was told */
	curl_easy_cleanup(easy);
	curl_multi_cleanup(multi);
}

static void half_an_answer_means_sent(void **state)
{
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
		"HTTP/1.1 200 OK\r\nContent-",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"SSH-2.0-x\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\nx",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct http_req r = post(f.peer_url, "x");
		f.p->deed = TEXT;
		f.p->text = texts[i];
		f.p->then_close = true;
		run(&r);
		if (r.err != ERR_NETWORK)
			print_error("text %zu: %d %s\n", i, r.err, r.msg.text);
		assert_int_equal(r.err, ERR_NETWORK);
		assert_int_equal(r.reach, HTTP_SENT);
		http_req_done(&r);
	}
	assert_int_equal(f.p->requests, sizeof(texts) / sizeof(texts[0]));
}

static void silence_ends_in_a_timeout(void **state)
{
	struct http_req r = post(f.peer_url, "x");
	r.timeout_ms = 60;
	f.p->deed = SILENT;
	int64_t began = loop_boot_ms(f.l);
	run(&r);
	assert_int_equal(r.err, ERR_TIMEOUT);
	assert_int_equal(r.reach, HTTP_SENT);
	assert_in_range(loop_boot_ms(f.l) - began, 50, 5000);
	http_req_done(&r);
}

/* ---- limits and files ---- */

static void an_answer_over_the_limit_is_cut_off(void **state)
{
	struct http_req r = get(at("/big"));
	r.answer_max = 1000;
	run(&r);
	assert_int_equal(r.err, ERR_TOOBIG);
	assert_int_equal(r.reach, HTTP_SENT);
	assert_int_equal(r.answer.len, 1000);
	assert_int_equal(r.answer.data[999], 'b');
	r.answer_max = 100000;
	run(&r);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.answer.len, 100000);
	http_req_done(&r);
}

static void endless_headers_are_cut_off(void **state)
{
	struct buf text = BUF_INIT;
	buf_puts(&text, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 3000; i++)
		buf_printf(&text, "X-%d: some value that is long enough\r\n", i);
	struct http_req r = get(f.peer_url);
	f.p->deed = TEXT;
	f.p->text = text.data;
	run(&r);
	assert_int_equal(r.err, ERR_TOOBIG);
	assert_int_equal(r.reach, HTTP_SENT);
	assert_true(r.answer_headers.len <= 64 * 1024);
	http_req_done(&r);
	buf_done(&text);
}

static void a_good_answer_is_saved_to_a_file_and_others_are_not(void **state)
{
	FILE *file = tmpfile();
	struct http_req r = get(at("/big"));
	assert_non_null(file);
	r.save_fd = fileno(file);
	run(&r);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.saved, 100000);
	assert_int_equal(r.answer.len, 0);
	assert_int_equal(lseek(r.save_fd, 0, SEEK_END), 100000);
	r.url = at("/missing");
	run(&r);
	assert_int_equal(r.status, 404);
	assert_int_equal(r.saved, 0);
	assert_string_equal(buf_str(&r.answer), "none");
	r.url = at("/big");
	r.answer_max = 5000;
	run(&r);
	assert_int_equal(r.err, ERR_TOOBIG);
	assert_int_equal(r.saved, 5000);
	fclose(file);
	file = fopen("/dev/full", "w");
	assert_non_null(file);
	r.save_fd = fileno(file);
	run(&r);
	assert_int_equal(r.err, ERR_IO);
	assert_int_equal(r.reach, HTTP_SENT);
	fclose(file);
	http_req_done(&r);
}

/* ---- http_cancel, http_free ---- */

static void cancelling_calls_back_once_and_not_at_once(void **state)
{
	struct http_req r = post(f.peer_url, "x");
	r.cb = count_done;
	http_cancel(&r); /* not under way */
	http_start(f.h, &r);
	http_cancel(&r);
	http_cancel(&r);
	assert_int_equal(f.done, 0);
	wait_done(1);
	assert_int_equal(r.err, ERR_CANCELLED);
	assert_int_equal(r.reach, HTTP_NOT_SENT);
	f.p->deed = SILENT;
	http_start(f.h, &r);
	while (!f.p->requests)
		loop_run_once(f.l, true);
	http_cancel(&r);
	assert_int_equal(f.done, 1);
	wait_done(2);
	assert_int_equal(r.err, ERR_CANCELLED);
	assert_int_equal(r.reach, HTTP_SENT);
	assert_int_equal(http_inflight(f.h), 0);
	http_cancel(&r);
	peer_turn(f.l, 3);
	assert_int_equal(f.done, 2);
	/* A request that has failed already keeps its own error. */
	r.url = "nonsense";
	http_start(f.h, &r);
	http_cancel(&r);
	wait_done(3);
	assert_int_equal(r.err, ERR_INVALID);
	http_req_done(&r);
}

static void freeing_cancels_all(void **state)
{
	struct http_req a = post(f.peer_url, "x"), b = post(f.peer_url, "y"), c = get("nonsense");
	a.cb = b.cb = c.cb = count_done;
	f.p->deed = SILENT;
	http_start(f.h, &a);
	while (!f.p->requests)
		loop_run_once(f.l, true);
	http_start(f.h, &b);
	http_start(f.h, &c);
	http_free(f.h);
	f.h = NULL;
	assert_int_equal(f.done, 3);
	assert_int_equal(a.err, ERR_CANCELLED);
	assert_int_equal(a.reach, HTTP_SENT);
	assert_int_equal(b.err, ERR_CANCELLED);
	assert_int_equal(b.reach, HTTP_NOT_SENT);
	assert_int_equal(c.err, ERR_INVALID);
	http_req_done(&a);
	http_req_done(&b);
	http_req_done(&c);
}

/* ---- virtual time ---- */

static void requests_do_not_let_virtual_time_run_away(void **state)
{
	struct clock_virtual v;
	clock_virtual_init(&v, 0);
	struct fixture real = f;
	struct server_config c = {.listen = "127.0.0.1:0", .handle = handle};
	f.l = loop_new(&v.clock, true);
	f.h = http_new(f.l, 4);
	f.s = server_new(f.l, &c, NULL);
	snprintf(f.url, sizeof(f.url), "http://127.0.0.1:%d", server_port(f.s));
	struct http_req r = post(at("/v"), "x");
	run(&r);
	assert_int_equal(r.err, 0);
	assert_in_range(loop_boot_ms(f.l), 0, 5000);
	http_req_done(&r);
	http_free(f.h);
	server_free(f.s);
	loop_free(f.l);
	f = real;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(requests_arrive_as_given_and_answers_come_back),
		T(a_status_is_no_error_and_redirects_are_not_followed),
		T(nothing_is_added_to_a_request_but_what_it_needs),
		T(connections_are_used_again_unless_fresh_is_asked_for),
		T(only_the_last_answers_headers_are_kept),
		T(many_requests_run_side_by_side),
		T(a_callback_may_start_its_request_again),
		T(malformed_requests_fail_by_the_callback_and_are_not_sent),
		T(headers_that_could_split_or_frame_a_request_are_refused),
		T(a_refused_address_is_never_connected_to),
		T(a_refused_connection_means_not_sent),
		T(a_name_that_does_not_resolve_means_not_sent),
		T(what_died_on_a_reused_connection_is_not_sent_again),
		T(a_body_is_read_piece_by_piece_and_once),
		T(a_body_that_is_read_is_not_sent_again),
		T(a_body_that_ends_early_ends_the_request),
		T(the_peer_that_proves_it_does_see_plain_libcurl_send_twice),
		T(half_an_answer_means_sent),
		T(silence_ends_in_a_timeout),
		T(an_answer_over_the_limit_is_cut_off),
		T(endless_headers_are_cut_off),
		T(a_good_answer_is_saved_to_a_file_and_others_are_not),
		T(cancelling_calls_back_once_and_not_at_once),
		T(freeing_cancels_all),
		T(requests_do_not_let_virtual_time_run_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
