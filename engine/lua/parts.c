/* Splits a condition by its outermost join: one pass over its tokens, with the depth of brackets. */
#include "engine/lua/parts.h"

#include <stdbool.h>
#include <string.h>

#include "engine/lua/lex.h"

struct outline {
	bool any_or, any_and; /* at the outside */
	bool not_first;       /* it begins with `not` */
	bool operators;       /* others than those, at the outside */
	bool enclosed;        /* one pair of brackets around all of it */
	bool bad;
};

static bool is_any(const struct lex *t, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (lex_is(t, words[i]))
			return true;
	return false;
}

static int depth_of(const struct lex *t)
{
	static const char *const open[] = {"(", "[", "{", "function", NULL}, *const close[] = {
										     ")", "]", "}",
										     "end", NULL};
	return is_any(t, open) - is_any(t, close);
}

static bool is_operator(const struct lex *t)
{
	static const char *const words[] = {"==", "~=", "<", ">",  "<=", ">=", "..",
					    "+",  "-",  "*", "/",  "//", "%",  "^",
					    "&",  "|",  "~", "<<", ">>", NULL};
	return t->kind == LEX_SYMBOL && is_any(t, words);
}

static void look(struct outline *o, const struct lex *t, int depth, bool first)
{
	if (depth)
		return;
	o->any_or |= lex_is(t, "or");
	o->any_and |= lex_is(t, "and");
	o->not_first |= first && lex_is(t, "not");
	o->operators |= !first && is_operator(t);
}

static struct outline outline_of(const char *src, size_t len)
{
	struct outline o = {.enclosed = true};
	struct lex t;
	int depth = 0;
	bool first = true;
	lex_init(&t, src, len);
	for (lex_next(&t); t.kind != LEX_END && t.kind != LEX_BAD; lex_next(&t)) {
		int step = depth_of(&t);
		look(&o, &t, depth, first);
		if (first ? !lex_is(&t, "(") : depth == 0)
			o.enclosed = false;
		depth += step;
		first = false;
	}
	o.bad = t.kind == LEX_BAD || depth != 0 || first;
	return o;
}

static void split(const char *src, size_t len, const char *word, parts_cb cb, void *arg)
{
	struct lex t;
	const char *from = src;
	int depth = 0;
	lex_init(&t, src, len);
	for (lex_next(&t); t.kind != LEX_END && t.kind != LEX_BAD; lex_next(&t)) {
		depth += depth_of(&t);
		if (depth || !lex_is(&t, word))
			continue;
		cb(arg, from, (size_t)(t.text - from));
		from = t.text + t.len;
	}
	cb(arg, from, (size_t)(src + len - from));
}

static void behind_first(const char *src, size_t len, size_t drop, parts_cb cb, void *arg)
{
	struct lex t;
	lex_init(&t, src, len);
	lex_next(&t);
	const char *from = t.text + t.len, *end = src + len;
	while (drop && end > from && *--end != ')')
		continue;
	cb(arg, from, (size_t)(end - from));
}

char parts_find(const char *src, size_t len, parts_cb cb, void *arg)
{
	struct outline o = outline_of(src, len);
	if (o.bad)
		return 0;
	if (o.any_or || o.any_and) {
		split(src, len, o.any_or ? "or" : "and", cb, arg);
		return o.any_or ? 'o' : 'a';
	}
	if (o.not_first && !o.operators) {
		behind_first(src, len, 0, cb, arg);
		return 'n';
	}
	if (!o.enclosed)
		return 0;
	behind_first(src, len, 1, cb, arg);
	return '(';
}
