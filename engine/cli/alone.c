/* Opens and closes what the service would have. */
#include "engine/cli/alone.h"

#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/io/http.h"

static const char sqlite[] = "sqlite:";

static int open_store(struct alone *a, const struct config *c, bool make, struct errmsg *msg)
{
	size_t skip = sizeof(sqlite) - 1;
	const char *path = strncmp(c->store, sqlite, skip) ? NULL : c->store + skip;
	if (!path || (!make && access(path, F_OK) != 0))
		return 0;
	a->store = store_sqlite_open(path, a->loop, &clock_real, msg);
	return a->store ? 0 : msg->code;
}

int alone_open(struct alone *a, const struct config *c, bool make, struct errmsg *msg)
{
	a->loop = loop_new(&clock_real, false);
	a->http = a->loop ? http_new(a->loop, 1) : NULL;
	if (!a->http)
		return err_set(msg, ERR_IO, "libev or libcurl cannot start");
	int err = open_store(a, c, make, msg);
	if (err)
		return err;
	auto_free char *key_file = config_key_file(c);
	a->tokens = tokens_new(&(struct tokens_config){.loop = a->loop,
						       .http = a->http,
						       .store = a->store,
						       .rng = &rng_real,
						       .key_file = key_file,
						       .key_text = c->seal_key});
	return 0;
}

void alone_close(struct alone *a)
{
	if (a->http)
		http_free(a->http);
	store_close(a->store);
	tokens_free(a->tokens);
	if (a->loop)
		loop_free(a->loop);
	*a = (struct alone){0};
}

struct pause {
	struct loop_timer timer;
	bool over;
};

static void on_time(struct loop_timer *t)
{
	container_of(t, struct pause, timer)->over = true;
}

void alone_pause(struct alone *a, int64_t ms)
{
	struct pause p = {.timer = {.cb = on_time}};
	loop_timer_start(a->loop, &p.timer, ms);
	while (!p.over)
		(void)loop_run_once(a->loop, true);
}
