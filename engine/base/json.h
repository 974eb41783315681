/* The few helpers around jansson that the program needs everywhere. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

#define JSON_DEPTH_MAX 64

/*
 * Parses one JSON text: duplicate keys, depth over 64, trailing bytes and NUL bytes in the text are
 * errors; integers over 2^63-1 become reals. *ret is the caller's. ERR_PARSE with line and column.
 * With strict == false any value may stand at the top, else only an object or array.
 */
int json_parse(const char *text, size_t len, bool strict, json_t **ret, struct errmsg *msg);

/*
 * Compact text; keys in insertion order, reals as short as they read back the same. malloc'd, NULL
 * for NULL only. The value must come from json_parse or be as flat: its depth is not checked.
 */
char *json_text(const json_t *v);
/* The same with sorted keys: equal values give equal texts. */
char *json_canonical(const json_t *v);
int json_add_text(struct buf *b, const json_t *v); /* 0, or ERR_TOOBIG and nothing is added */

/*
 * The value at a dotted path ("contact.emails.0.address"; list places count from 0), borrowed;
 * NULL when a part is missing. A key that itself contains the rest of the path literally wins.
 */
json_t *json_path(const json_t *v, const char *path);

/* Borrowed text of a string member; NULL when missing or no string. */
const char *json_str(const json_t *obj, const char *key);
/* Integer member or the default. */
json_int_t json_int(const json_t *obj, const char *key, json_int_t def);
bool json_bool(const json_t *obj, const char *key, bool def);

/* A deep copy into which changes do not reach back (jansson's own json_copy is a shallow one). */
json_t *json_clone(const json_t *v);
/* "object", "list", "string", "integer", "number", "boolean", "null": the words of error texts. */
const char *json_type_word(const json_t *v);
