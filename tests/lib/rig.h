/*
 * A whole engine on a virtual clock: the real compiler, Lua host and driver over the store that fails
 * and crashes on demand. Effects are counted by a kind of step of its own: `act: NAME`.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/lua/host.h"
#include "engine/rule/rules.h"
#include "engine/run/engine.h"

#define RIG_EFFECTS 64

struct rig {
	struct clock_virtual clock;
	struct rng rng;
	struct loop *loop;
	struct store *store;
	struct lua_host *lua;
	struct rule_env env;
	struct plan **plans;
	size_t n_plans;
	struct engine *engine;
	unsigned (*crashes)(const char *run); /* taken at the next start */
	size_t active_max;                    /* taken at the next start; 0: the engine's own */
	json_t *scripts;                      /* name → text */
	/* events answered */
	size_t accepted, refused;
	struct id last_run;
	size_t n_last_runs;
};

/* What the world outside saw; it survives crashes. */
struct effect_log {
	struct {
		char name[64];
		unsigned count;
	} at[RIG_EFFECTS];
	size_t n;
	unsigned fail_next; /* so many effects answer with a transient error */
	unsigned lose_next; /* so many are done but their answer never comes */
	unsigned total;
	bool locked; /* effects are held until somebody logs in */
};
extern struct effect_log effects;

void rig_init(struct rig *r);
void rig_done(struct rig *r);
/* Compiles rules; fails the test on an error. */
void rig_rules(struct rig *r, const char *yaml);
/* A script that rules may name; again: an edit of it. */
void rig_script(struct rig *r, const char *name, const char *text);
/* Sends an event with JSON data. */
void rig_send(struct rig *r, const char *type, const char *json);
/* Turns the loop until nothing is left to do at this instant. */
void rig_settle(struct rig *r);
/* Advances the clock by this much, in steps, settling at each. */
void rig_pass(struct rig *r, int64_t ms);
/* The process dies: keep: how many of the store's queued verbs had become durable. */
void rig_crash(struct rig *r, size_t keep);
/* A new process on the same store. */
void rig_restart(struct rig *r);
/* VIEW_RUN of the newest run (or of the n-th from the newest); the caller's. */
json_t *rig_run(struct rig *r, size_t n);
/* The state word of the newest run; static buffer. */
const char *rig_state(struct rig *r);
unsigned effect_count(const char *name);
void effects_reset(void);
