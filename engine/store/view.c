/* What queries answer: runs, events and records as JSON. */
#include "engine/store/shared.h"

#include <string.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"

size_t view_limit(size_t limit)
{
	if (!limit)
		return 100;
	return limit < STORE_QUERY_ROWS ? limit : STORE_QUERY_ROWS;
}

json_t *view_id(struct id id)
{
	char text[ID_TEXT_LEN];
	return json_string(id_format(id, text));
}

json_t *view_time(int64_t ms)
{
	char text[TIME_TEXT_LEN];
	return ms ? json_string(time_format(ms, text)) : json_null();
}

json_t *view_json(const char *text, size_t len)
{
	json_t *v = NULL;
	if (!len)
		return json_null();
	if (json_parse(text, len, false, &v, NULL) == 0)
		return v;
	v = json_stringn(text, len);
	return v ? v : json_null(); /* not even UTF-8 */
}

/* The member "error" of an object that has one, else the value itself. */
static json_t *view_error(const char *text)
{
	if (!text || !*text)
		return json_null();
	json_t *v = view_json(text, strlen(text));
	json_t *inner = json_object_get(v, "error");
	if (!inner)
		return v;
	json_incref(inner);
	json_decref(v);
	return inner;
}

static json_t *text_of(const char *s)
{
	json_t *v = json_string(s ? s : "");
	return v ? v : json_null();
}

json_t *view_run(const struct view_run *r)
{
	json_t *v = json_object();
	json_object_set_new(v, "id", view_id(r->id));
	json_object_set_new(v, "seq", json_integer((json_int_t)r->seq));
	json_object_set_new(v, "rule", text_of(r->rule));
	json_object_set_new(v, "version", text_of(r->version));
	json_object_set_new(v, "state", json_string(run_state_name(r->state)));
	json_object_set_new(v, "event", view_id(r->event));
	json_object_set_new(v, "created", view_time(r->created));
	json_object_set_new(v, "ended", view_time(r->ended));
	json_object_set_new(v, "due", view_time(r->due));
	json_object_set_new(v, "error", view_error(r->error));
	return v;
}

json_t *view_event(const struct store_event *ev, json_t *runs_taken)
{
	json_t *v = json_object();
	json_object_set_new(v, "id", view_id(ev->id));
	json_object_set_new(v, "seq", json_integer((json_int_t)ev->seq));
	json_object_set_new(v, "source", text_of(ev->source));
	json_object_set_new(v, "ext_id", text_of(ev->ext_id));
	json_object_set_new(v, "type", text_of(ev->type));
	json_object_set_new(v, "subject", text_of(ev->subject));
	json_object_set_new(v, "time", view_time(ev->time));
	json_object_set_new(v, "received", view_time(ev->received));
	json_object_set_new(v, "ruleset", text_of(ev->ruleset));
	json_object_set_new(v, "headers", view_json(ev->headers, strlen(ev->headers)));
	json_object_set_new(v, "data", view_json(ev->body, ev->body_len));
	json_object_set_new(v, "runs", runs_taken);
	return v;
}

json_t *view_rec(const struct store_rec *rec)
{
	json_t *v = json_object();
	char type[2] = {(char)rec->type, 0};
	json_object_set_new(v, "n", json_integer(rec->n));
	json_object_set_new(v, "type", json_string(type));
	json_object_set_new(v, "path", text_of(rec->path));
	json_object_set_new(v, "at", view_time(rec->at));
	json_object_set_new(v, "body", view_json(rec->body, rec->len));
	return v;
}

json_t *view_decision(const char *rule, enum store_fate f, struct id run)
{
	json_t *v = json_object();
	json_object_set_new(v, "rule", text_of(rule));
	json_object_set_new(v, "fate", json_string(store_fate_name(f)));
	json_object_set_new(v, "run", id_is_zero(run) ? json_null() : view_id(run));
	return v;
}

json_t *view_wait(struct id run, const char *rule, const char *path, const char *what,
		  const char *note)
{
	json_t *v = json_object();
	json_object_set_new(v, "run", view_id(run));
	json_object_set_new(v, "rule", text_of(rule));
	json_object_set_new(v, "path", text_of(path));
	json_object_set_new(v, "what", text_of(what));
	json_object_set_new(v, "note", note ? view_json(note, strlen(note)) : json_null());
	return v;
}

json_t *view_memory(const char *key, const char *value, int64_t expires)
{
	json_t *v = json_object();
	json_object_set_new(v, "key", text_of(key));
	json_object_set_new(v, "value", view_json(value, strlen(value)));
	json_object_set_new(v, "expires", view_time(expires));
	return v;
}

json_t *view_page(const char *name, json_t *rows_taken, uint64_t next)
{
	json_t *v = json_object();
	json_object_set_new(v, name, rows_taken);
	json_object_set_new(v, "next", next ? json_integer((json_int_t)next) : json_null());
	return v;
}

json_t *view_counts(uint64_t events, const json_int_t *count, json_int_t live, int64_t wal_bytes)
{
	json_t *runs = json_object(), *v = json_object();
	for (int i = 0; i < RUN_STATES; i++)
		json_object_set_new(runs, run_state_name((enum run_state)i),
				    json_integer(count[i]));
	json_object_set_new(v, "events", json_integer((json_int_t)events));
	json_object_set_new(v, "runs", runs);
	json_object_set_new(v, "live", json_integer(live));
	json_object_set_new(v, "wal_bytes", json_integer(wal_bytes));
	return v;
}
