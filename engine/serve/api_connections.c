/* Connections: what they may do, and the login of a person for one. */
#include <string.h>

#include "actions/login.h"
#include "engine/base/json.h"
#include "engine/serve/api_private.h"

static json_t *connection_json(const struct service *s, const struct connection *conn)
{
	json_t *v = json_pack("{s:s, s:s?, s:s, s:b, s:s}", "name", conn->name, "connector",
			      conn->connector, "base_url", conn->base_url, "authorized",
			      conn->authorization != NULL, "auth",
			      conn->oauth2          ? "oauth2"
			      : conn->authorization ? "bearer"
			      : conn->partner       ? "partner"
						    : "none");
	json_t *status = token_status(s->tokens, conn);
	json_object_update(v, status);
	const char *state = json_str(status, "state");
	if (state && strcmp(state, "ok") == 0)
		json_object_set_new(v, "authorized", json_true());
	json_object_set_new(v, "partner", json_boolean(conn->partner != NULL));
	json_decref(status);
	return v;
}

void api_connections(const struct api_call *c)
{
	json_t *list = json_array();
	const struct connection *conn;
	size_t i = 0;
	while ((conn = connections_next(c->service->kit->connections, &i)))
		json_array_append_new(list, connection_json(c->service, conn));
	reply_json(c->req, 200, json_pack("{s:o, s:n}", "connections", list, "next"));
}

/* NULL after it was refused. */
static const struct connection *find(const struct api_call *c)
{
	const struct connection *conn = connections_find(c->service->kit->connections, c->arg);
	if (!conn)
		reply_problem(c->req, 404, NULL, "there is no connection '%s'", c->arg);
	return conn;
}

/* With its last login, whatever became of that. */
void api_connection(const struct api_call *c)
{
	const struct connection *conn = find(c);
	if (!conn)
		return;
	const struct login *l = map_get(&c->api->logins, conn->name);
	json_t *v = connection_json(c->service, conn);
	json_object_set_new(v, "login", l ? login_json(l) : json_null());
	reply_json(c->req, 200, v);
}

/* {flow: device | browser}: begins a login, in the place of one before. */
void api_connect(const struct api_call *c)
{
	struct service *s = c->service;
	struct errmsg msg;
	const struct connection *conn = find(c);
	json_auto_t *body = conn ? api_body(c) : NULL;
	if (!body)
		return;
	const char *flow = json_str(body, "flow");
	struct login_config conf = {s->loop, s->http, s->tokens, s->rng};
	struct login *l = NULL;
	if (flow && strcmp(flow, "device") == 0)
		l = login_device(&conf, conn, &msg);
	else if (flow && strcmp(flow, "browser") == 0)
		l = login_browser(&conf, conn, &msg);
	else
		(void)err_set(&msg, ERR_INVALID, "flow is one of: device browser");
	if (!l) {
		reply_error(c->req, msg.code, msg.text);
		return;
	}
	login_free(map_put(&c->api->logins, conn->name, l));
	reply_json(c->req, 202, login_json(l));
}

/* {state, code, error}: what the browser came back with. */
void api_connect_code(const struct api_call *c)
{
	struct errmsg msg;
	const struct connection *conn = find(c);
	json_auto_t *body = conn ? api_body(c) : NULL;
	if (!body)
		return;
	struct login *l = map_get(&c->api->logins, conn->name);
	int err = l ? login_code(l, json_str(body, "state"), json_str(body, "code"),
				 json_str(body, "error"), &msg)
		    : err_set(&msg, ERR_INVALID, "no login was begun");
	if (err)
		reply_error(c->req, err, msg.text);
	else
		reply_json(c->req, 202, login_json(l));
}

void api_connections_done(struct api *a)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&a->logins, &i));)
		login_free(e->value);
	map_done(&a->logins);
}
