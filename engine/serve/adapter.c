/* The platforms' adapters: one application of Lua, made when the first of them is asked. */
#include "engine/serve/adapter.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/lua/app.h"
#include "engine/serve/tree.h"

#define MEMORY_MAX ((size_t)64 << 20)

struct adapters {
	const struct config *config;
	const struct clock *clock;
	struct rng *rng;
	struct app *app;
};

struct adapters *adapters_new(const struct config *c, const struct clock *clock, struct rng *rng)
{
	struct adapters *a = mem_alloc(sizeof(*a));
	*a = (struct adapters){.config = c, .clock = clock, .rng = rng};
	return a;
}

void adapters_free(struct adapters *a)
{
	if (!a)
		return;
	app_free(a->app);
	free(a);
}

static int start(struct adapters *a, struct errmsg *msg)
{
	auto_free char *own = path_under(a->config->scripts, "adapters");
	if (a->app)
		return 0;
	if (!a->config->adapters)
		return err_set(msg, ERR_NOT_FOUND,
			       "the adapters of platforms are nowhere: set PAWL_DATA");
	const struct app_config c = {.dir = a->config->adapters,
				     .more = access(own, R_OK) == 0 ? own : NULL,
				     .clock = a->clock,
				     .rng = a->rng,
				     .memory_max = MEMORY_MAX};
	a->app = app_new(&c, msg);
	return a->app ? 0 : msg->code;
}

static int judge(const char *platform, const struct app_answer *answer, json_t **ret,
		 struct errmsg *msg)
{
	const char *body = buf_str((struct buf *)&answer->body);
	if (answer->status == 404)
		return err_set(msg, ERR_NOT_FOUND, "there is no adapter for the platform '%s'",
			       platform);
	if (answer->status == 422)
		return err_set(msg, ERR_INVALID, "the payload is none of %s", platform);
	if (answer->status != 200)
		return err_set(msg, ERR_SCRIPT, "the adapter of %s failed: %s", platform, body);
	return json_parse(body, answer->body.len, true, ret, msg);
}

int adapters_read(struct adapters *a, const char *platform, const struct server_req *r,
		  const json_t *data, json_t **ret, struct errmsg *msg)
{
	int err = start(a, msg);
	if (err)
		return err;
	auto_free char *path = mem_printf("/%s", platform), *body = json_text(data);
	const struct app_request q = {.method = "POST",
				      .path = path,
				      .query = "",
				      .headers = r->headers,
				      .n_headers = r->n_headers,
				      .body = body,
				      .body_len = strlen(body)};
	struct app_answer answer = {0};
	app_handle(a->app, &q, &answer);
	err = judge(platform, &answer, ret, msg);
	app_answer_done(&answer);
	return err;
}
