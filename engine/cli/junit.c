/* JUnit XML: a suite a rule, a case a test. */
#include "engine/cli/junit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/json.h"

/* XML has no place for most control characters, not even escaped. */
static void put(struct buf *b, const char *text)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '<')
			(void)buf_puts(b, "&lt;");
		else if (c == '>')
			(void)buf_puts(b, "&gt;");
		else if (c == '&')
			(void)buf_puts(b, "&amp;");
		else if (c == '"')
			(void)buf_puts(b, "&quot;");
		else if (c == '\n')
			(void)buf_puts(b, "&#10;");
		else
			(void)buf_putc(b, c < ' ' && c != '\t' ? '?' : (char)c);
	}
}

static void put_failure(struct buf *b, const struct trial *t, const json_t *result)
{
	const json_t *problems = json_object_get(result, "problems");
	json_t *v;
	size_t i;
	if (!json_array_size(problems))
		return;
	(void)buf_puts(b, "      <failure message=\"");
	put(b, json_str(json_array_get(problems, 0), "text"));
	(void)buf_puts(b, "\">");
	json_array_foreach ((json_t *)problems, i, v) {
		(void)buf_printf(b, "%s:%lld: ", t->file, (long long)json_int(v, "line", 0));
		put(b, json_str(v, "text"));
		(void)buf_putc(b, '\n');
	}
	(void)buf_puts(b, "</failure>\n");
}

static void put_case(struct buf *b, const struct trial *t, const json_t *result)
{
	(void)buf_puts(b, "    <testcase classname=\"");
	put(b, t->plan->rule);
	(void)buf_puts(b, "\" name=\"");
	put(b, t->name);
	(void)buf_puts(b, "\" file=\"");
	put(b, t->file);
	(void)buf_printf(b, "\" line=\"%d\" time=\"%.3f\">\n", trial_line(t, t->node),
			 (double)json_int(result, "ms", 0) / 1000);
	put_failure(b, t, result);
	(void)buf_puts(b, "    </testcase>\n");
}

static size_t count(const struct suite *s, json_t *const *results, size_t from, size_t to)
{
	size_t n = 0;
	(void)s;
	for (size_t i = from; i < to; i++)
		n += json_array_size(json_object_get(results[i], "problems")) > 0;
	return n;
}

static void put_all(struct buf *b, const struct suite *s, json_t *const *results, int64_t ms)
{
	(void)buf_printf(b,
			 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			 "<testsuites tests=\"%zu\" failures=\"%zu\" time=\"%.3f\">\n",
			 s->n, count(s, results, 0, s->n), (double)ms / 1000);
	for (size_t i = 0, end; i < s->n; i = end) {
		for (end = i; end < s->n && s->trials[end].plan == s->trials[i].plan;)
			end++;
		(void)buf_puts(b, "  <testsuite name=\"");
		put(b, s->trials[i].plan->rule);
		(void)buf_printf(b, "\" tests=\"%zu\" failures=\"%zu\">\n", end - i,
				 count(s, results, i, end));
		for (size_t k = i; k < end; k++)
			put_case(b, &s->trials[k], results[k]);
		(void)buf_puts(b, "  </testsuite>\n");
	}
	(void)buf_puts(b, "</testsuites>\n");
}

int junit_write(const char *path, const struct suite *s, json_t *const *results, int64_t ms,
		struct errmsg *msg)
{
	struct buf b = BUF_INIT;
	FILE *f = fopen(path, "we");
	put_all(&b, s, results, ms);
	bool ok = f && fwrite(buf_str(&b), 1, b.len, f) == b.len;
	ok = f && fclose(f) == 0 && ok;
	buf_done(&b);
	return ok ? 0 : err_set(msg, ERR_IO, "%s cannot be written: %s", path, strerror(errno));
}
