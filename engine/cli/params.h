/*
 * Values on a command line: `key=text`, `key.sub=text`, `key:=JSON`, `key=@FILE`, `key:=@FILE`, and
 * `--data` with JSON, @FILE or - for standard input.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

struct schema;

/* Standard input and files that are read whole. */
#define PARAMS_FILE_MAX (16 * 1024 * 1024)

/* malloc'd, NUL-terminated, *ret_len set; "-" is standard input. ERR_IO, ERR_TOOBIG. */
int params_file(const char *path, char **ret, size_t *ret_len, struct errmsg *msg);

/* True for a word that sets a value ("a=b", "a.b:=1"). */
bool params_is_one(const char *word);

/*
 * Sets what one word says in obj. schema (or NULL) is that of obj: a text becomes the number or the
 * boolean that is due there, where a list is due each further word adds an element, and a file
 * becomes {name, text}; without a schema a file is its text. ERR_USAGE, ERR_IO, ERR_TOOBIG.
 */
int params_set(json_t *obj, const char *word, const struct schema *schema, struct errmsg *msg);

/*
 * The value of --data: an object. Fields that take a file by the schema (or NULL) and are "@FILE" are
 * read. NULL with msg.
 */
json_t *params_data(const char *data, const struct schema *schema, struct errmsg *msg);
