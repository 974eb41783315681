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

/* The failed step's own S record tells from where on the journal is void. */
static void fold_forget_failure(struct fold *f, const char *path)
{
	struct jpath *j = map_get(&f->paths, path);
	const struct jrec *s = j ? jpath_last(j, REC_STEP) : NULL;
	if (!s)
		return;
	uint32_t from = s->n;
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&f->paths, &i));)
		(void)jpath_cut(e->value, from);
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

static void free_emit(struct store_accept *a)
{
	free((char *)a->ev.source);
	free((char *)a->ev.ext_id);
	free((char *)a->ev.type);
	free((char *)a->ev.subject);
	free((char *)a->ev.headers);
	free((char *)a->ev.body);
	free((char *)a->ev.ruleset);
	for (size_t i = 0; i < a->n_runs; i++)
		free((char *)a->runs[i].error);
	free(a->runs);
}

static void free_claim(struct store_claim *c)
{
	free((char *)c->connection);
	free((char *)c->foreign_id);
	free((char *)c->path);
}

void jbuf_clear(struct jbuf *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free((char *)b->recs[i].path);
		free((char *)b->recs[i].body);
	}
	for (size_t i = 0; i < b->n_emits; i++)
		free_emit(&b->emits[i]);
	for (size_t i = 0; i < b->n_claims; i++)
		free_claim(&b->claims[i]);
	b->n = b->n_emits = b->n_claims = b->bytes = 0;
}

void jbuf_done(struct jbuf *b)
{
	jbuf_clear(b);
	free(b->recs);
	free(b->emits);
	free(b->claims);
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
