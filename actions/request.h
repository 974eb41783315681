/* Renders a call's parameters into the text of a request, and that into a record and back. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "actions/catalogue.h"
#include "engine/base/err.h"
#include "engine/store/files.h"

struct files;

/* Bytes of an open file that stand inside a body. */
struct request_file {
	struct file_in in;
	int64_t from, to;
	size_t at; /* they come in front of this byte of the body's text */
};

/* What the file parameters of a call may name, and how what is sent is called. Zeroed: nothing. */
struct request_env {
	struct files *files;
	const char *owner; /* whose files may be read */
	const char *name;  /* of the effect, for the parameter that is sent under it; or NULL */
};

/* Zeroed or filled by request_render; freed by request_done. Holds no credentials. */
struct http_request_text {
	char *method;
	char *target;    /* path and query, to be put behind a base URL */
	char *url;       /* the base URL and the target */
	json_t *headers; /* {name: value}; Content-Type and Accept at least where they apply */
	char *body;      /* NULL: no body */
	size_t body_len;
	struct request_file *files; /* parts of the body that are read as it is sent, in order */
	size_t n_files;
	/* private: how far request_read has come */
	size_t next_file, text_at;
	int64_t file_at;
};

/*
 * The request of a call. Parameters are checked before (ERR_INVALID names the first violation). The
 * same parameters always give the same bytes: keys of bodies are sorted, a multipart boundary comes
 * from its content. ERR_TOOBIG over 16 MiB.
 */
int request_render(const struct action *a, const json_t *params, const char *base_url,
		   struct http_request_text *out, struct errmsg *msg);
/* The same with files: those of env->owner that parameters name are opened, and stay where they are. */
int request_render_in(const struct action *a, const json_t *params, const char *base_url,
		      const struct request_env *env, struct http_request_text *out,
		      struct errmsg *msg);
void request_done(struct http_request_text *r);
/* Bytes of the whole body, its files among them. */
int64_t request_size(const struct http_request_text *r);
/* The body from its beginning, piece by piece: bytes written to `to`, 0 at the end, -1 on an error. */
void request_rewind(struct http_request_text *r);
ssize_t request_read(struct http_request_text *r, void *to, size_t max);
/*
 * The address of the next page: a link as the API gave it, absolute or from its root. ERR_REJECTED
 * when it leads to another origin than base_url. malloc'd in *ret_url.
 */
int request_next_url(const char *base_url, const char *link, char **ret_url, struct errmsg *msg);

/*
 * The record of a request: {method, target, headers, body or body64}; without the base URL. A body with
 * files is the list `parts` of its texts and {file, from, to}.
 */
json_t *request_json(const struct http_request_text *r);
/* The same request again, byte for byte, behind a base URL. ERR_PARSE, also for one with files. */
int request_from_json(const json_t *record, const char *base_url, struct http_request_text *out,
		      struct errmsg *msg);
