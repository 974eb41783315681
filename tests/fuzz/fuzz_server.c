/* Fuzzes the listener over a socket: what its handler sees does not depend on how input is cut. */
#include <string.h>

#include "engine/base/buf.h"
#include "engine/io/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/io/peer.h"

/* Longer inputs could meet the limit on the framing of chunks, which looks at pieces. */
enum { INPUT_MAX = 12000 };

static struct clock_virtual virtual_clock;
static struct loop *loop;
static struct server *server;
static struct buf seen;

static void handle(void *arg, struct server_req *r)
{
	(void)buf_printf(&seen, "%s %s?%s", r->method, r->path, r->query);
	for (size_t i = 0; i < r->n_headers; i++)
		(void)buf_printf(&seen, " %s=%s", r->headers[i].name, r->headers[i].value);
	(void)buf_printf(&seen, " %zu:", r->body_len);
	(void)buf_add(&seen, r->body, r->body_len);
	fuzz_check(r->body[r->body_len] == '\0');
	server_reply(r, 200, NULL, NULL, NULL, 0);
}

static void start(void)
{
	struct server_config c = {.listen = "127.0.0.1:0", .handle = handle, .body_max = 4096};
	clock_virtual_init(&virtual_clock, 0);
	loop = loop_new(&virtual_clock.clock, true);
	server = server_new(loop, &c, NULL);
	fuzz_check(loop && server);
}

/* Sends the input in pieces on a connection of its own. */
static void talk(const uint8_t *data, size_t size, size_t piece)
{
	int fd = peer_connect(server_port(server));
	fuzz_check(fd >= 0);
	buf_clear(&seen);
	for (size_t at = 0, n; at < size; at += n) {
		n = size - at < piece ? size - at : piece;
		if (send(fd, data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		peer_turn(loop, 2);
	}
	peer_turn(loop, 2);
	fuzz_check(server_open(server) == 0);
	peer_reset(fd);
	peer_turn(loop, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!loop)
		start();
	if (size > INPUT_MAX || !size)
		return 0;
	talk(data, size, size);
	struct buf whole = BUF_INIT;
	(void)buf_add(&whole, seen.data, seen.len);
	/* Few pieces, at a place that depends on the input. */
	talk(data, size, size / 2 + data[size - 1] % (size / 2 + 1) / 2 + 1);
	fuzz_check(whole.len == seen.len && !memcmp(buf_str(&whole), buf_str(&seen), seen.len));
	talk(data, size, size / 7 + 1);
	fuzz_check(whole.len == seen.len && !memcmp(buf_str(&whole), buf_str(&seen), seen.len));
	buf_done(&whole);
	return 0;
}
