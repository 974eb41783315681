/* The rows of a CSV file or text as objects. */
#include "engine/run/rows.h"

#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/base/csv.h"

/* A window on the content. */
struct window {
	const char *data;
	size_t len, used;
	int64_t at; /* of data in the whole */
	bool last;  /* nothing follows it */
};

static int bad_record(int64_t at, const char *what, struct errmsg *msg)
{
	return err_set(msg, ERR_INVALID, "csv: the record at byte %lld %s", (long long)at, what);
}

/* The next record in the window; *ret_len 0: more of the content must be read, or nothing is left. */
static int next_record(struct window *w, const char **ret, size_t *ret_len, struct errmsg *msg)
{
	struct csv c = {.mark = w->at + (int64_t)w->used ? 4 : 0};
	bool end;
	*ret = w->data + w->used;
	*ret_len = csv_scan(&c, *ret, w->len - w->used, &end);
	if (!end && !w->last)
		*ret_len = 0;
	if (!end && !w->last && !w->used && w->len >= ROWS_RECORD_MAX)
		return bad_record(w->at, "is too large", msg);
	if (!end && w->last && csv_is_open(&c))
		return bad_record(w->at + (int64_t)w->used, "has a quote that is never closed",
				  msg);
	w->used += *ret_len;
	return 0;
}

static json_t *row_of(const json_t *head, const json_t *fields)
{
	json_t *row = json_object();
	const json_t *name;
	size_t i;
	json_array_foreach ((json_t *)head, i, name) {
		json_t *v = json_array_get(fields, i);
		if (v && json_string_length(name))
			json_object_set(row, json_string_value(name), v);
	}
	return row;
}

/* Adds rows until there are max, or the window holds no whole record more. */
static int take_rows(struct window *w, json_t **head, size_t max, json_t *rows, struct errmsg *msg)
{
	const char *record;
	size_t len;
	while ((!*head || json_array_size(rows) < max) && w->used < w->len) {
		int64_t at = w->at + (int64_t)w->used;
		int err = next_record(w, &record, &len, msg);
		if (err || !len)
			return err;
		if (csv_is_blank(record, len))
			continue;
		json_t *fields = csv_fields(record, len);
		if (!fields)
			return bad_record(at, "is no UTF-8 text", msg);
		if (!*head) {
			*head = fields;
			continue;
		}
		json_array_append_new(rows, row_of(*head, fields));
		json_decref(fields);
	}
	return 0;
}

static int read_window(const struct file_in *in, int64_t at, char *data, struct window *w,
		       struct errmsg *msg)
{
	ssize_t n = file_in_read(in, at, data, ROWS_RECORD_MAX, msg);
	if (n < 0)
		return (int)n;
	*w = (struct window){.data = data, .len = (size_t)n, .at = at, .last = at + n >= in->size};
	return 0;
}

/* After a restart the head is read anew. */
static int find_head(const struct file_in *in, json_t **head, char *data, struct errmsg *msg)
{
	struct window w;
	json_auto_t *none = json_array();
	int err = read_window(in, 0, data, &w, msg);
	return err ? err : take_rows(&w, head, 0, none, msg);
}

int rows_read(const struct file_in *in, json_t **head, int64_t *at, size_t max, json_t **ret,
	      struct errmsg *msg)
{
	auto_free char *data = mem_alloc(ROWS_RECORD_MAX);
	json_t *rows = json_array();
	struct window w;
	int err = *at && !*head ? find_head(in, head, data, msg) : 0;
	while (!err && *at >= 0 && !json_array_size(rows)) {
		err = read_window(in, *at, data, &w, msg);
		if (!err)
			err = take_rows(&w, head, max, rows, msg);
		*at += (int64_t)w.used;
		if (!err && *at >= in->size)
			*at = -1;
	}
	if (!err) {
		*ret = rows;
		return 0;
	}
	json_decref(rows);
	return err;
}

int rows_of_text(const char *text, size_t len, json_t **ret, struct errmsg *msg)
{
	struct window w = {.data = text, .len = len, .last = true};
	json_auto_t *head = NULL;
	json_t *rows = json_array();
	int err = take_rows(&w, &head, SIZE_MAX, rows, msg);
	if (err)
		json_decref(rows);
	else
		*ret = rows;
	return err;
}
