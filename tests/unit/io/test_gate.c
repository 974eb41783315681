/* The gate: which heads and which chunks pass, and that a piece more or less changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/io/gate.h"

struct head_case {
	const char *head;
	size_t len; /* 0: strlen */
	int status;
};

/* A copy of its exact size, so that a sanitizer sees any byte read past the end. */
static int check(const char *head, size_t len, const char **ret_why)
{
	char *exact = malloc(len ? len : 1);
	memcpy(exact, head, len);
	int status = gate_check(exact, len, ret_why);
	free(exact);
	return status;
}

static void run_cases(const struct head_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = cases[i].len ? cases[i].len : strlen(cases[i].head);
		const char *why = "";
		int status = check(cases[i].head, len, &why);
		if (status != cases[i].status)
			print_error("case %zu, %s: %s\n", i, cases[i].head, why);
		assert_int_equal(status, cases[i].status);
		assert_true(status == 0 || why[0]);
	}
}

#define RUN(cases) run_cases(cases, sizeof(cases) / sizeof((cases)[0]))
#define H "Host: a\r\n"
#define G "GET / HTTP/1.1\r\n"
#define P "POST /p HTTP/1.1\r\n" H

/* ---- gate_check ---- */

static void well_formed_heads_pass(void **state)
{
	static const struct head_case cases[] = {
		{G H "\r\n"},
		{"GET /a/b?c=d&e=%20 HTTP/1.1\r\nhOsT: example.com:8080\r\n\r\n"},
		{"OPTIONS * HTTP/1.1\r\n" H "\r\n"},
		{"GET / HTTP/1.0\r\n\r\n"},
		{"BREW /pot HTTP/1.1\r\n" H "\r\n"}, /* llhttp knows the methods */
		{P "Content-Length: 0\r\n\r\n"},
		{P "Content-Length: 123456789012345678\r\n\r\n"},
		{P "Content-Length:7\r\n\r\n"},
		{P "Content-Length: \t 7 \t\r\n\r\n"},
		{P "Transfer-Encoding: chunked\r\n\r\n"},
		{P "transfer-encoding:CHUNKED\r\n\r\n"},
		{G "Host:\r\n\r\n"},
		{G "Host: [::1]:8080\r\n\r\n"},
		{G H "X-Empty:\r\n\r\n"},
		{G H "X: caf\xc3\xa9 \"q\" {}\t!\r\n\r\n"},
		{G H "X-Host: b\r\nHosts: c\r\nHos: d\r\n\r\n"},
	};
	RUN(cases);
}

static void heads_that_two_parsers_may_read_differently_are_refused(void **state)
{
	static const struct head_case cases[] = {
		/* line ends */
		{"GET / HTTP/1.1\nHost: a\n\n", 0, 400},
		{"GET / HTTP/1.1\r\nHost: a\n\r\n", 0, 400},
		{G H "X: a\nY: b\r\n\r\n", 0, 400},
		{G H "X: a\rY: b\r\n\r\n", 0, 400},
		{G H "X: a\r\r\n\r\n", 0, 400},
		{G H "\r\nX: y\r\n\r\n", 0, 400},
		{G H, 0, 400},
		{"\r\n\r\n", 0, 400},
		{"\r\n" G H "\r\n", 0, 400},
		{"", 0, 400},
		{"\n", 0, 400},
		/* control bytes */
		{G H "X: a\0b\r\n\r\n", sizeof(G H "X: a\0b\r\n\r\n") - 1, 400},
		{G H "X: a\x01\r\n\r\n", 0, 400},
		{G H "X: a\x7f\r\n\r\n", 0, 400},
		{G H "X\0: a\r\n\r\n", sizeof(G H "X\0: a\r\n\r\n") - 1, 400},
		{G H "X\x0b: a\r\n\r\n", 0, 400},
		{"GET /\x01 HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET /\0 HTTP/1.1\r\n" H "\r\n", sizeof("GET /\0 HTTP/1.1\r\n" H "\r\n") - 1, 400},
		/* blanks */
		{G H "X : a\r\n\r\n", 0, 400},
		{G H "X\t: a\r\n\r\n", 0, 400},
		{G H " X: a\r\n\r\n", 0, 400},
		{G H "X: a\r\n b\r\n\r\n", 0, 400},
		{G H "X: a\r\n\tb\r\n\r\n", 0, 400},
		{G " Host: a\r\n\r\n", 0, 400},
		{"GET  / HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET / HTTP/1.1 \r\n" H "\r\n", 0, 400},
		{"GET /a b HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET\t/ HTTP/1.1\r\n" H "\r\n", 0, 400},
		{" GET / HTTP/1.1\r\n" H "\r\n", 0, 400},
		/* names */
		{G H ": a\r\n\r\n", 0, 400},
		{G H "X\r\n\r\n", 0, 400},
		{G H "X(Y): a\r\n\r\n", 0, 400},
		{G H "X\xc3\xa9: a\r\n\r\n", 0, 400},
		/* host */
		{G "\r\n", 0, 400},
		{G H H "\r\n", 0, 400},
		{G H "HOST: b\r\n\r\n", 0, 400},
		{G "Host: a b\r\n\r\n", 0, 400},
		{G "Host: a,b\r\n\r\n", 0, 400},
		{G "Host: a/b\r\n\r\n", 0, 400},
		{G "Host: u@b\r\n\r\n", 0, 400},
		/* length */
		{P "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 0, 400},
		{P "Content-Length: 1\r\ncontent-length: 2\r\n\r\n", 0, 400},
		{P "Content-Length: 1, 1\r\n\r\n", 0, 400},
		{P "Content-Length: +1\r\n\r\n", 0, 400},
		{P "Content-Length: -1\r\n\r\n", 0, 400},
		{P "Content-Length: 0x10\r\n\r\n", 0, 400},
		{P "Content-Length: 010\r\n\r\n", 0, 400},
		{P "Content-Length: 1 0\r\n\r\n", 0, 400},
		{P "Content-Length:\r\n\r\n", 0, 400},
		{P "Content-Length: \r\n\r\n", 0, 400},
		{P "Content-Length: 1e3\r\n\r\n", 0, 400},
		{P "Content-Length: 1234567890123456789\r\n\r\n", 0, 400},
		/* codings */
		{P "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", 0, 400},
		{P "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
		{P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
		{P "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 0, 400},
		{P "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 501},
		{P "Transfer-Encoding: chunked, chunked\r\n\r\n", 0, 501},
		{P "Transfer-Encoding: identity\r\n\r\n", 0, 501},
		{P "Transfer-Encoding: xchunked\r\n\r\n", 0, 501},
		{P "Transfer-Encoding: \"chunked\"\r\n\r\n", 0, 501},
		{P "Transfer-Encoding:\r\n\r\n", 0, 501},
		{P "Transfer-Encoding : chunked\r\n\r\n", 0, 400},
		{P "Transfer-Encoding:\x0b"
		   "chunked\r\n\r\n",
		 0, 400},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
		/* request lines */
		{"GET / HTTP/2.0\r\n" H "\r\n", 0, 505},
		{"GET / HTTP/0.9\r\n" H "\r\n", 0, 505},
		{"GET / HTTP/1.2\r\n" H "\r\n", 0, 505},
		{"PRI * HTTP/2.0\r\n\r\n", 0, 400},
		{"GET / HTTP/1.10\r\n" H "\r\n", 0, 400},
		{"GET / http/1.1\r\n" H "\r\n", 0, 400},
		{"GET / ICE/1.0\r\n" H "\r\n", 0, 400},
		{"GET /\r\n\r\n", 0, 400},
		{"GET\r\n\r\n", 0, 400},
		{"GET HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET * HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET a HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET http://b/ HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET /a#b HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"G(T / HTTP/1.1\r\n" H "\r\n", 0, 400},
		{"CONNECT a:1 HTTP/1.1\r\n" H "\r\n", 0, 501},
	};
	RUN(cases);
	assert_true(sizeof(cases) / sizeof(cases[0]) >= 40);
}

static void a_head_cut_anywhere_is_refused(void **state)
{
	static const char whole[] = "POST /p?q HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
	assert_int_equal(check(whole, sizeof(whole) - 1, NULL), 0);
	for (size_t len = 0; len < sizeof(whole) - 1; len++)
		assert_int_not_equal(check(whole, len, NULL), 0);
}

/* ---- gate_chunks ---- */

struct chunk_case {
	const char *raw;
	int end; /* where the body ends; -1: malformed; -2: more must come */
};

/* In pieces of `piece` bytes. */
static int end_of(const char *raw, size_t piece)
{
	struct gate_chunks g = {0};
	size_t len = strlen(raw), at = 0;
	while (at < len && !g.done) {
		size_t n = len - at < piece ? len - at : piece;
		char *exact = malloc(n);
		memcpy(exact, raw + at, n);
		const char *why = NULL;
		ssize_t took = gate_chunks(&g, exact, n, &why);
		free(exact);
		if (took < 0) {
			assert_non_null(why);
			return -1;
		}
		assert_true(g.done || (size_t)took == n);
		at += (size_t)took;
	}
	return g.done ? (int)at : -2;
}

static void the_end_of_chunks_is_the_same_in_all_pieces(void **state)
{
	static const struct chunk_case cases[] = {
		{"0\r\n\r\n", 5},
		{"3\r\nabc\r\n0\r\n\r\n", 13},
		{"3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1", 13},
		{"0000000A\r\n0123456789\r\n00\r\n\r\n", 28},
		{"1;a=b\r\nx\r\n0;c\r\n\r\n", 17},
		{"0\r\nX-Sum: 1\r\nY:\r\n\r\n", 19},
		{"3\r\n\r\n0\r\n0\r\n\r\n", 13},
		{"3\r\nabc\r\n0\r\n", -2},
		{"", -2},
		{"\r\n", -1},
		{"3\nabc\r\n0\r\n\r\n", -1},
		{"3\r\nabc0\r\n\r\n", -1},
		{"3\r\nabcd\r\n0\r\n\r\n", -1},
		{"3\r\nabc\n0\r\n\r\n", -1},
		{" 3\r\nabc\r\n0\r\n\r\n", -1},
		{"3 \r\nabc\r\n0\r\n\r\n", -1},
		{"0x3\r\nabc\r\n0\r\n\r\n", -1},
		{"-1\r\n", -1},
		{"g\r\n", -1},
		{"100000000\r\n", -1},
		{"ffffffffffffffff1\r\n", -1},
		{"3;a\nb\r\nabc\r\n0\r\n\r\n", -1},
		{"3;\x01\r\nabc\r\n0\r\n\r\n", -1},
		{"3\rabc\r\n0\r\n\r\n", -1},
		{"0\r\n\n", -1},
		{"0\r\nX\r\n\r\n", -1},
		{"0\r\n X: y\r\n\r\n", -1},
		{"0\r\nX : y\r\n\r\n", -1},
		{"0\r\nX: y\n\r\n", -1},
		{"0\r\nX: y\r\n\rZ", -1},
		{"0\n\r\n", -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 32; piece++) {
			int end = end_of(cases[i].raw, piece);
			if (end != cases[i].end)
				print_error("chunks %zu in pieces of %zu\n", i, piece);
			assert_int_equal(end, cases[i].end);
		}
}

static void framing_is_counted_apart_from_data(void **state)
{
	struct gate_chunks g = {0};
	const char *why;
	assert_int_equal(gate_chunks(&g, "3\r\nabc\r\n0\r\n\r\n", 13, &why), 13);
	assert_int_equal(g.framing, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_heads_pass),
		cmocka_unit_test(heads_that_two_parsers_may_read_differently_are_refused),
		cmocka_unit_test(a_head_cut_anywhere_is_refused),
		cmocka_unit_test(the_end_of_chunks_is_the_same_in_all_pieces),
		cmocka_unit_test(framing_is_counted_apart_from_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
