/*
 * Conversation platforms: what each sends becomes events of our own form, by a Lua file of scripts/adapters. A
 * file of the user's own scripts/adapters goes before the product's; a new platform needs a file, and no build.
 */
#pragma once

#include <jansson.h>

#include "engine/base/clock.h"
#include "engine/serve/config.h"

struct adapters;

/* Borrows all. NULL is fine for the others: there are none. */
struct adapters *adapters_new(const struct config *c, const struct clock *clock, struct rng *rng);
void adapters_free(struct adapters *a);
/*
 * data: of the delivery. *ret: {events: [event as JSON], answer: what the platform is to hear, or missing}, a new
 * reference. ERR_NOT_FOUND: there is no such platform; ERR_INVALID: the payload is none of its; ERR_SCRIPT: the
 * adapter failed.
 */
int adapters_read(struct adapters *a, const char *platform, const struct server_req *r,
		  const json_t *data, json_t **ret, struct errmsg *msg);
