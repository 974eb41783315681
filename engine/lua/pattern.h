/*
 * Lua 5.4's patterns with a count of steps: what find, match, gmatch and gsub stand on.
 *
 * Lua's own matcher backtracks without a bound; this one gives up when its steps are used up. It
 * knows nothing of Lua's states, so it can be fuzzed against the original.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_CAPTURES 32
#define PATTERN_DEPTH 200 /* of recursion, as in Lua */

enum pattern_verdict { PATTERN_NO, PATTERN_YES, PATTERN_BAD, PATTERN_STEPS };

struct pattern_capture {
	size_t at;
	ptrdiff_t len; /* or one of the marks below */
};
#define CAPTURE_OPEN (-1)
#define CAPTURE_POSITION (-2)

struct pattern {
	const char *text, *text_end;
	const char *pat, *pat_end; /* without a leading '^' that anchors */
	long steps;                /* left; PATTERN_STEPS below 0 */
	const char *error;         /* PATTERN_BAD: what is wrong with the pattern */
	int n;                     /* captures */
	int depth;
	struct pattern_capture captures[PATTERN_CAPTURES];
};

void pattern_init(struct pattern *p, const char *text, size_t len, const char *pat, size_t pat_len,
		  long steps);
/* Matches at exactly this place; *ret_end is where the match ends. */
enum pattern_verdict pattern_match(struct pattern *p, size_t at, size_t *ret_end);
/* True when the text has none of the pattern's special characters. */
bool pattern_is_plain(const char *pat, size_t len);
