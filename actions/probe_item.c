/* Whether one thing that exists was made by a request whose answer was lost. */
#include <string.h>
#include <strings.h>

#include "actions/probe.h"
#include "actions/services.h"
#include "engine/base/fault.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

#define SLACK_MS 2000 /* how far two clocks may be apart without anybody seeing it */
#define DAY_MS (24 * 3600 * 1000)

/* ---- when ---- */

enum when { BEFORE, ABOUT, AFTER, UNKNOWN };

/* Times without a fraction stand for their whole second, dates for their whole day. */
static int64_t width_ms(const char *text)
{
	return strchr(text, '.') ? 0 : strlen(text) <= 10 ? DAY_MS - 1 : 999;
}

static enum when created(const struct probe *p, const json_t *item, const char *path)
{
	const json_t *at = path ? json_path(item, path) : NULL;
	int64_t ms;
	if (!json_is_string(at) || time_parse(json_string_value(at), &ms, NULL) != 0)
		return UNKNOWN;
	if (ms >= p->not_after_ms || fault_is_on("BLIND_PROBE"))
		return AFTER;
	return ms + width_ms(json_string_value(at)) < p->not_before_ms - SLACK_MS ? BEFORE : ABOUT;
}

/* ---- by key ---- */

/* Equal, letter case of texts aside: e-mail addresses and names are unique that way. */
static bool same(const json_t *a, const json_t *b)
{
	if (json_is_string(a) && json_is_string(b))
		return strcasecmp(json_string_value(a), json_string_value(b)) == 0;
	return json_equal(a, b);
}

static bool matches(const struct probe *p, const json_t *item)
{
	const struct action_look_up *l = p->target->action->look_up;
	const char *path;
	json_t *ours;
	json_object_foreach ((json_t *)l->match, path, ours) {
		const json_t *want = schema_member(p->params, json_string_value(ours));
		const json_t *have = json_path(item, path);
		if (!want || !have || !same(want, have))
			return false;
	}
	return true;
}

/* The fields that the call sent must be the same, as far as they say anything. */
static bool agrees(const struct probe *p, const json_t *item)
{
	const json_t *path;
	size_t i;
	json_array_foreach ((json_t *)p->target->action->look_up->agree, i, path) {
		const json_t *sent = schema_member(p->params, json_string_value(path));
		const json_t *have = json_path(item, json_string_value(path));
		if (sent && !json_is_null(sent) && (!have || !same(sent, have)))
			return false;
	}
	return true;
}

static enum probe_item judge_keyed(const struct probe *p, const json_t *item)
{
	const struct action_look_up *l = p->target->action->look_up;
	const json_t *deleted = l->deleted ? json_path(item, l->deleted) : NULL;
	if (!matches(p, item))
		return ITEM_NONE;
	if ((deleted && !json_is_null(deleted)) || !agrees(p, item))
		return ITEM_OTHER;
	switch (created(p, item, l->created)) {
	case AFTER:
		return probe_id(p->target, item) ? ITEM_OURS : ITEM_UNCLEAR;
	case BEFORE:
		return ITEM_OTHER;
	case ABOUT:
	case UNKNOWN:
	default:
		return ITEM_UNCLEAR;
	}
}

/* ---- jobs ---- */

bool probe_has_mark(const struct action *a)
{
	return a->named_param && a->named_as;
}

/* The effect's id at the beginning of a job's name, or NULL. */
static const char *mark_of(const json_t *item, const char *path, char out[ID_TEXT_LEN])
{
	const json_t *v = json_path(item, path);
	struct id id;
	if (!json_is_string(v) || json_string_length(v) < ID_TEXT_LEN - 1)
		return NULL;
	memcpy(out, json_string_value(v), ID_TEXT_LEN - 1);
	out[ID_TEXT_LEN - 1] = 0;
	return id_parse(out, &id) ? out : NULL;
}

static enum probe_item judge_marked(const struct probe *p, const json_t *item)
{
	char mark[ID_TEXT_LEN], own[ID_TEXT_LEN];
	id_format(act_effect_id(p->act), own);
	const char *has = mark_of(item, p->target->action->named_as, mark);
	return has && strcasecmp(has, own) == 0 ? ITEM_OURS : ITEM_NONE;
}

/* It carries some effect's id, as jobs of this action never do. */
static bool is_of_marked(const struct probe *p, const json_t *item)
{
	const struct services *s = act_services(p->act);
	char mark[ID_TEXT_LEN];
	size_t i = 0;
	for (const struct action *x; s->catalogue && (x = catalogue_next(s->catalogue, &i));)
		if (probe_has_mark(x) && strcmp(x->connector, p->target->action->connector) == 0 &&
		    mark_of(item, x->named_as, mark))
			return true;
	return false;
}

static enum probe_item judge_job(const struct probe *p, const json_t *item)
{
	if (!probe_id(p->target, item))
		return ITEM_NONE;
	if (probe_has_mark(p->target->action))
		return judge_marked(p, item);
	if (is_of_marked(p, item))
		return ITEM_NONE;
	switch (created(p, item, p->target->action->job->created)) {
	case AFTER:
		return ITEM_OURS;
	case BEFORE:
		return ITEM_NONE;
	case ABOUT:
	case UNKNOWN:
	default:
		return ITEM_UNCLEAR;
	}
}

enum probe_item probe_judge_item(const struct probe *p, const json_t *item)
{
	return p->target->action->look_up ? judge_keyed(p, item) : judge_job(p, item);
}

static int64_t created_ms(const json_t *item, const char *path)
{
	const json_t *at = path ? json_path(item, path) : NULL;
	int64_t ms;
	return json_is_string(at) && time_parse(json_string_value(at), &ms, NULL) == 0 ? ms : 0;
}

bool probe_is_past(const struct probe *p, const json_t *items)
{
	const char *path = p->target->action->job->created;
	size_t n = json_array_size(items);
	const json_t *first = json_array_get(items, 0),
		     *last = n ? json_array_get(items, n - 1) : NULL;
	return n && created_ms(first, path) >= created_ms(last, path) &&
	       created(p, last, path) == BEFORE;
}

const char *probe_id(const struct target *t, const json_t *made)
{
	static char text[200];
	const struct action *a = t->action;
	const char *path = a->look_up ? a->look_up->id : a->job ? a->job->id : NULL;
	const json_t *id = path && *path ? json_path(made, path) : NULL;
	if (!json_is_string(id) && !json_is_integer(id))
		return NULL;
	auto_free char *plain =
		json_is_string(id) ? mem_strdup(json_string_value(id)) : json_text(id);
	size_t n = a->look_up ? (size_t)snprintf(text, sizeof(text), "%s:%s", a->name, plain)
			      : (size_t)snprintf(text, sizeof(text), "%s", plain);
	return *plain && n < sizeof(text) ? text : NULL;
}
