/* Bodies and results of another form. */
#include "actions/shape.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

/* The name of the parameter that a text stands for, or NULL. */
static const char *parameter(const json_t *v)
{
	const char *text = json_string_value(v);
	return text && *text == '$' && text[1] != '$' ? text + 1 : NULL;
}

static bool is_given(const json_t *params, const char *name)
{
	const json_t *v = json_object_get(params, name);
	return v && !json_is_null(v);
}

static json_t *fill_text(const json_t *v, const json_t *params)
{
	const char *text = json_string_value(v), *name = parameter(v);
	if (name)
		return is_given(params, name) ? json_incref(json_object_get(params, name)) : NULL;
	return *text == '$' ? json_string(text + 1) : json_incref((json_t *)v);
}

static json_t *fill_map(const json_t *shape, const json_t *params)
{
	const char *key, *when = json_str(shape, "when");
	json_t *v;
	if (when && !is_given(params, when))
		return NULL;
	json_t *map = json_object();
	json_object_foreach ((json_t *)shape, key, v) {
		json_t *filled = when && strcmp(key, "when") == 0 ? NULL : shape_fill(v, params);
		if (filled)
			json_object_set_new(map, key, filled);
	}
	return map;
}

static json_t *fill_list(const json_t *shape, const json_t *params)
{
	json_t *list = json_array(), *v;
	size_t i;
	json_array_foreach ((json_t *)shape, i, v) {
		json_t *filled = shape_fill(v, params);
		if (filled)
			json_array_append_new(list, filled);
	}
	return list;
}

json_t *shape_fill(const json_t *shape, const json_t *params)
{
	if (json_is_string(shape))
		return fill_text(shape, params);
	if (json_is_object(shape))
		return fill_map(shape, params);
	if (json_is_array(shape))
		return fill_list(shape, params);
	return json_incref((json_t *)shape);
}

const char *shape_stray(const json_t *shape, const json_t *params)
{
	const char *key, *stray = NULL, *name = parameter(shape);
	json_t *v;
	size_t i;
	if (name)
		return json_object_get(params, name) ? NULL : name;
	name = json_str(shape, "when");
	if (name && !json_object_get(params, name))
		return name;
	json_object_foreach ((json_t *)shape, key, v)
		if (!stray)
			stray = shape_stray(v, params);
	json_array_foreach ((json_t *)shape, i, v)
		if (!stray)
			stray = shape_stray(v, params);
	return stray;
}

/* ---- results ---- */

/* Models like to put a fence around what they were asked for bare. */
static const char *without_fence(const char *text, size_t *len)
{
	*len = strlen(text);
	if (strncmp(text, "```", 3) != 0)
		return text;
	const char *body = strchr(text, '\n');
	const char *end = body ? strstr(body, "\n```") : NULL;
	if (!end)
		return text;
	*len = (size_t)(end - body);
	return body;
}

static int read_json(const char *text, json_t **ret, struct errmsg *msg)
{
	size_t len;
	json_error_t e;
	const char *body = without_fence(text + strspn(text, " \t\r\n"), &len);
	*ret = json_loadb(body, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
	return *ret ? 0 : err_set(msg, ERR_INVALID, "the answer is no JSON: %s", e.text);
}

int shape_result(const json_t *result, bool as_json, const json_t *answer, json_t **ret,
		 struct errmsg *msg)
{
	const char *at = json_str(result, "at"), *name = json_str(result, "otherwise");
	json_t *v = at ? json_path(answer, at) : (json_t *)answer;
	if (!v || json_is_null(v))
		return err_set(msg, ERR_INVALID, "the answer has nothing at '%s'", at);
	if (!json_is_string(v)) {
		*ret = json_incref(v);
		return 0;
	}
	if (as_json)
		return read_json(json_string_value(v), ret, msg);
	*ret = name ? json_pack("{s:O}", name, v) : json_incref(v);
	return 0;
}

/* The path's parts are keys, or numbers of a list that is filled up to there. */
static json_t *wrap(const char *path, json_t *v)
{
	size_t len = strcspn(path, ".");
	char *end;
	long index = strtol(path, &end, 10);
	if (!len)
		return v;
	v = wrap(path[len] ? path + len + 1 : "", v);
	if (end != path + len) {
		auto_free char *key = mem_strndup(path, len);
		return json_pack("{s:o}", key, v);
	}
	json_t *list = json_array();
	while (index-- > 0)
		json_array_append_new(list, json_null());
	json_array_append_new(list, v);
	return list;
}

json_t *shape_answer(const json_t *result, bool as_json, const json_t *seen)
{
	const char *at = json_str(result, "at"), *name = json_str(result, "otherwise");
	auto_free char *text = as_json ? json_text(seen) : NULL;
	const json_t *plain = name ? json_object_get(seen, name) : NULL;
	json_t *v = text ? json_string(text) : json_incref((json_t *)(plain ? plain : seen));
	return at ? wrap(at, v) : v;
}
