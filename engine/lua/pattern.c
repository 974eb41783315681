/* The matcher: items are matched in turn, repetitions try their lengths, every trial is a step. */
#include "engine/lua/pattern.h"

#include <ctype.h>
#include <string.h>

#define ESCAPE '%'

/* Failure of the pattern itself ends all trials: they look at `error` and `steps`. */
static const char *fail(struct pattern *p, const char *error)
{
	if (!p->error)
		p->error = error;
	return NULL;
}

static bool is_dead(const struct pattern *p)
{
	return p->error || p->steps < 0;
}

static bool step(struct pattern *p)
{
	return --p->steps >= 0 && !p->error;
}

static const char *match_here(struct pattern *p, const char *s, const char *q);

void pattern_init(struct pattern *p, const char *text, size_t len, const char *pat, size_t pat_len,
		  long steps)
{
	*p = (struct pattern){.text = text,
			      .text_end = text + len,
			      .pat = pat,
			      .pat_end = pat + pat_len,
			      .steps = steps};
}

bool pattern_is_plain(const char *pat, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (pat[i] && strchr("^$*+?.([%-", pat[i]))
			return false;
	return true;
}

static bool in_class(int c, int class)
{
	bool is;
	switch (tolower(class)) {
	case 'a':
		is = isalpha(c);
		break;
	case 'c':
		is = iscntrl(c);
		break;
	case 'd':
		is = isdigit(c);
		break;
	case 'g':
		is = isgraph(c);
		break;
	case 'l':
		is = islower(c);
		break;
	case 'p':
		is = ispunct(c);
		break;
	case 's':
		is = isspace(c);
		break;
	case 'u':
		is = isupper(c);
		break;
	case 'w':
		is = isalnum(c);
		break;
	case 'x':
		is = isxdigit(c);
		break;
	case 'z': /* of older Lua */
		is = c == 0;
		break;
	default:
		return class == c;
	}
	return isupper(class) ? !is : is;
}

/* The end of a set that begins after '[' at q; a ']' at its very start is a member. */
static const char *set_end(struct pattern *p, const char *q)
{
	if (q < p->pat_end && *q == '^')
		q++;
	do {
		if (q == p->pat_end)
			return fail(p, "malformed pattern (missing ']')");
		if (*q++ == ESCAPE) {
			if (q == p->pat_end)
				return fail(p, "malformed pattern (missing ']')");
			q++;
		}
	} while (q == p->pat_end || *q != ']');
	return q + 1;
}

/* The end of the single-character item at q. */
static const char *item_end(struct pattern *p, const char *q)
{
	char c = *q++;
	if (c == '[')
		return set_end(p, q);
	if (c != ESCAPE)
		return q;
	if (q == p->pat_end)
		return fail(p, "malformed pattern (ends with '%')");
	return q + 1;
}

/* Is c a member of the set from '[' to the ']' just before `end`? */
static bool in_set(int c, const char *q, const char *end)
{
	const char *last = end - 1;
	bool found = true;
	if (*++q == '^') {
		found = false;
		q++;
	}
	for (; q < last; q++) {
		if (*q == ESCAPE) {
			if (in_class(c, (unsigned char)*++q))
				return found;
		} else if (q[1] == '-' && q + 2 < last) {
			if ((unsigned char)q[0] <= c && c <= (unsigned char)q[2])
				return found;
			q += 2;
		} else if ((unsigned char)*q == c) {
			return found;
		}
	}
	return !found;
}

/* Does the item [q, end) match the character at s? */
static bool matches_one(struct pattern *p, const char *s, const char *q, const char *end)
{
	if (s >= p->text_end)
		return false;
	p->steps--;
	int c = (unsigned char)*s;
	switch (*q) {
	case '.':
		return true;
	case ESCAPE:
		return in_class(c, (unsigned char)q[1]);
	case '[':
		p->steps -= (end - q) / 8; /* long sets are long work */
		return in_set(c, q, end);
	default:
		return (unsigned char)*q == c;
	}
}

/* %bxy, q after the 'b'. */
static const char *match_balance(struct pattern *p, const char *s, const char *q)
{
	if (p->pat_end - q < 2)
		return fail(p, "malformed pattern (missing arguments to '%b')");
	if (s >= p->text_end || *s != q[0])
		return NULL;
	int open = 1;
	while (++s < p->text_end) {
		if (!step(p))
			return NULL;
		if (*s == q[1]) {
			if (--open == 0)
				return s + 1;
		} else if (*s == q[0]) {
			open++;
		}
	}
	return NULL;
}

/* As many as there are, then ever fewer. */
static const char *match_greedy(struct pattern *p, const char *s, const char *q, const char *end)
{
	ptrdiff_t n = 0;
	while (matches_one(p, s + n, q, end) && !is_dead(p))
		n++;
	for (; n >= 0 && !is_dead(p); n--) {
		const char *r = match_here(p, s + n, end + 1);
		if (r)
			return r;
	}
	return NULL;
}

/* As few as will do. */
static const char *match_lazy(struct pattern *p, const char *s, const char *q, const char *end)
{
	while (!is_dead(p)) {
		const char *r = match_here(p, s, end + 1);
		if (r)
			return r;
		if (is_dead(p) || !matches_one(p, s, q, end))
			return NULL;
		s++;
	}
	return NULL;
}

static const char *capture_open(struct pattern *p, const char *s, const char *q, ptrdiff_t mark)
{
	if (p->n >= PATTERN_CAPTURES)
		return fail(p, "too many captures");
	p->captures[p->n++] = (struct pattern_capture){.at = (size_t)(s - p->text), .len = mark};
	const char *r = match_here(p, s, q);
	if (!r)
		p->n--;
	return r;
}

static const char *capture_close(struct pattern *p, const char *s, const char *q)
{
	int i = p->n - 1;
	while (i >= 0 && p->captures[i].len != CAPTURE_OPEN)
		i--;
	if (i < 0)
		return fail(p, "invalid pattern capture");
	p->captures[i].len = s - p->text - (ptrdiff_t)p->captures[i].at;
	const char *r = match_here(p, s, q);
	if (!r)
		p->captures[i].len = CAPTURE_OPEN;
	return r;
}

/* %1 to %9: the text of a capture once more. */
static const char *match_back(struct pattern *p, const char *s, char digit)
{
	int i = digit - '1';
	if (i < 0 || i >= p->n || p->captures[i].len == CAPTURE_OPEN)
		return fail(p, "invalid capture index in a pattern");
	/* A position has the length -2, which no rest of a text has: it never matches. */
	size_t len = (size_t)p->captures[i].len;
	if ((size_t)(p->text_end - s) < len)
		return NULL;
	p->steps -= (long)(len / 16);
	return memcmp(p->text + p->captures[i].at, s, len) == 0 ? s + len : NULL;
}

/* Where the loop of match_here stands; result is set when it has come to an end. */
struct place {
	const char *s, *q;
	const char *result;
};

/* Each of these answers true to go on at the place, false to end with its result. */
static bool go_on(struct place *at, const char *s, const char *q)
{
	at->s = s;
	at->q = q;
	return s != NULL;
}

static bool end_with(struct place *at, const char *result)
{
	at->result = result;
	return false;
}

/* %f[set], q at the set: a change from outside to inside it. */
static bool frontier(struct pattern *p, struct place *at, const char *q)
{
	if (q == p->pat_end || *q != '[')
		return end_with(at, fail(p, "missing '[' after '%f' in pattern"));
	const char *end = item_end(p, q);
	if (!end)
		return false;
	int before = at->s == p->text ? 0 : (unsigned char)at->s[-1];
	int after = at->s == p->text_end ? 0 : (unsigned char)*at->s;
	if (in_set(before, q, end) || !in_set(after, q, end))
		return false;
	return go_on(at, at->s, end);
}

/* A single-character item and the repetition that may follow it. */
static bool item(struct pattern *p, struct place *at)
{
	const char *end = item_end(p, at->q);
	if (!end)
		return false;
	bool one = matches_one(p, at->s, at->q, end);
	char repeat = end < p->pat_end ? *end : '\0';
	bool may_be_none = repeat == '*' || repeat == '?' || repeat == '-';
	if (!one)
		return may_be_none && go_on(at, at->s, end + 1);
	switch (repeat) {
	case '*':
		return end_with(at, match_greedy(p, at->s, at->q, end));
	case '+':
		return end_with(at, match_greedy(p, at->s + 1, at->q, end));
	case '-':
		return end_with(at, match_lazy(p, at->s, at->q, end));
	case '?':
		at->result = match_here(p, at->s + 1, end + 1);
		return !at->result && !is_dead(p) && go_on(at, at->s, end + 1);
	default:
		return go_on(at, at->s + 1, end);
	}
}

static bool escape(struct pattern *p, struct place *at)
{
	const char *q = at->q;
	char c = q + 1 < p->pat_end ? q[1] : '\0';
	if (c == 'b')
		return go_on(at, match_balance(p, at->s, q + 2), q + 4);
	if (c == 'f')
		return frontier(p, at, q + 2);
	if (isdigit((unsigned char)c))
		return go_on(at, match_back(p, at->s, c), q + 2);
	return item(p, at);
}

static bool advance(struct pattern *p, struct place *at)
{
	const char *q = at->q;
	bool last = q + 1 == p->pat_end;
	switch (*q) {
	case '(':
		if (!last && q[1] == ')')
			return end_with(at, capture_open(p, at->s, q + 2, CAPTURE_POSITION));
		return end_with(at, capture_open(p, at->s, q + 1, CAPTURE_OPEN));
	case ')':
		return end_with(at, capture_close(p, at->s, q + 1));
	case '$':
		if (last)
			return end_with(at, at->s == p->text_end ? at->s : NULL);
		return item(p, at);
	case ESCAPE:
		return escape(p, at);
	default:
		return item(p, at);
	}
}

/* Items in a row are a loop; captures and the trials of repetitions recurse. */
static const char *match_here(struct pattern *p, const char *s, const char *q)
{
	if (p->depth >= PATTERN_DEPTH)
		return fail(p, "pattern too complex");
	p->depth++;
	struct place at = {.s = s, .q = q};
	do {
		if (at.q == p->pat_end) {
			at.result = at.s;
			break;
		}
	} while (step(p) && advance(p, &at));
	p->depth--;
	return is_dead(p) ? NULL : at.result;
}

enum pattern_verdict pattern_match(struct pattern *p, size_t at, size_t *ret_end)
{
	p->n = 0;
	p->depth = 0;
	p->error = NULL;
	const char *end = match_here(p, p->text + at, p->pat);
	if (p->error)
		return PATTERN_BAD;
	if (p->steps < 0)
		return PATTERN_STEPS;
	if (!end)
		return PATTERN_NO;
	*ret_end = (size_t)(end - p->text);
	return PATTERN_YES;
}
