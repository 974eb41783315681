/*
 * The keys under which waits and events find each other in the store (store/wait.h).
 *
 * A shape says how keys of one sort are made: an event type (or the beginning of types), and the paths
 * whose values count. A wait makes its key of a shape and its own values; an event has one key for each
 * shape that fits it and whose values it has. Which shapes there are is known to the engine: those of
 * the loaded rules, and those that the store has open waits of.
 *
 *   {"type": "order.paid", "conversation": false, "paths": ["order_id"]}
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/map.h"
#include "engine/run/event.h"
#include "engine/store/wait.h"

/*
 * The value of a dotted path, from `data` or, as "event.…", from the envelope; borrowed, NULL: none. A path
 * "=it.…" is one of expressions: names of objects alone, which no dot in a key of the data can mislead.
 */
json_t *event_value(struct event *e, const char *path);

/*
 * A shape's text; malloc'd. type ends with '*': a prefix. paths: sorted here; an object whose keys they
 * are.
 */
char *shape_text(const char *type, bool conversation, const json_t *paths);
/*
 * The key of a shape with these values: an object {path: scalar} with just its paths. Numbers that are
 * equal give one key. False when one of them is no scalar.
 */
bool shape_key(const char *shape, const json_t *values, struct store_key *ret);
/* 16 bytes of any value, apart from those of another `kind` and `name`. */
void value_key(const char *kind, const char *name, const json_t *value, struct store_key *ret);

/* A set of shapes; may be zeroed. */
struct shapes {
	struct map by_text; /* text → struct shape */
	struct map types;   /* exact type → struct shape, in a chain */
	struct shape *prefixes;
};
void shapes_done(struct shapes *s);
/* Adding one again, or what is no shape, does nothing. */
void shapes_add(struct shapes *s, const char *text);
/* Whether one of them is for events of this type. */
bool shapes_hear(const struct shapes *s, const char *type);
/* The event's keys; *ret is malloc'd (NULL: none). */
size_t shapes_keys(const struct shapes *s, struct event *e, struct store_key **ret);
