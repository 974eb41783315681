/* Mistakes and warnings: collected in any order, told in the order of their places. */
#include "engine/rule/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/rule/compile.h"

/* No file has more honest mistakes than this; the rest would not be read. */
#define FINDINGS_MAX 1000

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->at[i].file);
		free(f->at[i].text);
	}
	free(f->at);
	*f = (struct findings){0};
}

static bool is_known(const struct findings *f, const char *file, int line, int col,
		     const char *text)
{
	for (size_t i = f->n; i-- > 0;) {
		const struct finding *at = &f->at[i];
		if (at->line == line && at->col == col && !strcmp(at->text, text) &&
		    !strcmp(at->file, file))
			return true;
	}
	return false;
}

void findings_addv(struct findings *f, const char *file, int line, int col, bool warning,
		   const char *fmt, va_list ap)
{
	struct buf b = BUF_INIT;
	buf_vprintf(&b, fmt, ap);
	if (f->n >= FINDINGS_MAX || is_known(f, file, line, col, buf_str(&b))) {
		/* Over the maximum there are errors already, or warnings hide one: count it. */
		f->errors += f->n >= FINDINGS_MAX && !warning;
		buf_done(&b);
		return;
	}
	f->errors += !warning;
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->at = mem_realloc(f->at, f->cap * sizeof(*f->at));
	}
	f->at[f->n++] = (struct finding){
		.file = mem_strdup(file),
		.line = line,
		.col = col,
		.warning = warning,
		.text = buf_take(&b),
	};
}

void findings_add(struct findings *f, const char *file, int line, int col, bool warning,
		  const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	findings_addv(f, file, line, col, warning, fmt, ap);
	va_end(ap);
}

void findings_drop(struct findings *f, size_t from,
		   bool (*drop)(const struct finding *at, void *arg), void *arg)
{
	size_t kept = from;
	for (size_t i = from; i < f->n; i++) {
		struct finding *at = &f->at[i];
		if (!drop(at, arg)) {
			f->at[kept++] = *at;
			continue;
		}
		if (!at->warning)
			f->errors--;
		free(at->file);
		free(at->text);
	}
	f->n = kept;
}

static int by_place(const void *pa, const void *pb)
{
	const struct finding *a = pa, *b = pb;
	int d = strcmp(a->file, b->file);
	if (!d)
		d = (a->line > b->line) - (a->line < b->line);
	if (!d)
		d = (a->col > b->col) - (a->col < b->col);
	if (!d)
		d = a->warning - b->warning;
	return d ? d : strcmp(a->text, b->text);
}

void findings_sort(struct findings *f)
{
	if (f->n > 1)
		qsort(f->at, f->n, sizeof(*f->at), by_place);
}

/* In order of place, without touching what is const for us; the texts stay the original's. */
static struct finding *sorted_copy(const struct findings *f)
{
	struct finding *at = mem_alloc((f->n + 1) * sizeof(*at));
	if (f->n)
		memcpy(at, f->at, f->n * sizeof(*at));
	qsort(at, f->n, sizeof(*at), by_place);
	return at;
}

/* What stands on no line, as an option of the command, has its name alone. */
static void format_one(const struct finding *f, struct buf *b)
{
	buf_puts(b, f->file);
	if (f->line)
		buf_printf(b, ":%d:%d", f->line, f->col);
	buf_printf(b, ": %s: %s\n", f->warning ? "warning" : "error", f->text);
}

void findings_format(const struct findings *f, struct buf *b)
{
	auto_free struct finding *at = sorted_copy(f);
	for (size_t i = 0; i < f->n; i++)
		format_one(&at[i], b);
}

/* What to do stands behind a semicolon, where it is not the whole sentence. */
static json_t *finding_json(const struct finding *f)
{
	const char *remedy = strstr(f->text, "; ");
	return json_pack("{s:s, s:i, s:i, s:s, s:s, s:s*}", "file", f->file, "line", f->line,
			 "column", f->col, "level", f->warning ? "warning" : "error", "message",
			 f->text, "remedy", remedy ? remedy + 2 : NULL);
}

json_t *findings_json(const struct findings *f)
{
	auto_free struct finding *at = sorted_copy(f);
	json_t *list = json_array();
	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(list, finding_json(&at[i]));
	return list;
}
