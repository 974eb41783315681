/* Picking values out of deliveries. */
#include "engine/serve/pick.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/media.h"

#define TEXT_MAX 512

static int check_pointer(const json_t *v, struct errmsg *msg)
{
	const char *text = json_string_value(v);
	return text && *text == '/'
		       ? 0
		       : err_set(msg, ERR_INVALID, "a JSON pointer begins with a slash: /%s",
				 text ? text : "");
}

static int check_json(const json_t *v, struct errmsg *msg)
{
	size_t i;
	json_t *one;
	int err = json_is_array(v) ? 0 : check_pointer(v, msg);
	json_array_foreach ((json_t *)v, i, one)
		if (!err)
			err = check_pointer(one, msg);
	return err;
}

int pick_check(json_t *pick, struct errmsg *msg)
{
	json_t *header = json_object_get(pick, "header"), *json = json_object_get(pick, "json"),
	       *form = json_object_get(pick, "form"), *next = json_object_get(pick, "fallback");
	if (!header + !json + !form != 2)
		return err_set(msg, ERR_INVALID,
			       "takes one of {header: NAME}, {json: /pointer} and {form: NAME}");
	if ((header && !json_is_string(header)) || (form && !json_is_string(form)))
		return err_set(msg, ERR_INVALID, "header: and form: take a name");
	if (header) {
		auto_free char *name = mem_strdup(json_string_value(header));
		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		json_object_set_new(pick, "header", json_string(name));
	}
	int err = json ? check_json(json, msg) : 0;
	return err || !next ? err : pick_check(next, msg);
}

static bool is_good(const char *text)
{
	size_t len = text ? strlen(text) : 0;
	if (!len || len > TEXT_MAX)
		return false;
	json_auto_t *checked = json_string(text);
	return checked != NULL;
}

/* A text or a whole number. */
static char *scalar(const json_t *v)
{
	if (json_is_integer(v))
		return mem_printf("%lld", (long long)json_integer_value(v));
	return is_good(json_string_value(v)) ? mem_strdup(json_string_value(v)) : NULL;
}

static char *from_json(const json_t *pointers, const json_t *data)
{
	struct buf b = BUF_INIT;
	bool any = false;
	size_t i;
	json_t *one;
	if (!json_is_array(pointers))
		return scalar(media_pointer(data, json_string_value(pointers)));
	json_array_foreach ((json_t *)pointers, i, one) {
		auto_free char *part = scalar(media_pointer(data, json_string_value(one)));
		(void)buf_printf(&b, "%s%s", i ? ":" : "", part ? part : "");
		any |= part != NULL;
	}
	char *out = any && is_good(buf_str(&b)) ? mem_strdup(buf_str(&b)) : NULL;
	buf_done(&b);
	return out;
}

static char *from_header(const char *name, const struct server_req *r)
{
	size_t count = 0;
	const char *text = server_req_header(r, name, &count);
	return count == 1 && is_good(text) ? mem_strdup(text) : NULL;
}

char *pick_text(const json_t *pick, const struct server_req *r, const json_t *data, bool *ret_whole)
{
	bool whole = false;
	char *text = NULL;
	for (; pick && !text; pick = json_object_get(pick, "fallback")) {
		const char *header = json_str(pick, "header"), *form = json_str(pick, "form");
		const json_t *json = json_object_get(pick, "json");
		whole = header != NULL;
		text = header ? from_header(header, r)
		       : form ? scalar(json_object_get(data, form))
			      : from_json(json, data);
	}
	if (ret_whole)
		*ret_whole = whole;
	return text;
}
