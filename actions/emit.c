/*
 * `emit`: a new event, accepted in the commit of the step's own record; or, with `to`, a CloudEvent that is sent to
 * somebody else by the step `http` inside it. Its id is the effect's, so that it may be sent again.
 */
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/run/step.h"

struct emit_args {
	struct tmpl *kind, *data, *subject, *to, *after;
};

static bool is_event_type(const char *s)
{
	size_t len = strlen(s);
	return len && len <= 200 && strncmp(s, "run.", 4) != 0 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789._-/") == len;
}

/* The rules that watch for others: no author's has a name with a dot in it. */
static bool is_of_ours(const struct plan *p)
{
	return strchr(p->rule, '.') != NULL;
}

/* What they emit says itself where it comes from: {item, change, source, subject}. */
static json_t *own_event(const json_t *type, const json_t *data)
{
	return json_pack("{s:O, s:O?, s:O*, s:O*, s:O*}", "type", type, "data",
			 json_object_get(data, "item"), "change", json_object_get(data, "change"),
			 "source", json_object_get(data, "source"), "subject",
			 json_object_get(data, "subject"));
}

static bool eval_optional(struct act *a, const struct tmpl *t, json_t **ret)
{
	*ret = NULL;
	return !t || act_eval(a, t, ret);
}

/* ---- to somebody else ---- */

/* What is sent was decided when it was first sent. */
static json_t *decided(const struct act *a)
{
	json_t *d;
	for (unsigned i = 0; (d = step_rec_at_index(a, REC_DECISION, i)); i++)
		if (json_object_get(d, "send"))
			return json_object_get(d, "send");
	return NULL;
}

/* CloudEvents 1.0 in its structured mode (JSON). */
static json_t *cloud_event(struct act *a, const json_t *kind, const json_t *data,
			   const json_t *subject)
{
	char id[ID_TEXT_LEN], now[TIME_TEXT_LEN];
	return json_pack("{s:s, s:s, s:o, s:O, s:s, s:O*, s:s*, s:O*}", "specversion", "1.0", "id",
			 id_format(act_effect_id(a), id), "source",
			 json_sprintf("urn:pawl:rule:%s", act_plan(a)->rule), "type", kind, "time",
			 time_format(act_now(a), now), "subject", subject, "datacontenttype",
			 data ? "application/json" : NULL, "data", data);
}

static enum verdict send_to(struct act *a, const json_t *kind, const json_t *data,
			    const json_t *subject)
{
	const struct emit_args *args = act_args(a);
	json_t *send = decided(a), *to = NULL;
	if (!send) {
		if (!act_eval(a, args->to, &to))
			return STEP_FAIL;
		if (!json_is_string(to)) {
			json_decref(to);
			return step_fail(a, ERR_INVALID, "emit: to is an address, a text");
		}
		send = json_pack("{s:o, s:s, s:s, s:{s:s}, s:o}", "url", to, "method", "POST",
				 "effect", "idempotent", "headers", "Content-Type",
				 "application/cloudevents+json; charset=utf-8", "body",
				 cloud_event(a, kind, data, subject));
		step_record(a, REC_DECISION, json_pack("{s:o}", "send", send));
	}
	return step_spawn(a, "http", "to", json_incref(send));
}

static enum verdict emit_resume(struct act *a)
{
	json_t *error = act_child_error(a);
	if (error)
		return step_fail_error(a, json_incref(error));
	return step_done(a, json_pack("{s:O*, s:O*}", "type",
				      json_object_get(json_object_get(decided(a), "body"), "type"),
				      "status", json_object_get(act_child_result(a), "status")));
}

/* ---- later ---- */

/* A run of a rule of ours waits for it, and costs no memory. */
static enum verdict emit_later(struct act *a, const json_t *kind, const json_t *data,
			       const json_t *subject)
{
	const struct emit_args *args = act_args(a);
	json_auto_t *span = NULL;
	int64_t ms = 0;
	struct id id;
	char text[ID_TEXT_LEN];
	if (!act_eval(a, args->after, &span))
		return STEP_FAIL;
	if (!json_is_string(span) || duration_parse(json_string_value(span), &ms, act_msg(a)) != 0)
		return step_fail(a, ERR_INVALID, "emit: after is a duration such as 10m");
	json_t *with =
		json_pack("{s:f, s:O, s:O*, s:O*, s:o}", "due", (double)(act_now(a) + ms) / 1000.0,
			  "type", kind, "data", data, "subject", subject, "source",
			  json_sprintf("/rules/%s", act_plan(a)->rule));
	if (step_start_run(a, RULE_LATER, with, true, &id, act_msg(a)) != 0)
		return step_fail_msg(a);
	return step_done(a, json_pack("{s:O, s:s}", "type", kind, "run", id_format(id, text)));
}

static enum verdict emit_start(struct act *a)
{
	const struct emit_args *args = act_args(a);
	json_auto_t *kind = NULL, *data = NULL, *subject = NULL;
	if (!act_eval(a, args->kind, &kind) || !eval_optional(a, args->data, &data) ||
	    !eval_optional(a, args->subject, &subject))
		return STEP_FAIL;
	if (json_is_string(kind) && is_of_ours(act_plan(a))) {
		step_emit(a, own_event(kind, data));
		return step_done(a, json_incref(kind));
	}
	if (!json_is_string(kind) || !is_event_type(json_string_value(kind)))
		return step_fail(
			a, ERR_INVALID,
			"emit needs an event type such as order.paid, and none that begins with run.");
	if (subject && !json_is_string(subject))
		return step_fail(a, ERR_INVALID, "emit: subject must be text, not %s",
				 json_type_word(subject));
	if (args->after)
		return emit_later(a, kind, data, subject);
	if (args->to)
		return send_to(a, kind, data, subject);
	step_emit(a,
		  json_pack("{s:O, s:O*, s:O*}", "type", kind, "data", data, "subject", subject));
	return step_done(a, json_pack("{s:O, s:O*}", "type", kind, "data", data));
}

static void emit_check(struct plan_check *c, struct step *s)
{
	const struct emit_args *args = s->args;
	const struct tmpl *kind = args->kind;
	int64_t ms;
	if (is_of_ours(c->plan))
		return;
	if (args->to && args->after)
		c->error(c, s->line, s->col,
			 "emit: to sends at once: wait before it, or leave after out");
	if (args->after && args->after->kind == TMPL_LITERAL &&
	    (!json_is_string(args->after->literal) ||
	     duration_parse(json_string_value(args->after->literal), &ms, NULL) != 0))
		c->error(c, args->after->line, args->after->col,
			 "emit: after: is a duration such as 10m");
	if (kind->kind == TMPL_LITERAL &&
	    (!json_is_string(kind->literal) || !is_event_type(json_string_value(kind->literal))))
		c->error(
			c, kind->line, kind->col,
			"emit needs an event type such as order.paid: letters, digits and . _ - /; those "
			"that begin with run. tell of ended runs");
}

static const struct param emit_params[] = {
	{"emit", P_TMPL, IN_WORD, true, offsetof(struct emit_args, kind), "the event's type"},
	{"data", P_TMPL, BESIDE, false, offsetof(struct emit_args, data), "its data"},
	{"subject", P_TMPL, BESIDE, false, offsetof(struct emit_args, subject), "what it is about"},
	{"after", P_TMPL, BESIDE, false, offsetof(struct emit_args, after),
	 "how long after now: 10m"},
	{"to", P_TMPL, BESIDE, false, offsetof(struct emit_args, to),
	 "an address it is sent to as a CloudEvent, instead of being one here"},
	{0},
};

const struct step_kind kind_emit = {
	.name = "emit",
	.help = "makes a new event, which may start other rules",
	.params = emit_params,
	.args_size = sizeof(struct emit_args),
	.check = emit_check,
	.start = emit_start,
	.resume = emit_resume,
	.retries = true,
};
