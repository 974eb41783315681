/* The strict gate: what a request's head and a chunked body may look like, byte by byte. */
#include "engine/io/gate.h"

#include <string.h>
#include <strings.h>

enum {
	TOKEN = 1,  /* in a method or a header's name */
	TARGET = 2, /* in a request target: visible ASCII but for '#' */
	VALUE = 4,  /* in a header's value: tab, blank, visible, and bytes of other encodings */
	HOST = 8,   /* in a host and port */
	DIGIT = 16,
	HEX = 32,
};

static const unsigned char classes[256] = {
	['\t'] = VALUE,
	[' '] = VALUE,
	['!'] = TOKEN | TARGET | VALUE | HOST,
	['"'] = TARGET | VALUE,
	['#'] = TOKEN | VALUE,
	['$' ... '\''] = TOKEN | TARGET | VALUE | HOST,
	['(' ... ')'] = TARGET | VALUE | HOST,
	['*' ... '+'] = TOKEN | TARGET | VALUE | HOST,
	[','] = TARGET | VALUE,
	['-' ... '.'] = TOKEN | TARGET | VALUE | HOST,
	['/'] = TARGET | VALUE,
	['0' ... '9'] = TOKEN | TARGET | VALUE | HOST | DIGIT | HEX,
	[':' ... ';'] = TARGET | VALUE | HOST,
	['<'] = TARGET | VALUE,
	['='] = TARGET | VALUE | HOST,
	['>' ... '@'] = TARGET | VALUE,
	['A' ... 'F'] = TOKEN | TARGET | VALUE | HOST | HEX,
	['G' ... 'Z'] = TOKEN | TARGET | VALUE | HOST,
	['['] = TARGET | VALUE | HOST,
	['\\'] = TARGET | VALUE,
	[']'] = TARGET | VALUE | HOST,
	['^'] = TOKEN | TARGET | VALUE,
	['_'] = TOKEN | TARGET | VALUE | HOST,
	['`'] = TOKEN | TARGET | VALUE,
	['a' ... 'f'] = TOKEN | TARGET | VALUE | HOST | HEX,
	['g' ... 'z'] = TOKEN | TARGET | VALUE | HOST,
	['{'] = TARGET | VALUE,
	['|'] = TOKEN | TARGET | VALUE,
	['}'] = TARGET | VALUE,
	['~'] = TOKEN | TARGET | VALUE | HOST,
	[0x80 ... 0xff] = VALUE,
};

static bool is_in(char c, int class)
{
	return classes[(unsigned char)c] & class;
}

/* The first byte that is not of the class. There is one: each head ends in CRLF. */
static const char *skip(const char *p, int class)
{
	while (is_in(*p, class))
		p++;
	return p;
}

struct head {
	bool minor_0, connect;
	int hosts, lengths, codings;
	const char *why;
};

static int refuse(struct head *h, int status, const char *why)
{
	h->why = why;
	return status;
}

/* p is behind the blank in front of the version. */
static int check_version(struct head *h, const char *p, const char **ret_next)
{
	if (strncmp(p, "HTTP/", 5) != 0 || !is_in(p[5], DIGIT) || p[6] != '.' ||
	    !is_in(p[7], DIGIT) || p[8] != '\r' || p[9] != '\n')
		return refuse(h, 400, "the request line does not end in a version");
	if (p[5] != '1' || p[7] > '1')
		return refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	h->minor_0 = p[7] == '0';
	*ret_next = p + 10;
	return 0;
}

static int check_request_line(struct head *h, const char *p, const char **ret_next)
{
	const char *method = p;
	p = skip(p, TOKEN);
	size_t method_len = (size_t)(p - method);
	if (!method_len || *p != ' ')
		return refuse(h, 400,
			      "the request line does not begin with a method and one blank");
	if (method_len == 7 && memcmp(method, "CONNECT", 7) == 0)
		return refuse(h, 501, "this is no proxy");
	const char *target = ++p;
	p = skip(p, TARGET);
	bool all = p == target + 1 && *target == '*' && method_len == 7 &&
		   memcmp(method, "OPTIONS", 7) == 0;
	if (*target != '/' && !all)
		return refuse(h, 400, "the request target does not begin with a slash");
	if (*p != ' ')
		return refuse(h, 400, "a byte in the request target is not allowed");
	return check_version(h, p + 1, ret_next);
}

static bool is_name(const char *name, size_t len, const char *want, size_t want_len)
{
	return len == want_len && strncasecmp(name, want, want_len) == 0;
}

/* A plain decimal without leading zeros that fits into 63 bits. */
static int check_length(struct head *h, const char *v, size_t len)
{
	if (!len || len > 18 || (size_t)(skip(v, DIGIT) - v) < len || (*v == '0' && len > 1))
		return refuse(h, 400, "Content-Length is not a plain decimal");
	if (h->lengths++)
		return refuse(h, 400, "more than one Content-Length");
	return 0;
}

static int check_coding(struct head *h, const char *v, size_t len)
{
	if (h->codings++)
		return refuse(h, 400, "more than one Transfer-Encoding");
	if (h->minor_0)
		return refuse(h, 400, "Transfer-Encoding in HTTP/1.0");
	if (!is_name(v, len, "chunked", 7))
		return refuse(h, 501, "a transfer coding other than chunked");
	return 0;
}

static int check_host(struct head *h, const char *v, size_t len)
{
	if (h->hosts++)
		return refuse(h, 400, "more than one Host");
	if ((size_t)(skip(v, HOST) - v) < len)
		return refuse(h, 400, "a byte in Host is not allowed");
	return 0;
}

/* What only some headers must be; v without the blanks around it. */
static int check_meaning(struct head *h, const char *name, size_t name_len, const char *v,
			 size_t len)
{
	if (is_name(name, name_len, "host", 4))
		return check_host(h, v, len);
	if (is_name(name, name_len, "content-length", 14))
		return check_length(h, v, len);
	if (is_name(name, name_len, "transfer-encoding", 17))
		return check_coding(h, v, len);
	return 0;
}

static int check_header(struct head *h, const char *p, const char **ret_next)
{
	const char *name = p;
	p = skip(p, TOKEN);
	size_t name_len = (size_t)(p - name);
	if (!name_len || *p != ':')
		return refuse(h, 400, "a header line does not begin with a name and a colon");
	const char *v = ++p;
	p = skip(p, VALUE);
	if (p[0] != '\r' || p[1] != '\n')
		return refuse(h, 400, "a byte in a header's value is not allowed");
	*ret_next = p + 2;
	while (*v == ' ' || *v == '\t')
		v++;
	while (p > v && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	return check_meaning(h, name, name_len, v, (size_t)(p - v));
}

static int check_whole(struct head *h)
{
	if (h->codings && h->lengths)
		return refuse(h, 400, "both Transfer-Encoding and Content-Length");
	if (!h->hosts && !h->minor_0)
		return refuse(h, 400, "no Host");
	return 0;
}

static int check(struct head *h, const char *p, size_t len)
{
	const char *end = p + len - 2;
	if (len < 4 || memcmp(end - 2, "\r\n\r\n", 4) != 0)
		return refuse(h, 400, "the head does not end in an empty line");
	int status = check_request_line(h, p, &p);
	while (!status && p < end) {
		/* An empty line before the end would be the end for another parser. */
		status = check_header(h, p, &p);
	}
	return status ? status : check_whole(h);
}

int gate_check(const char *head, size_t len, const char **ret_why)
{
	struct head h = {0};
	int status = check(&h, head, len);
	if (status && ret_why)
		*ret_why = h.why;
	return status;
}

/* ---- chunked bodies ---- */

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE, NAME, TRAILER, TRAILER_LF, LAST_LF };

static unsigned hex_value(char c)
{
	return is_in(c, DIGIT) ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a') + 10;
}

/* The next state, or -1. */
static int size_byte(struct gate_chunks *g, char c)
{
	if (is_in(c, HEX) && g->digits < 8) {
		g->left = g->left * 16 + hex_value(c);
		g->digits++;
		return SIZE;
	}
	if (!g->digits)
		return -1;
	return c == ';' ? EXTENSION : c == '\r' ? SIZE_LF : -1;
}

/* A new chunk's size begins, or the trailers when the last size was 0. */
static int after_size(struct gate_chunks *g)
{
	g->digits = 0;
	return g->left ? DATA : LINE;
}

static int framing_byte(struct gate_chunks *g, char c)
{
	switch (g->at) {
	case SIZE:
		return size_byte(g, c);
	case EXTENSION:
		return c == '\r' ? SIZE_LF : is_in(c, VALUE) ? EXTENSION : -1;
	case SIZE_LF:
		return c == '\n' ? after_size(g) : -1;
	case DATA_CR:
		return c == '\r' ? DATA_LF : -1;
	case DATA_LF:
		return c == '\n' ? SIZE : -1;
	case LINE:
		return c == '\r' ? LAST_LF : is_in(c, TOKEN) ? NAME : -1;
	case NAME:
		return c == ':' ? TRAILER : is_in(c, TOKEN) ? NAME : -1;
	case TRAILER:
		return c == '\r' ? TRAILER_LF : is_in(c, VALUE) ? TRAILER : -1;
	case TRAILER_LF:
		return c == '\n' ? LINE : -1;
	default: /* LAST_LF */
		g->done = c == '\n';
		return g->done ? LAST_LF : -1;
	}
}

ssize_t gate_chunks(struct gate_chunks *g, const char *data, size_t len, const char **ret_why)
{
	size_t i = 0;
	while (i < len && !g->done) {
		if (g->at == DATA) {
			size_t n = len - i < g->left ? len - i : (size_t)g->left;
			i += n;
			g->left -= n;
			if (!g->left)
				g->at = DATA_CR;
			continue;
		}
		g->framing++;
		g->at = framing_byte(g, data[i++]);
		if (g->at < 0) {
			g->at = LAST_LF; /* nothing but the end may follow, and that was not it */
			if (ret_why)
				*ret_why = "the chunks of the body are malformed";
			return -1;
		}
	}
	return (ssize_t)i;
}
