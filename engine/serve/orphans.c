/* Removes, after a start, the folders of files whose runs the store does not know. */
#include "engine/serve/orphans.h"

#include <stdlib.h>

#include "engine/base/arena.h"

/* Its own memory: the store may still have the query when the service is gone. */
struct orphans {
	struct orphans **place; /* NULL: stopped */
	struct files *files;
	struct store *store;
	char **owners;
	size_t n, at;
	struct store_query query;
};

static void end(struct orphans *o)
{
	if (o->place)
		*o->place = NULL;
	for (size_t i = 0; i < o->n; i++)
		free(o->owners[i]);
	free(o->owners);
	free(o);
}

static void on_run(struct store_op *op);

static void look(struct orphans *o)
{
	if (o->at == o->n) {
		end(o);
		return;
	}
	o->query = (struct store_query){
		.op = {.verb = STORE_QUERY, .cb = on_run}, .view = VIEW_RUN, .state = -1};
	(void)id_parse(o->owners[o->at], &o->query.id);
	store_submit(o->store, &o->query.op);
}

static void on_run(struct store_op *op)
{
	struct store_query *q = container_of(op, struct store_query, op);
	struct orphans *o = container_of(q, struct orphans, query);
	bool unknown = op->err == ERR_NOT_FOUND;
	json_decref(q->result);
	if (!o->place || (op->err && !unknown)) {
		end(o);
		return;
	}
	if (unknown)
		files_remove_all(o->files, o->owners[o->at]);
	o->at++;
	look(o);
}

void orphans_start(struct orphans **place, struct files *f, struct store *s)
{
	struct orphans *o = mem_alloc(sizeof(*o));
	*o = (struct orphans){.place = place, .files = f, .store = s};
	o->owners = files_owners(f, &o->n);
	*place = o;
	look(o);
}

void orphans_stop(struct orphans *o)
{
	if (!o)
		return;
	*o->place = NULL;
	o->place = NULL;
}
