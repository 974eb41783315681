/* A whole service on a store in memory and a real socket, driven by one loop with its own client. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/serve/service.h"

struct web {
	struct config *config;
	struct loop *loop;
	struct store *store;
	struct service *service;
	char dir[64]; /* of the rules */
	/* the last answer */
	int status;
	struct buf head; /* status line and headers, names as sent */
	json_t *body;    /* NULL: no JSON */
	struct buf text;
};

/* Starts it with this configuration and these rules; both texts may be NULL. */
void web_start(struct web *w, const char *config, const char *rules);
/* The same with the sandbox of the API. */
void web_start_sandbox(struct web *w, const char *config, const char *rules);
void web_stop(struct web *w);
/* Writes the rules anew; the service sees it by itself or by service_reload. */
void web_rules(struct web *w, const char *rules);
/* One request, headers as complete lines or NULL; fills the last answer. Returns the status. */
int web_ask(struct web *w, const char *method, const char *path, const char *headers,
	    const char *body);
/* JSON with ' for " to a path. */
int web_post(struct web *w, const char *path, const char *json);
int web_get(struct web *w, const char *path);
/* Turns the loop until nothing happens any more at once. */
void web_settle(struct web *w);
/* The text at a dotted path of the last answer's body; fails the test when there is none. */
const char *web_str(const struct web *w, const char *path);
/* The connection of a client that says anything. */
int web_connect(const struct web *w);
