/*
 * `reply`: answers the conversation that started the run.
 *
 * Where pawl.yaml names a `reply:` address for the platform, the answer is POSTed there, at most once
 * unless the address takes an idempotency key. Without one it becomes an event `message.sent` of the
 * same conversation, which the sender can read back.
 */
#include <stdlib.h>
#include <string.h>

#include "actions/services.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/io/http.h"
#include "engine/run/step.h"

#define REPLY_HEADERS 16
#define REPLY_ATTEMPTS 6

/* What a message can have, beside being a mere text. */
enum { PART_TEXT, PART_CHOICES, PART_SLOTS, PART_VALUE, PARTS };
static const char *const part_names[] = {"text", "choices", "slots", "value", NULL};

struct reply_args {
	struct tmpl *message; /* the whole of it, or NULL */
	struct tmpl *parts[PARTS];
};

enum reply_at { REPLY_INTENT, REPLY_SEND, REPLY_PARKED };

struct reply_state {
	enum reply_at at;
	struct http_req req;
	struct http_header headers[REPLY_HEADERS];
	json_t *target, *message; /* owned */
	char *body;
	struct act *act;
};

/* ---- the message ---- */

static json_t *eval_parts(struct act *a, const struct reply_args *args)
{
	json_t *message = json_object(), *v;
	for (size_t i = 0; i < PARTS; i++) {
		if (!args->parts[i])
			continue;
		if (!act_eval(a, args->parts[i], &v)) {
			json_decref(message);
			return NULL;
		}
		if (v)
			json_object_set_new(message, part_names[i], v);
	}
	return message;
}

/* A text, or a map with text, choices, slots, value. */
static json_t *eval_message(struct act *a)
{
	const struct reply_args *args = act_args(a);
	json_t *v;
	if (!args->message)
		return eval_parts(a, args);
	if (!act_eval(a, args->message, &v))
		return NULL;
	if (json_is_object(v))
		return v;
	if (json_is_string(v)) {
		json_t *m = json_pack("{s:o}", "text", v);
		return m;
	}
	(void)step_fail(a, ERR_INVALID, "reply needs a text or a map, not %s",
			v ? json_type_word(v) : "nil");
	json_decref(v);
	return NULL;
}

/* The platform's own event of what we said: the native form of the conversation. */
static json_t *sent_event(struct act *a, json_t *message)
{
	char id[ID_TEXT_LEN];
	json_t *event = act_event(a), *data = json_object_get(event, "data");
	json_t *m = json_clone(message);
	id_format(act_effect_id(a), id);
	json_object_set_new(m, "id", json_string(id));
	json_t *sent = json_pack(
		"{s:O*, s:O*, s:O*, s:{s:s}, s:o}", "platform", json_object_get(data, "platform"),
		"account", json_object_get(data, "account"), "conversation",
		json_object_get(data, "conversation"), "participant", "role", "bot", "message", m);
	return json_pack("{s:s, s:O*, s:O*, s:s, s:o}", "type", "message.sent", "subject",
			 json_object_get(event, "subject"), "source",
			 json_object_get(event, "source"), "id", id, "data", sent);
}

static const char *platform_of(struct act *a)
{
	json_t *event = act_event(a);
	const char *source = json_str(event, "source");
	if (!source || strncmp(source, "/conversations/", 15) != 0)
		return NULL;
	const char *platform = json_str(json_object_get(event, "data"), "platform");
	return platform ? platform : "native";
}

/* ---- sending ---- */

static void on_answer(struct http_req *r)
{
	step_wake(container_of(r, struct reply_state, req)->act);
}

static size_t fill_headers(struct act *a, struct reply_state *st)
{
	size_t n = 0;
	const char *name, *key = json_str(st->target, "key_header");
	json_t *v;
	st->headers[n++] = (struct http_header){"Content-Type", "application/json"};
	if (key) {
		char id[ID_TEXT_LEN];
		id_format(act_effect_id(a), id);
		st->headers[n++] = (struct http_header){key, arena_strdup(act_arena(a), id)};
	}
	json_object_foreach (json_object_get(st->target, "headers"), name, v)
		if (n < REPLY_HEADERS && json_is_string(v))
			st->headers[n++] = (struct http_header){name, json_string_value(v)};
	return n;
}

static enum verdict send_now(struct act *a, struct reply_state *st)
{
	const struct services *s = act_services(a);
	json_t *event = sent_event(a, st->message);
	free(st->body);
	st->body = json_text(event);
	json_decref(event);
	st->act = a;
	st->at = REPLY_SEND;
	http_req_done(&st->req);
	st->req = (struct http_req){
		.method = "POST",
		.url = json_str(st->target, "url"),
		.headers = st->headers,
		.n_headers = fill_headers(a, st),
		.body = st->body,
		.body_len = strlen(st->body),
		.has_body = true,
		.cb = on_answer,
	};
	http_start(s->http, &st->req);
	return STEP_WAIT;
}

static bool may_repeat(const struct reply_state *st)
{
	return json_str(st->target, "key_header") != NULL;
}

static enum verdict attempt(struct act *a, struct reply_state *st)
{
	step_mark(a); /* what is said from now on may be the answer */
	step_record(a, REC_INTENT,
		    json_pack("{s:s, s:O}", "class", may_repeat(st) ? "keyed" : "once", "message",
			      st->message));
	st->at = REPLY_INTENT;
	return step_barrier(a);
}

static enum verdict again_later(struct act *a, struct reply_state *st, int err)
{
	unsigned n = step_rec_count(a, REC_INTENT);
	if (n >= REPLY_ATTEMPTS || (err && err_class(err) == ERR_PERMANENT))
		return step_fail(a, err ? err : ERR_SERVER, "the reply was not taken: status %d %s",
				 st->req.status, st->req.msg.text);
	int64_t due = act_now(a) + 1000 * (1LL << n) + (int64_t)rng_below(act_rng(a), 1000);
	step_record(a, REC_ATTEMPT,
		    json_pack("{s:I, s:i}", "due", (json_int_t)due, "status", st->req.status));
	st->at = REPLY_PARKED;
	return step_park(a, RUN_RETRYING, due);
}

static enum verdict in_doubt(struct act *a)
{
	return step_in_doubt(a, "the reply was sent and its answer was lost");
}

static enum verdict on_answered(struct act *a, struct reply_state *st)
{
	int status = st->req.status;
	if (st->req.err && st->req.reach == HTTP_NOT_SENT)
		return again_later(a, st, ERR_NETWORK);
	if (st->req.err)
		return may_repeat(st) ? again_later(a, st, ERR_NETWORK) : in_doubt(a);
	if (status >= 200 && status < 300) {
		step_meta(a, "status", json_integer(status));
		return step_done(a, json_incref(st->message));
	}
	if (status == 429 || status == 503)
		return again_later(a, st, ERR_SERVER);
	if (status >= 500)
		return may_repeat(st) ? again_later(a, st, ERR_SERVER) : in_doubt(a);
	return step_fail(a, ERR_REJECTED, "the reply was refused with status %d", status);
}

/* ---- the kind ---- */

static enum verdict go_on(struct act *a, struct reply_state *st)
{
	int64_t due = json_int(step_rec(a, REC_ATTEMPT), "due", 0);
	bool open = step_rec_count(a, REC_INTENT) > step_rec_count(a, REC_ATTEMPT);
	if (open && !may_repeat(st) && !act_again(a))
		return in_doubt(a);
	if (!open && due > act_now(a)) {
		st->at = REPLY_PARKED;
		return step_park(a, RUN_RETRYING, due);
	}
	if (open)
		step_record(a, REC_ATTEMPT, json_pack("{s:i}", "due", 0));
	if (act_is_stopped(a))
		return step_fail(a, ERR_CANCELLED, "the run was cancelled");
	return attempt(a, st);
}

static enum verdict reply_start(struct act *a)
{
	struct reply_state *st = act_state(a);
	const struct services *s = act_services(a);
	const char *platform = platform_of(a);
	json_t *rec = step_rec(a, REC_INTENT);
	if (!platform)
		return step_fail(a, ERR_INVALID,
				 "reply works only in a run that a conversation started");
	st->message = rec ? json_incref(json_object_get(rec, "message")) : eval_message(a);
	if (!st->message)
		return STEP_FAIL;
	st->target = s->reply_target ? s->reply_target(s->arg, platform) : NULL;
	if (!st->target) {
		step_mark(a);
		step_emit(a, sent_event(a, st->message));
		return step_done(a, json_incref(st->message));
	}
	return go_on(a, st);
}

static enum verdict reply_resume(struct act *a)
{
	struct reply_state *st = act_state(a);
	switch (st->at) {
	case REPLY_INTENT:
		return send_now(a, st);
	case REPLY_SEND:
		return on_answered(a, st);
	case REPLY_PARKED:
	default:
		return go_on(a, st);
	}
}

static bool reply_cancel(struct act *a)
{
	(void)a;
	return true; /* what was sent is awaited */
}

static void reply_drop(struct act *a)
{
	struct reply_state *st = act_state(a);
	http_req_done(&st->req);
	json_decref(st->target);
	json_decref(st->message);
	free(st->body);
	*st = (struct reply_state){0};
}

/* ---- checks ---- */

static bool is_plain(const struct tmpl *t)
{
	return t && t->kind == TMPL_LITERAL;
}

static void check_choice(struct plan_check *c, const struct tmpl *t, const json_t *choice)
{
	static const char *const names[] = {"id", "title"};
	const char *key;
	json_t *v;
	if (!json_is_object(choice)) {
		c->error(c, t->line, t->col, "a choice is {id: a, title: The first}");
		return;
	}
	json_object_foreach ((json_t *)choice, key, v) {
		const char *near = suggest(key, names, 2);
		if (near && strcmp(near, key) != 0)
			c->error(c, t->line, t->col, "a choice has no '%s'; did you mean '%s'?",
				 key, near);
	}
}

static void check_choices(struct plan_check *c, const struct tmpl *t)
{
	const json_t *choice;
	size_t i;
	if (!t || t->kind == TMPL_EXPR || t->kind == TMPL_LIST)
		return;
	if (t->kind != TMPL_LITERAL || !json_is_array(t->literal))
		c->error(c, t->line, t->col,
			 "choices: is a list such as [{id: a, title: The first}]");
	else
		json_array_foreach (t->literal, i, choice)
			check_choice(c, t, choice);
}

static void reply_check(struct plan_check *c, struct step *s)
{
	const struct reply_args *args = s->args;
	const struct tmpl *text = args->parts[PART_TEXT], *whole = args->message;
	bool any = whole;
	for (size_t i = 0; i < PARTS; i++)
		any = any || args->parts[i];
	if (!any)
		c->error(c, s->line, s->col, "reply needs a text, or text: inside it");
	if (whole &&
	    (whole->kind == TMPL_LIST || (is_plain(whole) && !json_is_string(whole->literal))))
		c->error(c, whole->line, whole->col,
			 "reply takes a text, or a map such as {text: Hello}");
	if (text && (text->kind == TMPL_LIST || text->kind == TMPL_MAP ||
		     (is_plain(text) && !json_is_string(text->literal))))
		c->error(c, text->line, text->col, "text: is a text; put quotes around it");
	check_choices(c, args->parts[PART_CHOICES]);
}

static const struct param reply_params[] = {
	{"reply", P_TMPL, IN_WORD, true, offsetof(struct reply_args, message),
	 "a text, or {text, choices, slots, value}"},
	{"text", P_TMPL, IN_MAP, false, offsetof(struct reply_args, parts[PART_TEXT]),
	 "what is said"},
	{"choices", P_TMPL, IN_MAP, false, offsetof(struct reply_args, parts[PART_CHOICES]),
	 "a list of {id, title} to choose from"},
	{"slots", P_TMPL, IN_MAP, false, offsetof(struct reply_args, parts[PART_SLOTS]),
	 "values for the platform to keep"},
	{"value", P_TMPL, IN_MAP, false, offsetof(struct reply_args, parts[PART_VALUE]),
	 "what the platform's own program gets"},
	{0},
};

const struct step_kind kind_reply = {
	.name = "reply",
	.help = "answers the conversation that started the run",
	.params = reply_params,
	.args_size = sizeof(struct reply_args),
	.state_size = sizeof(struct reply_state),
	.check = reply_check,
	.start = reply_start,
	.resume = reply_resume,
	.cancel = reply_cancel,
	.drop = reply_drop,
	.retries = true,
};
