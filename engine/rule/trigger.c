/* `when:`: which events start a rule, with the equalities that are indexed. */
#include <stdio.h>
#include <string.h>

#include "engine/base/cron.h"
#include "engine/base/json.h"
#include "engine/rule/compile.h"

#define NEAR_MAX 256

/* A word of a trigger's own is a filter with a short name. */
struct own_word {
	const char *word, *path;
};

static const struct trigger_word {
	const char *word;
	const char *prefix; /* of the event type */
	bool conversation;
	struct own_word own[4];
} trigger_words[] = {
	{"webhook", "webhook:", false, {{NULL}}},
	{"conversation",
	 "",
	 true,
	 {{"platform", "platform"},
	  {"channel", "conversation.channel"},
	  {"intent", "intent.name"},
	  {NULL}}},
	{"event", "", false, {{"source", "event.source"}, {"subject", "event.subject"}, {NULL}}},
	{"schedule", "", false, {{NULL}}},
	{"every", "", false, {{NULL}}},
	{"poll", "poll:", false, {{NULL}}},
	{"run", RUN_TYPE, false, {{NULL}}},
};
#define N_WORDS (sizeof(trigger_words) / sizeof(trigger_words[0]))

static const char *const names[] = {"webhook", "conversation", "event", "schedule",
				    "every",   "poll",         "run",   NULL};
static const char *const later[] = {NULL};
static const char *const envelope[] = {"id",      "type",  "source", "subject", "time",
				       "headers", "query", "path",   "change",  NULL};

static const struct trigger_word *word_of(const char *key)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (!strcmp(trigger_words[i].word, key))
			return &trigger_words[i];
	return NULL;
}

static const char *own_path(const struct trigger_word *w, const char *key)
{
	for (const struct own_word *o = w->own; o->word; o++)
		if (!strcmp(o->word, key))
			return o->path;
	return NULL;
}

/* ---- where ---- */

static void check_conversation_path(struct compiler *c, const struct ynode *at, const char *path,
				    const char *const **ret_values)
{
	char near[NEAR_MAX];
	switch (conversation_field(path, ret_values, near, sizeof(near))) {
	case FIELD_NONE:
		if (*near)
			compile_error(c, at,
				      "a conversation event has no field '%s'; did you mean '%s'?",
				      path, near);
		else
			compile_error(c, at, "a conversation event has no field '%s'", path);
		break;
	case FIELD_LIST:
		compile_error(c, at,
			      "'%s' is a list, and where: compares single values: use if:", path);
		break;
	case FIELD_MAP:
	case FIELD_OPEN:
		compile_error(c, at, "'%s' is a map: name one of its fields", path);
		break;
	case FIELD_SCALAR:
		break;
	}
}

static void check_envelope_path(struct compiler *c, const struct ynode *at, const char *field)
{
	char head[NEAR_MAX];
	snprintf(head, sizeof(head), "%.*s", (int)strcspn(field, "."), field);
	if (word_in(envelope, head))
		return;
	const char *near = word_near(head, envelope, NULL);
	compile_error(c, at, "an event has no field '%s' of its own%s%s%s", head,
		      near ? "; did you mean 'event." : "", near ? near : "", near ? "'?" : "");
}

static void check_path(struct compiler *c, const struct trigger *t, const struct ynode *at,
		       const char *path, const char *const **ret_values)
{
	*ret_values = NULL;
	if (!*path || *path == '.' || path[strlen(path) - 1] == '.' || strstr(path, ".."))
		compile_error(c, at, "'%s' is no dotted path", path);
	else if (!strncmp(path, "event.", 6))
		check_envelope_path(c, at, path + 6);
	else if (t->conversation && !strncmp(path, "data.", 5))
		compile_error(c, at, "paths begin below data already: write '%s'", path + 5);
	else if (t->conversation)
		check_conversation_path(c, at, path, ret_values);
}

/* One value that the event's may equal. */
static void add_value(struct compiler *c, json_t *list, const struct ynode *n,
		      const char *const *allowed)
{
	if (n->kind == Y_MAP || n->kind == Y_LIST) {
		compile_error(c, n, "where: takes a plain value or a list of them, not %s",
			      ynode_word(n));
		return;
	}
	size_t errors = c->f->errors;
	json_t *v = template_load(c, n);
	if (c->f->errors != errors)
		return;
	if (!v || json_is_object(v) || json_is_array(v)) {
		compile_error(c, n,
			      v ? "where: compares plain values, and this is of type %s"
				: "this has no value while the rule is loaded%.0s",
			      v ? json_type_word(v) : "");
		json_decref(v);
		return;
	}
	const char *text = json_string_value(v);
	if (allowed && (!text || !word_in(allowed, text)))
		compile_unknown(c, n, "value", allowed, NULL);
	json_array_append_new(list, v);
}

static void free_json(void *v)
{
	json_decref(v);
}

static void add_where(struct compiler *c, struct trigger *t, const struct ynode *at,
		      const char *path, const struct ynode *n)
{
	const char *const *allowed;
	struct where *w = &t->where[t->n_where++];
	w->path = arena_strdup(&c->plan->arena, path);
	w->values = json_array();
	plan_own(c->plan, w->values, free_json);
	check_path(c, t, at, path, &allowed);
	if (n->kind != Y_LIST) {
		add_value(c, w->values, n, allowed);
		return;
	}
	if (!n->n)
		compile_error(c, n, "an empty list can match nothing");
	for (size_t i = 0; i < n->n; i++)
		add_value(c, w->values, n->items[i], allowed);
}

static void add_wheres(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	if (n->kind != Y_MAP) {
		compile_error(c, n,
			      "where: is a map such as {contact.email: a@example.com}, not %s",
			      ynode_word(n));
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		add_where(c, t, n->keys[i], n->keys[i]->text, n->items[i]);
}

/* ---- the event's type ---- */

static void check_hook(struct compiler *c, const struct ynode *n)
{
	const char *const *hooks = c->env->hooks;
	auto_free char *hook =
		mem_strndup(n->text, strcspn(n->text, "#")); /* behind it is a kind */
	if (!hooks || c->bundle || word_in(hooks, hook))
		return;
	const char *near = word_near(hook, hooks, NULL);
	if (near)
		compile_error(c, n, "no hook '%s' is declared under hooks:; did you mean '%s'?",
			      n->text, near);
	else
		compile_error(c, n, "no hook '%s' is declared under hooks: in pawl.yaml", n->text);
}

static void check_kind(struct compiler *c, const struct trigger *t, const struct ynode *n)
{
	for (const char *const *k = conversation_kinds; *k; k++)
		if (t->prefix ? !strncmp(*k, t->type, strlen(t->type)) : !strcmp(*k, t->type))
			return;
	const char *near = word_near(t->type, conversation_kinds, NULL);
	if (near)
		compile_error(c, n, "no conversation event is called '%s'; did you mean '%s'?",
			      n->text, near);
	else
		compile_error(c, n, "no conversation event is called '%s'", n->text);
}

static void set_type(struct compiler *c, struct trigger *t, const struct trigger_word *w,
		     const struct ynode *n)
{
	if (n->kind != Y_STRING || !n->len) {
		compile_error(c, n, "%s: takes a name, not %s", w->word, ynode_word(n));
		return;
	}
	if (n->text[0] == '=' || strstr(n->text, "${")) {
		compile_error(c, n, "a plain name must stand here: no expression can");
		return;
	}
	const char *star = strchr(n->text, '*');
	t->prefix = star != NULL;
	t->type = arena_printf(&c->plan->arena, "%s%.*s", w->prefix,
			       (int)(star ? (size_t)(star - n->text) : n->len), n->text);
	if (star && (star[1] || *w->prefix)) {
		compile_error(c, n,
			      *w->prefix ? "a hook is named in full: no '*'"
					 : "'*' can stand only at the end");
		return;
	}
	if (w->conversation)
		check_kind(c, t, n);
	else if (*w->prefix)
		check_hook(c, n);
}

/* ---- schedules ---- */

static const char *const timed[] = {"zone", "missed", NULL};

static bool is_timed(const struct trigger_word *w)
{
	return !strcmp(w->word, "schedule") || !strcmp(w->word, "every");
}

/* Its event has a source of its own, so that it starts this rule and no other. */
static void add_source(struct compiler *c, struct trigger *t)
{
	struct where *w = &t->where[t->n_where++];
	const char *source = arena_printf(&c->plan->arena, "/schedule/%s/%zu", c->plan->rule,
					  c->plan->n_triggers + 1);
	w->path = "event.source";
	w->values = json_pack("[s]", source);
	plan_own(c->plan, w->values, free_json);
}

static void set_cron(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	struct cron cron;
	struct errmsg msg;
	if (!n->text || !n->len)
		compile_error(c, n,
			      "schedule: takes a cron expression such as \"0 9 * * MON\", not %s",
			      ynode_word(n));
	else if (cron_parse(n->text, &cron, &msg) != 0)
		compile_error(c, n, "%s", msg.text);
	else
		t->cron = arena_strdup(&c->plan->arena, n->text);
}

static void set_every(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	if (param_duration(c, n, &t->every_ms) && t->every_ms < 1000) {
		compile_error(c, n, "every: is a second or more");
		t->every_ms = 1000;
	}
}

static void set_zone(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	struct zones zones = {0};
	if (!n->text || !zone_find(&zones, n->text))
		compile_error(c, n, "there is no time zone '%s': it is a name such as Europe/Paris",
			      n->text ? n->text : ynode_word(n));
	else
		t->zone = arena_strdup(&c->plan->arena, n->text);
	zones_done(&zones);
}

static void set_missed(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	static const char *const words[] = {"once", "all", "skip", NULL};
	for (size_t i = 0; words[i]; i++)
		if (n->text && !strcmp(words[i], n->text)) {
			t->missed = (enum missed)i;
			return;
		}
	compile_error(c, n, "missed: is one of once, all, skip");
}

static void set_timed(struct compiler *c, struct trigger *t, const struct trigger_word *w,
		      const struct ynode *root, const struct ynode *n)
{
	const struct ynode *v;
	t->type = "schedule";
	add_source(c, t);
	if (!strcmp(w->word, "every"))
		set_every(c, t, n);
	else
		set_cron(c, t, n);
	if ((v = ynode_get(root, "zone")))
		set_zone(c, t, v);
	if ((v = ynode_get(root, "missed")))
		set_missed(c, t, v);
}

/* ---- polls ---- */

static const char *const poll_words[] = {"with", "every",   "at",    "zone",
					 "key",  "changed", "first", NULL};

static bool is_poll(const struct trigger_word *w)
{
	return !strcmp(w->word, "poll");
}

/* Its events come from the rule that looks for it, and start no other. */
static void set_poll(struct compiler *c, struct trigger *t, const struct ynode *root,
		     const struct ynode *n)
{
	const struct ynode *id = ynode_get(root, "id");
	if (n->kind != Y_STRING || !n->len || !strchr(n->text, '.')) {
		compile_error(c, n, "poll: takes a list action by its name, as call: does");
		return;
	}
	if (id &&
	    (!id->text || id->text[strspn(id->text, "abcdefghijklmnopqrstuvwxyz0123456789-")]))
		compile_error(c, id, "the id of a poll has only a-z, 0-9 and -");
	const char *rule = poll_rule(c, root);
	struct where *w = &t->where[t->n_where++];
	w->path = "event.source";
	w->values = json_pack("[o]", json_sprintf("/rules/%s", rule));
	plan_own(c->plan, w->values, free_json);
	t->type = arena_printf(&c->plan->arena, "poll:%s", n->text);
	poll_note(c, root, rule);
}

/* ---- ends of runs ---- */

static const char *const ends[] = {"completed", "failed", "cancelled", NULL};
static const char *const run_words[] = {"rule", NULL};

static bool is_run(const struct trigger_word *w)
{
	return !strcmp(w->word, "run");
}

static void set_end(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	if (n->kind == Y_STRING && word_in(ends, n->text)) {
		t->type = arena_printf(&c->plan->arena, RUN_TYPE "%s", n->text);
		return;
	}
	const char *near = n->text ? word_near(n->text, ends, NULL) : NULL;
	compile_error(c, n, "run: is one of completed, failed, cancelled%s%s%s",
		      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* `rule: sync-*` */
static void set_of_rule(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	const char *star = n->text ? strchr(n->text, '*') : NULL;
	if (n->kind != Y_STRING || !n->len || (star && star[1])) {
		compile_error(c, n,
			      "rule: takes a rule's name, or the beginning of names and a '*'");
		return;
	}
	size_t len = star ? (size_t)(star - n->text) : n->len;
	t->of_rule = arena_printf(&c->plan->arena, "%.*s", (int)len, n->text);
	t->of_rules = star != NULL;
	if (!star && !strcmp(t->of_rule, c->plan->rule))
		compile_error(c, n, "a rule does not start by the ends of its own runs");
	else if (!star)
		plan_need(c->plan, t->of_rule, n->line, n->col);
}

/* ---- one trigger ---- */

static const struct ynode *find_word(struct compiler *c, const struct ynode *n)
{
	const struct ynode *word = NULL, *odd = NULL;
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *key = n->keys[i];
		bool of_poll = !strcmp(key->text, "every") && ynode_get(n, "poll");
		if (!word_of(key->text) || of_poll) {
			odd = odd || of_poll || word_in(words_trigger, key->text) ? odd : key;
			continue;
		}
		if (word) {
			compile_error(c, key, "a trigger has one word: make two of '%s' and '%s'",
				      word->text, key->text);
			return NULL;
		}
		word = key;
	}
	if (word)
		return word;
	for (size_t i = 0; i < n->n; i++) {
		if (word_in(later, n->keys[i]->text)) {
			compile_error(c, n->keys[i], "'%s' is not in this version",
				      n->keys[i]->text);
			return NULL;
		}
	}
	if (odd && compile_unknown(c, odd, "trigger", names, later))
		return word_of(odd->text) ? odd : NULL;
	if (!odd)
		compile_error(
			c, n,
			"a trigger begins with webhook:, conversation:, event:, schedule:, every:, poll: or run:");
	return NULL;
}

static size_t list_own(const struct trigger_word *w, const char *ret[TRIGGER_OWN_MAX])
{
	const char *const *more = is_timed(w)  ? timed
				  : is_run(w)  ? run_words
				  : is_poll(w) ? poll_words
					       : NULL;
	size_t n = 0;
	for (size_t i = 0; more && more[i]; i++)
		ret[n++] = more[i];
	for (const struct own_word *o = w->own; o->word; o++)
		ret[n++] = o->word;
	ret[n] = NULL;
	return n;
}

static const char *const *own_words(struct compiler *c, const struct trigger_word *w)
{
	const char **list = arena_alloc(&c->scratch, (TRIGGER_OWN_MAX + 1) * sizeof(*list));
	list[list_own(w, list)] = w->word;
	return list;
}

const char *trigger_word_at(size_t i, const char *ret_own[TRIGGER_OWN_MAX])
{
	if (i >= N_WORDS)
		return NULL;
	(void)list_own(&trigger_words[i], ret_own);
	return trigger_words[i].word;
}

static void set_id(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	if (n->kind != Y_STRING || !n->len)
		compile_error(c, n, "id: takes a name, not %s", ynode_word(n));
	else
		t->id = arena_strdup(&c->plan->arena, n->text);
}

/* `awaited: too` */
static void set_awaited(struct compiler *c, struct trigger *t, const struct ynode *n)
{
	t->awaited = n->text && !strcmp(n->text, "too");
	if (!t->awaited)
		compile_error(c, n, "awaited: takes the word too: also what a waiting run took");
}

/* How many where pairs a trigger can have at most: one an own word, and those of where:. */
static size_t count_where(const struct ynode *n)
{
	const struct ynode *where = ynode_get(n, "where");
	return n->n + 1 + (where && where->kind == Y_MAP ? where->n : 0);
}

static void compile_trigger(struct compiler *c, const struct ynode *n, struct trigger *t)
{
	const struct ynode *word = find_word(c, n);
	if (!word)
		return;
	const struct trigger_word *w = word_of(word->text);
	t->line = word->line;
	t->col = word->col;
	t->conversation = w->conversation;
	t->type = "";
	t->where = arena_alloc(&c->plan->arena, count_where(n) * sizeof(*t->where));
	if (is_timed(w))
		set_timed(c, t, w, n, ynode_get(n, word->text));
	else if (is_run(w))
		set_end(c, t, ynode_get(n, word->text));
	else if (is_poll(w))
		set_poll(c, t, n, ynode_get(n, word->text));
	else
		set_type(c, t, w, ynode_get(n, word->text));
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *key = n->keys[i];
		const char *path = own_path(w, key->text);
		if (path)
			add_where(c, t, key, path, n->items[i]);
		else if (!strcmp(key->text, "where"))
			add_wheres(c, t, n->items[i]);
		else if (!strcmp(key->text, "id"))
			set_id(c, t, n->items[i]);
		else if (!strcmp(key->text, "awaited"))
			set_awaited(c, t, n->items[i]);
		else if ((is_timed(w) && word_in(timed, key->text)) ||
			 (is_poll(w) && word_in(poll_words, key->text)))
			continue;
		else if (is_run(w) && !strcmp(key->text, "rule"))
			set_of_rule(c, t, n->items[i]);
		else if (key != word && !word_in(words_trigger, key->text) &&
			 strncmp(key->text, "x-", 2))
			compile_unknown(c, key, "key", words_trigger, own_words(c, w));
	}
}

void triggers_compile(struct compiler *c, const struct ynode *n)
{
	size_t count = n->kind == Y_LIST ? n->n : 1;
	c->plan->triggers = arena_alloc(&c->plan->arena, (count + 1) * sizeof(struct trigger));
	c->conversation_data = count > 0;
	for (size_t i = 0; i < count; i++) {
		const struct ynode *at = n->kind == Y_LIST ? n->items[i] : n;
		struct trigger *t = &c->plan->triggers[c->plan->n_triggers];
		if (at->kind == Y_MAP) {
			compile_trigger(c, at, t);
			c->plan->n_triggers += t->type != NULL;
		} else {
			compile_error(c, at,
				      "a trigger is a map such as {event: order.paid}, not %s",
				      ynode_word(at));
		}
		c->conversation_data = c->conversation_data && t->type && t->conversation;
	}
	if (!count)
		compile_error(c, n,
			      "when: has no trigger; leave it out for a rule that others start");
}
