/* Fuzzes our patterns against the stock string library: both give the same or both refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pattern_twins.h"

/* The input is "text\npattern\nreplacement"; the first byte also chooses where to begin. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct twins *twins;
	if (!twins)
		twins = twins_new();
	if (size > 400)
		return 0;
	const char *text = (const char *)data, *end = text + size;
	const char *pat = memchr(text, '\n', size);
	pat = pat ? pat + 1 : end;
	const char *repl = memchr(pat, '\n', (size_t)(end - pat));
	repl = repl ? repl + 1 : end;
	size_t len = pat > text && pat[-1] == '\n' ? (size_t)(pat - text) - 1 : size;
	size_t pat_len = (size_t)(repl - pat) - (repl > pat && repl[-1] == '\n');
	char why[512];
	if (!twins_agree(twins, text, len, pat, pat_len, repl, (size_t)(end - repl),
			 size ? data[0] % 16 - 7 : 1, why)) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return 0;
}
