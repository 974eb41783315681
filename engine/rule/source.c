/* Looks into a rule file's own text, for what the YAML tree does not tell: cuts and columns. */
#include <stdlib.h>
#include <string.h>

#include "engine/rule/compile.h"

void source_init(struct source *s, const char *text, size_t len)
{
	size_t n = 1;
	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	*s = (struct source){.text = text, .len = len, .n_lines = n};
	s->lines = mem_alloc(n * sizeof(*s->lines));
	size_t line = 1;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			s->lines[line++] = i + 1;
}

void source_done(struct source *s)
{
	free(s->lines);
}

int source_line_at(const struct source *s, size_t off)
{
	size_t from = 0, to = s->n_lines;
	while (to - from > 1) {
		size_t mid = from + (to - from) / 2;
		if (s->lines[mid] <= off)
			from = mid;
		else
			to = mid;
	}
	return (int)from + 1;
}

const char *source_line(const struct source *s, int line, size_t *ret_len)
{
	*ret_len = 0;
	if (line < 1 || (size_t)line > s->n_lines)
		return "";
	size_t start = s->lines[line - 1];
	size_t end = (size_t)line < s->n_lines ? s->lines[line] - 1 : s->len;
	if (end > start && s->text[end - 1] == '\r')
		end--;
	*ret_len = end - start;
	return s->text + start;
}

const char *source_after(const struct source *s, const struct ynode *n, size_t *ret_len)
{
	size_t len;
	const char *line = source_line(s, n->line, &len);
	/* Columns count characters, so the byte is at the column or after it. */
	size_t from = n->col > 0 ? (size_t)n->col - 1 : 0;
	const char *at = from < len ? memmem(line + from, len - from, n->text, n->len) : NULL;
	*ret_len = 0;
	if (!at)
		return "";
	*ret_len = len - (size_t)(at - line) - n->len;
	return at + n->len;
}

const char *source_cut(const struct source *s, const struct ynode *n)
{
	size_t len, i = 0;
	if (!n->plain || !n->text)
		return NULL;
	const char *after = source_after(s, n, &len);
	while (i < len && (after[i] == ' ' || after[i] == '\t'))
		i++;
	if (i == len)
		return NULL;
	if (after[i] == '#' && i > 0)
		return "YAML ends a plain value at ' #': put quotes around the whole expression";
	if (strchr(",[]{}", after[i]))
		return "inside { } and [ ] YAML ends a plain value at any of , [ ] { }: put quotes "
		       "around the whole expression";
	return NULL;
}

int source_characters(const char *s, size_t len)
{
	int n = 0;
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

int source_indent(const struct source *s, const struct ynode *n)
{
	size_t len;
	for (int line = n->line + 1; (size_t)line <= s->n_lines; line++) {
		const char *text = source_line(s, line, &len);
		for (size_t i = 0; i < len; i++)
			if (text[i] != ' ')
				return (int)i + 1;
	}
	return 0;
}

/* A value that begins with a quote and goes on after the closing one. */
static bool is_half_quoted(const char *at, const char *end)
{
	char quote = *at;
	if (quote != '"' && quote != '\'')
		return false;
	for (at++; at < end && *at != quote; at++)
		if (quote == '"' && *at == '\\')
			at++;
	for (at++; at < end; at++)
		if (*at != ' ')
			return *at != '#' && *at != ',' && *at != '}' && *at != ']' && *at != ':';
	return false;
}

/* An expression in { } or [ ] that has a comma inside its own brackets. */
static bool has_bare_comma(const char *at, const char *end)
{
	const char *eq = memmem(at, (size_t)(end - at), ": =", 3);
	const char *open = eq ? memchr(eq, '(', (size_t)(end - eq)) : NULL;
	const char *close = open ? memchr(open, ')', (size_t)(end - open)) : NULL;
	return close && memchr(open, ',', (size_t)(close - open));
}

const char *source_hint(const struct source *s, int line)
{
	size_t len;
	const char *text = source_line(s, line, &len), *end = text + len;
	const char *at = memmem(text, len, ": ", 2);
	if (!at)
		return NULL;
	for (at += 2; at < end && *at == ' ';)
		at++;
	if (at >= end)
		return NULL;
	if (is_half_quoted(at, end))
		return "a value that begins with a quote ends at the next one: put the whole "
		       "expression into quotes of the other sort";
	if (*at != '{' && *at != '[' && memmem(at, (size_t)(end - at), ": ", 2))
		return "a plain value may not have ': ' in it: put quotes around it";
	if ((*at == '{' || *at == '[') && has_bare_comma(at, end))
		return "inside { } and [ ] put quotes around an expression that has any of "
		       ", [ ] { } or ': '";
	if (*at == '@' || *at == '`' || *at == '%')
		return "a value that begins with this character must be quoted";
	return NULL;
}

/* Double quotes on a line, those inside of single ones and escaped ones left out. */
static int count_quotes(const char *text, size_t len)
{
	int n = 0;
	bool single = false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && n % 2)
			i++;
		else if (text[i] == '\'' && n % 2 == 0)
			single = !single;
		else if (text[i] == '"' && !single)
			n++;
	}
	return n;
}

/* Is the last double quote of the line where a value begins? */
static bool opens_value(const char *text, size_t len)
{
	const char *quote = memrchr(text, '"', len);
	if (!quote || quote - text < 2 || quote[-1] != ' ')
		return false;
	return quote[-2] == ':' || quote[-2] == '-';
}

int source_open_quote(const struct source *s, int line)
{
	int open = 0;
	for (int i = 1; i < line; i++) {
		size_t len;
		const char *text = source_line(s, i, &len);
		if (count_quotes(text, len) % 2)
			open = open ? 0 : opens_value(text, len) ? i : 0;
	}
	return open;
}
