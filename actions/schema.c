/* Types of values: compiled from definitions, and used to make values ready to be sent. */
#include "actions/schema.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

static const struct {
	const char *word, *text;
} types[] = {
#define X(code, word, text) [SCHEMA_##code] = {word, text},
	SCHEMA_TYPE_MAP(X)
#undef X
};

static const char *const rule_words[] = {
#define X(code, word) [RULE_##code] = word,
	SCHEMA_RULE_MAP(X)
#undef X
};

const char *schema_type_word(enum schema_type t)
{
	return t < SCHEMA_TYPES ? types[t].word : "?";
}

const char *schema_type_text(enum schema_type t)
{
	return t < SCHEMA_TYPES ? types[t].text : "?";
}

int schema_type_by_word(const char *word)
{
	for (int i = 0; i < SCHEMA_TYPES; i++)
		if (word && strcmp(types[i].word, word) == 0)
			return i;
	return -1;
}

/* Compiling. */

static void read_limits(struct schema *s, const json_t *def)
{
	const json_t *min = json_object_get(def, "min"), *max = json_object_get(def, "max");
	bool list = s->type == SCHEMA_LIST;
	s->has_min = json_is_number(min);
	s->has_max = json_is_number(max);
	s->min = json_number_value(min);
	s->max = json_number_value(max);
	list = list && !s->encoded;
	s->len_min = (long)json_int(def, list ? "min_items" : "min_length", -1);
	s->len_max = (long)json_int(def, list ? "max_items" : "max_length", -1);
}

static int read_fields(struct schema *s, json_t *fields, struct errmsg *msg)
{
	size_t n = json_object_size(fields), i = 0;
	const char *name;
	json_t *def;
	s->names = mem_alloc((n + 1) * sizeof(*s->names));
	s->fields = mem_alloc((n + 1) * sizeof(*s->fields));
	json_object_foreach (fields, name, def) {
		s->names[i] = name;
		s->fields[i] = schema_new(def, msg);
		if (!s->fields[i])
			return err_wrap(msg, "%s", name);
		s->n_fields = ++i;
	}
	return 0;
}

static void add_rule(struct schema *s, enum schema_rule_kind kind, const char *field,
		     const json_t *names)
{
	s->rules = mem_realloc(s->rules, (s->n_rules + 1) * sizeof(*s->rules));
	s->rules[s->n_rules++] = (struct schema_rule){.kind = kind, .field = field, .names = names};
}

static bool is_text_list(const json_t *v)
{
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!json_is_string(json_array_get(v, i)))
			return false;
	return json_is_array(v);
}

/* Rules are lists of lists of names, or maps from one field to the names that it goes with. */
static int read_rules(struct schema *s, json_t *def, struct errmsg *msg)
{
	for (int kind = 0; kind < SCHEMA_RULES; kind++) {
		json_t *rules = json_object_get(def, rule_words[kind]), *names;
		const char *field;
		size_t i;
		json_array_foreach (rules, i, names) {
			if (!is_text_list(names))
				return err_set(msg, ERR_PARSE, "%s must hold lists of names",
					       rule_words[kind]);
			add_rule(s, (enum schema_rule_kind)kind, NULL, names);
		}
		json_object_foreach (rules, field, names) {
			if (!is_text_list(names))
				return err_set(msg, ERR_PARSE, "%s must hold lists of names",
					       rule_words[kind]);
			add_rule(s, (enum schema_rule_kind)kind, field, names);
		}
	}
	return 0;
}

static int compile(struct schema *s, const json_t *def, struct errmsg *msg)
{
	const char *word = json_str(def, "type");
	int type = word ? schema_type_by_word(word) : SCHEMA_ANY;
	json_t *fields = json_object_get(def, "fields"), *items = json_object_get(def, "items");
	if (!json_is_object(def) || type < 0)
		return err_set(msg, ERR_PARSE, "there is no type '%s'", word ? word : "");
	s->type = (enum schema_type)type;
	s->format = json_str(def, "format");
	s->about = json_str(def, "about");
	s->required = json_bool(def, "required", false);
	s->nullable = json_bool(def, "null", false);
	s->open = json_bool(def, "open", !fields);
	s->ignored = json_bool(def, "ignored", false);
	s->encoded = json_str(def, "encode") && strcmp(json_str(def, "encode"), "json") == 0;
	s->as_text = json_bool(def, "as_text", false);
	s->layout = json_str(def, "date_as");
	s->begins = json_str(def, "begins");
	s->also = json_object_get(def, "also");
	s->example = json_object_get(def, "example");
	s->csv = json_str(def, "list") && strcmp(json_str(def, "list"), "csv") == 0;
	s->values = json_object_get(def, "enum");
	s->fallback = json_object_get(def, "default");
	read_limits(s, def);
	if (s->encoded && s->type != SCHEMA_OBJECT && s->type != SCHEMA_LIST &&
	    s->type != SCHEMA_ANY)
		return err_set(msg, ERR_PARSE, "encode is for objects, lists and any");
	if (items && !(s->items = schema_new(items, msg)))
		return err_wrap(msg, "items");
	int err = read_fields(s, fields, msg);
	return err ? err : read_rules(s, (json_t *)def, msg);
}

struct schema *schema_new(const json_t *def, struct errmsg *msg)
{
	struct schema *s = mem_alloc(sizeof(*s));
	if (compile(s, def, msg) == 0)
		return s;
	schema_free(s);
	return NULL;
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_fields; i++)
		schema_free(s->fields[i]);
	schema_free(s->items);
	free(s->names);
	free(s->fields);
	free(s->rules);
	free(s);
}

const struct schema *schema_field(const struct schema *s, const char *name)
{
	for (size_t i = 0; s && i < s->n_fields; i++)
		if (strcmp(s->names[i], name) == 0)
			return s->fields[i];
	return NULL;
}

const json_t *schema_member(const json_t *v, const char *path)
{
	while (v && *path) {
		size_t len = strcspn(path, ".");
		v = json_object_getn(v, path, len);
		path += len + (path[len] == '.');
	}
	return v;
}

/* Making a value ready to be sent. */

/* Lua has one empty table, so each kind of empty container is taken for the other. */
static bool is_empty_container(const json_t *v)
{
	return (json_is_object(v) && !json_object_size(v)) ||
	       (json_is_array(v) && !json_array_size(v));
}

static bool is_integral(const json_t *v)
{
	double n = json_real_value(v);
	return json_is_integer(v) ||
	       (json_is_real(v) && n > -9.0e15 && n < 9.0e15 && n == (double)(long long)n);
}

static bool fits_file(const json_t *v)
{
	return json_is_string(v) ||
	       (json_is_object(v) && (json_object_get(v, "text") || json_object_get(v, "file")));
}

bool schema_fits(const struct schema *s, const json_t *v)
{
	if (s->encoded && json_is_string(v))
		return true;
	switch (s->type) {
	case SCHEMA_STRING:
		return json_is_string(v) ||
		       (s->as_text && (json_is_number(v) || json_is_boolean(v)));
	case SCHEMA_INTEGER:
		return is_integral(v);
	case SCHEMA_NUMBER:
		return json_is_number(v);
	case SCHEMA_BOOLEAN:
		return json_is_boolean(v);
	case SCHEMA_OBJECT:
		return json_is_object(v) || is_empty_container(v);
	case SCHEMA_LIST:
		return json_is_array(v) || is_empty_container(v) || (s->csv && json_is_string(v));
	case SCHEMA_FILE:
		return fits_file(v);
	case SCHEMA_ANY:
	case SCHEMA_TYPES:
		break;
	}
	return true;
}

static json_t *cut_at_commas(const char *text)
{
	json_t *list = json_array();
	while (*text) {
		size_t len = strcspn(text, ",");
		size_t from = strspn(text, " ");
		size_t to = len;
		while (to > from && text[to - 1] == ' ')
			to--;
		if (to > from)
			json_array_append_new(list, json_stringn(text + from, to - from));
		text += len + (text[len] == ',');
	}
	return list;
}

static json_t *normal_list(const struct schema *s, const json_t *v)
{
	json_t *list, *element;
	size_t i;
	if (json_is_string(v))
		return s->csv ? cut_at_commas(json_string_value(v)) : json_deep_copy(v);
	list = json_array();
	json_array_foreach ((json_t *)v, i, element)
		json_array_append_new(list, s->items ? schema_normal(s->items, element)
						     : json_deep_copy(element));
	return list;
}

static json_t *normal_object(const struct schema *s, const json_t *v)
{
	json_t *obj = json_object(), *member;
	const char *name;
	json_object_foreach ((json_t *)v, name, member) {
		const struct schema *field = schema_field(s, name);
		json_object_set_new(obj, name,
				    field ? schema_normal(field, member) : json_deep_copy(member));
	}
	return obj;
}

/* "-0500" at the end of a time as "-05:00", which is what time_parse reads. */
static const char *with_colon(const char *text, char out[TIME_TEXT_LEN + 8])
{
	size_t len = strlen(text);
	if (len < 20 || len > TIME_TEXT_LEN + 4 || !strchr("+-", text[len - 5]))
		return text;
	memcpy(out, text, len - 2);
	out[len - 2] = ':';
	memcpy(out + len - 1, text + len - 2, 3);
	return out;
}

int schema_time(const char *text, int64_t *ret_ms)
{
	char spaced[TIME_TEXT_LEN + 8];
	return time_parse(with_colon(text, spaced), ret_ms, NULL);
}

/*
 * Writes a time in UTC as the layout says; what is no time stays what it is. A layout without a
 * clock asks for a day of the calendar: that is the day that is written, wherever it was.
 */
static json_t *laid_out(const char *layout, const char *text)
{
	static const struct {
		char sign;
		size_t at, len; /* of what time_format writes */
	} parts[] = {{'Y', 0, 4},  {'m', 5, 2},  {'d', 8, 2}, {'H', 11, 2},
		     {'M', 14, 2}, {'S', 17, 2}, {'f', 20, 3}};
	char whole[TIME_TEXT_LEN];
	struct buf b = BUF_INIT;
	int64_t ms;
	if (schema_time(text, &ms))
		return json_string(text);
	(void)time_format(ms, whole);
	if (!strstr(layout, "%H"))
		memcpy(whole, text, sizeof("2026-01-31") - 1);
	for (const char *p = layout; *p; p++) {
		size_t i = 0;
		if (*p != '%' || !p[1]) {
			(void)buf_putc(&b, *p);
			continue;
		}
		p++;
		while (i < sizeof(parts) / sizeof(*parts) && parts[i].sign != *p)
			i++;
		if (i < sizeof(parts) / sizeof(*parts))
			(void)buf_add(&b, whole + parts[i].at, parts[i].len);
		else if (*p == 'z')
			(void)buf_puts(&b, "+0000");
		else
			(void)buf_putc(&b, *p);
	}
	json_t *v = json_string(buf_str(&b));
	buf_done(&b);
	return v;
}

static json_t *normal_text(const struct schema *s, const json_t *v)
{
	auto_free char *text = json_is_string(v) ? NULL : json_text(v);
	if (s->layout && json_is_string(v))
		return laid_out(s->layout, json_string_value(v));
	return text ? json_string(text) : json_deep_copy(v);
}

static json_t *encoded(const struct schema *s, const json_t *v)
{
	json_auto_t *plain = s->type == SCHEMA_LIST     ? normal_list(s, v)
			     : s->type == SCHEMA_OBJECT ? normal_object(s, v)
							: json_deep_copy(v);
	auto_free char *text = json_canonical(plain);
	return json_string(text);
}

json_t *schema_normal(const struct schema *s, const json_t *v)
{
	if (!schema_fits(s, v) || json_is_null(v))
		return json_deep_copy(v);
	if (s->encoded)
		return json_is_string(v) ? json_deep_copy(v) : encoded(s, v);
	if (s->type == SCHEMA_STRING)
		return normal_text(s, v);
	if (s->type == SCHEMA_LIST)
		return normal_list(s, v);
	if (s->type == SCHEMA_OBJECT)
		return normal_object(s, v);
	if (s->type == SCHEMA_INTEGER && json_is_real(v))
		return json_integer((json_int_t)json_real_value(v));
	return json_deep_copy(v);
}
