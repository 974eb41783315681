/* "Did you mean": the nearest of some names by edit distance. */
#pragma once

#include <stddef.h>

/* The nearest name within a third of the word's length (Damerau-Levenshtein), or NULL. Borrowed. */
const char *suggest(const char *word, const char *const *names, size_t n);
