/* What the API's files share. Private to engine/serve. */
#pragma once

#include "engine/serve/api.h"
#include "engine/serve/parts.h"
#include "engine/serve/reply.h"

/* One request to the API. arg: the part of its path that names something, decoded; or NULL. */
struct api_call {
	struct api *api;
	struct service *service;
	struct server_req *req;
	const char *arg;
	const char *person; /* who may only decide what they are asked; NULL: the admin */
};

/* api_runs.c */
void api_runs(const struct api_call *c);
void api_run(const struct api_call *c);
void api_events(const struct api_call *c);
void api_event(const struct api_call *c);
void api_retry(const struct api_call *c);
void api_resume(const struct api_call *c);
void api_cancel(const struct api_call *c);
void api_stats(const struct api_call *c);

/* api_waits.c */
void api_waits(const struct api_call *c);
void api_approve(const struct api_call *c);

/* api_why.c */
void api_why(const struct api_call *c);

/* api_rules.c */
void api_rules(const struct api_call *c);
void api_rule(const struct api_call *c);
void api_actions(const struct api_call *c);
void api_action(const struct api_call *c);

/* api_budget.c */
void api_budget(const struct api_call *c);
/* Adds the figures of each API key; nothing when no limits are known. */
void api_budget_metrics(const struct service *s, struct buf *b);

/* api_connections.c */
void api_connections(const struct api_call *c);
void api_connection(const struct api_call *c);
void api_connect(const struct api_call *c);
void api_connect_code(const struct api_call *c);

/* api_call.c */
void api_call_action(const struct api_call *c);

/* api_stream.c */
void api_stream(const struct api_call *c);
/* The one listener of the engine; ends all streams. */
void api_stream_init(struct api *a);
void api_stream_done(struct api *a);

/* The body as an object, {} when there is none; NULL after it was refused. */
json_t *api_body(const struct api_call *c);
