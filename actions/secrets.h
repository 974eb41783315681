/*
 * Secrets on their way from an expression to the wire. As it is evaluated a value holds their names between
 * bytes that no text has (EXPR_SECRET_BEGIN); recorded it says ${secret:NAME}, and a text that says so by
 * itself is told apart by ${secret:}; only what is sent holds their values.
 */
#pragma once

#include <jansson.h>

#include "engine/base/err.h"

/* An evaluated value as it may be recorded; a new reference. */
json_t *secrets_record(const json_t *v);
/*
 * A recorded value with the values in it, a new reference in *ret; each that was used joins the list `used`.
 * all: {name: value}, NULL: *** is the value of each. ERR_INVALID names one that there is not.
 */
int secrets_fill(const json_t *recorded, const json_t *all, json_t *used, json_t **ret,
		 struct errmsg *msg);
/* A value in whose texts *** stands for what was used, where that is no short word; a new reference. */
json_t *secrets_mask(const json_t *v, const json_t *used);
