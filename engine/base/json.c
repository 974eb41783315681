/* What the program needs around jansson: strict reading, stable texts, paths. */
#include "engine/base/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"

/* What a look over the text tells before jansson reads it. */
struct scan {
	const char *bad; /* the byte that cannot be, or NULL */
	const char *why;
	size_t n_long; /* integers that a long long cannot hold */
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

/* The place in the original of a place in the lengthened copy. */
static size_t original_place(const char *text, size_t len, size_t place)
{
	size_t added = 0;
	bool is_long_int;
	for (const char *p = text, *end = text + len; p < end;) {
		is_long_int = false;
		if (*p == '"')
			p = scan_string(p, end);
		else if (*p == '-' || (*p >= '0' && *p <= '9'))
			p = scan_number(p, end, &is_long_int);
		else
			p++;
		if ((size_t)(p - text) + added >= place)
			break;
		added += is_long_int ? 2 : 0;
	}
	return place > added ? place - added : 0;
}

int json_parse(const char *text, size_t len, bool strict, json_t **ret, struct errmsg *msg)
{
	struct scan s = scan_text(text, len);
	if (s.bad)
		return fail_at(msg, text, s.bad, s.why);
	auto_free char *copy = NULL;
	size_t copy_len = len;
	if (s.n_long)
		copy = lengthen(text, len, s.n_long, &copy_len);
	json_error_t err;
	size_t flags = JSON_REJECT_DUPLICATES | (strict ? 0 : JSON_DECODE_ANY);
	json_t *v = json_loadb(copy ? copy : text, copy_len, flags, &err);
	if (v) {
		*ret = v;
		return 0;
	}
	/* jansson's position is behind the last byte it took. */
	size_t place = err.position > 0 ? (size_t)err.position : 0;
	place = copy ? original_place(text, len, place) : place;
	place = place > len ? len : place;
	const char *why = json_error_code(&err) == json_error_null_character
				  ? "a text cannot hold \\u0000"
				  : err.text;
	return fail_at(msg, text, text + (place ? place - 1 : 0), why);
}

/* The shortest text that reads back as the same number, always with a point or an exponent. */
static int add_real(struct buf *b, double x)
{
	char text[32];
	int precision = 15;
	do
		snprintf(text, sizeof(text), "%.*g", precision, x);
	while (strtod(text, NULL) != x && ++precision <= 17);
	char *e = strchr(text, 'e');
	if (!e)
		return buf_printf(b, "%s%s", text, strchr(text, '.') ? "" : ".0");
	/* "1e+05" and "2e-08" lose their sign and zeros. */
	const char *digits = e + 2;
	while (*digits == '0' && digits[1])
		digits++;
	return buf_printf(b, "%.*s%s%s", (int)(e - text + 1), text, e[1] == '-' ? "-" : "", digits);
}

static int add_string(struct buf *b, const char *s, size_t len)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	int rc = buf_putc(b, '"');
	for (const char *end = s + len; !rc && s < end;) {
		const char *p = s;
		while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
			p++;
		rc = p > s ? buf_add(b, s, (size_t)(p - s)) : 0;
		if (rc || p == end)
			break;
		const char *esc = NULL;
		for (const char *q = shorts; *q && !esc; q += 2)
			esc = *q == *p ? q + 1 : NULL;
		rc = esc ? buf_printf(b, "\\%c", *esc) : buf_printf(b, "\\u%04x", (unsigned)*p);
		s = p + 1;
	}
	return rc ? rc : buf_putc(b, '"');
}

static int add_value(struct buf *b, const json_t *v, bool sorted);

static int add_member(struct buf *b, const char *key, size_t len, const json_t *v, bool sorted)
{
	int rc = add_string(b, key, len);
	rc = rc ? rc : buf_putc(b, ':');
	return rc ? rc : add_value(b, v, sorted);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys cannot hold NULs: json_parse refuses them, as does jansson. */
static int add_sorted(struct buf *b, json_t *obj)
{
	size_t n = 0;
	const char *key;
	json_t *member;
	auto_free const char **keys = mem_alloc(json_object_size(obj) * sizeof(*keys));
	json_object_foreach (obj, key, member)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_text);
	int rc = 0;
	for (size_t i = 0; !rc && i < n; i++) {
		rc = i ? buf_putc(b, ',') : 0;
		member = json_object_get(obj, keys[i]);
		rc = rc ? rc : add_member(b, keys[i], strlen(keys[i]), member, true);
	}
	return rc;
}

static int add_object(struct buf *b, const json_t *v, bool sorted)
{
	json_t *obj = (json_t *)v, *member;
	const char *key, *comma = "";
	int rc = buf_putc(b, '{');
	if (rc || sorted) {
		rc = rc ? rc : add_sorted(b, obj);
		return rc ? rc : buf_putc(b, '}');
	}
	json_object_foreach (obj, key, member) {
		rc = buf_puts(b, comma);
		rc = rc ? rc : add_member(b, key, strlen(key), member, false);
		if (rc)
			return rc;
		comma = ",";
	}
	return buf_putc(b, '}');
}

static int add_list(struct buf *b, const json_t *v, bool sorted)
{
	int rc = buf_putc(b, '[');
	for (size_t i = 0; !rc && i < json_array_size(v); i++) {
		rc = i ? buf_putc(b, ',') : 0;
		rc = rc ? rc : add_value(b, json_array_get(v, i), sorted);
	}
	return rc ? rc : buf_putc(b, ']');
}

/* jansson's own writer gives 0.1 seventeen digits, which nobody wants to read or compare. */
static int add_value(struct buf *b, const json_t *v, bool sorted)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return add_object(b, v, sorted);
	case JSON_ARRAY:
		return add_list(b, v, sorted);
	case JSON_STRING:
		return add_string(b, json_string_value(v), json_string_length(v));
	case JSON_INTEGER:
		return buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	case JSON_REAL:
		return add_real(b, json_real_value(v));
	case JSON_TRUE:
		return buf_puts(b, "true");
	case JSON_FALSE:
		return buf_puts(b, "false");
	case JSON_NULL:
		break;
	}
	return buf_puts(b, "null");
}

char *json_text(const json_t *v)
{
	struct buf b = BUF_INIT;
	if (!v)
		return NULL;
	(void)add_value(&b, v, false); /* a buffer without a maximum takes all */
	return buf_take(&b);
}

char *json_canonical(const json_t *v)
{
	struct buf b = BUF_INIT;
	if (!v)
		return NULL;
	(void)add_value(&b, v, true);
	return buf_take(&b);
}

int json_add_text(struct buf *b, const json_t *v)
{
	size_t before = b->len;
	int rc = add_value(b, v, false);
	if (!rc)
		return 0;
	/* All or nothing. */
	b->len = before;
	if (b->data)
		b->data[before] = '\0';
	return rc;
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
