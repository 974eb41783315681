/* Renders, sends and judges one call on a loop of its own. */
#include "engine/cli/direct.h"

#include <string.h>
#include <unistd.h>

#include "actions/ask.h"
#include "actions/purse.h"
#include "engine/io/http.h"
#include "engine/io/loop.h"
#include "engine/store/store.h"

static const char sqlite[] = "sqlite:";

struct direct {
	struct services services;
	struct ask ask;
	bool landed;
};

static void on_answer(struct ask *q)
{
	container_of(q, struct direct, ask)->landed = true;
}

static int fly(struct direct *d, const struct action *a, const struct connection *conn,
	       const json_t *params, struct direct_answer *ret, struct errmsg *msg)
{
	int err = ask_start(&d->ask, &d->services, conn, a, params, on_answer, msg);
	while (!err && !d->landed)
		(void)loop_run_once(d->services.loop, true);
	if (!err) {
		err = d->ask.err;
		*msg = d->ask.msg;
		ret->answered = d->ask.answered;
		ret->status = d->ask.x.answer.status;
		ret->result = json_incref(d->ask.result);
	}
	ask_done(&d->ask);
	return err;
}

/* A store that is not there yet is not made for one call. */
static int lock_store(const struct config *c, struct loop *l, struct store **ret,
		      struct errmsg *msg)
{
	*ret = NULL;
	const char *path = strncmp(c->store, sqlite, sizeof(sqlite) - 1)
				   ? NULL
				   : c->store + sizeof(sqlite) - 1;
	if (!path || access(path, F_OK) != 0)
		return 0;
	*ret = store_sqlite_open(path, l, &clock_real, msg);
	return *ret ? 0 : msg->code;
}

int direct_call(const struct config *config, const struct action *a, const struct connection *conn,
		const json_t *params, int save_fd, struct direct_answer *ret, struct errmsg *msg)
{
	struct direct d = {.services = {.rng = &rng_real}, .ask.x.save_fd = save_fd};
	struct services *s = &d.services;
	s->loop = loop_new(&clock_real, false);
	s->http = s->loop ? http_new(s->loop, 1) : NULL;
	int err = s->http ? lock_store(config, s->loop, &s->store, msg)
			  : err_set(msg, ERR_IO, "libev or libcurl cannot start");
	if (!err)
		err = fly(&d, a, conn, params, ret, msg);
	if (conn->purse)
		purse_stop(conn->purse);
	if (s->http)
		http_free(s->http);
	store_close(s->store);
	if (s->loop)
		loop_free(s->loop);
	return err;
}

void direct_answer_done(struct direct_answer *a)
{
	json_decref(a->result);
	*a = (struct direct_answer){0};
}
