/* The listener over real loopback sockets: requests cut anywhere, limits, deadlines, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "engine/base/arena.h"
#include "engine/io/server.h"
#include "tests/unit/io/peer.h"

enum { BODY_MAX = 4096, BIG = 12000000 };

struct fixture {
	struct clock_virtual clock;
	struct loop *l;
	struct server *s;
	struct buf log; /* what the handler saw */
	struct server_req *later;
	int handled, gone;
	bool reply_again; /* answer `later` from the next handler call */
};

static struct fixture f;
static char big[BIG];

/* Counts what the process takes from the heap, where no sanitizer has a heap of its own. */
static long allocations;
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#if !SANITIZED && defined(__GLIBC__)
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}
#endif

static void on_gone(struct server_req *r)
{
	f.gone++;
	if (f.later == r)
		f.later = NULL;
}

static void note(const struct server_req *r)
{
	buf_printf(&f.log, "%s %s ?%s", r->method, r->path, r->query);
	for (size_t i = 0; i < r->n_headers; i++)
		buf_printf(&f.log, " [%s=%s]", r->headers[i].name, r->headers[i].value);
	buf_printf(&f.log, " {%s}%zu\n", r->body, r->body_len);
	assert_int_equal(strlen(r->body), r->body_len);
}

static void handle(void *arg, struct server_req *r)
{
	assert_ptr_equal(arg, &f);
	f.handled++;
	if (strcmp(r->path, "/quiet") == 0) {
		server_reply(r, 202, "application/json", NULL, "{}", 2);
		return;
	}
	note(r);
	if (strcmp(r->path, "/drop") == 0) {
		server_drop(r);
	} else if (strcmp(r->path, "/later") == 0) {
		r->on_gone = on_gone;
		f.later = r;
	} else if (strcmp(r->path, "/stream") == 0) {
		r->on_gone = on_gone;
		server_stream(r, 200, "text/event-stream");
		f.later = r;
	} else if (strcmp(r->path, "/big") == 0) {
		server_reply(r, 200, "text/plain", NULL, big, BIG);
	} else if (strcmp(r->path, "/none") == 0) {
		server_reply(r, 204, NULL, "X-A: b\r\n", NULL, 0);
	} else {
		server_reply(r, 202, "text/plain", NULL, r->body, r->body_len);
	}
}

static int start(size_t connections_max)
{
	struct errmsg msg;
	struct server_config c = {.listen = "127.0.0.1:0",
				  .body_max = BODY_MAX,
				  .handle = handle,
				  .arg = &f,
				  .connections_max = connections_max};
	f = (struct fixture){0};
	clock_virtual_init(&f.clock, 1700000000000);
	f.l = loop_new(&f.clock.clock, true);
	f.s = server_new(f.l, &c, &msg);
	memset(big, 'x', sizeof(big));
	return f.s ? 0 : -1;
}

static int setup(void **state)
{
	return start(0);
}

static int setup_two(void **state)
{
	return start(2);
}

static int teardown(void **state)
{
	server_free(f.s);
	loop_free(f.l);
	buf_done(&f.log);
	return 0;
}

static int client(void)
{
	int fd = peer_connect(server_port(f.s));
	assert_true(fd >= 0);
	peer_turn(f.l, 2);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
	peer_turn(f.l, 3);
}

#define SAY(fd, text) say(fd, text, sizeof(text) - 1)

/* Says all of it on a new connection; what came back, and whether the server closed. */
static bool ask(const char *text, size_t len, struct buf *b)
{
	int fd = client();
	say(fd, text, len);
	peer_turn(f.l, 3);
	bool open = peer_read(fd, b);
	close(fd);
	peer_turn(f.l, 2);
	return open;
}

static long status_of(const struct buf *b)
{
	return strncmp(buf_str(b), "HTTP/1.1 ", 9) == 0 ? strtol(b->data + 9, NULL, 10) : 0;
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;
	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

#define H "Host: a\r\n"

/* ---- requests cut anywhere ---- */

static const char pipelined[] =
	"POST /a?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-Empty:\r\nX-Trim:  v w \t\r\n\r\nhello"
	"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	"3;e=1\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 9\r\n\r\n"
	"\r\nGET /c HTTP/1.1\r\nhost: a\r\n\r\n"
	"PUT /d HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

static void expect_pipelined(const struct buf *b)
{
	assert_string_equal(
		buf_str(&f.log),
		"POST /a ?x=1 [host=a] [content-length=5] [x-empty=] [x-trim=v w] {hello}5\n"
		"POST /b ? [host=a] [transfer-encoding=chunked] {abcd}4\n"
		"GET /c ? [host=a] {}0\n"
		"PUT /d ? [host=a] [content-length=0] [connection=close] {}0\n");
	assert_int_equal(count_of(buf_str(b), "HTTP/1.1 202 Accepted\r\n"), 4);
	assert_int_equal(count_of(buf_str(b), "\r\n\r\nhelloHTTP/1.1"), 1);
	assert_int_equal(count_of(buf_str(b), "\r\n\r\nabcdHTTP/1.1"), 1);
	assert_int_equal(count_of(buf_str(b), "Connection: close\r\n"), 1);
}

static void pipelined_requests_parse_alike_at_each_split(void **state)
{
	size_t len = sizeof(pipelined) - 1;
	struct buf whole = BUF_INIT;
	assert_false(ask(pipelined, len, &whole));
	expect_pipelined(&whole);
	for (size_t at = 1; at < len; at++) {
		struct buf b = BUF_INIT;
		buf_clear(&f.log);
		int fd = client();
		say(fd, pipelined, at);
		say(fd, pipelined + at, len - at);
		assert_false(peer_read(fd, &b));
		assert_string_equal(buf_str(&b), buf_str(&whole));
		expect_pipelined(&b);
		close(fd);
		buf_done(&b);
	}
	buf_done(&whole);
}

static void pipelined_requests_parse_alike_byte_by_byte(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	for (size_t i = 0; i < sizeof(pipelined) - 1; i++)
		say(fd, pipelined + i, 1);
	assert_false(peer_read(fd, &b));
	expect_pipelined(&b);
	close(fd);
	buf_done(&b);
}

static void pipelined_requests_wait_for_a_late_reply(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "POST /later HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi"
		"POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
	assert_int_equal(f.handled, 1);
	assert_int_equal(server_open(f.s), 1);
	assert_string_equal(f.later->body, "hi");
	SAY(fd, "GET /b HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(f.handled, 1);
	assert_string_equal(f.later->body, "hi");
	server_reply(f.later, 200, NULL, NULL, "late", 4);
	peer_turn(f.l, 3);
	assert_true(peer_read(fd, &b));
	assert_int_equal(f.handled, 3);
	assert_int_equal(server_open(f.s), 0);
	assert_int_equal(count_of(b.data, "HTTP/1.1 "), 3);
	assert_true(strstr(b.data, "late") < strstr(b.data, "abc"));
	close(fd);
	buf_done(&b);
}

static void a_body_keeps_its_end_while_more_input_comes(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "POST /later HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi");
	SAY(fd, "GET /next HTTP/1.1\r\n" H "\r\n");
	assert_string_equal(f.later->body, "hi");
	server_reply(f.later, 200, NULL, NULL, NULL, 0);
	peer_turn(f.l, 3);
	assert_non_null(strstr(f.log.data, "GET /next"));
	close(fd);
	buf_done(&b);
}

/* ---- refusals ---- */

struct refusal {
	const char *text;
	int status;
};

static void what_is_no_request_is_refused_once_and_the_connection_closed(void **state)
{
	static const struct refusal cases[] = {
		{"GET / HTTP/1.1\n" H "\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"\x16\x03\x01\x02", 400},
		{"\n", 400},
		{" GET / HTTP/1.1\r\n", 400},
		{"\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
		 400},
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
		 400},
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nx", 400},
		{"BREW / HTTP/1.1\r\n" H "\r\n", 501},
		{"get / HTTP/1.1\r\n" H "\r\n", 501},
		{"CONNECT a:1 HTTP/1.1\r\n" H "\r\n", 501},
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 501},
		{"GET / HTTP/2.0\r\n" H "\r\n", 505},
		{"POST / HTTP/1.1\r\n" H "Expect: tea\r\nContent-Length: 1\r\n\r\n", 417},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 4097\r\n\r\n", 413},
		{"POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 4097\r\n\r\n",
		 413},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = BUF_INIT;
		/* What follows must be dead: it is not a second request. */
		char text[512];
		snprintf(text, sizeof(text), "%sGET /smuggled HTTP/1.1\r\n" H "\r\n",
			 cases[i].text);
		assert_false(ask(text, strlen(text), &b));
		if (status_of(&b) != cases[i].status)
			print_error("case %zu: %s", i, buf_str(&b));
		assert_int_equal(status_of(&b), cases[i].status);
		assert_int_equal(count_of(b.data, "\r\nDate: "), 1);
		assert_non_null(strstr(b.data, "Connection: close\r\n"));
		assert_non_null(strstr(b.data, "Content-Type: application/problem+json\r\n"));
		assert_non_null(strstr(b.data, "{\"type\":\"about:blank\",\"title\""));
		buf_done(&b);
	}
	assert_int_equal(f.handled, 0);
	struct buf b = BUF_INIT;
	assert_true(ask("GET / HTTP/1.1\r\n" H "\r\n", 27, &b));
	assert_int_equal(status_of(&b), 202);
	buf_done(&b);
}

static void a_refusal_arrives_though_the_client_goes_on_sending(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\n" H "Content-Length: 200000\r\n\r\n";
	struct buf b = BUF_INIT, text = BUF_INIT;
	buf_puts(&text, head);
	buf_add(&text, big, 200000);
	int fd = client();
	ssize_t sent = send(fd, text.data, text.len, MSG_NOSIGNAL);
	assert_true(sent > 50000);
	peer_turn(f.l, 30);
	assert_int_equal(send(fd, big, 1000, MSG_NOSIGNAL), 1000);
	peer_turn(f.l, 3);
	/* An end comes, and no reset, which could overtake the answer. */
	char part[1024];
	ssize_t n;
	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		buf_add(&b, part, (size_t)n);
	assert_int_equal(n, 0);
	assert_int_equal(status_of(&b), 413);
	close(fd);
	buf_done(&b);
	buf_done(&text);
}

static void a_long_head_or_many_headers_get_431(void **state)
{
	struct buf b = BUF_INIT, head = BUF_INIT;
	buf_puts(&head, "GET / HTTP/1.1\r\n" H "X: ");
	while (head.len < 16 * 1024 - 4)
		buf_putc(&head, 'x');
	buf_puts(&head, "\r\n\r\n");
	assert_int_equal(head.len, 16 * 1024);
	assert_true(ask(head.data, head.len, &b));
	assert_int_equal(status_of(&b), 202);
	buf_clear(&b);
	head.data[head.len - 4] = 'x';
	head.data[head.len - 3] = '\r';
	head.data[head.len - 2] = '\n';
	head.data[head.len - 1] = '\r';
	buf_putc(&head, '\n');
	assert_false(ask(head.data, head.len, &b));
	assert_int_equal(status_of(&b), 431);
	buf_clear(&b);
	buf_clear(&head);
	buf_puts(&head, "GET / HTTP/1.1\r\n" H);
	for (int i = 1; i < 100; i++)
		buf_puts(&head, "X: y\r\n");
	buf_puts(&head, "\r\n");
	assert_true(ask(head.data, head.len, &b));
	assert_int_equal(status_of(&b), 202);
	buf_clear(&b);
	buf_shift(&head, 0);
	head.len -= 2;
	buf_puts(&head, "X: y\r\n\r\n");
	assert_false(ask(head.data, head.len, &b));
	assert_int_equal(status_of(&b), 431);
	buf_done(&b);
	buf_done(&head);
}

static void chunks_over_the_limit_get_413_and_tiny_ones_400(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n";
	struct buf b = BUF_INIT, text = BUF_INIT;
	buf_puts(&text, head);
	for (int i = 0; i < 4; i++)
		buf_printf(&text, "400\r\n%.1024s\r\n", big);
	size_t len = text.len;
	buf_puts(&text, "0\r\n\r\n");
	assert_true(ask(text.data, text.len, &b));
	assert_int_equal(status_of(&b), 202);
	text.len = len;
	buf_puts(&text, "1\r\nx\r\n");
	buf_clear(&b);
	assert_false(ask(text.data, text.len, &b));
	assert_int_equal(status_of(&b), 413);
	buf_clear(&text);
	buf_puts(&text, head);
	for (int i = 0; i < 18000; i++)
		buf_puts(&text, i ? "y" : "1;e=");
	buf_clear(&b);
	assert_false(ask(text.data, text.len, &b));
	assert_int_equal(status_of(&b), 400);
	buf_done(&b);
	buf_done(&text);
}

/* ---- kinds of requests ---- */

static void old_clients_and_close_are_obeyed(void **state)
{
	static const struct {
		const char *text, *line;
		bool open;
	} cases[] = {
		{"GET / HTTP/1.0\r\n\r\n", "Connection: close\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive\r\n",
		 true},
		{"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "Connection: close\r\n",
		 false},
		{"GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "202", true},
		{"GET / HTTP/1.1\r\n" H "\r\n", "202", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = BUF_INIT;
		bool open = ask(cases[i].text, strlen(cases[i].text), &b);
		assert_int_equal(status_of(&b), 202);
		assert_non_null(strstr(b.data, cases[i].line));
		assert_int_equal(open, cases[i].open);
		buf_done(&b);
	}
}

static void head_and_204_have_no_body(void **state)
{
	struct buf b = BUF_INIT;
	static const char text[] = "HEAD /big HTTP/1.1\r\n" H "\r\nGET /none HTTP/1.1\r\n" H "\r\n";
	assert_true(ask(text, sizeof(text) - 1, &b));
	const char *second = strstr(b.data, "HTTP/1.1 204 No Content\r\n");
	assert_non_null(second);
	assert_non_null(strstr(b.data, "Content-Length: 12000000\r\n\r\nHTTP/1.1 204"));
	assert_null(strstr(second, "Content-Length"));
	assert_non_null(strstr(second, "X-A: b\r\n"));
	assert_string_equal(second + strlen(second) - 4, "\r\n\r\n");
	assert_non_null(strstr(b.data, "\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
	buf_done(&b);
}

static void a_body_is_asked_for_when_the_client_waits(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
	assert_true(peer_read(fd, &b));
	assert_string_equal(buf_str(&b), "HTTP/1.1 100 Continue\r\n\r\n");
	buf_clear(&b);
	SAY(fd, "ok");
	assert_true(peer_read(fd, &b));
	assert_int_equal(status_of(&b), 202);
	buf_clear(&b);
	/* The body is here already, or there is none: nobody waits. */
	SAY(fd, "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok");
	SAY(fd, "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
	assert_true(peer_read(fd, &b));
	assert_int_equal(count_of(b.data, "HTTP/1.1 "), 2);
	assert_int_equal(count_of(b.data, "HTTP/1.1 202"), 2);
	close(fd);
	buf_done(&b);
}

static void headers_are_counted_and_the_peer_is_named(void **state)
{
	int fd = client();
	SAY(fd, "GET /later HTTP/1.1\r\n" H "X-Sig: one\r\nx-sig: two\r\n\r\n");
	size_t n;
	assert_string_equal(server_req_header(f.later, "x-sig", &n), "one");
	assert_int_equal(n, 2);
	assert_null(server_req_header(f.later, "x-none", &n));
	assert_int_equal(n, 0);
	assert_string_equal(f.later->peer, "127.0.0.1");
	server_reply(f.later, 200, NULL, NULL, NULL, 0);
	close(fd);
}

static void a_warm_connection_takes_nothing_from_the_heap(void **state)
{
	static const char one[] = "POST /quiet HTTP/1.1\r\n" H "Content-Type: application/json\r\n"
				  "Content-Length: 7\r\n\r\n{\"a\":1}";
	static const char two[] = "POST /quiet HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
				  "7\r\n{\"a\":1}\r\n0\r\n\r\n";
	char part[4096];
	int fd = client();
	long before = 0;
	for (int i = 0; i < 100; i++) {
		if (i == 2)
			before = allocations;
		SAY(fd, one);
		SAY(fd, two);
		assert_true(recv(fd, part, sizeof(part), 0) > 0);
	}
	assert_int_equal(allocations - before, 0);
	assert_int_equal(f.handled, 200);
	close(fd);
}

/* ---- deadlines ---- */

static void pass(int64_t ms)
{
	clock_virtual_advance(&f.clock, ms);
	peer_turn(f.l, 3);
}

static void a_head_that_drips_is_cut_off_after_ten_seconds(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	pass(59000); /* idle is something else */
	SAY(fd, "GET / HTTP/1.1\r\nX: ");
	for (int i = 0; i < 9; i++) {
		pass(1000);
		SAY(fd, "x");
	}
	assert_true(peer_read(fd, &b));
	assert_int_equal(b.len, 0);
	pass(1000);
	assert_false(peer_read(fd, &b));
	assert_int_equal(status_of(&b), 408);
	close(fd);
	buf_done(&b);
}

static void a_body_that_drips_is_cut_off_but_a_slow_one_is_not(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client(), slow = client();
	SAY(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 4000\r\n\r\n");
	SAY(slow, "POST / HTTP/1.1\r\n" H "Content-Length: 4096\r\n\r\n");
	for (int i = 0; i < 9; i++) {
		pass(1000);
		SAY(fd, "x");
		say(slow, big, 300);
	}
	assert_true(peer_read(fd, &b));
	pass(1100);
	assert_false(peer_read(fd, &b));
	assert_int_equal(status_of(&b), 408);
	buf_clear(&b);
	pass(2000);
	assert_true(peer_read(slow, &b));
	say(slow, big, 4096 - 2700);
	assert_true(peer_read(slow, &b));
	assert_int_equal(status_of(&b), 202);
	close(fd);
	close(slow);
	buf_done(&b);
}

static void an_idle_connection_is_closed_after_a_minute(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	pass(50000);
	SAY(fd, "GET / HTTP/1.1\r\n" H "\r\n");
	pass(59000);
	assert_true(peer_read(fd, &b));
	assert_int_equal(status_of(&b), 202);
	pass(1000);
	assert_false(peer_read(fd, &b));
	close(fd);
	buf_done(&b);
}

static void a_request_with_its_handler_has_no_deadline(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "GET /later HTTP/1.1\r\n" H "\r\n");
	pass(3600000);
	assert_int_equal(f.gone, 0);
	server_reply(f.later, 200, NULL, NULL, "x", 1);
	assert_true(peer_read(fd, &b));
	assert_int_equal(status_of(&b), 200);
	close(fd);
	buf_done(&b);
}

/* ---- slow readers ---- */

static void a_large_answer_waits_for_its_reader(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "GET /big HTTP/1.1\r\n" H "\r\nGET /after HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(f.handled, 1); /* the second is not begun while so much is unsent */
	for (int i = 0; i < 2000 && f.handled < 2; i++) {
		assert_true(peer_read(fd, &b));
		peer_turn(f.l, 1);
	}
	peer_turn(f.l, 2);
	assert_true(peer_read(fd, &b));
	assert_int_equal(f.handled, 2);
	const char *body = strstr(b.data, "\r\n\r\n") + 4;
	assert_int_equal(memcmp(body, big, BIG), 0);
	assert_int_equal(strncmp(body + BIG, "HTTP/1.1 202", 12), 0);
	close(fd);
	buf_done(&b);
}

static void a_slow_reader_of_a_large_answer_is_not_dropped(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "GET /big HTTP/1.1\r\n" H "\r\n");
	char part[100000];
	for (int second = 0; second < 300 && b.len < BIG; second++) {
		ssize_t n = recv(fd, part, sizeof(part), 0);
		if (n > 0)
			buf_add(&b, part, (size_t)n);
		pass(1000);
	}
	assert_true(b.len > BIG);
	close(fd);
	buf_done(&b);
}

static void a_reader_that_stands_still_is_dropped(void **state)
{
	int fd = client();
	SAY(fd, "GET /big HTTP/1.1\r\n" H "\r\n");
	pass(11000);
	struct buf c = BUF_INIT;
	while (peer_read(fd, &c) && c.len < BIG)
		peer_turn(f.l, 1);
	assert_true(c.len < BIG); /* what the kernel held, and no more */
	close(fd);
	buf_done(&c);
}

/* ---- clients that go ---- */

static void a_reset_tells_the_handler_and_half_a_close_does_not(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "GET /later HTTP/1.1\r\n" H "\r\n");
	peer_reset(fd);
	peer_turn(f.l, 3);
	assert_int_equal(f.gone, 1);
	assert_int_equal(server_open(f.s), 0);
	fd = client();
	SAY(fd, "GET /later HTTP/1.1\r\n" H "\r\n");
	shutdown(fd, SHUT_WR);
	peer_turn(f.l, 3);
	assert_int_equal(f.gone, 1);
	server_reply(f.later, 200, NULL, NULL, "still", 5);
	peer_turn(f.l, 2);
	assert_false(peer_read(fd, &b));
	assert_non_null(strstr(buf_str(&b), "still"));
	close(fd);
	buf_done(&b);
}

static void a_request_cut_short_never_reaches_the_handler(void **state)
{
	int fd = client();
	SAY(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc");
	close(fd);
	peer_turn(f.l, 3);
	assert_int_equal(f.handled, 0);
	assert_int_equal(f.log.len, 0);
}

static void requests_before_half_a_close_are_all_answered(void **state)
{
	struct buf b = BUF_INIT;
	int fd = peer_connect(server_port(f.s));
	static const char text[] = "GET /later HTTP/1.1\r\n" H "\r\nGET /b HTTP/1.1\r\n" H "\r\n";
	assert_int_equal(send(fd, text, sizeof(text) - 1, 0), sizeof(text) - 1);
	shutdown(fd, SHUT_WR);
	peer_turn(f.l, 4);
	server_reply(f.later, 200, NULL, NULL, NULL, 0);
	peer_turn(f.l, 4);
	assert_false(peer_read(fd, &b));
	assert_int_equal(count_of(buf_str(&b), "HTTP/1.1 "), 2);
	close(fd);
	buf_done(&b);
}

/* ---- server_drop ---- */

static void a_dropped_request_ends_in_a_reset_at_once_or_later(void **state)
{
	char c;
	int fd = client();
	SAY(fd, "GET /drop HTTP/1.1\r\n" H "\r\nGET /after HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(f.handled, 1);
	close(fd);
	fd = client();
	SAY(fd, "GET /later HTTP/1.1\r\n" H "\r\n");
	server_drop(f.later);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(f.gone, 0); /* the handler did it itself */
	assert_int_equal(server_open(f.s), 0);
	close(fd);
}

/* ---- streams ---- */

static void a_stream_is_chunked_and_the_connection_goes_on(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
	assert_true(server_stream_write(f.later, "data: 1\n\n", 9));
	assert_true(server_stream_write(f.later, "", 0));
	assert_true(server_stream_write(f.later, "0123456789abcdef", 16));
	server_stream_end(f.later);
	SAY(fd, "GET /x HTTP/1.1\r\n" H "\r\n");
	assert_true(peer_read(fd, &b));
	assert_non_null(strstr(b.data, "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
				       "10\r\n0123456789abcdef\r\n0\r\n\r\nHTTP/1.1 202"));
	close(fd);
	buf_done(&b);
}

static void a_stream_for_an_old_client_ends_with_the_connection(void **state)
{
	struct buf b = BUF_INIT;
	int fd = client();
	SAY(fd, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(server_stream_write(f.later, "abc", 3));
	server_stream_end(f.later);
	peer_turn(f.l, 2);
	assert_false(peer_read(fd, &b));
	assert_non_null(strstr(b.data, "\r\n\r\nabc"));
	assert_string_equal(b.data + b.len - 3, "abc");
	assert_null(strstr(b.data, "chunked"));
	close(fd);
	buf_done(&b);
}

static void a_stream_learns_that_its_client_closed(void **state)
{
	int fd = client();
	SAY(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
	close(fd);
	peer_turn(f.l, 3);
	assert_int_equal(f.gone, 1);
	assert_null(f.later);
	assert_int_equal(server_open(f.s), 0);
}

static void a_stream_that_falls_behind_is_given_up(void **state)
{
	int fd = client();
	SAY(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
	int writes = 0;
	while (writes < 1000 && server_stream_write(f.later, big, 65536)) {
		peer_turn(f.l, 1);
		writes++;
	}
	assert_in_range(writes, 16, 999);
	assert_int_equal(f.gone, 0); /* the return value told it */
	assert_int_equal(server_open(f.s), 0);
	close(fd);
}

/* ---- many connections ---- */

static void over_the_limit_a_connection_waits_for_another_to_close(void **state)
{
	struct buf b = BUF_INIT;
	int a = client(), c = client(), third = client();
	SAY(third, "GET /third HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(f.handled, 0);
	SAY(a, "GET /a HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(f.handled, 1);
	close(a);
	peer_turn(f.l, 4);
	assert_int_equal(f.handled, 2);
	assert_true(peer_read(third, &b));
	assert_int_equal(status_of(&b), 202);
	close(c);
	close(third);
	buf_done(&b);
}

static void without_descriptors_the_listener_backs_off(void **state)
{
	struct buf b = BUF_INIT;
	int fd = peer_connect(server_port(f.s));
	struct rlimit old, none = {0};
	if (getenv("PAWL_TEST_SLOW"))
		skip(); /* valgrind has descriptors of its own above ours */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none.rlim_max = old.rlim_max;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	peer_turn(f.l, 1);
	/* Now the loop sleeps until the pause is over, though the connection waits: no spin. */
	int64_t before = loop_boot_ms(f.l);
	loop_run_once(f.l, true);
	assert_int_equal(loop_boot_ms(f.l) - before, 100);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	peer_turn(f.l, 3);
	SAY(fd, "GET / HTTP/1.1\r\n" H "\r\n");
	pass(100);
	peer_turn(f.l, 3);
	assert_true(peer_read(fd, &b));
	assert_int_equal(status_of(&b), 202);
	close(fd);
	buf_done(&b);
}

/* ---- server_stop, server_free ---- */

static void stopping_lets_open_requests_finish(void **state)
{
	struct buf b = BUF_INIT;
	int idle = client(), busy = client();
	SAY(busy, "GET /later HTTP/1.1\r\n" H "\r\n");
	server_stop(f.s);
	assert_false(peer_read(idle, &b));
	assert_int_equal(server_open(f.s), 1);
	assert_int_equal(peer_connect(server_port(f.s)), -1);
	server_reply(f.later, 200, NULL, NULL, "x", 1);
	peer_turn(f.l, 2);
	assert_false(peer_read(busy, &b));
	assert_non_null(strstr(b.data, "Connection: close\r\n"));
	close(idle);
	close(busy);
	buf_done(&b);
}

static void freeing_tells_the_handlers_of_open_requests(void **state)
{
	int fd = client();
	SAY(fd, "GET /later HTTP/1.1\r\n" H "\r\n");
	server_free(f.s);
	f.s = NULL;
	assert_int_equal(f.gone, 1);
	close(fd);
}

/* ---- server_new ---- */

static void addresses_are_checked_and_a_used_port_is_an_error(void **state)
{
	static const char *const bad[] = {
		"",
		":80",
		"8080",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"::1:80",
		"[]:80",
		"no.such.host.invalid.:80",
		"[::1]",
		"127.0.0.1:80:80",
	};
	struct server_config c = {.handle = handle, .arg = &f};
	struct errmsg msg;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.listen = bad[i];
		msg.code = 0;
		assert_null(server_new(f.l, &c, &msg));
		assert_int_equal(msg.code, ERR_USAGE);
	}
	char used[32];
	snprintf(used, sizeof(used), "127.0.0.1:%d", server_port(f.s));
	c.listen = used;
	assert_null(server_new(f.l, &c, &msg));
	assert_int_equal(msg.code, ERR_IO);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(pipelined_requests_parse_alike_at_each_split),
		T(pipelined_requests_parse_alike_byte_by_byte),
		T(pipelined_requests_wait_for_a_late_reply),
		T(a_body_keeps_its_end_while_more_input_comes),
		T(what_is_no_request_is_refused_once_and_the_connection_closed),
		T(a_refusal_arrives_though_the_client_goes_on_sending),
		T(a_long_head_or_many_headers_get_431),
		T(chunks_over_the_limit_get_413_and_tiny_ones_400),
		T(old_clients_and_close_are_obeyed),
		T(head_and_204_have_no_body),
		T(a_body_is_asked_for_when_the_client_waits),
		T(headers_are_counted_and_the_peer_is_named),
		T(a_warm_connection_takes_nothing_from_the_heap),
		T(a_head_that_drips_is_cut_off_after_ten_seconds),
		T(a_body_that_drips_is_cut_off_but_a_slow_one_is_not),
		T(an_idle_connection_is_closed_after_a_minute),
		T(a_request_with_its_handler_has_no_deadline),
		T(a_large_answer_waits_for_its_reader),
		T(a_slow_reader_of_a_large_answer_is_not_dropped),
		T(a_reader_that_stands_still_is_dropped),
		T(a_reset_tells_the_handler_and_half_a_close_does_not),
		T(a_request_cut_short_never_reaches_the_handler),
		T(requests_before_half_a_close_are_all_answered),
		T(a_dropped_request_ends_in_a_reset_at_once_or_later),
		T(a_stream_is_chunked_and_the_connection_goes_on),
		T(a_stream_for_an_old_client_ends_with_the_connection),
		T(a_stream_learns_that_its_client_closed),
		T(a_stream_that_falls_behind_is_given_up),
		cmocka_unit_test_setup_teardown(
			over_the_limit_a_connection_waits_for_another_to_close, setup_two,
			teardown),
		T(without_descriptors_the_listener_backs_off),
		T(stopping_lets_open_requests_finish),
		T(freeing_tells_the_handlers_of_open_requests),
		T(addresses_are_checked_and_a_used_port_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
