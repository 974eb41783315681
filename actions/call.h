/*
 * The parts of `call`: its arguments and position, and what its files do for each other.
 *
 * call.c goes from the rule to the answer, call_again.c counts attempts and times the next one,
 * call_doubt.c settles what became of a request whose answer was lost, call_check.c finds mistakes
 * before anything runs.
 */
#pragma once

#include "actions/exchange.h"
#include "actions/probe.h"
#include "actions/services.h"
#include "actions/target.h"
#include "engine/run/step.h"

struct call_args {
	const char *action;
	struct tmpl *with;
	struct tmpl *connection;
	const struct target *target; /* found by the check; NULL for steps made at run time */
};

enum call_at { CALL_PASS, CALL_SLOT, CALL_INTENT, CALL_SEND, CALL_PROBE, CALL_ADOPT, CALL_PARKED };

struct call_state {
	enum call_at at;
	const struct target *target;
	const struct connection *conn;
	enum effect effect;
	json_t *params; /* owned */
	struct exchange x;
	struct probe probe;
	bool repeated;     /* an earlier attempt is unanswered */
	bool slot;         /* it holds the connection's place for an unanswered job */
	bool crashed;      /* the open attempt is of a process that ended */
	bool renewed;      /* its credentials were refused once, and asked for anew */
	unsigned attempts; /* sends that count, this one included */
	int64_t first;     /* when the first attempt left, wall ms */
};

/* ---- call.c ---- */

/* Begins an attempt: leave, a job's place, the intent, the bytes. */
enum verdict call_attempt(struct act *a, struct call_state *st);
/* The place for an unanswered job is given up in the next commit, if it is held. */
void call_release_slot(struct act *a, struct call_state *st);

/* ---- call_again.c ---- */

/* Each I opens an attempt and each A closes one; a read has no I and is never open. */
bool call_has_open_attempt(const struct act *a);
/* Sets what the journal tells of earlier attempts. */
void call_read_attempts(const struct act *a, struct call_state *st);
/* Records an end without a result. due: wall ms of the next one. counts: it was an attempt at all. */
void call_record_attempt(struct act *a, struct call_state *st, const json_t *error, int64_t due,
			 bool counts, bool doubt);
/* The error that this attempt's end is: {name, message, status?, key?}; a new reference. */
json_t *call_error(const struct call_state *st, int err);
/* How many sends there may be, by the policy or by default. */
unsigned call_attempts_max(const struct act *a);
/* Writes attempts and status into the step's meta. */
void call_tell(struct act *a, const struct call_state *st);
/* The step fails; takes error. */
enum verdict call_give_up(struct act *a, struct call_state *st, json_t *error);
enum verdict call_park(struct act *a, struct call_state *st, int64_t due);
/* It had no effect, or may be repeated: again later, if the policy wants it. */
enum verdict call_again_later(struct act *a, struct call_state *st, int err, bool doubt);

/* ---- call_doubt.c ---- */

/* found: what the lost request made; it is the step's result. */
enum verdict call_adopt(struct act *a, struct call_state *st, json_t *found);
/* Another look at the list of jobs later: it may lag behind what happened. */
enum verdict call_look_later(struct act *a, struct call_state *st, const char *evidence);
/* The doubt is settled: the open attempt counts as one without effect, and a new one begins. */
enum verdict call_send_again(struct act *a, struct call_state *st);
/* Goes by what a probe found. */
enum verdict call_judge(struct act *a, struct call_state *st, enum probe_verdict v);
/* The bytes left and no whole answer came: what may be done is a matter of the effect class. */
enum verdict call_doubt(struct act *a, struct call_state *st, int err);

/* ---- call_check.c ---- */

void call_check(struct plan_check *c, struct step *s);
