/* Fuzzes CSV: in whatever pieces it comes, the same records; and what is written reads back. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/csv.h"
#include "engine/base/json.h"
#include "tests/fuzz/fuzz.h"

/* The ends of records, in pieces of so many bytes. */
static size_t ends(const char *text, size_t size, size_t piece, size_t *out, size_t max)
{
	struct csv c = {0};
	size_t n = 0;
	for (size_t at = 0; at < size;) {
		size_t len = size - at < piece ? size - at : piece;
		bool end = false;
		size_t taken = csv_scan(&c, text + at, len, &end);
		fuzz_check(taken > 0 && taken <= len && (end || taken == len));
		at += taken;
		if (end && n < max)
			out[n++] = at;
	}
	return n;
}

static void writes_back(json_t *fields)
{
	struct buf b = BUF_INIT;
	json_t *v;
	size_t i;
	json_array_foreach (fields, i, v) {
		if (i)
			(void)buf_putc(&b, ',');
		csv_add(&b, json_string_value(v), json_string_length(v));
	}
	json_auto_t *back = csv_fields(buf_str(&b), b.len);
	/* a byte order mark at the beginning is no part of the first field */
	bool marked = b.len >= 3 && memcmp(b.data, "\xef\xbb\xbf", 3) == 0;
	fuzz_check(marked || (back && json_equal(back, fields)));
	buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { MAX = 256 };
	size_t whole[MAX], pieces[MAX];
	const char *text = (const char *)data;
	size_t n = ends(text, size, size ? size : 1, whole, MAX);
	for (size_t piece = 1; piece <= 7; piece += 3) {
		fuzz_check(ends(text, size, piece, pieces, MAX) == n);
		fuzz_check(memcmp(whole, pieces, n * sizeof(*whole)) == 0);
	}
	for (size_t i = 0, from = 0; i < n; from = whole[i++]) {
		json_auto_t *fields = csv_fields(text + from, whole[i] - from);
		if (fields)
			writes_back(fields);
	}
	return 0;
}
