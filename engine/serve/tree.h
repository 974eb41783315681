/*
 * The configuration as a checked tree: each file is read against the table of known keys, secrets are
 * resolved, paths made absolute or relative to the process, and then it is merged over what was there.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/map.h"
#include "engine/rule/rules.h"

struct place {
	char *file;
	int line, col;
};

/* Zeroed before the first use; tree_done. */
struct tree {
	json_t *root;      /* an object; durations are ms, sizes bytes, both integers */
	struct map places; /* "hooks" and "hooks/NAME" → struct place */
};

/*
 * Adds one file's text over what is there. Mistakes go to f, and then nothing is added. lenient: as
 * in struct config_flags.
 */
void tree_add(struct tree *t, const char *file, const char *text, size_t len, bool lenient,
	      struct findings *f);
void tree_done(struct tree *t);
/* The place of a key, or of one entry under it (name may be NULL); of the file's top when unknown. */
struct place tree_place(const struct tree *t, const char *key, const char *name);

/* dir/name, or name when that is absolute; malloc'd. */
char *path_under(const char *dir, const char *name);
/* The folder of a file's path; malloc'd, "." when it has none. */
char *path_folder(const char *file);
/*
 * Where a folder of the product is: under dir, $PAWL_DATA, or the places known when the program was
 * built. malloc'd, or NULL.
 */
char *path_data(const char *dir, const char *name);
/* A file's whole text, malloc'd; over max it is an error. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct errmsg *msg);
