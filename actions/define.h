/* Reads catalogue files: from YAML as people write it to definitions in their regular form. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "engine/base/err.h"

/* What the files of one connector say. Freed by definitions_done. */
struct definitions {
	json_t *connector; /* the connector's own part, or NULL while none was read */
	json_t *actions;   /* {name: {def, group, about, surprise, aliases}} */
};

/*
 * Adds what one file says; a connector must be read before (or in the same file as) its actions.
 * Every mistake is ERR_PARSE with file:line:col.
 */
int define_read(struct definitions *d, const char *file, const char *text, size_t len,
		struct errmsg *msg);
void definitions_done(struct definitions *d);
