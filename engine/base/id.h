/* Identifiers: UUIDv7 (RFC 9562), which sort by the time they were made, and UUIDs from a name. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"

#define ID_TEXT_LEN 37

struct id {
	unsigned char b[16];
};

/* Rising within one process, also inside one millisecond. */
struct id id_new(const struct clock *c, struct rng *r);
/* The same id for the same (scope, name): SHA-256 cut to a UUIDv8. */
struct id id_from_name(struct id scope, const char *name);
const char *id_format(struct id id, char out[ID_TEXT_LEN]);
bool id_parse(const char *text, struct id *ret);
bool id_is_zero(struct id id);
bool id_equal(struct id a, struct id b);
