/* Bodies of requests: JSON, forms and plain text become data. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "engine/base/err.h"
#include "engine/io/server.h"

/* What a body says. Freed by media_done. */
struct media {
	json_t *data;
	const char *text; /* the data as JSON text: the body itself where it is JSON */
	size_t len;
	char *own; /* what `text` points to when it is not the body */
};

/*
 * By Content-Type: JSON (application/json, …+json), a form (application/x-www-form-urlencoded, where a
 * name that comes several times becomes a list), any other text as {text}. Without one, JSON when it
 * begins like an object or a list. ERR_PARSE with what is wrong; ERR_REJECTED for what is none of these.
 */
int media_read(const struct server_req *r, struct media *out, struct errmsg *msg);
void media_done(struct media *m);
/* A query or form as an object; NULL when it is malformed. */
json_t *media_form(const char *text, size_t len);
/* True when the Content-Type is this one; parameters behind it do not count. */
bool media_is(const struct server_req *r, const char *type);
/* The value at a JSON pointer (RFC 6901), borrowed, or NULL. */
const json_t *media_pointer(const json_t *v, const char *pointer);
