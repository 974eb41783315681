/*
 * CSV as RFC 4180 has it: where a record ends and what its fields are, for files of any length.
 *
 * Records end with LF or CRLF, the last one perhaps with the file. A field that begins with a quote
 * ends with one and may hold commas, line ends and doubled quotes; a quote elsewhere is text. A byte
 * order mark at the file's beginning is no part of the first field.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buf.h"

/* Between two bytes of a file; zeroed at its beginning. */
struct csv {
	enum { CSV_FIELD, CSV_PLAIN, CSV_QUOTED, CSV_QUOTE } at; /* CSV_FIELD: one begins */
	unsigned mark; /* bytes of a byte order mark seen; over 3: none, or past it */
	long lines;    /* LFs seen, those inside quotes too */
};

/* Takes bytes up to the end of a record, or all. *ret_end: the last one taken ends a record. */
size_t csv_scan(struct csv *c, const char *data, size_t len, bool *ret_end);
/* The end of the data would stand inside quotes. */
static inline bool csv_is_open(const struct csv *c)
{
	return c->at == CSV_QUOTED;
}

/*
 * The fields of one record, with or without its line end and byte order mark: a list of texts. NULL
 * when one is no UTF-8 or has a NUL.
 */
json_t *csv_fields(const char *record, size_t len);
/* A record without content: a line end alone, or nothing. */
bool csv_is_blank(const char *record, size_t len);
/* Adds one field, in quotes where it needs them. */
void csv_add(struct buf *b, const char *text, size_t len);
