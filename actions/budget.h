/*
 * `budget:` of a connection: its limits, over those that the connector knows, and whose they are.
 *
 *   budget: {per_second: 4, per_day: 10000, resets: "00:00 UTC", reserve: 200/day, key: shop}
 *   budget: none
 */
#pragma once

#include <jansson.h>

#include "actions/purse.h"

struct connector;

/* "200/day", or a number of calls a day. False when it is neither. */
bool budget_reserve(const json_t *v, int64_t *ret);
/*
 * config: the connection's; k may be NULL. *ret_key: malloc'd, the name under which the spending is
 * kept, and *ret_label what people call it; both NULL when no limit is known. ERR_INVALID.
 */
int budget_read(const char *name, const char *base_url, const json_t *config,
		const struct connector *k, struct purse_limits *ret, char **ret_key,
		char **ret_label, struct errmsg *msg);
