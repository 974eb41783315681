/*
 * The parts of `wait`: its arguments and position; wait.c is for times,
 * wait_event.c for events, wait_job.c for bulk activities.
 */
#pragma once

#include "actions/exchange.h"
#include "actions/services.h"
#include "actions/target.h"
#include "actions/watch.h"
#include "engine/run/step.h"

#define WAIT_FIXED 4 /* more fields narrow little */

/* A field of the event, "=it.data.id", and the value that it must have. */
struct fixed {
	const char *path;
	struct tmpl *value;
};

struct wait_args {
	struct tmpl *time; /* wait: 10m */
	struct tmpl *until;
	struct tmpl *activity;
	const char *connection;
	const char *event, *conversation, *webhook, *run; /* the name of an event; one of them */
	struct tmpl *where, *match;
	struct tmpl *own[5]; /* enum wait_own */
	bool scan;
	const char *shape; /* of its keys: the plan's */
	struct fixed
		fixed[WAIT_FIXED]; /* what `match` demands, and the shape with it; NULL: nothing */
	size_t n_fixed;
	const char *narrow_shape;
	bool wide_is_all; /* without that every event of its type would be looked at */
	int64_t timeout_ms;
	struct else_arg other;
	const struct target *job; /* found by the check: the call that began the activity */
	const char *job_connection;
};

/* Filters with a short name, as triggers have them. */
enum wait_own { WAIT_PLATFORM, WAIT_CHANNEL, WAIT_INTENT, WAIT_SOURCE, WAIT_SUBJECT, WAIT_OWN };

enum wait_at { WAIT_PARKED, WAIT_WATCH, WAIT_LIST, WAIT_LOOK, WAIT_ELSE };

struct wait_state {
	enum wait_at at;
	struct exchange x;
	const struct connection *conn;
	const struct action *action; /* reads one activity */
	const struct action *list;   /* lists activities, or NULL */
	bool renewed;                /* its credentials were refused once, and asked for anew */
	struct watch_wait watch;
};

/* ---- wait_event.c ---- */

void wait_event_check(struct plan_check *c, struct step *s);
/* What a script waits for (script_waits() in engine/lua/script.h), so that events are kept under its key. */
void wait_event_pin(struct plan_check *c, const json_t *words, int line, int col);
enum verdict wait_event_go(struct act *a);

/* ---- wait_job.c ---- */

enum verdict wait_job_start(struct act *a, struct wait_state *st);
enum verdict wait_job_resume(struct act *a, struct wait_state *st);
/* As a kind's cancel. */
bool wait_job_cancel(struct wait_state *st);
