/*
 * A run in memory: the tree of activations it is made of, its journal, and its one state.
 * Private to engine/run; kinds see engine/run/step.h.
 *
 *        ┌──────────┐ driven  ┌─────────┐ all steps parked ┌─────────┐
 *  ─────▶│  QUEUED  │────────▶│ RUNNING │─────────────────▶│ WAITING │ memory is given up
 *        └──────────┘         └─────────┘◀───────────────┐ └─────────┘
 *             ▲  a person     │  │  ▲  ▲    timer, event │ ┌──────────┐
 *             │  retries      │  │  │  └────────────────┼─│ RETRYING │
 *        ┌────┴───┐◀──error───┘  │  │ a person decides  │ └──────────┘
 *        │ FAILED │              │  └─────────────────┐ │ ┌──────────┐
 *        └────────┘              ├────────────────────┼─┴▶│ IN_DOUBT │
 *                                ▼                    └───┴──────────┘
 *                 COMPLETED, CANCELLED (ends)
 */
#pragma once

#include "engine/base/arena.h"
#include "engine/io/loop.h"
#include "engine/run/engine.h"
#include "engine/run/journal.h"
#include "engine/run/keys.h"
#include "engine/run/mailbox.h"

/* How an activation stands to the driver. */
enum act_at {
	ACT_READY,   /* in run->ready: its turn will come */
	ACT_FLYING,  /* its kind waits for something in memory (an answer) and will wake it */
	ACT_BARRIER, /* waits for what is buffered to be durable */
	ACT_PARKED, /* waits for its due time or for something outside; survives in the journal alone */
	ACT_ENTERED, /* a block of it runs */
};

struct frame;

struct act {
	struct run *run;
	struct frame *frame; /* the block it is a step of; NULL: the root */
	const struct step *step;
	char *path;
	struct scope scope;
	struct jpath j;
	struct arena arena;
	void *state;
	enum act_at at;
	struct link ready; /* in run->ready */
	struct link link;  /* in run->acts */
	bool started, replayed, catching, in_doubt, claim_lost;
	bool awaits;       /* it has opened waits, which its end closes */
	json_t *interrupt; /* the error that ends it before its next turn (cancel, timeout) */
	json_t *late;      /* the same, while what is under way is still awaited */
	int64_t due, deadline, began;
	enum run_state park_state;
	unsigned attempt, barrier;
	/* how it ended, or is to end */
	json_t *result, *error, *meta;
	const char *outcome;
	json_t *outer; /* names of enclosing scopes that its iterations changed */
	/* the blocks it runs, those that are over and not yet seen to among them, and how the last ended */
	struct link frames;
	json_t *child_error, *child_result, *child_names, *child_told, *child_sets, *child_view;
	size_t child_lane;
	unsigned n_emitted;
	struct errmsg msg;
};

/*
 * A block being run. Blocks of one step that run side by side are *lanes*: what one of them names or tells
 * is not seen by the others, so that it does not matter in which order answers come.
 */
struct frame {
	struct act *owner;
	struct link link; /* in owner->frames */
	size_t lane;      /* its number, from 1; 0: it is none */
	bool begun, over;
	bool stopped;   /* its steps are called off, as by a cancel of the run */
	json_t *failed; /* how it ended, once it is over */
	json_t *sets; /* names of outside that `set` changed in a lane: they are its own until its end */
	json_t *told,
		*view; /* of a lane: what its own steps tell, and `steps` as it is seen from in it */
	const struct block *block;
	size_t at;            /* the next step */
	char *prefix;         /* of its steps' paths, with its slash; "" at the root */
	json_t *names;        /* its own scope, or NULL: the enclosing one's */
	json_t *fixed;        /* names that it reads beside its scope; or NULL */
	json_t *error;        /* what `error` names, or NULL: the enclosing one's */
	json_t *result;       /* of the last step */
	bool shielded;        /* a cancel does not stop it (finally, undo) */
	bool undo;            /* its steps take back what another has done */
	struct step *spawned; /* made at run time by step_spawn, with literals out of … */
	json_t *spawned_args;
	struct block one; /* … in this block */
};

/* What `try` is given; the rule itself is the outermost one. */
struct try_args {
	struct block body;
	struct catchers catches;
	struct block finally;
};

/* An event that a record of this run names, with the runs it starts. */
struct emitted {
	struct event *ev;
	struct plan **plans; /* one a run, in order; NULL: born failed */
};

struct run {
	struct engine *engine;
	struct id id;
	char id_text[ID_TEXT_LEN];
	struct plan *plan;
	struct event *event;
	enum run_state state;
	uint64_t epoch;
	int64_t created;
	struct link link; /* in engine->runs */
	struct link ready, acts;
	struct act *root;
	struct step root_step;
	struct try_args root_args;
	struct fold fold;
	struct mailbox mail;
	json_t *undos; /* what has been done and may be taken back, oldest first: undo.c; or NULL */
	json_t *events;       /* what `events` names: of a window; or NULL */
	json_t *steps, *info; /* what `steps` and `run` name */
	json_t *now;          /* what `now` names in this turn */
	int64_t turn_ms;      /* wall time of this turn */
	size_t flying;        /* acts in ACT_FLYING */
	bool cancelling, finished, fenced, cancel_asked;
	uint32_t cancel_n;      /* of the C record, while cancelling */
	bool resting;           /* parked, but for so short that it stays in memory */
	json_t *error, *result; /* why it failed, what it gives */
	const char *reason;     /* of a stop: */
	bool has_parent;
	char *telling; /* JSON text: what its parent is told of its end; or NULL */
	/* the journal on its way */
	uint32_t n; /* of the last record, buffered ones included */
	uint32_t durable_n;
	struct jbuf buf, sent;
	struct emitted *emitted, *emitting; /* beside buf.emits and sent.emits */
	int64_t buffered_at;                /* turn of the oldest record that is buffered */
	bool appending;
	unsigned barrier; /* counts the commits */
	struct store_append op;
	struct loop_task task;
	struct loop_timer timer; /* the nearest deadline, short wait or late flush */
	struct loop_timer again; /* a failed append is tried again */
};

/* run.c */
struct run *run_new(struct engine *e, struct id id, struct plan *p, struct event *ev,
		    int64_t created);
void run_free(struct run *r);
/* The only assignment to r->state; dies on a move that the table does not allow. */
void run_move(struct run *r, enum run_state to);
/* The only loop over a run's steps: gives every ready activation its turn, then settles. */
void run_drive(struct run *r);
/* Has it driven on a later turn of the loop. */
void run_schedule(struct run *r);
/* Its deadlines and short waits that are due now. */
void run_tick(struct run *r);
void run_cancel(struct run *r);
/* What is held in it looks again now. */
void run_wake_held(struct run *r);
void run_record(struct run *r, const char *path, enum rec_type type, const json_t *body);
/* Ends it as failed without driving it; takes error. */
void run_fail_now(struct run *r, json_t *error);
/* The same of a run whose first record says that it can only fail; takes error. */
void run_fail_born(struct run *r, json_t *error);
/* Takes the run's end as its root activation reports it. */
void run_finish(struct run *r, json_t *error);

/* commit.c */
void run_commit(struct run *r, enum run_state state, int64_t due);
void run_emit(struct run *r, struct event *ev);
/* Emits it if it starts a run or ends a wait, and else drops it. Takes the reference. */
void run_emit_if_wanted(struct run *r, struct event *ev);
/* The event begins a run of this plan and no other; path: where this run hears of its end, or NULL. */
void run_emit_child(struct run *r, struct event *ev, struct plan *p, struct id id,
		    const char *path);
void run_drop_emitted(struct emitted *e, size_t n);

/* announce.c */
/* Emits the event that tells of the run's end, if anybody listens to it. end: the body of E. */
void run_announce(struct run *r, const json_t *end);

/* mailbox.c */
/* What came for it is read from the store, and whoever waits for it is woken. */
void run_fetch_mail(struct run *r);
/* Wakes the activations that rows of the mailbox are for. */
void run_deliver_mail(struct run *r);

/* act.c */
struct act *act_new(struct run *r, struct frame *f, const struct step *s);
void act_free(struct act *a);
void act_turn(struct act *a);
void act_make_ready(struct act *a);
/* Ends an activation from outside with an error (taken) unless its kind must still be awaited. */
void act_interrupt(struct act *a, json_t *error);
bool act_is_leaf(const struct act *a);
bool act_is_shielded(const struct act *a);
/* The run is cancelled, or a block around it stopped, and it is not of those that go on all the same. */
bool act_is_called_off(const struct act *a);
/* The block that was entered last. */
struct frame *act_newest(const struct act *a);
json_t *error_new(int err, const char *message, const char *step);
bool error_is(const json_t *error, const char *name);

/* undo.c */
/* Adds to the body of a step's end what its undo needs to know, if it has one. */
void undo_note(const struct act *a, json_t *body);
/* The run knows of it from now on: the body of record n. */
void undo_keep(struct run *r, const char *path, uint32_t n, const json_t *body);
/* What the folded journal has of them. */
void undo_load(struct run *r);
/*
 * Enters the undo of the step inside this one that ended last and was not undone; *ret_n names it for
 * undo_done(). False: there is none. names: of a block at the root that is over, or NULL.
 */
bool undo_enter(struct act *a, json_t *error, json_t *names, json_int_t *ret_n);
/* It has run; error: a person has given it up. */
void undo_done(struct act *a, json_int_t n, json_t *error);
/* Whether its failure is for a person to settle, since it leaves something half undone. */
bool undo_is_doubt(const struct act *a);

/* step.c */
/* Enters a block that takes something back; takes names. */
void step_enter_undo(struct act *a, const struct block *b, const char *seg, json_t *names,
		     json_t *error);
/* What was committed: whoever waits for a claim that it gave up may go on. */
void step_tell_released(const struct jbuf *b);

/* frame.c */
void frame_next(struct frame *f);
/* It is over, its owner's turn comes; takes error. */
void frame_end(struct frame *f, json_t *error);
/* Its steps are called off: those that wait end, what is under way is awaited and recorded. */
void frame_stop(struct frame *f);
/* What a step that has ended tells, for `steps`. */
void frame_tell(struct frame *f, const char *name, json_t *meta);
void frame_free(struct frame *f);
/* Sets a name in the nearest scope; outer: in the enclosing scope that has it already, if any. */
void frame_set(struct frame *f, const char *name, json_t *value, bool outer);
json_t *scope_lookup(const struct run *r, const struct frame *f, const char *name);

/* flow.c, each.c, while.c */
#define KIND(name) extern const struct step_kind kind_##name;
#include "engine/run/flow.def"
#undef KIND
/*
 * Whether a catch, or a loop that collects errors, may take this one: a stop, a cancel and what next: and
 * break: raise go through all of them.
 */
bool flow_may_handle(const json_t *error);
/* The records of an activation since it was last tried again as a whole. */
const struct jrec *flow_since_retry(const struct act *a);
/* The catchers that guard the block which this activation runs now, or NULL. */
const struct catchers *flow_catchers(const struct act *a);

/* retry.c */
bool error_matches(const json_t *error, const char *const *names, size_t n);
/* The back-off before attempt n + 1 (n from 1), with jitter: ms. */
int64_t retry_delay(const struct retry *r, unsigned n, struct rng *rng);
/* Whether an explicit policy wants this error tried again after n attempts, elapsed_ms on. */
bool retry_wants(const struct retry *r, const json_t *error, unsigned n, int64_t elapsed_ms);

/* engine.c: the door between a run and the table of all runs. */
struct engine {
	struct engine_config conf;
	struct map runs;    /* id text → struct run */
	struct map loading; /* id text → struct loading */
	struct map near;    /* id text → struct near */
	struct map plans;   /* hash → struct plan, a reference each */
	struct heap due;    /* near, by wall ms */
	struct shapes shapes;
	bool shapes_due;      /* asked of the store; events wait for them in … */
	struct link unshaped; /* … of struct accepting */
	struct loop_timer due_timer, refill_timer;
	struct link to_load; /* ids that wait for a free place in memory */
	struct matches matches;
	size_t accepting, asked;           /* events and loads that the store has */
	size_t resting;                    /* of the runs in memory: parked for a short time */
	size_t unkept;                     /* plans that the store could not keep yet */
	int64_t refilled_at, clock_offset; /* boot ms; wall minus boot at that time */
	bool started, draining, backlog, refilling, refilled;
	void (*on_change)(void *arg, struct id run, const char *rule, enum run_state state);
	void *on_change_arg;
	struct engine_stats stats;
};
static inline const struct engine_config *engine_conf(const struct engine *e)
{
	return &e->conf;
}
/* The run is durably parked: it leaves memory, unless it is due very soon. */
void engine_run_parked(struct engine *e, struct run *r, int64_t due);
/* The run has ended, or someone else owns it: it leaves memory. */
void engine_run_ended(struct engine *e, struct run *r);
void engine_run_changed(struct engine *e, struct run *r, enum run_state state);
/* Runs that a commit began are driven, or left in the store when there is no place. */
void engine_begin_runs(struct engine *e, const struct store_accept *acc, struct event *ev,
		       struct plan **plans);
/* Fills acc->runs with the runs that the event starts (newrun_done); *plans: one reference a run,
 * NULL-closed. */
void engine_match(struct engine *e, struct event *ev, struct store_accept *acc,
		  struct plan ***plans);
/* It is driven again, and counts as active. */
void engine_run_woken(struct engine *e, struct run *r);
/* Whether one more run may be driven. */
bool engine_has_place(const struct engine *e);
struct run *engine_find(const struct engine *e, const char *id_text);
void engine_add(struct engine *e, struct run *r);

/*
 * Runs that have something new to look at: in memory they read it, else they are loaded. self: the run
 * whose commit it was, and which knows by itself; or NULL.
 */
void engine_wake(struct engine *e, const struct id *ids, size_t n, const struct run *self);

/* load.c */
/* Reads a run from the store and drives it; nothing happens when it is in memory or on its way. */
void engine_load(struct engine *e, struct id run);
void engine_load_more(struct engine *e);
void engine_drop_loads(struct engine *e);
/* True when the plan with this hash is at hand; borrowed. */
struct plan *engine_plan(struct engine *e, const char *hash);
void engine_keep_plan(struct engine *e, struct plan *p);

/* timer.c */
void engine_near_add(struct engine *e, struct id run, int64_t due);
void engine_near_remove(struct engine *e, const char *id_text);
void engine_near_done(struct engine *e);
/* Asks the store what is due in the near window, now and then every half of it. */
void engine_refill(struct engine *e);
/* Some have woken: more of a backlog, when half of what was read is used up or it is a second old. */
void engine_refill_backlog(struct engine *e);
