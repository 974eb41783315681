/* Splitting deliveries. */
#include "engine/serve/several.h"

#include <string.h>

#include "engine/base/arena.h"
#include "engine/serve/media.h"

int several_check(const char *expr, struct errmsg *msg)
{
	for (const char *p = expr;;) {
		p += strspn(p, " ");
		if (*p != '/')
			return err_set(msg, ERR_INVALID,
				       "split: takes JSON pointers such as /events or "
				       "/entry/*/changes/*, divided by |");
		p += strcspn(p, "|");
		if (!*p++)
			return 0;
	}
}

static void add_all(json_t *out, json_t *v)
{
	size_t i;
	json_t *one;
	if (!json_is_array(v)) {
		json_array_append(out, v);
		return;
	}
	json_array_foreach (v, i, one)
		json_array_append(out, one);
}

/* path: what is left of the pointer, from its slash. */
static void walk(json_t *out, json_t *v, const char *path)
{
	size_t i;
	json_t *one;
	if (!v || json_is_null(v))
		return;
	if (!*path || strcmp(path, "/") == 0) {
		add_all(out, v);
		return;
	}
	size_t len = 1 + strcspn(path + 1, "/");
	if (strncmp(path, "/*", len) == 0 && len == 2) {
		json_array_foreach (v, i, one)
			walk(out, one, path + len);
		return;
	}
	auto_free char *step = mem_strndup(path, len);
	walk(out, (json_t *)media_pointer(v, step), path + len);
}

json_t *several_list(const json_t *data, const char *expr)
{
	json_t *out = json_array();
	for (const char *p = expr;;) {
		p += strspn(p, " ");
		size_t len = strcspn(p, "|"), used = len;
		while (used && p[used - 1] == ' ')
			used--;
		auto_free char *path = mem_strndup(p, used);
		walk(out, (json_t *)data, path);
		if (!p[len])
			return out;
		p += len + 1;
	}
}
