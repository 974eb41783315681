/* The rows of a CSV file, some at a time: each an object with the head's names. */
#pragma once

#include <jansson.h>

#include "engine/store/files.h"

#define ROWS_RECORD_MAX (256 * 1024) /* bytes of one record */

/*
 * Reads on from *at (0: the beginning, whose first record is the head), at most max rows; *at is then
 * where the next one begins, or -1 at the end. *head: owned by the caller, NULL before the first call.
 * Blank lines are passed over; a row has no more fields than the head has names. ERR_INVALID names the
 * byte at which something is no CSV in UTF-8.
 */
int rows_read(const struct file_in *in, json_t **head, int64_t *at, size_t max, json_t **ret,
	      struct errmsg *msg);
/* All rows of a text that is at hand. */
int rows_of_text(const char *text, size_t len, json_t **ret, struct errmsg *msg);
