/* A tree of places, from libyaml's events; comments, which libyaml does not tell, from the gaps. */
#include "engine/base/layout.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "engine/base/arena.h"

/* Texts and their depth are bounded by yaml_read(), which has seen them before. */
enum { ARENA_MAX = 256 << 20 };

struct reader {
	struct layout pub; /* first */
	struct arena arena;
	yaml_parser_t parser;
	size_t cap_docs, cap_comments;
	/* libyaml counts characters: where its place was last turned into bytes. */
	size_t at_char, at_byte;
	size_t scanned; /* comments were looked for up to here */
	struct layout_node **stack;
	size_t top, cap;
};

int layout_width(const char *s, size_t len)
{
	int n = 0;
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

/* ---- places ---- */

/* Nodes are met in their order, but each is asked for its beginning again at its end. */
static size_t byte_of(struct reader *r, size_t index)
{
	const char *text = r->pub.text;
	if (index < r->at_char)
		r->at_char = r->at_byte = 0;
	while (r->at_char < index && r->at_byte < r->pub.len) {
		do
			r->at_byte++;
		while (((unsigned char)text[r->at_byte] & 0xc0) == 0x80);
		r->at_char++;
	}
	return r->at_byte;
}

static size_t line_start(const struct reader *r, size_t at)
{
	while (at > 0 && r->pub.text[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct reader *r, size_t at)
{
	const char *nl = memchr(r->pub.text + at, '\n', r->pub.len - at);
	return nl ? (size_t)(nl - r->pub.text) : r->pub.len;
}

static int column_of(const struct reader *r, size_t at)
{
	size_t start = line_start(r, at);
	return layout_width(r->pub.text + start, at - start);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- comments ---- */

static void add_comment(struct reader *r, size_t at)
{
	struct layout *l = &r->pub;
	if (l->n_comments == r->cap_comments) {
		r->cap_comments = r->cap_comments ? 2 * r->cap_comments : 16;
		l->comments = mem_realloc(l->comments, r->cap_comments * sizeof(*l->comments));
	}
	size_t start = line_start(r, at), end = line_end(r, at);
	while (end > at && is_blank(l->text[end - 1]))
		end--;
	size_t first = start;
	while (is_blank(l->text[first]))
		first++;
	l->comments[l->n_comments++] = (struct layout_comment){
		.start = at, .end = end, .col = column_of(r, at), .own_line = first == at};
}

/* Between scalars every '#' begins a comment. */
static void scan(struct reader *r, size_t to)
{
	while (r->scanned < to) {
		const char *hash = memchr(r->pub.text + r->scanned, '#', to - r->scanned);
		if (!hash)
			break;
		size_t at = (size_t)(hash - r->pub.text);
		add_comment(r, at);
		r->scanned = line_end(r, at);
	}
	if (r->scanned < to)
		r->scanned = to;
}

/* ---- nodes ---- */

/* Skips blanks and comments. */
static size_t skip_gap(const struct reader *r, size_t at)
{
	for (;; at++) {
		if (r->pub.text[at] == '#')
			at = line_end(r, at);
		if (!is_blank(r->pub.text[at]))
			return at;
	}
}

/* Where a node begins behind its properties, which become words with one blank between. */
static void read_props(struct reader *r, struct layout_node *n, int many)
{
	n->props = "";
	n->value = n->start;
	for (int i = 0; i < many; i++) {
		const char *word = r->pub.text + n->value;
		size_t len = strcspn(word, " \t\r\n,[]{}");
		n->props = arena_printf(&r->arena, "%s%s%.*s", n->props, *n->props ? " " : "",
					(int)len, word);
		n->value = skip_gap(r, n->value + len);
	}
}

static struct layout_node *new_node(struct reader *r, const yaml_event_t *ev, enum layout_kind kind,
				    int props)
{
	struct layout_node *n = arena_alloc(&r->arena, sizeof(*n));
	assert(n);
	n->kind = kind;
	n->start = byte_of(r, ev->start_mark.index);
	n->end = byte_of(r, ev->end_mark.index);
	n->body_col = -1;
	read_props(r, n, props);
	if (n->value > n->end)
		n->value = n->end;
	n->col = column_of(r, n->value);
	return n;
}

static size_t indent_of(const struct reader *r, size_t line)
{
	return strspn(r->pub.text + line, " ");
}

static bool is_empty_line(const struct reader *r, size_t line)
{
	char c = r->pub.text[line + indent_of(r, line)];
	return !c || c == '\n';
}

/* How far the lines of a block scalar are indented: as its header says, or as its first line is. */
static void find_body_col(struct reader *r, struct layout_node *n, int parent_col)
{
	const char *digit = strpbrk(r->pub.text + n->value, "123456789\n");
	int parent = parent_col > 0 ? parent_col : 0;
	if (digit && *digit != '\n' && digit < r->pub.text + n->value + 3) {
		n->body_col = parent + *digit - '0';
		return;
	}
	size_t line = n->body;
	while (line < r->pub.len && is_empty_line(r, line))
		line = line_end(r, line) + 1;
	if (line < r->pub.len && (int)indent_of(r, line) > parent_col)
		n->body_col = (int)indent_of(r, line);
}

static void find_body(struct reader *r, struct layout_node *n, int parent_col)
{
	size_t header = line_end(r, n->value);
	n->body = n->body_end = header < r->pub.len ? header + 1 : header;
	find_body_col(r, n, parent_col);
	for (size_t line = n->body; line < r->pub.len; line = line_end(r, line) + 1) {
		if (!is_empty_line(r, line) &&
		    (n->body_col < 0 || (int)indent_of(r, line) < n->body_col))
			break;
		n->body_end = line_end(r, line) + (line_end(r, line) < r->pub.len);
	}
	n->end = n->value + strcspn(r->pub.text + n->value, " \t\n");
}

static struct layout_node *read_scalar(struct reader *r, const yaml_event_t *ev, int parent_col)
{
	struct layout_node *n =
		new_node(r, ev, LAYOUT_SCALAR, !!ev->data.scalar.anchor + !!ev->data.scalar.tag);
	yaml_scalar_style_t style = ev->data.scalar.style;
	scan(r, n->value);
	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
		n->style = LAYOUT_BLOCK;
		find_body(r, n, parent_col);
		scan(r, line_end(r, n->value));
		r->scanned = n->body_end;
	} else {
		n->style = style == YAML_PLAIN_SCALAR_STYLE ? LAYOUT_PLAIN : LAYOUT_QUOTED;
		r->scanned = n->end;
	}
	return n;
}

static void push(struct reader *r, struct layout_node *n)
{
	if (r->top == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->stack = mem_realloc(r->stack, r->cap * sizeof(struct layout_node *));
	}
	r->stack[r->top++] = n;
}

static struct layout_node *read_node(struct reader *r, yaml_event_t *ev, int parent_col);

/* Reads elements onto the stack, to the event that ends them; its end is returned. */
static bool read_children(struct reader *r, struct layout_node *n)
{
	for (;;) {
		yaml_event_t ev;
		if (!yaml_parser_parse(&r->parser, &ev))
			return false;
		bool end = ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT;
		if (end)
			n->end = byte_of(r, ev.end_mark.index);
		else
			push(r, read_node(r, &ev, n->col));
		yaml_event_delete(&ev);
		if (end || !r->stack[r->top - 1])
			return end;
	}
}

static struct layout_node **keep(struct reader *r, size_t base, size_t first, size_t step, size_t n)
{
	struct layout_node **list = arena_alloc(&r->arena, (n + 1) * sizeof(*list));
	assert(list);
	for (size_t i = 0; i < n; i++)
		list[i] = r->stack[base + first + i * step];
	return list;
}

static struct layout_node *read_list(struct reader *r, const yaml_event_t *ev)
{
	size_t base = r->top;
	struct layout_node *n =
		new_node(r, ev, LAYOUT_LIST,
			 !!ev->data.sequence_start.anchor + !!ev->data.sequence_start.tag);
	n->style = ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE ? LAYOUT_FLOW
									     : LAYOUT_BLOCK;
	if (!read_children(r, n))
		return NULL;
	n->n = r->top - base;
	n->items = keep(r, base, 0, 1, n->n);
	r->top = base;
	return n;
}

static struct layout_node *read_map(struct reader *r, const yaml_event_t *ev)
{
	size_t base = r->top;
	struct layout_node *n = new_node(
		r, ev, LAYOUT_MAP, !!ev->data.mapping_start.anchor + !!ev->data.mapping_start.tag);
	n->style = ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE ? LAYOUT_FLOW
									   : LAYOUT_BLOCK;
	if (!read_children(r, n))
		return NULL;
	n->n = (r->top - base) / 2;
	n->keys = keep(r, base, 0, 2, n->n);
	n->items = keep(r, base, 1, 2, n->n);
	r->top = base;
	return n;
}

static struct layout_node *read_node(struct reader *r, yaml_event_t *ev, int parent_col)
{
	struct layout_node *n;
	if (ev->type == YAML_SCALAR_EVENT)
		return read_scalar(r, ev, parent_col);
	if (ev->type == YAML_SEQUENCE_START_EVENT)
		return read_list(r, ev);
	if (ev->type == YAML_MAPPING_START_EVENT)
		return read_map(r, ev);
	n = new_node(r, ev, LAYOUT_ALIAS, 0);
	scan(r, n->value);
	r->scanned = n->end;
	return n;
}

/* ---- documents ---- */

static struct layout_doc *add_doc(struct reader *r)
{
	struct layout *l = &r->pub;
	if (l->n_docs == r->cap_docs) {
		r->cap_docs = r->cap_docs ? 2 * r->cap_docs : 4;
		l->docs = mem_realloc(l->docs, r->cap_docs * sizeof(*l->docs));
	}
	l->docs[l->n_docs] = (struct layout_doc){.end = l->len};
	return &l->docs[l->n_docs++];
}

static bool no_directives(const yaml_event_t *ev, struct yaml_error *err)
{
	const yaml_tag_directive_t *tags = ev->data.document_start.tag_directives.start;
	if (!ev->data.document_start.version_directive &&
	    tags == ev->data.document_start.tag_directives.end)
		return true;
	err->line = (int)ev->start_mark.line + 1;
	err->col = 1;
	snprintf(err->text, sizeof(err->text), "a file with %%YAML or %%TAG is not formatted");
	return false;
}

static bool read_doc(struct reader *r, const yaml_event_t *start, struct yaml_error *err)
{
	yaml_event_t ev;
	if (!no_directives(start, err))
		return false;
	struct layout_doc *doc = add_doc(r);
	doc->marked = !start->data.document_start.implicit;
	doc->mark = byte_of(r, start->start_mark.index);
	if (r->pub.n_docs > 1)
		doc[-1].end = doc->mark;
	if (!yaml_parser_parse(&r->parser, &ev))
		return false;
	doc->root = read_node(r, &ev, -1);
	yaml_event_delete(&ev);
	return doc->root != NULL;
}

static bool read_docs(struct reader *r, struct yaml_error *err)
{
	for (bool more = true; more;) {
		yaml_event_t ev;
		if (!yaml_parser_parse(&r->parser, &ev))
			return false;
		bool good = ev.type != YAML_DOCUMENT_START_EVENT || read_doc(r, &ev, err);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
		if (!good)
			return false;
	}
	scan(r, r->pub.len);
	return true;
}

/* A copy with \n for \r\n and for \r, and without a byte order mark. */
static void take_text(struct layout *l, const char *text, size_t len)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t from = len >= 3 && !memcmp(text, bom, 3) ? 3 : 0;
	l->text = mem_alloc(len + 1);
	for (size_t i = from; i < len; i++)
		if (text[i] != '\r')
			l->text[l->len++] = text[i];
		else if (i + 1 == len || text[i + 1] != '\n')
			l->text[l->len++] = '\n';
}

struct layout *layout_read(const char *text, size_t len, struct yaml_error *err)
{
	struct yaml_file *f = yaml_read(text, len, true, err);
	if (!f)
		return NULL;
	yaml_file_free(f);
	struct reader *r = mem_alloc(sizeof(*r));
	arena_init(&r->arena, ARENA_MAX);
	take_text(&r->pub, text, len);
	*err = (struct yaml_error){.line = 1, .col = 1, .text = "this YAML is not formatted"};
	bool good = yaml_parser_initialize(&r->parser);
	if (good) {
		yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->pub.text,
					     r->pub.len);
		good = read_docs(r, err);
		yaml_parser_delete(&r->parser);
	}
	if (good)
		return &r->pub;
	layout_free(&r->pub);
	return NULL;
}

void layout_free(struct layout *l)
{
	struct reader *r = (struct reader *)l;
	if (!l)
		return;
	arena_done(&r->arena);
	free(r->stack);
	free(l->docs);
	free(l->comments);
	free(l->text);
	free(r);
}
