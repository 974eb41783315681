/* `budget:` of a connection. */
#include "actions/budget.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "actions/catalogue.h"
#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"

#define PER_SECOND_MAX 10000
#define PER_DAY_MAX 1000000000
#define KEY_MAX 100

bool budget_reserve(const json_t *v, int64_t *ret)
{
	if (json_is_integer(v)) {
		*ret = json_integer_value(v);
		return *ret >= 0 && *ret <= PER_DAY_MAX;
	}
	char *end;
	const char *text = json_string_value(v);
	if (!text || !isdigit((unsigned char)*text))
		return false;
	*ret = strtoll(text, &end, 10);
	return strcmp(end, "/day") == 0 && *ret <= PER_DAY_MAX;
}

/* "05:30 UTC" */
static bool read_resets(const json_t *v, int64_t *ret_ms)
{
	const char *t = json_string_value(v);
	if (!t || strlen(t) != 9 || strcmp(t + 5, " UTC") != 0 || t[2] != ':')
		return false;
	for (int i = 0; i < 5; i++)
		if (i != 2 && !isdigit((unsigned char)t[i]))
			return false;
	int hours = (t[0] - '0') * 10 + t[1] - '0', minutes = (t[3] - '0') * 10 + t[4] - '0';
	*ret_ms = (hours * 60 + minutes) * 60000LL;
	return hours < 24 && minutes < 60;
}

static bool read_rate(const json_t *v, double *ret)
{
	*ret = json_number_value(v);
	return json_is_number(v) && *ret > 0 && *ret <= PER_SECOND_MAX;
}

static bool read_day(const json_t *v, int64_t *ret)
{
	*ret = json_integer_value(v);
	return json_is_integer(v) && *ret > 0 && *ret <= PER_DAY_MAX;
}

static bool is_key(const json_t *v)
{
	return json_is_string(v) && json_string_length(v) && json_string_length(v) <= KEY_MAX;
}

static int read_member(const char *name, const char *key, const json_t *v, struct purse_limits *l,
		       struct errmsg *msg)
{
	static const char *const known[] = {"per_second", "per_day", "resets", "reserve", "key"};
	if (strcmp(key, "per_second") == 0)
		return read_rate(v, &l->per_second)
			       ? 0
			       : err_set(msg, ERR_INVALID,
					 "connection %s: budget.per_second must be a number above 0",
					 name);
	if (strcmp(key, "per_day") == 0)
		return read_day(v, &l->per_day)
			       ? 0
			       : err_set(msg, ERR_INVALID,
					 "connection %s: budget.per_day must be a whole number above 0",
					 name);
	if (strcmp(key, "resets") == 0)
		return read_resets(v, &l->resets_ms)
			       ? 0
			       : err_set(msg, ERR_INVALID,
					 "connection %s: budget.resets must be a time such as "
					 "\"00:00 UTC\"",
					 name);
	if (strcmp(key, "reserve") == 0)
		return budget_reserve(v, &l->reserve)
			       ? 0
			       : err_set(msg, ERR_INVALID,
					 "connection %s: budget.reserve must be so many calls a day: "
					 "200/day",
					 name);
	if (strcmp(key, "key") == 0)
		return is_key(v) ? 0
				 : err_set(msg, ERR_INVALID,
					   "connection %s: budget.key must be a name", name);
	const char *near = suggest(key, known, sizeof(known) / sizeof(*known));
	return err_set(msg, ERR_INVALID, "connection %s: unknown key 'budget.%s'%s%s%s", name, key,
		       near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int read_limits(const char *name, const json_t *budget, const struct connector *k,
		       struct purse_limits *ret, struct errmsg *msg)
{
	const char *key, *word = json_string_value(budget);
	json_t *v;
	int err = 0;
	*ret = (struct purse_limits){.reserve = -1};
	if (word && strcmp(word, "none") == 0)
		return 0;
	if (budget && !json_is_object(budget))
		return err_set(msg, ERR_INVALID,
			       "connection %s: budget must be a map such as {per_second: 4, "
			       "per_day: 10000}, or none",
			       name);
	if (k) {
		ret->per_second = k->per_second;
		ret->per_day = k->per_day;
	}
	json_object_foreach ((json_t *)budget, key, v)
		if (!err)
			err = read_member(name, key, v, ret, msg);
	if (!err && ret->reserve > 0 && ret->reserve >= ret->per_day)
		err = err_set(msg, ERR_INVALID,
			      "connection %s: budget.reserve leaves nothing of per_day for rules",
			      name);
	return err;
}

/* Limits are a key's: the one that is said, the client's, the token's, or else the connection's own. */
static void name_key(const char *name, const char *base_url, const json_t *config, char **ret_key,
		     char **ret_label)
{
	char hex[HASH_HEX_LEN];
	const char *said = json_str(json_object_get(config, "budget"), "key");
	const char *client = json_string_value(json_path(config, "auth.oauth2.client_id"));
	const char *token = json_string_value(json_path(config, "auth.bearer"));
	if (said) {
		*ret_key = mem_printf("budget/key/%s", said);
		*ret_label = mem_strdup(said);
		return;
	}
	if (client && *client)
		*ret_key = mem_printf("budget/client/%s", client);
	else if (token && *token)
		*ret_key = mem_printf("budget/token/%.16s", sha256_hex(token, strlen(token), hex));
	else
		*ret_key = mem_printf("budget/connection/%s %s", name, base_url);
	*ret_label = mem_strdup(name);
}

int budget_read(const char *name, const char *base_url, const json_t *config,
		const struct connector *k, struct purse_limits *ret, char **ret_key,
		char **ret_label, struct errmsg *msg)
{
	*ret_key = *ret_label = NULL;
	int err = read_limits(name, json_object_get(config, "budget"), k, ret, msg);
	if (!err && (ret->per_second > 0 || ret->per_day > 0))
		name_key(name, base_url, config, ret_key, ret_label);
	return err;
}
