/* The listener that a browser comes back to. */
#include "engine/cli/callback.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/seal.h"
#include "engine/io/server.h"

static const char page[] =
	"<!doctype html><meta charset=\"utf-8\"><title>pawl</title><h1>pawl</h1>"
	"<p>This is done here. Go back to the terminal; you may close this page.\n";
static const char other_page[] =
	"<!doctype html><meta charset=\"utf-8\"><title>pawl</title><h1>pawl</h1>"
	"<p>This is not the answer to the login that is waited for.\n";
static const char headers[] = "Content-Security-Policy: default-src 'none'\r\n"
			      "X-Content-Type-Options: nosniff\r\n"
			      "Referrer-Policy: no-referrer\r\n"
			      "Cache-Control: no-store\r\n";

/* The names that a browser on this machine reaches the listener by, and where that is. */
static const struct {
	const char *host, *address;
} here[] = {{"localhost", "127.0.0.1"}, {"127.0.0.1", "127.0.0.1"}, {"[::1]", "[::1]"}};

/* The address to listen at for "http://HOST[:PORT][/…]", malloc'd; NULL when it is elsewhere. */
static char *listen_of(const char *uri)
{
	if (strncmp(uri, "http://", 7) != 0)
		return NULL;
	const char *host = uri + 7;
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++) {
		if (strlen(here[i].host) != len || strncasecmp(host, here[i].host, len) != 0)
			continue;
		const char *rest = host + len;
		int digits = *rest == ':' ? (int)strspn(rest + 1, "0123456789") : 0;
		if (digits)
			return mem_printf("%s:%.*s", here[i].address, digits, rest + 1);
		return *rest == '/' || !*rest ? mem_printf("%s:80", here[i].address) : NULL;
	}
	return NULL;
}

bool callback_is_here(const char *redirect_uri)
{
	auto_free char *listen = listen_of(redirect_uri);
	return listen != NULL;
}

/* Takes what came when it is the answer to this login. */
static bool take(struct callback *c, const struct server_req *r)
{
	auto_free char *state = server_req_query(r, "state");
	if (c->came || !state || !ct_equal(state, strlen(state), c->state, strlen(c->state)))
		return false;
	c->code = server_req_query(r, "code");
	c->error = server_req_query(r, "error");
	c->came = true;
	return true;
}

static void on_request(void *arg, struct server_req *r)
{
	struct callback *c = arg;
	bool ours = strcmp(r->method, "GET") == 0 && strcmp(r->path, c->path) == 0 && take(c, r);
	const char *text = ours ? page : other_page;
	server_reply(r, ours ? 200 : 400, "text/html; charset=utf-8", headers, text, strlen(text));
}

int callback_open(struct callback *c, struct loop *l, const char *redirect_uri, const char *state,
		  struct errmsg *msg)
{
	auto_free char *listen = listen_of(redirect_uri);
	if (!listen)
		return err_set(msg, ERR_INVALID, "%s is not on this machine", redirect_uri);
	const char *path = strchr(redirect_uri + 7, '/');
	c->path = path ? mem_strndup(path, strcspn(path, "?#")) : mem_strdup("/");
	c->state = state;
	c->server = server_new(
		l, &(struct server_config){.listen = listen, .handle = on_request, .arg = c}, msg);
	return c->server ? 0
			 : err_wrap(msg, "cannot listen for the browser at %s (redirect_uri)",
				    redirect_uri);
}

int callback_read(struct callback *c, const char *url, const char *state, struct errmsg *msg)
{
	const char *query = strchr(url, '?');
	auto_free char *text =
		mem_strndup(query ? query + 1 : "", strcspn(query ? query + 1 : "", "#"));
	struct server_req r = {.query = text};
	c->state = state;
	if (take(c, &r))
		return 0;
	return err_set(msg, ERR_INVALID, "that address is not the answer to this login");
}

void callback_done(struct callback *c)
{
	server_free(c->server);
	free(c->path);
	seal_free(c->code);
	free(c->error);
	*c = (struct callback){0};
}
