/* Events of a test, from the words that triggers have. */
#include "engine/trial/cue.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/serve/native.h"

static const char *const words[] = {"webhook", "conversation", "event", "schedule",
				    "every",   "poll",         "run",   NULL};

const char *cue_word(const json_t *cue)
{
	for (size_t i = 0; words[i]; i++)
		if (json_object_get(cue, words[i]))
			return words[i];
	return NULL;
}

/* What an event consists of until it is made. */
struct parts {
	char *type, *source, *subject; /* owned */
	json_t *data;                  /* owned */
};

static void parts_done(struct parts *p)
{
	free(p->type);
	free(p->source);
	free(p->subject);
	json_decref(p->data);
}

static char *text_or(const json_t *v, const char *key, const char *other)
{
	const char *text = json_str(v, key);
	return text ? mem_strdup(text) : mem_strdup(other);
}

/* ---- conversations ---- */

/* What is missing comes from `from`, in maps too. */
static void fill_up(json_t *v, const json_t *from)
{
	const char *key;
	json_t *x;
	json_object_foreach ((json_t *)from, key, x) {
		json_t *own = json_object_get(v, key);
		if (!own)
			json_object_set_new(v, key, json_clone(x));
		else if (json_is_object(own) && json_is_object(x))
			fill_up(own, x);
	}
}

static void fill_conversation(const struct cue_from *from, json_t *data)
{
	static const char *const same[] = {"platform", "account", "conversation", "participant",
					   NULL};
	for (size_t i = 0; from->first && same[i]; i++) {
		json_auto_t *part = json_object();
		json_t *v = json_object_get(from->first, same[i]);
		if (v)
			json_object_set(part, same[i], v);
		fill_up(data, part);
	}
	json_auto_t *plain = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}}", "platform", "web",
				       "account", "test", "conversation", "id", "1", "channel",
				       "chat", "participant", "role", "customer", "id", "1");
	fill_up(data, plain);
	json_t *message = json_object_get(data, "message");
	if (json_is_object(message) && !json_object_get(message, "id"))
		json_object_set_new(message, "id", json_sprintf("m%u", from->n + 1));
}

static int check_conversation(const struct cue_from *from, const struct parts *p,
			      struct errmsg *msg)
{
	char now[TIME_TEXT_LEN];
	struct buf b = BUF_INIT;
	json_auto_t *event =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "specversion", "1.0", "id",
			  "1", "source", p->source, "type", p->type, "subject", p->subject, "time",
			  time_format(from->clock->wall_ms(from->clock), now), "datacontenttype",
			  "application/json", "data", p->data);
	int err = native_check(event, &b) ? ERR_INVALID : 0;
	if (err)
		(void)err_set(msg, err, "this is no event of a conversation: %s", buf_str(&b));
	buf_done(&b);
	return err;
}

static int conversation(const struct cue_from *from, const json_t *cue, struct parts *p,
			struct errmsg *msg)
{
	fill_conversation(from, p->data);
	const char *platform = json_str(p->data, "platform"),
		   *account = json_str(p->data, "account"),
		   *id = json_str(json_object_get(p->data, "conversation"), "id");
	if (!platform || !account || !id)
		return err_set(msg, ERR_INVALID,
			       "platform, account and conversation.id of a conversation are texts");
	p->type = mem_strdup(json_str(cue, "conversation"));
	p->source = mem_printf("/conversations/%s/%s", platform, account);
	p->subject = mem_printf("%s:%s:%s", platform, account, id);
	return check_conversation(from, p, msg);
}

/* ---- schedules ---- */

/* The trigger that a schedule of the test means: the one written alike, or the only one. */
static const struct trigger *find_timed(const struct plan *plan, const json_t *said)
{
	const struct trigger *found = NULL;
	int64_t ms;
	const char *text = json_string_value(said);
	for (size_t i = 0; i < plan->n_triggers; i++) {
		const struct trigger *t = &plan->triggers[i];
		if (!t->cron && !t->every_ms)
			continue;
		bool alike = text && ((t->cron && strcmp(t->cron, text) == 0) ||
				      (t->every_ms && duration_parse(text, &ms, NULL) == 0 &&
				       ms == t->every_ms));
		if (alike || (json_is_true(said) && !found))
			found = t;
	}
	return found;
}

static int timed(const struct cue_from *from, const json_t *cue, const char *word, struct parts *p,
		 struct errmsg *msg)
{
	char now[TIME_TEXT_LEN];
	const struct trigger *t = find_timed(from->plan, json_object_get(cue, word));
	if (!t)
		return err_set(msg, ERR_INVALID,
			       "the rule has no such schedule: write it as under when:, or true");
	json_auto_t *plain =
		json_pack("{s:s, s:n}", "due", time_format(from->clock->wall_ms(from->clock), now),
			  "previous");
	fill_up(p->data, plain);
	p->type = mem_strdup("schedule");
	p->source = mem_strdup(json_string_value(json_array_get(t->where[0].values, 0)));
	return 0;
}

/* Where the events of the rule's own poll come from; malloc'd. */
static char *poll_source(const struct plan *plan, const char *type)
{
	for (size_t i = 0; i < plan->n_triggers; i++)
		if (strcmp(plan->triggers[i].type, type) == 0)
			return mem_strdup(json_string_value(
				json_array_get(plan->triggers[i].where[0].values, 0)));
	return mem_strdup("/test");
}

/* ---- all of them ---- */

static int fill(const struct cue_from *from, const json_t *cue, const char *word, struct parts *p,
		struct errmsg *msg)
{
	const char *name = word ? json_str(cue, word) : NULL;
	if (!word) {
		p->type = mem_strdup("start");
		p->source = mem_strdup("/start");
		return 0;
	}
	if (!strcmp(word, "schedule") || !strcmp(word, "every"))
		return timed(from, cue, word, p, msg);
	if (!name || !*name)
		return err_set(msg, ERR_INVALID, "%s: takes a name", word);
	if (!strcmp(word, "conversation"))
		return conversation(from, cue, p, msg);
	bool plain = !strcmp(word, "event");
	p->type = plain ? mem_strdup(name)
			: mem_printf("%s%c%s", word, strcmp(word, "run") ? ':' : '.', name);
	p->source = !strcmp(word, "webhook") ? mem_printf("/hooks/%s", name)
		    : !strcmp(word, "poll")  ? poll_source(from->plan, p->type)
					     : text_or(cue, "source", "/test");
	p->subject = json_str(cue, "subject") ? text_or(cue, "subject", "") : NULL;
	return 0;
}

/* headers, query and path of a request stand beside the data. */
static char *extra_of(const json_t *cue)
{
	static const char *const keys[] = {"headers", "query", "path", "change", NULL};
	json_auto_t *v = json_object();
	for (size_t i = 0; keys[i]; i++)
		if (json_object_get(cue, keys[i]))
			json_object_set(v, keys[i], json_object_get(cue, keys[i]));
	return json_object_size(v) ? json_text(v) : NULL;
}

int cue_event(const struct cue_from *from, const json_t *cue, struct event **ret,
	      struct errmsg *msg)
{
	const json_t *data = json_object_get(cue, "data");
	struct parts p = {.data = data ? json_clone(data) : json_object()};
	int64_t now = from->clock->wall_ms(from->clock);
	const char *word = cue_word(cue);
	int err = 0;
	if (!json_is_object(p.data) && word && strcmp(word, "event") && strcmp(word, "webhook"))
		err = err_set(msg, ERR_INVALID, "data: is a map here");
	if (!err)
		err = fill(from, cue, word, &p, msg);
	if (!err) {
		auto_free char *body = json_text(p.data);
		*ret = event_new(id_new(from->clock, from->rng), p.type, p.source, p.subject,
				 json_str(cue, "id"), now, now, json_incref(p.data), body,
				 strlen(body));
		(*ret)->extra = extra_of(cue);
	}
	parts_done(&p);
	return err;
}
