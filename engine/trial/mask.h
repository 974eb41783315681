/*
 * Personal data out of a recording: names, addresses, phone numbers and the like become others that are as
 * good for a test, each time the same one for the same value, so that what was equal stays equal.
 *
 * What counts is a value under a field of such a name (first_name, company, street …), every e-mail address and
 * every phone number wherever it stands, and all of these again inside other texts. Free text may tell more: read
 * what was masked before it is shared.
 */
#pragma once

#include <jansson.h>

/* Changes v in place. */
void mask_personal(json_t *v);
