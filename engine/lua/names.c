/* A walk over Lua's grammar that keeps only one thing: which names are local where. */
#include "engine/lua/names.h"

#include <string.h>

#include "engine/base/buf.h"
#include "engine/lua/lex.h"

#define LOCALS_MAX 200 /* Lua's own limit a function */
#define DEPTH_MAX 100

struct local {
	const char *text;
	size_t len;
};

struct walk {
	struct lex t; /* the token under the eye */
	struct local locals[LOCALS_MAX];
	size_t n;
	int depth;
	bool bad; /* nothing more is told */
	names_cb cb;
	void *arg;
	struct buf dotted;
};

static void expression(struct walk *w);
static void block(struct walk *w);

static void stop(struct walk *w)
{
	w->bad = true;
	w->t.kind = LEX_END;
}

static bool is(const struct walk *w, const char *text)
{
	return lex_is(&w->t, text);
}

static void next(struct walk *w)
{
	lex_next(&w->t);
	if (w->t.kind == LEX_BAD)
		stop(w);
}

static bool accept(struct walk *w, const char *text)
{
	if (!is(w, text))
		return false;
	next(w);
	return true;
}

static void expect(struct walk *w, const char *text)
{
	if (!accept(w, text))
		stop(w);
}

static bool is_keyword(const struct lex *t)
{
	static const char *const words[] = {
		"and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
		"function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
		"repeat",   "return", "then", "true", "until",  "while"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (lex_is(t, words[i]))
			return true;
	return false;
}

static bool is_name(const struct walk *w)
{
	return w->t.kind == LEX_NAME && !is_keyword(&w->t);
}

static void declare(struct walk *w, const char *text, size_t len)
{
	if (w->n == LOCALS_MAX)
		stop(w);
	else
		w->locals[w->n++] = (struct local){text, len};
}

static bool is_local(const struct walk *w, const struct lex *t)
{
	for (size_t i = w->n; i > 0; i--)
		if (w->locals[i - 1].len == t->len &&
		    memcmp(w->locals[i - 1].text, t->text, t->len) == 0)
			return true;
	return false;
}

/* Digits alone: an element of a list. */
static bool is_index(const struct lex *t)
{
	return t->kind == LEX_NUMBER && t->len < 9 && strspn(t->text, "0123456789") >= t->len;
}

/* ["text"] and [1] are as literal as .text; anything else in brackets ends the dotted part. */
static bool literal_index(struct walk *w)
{
	struct lex ahead = w->t;
	lex_next(&ahead);
	bool text_fits = ahead.kind == LEX_STRING && !memchr(ahead.text, '\\', ahead.len) &&
			 !memchr(ahead.text, '.', ahead.len);
	if (!text_fits && !is_index(&ahead))
		return false;
	struct lex text = ahead;
	lex_next(&ahead);
	if (!lex_is(&ahead, "]"))
		return false;
	(void)buf_printf(&w->dotted, ".%.*s", (int)text.len, text.text);
	w->t = ahead;
	next(w);
	return true;
}

/* A name that stands for a value, with what follows it literally. */
static void name(struct walk *w)
{
	bool local = is_local(w, &w->t);
	int line = w->t.line;
	buf_clear(&w->dotted);
	(void)buf_add(&w->dotted, w->t.text, w->t.len);
	next(w);
	for (;;) {
		if (accept(w, ".")) {
			if (w->t.kind != LEX_NAME)
				break;
			(void)buf_printf(&w->dotted, ".%.*s", (int)w->t.len, w->t.text);
			next(w);
		} else if (!is(w, "[") || !literal_index(w)) {
			break;
		}
	}
	if (!local && !w->bad)
		w->cb(w->arg, buf_str(&w->dotted), line);
}

static void expression_list(struct walk *w)
{
	do
		expression(w);
	while (!w->bad && accept(w, ","));
}

static void field(struct walk *w)
{
	struct lex ahead = w->t;
	lex_next(&ahead);
	if (accept(w, "[")) {
		expression(w);
		expect(w, "]");
		expect(w, "=");
	} else if (is_name(w) && lex_is(&ahead, "=")) {
		next(w);
		next(w);
	}
	expression(w);
}

static void table(struct walk *w)
{
	expect(w, "{");
	while (!w->bad && !is(w, "}")) {
		field(w);
		if (!accept(w, ",") && !accept(w, ";"))
			break;
	}
	expect(w, "}");
}

static void parameters(struct walk *w)
{
	expect(w, "(");
	while (!w->bad && !is(w, ")")) {
		if (is_name(w))
			declare(w, w->t.text, w->t.len);
		else if (!is(w, "..."))
			stop(w);
		next(w);
		if (!accept(w, ","))
			break;
	}
	expect(w, ")");
}

/* From the parameters on; `self` is one more of a method. */
static void function_body(struct walk *w, bool method)
{
	size_t outer = w->n;
	if (method)
		declare(w, "self", 4);
	parameters(w);
	block(w);
	expect(w, "end");
	w->n = outer;
}

/* Calls, indices and methods after a value; false when none follows. */
static bool suffix(struct walk *w)
{
	if (accept(w, ".")) {
		next(w);
	} else if (accept(w, "[")) {
		expression(w);
		expect(w, "]");
	} else if (accept(w, ":")) {
		next(w);
	} else if (accept(w, "(")) {
		if (!is(w, ")"))
			expression_list(w);
		expect(w, ")");
	} else if (is(w, "{")) {
		table(w);
	} else if (w->t.kind == LEX_STRING) {
		next(w);
	} else {
		return false;
	}
	return !w->bad;
}

static void suffixed(struct walk *w)
{
	if (accept(w, "(")) {
		expression(w);
		expect(w, ")");
	} else if (is_name(w)) {
		name(w);
	} else {
		stop(w);
	}
	while (suffix(w))
		;
}

static void simple(struct walk *w)
{
	if (w->t.kind == LEX_NUMBER || is(w, "nil") || is(w, "true") || is(w, "false") ||
	    is(w, "...")) {
		next(w);
	} else if (w->t.kind == LEX_STRING) {
		next(w);
	} else if (is(w, "{")) {
		table(w);
	} else if (accept(w, "function")) {
		function_body(w, false);
	} else {
		suffixed(w);
	}
}

static bool binary_operator(const struct walk *w)
{
	static const char *const operators[] = {
		"+",  "-", "*",  "/", "//", "^", "%",  "..", "==",  "~=", "<",
		"<=", ">", ">=", "&", "|",  "~", "<<", ">>", "and", "or"};
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (is(w, operators[i]))
			return true;
	return false;
}

/* Precedence does not matter here: names are the same in any order. */
static void expression(struct walk *w)
{
	if (++w->depth > DEPTH_MAX)
		stop(w);
	while (!w->bad) {
		while (accept(w, "-") || accept(w, "not") || accept(w, "#") || accept(w, "~"))
			;
		simple(w);
		if (!binary_operator(w))
			break;
		next(w);
	}
	w->depth--;
}

static void scoped_block(struct walk *w)
{
	size_t outer = w->n;
	block(w);
	w->n = outer;
}

static void if_statement(struct walk *w)
{
	do {
		expression(w);
		expect(w, "then");
		scoped_block(w);
	} while (accept(w, "elseif"));
	if (accept(w, "else"))
		scoped_block(w);
	expect(w, "end");
}

/* Reads names up to what ends them; they are declared by the caller, after the values. */
static size_t name_list(struct walk *w, struct local *names, size_t max)
{
	size_t n = 0;
	do {
		if (!is_name(w) || n == max) {
			stop(w);
			return 0;
		}
		names[n++] = (struct local){w->t.text, w->t.len};
		next(w);
		if (accept(w, "<")) { /* an attribute */
			next(w);
			expect(w, ">");
		}
	} while (accept(w, ","));
	return n;
}

static void declare_all(struct walk *w, const struct local *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		declare(w, names[i].text, names[i].len);
}

static void for_statement(struct walk *w)
{
	struct local names[16];
	size_t outer = w->n, n = name_list(w, names, 16);
	if (!accept(w, "="))
		expect(w, "in");
	expression_list(w);
	expect(w, "do");
	declare_all(w, names, n);
	block(w);
	expect(w, "end");
	w->n = outer;
}

static void local_statement(struct walk *w)
{
	if (accept(w, "function")) {
		declare(w, w->t.text, w->t.len);
		next(w);
		function_body(w, false);
		return;
	}
	struct local names[64];
	size_t n = name_list(w, names, 64);
	if (accept(w, "="))
		expression_list(w);
	declare_all(w, names, n);
}

static void function_statement(struct walk *w)
{
	if (!is_name(w)) {
		stop(w);
		return;
	}
	name(w);
	bool method = accept(w, ":");
	if (method)
		next(w);
	function_body(w, method);
}

static void repeat_statement(struct walk *w)
{
	size_t outer = w->n;
	block(w);
	expect(w, "until");
	expression(w); /* sees the block's locals */
	w->n = outer;
}

static void expression_statement(struct walk *w)
{
	suffixed(w);
	while (accept(w, ","))
		suffixed(w);
	if (accept(w, "="))
		expression_list(w);
}

static bool block_ends(const struct walk *w)
{
	return w->bad || w->t.kind == LEX_END || is(w, "end") || is(w, "else") || is(w, "elseif") ||
	       is(w, "until");
}

static void statement(struct walk *w)
{
	if (accept(w, "if")) {
		if_statement(w);
	} else if (accept(w, "while")) {
		expression(w);
		expect(w, "do");
		scoped_block(w);
		expect(w, "end");
	} else if (accept(w, "do")) {
		scoped_block(w);
		expect(w, "end");
	} else if (accept(w, "for")) {
		for_statement(w);
	} else if (accept(w, "repeat")) {
		repeat_statement(w);
	} else if (accept(w, "function")) {
		function_statement(w);
	} else if (accept(w, "local")) {
		local_statement(w);
	} else if (accept(w, "return")) {
		if (!block_ends(w) && !is(w, ";"))
			expression_list(w);
	} else if (accept(w, "goto")) {
		next(w);
	} else if (accept(w, "::")) {
		next(w);
		expect(w, "::");
	} else if (!accept(w, "break") && !accept(w, ";")) {
		expression_statement(w);
	}
}

static void block(struct walk *w)
{
	if (++w->depth > DEPTH_MAX)
		stop(w);
	while (!block_ends(w))
		statement(w);
	w->depth--;
}

void names_find(const char *src, bool chunk, names_cb cb, void *arg)
{
	struct walk w = {.cb = cb, .arg = arg};
	lex_init(&w.t, src, strlen(src));
	next(&w);
	if (chunk)
		block(&w);
	else
		expression(&w);
	buf_done(&w.dotted);
}
