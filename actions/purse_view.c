/* What a purse says of itself. */
#include <stdio.h>

#include "actions/purse_private.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

static const char *const kind_words[PURSE_KINDS] = {
	[PASS_PERSON] = "person", [PASS_SETTLE] = "settle", [PASS_LOGIN] = "login",
	[PASS_RULE] = "rule",     [PASS_LOOK] = "look",
};

static json_t *time_or_null(int64_t ms)
{
	char text[TIME_TEXT_LEN];
	return ms ? json_string(time_format(ms, text)) : json_null();
}

static void add_share(json_t *list, const struct share *s, const char *name)
{
	if (!s->spent && !s->n_waiting && !s->reserve)
		return;
	json_array_append_new(list,
			      json_pack("{s:s, s:s, s:f, s:I, s:I, s:I}", "name", name, "kind",
					kind_words[s->kind], "share", s->weight, "reserve",
					(json_int_t)s->reserve, "spent", (json_int_t)s->spent,
					"waiting", (json_int_t)s->n_waiting));
}

static json_t *shares_json(const struct purse *p)
{
	json_t *list = json_array();
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&p->rules, &i));)
		add_share(list, e->value, e->key);
	for (i = 0; i < PURSE_KINDS; i++)
		if (i != PASS_RULE)
			add_share(list, &p->kinds[i], kind_words[i]);
	return list;
}

static json_t *number_or_null(bool known, int64_t n)
{
	return known ? json_integer(n) : json_null();
}

static void add_day(json_t *v, struct purse *p)
{
	struct quota *q = &p->quota;
	char resets[24], day[TIME_TEXT_LEN];
	bool has = q->limit > 0, on = p->started;
	int64_t minutes = q->resets_ms / 60000;
	(void)snprintf(resets, sizeof(resets), "%02d:%02d UTC", (int)(minutes / 60) % 24,
		       (int)(minutes % 60));
	time_format(q->day * QUOTA_DAY_MS, day);
	day[10] = 0;
	json_object_set_new(v, "per_day", number_or_null(has, q->limit));
	json_object_set_new(v, "resets", has ? json_string(resets) : json_null());
	json_object_set_new(v, "reserve", number_or_null(has, p->reserve));
	json_object_set_new(v, "day", has && on ? json_string(day) : json_null());
	json_object_set_new(v, "spent", number_or_null(has, quota_used(q)));
	json_object_set_new(v, "left", number_or_null(has, quota_open(q)));
	json_object_set_new(v, "last_hour", json_integer(on ? quota_last_hour(q) : 0));
	json_object_set_new(v, "turns_at", time_or_null(has && on ? quota_turn_at(q) : 0));
	json_object_set_new(v, "forecast", time_or_null(has && on ? quota_forecast(q) : 0));
}

static int64_t paused_until(const struct purse *p)
{
	int64_t left = p->started ? p->paused_until - loop_boot_ms(p->loop) : 0;
	return left > 0 ? loop_wall_ms(p->loop) + left : 0;
}

json_t *purse_json(struct purse *p)
{
	if (p->started)
		purse_tick(p);
	json_t *v = json_pack("{s:s}", "name", p->label);
	if (p->n_ring) {
		json_object_set_new(v, "per_second", json_real(p->per_second));
		json_object_set_new(v, "permits", json_integer(p->permits));
	} else {
		json_object_set_new(v, "per_second", json_null());
		json_object_set_new(v, "permits", json_null());
	}
	add_day(v, p);
	json_object_set_new(v, "waiting", json_integer(p->n_waiting));
	json_object_set_new(v, "pauses", json_integer(p->pauses));
	json_object_set_new(v, "paused_until", time_or_null(paused_until(p)));
	json_object_set_new(v, "shares", shares_json(p));
	return v;
}
