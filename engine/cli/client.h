/*
 * The commands' way to a running service: one request at a time on a loop of its own.
 *
 * The service is found by --url or by the configuration's `listen`; the admin token comes along.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/cli/cli.h"

struct client;

/* NULL after a message on stderr; the exit code is then in *ret_code. client_free frees it. */
struct client *client_open(const struct cli *c, int *ret_code);
void client_free(struct client *c);
const char *client_url(const struct client *c);
/* Whether a service answers; without a word about it. */
bool client_is_there(struct client *c);

/*
 * One request. body: borrowed, sent as JSON, NULL for none; type: NULL for application/json. Returns
 * 0 for any answer: *ret_status and *ret (a new reference, NULL when the body is no JSON) are set;
 * else ERR_NETWORK, ERR_TIMEOUT and the like with msg.
 */
int client_try(struct client *c, const char *method, const char *path, const json_t *body,
	       const char *type, int *ret_status, json_t **ret, struct errmsg *msg);
/*
 * The same, and says what went wrong on stderr: CLI_DONE with *ret for a 2xx answer with JSON,
 * CLI_CANNOT without an answer (or 5xx, 401, 429), CLI_NO for any other.
 */
int client_call(struct client *c, const char *method, const char *path, const json_t *body,
		json_t **ret);
/*
 * The same for a 2xx answer that is a file: its bytes are written to fd as they come. What was written
 * before an error stays there.
 */
int client_save(struct client *c, const char *method, const char *path, const json_t *body, int fd);
/* A POST of another media type, for which the status of the 2xx answer counts. As client_call. */
int client_send(struct client *c, const char *path, const char *type, const json_t *body,
		int *ret_status, json_t **ret);

/* Milliseconds pass on the loop. */
void client_pause(struct client *c, int64_t ms);
int64_t client_now(const struct client *c); /* UTC, ms */
struct loop *client_loop(struct client *c);

/*
 * The whole id of a run that is given by its beginning or its end (6 characters at least), malloc'd
 * in *ret. CLI_DONE; CLI_NO when none or several fit; CLI_USAGE; or as client_call.
 */
int client_run_id(struct client *c, const char *text, char **ret);
/* The id of the newest of `what`, runs or events; malloc'd in *ret. CLI_NO where there is none; or as client_call. */
int client_newest(struct client *c, const char *what, char **ret);
