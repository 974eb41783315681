/*
 * The parts of the step `http`: web.c goes from the rule to the result, web_request.c makes the request,
 * web_answer.c reads the answer, web_check.c finds mistakes before anything runs.
 */
#pragma once

#include "actions/connections.h"
#include "actions/define.h"
#include "actions/pass.h"
#include "actions/request.h"
#include "actions/services.h"
#include "engine/run/step.h"

#define WEB_HEADERS 48

struct web_args {
	const char *method, *effect, *key_header;
	struct tmpl *connection, *url, *path, *query, *headers, *body, *form, *multipart;
	struct tmpl *save; /* the name of the file that the answer becomes */
	struct tmpl *ok;   /* a list of statuses */
};

enum web_at {
	WEB_PASS,   /* leave to send, where a connection has limits */
	WEB_INTENT, /* the intent becomes durable */
	WEB_SEND,
	WEB_PARKED,
};

struct web_state {
	enum web_at at;
	enum effect effect;
	const struct connection *conn; /* NULL: none */
	json_t *params;                /* owned: the request as it is recorded */
	json_t *used;                  /* owned: values of secrets that were sent */
	struct http_request_text text; /* the next request */
	struct http_header headers[WEB_HEADERS];
	json_t *clear; /* owned: what the headers borrow from */
	char key[ID_TEXT_LEN];
	struct http_req req;
	struct pass pass;
	struct file_out saved;
	struct files_seal seal;
	struct act *act;
	unsigned attempts;
	int64_t first; /* when the first attempt left, wall ms */
	bool repeated; /* an attempt before may have been carried out */
	bool renewed;
};

/* ---- web_request.c ---- */

/* What is recorded of the step's words, evaluated; in st->params. False: it failed. */
bool web_params(struct act *a, struct web_state *st);
const char *web_method(const struct web_args *args);
enum effect web_effect(const struct web_args *args);
/* The bytes of the next request, with secrets in them, from st->params. */
int web_render(struct act *a, struct web_state *st, struct errmsg *msg);
/* Its headers; the last moment for credentials. */
size_t web_headers(struct act *a, struct web_state *st);

/* ---- web_answer.c ---- */

/* Whether the status is one of those that end the step well. */
bool web_is_ok(const struct web_args *args, const struct web_state *st);
/* The error that a status is. */
int web_error_of(int status);
/* The error object of how the request ended; *ret_wait_ms: what the answer asks for. */
json_t *web_error(struct act *a, struct web_state *st, int err, int64_t *ret_wait_ms);
/* In the callback: true when its bytes become a file first, and the wake comes after that. */
bool web_keep(struct act *a, struct web_state *st);
/* {status, headers, body}; a new reference. */
json_t *web_result(struct web_state *st);

/* ---- web_check.c ---- */

void web_check(struct plan_check *c, struct step *s);
/* The same of a step that a script made: 0, or ERR_INVALID with the first mistake. */
int web_check_made(struct step *s, struct errmsg *msg);
/* Whether a rule may set a header of this name: what frames a message is nobody's but the client's. */
bool web_is_header(const char *name);
