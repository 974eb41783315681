/*
 * Updates that keep what they do not name, of APIs that empty what is left out.
 *
 * The caller reads what is there (merge_read), puts the given parameters over it (merge_body), and sends
 * the outcome as the call's parameters. Nothing here sends or waits.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "actions/catalogue.h"

/* Whether a call with these parameters is to be merged: the action says how, and they do not forbid it. */
bool merge_applies(const struct action *a, const json_t *given);
/* The parameters for a->merge->read, a new reference. Only where merge_applies. */
json_t *merge_read(const struct action *a, const json_t *given);
/*
 * The parameters to be sent, in *ret, a new reference. current: the answer of a->merge->read. Given parts
 * win, an explicit null among them; parts of an object and of lists with a key are put together. What
 * only answers have is left out. ERR_REJECTED with the path when the call would undo what it must not.
 */
int merge_body(const struct action *a, const json_t *current, const json_t *given, json_t **ret,
	       struct errmsg *msg);
/*
 * The same after an attempt whose answer was lost. sent: the body it had, or NULL. New parts of lists
 * that the attempt put there are found by what they say, and are not put there again.
 */
int merge_body_again(const struct action *a, const json_t *current, const json_t *given,
		     const json_t *sent, json_t **ret, struct errmsg *msg);
