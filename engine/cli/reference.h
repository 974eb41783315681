/* The reference of a catalogue's actions as Markdown pages, one for each group. */
#pragma once

#include <stddef.h>

#include "actions/catalogue.h"
#include "engine/base/err.h"

/*
 * Writes DIR/CONNECTOR/GROUP.md for each group and DIR/README.md, which names them all. The folders are
 * made where they are missing. *ret_pages counts what was written. ERR_IO.
 */
int reference_write(const struct catalogue *cat, const char *dir, size_t *ret_pages,
		    struct errmsg *msg);
