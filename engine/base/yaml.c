/* YAML by libyaml's events: limits, aliases, merge keys and the core schema are done here. */
#include "engine/base/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "engine/base/arena.h"
#include "engine/base/map.h"

enum {
	TEXT_MAX = 1 << 20,
	DEPTH_MAX = 64,
	EXPANSIONS_MAX = 10000, /* nodes that the aliases of one document stand for */
	NODES_MAX = 100000,
	ARENA_MAX = 128 << 20, /* far more than the limits above can need */
	DIRECTIVES_MAX = 1000, /* lines that start with %: libyaml compares each with all before */
	KEYS_LINEAR = 8,       /* up to this many keys are compared one by one */
};

struct yaml_file {
	struct arena arena;
	struct yaml_doc *docs;
	size_t n, cap;
};

/* A node and what its aliases will cost. */
struct node {
	struct ynode pub; /* first */
	size_t size;      /* nodes in the tree below and including this one, aliases expanded */
	int height;       /* 1 for a scalar */
};

struct reader {
	struct yaml_file *file;
	struct yaml_error *err;
	bool tags, failed;
	size_t mark; /* bytes of a byte order mark, which libyaml does not get to see */
	yaml_parser_t parser;
	const char *text;
	size_t len;
	/* Where libyaml's place in characters was last turned into bytes. */
	size_t at_char, at_byte;
	size_t nodes, expansions;
	struct map anchors; /* name -> struct node, or &unfinished */
	/* Elements of the collections that are open, the innermost on top. */
	struct ynode **stack; /* never NULL */
	size_t top, stack_cap;
};

static struct node unfinished;

static bool fail(struct reader *r, int line, int col, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Only the first error counts. Returns false. */
static bool fail(struct reader *r, int line, int col, const char *fmt, ...)
{
	if (r->failed)
		return false;
	r->failed = true;
	r->err->line = line;
	r->err->col = col;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(r->err->text, sizeof(r->err->text), fmt, ap);
	va_end(ap);
	return false;
}

static bool fail_mark(struct reader *r, yaml_mark_t mark, const char *why)
{
	return fail(r, (int)mark.line + 1, (int)mark.column + 1, "%s", why);
}

/* libyaml counts characters; places only ever go forward. */
static size_t byte_of(struct reader *r, size_t index)
{
	while (r->at_char < index && r->at_byte < r->len) {
		do
			r->at_byte++;
		while (r->at_byte < r->len && ((unsigned char)r->text[r->at_byte] & 0xc0) == 0x80);
		r->at_char++;
	}
	return r->at_byte;
}

/* What began on a line above, and is still open where libyaml cannot go on. */
static bool is_unclosed(const yaml_parser_t *p)
{
	return p->context && p->context_mark.line < p->problem_mark.line &&
	       (!strncmp(p->context, "while parsing a flow ", 21) ||
		!strcmp(p->context, "while scanning a quoted scalar"));
}

static const char *why_unclosed(const yaml_parser_t *p)
{
	if (!strcmp(p->context, "while parsing a flow sequence"))
		return "the [ that begins here is not closed: its ] is missing";
	if (!strcmp(p->context, "while parsing a flow mapping"))
		return "the { that begins here is not closed: its } is missing";
	return "the quote that begins here is not closed";
}

/* An error of libyaml's reader has a byte offset, all others have a mark. */
static bool fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *why = p->problem ? p->problem : "cannot be read";
	if (p->error != YAML_READER_ERROR && is_unclosed(p))
		return fail(r, (int)p->context_mark.line + 1, (int)p->context_mark.column + 1, "%s",
			    why_unclosed(p));
	if (p->error != YAML_READER_ERROR) {
		size_t line = p->problem_mark.line, col = p->problem_mark.column;
		size_t at = byte_of(r, p->problem_mark.index);
		if (at < r->len && r->text[at] == '\t')
			return fail(r, (int)line + 1, (int)col + 1,
				    "a tab cannot indent or start a value: use spaces");
		return fail(r, (int)line + 1, (int)col + 1, "%s%s%s", why, p->context ? " " : "",
			    p->context ? p->context : "");
	}
	int line = 1, col = 1;
	for (size_t i = r->mark; i < p->problem_offset + r->mark && i < r->len; i++) {
		if (r->text[i] == '\n') {
			line++;
			col = 1;
		} else if (((unsigned char)r->text[i] & 0xc0) != 0x80) {
			col++;
		}
	}
	return fail(r, line, col, "%s", why);
}

static bool next_event(struct reader *r, yaml_event_t *ev)
{
	return yaml_parser_parse(&r->parser, ev) || fail_parser(r);
}

static struct node *new_node(struct reader *r, const yaml_event_t *ev, enum ynode_kind kind)
{
	if (++r->nodes > NODES_MAX) {
		fail_mark(r, ev->start_mark, "more than 100,000 values");
		return NULL;
	}
	struct node *n = arena_alloc(&r->file->arena, sizeof(*n));
	n->pub.kind = kind;
	n->pub.line = (int)ev->start_mark.line + 1;
	n->pub.col = (int)ev->start_mark.column + 1;
	n->size = 1;
	n->height = 1;
	return n;
}

/* -?(0|[1-9][0-9]*); *ret_len is how much of it there is. */
static bool read_decimal(const char *s, size_t *ret_len)
{
	const char *p = s + (*s == '-');
	size_t n = strspn(p, "0123456789");
	if (!n || (n > 1 && *p == '0'))
		return false;
	*ret_len = (size_t)(p - s) + n;
	return true;
}

/* 0x1f or 0o17. */
static bool read_radix(struct ynode *n)
{
	const char *s = n->text;
	bool hex = s[1] == 'x';
	if (s[0] != '0' || (!hex && s[1] != 'o') || !s[2])
		return false;
	if (s[2 + strspn(s + 2, hex ? "0123456789abcdefABCDEF" : "01234567")])
		return false;
	errno = 0;
	n->integer = strtoll(s + 2, NULL, hex ? 16 : 8);
	/* What 64 bits cannot hold stays text. */
	if (errno)
		return false;
	n->kind = Y_INT;
	return true;
}

/* An exponent and nothing behind it, or nothing. */
static bool is_exponent(const char *p)
{
	if (!*p)
		return true;
	if (*p != 'e' && *p != 'E')
		return false;
	p++;
	p += *p == '+' || *p == '-';
	return *p && !p[strspn(p, "0123456789")];
}

/* Integers, and reals: like the core schema, but no leading + and no leading zeros. */
static bool read_number(struct ynode *n)
{
	const char *s = n->text;
	size_t len;
	if (read_decimal(s, &len)) {
		errno = 0;
		n->integer = strtoll(s, NULL, 10);
		n->kind = s[len] || errno ? Y_REAL : Y_INT;
		if (n->kind == Y_INT)
			return true;
		n->integer = 0;
		if (s[len] == '.')
			len += 1 + strspn(s + len + 1, "0123456789");
	} else {
		len = *s == '-';
		size_t digits = s[len] == '.' ? strspn(s + len + 1, "0123456789") : 0;
		if (!digits)
			return false;
		len += 1 + digits;
	}
	if (!is_exponent(s + len))
		return false;
	n->kind = Y_REAL;
	n->real = strtod(s, NULL);
	return true;
}

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

/* What a plain scalar means in the core schema. */
static void resolve(struct ynode *n)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const infs[] = {".inf", ".Inf", ".INF", NULL};
	static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
	const char *s = n->text;
	n->kind = Y_STRING;
	if (is_one_of(s, nulls)) {
		n->kind = Y_NULL;
	} else if (is_one_of(s, trues) || is_one_of(s, falses)) {
		n->kind = Y_BOOL;
		n->boolean = is_one_of(s, trues);
	} else if (is_one_of(s + (*s == '-' || *s == '+'), infs)) {
		n->kind = Y_REAL;
		n->real = *s == '-' ? -INFINITY : INFINITY;
	} else if (is_one_of(s, nans)) {
		n->kind = Y_REAL;
		n->real = NAN;
	} else if (!read_radix(n) && !read_number(n)) {
		n->kind = Y_STRING;
	}
}

/* true: no tag, or one that the caller allows on a scalar (then *ret is set). */
static bool check_tag(struct reader *r, const yaml_event_t *ev, const yaml_char_t *tag,
		      const char **ret)
{
	static const char *const allowed[] = {"!env", "!file", NULL};
	if (!tag)
		return true;
	for (int i = 0; r->tags && ret && allowed[i]; i++)
		if (!strcmp((const char *)tag, allowed[i])) {
			*ret = allowed[i];
			return true;
		}
	return fail(r, (int)ev->start_mark.line + 1, (int)ev->start_mark.column + 1,
		    "the tag %.64s is not allowed here", (const char *)tag);
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *ev)
{
	yaml_scalar_style_t style = ev->data.scalar.style;
	struct node *n = new_node(r, ev, Y_STRING);
	if (!n || !check_tag(r, ev, ev->data.scalar.tag, &n->pub.tag))
		return NULL;
	n->pub.len = ev->data.scalar.length;
	n->pub.text =
		arena_strndup(&r->file->arena, (const char *)ev->data.scalar.value, n->pub.len);
	if (!n->pub.text) {
		fail_mark(r, ev->start_mark, "too large");
		return NULL;
	}
	n->pub.plain = style == YAML_PLAIN_SCALAR_STYLE;
	n->pub.block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	if (n->pub.plain && !n->pub.tag)
		resolve(&n->pub);
	return n;
}

/* The node that an alias means. Each use counts all nodes below it, so bombs are found early. */
static struct node *read_alias(struct reader *r, const yaml_event_t *ev, int depth)
{
	const char *name = (const char *)ev->data.alias.anchor;
	int line = (int)ev->start_mark.line + 1, col = (int)ev->start_mark.column + 1;
	struct node *n = map_get(&r->anchors, name);
	if (!n) {
		fail(r, line, col, "*%.64s: no such anchor in this document", name);
		return NULL;
	}
	if (n == &unfinished) {
		fail(r, line, col, "*%.64s stands inside of what it means", name);
		return NULL;
	}
	r->expansions += n->size;
	if (r->expansions > EXPANSIONS_MAX) {
		fail(r, line, col, "aliases stand for more than 10,000 values");
		return NULL;
	}
	if (depth + n->height - 1 > DEPTH_MAX) {
		fail(r, line, col, "nested deeper than 64");
		return NULL;
	}
	return n;
}

static void push(struct reader *r, struct ynode *n)
{
	if (r->top == r->stack_cap) {
		r->stack_cap *= 2;
		r->stack = mem_realloc(r->stack, r->stack_cap * sizeof(struct ynode *));
	}
	r->stack[r->top++] = n;
}

/* A child's cost is its parent's. */
static void adopt(struct node *parent, const struct node *child)
{
	parent->size += child->size;
	if (child->height >= parent->height)
		parent->height = child->height + 1;
}

/* Room for n pointers. Bounded by the limits on nodes and expansions. */
static struct ynode **pointers(struct reader *r, const yaml_event_t *ev, size_t n)
{
	struct ynode **p = arena_alloc(&r->file->arena, n * sizeof(struct ynode *));
	if (!p)
		fail_mark(r, ev->start_mark, "too large");
	return p;
}

static struct node *read_node(struct reader *r, yaml_event_t *ev, int depth);

/* Reads elements to the end event and leaves them on the stack. */
static bool read_children(struct reader *r, struct node *parent, int depth)
{
	for (;;) {
		yaml_event_t ev;
		if (!next_event(r, &ev))
			return false;
		if (ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			return true;
		}
		struct node *n = read_node(r, &ev, depth);
		yaml_event_delete(&ev);
		if (!n)
			return false;
		push(r, &n->pub);
		adopt(parent, n);
	}
}

static struct node *read_list(struct reader *r, const yaml_event_t *ev, int depth)
{
	struct node *n = new_node(r, ev, Y_LIST);
	size_t base = r->top;
	if (!n || !check_tag(r, ev, ev->data.sequence_start.tag, NULL) ||
	    !read_children(r, n, depth))
		return NULL;
	n->pub.n = r->top - base;
	n->pub.items = pointers(r, ev, n->pub.n);
	if (!n->pub.items)
		return NULL;
	memcpy(n->pub.items, r->stack + base, n->pub.n * sizeof(struct ynode *));
	r->top = base;
	return n;
}

/* The keys of a map while it is made: compared one by one while few, by a hash when many. */
struct keys {
	struct ynode *map;
	struct map seen;
};

static struct ynode *keys_find(const struct keys *k, const struct ynode *key)
{
	if (k->seen.count)
		return map_getn(&k->seen, key->text, key->len);
	for (size_t i = 0; i < k->map->n; i++)
		if (k->map->keys[i]->len == key->len &&
		    !memcmp(k->map->keys[i]->text, key->text, key->len))
			return k->map->keys[i];
	return NULL;
}

static void keys_add(struct keys *k, struct ynode *key, struct ynode *value)
{
	k->map->keys[k->map->n] = key;
	k->map->items[k->map->n++] = value;
	if (k->map->n < KEYS_LINEAR)
		return;
	if (k->map->n > KEYS_LINEAR)
		map_put(&k->seen, key->text, key);
	else
		for (size_t i = 0; i < k->map->n; i++)
			map_put(&k->seen, k->map->keys[i]->text, k->map->keys[i]);
}

static bool is_merge(const struct ynode *key)
{
	return key->plain && !key->tag && key->len == 2 && !memcmp(key->text, "<<", 2);
}

/* Checks a key of the map's own. */
static bool check_key(struct reader *r, const struct keys *k, const struct ynode *key)
{
	if (key->kind == Y_LIST || key->kind == Y_MAP)
		return fail(r, key->line, key->col, "a key cannot be %s", ynode_word(key));
	if (memchr(key->text, '\0', key->len))
		return fail(r, key->line, key->col, "a key cannot hold a NUL");
	const struct ynode *first = keys_find(k, key);
	if (!first)
		return true;
	return fail(r, key->line, key->col, "the key '%.64s' is there twice (first in line %d)",
		    key->text, first->line);
}

/* Adds what `<<` brings and the map does not have itself; of several maps the first one wins. */
static bool merge(struct reader *r, struct keys *k, const struct ynode *from)
{
	if (from->kind != Y_MAP)
		return fail(r, from->line, from->col,
			    "<< needs a map or a list of maps, this is %s", ynode_word(from));
	for (size_t i = 0; i < from->n; i++)
		if (!keys_find(k, from->keys[i]))
			keys_add(k, from->keys[i], from->items[i]);
	return true;
}

/* How many entries a `<<` can bring. */
static size_t merge_max(const struct ynode *from)
{
	size_t n = from->kind == Y_MAP ? from->n : 0;
	for (size_t i = 0; from->kind == Y_LIST && i < from->n; i++)
		n += from->items[i]->kind == Y_MAP ? from->items[i]->n : 0;
	return n;
}

/* Fills the map from n pairs, own keys first. */
static bool fill_map(struct reader *r, struct keys *k, struct ynode **pairs, size_t n)
{
	const struct ynode *merged = NULL, *merge_key = NULL;
	for (size_t i = 0; i < n; i += 2) {
		if (!check_key(r, k, pairs[i]))
			return false;
		if (!is_merge(pairs[i]))
			keys_add(k, pairs[i], pairs[i + 1]);
		else if (merged)
			return fail(r, pairs[i]->line, pairs[i]->col,
				    "the key '<<' is there twice (first in line %d)",
				    merge_key->line);
		else
			merged = pairs[i + 1], merge_key = pairs[i];
	}
	if (!merged)
		return true;
	if (merged->kind != Y_LIST)
		return merge(r, k, merged);
	for (size_t i = 0; i < merged->n; i++)
		if (!merge(r, k, merged->items[i]))
			return false;
	return true;
}

static struct node *read_map(struct reader *r, const yaml_event_t *ev, int depth)
{
	struct node *n = new_node(r, ev, Y_MAP);
	size_t base = r->top;
	if (!n || !check_tag(r, ev, ev->data.mapping_start.tag, NULL) ||
	    !read_children(r, n, depth))
		return NULL;
	struct ynode **pairs = r->stack + base;
	size_t n_pairs = r->top - base, room = n_pairs / 2;
	for (size_t i = 0; i < n_pairs; i += 2)
		if (pairs[i]->kind != Y_LIST && pairs[i]->kind != Y_MAP && is_merge(pairs[i]))
			room += merge_max(pairs[i + 1]);
	n->pub.keys = pointers(r, ev, room);
	n->pub.items = pointers(r, ev, room);
	if (!n->pub.keys || !n->pub.items)
		return NULL;
	struct keys k = {.map = &n->pub};
	bool ok = fill_map(r, &k, pairs, n_pairs);
	map_done(&k.seen);
	r->top = base;
	return ok ? n : NULL;
}

static const char *anchor_of(const yaml_event_t *ev)
{
	if (ev->type == YAML_SCALAR_EVENT)
		return (const char *)ev->data.scalar.anchor;
	if (ev->type == YAML_SEQUENCE_START_EVENT)
		return (const char *)ev->data.sequence_start.anchor;
	return (const char *)ev->data.mapping_start.anchor;
}

/* Reads the node that the event starts. depth counts this node. NULL: failed. */
static struct node *read_node(struct reader *r, yaml_event_t *ev, int depth)
{
	if (ev->type == YAML_ALIAS_EVENT)
		return read_alias(r, ev, depth);
	if (depth > DEPTH_MAX) {
		fail_mark(r, ev->start_mark, "nested deeper than 64");
		return NULL;
	}
	const char *anchor = anchor_of(ev);
	if (anchor)
		map_put(&r->anchors, anchor, &unfinished);
	struct node *n = ev->type == YAML_SCALAR_EVENT           ? read_scalar(r, ev)
			 : ev->type == YAML_SEQUENCE_START_EVENT ? read_list(r, ev, depth + 1)
								 : read_map(r, ev, depth + 1);
	if (anchor && n)
		map_put(&r->anchors, anchor, n);
	return n;
}

static struct yaml_doc *add_doc(struct yaml_file *f)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 8;
		f->docs = mem_realloc(f->docs, f->cap * sizeof(*f->docs));
	}
	f->docs[f->n] = (struct yaml_doc){0};
	return &f->docs[f->n++];
}

/* Reads one document behind its start event. */
static bool read_doc(struct reader *r, size_t start)
{
	yaml_event_t ev;
	if (r->file->n)
		r->file->docs[r->file->n - 1].end = start;
	struct yaml_doc *doc = add_doc(r->file);
	doc->start = r->file->n == 1 ? 0 : start;
	r->expansions = 0;
	map_done(&r->anchors);
	if (!next_event(r, &ev))
		return false;
	struct node *root = read_node(r, &ev, 1);
	yaml_event_delete(&ev);
	if (!root)
		return false;
	doc->root = &root->pub;
	if (!next_event(r, &ev)) /* the document's end */
		return false;
	yaml_event_delete(&ev);
	return true;
}

static bool read_stream(struct reader *r)
{
	for (;;) {
		yaml_event_t ev;
		if (!next_event(r, &ev))
			return false;
		yaml_event_type_t type = ev.type;
		size_t start = byte_of(r, ev.start_mark.index);
		yaml_event_delete(&ev);
		if (type == YAML_STREAM_END_EVENT)
			break;
		if (type == YAML_DOCUMENT_START_EVENT && !read_doc(r, start))
			return false;
	}
	if (r->file->n)
		r->file->docs[r->file->n - 1].end = r->len;
	return true;
}

/* What must be refused before libyaml sees it. */
static bool check_text(struct reader *r)
{
	if (r->len > TEXT_MAX)
		return fail(r, 1, 1, "longer than 1 MiB");
	int line = 1, directives = 0;
	for (const char *p = r->text, *end = p + r->len; p < end; line++) {
		if (*p == '%' && ++directives > DIRECTIVES_MAX)
			return fail(r, line, 1, "more than 1,000 directives");
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		p = nl ? nl + 1 : end;
	}
	return true;
}

struct yaml_file *yaml_read(const char *text, size_t len, bool tags, struct yaml_error *err)
{
	struct reader r = {.err = err, .tags = tags, .text = text, .len = len};
	if (!check_text(&r))
		return NULL;
	if (!yaml_parser_initialize(&r.parser)) {
		fail(&r, 1, 1, "out of memory");
		return NULL;
	}
	r.file = mem_alloc(sizeof(*r.file));
	r.stack_cap = 256;
	r.stack = mem_alloc(r.stack_cap * sizeof(struct ynode *));
	arena_init(&r.file->arena, ARENA_MAX);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	/* With the encoding told, libyaml would take it for the first character of a line. */
	r.mark = r.at_byte = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text + r.mark, len - r.mark);
	bool ok = read_stream(&r);
	yaml_parser_delete(&r.parser);
	map_done(&r.anchors);
	free(r.stack);
	if (ok)
		return r.file;
	yaml_file_free(r.file);
	return NULL;
}

void yaml_file_free(struct yaml_file *f)
{
	if (!f)
		return;
	arena_done(&f->arena);
	free(f->docs);
	free(f);
}

size_t yaml_count(const struct yaml_file *f)
{
	return f->n;
}

const struct yaml_doc *yaml_doc(const struct yaml_file *f, size_t i)
{
	return i < f->n ? &f->docs[i] : NULL;
}

static size_t find_key(const struct ynode *map, const char *key)
{
	size_t len = strlen(key);
	for (size_t i = 0; i < map->n; i++)
		if (map->keys[i]->len == len && !memcmp(map->keys[i]->text, key, len))
			return i;
	return SIZE_MAX;
}

struct ynode *ynode_get(const struct ynode *map, const char *key)
{
	size_t i = map && map->kind == Y_MAP ? find_key(map, key) : SIZE_MAX;
	return i == SIZE_MAX ? NULL : map->items[i];
}

struct ynode *ynode_key(const struct ynode *map, const char *key)
{
	size_t i = map && map->kind == Y_MAP ? find_key(map, key) : SIZE_MAX;
	return i == SIZE_MAX ? NULL : map->keys[i];
}

static json_t *text_json(const struct ynode *n)
{
	return json_stringn(n->text, n->len);
}

static json_t *list_json(const struct ynode *n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n->n; i++)
		json_array_append_new(list, ynode_json(n->items[i]));
	return list;
}

static json_t *map_json(const struct ynode *n)
{
	json_t *map = json_object();
	for (size_t i = 0; i < n->n; i++)
		json_object_set_new(map, n->keys[i]->text, ynode_json(n->items[i]));
	return map;
}

json_t *ynode_json(const struct ynode *n)
{
	json_t *v = NULL;
	switch (n ? n->kind : Y_NULL) {
	case Y_NULL:
		break;
	case Y_BOOL:
		return json_boolean(n->boolean);
	case Y_INT:
		v = json_integer(n->integer);
		break;
	case Y_REAL:
		/* JSON has no infinities: they stay as written. */
		v = isfinite(n->real) ? json_real(n->real) : text_json(n);
		break;
	case Y_STRING:
		v = text_json(n);
		break;
	case Y_LIST:
		v = list_json(n);
		break;
	case Y_MAP:
		v = map_json(n);
		break;
	}
	return v ? v : json_null();
}

const char *ynode_word(const struct ynode *n)
{
	switch (n ? n->kind : Y_NULL) {
	case Y_NULL:
		break;
	case Y_BOOL:
		return "true or false";
	case Y_INT:
	case Y_REAL:
		return "a number";
	case Y_STRING:
		return "text";
	case Y_LIST:
		return "a list";
	case Y_MAP:
		return "a map";
	}
	return "nothing";
}
