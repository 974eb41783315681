/*
 * What an API key may spend: so many calls a second, so many a day. All connections with that key
 * share one purse, and every request takes its leave here (actions/pass.h).
 *
 * Rate: per_second permits. A pass that was granted holds one until 1.05 s after its bytes left, so
 * that no second has more of them than that, however long the commit in between takes.
 * Fairness: what waits leaves in turn, rule by rule, by weight; people, settling and logins first.
 * Bounded: PURSE_RULE_MAX waiting passes a rule, PURSE_MAX in all; others are told when to come again.
 */
#pragma once

#include <jansson.h>

#include "actions/pass.h"

#define PURSE_RULE_MAX 32
#define PURSE_MAX 256

struct purse_limits {
	double per_second; /* 0: none is known */
	int64_t per_day;   /* 0: none is known */
	int64_t resets_ms; /* when the day begins, after 00:00 UTC */
	int64_t reserve;   /* of the day, kept from rules; -1: the fiftieth part */
};

struct purse;

/* id: its row in the store. label: for people; both are copied. */
struct purse *purse_new(const char *id, const char *label, const struct purse_limits *l);
void purse_free(struct purse *p);
/* Another connection of the same key has these limits: the lower ones hold. Before purse_start. */
void purse_narrow(struct purse *p, const struct purse_limits *l);
const char *purse_label(const struct purse *p);

/* From now on; the first pass does it otherwise. The window counts as full. Again: no effect. */
void purse_start(struct purse *p, const struct services *s);
/* What waits is not called back any more, and nothing else happens. */
void purse_stop(struct purse *p);

/* What rules say of themselves: forget_rules, then one set_rule each. reserve: calls of a day. */
void purse_forget_rules(struct purse *p);
void purse_set_rule(struct purse *p, const char *rule, double share, int64_t reserve);

/* pass.c's: as the functions of pass.h, for a pass whose connection has a purse. */
bool purse_ask(struct purse *p, struct pass *a);
void purse_leave(struct purse *p, struct pass *a);
void purse_answered(struct purse *p, const struct pass *a, const struct pass_answer *r);
void purse_done(struct purse *p, struct pass *a);

/* Wall ms when rules may call again; 0: they may now. */
int64_t purse_back_at(struct purse *p);
/*
 * {name, per_second, permits, per_day, resets, reserve, day, spent, left, last_hour, turns_at, forecast,
 * waiting, pauses, paused_until, shares: [{name, kind: rule|person|settle|login|look, share, reserve,
 * spent, waiting}]}: a new reference. Null is what no limit is known of, and what is not to come.
 */
json_t *purse_json(struct purse *p);
