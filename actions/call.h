/*
 * The parts of `call`: its arguments and position, and what its files do for each other.
 *
 * call.c goes from the rule to the answer, call_pages.c joins pages and keeps answers, call_place.c takes the places that one call holds at a time,
 * call_merge.c reads what an update is put over, call_again.c counts attempts and times the next one,
 * call_doubt.c settles what became of a request whose answer was lost, call_check.c finds mistakes before
 * anything runs.
 */
#pragma once

#include "actions/cache.h"
#include "actions/exchange.h"
#include "actions/paging.h"
#include "actions/probe.h"
#include "actions/services.h"
#include "actions/slot.h"
#include "actions/target.h"
#include "engine/run/step.h"

struct call_args {
	const char *action;
	struct tmpl *with;
	struct tmpl *connection;
	struct tmpl *serialize;
	const char *pages;  /* how many are joined, as it is written; NULL: one is the answer */
	unsigned pages_max; /* 0: all */
	struct tmpl *page;  /* the place of the one that a loop asks for */
	int64_t cache_ms;   /* how old a kept answer may be; 0: none is kept */
	const struct target *target; /* found by the check; NULL for steps made at run time */
};

enum call_at {
	CALL_CACHE,  /* another run fetches the same */
	CALL_PARTS,  /* it is sent in parts, or looked through for whether it must be */
	CALL_PLACE,  /* a place is claimed or waited for */
	CALL_READ,   /* what is to be merged with is read */
	CALL_PASS,   /* leave to send */
	CALL_INTENT, /* the intent becomes durable */
	CALL_SEND,
	CALL_PROBE,
	CALL_ADOPT,
	CALL_PARKED,
};

/* The places that a call may need, in the order in which all calls take them: so none waits in a circle. */
enum call_place {
	PLACE_SAID,   /* what the rule says goes one at a time */
	PLACE_OBJECT, /* the thing that a merge reads and writes */
	PLACE_JOB,    /* the unanswered job: given up between attempts */
	PLACES
};

struct call_state {
	enum call_at at;
	const struct target *target;
	const struct connection *conn;
	enum effect effect;
	json_t *params;           /* owned */
	struct call_parts *parts; /* NULL: it goes in one */
	struct exchange x;
	json_t *page; /* owned: the place of the page at hand; NULL: the first */
	struct paging_join join;
	struct cache_seat seat;
	struct act *act; /* for the seat */
	struct probe probe;
	bool repeated; /* an earlier attempt is unanswered */
	struct slot place[PLACES];
	enum call_place taking; /* the place that is asked for */
	int64_t sent_ms;        /* when the bytes left, wall ms */
	bool reading;           /* the exchange is a merge's read */
	int64_t since;          /* when the first unanswered attempt was intended; 0: none */
	bool at_exists;         /* the API says that it exists, though it may be ours */
	bool crashed;           /* the open attempt is of a process that ended */
	bool renewed;           /* its credentials were refused once, and asked for anew */
	unsigned attempts;      /* sends that count, this one included */
	int64_t first;          /* when the first attempt left, wall ms */
};

/* ---- call.c ---- */

/* Begins an attempt: places, a merge's read, leave, the intent, the bytes. */
enum verdict call_attempt(struct act *a, struct call_state *st);
/* Its credentials were refused: true, once, when others can be had. */
bool call_renews(const struct act *a, struct call_state *st);
/* The request is as it will be sent: leave, the intent, the bytes. */
enum verdict call_admit(struct act *a, struct call_state *st);

/* The call as it is, in one: its request, and where the journal says that it stands. */
enum verdict call_start_one(struct act *a, struct call_state *st);

/* ---- call_split.c ---- */

/* Whether it is, or may have to be, sent in parts. */
bool call_splits(const struct act *a, const struct call_state *st);
enum verdict call_split_start(struct act *a, struct call_state *st);
enum verdict call_split_resume(struct act *a, struct call_state *st);
void call_split_drop(struct call_state *st);

/* ---- call_pages.c ---- */

/* Its answer is a page: of those that are joined, or the one that a loop asks for. */
bool call_is_paged(const struct act *a);
/* False: it failed. */
bool call_find_page(struct act *a, struct call_state *st);
/* The request of the page at hand. */
int call_render_page(struct call_state *st, struct errmsg *msg);
/* A page has come: the next one, or the end. */
enum verdict call_take_page(struct act *a, struct call_state *st);
/* May the answer come from those that are kept? */
bool call_may_be_kept(const struct act *a, const struct call_state *st);
enum verdict call_ask_cache(struct act *a, struct call_state *st);
/* The answer is kept, where the call wants that. */
void call_keep(struct act *a, struct call_state *st);
void call_reads_drop(struct call_state *st);
/* A loop goes through its pages; and what beside a call is for reads alone. */
void call_pages_check(struct plan_check *c, struct step *s);
void call_reads_check(struct plan_check *c, struct step *s);

/* ---- call_place.c ---- */

/* Names the places that this call takes. False: it failed. */
bool call_name_places(struct act *a, struct call_state *st);
/* Goes on taking them; then a merge reads, and any other call asks for leave. */
enum verdict call_take_places(struct act *a, struct call_state *st);
/* An attempt is open: its process held them all. */
void call_places_are_held(struct call_state *st);
/* Until the next attempt others' jobs may go. */
void call_leave_job_place(struct act *a, struct call_state *st);
/* The call ends, or waits for a person. */
void call_leave_places(struct act *a, struct call_state *st);

/* ---- call_merge.c ---- */

bool call_merges(const struct call_state *st);
enum verdict call_read(struct act *a, struct call_state *st);
enum verdict call_send_read(struct call_state *st);
enum verdict call_on_read(struct act *a, struct call_state *st);

/* ---- call_again.c ---- */

/* Each I opens an attempt, which the A after it closes; a read has no I and is never open. */
bool call_has_open_attempt(const struct act *a);
/* Sets what the journal tells of earlier attempts. */
void call_read_attempts(const struct act *a, struct call_state *st);
/* Records an end without a result. due: wall ms of the next one. counts: it was an attempt at all. */
void call_record_attempt(struct act *a, struct call_state *st, const json_t *error, int64_t due,
			 bool counts, bool doubt);
/* The error that this attempt's end is: {name, message, status?, key?}; a new reference. */
json_t *call_error(const struct call_state *st, int err);
/* Writes attempts and status into the step's meta. */
void call_tell(struct act *a, const struct call_state *st);
/* The step fails; takes error. */
enum verdict call_give_up(struct act *a, struct call_state *st, json_t *error);
enum verdict call_park(struct act *a, struct call_state *st, int64_t due);
/* It had no effect, or may be repeated: again later, if the policy wants it. */
enum verdict call_again_later(struct act *a, struct call_state *st, int err, bool doubt);

/* ---- call_doubt.c ---- */

/* st->probe.found is claimed, and adopted when no other effect has it. */
enum verdict call_claim(struct act *a, struct call_state *st);
/* A person is asked. */
enum verdict call_unsettled(struct act *a, struct call_state *st, const char *what);
/* found: what the lost request made; it is the step's result. */
enum verdict call_adopt(struct act *a, struct call_state *st, json_t *found);
/* The claim of what was found is decided: it is adopted, or another effect's. */
enum verdict call_on_claimed(struct act *a, struct call_state *st);
/* The doubt is settled: the open attempt counts as one without effect, and a new one begins. */
enum verdict call_send_again(struct act *a, struct call_state *st);
/* Goes by what a probe found. */
enum verdict call_judge(struct act *a, struct call_state *st, enum probe_verdict v);
/* The bytes left and no whole answer came: what may be done is a matter of the effect class. */
enum verdict call_doubt(struct act *a, struct call_state *st, int err);

/* ---- call_check.c ---- */

/* Whether the answer of an action (arg) can have a field, as struct plan_check asks it. */
int call_has_field(void *arg, const char *dotted, char *near, size_t max);
void call_check(struct plan_check *c, struct step *s);
