/* What people are asked: the questions that stand open, and the answers to them. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"

/* One request about waits: a list, or an answer on its way to the run that asks. */
struct waits {
	struct store_query query;
	struct service *service;
	struct server_req *req; /* NULL: gone */
	struct id run;
	json_t *answer; /* owned; NULL: it is the list that is wanted */
	char *path;     /* which question; NULL: the only one */
	char *person;   /* whose questions alone; NULL: all */
};

static void waits_free(struct waits *w)
{
	json_decref(w->query.result);
	json_decref(w->answer);
	free(w->path);
	free(w->person);
	free(w);
}

static void on_gone(struct server_req *r)
{
	((struct waits *)r->user)->req = NULL;
}

static struct waits *waits_new(const struct api_call *c, void (*cb)(struct store_op *op))
{
	struct waits *w = mem_alloc(sizeof(*w));
	w->service = c->service;
	w->req = c->req;
	w->person = c->person ? mem_strdup(c->person) : NULL;
	w->query = (struct store_query){.op = {.verb = STORE_QUERY, .cb = cb},
					.view = VIEW_WAITS,
					.what = "person",
					.state = -1};
	c->req->user = w;
	c->req->on_gone = on_gone;
	return w;
}

/* Takes body; NULL with an error. */
static void reply(struct waits *w, int status, json_t *body, int err, const char *why)
{
	if (w->req) {
		w->req->on_gone = NULL;
		if (body)
			reply_json(w->req, status, json_incref(body));
		else
			reply_error(w->req, err, why);
	}
	json_decref(body);
	waits_free(w);
}

/* ---- whose they are ---- */

/* Is it asked of this person: `by` is their name, a list with it, or nobody's? */
static bool is_asked(const struct waits *w, const json_t *wait)
{
	const json_t *by = json_object_get(json_object_get(wait, "note"), "by");
	size_t i;
	json_t *v;
	if (!w->person || !by || json_is_null(by))
		return true;
	json_array_foreach ((json_t *)by, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), w->person) == 0)
			return true;
	return json_is_string(by) && strcmp(json_string_value(by), w->person) == 0;
}

static void leave_own(struct waits *w)
{
	json_t *list = json_object_get(w->query.result, "waits");
	for (size_t i = json_array_size(list); i-- > 0;)
		if (!is_asked(w, json_array_get(list, i)))
			(void)json_array_remove(list, i);
}

/* ---- the list ---- */

static void on_list(struct store_op *op)
{
	struct waits *w =
		container_of(container_of(op, struct store_query, op), struct waits, query);
	leave_own(w);
	reply(w, 200, op->err ? NULL : json_incref(w->query.result), op->err, op->msg.text);
}

void api_waits(const struct api_call *c)
{
	auto_free char *cursor = server_req_query(c->req, "cursor");
	struct waits *w = waits_new(c, on_list);
	w->query.before = cursor ? strtoull(cursor, NULL, 10) : 0;
	store_submit(c->service->store, &w->query.op);
}

/* ---- an answer ---- */

static void on_told(void *arg, int err, const char *why)
{
	struct waits *w = arg;
	char id[ID_TEXT_LEN];
	json_t *body = err ? NULL : json_pack("{s:s}", "id", id_format(w->run, id));
	reply(w, 202, body, err, why);
}

/* The path of the only question, or of the one that is named. */
static const char *question_of(const struct waits *w, const char **why)
{
	const json_t *list = json_object_get(w->query.result, "waits"), *v;
	size_t i;
	*why = "the run asks nobody";
	json_array_foreach ((json_t *)list, i, v)
		if (!w->path || strcmp(w->path, json_str(v, "path")) == 0) {
			if (w->path || json_array_size(list) == 1)
				return json_str(v, "path");
			*why = "the run asks several questions: say which by its path";
		}
	return NULL;
}

static void on_questions(struct store_op *op)
{
	struct waits *w =
		container_of(container_of(op, struct store_query, op), struct waits, query);
	size_t all = json_array_size(json_object_get(w->query.result, "waits"));
	leave_own(w);
	const char *why, *path = op->err ? NULL : question_of(w, &why);
	if (!op->err && all && !json_array_size(json_object_get(w->query.result, "waits")))
		reply(w, 0, NULL, ERR_FORBIDDEN, "somebody else is asked");
	else if (op->err)
		reply(w, 0, NULL, op->err, op->msg.text);
	else if (!path)
		reply(w, 0, NULL, ERR_CONFLICT, why);
	else
		engine_tell(w->service->engine, w->run, path, "person", w->answer, on_told, w);
}

/* {approve: true|false, by, note, path} */
void api_approve(const struct api_call *c)
{
	struct id run;
	json_auto_t *body = api_body(c);
	if (!body)
		return;
	const json_t *yes = json_object_get(body, "approve");
	if (!id_parse(c->arg, &run)) {
		reply_problem(c->req, 404, NULL, "'%s' is no id", c->arg);
		return;
	}
	if (!json_is_boolean(yes)) {
		reply_problem(c->req, 400, NULL, "approve must be true or false");
		return;
	}
	struct waits *w = waits_new(c, on_questions);
	const char *path = json_str(body, "path"),
		   *by = c->person ? c->person : json_str(body, "by"),
		   *note = json_str(body, "note");
	w->run = w->query.id = run;
	w->path = path ? mem_strdup(path) : NULL;
	w->answer =
		json_pack("{s:b, s:s?, s:s?, s:I}", "approved", json_is_true(yes), "by", by, "note",
			  note, "at", (json_int_t)(loop_wall_ms(c->service->loop) / 1000));
	store_submit(c->service->store, &w->query.op);
}
