/*
 * YAML as it is written: the tree of a text with the bytes of each node, and its comments. For those
 * who write a text anew; what a text means is for yaml.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/yaml.h"

enum layout_kind { LAYOUT_SCALAR, LAYOUT_ALIAS, LAYOUT_LIST, LAYOUT_MAP };
enum layout_style { LAYOUT_PLAIN, LAYOUT_QUOTED, LAYOUT_BLOCK, LAYOUT_FLOW };

/* A node. Its bytes are those from `start` to `end` of the layout's text. */
struct layout_node {
	enum layout_kind kind;
	enum layout_style style; /* FLOW: a list or map in brackets; else it is in BLOCK style */
	const char *props;       /* "&anchor", "!tag" or both; "" */
	size_t start;            /* of its properties, or of itself */
	size_t value;            /* of itself */
	size_t end;            /* behind it; of lists and maps in block style: as libyaml has it */
	size_t body, body_end; /* of a block scalar: the lines below its header, ends included */
	int body_col;          /* of a block scalar: how far its lines are indented; -1: no lines */
	int col;               /* of `value`, from 0 */
	struct layout_node **items, **keys;
	size_t n;
};

struct layout_comment {
	size_t start, end; /* from '#' to the end of its line, blanks at the end left out */
	int col;           /* from 0 */
	bool own_line;     /* nothing stands in front of it */
};

struct layout_doc {
	struct layout_node *root;
	bool marked;      /* it begins with --- */
	size_t mark, end; /* of ---, or of its first node; where the next one begins */
};

struct layout {
	char *text; /* as given, with line ends as \n and without a byte order mark */
	size_t len;
	struct layout_doc *docs;
	size_t n_docs;
	struct layout_comment *comments;
	size_t n_comments;
};

/* NULL with *err: no YAML, or directives (%YAML …), which have no layout here. */
struct layout *layout_read(const char *text, size_t len, struct yaml_error *err);
void layout_free(struct layout *l);
/* Characters, not bytes. */
int layout_width(const char *s, size_t len);
