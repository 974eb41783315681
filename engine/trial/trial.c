/* Plays one test: what is given, what happens then. */
#include "engine/trial/trial.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/serve/steps.h"
#include "engine/serve/tree.h"
#include "engine/trial/cover.h"
#include "engine/trial/play.h"
#include "engine/trial/tape.h"

/* A Monday morning: when a test says nothing of the time. */
#define NOW "2026-01-05T09:00:00Z"
#define TAPE_MAX ((size_t)1 << 20)

int trial_line(const struct trial *t, const struct ynode *n)
{
	return t->line + n->line - 1;
}

static bool is_inside(const struct ynode *tree, const struct ynode *n)
{
	if (tree == n)
		return true;
	for (size_t i = 0; i < tree->n; i++)
		if (is_inside(tree->items[i], n) || (tree->kind == Y_MAP && tree->keys[i] == n))
			return true;
	return false;
}

static const struct ynode *tape_root(const struct play *p)
{
	return p->tape && yaml_count(p->tape) ? yaml_doc(p->tape, 0)->root : NULL;
}

const struct ynode *play_part(const struct play *p, const char *key)
{
	const struct ynode *own = ynode_get(p->trial->node, key), *tape = tape_root(p);
	return own || !tape ? own : ynode_get(tape, key);
}

void play_problem(struct play *p, const struct ynode *at, const char *fmt, ...)
{
	const struct ynode *tape = tape_root(p);
	if (tape && is_inside(tape, at))
		at = ynode_get(p->trial->node, "tape");
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	(void)buf_vprintf(&b, fmt, ap);
	va_end(ap);
	json_t *text = json_string(buf_str(&b));
	json_array_append_new(p->problems,
			      json_pack("{s:i, s:i, s:o}", "line", trial_line(p->trial, at), "col",
					at->col, "text", text ? text : json_string("?")));
	buf_done(&b);
}

/* ---- given ---- */

static void set_memory(struct play *p, const struct ynode *n)
{
	static const char shared[] = "shared/";
	for (size_t i = 0; n && n->kind == Y_MAP && i < n->n; i++) {
		const char *key = n->keys[i]->text;
		bool all = strncmp(key, shared, sizeof(shared) - 1) == 0;
		json_auto_t *v = ynode_json(n->items[i]);
		auto_free char *text = json_text(v);
		store_mem_remember(p->stage.store, all ? "" : p->trial->plan->rule,
				   all ? key + sizeof(shared) - 1 : key, text);
	}
}

/* An event comes: at once, or as the run of a rule that only others start. */
static void event_comes(struct play *p, const struct ynode *n)
{
	json_auto_t *cue = ynode_json(n);
	struct errmsg msg;
	struct event *e = NULL;
	struct id id;
	char text[ID_TEXT_LEN];
	const char *word = cue_word(cue);
	struct cue_from from = {.clock = &p->kit->clock.clock,
				.rng = &p->kit->rng,
				.plan = p->trial->plan,
				.first = p->first,
				.n = p->events};
	if (cue_event(&from, cue, &e, &msg) != 0) {
		play_problem(p, n, "%s", msg.text);
		return;
	}
	p->events++;
	if (!p->first && e->conversation)
		p->first = json_incref(e->data);
	if (!p->is_later) {
		event_unref(p->last);
		p->last = event_ref(e);
	}
	int err = stage_accept(&p->stage, e, word ? NULL : p->trial->plan, &id);
	if (err)
		play_problem(p, n, "the event is not accepted: %s", err_text(err));
	json_object_set_new(p->given_ids, id_format(id, text), json_true());
	event_unref(e);
}

static bool span_of(struct play *p, const struct ynode *n, int64_t *ret_ms)
{
	struct errmsg msg;
	if (n->text && duration_parse(n->text, ret_ms, &msg) == 0)
		return true;
	play_problem(p, n, "after: takes a time such as 10m");
	return false;
}

static void pass(struct play *p, const struct ynode *cue)
{
	const struct ynode *after = ynode_get(cue, "after");
	int64_t ms;
	if (after && span_of(p, after, &ms))
		stage_pass(&p->stage, ms);
}

static void play_given(struct play *p, const struct ynode *given)
{
	if (given->kind == Y_LIST) {
		for (size_t i = 0; i < given->n; i++) {
			pass(p, given->items[i]);
			set_memory(p, ynode_get(given->items[i], "memory"));
			event_comes(p, given->items[i]);
		}
		return;
	}
	set_memory(p, ynode_get(given, "memory"));
	const struct ynode *events = ynode_get(given, "events");
	if (!events) {
		event_comes(p, given);
		return;
	}
	for (size_t i = 0; events->kind == Y_LIST && i < events->n; i++) {
		pass(p, events->items[i]);
		event_comes(p, events->items[i]);
	}
}

/* ---- then ---- */

struct look {
	struct play *play;
	const char *what; /* "event", "person" */
	json_t *wait;     /* the first that is open; owned */
};

/* Of the runs that there are, the first that stands at such a wait. */
static bool is_open(void *arg)
{
	struct look *k = arg;
	json_auto_t *v =
		stage_ask(&k->play->stage,
			  &(struct store_query){
				  .view = VIEW_WAITS, .state = -1, .what = k->what, .limit = 1000});
	const json_t *waits = json_object_get(v, "waits");
	size_t n = json_array_size(waits);
	json_decref(k->wait);
	k->wait = n ? json_incref(json_array_get(waits, n - 1)) : NULL;
	return n > 0;
}

static void event_then(struct play *p, const struct ynode *n)
{
	struct look k = {.play = p, .what = "event"};
	if (!ynode_get(n, "after"))
		(void)stage_until(&p->stage, is_open, &k);
	json_decref(k.wait);
	event_comes(p, n);
}

static void approve_then(struct play *p, const struct ynode *n, const struct ynode *said)
{
	struct look k = {.play = p, .what = "person"};
	struct id run;
	if (ynode_get(n, "after") ? !is_open(&k) : !stage_until(&p->stage, is_open, &k)) {
		play_problem(p, n, "no run waits for a person to approve anything%s",
			     ynode_get(n, "after") ? " by now" : "");
		return;
	}
	const struct ynode *by = ynode_get(n, "by"), *note = ynode_get(n, "note");
	json_auto_t *body =
		json_pack("{s:b, s:s, s:s*, s:I}", "approved", said->boolean, "by",
			  by && by->text ? by->text : "somebody", "note", note ? note->text : NULL,
			  "at", (json_int_t)(p->kit->clock.wall / 1000));
	if (!id_parse(json_str(k.wait, "run"), &run) ||
	    stage_tell(&p->stage, run, json_str(k.wait, "path"), body) != 0)
		play_problem(p, n, "the run does not take the answer");
	json_decref(k.wait);
}

static void cancel_then(struct play *p, const struct ynode *n)
{
	json_auto_t *v = stage_ask(&p->stage, &(struct store_query){.view = VIEW_RUNS,
								    .state = -1,
								    .rule = p->trial->plan->rule});
	const json_t *row = json_array_get(json_object_get(v, "runs"), 0);
	struct id run;
	stage_settle(&p->stage);
	if (row && id_parse(json_str(row, "id"), &run))
		stage_cancel(&p->stage, run);
	else
		play_problem(p, n, "there is no run to cancel");
}

static void restart_then(struct play *p, const struct ynode *n)
{
	struct errmsg msg;
	stage_settle(&p->stage);
	if (stage_crash(&p->stage, &msg) != 0)
		play_problem(p, n, "it does not start again: %s", msg.text);
}

static void play_then(struct play *p, const struct ynode *n)
{
	const struct ynode *approve = ynode_get(n, "approve");
	pass(p, n);
	if (ynode_get(n, "restart"))
		restart_then(p, n);
	else if (approve)
		approve_then(p, n, approve);
	else if (ynode_get(n, "cancel"))
		cancel_then(p, n);
	else if (n->kind == Y_MAP && n->n > (ynode_get(n, "after") ? 1u : 0u))
		event_then(p, n);
}

/* ---- the end ---- */

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static json_t *reversed(json_t *list)
{
	json_t *out = json_array();
	for (size_t i = json_array_size(list); i-- > 0;)
		json_array_append(out, json_array_get(list, i));
	return out;
}

static json_t *view_run(struct play *p, const char *id)
{
	struct store_query q = {.view = VIEW_RUN, .state = -1};
	return id && id_parse(id, &q.id) ? stage_ask(&p->stage, &q) : NULL;
}

/* Those of rules: what the test itself sent is not among them. */
static json_t *made_events(struct play *p)
{
	json_auto_t *v = stage_ask(
		&p->stage, &(struct store_query){.view = VIEW_EVENTS, .state = -1, .limit = 1000});
	json_t *out = json_array(), *list = json_object_get(v, "events");
	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *e = json_array_get(list, i);
		const char *id = json_str(e, "id"), *type = json_str(e, "type");
		if (!json_object_get(p->given_ids, id) && strcmp(type, "run") != 0)
			json_array_append(out, e);
	}
	return out;
}

static void gather(struct play *p)
{
	json_auto_t *v = stage_ask(&p->stage, &(struct store_query){.view = VIEW_RUNS,
								    .state = -1,
								    .rule = p->trial->plan->rule,
								    .limit = 1000});
	p->runs = reversed(json_object_get(v, "runs"));
	p->run = view_run(p, json_str(json_array_get(p->runs, json_array_size(p->runs) - 1), "id"));
	p->steps = steps_of(json_object_get(p->run, "records"), p->trial->plan);
	p->came = made_events(p);
}

/* What the timeline draws. */
static json_t *picture(const struct play *p)
{
	const json_t *records = json_object_get(p->run, "records");
	if (!p->run)
		return json_null();
	json_t *v = json_copy(p->run);
	const char *started = steps_started(records);
	json_object_set(v, "steps", p->steps);
	json_object_set_new(v, "started", started ? json_string(started) : json_null());
	json_object_set_new(v, "attempts", json_integer(steps_attempts(records)));
	(void)json_object_del(v, "records");
	json_object_set(v, "trigger", json_object_get(p->run, "event"));
	return v;
}

static json_t *marks_of(struct play *p)
{
	json_t *marks = json_array(), *row;
	size_t i;
	json_array_foreach (p->runs, i, row) {
		json_auto_t *run = view_run(p, json_str(row, "id"));
		cover_marks(json_object_get(run, "records"), marks);
	}
	return marks;
}

/* ---- the test ---- */

static int64_t begin_of(struct play *p, const struct ynode *given)
{
	const struct ynode *head = given->kind == Y_LIST && given->n ? given->items[0] : given;
	const struct ynode *now = head->kind == Y_MAP ? ynode_get(head, "now") : NULL;
	int64_t ms;
	struct errmsg msg;
	if (now && (!now->text || time_parse(now->text, &ms, &msg) != 0))
		play_problem(p, now, "now: takes a time such as %s", NOW);
	else if (now)
		return ms;
	(void)time_parse(NOW, &ms, NULL);
	return ms;
}

/* The rule itself, and those that the test lets start too. */
static struct plan **plans_of(struct play *p, size_t *ret_n)
{
	const struct ynode *more = ynode_get(p->trial->node, "rules");
	size_t n = more && more->kind == Y_LIST ? more->n : 0;
	struct plan **plans = mem_alloc((n + 1) * sizeof(*plans));
	plans[(*ret_n)++] = p->trial->plan;
	for (size_t i = 0; i < n; i++) {
		const char *name = more->items[i]->text;
		struct plan *plan = name ? ruleset_find(p->kit->set, name) : NULL;
		if (!plan)
			play_problem(p, more->items[i], "there is no rule '%s' in these files",
				     name ? name : "");
		else if (plan != p->trial->plan)
			plans[(*ret_n)++] = plan;
	}
	return plans;
}

static bool is_step(struct play *p, const char *name)
{
	bool found = false;
	for (size_t i = 0; !found && i < ruleset_count(p->kit->set); i++) {
		json_auto_t *names = cover_names(ruleset_at(p->kit->set, i));
		found = json_object_get(names, name) != NULL;
	}
	return found;
}

/* Of answers or faults: a mistyped name would be none for anybody. */
static void check_names(struct play *p, const struct ynode *n)
{
	for (size_t i = 0; n && n->kind == Y_MAP && i < n->n; i++) {
		const char *name = n->keys[i]->text;
		auto_free char *action =
			peer_action_name(p->kit->rules->catalogue, p->stage.connections, name);
		if (!action && !is_step(p, name))
			play_problem(p, n->keys[i], "'%s' is neither a step's name nor an action",
				     name);
	}
}

static void play(struct play *p)
{
	const struct ynode *test = p->trial->node, *given = play_part(p, "given"),
			   *then = play_part(p, "then");
	size_t i;
	json_t *text;
	check_names(p, ynode_get(test, "answers"));
	check_names(p, ynode_get(test, "faults"));
	play_given(p, given);
	stage_settle(&p->stage);
	p->is_later = true;
	for (size_t k = 0; then && then->kind == Y_LIST && k < then->n; k++)
		play_then(p, then->items[k]);
	(void)stage_until(&p->stage, never, NULL);
	if (p->stage.endless)
		play_problem(p, test, "it goes on and on, and does not come to an end");
	json_array_foreach (peer_problems(p->stage.peer), i, text)
		play_problem(p, test, "%s", json_string_value(text));
	gather(p);
	expect_judge(p);
}

static const struct ynode *zone_of(const struct ynode *given)
{
	const struct ynode *head = given->kind == Y_LIST && given->n ? given->items[0] : given;
	return head->kind == Y_MAP ? ynode_get(head, "zone") : NULL;
}

static void play_done(struct play *p)
{
	json_decref(p->first);
	json_decref(p->given_ids);
	json_decref(p->runs);
	json_decref(p->run);
	json_decref(p->steps);
	json_decref(p->came);
	event_unref(p->last);
	yaml_file_free(p->tape);
	free(p->tape_text);
	free(p->plans);
}

/* ---- the tape ---- */

/* The file's text, as seen from the folder of the rule; NULL after a problem. */
static char *read_tape(struct play *p, const struct ynode *at)
{
	const char *file = p->trial->file, *slash = strrchr(file, '/');
	auto_free char *path = *at->text == '/' || !slash
				       ? mem_strdup(at->text)
				       : mem_printf("%.*s/%s", (int)(slash - file), file, at->text);
	struct errmsg msg;
	char *text = NULL;
	size_t len;
	if (file_read(path, TAPE_MAX, &text, &len, &msg) != 0)
		play_problem(p, at, "%s", msg.text);
	return text;
}

static bool check_tape(struct play *p, const struct ynode *at, const json_t *tape)
{
	const char *kind = json_str(tape, "tape"), *rule = json_str(tape, "rule");
	struct errmsg msg;
	if (!kind || strcmp(kind, "pawl/1") != 0) {
		play_problem(p, at, "%s is no tape: pawl tape RUN prints one", at->text);
		return false;
	}
	if (!rule || strcmp(rule, p->trial->plan->rule) != 0) {
		play_problem(p, at, "this is a tape of the rule '%s'", rule ? rule : "");
		return false;
	}
	if (tape_fits(tape, p->kit->rules->catalogue, p->kit->rules->connections, &msg) != 0) {
		play_problem(p, at, "%s", msg.text);
		return false;
	}
	return true;
}

/* What is on it, as JSON; NULL without one, or after a problem. */
static json_t *load_tape(struct play *p)
{
	const struct ynode *at = ynode_get(p->trial->node, "tape");
	struct yaml_error err;
	if (!at || !(p->tape_text = read_tape(p, at)))
		return NULL;
	struct yaml_file *f = yaml_read(p->tape_text, strlen(p->tape_text), false, &err);
	if (!f || !yaml_count(f)) {
		play_problem(p, at, "%s:%d: %s", at->text, f ? 1 : err.line,
			     f ? "it is empty" : err.text);
		yaml_file_free(f);
		return NULL;
	}
	json_t *v = ynode_json(yaml_doc(f, 0)->root);
	if (check_tape(p, at, v)) {
		p->tape = f;
		return v;
	}
	yaml_file_free(f);
	json_decref(v);
	return NULL;
}

/* ---- the whole ---- */

static json_t *json_of(const struct trial *t, const char *key)
{
	const struct ynode *n = ynode_get(t->node, key);
	return n ? ynode_json(n) : NULL;
}

static void stage_play(struct play *p, const json_t *tape)
{
	const struct ynode *given = play_part(p, "given"), *zone = given ? zone_of(given) : NULL;
	json_auto_t *said = json_of(p->trial, "answers"), *bad = json_of(p->trial, "faults");
	struct stage_config c = {.answers = said,
				 .faults = bad,
				 .zone = zone ? zone->text : NULL,
				 .tape = json_object_get(tape, "answers")};
	struct errmsg msg;
	if (!given || !play_part(p, "expect"))
		return; /* its tape cannot be read */
	c.now = begin_of(p, given);
	c.plans = plans_of(p, &c.n_plans);
	if (stage_init(&p->stage, p->kit, &c, &msg) != 0)
		play_problem(p, p->trial->node, "%s", msg.text);
	else
		play(p);
	p->plans = c.plans;
}

json_t *trial_run(struct kit *k, const struct trial *t, bool cover)
{
	struct play p = {
		.kit = k, .trial = t, .problems = json_array(), .given_ids = json_object()};
	json_auto_t *tape = load_tape(&p);
	stage_play(&p, tape);
	json_t *out = json_pack("{s:o, s:o, s:I}", "problems", p.problems, "run", picture(&p), "at",
				(json_int_t)k->clock.wall);
	if (cover && p.stage.engine)
		json_object_set_new(out, "marks", marks_of(&p));
	if (p.stage.kit)
		stage_done(&p.stage);
	play_done(&p);
	return out;
}
