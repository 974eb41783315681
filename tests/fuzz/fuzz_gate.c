/* Fuzzes the gate and the parser behind it: heads, then chunks, in one piece and in several. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/io/request.h"
#include "tests/fuzz/fuzz.h"

/* Past the first empty line; 0 when there is none. */
static size_t head_len(const char *data, size_t size)
{
	const char *end = memmem(data, size, "\r\n\r\n", 4);
	return end ? (size_t)(end - data) + 4 : 0;
}

static void check_text(const char *s)
{
	for (; *s; s++)
		fuzz_check((unsigned char)*s >= ' ' || *s == '\t');
}

/* What a handler would get. */
static void check_request(const struct server_req *r)
{
	size_t hosts, lengths, codings;
	check_text(r->path);
	check_text(r->query);
	fuzz_check(r->path[0] == '/' || !strcmp(r->path, "*"));
	for (size_t i = 0; i < r->n_headers; i++) {
		const char *name = r->headers[i].name, *value = r->headers[i].value;
		fuzz_check(name[0] && !strpbrk(name, " \t:ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
		check_text(name);
		check_text(value);
		fuzz_check(value[0] != ' ' && value[0] != '\t');
	}
	(void)server_req_header(r, "host", &hosts);
	(void)server_req_header(r, "content-length", &lengths);
	(void)server_req_header(r, "transfer-encoding", &codings);
	fuzz_check(hosts <= 1 && lengths + codings <= 1);
}

/* The decoded body, or NULL when it is malformed; *ret_took: raw bytes up to its end. */
static char *decode(const char *head, size_t len, const char *raw, size_t raw_len, size_t piece,
		    size_t *ret_len, size_t *ret_took)
{
	struct request *q = mem_alloc(sizeof(*q));
	const char *why = NULL;
	char *out = malloc(raw_len + 1);
	size_t at = 0, n;
	bool ok = !request_head(q, head, len, &why);
	*ret_len = 0;
	memcpy(out, raw, raw_len);
	while (ok && at < raw_len && !q->chunks.done) {
		n = raw_len - at < piece ? raw_len - at : piece;
		/* In place, as the listener does it: the input is behind the output in one buffer. */
		memmove(out + *ret_len, raw + at, n);
		size_t more = 0;
		ssize_t took = request_chunks(q, out + *ret_len, n, out + *ret_len, &more, &why);
		ok = took >= 0;
		fuzz_check(!ok || more <= (size_t)took);
		*ret_len += ok ? more : 0;
		at += ok ? (size_t)took : 0;
	}
	*ret_took = at;
	if (!ok) {
		fuzz_check(why && why[0]);
		free(out);
		out = NULL;
	}
	free(q);
	return out;
}

static void check_chunks(const char *head, size_t len, const char *raw, size_t raw_len)
{
	size_t whole_len, whole_took, n, took;
	auto_free char *whole = decode(head, len, raw, raw_len, SIZE_MAX, &whole_len, &whole_took);
	for (size_t piece = 1; piece < 12; piece += 3) {
		auto_free char *parts = decode(head, len, raw, raw_len, piece, &n, &took);
		fuzz_check(!parts == !whole);
		if (parts)
			fuzz_check(n == whole_len && took == whole_took &&
				   !memcmp(parts, whole, n));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *why = NULL, *gate_why = NULL;
	size_t len = head_len(text, size);
	auto_free char *head = malloc(len + 1);
	memcpy(head, text, len);
	int gate = gate_check(head, len, &gate_why);
	fuzz_check(gate == 0 || gate == 400 || gate == 501 || gate == 505);
	fuzz_check(!gate == !gate_why);
	if (!len)
		return 0;
	struct request *q = mem_alloc(sizeof(*q));
	int status = request_head(q, head, len, &why);
	fuzz_check(!gate || status == gate);
	fuzz_check(!status == !why);
	if (!status) {
		if (q->chunked)
			check_chunks(head, len, text + len, size - len);
		struct server_req r = {0};
		request_finish(q, head, &r);
		check_request(&r);
	}
	free(q);
	return 0;
}
