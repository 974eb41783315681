/* Runs from their first event to their end, over crashes, waits, errors and people. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "tests/lib/rig.h"

/* ---- fixture ---- */

static int setup(void **state)
{
	struct rig *r = malloc(sizeof(*r));
	effects_reset();
	rig_init(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

/* ---- helpers ---- */

static void play(struct rig *r, const char *rule, const char *data)
{
	rig_rules(r, rule);
	rig_send(r, "go", data);
	rig_settle(r);
}

static void assert_result(struct rig *r, const char *json)
{
	json_auto_t *run = rig_run(r, 0), *want = json_loads(json, JSON_DECODE_ANY, NULL);
	json_t *records = json_object_get(run, "records"), *rec, *body = NULL;
	size_t i;
	json_array_foreach (records, i, rec)
		if (strcmp(json_str(rec, "type"), "E") == 0)
			body = json_object_get(rec, "body");
	char *have = json_text(body ? body : run);
	if (!json_equal(json_object_get(body, "result"), want))
		fail_msg("result is not %s: %s", json, have);
	free(have);
}

/* ---- flow ---- */

static void steps_run_in_order_and_their_results_have_names(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\nresult: '={one, steps.second.outcome}'\n"
	     "do:\n  - act: first\n    as: one\n  - act: '=one .. \"-second\"'\n    as: second\n",
	     "{}");
	assert_string_equal(rig_state(r), "completed");
	assert_int_equal(effect_count("first"), 1);
	assert_int_equal(effect_count("first-second"), 1);
	assert_result(r, "[\"first\", \"ok\"]");
}

static void a_guard_skips_a_step_and_its_name_is_nil(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\nresult: '={x == nil, steps.x.outcome}'\n"
	     "do:\n  - act: never\n    if: data.on\n    as: x\n",
	     "{\"on\": false}");
	assert_int_equal(effect_count("never"), 0);
	assert_result(r, "[true, \"skipped\"]");
}

static void branches_loops_and_set_share_the_runs_names(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\nresult: '={out, sum}'\n"
	     "do:\n  - set: {sum: 0}\n"
	     "  - each: =data.list\n    item: x\n    do:\n"
	     "      - set: {sum: =sum + x}\n"
	     "      - choose:\n          - {if: x > 2, do: [{act: big}]}\n"
	     "          - else: [{act: small}]\n"
	     "    result: =x * index\n    as: out\n",
	     "{\"list\": [1, 2, 3]}");
	assert_result(r, "[[1, 4, 9], 6]");
	assert_int_equal(effect_count("small"), 2);
	assert_int_equal(effect_count("big"), 1);
}

static void an_error_ends_the_run_as_failed(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n  - fail: no luck\n    if: true\n  - act: never\n",
	     "{}");
	assert_string_equal(rig_state(r), "failed");
	assert_int_equal(effect_count("never"), 0);
}

static void a_catch_that_ends_well_completes_the_run_and_finally_runs(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\n"
	     "do:\n  - fail: no luck\n"
	     "catch:\n  - error: [throttled]\n    do: [{act: wrong}]\n"
	     "  - error: [failed]\n    do: [{act: '=error.message'}]\n"
	     "finally:\n  - act: last\n",
	     "{}");
	assert_string_equal(rig_state(r), "completed");
	assert_int_equal(effect_count("no luck"), 1);
	assert_int_equal(effect_count("wrong"), 0);
	assert_int_equal(effect_count("last"), 1);
}

static void try_keeps_an_error_inside(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n"
	     "  - try: [{fail: inner}]\n    catch: [{do: [{act: caught}]}]\n"
	     "    finally: [{act: cleaned}]\n"
	     "  - act: after\n",
	     "{}");
	assert_string_equal(rig_state(r), "completed");
	assert_int_equal(effect_count("caught") + effect_count("cleaned") + effect_count("after"),
			 3);
}

static void stop_ends_as_completed_and_still_runs_finally(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n  - if: true\n    do: [{stop: enough}]\n"
	     "  - act: never\ncatch: [{do: [{act: wrong}]}]\nfinally: [{act: last}]\n",
	     "{}");
	assert_string_equal(rig_state(r), "completed");
	assert_int_equal(effect_count("never") + effect_count("wrong"), 0);
	assert_int_equal(effect_count("last"), 1);
}

static void each_collects_errors_when_told(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\nresult: '={out, len(steps.out.errors)}'\n"
	     "do:\n  - each: '=list{1, 2, 3}'\n    errors: collect\n    do:\n"
	     "      - {fail: odd, if: item == 2}\n    result: =item\n    as: out\n",
	     "{}");
	assert_result(r, "[[1, 3], 1]");
}

/* ---- waits ---- */

static void a_wait_parks_the_run_and_the_clock_wakes_it(void **state)
{
	struct rig *r = *state;
	struct engine_stats s;
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{wait: 1h}, {act: woken}]\n", "{}");
	engine_stats(r->engine, &s);
	assert_int_equal(s.in_memory, 0);
	assert_string_equal(rig_state(r), "waiting");
	rig_pass(r, 3599 * 1000);
	assert_int_equal(effect_count("woken"), 0);
	rig_pass(r, 2000);
	assert_int_equal(effect_count("woken"), 1);
	assert_string_equal(rig_state(r), "completed");
}

static void a_wait_survives_a_restart(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n  - act: before\n    as: x\n"
	     "  - wait: 3d\n  - act: '=\"after-\" .. x'\n",
	     "{}");
	rig_crash(r, 0);
	rig_restart(r);
	rig_pass(r, 1000);
	clock_virtual_advance(&r->clock, 3 * 24 * 3600 * 1000LL);
	rig_pass(r, 60 * 1000);
	assert_int_equal(effect_count("before"), 1);
	assert_int_equal(effect_count("after-before"), 1);
	assert_string_equal(rig_state(r), "completed");
}

/* ---- retries ---- */

static void a_step_is_tried_again_as_its_policy_says(void **state)
{
	struct rig *r = *state;
	effects.fail_next = 2;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n"
	     "  - act: x\n    retry: {attempts: 3, first: 1m}\n",
	     "{}");
	assert_string_equal(rig_state(r), "retrying");
	rig_pass(r, 4 * 60 * 1000);
	assert_int_equal(effect_count("x"), 1);
	assert_string_equal(rig_state(r), "completed");
}

/* ---- people ---- */

static int person_err;
static bool person_done;

static void on_person(void *arg, int err, const char *why)
{
	(void)arg;
	(void)why;
	person_err = err;
	person_done = true;
}

static void a_doubt_stops_the_run_until_a_person_decides(void **state)
{
	struct rig *r = *state;
	effects.lose_next = 1;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\nresult: =x\n"
	     "do:\n  - act: lost\n    as: x\n  - act: next\n",
	     "{}");
	assert_string_equal(rig_state(r), "in_doubt");
	assert_int_equal(effect_count("next"), 0);
	engine_resume(r->engine, r->last_run, "done", json_string("by hand"), "tests", on_person,
		      NULL);
	rig_settle(r);
	assert_true(person_done);
	assert_int_equal(person_err, 0);
	assert_int_equal(effect_count("lost"), 1);
	assert_int_equal(effect_count("next"), 1);
	assert_result(r, "\"by hand\"");
}

static void a_person_may_have_it_sent_again(void **state)
{
	struct rig *r = *state;
	effects.lose_next = 1;
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{act: lost}]\n", "{}");
	engine_resume(r->engine, r->last_run, "again", NULL, "tests", on_person, NULL);
	rig_settle(r);
	assert_int_equal(effect_count("lost"), 2);
	assert_string_equal(rig_state(r), "completed");
}

static void a_failed_run_is_retried_at_the_step_that_failed(void **state)
{
	struct rig *r = *state;
	effects.fail_next = 1;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n  - if: true\n    do: [{act: first}]\n"
	     "  - act: second\n",
	     "{}");
	assert_string_equal(rig_state(r), "failed");
	engine_resume(r->engine, r->last_run, "retry", NULL, "tests", on_person, NULL);
	rig_settle(r);
	assert_int_equal(person_err, 0);
	assert_string_equal(rig_state(r), "completed");
	assert_int_equal(effect_count("first"), 1);
	assert_int_equal(effect_count("second"), 1);
}

/* ---- engine_wake_held ---- */

static void what_is_held_goes_on_after_a_login(void **state)
{
	struct rig *r = *state;
	effects.locked = true;
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{act: first}]\n", "{}");
	assert_string_equal(rig_state(r), "held");
	rig_pass(r, 3600 * 1000);
	assert_string_equal(rig_state(r), "held");
	effects.locked = false;
	engine_wake_held(r->engine);
	rig_settle(r);
	assert_string_equal(rig_state(r), "completed");
	assert_int_equal(effect_count("first"), 1);
}

/* ---- recovery ---- */

static char poison[ID_TEXT_LEN];

static unsigned crashes(const char *run)
{
	return strcmp(run, poison) == 0 ? 3 : 2;
}

static void a_run_that_crashes_the_service_again_and_again_is_ended(void **state)
{
	struct rig *r = *state;
	rig_rules(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{wait: 1h}, {act: late}]\n");
	rig_send(r, "go", "{}");
	rig_send(r, "go", "{}");
	rig_settle(r);
	id_format(r->last_run, poison);
	rig_crash(r, 1000);
	r->crashes = crashes;
	rig_restart(r);
	rig_pass(r, 3600 * 1000 + 1);
	json_auto_t *bad = rig_run(r, 0), *good = rig_run(r, 1);
	assert_string_equal(json_str(bad, "state"), "failed");
	assert_string_equal(json_str(json_object_get(bad, "error"), "name"), "poison");
	assert_string_equal(json_str(good, "state"), "completed");
	assert_int_equal(effect_count("late"), 1);
}

/* ---- active_max ---- */

static void a_run_that_rests_takes_no_place(void **state)
{
	struct rig *r = *state;
	r->active_max = 1;
	rig_rules(r, "api: pawl/1\nrule: a\nwhen: {event: rest}\ndo: [{wait: 1s}, {act: late}]\n"
		     "---\napi: pawl/1\nrule: b\nwhen: {event: go}\ndo: [{act: soon}]\n");
	rig_restart(r);
	rig_send(r, "rest", "{}");
	rig_send(r, "rest", "{}");
	rig_send(r, "go", "{}");
	rig_settle(r);
	assert_int_equal(effect_count("soon"), 1);
	assert_int_equal(effect_count("late"), 0);
	rig_pass(r, 3000);
	assert_int_equal(effect_count("late"), 2);
}

static void a_cancel_ends_a_parked_run_and_runs_finally(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{wait: 3h}, {act: never}]\n"
	     "catch: [{do: [{act: wrong}]}]\nfinally: [{act: last}]\n",
	     "{}");
	engine_cancel(r->engine, r->last_run, on_person, NULL);
	rig_settle(r);
	assert_string_equal(rig_state(r), "cancelled");
	assert_int_equal(effect_count("last"), 1);
	assert_int_equal(effect_count("never") + effect_count("wrong"), 0);
}

/* A cancel whose commit is the last thing that the process does. */
static void cancel_and_crash(struct rig *r)
{
	engine_cancel(r->engine, r->last_run, on_person, NULL);
	rig_crash(r, 1);
	rig_restart(r);
	rig_pass(r, 120000);
}

static void on_op(struct store_op *op)
{
	op->verb = STORE_CANCEL; /* done: any other word than before */
}

/* The journal ends with the C record: the process died before the steps could tell of it. */
static void crash_behind_cancel(struct rig *r, enum run_state state)
{
	struct store_load l = {.op = {.verb = STORE_LOAD, .cb = on_op}, .run = r->last_run};
	rig_crash(r, 0);
	r->store = store_mem_reopen(r->store, r->loop);
	store_submit(r->store, &l.op);
	rig_settle(r);
	assert_non_null(l.loaded);
	struct store_rec rec = {.n = l.loaded->last_n + 1,
				.type = REC_CANCEL,
				.path = "",
				.at = loop_wall_ms(r->loop)};
	struct store_append a = {.op = {.verb = STORE_APPEND, .cb = on_op},
				 .run = r->last_run,
				 .epoch = l.loaded->epoch,
				 .expect_n = l.loaded->last_n,
				 .recs = &rec,
				 .n_recs = 1,
				 .state = state,
				 .due = loop_wall_ms(r->loop) + 1000};
	store_submit(r->store, &a.op);
	rig_settle(r);
	assert_int_equal(a.op.err, 0);
	store_loaded_free(l.loaded);
	rig_restart(r);
	rig_pass(r, 120000);
}

static const char retrying[] =
	"api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n"
	"  - if: true\n    do:\n"
	"      - {act: sent, retry: {attempts: 5, first: 10s, jitter: none}}\n"
	"  - act: never\nfinally: [{act: last}]\n";

static void assert_only_finally(struct rig *r)
{
	assert_string_equal(rig_state(r), "cancelled");
	assert_int_equal(effect_count("sent") + effect_count("never"), 0);
	assert_int_equal(effect_count("last"), 1);
}

static void a_parked_retry_is_not_sent_after_a_cancel_and_a_crash(void **state)
{
	struct rig *r = *state;
	effects.fail_next = 1;
	play(r, retrying, "{}");
	assert_string_equal(rig_state(r), "retrying");
	cancel_and_crash(r);
	assert_only_finally(r);
}

static void a_parked_retry_is_not_sent_when_the_journal_ends_with_the_cancel(void **state)
{
	struct rig *r = *state;
	effects.fail_next = 1;
	play(r, retrying, "{}");
	crash_behind_cancel(r, RUN_RETRYING);
	assert_only_finally(r);
}

static void a_wait_ends_when_the_journal_ends_with_the_cancel(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n"
	     "  - each: [1, 2]\n    errors: collect\n"
	     "    do: [{wait: 3h}, {act: never}]\nfinally: [{act: last}]\n",
	     "{}");
	crash_behind_cancel(r, RUN_WAITING);
	assert_only_finally(r);
}

static void a_held_run_ends_at_a_cancel_and_a_crash(void **state)
{
	struct rig *r = *state;
	effects.locked = true;
	play(r, retrying, "{}");
	assert_string_equal(rig_state(r), "held");
	effects.locked = false;
	cancel_and_crash(r);
	assert_only_finally(r);
}

static void a_cancelled_runs_finally_goes_on_after_a_crash(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{wait: 3h}, {act: never}]\n"
	     "finally:\n  - {act: last, retry: {attempts: 5, first: 10s, jitter: none}}\n",
	     "{}");
	effects.fail_next = 1;
	engine_cancel(r->engine, r->last_run, on_person, NULL);
	rig_settle(r);
	assert_string_equal(rig_state(r), "retrying");
	rig_crash(r, 0);
	rig_restart(r);
	rig_pass(r, 60000);
	assert_only_finally(r);
}

static void an_effect_that_was_open_at_the_cancel_is_left_to_a_person(void **state)
{
	struct rig *r = *state;
	effects.lose_next = 1;
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{act: lost}, {act: never}]\n", "{}");
	assert_string_equal(rig_state(r), "in_doubt");
	cancel_and_crash(r); /* the person had seen the doubt */
	assert_string_equal(rig_state(r), "cancelled");
	assert_int_equal(effect_count("lost"), 1);
	assert_int_equal(effect_count("never"), 0);
}

static void a_run_that_has_ended_cannot_be_cancelled(void **state)
{
	struct rig *r = *state;
	struct id nobody = {{0}};
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{act: done}]\n", "{}");
	engine_cancel(r->engine, r->last_run, on_person, NULL);
	rig_settle(r);
	assert_int_equal(person_err, ERR_CONFLICT);
	engine_cancel(r->engine, nobody, on_person, NULL);
	rig_settle(r);
	assert_int_equal(person_err, ERR_NOT_FOUND);
}

static void a_step_that_takes_too_long_is_a_timeout(void **state)
{
	struct rig *r = *state;
	play(r,
	     "api: pawl/1\nrule: a\nwhen: {event: go}\ndo:\n"
	     "  - try: [{wait: 1h}]\n    timeout: 10m\n"
	     "catch: [{error: [timeout], do: [{act: late}]}]\n",
	     "{}");
	rig_pass(r, 11 * 60 * 1000);
	assert_int_equal(effect_count("late"), 1);
	assert_string_equal(rig_state(r), "completed");
}

/* ---- emit ---- */

static void an_emitted_event_starts_other_rules(void **state)
{
	struct rig *r = *state;
	rig_rules(r, "api: pawl/1\nrule: b\nwhen: {event: more}\ndo: [{act: '=data.x'}]\n");
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{emit: more, data: {x: passed}}]\n",
	     "{}");
	assert_int_equal(effect_count("passed"), 1);
}

static void a_chain_of_emits_stops(void **state)
{
	struct rig *r = *state;
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{act: x}, {emit: go}]\n", "{}");
	for (int i = 0; i < 10; i++)
		rig_settle(r);
	assert_in_range(effect_count("x"), 32, 34);
}

/* ---- scripts ---- */

#define SCRIPTED                                                                                   \
	"api: pawl/1\nrule: b\nwhen: {event: told}\ndo: [{act: '=data.what'}]\n"                   \
	"---\napi: pawl/1\nrule: a\nwhen: {event: go}\nresult: =s\n"                               \
	"do:\n  - lua: s.lua\n    with: {n: 2}\n    as: s\n"

static const char *const script =
	"local args = ...\nlocal first = now()\nlocal id = uuid()\n"
	"for i = 1, args.n do\n  emit('told', {what = 'e' .. i})\n  wait('1h')\nend\n"
	"return {seconds = now() - first, same = id}\n";

static void a_script_goes_on_where_it_was_after_a_restart(void **state)
{
	struct rig *r = *state;
	rig_script(r, "s.lua", script);
	play(r, SCRIPTED, "{}");
	assert_int_equal(effect_count("e1"), 1);
	for (int hour = 0; hour < 2; hour++) {
		rig_crash(r, 0);
		rig_restart(r);
		clock_virtual_advance(&r->clock, 3601 * 1000);
		rig_pass(r, 40 * 1000);
	}
	rig_settle(r);
	assert_int_equal(effect_count("e1"), 1);
	assert_int_equal(effect_count("e2"), 1);
	size_t newest = 0;
	json_auto_t *run = NULL;
	for (; newest < 3; newest++) {
		json_decref(run);
		run = rig_run(r, newest);
		if (strcmp(json_str(run, "rule"), "a") == 0)
			break;
	}
	assert_string_equal(json_str(run, "state"), "completed");
}

static void a_script_cannot_run_for_ever(void **state)
{
	struct rig *r = *state;
	rig_script(r, "s.lua", "while true do pcall(function() end) end\n");
	play(r, SCRIPTED, "{}");
	assert_string_equal(rig_state(r), "failed");
}

static void an_edited_script_is_for_later_runs(void **state)
{
	struct rig *r = *state;
	rig_script(r, "s.lua", script);
	play(r, SCRIPTED, "{}");
	rig_script(r, "s.lua", "emit('other', {})\n");
	rig_crash(r, 0);
	while (r->n_plans) /* what was loaded is gone with the process: the store has it */
		plan_unref(r->plans[--r->n_plans]);
	rig_restart(r);
	clock_virtual_advance(&r->clock, 3601 * 1000);
	rig_pass(r, 2000);
	json_auto_t *run = rig_run(r, 1);
	assert_string_equal(json_str(run, "state"), "waiting");
}

/* ---- crashes ---- */

#define STORY                                                                                      \
	"api: pawl/1\nrule: a\nwhen: {event: go}\nresult: '={sum, out}'\n"                         \
	"do:\n  - set: {sum: 0}\n  - act: one\n"                                                   \
	"  - each: =data.list\n    do:\n      - set: {sum: =sum + item}\n"                         \
	"      - act: '=\"item\" .. item'\n        as: got\n      - wait: 5m\n"                    \
	"    result: =got\n    as: out\n"                                                          \
	"  - try: [{act: risky}, {fail: planned}]\n    catch: [{do: [{act: mended}]}]\n"           \
	"  - emit: told\n    data: {n: =sum}\nfinally: [{act: last}]\n"                            \
	"---\n"                                                                                    \
	"api: pawl/1\nrule: b\nwhen: {event: told}\ndo: [{act: '=\"told\" .. data.n'}]\n"

static const char *const story_effects[] = {"one",    "item1", "item2", "risky",
					    "mended", "last",  "told3"};

/* Doubts that the crash left are decided by what the world outside saw. */
static void settle_doubts(struct rig *r)
{
	for (int i = 0; i < 14; i++) {
		clock_virtual_advance(&r->clock, 60 * 1000);
		rig_settle(r);
		for (size_t n = 0; n < 2; n++) {
			json_auto_t *run = NULL;
			if (n == 1 && effect_count("told3") == 0 && i < 13)
				break;
			run = rig_run(r, n);
			struct id id;
			if (strcmp(json_str(run, "state"), "in_doubt") != 0)
				continue;
			const char *name = NULL;
			json_t *rec;
			size_t k;
			json_array_foreach (json_object_get(run, "records"), k, rec)
				if (strcmp(json_str(rec, "type"), "I") == 0)
					name = json_str(json_object_get(rec, "body"), "name");
			id_parse(json_str(run, "id"), &id);
			engine_resume(r->engine, id, effect_count(name) ? "done" : "again",
				      json_string(name), "tests", on_person, NULL);
			rig_settle(r);
			if (!json_object_get(run, "ended"))
				continue;
		}
	}
}

/* Runs the story and dies after `turns` turns of the loop; false when it ended before. */
static bool die_after(struct rig *r, int turns, size_t keep)
{
	rig_rules(r, STORY);
	rig_send(r, "go", "{\"list\": [1, 2]}");
	int64_t end = r->clock.boot + 20 * 60 * 1000;
	while (turns-- > 0) {
		if (!loop_run_once(r->loop, false) || r->clock.boot > end)
			return false;
	}
	rig_crash(r, keep);
	rig_restart(r);
	return true;
}

/* One crash: false when the story was over before it. */
static bool crash_once(int turns, size_t keep, int *tried)
{
	struct rig r;
	effects_reset();
	rig_init(&r);
	bool died = die_after(&r, turns, keep);
	if (died)
		rig_settle(&r);
	if (died && (r.accepted || keep)) {
		settle_doubts(&r);
		for (size_t i = 0; i < sizeof(story_effects) / sizeof(*story_effects); i++)
			if (effect_count(story_effects[i]) != 1)
				fail_msg("turn %d keep %zu: %s was done %u times", turns, keep,
					 story_effects[i], effect_count(story_effects[i]));
		(*tried)++;
	}
	rig_done(&r);
	return died;
}

static void a_crash_at_any_turn_loses_nothing_and_doubles_nothing(void **state)
{
	(void)state;
	bool alive = true;
	int tried = 0;
	for (int turns = 1; alive && turns < 400; turns++)
		for (size_t keep = 0; keep < 2; keep++)
			alive = crash_once(turns, keep, &tried);
	assert_in_range(tried, 40, 800);
}

static void a_rule_that_is_not_kept_yet_starts_nothing(void **state)
{
	struct rig *r = *state;
	rig_settle(r);
	store_mem_fail(r->store, 1, ERR_STORE);
	play(r, "api: pawl/1\nrule: a\nwhen: {event: go}\ndo: [{act: one}]\n", "{}");
	rig_send(r, "go", "{}");
	assert_int_equal(r->refused, 2);
	rig_pass(r, 1000);
	rig_send(r, "go", "{}");
	rig_settle(r);
	assert_int_equal(r->accepted, 1);
	assert_int_equal(effect_count("one"), 1);
}

static void a_failed_append_is_tried_again_and_nothing_is_sent_meanwhile(void **state)
{
	struct rig *r = *state;
	rig_rules(r, "api: pawl/1\nrule: a\nwhen: {event: go}\n"
		     "do: [{act: one}, {act: two}, {act: three}]\n");
	rig_settle(r);
	for (unsigned n = 1; n < 12; n++) {
		effects_reset();
		rig_send(r, "go", "{}");
		store_mem_fail(r->store, n, ERR_STORE);
		rig_settle(r);
		rig_pass(r, 3000);
		store_mem_fail(r->store, 0, 0);
		if (n == 1) {
			assert_int_equal(r->refused, 1);
			continue;
		}
		assert_int_equal(effect_count("one"), 1);
		assert_int_equal(effect_count("two"), 1);
		assert_int_equal(effect_count("three"), 1);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(steps_run_in_order_and_their_results_have_names),
		T(a_guard_skips_a_step_and_its_name_is_nil),
		T(branches_loops_and_set_share_the_runs_names),
		T(an_error_ends_the_run_as_failed),
		T(a_catch_that_ends_well_completes_the_run_and_finally_runs),
		T(try_keeps_an_error_inside),
		T(stop_ends_as_completed_and_still_runs_finally),
		T(each_collects_errors_when_told),
		T(a_wait_parks_the_run_and_the_clock_wakes_it),
		T(a_wait_survives_a_restart),
		T(a_step_is_tried_again_as_its_policy_says),
		T(a_doubt_stops_the_run_until_a_person_decides),
		T(a_person_may_have_it_sent_again),
		T(a_failed_run_is_retried_at_the_step_that_failed),
		T(what_is_held_goes_on_after_a_login),
		T(a_run_that_rests_takes_no_place),
		T(a_run_that_crashes_the_service_again_and_again_is_ended),
		T(a_cancel_ends_a_parked_run_and_runs_finally),
		T(a_parked_retry_is_not_sent_after_a_cancel_and_a_crash),
		T(a_parked_retry_is_not_sent_when_the_journal_ends_with_the_cancel),
		T(a_wait_ends_when_the_journal_ends_with_the_cancel),
		T(a_held_run_ends_at_a_cancel_and_a_crash),
		T(a_cancelled_runs_finally_goes_on_after_a_crash),
		T(an_effect_that_was_open_at_the_cancel_is_left_to_a_person),
		T(a_run_that_has_ended_cannot_be_cancelled),
		T(a_step_that_takes_too_long_is_a_timeout),
		T(an_emitted_event_starts_other_rules),
		T(a_chain_of_emits_stops),
		T(a_script_goes_on_where_it_was_after_a_restart),
		T(a_script_cannot_run_for_ever),
		T(an_edited_script_is_for_later_runs),
		cmocka_unit_test(a_crash_at_any_turn_loses_nothing_and_doubles_nothing),
		T(a_rule_that_is_not_kept_yet_starts_nothing),
		T(a_failed_append_is_tried_again_and_nothing_is_sent_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
