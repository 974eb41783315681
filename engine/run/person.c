/* What people do to runs: cancel, retry, and decide about a doubt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/run.h"

struct person {
	struct store_cancel cancel;
	struct store_query query;
	struct store_revive revive;
	struct store_tell tell;
	struct engine *engine;
	struct id run;
	char *as, *path, *body;
	json_t *result;
	char *by;
	engine_cb cb;
	void *arg;
};

static void person_end(struct person *p, int err, const char *why)
{
	p->cb(p->arg, err, why);
	json_decref(p->result);
	json_decref(p->query.result);
	free(p->as);
	free(p->path);
	free(p->body);
	free(p->by);
	free(p);
}

/* ---- cancel ---- */

/* No live row: it has ended, or was never there. */
static void on_cancel_looked_up(struct store_op *op)
{
	struct person *p =
		container_of(container_of(op, struct store_query, op), struct person, query);
	const char *state = json_str(p->query.result, "state");
	char why[100];
	if (op->err && op->err != ERR_NOT_FOUND) {
		person_end(p, op->err, op->msg.text);
		return;
	}
	if (!state) {
		person_end(p, ERR_NOT_FOUND, "there is no such run");
		return;
	}
	snprintf(why, sizeof(why), "the run has ended already: it is %s", state);
	person_end(p, ERR_CONFLICT, why);
}

static void look_up(struct person *p, void (*cb)(struct store_op *op))
{
	p->query = (struct store_query){
		.op = {.verb = STORE_QUERY, .cb = cb}, .view = VIEW_RUN, .id = p->run, .state = -1};
	store_submit(p->engine->conf.store, &p->query.op);
}

static void on_cancelled(struct store_op *op)
{
	struct person *p =
		container_of(container_of(op, struct store_cancel, op), struct person, cancel);
	char text[ID_TEXT_LEN];
	if (!op->err) {
		struct run *r = engine_find(p->engine, id_format(p->run, text));
		if (r)
			run_cancel(r);
		else
			engine_load(p->engine, p->run);
	}
	if (op->err == ERR_NOT_FOUND)
		look_up(p, on_cancel_looked_up);
	else
		person_end(p, op->err, op->msg.text);
}

void engine_cancel(struct engine *e, struct id run, engine_cb cb, void *arg)
{
	struct person *p = mem_alloc(sizeof(*p));
	*p = (struct person){.engine = e, .run = run, .cb = cb, .arg = arg};
	p->cancel = (struct store_cancel){.op = {.verb = STORE_CANCEL, .cb = on_cancelled},
					  .run = run,
					  .at = loop_wall_ms(e->conf.loop)};
	store_submit(e->conf.store, &p->cancel.op);
}

/* ---- tell ---- */

static void on_told(struct store_op *op)
{
	struct person *p =
		container_of(container_of(op, struct store_tell, op), struct person, tell);
	if (!op->err)
		engine_wake(p->engine, &p->run, 1, NULL);
	person_end(p, op->err == ERR_CLAIMED ? ERR_CONFLICT : op->err, op->msg.text);
}

void engine_tell(struct engine *e, struct id run, const char *path, const char *what,
		 const json_t *body, engine_cb cb, void *arg)
{
	struct person *p = mem_alloc(sizeof(*p));
	*p = (struct person){.engine = e,
			     .run = run,
			     .cb = cb,
			     .arg = arg,
			     .path = mem_strdup(path),
			     .body = json_text(body)};
	p->tell = (struct store_tell){.op = {.verb = STORE_TELL, .cb = on_told},
				      .run = run,
				      .path = p->path,
				      .what = what,
				      .body = p->body,
				      .len = strlen(p->body)};
	store_submit(e->conf.store, &p->tell.op);
}

/* ---- retry, resume ---- */

static void on_revived(struct store_op *op)
{
	struct person *p =
		container_of(container_of(op, struct store_revive, op), struct person, revive);
	if (!op->err)
		engine_load(p->engine, p->run);
	person_end(p, op->err, op->msg.text);
}

/* The path of a step in doubt: that of the oldest P record that tells a doubt which nothing has ended. */
static const char *doubtful_path(const json_t *records)
{
	json_auto_t *open = json_object();
	size_t i;
	json_t *r;
	json_array_foreach (records, i, r) {
		const char *type = json_str(r, "type"), *path = json_str(r, "path");
		(void)json_object_del(open, path);
		if (type && *type == REC_PROBE &&
		    json_object_get(json_object_get(r, "body"), "doubt"))
			json_object_set(open, path, r);
	}
	void *first = json_object_iter(open);
	return first ? json_str(json_object_iter_value(first), "path") : NULL;
}

static json_t *end_error(const json_t *records)
{
	json_t *error = NULL, *r;
	size_t i;
	json_array_foreach (records, i, r) {
		const char *type = json_str(r, "type");
		if (type && *type == REC_END)
			error = json_object_get(json_object_get(r, "body"), "error");
	}
	return error;
}

/* The step that failed first with the error the run ended by. */
static const char *failed_path(const json_t *records)
{
	json_t *error = end_error(records), *r;
	size_t i;
	json_array_foreach (records, i, r) {
		const char *type = json_str(r, "type");
		json_t *its = json_object_get(json_object_get(r, "body"), "error");
		if (error && type && *type == REC_STEP && json_equal(its, error))
			return json_str(r, "path");
	}
	return NULL;
}

static bool was_undone(const json_t *records)
{
	size_t i;
	json_t *r;
	json_array_foreach (records, i, r)
		if (json_object_get(json_object_get(r, "body"), "undone"))
			return true;
	return false;
}

/* What a person may do depends on the state: NULL, or why not. */
static const char *refusal(const struct person *p, const char *state)
{
	bool doubt = state && strcmp(state, "in_doubt") == 0;
	if (state && !doubt && was_undone(json_object_get(p->query.result, "records")))
		return "what the run had done was taken back: let its event come again";
	if (!state)
		return "there is no such run";
	if (strcmp(p->as, "retry") == 0)
		return doubt || strcmp(state, "failed") == 0
			       ? NULL
			       : "only a failed or doubtful run can be retried";
	return doubt ? NULL : "the run is not in doubt";
}

static void revive(struct person *p, bool doubt)
{
	json_t *body =
		json_pack("{s:s, s:s*}", "as",
			  doubt && strcmp(p->as, "retry") == 0 ? "again" : p->as, "by", p->by);
	if (p->result)
		json_object_set(body, "result", p->result);
	p->body = json_text(body);
	json_decref(body);
	p->revive = (struct store_revive){
		.op = {.verb = STORE_REVIVE, .cb = on_revived},
		.run = p->run,
		.state = RUN_QUEUED,
		.rec = {.type = REC_HUMAN,
			.path = p->path,
			.at = loop_wall_ms(p->engine->conf.loop),
			.body = p->body,
			.len = strlen(p->body)},
	};
	store_submit(p->engine->conf.store, &p->revive.op);
}

static void on_looked_up(struct store_op *op)
{
	struct person *p =
		container_of(container_of(op, struct store_query, op), struct person, query);
	const char *state = json_str(p->query.result, "state");
	const json_t *records = json_object_get(p->query.result, "records");
	const char *why = refusal(p, state);
	if (op->err || why) {
		person_end(p,
			   op->err ? op->err
			   : state ? ERR_CONFLICT
				   : ERR_NOT_FOUND,
			   op->err ? op->msg.text : why);
		return;
	}
	bool doubt = strcmp(state, "in_doubt") == 0;
	const char *path = doubt ? doubtful_path(records) : failed_path(records);
	if (!path) {
		person_end(p, ERR_CONFLICT,
			   "no step of it can be done again; start a new run instead");
		return;
	}
	p->path = mem_strdup(path);
	revive(p, doubt);
}

static bool is_way(const char *as)
{
	static const char *const ways[] = {"done", "again", "fail", "retry"};
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(as, ways[i]) == 0)
			return true;
	return false;
}

void engine_resume(struct engine *e, struct id run, const char *as, json_t *result, const char *by,
		   engine_cb cb, void *arg)
{
	if (!is_way(as)) {
		json_decref(result);
		cb(arg, ERR_INVALID, "`as` must be done, again or fail");
		return;
	}
	struct person *p = mem_alloc(sizeof(*p));
	*p = (struct person){.engine = e,
			     .run = run,
			     .as = mem_strdup(as),
			     .result = result,
			     .by = by ? mem_strdup(by) : NULL,
			     .cb = cb,
			     .arg = arg};
	look_up(p, on_looked_up);
}
