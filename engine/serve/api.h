/*
 * The JSON API under /api, and the figures under /metrics: what happened, what is loaded, and what a
 * person may do about it. docs/HTTP.md has the routes and the forms.
 */
#pragma once

#include "engine/base/list.h"
#include "engine/base/map.h"
#include "engine/io/loop.h"
#include "engine/io/server.h"

struct service;

/* Embedded in the service. */
struct api {
	struct service *service;
	struct link streams;    /* who reads /api/stream */
	struct loop_timer beat; /* keeps idle streams open */
	struct map logins;      /* connection → its last struct login */
};

void api_init(struct api *a, struct service *s);
/* Ends the streams. */
void api_done(struct api *a);
/* Forgets the logins: when the client and the store have called back for all that was under way. */
void api_connections_done(struct api *a);
/* path: what stands behind /api/. person: who may only decide what they are asked; NULL: one who may do all. */
void api_handle(struct api *a, struct server_req *r, const char *path, const char *person);
/* Prometheus' text form. */
void api_metrics(struct api *a, struct server_req *r);
