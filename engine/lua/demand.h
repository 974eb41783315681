/* What a condition over an event demands of its fields, for looking events up instead of trying them all. */
#pragma once

#include <stddef.h>

/* path: "data.order.id", below `it`; value: the source of what it must equal. Both borrowed for the call. */
typedef void (*demand_cb)(void *arg, const char *path, const char *value);

/*
 * Tells each field of `it` that a condition compares with what is the same whenever it is read: where the
 * condition is true, that field equals that value. Seen are `it.field == value` and its reverse, joined by
 * `and`; nothing is told of a condition that can be true without it, and nothing of what does not read as one.
 */
void demands_find(const char *src, demand_cb cb, void *arg);
