/*
 * `lua`: a durable script. Each operation is an L record at the step's path; those that act run as
 * steps of their own kind below it, under lua#k. After a restart the script runs again from its top
 * and is given what the journal has, until it comes to an operation that is new.
 */
#include "engine/lua/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/lua/script.h"

#define OPERATIONS_MAX 10000

struct lua_args {
	const char *script;
	struct tmpl *with;
};

struct lua_state {
	struct script *script;
	unsigned k;     /* operations so far */
	unsigned shift; /* L records of earlier attempts */
};

static struct lua_host *host;
static struct lua_pins pins;

void lua_step_setup(struct lua_host *h, struct lua_pins p)
{
	host = h;
	pins = p;
}

/* ---- operations ---- */

/* What an operation does to the driver. */
enum op_way { OP_VALUE, OP_LOG, OP_STEP };

struct op_kind {
	const char *name;
	enum op_way way;
	const char *kind; /* OP_STEP: the kind of step */
};

static const struct op_kind op_kinds[] = {
	{"call", OP_STEP, "call"},
	{"wait", OP_STEP, "wait"},
	{"wait_event", OP_STEP, "wait"},
	{"http", OP_STEP, "http"},
	{"emit", OP_STEP, "emit"},
	{"reply", OP_STEP, "reply"},
	{"log", OP_LOG, NULL},
	{"now", OP_VALUE, NULL},
	{"random", OP_VALUE, NULL},
	{"uuid", OP_VALUE, NULL},
	{"memory.get", OP_STEP, "memory"},
	{"memory.put", OP_STEP, "memory"},
	{"memory.add", OP_STEP, "memory"},
	{"memory.first", OP_STEP, "memory"},
	{"memory.drop", OP_STEP, "memory"},
};

static const struct op_kind *op_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(op_kinds) / sizeof(*op_kinds); i++)
		if (strcmp(op_kinds[i].name, name) == 0)
			return &op_kinds[i];
	return NULL;
}

/* What a person recognises an operation by: its first argument when that is a text, or its address or event. */
static const char *op_what(const struct script_op *op)
{
	static const char *const names[] = {"url",          "path",    "event",
					    "conversation", "webhook", "run"};
	const json_t *first = json_array_get(op->args, 0);
	const char *text = json_string_value(first);
	for (size_t i = 0; !text && i < sizeof(names) / sizeof(*names); i++)
		text = json_str(first, names[i]);
	return text ? text : "";
}

static void op_hash(const struct script_op *op, char out[HASH_HEX_LEN])
{
	char *text = json_canonical(op->args);
	(void)sha256_hex(text, strlen(text), out);
	out[16] = 0;
	free(text);
}

static json_t *op_value(struct act *a, const struct script_op *op)
{
	char text[ID_TEXT_LEN];
	if (strcmp(op->name, "now") == 0)
		return json_integer(act_now(a) / 1000);
	if (strcmp(op->name, "uuid") == 0) {
		struct id id;
		act_rng(a)->fill(act_rng(a), id.b, sizeof(id.b));
		id.b[6] = (unsigned char)((id.b[6] & 0x0f) | 0x40); /* version 4, RFC 9562 */
		id.b[8] = (unsigned char)((id.b[8] & 0x3f) | 0x80);
		return json_string(id_format(id, text));
	}
	json_int_t n = json_integer_value(json_array_get(op->args, 0));
	if (n > 0)
		return json_integer(1 + (json_int_t)rng_below(act_rng(a), (uint64_t)n));
	return json_real((double)(rng_u64(act_rng(a)) >> 11) / 9007199254740992.0);
}

/* ---- the journal ---- */

static json_t *recorded(const struct act *a, const struct lua_state *st)
{
	return step_rec_at_index(a, REC_LUA, st->shift + st->k - 1);
}

/* The script and its journal must tell the same story. */
static bool fits(struct act *a, const struct lua_state *st, const struct script_op *op,
		 const json_t *l)
{
	const struct lua_args *args = act_args(a);
	char hash[HASH_HEX_LEN];
	const char *was = json_str(l, "op"), *what = json_str(l, "what");
	op_hash(op, hash);
	if (was && strcmp(was, op->name) == 0 && strcmp(json_str(l, "args"), hash) == 0)
		return true;
	(void)step_fail(
		a, ERR_SCRIPT,
		"%s no longer fits its journal: line %d now does %s %s as operation %u; the journal "
		"has %s %s with other arguments or another name",
		args->script, op->line, op->name, op_what(op), st->k, was ? was : "?",
		what ? what : "");
	return false;
}

static json_t *record(struct act *a, const struct lua_state *st, const struct script_op *op,
		      json_t *result)
{
	char hash[HASH_HEX_LEN];
	op_hash(op, hash);
	json_t *l = json_pack("{s:i, s:s, s:s, s:s, s:i, s:i}", "k", (int)st->k, "op", op->name,
			      "what", op_what(op), "args", hash, "line", op->line, "attempt",
			      (int)act_attempt(a));
	if (result)
		json_object_set_new(l, "result", result);
	step_record(a, REC_LUA, l);
	return step_rec(a, REC_LUA);
}

/* ---- operations that are steps ---- */

static void set_arg(json_t *args, const char *name, const json_t *list, size_t i)
{
	json_t *v = json_array_get(list, i);
	if (v && !json_is_null(v))
		json_object_set(args, name, v);
}

static bool read_timeout(struct act *a, const struct script_op *op, json_t *args)
{
	json_t *timeout = json_object_get(args, "timeout");
	int64_t ms;
	if (!timeout)
		return true;
	if (!json_is_string(timeout) ||
	    duration_parse(json_string_value(timeout), &ms, act_msg(a)) != 0) {
		(void)step_fail(a, ERR_SCRIPT,
				"line %d: %s: timeout must be a duration such as 10m", op->line,
				op->name);
		return false;
	}
	json_object_set_new(args, "timeout", json_integer(ms));
	return true;
}

/* wait("10m"), wait{until = t}, wait{activity = x, timeout = "1h"} */
static bool wait_args(struct act *a, const struct script_op *op, json_t *args)
{
	json_t *v = json_array_get(op->args, 0);
	if (!json_is_object(v)) {
		set_arg(args, "wait", op->args, 0);
		return true;
	}
	json_object_update(args, v);
	return read_timeout(a, op, args);
}

/* A table's names must be those that are known. */
static bool take_table(struct act *a, const struct script_op *op, const json_t *table,
		       const char *known, json_t *args)
{
	const char *key;
	json_t *v;
	json_object_foreach ((json_t *)table, key, v) {
		auto_free char *word = mem_printf(" %s ", key);
		if (strstr(known, word))
			continue;
		(void)step_fail(a, ERR_SCRIPT, "line %d: %s has no '%s'; it takes%s", op->line,
				op->name, key, known);
		return false;
	}
	json_object_update(args, (json_t *)table);
	return true;
}

/* wait_event("order.paid", {where = {id = 1}, timeout = "1h"}), wait_event{conversation = "message.received"} */
static bool event_args(struct act *a, const struct script_op *op, json_t *args)
{
	bool named = json_is_string(json_array_get(op->args, 0));
	if (named)
		set_arg(args, "event", op->args, 0);
	return take_table(a, op, json_array_get(op->args, named),
			  named ? " where scan timeout "
				: " event conversation webhook run where scan timeout ",
			  args) &&
	       read_timeout(a, op, args);
}

static bool http_args(struct act *a, const struct script_op *op, json_t *args)
{
	return take_table(a, op, json_array_get(op->args, 0),
			  " connection method url path query headers body form multipart save ok "
			  "effect key_header ",
			  args);
}

/* memory.put(key, value, for), memory.add(key, by, for), memory.first(key, for): durations as texts. */
static bool memory_args(struct act *a, const struct script_op *op, json_t *args)
{
	const char *word = strchr(op->name, '.') + 1;
	bool put = strcmp(word, "put") == 0, add = strcmp(word, "add") == 0;
	const json_t *span = json_array_get(op->args, put || add ? 2 : 1);
	int64_t ms;
	set_arg(args, word, op->args, 0);
	if (put)
		json_object_set(args, "value", json_array_get(op->args, 1));
	if (add)
		set_arg(args, "by", op->args, 1);
	if (!span || json_is_null(span))
		return true;
	if (!json_is_string(span) ||
	    duration_parse(json_string_value(span), &ms, act_msg(a)) != 0) {
		(void)step_fail(a, ERR_SCRIPT,
				"line %d: %s: how long it is kept is a duration such as 7d",
				op->line, op->name);
		return false;
	}
	json_object_set_new(args, "for", json_integer(ms));
	return true;
}

static bool step_args(struct act *a, const struct script_op *op, json_t *args)
{
	if (strcmp(op->name, "wait") == 0)
		return wait_args(a, op, args);
	if (strcmp(op->name, "wait_event") == 0)
		return event_args(a, op, args);
	if (strcmp(op->name, "http") == 0)
		return http_args(a, op, args);
	if (strncmp(op->name, "memory.", 7) == 0)
		return memory_args(a, op, args);
	set_arg(args, op->name, op->args, 0);
	if (strcmp(op->name, "call") == 0)
		set_arg(args, "with", op->args, 1);
	if (strcmp(op->name, "emit") == 0) {
		set_arg(args, "data", op->args, 1);
		json_t *opts = json_array_get(op->args, 2);
		if (json_object_get(opts, "subject"))
			json_object_set(args, "subject", json_object_get(opts, "subject"));
	}
	return true;
}

static enum verdict spawn(struct act *a, const struct lua_state *st, const struct op_kind *k,
			  const struct script_op *op)
{
	char seg[32];
	json_t *args = json_object();
	if (!step_args(a, op, args)) {
		json_decref(args);
		return STEP_FAIL;
	}
	snprintf(seg, sizeof(seg), "lua#%u", st->k);
	return step_spawn(a, k->kind, seg, args);
}

/* ---- running ---- */

/* One operation. *ret_result: its value, borrowed. WAIT: go on at once; ENTER: a step runs first. */
static enum verdict operate(struct act *a, struct lua_state *st, const struct script_op *op,
			    json_t **ret_result)
{
	const struct op_kind *k = op_kind(op->name);
	*ret_result = NULL;
	if (!k)
		return step_fail(a, ERR_SCRIPT, "line %d: %s is not in this version", op->line,
				 op->name);
	if (++st->k > OPERATIONS_MAX)
		return step_fail(a, ERR_LIMIT, "a script may do at most %d operations",
				 OPERATIONS_MAX);
	json_t *l = recorded(a, st);
	if (l && !fits(a, st, op, l))
		return STEP_FAIL;
	if (!l) {
		l = record(a, st, op, k->way == OP_VALUE ? op_value(a, op) : NULL);
		if (k->way == OP_LOG)
			act_log(a, op_what(op));
	}
	*ret_result = json_object_get(l, "result");
	return k->way == OP_STEP ? spawn(a, st, k, op) : STEP_WAIT;
}

static enum verdict script_failed(struct act *a, json_t *error)
{
	if (error)
		return step_fail_error(a, error);
	return step_fail(a, ERR_SCRIPT, "%s", act_msg(a)->text);
}

/* Runs on to the next operation that is a step of its own, or to the end. */
static enum verdict go_on(struct act *a, struct lua_state *st, const json_t *result,
			  const json_t *error)
{
	for (;;) {
		struct script_op op;
		json_t *ret = NULL, *value;
		switch (script_run(st->script, result, error, &op, &ret, act_msg(a))) {
		case SCRIPT_DONE:
			return step_done(a, ret);
		case SCRIPT_FAIL:
			return script_failed(a, ret);
		case SCRIPT_OP:
		default:
			break;
		}
		enum verdict v = operate(a, st, &op, &value);
		if (v != STEP_WAIT)
			return v;
		result = value;
		error = NULL;
	}
}

/* What `with` gave is a decision: evaluated once. */
static json_t *find_args(struct act *a)
{
	const struct lua_args *args = act_args(a);
	json_t *v = NULL;
	for (unsigned i = 0; (v = step_rec_at_index(a, REC_DECISION, i)); i++)
		if (json_object_get(v, "args"))
			return json_object_get(v, "args");
	if (args->with && !act_eval(a, args->with, &v))
		return NULL;
	step_record(a, REC_DECISION, json_pack("{s:o}", "args", v ? v : json_object()));
	return json_object_get(step_rec(a, REC_DECISION), "args");
}

static unsigned earlier_operations(const struct act *a)
{
	unsigned n = 0;
	for (json_t *l; (l = step_rec_at_index(a, REC_LUA, n)); n++)
		if (json_int(l, "attempt", 1) >= (json_int_t)act_attempt(a))
			break;
	return n;
}

static enum verdict lua_start(struct act *a)
{
	const struct lua_args *args = act_args(a);
	struct lua_state *st = act_state(a);
	json_t *v = find_args(a);
	if (!v)
		return STEP_FAIL;
	st->k = 0;
	st->shift = earlier_operations(a);
	st->script = script_new(host, &act_plan(a)->scripts, args->script, v, act_msg(a));
	if (!st->script)
		return step_fail_msg(a);
	script_run_is(st->script, act_run_id(a));
	return go_on(a, st, NULL, NULL);
}

/* Errors of a cancel or of stop: are not for the script to catch. */
static bool is_for_script(const json_t *error)
{
	const char *name = json_str(error, "name");
	return name && strcmp(name, "cancelled") != 0 && strcmp(name, "stop") != 0;
}

static enum verdict lua_resume(struct act *a)
{
	json_t *error = act_child_error(a);
	if (error && !is_for_script(error))
		return step_fail_error(a, json_incref(error));
	enum verdict v = go_on(a, act_state(a), error ? NULL : act_child_result(a), error);
	return v;
}

static void lua_drop(struct act *a)
{
	struct lua_state *st = act_state(a);
	script_free(st->script);
	st->script = NULL;
}

/* ---- checks ---- */

struct calls {
	struct plan_check *check;
	const struct step *step;
};

static void on_call(void *arg, const char *action, int line)
{
	const struct calls *c = arg;
	(void)line;
	if (pins.call)
		pins.call(c->check, action, c->step->line, c->step->col);
}

static void on_wait(void *arg, const json_t *words, int line)
{
	const struct calls *c = arg;
	if (!words)
		c->check->error(
			c->check, c->step->line, c->step->col,
			"line %d of the script: wait_event takes the event's type as a text, and where "
			"as a table whose names stand in it: wait_event(\"order.paid\", {where = "
			"{order_id = id}, timeout = \"1h\"})",
			line);
	else if (pins.wait)
		pins.wait(c->check, words, c->step->line, c->step->col);
}

/* Every file that the plan has by now was pinned for a script: their calls are pinned too. */
static void lua_check(struct plan_check *c, struct step *s)
{
	const struct lua_args *args = s->args;
	struct calls calls = {c, s};
	size_t i = 0;
	if (!c->script(c, args->script, s->line, s->col))
		return;
	for (struct map_entry *e; (e = map_next(&c->plan->scripts, &i));) {
		script_calls(e->value, on_call, &calls);
		script_waits(e->value, on_wait, &calls);
	}
}

static const struct param lua_params[] = {
	{"lua", P_STRING, IN_WORD, true, offsetof(struct lua_args, script), "a file of scripts/"},
	{"with", P_TMPL, BESIDE, false, offsetof(struct lua_args, with), "its arguments"},
	{0},
};

const struct step_kind kind_lua = {
	.name = "lua",
	.help = "runs a durable script",
	.params = lua_params,
	.args_size = sizeof(struct lua_args),
	.state_size = sizeof(struct lua_state),
	.check = lua_check,
	.start = lua_start,
	.resume = lua_resume,
	.drop = lua_drop,
};
