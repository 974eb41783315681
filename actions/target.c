/* What a call names, pinned into its plan. */
#include "actions/target.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"

static const struct catalogue *catalogue;
static const struct connections *connections;

/*
 * Rules that call the same action share what was made of it, as long as the catalogue stays: a def's
 * address is the key, and the def is kept so that the address stays its own.
 */
struct shared {
	json_t *def;
	struct action *action;
};
static struct map shared;

static void forget_shared(void)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&shared, &i));) {
		struct shared *s = e->value;
		json_decref(s->def);
		action_free(s->action);
		free(s);
	}
	map_done(&shared);
}

void target_setup(const struct catalogue *cat, const struct connections *conns)
{
	forget_shared();
	catalogue = cat;
	connections = conns;
}

static void target_free(void *p)
{
	struct target *t = p;
	action_free(t->action);
	action_free(t->look_up);
	action_free(t->whole);
	action_free(t->read);
	action_free(t->job_status);
	action_free(t->job_list);
	free(t->full);
	free(t->connection);
	free(t);
}

/* ---- finding definitions ---- */

/* The catalogue's entry behind the connection's name. */
static const char *connector_of(const char *connection)
{
	const struct connection *c = connections ? connections_find(connections, connection) : NULL;
	return c ? c->connector : connection;
}

bool target_knows_connection(const char *name)
{
	return connections && connections_find(connections, name);
}

void target_unknown_connection(struct plan_check *c, const char *name, int line, int col)
{
	const char *near = connections ? connections_suggest(connections, name) : NULL;
	if (!near)
		near = catalogue_suggest_connector(catalogue, name);
	if (near)
		c->error(c, line, col, "there is no connection '%s'; did you mean '%s'?", name,
			 near);
	else
		c->error(c, line, col,
			 "there is no connection '%s': name it under connections: in pawl.yaml",
			 name);
}

static const struct action *find(struct plan_check *c, const char *connection, const char *name,
				 int line, int col)
{
	const char *connector = connector_of(connection);
	if (!connector || !catalogue || !catalogue_connector(catalogue, connector)) {
		target_unknown_connection(c, connection, line, col);
		return NULL;
	}
	const struct action *a = catalogue_find(catalogue, connector, name);
	if (a)
		return a;
	const char *near = catalogue_suggest(catalogue, connector, name);
	c->error(c, line, col, "%s has no action '%s'%s%s%s%s", connection, name,
		 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
		 near ? "" : "; `pawl actions` lists them");
	return NULL;
}

/*
 * The action of a definition, with one holder more; NULL with msg. What a bundle has pinned is for its
 * plan alone.
 */
static struct action *share(json_t *def, bool keep, struct errmsg *msg)
{
	auto_free char *key = mem_printf("%p", (void *)def);
	struct shared *s = map_get(&shared, key);
	if (s)
		return action_ref(s->action);
	struct action *a = action_from_json(def, msg);
	if (!a || !keep)
		return a;
	s = mem_alloc(sizeof(*s));
	*s = (struct shared){json_incref(def), a};
	map_put(&shared, key, s);
	return action_ref(a);
}

/* The pinned definition when there is one, else the catalogue's, which is pinned now. */
static struct action *pin(struct plan_check *c, const char *connection, const char *name, int line,
			  int col)
{
	struct errmsg msg;
	auto_free char *full = mem_printf("%s.%s", connection, name);
	json_t *def = c->pinned_action(c, full);
	bool pinned = def != NULL;
	if (!def) {
		const struct action *a = find(c, connection, name, line, col);
		if (!a)
			return NULL;
		def = a->def;
		c->pin_action(c, full, def);
	}
	struct action *own = share(def, !pinned, &msg);
	if (!own)
		c->error(c, line, col, "%s: %s", full, msg.text);
	return own;
}

static struct target *make(struct plan_check *c, const char *full, const char *dot, int line,
			   int col)
{
	struct target *t = mem_alloc(sizeof(*t));
	t->full = mem_strdup(full);
	t->connection = mem_strndup(full, (size_t)(dot - full));
	t->action = pin(c, t->connection, dot + 1, line, col);
	if (!t->action) {
		target_free(t);
		return NULL;
	}
	if (t->action->look_up)
		t->look_up = pin(c, t->connection, t->action->look_up->action, line, col);
	if (t->action->look_up && t->action->look_up->read)
		t->whole = pin(c, t->connection, t->action->look_up->read, line, col);
	if (t->action->merge)
		t->read = pin(c, t->connection, t->action->merge->read, line, col);
	if (t->action->is_job && t->action->job) {
		t->job_status = pin(c, t->connection, t->action->job->action, line, col);
		if (t->action->job->list)
			t->job_list = pin(c, t->connection, t->action->job->list, line, col);
	}
	return t;
}

const struct target *target_check(struct plan_check *c, const char *full, int line, int col)
{
	const char *dot = strchr(full, '.');
	struct target *t = map_get(&c->plan->actions, full);
	if (t)
		return t;
	if (!dot || dot == full || !dot[1]) {
		c->error(c, line, col, "write it as connection.action: '%s' has no dot", full);
		return NULL;
	}
	t = make(c, full, dot, line, col);
	if (!t)
		return NULL;
	(void)map_put(&c->plan->actions, full, t);
	plan_own(c->plan, t, target_free);
	return t;
}

const struct target *target_find(const struct plan *p, const char *full)
{
	return map_get(&p->actions, full);
}
