/* What each API key may spend, has spent, and when it runs out. */
#include <string.h>

#include "actions/connections.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"

void api_budget(const struct api_call *c)
{
	reply_json(
		c->req, 200,
		json_pack("{s:o}", "budgets", connections_budgets(c->service->kit->connections)));
}

/* ---- figures ---- */

static void add_label(struct buf *b, const char *text)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			(void)buf_printf(b, "\\%c", *text);
		else if ((unsigned char)*text >= ' ')
			(void)buf_putc(b, *text);
}

static void add_value(struct buf *b, const char *name, const json_t *budget, const char *more,
		      const char *label, const json_t *v)
{
	if (!json_is_number(v))
		return;
	(void)buf_printf(b, "pawl_budget_%s{budget=\"", name);
	add_label(b, json_str(budget, "name"));
	if (more) {
		(void)buf_printf(b, "\",%s=\"", more);
		add_label(b, label);
	}
	(void)buf_printf(b, "\"} %.15g\n", json_number_value(v));
}

/* X(member, metric, type, help) */
#define FIGURES(X)                                                                                 \
	X("per_second", "per_second", "gauge", "Calls a second that the key allows.")              \
	X("permits", "permits", "gauge", "The same, after what its answers have taught.")          \
	X("per_day", "per_day", "gauge", "Calls a day that the key allows.")                       \
	X("spent", "spent", "gauge", "Calls of the day, those of other processes too.")            \
	X("left", "left", "gauge", "Calls that are left of the day.")                              \
	X("waiting", "waiting", "gauge", "Calls that wait for their turn.")                        \
	X("pauses", "pauses_total", "counter", "Times the API said that it is too fast.")

static void add_figure(struct buf *b, const json_t *budgets, const char *member, const char *name,
		       const char *type, const char *help)
{
	size_t i;
	json_t *v;
	(void)buf_printf(b, "# HELP pawl_budget_%s %s\n# TYPE pawl_budget_%s %s\n", name, help,
			 name, type);
	json_array_foreach ((json_t *)budgets, i, v)
		add_value(b, name, v, NULL, NULL, json_object_get(v, member));
}

static void add_shares(struct buf *b, const json_t *budgets)
{
	size_t i, k;
	json_t *v, *share;
	(void)buf_puts(b, "# HELP pawl_budget_rule_spent Calls of the day, by rule or kind.\n"
			  "# TYPE pawl_budget_rule_spent gauge\n");
	json_array_foreach ((json_t *)budgets, i, v)
		json_array_foreach (json_object_get(v, "shares"), k, share) {
			const char *kind = json_str(share, "kind");
			add_value(b, "rule_spent", v, strcmp(kind, "rule") == 0 ? "rule" : "kind",
				  json_str(share, "name"), json_object_get(share, "spent"));
		}
}

void api_budget_metrics(const struct service *s, struct buf *b)
{
	json_auto_t *budgets = connections_budgets(s->kit->connections);
	if (!json_array_size(budgets))
		return;
#define X(member, name, type, help) add_figure(b, budgets, member, name, type, help);
	FIGURES(X)
#undef X
	add_shares(b, budgets);
}
