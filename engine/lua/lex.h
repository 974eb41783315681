/* The tokens of Lua's source text: for checks that read expressions and scripts without running them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum lex_kind { LEX_END, LEX_NAME, LEX_STRING, LEX_NUMBER, LEX_SYMBOL, LEX_BAD };

/* One token; the text is borrowed. Keywords are names. */
struct lex {
	const char *at, *end; /* the rest of the source */
	int line;             /* of the token, from 1 */
	int next_line;
	enum lex_kind kind;
	const char *text; /* of a string: what is between its quotes, escapes as written */
	size_t len;
};

void lex_init(struct lex *l, const char *src, size_t len);
/* The next token; stays at LEX_END or LEX_BAD. */
void lex_next(struct lex *l);
/* Is the token this name or symbol? Strings never are. */
bool lex_is(const struct lex *l, const char *text);
