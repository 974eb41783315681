/* Renders, sends and judges one call on a loop of its own. */
#include "engine/cli/direct.h"

#include "actions/ask.h"
#include "actions/purse.h"
#include "engine/cli/alone.h"

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
		ret->partial = d->ask.partial;
		ret->status = d->ask.x.answer.status;
		ret->result = json_incref(d->ask.result);
	}
	ask_done(&d->ask);
	return err;
}

int direct_call(const struct config *config, struct catalogue *catalogue, const struct action *a,
		const struct connection *conn, const json_t *params, const struct direct_how *how,
		struct direct_answer *ret, struct errmsg *msg)
{
	struct direct d = {.ask = {.x.save_fd = how->save_fd, .pages = how->pages}};
	struct alone alone = {0};
	/* A store that is not there yet is not made for one call. */
	int err = alone_open(&alone, config, false, msg);
	d.services = (struct services){.loop = alone.loop,
				       .http = alone.http,
				       .catalogue = catalogue,
				       .store = alone.store,
				       .tokens = alone.tokens,
				       .rng = &rng_real};
	if (!err)
		err = fly(&d, a, conn, params, ret, msg);
	if (conn->purse)
		purse_stop(conn->purse);
	alone_close(&alone);
	return err;
}

void direct_answer_done(struct direct_answer *a)
{
	json_decref(a->result);
	*a = (struct direct_answer){0};
}
