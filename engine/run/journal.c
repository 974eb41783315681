/* The fold of a loaded journal, and the buffer of records for the next commit. */
#include "engine/run/journal.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

/* ---- the records of one path ---- */

void jpath_done(struct jpath *j)
{
	for (struct jrec *r = j->first, *next; r; r = next) {
		next = r->next;
		json_decref(r->body);
		free(r);
	}
	j->first = j->last = NULL;
}

void jpath_add(struct jpath *j, uint32_t n, enum rec_type type, int64_t at, json_t *body)
{
	struct jrec *r = mem_alloc(sizeof(*r));
	*r = (struct jrec){.n = n, .type = type, .at = at, .body = body};
	if (j->last)
		j->last->next = r;
	else
		j->first = r;
	j->last = r;
}

const struct jrec *jpath_last(const struct jpath *j, enum rec_type type)
{
	const struct jrec *found = NULL;
	for (const struct jrec *r = j->first; r; r = r->next)
		if (r->type == type)
			found = r;
	return found;
}

const struct jrec *jpath_last_with(const struct jpath *j, enum rec_type type, const char *key)
{
	const struct jrec *found = NULL;
	for (const struct jrec *r = j->first; r; r = r->next)
		if (r->type == type && json_object_get(r->body, key))
			found = r;
	return found;
}

unsigned jpath_count(const struct jpath *j, enum rec_type type)
{
	unsigned n = 0;
	for (const struct jrec *r = j->first; r; r = r->next)
		n += r->type == type;
	return n;
}

/* Drops the records with a number of `n` or more; returns false when none is left. */
static bool jpath_cut(struct jpath *j, uint32_t n)
{
	struct jpath kept = {0};
	for (struct jrec *r = j->first, *next; r; r = next) {
		next = r->next;
		if (r->n < n)
			jpath_add(&kept, r->n, r->type, r->at, json_incref(r->body));
	}
	jpath_done(j);
	*j = kept;
	return kept.first != NULL;
}

/* ---- the fold ---- */

static struct jpath *fold_at(struct fold *f, const char *path)
{
	struct jpath *j = map_get(&f->paths, path);
	if (!j) {
		j = mem_alloc(sizeof(*j));
		(void)map_put(&f->paths, path, j);
	}
	return j;
}

void fold_done(struct fold *f)
{
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&f->paths, &i));) {
		jpath_done(e->value);
		free(e->value);
	}
	map_done(&f->paths);
}

/* The label and number of a segment that is a lane of its container: all2.1, each#5. 0: it is none. */
static unsigned lane_of(const char *seg, size_t *ret_label)
{
	*ret_label = strcspn(seg, "0123456789./");
	bool lane = (*ret_label == 3 && (!memcmp(seg, "all", 3) || !memcmp(seg, "any", 3))) ||
		    (*ret_label == 5 && !memcmp(seg, "each#", 5));
	return lane ? (unsigned)strtoul(seg + *ret_label, NULL, 10) : 0;
}

/* Whether two paths part in two lanes of one step: what is done in one is of no account to the other. */
static bool are_side_by_side(const char *a, const char *b)
{
	size_t at = 0, label_a, label_b;
	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			at = i + 1;
	unsigned lane_a = lane_of(a + at, &label_a), lane_b = lane_of(b + at, &label_b);
	return lane_a && lane_b && lane_a != lane_b && label_a == label_b;
}

static bool was_called_off(const struct jpath *j)
{
	const struct jrec *s = jpath_last(j, REC_STEP);
	const char *name = s ? json_str(json_object_get(s->body, "error"), "name") : NULL;
	return name && strcmp(name, "cancelled") == 0;
}

/* A step that was called off begins again: what is left is what it has sent. */
static void jpath_begin_again(struct jpath *j)
{
	struct jpath kept = {0};
	for (struct jrec *r = j->first; r; r = r->next)
		if (r->type == REC_INTENT || r->type == REC_ATTEMPT || r->type == REC_PROBE)
			jpath_add(&kept, r->n, r->type, r->at, json_incref(r->body));
	jpath_done(j);
	*j = kept;
}

/* The failed step's own S record tells from where on the journal is void. */
static void fold_forget_failure(struct fold *f, const char *path)
{
	struct jpath *j = map_get(&f->paths, path);
	const struct jrec *s = j ? jpath_last(j, REC_STEP) : NULL;
	if (!s)
		return;
	uint32_t from = s->n;
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&f->paths, &i));) {
		if (!are_side_by_side(e->key, path))
			(void)jpath_cut(e->value, from);
		else if (was_called_off(e->value))
			jpath_begin_again(e->value);
	}
	f->ended = false;
	f->cancelled = 0;
}

static int fold_one(struct fold *f, const struct store_rec *rec, struct errmsg *msg)
{
	json_t *body = NULL;
	if (rec->len && json_parse(rec->body, rec->len, false, &body, msg) != 0)
		return err_set(msg, ERR_STORE, "journal record %u at '%s' is damaged", rec->n,
			       rec->path);
	f->last_n = rec->n;
	if (rec->type == REC_CANCEL)
		f->cancelled = rec->n;
	f->ended |= rec->type == REC_END;
	if (rec->type == REC_HUMAN) {
		const char *as = json_str(body, "as");
		f->ended = false;
		if (as && strcmp(as, "retry") == 0)
			fold_forget_failure(f, rec->path);
	}
	jpath_add(fold_at(f, rec->path), rec->n, rec->type, rec->at, body);
	return 0;
}

int fold_load(struct fold *f, const struct store_rec *recs, size_t n, struct errmsg *msg)
{
	for (size_t i = 0; i < n; i++) {
		int err = fold_one(f, &recs[i], msg);
		if (err)
			return err;
	}
	return 0;
}

struct jpath fold_take(struct fold *f, const char *path)
{
	struct jpath *j = f->paths.count ? map_remove(&f->paths, path) : NULL;
	if (!j)
		return (struct jpath){0};
	struct jpath taken = *j;
	free(j);
	return taken;
}

/* Blocks are "path/…", those of a second attempt "path@2/…". */
bool fold_has_below(const struct fold *f, const char *path)
{
	size_t i = 0, len = strlen(path);
	for (struct map_entry *e; (e = map_next(&f->paths, &i));)
		if (e->len > len && strncmp(e->key, path, len) == 0 &&
		    (e->key[len] == '/' || e->key[len] == '@'))
			return true;
	return false;
}

/* ---- the buffer ---- */

void newrun_done(struct store_newrun *n)
{
	free((char *)n->error);
	free((void *)n->start.cancel);
	free((void *)n->start.cancel_shapes);
}

void emit_done(struct store_accept *a)
{
	free((char *)a->ev.source);
	free((char *)a->ev.ext_id);
	free((char *)a->ev.type);
	free((char *)a->ev.subject);
	free((char *)a->ev.headers);
	free((char *)a->ev.body);
	free((char *)a->ev.ruleset);
	free((void *)a->ev.keys);
	free(a->woken);
	for (size_t i = 0; i < a->n_runs; i++)
		newrun_done(&a->runs[i]);
	free(a->runs);
}

static void free_claim(struct store_claim *c)
{
	free((char *)c->connection);
	free((char *)c->foreign_id);
	free((char *)c->path);
}

static void free_wait(struct store_wait *w)
{
	free((char *)w->path);
	free((char *)w->what);
	free((char *)w->shape);
	free((char *)w->note);
}

static void free_memory(struct store_memory *m)
{
	free((char *)m->scope);
	free((char *)m->key);
	free((char *)m->value);
	free(m->outcome);
}

void jbuf_clear(struct jbuf *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free((char *)b->recs[i].path);
		free((char *)b->recs[i].body);
	}
	for (size_t i = 0; i < b->n_emits; i++)
		emit_done(&b->emits[i]);
	for (size_t i = 0; i < b->n_claims; i++)
		free_claim(&b->claims[i]);
	for (size_t i = 0; i < b->n_waits; i++)
		free_wait(&b->waits[i]);
	for (size_t i = 0; i < b->n_memory; i++)
		free_memory(&b->memory[i]);
	b->n = b->n_emits = b->n_claims = b->bytes = 0;
	b->n_waits = b->n_judged = b->n_memory = 0;
	b->mark = false;
}

void jbuf_done(struct jbuf *b)
{
	jbuf_clear(b);
	free(b->recs);
	free(b->emits);
	free(b->claims);
	free(b->waits);
	free(b->judged);
	free(b->memory);
	*b = (struct jbuf){0};
}

void jbuf_add(struct jbuf *b, uint32_t n, enum rec_type type, const char *path, int64_t at,
	      const json_t *body)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 8;
		b->recs = mem_realloc(b->recs, b->cap * sizeof(*b->recs));
	}
	char *text = body ? json_text(body) : mem_strdup("");
	b->recs[b->n++] = (struct store_rec){.n = n,
					     .type = type,
					     .path = mem_strdup(path),
					     .at = at,
					     .body = text,
					     .len = strlen(text)};
	b->bytes += b->recs[b->n - 1].len;
}

void jbuf_claim(struct jbuf *b, const char *connection, const char *foreign_id, const char *path,
		bool release)
{
	if (b->n_claims == b->cap_claims) {
		b->cap_claims = b->cap_claims ? 2 * b->cap_claims : 4;
		b->claims = mem_realloc(b->claims, b->cap_claims * sizeof(*b->claims));
	}
	b->claims[b->n_claims++] = (struct store_claim){.connection = mem_strdup(connection),
							.foreign_id = mem_strdup(foreign_id),
							.path = mem_strdup(path),
							.release = release};
}

/* Room for one more. */
static void *grown(void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	*cap = *cap ? 2 * *cap : 4;
	return mem_realloc(items, *cap * size);
}

static char *copy(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

void jbuf_wait(struct jbuf *b, const struct store_wait *w)
{
	b->waits = grown(b->waits, b->n_waits, &b->cap_waits, sizeof(*b->waits));
	struct store_wait *at = &b->waits[b->n_waits++];
	*at = *w;
	at->path = copy(w->path);
	at->what = copy(w->what);
	at->shape = copy(w->shape);
	at->note = copy(w->note);
}

void jbuf_judge(struct jbuf *b, uint64_t m, bool took)
{
	b->judged = grown(b->judged, b->n_judged, &b->cap_judged, sizeof(*b->judged));
	b->judged[b->n_judged++] = (struct store_judged){m, took};
}

void jbuf_memory(struct jbuf *b, const struct store_memory *m)
{
	b->memory = grown(b->memory, b->n_memory, &b->cap_memory, sizeof(*b->memory));
	struct store_memory *at = &b->memory[b->n_memory++];
	*at = *m;
	at->scope = copy(m->scope);
	at->key = copy(m->key);
	at->value = copy(m->value);
	at->rec = b->n - 1;
}

void jbuf_drop_claims(struct jbuf *b, bool (*keep)(void *arg, const struct store_claim *c),
		      void *arg)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->n_claims; i++) {
		if (b->claims[i].release || (keep && keep(arg, &b->claims[i])))
			b->claims[kept++] = b->claims[i];
		else
			free_claim(&b->claims[i]);
	}
	b->n_claims = kept;
}
