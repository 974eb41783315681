/*
 * Bodies and results whose form differs from the flat parameters and plain answers that rules see.
 *
 * A shape is the body as JSON, in which a text `$name` stands for the parameter of that name and
 * keeps its type; `$$` begins a text with a dollar. What stands for a parameter that was not given is
 * left out. A map with the key `when: name` is there only when that parameter was given.
 */
#pragma once

#include <jansson.h>

#include "engine/base/err.h"

/* A new reference, or NULL when all of it was left out. params: an object, borrowed. */
json_t *shape_fill(const json_t *shape, const json_t *params);
/*
 * The first text in a shape that names no parameter of params (an object with the parameters' names
 * as keys), or NULL: for checking a definition. Borrowed.
 */
const char *shape_stray(const json_t *shape, const json_t *params);

/*
 * What a step sees of an answer. result: {at: path, json: parameter, otherwise: name}. The value at
 * that path is the result; a text is the result under that name, unless the parameter was given: then
 * it is JSON, and what it says is. *ret: a new reference. ERR_INVALID when it is not there or no JSON.
 */
int shape_result(const json_t *result, bool as_json, const json_t *answer, json_t **ret,
		 struct errmsg *msg);
/* The other way round: an answer of which a step would see this, as JSON in a text if as_json. A new reference. */
json_t *shape_answer(const json_t *result, bool as_json, const json_t *seen);
