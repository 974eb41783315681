/* Secrets on their way from an expression to the wire. */
#include "actions/secrets.h"

#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/run/expr.h"

#define OPEN "${secret:"
#define MASK "***"
#define MASKED_MIN 6 /* shorter ones stand in texts by chance */

/* What is done to each text of a value. */
struct change {
	int (*text)(const struct change *c, const char *s, size_t len, struct buf *to);
	const json_t *all;
	json_t *used;
	struct errmsg *msg;
};

static int change(const struct change *c, const json_t *v, json_t **ret);

static int change_text(const struct change *c, const json_t *v, json_t **ret)
{
	struct buf b = BUF_INIT;
	int err = c->text(c, json_string_value(v), json_string_length(v), &b);
	if (!err) {
		*ret = json_stringn(buf_str(&b), b.len);
		if (!*ret)
			*ret = json_string("");
	}
	buf_done(&b);
	return err;
}

static int change_object(const struct change *c, const json_t *v, json_t **ret)
{
	const char *key;
	json_t *element, *to = json_object(), *into;
	int err = 0;
	json_object_foreach ((json_t *)v, key, element) {
		err = err ? err : change(c, element, &into);
		if (!err)
			json_object_set_new(to, key, into);
	}
	if (err)
		json_decref(to);
	else
		*ret = to;
	return err;
}

static int change_list(const struct change *c, const json_t *v, json_t **ret)
{
	size_t i;
	json_t *element, *to = json_array(), *into;
	int err = 0;
	json_array_foreach ((json_t *)v, i, element) {
		err = err ? err : change(c, element, &into);
		if (!err)
			json_array_append_new(to, into);
	}
	if (err)
		json_decref(to);
	else
		*ret = to;
	return err;
}

static int change(const struct change *c, const json_t *v, json_t **ret)
{
	if (json_is_string(v))
		return change_text(c, v, ret);
	if (json_is_object(v))
		return change_object(c, v, ret);
	if (json_is_array(v))
		return change_list(c, v, ret);
	*ret = json_incref((json_t *)v);
	return 0;
}

/* ---- what is recorded ---- */

static int record_text(const struct change *c, const char *s, size_t len, struct buf *to)
{
	(void)c;
	for (const char *end = s + len; s < end; s++) {
		if (*s == EXPR_SECRET_BEGIN)
			(void)buf_puts(to, OPEN);
		else if (*s == EXPR_SECRET_END)
			(void)buf_putc(to, '}');
		else if (strncmp(s, OPEN, strlen(OPEN)) == 0) {
			(void)buf_puts(to, OPEN "}");
			s += strlen(OPEN) - 1;
		} else
			(void)buf_putc(to, *s);
	}
	return 0;
}

json_t *secrets_record(const json_t *v)
{
	const struct change c = {.text = record_text};
	json_t *ret = NULL;
	(void)change(&c, v, &ret);
	return ret;
}

/* ---- what is sent ---- */

static int put_value(const struct change *c, const char *name, size_t len, struct buf *to)
{
	if (!len) {
		(void)buf_puts(to, OPEN);
		return 0;
	}
	if (!c->all) {
		(void)buf_puts(to, MASK);
		return 0;
	}
	auto_free char *own = mem_strndup(name, len);
	json_t *v = json_object_get(c->all, own);
	if (!json_is_string(v))
		return err_set(c->msg, ERR_INVALID,
			       "secrets.%s is not declared: name it under secrets: in pawl.yaml",
			       own);
	(void)buf_add(to, json_string_value(v), json_string_length(v));
	json_array_append(c->used, v);
	return 0;
}

static int fill_text(const struct change *c, const char *s, size_t len, struct buf *to)
{
	const char *end = s + len;
	int err = 0;
	while (s < end && !err) {
		const char *close = strncmp(s, OPEN, strlen(OPEN)) ? NULL : strchr(s, '}');
		if (close) {
			const char *name = s + strlen(OPEN);
			err = put_value(c, name, (size_t)(close - name), to);
			s = close + 1;
		} else
			(void)buf_putc(to, *s++);
	}
	return err;
}

int secrets_fill(const json_t *recorded, const json_t *all, json_t *used, json_t **ret,
		 struct errmsg *msg)
{
	const struct change c = {.text = fill_text, .all = all, .used = used, .msg = msg};
	return change(&c, recorded, ret);
}

/* ---- what came back ---- */

static size_t secret_at(const struct change *c, const char *s, size_t left)
{
	size_t i, longest = 0;
	json_t *v;
	json_array_foreach (c->used, i, v) {
		size_t len = json_string_length(v);
		if (len >= MASKED_MIN && len <= left && len > longest &&
		    memcmp(s, json_string_value(v), len) == 0)
			longest = len;
	}
	return longest;
}

static int mask_text(const struct change *c, const char *s, size_t len, struct buf *to)
{
	for (size_t i = 0; i < len;) {
		size_t n = secret_at(c, s + i, len - i);
		if (n)
			(void)buf_puts(to, MASK);
		else
			(void)buf_putc(to, s[i]);
		i += n ? n : 1;
	}
	return 0;
}

json_t *secrets_mask(const json_t *v, const json_t *used)
{
	const struct change c = {.text = mask_text, .used = (json_t *)used};
	json_t *ret = NULL;
	if (json_array_size(used) == 0)
		return json_incref((json_t *)v);
	(void)change(&c, v, &ret);
	return ret;
}
