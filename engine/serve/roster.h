/*
 * Which rules there were: of each rule set that was loaded, the rules with their versions, so that it can be
 * said later why an event of that time started what it did. The texts are the store's `source`.
 */
#pragma once

#include "engine/rule/rules.h"

struct service;

/* Keeps it under "ruleset:HASH". It is lost when the store has an error: then `why` takes the rules of now. */
void roster_keep(struct store *s, const struct ruleset *r);

/* A rule set of another time, while it is fetched rule by rule. */
struct roster {
	struct plan **plans; /* owned */
	size_t n;
	bool known; /* else they are the rules of now */
	/* private */
	const struct service *service;
	struct store_kept kept;
	struct store_get_source source;
	char *name;
	json_t *list;
	size_t at;
	void (*done)(struct roster *r);
};

/* Calls done when all of it is there, perhaps at once. ruleset: its hash. */
void roster_fetch(struct roster *r, const struct service *s, const char *ruleset,
		  void (*done)(struct roster *r));
/* Not while it is fetched. */
void roster_done(struct roster *r);
