/*
 * The event that tells of a run's end: `run.failed` and its like, which other rules may start by.
 *
 * It is accepted in the commit of the run's last record, so that there is one for each end, whatever is
 * killed when; a failed run that a person retries may end again, and tells of that too. An end that
 * nobody listens to makes no event.
 */
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/run/run.h"

static bool is_heard(const struct run *r, const char *type)
{
	const struct engine_config *conf = engine_conf(r->engine);
	return (conf->hears && conf->hears(conf->arg, type)) ||
	       shapes_hear(&r->engine->shapes, type);
}

static json_t *end_data(const struct run *r, const json_t *end)
{
	return json_pack("{s:s, s:s, s:O*, s:O*, s:O*, s:O}", "id", r->id_text, "rule",
			 r->plan->rule, "error", json_object_get(end, "error"), "result",
			 json_object_get(end, "result"), "reason", json_object_get(end, "reason"),
			 "event", event_envelope(r->event));
}

void run_announce(struct run *r, const json_t *end)
{
	auto_free char *type = mem_printf(RUN_TYPE "%s", json_str(end, "state"));
	if (!is_heard(r, type))
		return;
	auto_free char *key = mem_printf("#end%u", r->n),
		       *source = mem_printf("/rules/%s", r->plan->rule);
	json_t *data = end_data(r, end);
	auto_free char *body = json_text(data);
	struct event *ev = event_new(id_from_name(r->id, key), type, source,
				     json_str(event_envelope(r->event), "subject"), NULL,
				     r->turn_ms, r->turn_ms, data, body, strlen(body));
	json_auto_t *extra =
		json_pack("{s:I}", "depth", json_int(event_envelope(r->event), "depth", 0) + 1);
	ev->extra = json_text(extra);
	run_emit_if_wanted(r, ev);
}
