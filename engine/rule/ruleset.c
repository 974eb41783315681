/* The rule set: every rule file below some paths, loaded as a whole or not at all. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/map.h"
#include "engine/base/suggest.h"
#include "engine/rule/compile.h"

/* A file over it is refused by the YAML reader, which then names its limit. */
#define FILE_MAX ((size_t)1 << 20)
/* Folders in folders; more is a circle of links. */
#define FOLDERS_MAX 16

struct ruleset {
	struct plan **plans;
	size_t n;
	struct map names;   /* rule → plan */
	struct plan *later; /* RULE_LATER; NULL where its steps are not known */
	struct match_index *index;
	char hash[HASH_HEX_LEN];
};

/* ---- the files ---- */

typedef void (*file_cb)(void *arg, const char *path, const struct stat *st, int err);

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);
	return n > k && !strcmp(name + n - k, suffix);
}

/* Who walks, and what for. */
struct walker {
	bool scripts; /* files of Lua too */
	file_cb cb;
	void *arg;
};

static void walk(const char *path, int depth, const struct walker *w);

static bool is_wanted(const struct walker *w, const char *name)
{
	return has_suffix(name, ".yaml") || has_suffix(name, ".yml") ||
	       (w->scripts && has_suffix(name, ".lua"));
}

static void walk_folder(const char *path, int depth, const struct walker *w)
{
	struct dirent **names;
	int n = depth < FOLDERS_MAX ? scandir(path, &names, NULL, alphasort) : -1;
	if (n < 0) {
		w->cb(w->arg, path, NULL, depth < FOLDERS_MAX ? errno : ELOOP);
		return;
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		size_t len = strlen(path);
		auto_free char *below =
			mem_printf("%s%s%s", path, len && path[len - 1] == '/' ? "" : "/", name);
		struct stat st;
		if (*name != '.' && !stat(below, &st) &&
		    (is_wanted(w, name) || S_ISDIR(st.st_mode)))
			walk(below, depth + 1, w);
		free(names[i]);
	}
	free(names);
}

/* Files in the order of their names, so that a set of rules is always read the same way. */
static void walk(const char *path, int depth, const struct walker *w)
{
	struct stat st;
	if (stat(path, &st))
		w->cb(w->arg, path, NULL, errno);
	else if (S_ISDIR(st.st_mode))
		walk_folder(path, depth, w);
	else
		w->cb(w->arg, path, &st, 0);
}

void rules_walk(const char *path, file_cb cb, void *arg)
{
	walk(path, 0, &(struct walker){.cb = cb, .arg = arg});
}

/* malloc'd; NULL with errno. */
static char *read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rbe");
	if (!f)
		return NULL;
	char *text = mem_alloc(FILE_MAX + 2);
	*ret_len = fread(text, 1, FILE_MAX + 1, f);
	int err = ferror(f) ? EIO : 0;
	(void)fclose(f);
	if (!err)
		return text;
	free(text);
	errno = err;
	return NULL;
}

/* ---- loading ---- */

struct loading {
	const struct rule_env *env;
	struct ruleset *set;
	struct findings *f;
};

static void on_file(void *arg, const char *path, const struct stat *st, int err)
{
	struct loading *l = arg;
	size_t len;
	(void)st;
	auto_free char *text = err ? NULL : read_file(path, &len);
	if (text)
		rule_compile_text(l->env, path, text, len, &l->set->plans, &l->set->n, l->f);
	else
		findings_add(l->f, path, 1, 1, false, "cannot be read: %s",
			     strerror(err ? err : errno));
}

static void add_plan(struct ruleset *r, struct plan *p)
{
	if (!p)
		return;
	r->plans = mem_realloc(r->plans, (r->n + 1) * sizeof(struct plan *));
	r->plans[r->n++] = p;
}

static void find_duplicates(struct ruleset *r, struct findings *f)
{
	for (size_t i = 0; i < r->n; i++) {
		struct plan *p = r->plans[i], *first = map_get(&r->names, p->rule);
		if (first)
			findings_add(f, p->file, p->line, 1, false,
				     "a rule named '%s' is at %s:%d already: choose another name",
				     p->rule, first->file, first->line);
		else
			map_put(&r->names, p->rule, p);
	}
}

static const char *nearest_rule(const struct ruleset *r, const char *name)
{
	auto_free const char **names = mem_alloc((r->n + 1) * sizeof(*names));
	for (size_t i = 0; i < r->n; i++)
		names[i] = r->plans[i]->rule;
	return suggest(name, names, r->n);
}

/* No author's, and in no list: events that are emitted later wait in its runs. */
static void add_later(struct ruleset *r, const struct rule_env *env)
{
	static const char text[] =
		"api: pawl/1\n"
		"rule: " RULE_LATER "\n"
		"about: emits an event when its time has come\n"
		"do:\n"
		"  - wait: {until: =data.due}\n"
		"  - emit: =data.type\n"
		"    data: '={item = data.data, source = data.source, subject = data.subject}'\n";
	struct findings f = {0};
	r->later = compile_own(env, "pawl.yaml", text, &f);
	if (r->later)
		map_put(&r->names, RULE_LATER, r->later);
	findings_done(&f);
}

/* Rules that others name. A warning: they may come later, and only then does the step find them. */
static void find_missing(const struct ruleset *r, struct findings *f)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->plans[i]->n_needs; k++) {
			const struct plan_need *need = &r->plans[i]->needs[k];
			if (map_get(&r->names, need->rule))
				continue;
			const char *near = nearest_rule(r, need->rule);
			findings_add(f, r->plans[i]->file, need->line, need->col, true,
				     "there is no rule '%s' here%s%s%s", need->rule,
				     near ? "; did you mean '" : "", near ? near : "",
				     near ? "'?" : "");
		}
}

/* Of single files nobody knows which others there are; nor of files that could not be read. */
static bool is_whole(const char *const *paths, size_t n, const struct findings *f)
{
	bool folder = false;
	struct stat st;
	for (size_t i = 0; i < n; i++)
		folder = folder || (!stat(paths[i], &st) && S_ISDIR(st.st_mode));
	return folder && !f->errors;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the plans' hashes, sorted: the order in which rules were read makes no difference. */
static void make_hash(struct ruleset *r)
{
	auto_free const char **hashes = mem_alloc((r->n + 1) * sizeof(*hashes));
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < r->n; i++)
		hashes[i] = r->plans[i]->hash;
	qsort(hashes, r->n, sizeof(*hashes), by_text);
	for (size_t i = 0; i < r->n; i++)
		buf_printf(&b, "%s\n", hashes[i]);
	sha256_hex(buf_str(&b), b.len, r->hash);
	buf_done(&b);
}

struct ruleset *ruleset_load(const struct rule_env *env, const char *const *paths, size_t n,
			     struct findings *f)
{
	struct ruleset *r = mem_alloc(sizeof(*r));
	struct loading l = {env, r, f};
	for (size_t i = 0; i < n; i++)
		rules_walk(paths[i], on_file, &l);
	for (const struct rule_idle *i = env->idle; i && i->platform; i++)
		add_plan(r, idle_compile(env, i, f));
	find_duplicates(r, f);
	add_later(r, env);
	if (is_whole(paths, n, f))
		find_missing(r, f);
	findings_sort(f);
	if (f->errors) {
		ruleset_free(r);
		return NULL;
	}
	make_hash(r);
	r->index = match_index_new(r->plans, r->n);
	return r;
}

void ruleset_free(struct ruleset *r)
{
	if (!r)
		return;
	match_index_free(r->index);
	map_done(&r->names);
	for (size_t i = 0; i < r->n; i++)
		plan_unref(r->plans[i]);
	free(r->plans);
	plan_unref(r->later);
	free(r);
}

struct plan *ruleset_later(const struct ruleset *r)
{
	return r->later;
}

const char *ruleset_hash(const struct ruleset *r)
{
	return r->hash;
}

size_t ruleset_count(const struct ruleset *r)
{
	return r->n;
}

struct plan *ruleset_at(const struct ruleset *r, size_t i)
{
	return i < r->n ? r->plans[i] : NULL;
}

struct plan *ruleset_find(const struct ruleset *r, const char *rule)
{
	return map_get(&r->names, rule);
}

void ruleset_match(struct ruleset *r, struct event *e, struct matches *m)
{
	match_index_find(r->index, e, m);
}

bool ruleset_hears(const struct ruleset *r, const char *type)
{
	return match_index_hears(r->index, type);
}

/* ---- the fingerprint ---- */

/* FNV-1a: to notice changes, not to withstand anybody. */
static void mix(uint64_t *h, const void *data, size_t len)
{
	const unsigned char *at = data;
	for (size_t i = 0; i < len; i++)
		*h = (*h ^ at[i]) * 1099511628211u;
}

static void on_print(void *arg, const char *path, const struct stat *st, int err)
{
	mix(arg, path, strlen(path) + 1);
	mix(arg, &err, sizeof(err));
	if (!st)
		return;
	mix(arg, &st->st_size, sizeof(st->st_size));
	mix(arg, &st->st_mtim.tv_sec, sizeof(st->st_mtim.tv_sec));
	mix(arg, &st->st_mtim.tv_nsec, sizeof(st->st_mtim.tv_nsec));
}

uint64_t rules_fingerprint(const char *const *paths, size_t n)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < n; i++)
		walk(paths[i], 0, &(struct walker){.scripts = true, .cb = on_print, .arg = &h});
	return h;
}
