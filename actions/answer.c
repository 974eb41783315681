/* What an answer means for the action that was called: its result, or which error. */
#include "actions/answer.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

#define RETRY_AFTER_CAP_MS (24 * 3600 * 1000LL)
#define TEXT_SHOWN_MAX 200 /* of an error's body that is no JSON */

static const char *const job_words[] = {
	[JOB_RUNNING] = "running", [JOB_COMPLETED] = "completed", [JOB_PARTIAL] = "partial",
	[JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled", [JOB_TIMED_OUT] = "timed_out",
};

const char *job_outcome_word(enum job_outcome o)
{
	return o <= JOB_TIMED_OUT ? job_words[o] : "?";
}

void answer_done(struct answer *r)
{
	json_decref(r->result);
	*r = (struct answer){0};
}

int answer_status_error(int status)
{
	static const struct {
		int status, err;
	} known[] = {
		{401, ERR_AUTH},      {402, ERR_FORBIDDEN}, {403, ERR_FORBIDDEN},
		{404, ERR_NOT_FOUND}, {407, ERR_AUTH},      {408, ERR_TIMEOUT},
		{409, ERR_CONFLICT},  {410, ERR_NOT_FOUND}, {412, ERR_CONFLICT},
		{423, ERR_CONFLICT},  {425, ERR_SERVER},    {429, ERR_THROTTLED},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].status == status)
			return known[i].err;
	if (status >= 500)
		return ERR_SERVER;
	return status >= 400 ? ERR_INVALID : ERR_FAILED;
}

/* {text}, or {base64} when the bytes are no UTF-8. */
static json_t *text_result(const char *body, size_t len)
{
	json_t *v = json_object(), *text = json_stringn(body, len);
	if (text)
		json_object_set_new(v, "text", text);
	else {
		auto_free char *code = base64_encode(body, len, false);
		json_object_set_new(v, "base64", json_string(code));
	}
	return v;
}

/* The body as a value; what is no JSON becomes {text}, and so does what was asked for as text. */
static json_t *read_body(const struct action *a, int status, const char *body, size_t len)
{
	json_t *v = NULL;
	struct errmsg why;
	bool as_text = a->accept && strncmp(a->accept, "text/", 5) == 0 && status < 300;
	size_t blank = 0;
	while (body && blank < len && strchr(" \t\r\n", body[blank]) && body[blank])
		blank++;
	if (!body || (blank == len && !as_text))
		return json_object();
	if (!as_text && json_parse(body, len, false, &v, &why) == 0 &&
	    (json_is_object(v) || json_is_array(v)))
		return v;
	json_decref(v);
	return text_result(body, len);
}

/* Errors come as a list, as an object, as text, or not at all: the first thing that has a key. */
static const char *error_part(const struct action *a, const json_t *body, const char *part)
{
	const json_t *paths = json_object_get(a->connector_errors, part), *path;
	const json_t *from = json_is_array(body) ? json_array_get(body, 0) : body;
	size_t i;
	json_array_foreach ((json_t *)paths, i, path) {
		const json_t *v = json_path(from, json_string_value(path));
		if (json_is_string(v) && json_string_length(v))
			return json_string_value(v);
	}
	return NULL;
}

/*
 * The entry of the first table that knows the key or the status; the action's own comes first.
 * "429 keyed" is for answers of that status with a key that no table has.
 */
static const json_t *find_entry(const struct action *a, const char *key, int status)
{
	char plain[16], keyed[24];
	snprintf(plain, sizeof(plain), "%d", status);
	snprintf(keyed, sizeof(keyed), "%d keyed", status);
	const struct {
		const json_t *table;
		const char *name;
	} places[] = {
		{a->errors, key},
		{a->errors, plain},
		{json_object_get(a->connector_errors, "by_key"), key},
		{a->errors, key ? keyed : NULL},
		{json_object_get(a->connector_errors, "by_status"), key ? keyed : NULL},
		{json_object_get(a->connector_errors, "by_status"), plain},
	};
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *name = places[i].name;
		const json_t *entry = name ? json_object_get(places[i].table, name) : NULL;
		if (entry)
			return entry;
	}
	return NULL;
}

static void name_rights(const struct action *a, struct answer *out)
{
	if (!a->scope && !a->privilege)
		return;
	size_t len = strlen(out->msg.text);
	snprintf(out->msg.text + len, sizeof(out->msg.text) - len, "%s%s%s%s%s", " — it needs ",
		 a->scope ? "the scope " : "", a->scope ? a->scope : "",
		 a->privilege ? (a->scope ? " and the privilege " : "the privilege ") : "",
		 a->privilege ? a->privilege : "");
}

static void set_message(const struct action *a, struct answer *out)
{
	const char *said = error_part(a, out->result, "message");
	const char *text = json_str(out->result, "text");
	if (said)
		(void)err_set(&out->msg, out->err, "%d %s: %.300s", out->status, err_text(out->err),
			      said);
	else if (text)
		(void)err_set(&out->msg, out->err, "%d %s: %.*s", out->status, err_text(out->err),
			      TEXT_SHOWN_MAX, text);
	else
		(void)err_set(&out->msg, out->err, "%d %s", out->status, err_text(out->err));
	if (out->err == ERR_FORBIDDEN)
		name_rights(a, out);
}

static void classify_error(const struct action *a, const json_t *headers, int64_t now_ms,
			   bool repeated, struct answer *out)
{
	const char *key = error_part(a, out->result, "key");
	const char *after = json_str(headers, "retry-after");
	const json_t *entry = find_entry(a, key, out->status);
	const char *name = json_str(entry, "error");
	out->outcome = ANSWER_ERROR;
	out->err = name ? err_by_name(name) : answer_status_error(out->status);
	snprintf(out->key, sizeof(out->key), "%s", key ? key : "");
	out->wait_ms = json_int(entry, "wait_ms", 0);
	int64_t asked = after ? retry_after_ms(after, now_ms, RETRY_AFTER_CAP_MS) : -1;
	if (asked > out->wait_ms)
		out->wait_ms = asked;
	out->until_day_end = out->err == ERR_QUOTA;
	out->gone = out->err == ERR_NOT_FOUND && a->gone_ok && repeated;
	set_message(a, out);
	if (out->gone) {
		out->outcome = ANSWER_OK;
		out->err = 0;
		json_decref(out->result);
		out->result = json_object();
	}
}

/* Several results at once, some of which failed: RFC 4918's 207, also where nothing declares it. */
static enum answer_outcome success_outcome(int status)
{
	return status == 207 ? ANSWER_PARTIAL : ANSWER_OK;
}

static void find_job(const struct action *a, struct answer *out)
{
	const json_t *id = a->is_job && a->job ? json_path(out->result, a->job->id) : NULL;
	if (json_is_string(id))
		snprintf(out->job, sizeof(out->job), "%s", json_string_value(id));
}

/* Repeat the same request until the answer is ready. */
static bool is_again(const struct action *a, int status, int64_t *ret_ms)
{
	char name[16];
	snprintf(name, sizeof(name), "%d", status);
	*ret_ms = json_int(a->again, name, -1);
	return *ret_ms >= 0;
}

void answer_classify(const struct action *a, int status, const json_t *headers, const char *body,
		     size_t len, bool repeated, int64_t now_ms, struct answer *out)
{
	int64_t wait_ms;
	*out = (struct answer){.status = status, .result = read_body(a, status, body, len)};
	if (status < 200 || status > 299)
		classify_error(a, headers, now_ms, repeated, out);
	else if (is_again(a, status, &wait_ms)) {
		out->outcome = ANSWER_AGAIN;
		out->err = ERR_BUSY;
		out->wait_ms = wait_ms;
		(void)err_set(&out->msg, ERR_BUSY, "%d: the answer is not ready yet", status);
	} else {
		out->outcome = success_outcome(status);
		find_job(a, out);
	}
}

/* Jobs. */

static enum job_outcome end_outcome(const char *word)
{
	for (int o = JOB_COMPLETED; o <= JOB_TIMED_OUT; o++)
		if (strcmp(job_words[o], word) == 0)
			return (enum job_outcome)o;
	return JOB_FAILED;
}

static const json_t *job_part(const json_t *status, const char *path)
{
	return path ? json_path(status, path) : NULL;
}

static bool has_spoils(const struct action_job *j, const json_t *status)
{
	const json_t *errors = job_part(status, j->errors), *path;
	size_t i;
	if (json_array_size(errors) || (json_is_string(errors) && json_string_length(errors)))
		return true;
	json_array_foreach ((json_t *)j->partial, i, path)
		if (json_number_value(json_path(status, json_string_value(path))) > 0)
			return true;
	return false;
}

enum job_outcome job_classify(const struct action_job *j, const json_t *status)
{
	const json_t *state = job_part(status, j->state);
	const char *word = json_is_string(state) ? json_string_value(state) : "";
	const char *end = json_str(j->ends, word);
	if (!end)
		return JOB_RUNNING;
	enum job_outcome outcome = end_outcome(end);
	return outcome == JOB_COMPLETED && has_spoils(j, status) ? JOB_PARTIAL : outcome;
}

/* Errors are texts, or objects with a message; users see texts. */
static json_t *error_texts(const json_t *errors)
{
	json_t *list = json_array(), *e;
	size_t i;
	if (json_is_string(errors))
		json_array_append(list, (json_t *)errors);
	json_array_foreach ((json_t *)errors, i, e) {
		json_t *text = json_object_get(e, "message");
		json_array_append(list, text ? text : e);
	}
	return list;
}

/* The last segment of a link, without its query; a value that is no link is the id itself. */
static json_t *result_id(const json_t *link)
{
	const char *text = json_string_value(link);
	if (!text || !*text)
		return json_null();
	size_t len = strcspn(text, "?#");
	while (len && text[len - 1] == '/')
		len--;
	size_t from = len;
	while (from && text[from - 1] != '/')
		from--;
	return json_stringn(text + from, len - from);
}

static void set_part(json_t *out, const char *key, const json_t *v)
{
	if (v)
		json_object_set(out, key, (json_t *)v);
	else
		json_object_set_new(out, key, json_null());
}

json_t *job_result(const struct action_job *j, const json_t *status)
{
	json_t *out = json_object();
	const json_t *counts = job_part(status, j->status);
	json_object_set_new(out, "outcome", json_string(job_outcome_word(job_classify(j, status))));
	set_part(out, "state", job_part(status, j->state));
	set_part(out, "percent_done", job_part(status, j->percent));
	json_object_set_new(out, "errors", error_texts(job_part(status, j->errors)));
	if (json_is_object(counts))
		json_object_set(out, "status", (json_t *)counts);
	else
		json_object_set_new(out, "status", json_object());
	json_object_set_new(out, "result_id", result_id(job_part(status, j->result)));
	return out;
}
