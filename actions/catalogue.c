/* The catalogue: loads the files, keeps connectors and actions, finds and searches them. */
#include "actions/catalogue.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actions/define.h"
#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/base/map.h"
#include "engine/base/suggest.h"

#define FILE_MAX (4u << 20)
#define ACTIONS_MAX 20000 /* of one connector: more is a mistake, not an API */
#define WORDS_MAX 16

/* A connector with its actions; lives as long as the catalogue. */
struct loaded {
	struct connector c;
	struct definitions defs; /* what c and the prose of the actions point into */
	struct map actions;      /* name or alias → struct action */
};

struct catalogue {
	struct map connectors;   /* name → struct loaded */
	struct action **actions; /* all, in the order of loading; owned */
	size_t n, cap;
};

struct catalogue *catalogue_new(void)
{
	return mem_alloc(sizeof(struct catalogue));
}

static void loaded_free(struct loaded *l)
{
	if (!l)
		return;
	map_done(&l->actions);
	definitions_done(&l->defs);
	free(l);
}

void catalogue_free(struct catalogue *c)
{
	if (!c)
		return;
	size_t i = 0;
	for (struct map_entry *e; (e = map_next(&c->connectors, &i));)
		loaded_free(e->value);
	map_done(&c->connectors);
	for (i = 0; i < c->n; i++)
		action_free(c->actions[i]);
	free(c->actions);
	free(c);
}

/* Loading. A connector is built apart and joins the catalogue only when all of it is fine. */

static void describe(struct loaded *l)
{
	const json_t *def = l->defs.connector, *rate = json_object_get(def, "rate");
	const char *title = json_str(def, "title"), *name = json_str(def, "name");
	l->c = (struct connector){
		.name = name,
		.title = title ? title : name,
		.def = def,
		.about = json_str(def, "about") ? json_str(def, "about") : "",
		.base_url = json_str(def, "base_url") ? json_str(def, "base_url") : "",
		.auth = json_object_get(def, "auth"),
		.oauth2 = json_object_get(def, "oauth2"),
		.per_second = json_number_value(json_object_get(rate, "per_second")),
		.per_day = (long)json_int(rate, "per_day", 0),
	};
}

static int add_alias(struct loaded *l, struct action *a, const char *alias, const char *place,
		     struct errmsg *msg)
{
	if (map_get(&l->actions, alias) || json_object_get(l->defs.actions, alias))
		return err_set(msg, ERR_PARSE, "%s: the alias '%s' is taken", place, alias);
	(void)map_put(&l->actions, alias, a);
	return 0;
}

/* file:line:col of an action; malloc'd. */
static char *place_of(const json_t *entry)
{
	return mem_printf("%s:%d:1", json_str(entry, "file"), (int)json_int(entry, "at", 0));
}

static int make_action(struct loaded *l, const char *name, const json_t *entry,
		       struct action **list, size_t *n, struct errmsg *msg)
{
	const json_t *alias;
	size_t i;
	auto_free char *place = place_of(entry);
	struct action *a = action_from_json(json_object_get(entry, "def"), msg);
	if (!a)
		return err_wrap(msg, "%s", place);
	list[(*n)++] = a;
	a->group = json_str(entry, "group");
	a->about = json_str(entry, "about");
	a->surprise = json_str(entry, "surprise");
	a->aliases = json_object_get(entry, "aliases");
	a->examples = json_object_get(entry, "examples");
	a->samples = json_object_get(entry, "samples");
	if (map_get(&l->actions, name))
		return err_set(msg, ERR_PARSE, "%s: the name '%s' is taken", place, name);
	(void)map_put(&l->actions, name, a);
	json_array_foreach ((json_t *)a->aliases, i, alias) {
		int err = add_alias(l, a, json_str(alias, "name"), place, msg);
		if (err)
			return err;
	}
	return 0;
}

/* Actions that others are referred to by: how jobs are read, what keyed ones are looked up with. */
static int check_references(const struct loaded *l, const struct action *a, struct errmsg *msg)
{
	auto_free char *place = place_of(json_object_get(l->defs.actions, a->name));
	const char *names[] = {a->look_up ? a->look_up->action : NULL,
			       a->look_up ? a->look_up->read : NULL, a->job ? a->job->action : NULL,
			       a->job ? a->job->list : NULL, a->merge ? a->merge->read : NULL};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i] && !map_get(&l->actions, names[i]))
			return err_set(msg, ERR_PARSE,
				       "%s: action '%s' refers to '%s', which does not exist",
				       place, a->name, names[i]);
	return 0;
}

static int make_actions(struct loaded *l, struct action **list, size_t *n, struct errmsg *msg)
{
	const char *name;
	json_t *entry;
	json_object_foreach (l->defs.actions, name, entry) {
		int err = make_action(l, name, entry, list, n, msg);
		if (err)
			return err;
	}
	for (size_t i = 0; i < *n; i++) {
		int err = check_references(l, list[i], msg);
		if (err)
			return err;
	}
	return 0;
}

/* Takes l, on an error too. */
static int add_loaded(struct catalogue *c, struct loaded *l, struct errmsg *msg)
{
	size_t max = json_object_size(l->defs.actions), n = 0;
	struct action **list = mem_alloc((max + 1) * sizeof(struct action *));
	int err = 0;
	describe(l);
	if (map_get(&c->connectors, l->c.name))
		err = err_set(msg, ERR_EXISTS, "there is a connector '%s' already", l->c.name);
	else if (max > ACTIONS_MAX)
		err = err_set(msg, ERR_TOOBIG, "%s: over %d actions", l->c.name, ACTIONS_MAX);
	else
		err = make_actions(l, list, &n, msg);
	if (err) {
		for (size_t i = 0; i < n; i++)
			action_free(list[i]);
		free(list);
		loaded_free(l);
		return err;
	}
	c->actions = mem_realloc(c->actions, (c->n + n + 1) * sizeof(struct action *));
	memcpy(c->actions + c->n, list, n * sizeof(struct action *));
	c->n += n;
	free(list);
	(void)map_put(&c->connectors, l->c.name, l);
	return 0;
}

static int need_connector(const struct loaded *l, const char *where, struct errmsg *msg)
{
	return l->defs.connector ? 0
				 : err_set(msg, ERR_PARSE, "%s: no connector is described", where);
}

int catalogue_load_text(struct catalogue *c, const char *file, const char *text, size_t len,
			struct errmsg *msg)
{
	struct loaded *l = mem_alloc(sizeof(*l));
	int err = define_read(&l->defs, file, text, len, msg);
	if (!err)
		err = need_connector(l, file, msg);
	if (!err)
		return add_loaded(c, l, msg);
	loaded_free(l);
	return err;
}

static int read_file(const char *path, struct buf *b, struct errmsg *msg)
{
	char part[65536];
	size_t n;
	int err = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
	buf_init(b, FILE_MAX);
	while (!err && (n = fread(part, 1, sizeof(part), f)) > 0)
		if (buf_add(b, part, n))
			err = err_set(msg, ERR_TOOBIG, "%s: over %u bytes", path, FILE_MAX);
	if (!err && ferror(f))
		err = err_set(msg, ERR_IO, "%s: cannot be read", path);
	fclose(f);
	return err;
}

static int read_definitions(struct loaded *l, const char *path, struct errmsg *msg)
{
	struct buf text = BUF_INIT;
	int err = read_file(path, &text, msg);
	if (!err)
		err = define_read(&l->defs, path, buf_str(&text), text.len, msg);
	buf_done(&text);
	return err;
}

static int is_yaml(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0;
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* A folder of one connector: connector.yaml first, since the others build on it. */
static int load_folder(struct catalogue *c, const char *dir, struct errmsg *msg)
{
	struct loaded *l = mem_alloc(sizeof(*l));
	struct dirent **files = NULL;
	auto_free char *first = mem_printf("%s/connector.yaml", dir);
	int n = scandir(dir, &files, is_yaml, alphasort);
	int err = read_definitions(l, first, msg);
	for (int i = 0; i < n; i++) {
		auto_free char *path = mem_printf("%s/%s", dir, files[i]->d_name);
		if (!err && strcmp(path, first) != 0)
			err = read_definitions(l, path, msg);
		free(files[i]);
	}
	free(files);
	if (!err)
		err = need_connector(l, dir, msg);
	if (!err)
		return add_loaded(c, l, msg);
	loaded_free(l);
	return err;
}

static int load_single(struct catalogue *c, const char *path, struct errmsg *msg)
{
	struct buf text = BUF_INIT;
	int err = read_file(path, &text, msg);
	if (!err)
		err = catalogue_load_text(c, path, buf_str(&text), text.len, msg);
	buf_done(&text);
	return err;
}

/* Folders without a connector.yaml hold something else. */
static int load_entry(struct catalogue *c, const char *dir, const struct dirent *e,
		      struct errmsg *msg)
{
	struct stat st;
	auto_free char *path = mem_printf("%s/%s", dir, e->d_name);
	auto_free char *first = mem_printf("%s/connector.yaml", path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return stat(first, &st) == 0 ? load_folder(c, path, msg) : 0;
	return is_yaml(e) ? load_single(c, path, msg) : 0;
}

/* Undoes a load that failed half way: connectors after the first `keep`, actions after `n`. */
static void take_back(struct catalogue *c, size_t keep, size_t n)
{
	size_t i = 0, at = 0;
	for (struct map_entry *e; (e = map_next(&c->connectors, &i)); at++)
		if (at >= keep)
			loaded_free(map_remove(&c->connectors, e->key));
	while (c->n > n)
		action_free(c->actions[--c->n]);
}

int catalogue_load_dir(struct catalogue *c, const char *dir, struct errmsg *msg)
{
	struct dirent **entries = NULL;
	size_t connectors = c->connectors.count, actions = c->n;
	int err = 0, n = scandir(dir, &entries, is_visible, alphasort);
	if (n < 0)
		return err_set(msg, ERR_IO, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (!err)
			err = load_entry(c, dir, entries[i], msg);
		free(entries[i]);
	}
	free(entries);
	if (err)
		take_back(c, connectors, actions);
	return err;
}

/* Finding. */

static const struct loaded *find_loaded(const struct catalogue *c, const char *connector)
{
	return map_get(&c->connectors, connector);
}

const struct action *catalogue_find(const struct catalogue *c, const char *connector,
				    const char *name)
{
	const struct loaded *l = find_loaded(c, connector);
	return l ? map_get(&l->actions, name) : NULL;
}

const struct action *catalogue_find_full(const struct catalogue *c, const char *full)
{
	const char *dot = strchr(full, '.');
	const struct loaded *l = dot ? map_getn(&c->connectors, full, (size_t)(dot - full)) : NULL;
	return l ? map_get(&l->actions, dot + 1) : NULL;
}

const struct connector *catalogue_connector(const struct catalogue *c, const char *name)
{
	const struct loaded *l = find_loaded(c, name);
	return l ? &l->c : NULL;
}

const struct action *catalogue_next(const struct catalogue *c, size_t *i)
{
	return *i < c->n ? c->actions[(*i)++] : NULL;
}

const struct connector *catalogue_next_connector(const struct catalogue *c, size_t *i)
{
	const struct map_entry *e = map_next(&c->connectors, i);
	return e ? &((const struct loaded *)e->value)->c : NULL;
}

size_t catalogue_count(const struct catalogue *c)
{
	return c->n;
}

static const char *nearest_key(const struct map *m, const char *word)
{
	const char **names = mem_alloc((m->count + 1) * sizeof(*names));
	size_t i = 0, n = 0;
	for (struct map_entry *e; (e = map_next(m, &i));)
		names[n++] = e->key;
	const char *near = suggest(word, names, n);
	free(names);
	return near;
}

const char *catalogue_suggest(const struct catalogue *c, const char *connector, const char *name)
{
	const struct loaded *l = find_loaded(c, connector);
	return l ? nearest_key(&l->actions, name) : NULL;
}

const char *catalogue_suggest_connector(const struct catalogue *c, const char *name)
{
	return nearest_key(&c->connectors, name);
}

/* Searching. */

struct hit {
	const struct action *a;
	int score;
};

/* Whether word stands in text, by whole words (2) or inside one (1). */
static int stands_in(const char *text, const char *word)
{
	size_t len = strlen(word);
	int best = 0;
	for (const char *p = text; (p = strcasestr(p, word)) && best < 2; p++) {
		bool begins = p == text || !isalnum((unsigned char)p[-1]);
		best = begins && !isalnum((unsigned char)p[len]) ? 2 : 1;
	}
	return best;
}

static int score_word(const struct action *a, const char *word)
{
	const json_t *alias;
	size_t i;
	int score = 8 * stands_in(a->name, word) + 4 * stands_in(a->title, word) +
		    2 * stands_in(a->group, word) + stands_in(a->about, word) +
		    stands_in(a->connector, word);
	json_array_foreach ((json_t *)a->aliases, i, alias)
		score += 4 * stands_in(json_str(alias, "name"), word) +
			 4 * stands_in(json_str(alias, "title") ? json_str(alias, "title") : "",
				       word);
	return score;
}

static int score_action(const struct action *a, char *const *words, size_t n)
{
	int sum = 0;
	size_t covered = 0;
	for (size_t i = 0; i < n; i++) {
		int score = score_word(a, words[i]);
		if (!score)
			return -1;
		sum += score;
		covered += stands_in(a->name, words[i]) == 2 ? strlen(words[i]) + 1 : 0;
	}
	/* A name that is nothing but the words is what was meant. */
	return sum + (covered == strlen(a->name) + 1 ? 32 : 0);
}

static int by_score(const void *x, const void *y)
{
	const struct hit *a = x, *b = y;
	return a->score != b->score ? b->score - a->score : strcmp(a->a->name, b->a->name);
}

size_t catalogue_search(const struct catalogue *c, const char *words, const struct action **ret,
			size_t max)
{
	auto_free char *copy = mem_strdup(words);
	auto_free struct hit *hits = mem_alloc((c->n + 1) * sizeof(*hits));
	char *list[WORDS_MAX], *next = copy, *word;
	size_t n_words = 0, n = 0;
	while ((word = strsep(&next, " \t,._")) && n_words < WORDS_MAX)
		if (*word)
			list[n_words++] = word;
	for (size_t i = 0; i < c->n; i++) {
		int score = score_action(c->actions[i], list, n_words);
		if (score >= 0)
			hits[n++] = (struct hit){c->actions[i], score};
	}
	if (n_words) /* without words: all, in their order */
		qsort(hits, n, sizeof(*hits), by_score);
	for (size_t i = 0; i < n && i < max; i++)
		ret[i] = hits[i].a;
	return n;
}
