/*
 * YAML text to a tree in which every node knows its place. The only user of libyaml.
 *
 * Limits are kept while parsing, at the event level: 1 MiB of text, depth 64, 10,000 alias
 * expansions of nodes a document, 100,000 nodes. YAML 1.2 core schema (`on off yes no` are strings;
 * integers with a leading 0 or + are strings). Duplicate keys, tags, undefined aliases, `<<` of
 * anything but maps, and keys that are no scalars are errors.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

enum ynode_kind { Y_NULL, Y_BOOL, Y_INT, Y_REAL, Y_STRING, Y_LIST, Y_MAP };

struct ynode {
	enum ynode_kind kind;
	int line, col;    /* both from 1 */
	bool plain;       /* an unquoted scalar: what a cut at '#' or ': ' can have happened to */
	bool block;       /* a | or > scalar */
	const char *tag;  /* "!env", "!file" where the caller allowed tags; else NULL */
	const char *text; /* scalars: the text as written (after unescaping), NUL-terminated */
	size_t len;       /* its length, which may count NULs inside */
	bool boolean;
	long long integer;
	double real;
	struct ynode **items; /* lists: the elements; maps: the values */
	struct ynode **keys;  /* maps: scalar nodes */
	size_t n;
};

struct yaml_doc {
	struct ynode *root; /* Y_NULL for an empty document */
	size_t start, end;  /* bytes of the text that this document covers */
};

struct yaml_error {
	int line, col; /* from 1 */
	char text[256];
};

struct yaml_file; /* owns all nodes and documents */

/* Reads all documents of a text. NULL on error, with *err set. tags: allow !env and !file. */
struct yaml_file *yaml_read(const char *text, size_t len, bool tags, struct yaml_error *err);
/* Not named yaml_free: libyaml itself exports that name, and would call this one. */
void yaml_file_free(struct yaml_file *f);
size_t yaml_count(const struct yaml_file *f);
const struct yaml_doc *yaml_doc(const struct yaml_file *f, size_t i);

/* The value of a key, or NULL. */
struct ynode *ynode_get(const struct ynode *map, const char *key);
/* The key's own node (its place), or NULL. */
struct ynode *ynode_key(const struct ynode *map, const char *key);
/* A plain JSON value (a new reference); tags are ignored. Never NULL. */
json_t *ynode_json(const struct ynode *n);
/* "a map", "a list", "text", "a number", "true or false", "nothing": for error texts. */
const char *ynode_word(const struct ynode *n);
