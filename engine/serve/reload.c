/* The rules on disk: read at the start, and again when they change; whole or not at all. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/serve/parts.h"
#include "engine/serve/roster.h"

#define WATCH_MS 1000
#define TOLD_MAX 50

static const char *const *paths(const struct service *s)
{
	return (const char *const *)s->config->rules;
}

/* Of the rules and of the scripts that they run. */
static uint64_t fingerprint(const struct service *s)
{
	const char *scripts = s->config->scripts;
	return rules_fingerprint(paths(s), s->config->n_rules) ^ rules_fingerprint(&scripts, 1);
}

static void log_findings(const struct findings *f)
{
	for (size_t i = 0; i < f->n && i < TOLD_MAX; i++) {
		const struct finding *at = &f->at[i];
		log_line(at->warning ? LOG_WARN : LOG_ERROR, "rule_finding", "file", at->file,
			 "line", log_num(at->line), "col", log_num(at->col), "text", at->text,
			 NULL);
	}
}

/* The plans are on their way to the store before any event can start their runs. */
static void put_plans(struct service *s)
{
	connections_forget_rules(s->kit->connections);
	for (size_t i = 0; i < ruleset_count(s->rules); i++) {
		connections_set_rule(s->kit->connections, ruleset_at(s->rules, i));
		engine_put_plan(s->engine, ruleset_at(s->rules, i));
	}
	if (ruleset_later(s->rules))
		engine_put_plan(s->engine, ruleset_later(s->rules));
	timetable_set(s->timetable, s->rules);
	roster_keep(s->store, s->rules);
}

int reload_first(struct service *s, struct errmsg *msg)
{
	struct findings f = {0};
	s->fingerprint = fingerprint(s);
	s->rules = ruleset_load(&s->kit->env, paths(s), s->config->n_rules, &f);
	log_findings(&f);
	size_t errors = f.errors;
	if (errors)
		(void)err_set(msg, ERR_INVALID,
			      "the rules have %zu mistake%s, the first: %s:%d:%d: %s", errors,
			      errors == 1 ? "" : "s", f.at[0].file, f.at[0].line, f.at[0].col,
			      f.at[0].text);
	findings_done(&f);
	return errors ? ERR_INVALID : 0;
}

int service_reload(struct service *s, struct findings *f)
{
	struct findings own = {0}, *to = f ? f : &own;
	size_t before = to->errors;
	s->fingerprint = fingerprint(s);
	struct ruleset *fresh = ruleset_load(&s->kit->env, paths(s), s->config->n_rules, to);
	bool good = fresh && to->errors == before;
	log_findings(to);
	if (good) {
		bool same = strcmp(ruleset_hash(fresh), ruleset_hash(s->rules)) == 0;
		ruleset_free(s->rules);
		s->rules = fresh;
		if (!same)
			put_plans(s);
		s->reloads++;
		log_line(LOG_INFO, "rules_loaded", "rules",
			 log_num((long long)ruleset_count(fresh)), "changed", same ? "no" : "yes",
			 NULL);
	} else {
		ruleset_free(fresh);
		s->failed_reloads++;
		log_line(LOG_ERROR, "rules_not_loaded", "errors", log_num((long long)to->errors),
			 "text", "the rules from before stay", NULL);
	}
	findings_done(&own);
	return good ? 0 : ERR_INVALID;
}

static void on_watch(struct loop_timer *t)
{
	struct service *s = container_of(t, struct service, watch);
	loop_timer_start(s->loop, t, WATCH_MS);
	if (fingerprint(s) != s->fingerprint)
		(void)service_reload(s, NULL);
}

void reload_watch(struct service *s)
{
	put_plans(s);
	s->watch.cb = on_watch;
	loop_timer_start(s->loop, &s->watch, WATCH_MS);
}

void reload_unwatch(struct service *s)
{
	loop_timer_stop(s->loop, &s->watch);
}
