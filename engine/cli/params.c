/* From words like `contact.email=ada@example.com` to one JSON object. */
#include "engine/cli/params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/schema.h"
#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"

int params_file(const char *path, char **ret, size_t *ret_len, struct errmsg *msg)
{
	bool in = !strcmp(path, "-");
	FILE *f = in ? stdin : fopen(path, "rb");
	if (!f)
		return err_set(msg, ERR_IO, "cannot open '%s': %s", path, strerror(errno));
	struct buf b = {.max = PARAMS_FILE_MAX};
	char block[16384];
	int err = 0;
	size_t n;
	while (!err && (n = fread(block, 1, sizeof(block), f)) > 0)
		err = buf_add(&b, block, n);
	if (err)
		(void)err_set(msg, ERR_TOOBIG, "'%s' is larger than %d MiB", path,
			      PARAMS_FILE_MAX / (1024 * 1024));
	else if (ferror(f))
		err = err_set(msg, ERR_IO, "cannot read '%s': %s", path, strerror(errno));
	if (!in)
		(void)fclose(f);
	if (!err) {
		*ret_len = b.len;
		*ret = buf_take(&b);
	}
	buf_done(&b);
	return err;
}

/* The place of the '=' that ends the key, or NULL: a key has no blanks and does not begin with one. */
static const char *equals(const char *word)
{
	const char *at = strchr(word, '=');
	return at && at > word && !(at == word + 1 && *word == ':') ? at : NULL;
}

bool params_is_one(const char *word)
{
	return equals(word) != NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static json_t *file_value(const char *path, const struct schema *s, struct errmsg *msg)
{
	char *text;
	size_t len;
	if (params_file(path, &text, &len, msg) != 0)
		return NULL;
	json_t *v = json_stringn(text, len);
	free(text);
	if (!v) {
		(void)err_set(msg, ERR_USAGE, "'%s' is no UTF-8 text", path);
		return NULL;
	}
	return s && s->type == SCHEMA_FILE
		       ? json_pack("{s:s, s:o}", "name",
				   strcmp(path, "-") ? base_name(path) : "input", "text", v)
		       : v;
}

static json_t *json_value(const char *text, struct errmsg *msg)
{
	auto_free char *owned = NULL;
	size_t len = strlen(text);
	json_t *v = NULL;
	if (*text == '@') {
		if (params_file(text + 1, &owned, &len, msg) != 0)
			return NULL;
		text = owned;
	}
	if (json_parse(text, len, false, &v, msg) != 0)
		return NULL;
	return v;
}

/* A text as the number or boolean that is due; the text itself when it is none. */
static json_t *text_value(const char *text, const struct schema *s)
{
	char *end;
	errno = 0;
	if (s && s->type == SCHEMA_LIST)
		s = s->items;
	if (s && s->type == SCHEMA_INTEGER) {
		long long n = strtoll(text, &end, 10);
		if (*text && !*end && !errno)
			return json_integer(n);
	}
	if (s && s->type == SCHEMA_NUMBER) {
		double d = strtod(text, &end);
		if (*text && !*end && !errno)
			return json_real(d);
	}
	if (s && s->type == SCHEMA_BOOLEAN && !strcmp(text, "true"))
		return json_true();
	if (s && s->type == SCHEMA_BOOLEAN && !strcmp(text, "false"))
		return json_false();
	return json_string(text);
}

static json_t *value_of(const char *text, bool typed, const struct schema *s, struct errmsg *msg)
{
	if (typed)
		return json_value(text, msg);
	if (*text == '@')
		return file_value(text + 1, s, msg);
	json_t *v = text_value(text, s);
	if (!v)
		(void)err_set(msg, ERR_USAGE, "it is no UTF-8 text");
	return v;
}

/* Goes down to the object that takes the last part of the key; makes what is missing on the way. */
static json_t *descend(json_t *obj, char *key, const struct schema **s, char **ret_last,
		       struct errmsg *msg)
{
	char *dot;
	for (; (dot = strchr(key, '.')); key = dot + 1) {
		*dot = 0;
		json_t *next = json_object_get(obj, key);
		if (!next) {
			next = *key ? json_object() : NULL;
			if (!next || json_object_set_new(obj, key, next) != 0)
				break;
		} else if (!json_is_object(next)) {
			(void)err_set(msg, ERR_USAGE, "'%s' is %s already, not an object", key,
				      json_type_word(next));
			return NULL;
		}
		obj = next;
		*s = *s ? schema_field(*s, key) : NULL;
	}
	if (dot || !*key) {
		(void)err_set(msg, ERR_USAGE, "a part of the name is empty or no UTF-8 text");
		return NULL;
	}
	*ret_last = key;
	*s = *s ? schema_field(*s, key) : NULL;
	return obj;
}

/* A list that the API writes with commas is a text here; what comes again goes behind a comma. */
static json_t *joined(json_t *old, json_t *v)
{
	json_t *both = json_sprintf("%s,%s", json_string_value(old), json_string_value(v));
	json_decref(v);
	return both;
}

/* Takes v. A list grows by it, anything else may be set once. */
static int put(json_t *obj, const char *key, json_t *v, bool typed, const struct schema *s,
	       struct errmsg *msg)
{
	json_t *old = json_object_get(obj, key);
	bool list = s && s->type == SCHEMA_LIST && !typed;
	if (list && s->csv && json_is_string(old) && json_is_string(v))
		return json_object_set_new(obj, key, joined(old, v))
			       ? err_set(msg, ERR_TOOBIG, "it is too long")
			       : 0;
	if (old && !(list && json_is_array(old))) {
		json_decref(v);
		return err_set(msg, ERR_USAGE, "it is given twice");
	}
	if (list && !old && s->csv) /* the API cuts a text at its commas itself */
		list = false;
	if (list && !old) {
		old = json_array();
		(void)json_object_set_new(obj, key, old);
	}
	int bad = list ? json_array_append_new(old, v) : json_object_set_new(obj, key, v);
	return bad ? err_set(msg, ERR_USAGE, "the name is no UTF-8 text") : 0;
}

int params_set(json_t *obj, const char *word, const struct schema *schema, struct errmsg *msg)
{
	const char *at = equals(word);
	if (!at)
		return err_set(msg, ERR_USAGE, "'%s' is no key=value", word);
	bool typed = at[-1] == ':';
	auto_free char *key = mem_strndup(word, (size_t)(at - word) - typed);
	auto_free char *path = mem_strdup(key);
	char *last;
	json_t *into = descend(obj, path, &schema, &last, msg);
	json_t *v = into ? value_of(at + 1, typed, schema, msg) : NULL;
	if (!v || put(into, last, v, typed, schema, msg) != 0)
		return err_wrap(msg, "%s", key);
	return 0;
}

/* "@FILE" in a field that takes a file. */
static int read_files(json_t *data, const struct schema *schema, struct errmsg *msg)
{
	for (size_t i = 0; schema && i < schema->n_fields; i++) {
		const char *text = json_str(data, schema->names[i]);
		if (schema->fields[i]->type != SCHEMA_FILE || !text || *text != '@')
			continue;
		json_t *v = file_value(text + 1, schema->fields[i], msg);
		if (!v)
			return err_wrap(msg, "%s", schema->names[i]);
		(void)json_object_set_new(data, schema->names[i], v);
	}
	return 0;
}

json_t *params_data(const char *data, const struct schema *schema, struct errmsg *msg)
{
	json_t *v = json_value(strcmp(data, "-") ? data : "@-", msg);
	if (!v) {
		(void)err_wrap(msg, "--data");
		return NULL;
	}
	if (!json_is_object(v))
		(void)err_set(msg, ERR_USAGE, "--data takes an object, not %s", json_type_word(v));
	else if (read_files(v, schema, msg) == 0)
		return v;
	json_decref(v);
	return NULL;
}
