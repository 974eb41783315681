/* What the program needs around jansson: strict reading, stable texts, paths. */
#include "engine/base/json.h"

#include <ctype.h>
#include <string.h>

#include "engine/base/arena.h"

/* What a look over the text tells before jansson reads it. */
struct scan {
	const char *bad;   /* the byte that cannot be, or NULL */
	const char *why;
	size_t n_long;     /* integers that a long long cannot hold */
};

/* Whether the digits of a number token without sign are too many for 64 bits. */
static bool is_long(const char *digits, size_t len, bool minus)
{
	const char *most = minus ? "9223372036854775808" : "9223372036854775807";
	return len > 19 || (len == 19 && memcmp(digits, most, 19) > 0);
}

/*
 * The end of the number token at p. *is_long_int is set for an integer jansson would refuse.
 * Malformed tokens are passed over: jansson reports them.
 */
static const char *scan_number(const char *p, const char *end, bool *is_long_int)
{
	bool minus = *p == '-', integer = true;
	const char *first = p + minus;
	for (p = first; p < end && (isalnum((unsigned char)*p) || strchr("+-.", *p)) && *p; p++)
		integer = integer && *p >= '0' && *p <= '9';
	*is_long_int = integer && is_long(first, (size_t)(p - first), minus);
	return p;
}

/* Behind the string's closing quote, or end. */
static const char *scan_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && p + 1 < end && p[1])
			p++;
		else if (!*p)
			return p;
	}
	return end;
}

/* Depth, NUL bytes and long integers, in one pass that copies nothing. */
static struct scan scan_text(const char *text, size_t len)
{
	struct scan s = {0};
	int depth = 0;
	bool is_long_int;
	for (const char *p = text, *end = text + len; p < end;) {
		switch (*p) {
		case '"':
			p = scan_string(p, end);
			continue;
		case '{':
		case '[':
			if (++depth > JSON_DEPTH_MAX) {
				s.bad = p;
				s.why = "nested deeper than 64";
				return s;
			}
			break;
		case '}':
		case ']':
			depth--;
			break;
		case '\0':
			s.bad = p;
			s.why = "a NUL byte";
			return s;
		default:
			if (*p != '-' && (*p < '0' || *p > '9'))
				break;
			p = scan_number(p, end, &is_long_int);
			s.n_long += is_long_int;
			continue;
		}
		p++;
	}
	return s;
}

/* Copies text with ".0" behind each long integer. malloc'd; room for n_long of them. */
static char *lengthen(const char *text, size_t len, size_t n_long, size_t *ret_len)
{
	char *copy = mem_alloc(len + 2 * n_long + 1), *out = copy;
	bool is_long_int;
	for (const char *p = text, *end = text + len; p < end;) {
		const char *from = p;
		is_long_int = false;
		if (*p == '"')
			p = scan_string(p, end);
		else if (*p == '-' || (*p >= '0' && *p <= '9'))
			p = scan_number(p, end, &is_long_int);
		else
			p++;
		memcpy(out, from, (size_t)(p - from));
		out += p - from;
		if (is_long_int) {
			memcpy(out, ".0", 2);
			out += 2;
		}
	}
	*ret_len = (size_t)(out - copy);
	return copy;
}

static int fail_at(struct errmsg *msg, const char *text, const char *at, const char *why)
{
	int line = 1, col = 1;
	for (const char *p = text; p < at; p++) {
		if (*p == '\n') {
			line++;
			col = 1;
		} else if (((unsigned char)*p & 0xc0) != 0x80) {
			col++;
		}
	}
	return err_set(msg, ERR_PARSE, "line %d column %d: %s", line, col, why);
}

int json_parse(const char *text, size_t len, bool strict, json_t **ret, struct errmsg *msg)
{
	struct scan s = scan_text(text, len);
	if (s.bad)
		return fail_at(msg, text, s.bad, s.why);
	auto_free char *copy = NULL;
	if (s.n_long)
		text = copy = lengthen(text, len, s.n_long, &len);
	json_error_t err;
	size_t flags = JSON_REJECT_DUPLICATES | (strict ? 0 : JSON_DECODE_ANY);
	json_t *v = json_loadb(text, len, flags, &err);
	if (!v)
		return err_set(msg, ERR_PARSE, "line %d column %d: %s", err.line,
			       err.column < 1 ? 1 : err.column, err.text);
	*ret = v;
	return 0;
}

char *json_text(const json_t *v)
{
	return json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *json_canonical(const json_t *v)
{
	return json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
}

static int add_piece(const char *data, size_t len, void *b)
{
	return buf_add(b, data, len) ? -1 : 0;
}

int json_add_text(struct buf *b, const json_t *v)
{
	size_t before = b->len;
	if (!json_dump_callback(v, add_piece, b, JSON_COMPACT | JSON_ENCODE_ANY))
		return 0;
	/* All or nothing. */
	b->len = before;
	if (b->data)
		b->data[before] = '\0';
	return ERR_TOOBIG;
}

/* The list element that the len digits at p name. */
static json_t *element(const json_t *list, const char *p, size_t len)
{
	size_t i = 0;
	if (!len || len > 9)
		return NULL;
	for (size_t k = 0; k < len; k++) {
		if (p[k] < '0' || p[k] > '9')
			return NULL;
		i = i * 10 + (size_t)(p[k] - '0');
	}
	return json_array_get(list, i);
}

json_t *json_path(const json_t *v, const char *path)
{
	while (v) {
		json_t *whole = json_object_get(v, path);
		if (whole)
			return whole;
		size_t len = strcspn(path, ".");
		v = json_is_array(v) ? element(v, path, len) : json_object_getn(v, path, len);
		if (!path[len])
			return (json_t *)v;
		path += len + 1;
	}
	return NULL;
}

const char *json_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

json_int_t json_int(const json_t *obj, const char *key, json_int_t def)
{
	const json_t *v = json_object_get(obj, key);
	return json_is_integer(v) ? json_integer_value(v) : def;
}

bool json_bool(const json_t *obj, const char *key, bool def)
{
	const json_t *v = json_object_get(obj, key);
	return json_is_boolean(v) ? json_is_true(v) : def;
}

json_t *json_clone(const json_t *v)
{
	return json_deep_copy(v);
}

const char *json_type_word(const json_t *v)
{
	if (!v)
		return "null";
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "list";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "integer";
	case JSON_REAL:
		return "number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "boolean";
	case JSON_NULL:
		break;
	}
	return "null";
}
