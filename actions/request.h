/* Renders a call's parameters into the text of a request, and that into a record and back. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "actions/catalogue.h"
#include "engine/base/err.h"

/* Zeroed or filled by request_render; freed by request_done. Holds no credentials. */
struct http_request_text {
	char *method;
	char *target;    /* path and query, to be put behind a base URL */
	char *url;       /* the base URL and the target */
	json_t *headers; /* {name: value}; Content-Type and Accept at least where they apply */
	char *body;      /* NULL: no body */
	size_t body_len;
};

/*
 * The request of a call. Parameters are checked before (ERR_INVALID names the first violation). The
 * same parameters always give the same bytes: keys of bodies are sorted, a multipart boundary comes
 * from its content. ERR_TOOBIG over 16 MiB.
 */
int request_render(const struct action *a, const json_t *params, const char *base_url,
		   struct http_request_text *out, struct errmsg *msg);
void request_done(struct http_request_text *r);
/*
 * The address of the next page: a link as the API gave it, absolute or from its root. ERR_REJECTED
 * when it leads to another origin than base_url. malloc'd in *ret_url.
 */
int request_next_url(const char *base_url, const char *link, char **ret_url, struct errmsg *msg);

/* The record of a request: {method, target, headers, body or body64}; without the base URL. */
json_t *request_json(const struct http_request_text *r);
/* The same request again, byte for byte, behind a base URL. ERR_PARSE. */
int request_from_json(const json_t *record, const char *base_url, struct http_request_text *out,
		      struct errmsg *msg);
