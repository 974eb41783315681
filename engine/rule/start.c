/* What stands beside `when`: once, limit, collect, cancel; and their keys for an event. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/rule/compile.h"
#include "engine/run/keys.h"

#define COUNT_MAX 1000000
#define COLLECT_MAX 10000

/* ---- compiling ---- */

static struct plan_start *start_of(struct compiler *c)
{
	if (!c->plan->start)
		c->plan->start = arena_alloc(&c->plan->arena, sizeof(*c->plan->start));
	return c->plan->start;
}

static bool is_map(struct compiler *c, const struct ynode *n, const char *word, const char *like,
		   const char *const *keys)
{
	if (n->kind != Y_MAP) {
		compile_error(c, n, "%s: is a map such as %s, not %s", word, like, ynode_word(n));
		return false;
	}
	for (size_t i = 0; i < n->n; i++)
		if (!word_in(keys, n->keys[i]->text))
			compile_unknown(c, n->keys[i], "key", keys, NULL);
	return true;
}

static struct tmpl *key_of(struct compiler *c, const struct ynode *n)
{
	const struct ynode *v = ynode_get(n, "key");
	return v ? template_compile(c, v) : NULL;
}

static void read_duration(struct compiler *c, const struct ynode *n, const char *key, int64_t *ret)
{
	const struct ynode *v = ynode_get(n, key);
	if (v && param_duration(c, v, ret) && *ret <= 0)
		compile_error(c, v, "%s: must be longer than nothing", key);
}

static void read_count(struct compiler *c, const struct ynode *n, const char *key, unsigned most,
		       unsigned *ret)
{
	const struct ynode *v = ynode_get(n, key);
	if (!v)
		return;
	if (v->kind != Y_INT || v->integer < 1 || v->integer > most)
		compile_error(c, v, "%s: is a whole number from 1 to %u", key, most);
	else
		*ret = (unsigned)v->integer;
}

static void compile_once(struct compiler *c, const struct ynode *n)
{
	struct plan_start *s = start_of(c);
	if (!is_map(c, n, "once", "{key: =data.id, for: 7d}", words_once))
		return;
	s->once = key_of(c, n);
	if (!s->once)
		compile_error(c, n,
			      "once: needs a key:, whose value is the same for what counts once");
	read_duration(c, n, "for", &s->once_ms);
}

/* "100/h": so many in any such span. */
static void read_rate(struct compiler *c, const struct ynode *n, struct plan_start *s)
{
	const struct ynode *v = ynode_get(n, "rate");
	char *end = NULL;
	struct errmsg msg;
	if (!v)
		return;
	long count = v->text && isdigit((unsigned char)*v->text) ? strtol(v->text, &end, 10) : 0;
	const char *unit = end && *end == '/' ? end + 1 : "";
	auto_free char *span = mem_printf("%s%s", isdigit((unsigned char)*unit) ? "" : "1", unit);
	if (count < 1 || count > COUNT_MAX || !*unit || duration_parse(span, &s->rate_ms, &msg) ||
	    s->rate_ms < 1000)
		compile_error(c, v, "rate: says how many in what time: 100/h, 5/10m");
	else
		s->rate = (unsigned)count;
}

static void read_then(struct compiler *c, const struct ynode *n, struct plan_start *s)
{
	static const char *const words[] = {"queue", "drop", "replace", NULL};
	const struct ynode *v = ynode_get(n, "then");
	if (!v)
		return;
	for (size_t i = 0; words[i]; i++)
		if (v->text && !strcmp(words[i], v->text)) {
			s->then = (enum store_then)i;
			return;
		}
	compile_unknown(c, v, "word", words, NULL);
}

static void compile_limit(struct compiler *c, const struct ynode *n)
{
	struct plan_start *s = start_of(c);
	if (!is_map(c, n, "limit", "{key: =data.id, max: 1}", words_limit))
		return;
	s->has_limit = true;
	s->limit = key_of(c, n);
	read_count(c, n, "max", COUNT_MAX, &s->max);
	read_rate(c, n, s);
	read_then(c, n, s);
	if (!ynode_get(n, "max") && !ynode_get(n, "rate"))
		compile_error(c, n, "limit: needs max: (runs at a time) or rate: (100/h)");
}

static void compile_collect(struct compiler *c, const struct ynode *n)
{
	struct plan_start *s = start_of(c);
	if (!is_map(c, n, "collect", "{key: =data.id, for: 10m}", words_collect))
		return;
	s->collect = key_of(c, n);
	if (!s->collect)
		compile_error(
			c, n,
			"collect: needs a key:, whose value is the same for what goes together");
	read_duration(c, n, "for", &s->for_ms);
	read_duration(c, n, "quiet", &s->quiet_ms);
	read_count(c, n, "max", COLLECT_MAX, &s->collect_max);
	if (!ynode_get(n, "for") && !ynode_get(n, "quiet"))
		compile_error(c, n,
			      "collect: needs for: or quiet:, the time after which the run starts");
	if (!s->collect_max)
		s->collect_max = 1000;
}

/* Without a filter it is the same conversation. */
static struct tmpl *cancel_where(struct compiler *c, const struct ynode *at, bool conversation,
				 const json_t **ret_paths)
{
	const struct ynode *n = ynode_get(at, "where");
	json_t *paths = json_object();
	*ret_paths = paths;
	if (n && n->kind == Y_MAP && n->n) {
		for (size_t i = 0; i < n->n; i++)
			json_object_set_new(paths, n->keys[i]->text, json_null());
		return template_compile(c, n);
	}
	if (n || !conversation)
		compile_error(
			c, n ? n : at,
			"an event that cancels needs where: {path: =value}, else it would end every run");
	json_object_set_new(paths, "event.subject", json_null());
	return NULL;
}

static void compile_cancel_one(struct compiler *c, const struct ynode *n, struct plan_cancel *ret)
{
	static const char *const words[] = {"event", "conversation", "webhook", "run", NULL};
	static const char *const prefixes[] = {"", "", "webhook:", RUN_TYPE};
	const struct ynode *name = NULL;
	const json_t *paths;
	size_t w = 0;
	if (!is_map(c, n, "cancel", "{event: contact.stop, where: {email: =data.email}}",
		    words_cancel))
		return;
	for (size_t i = 0; words[i] && !name; i++)
		if ((name = ynode_get(n, words[i])))
			w = i;
	if (!name || name->kind != Y_STRING || !name->len) {
		compile_error(c, n,
			      "it begins with event:, conversation:, webhook: or run: and a name");
		return;
	}
	auto_free char *type = mem_printf("%s%s", prefixes[w], name->text);
	ret->where = cancel_where(c, n, w == 1, &paths);
	auto_free char *shape = shape_text(type, w == 1, paths);
	json_decref((json_t *)paths);
	ret->shape = plan_shape(c->plan, shape);
}

static void compile_cancel(struct compiler *c, const struct ynode *n)
{
	struct plan_start *s = start_of(c);
	size_t count = n->kind == Y_LIST ? n->n : 1;
	s->cancel = arena_alloc(&c->plan->arena, (count + 1) * sizeof(*s->cancel));
	for (size_t i = 0; i < count; i++)
		compile_cancel_one(c, n->kind == Y_LIST ? n->items[i] : n,
				   &s->cancel[s->n_cancel++]);
}

void start_compile(struct compiler *c, const struct ynode *root)
{
	static const struct {
		const char *word;
		void (*compile)(struct compiler *c, const struct ynode *n);
	} parts[] = {{"once", compile_once},
		     {"limit", compile_limit},
		     {"collect", compile_collect},
		     {"cancel", compile_cancel}};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		const struct ynode *n = ynode_get(root, parts[i].word);
		if (n)
			parts[i].compile(c, n);
	}
}

/* ---- the keys of an event ---- */

static int eval_key(const struct plan *p, const char *kind, const struct tmpl *t,
		    const struct scope *scope, struct store_key *ret, struct errmsg *msg)
{
	json_auto_t *v = NULL;
	int err = t ? tmpl_eval(p->vm, t, scope, &v, msg) : 0;
	if (err)
		return err_wrap(msg, "%s", kind);
	/* nil: for this event there is no such thing. Without a key it is one for the rule. */
	if (v || !t)
		value_key(kind, p->rule, v ? v : json_true(), ret);
	return 0;
}

/* What an event must be like to cancel this run; nil as a value matches nothing, and is none. */
static int eval_cancel(const struct plan *p, const struct plan_cancel *c, const struct scope *scope,
		       struct store_key *ret, bool *has, struct errmsg *msg)
{
	json_auto_t *values = NULL;
	int err = 0;
	if (c->where)
		err = tmpl_eval(p->vm, c->where, scope, &values, msg);
	else
		values = json_pack("{s:O?}", "event.subject",
				   json_object_get(scope->get(scope, "event"), "subject"));
	*has = !err && values && (!c->where || json_object_size(values) == c->where->n) &&
	       !json_is_null(json_object_get(values, "event.subject")) &&
	       shape_key(c->shape, values, ret);
	return err ? err_wrap(msg, "cancel") : 0;
}

static int eval_cancels(const struct plan *p, const struct scope *scope, struct store_start *ret,
			struct errmsg *msg)
{
	const struct plan_start *s = p->start;
	int err = 0;
	if (!s->n_cancel)
		return 0;
	struct store_key *keys = mem_alloc(s->n_cancel * sizeof(*keys));
	const char **shapes = mem_alloc(s->n_cancel * sizeof(*shapes));
	ret->cancel = keys;
	ret->cancel_shapes = shapes;
	for (size_t i = 0; !err && i < s->n_cancel; i++) {
		bool has;
		err = eval_cancel(p, &s->cancel[i], scope, &keys[ret->n_cancel], &has, msg);
		shapes[ret->n_cancel] = s->cancel[i].shape;
		ret->n_cancel += has;
	}
	return err;
}

int start_eval(const struct plan *p, const struct scope *scope, struct store_start *ret,
	       struct errmsg *msg)
{
	const struct plan_start *s = p->start;
	int err = 0;
	if (!s)
		return 0;
	if (s->once)
		err = eval_key(p, "once", s->once, scope, &ret->once, msg);
	if (!err && s->has_limit)
		err = eval_key(p, "limit", s->limit, scope, &ret->limit, msg);
	if (!err && s->collect)
		err = eval_key(p, "collect", s->collect, scope, &ret->collect, msg);
	if (!err)
		err = eval_cancels(p, scope, ret, msg);
	ret->once_ms = s->once_ms;
	ret->max = s->max;
	ret->rate = s->rate;
	ret->rate_ms = s->rate_ms;
	ret->then = s->then;
	ret->for_ms = s->for_ms;
	ret->quiet_ms = s->quiet_ms;
	ret->collect_max = s->collect_max;
	return err;
}
