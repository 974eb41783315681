/*
 * What a call names: "connection.action" resolved to the pinned definitions it needs, its look-up
 * and the reading of its jobs among them.
 */
#pragma once

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "engine/run/step.h"

struct target {
	char *full;       /* "shop.create_order" */
	char *connection; /* "shop" */
	struct action *action;
	struct action *look_up;    /* of a keyed one, or NULL */
	struct action *whole;      /* reads what a look-up found, where that shows less; or NULL */
	struct action *read;       /* of a merging update, or NULL */
	struct action *job_status; /* reads one job, or NULL */
	struct action *job_list;   /* lists jobs, or NULL */
};

/* What names are looked up in while rules are compiled; borrowed for ever. Once, in main. */
void target_setup(const struct catalogue *cat, const struct connections *conns);

/*
 * Resolves a name in a rule (or a script of it) and pins what it needs into the plan. NULL with an
 * error collected at line:col.
 */
const struct target *target_check(struct plan_check *c, const char *full, int line, int col);
/* Whether a plain name is a connection's or a connector's, and the mistake that it is not. */
bool target_knows_connection(const char *name);
void target_unknown_connection(struct plan_check *c, const char *name, int line, int col);
/* The plan's own, or NULL when the rule did not pin it. */
const struct target *target_find(const struct plan *p, const char *full);

/* The action that a `call` step names; NULL when the step is of another kind. */
const char *call_action(const struct step *s);
