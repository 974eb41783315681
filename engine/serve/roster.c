/* Rule sets of other times. */
#include "engine/serve/roster.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/run/plan.h"
#include "engine/serve/parts.h"

/* ---- keeping ---- */

struct keeping {
	struct store_keep keep;
	char *name, *text;
};

static void on_kept(struct store_op *op)
{
	struct keeping *k =
		container_of(container_of(op, struct store_keep, op), struct keeping, keep);
	if (op->err)
		log_line(LOG_ERROR, "rules_not_kept", "text", op->msg.text, NULL);
	free(k->name);
	free(k->text);
	free(k);
}

static json_t *row(const struct plan *p)
{
	return json_pack("{s:s, s:s, s:b}", "rule", p->rule, "version", p->hash, "enabled",
			 p->enabled);
}

void roster_keep(struct store *s, const struct ruleset *r)
{
	struct keeping *k = mem_alloc(sizeof(*k));
	json_auto_t *list = json_array();
	for (size_t i = 0; i < ruleset_count(r); i++)
		json_array_append_new(list, row(ruleset_at(r, i)));
	k->name = mem_printf("ruleset:%s", ruleset_hash(r));
	k->text = json_text(list);
	k->keep = (struct store_keep){.op = {.verb = STORE_KEEP, .cb = on_kept},
				      .name = k->name,
				      .bytes = k->text,
				      .len = strlen(k->text)};
	store_submit(s, &k->keep.op);
}

/* ---- fetching ---- */

static void fetch_next(struct roster *r);

static void add(struct roster *r, struct plan *taken)
{
	const json_t *at = json_array_get(r->list, r->at++);
	taken->enabled = json_bool(at, "enabled", true);
	r->plans[r->n++] = taken;
}

/* A rule that is not there any more, or not understood any more, cannot be told about. */
static void on_source(struct store_op *op)
{
	struct roster *r =
		container_of(container_of(op, struct store_get_source, op), struct roster, source);
	struct plan *p = op->err ? NULL
				 : rule_compile_bundle(&r->service->kit->env, r->source.text,
						       r->source.len, NULL);
	free(r->source.text);
	if (p)
		add(r, p);
	else
		r->at++;
	fetch_next(r);
}

static void fetch_next(struct roster *r)
{
	for (; r->at < json_array_size(r->list);) {
		const json_t *at = json_array_get(r->list, r->at);
		const char *rule = json_str(at, "rule"), *version = json_str(at, "version");
		struct plan *p = rule ? ruleset_find(r->service->rules, rule) : NULL;
		if (p && version && strcmp(p->hash, version) == 0 &&
		    p->enabled == json_bool(at, "enabled", true)) {
			add(r, plan_ref(p));
			continue;
		}
		r->source =
			(struct store_get_source){.op = {.verb = STORE_GET_SOURCE, .cb = on_source},
						  .hash = version ? version : ""};
		store_submit(r->service->store, &r->source.op);
		return;
	}
	r->done(r);
}

static void take_now(struct roster *r)
{
	const struct ruleset *now = r->service->rules;
	size_t n = ruleset_count(now);
	r->plans = mem_alloc((n + 1) * sizeof(*r->plans));
	for (; r->n < n; r->n++)
		r->plans[r->n] = plan_ref(ruleset_at(now, r->n));
	r->done(r);
}

static void on_read(struct store_op *op)
{
	struct roster *r =
		container_of(container_of(op, struct store_kept, op), struct roster, kept);
	r->list = op->err ? NULL : json_loadb(r->kept.bytes, r->kept.len, 0, NULL);
	free(r->kept.bytes);
	if (!json_is_array(r->list)) {
		take_now(r);
		return;
	}
	r->known = true;
	r->plans = mem_alloc((json_array_size(r->list) + 1) * sizeof(*r->plans));
	fetch_next(r);
}

void roster_fetch(struct roster *r, const struct service *s, const char *ruleset,
		  void (*done)(struct roster *r))
{
	*r = (struct roster){.service = s, .done = done};
	if (strcmp(ruleset, ruleset_hash(s->rules)) == 0) {
		r->known = true;
		take_now(r);
		return;
	}
	r->name = mem_printf("ruleset:%s", ruleset);
	r->kept = (struct store_kept){.op = {.verb = STORE_KEPT, .cb = on_read}, .name = r->name};
	store_submit(s->store, &r->kept.op);
}

void roster_done(struct roster *r)
{
	for (size_t i = 0; i < r->n; i++)
		plan_unref(r->plans[i]);
	free(r->plans);
	free(r->name);
	json_decref(r->list);
}
