/* Which ways through the rules no test took. */
#pragma once

#include "engine/base/buf.h"
#include "engine/trial/suite.h"

/* [{rule, file, ways, taken, missed: [{line, text}]}], a rule each that has tests; a new reference. */
json_t *coverage_of(const struct suite *s, json_t *const *results);
/* "file:line: no test takes …" lines, and the share of each rule. */
void coverage_say(struct buf *b, const json_t *coverage);
