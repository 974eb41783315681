/*
 * The trigger `poll`. A rule of its own, RULE.poll, looks at a list again and again, remembers what it has
 * seen, and emits an event for each item that is new or has changed: with the steps that every rule has,
 * so that a look goes on where it was cut off and tells of an item once.
 */
#include <stdio.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/rule/compile.h"

/* $words are nodes of the trigger; %s: its time, its zone, the rule's parts, its parameters, what of a first look. */
static const char form[] =
	"api: pawl/1\n"
	"rule: $rule\n"
	"about: $about\n"
	"when:\n"
	"  - {%s}\n"
	"limit: {max: 1, then: drop}\n"
	"%s%s%s"
	"do:\n"
	"  - {memory: {get: since}, as: last}\n"
	"  - set: {poll: '={since = last and last.since}', began: =now}\n"
	"  - each: {call: $action%s}\n"
	"    item: item\n"
	"    do:\n"
	"      - set: {key: $key, value: $changed}\n"
	"      - if: key == nil\n"
	"        do: [{fail: 'an item of the poll has no key: key: gives nil'}]\n"
	"      - set: {place: '=\"item:\" .. sha256(json.encode({key}))', "
	"print: '=sha256(json.encode({value or false}))'}\n"
	"      - {memory: {get: =place}, as: seen}\n"
	"      - if: seen ~= print\n"
	"        do:\n"
	"          - memory: {put: =place, value: =print}\n"
	"          - if: %s\n"
	"            do:\n"
	"              - emit: $type\n"
	"                data: '={item = item, change = seen and \"changed\" or \"new\"}'\n"
	"  - memory: {put: since, value: '={since = time.format(began - 60)}'}\n";

/* ---- nodes ---- */

struct word {
	const char *name;
	const struct ynode *node;
};

struct filling {
	struct compiler *c;
	const struct ynode *at; /* the place of what the author did not write */
	struct word words[16];
	size_t n;
};

static struct ynode *text_node(struct compiler *c, const struct ynode *at, const char *text)
{
	struct ynode *n = arena_alloc(&c->scratch, sizeof(*n));
	*n = (struct ynode){.kind = Y_STRING,
			    .line = at->line,
			    .col = at->col,
			    .text = arena_strdup(&c->scratch, text),
			    .len = strlen(text)};
	return n;
}

/* An expression, whose leading '=' may be left out. */
static const struct ynode *expression_node(struct compiler *c, const struct ynode *n,
					   const char *word)
{
	if (n->kind != Y_STRING || !n->len) {
		compile_error(c, n, "%s: takes an expression over item, such as item.id", word);
		return NULL;
	}
	if (n->text[0] == '=')
		return n;
	struct ynode *own = text_node(c, n, arena_printf(&c->scratch, "=%s", n->text));
	own->col--;
	return own;
}

static const struct ynode *filled(const struct filling *f, struct ynode *n)
{
	for (size_t i = 0; n->text && n->text[0] == '$' && i < f->n; i++)
		if (!strcmp(f->words[i].name, n->text + 1))
			return f->words[i].node;
	n->line = f->at->line;
	n->col = f->at->col;
	for (size_t i = 0; i < n->n; i++) {
		if (n->keys)
			(void)filled(f, n->keys[i]);
		n->items[i] = (struct ynode *)filled(f, n->items[i]);
	}
	return n;
}

static void put(struct filling *f, const char *name, const struct ynode *n)
{
	f->words[f->n++] = (struct word){name, n};
}

/* ---- the trigger's words ---- */

/* "every: $time", or a schedule; NULL after an error. */
static const char *time_of(struct filling *f, const struct ynode *n)
{
	const struct ynode *every = ynode_get(n, "every"), *at = ynode_get(n, "at"),
			   *zone = ynode_get(n, "zone");
	if (!every == !at) {
		compile_error(f->c, f->at,
			      "poll: says how often by every: 5m or at: CRON, one of them");
		return NULL;
	}
	put(f, "time", every ? every : at);
	if (zone)
		put(f, "zone", zone);
	return every ? "every: $time" : zone ? "schedule: $time, zone: $zone" : "schedule: $time";
}

/* Whether items of the first look are told; NULL after an error. */
static const char *first_of(struct compiler *c, const struct ynode *n)
{
	const struct ynode *first = ynode_get(n, "first");
	if (!first || (first->text && !strcmp(first->text, "skip")))
		return "last ~= nil";
	if (first->text && !strcmp(first->text, "all"))
		return "true";
	compile_error(c, first, "first: is skip or all");
	return NULL;
}

static bool take_items(struct filling *f, const struct ynode *n)
{
	const struct ynode *key = ynode_get(n, "key"), *changed = ynode_get(n, "changed");
	if (!key) {
		compile_error(
			f->c, f->at,
			"poll: needs key:, an expression over item that tells items apart, such "
			"as item.id");
		return false;
	}
	key = expression_node(f->c, key, "key");
	changed = changed ? expression_node(f->c, changed, "changed") : text_node(f->c, f->at, "");
	put(f, "key", key);
	put(f, "changed", changed);
	return key && changed;
}

/* ---- the rule ---- */

const char *poll_rule(struct compiler *c, const struct ynode *trigger)
{
	const struct ynode *id = ynode_get(trigger, "id");
	const char *name = id && id->kind == Y_STRING ? id->text : NULL;
	if (!name && c->n_polls)
		name = arena_printf(&c->plan->arena, "poll-%zu", c->n_polls + 1);
	return arena_printf(&c->plan->arena, "%s.%s", c->plan->rule, name ? name : "poll");
}

void poll_note(struct compiler *c, const struct ynode *trigger, const char *rule)
{
	if (c->n_polls == POLLS_MAX) {
		compile_error(c, trigger, "a rule has at most %d polls", POLLS_MAX);
		return;
	}
	c->polls[c->n_polls++] = (struct poll){trigger, rule};
}

/* `part: $part` where the rule that polls has it. */
static const char *part(struct filling *f, const struct ynode *root, const char *name)
{
	const struct ynode *v = ynode_get(root, name);
	if (!v)
		return "";
	put(f, name, v);
	return arena_printf(&f->c->scratch, "%s: $%s\n", name, name);
}

static struct plan *make(struct compiler *c, const struct ynode *root, const struct poll *p)
{
	const struct ynode *with = ynode_get(p->trigger, "with");
	struct filling f = {.c = c, .at = ynode_key(p->trigger, "poll")};
	struct yaml_error err;
	const struct ynode *action = ynode_get(p->trigger, "poll");
	const char *time = time_of(&f, p->trigger), *first = first_of(c, p->trigger);
	if (!time || !first || !take_items(&f, p->trigger))
		return NULL;
	const char *vars = part(&f, root, "vars"), *enabled = part(&f, root, "enabled"),
		   *budget = part(&f, root, "budget");
	auto_free char *text =
		mem_printf(form, time, vars, enabled, budget, with ? ", with: $with" : "", first);
	struct yaml_file *y = yaml_read(text, strlen(text), false, &err);
	put(&f, "rule", text_node(c, f.at, p->rule));
	put(&f, "about",
	    text_node(c, f.at,
		      arena_printf(&c->scratch, "looks for the rule %s at %s", c->plan->rule,
				   action->text)));
	put(&f, "type", text_node(c, f.at, arena_printf(&c->scratch, "poll:%s", action->text)));
	put(&f, "action", action);
	put(&f, "with", with);
	struct plan *plan = y ? compile_hidden(c, filled(&f, yaml_doc(y, 0)->root)) : NULL;
	yaml_file_free(y);
	return plan;
}

struct plan *poll_compile(struct compiler *c, const struct ynode *root, size_t i)
{
	return make(c, root, &c->polls[i]);
}
