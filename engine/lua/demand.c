/* Reads comparisons with fields of `it` out of a condition: what is not surely one is left out. */
#include "engine/lua/demand.h"

#include <stdbool.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/lua/lex.h"
#include "engine/lua/names.h"
#include "engine/lua/parts.h"

#define BRACKETS_MAX 50 /* of a value: far less than names_find() goes through */

struct demand {
	demand_cb cb;
	void *arg;
};

/* Reads what comes next of `.name` or `["name"]`. False: neither, or a name that no path can hold. */
static bool read_field(struct lex *t, struct buf *path)
{
	bool dot = lex_is(t, ".");
	if (!dot && !lex_is(t, "["))
		return false;
	lex_next(t);
	if (t->kind != (dot ? LEX_NAME : LEX_STRING) || !t->len || memchr(t->text, '.', t->len) ||
	    memchr(t->text, '\\', t->len))
		return false;
	(void)buf_printf(path, "%s%.*s", path->len ? "." : "", (int)t->len, t->text);
	if (dot)
		return true;
	lex_next(t);
	return lex_is(t, "]");
}

/* Is the text a field of `it` and nothing else? */
static bool path_of(const char *src, size_t len, struct buf *path)
{
	struct lex t;
	lex_init(&t, src, len);
	lex_next(&t);
	if (!lex_is(&t, "it"))
		return false;
	for (lex_next(&t); t.kind != LEX_END; lex_next(&t))
		if (!read_field(&t, path))
			return false;
	return path->len > 0 && strcmp(buf_str(path), "data") != 0;
}

/* Is it the name, or a field of it? */
static bool begins(const char *dotted, const char *name)
{
	size_t len = strlen(name);
	return strncmp(dotted, name, len) == 0 && (!dotted[len] || dotted[len] == '.');
}

/* Names whose value may be another one when the condition is read again. */
static void on_name(void *arg, const char *dotted, int line)
{
	static const char *const moving[] = {"it",          "now",         "random", "uuid", "math",
					     "run.elapsed", "run.attempt", "_ENV",   "_G"};
	bool *same = arg;
	(void)line;
	if (strcmp(dotted, "run") == 0)
		*same = false;
	for (size_t i = 0; i < sizeof(moving) / sizeof(*moving); i++)
		if (begins(dotted, moving[i]))
			*same = false;
}

static bool is_the_same(const char *value)
{
	bool same = true;
	int brackets = 0;
	struct lex t;
	lex_init(&t, value, strlen(value));
	for (lex_next(&t); t.kind != LEX_END; lex_next(&t)) {
		brackets += lex_is(&t, "(") + lex_is(&t, "[") + lex_is(&t, "{");
		if (t.kind == LEX_BAD || lex_is(&t, "function") || brackets > BRACKETS_MAX)
			return false;
	}
	names_find(value, false, on_name, &same);
	return same;
}

/* A field on one side, its value on the other. */
static bool read_sides(const struct demand *d, const char *field, size_t field_len,
		       const char *value, size_t value_len)
{
	struct buf path = BUF_INIT;
	auto_free char *text = mem_strndup(value, value_len);
	bool fits = path_of(field, field_len, &path) && is_the_same(text);
	if (fits)
		d->cb(d->arg, buf_str(&path), text);
	buf_done(&path);
	return fits;
}

static int depth_of(const struct lex *t)
{
	return lex_is(t, "(") + lex_is(t, "[") + lex_is(t, "{") - lex_is(t, ")") - lex_is(t, "]") -
	       lex_is(t, "}");
}

static bool compares(const struct lex *t)
{
	return lex_is(t, "==") || lex_is(t, "~=") || lex_is(t, "<") || lex_is(t, ">") ||
	       lex_is(t, "<=") || lex_is(t, ">=");
}

static void read_comparison(const struct demand *d, const char *src, size_t len)
{
	struct lex t, equal = {.text = NULL};
	int depth = 0, n = 0;
	lex_init(&t, src, len);
	for (lex_next(&t); t.kind != LEX_END && t.kind != LEX_BAD; lex_next(&t)) {
		depth += depth_of(&t);
		if (depth == 0 && compares(&t)) {
			n++;
			equal = t;
		}
	}
	if (t.kind == LEX_BAD || depth != 0 || n != 1 || !lex_is(&equal, "=="))
		return;
	const char *right = equal.text + 2;
	size_t left_len = (size_t)(equal.text - src), right_len = (size_t)(src + len - right);
	if (!read_sides(d, src, left_len, right, right_len))
		(void)read_sides(d, right, right_len, src, left_len);
}

static void on_part(void *arg, const char *text, size_t len);

static void on_nothing(void *arg, const char *text, size_t len)
{
	(void)arg;
	(void)text;
	(void)len;
}

static void read_condition(struct demand *d, const char *src, size_t len)
{
	char join = parts_find(src, len, on_nothing, NULL);
	if (join == 'a' || join == '(')
		(void)parts_find(src, len, on_part, d);
	else if (!join)
		read_comparison(d, src, len);
}

static void on_part(void *arg, const char *text, size_t len)
{
	read_condition(arg, text, len);
}

void demands_find(const char *src, demand_cb cb, void *arg)
{
	struct demand d = {cb, arg};
	read_condition(&d, src, strlen(src));
}
