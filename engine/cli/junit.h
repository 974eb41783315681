/* Results of tests as the XML that build servers read. */
#pragma once

#include "engine/trial/suite.h"

/* Writes the file; ERR_IO with msg. */
int junit_write(const char *path, const struct suite *s, json_t *const *results, int64_t ms,
		struct errmsg *msg);
