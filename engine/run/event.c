/* An event in memory. */
#include "engine/run/event.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

struct event *event_new(struct id id, const char *type, const char *source, const char *subject,
			const char *ext_id, int64_t time, int64_t received, json_t *data,
			const char *body, size_t body_len)
{
	struct event *e = mem_alloc(sizeof(*e));
	*e = (struct event){.refs = 1, .id = id, .time = time, .received = received, .data = data};
	e->type = mem_strdup(type);
	e->source = mem_strdup(source);
	e->subject = mem_strdup(subject ? subject : "");
	e->ext_id = mem_strdup(ext_id ? ext_id : "");
	e->body = mem_strndup(body ? body : "", body ? body_len : 0);
	e->body_len = body ? body_len : 0;
	e->conversation = strncmp(source, "/conversations/", 15) == 0;
	return e;
}

struct event *event_from_store(const struct store_event *ev, struct errmsg *msg)
{
	json_t *data = NULL;
	if (ev->body_len && json_parse(ev->body, ev->body_len, false, &data, msg) != 0) {
		err_wrap(msg, "stored event");
		return NULL;
	}
	struct event *e = event_new(ev->id, ev->type, ev->source, ev->subject, ev->ext_id, ev->time,
				    ev->received, data, ev->body, ev->body_len);
	e->seq = ev->seq;
	e->extra = ev->headers && *ev->headers ? mem_strdup(ev->headers) : NULL;
	return e;
}

struct event *event_ref(struct event *e)
{
	e->refs++;
	return e;
}

void event_unref(struct event *e)
{
	if (!e || --e->refs > 0)
		return;
	json_decref(e->envelope);
	json_decref(e->data);
	free(e->type);
	free(e->source);
	free(e->subject);
	free(e->ext_id);
	free(e->extra);
	free(e->body);
	free(e);
}

json_t *event_envelope(struct event *e)
{
	if (e->envelope)
		return e->envelope;
	char id[ID_TEXT_LEN], at[TIME_TEXT_LEN];
	json_t *v = NULL;
	if (!e->extra || json_parse(e->extra, strlen(e->extra), true, &v, NULL) != 0)
		v = json_object();
	json_object_set_new(v, "id", json_string(*e->ext_id ? e->ext_id : id_format(e->id, id)));
	json_object_set_new(v, "type", json_string(e->type));
	json_object_set_new(v, "source", json_string(e->source));
	if (*e->subject)
		json_object_set_new(v, "subject", json_string(e->subject));
	json_object_set_new(v, "time", json_string(time_format(e->time, at)));
	if (e->data)
		json_object_set(v, "data", e->data);
	return e->envelope = v;
}

void event_to_store(const struct event *e, const char *ruleset, struct store_event *ret)
{
	*ret = (struct store_event){
		.id = e->id,
		.source = e->source,
		.ext_id = e->ext_id,
		.type = e->type,
		.subject = e->subject,
		.time = e->time,
		.received = e->received,
		.ruleset = ruleset,
		.headers = e->extra ? e->extra : "",
		.body = e->body,
		.body_len = e->body_len,
		.dedupe = e->dedupe,
		.dedupe_ms = e->dedupe_ms,
	};
	memcpy(ret->fp, e->fp, sizeof(ret->fp));
}

static void fingerprint(struct event *e, const char *kind, const char *what, size_t len,
			int64_t window_ms)
{
	struct buf b = BUF_INIT;
	unsigned char digest[SHA256_LEN];
	(void)buf_printf(&b, "%s %s ", kind, e->source);
	(void)buf_add(&b, what, len);
	sha256(b.data, b.len, digest);
	buf_done(&b);
	memcpy(e->fp, digest, sizeof(e->fp));
	e->dedupe = true;
	e->dedupe_ms = window_ms;
}

void event_dedupe_by_id(struct event *e, int64_t window_ms)
{
	fingerprint(e, "id", e->ext_id, strlen(e->ext_id), window_ms);
}

void event_dedupe_by_body(struct event *e, int64_t window_ms)
{
	fingerprint(e, "body", e->body, e->body_len, window_ms);
}
