/* Names and orders of runs' states, and the results of loads. */
#include "engine/store/shared.h"

#include <assert.h>
#include <string.h>

#include "engine/base/arena.h"

#define LOADED_MAX (256 * 1024 * 1024)

static const struct {
	const char *name;
	bool end;
} states[RUN_STATES] = {
#define X(code, name, end) [RUN_##code] = {name, end},
	RUN_STATE_MAP(X)
#undef X
};

const char *run_state_name(enum run_state s)
{
	return s < RUN_STATES ? states[s].name : "unknown";
}

bool run_state_is_end(enum run_state s)
{
	return s < RUN_STATES && states[s].end;
}

int run_state_by_name(const char *name)
{
	for (int i = 0; i < RUN_STATES; i++)
		if (name && !strcmp(states[i].name, name))
			return i;
	return -1;
}

int64_t store_wake(enum run_state state, int64_t due, int64_t cancel_at)
{
	if (state == RUN_QUEUED || state == RUN_RUNNING)
		return WAKE_READY;
	if (cancel_at)
		return WAKE_CANCEL;
	/* A due time of before 1970 is still later than a wish to cancel. */
	return due ? (due < 1 ? 1 : due) : WAKE_NEVER;
}

bool store_takes_cancel(const struct store_append *a)
{
	for (size_t i = 0; i < a->n_recs; i++)
		if (a->recs[i].type == REC_CANCEL)
			return true;
	return false;
}

const char *store_end_of(const struct store_append *a, int64_t *ret_at)
{
	*ret_at = a->n_recs ? a->recs[a->n_recs - 1].at : 0;
	for (size_t i = a->n_recs; i-- > 0;) {
		if (a->recs[i].type != REC_END)
			continue;
		*ret_at = a->recs[i].at;
		return a->recs[i].body;
	}
	return NULL;
}

bool store_is_read(const struct store_op *op)
{
	return op->verb >= STORE_LOAD;
}

bool store_spend(struct store_spend *p, int64_t *day, int64_t *spent)
{
	if (p->day > *day) {
		*day = p->day;
		*spent = 0;
	}
	/* Clocks may differ by a day; further ahead one was set wrongly, and would close it for long. */
	if (*day > p->day + 1)
		*day = p->day;
	int64_t left = *day == p->day && p->limit > *spent ? p->limit - *spent : 0;
	p->granted = p->amount < left ? p->amount : left;
	*spent += p->granted;
	p->spent = *spent;
	p->last_day = *day;
	return p->granted > 0;
}

int store_no_source(struct errmsg *msg, const char *hash)
{
	return err_set(msg, ERR_NOT_FOUND, "the source of plan '%s' was not put before", hash);
}

int store_not_revivable(struct errmsg *msg, enum run_state state)
{
	return err_set(msg, ERR_NOT_FOUND, "the run is %s, neither failed nor in doubt",
		       run_state_name(state));
}

int store_keep_check(struct store_keep *k)
{
	if (k->len <= STORE_KEEP_MAX)
		return 0;
	return err_set(&k->op.msg, ERR_TOOBIG, "%zu bytes are too many to be kept", k->len);
}

void *store_bytes_copy(const void *bytes, size_t len)
{
	char *copy = mem_alloc(len + 1);
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

struct store_loaded *loaded_new(void)
{
	struct arena *a = mem_alloc(sizeof(*a));
	arena_init(a, LOADED_MAX);
	struct store_loaded *l = arena_alloc(a, sizeof(*l));
	assert(l);
	l->memory = a;
	return l;
}

void store_loaded_free(struct store_loaded *l)
{
	if (!l)
		return;
	struct arena *a = l->memory; /* l itself lies in it */
	arena_done(a);
	free(a);
}

char *loaded_text(struct store_loaded *l, const char *text, size_t len)
{
	char *copy = arena_alloc(l->memory, len + 1);
	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

bool loaded_recs(struct store_loaded *l, size_t n)
{
	l->recs = n ? arena_alloc(l->memory, n * sizeof(*l->recs)) : NULL;
	return l->recs || !n;
}

bool loaded_rec_add(struct store_loaded *l, const struct store_rec *rec)
{
	struct store_rec *r = &l->recs[l->n_recs];
	*r = *rec;
	r->path = loaded_text(l, rec->path, strlen(rec->path));
	r->body = loaded_text(l, rec->body, rec->len);
	if (!r->path || !r->body)
		return false;
	l->n_recs++;
	return true;
}
