/* Cuts files of CSV and lists into parts. */
#include "actions/split.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/csv.h"
#include "engine/base/json.h"

#define PIECE 65536
#define BODY_SPARE 1024 /* what goes around a list in a body: keys, brackets */

void split_done(struct split *s)
{
	free(s->parts);
	*s = (struct split){0};
}

static void add_part(struct split *s, int64_t from, int64_t to)
{
	s->parts = mem_realloc(s->parts, (s->n + 1) * sizeof(*s->parts));
	s->parts[s->n++] = (struct split_part){from, to};
}

/* ---- files ---- */

/* A cut in the making: the records since `from` are the part that is being filled. */
struct cutter {
	const struct action_split *limits;
	struct split *split;
	struct csv csv;
	int64_t from, record; /* where the part, and the record that is read, begin */
	long head_lines;      /* of the head */
	long lines, before;   /* of the part so far; of the file before this record */
	size_t records;
	bool headed;
	struct errmsg *msg;
};

static int too_big(const struct cutter *c, bool by_lines)
{
	return err_set(c->msg, ERR_TOOBIG,
		       "record %zu (line %ld) alone is over the %s of one upload%s", c->records + 1,
		       c->before + 1, by_lines ? "lines" : "bytes",
		       csv_is_open(&c->csv) ? "; a quote in it is never closed" : "");
}

static int end_head(struct cutter *c, int64_t end)
{
	c->split->head = c->from = c->record = end;
	c->head_lines = c->csv.lines;
	c->headed = true;
	if (end >= c->limits->bytes || c->head_lines >= c->limits->lines)
		return too_big(c, end < c->limits->bytes);
	return 0;
}

/* The record from c->record to `end` goes into this part, or begins the next one. */
static int end_record(struct cutter *c, int64_t end, long last_lines)
{
	const struct action_split *l = c->limits;
	long lines = c->csv.lines - c->before + last_lines;
	int64_t bytes = end - c->record, head = c->split->head;
	if (c->head_lines + lines > l->lines || head + bytes > l->bytes)
		return too_big(c, head + bytes <= l->bytes);
	bool full = c->head_lines + c->lines + lines > l->lines || head + end - c->from > l->bytes;
	if (full) {
		add_part(c->split, c->from, c->record);
		c->from = c->record;
		c->lines = 0;
	}
	c->lines += lines;
	c->record = end;
	return 0;
}

/* last_lines: a record at the file's end may be a line without a line end. */
static int end_any(struct cutter *c, int64_t end, long last_lines)
{
	int err = c->headed ? end_record(c, end, last_lines) : end_head(c, end);
	c->before = c->csv.lines;
	c->records++;
	return err;
}

/* Gives up as soon as a record is too large: the rest of the file may be one. */
static bool is_hopeless(const struct cutter *c, int64_t at)
{
	int64_t head = c->headed ? c->split->head : 0;
	return head + at - c->record > c->limits->bytes;
}

static int cut(struct cutter *c, const char *data, size_t len, int64_t at)
{
	for (size_t i = 0; i < len;) {
		bool end;
		i += csv_scan(&c->csv, data + i, len - i, &end);
		int err = end                               ? end_any(c, at + (int64_t)i, 0)
			  : is_hopeless(c, at + (int64_t)i) ? too_big(c, false)
							    : 0;
		if (err)
			return err;
	}
	return 0;
}

int split_csv(const struct file_in *in, const struct action_split *limits, struct split *ret,
	      struct errmsg *msg)
{
	auto_free char *data = mem_alloc(PIECE);
	struct cutter c = {.limits = limits, .split = ret, .msg = msg};
	int64_t at = 0;
	ssize_t n;
	int err = 0;
	*ret = (struct split){0};
	while (!err && (n = file_in_read(in, at, data, PIECE, msg)) > 0) {
		err = cut(&c, data, (size_t)n, at);
		at += n;
	}
	if (!err && n < 0)
		err = (int)n;
	if (!err && at > c.record)
		err = end_any(&c, at, 1);
	if (!err)
		add_part(ret, c.from, at);
	else
		split_done(ret);
	return err;
}

bool split_may_need(const struct action_split *limits, const char *text, size_t len)
{
	long lines = 1;
	if ((int64_t)len > limits->bytes)
		return true;
	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))); p++)
		lines++;
	return lines > limits->lines;
}

/* ---- lists ---- */

static int64_t json_len(const json_t *v)
{
	size_t n = json_dumpb(v, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
	return (int64_t)n;
}

int split_list(const json_t *params, const struct action_split *limits, struct split *ret,
	       struct errmsg *msg)
{
	const json_t *list = json_object_get(params, limits->param), *item;
	json_auto_t *others = json_copy((json_t *)params);
	json_object_del(others, limits->param);
	int64_t fixed = json_len(others) + BODY_SPARE, bytes = fixed, from = 0;
	size_t i;
	*ret = (struct split){0};
	json_array_foreach ((json_t *)list, i, item) {
		int64_t size = json_len(item) + 1;
		if (fixed + size > limits->bytes) {
			split_done(ret);
			return err_set(msg, ERR_TOOBIG,
				       "%s[%zu] alone is over the bytes of one upload",
				       limits->param, i + 1);
		}
		if (bytes + size > limits->bytes || (int64_t)i - from >= limits->lines) {
			add_part(ret, from, (int64_t)i);
			from = (int64_t)i;
			bytes = fixed;
		}
		bytes += size;
	}
	add_part(ret, from, (int64_t)json_array_size(list));
	return 0;
}

/* ---- values ---- */

json_t *split_file_part(const json_t *file, const struct split *s, size_t i)
{
	json_t *v = json_copy((json_t *)file);
	json_object_set_new(v, "head", json_integer(s->head));
	json_object_set_new(v, "from", json_integer(s->parts[i].from));
	json_object_set_new(v, "to", json_integer(s->parts[i].to));
	return v;
}

bool split_is_part(const json_t *file)
{
	return json_object_get(file, "from") && json_object_get(file, "to");
}

bool split_range(const json_t *file, int64_t size, int64_t *ret_head, struct split_part *ret)
{
	*ret_head = json_int(file, "head", 0);
	ret->from = json_int(file, "from", 0);
	ret->to = json_int(file, "to", size);
	return *ret_head >= 0 && *ret_head <= ret->from && ret->from <= ret->to && ret->to <= size;
}

json_t *split_json(const struct split *s)
{
	json_t *parts = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(parts, json_pack("[I, I]", (json_int_t)s->parts[i].from,
						       (json_int_t)s->parts[i].to));
	return json_pack("{s:I, s:o}", "head", (json_int_t)s->head, "parts", parts);
}

bool split_from_json(const json_t *v, struct split *ret)
{
	const json_t *parts = json_object_get(v, "parts"), *part;
	size_t i;
	*ret = (struct split){.head = json_int(v, "head", 0)};
	json_array_foreach ((json_t *)parts, i, part)
		add_part(ret, json_integer_value(json_array_get(part, 0)),
			 json_integer_value(json_array_get(part, 1)));
	return ret->n > 0;
}
