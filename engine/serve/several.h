/* One delivery that holds several events: a JSON pointer in which * stands for every element, or several with |. */
#pragma once

#include <jansson.h>

#include "engine/base/err.h"

/* ERR_INVALID with msg: it is no list of pointers. */
int several_check(const char *expr, struct errmsg *msg);
/*
 * What it points to, a new list: of a list there its elements, in order. Empty when there is nothing at those places.
 * "/" is the whole body.
 */
json_t *several_list(const json_t *data, const char *expr);
