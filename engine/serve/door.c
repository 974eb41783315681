/* Every request comes through here: is it meant for us, may it come from there, whose is it? */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/serve/parts.h"
#include "engine/serve/reply.h"

/* ---- names of this machine ---- */

/* The length of the host in "host:port", brackets of an IPv6 address included. */
static size_t host_len(const char *authority)
{
	if (*authority == '[') {
		const char *end = strchr(authority, ']');
		return end ? (size_t)(end - authority) + 1 : strlen(authority);
	}
	return strcspn(authority, ":/");
}

static bool is_host(const char *host, size_t len, const char *name, size_t name_len)
{
	return len == name_len && strncasecmp(host, name, len) == 0;
}

/*
 * A page of a browser can reach a listener on loopback by a name that it lets point there: only names
 * that mean this machine, or that the configuration gives, are answered.
 */
static bool is_known_host(const struct config *c, const char *host)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
	size_t len = host_len(host);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (is_host(host, len, own[i], strlen(own[i])))
			return true;
	if (is_host(host, len, c->listen, host_len(c->listen)))
		return true;
	const char *url = c->public_url ? strstr(c->public_url, "://") : NULL;
	return url && is_host(host, len, url + 3, host_len(url + 3));
}

/* Without a Host it is no browser. */
static bool is_for_us(const struct service *s, const struct server_req *r)
{
	size_t count;
	const char *host = server_req_header(r, "host", &count);
	if (!host || !s->config->loopback)
		return true;
	return count == 1 && is_known_host(s->config, host);
}

/* ---- where it comes from ---- */

/*
 * A browser says which page a request comes from. Another page than our own may read nothing (there
 * are no CORS headers), and here it may not do anything either; "null" is such a page too.
 */
static bool is_own_page(const struct server_req *r)
{
	const char *origin = server_req_header(r, "origin", NULL);
	const char *site = server_req_header(r, "sec-fetch-site", NULL);
	const char *host = server_req_header(r, "host", NULL);
	if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return false;
	if (!origin)
		return true;
	const char *at = strstr(origin, "://");
	return at && host && strcasecmp(at + 3, host) == 0;
}

static enum trust trust_of(const struct service *s, const struct server_req *r)
{
	const char *token = s->config->admin_token;
	if (!token)
		return s->config->loopback && is_own_page(r) ? TRUST_LOCAL : TRUST_NONE;
	return verify_bearer(r, token) ? TRUST_ADMIN : TRUST_NONE;
}

/* Whose token it has, of those who may only decide what they are asked; or NULL. */
static const char *person_of(const struct service *s, const struct server_req *r)
{
	const char *name;
	json_t *token;
	json_object_foreach (s->config->people, name, token)
		if (verify_bearer(r, json_string_value(token)))
			return name;
	return NULL;
}

/* False when it was answered. */
static bool may_manage(struct service *s, struct server_req *r, const char *person)
{
	if (!is_own_page(r)) {
		ingress_refused(&s->ingress, r, "from another page");
		reply_problem(r, 403, NULL, "requests from other pages are not taken");
		return false;
	}
	if (person || trust_of(s, r) != TRUST_NONE)
		return true;
	ingress_refused(&s->ingress, r, "no admin token");
	reply_problem(r, 401, "WWW-Authenticate: Bearer\r\n", "this needs the admin token");
	return false;
}

/* ---- routes ---- */

static const char *behind(const char *path, const char *start)
{
	size_t len = strlen(start);
	return strncmp(path, start, len) == 0 ? path + len : NULL;
}

static bool is_read(const struct server_req *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

static void only_reads(struct server_req *r)
{
	reply_problem(r, 405, "Allow: GET, HEAD\r\n", "%s is only read", r->path);
}

static void health(struct service *s, struct server_req *r, bool ready)
{
	if (!is_read(r))
		only_reads(r);
	else if (ready && !service_is_ready(s))
		reply_error(r, ERR_STORE, "the service is stopping");
	else
		reply_json(r, 200, json_pack("{s:s}", "status", "ok"));
}

static void managed(struct service *s, struct server_req *r)
{
	const char *rest;
	bool metrics = strcmp(r->path, "/metrics") == 0;
	const char *person = person_of(s, r);
	if (!may_manage(s, r, person))
		return;
	if (person && !behind(r->path, "/api/"))
		reply_problem(r, 403, NULL, "this needs the admin token; %s may only decide",
			      person);
	else if (strcmp(r->path, "/events") == 0)
		ingress_events(&s->ingress, r);
	else if (metrics && is_read(r))
		api_metrics(&s->api, r);
	else if (metrics)
		only_reads(r);
	else if ((rest = behind(r->path, "/api/")))
		api_handle(&s->api, r, rest, person);
}

static bool is_managed(const char *path)
{
	return behind(path, "/api/") || strcmp(path, "/events") == 0 ||
	       strcmp(path, "/metrics") == 0;
}

void door_handle(void *arg, struct server_req *r)
{
	struct service *s = arg;
	const char *rest;
	if (!is_for_us(s, r)) {
		ingress_refused(&s->ingress, r, "unknown Host");
		reply_problem(r, 421, NULL,
			      "this service does not answer for that Host; public_url names one");
	} else if ((rest = behind(r->path, "/hooks/"))) {
		ingress_hook(&s->ingress, r, rest);
	} else if ((rest = behind(r->path, "/conversations/"))) {
		ingress_conversation(&s->ingress, r, rest, trust_of(s, r));
	} else if (is_managed(r->path)) {
		managed(s, r);
	} else if (strcmp(r->path, "/healthz") == 0 || strcmp(r->path, "/readyz") == 0) {
		health(s, r, r->path[1] == 'r');
	} else {
		reply_problem(r, 404, NULL, "there is nothing at this path");
	}
}
