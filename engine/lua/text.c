/* Case by ranges of code points, globs with one point of return, and a plain look at addresses. */
#include "engine/lua/text.h"

#include <ctype.h>
#include <string.h>

/* Capitals first..last; a letter's other case is `by` further, or (step 2) the next code point. */
struct case_range {
	unsigned first, last;
	int step, by;
};

static const struct case_range ranges[] = {
	{0xC0, 0xD6, 1, 0x20},    {0xD8, 0xDE, 1, 0x20},   {0x100, 0x12E, 2, 1},
	{0x132, 0x136, 2, 1},     {0x139, 0x147, 2, 1},    {0x14A, 0x176, 2, 1},
	{0x178, 0x178, 1, -0x79}, {0x179, 0x17D, 2, 1},    {0x386, 0x386, 1, 38},
	{0x388, 0x38A, 1, 37},    {0x38C, 0x38C, 1, 64},   {0x38E, 0x38F, 1, 63},
	{0x391, 0x3A1, 1, 0x20},  {0x3A3, 0x3AB, 1, 0x20}, {0x400, 0x40F, 1, 0x50},
	{0x410, 0x42F, 1, 0x20},  {0x460, 0x480, 2, 1},    {0x48A, 0x4BE, 2, 1},
	{0x4D0, 0x52E, 2, 1},
};

static unsigned other_case(unsigned c, bool upper)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		const struct case_range *r = &ranges[i];
		unsigned capital = upper ? c - (unsigned)r->by : c;
		if (capital >= r->first && capital <= r->last &&
		    (capital - r->first) % (unsigned)r->step == 0)
			return upper ? capital : c + (unsigned)r->by;
	}
	return c;
}

static void change_case(char *s, size_t len, bool upper)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char a = (unsigned char)s[i];
		if (a < 0x80) {
			s[i] = (char)(upper ? toupper(a) : tolower(a));
			continue;
		}
		if (a < 0xC2 || a > 0xDF || i + 1 == len ||
		    ((unsigned char)s[i + 1] & 0xC0) != 0x80)
			continue;
		unsigned c = (a & 0x1Fu) << 6 | ((unsigned char)s[i + 1] & 0x3Fu);
		c = other_case(c, upper);
		s[i] = (char)(0xC0 | c >> 6);
		s[++i] = (char)(0x80 | (c & 0x3F));
	}
}

void text_lower(char *s, size_t len)
{
	change_case(s, len, false);
}

void text_upper(char *s, size_t len)
{
	change_case(s, len, true);
}

/* The bytes of the character at s. */
static size_t char_len(const char *s, const char *end)
{
	size_t n = 1;
	while (s + n < end && ((unsigned char)s[n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* Judges one character by the set at g ('[' on); *ret_end is after its ']'. NULL: no set. */
static const char *glob_set(const char *g, const char *end, unsigned char c, bool *ret_in)
{
	bool negate = g + 1 < end && (g[1] == '!' || g[1] == '^'), in = false;
	const char *first = g + 1 + negate, *p = first;
	for (; p < end && (*p != ']' || p == first); p++) {
		if (p + 2 < end && p[1] == '-' && p[2] != ']') {
			in |= (unsigned char)p[0] <= c && c <= (unsigned char)p[2];
			p += 2;
		} else {
			in |= (unsigned char)*p == c;
		}
	}
	*ret_in = in != negate;
	return p < end ? p + 1 : NULL;
}

/* One item of the glob against the character at s: what follows the item, or NULL. */
static const char *glob_one(const char *g, const char *end, const char *s)
{
	bool in = false;
	const char *after;
	switch (*g) {
	case '?':
		return g + 1;
	case '[':
		after = glob_set(g, end, (unsigned char)*s, &in);
		if (after)
			return in ? after : NULL;
		break; /* without an end it is a bracket */
	case '\\':
		if (g + 1 < end)
			return g[1] == *s ? g + 2 : NULL;
		break;
	default:
		break;
	}
	return *g == *s ? g + 1 : NULL;
}

bool text_glob(const char *s, size_t len, const char *glob, size_t glob_len)
{
	const char *end = s + len, *g = glob, *g_end = glob + glob_len;
	const char *star = NULL, *back = NULL; /* after the last '*', and what it stands for ends */
	while (s < end) {
		if (g < g_end && *g == '*') {
			star = ++g;
			back = s;
			continue;
		}
		const char *next = g < g_end ? glob_one(g, g_end, s) : NULL;
		if (next) {
			s += *g == '?' ? char_len(s, end) : 1;
			g = next;
		} else if (star) {
			s = ++back;
			g = star;
		} else {
			return false;
		}
	}
	while (g < g_end && *g == '*')
		g++;
	return g == g_end;
}

static bool is_domain(const char *s, const char *end)
{
	bool dot = false;
	for (const char *p = s; p < end; p++) {
		bool edge = p == s || p[-1] == '.' || p + 1 == end || p[1] == '.';
		if (*p == '.') {
			if (p == s || p + 1 == end || p[1] == '.')
				return false;
			dot = true;
		} else if (*p == '-' ? edge : !(isalnum((unsigned char)*p) || (*p & 0x80))) {
			return false;
		}
	}
	return dot && end - s <= 253;
}

bool text_is_email(const char *s, size_t len)
{
	const char *at = memchr(s, '@', len), *end = s + len;
	if (!at || at == s || at - s > 64 || len > 254)
		return false;
	for (const char *p = s; p < at; p++) {
		if (*p == '.' && (p == s || p + 1 == at || p[1] == '.'))
			return false;
		if (!isalnum((unsigned char)*p) && !(*p & 0x80) &&
		    !strchr("!#$%&'*+/=?^_`{|}~.-", *p))
			return false;
	}
	return is_domain(at + 1, end);
}
