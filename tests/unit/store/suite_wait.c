/* Waits, windows, limits and memories: the behaviour that every backend of the store shares. */
#include "tests/unit/store/suite_wait.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

#define SHAPE "[\"order.paid\",[\"n\"]]"

/* ---- what the tests are made of ---- */

static struct store_key key_at(unsigned n)
{
	struct store_key k = {{1}};
	k.b[15] = (unsigned char)n;
	return k;
}

/* An event and, with `start`, its run; found by key k unless that is 0. */
struct arrival {
	struct store_accept op;
	struct store_newrun run;
	struct store_key key;
};

static void arrive(struct fx *fx, struct arrival *a, unsigned n, unsigned k,
		   const struct store_start *start)
{
	free(a->op.woken);
	*a = (struct arrival){.op = {.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, n)},
			      .run = newrun_at(n),
			      .key = key_at(k)};
	a->op.ev.keys = &a->key;
	a->op.ev.n_keys = k != 0;
	if (start) {
		put_source(fx);
		a->run.start = *start;
		a->op.runs = &a->run;
		a->op.n_runs = 1;
	}
	assert_int_equal(fx_do(fx, &a->op.op), 0);
	assert_false(a->op.duplicate);
}

/* An event of key k without a run: how many runs it woke. */
static size_t event_of(struct fx *fx, unsigned n, unsigned k)
{
	struct arrival a = {0};
	arrive(fx, &a, n, k, NULL);
	free(a.op.woken);
	return a.op.n_woken;
}

/* Event and run n under the start's rules; *ret_woken may be NULL. */
static enum store_fate born(struct fx *fx, unsigned n, unsigned k, const struct store_start *start,
			    size_t *ret_woken)
{
	struct arrival a = {0};
	arrive(fx, &a, n, k, start);
	free(a.op.woken);
	if (ret_woken)
		*ret_woken = a.op.n_woken;
	return a.run.fate;
}

static uint32_t n_recs_of(struct fx *fx, unsigned run, uint64_t *ret_epoch)
{
	struct store_loaded *l = load_run(fx, run);
	assert_non_null(l);
	uint32_t n = l->last_n;
	*ret_epoch = l->epoch;
	store_loaded_free(l);
	return n;
}

/* Appends what `a` says and one record; the other fields are filled. The woken ones are freed. */
static void append(struct fx *fx, unsigned run, struct store_append *a, enum run_state state)
{
	struct store_rec rec = rec_of(1, state == RUN_COMPLETED ? REC_END : REC_WAIT, "do.1", "{}");
	rec.at = fx->clock.wall;
	a->op = (struct store_op){.verb = STORE_APPEND};
	a->run = id_at(run);
	a->expect_n = n_recs_of(fx, run, &a->epoch);
	a->recs = &rec;
	a->n_recs = 1;
	a->state = state;
	assert_int_equal(fx_do(fx, &a->op), 0);
	free(a->woken);
	a->woken = NULL;
}

static struct store_wait wait_for(unsigned k, bool judge)
{
	return (struct store_wait){.path = "do.1",
				   .what = "event",
				   .key = key_at(k),
				   .judge = judge,
				   .from = FROM_RUN,
				   .shape = SHAPE};
}

static size_t opens(struct fx *fx, unsigned run, struct store_wait w)
{
	struct store_append a = {.waits = &w, .n_waits = 1};
	append(fx, run, &a, RUN_WAITING);
	return a.inbox;
}

static size_t judges(struct fx *fx, unsigned run, uint64_t m, bool took)
{
	struct store_judged j = {.m = m, .took = took};
	struct store_append a = {.judged = &j, .n_judged = 1};
	append(fx, run, &a, RUN_WAITING);
	return a.inbox;
}

static size_t ends(struct fx *fx, unsigned run)
{
	struct store_append a = {0};
	append(fx, run, &a, RUN_COMPLETED);
	return a.n_woken;
}

/* What lies in the inbox: the seqs of its events (0 for what has none), and the rows' numbers. */
static size_t inbox_of(struct fx *fx, unsigned run, uint64_t *seqs, uint64_t *ms)
{
	struct store_inbox in = {.op = {.verb = STORE_INBOX}, .run = id_at(run)};
	assert_int_equal(fx_do(fx, &in.op), 0);
	size_t n = in.loaded->n_inbox;
	for (size_t i = 0; i < n; i++) {
		const struct store_inbox_row *row = &in.loaded->inbox[i];
		seqs[i] = row->event ? row->event->seq : 0;
		ms[i] = row->m;
	}
	store_loaded_free(in.loaded);
	return n;
}

static enum run_state state_of(struct fx *fx, unsigned run)
{
	struct store_loaded *l = load_run(fx, run);
	enum run_state s = l->state;
	store_loaded_free(l);
	return s;
}

/* Is it among those that the store wants looked at now? */
static bool is_due(struct fx *fx, unsigned run)
{
	struct store_due d = {.op = {.verb = STORE_DUE}, .until = fx->clock.wall, .max = 100};
	bool found = false;
	assert_int_equal(fx_do(fx, &d.op), 0);
	for (size_t i = 0; i < d.n_rows; i++)
		found |= id_equal(d.rows[i].run, id_at(run));
	free(d.rows);
	return found;
}

static size_t n_shapes(struct fx *fx)
{
	struct store_shapes s = {.op = {.verb = STORE_SHAPES}};
	assert_int_equal(fx_do(fx, &s.op), 0);
	size_t n = json_array_size(s.list);
	json_decref(s.list);
	return n;
}

static const char *fate_of(struct fx *fx, unsigned event)
{
	static char name[32];
	struct store_query q = {.view = VIEW_EVENT, .id = id_at(1000 + event), .state = -1};
	json_t *v = query(fx, &q);
	const json_t *d = json_array_get(json_object_get(v, "decisions"), 0);
	snprintf(name, sizeof(name), "%s", d ? json_str(d, "fate") : "none");
	json_decref(v);
	return name;
}

static const struct store_start plain = {0};

/* ---- waits ---- */

static void an_event_after_the_wait_wakes_the_run(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	accept_run(fx, 1);
	assert_int_equal(opens(fx, 1, wait_for(7, false)), 0);
	assert_false(is_due(fx, 1));
	assert_int_equal(event_of(fx, 2, 8), 0);
	assert_int_equal(event_of(fx, 3, 7), 1);
	assert_true(is_due(fx, 1));
	assert_int_equal(inbox_of(fx, 1, seqs, ms), 1);
	assert_int_equal(seqs[0], 3);
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->n_inbox, 1);
	assert_string_equal(l->inbox[0].path, "do.1");
	assert_string_equal(l->inbox[0].what, "event");
	assert_string_equal(l->inbox[0].event->type, "made");
	assert_int_equal(l->inbox[0].event->keys == NULL, 1);
	store_loaded_free(l);
	assert_int_equal(judges(fx, 1, ms[0], true), 0);
	assert_false(is_due(fx, 1));
}

static void an_event_between_the_run_and_its_wait_is_found_by_looking_back(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	event_of(fx, 1, 7);
	accept_run(fx, 2);
	event_of(fx, 3, 7);
	event_of(fx, 4, 7);
	assert_int_equal(opens(fx, 2, wait_for(7, true)), 2);
	assert_int_equal(inbox_of(fx, 2, seqs, ms), 2);
	assert_int_equal(seqs[0], 3);
	assert_int_equal(seqs[1], 4);
}

static void an_event_satisfies_one_wait_of_a_run_only(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	accept_run(fx, 1);
	struct store_wait other = wait_for(7, false);
	other.path = "do.2";
	opens(fx, 1, wait_for(7, false));
	opens(fx, 1, other);
	event_of(fx, 2, 7);
	assert_int_equal(inbox_of(fx, 1, seqs, ms), 2);
	assert_int_equal(judges(fx, 1, ms[0], true), 0);
	/* A later wait does not find it by looking back either. */
	struct store_wait third = wait_for(7, false);
	third.path = "do.3";
	assert_int_equal(opens(fx, 1, third), 0);
}

static void another_run_takes_the_same_event(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	accept_run(fx, 1);
	accept_run(fx, 2);
	opens(fx, 1, wait_for(7, false));
	opens(fx, 2, wait_for(7, false));
	assert_int_equal(event_of(fx, 3, 7), 2);
	inbox_of(fx, 1, seqs, ms);
	judges(fx, 1, ms[0], true);
	assert_int_equal(inbox_of(fx, 2, seqs, ms), 1);
}

static void a_closed_wait_hears_nothing_more(void **state)
{
	struct fx *fx = *state;
	accept_run(fx, 1);
	opens(fx, 1, wait_for(7, false));
	event_of(fx, 2, 7);
	assert_int_equal(n_shapes(fx), 1);
	struct store_wait shut = {.path = "do.1", .close = true};
	assert_int_equal(opens(fx, 1, shut), 0);
	assert_int_equal(event_of(fx, 3, 7), 0);
	assert_int_equal(n_shapes(fx), 0);
}

static void a_mark_is_how_far_a_wait_looks_back(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	accept_run(fx, 1);
	event_of(fx, 2, 7);
	struct store_append a = {.mark = true};
	append(fx, 1, &a, RUN_RUNNING);
	event_of(fx, 3, 7);
	struct store_wait w = wait_for(7, false);
	w.from = FROM_MARK;
	assert_int_equal(opens(fx, 1, w), 1);
	assert_int_equal(inbox_of(fx, 1, seqs, ms), 1);
	assert_int_equal(seqs[0], 3);
}

static void a_long_past_is_looked_at_in_parts(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[256], ms[256], next = 2;
	accept_run(fx, 1);
	for (unsigned i = 0; i < STORE_LOOK_BACK_MAX + 5; i++)
		event_of(fx, 2 + i, 7);
	assert_int_equal(opens(fx, 1, wait_for(7, true)), STORE_LOOK_BACK_MAX);
	event_of(fx, 500, 7);
	for (unsigned i = 0; i < STORE_LOOK_BACK_MAX + 6; i++) {
		assert_true(inbox_of(fx, 1, seqs, ms) > 0);
		assert_int_equal(seqs[0], next++);
		judges(fx, 1, ms[0], false);
	}
	assert_int_equal(inbox_of(fx, 1, seqs, ms), 0);
	event_of(fx, 501, 7);
	assert_int_equal(inbox_of(fx, 1, seqs, ms), 1);
}

static void waits_and_inboxes_survive_a_crash(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	accept_run(fx, 1);
	opens(fx, 1, wait_for(7, false));
	event_of(fx, 2, 7);
	backend.reopen(fx);
	assert_true(is_due(fx, 1));
	assert_int_equal(inbox_of(fx, 1, seqs, ms), 1);
	assert_int_equal(n_shapes(fx), 1);
}

/* ---- gates ---- */

static void a_taken_event_starts_no_other_run(void **state)
{
	struct fx *fx = *state;
	struct store_start too = {.awaited = true};
	accept_run(fx, 1);
	opens(fx, 1, wait_for(7, false));
	assert_int_equal(born(fx, 2, 7, &plain, NULL), FATE_AWAITED);
	assert_null(load_run(fx, 2));
	assert_string_equal(fate_of(fx, 2), "awaited");
	assert_int_equal(born(fx, 3, 7, &too, NULL), FATE_STARTED);
	assert_int_equal(state_of(fx, 3), RUN_QUEUED);
}

static void a_run_stands_at_the_gate_until_its_event_is_judged(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	accept_run(fx, 1);
	opens(fx, 1, wait_for(7, true));
	assert_int_equal(born(fx, 2, 7, &plain, NULL), FATE_QUEUED);
	assert_false(is_due(fx, 2));
	struct store_loaded *l = load_run(fx, 2);
	assert_true(l->stands);
	store_loaded_free(l);
	inbox_of(fx, 1, seqs, ms);
	judges(fx, 1, ms[0], false);
	assert_true(is_due(fx, 2));
	assert_string_equal(fate_of(fx, 2), "none");
}

static void a_run_at_the_gate_ends_when_its_event_is_taken(void **state)
{
	struct fx *fx = *state;
	uint64_t seqs[8], ms[8];
	accept_run(fx, 1);
	opens(fx, 1, wait_for(7, true));
	born(fx, 2, 7, &plain, NULL);
	inbox_of(fx, 1, seqs, ms);
	judges(fx, 1, ms[0], true);
	assert_int_equal(state_of(fx, 2), RUN_CANCELLED);
	assert_string_equal(fate_of(fx, 2), "awaited");
}

static void the_gate_opens_when_the_judge_ends(void **state)
{
	struct fx *fx = *state;
	accept_run(fx, 1);
	accept_run(fx, 2);
	opens(fx, 1, wait_for(7, true));
	opens(fx, 2, wait_for(7, true));
	born(fx, 3, 7, &plain, NULL);
	assert_int_equal(ends(fx, 1), 0);
	assert_false(is_due(fx, 3));
	assert_int_equal(ends(fx, 2), 1);
	assert_true(is_due(fx, 3));
}

/* ---- tell ---- */

static int tell(struct fx *fx, unsigned run, const char *path, const char *what)
{
	struct store_tell t = {.op = {.verb = STORE_TELL},
			       .run = id_at(run),
			       .path = path,
			       .what = what,
			       .body = "{\"approved\":true}",
			       .len = 17};
	return fx_do(fx, &t.op);
}

static void a_person_answers_where_a_run_asks_once(void **state)
{
	struct fx *fx = *state;
	struct store_wait w = {.path = "do.1", .what = "person", .note = "{\"ask\":\"ok?\"}"};
	accept_run(fx, 1);
	assert_int_equal(tell(fx, 1, "do.1", "person"), ERR_NOT_FOUND);
	opens(fx, 1, w);
	struct store_query q = {.view = VIEW_WAITS, .what = "person", .state = -1};
	json_t *v = query(fx, &q), *row = json_array_get(json_object_get(v, "waits"), 0);
	assert_string_equal(json_str(row, "path"), "do.1");
	assert_string_equal(json_str(json_object_get(row, "note"), "ask"), "ok?");
	json_decref(v);
	assert_int_equal(tell(fx, 1, "do.2", "person"), ERR_NOT_FOUND);
	assert_int_equal(tell(fx, 1, "do.1", "person"), 0);
	assert_int_equal(tell(fx, 1, "do.1", "person"), ERR_CLAIMED);
	assert_true(is_due(fx, 1));
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->n_inbox, 1);
	assert_string_equal(l->inbox[0].body, "{\"approved\":true}");
	assert_null(l->inbox[0].event);
	store_loaded_free(l);
}

static void the_end_of_a_child_is_told_to_its_parent(void **state)
{
	struct fx *fx = *state;
	accept_run(fx, 1);
	struct store_newrun child = newrun_at(2);
	child.parent = id_at(1);
	child.parent_path = "do.4";
	struct store_accept emit = {.ev = event_at(fx, 2), .runs = &child, .n_runs = 1};
	struct store_append a = {.emits = &emit, .n_emits = 1};
	append(fx, 1, &a, RUN_WAITING);
	struct store_append end = {.tell_parent = "{\"result\":5}"};
	append(fx, 2, &end, RUN_COMPLETED);
	assert_int_equal(end.n_woken, 1);
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->n_inbox, 1);
	assert_string_equal(l->inbox[0].what, "run");
	assert_string_equal(l->inbox[0].path, "do.4");
	assert_string_equal(l->inbox[0].body, "{\"result\":5}");
	store_loaded_free(l);
}

static void an_event_cancels_the_runs_that_say_so(void **state)
{
	struct fx *fx = *state;
	struct store_key k = key_at(9);
	const char *shape = SHAPE;
	struct store_start s = {.cancel = &k, .n_cancel = 1, .cancel_shapes = &shape};
	size_t woken;
	assert_int_equal(born(fx, 1, 0, &s, NULL), FATE_STARTED);
	struct store_append a = {0};
	append(fx, 1, &a, RUN_WAITING);
	assert_int_equal(born(fx, 2, 9, &plain, &woken), FATE_STARTED);
	assert_int_equal(woken, 1);
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->cancel_at, fx->clock.wall);
	store_loaded_free(l);
	assert_int_equal(n_shapes(fx), 1);
	ends(fx, 1);
	assert_int_equal(n_shapes(fx), 0);
}

/* ---- once, limit, rate ---- */

static void once_lets_one_of_a_key_start_in_its_span(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.once = key_at(1), .once_ms = 1000};
	assert_int_equal(born(fx, 1, 0, &s, NULL), FATE_STARTED);
	fx->clock.wall += 999;
	assert_int_equal(born(fx, 2, 0, &s, NULL), FATE_ONCE);
	assert_string_equal(fate_of(fx, 2), "once");
	fx->clock.wall += 1;
	assert_int_equal(born(fx, 3, 0, &s, NULL), FATE_STARTED);
	s.once = key_at(2);
	s.once_ms = 0;
	assert_int_equal(born(fx, 4, 0, &s, NULL), FATE_STARTED);
	fx->clock.wall += 400 * DAY_MS;
	assert_int_equal(born(fx, 5, 0, &s, NULL), FATE_ONCE);
}

static void a_limit_lets_runs_of_a_key_go_one_by_one(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.limit = key_at(1), .max = 1},
			   other = {.limit = key_at(2), .max = 1};
	assert_int_equal(born(fx, 1, 0, &s, NULL), FATE_STARTED);
	assert_int_equal(born(fx, 2, 0, &s, NULL), FATE_QUEUED);
	assert_int_equal(born(fx, 3, 0, &s, NULL), FATE_QUEUED);
	assert_int_equal(born(fx, 4, 0, &other, NULL), FATE_STARTED);
	assert_false(is_due(fx, 2));
	assert_string_equal(fate_of(fx, 2), "queued");
	backend.reopen(fx);
	assert_int_equal(ends(fx, 1), 1);
	assert_true(is_due(fx, 2));
	assert_false(is_due(fx, 3));
	ends(fx, 2);
	assert_true(is_due(fx, 3));
}

static void a_limit_may_drop(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.limit = key_at(1), .max = 2, .then = THEN_DROP};
	assert_int_equal(born(fx, 1, 0, &s, NULL), FATE_STARTED);
	assert_int_equal(born(fx, 2, 0, &s, NULL), FATE_STARTED);
	assert_int_equal(born(fx, 3, 0, &s, NULL), FATE_DROPPED);
	assert_int_equal(state_of(fx, 3), RUN_CANCELLED);
	ends(fx, 1);
	assert_int_equal(born(fx, 4, 0, &s, NULL), FATE_STARTED);
}

static void a_limit_may_replace(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.limit = key_at(1), .max = 1, .then = THEN_REPLACE};
	size_t woken;
	born(fx, 1, 0, &s, NULL);
	assert_int_equal(born(fx, 2, 0, &s, &woken), FATE_QUEUED);
	assert_int_equal(woken, 1);
	assert_int_equal(born(fx, 3, 0, &s, NULL), FATE_QUEUED);
	assert_int_equal(state_of(fx, 2), RUN_CANCELLED);
	struct store_loaded *l = load_run(fx, 1);
	assert_true(l->cancel_at != 0);
	store_loaded_free(l);
	assert_int_equal(ends(fx, 1), 1);
	assert_true(is_due(fx, 3));
}

static void a_rate_bounds_the_starts_in_any_span(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.limit = key_at(1), .rate = 2, .rate_ms = 1000};
	assert_int_equal(born(fx, 1, 0, &s, NULL), FATE_STARTED);
	fx->clock.wall += 400;
	assert_int_equal(born(fx, 2, 0, &s, NULL), FATE_STARTED);
	assert_int_equal(born(fx, 3, 0, &s, NULL), FATE_QUEUED);
	assert_int_equal(born(fx, 4, 0, &s, NULL), FATE_QUEUED);
	fx->clock.wall += 599;
	assert_false(is_due(fx, 3));
	fx->clock.wall += 1; /* 1,000 ms after the first */
	assert_true(is_due(fx, 3));
	assert_false(is_due(fx, 4));
	fx->clock.wall += 400;
	assert_true(is_due(fx, 4));
	struct store_start d = s;
	d.then = THEN_DROP;
	assert_int_equal(born(fx, 5, 0, &d, NULL), FATE_DROPPED);
}

/* ---- windows ---- */

static void a_window_makes_one_run_of_many_events(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.collect = key_at(1), .for_ms = 1000, .quiet_ms = 300};
	assert_int_equal(born(fx, 1, 0, &s, NULL), FATE_COLLECTED);
	fx->clock.wall += 200;
	struct arrival a = {0};
	arrive(fx, &a, 2, 0, &s);
	assert_int_equal(a.run.fate, FATE_JOINED);
	assert_true(id_equal(a.run.into, id_at(1)));
	assert_int_equal(a.run.due, fx->clock.wall + 300);
	free(a.op.woken);
	fx->clock.wall += 299;
	assert_false(is_due(fx, 1));
	fx->clock.wall += 1;
	assert_true(is_due(fx, 1));
	/* What comes when the window is due opens another. */
	assert_int_equal(born(fx, 3, 0, &s, NULL), FATE_COLLECTED);
	struct store_loaded *l = load_run(fx, 1);
	assert_true(l->collecting);
	assert_int_equal(l->n_events, 2);
	assert_int_equal(l->events[0].seq, 1);
	assert_int_equal(l->ev.seq, 2);
	struct store_append close = {.op = {.verb = STORE_APPEND},
				     .run = id_at(1),
				     .epoch = l->epoch,
				     .state = RUN_QUEUED};
	store_loaded_free(l);
	assert_int_equal(fx_do(fx, &close.op), 0);
	assert_false(close.held);
	l = load_run(fx, 1);
	assert_false(l->collecting);
	assert_int_equal(l->n_events, 2);
	store_loaded_free(l);
}

static void a_full_window_is_due_at_once(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.collect = key_at(1), .for_ms = DAY_MS, .collect_max = 2};
	size_t woken;
	born(fx, 1, 0, &s, NULL);
	assert_int_equal(born(fx, 2, 0, &s, &woken), FATE_JOINED);
	assert_int_equal(woken, 1);
	assert_true(is_due(fx, 1));
	assert_int_equal(born(fx, 3, 0, &s, NULL), FATE_COLLECTED);
}

static void a_window_that_closes_asks_its_limit(void **state)
{
	struct fx *fx = *state;
	struct store_start s = {.collect = key_at(1), .for_ms = 100, .limit = key_at(2), .max = 1};
	struct store_start busy = {.limit = key_at(2), .max = 1};
	born(fx, 1, 0, &busy, NULL);
	born(fx, 2, 0, &s, NULL);
	fx->clock.wall += 100;
	uint64_t epoch;
	n_recs_of(fx, 2, &epoch);
	struct store_append close = {
		.op = {.verb = STORE_APPEND}, .run = id_at(2), .epoch = epoch, .state = RUN_QUEUED};
	assert_int_equal(fx_do(fx, &close.op), 0);
	assert_true(close.held);
	assert_false(is_due(fx, 2));
	assert_int_equal(ends(fx, 1), 1);
	assert_true(is_due(fx, 2));
}

/* ---- memory ---- */

/* The outcome's value as JSON text, in a static place. */
static const char *remember(struct fx *fx, struct store_memory m)
{
	static char text[64];
	uint64_t epoch;
	char body[64];
	snprintf(body, sizeof(body), "{\"m\":%s}", STORE_MEMORY_HOLE);
	struct store_rec rec = rec_of(1, REC_DECISION, "do.1", body);
	uint32_t n = n_recs_of(fx, 1, &epoch);
	m.scope = "r";
	m.key = "k";
	m.at = fx->clock.wall;
	struct store_append a = {.op = {.verb = STORE_APPEND},
				 .run = id_at(1),
				 .epoch = epoch,
				 .expect_n = n,
				 .recs = &rec,
				 .n_recs = 1,
				 .memory = &m,
				 .n_memory = 1,
				 .state = RUN_RUNNING};
	assert_int_equal(fx_do(fx, &a.op), 0);
	snprintf(text, sizeof(text), "%s", m.outcome);
	struct store_loaded *l = load_run(fx, 1);
	snprintf(body, sizeof(body), "{\"m\":%s}", m.outcome);
	assert_string_equal(l->recs[n].body, body);
	store_loaded_free(l);
	free(m.outcome);
	return text;
}

static void values_are_changed_with_the_record_that_tells_of_it(void **state)
{
	struct fx *fx = *state;
	struct store_memory get = {.op = MEMORY_GET}, add = {.op = MEMORY_ADD, .value = "2"};
	struct store_memory put = {.op = MEMORY_PUT, .value = "\"x\""};
	struct store_memory first = {.op = MEMORY_FIRST, .for_ms = 100}, drop = {.op = MEMORY_DROP};
	accept_run(fx, 1);
	assert_string_equal(remember(fx, get), "{\"ok\":null}");
	assert_string_equal(remember(fx, add), "{\"ok\":2}");
	assert_string_equal(remember(fx, add), "{\"ok\":4}");
	assert_string_equal(remember(fx, put), "{\"ok\":\"x\"}");
	assert_string_equal(remember(fx, add), "{\"no\":\"what is kept there is no number\"}");
	backend.reopen(fx);
	struct store_query q = {.view = VIEW_MEMORY, .scope = "r", .state = -1};
	json_t *v = query(fx, &q), *row = json_array_get(json_object_get(v, "values"), 0);
	assert_string_equal(json_str(row, "key"), "k");
	assert_string_equal(json_str(row, "value"), "x");
	json_decref(v);
	assert_string_equal(remember(fx, first), "{\"ok\":false}");
	assert_string_equal(remember(fx, drop), "{\"ok\":true}");
	assert_string_equal(remember(fx, first), "{\"ok\":true}");
	assert_string_equal(remember(fx, first), "{\"ok\":false}");
	fx->clock.wall += 100;
	assert_string_equal(remember(fx, first), "{\"ok\":true}");
}

/* An append that is refused leaves the values alone. */
static void a_fenced_append_changes_no_value(void **state)
{
	struct fx *fx = *state;
	struct store_memory m = {.op = MEMORY_ADD, .value = "1", .scope = "r", .key = "k"};
	struct store_rec rec = rec_of(1, REC_DECISION, "do.1", STORE_MEMORY_HOLE);
	uint64_t epoch = accept_run(fx, 1);
	struct store_append a = {.op = {.verb = STORE_APPEND},
				 .run = id_at(1),
				 .epoch = epoch,
				 .expect_n = 5,
				 .recs = &rec,
				 .n_recs = 1,
				 .memory = &m,
				 .n_memory = 1,
				 .state = RUN_RUNNING};
	assert_int_equal(fx_do(fx, &a.op), ERR_FENCED);
	assert_null(m.outcome);
	assert_string_equal(remember(fx, (struct store_memory){.op = MEMORY_GET}), "{\"ok\":null}");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

const struct CMUnitTest suite_wait[] = {
	T(an_event_after_the_wait_wakes_the_run),
	T(an_event_between_the_run_and_its_wait_is_found_by_looking_back),
	T(an_event_satisfies_one_wait_of_a_run_only),
	T(another_run_takes_the_same_event),
	T(a_closed_wait_hears_nothing_more),
	T(a_mark_is_how_far_a_wait_looks_back),
	T(a_long_past_is_looked_at_in_parts),
	T(waits_and_inboxes_survive_a_crash),
	T(a_taken_event_starts_no_other_run),
	T(a_run_stands_at_the_gate_until_its_event_is_judged),
	T(a_run_at_the_gate_ends_when_its_event_is_taken),
	T(the_gate_opens_when_the_judge_ends),
	T(a_person_answers_where_a_run_asks_once),
	T(the_end_of_a_child_is_told_to_its_parent),
	T(an_event_cancels_the_runs_that_say_so),
	T(once_lets_one_of_a_key_start_in_its_span),
	T(a_limit_lets_runs_of_a_key_go_one_by_one),
	T(a_limit_may_drop),
	T(a_limit_may_replace),
	T(a_rate_bounds_the_starts_in_any_span),
	T(a_window_makes_one_run_of_many_events),
	T(a_full_window_is_due_at_once),
	T(a_window_that_closes_asks_its_limit),
	T(values_are_changed_with_the_record_that_tells_of_it),
	T(a_fenced_append_changes_no_value),
};
const size_t suite_wait_n = sizeof(suite_wait) / sizeof(*suite_wait);
