/*
 * A durable script as a machine that stops at every operation it wants recorded.
 *
 * The script runs in a state of its own until it calls an operation (call, wait, emit, reply, log,
 * now, random, uuid …); script_run() then returns SCRIPT_OP, and goes on when it is called again
 * with the operation's result. Dropping the struct drops the state; a replay makes a new one and
 * feeds the recorded results.
 */
#pragma once

#include <jansson.h>

#include "engine/base/err.h"
#include "engine/base/map.h"
#include "engine/lua/host.h"

struct script;

enum script_verdict { SCRIPT_DONE, SCRIPT_OP, SCRIPT_FAIL };

struct script_op {
	const char *name; /* "call", "wait", "emit", "reply", "log", "now", "random", "uuid" … */
	json_t *args;     /* a list of the arguments; borrowed until the next script_run */
	int line;         /* of the script that called it */
};

/*
 * sources: name → text of the main script and of every file it may `require` (keys "score.lua",
 * "lib/name.lua"; require "lib.name" finds "lib/name.lua"). All borrowed until script_free.
 * args: what `...` is; borrowed. NULL with msg on a syntax error.
 */
struct script *script_new(struct lua_host *h, const struct map *sources, const char *main,
			  const json_t *args, struct errmsg *msg);
void script_free(struct script *s);
/* Whose files it may read: a run's id, borrowed until script_free. */
void script_run_is(struct script *s, const char *run);
/*
 * Starts (first call: result and error NULL) or goes on. result: the operation's value, borrowed,
 * NULL for nil. error: instead of a result, an error object {name, message, …} that is raised in the
 * script (pcall catches it; tostring(e) is its message, e.name its name). On SCRIPT_OP *op is filled;
 * on SCRIPT_DONE *ret is the returned value (a new reference or NULL); on SCRIPT_FAIL msg is, and
 * *ret is an error object when the script let an operation's error through, else NULL.
 */
enum script_verdict script_run(struct script *s, const json_t *result, const json_t *error,
			       struct script_op *op, json_t **ret, struct errmsg *msg);

/* Syntax check, and the literal names it requires ("lib/name.lua") by cb. 0 or ERR_PARSE, with
 * "line: text" in msg and *ret_line. A require of anything but a literal is an error. */
int script_check(struct lua_host *h, const char *name, const char *text,
		 void (*requires)(void *arg, const char *file, int line), void *arg, int *ret_line,
		 struct errmsg *msg);
/* The literal `call("NAME"` targets of a script, for pinning and checks. */
void script_calls(const char *text, void (*cb)(void *arg, const char *action, int line), void *arg);
/*
 * Each `wait_event` of a script, as {event|conversation|webhook|run: NAME, where: {NAME: null}, scan: true}; words
 * are borrowed, NULL: they do not stand there as literals.
 */
void script_waits(const char *text, void (*cb)(void *arg, const json_t *words, int line),
		  void *arg);
