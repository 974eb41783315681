/* Edit distance for "did you mean"; letter case does not count. */
#include "engine/base/suggest.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 64 }; /* longer words are not looked at */

static int lower(char c)
{
	return tolower((unsigned char)c);
}

static int min2(int a, int b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours, each 1 (optimal string alignment). */
static int distance(const char *a, int a_len, const char *b, int b_len)
{
	int rows[3][WORD_MAX + 1];
	for (int j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (int i = 1; i <= a_len; i++) {
		int *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (int j = 1; j <= b_len; j++) {
			int same = lower(a[i - 1]) == lower(b[j - 1]);
			row[j] = min2(min2(above[j], row[j - 1]) + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = min2(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

/*
 * Is it near enough? A third of the letters may differ. Of one or two letters one may be missing, be too
 * much, or stand in the wrong place; another letter makes another word.
 */
static bool is_near(const char *word, size_t len, const char *name, size_t name_len, int d)
{
	if (d * 3 <= (int)len)
		return true;
	if (d > 1 || len > 2)
		return false;
	if (len == 1)
		return name_len == 2 && lower(*word) == lower(*name);
	return name_len != len || lower(word[0]) == lower(name[1]);
}

const char *suggest(const char *word, const char *const *names, size_t n)
{
	size_t len = word ? strlen(word) : 0;
	if (!len || len > WORD_MAX)
		return NULL;
	const char *best = NULL;
	int best_d = INT_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t name_len = names[i] ? strlen(names[i]) : 0;
		if (!name_len || name_len > WORD_MAX)
			continue;
		int d = distance(word, (int)len, names[i], (int)name_len);
		if (d < best_d && is_near(word, len, names[i], name_len, d)) {
			best = names[i];
			best_d = d;
		}
	}
	return best;
}
