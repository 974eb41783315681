/* Percent-encoding, and the parameters of a request's query. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/io/server.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *url_decode(const char *text, size_t len, bool plus)
{
	char *out = mem_alloc(len + 1), *to = out;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '+' && plus)
			c = ' ';
		if (c == '%') {
			int high = i + 2 < len ? hex_value(text[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text[i + 2]) : -1;
			c = low >= 0 ? (char)(high * 16 + low) : '\0';
			i += 2;
		}
		if (!c) {
			free(out);
			return NULL;
		}
		*to++ = c;
	}
	return out;
}

static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

int url_encode(struct buf *b, const char *text, size_t len, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";
	int rc = 0;
	for (size_t i = 0; i < len && !rc; i++) {
		unsigned char c = (unsigned char)text[i];
		if (is_unreserved(c) || (c && keep && strchr(keep, c)))
			rc = buf_putc(b, (char)c);
		else
			rc = buf_add(b, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
	}
	return rc;
}

char *server_req_query(const struct server_req *r, const char *name)
{
	size_t len;
	for (const char *p = r->query; *p; p += len + (p[len] == '&')) {
		len = strcspn(p, "&");
		const char *eq = memchr(p, '=', len);
		size_t name_len = eq ? (size_t)(eq - p) : len;
		auto_free char *key = url_decode(p, name_len, true);
		if (!key || strcmp(key, name) != 0)
			continue;
		return eq ? url_decode(eq + 1, len - name_len - 1, true) : mem_strdup("");
	}
	return NULL;
}
