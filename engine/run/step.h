/*
 * What a kind of step is, and all that it sees of the run that drives it.
 *
 * To add a kind: one file with one `const struct step_kind` at its end, one line in
 * actions/kinds.def (or engine/run/flow.def for control flow), one test; nothing else.
 *
 * A kind decides what happens; the driver decides when. start() and resume() return a verdict:
 * DONE (step_done was called), FAIL (step_fail was called), WAIT (step_wake will come exactly once:
 * by an answer, by the driver's timer after step_park, or by on_recorded after step_barrier), or
 * ENTER (step_enter was called: a block runs, then resume() comes). Kinds keep their position in
 * `state` (state_size zeroed bytes of the run's arena) and never hold it over a park: after a park
 * the run may be read again from its journal, and start() comes anew with the journal's records of
 * this path at hand (step_rec).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/run/plan.h"
#include "engine/store/store.h"

struct run;
struct act; /* one activation of a step */
struct event;
struct mail; /* what came for a run */

enum verdict { STEP_DONE, STEP_FAIL, STEP_WAIT, STEP_ENTER };

/* How a parameter is written in YAML and what is stored at `offset` of the kind's args. */
enum param_type {
	P_STRING,   /* const char *: plain text, no template */
	P_TMPL,     /* struct tmpl *: any value */
	P_SECRETS,  /* struct tmpl *: any value, and secrets.NAME in it */
	P_EXPR,     /* struct tmpl *: a bare expression, a leading '=' allowed */
	P_DURATION, /* int64_t ms */
	P_INT,      /* int */
	P_BOOL,     /* bool */
	P_BLOCK,    /* struct block: a list of steps */
	P_ELSE,     /* struct else_arg: fail | continue | steps */
	P_CHOICES,  /* struct choices: [{if:, do:}, {else: […]}] */
	P_BLOCKS,   /* struct blocks: a list of lists of steps */
	P_CATCH,    /* struct catchers */
	P_NAMES,    /* struct tmpl *, a MAP whose keys are new names (set) */
	P_NAME,     /* const char *: a Lua identifier that becomes a name in the scope (item) */
	P_SOURCE,   /* struct source_arg: a list, or a step that gives one page by page */
};

enum else_kind { ELSE_UNSET, ELSE_FAIL, ELSE_CONTINUE, ELSE_STEPS };
struct else_arg {
	enum else_kind kind;
	struct block body;
};
struct choice {
	struct tmpl *cond; /* NULL: else */
	struct block body;
};
struct choices {
	struct choice *at;
	size_t n;
};
struct blocks {
	struct block *at;
	size_t n;
};
/* `each: =list`, or `each: {call: …, with: …}`: a step of a kind with `pages`. */
struct source_arg {
	struct tmpl *list;
	struct step *step; /* NULL: the list */
};

/*
 * One key of a step. where:
 *   IN_WORD  the value of the step word itself (call: X), when it is a scalar or the whole value
 *   IN_MAP   a key inside the step word's map value (wait: {activity: …})
 *   BESIDE   a key beside the step word (with:, do:, else:)
 *   SPAWNED  no key at all: given to steps that are made at run time
 */
enum param_where { IN_WORD, IN_MAP, BESIDE, SPAWNED };
struct param {
	const char *name;
	enum param_type type;
	enum param_where where;
	bool required;
	size_t offset;
	const char *help;
};

struct step_kind {
	const char *name;           /* the step word */
	const char *help;           /* one sentence for reference pages and `pawl schema` */
	const struct param *params; /* closed by a NULL name */
	size_t args_size, state_size;
	/* Semantic checks after the params are filled; may be NULL. Errors through c. */
	void (*check)(struct plan_check *c, struct step *s);
	/*
	 * The kind can give its result page by page; checks whether this step can. Spawned with a
	 * parameter `page`, an object that only the kind reads ({}: the first page), a step's result is
	 * {items: [], next: `page` of the next one, missing after the last}. NULL: it cannot.
	 */
	void (*pages)(struct plan_check *c, struct step *s);
	/* Whether the turns of this loop run side by side; NULL: never. Called once its plain parameters are
	 * filled. */
	bool (*lanes)(const struct step *s);
	enum verdict (*start)(struct act *a);
	enum verdict (*resume)(struct act *a);
	/* The run is cancelled or the step timed out while WAITing; stop what is under way. True: the
	 * kind will still wake (a call that must be awaited); false: it is stopped. */
	bool (*cancel)(struct act *a);
	/* Frees what the state owns; called last, also when the run is only put aside. May be NULL. */
	void (*drop)(struct act *a);
	bool loops;   /* its blocks run in iterations (each): names are local there */
	bool repeats; /* next: and break: inside its blocks are about it */
	bool silent;  /* its end is no record: its decisions and its children tell it (if) */
	bool retries; /* it does its own retries, by its effect class (call) */
	bool catches; /* it has a `catch` parameter of its own (try) */
	bool ends;    /* nothing after it in its block is reached (stop, fail) */
};

/* ---- what a kind may do with its activation ---- */

const struct step *act_step(const struct act *a);
void *act_args(const struct act *a);
void *act_state(const struct act *a);
struct run *act_run(const struct act *a);
/* The path with iterations ("do.3/each#17/do.1"), and the effect id made of (run, path). */
const char *act_path(const struct act *a);
struct id act_effect_id(const struct act *a);
const struct plan *act_plan(const struct act *a);
/* Which attempt of the whole step this is, from 1: more only where the driver retries it. */
unsigned act_attempt(const struct act *a);
/* How long ago the run began, in ms. */
int64_t act_run_age_ms(const struct act *a);
/* The n-th record of a type at this path (from 0), parsed and borrowed; NULL when there are fewer. */
json_t *step_rec_at_index(const struct act *a, enum rec_type type, unsigned n);
/* Memory that lives until the activation ends. */
struct arena *act_arena(struct act *a);
const struct scope *act_scope(const struct act *a);
/* What main wired for kinds outside this layer (actions/services.h). */
void *act_services(const struct act *a);
int64_t act_now(const struct act *a); /* wall ms, fixed for this turn */
struct rng *act_rng(const struct act *a);
struct errmsg *act_msg(struct act *a); /* scratch for step_fail_msg */

/* Evaluates in the activation's scope. On error step_fail was called: return STEP_FAIL. */
bool act_eval(struct act *a, const struct tmpl *t, json_t **ret);
/* The same where secrets may stand, each by its name: see EXPR_SECRET_BEGIN. */
bool act_eval_secrets(struct act *a, const struct tmpl *t, json_t **ret);
bool act_truth(struct act *a, const struct tmpl *t, bool *ret);

/* Ends well. Takes result (NULL: nil). outcome: "ok" when NULL. */
enum verdict step_done(struct act *a, json_t *result);
enum verdict step_done_as(struct act *a, json_t *result, const char *outcome);
/* Adds to the step's meta (steps.NAME.status, .attempts, .adopted …). Takes value. */
void step_meta(struct act *a, const char *key, json_t *value);
/* Ends badly. err: an ERR_ code; key: the API's own, or NULL; status: HTTP or 0. */
enum verdict step_fail(struct act *a, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
enum verdict step_fail_msg(struct act *a); /* with act_msg */
/* Ends badly with a ready error object {name, message, status, key …}; takes it. */
enum verdict step_fail_error(struct act *a, json_t *error);
/* Nobody knows whether the effect happened: the run stops as in_doubt for a person, unless a catch
 * of the step takes `in_doubt`. */
enum verdict step_in_doubt(struct act *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Journal. The newest record of a type at this path, parsed and borrowed; NULL when none. */
json_t *step_rec(const struct act *a, enum rec_type type);
/* How many records of a type stand at this path. */
unsigned step_rec_count(const struct act *a, enum rec_type type);
/* Buffers a record at this path; takes body (NULL: none). */
void step_record(struct act *a, enum rec_type type, json_t *body);
/* Claims a foreign id (unique over all runs) in the same commit as what is buffered. A claim that
 * another effect holds makes the append fail: on_recorded then tells by act_claim_lost. */
void step_claim(struct act *a, const char *connection, const char *foreign_id);
bool act_claim_lost(const struct act *a);
/* Gives up this effect's claim in the same commit as what is buffered. */
void step_release(struct act *a, const char *connection, const char *foreign_id);
/* cb is told of every claim that was given up, once that is durable; one listener for all engines. */
void step_on_released(void (*cb)(const char *connection, const char *foreign_id));
/* What comes from outside: see engine/store/wait.h. */

/*
 * Opens a wait at this path, or one more key of it, in the same commit as what is buffered. w's path is
 * set here, its texts are copied. What meets it wakes the parked step: resume() or, after the memory was
 * given up, start(). It is closed when the step ends.
 */
void step_await(struct act *a, struct store_wait *w);
/* The first thing that came for this path and is not judged, or NULL: *ret_event its envelope, or
 * *ret_body what was told; borrowed. */
struct mail *step_mail(const struct act *a, json_t **ret_event, json_t **ret_body);
/* The event in it, for its id; NULL. */
const struct event *mail_event(const struct mail *m);
/* What came satisfies the wait, or does not; durable with the next commit. */
void step_judge(struct act *a, struct mail *m, bool took);
/* FROM_MARK looks back to now, once that is durable. */
void step_mark(struct act *a);
/* A condition in which `it` names something. On error step_fail was called. */
bool act_truth_of(struct act *a, const struct tmpl *t, json_t *it, bool *ret);
/*
 * Does something to a kept value (engine/store/memory.h; m->at and m->rec are set here), recorded as a
 * decision {memory: outcome}: {ok: value} or {no: why}. Return what step_barrier() gives after it.
 */
void step_memory(struct act *a, struct store_memory *m);
/*
 * Begins a run of a rule by name, as part of this run: the record that is buffered names it, and its
 * end comes as mail at this path, {id, state, result, error}. detached: nothing comes. data: taken.
 * ERR_NOT_FOUND when there is no such rule, ERR_LIMIT when the chain is too long.
 */
int step_start_run(struct act *a, const char *rule, json_t *data, bool detached, struct id *ret,
		   struct errmsg *msg);

/* What is buffered becomes durable, then resume() comes. Return STEP_WAIT after it. */
enum verdict step_barrier(struct act *a);
/* The run parks until `due` (wall ms; 0: only other wakes), then resume() or, after the memory was
 * given up, start() comes. state: RUN_WAITING or RUN_RETRYING. Return STEP_WAIT after it. */
enum verdict step_park(struct act *a, enum run_state state, int64_t due);
/* Something came: resume() will be called on a later turn. Safe from any callback on the loop. */
void step_wake(struct act *a);
/* An event that this step's record names; accepted in the commit of that record. Takes event:
 * {type, subject, data, source?, id?}. Its id is made of (run, path, k). */
void step_emit(struct act *a, json_t *event);

/* Runs a block of this step under path segment `seg` ("do", "else", "each#3"); then resume().
 * local: names of the iteration (item, index) or NULL; taken. */
enum verdict step_enter(struct act *a, const struct block *b, const char *seg, json_t *local);
/* The same without a scope of its own: names that its steps give are the enclosing block's. fixed: names
 * that only this block reads (index), or NULL; taken. */
enum verdict step_enter_open(struct act *a, const struct block *b, const char *seg, json_t *fixed);
/*
 * Lanes: blocks that run side by side. Several may be entered before ENTER is returned, and at any turn
 * later; resume() comes for each that ends, with the number it was given (from 1), and may return ENTER to
 * wait for those that are left. A lane's names and what its steps tell are its own until they are merged.
 */
enum verdict step_enter_lane(struct act *a, const struct block *b, const char *seg, size_t lane,
			     json_t *local, bool stopped);
/* The one that has ended. */
size_t act_child_lane(const struct act *a);
/* What it has named and told, for step_merge_lane() once all have ended; a new reference. */
json_t *act_child_lane_names(const struct act *a);
void step_merge_lane(struct act *a, json_t *lane);
/* Calls off those that have not ended: they end soon, and resume() comes for each. */
void step_stop_lanes(struct act *a);
/* After ENTER: did the block end by an error? Borrowed error object or NULL; when the kind handles it
 * step_forgive() drops it. Without that a resume() that returns DONE is a bug. */
json_t *act_child_error(const struct act *a);
void step_forgive(struct act *a);
/* The result of the last step that ran in the block, borrowed; NULL nil. */
json_t *act_child_result(const struct act *a);
/* Evaluates in the scope the block had (its iteration's names), e.g. `result:` of each. */
bool act_eval_child(struct act *a, const struct tmpl *t, json_t **ret);
/* Runs one step made at run time (by a script, for a page) under segment `seg`; args: literal
 * parameters by name, as {word: value, other: value}; taken. It retries as this step does, where the
 * kind of this one does its own retries. Then resume(), with act_child_result/_error. */
enum verdict step_spawn(struct act *a, const char *kind, const char *seg, json_t *args);
/* Names of the run's scope: sets one (set:). Taken. Recorded by the caller's own record. */
void step_set_name(struct act *a, const char *name, json_t *value);
/* Ends the whole run as completed with this reason (stop:). */
enum verdict step_stop(struct act *a, const char *reason);
/* The entry of a catch list that takes an error, or -1; the choice is recorded, and on a replay read. */
int step_pick_catch(struct act *a, const struct catchers *c, json_t *error);
/* Like step_enter, but `error` names this error inside the block, and (shielded) a cancel does not
 * stop the block's steps. error: borrowed, may be NULL. */
enum verdict step_enter_guarded(struct act *a, const struct block *b, json_t *error, bool shielded);
/* True when a person said `again` after the last record of an effect at this path. */
bool act_again(const struct act *a);
/* When the newest record of a type was written (wall ms); 0 when there is none. */
int64_t step_rec_at(const struct act *a, enum rec_type type);
/*
 * True when the run was cancelled, or the step's time is over, and this step is not of those that go
 * on. What it has sent is awaited or looked for, and recorded; nothing is sent that may act.
 */
bool act_is_stopped(const struct act *a);
/* True while the journal's records of this path came from a load: a replay. */
bool act_is_replay(const struct act *a);
/* The error that the innermost catch is about; borrowed; NULL. */
json_t *act_current_error(const struct act *a);
/* The retry policy that applies to this step (the step's own over the rule's). */
const struct retry *act_retry(const struct act *a);
/* One log line with the run's ids. */
void act_log(struct act *a, const char *text);
/* Facts about the run for kinds: id text, rule, event (borrowed). */
const char *act_run_id(const struct act *a);
json_t *act_event(const struct act *a);
