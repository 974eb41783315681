/* JSON values as YAML text: block style for maps and lists, texts in quotes where YAML could take them for something else. */
#pragma once

#include <jansson.h>

#include "engine/base/buf.h"

/* A whole document, with a line's end. What yaml_read() makes of it is equal to v. */
void yaml_print(struct buf *b, const json_t *v);
