/* What an answer means for the action that was called: its result, or which error. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actions/catalogue.h"

enum answer_outcome {
	ANSWER_OK,
	ANSWER_PARTIAL, /* done in part; the result says which */
	ANSWER_AGAIN,   /* a read that is not ready: repeat the same request after wait_ms */
	ANSWER_ERROR,
};

/* Zeroed or filled by answer_classify; freed by answer_done. */
struct answer {
	enum answer_outcome outcome;
	int err; /* 0, or the ERR_* of the outcome AGAIN or ERROR */
	int status;
	char key[128];      /* the API's own word for the error, or "" */
	struct errmsg msg;  /* for people; names scope and privilege where that may be the cause */
	json_t *result;     /* the body: `{}` when empty, {text} or {base64} when it is no JSON */
	char job[128];      /* id of the job that the call began, or "" */
	int64_t wait_ms;    /* wait at least so long before the next attempt; 0: nothing is said */
	bool until_day_end; /* nothing goes on before the quota's day ends */
	bool gone;          /* not_found that is a success: an earlier attempt did it */
};

/* The error that a status is where nothing else is said of it. */
int answer_status_error(int status);
/*
 * headers: {lower-case name: value} or NULL. repeated: an attempt was sent before, whose answer is
 * not known. now_ms: UTC, for a Retry-After with a date.
 */
void answer_classify(const struct action *a, int status, const json_t *headers, const char *body,
		     size_t len, bool repeated, int64_t now_ms, struct answer *out);
void answer_done(struct answer *r);

enum job_outcome {
	JOB_RUNNING,
	JOB_COMPLETED,
	JOB_PARTIAL,
	JOB_FAILED,
	JOB_CANCELLED,
	JOB_TIMED_OUT,
};
const char *job_outcome_word(enum job_outcome o);
/* What the status of a job says. A state that nobody has heard of counts as running. */
enum job_outcome job_classify(const struct action_job *j, const json_t *status);
/*
 * The result of waiting for a job: {outcome, state, percent_done, errors, status, result_id}, a new
 * reference. status: the answer of the action that reads it.
 */
json_t *job_result(const struct action_job *j, const json_t *status);
