/* Cuts tapes from runs. */
#include "engine/trial/tape.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/run/step.h"
#include "engine/trial/mask.h"

#define HASH_SHOWN 12

/* ---- actions ---- */

static const struct action *find_action(const struct catalogue *cat,
					const struct connections *conns, const char *full)
{
	const char *dot = strchr(full, '.');
	auto_free char *name = dot ? mem_strndup(full, (size_t)(dot - full)) : NULL;
	const struct connection *conn = name ? connections_find(conns, name) : NULL;
	return conn && conn->connector ? catalogue_find(cat, conn->connector, dot + 1) : NULL;
}

static json_t *hash_of(const struct action *a)
{
	char hex[HASH_HEX_LEN];
	char *text = json_dumps(a->def, JSON_COMPACT | JSON_SORT_KEYS);
	(void)sha256_hex(text, strlen(text), hex);
	free(text);
	return json_stringn(hex, HASH_SHOWN);
}

int tape_fits(const json_t *tape, const struct catalogue *cat, const struct connections *conns,
	      struct errmsg *msg)
{
	const char *name;
	json_t *hash;
	json_object_foreach (json_object_get(tape, "fits"), name, hash) {
		const struct action *a = find_action(cat, conns, name);
		json_auto_t *now = a ? hash_of(a) : NULL;
		if (!a)
			return err_set(
				msg, ERR_CONFLICT,
				"the tape has answers of %s, which is not there any more: cut it anew",
				name);
		if (!json_equal(now, hash))
			return err_set(msg, ERR_CONFLICT,
				       "%s is not what it was when the tape was cut: cut it anew",
				       name);
	}
	return 0;
}

/* ---- cutting ---- */

struct cut {
	const json_t *run;
	const struct catalogue *cat;
	const struct connections *conns;
	json_t *fits, *answers, *then;
	int64_t last; /* wall ms of what came last */
};

static int64_t ms_of(const json_t *v, const char *key)
{
	int64_t ms = 0;
	const char *text = json_str(v, key);
	if (text)
		(void)time_parse(text, &ms, NULL);
	return ms;
}

static void answer_at(struct cut *c, const char *name, json_t *answer_taken)
{
	json_t *list = json_object_get(c->answers, name);
	if (!list)
		json_object_set_new(c->answers, name, list = json_array());
	json_array_append_new(list, answer_taken);
}

/* The error of an attempt as `answers:` has it. */
static json_t *error_answer(const json_t *error)
{
	const char *name = json_str(error, "name");
	return json_pack("{s:s, s:O?}", "error", name ? name : "server", "message",
			 json_object_get(error, "message"));
}

/* ---- what came from outside while it went on ---- */

/* {after: how long since what came before it} */
static json_t *later(struct cut *c, int64_t at)
{
	char span[TIME_TEXT_LEN];
	int64_t ms = at > c->last ? at - c->last : 0;
	c->last = at > c->last ? at : c->last;
	return json_pack("{s:s}", "after", duration_format(ms, span));
}

/* Its trigger word and data. NULL when a test cannot have it come. */
static json_t *cue_of(const json_t *e)
{
	static const char *const keys[] = {"headers", "query", "path", "change", NULL};
	const char *type = json_str(e, "type"), *source = json_str(e, "source");
	json_t *v = json_object();
	if (!type || !source) {
		json_decref(v);
		return NULL;
	}
	const char *colon = strchr(type, ':');
	if (strncmp(source, "/conversations/", 15) == 0)
		json_object_set_new(v, "conversation", json_string(type));
	else if (strncmp(type, "webhook:", 8) == 0 || strncmp(type, "poll:", 5) == 0)
		json_object_set_new(v, *type == 'w' ? "webhook" : "poll", json_string(colon + 1));
	else if (strncmp(type, "run.", 4) == 0)
		json_object_set_new(v, "run", json_string(type + 4));
	else if (strcmp(type, "schedule") == 0)
		json_object_set_new(v, "schedule", json_true());
	else if (strcmp(type, "start") != 0 && strcmp(type, "run") != 0)
		json_object_set_new(v, "event", json_string(type));
	if (json_object_get(v, "event"))
		json_object_set_new(v, "source", json_string(source));
	if (json_object_get(v, "event") && json_str(e, "subject"))
		json_object_set(v, "subject", json_object_get(e, "subject"));
	for (size_t i = 0; keys[i]; i++)
		if (json_object_get(e, keys[i]) && !json_is_null(json_object_get(e, keys[i])))
			json_object_set(v, keys[i], json_object_get(e, keys[i]));
	if (json_object_get(e, "data"))
		json_object_set(v, "data", json_object_get(e, "data"));
	return v;
}

/* The event that ended a wait is the result of its step. */
static void came_event(struct cut *c, const json_t *event, int64_t at)
{
	json_auto_t *cue = cue_of(event);
	json_t *v = later(c, at);
	json_object_update(v, cue);
	json_array_append_new(c->then, v);
}

static void came_answer(struct cut *c, const json_t *taken, int64_t at)
{
	json_t *v = later(c, at);
	json_object_set_new(v, "approve", json_boolean(json_bool(taken, "approved", false)));
	if (json_str(taken, "answer_by") && *json_str(taken, "answer_by"))
		json_object_set(v, "by", json_object_get(taken, "answer_by"));
	if (json_str(taken, "note"))
		json_object_set(v, "note", json_object_get(taken, "note"));
	json_array_append_new(c->then, v);
}

/* ---- calls ---- */

static const json_t *step_of(const json_t *run, const char *path)
{
	json_t *step;
	size_t i;
	json_array_foreach (json_object_get(run, "steps"), i, step)
		if (strcmp(json_str(step, "path"), path) == 0)
			return step;
	return NULL;
}

static const struct action *call_at(const struct cut *c, const char *path, const char **ret_full)
{
	const json_t *step = step_of(c->run, path);
	const char *kind = json_str(step, "kind"), *what = json_str(step, "what");
	*ret_full = what;
	return kind && what && strcmp(kind, "call") == 0 ? find_action(c->cat, c->conns, what)
							 : NULL;
}

static bool is_http(const struct cut *c, const char *path)
{
	const char *kind = json_str(step_of(c->run, path), "kind");
	return kind && strcmp(kind, "http") == 0;
}

static void pin(struct cut *c, const char *full, const struct action *a)
{
	if (!json_object_get(c->fits, full))
		json_object_set_new(c->fits, full, hash_of(a));
}

static void take_call(struct cut *c, const char *path, const char *full, const struct action *a,
		      const json_t *body)
{
	const json_t *error = json_object_get(body, "error"),
		     *out = json_object_get(body, "output");
	if (a)
		pin(c, full, a);
	if (error)
		answer_at(c, path, error_answer(error));
	else
		answer_at(c, path, out ? json_incref((json_t *)out) : json_null());
}

static void set_path(json_t *v, const char *path, const json_t *value)
{
	size_t len = strcspn(path, ".");
	auto_free char *key = mem_strndup(path, len);
	if (!path[len]) {
		json_object_set(v, key, (json_t *)value);
		return;
	}
	if (!json_is_object(json_object_get(v, key)))
		json_object_set_new(v, key, json_object());
	set_path(json_object_get(v, key), path + len + 1, value);
}

/* The call whose answer has this activity's id. */
static const struct action *who_began(const struct cut *c, const char *id, const char **ret_conn)
{
	json_t *step;
	size_t i;
	json_array_foreach (json_object_get(c->run, "steps"), i, step) {
		const char *full;
		const struct action *a = call_at(c, json_str(step, "path"), &full);
		const json_t *own = a && a->is_job && a->job
					    ? json_path(json_object_get(step, "output"), a->job->id)
					    : NULL;
		if (!own || !json_is_string(own) || strcmp(json_string_value(own), id) != 0)
			continue;
		*ret_conn = full;
		return a;
	}
	return NULL;
}

/* What its status said in the end; of one that took too long, that it goes on. */
static void take_job(struct cut *c, const char *id, const json_t *out)
{
	const char *full;
	const struct action *a = who_began(c, id, &full);
	if (!a || !a->job->action)
		return;
	const struct action_job *j = a->job;
	auto_free char *name = mem_printf("%.*s.%s", (int)strcspn(full, "."), full, j->action);
	json_t *v = json_object();
	json_auto_t *text = json_string(id);
	set_path(v, j->id, text);
	if (!json_str(out, "state") && j->state)
		set_path(v, j->state, json_array_get(j->running, 0));
	else if (j->state)
		set_path(v, j->state, json_object_get(out, "state"));
	if (j->percent && json_object_get(out, "percent_done"))
		set_path(v, j->percent, json_object_get(out, "percent_done"));
	if (j->status && json_object_get(out, "status"))
		set_path(v, j->status, json_object_get(out, "status"));
	if (j->result && json_str(out, "result_id"))
		set_path(v, j->result, json_object_get(out, "result_id"));
	/* looked at as often as it takes: one answer for all */
	json_object_set_new(c->answers, name, v);
	const struct action *reader = find_action(c->cat, c->conns, name);
	if (reader)
		pin(c, name, reader);
}

/* ---- records ---- */

static const json_t *last_record(const json_t *run, const char *path, enum rec_type type)
{
	json_t *rec;
	size_t i;
	const json_t *found = NULL;
	json_array_foreach (json_object_get(run, "records"), i, rec)
		if (*json_str(rec, "type") == (char)type &&
		    strcmp(json_str(rec, "path"), path) == 0)
			found = rec;
	return found;
}

static void take_end(struct cut *c, const char *path, const json_t *body, int64_t at)
{
	const json_t *out = json_object_get(body, "output");
	const json_t *taken = json_object_get(last_record(c->run, path, REC_TAKEN), "body");
	const json_t *wait = json_object_get(last_record(c->run, path, REC_WAIT), "body");
	const char *full, *by = json_str(taken, "by"), *kind = json_str(wait, "kind");
	const struct action *a = call_at(c, path, &full);
	if (a || is_http(c, path))
		take_call(c, path, full, a, body);
	else if (by && strcmp(by, "event") == 0)
		came_event(c, out, at);
	else if (by && strcmp(by, "person") == 0)
		came_answer(c, taken, at);
	else if (kind && strcmp(kind, "activity") == 0 && json_str(wait, "id"))
		take_job(c, json_str(wait, "id"), out);
}

/* Refused and not sent again at once: the error is an answer. One whose answer was lost is none. */
static void take_attempt(struct cut *c, const char *path, const json_t *body)
{
	const char *full;
	const json_t *error = json_object_get(body, "error");
	if ((call_at(c, path, &full) || is_http(c, path)) && error &&
	    json_bool(body, "sent", true) && !json_bool(body, "doubt", false))
		answer_at(c, path, error_answer(error));
}

static void take_records(struct cut *c)
{
	json_t *rec;
	size_t i;
	json_array_foreach (json_object_get(c->run, "records"), i, rec) {
		const char *path = json_str(rec, "path");
		const json_t *body = json_object_get(rec, "body");
		if (*json_str(rec, "type") == REC_STEP)
			take_end(c, path, body, ms_of(rec, "at"));
		else if (*json_str(rec, "type") == REC_ATTEMPT)
			take_attempt(c, path, body);
	}
}

/* ---- what is expected ---- */

/* How it ended, and its calls by what they sent. */
static json_t *expect_of(const struct cut *c)
{
	json_t *v = json_pack("{s:O}", "state", json_object_get(c->run, "state")), *step;
	json_t *calls = json_array();
	size_t i;
	const json_t *name = json_object_get(json_object_get(c->run, "error"), "name");
	json_array_foreach (json_object_get(c->run, "steps"), i, step) {
		const char *full;
		json_t *input = json_object_get(step, "input");
		if (is_http(c, json_str(step, "path")))
			full = "http";
		else if (!call_at(c, json_str(step, "path"), &full))
			continue;
		json_array_append_new(calls, json_is_object(input) ? json_pack("{s:O}", full, input)
								   : json_string(full));
	}
	if (name)
		json_object_set(v, "error", (json_t *)name);
	json_object_set_new(v, "calls", calls);
	return v;
}

static void cut_init(struct cut *c, const json_t *run, const struct catalogue *cat,
		     const struct connections *conns)
{
	*c = (struct cut){run, cat, conns, json_object(), json_object(), json_array(), 0};
	c->last = ms_of(json_object_get(run, "trigger"), "received");
	take_records(c);
}

static void cut_done(struct cut *c)
{
	json_decref(c->fits);
	json_decref(c->answers);
	json_decref(c->then);
}

json_t *tape_inside(const json_t *run, const struct catalogue *cat, const struct connections *conns)
{
	struct cut c;
	cut_init(&c, run, cat, conns);
	json_t *v =
		json_pack("{s:O, s:O, s:O}", "fits", c.fits, "answers", c.answers, "then", c.then);
	cut_done(&c);
	return v;
}

json_t *tape_cue(const json_t *event)
{
	return cue_of(event);
}

int tape_cut(const json_t *run, const struct catalogue *cat, const struct connections *conns,
	     json_t **ret, struct errmsg *msg)
{
	const json_t *event = json_object_get(run, "trigger");
	struct cut c;
	if (!json_str(run, "ended"))
		return err_set(msg, ERR_INVALID, "the run has not ended: a tape is of a whole run");
	json_auto_t *given = cue_of(event);
	if (!given)
		return err_set(msg, ERR_INVALID, "the run's event is not there any more");
	cut_init(&c, run, cat, conns);
	json_object_set(given, "now", json_object_get(event, "received"));
	*ret = json_pack("{s:s, s:O, s:O, s:O, s:O, s:O, s:o}", "tape", "pawl/1", "rule",
			 json_object_get(run, "rule"), "fits", c.fits, "given", given, "answers",
			 c.answers, "then", c.then, "expect", expect_of(&c));
	mask_personal(*ret);
	cut_done(&c);
	return 0;
}
