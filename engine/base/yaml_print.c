/* Prints YAML. JSON's quoted texts are YAML's too, so that only plain ones need thought. */
#include "engine/base/yaml_print.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

#define FLOW_MAX 80 /* short maps and lists stand on one line */

/* Letters first, then what no scanner takes for anything else; and none of YAML's own words. */
static bool is_plain(const char *s, size_t len)
{
	static const char *const words[] = {"true", "false", "null",  "True", "False",
					    "Null", "TRUE",  "FALSE", "NULL", NULL};
	if (!len || !(isalpha((unsigned char)*s) || *s == '_') || s[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !(s[i] && strchr("_-./ ", s[i])))
			return false;
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], s) == 0)
			return false;
	return true;
}

/* To YAML these end a line, or begin a text; to JSON they are characters as any. */
static bool has_breaks(const char *s)
{
	return strstr(s, "\xc2\x85") || strstr(s, "\xe2\x80\xa8") || strstr(s, "\xe2\x80\xa9") ||
	       strstr(s, "\xef\xbb\xbf");
}

static void put_text(struct buf *b, const char *s, size_t len)
{
	if (is_plain(s, len)) {
		(void)buf_add(b, s, len);
		return;
	}
	json_auto_t *v = json_stringn(s, len);
	char *text = json_dumps(v, JSON_ENCODE_ANY | (has_breaks(s) ? JSON_ENSURE_ASCII : 0));
	(void)buf_puts(b, text);
	free(text);
}

static void put_scalar(struct buf *b, const json_t *v)
{
	if (json_is_string(v)) {
		put_text(b, json_string_value(v), json_string_length(v));
		return;
	}
	char *text = json_dumps(v, JSON_ENCODE_ANY);
	(void)buf_puts(b, text);
	free(text);
}

static void put_flow(struct buf *b, const json_t *v)
{
	const char *key;
	json_t *x;
	size_t i;
	bool first = true;
	if (json_is_array(v)) {
		(void)buf_putc(b, '[');
		json_array_foreach ((json_t *)v, i, x) {
			(void)buf_puts(b, i ? ", " : "");
			put_flow(b, x);
		}
		(void)buf_putc(b, ']');
	} else if (json_is_object(v)) {
		(void)buf_putc(b, '{');
		json_object_foreach ((json_t *)v, key, x) {
			(void)buf_puts(b, first ? "" : ", ");
			put_text(b, key, strlen(key));
			(void)buf_puts(b, ": ");
			put_flow(b, x);
			first = false;
		}
		(void)buf_putc(b, '}');
	} else {
		put_scalar(b, v);
	}
}

static bool is_nested(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v)) ||
	       (json_is_array(v) && json_array_size(v));
}

static void put_block(struct buf *b, const json_t *v, int indent);

/* Behind "key:" or "-": on the same line when it is short, else below. */
static void put_value(struct buf *b, const json_t *v, int indent, bool in_list)
{
	struct buf flow = BUF_INIT;
	put_flow(&flow, v);
	if (!is_nested(v) || (flow.len + (size_t)indent <= FLOW_MAX)) {
		(void)buf_putc(b, ' ');
		(void)buf_add(b, buf_str(&flow), flow.len);
		(void)buf_putc(b, '\n');
	} else if (in_list && json_is_object(v)) {
		(void)buf_putc(b, ' ');
		put_block(b, v, indent + 2);
	} else {
		(void)buf_putc(b, '\n');
		put_block(b, v, indent + 2);
	}
	buf_done(&flow);
}

/* in a list's element the first key stands behind the dash */
static void put_map(struct buf *b, const json_t *v, int indent)
{
	const char *key;
	json_t *x;
	bool first = b->len && b->data[b->len - 1] == ' ';
	json_object_foreach ((json_t *)v, key, x) {
		(void)buf_printf(b, "%*s", first ? 0 : indent, "");
		put_text(b, key, strlen(key));
		(void)buf_putc(b, ':');
		put_value(b, x, indent, false);
		first = false;
	}
}

static void put_block(struct buf *b, const json_t *v, int indent)
{
	json_t *x;
	size_t i;
	if (json_is_object(v)) {
		put_map(b, v, indent);
		return;
	}
	json_array_foreach ((json_t *)v, i, x) {
		(void)buf_printf(b, "%*s-", indent, "");
		put_value(b, x, indent, true);
	}
}

void yaml_print(struct buf *b, const json_t *v)
{
	if (is_nested(v)) {
		put_block(b, v, 0);
		return;
	}
	put_flow(b, v);
	(void)buf_putc(b, '\n');
}
