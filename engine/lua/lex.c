/* A scanner of Lua's tokens. It need not judge numbers and escapes: Lua itself compiles the source. */
#include "engine/lua/lex.h"

#include <ctype.h>
#include <string.h>

void lex_init(struct lex *l, const char *src, size_t len)
{
	*l = (struct lex){.at = src, .end = src + len, .line = 1, .next_line = 1};
}

bool lex_is(const struct lex *l, const char *text)
{
	return (l->kind == LEX_NAME || l->kind == LEX_SYMBOL) && strlen(text) == l->len &&
	       memcmp(l->text, text, l->len) == 0;
}

static char peek(const struct lex *l, size_t n)
{
	return (size_t)(l->end - l->at) > n ? l->at[n] : '\0';
}

/* The level of a long bracket that opens here (0 for "[["), or -1. */
static int long_level(const struct lex *l)
{
	size_t n = 1;
	while (peek(l, n) == '=')
		n++;
	return peek(l, 0) == '[' && peek(l, n) == '[' ? (int)n - 1 : -1;
}

static bool closes(const struct lex *l, int level)
{
	if (peek(l, 0) != ']' || peek(l, (size_t)level + 1) != ']')
		return false;
	for (int i = 1; i <= level; i++)
		if (peek(l, (size_t)i) != '=')
			return false;
	return true;
}

static void read_long(struct lex *l, int level)
{
	l->kind = LEX_STRING;
	l->at += level + 2;
	l->text = l->at;
	for (; l->at < l->end; l->at++) {
		if (*l->at == '\n')
			l->next_line++;
		if (closes(l, level)) {
			l->len = (size_t)(l->at - l->text);
			l->at += level + 2;
			return;
		}
	}
	l->kind = LEX_BAD;
}

static void read_quoted(struct lex *l)
{
	char quote = *l->at++;
	l->kind = LEX_STRING;
	l->text = l->at;
	for (; l->at < l->end && *l->at != quote; l->at++) {
		if (*l->at == '\\' && l->at + 1 < l->end)
			l->at++;
		if (*l->at == '\n')
			l->next_line++;
	}
	l->len = (size_t)(l->at - l->text);
	if (l->at < l->end)
		l->at++;
	else
		l->kind = LEX_BAD;
}

static void skip_comment(struct lex *l)
{
	l->at += 2;
	int level = long_level(l);
	if (level >= 0) {
		read_long(l, level);
		return;
	}
	while (l->at < l->end && *l->at != '\n')
		l->at++;
}

static void skip_blanks(struct lex *l)
{
	l->kind = LEX_END;
	while (l->at < l->end && l->kind != LEX_BAD) {
		if (*l->at == '\n')
			l->next_line++;
		if (isspace((unsigned char)*l->at))
			l->at++;
		else if (*l->at == '-' && peek(l, 1) == '-')
			skip_comment(l);
		else
			break;
	}
}

static void read_word(struct lex *l)
{
	bool number = isdigit((unsigned char)*l->at) || *l->at == '.';
	l->kind = number ? LEX_NUMBER : LEX_NAME;
	l->text = l->at;
	while (isalnum((unsigned char)peek(l, 0)) || peek(l, 0) == '_' ||
	       (number && (peek(l, 0) == '.' ||
			   (strchr("+-", peek(l, 0)) && peek(l, 0) && strchr("eEpP", l->at[-1])))))
		l->at++;
	l->len = (size_t)(l->at - l->text);
}

static void read_symbol(struct lex *l)
{
	static const char *const longer[] = {
		"...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};
	l->kind = LEX_SYMBOL;
	l->text = l->at;
	l->len = 1;
	for (size_t i = 0; i < sizeof(longer) / sizeof(*longer); i++) {
		size_t n = strlen(longer[i]);
		if ((size_t)(l->end - l->at) >= n && memcmp(l->at, longer[i], n) == 0) {
			l->len = n;
			break;
		}
	}
	l->at += l->len;
}

void lex_next(struct lex *l)
{
	if (l->kind == LEX_BAD)
		return;
	skip_blanks(l);
	l->line = l->next_line;
	l->text = l->at;
	l->len = 0;
	if (l->kind == LEX_BAD || l->at == l->end) {
		return;
	}
	char c = *l->at;
	if (isalnum((unsigned char)c) || c == '_' ||
	    (c == '.' && isdigit((unsigned char)peek(l, 1))))
		read_word(l);
	else if (c == '"' || c == '\'')
		read_quoted(l);
	else if (c == '[' && long_level(l) >= 0)
		read_long(l, long_level(l));
	else
		read_symbol(l);
}
