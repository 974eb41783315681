/* What authors write who come from other languages, and what it is called here. */
#include <ctype.h>
#include <string.h>

#include "engine/rule/compile.h"

struct habit {
	const char *text;
	const char *hint;
};

/* Longer ones first. These are looked at only where the syntax is wrong. */
static const struct habit habits[] = {
	{"!==", "'not equal' is written ~="},
	{"===", "'equal' is written =="},
	{"!=", "'not equal' is written ~="},
	{"<>", "'not equal' is written ~="},
	{"&&", "'&&' is written and"},
	{"||", "'||' is written or"},
	{"=>", "'at least' is written >=, and a function function(x) return … end"},
	{"->", "a function is written function(x) return … end"},
	{"??", "'a ?? b' is written a or b"},
	{"?.", "a missing field is nil here: 'a?.b' is written a.b"},
	{"?", "'a ? b : c' is written a and b or c"},
	{"!", "'!x' is written not x"},
	{"${", "this is an expression already: leave out the ${ }"},
	{"{{", "this is an expression already: leave out the {{ }}"},
	{"++", "there is no ++: write x + 1"},
	{" is not ", "'is not' is written ~="},
	{" is ", "'is' is written =="},
	{"`", "texts stand in \"…\" or '…'"},
};

/* The byte after a string, or after a comment, that begins at i; i itself when none does. */
static size_t skip_quoted(const char *s, size_t i)
{
	if (s[i] == '"' || s[i] == '\'') {
		char quote = s[i++];
		for (; s[i] && s[i] != quote; i++)
			if (s[i] == '\\' && s[i + 1])
				i++;
		return s[i] ? i + 1 : i;
	}
	if (s[i] == '[' && s[i + 1] == '[') {
		const char *end = strstr(s + i, "]]");
		return end ? (size_t)(end - s) + 2 : strlen(s);
	}
	if (s[i] == '-' && s[i + 1] == '-')
		return i + strcspn(s + i, "\n");
	return i;
}

static const char *habit_at(const char *s)
{
	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (!strncmp(s, habits[i].text, strlen(habits[i].text)))
			return habits[i].hint;
	return NULL;
}

static char before(const char *s, size_t i)
{
	while (i > 0 && isspace((unsigned char)s[i - 1]))
		i--;
	return i ? s[i - 1] : '\0';
}

static char after(const char *s, size_t i)
{
	i += strspn(s + i, " \t\n");
	return s[i];
}

static bool is_quote(char ch)
{
	return ch == '"' || ch == '\'';
}

static bool is_index_zero(const char *s, size_t i)
{
	char ch = before(s, i);
	if (s[i] != '[' || !(isalnum((unsigned char)ch) || ch == '_' || ch == ']' || ch == ')'))
		return false;
	i++;
	i += strspn(s + i, " ");
	return s[i] == '0' && after(s, i + 1) == ']';
}

/* A lone '=' where nothing is assigned. */
static bool is_lone_equals(const char *s, size_t i)
{
	return s[i] == '=' && s[i + 1] != '=' && (i == 0 || !strchr("=~<>", s[i - 1]));
}

struct hint hint_find(const char *s, bool failed, bool chunk)
{
	size_t equals = 0;
	bool has_equals = false, in_table = false;
	for (size_t i = 0; s[i]; i++) {
		size_t past = skip_quoted(s, i);
		if (past > i) {
			i = past - 1;
			continue;
		}
		if (s[i] == '+' && (is_quote(before(s, i)) || is_quote(after(s, i + 1))))
			return (struct hint){i, "texts are joined with .. and not with +", true};
		if (is_index_zero(s, i))
			return (struct hint){
				i, "lists count from 1: [0] is always nil, the first is [1]",
				!chunk};
		const char *text = failed ? habit_at(s + i) : NULL;
		if (text)
			return (struct hint){i, text, false};
		in_table = in_table || s[i] == '{';
		if (!has_equals && is_lone_equals(s, i)) {
			has_equals = true;
			equals = i;
		}
	}
	if (failed && !chunk && has_equals && !in_table)
		return (struct hint){equals, "'equal' is written ==", false};
	return (struct hint){0};
}
