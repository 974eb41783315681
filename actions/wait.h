/* The parts of `wait`: its arguments and position; wait.c is for times, wait_job.c for bulk activities. */
#pragma once

#include "actions/exchange.h"
#include "actions/services.h"
#include "actions/target.h"
#include "actions/watch.h"
#include "engine/run/step.h"

struct wait_args {
	struct tmpl *time; /* wait: 10m */
	struct tmpl *until;
	struct tmpl *activity;
	const char *connection;
	int64_t timeout_ms;
	struct else_arg other;
	const struct target *job; /* found by the check: the call that began the activity */
	const char *job_connection;
};

enum wait_at { WAIT_PARKED, WAIT_WATCH, WAIT_LIST, WAIT_LOOK, WAIT_ELSE };

struct wait_state {
	enum wait_at at;
	struct exchange x;
	const struct connection *conn;
	const struct action *action; /* reads one activity */
	const struct action *list;   /* lists activities, or NULL */
	struct watch_wait watch;
};

/* ---- wait_job.c ---- */

enum verdict wait_job_start(struct act *a, struct wait_state *st);
enum verdict wait_job_resume(struct act *a, struct wait_state *st);
/* As a kind's cancel. */
bool wait_job_cancel(struct wait_state *st);
