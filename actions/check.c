/* Checks values against schemas and says in words what is wrong with them. */
#include "actions/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/base/timefmt.h"

#define NAMES_SHOWN_MAX 12 /* longer lists of legal names are not written into a message */
#define MESSAGE_MAX 400
#define PATH_MAX_LEN 512
#define MEANT_MAX 8
#define GUESSES_MAX 64 /* of names meant instead of unknown ones: guessing is slow */

/* One walk over a value; `path` grows and shrinks with the depth. */
struct walk {
	const struct check *c;
	char path[PATH_MAX_LEN];
	size_t len, count, guesses;
	const char
		*meant[MEANT_MAX]; /* what unknown fields of the object at hand were meant to be */
	size_t n_meant;
};

static enum value_known known(const struct walk *w, const json_t *v)
{
	return w->c->known ? w->c->known(w->c->arg, v) : VALUE_KNOWN;
}

/* Paths that are too long are cut in messages; nothing else depends on them. */
static size_t __attribute__((format(printf, 2, 3))) push(struct walk *w, const char *fmt, ...)
{
	size_t before = w->len, room = sizeof(w->path) - w->len;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(w->path + w->len, room, fmt, ap);
	va_end(ap);
	w->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

static void pop(struct walk *w, size_t len)
{
	w->len = len;
	w->path[len] = '\0';
}

static size_t push_name(struct walk *w, const char *name)
{
	return push(w, w->len ? ".%s" : "%s", name);
}

static void __attribute__((format(printf, 3, 4)))
report(struct walk *w, bool warning, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->count += !warning;
	if (w->c->violation)
		w->c->violation(w->c->arg, w->path, text, warning);
}

static void check_value(struct walk *w, const struct schema *s, const json_t *v);

/* "a, b or c"; a scalar's own text, quoted only where it is a string. */
static void add_values(struct buf *b, const json_t *values, const char *last)
{
	size_t n = json_array_size(values);
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(values, i);
		(void)buf_puts(b, i == 0 ? "" : i + 1 < n ? ", " : last);
		if (json_is_string(v))
			(void)buf_puts(b, json_string_value(v));
		else
			(void)json_add_text(b, v);
	}
}

static const char *nearest(const json_t *values, const char *word)
{
	size_t n = json_array_size(values), used = 0;
	const char **names = mem_alloc((n + 1) * sizeof(*names));
	for (size_t i = 0; i < n; i++)
		if (json_is_string(json_array_get(values, i)))
			names[used++] = json_string_value(json_array_get(values, i));
	const char *near = suggest(word, names, used);
	free(names);
	return near;
}

static bool value_in(const json_t *values, const json_t *v)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		if (json_equal(json_array_get(values, i), v))
			return true;
	return false;
}

static void check_enum(struct walk *w, const struct schema *s, const json_t *v)
{
	struct buf legal = BUF_INIT;
	auto_free char *got = NULL;
	if (!s->values || value_in(s->values, v))
		return;
	const char *near = json_is_string(v) ? nearest(s->values, json_string_value(v)) : NULL;
	got = json_is_string(v) ? mem_printf("'%.60s'", json_string_value(v)) : json_text(v);
	add_values(&legal, s->values, " or ");
	report(w, false, "must be %s%s; got %.60s%s%s%s",
	       json_array_size(s->values) > 1 ? "one of " : "", buf_str(&legal), got,
	       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	buf_done(&legal);
}

static long count_chars(const json_t *v)
{
	const char *text = json_string_value(v);
	long n = 0;
	for (size_t i = 0; i < json_string_length(v); i++)
		n += ((unsigned char)text[i] & 0xC0) != 0x80;
	return n;
}

static void check_length(struct walk *w, const struct schema *s, long len, const char *unit)
{
	if (s->len_max >= 0 && len > s->len_max)
		report(w, false, "at most %ld %s%s; got %ld", s->len_max, unit,
		       s->len_max == 1 ? "" : "s", len);
	if (s->len_min >= 0 && len < s->len_min)
		report(w, false, "at least %ld %s%s; got %ld", s->len_min, unit,
		       s->len_min == 1 ? "" : "s", len);
}

static bool is_uuid(const char *t)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	if (strlen(t) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == '-' ? t[i] != '-' : !strchr("0123456789abcdefABCDEF", t[i]))
			return false;
	return true;
}

static bool is_time(const char *t)
{
	int64_t ms;
	return schema_time(t, &ms) == 0;
}

static bool is_email(const char *t)
{
	const char *at = strrchr(t, '@');
	return at && at != t && at[1] && !strpbrk(t, " \t\r\n,;<>");
}

static bool is_uri(const char *t)
{
	const char *colon = strstr(t, "://");
	return colon && colon != t && colon[3] && !strpbrk(t, " \t\r\n");
}

static const struct {
	const char *name, *text;
	bool (*fits)(const char *t);
} formats[] = {
	{"uuid", "a UUID", is_uuid},
	{"datetime", "a time such as 2026-01-31T09:00:00Z", is_time},
	{"date", "a date such as 2026-01-31", is_time},
	{"email", "an e-mail address", is_email},
	{"uri", "a URL", is_uri},
};

/* An odd form is a warning only: what the API really takes is its own affair. */
static void check_format(struct walk *w, const struct schema *s, const char *text)
{
	json_auto_t *v = json_string(text);
	if (value_in(s->also, v))
		return;
	for (size_t i = 0; s->format && i < sizeof(formats) / sizeof(*formats); i++)
		if (strcmp(formats[i].name, s->format) == 0 && !formats[i].fits(text))
			report(w, true, "'%.60s' does not look like %s", text, formats[i].text);
}

static void check_number(struct walk *w, const struct schema *s, const json_t *v)
{
	double n = json_number_value(v);
	if (s->has_max && n > s->max)
		report(w, false, "at most %.15g; got %.15g", s->max, n);
	if (s->has_min && n < s->min)
		report(w, false, "at least %.15g; got %.15g", s->min, n);
}

static void check_list(struct walk *w, const struct schema *s, const json_t *list)
{
	const json_t *v;
	size_t i;
	if (!s->encoded)
		check_length(w, s, (long)json_array_size(list), "element");
	json_array_foreach ((json_t *)list, i, v) {
		size_t at = push(w, "[%zu]", i);
		if (s->items)
			check_value(w, s->items, v);
		pop(w, at);
	}
}

/* A field that another, unknown one was told to be: it is not missing besides. */
static bool is_meant(const struct walk *w, const char *path)
{
	size_t len = strcspn(path, ".");
	for (size_t i = 0; i < w->n_meant; i++)
		if (strlen(w->meant[i]) == len && memcmp(w->meant[i], path, len) == 0)
			return true;
	return false;
}

/* Whether a field counts as given; -1: not known yet. A default value is as if left out. */
static int given(const struct walk *w, const struct schema *s, const json_t *obj, const char *path)
{
	const json_t *v = obj;
	if (is_meant(w, path))
		return -1;
	while (*path) {
		size_t len = strcspn(path, ".");
		auto_free char *name = mem_strndup(path, len);
		s = schema_field(s, name);
		v = json_object_get(v, name);
		if (!v || json_is_null(v))
			return 0;
		enum value_known k = known(w, v);
		if (k != VALUE_KNOWN && k != VALUE_TEXT)
			return -1;
		path += len + (path[len] == '.');
	}
	return !(s && s->fallback && json_equal(s->fallback, v));
}

/* A rule's names, one after another, into a message. */
static const char *list_names(struct buf *b, const json_t *names, const char *last)
{
	buf_clear(b);
	add_values(b, names, last);
	return buf_str(b);
}

static void count_given(const struct walk *w, const struct schema *s, const json_t *obj,
			const json_t *names, size_t *sure, size_t *maybe)
{
	*sure = *maybe = 0;
	for (size_t i = 0; i < json_array_size(names); i++) {
		int g = given(w, s, obj, json_string_value(json_array_get(names, i)));
		*sure += g > 0;
		*maybe += g < 0;
	}
}

static void check_alone(struct walk *w, const struct schema *s, const json_t *obj,
			const struct schema_rule *r)
{
	if (given(w, s, obj, r->field) <= 0)
		return;
	for (size_t i = 0; i < s->n_fields; i++) {
		json_auto_t *name = json_string(s->names[i]);
		if (strcmp(s->names[i], r->field) == 0 || value_in(r->names, name) ||
		    given(w, s, obj, s->names[i]) <= 0)
			continue;
		size_t at = push_name(w, s->names[i]);
		report(w, false, "cannot be combined with %s", r->field);
		pop(w, at);
	}
}

static void check_needs(struct walk *w, const struct schema *s, const json_t *obj,
			const struct schema_rule *r)
{
	struct buf names = BUF_INIT;
	size_t sure, maybe;
	count_given(w, s, obj, r->names, &sure, &maybe);
	if (given(w, s, obj, r->field) > 0 && !sure && !maybe) {
		size_t at = push_name(w, r->field);
		report(w, false, "is only possible together with %s",
		       list_names(&names, r->names, " or "));
		pop(w, at);
	}
	buf_done(&names);
}

static void check_group(struct walk *w, const struct schema *s, const json_t *obj,
			const struct schema_rule *r)
{
	struct buf names = BUF_INIT;
	size_t sure, maybe, n = json_array_size(r->names);
	count_given(w, s, obj, r->names, &sure, &maybe);
	list_names(&names, r->names, r->kind == RULE_TOGETHER ? " and " : " or ");
	bool none = sure + maybe == 0;
	if (r->kind == RULE_ONE_OF && none)
		report(w, false, "exactly one of %s is needed", buf_str(&names));
	else if (r->kind == RULE_ANY_OF && none)
		report(w, false, "at least one of %s is needed", buf_str(&names));
	else if ((r->kind == RULE_ONE_OF || r->kind == RULE_EXCLUSIVE) && sure > 1)
		report(w, false, "only one of %s may be given", buf_str(&names));
	else if (r->kind == RULE_TOGETHER && sure && sure + maybe < n)
		report(w, false, "%s must be given together", buf_str(&names));
	buf_done(&names);
}

static void check_rules(struct walk *w, const struct schema *s, const json_t *obj)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct schema_rule *r = &s->rules[i];
		if (r->kind == RULE_ALONE)
			check_alone(w, s, obj, r);
		else if (r->kind == RULE_NEEDS)
			check_needs(w, s, obj, r);
		else
			check_group(w, s, obj, r);
	}
}

/* That a field was meant to have another name is a guess; in open objects it is only a warning. */
static void report_unknown(struct walk *w, const struct schema *s, const char *name)
{
	bool guess = w->guesses++ < GUESSES_MAX;
	const char *near = guess ? suggest(name, s->names, s->n_fields) : NULL;
	if (near && !s->open && w->n_meant < MEANT_MAX)
		w->meant[w->n_meant++] = near;
	if (near)
		report(w, s->open, "unknown; did you mean '%s'?", near);
	else if (!s->open && s->n_fields && s->n_fields <= NAMES_SHOWN_MAX) {
		struct buf b = BUF_INIT;
		for (size_t i = 0; i < s->n_fields; i++)
			(void)buf_printf(&b, "%s%s", i ? ", " : "", s->names[i]);
		report(w, false, "unknown; possible here: %s", buf_str(&b));
		buf_done(&b);
	} else if (!s->open)
		report(w, false, s->n_fields ? "unknown" : "unknown; nothing is taken here");
}

/* Whether what is missing in the object at hand will be filled in. */
static bool is_filled(const struct walk *w)
{
	const json_t *name;
	size_t i;
	json_array_foreach ((json_t *)w->c->filled, i, name)
		if (strcmp(w->path, json_string_value(name)) == 0)
			return true;
	return false;
}

static void check_required(struct walk *w, const struct schema *s, const json_t *obj)
{
	for (size_t i = 0; i < s->n_fields && !is_filled(w); i++)
		if (s->fields[i]->required && !json_object_get(obj, s->names[i]) &&
		    !is_meant(w, s->names[i])) {
			size_t at = push_name(w, s->names[i]);
			report(w, false, "is required");
			pop(w, at);
		}
}

/* known: those that the schema has; else the others. */
static void check_fields(struct walk *w, const struct schema *s, const json_t *obj, bool known)
{
	const char *name;
	json_t *v;
	json_object_foreach ((json_t *)obj, name, v) {
		const struct schema *field = schema_field(s, name);
		size_t at = push_name(w, name);
		if (field && known)
			check_value(w, field, v);
		else if (!field && !known)
			report_unknown(w, s, name);
		pop(w, at);
	}
}

static void check_object(struct walk *w, const struct schema *s, const json_t *obj)
{
	check_fields(w, s, obj, true);
	w->n_meant = 0;
	check_fields(w, s, obj, false);
	check_required(w, s, obj);
	check_rules(w, s, obj);
}

static void report_type(struct walk *w, const struct schema *s, const json_t *v)
{
	if (json_is_null(v))
		report(w, false, "must be %s; got null — leave it out instead",
		       schema_type_text(s->type));
	else if (s->type == SCHEMA_LIST && json_is_string(v))
		report(w, false, "must be a list; got text — write it as [%.60s]",
		       json_string_value(v));
	else if (json_is_string(v))
		report(w, false, "must be %s; got the text '%.60s'", schema_type_text(s->type),
		       json_string_value(v));
	else
		report(w, false, "must be %s; got %s", schema_type_text(s->type),
		       json_is_number(v) ? "a number" : json_type_word(v));
}

static void check_text(struct walk *w, const struct schema *s, const json_t *given)
{
	json_auto_t *v = schema_normal(s, given);
	check_length(w, s, count_chars(v), "character");
	check_enum(w, s, v);
	check_format(w, s, json_string_value(v));
	if (s->begins && strncmp(json_string_value(v), s->begins, strlen(s->begins)) != 0)
		report(w, false, "must begin with %s", s->begins);
}

/* What goes as a text with JSON: a text that is given must hold some, a value must not be too long. */
static void check_encoded(struct walk *w, const struct schema *s, const json_t *v)
{
	json_auto_t *text = schema_normal(s, v);
	json_t *parsed = NULL;
	if (json_is_string(v) &&
	    json_parse(json_string_value(v), json_string_length(v), true, &parsed, NULL) != 0)
		report(w, false, "must be a map, or a text that holds JSON");
	json_decref(parsed);
	if (json_is_string(v) || !w->c->known)
		check_length(w, s, count_chars(text), "character");
}

static void check_known(struct walk *w, const struct schema *s, const json_t *v)
{
	if (json_is_null(v) && (s->nullable || s->type == SCHEMA_ANY))
		return;
	if (!schema_fits(s, v)) {
		report_type(w, s, v);
		return;
	}
	if (s->encoded) {
		check_encoded(w, s, v);
		if (json_is_string(v))
			return;
	}
	if (s->type == SCHEMA_OBJECT) {
		json_auto_t *empty = json_object();
		check_object(w, s, json_is_object(v) ? v : empty);
	} else if (s->type == SCHEMA_LIST && !json_is_array(v)) {
		json_auto_t *list = schema_normal(s, v);
		check_list(w, s, list);
	} else if (s->type == SCHEMA_LIST)
		check_list(w, s, v);
	else if ((json_is_string(v) || s->type == SCHEMA_STRING) && s->type != SCHEMA_FILE)
		check_text(w, s, v);
	else if (s->type != SCHEMA_FILE) {
		check_enum(w, s, v);
		check_number(w, s, v);
	}
}

static void check_value(struct walk *w, const struct schema *s, const json_t *v)
{
	bool takes_text = s->type == SCHEMA_STRING || s->type == SCHEMA_ANY ||
			  s->type == SCHEMA_FILE || s->csv || s->encoded;
	switch (known(w, v)) {
	case VALUE_KNOWN:
		check_known(w, s, v);
		break;
	case VALUE_TEXT:
		if (!takes_text)
			report(w, false, "must be %s; got text", schema_type_text(s->type));
		break;
	case VALUE_LIST:
		if (s->type != SCHEMA_LIST && s->type != SCHEMA_ANY && !s->encoded)
			report(w, false, "must be %s; got a list", schema_type_text(s->type));
		break;
	case VALUE_SINGLE:
		if (s->type == SCHEMA_LIST && !s->csv && !s->encoded)
			report(w, false, "must be a list; got a single value: write it as [=…]");
		break;
	case VALUE_UNKNOWN:
		break;
	}
}

size_t schema_check(const struct schema *s, const json_t *v, const char *path,
		    const struct check *c)
{
	struct walk w = {.c = c};
	(void)push(&w, "%s", path);
	check_value(&w, s, v);
	return w.count;
}
