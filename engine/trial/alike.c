/* Comparing what is with what a test expects. */
#include "engine/trial/alike.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/lua/pattern.h"

#define SHOWN_MAX 400
#define STEPS_MAX 1000000

void alike_show(struct buf *b, const json_t *v)
{
	if (!v) {
		(void)buf_puts(b, "nothing");
		return;
	}
	auto_free char *text = json_text(v);
	size_t len = strlen(text);
	if (len <= SHOWN_MAX) {
		(void)buf_puts(b, text);
		return;
	}
	len = SHOWN_MAX;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	(void)buf_printf(b, "%.*s…", (int)len, text);
}

static bool differ(const char *path, const json_t *want, const json_t *got, struct buf *b)
{
	if (*path)
		(void)buf_printf(b, "%s: ", path);
	(void)buf_puts(b, "expected ");
	alike_show(b, want);
	(void)buf_puts(b, ", got ");
	alike_show(b, got);
	return false;
}

/* "/…/" */
static bool is_pattern(const char *s)
{
	size_t len = strlen(s);
	return len > 2 && s[0] == '/' && s[len - 1] == '/';
}

static bool finds(const char *pattern, const char *text, struct buf *b)
{
	struct pattern p;
	size_t len = strlen(text), pat_len = strlen(pattern) - 2, end;
	const char *pat = pattern + 1;
	bool anchored = *pat == '^';
	pattern_init(&p, text, len, pat + anchored, pat_len - anchored, STEPS_MAX);
	for (size_t at = 0; at <= len; at++) {
		enum pattern_verdict v = pattern_match(&p, at, &end);
		if (v == PATTERN_YES)
			return true;
		if (v == PATTERN_BAD || v == PATTERN_STEPS) {
			(void)buf_printf(b, "the pattern %s is not good: %s; ", pattern,
					 p.error ? p.error : "it takes too long");
			return false;
		}
		if (anchored)
			break;
	}
	return false;
}

static bool same(const char *path, const json_t *want, const json_t *got, struct buf *b);

static bool same_object(const char *path, const json_t *want, const json_t *got, struct buf *b)
{
	const char *key;
	json_t *v;
	if (!json_is_object(got))
		return differ(path, want, got, b);
	json_object_foreach ((json_t *)want, key, v) {
		auto_free char *below = mem_printf("%s%s%s", path, *path ? "." : "", key);
		if (!same(below, v, json_object_get(got, key), b))
			return false;
	}
	return true;
}

static bool same_list(const char *path, const json_t *want, const json_t *got, struct buf *b)
{
	size_t i;
	json_t *v;
	if (!json_is_array(got) || json_array_size(got) != json_array_size(want))
		return differ(path, want, got, b);
	json_array_foreach ((json_t *)want, i, v) {
		auto_free char *at = mem_printf("%s[%zu]", path, i + 1);
		if (!same(at, v, json_array_get(got, i), b))
			return false;
	}
	return true;
}

static bool same_text(const char *path, const json_t *want, const json_t *got, struct buf *b)
{
	const char *text = json_string_value(want);
	bool equal =
		json_is_string(got) &&
		(is_pattern(text) ? finds(text, json_string_value(got), b) : json_equal(want, got));
	return equal || differ(path, want, got, b);
}

static bool same(const char *path, const json_t *want, const json_t *got, struct buf *b)
{
	if (json_is_object(want))
		return same_object(path, want, got, b);
	if (json_is_array(want))
		return same_list(path, want, got, b);
	if (json_is_string(want))
		return same_text(path, want, got, b);
	if (json_is_number(want) && json_is_number(got) &&
	    json_number_value(want) == json_number_value(got))
		return true;
	if (json_is_null(want) && (!got || json_is_null(got)))
		return true;
	return (got && json_equal(want, got)) || differ(path, want, got, b);
}

bool alike(const json_t *want, const json_t *got, struct buf *b)
{
	return same("", want, got, b);
}
