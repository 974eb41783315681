/*
 * Cuts what is larger than an API takes into parts that it does: a file of CSV between its records,
 * each part with the file's head; a list between its elements.
 */
#pragma once

#include <jansson.h>

#include "actions/catalogue.h"
#include "engine/store/files.h"

/* Bytes of a file, without its head; or elements of a list. */
struct split_part {
	int64_t from, to;
};

/* Zeroed or filled by split_csv or split_list; freed by split_done. */
struct split {
	int64_t head; /* bytes of a file that go in front of each part */
	struct split_part *parts;
	size_t n; /* 1: there is nothing to cut */
};

/*
 * Reads through a file: work for a thread. Lines count as the API counts them: each line end, those
 * inside quotes too, and the head. ERR_TOOBIG names the record that is too large by itself, ERR_IO.
 */
int split_csv(const struct file_in *in, const struct action_split *limits, struct split *ret,
	      struct errmsg *msg);
/* The list among all parameters of a call, whose JSON counts. ERR_TOOBIG as above. */
int split_list(const json_t *params, const struct action_split *limits, struct split *ret,
	       struct errmsg *msg);
void split_done(struct split *s);

/* Whether a text may go over the limits, judged quickly. */
bool split_may_need(const struct action_split *limits, const char *text, size_t len);

/*
 * The value of a part of a file: that of the file with {head, from, to} beside it, a new reference.
 * split_range reads it: a file without them is one part; false when they do not fit its size.
 */
json_t *split_file_part(const json_t *file, const struct split *s, size_t i);
bool split_range(const json_t *file, int64_t size, int64_t *ret_head, struct split_part *ret);
bool split_is_part(const json_t *file);

/* As records keep it: {head, parts: [[from, to], …]}. False when it is none. */
json_t *split_json(const struct split *s);
bool split_from_json(const json_t *v, struct split *ret);
