/* Connections by name. */
#include "actions/connections.h"

#include <stdlib.h>
#include <string.h>

#include "actions/budget.h"
#include "actions/catalogue.h"
#include "actions/oauth.h"
#include "actions/purse.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/map.h"
#include "engine/base/seal.h"
#include "engine/base/suggest.h"
#include "engine/base/timefmt.h"
#include "engine/run/plan.h"

struct connections {
	struct map by_name;
	struct map purses; /* by API key */
};

struct connections *connections_new(void)
{
	return mem_alloc(sizeof(struct connections));
}

static void connection_free(struct connection *c)
{
	free((char *)c->name);
	free((char *)c->connector);
	free((char *)c->base_url);
	seal_free((char *)c->authorization);
	oauth_client_free((struct oauth_client *)c->oauth2);
	oauth_client_free((struct oauth_client *)c->partner);
	free(c);
}

void connections_free(struct connections *c)
{
	if (!c)
		return;
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&c->by_name, &i));)
		connection_free(e->value);
	map_done(&c->by_name);
	i = 0;
	for (struct map_entry *e; (e = map_next(&c->purses, &i));)
		purse_free(e->value);
	map_done(&c->purses);
	free(c);
}

/* ---- reading one ---- */

static int check_keys(const char *name, const json_t *config, struct errmsg *msg)
{
	static const char *const known[] = {"connector", "base_url", "auth", "timeout", "budget"};
	const char *key;
	json_t *v;
	json_object_foreach ((json_t *)config, key, v) {
		bool found = false;
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			found |= strcmp(known[i], key) == 0;
		if (found)
			continue;
		const char *near = suggest(key, known, sizeof(known) / sizeof(*known));
		return err_set(msg, ERR_INVALID, "connection %s: unknown key '%s'%s%s%s", name, key,
			       near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	return 0;
}

/* Its text must be fit for a header. */
static int read_bearer(struct connection *c, const json_t *auth, struct errmsg *msg)
{
	const char *token = json_str(auth, "bearer");
	if (!json_object_get(auth, "bearer"))
		return 0;
	if (!token || !*token)
		return err_set(msg, ERR_INVALID, "connection %s: the bearer token is empty",
			       c->name);
	if (token[strcspn(token, "\r\n \t")])
		return err_set(msg, ERR_INVALID, "connection %s: the bearer token has blanks in it",
			       c->name);
	c->authorization = mem_printf("Bearer %s", token);
	return 0;
}

static int read_client(struct connection *c, const json_t *auth, const char *kind,
		       const json_t *data, const struct oauth_client **ret, struct errmsg *msg)
{
	const json_t *conf = json_object_get(auth, kind);
	if (!conf)
		return 0;
	*ret = oauth_client_new(c->name, conf, data, ret == &c->partner, msg);
	return *ret ? 0 : msg->code;
}

/* {bearer} or {oauth2}, and beside it {partner}. */
static int read_auth(struct connection *c, const json_t *auth, const struct connector *k,
		     struct errmsg *msg)
{
	const json_t *data = k ? k->oauth2 : NULL;
	size_t known = 0;
	if (!auth)
		return 0;
	for (size_t i = 0; i < 3; i++)
		known += json_object_get(auth, (const char *[]){"bearer", "oauth2", "partner"}[i])
				 ? 1
				 : 0;
	if (!json_is_object(auth) || !known || json_object_size(auth) != known ||
	    (json_object_get(auth, "bearer") && json_object_get(auth, "oauth2")))
		return err_set(msg, ERR_INVALID,
			       "connection %s: auth takes {bearer: …} or {oauth2: {…}}, and "
			       "{partner: {…}}",
			       c->name);
	int err = read_bearer(c, auth, msg);
	if (!err)
		err = read_client(c, auth, "oauth2", data, &c->oauth2, msg);
	if (!err)
		err = read_client(c, auth, "partner", json_object_get(data, "partner"), &c->partner,
				  msg);
	return err;
}

static int read_base_url(struct connection *c, const json_t *config, const struct connector *k,
			 struct errmsg *msg)
{
	const char *url = json_str(config, "base_url");
	if (!url && k)
		url = k->base_url;
	if (!url)
		return err_set(msg, ERR_INVALID, "connection %s: base_url is missing", c->name);
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return err_set(msg, ERR_INVALID,
			       "connection %s: base_url must begin with https:// or http://",
			       c->name);
	size_t len = strlen(url);
	while (len && url[len - 1] == '/')
		len--;
	c->base_url = mem_strndup(url, len);
	return 0;
}

/* `connector:` names the catalogue's entry when it is not the connection's own name. */
static int read_connector(struct connection *c, const struct catalogue *cat, const json_t *config,
			  const struct connector **ret, struct errmsg *msg)
{
	const char *said = json_str(config, "connector");
	*ret = catalogue_connector(cat, said ? said : c->name);
	if (said && !*ret) {
		const char *near = catalogue_suggest_connector(cat, said);
		return err_set(msg, ERR_INVALID, "connection %s: there is no connector '%s'%s%s%s",
			       c->name, said, near ? ", did you mean '" : "", near ? near : "",
			       near ? "'?" : "");
	}
	c->connector = *ret ? mem_strdup((*ret)->name) : NULL;
	return 0;
}

static int read_connection(struct connection *c, const struct catalogue *cat, const json_t *config,
			   struct errmsg *msg)
{
	const struct connector *k;
	const char *timeout = json_str(config, "timeout");
	if (!json_is_object(config))
		return err_set(msg, ERR_INVALID, "connection %s: must be a map", c->name);
	int err = check_keys(c->name, config, msg);
	if (!err)
		err = read_connector(c, cat, config, &k, msg);
	if (!err)
		err = read_base_url(c, config, k, msg);
	if (!err)
		err = read_auth(c, json_object_get(config, "auth"), k, msg);
	if (!err && timeout && duration_parse(timeout, &c->timeout_ms, msg))
		err = err_wrap(msg, "connection %s: timeout", c->name);
	return err;
}

/* Limits are those of an API key, however many connections use it. */
static int find_purse(struct connections *c, struct connection *one, const struct connector *k,
		      const json_t *config, struct errmsg *msg)
{
	struct purse_limits limits;
	auto_free char *key = NULL, *label = NULL;
	int err = budget_read(one->name, one->base_url, config, k, &limits, &key, &label, msg);
	if (err || !key)
		return err;
	one->purse = map_get(&c->purses, key);
	if (one->purse) {
		purse_narrow(one->purse, &limits);
		return 0;
	}
	one->purse = purse_new(key, label, &limits);
	(void)map_put(&c->purses, key, one->purse);
	return 0;
}

int connections_add(struct connections *c, const struct catalogue *cat, const char *name,
		    const json_t *config, struct errmsg *msg)
{
	struct connection *one = mem_alloc(sizeof(*one));
	one->name = mem_strdup(name);
	int err = read_connection(one, cat, config, msg);
	if (!err)
		err = find_purse(c, one,
				 catalogue_connector(cat, one->connector ? one->connector : ""),
				 config, msg);
	if (err) {
		connection_free(one);
		return err;
	}
	struct connection *old = map_put(&c->by_name, name, one);
	if (old)
		connection_free(old);
	return 0;
}

const struct connection *connections_find(const struct connections *c, const char *name)
{
	return map_get(&c->by_name, name);
}

const struct connection *connections_next(const struct connections *c, size_t *i)
{
	struct map_entry *e = map_next(&c->by_name, i);
	return e ? e->value : NULL;
}

const char *connections_suggest(const struct connections *c, const char *name)
{
	const char *names[256];
	size_t i = 0, n = 0;
	for (struct map_entry *e; n < 256 && (e = map_next(&c->by_name, &i));)
		names[n++] = ((struct connection *)e->value)->name;
	return suggest(name, names, n);
}

/* ---- what they may spend ---- */

void connections_start(struct connections *c, const struct services *s)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&c->purses, &i));)
		purse_start(e->value, s);
}

void connections_stop(struct connections *c)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&c->purses, &i));)
		purse_stop(e->value);
}

void connections_forget_rules(struct connections *c)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&c->purses, &i));)
		purse_forget_rules(e->value);
}

/* A reserve is kept only where the rule's calls go. */
static bool rule_uses(const struct connections *c, const struct plan *p, const struct purse *purse)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&p->actions, &i));) {
		auto_free char *name = mem_strndup(e->key, strcspn(e->key, "."));
		const struct connection *conn = connections_find(c, name);
		if (conn && conn->purse == purse)
			return true;
	}
	return false;
}

void connections_set_rule(struct connections *c, const struct plan *p)
{
	size_t i = 0;
	if (p->share <= 0 && !p->reserve)
		return;
	for (struct map_entry *e; (e = map_next(&c->purses, &i));)
		if (rule_uses(c, p, e->value))
			purse_set_rule(e->value, p->rule, p->share > 0 ? p->share : 1, p->reserve);
}

json_t *connections_budgets(const struct connections *c)
{
	json_t *list = json_array();
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&c->purses, &i));) {
		json_t *names = json_array();
		size_t k = 0;
		for (const struct connection *one; (one = connections_next(c, &k));)
			if (one->purse == e->value)
				json_array_append_new(names, json_string(one->name));
		json_t *v = json_array_size(names) ? purse_json(e->value) : NULL;
		if (v) {
			json_object_set(v, "connections", names);
			json_array_append_new(list, v);
		}
		json_decref(names);
	}
	return list;
}
