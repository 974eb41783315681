/* The behaviour that every backend of the store shares. */
#include "tests/unit/store/suite_wait.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"

#define T0 1795426000000LL

/* ---- fixture ---- */

int fx_setup(void **state)
{
	struct fx *fx = mem_alloc(sizeof(*fx));
	clock_virtual_init(&fx->clock, T0);
	fx->loop = loop_new(&fx->clock.clock, true);
	backend.open(fx);
	*state = fx;
	return 0;
}

int fx_teardown(void **state)
{
	struct fx *fx = *state;
	store_close(fx->store);
	loop_free(fx->loop);
	free(fx);
	return 0;
}

static unsigned called;
static struct store_op *called_ops[64];

static void on_op(struct store_op *op)
{
	if (called < 64)
		called_ops[called] = op;
	called++;
}

int fx_do(struct fx *fx, struct store_op *op)
{
	unsigned before = called = 0;
	op->cb = on_op;
	store_submit(fx->store, op);
	assert_int_equal(called, before);
	while (called == before)
		assert_true(loop_run_once(fx->loop, true) || called != before);
	assert_int_equal(called, before + 1);
	return op->err;
}

struct id id_at(unsigned n)
{
	struct id id = {{1}};
	id.b[14] = (unsigned char)(n >> 8);
	id.b[15] = (unsigned char)n;
	return id;
}

struct store_event event_at(struct fx *fx, unsigned n)
{
	return (struct store_event){.id = id_at(n + 1000),
				    .source = "/hooks/a",
				    .ext_id = "x",
				    .type = "made",
				    .subject = "s",
				    .time = T0 - 5,
				    .received = fx->clock.wall,
				    .ruleset = "r1",
				    .headers = "{\"h\":\"1\"}",
				    .body = "{\"a\":1}",
				    .body_len = 7};
}

struct store_newrun newrun_at(unsigned n)
{
	return (struct store_newrun){
		.id = id_at(n), .rule = "welcome", .plan_hash = HASH_A, .trigger = "t"};
}

struct store_rec rec_of(uint32_t n, enum rec_type type, const char *path, const char *body)
{
	return (struct store_rec){.n = n,
				  .type = type,
				  .path = path,
				  .at = T0 + n,
				  .body = body,
				  .len = strlen(body)};
}

void put_source(struct fx *fx)
{
	struct store_put_source p = {
		.op = {.verb = STORE_PUT_SOURCE}, .hash = HASH_A, .text = "rule: x", .len = 7};
	assert_int_equal(fx_do(fx, &p.op), 0);
}

uint64_t accept_run(struct fx *fx, unsigned n)
{
	struct store_newrun run = newrun_at(n);
	struct store_accept a = {
		.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, n), .runs = &run, .n_runs = 1};
	put_source(fx);
	assert_int_equal(fx_do(fx, &a.op), 0);
	assert_false(a.duplicate);
	return a.epoch;
}

int append_one(struct fx *fx, unsigned run, uint64_t epoch, uint32_t expect_n, enum run_state state,
	       int64_t due, struct store_rec rec)
{
	struct store_append a = {.op = {.verb = STORE_APPEND},
				 .run = id_at(run),
				 .epoch = epoch,
				 .expect_n = expect_n,
				 .recs = &rec,
				 .n_recs = 1,
				 .state = state,
				 .due = due};
	return fx_do(fx, &a.op);
}

struct store_loaded *load_run(struct fx *fx, unsigned n)
{
	struct store_load l = {.op = {.verb = STORE_LOAD}, .run = id_at(n)};
	if (fx_do(fx, &l.op))
		assert_null(l.loaded);
	return l.loaded;
}

json_t *query(struct fx *fx, struct store_query *q)
{
	q->op.verb = STORE_QUERY;
	int err = fx_do(fx, &q->op);
	assert_true(err ? !q->result : q->result != NULL);
	return q->result;
}

static bool accept_is_duplicate(struct fx *fx, unsigned n, unsigned fp, struct id *first)
{
	struct store_accept a = {.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, n)};
	a.ev.dedupe = true;
	a.ev.fp[0] = (unsigned char)fp;
	a.ev.dedupe_ms = 3 * DAY_MS;
	assert_int_equal(fx_do(fx, &a.op), 0);
	*first = a.first;
	return a.duplicate;
}

static size_t due_rows(struct fx *fx, struct store_due *d)
{
	d->op.verb = STORE_DUE;
	assert_int_equal(fx_do(fx, &d->op), 0);
	return d->n_rows;
}

static json_int_t count_of(struct fx *fx, const char *what)
{
	struct store_query q = {.view = VIEW_STATS, .state = -1};
	json_t *v = query(fx, &q);
	json_t *n = json_object_get(v, what);
	if (!n)
		n = json_object_get(json_object_get(v, "runs"), what);
	json_int_t count = json_integer_value(n);
	json_decref(v);
	return count;
}

static void assert_run(json_t *row, unsigned n, const char *state)
{
	char text[ID_TEXT_LEN];
	assert_string_equal(json_string_value(json_object_get(row, "id")),
			    id_format(id_at(n), text));
	assert_string_equal(json_string_value(json_object_get(row, "state")), state);
}

/* ---- accept ---- */

static void an_accepted_run_can_be_loaded_with_its_event(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_loaded *l = load_run(fx, 1);
	assert_non_null(l);
	assert_int_equal(l->epoch, epoch);
	assert_int_equal(l->state, RUN_QUEUED);
	assert_false(l->ended);
	assert_int_equal(l->last_n + l->n_recs, 0);
	assert_string_equal(l->rule, "welcome");
	assert_string_equal(l->plan_hash, HASH_A);
	assert_string_equal(l->trigger, "t");
	assert_true(id_is_zero(l->parent));
	assert_string_equal(l->parent_path, "");
	assert_int_equal(l->created, T0);
	assert_string_equal(l->ev.source, "/hooks/a");
	assert_string_equal(l->ev.headers, "{\"h\":\"1\"}");
	assert_string_equal(l->ev.body, "{\"a\":1}");
	assert_int_equal(l->ev.body_len, 7);
	assert_int_equal(l->ev.time, T0 - 5);
	assert_int_equal(l->ev.seq, 1);
	store_loaded_free(l);
}

static void a_run_of_an_unknown_source_is_refused_with_its_event(void **state)
{
	struct fx *fx = *state;
	struct store_newrun run = newrun_at(1);
	struct store_accept a = {
		.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, 1), .runs = &run, .n_runs = 1};
	assert_int_equal(fx_do(fx, &a.op), ERR_NOT_FOUND);
	assert_non_null(strstr(a.op.msg.text, HASH_A));
	assert_int_equal(count_of(fx, "events"), 0);
	assert_null(load_run(fx, 1));
}

static void a_repeated_event_is_answered_with_the_first_id(void **state)
{
	struct fx *fx = *state;
	struct id first;
	assert_false(accept_is_duplicate(fx, 1, 7, &first));
	assert_false(accept_is_duplicate(fx, 2, 8, &first));
	assert_true(accept_is_duplicate(fx, 3, 7, &first));
	struct id want = id_at(1001);
	assert_memory_equal(&first, &want, sizeof(want));
	assert_int_equal(count_of(fx, "events"), 2);
}

static void a_repeat_after_its_window_is_a_new_event(void **state)
{
	struct fx *fx = *state;
	struct id first;
	assert_false(accept_is_duplicate(fx, 1, 7, &first));
	clock_virtual_advance(&fx->clock, 3 * DAY_MS - 1);
	assert_true(accept_is_duplicate(fx, 2, 7, &first));
	clock_virtual_advance(&fx->clock, 1);
	assert_false(accept_is_duplicate(fx, 3, 7, &first));
	clock_virtual_advance(&fx->clock, 2 * DAY_MS);
	assert_true(accept_is_duplicate(fx, 4, 7, &first));
	struct id want = id_at(1003);
	assert_memory_equal(&first, &want, sizeof(want));
}

static void an_event_whose_id_is_known_is_a_duplicate_too(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_newrun run = newrun_at(2);
	struct store_accept a = {
		.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, 1), .runs = &run, .n_runs = 1};
	assert_int_equal(fx_do(fx, &a.op), 0);
	assert_true(a.duplicate);
	assert_true(id_equal(a.first, id_at(1001)));
	assert_null(load_run(fx, 2));
	assert_int_equal(a.epoch, epoch);
}

static void repeats_in_one_batch_find_each_other(void **state)
{
	struct fx *fx = *state;
	struct store_accept a[3];
	called = 0;
	for (unsigned i = 0; i < 3; i++) {
		a[i] = (struct store_accept){.op = {.verb = STORE_ACCEPT, .cb = on_op},
					     .ev = event_at(fx, i)};
		a[i].ev.dedupe = true;
		a[i].ev.dedupe_ms = DAY_MS;
		store_submit(fx->store, &a[i].op);
	}
	while (called < 3)
		loop_run_once(fx->loop, true);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(called_ops[i], &a[i].op);
		assert_int_equal(a[i].duplicate, i > 0);
	}
}

static void a_run_whose_condition_failed_says_so_first(void **state)
{
	struct fx *fx = *state;
	struct store_newrun run = newrun_at(1);
	run.failed_match = true;
	run.error = "{\"name\":\"script\"}";
	struct store_accept a = {
		.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, 1), .runs = &run, .n_runs = 1};
	put_source(fx);
	assert_int_equal(fx_do(fx, &a.op), 0);
	struct store_loaded *l = load_run(fx, 1);
	assert_false(l->ended);
	assert_int_equal(l->state, RUN_QUEUED);
	assert_int_equal(l->last_n, 1);
	assert_int_equal(l->recs[0].type, REC_DECISION);
	assert_string_equal(l->recs[0].body, "{\"born\":{\"name\":\"script\"}}");
	store_loaded_free(l);
}

/* ---- append ---- */

static void records_come_back_in_their_order(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_rec recs[] = {rec_of(1, REC_DECISION, "do.0", "{\"now\":1}"),
				   rec_of(2, REC_STEP, "do.1", "")};
	struct store_append a = {.op = {.verb = STORE_APPEND},
				 .run = id_at(1),
				 .epoch = epoch,
				 .recs = recs,
				 .n_recs = 2,
				 .state = RUN_WAITING,
				 .due = T0 + 1000};
	assert_int_equal(fx_do(fx, &a.op), 0);
	assert_false(a.cancel_asked);
	assert_int_equal(
		append_one(fx, 1, epoch, 2, RUN_RUNNING, 0, rec_of(3, REC_WAIT, "do.2", "{}")), 0);
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->n_recs, 3);
	assert_int_equal(l->last_n, 3);
	assert_int_equal(l->state, RUN_RUNNING);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(l->recs[i].n, i + 1);
	assert_int_equal(l->recs[0].type, REC_DECISION);
	assert_string_equal(l->recs[0].path, "do.0");
	assert_string_equal(l->recs[0].body, "{\"now\":1}");
	assert_int_equal(l->recs[0].at, T0 + 1);
	assert_int_equal(l->recs[0].len, 9);
	assert_string_equal(l->recs[1].body, "");
	assert_int_equal(l->recs[2].type, REC_WAIT);
	store_loaded_free(l);
}

static void an_append_is_fenced_unless_it_knows_the_last_record(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_rec rec = rec_of(1, REC_STEP, "do.0", "1");
	assert_int_equal(append_one(fx, 1, epoch, 1, RUN_RUNNING, 0, rec), ERR_FENCED);
	assert_int_equal(append_one(fx, 1, epoch + 1, 0, RUN_RUNNING, 0, rec), ERR_FENCED);
	assert_int_equal(append_one(fx, 2, epoch, 0, RUN_RUNNING, 0, rec), ERR_FENCED);
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_RUNNING, 0, rec), 0);
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_WAITING, 9, rec), ERR_FENCED);
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->last_n, 1);
	assert_int_equal(l->state, RUN_RUNNING);
	store_loaded_free(l);
}

static void an_ended_run_is_fenced_and_shows_its_error(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_rec end = rec_of(1, REC_END, "", "{\"error\":{\"name\":\"timeout\"}}");
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_FAILED, 0, end), 0);
	end = rec_of(2, REC_STEP, "do.0", "");
	assert_int_equal(append_one(fx, 1, epoch, 1, RUN_RUNNING, 0, end), ERR_FENCED);
	struct store_query q = {.view = VIEW_RUN, .state = -1, .id = id_at(1)};
	json_t *v = query(fx, &q);
	assert_run(v, 1, "failed");
	json_t *error = json_object_get(v, "error");
	assert_string_equal(json_string_value(json_object_get(error, "name")), "timeout");
	assert_string_equal(json_string_value(json_object_get(v, "ended")),
			    "2026-11-23T09:26:40.001Z");
	assert_int_equal(json_array_size(json_object_get(v, "records")), 1);
	json_t *data = json_object_get(json_object_get(v, "event"), "data");
	assert_int_equal(json_integer_value(json_object_get(data, "a")), 1);
	json_decref(v);
}

static void emits_are_accepted_with_the_append_or_not_at_all(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_newrun child = newrun_at(2);
	child.parent = id_at(1);
	child.parent_path = "do.0";
	struct store_accept emits[] = {{.ev = event_at(fx, 2), .runs = &child, .n_runs = 1},
				       {.ev = event_at(fx, 3)},
				       {.ev = event_at(fx, 4)}};
	emits[1].ev.dedupe = emits[2].ev.dedupe = true;
	emits[1].ev.dedupe_ms = emits[2].ev.dedupe_ms = DAY_MS;
	struct store_rec rec = rec_of(1, REC_STEP, "do.0", "");
	struct store_append a = {.op = {.verb = STORE_APPEND},
				 .run = id_at(1),
				 .epoch = epoch,
				 .expect_n = 1,
				 .recs = &rec,
				 .n_recs = 1,
				 .state = RUN_RUNNING,
				 .emits = emits,
				 .n_emits = 3};
	assert_int_equal(fx_do(fx, &a.op), ERR_FENCED);
	assert_int_equal(count_of(fx, "events"), 1);
	a.expect_n = 0;
	assert_int_equal(fx_do(fx, &a.op), 0);
	assert_false(emits[1].duplicate);
	assert_true(emits[2].duplicate);
	assert_int_equal(count_of(fx, "events"), 3);
	struct store_loaded *l = load_run(fx, 2);
	assert_true(id_equal(l->parent, id_at(1)));
	assert_string_equal(l->parent_path, "do.0");
	assert_int_equal(l->epoch, emits[0].epoch);
	store_loaded_free(l);
}

static int append_claim(struct fx *fx, unsigned run, uint64_t epoch, uint32_t n,
			struct store_claim *claims, size_t n_claims)
{
	struct store_rec rec = rec_of(n + 1, REC_STEP, "do.0", "");
	struct store_append a = {.op = {.verb = STORE_APPEND},
				 .run = id_at(run),
				 .epoch = epoch,
				 .expect_n = n,
				 .recs = &rec,
				 .n_recs = 1,
				 .state = RUN_RUNNING,
				 .claims = claims,
				 .n_claims = n_claims};
	return fx_do(fx, &a.op);
}

static void a_place_is_free_when_its_run_has_ended(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	accept_run(fx, 2);
	struct store_claim place = {"cc", "#job", "do.0"}, id = {"cc", "42", "do.0"};
	struct store_append end = {.op = {.verb = STORE_APPEND},
				   .run = id_at(1),
				   .epoch = epoch,
				   .expect_n = 2,
				   .state = RUN_FAILED};
	assert_int_equal(append_claim(fx, 1, epoch, 0, &place, 1), 0);
	assert_int_equal(append_claim(fx, 1, epoch, 1, &id, 1), 0);
	assert_int_equal(append_claim(fx, 2, epoch, 0, &place, 1), ERR_CLAIMED);
	assert_int_equal(fx_do(fx, &end.op), 0);
	assert_int_equal(append_claim(fx, 2, epoch, 0, &place, 1), 0);
	assert_int_equal(append_claim(fx, 2, epoch, 1, &place, 1), 0);
	assert_int_equal(append_claim(fx, 2, epoch, 2, &id, 1), ERR_CLAIMED);
}

static void a_foreign_id_is_claimed_by_one_effect_only(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	accept_run(fx, 2);
	struct store_claim c[] = {{"cc", "42", "do.0"}, {"cc", "43", "do.0"}};
	struct store_claim twice[] = {{"cc", "44", "do.0"}, {"cc", "44", "do.1"}};
	assert_int_equal(append_claim(fx, 1, epoch, 0, c, 1), 0);
	assert_int_equal(append_claim(fx, 1, epoch, 1, c, 2), 0);
	assert_int_equal(append_claim(fx, 2, epoch, 0, c, 1), ERR_CLAIMED);
	assert_int_equal(append_claim(fx, 2, epoch, 0, twice, 2), ERR_CLAIMED);
	struct store_loaded *l = load_run(fx, 2);
	assert_int_equal(l->last_n, 0);
	store_loaded_free(l);
	struct store_query q = {
		.view = VIEW_CLAIM, .state = -1, .connection = "cc", .foreign_id = "43"};
	json_t *v = query(fx, &q);
	char text[ID_TEXT_LEN];
	assert_string_equal(json_string_value(json_object_get(v, "run")),
			    id_format(id_at(1), text));
	json_decref(v);
	q.foreign_id = "44";
	v = query(fx, &q);
	assert_true(json_is_null(v));
	json_decref(v);
}

/* ---- sources ---- */

static void a_source_is_kept_once(void **state)
{
	struct fx *fx = *state;
	put_source(fx);
	put_source(fx);
	struct store_get_source g = {.op = {.verb = STORE_GET_SOURCE}, .hash = HASH_A};
	assert_int_equal(fx_do(fx, &g.op), 0);
	assert_string_equal(g.text, "rule: x");
	assert_int_equal(g.len, 7);
	free(g.text);
	g = (struct store_get_source){.op = {.verb = STORE_GET_SOURCE}, .hash = "none"};
	assert_int_equal(fx_do(fx, &g.op), ERR_NOT_FOUND);
	assert_null(g.text);
}

/* ---- due, cancel, revive ---- */

static void due_runs_come_in_the_order_of_their_times(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = 0;
	for (unsigned i = 1; i <= 5; i++)
		epoch = accept_run(fx, i);
	struct store_rec w = rec_of(1, REC_WAIT, "do.0", "");
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_WAITING, T0 + 300, w), 0);
	assert_int_equal(append_one(fx, 2, epoch, 0, RUN_RETRYING, T0 + 100, w), 0);
	assert_int_equal(append_one(fx, 3, epoch, 0, RUN_WAITING, 0, w), 0);
	assert_int_equal(append_one(fx, 4, epoch, 0, RUN_WAITING, T0 + 301, w), 0);
	struct store_due d = {.until = T0 + 300, .max = 10};
	assert_int_equal(due_rows(fx, &d), 3);
	assert_false(d.more);
	const unsigned order[] = {5, 2, 1};
	for (int i = 0; i < 3; i++)
		assert_true(id_equal(d.rows[i].run, id_at(order[i])));
	assert_int_equal(d.rows[1].due, T0 + 100);
	assert_int_equal(d.rows[1].state, RUN_RETRYING);
	free(d.rows);
	d = (struct store_due){.until = T0 + 300, .max = 1};
	assert_int_equal(due_rows(fx, &d), 1);
	assert_true(d.more);
	free(d.rows);
	d = (struct store_due){.until = T0 + 300, .max = 2, .timed_only = true};
	assert_int_equal(due_rows(fx, &d), 2);
	assert_true(id_equal(d.rows[0].run, id_at(2)));
	assert_false(d.more);
	free(d.rows);
}

static int cancel_run(struct fx *fx, unsigned n)
{
	struct store_cancel c = {.op = {.verb = STORE_CANCEL}, .run = id_at(n), .at = T0 + 7};
	return fx_do(fx, &c.op);
}

static void a_cancelled_run_is_due_until_its_record_takes_the_wish(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_rec rec = rec_of(1, REC_WAIT, "do.0", "");
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_WAITING, T0 + DAY_MS, rec), 0);
	assert_int_equal(cancel_run(fx, 1), 0);
	assert_int_equal(cancel_run(fx, 1), 0);
	struct store_due d = {.until = T0, .max = 10, .timed_only = true};
	assert_int_equal(due_rows(fx, &d), 1);
	assert_int_equal(d.rows[0].due, T0 + 7);
	free(d.rows);
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->cancel_at, T0 + 7);
	assert_int_equal(l->due, T0 + DAY_MS);
	store_loaded_free(l);
	rec = rec_of(2, REC_STEP, "do.0", "");
	struct store_append a = {.op = {.verb = STORE_APPEND},
				 .run = id_at(1),
				 .epoch = epoch,
				 .expect_n = 1,
				 .recs = &rec,
				 .n_recs = 1,
				 .state = RUN_WAITING};
	assert_int_equal(fx_do(fx, &a.op), 0);
	assert_true(a.cancel_asked);
	rec = rec_of(3, REC_CANCEL, "", "");
	a.expect_n = 2;
	assert_int_equal(fx_do(fx, &a.op), 0);
	assert_false(a.cancel_asked);
	d = (struct store_due){.until = T0, .max = 10};
	assert_int_equal(due_rows(fx, &d), 0);
	free(d.rows);
}

static void what_has_ended_or_never_was_cannot_be_cancelled(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct store_rec end = rec_of(1, REC_END, "", "");
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_COMPLETED, 0, end), 0);
	assert_int_equal(cancel_run(fx, 1), ERR_NOT_FOUND);
	assert_int_equal(cancel_run(fx, 9), ERR_NOT_FOUND);
}

static int revive_run(struct fx *fx, unsigned n, uint32_t *ret_n)
{
	struct store_revive v = {.op = {.verb = STORE_REVIVE},
				 .run = id_at(n),
				 .rec = rec_of(0, REC_HUMAN, "do.0", "{\"as\":\"retry\"}"),
				 .state = RUN_QUEUED};
	int err = fx_do(fx, &v.op);
	*ret_n = v.rec.n;
	return err;
}

static void a_failed_run_lives_again(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	uint32_t n;
	assert_int_equal(revive_run(fx, 1, &n), ERR_NOT_FOUND);
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_FAILED, 0, rec_of(1, REC_END, "", "")), 0);
	assert_int_equal(count_of(fx, "live"), 0);
	assert_int_equal(revive_run(fx, 1, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(count_of(fx, "live"), 1);
	assert_int_equal(count_of(fx, "failed"), 0);
	struct store_loaded *l = load_run(fx, 1);
	assert_false(l->ended);
	assert_int_equal(l->state, RUN_QUEUED);
	assert_int_equal(l->recs[1].type, REC_HUMAN);
	epoch = l->epoch;
	store_loaded_free(l);
	struct store_rec end = rec_of(3, REC_END, "", "");
	assert_int_equal(append_one(fx, 1, epoch, 2, RUN_COMPLETED, 0, end), 0);
	assert_int_equal(revive_run(fx, 1, &n), ERR_NOT_FOUND);
	assert_int_equal(revive_run(fx, 8, &n), ERR_NOT_FOUND);
}

static void a_run_in_doubt_goes_on_and_fences_who_had_it(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	uint32_t n;
	struct store_rec rec = rec_of(1, REC_INTENT, "do.0", "");
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_IN_DOUBT, 0, rec), 0);
	assert_int_equal(revive_run(fx, 1, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(append_one(fx, 1, epoch, 1, RUN_RUNNING, 0, rec), ERR_FENCED);
	struct store_due d = {.until = T0, .max = 10};
	assert_int_equal(due_rows(fx, &d), 1);
	assert_int_equal(d.rows[0].state, RUN_QUEUED);
	free(d.rows);
}

/* ---- queries ---- */

static void run_lists_are_paged_and_filtered(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = 0;
	for (unsigned i = 1; i <= 5; i++) {
		epoch = accept_run(fx, i);
		clock_virtual_advance(&fx->clock, 1000);
	}
	struct store_rec end = rec_of(1, REC_END, "", "{}");
	assert_int_equal(append_one(fx, 2, epoch, 0, RUN_COMPLETED, 0, end), 0);
	assert_int_equal(append_one(fx, 4, epoch, 0, RUN_CANCELLED, 0, end), 0);
	struct store_query q = {.view = VIEW_RUNS, .state = -1, .limit = 3};
	json_t *v = query(fx, &q), *rows = json_object_get(v, "runs");
	assert_int_equal(json_array_size(rows), 3);
	assert_run(json_array_get(rows, 0), 5, "queued");
	assert_run(json_array_get(rows, 1), 4, "cancelled");
	q.before = (uint64_t)json_integer_value(json_object_get(v, "next"));
	json_decref(v);
	v = query(fx, &q);
	rows = json_object_get(v, "runs");
	assert_int_equal(json_array_size(rows), 2);
	assert_run(json_array_get(rows, 0), 2, "completed");
	assert_true(json_is_null(json_object_get(v, "next")));
	assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "error")));
	json_decref(v);
}

static void each_filter_of_run_lists_finds_its_runs(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	clock_virtual_advance(&fx->clock, 1000);
	for (unsigned i = 2; i <= 4; i++)
		accept_run(fx, i);
	struct store_rec end = rec_of(1, REC_END, "", "{}");
	assert_int_equal(append_one(fx, 2, epoch, 0, RUN_COMPLETED, 0, end), 0);
	assert_int_equal(append_one(fx, 3, epoch, 0, RUN_FAILED, 0, end), 0);
	const struct {
		struct store_query q;
		size_t n;
	} cases[] = {
		{{.state = -1, .rule = "welcome"}, 4},
		{{.state = -1, .rule = "other"}, 0},
		{{.state = RUN_QUEUED}, 2},
		{{.state = RUN_COMPLETED}, 1},
		{{.state = RUN_FAILED}, 1},
		{{.state = RUN_WAITING}, 0},
		{{.state = -1, .since = T0 + 1000}, 3},
		{{.state = -1, .id = id_at(1003)}, 1},
		{{.state = -1, .id = id_at(77)}, 0},
		{{.state = RUN_FAILED, .before = 3}, 0},
		{{.state = RUN_QUEUED, .rule = "other"}, 0},
		{{.state = -1, .before = 2}, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_query q = cases[i].q;
		q.view = VIEW_RUNS;
		json_t *v = query(fx, &q);
		assert_int_equal(json_array_size(json_object_get(v, "runs")), cases[i].n);
		json_decref(v);
	}
}

static void events_are_shown_with_their_runs(void **state)
{
	struct fx *fx = *state;
	accept_run(fx, 1);
	struct store_accept a = {.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, 2)};
	a.ev.subject = "other";
	a.ev.body = "not json";
	a.ev.body_len = 8;
	assert_int_equal(fx_do(fx, &a.op), 0);
	struct store_query q = {.view = VIEW_EVENTS, .state = -1, .subject = "s"};
	json_t *v = query(fx, &q), *rows = json_object_get(v, "events");
	assert_int_equal(json_array_size(rows), 1);
	json_t *row = json_array_get(rows, 0);
	assert_int_equal(json_array_size(json_object_get(row, "runs")), 1);
	assert_string_equal(json_string_value(json_object_get(row, "received")),
			    "2026-11-23T09:26:40.000Z");
	json_t *h = json_object_get(json_object_get(row, "headers"), "h");
	assert_string_equal(json_string_value(h), "1");
	json_decref(v);
	q = (struct store_query){.view = VIEW_EVENTS, .state = -1, .limit = 1};
	v = query(fx, &q);
	assert_int_equal(json_integer_value(json_object_get(v, "next")), 2);
	json_decref(v);
	q = (struct store_query){.view = VIEW_EVENT, .state = -1, .id = id_at(1002)};
	v = query(fx, &q);
	assert_string_equal(json_string_value(json_object_get(v, "data")), "not json");
	json_decref(v);
	q.id = id_at(1);
	assert_null(query(fx, &q));
	assert_int_equal(q.op.err, ERR_NOT_FOUND);
}

static void stats_count_runs_by_state(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = 0;
	for (unsigned i = 1; i <= 4; i++)
		epoch = accept_run(fx, i);
	struct store_rec end = rec_of(1, REC_END, "", "{}");
	assert_int_equal(append_one(fx, 2, epoch, 0, RUN_COMPLETED, 0, end), 0);
	assert_int_equal(append_one(fx, 3, epoch, 0, RUN_FAILED, 0, end), 0);
	assert_int_equal(count_of(fx, "events"), 4);
	assert_int_equal(count_of(fx, "live"), 2);
	assert_int_equal(count_of(fx, "queued"), 2);
	assert_int_equal(count_of(fx, "completed"), 1);
	assert_int_equal(count_of(fx, "failed"), 1);
}

/* ---- lives of a store ---- */

static void what_was_answered_is_there_after_reopening(void **state)
{
	struct fx *fx = *state;
	uint64_t epoch = accept_run(fx, 1);
	struct id first;
	assert_false(accept_is_duplicate(fx, 2, 7, &first));
	struct store_rec rec = rec_of(1, REC_STEP, "do.0", "1");
	assert_int_equal(append_one(fx, 1, epoch, 0, RUN_RUNNING, 0, rec), 0);
	backend.reopen(fx);
	assert_true(accept_is_duplicate(fx, 3, 7, &first));
	struct store_loaded *l = load_run(fx, 1);
	assert_int_equal(l->n_recs, 1);
	assert_int_equal(append_one(fx, 1, l->epoch, 1, RUN_RUNNING, 0, rec), 0);
	store_loaded_free(l);
	assert_true(accept_run(fx, 9) > epoch);
}

static void closing_finishes_what_was_submitted(void **state)
{
	struct fx *fx = *state;
	struct store_accept a[20];
	struct store_query q = {.op = {.verb = STORE_QUERY, .cb = on_op}, .view = VIEW_STATS};
	called = 0;
	for (unsigned i = 0; i < 20; i++) {
		a[i] = (struct store_accept){.op = {.verb = STORE_ACCEPT, .cb = on_op},
					     .ev = event_at(fx, i)};
		store_submit(fx->store, &a[i].op);
	}
	store_submit(fx->store, &q.op);
	store_close(fx->store);
	fx->store = NULL;
	assert_int_equal(called, 21);
	json_decref(q.result);
	store_close(NULL);
}

/* ---- kept ---- */

static int keep(struct fx *fx, const char *name, const void *bytes, size_t len)
{
	struct store_keep k = {
		.op = {.verb = STORE_KEEP}, .name = name, .bytes = bytes, .len = len};
	return fx_do(fx, &k.op);
}

/* What is kept there is exactly this; len 0: nothing is. */
static void assert_kept(struct fx *fx, const char *name, const void *bytes, size_t len)
{
	struct store_kept k = {.op = {.verb = STORE_KEPT}, .name = name};
	assert_int_equal(fx_do(fx, &k.op), len ? 0 : ERR_NOT_FOUND);
	assert_int_equal(k.len, len);
	if (len) {
		assert_memory_equal(k.bytes, bytes, len);
		assert_int_equal(((char *)k.bytes)[len], 0);
		assert_int_equal(k.changed, fx->clock.wall);
	}
	free(k.bytes);
}

static void bytes_are_kept_under_a_name_until_others_are(void **state)
{
	struct fx *fx = *state;
	assert_kept(fx, "token/a", NULL, 0);
	assert_int_equal(keep(fx, "token/a", "one\0two", 7), 0);
	assert_int_equal(keep(fx, "token/b", "\xff\xfe", 2), 0);
	assert_kept(fx, "token/a", "one\0two", 7);
	clock_virtual_advance(&fx->clock, 1000);
	assert_int_equal(keep(fx, "token/a", "three", 5), 0);
	assert_kept(fx, "token/a", "three", 5);
	assert_int_equal(keep(fx, "token/b", NULL, 0), 0);
	assert_int_equal(keep(fx, "token/c", NULL, 0), 0);
	backend.reopen(fx);
	assert_kept(fx, "token/a", "three", 5);
	assert_kept(fx, "token/b", NULL, 0);
}

static void what_is_too_large_to_be_kept_changes_nothing(void **state)
{
	struct fx *fx = *state;
	auto_free char *much = mem_alloc(STORE_KEEP_MAX + 1);
	assert_int_equal(keep(fx, "token/a", "one", 3), 0);
	assert_int_equal(keep(fx, "token/a", much, STORE_KEEP_MAX + 1), ERR_TOOBIG);
	assert_kept(fx, "token/a", "one", 3);
	assert_int_equal(keep(fx, "token/a", much, STORE_KEEP_MAX), 0);
	assert_kept(fx, "token/a", much, STORE_KEEP_MAX);
}

/* ---- spending ---- */

static int64_t spend(struct fx *fx, const char *name, int64_t day, int64_t amount,
		     struct store_spend *ret)
{
	*ret = (struct store_spend){.op = {.verb = STORE_SPEND},
				    .name = name,
				    .day = day,
				    .amount = amount,
				    .limit = 100};
	assert_int_equal(fx_do(fx, &ret->op), 0);
	return ret->granted;
}

static void blocks_of_a_day_come_to_its_limit_and_no_further(void **state)
{
	struct fx *fx = *state;
	struct store_spend p;
	assert_int_equal(spend(fx, "a", 7, 0, &p), 0);
	assert_int_equal(p.spent, 0);
	assert_int_equal(spend(fx, "a", 7, 60, &p), 60);
	assert_int_equal(spend(fx, "b", 7, 1, &p), 1);
	assert_int_equal(spend(fx, "a", 7, 60, &p), 40);
	assert_int_equal(p.spent, 100);
	assert_int_equal(spend(fx, "a", 7, 60, &p), 0);
	assert_int_equal(p.spent, 100);
	assert_int_equal(p.last_day, 7);
}

static void a_day_that_is_over_is_not_opened_again(void **state)
{
	struct fx *fx = *state;
	struct store_spend p;
	assert_int_equal(spend(fx, "a", 7, 100, &p), 100);
	assert_int_equal(spend(fx, "a", 8, 30, &p), 30);
	assert_int_equal(p.spent, 30);
	backend.reopen(fx);
	assert_int_equal(spend(fx, "a", 7, 10, &p), 0);
	assert_int_equal(p.last_day, 8);
	assert_int_equal(p.spent, 30);
	assert_int_equal(spend(fx, "a", 8, 0, &p), 0);
	assert_int_equal(p.spent, 30);
}

static void a_day_far_ahead_was_a_mistake_and_closes_no_other(void **state)
{
	struct fx *fx = *state;
	struct store_spend p;
	assert_int_equal(spend(fx, "a", 2000, 40, &p), 40);
	assert_int_equal(spend(fx, "a", 7, 10, &p), 10);
	assert_int_equal(p.last_day, 7);
	assert_int_equal(p.spent, 50);
	assert_int_equal(spend(fx, "a", 8, 10, &p), 10);
	assert_int_equal(p.spent, 10);
}

/* ---- states ---- */

static void states_have_names_and_ends(void **state)
{
	for (int i = 0; i < RUN_STATES; i++)
		assert_int_equal(run_state_by_name(run_state_name((enum run_state)i)), i);
	assert_int_equal(run_state_by_name("nonsense"), -1);
	assert_int_equal(run_state_by_name(NULL), -1);
	assert_true(run_state_is_end(RUN_CANCELLED));
	assert_false(run_state_is_end(RUN_IN_DOUBT));
	assert_int_equal(RUN_COMPLETED, 6); /* stored as this number */
}

#define T(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

static const struct CMUnitTest shared[] = {
	T(an_accepted_run_can_be_loaded_with_its_event),
	T(a_run_of_an_unknown_source_is_refused_with_its_event),
	T(a_repeated_event_is_answered_with_the_first_id),
	T(a_repeat_after_its_window_is_a_new_event),
	T(an_event_whose_id_is_known_is_a_duplicate_too),
	T(repeats_in_one_batch_find_each_other),
	T(a_run_whose_condition_failed_says_so_first),
	T(records_come_back_in_their_order),
	T(an_append_is_fenced_unless_it_knows_the_last_record),
	T(an_ended_run_is_fenced_and_shows_its_error),
	T(emits_are_accepted_with_the_append_or_not_at_all),
	T(a_foreign_id_is_claimed_by_one_effect_only),
	T(a_place_is_free_when_its_run_has_ended),
	T(a_source_is_kept_once),
	T(due_runs_come_in_the_order_of_their_times),
	T(a_cancelled_run_is_due_until_its_record_takes_the_wish),
	T(what_has_ended_or_never_was_cannot_be_cancelled),
	T(a_failed_run_lives_again),
	T(a_run_in_doubt_goes_on_and_fences_who_had_it),
	T(run_lists_are_paged_and_filtered),
	T(each_filter_of_run_lists_finds_its_runs),
	T(events_are_shown_with_their_runs),
	T(stats_count_runs_by_state),
	T(what_was_answered_is_there_after_reopening),
	T(closing_finishes_what_was_submitted),
	T(bytes_are_kept_under_a_name_until_others_are),
	T(what_is_too_large_to_be_kept_changes_nothing),
	T(blocks_of_a_day_come_to_its_limit_and_no_further),
	T(a_day_that_is_over_is_not_opened_again),
	T(a_day_far_ahead_was_a_mistake_and_closes_no_other),
	T(states_have_names_and_ends),
};

int suite_run(const char *name, const struct CMUnitTest *more, size_t n_more)
{
	size_t n = sizeof(shared) / sizeof(*shared);
	struct CMUnitTest *all = mem_alloc((n + suite_wait_n + n_more) * sizeof(*all));
	memcpy(all, shared, sizeof(shared));
	memcpy(all + n, suite_wait, suite_wait_n * sizeof(*all));
	n += suite_wait_n;
	memcpy(all + n, more, n_more * sizeof(*all));
	int failed = _cmocka_run_group_tests(name, all, n + n_more, NULL, NULL);
	free(all);
	return failed;
}
