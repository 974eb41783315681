/*
 * The one layout of rule files: two blanks a level, lists below their key, one blank line at most,
 * a list or map in brackets on one line or, where that is too long, as lines of its own.
 *
 * Scalars stay as they are written, but for the indentation of further lines. Comments stay with what
 * they stand at. What was made is read again before it is given out: a text that would mean anything
 * else is refused, not written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/layout.h"
#include "engine/rule/compile.h"

enum { WIDTH = 100, STEP = 2, KEY_MAX = 1000 };

/* A line that was made, and the comment behind it. */
struct line {
	size_t start, end; /* bytes of `out` */
	int width;
	const struct layout_comment *comment; /* or NULL */
};

struct printer {
	const struct layout *l;
	struct buf out; /* all lines, without their ends */
	struct line *lines;
	size_t n_lines, cap_lines;
	bool open;   /* the last line goes on */
	bool fresh;  /* nothing was made since a list or map began: no blank line there */
	size_t last; /* the source's byte behind what was made last */
	size_t next; /* the comment that comes next */
	const struct layout_node *stuck; /* what cannot be laid out, or NULL */
	const char *why;
};

/* What comes behind a list or map: a comment indented as far as that belongs to it. */
struct next {
	size_t at;
	int col;
};

/* ---- lines ---- */

static struct line *line_at_hand(struct printer *p)
{
	return &p->lines[p->n_lines - 1];
}

static void put(struct printer *p, const char *s, size_t len)
{
	buf_add(&p->out, s, len);
	line_at_hand(p)->end = p->out.len;
	line_at_hand(p)->width += layout_width(s, len);
}

static void put_str(struct printer *p, const char *s)
{
	put(p, s, strlen(s));
}

static void line_new(struct printer *p, int indent)
{
	if (p->n_lines == p->cap_lines) {
		p->cap_lines = p->cap_lines ? 2 * p->cap_lines : 64;
		p->lines = mem_realloc(p->lines, p->cap_lines * sizeof(*p->lines));
	}
	p->lines[p->n_lines++] = (struct line){.start = p->out.len, .end = p->out.len};
	p->open = true;
	for (int i = 0; i < indent; i++)
		put_str(p, " ");
}

static const struct layout_comment *comment_before(const struct printer *p, size_t at)
{
	const struct layout_comment *c = &p->l->comments[p->next];
	return p->next < p->l->n_comments && c->start < at ? c : NULL;
}

/* The line is complete; the comment behind it, if one stands before `at`, is its. */
static void line_close(struct printer *p, size_t at)
{
	const struct layout_comment *c = comment_before(p, at);
	if (p->open && c && !c->own_line) {
		line_at_hand(p)->comment = c;
		p->last = c->end;
		p->next++;
	}
	p->open = false;
}

/* Is there an empty line between what was made last and this byte? */
static bool has_gap(const struct printer *p, size_t at)
{
	bool empty = false;
	for (size_t i = p->last; i < at; i++) {
		char c = p->l->text[i];
		if (c == '\n' && empty)
			return true;
		if (c == '\n')
			empty = true;
		else if (c != ' ' && c != '\t')
			empty = false;
	}
	return false;
}

static void keep_gap(struct printer *p, size_t at)
{
	if (!p->fresh && p->n_lines && has_gap(p, at)) {
		line_new(p, 0);
		p->open = false;
	}
	p->fresh = false;
}

static void comment_line(struct printer *p, int indent)
{
	const struct layout_comment *c = &p->l->comments[p->next++];
	keep_gap(p, c->start);
	line_new(p, indent);
	put(p, p->l->text + c->start, c->end - c->start);
	p->open = false;
	p->last = c->end;
}

static bool has_own_line(const struct printer *p, size_t at)
{
	for (size_t i = p->next; i < p->l->n_comments && p->l->comments[i].start < at; i++)
		if (p->l->comments[i].own_line)
			return true;
	return false;
}

/*
 * Begins the line of an entry that begins at `at`, below the comments in front of it. Up to `head`
 * the source has what goes onto this line: comments on lines of their own go above it.
 */
static void line_begin(struct printer *p, int indent, size_t at, size_t head)
{
	line_close(p, at);
	while (comment_before(p, at))
		comment_line(p, indent);
	keep_gap(p, at);
	p->last = at;
	if (has_own_line(p, head))
		while (comment_before(p, head))
			comment_line(p, indent);
	line_new(p, indent);
}

/* A list or map is complete: comments that belong to it stand at its end. */
static void close_block(struct printer *p, int indent, int col, struct next next)
{
	const struct layout_comment *c;
	line_close(p, next.at);
	while ((c = comment_before(p, next.at)) && c->col >= col && c->col > next.col)
		comment_line(p, indent);
}

static void stick(struct printer *p, const struct layout_node *n, const char *why)
{
	if (p->stuck)
		return;
	p->stuck = n;
	p->why = why;
}

/* ---- scalars ---- */

static const char *source_of(const struct printer *p, const struct layout_node *n, size_t *ret_len)
{
	*ret_len = n->end - n->value;
	return p->l->text + n->value;
}

static bool is_leaf(const struct layout_node *n)
{
	return n->kind == LAYOUT_SCALAR || n->kind == LAYOUT_ALIAS;
}

static bool is_flow(const struct layout_node *n)
{
	return !is_leaf(n) && n->style == LAYOUT_FLOW;
}

static bool is_empty(const struct layout_node *n)
{
	return n->kind == LAYOUT_SCALAR && n->value == n->end;
}

/* A scalar over several lines: each further one begins at `indent`. */
static void print_lines(struct printer *p, const char *s, size_t len, int indent)
{
	for (const char *end = s + len;;) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		if (!nl) {
			put(p, s, (size_t)(end - s));
			return;
		}
		const char *stop = nl;
		while (stop > s && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		put(p, s, (size_t)(stop - s));
		s = nl + 1 + strspn(nl + 1, " \t");
		line_new(p, *s == '\n' ? 0 : indent);
	}
}

static bool header_has(const struct printer *p, const struct layout_node *n, char c)
{
	return memchr(p->l->text + n->value, c, n->end - n->value) != NULL;
}

/* Does it end with the file, without a line end? */
static bool is_cut(const struct printer *p, const struct layout_node *n)
{
	return n->body_end == p->l->len && p->l->text[p->l->len - 1] != '\n' &&
	       !header_has(p, n, '-');
}

/* The blank lines at the end of a block scalar mean something after `+` only. */
static size_t body_end(const struct printer *p, const struct layout_node *n)
{
	const char *text = p->l->text;
	size_t end = n->body_end;
	while (end > n->body && (is_cut(p, n) || !header_has(p, n, '+'))) {
		size_t line = end - 1;
		while (line > n->body && text[line - 1] != '\n')
			line--;
		size_t blanks = strspn(text + line, " ");
		if (line + blanks < end && text[line + blanks] != '\n')
			break;
		/* Blanks that stand further to the right are content. */
		if (n->body_col >= 0 && blanks > (size_t)n->body_col)
			break;
		end = line;
	}
	return end;
}

/*
 * "|2-" for "|4-": how far it is indented changes, whether its end is kept does not. A text that ends
 * with the file, without a line end, must not get one.
 */
static void print_header(struct printer *p, const struct layout_node *n)
{
	size_t len;
	const char *s = source_of(p, n, &len);
	bool cut = is_cut(p, n);
	for (size_t i = 0; i < len; i++)
		if (s[i] != '+' || !cut)
			put(p, s[i] >= '1' && s[i] <= '9' ? "2" : s + i, 1);
	if (cut)
		put_str(p, "-");
	line_close(p, n->body);
}

static void print_block_scalar(struct printer *p, const struct layout_node *n, int indent)
{
	const char *text = p->l->text;
	size_t end = body_end(p, n);
	print_header(p, n);
	for (size_t at = n->body; at < end;) {
		const char *nl = memchr(text + at, '\n', end - at);
		size_t stop = nl ? (size_t)(nl - text) : end;
		size_t blanks = strspn(text + at, " ");
		size_t cut = n->body_col < 0 || blanks < (size_t)n->body_col ? blanks
									     : (size_t)n->body_col;
		size_t from = at + cut < stop ? at + cut : stop;
		line_new(p, from < stop ? indent : 0);
		put(p, text + from, stop - from);
		at = stop + 1;
	}
	p->open = false;
	/* Its last line end is of the text: a blank line must come after it. */
	p->last = end - 1;
}

/* ---- lists and maps in brackets ---- */

static bool has_comment_inside(const struct printer *p, const struct layout_node *n)
{
	for (size_t i = p->next; i < p->l->n_comments && p->l->comments[i].start < n->end; i++)
		if (p->l->comments[i].start >= n->value)
			return true;
	return false;
}

static void add_props(struct buf *b, const struct layout_node *n)
{
	if (*n->props)
		buf_printf(b, "%s ", n->props);
}

static bool flow_text(const struct printer *p, const struct layout_node *n, struct buf *b);

static bool flow_leaf(const struct printer *p, const struct layout_node *n, struct buf *b)
{
	size_t len;
	const char *s = source_of(p, n, &len);
	if (!len || memchr(s, '\n', len))
		return false;
	add_props(b, n);
	buf_add(b, s, len);
	return true;
}

/* "key: value", or the key alone where the author has written no more. */
static bool flow_pair(const struct printer *p, const struct layout_node *key,
		      const struct layout_node *v, struct buf *b)
{
	if (!flow_leaf(p, key, b))
		return false;
	if (is_empty(v) && !*v->props && key->kind == LAYOUT_SCALAR && key->style == LAYOUT_PLAIN)
		return true;
	buf_puts(b, key->kind == LAYOUT_ALIAS ? " : " : ": ");
	return flow_text(p, v, b);
}

/* Adds it as one line; false where that cannot be. */
static bool flow_text(const struct printer *p, const struct layout_node *n, struct buf *b)
{
	if (is_leaf(n))
		return flow_leaf(p, n, b);
	add_props(b, n);
	buf_putc(b, n->kind == LAYOUT_MAP ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			buf_puts(b, ", ");
		if (n->kind == LAYOUT_MAP ? !flow_pair(p, n->keys[i], n->items[i], b)
					  : !flow_text(p, n->items[i], b))
			return false;
	}
	buf_putc(b, n->kind == LAYOUT_MAP ? '}' : ']');
	return true;
}

/* Goes on the line with it, when it fits there. */
static bool print_flow(struct printer *p, const struct layout_node *n)
{
	struct buf b = BUF_INIT;
	bool fits = (!n->n || !has_comment_inside(p, n)) && flow_text(p, n, &b) &&
		    (!n->n || line_at_hand(p)->width + 1 + layout_width(b.data, b.len) <= WIDTH);
	if (fits) {
		put_str(p, " ");
		put(p, b.data, b.len);
		p->last = n->end;
	}
	buf_done(&b);
	return fits;
}

/* ---- lists and maps as lines ---- */

static void print_map(struct printer *p, const struct layout_node *n, int indent, bool inside,
		      struct next next);
static void print_list(struct printer *p, const struct layout_node *n, int indent, bool inside,
		       struct next next);

/* Up to where the source has what goes onto the first line of a node. */
static size_t head_of(const struct layout_node *n)
{
	if (is_leaf(n) || is_flow(n) || *n->props || !n->n)
		return n->value;
	if (n->kind == LAYOUT_LIST)
		return head_of(n->items[0]);
	const struct layout_node *v = n->items[0];
	return (is_leaf(v) && !is_empty(v)) || is_flow(v) ? v->value : n->keys[0]->end;
}

static size_t head_of_entry(const struct layout_node *key, const struct layout_node *v)
{
	return (is_leaf(v) && !is_empty(v)) || is_flow(v) ? v->value : key->end;
}

/* How far its lines are indented in the source; those of brackets are nowhere. */
static int col_of(const struct layout_node *n)
{
	return is_flow(n) ? -1 : n->col;
}

static void print_leaf(struct printer *p, const struct layout_node *n, int indent)
{
	size_t len;
	const char *s = source_of(p, n, &len);
	if (!len)
		return;
	put_str(p, " ");
	if (n->kind == LAYOUT_SCALAR && n->style == LAYOUT_BLOCK) {
		print_block_scalar(p, n, indent);
		return;
	}
	print_lines(p, s, len, indent);
	p->last = n->end;
}

/* In brackets until here, so that its end is known better than by what comes next. */
static struct next next_of(const struct layout_node *n, struct next next)
{
	return is_flow(n) ? (struct next){n->end, -1} : next;
}

static void print_below(struct printer *p, const struct layout_node *n, int indent, bool inside,
			struct next next)
{
	if (!inside)
		p->fresh = true;
	if (n->kind == LAYOUT_MAP)
		print_map(p, n, indent, inside, next_of(n, next));
	else
		print_list(p, n, indent, inside, next_of(n, next));
}

static void print_props(struct printer *p, const struct layout_node *n)
{
	if (!*n->props || is_flow(n))
		return;
	put_str(p, " ");
	put_str(p, n->props);
	p->last = n->value;
}

/* What stands behind "key:" or "-"; its own lines begin at `indent`. */
static void print_value(struct printer *p, const struct layout_node *n, int indent, bool in_list,
			struct next next)
{
	print_props(p, n);
	if (is_leaf(n)) {
		print_leaf(p, n, indent);
	} else if (!is_flow(n) || !print_flow(p, n)) {
		if (is_flow(n) && *n->props) {
			put_str(p, " ");
			put_str(p, n->props);
		}
		bool inside = in_list && !*n->props;
		if (inside)
			put_str(p, " ");
		print_below(p, n, indent, inside, next);
	}
}

static void print_key(struct printer *p, const struct layout_node *key)
{
	size_t len;
	const char *s = source_of(p, key, &len);
	if (key->style == LAYOUT_BLOCK || memchr(s, '\n', len) || len > KEY_MAX)
		stick(p, key, "a key over several lines is not formatted: write it on one line");
	if (*key->props) {
		put_str(p, key->props);
		put_str(p, " ");
	}
	put(p, s, len);
	put_str(p, key->kind == LAYOUT_ALIAS ? " :" : ":");
	p->last = key->end;
}

static void print_map(struct printer *p, const struct layout_node *n, int indent, bool inside,
		      struct next next)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct layout_node *key = n->keys[i];
		struct next then = next;
		if (i + 1 < n->n)
			then = (struct next){n->keys[i + 1]->start, col_of(n)};
		if (i || !inside)
			line_begin(p, indent, key->start, head_of_entry(key, n->items[i]));
		print_key(p, key);
		print_value(p, n->items[i], indent + STEP, false, then);
	}
	close_block(p, indent, col_of(n), next);
}

static void print_list(struct printer *p, const struct layout_node *n, int indent, bool inside,
		       struct next next)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct layout_node *v = n->items[i];
		struct next then = next;
		if (i + 1 < n->n)
			then = (struct next){n->items[i + 1]->start, col_of(n)};
		if (i || !inside)
			line_begin(p, indent, v->start, head_of(v));
		put_str(p, "-");
		print_value(p, v, indent + STEP, true, then);
	}
	close_block(p, indent, col_of(n), next);
}

/* ---- documents ---- */

static void print_root(struct printer *p, const struct layout_node *n, struct next next)
{
	if (is_empty(n) && !*n->props)
		return;
	if (n->n && !*n->props)
		print_below(p, n, 0, false, next);
	else
		stick(p, n, "only what is a list or a map is formatted");
}

static void print_doc(struct printer *p, const struct layout_doc *doc)
{
	if (doc->marked) {
		line_close(p, doc->mark);
		while (comment_before(p, doc->mark))
			comment_line(p, 0);
		line_new(p, 0);
		put_str(p, "---");
		p->last = doc->mark + 3;
		line_close(p, doc->root->start);
		p->fresh = true;
	}
	print_root(p, doc->root, (struct next){doc->end, -1});
	close_block(p, 0, 0, (struct next){doc->end, -1});
}

/* ---- the text ---- */

/* Comments behind adjacent lines stand below each other, unless one would be too far to the right. */
static int comment_col(const char *text, const struct line *first, const struct line *end)
{
	int col = 0, widest = 0;
	for (const struct line *i = first; i < end; i++) {
		int width =
			layout_width(text + i->comment->start, i->comment->end - i->comment->start);
		col = i->width > col ? i->width : col;
		widest = width > widest ? width : widest;
	}
	return col + STEP + widest <= WIDTH ? col : 0;
}

static void join_lines(const struct printer *p, struct buf *b)
{
	const struct line *group = p->lines, *end = p->lines + p->n_lines;
	int col = 0;
	for (const struct line *i = p->lines; i < end; i++) {
		buf_add(b, buf_str(&p->out) + i->start, i->end - i->start);
		if (i->comment && (i == p->lines || !i[-1].comment)) {
			for (group = i; group < end && group->comment;)
				group++;
			col = comment_col(p->l->text, i, group);
		}
		if (i->comment) {
			int blanks = (col > i->width ? col - i->width : 0) + STEP;
			buf_printf(b, "%*s", blanks, "");
			buf_add(b, p->l->text + i->comment->start,
				i->comment->end - i->comment->start);
		}
		buf_putc(b, '\n');
	}
}

static void printer_done(struct printer *p)
{
	buf_done(&p->out);
	free(p->lines);
}

/* Where a byte of the source stands. */
static void place(const struct layout *l, size_t at, struct yaml_error *err)
{
	size_t start = at;
	err->line = 1;
	for (size_t i = 0; i < at; i++)
		err->line += l->text[i] == '\n';
	while (start > 0 && l->text[start - 1] != '\n')
		start--;
	err->col = layout_width(l->text + start, at - start) + 1;
}

static char *print(const struct layout *l, struct yaml_error *err)
{
	struct printer p = {.l = l, .fresh = true};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < l->n_docs; i++)
		print_doc(&p, &l->docs[i]);
	while (comment_before(&p, l->len))
		comment_line(&p, 0);
	if (p.stuck) {
		place(l, p.stuck->value, err);
		snprintf(err->text, sizeof(err->text), "%s", p.why);
	} else {
		join_lines(&p, &b);
	}
	bool good = !p.stuck;
	printer_done(&p);
	if (good)
		return buf_take(&b);
	return NULL;
}

/* ---- the proof ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_node(const struct ynode *a, const struct ynode *b)
{
	if (a->kind != b->kind || a->plain != b->plain || a->block != b->block || a->n != b->n ||
	    a->len != b->len || !same_text(a->tag, b->tag) ||
	    (a->text && memcmp(a->text, b->text, a->len)))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_node(a->items[i], b->items[i]) ||
		    (a->keys && !same_node(a->keys[i], b->keys[i])))
			return false;
	return true;
}

/* Documents of nothing but comments may come and go; they are no rules. */
static bool same_yaml(const struct yaml_file *a, const struct yaml_file *b)
{
	size_t i = 0, j = 0;
	for (;; i++, j++) {
		while (i < yaml_count(a) && yaml_doc(a, i)->root->kind == Y_NULL)
			i++;
		while (j < yaml_count(b) && yaml_doc(b, j)->root->kind == Y_NULL)
			j++;
		if (i == yaml_count(a) || j == yaml_count(b))
			return i == yaml_count(a) && j == yaml_count(b);
		if (!same_node(yaml_doc(a, i)->root, yaml_doc(b, j)->root))
			return false;
	}
}

static bool means_same(const char *text, size_t len, const char *made)
{
	struct yaml_error err;
	struct yaml_file *a = yaml_read(text, len, true, &err);
	struct yaml_file *b = yaml_read(made, strlen(made), true, &err);
	bool same = a && b && same_yaml(a, b);
	yaml_file_free(a);
	yaml_file_free(b);
	return same;
}

struct slice {
	const char *at;
	size_t len;
};

static int by_bytes(const void *pa, const void *pb)
{
	const struct slice *a = pa, *b = pb;
	int d = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
	return d ? d : (a->len > b->len) - (a->len < b->len);
}

static struct slice *sorted_comments(const struct layout *l)
{
	struct slice *list = mem_alloc((l->n_comments + 1) * sizeof(*list));
	for (size_t i = 0; i < l->n_comments; i++)
		list[i] = (struct slice){l->text + l->comments[i].start,
					 l->comments[i].end - l->comments[i].start};
	if (l->n_comments)
		qsort(list, l->n_comments, sizeof(*list), by_bytes);
	return list;
}

/* Every comment is there, and no other. */
static bool has_all_comments(const struct layout *l, const char *made)
{
	struct yaml_error err;
	struct layout *m = layout_read(made, strlen(made), &err);
	bool same = m && m->n_comments == l->n_comments;
	if (same) {
		auto_free struct slice *a = sorted_comments(l), *b = sorted_comments(m);
		for (size_t i = 0; i < l->n_comments && same; i++)
			same = by_bytes(&a[i], &b[i]) == 0;
	}
	layout_free(m);
	return same;
}

char *rule_format(const char *text, size_t len, struct yaml_error *err)
{
	struct layout *l = layout_read(text, len, err);
	char *made = l ? print(l, err) : NULL;
	if (made && (!means_same(text, len, made) || !has_all_comments(l, made))) {
		*err = (struct yaml_error){.line = 1, .col = 1};
		snprintf(err->text, sizeof(err->text),
			 "not formatted, because the result would not mean the same: write unusual "
			 "YAML in a simpler way");
		free(made);
		made = NULL;
	}
	layout_free(l);
	return made;
}
