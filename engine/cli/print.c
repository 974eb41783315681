/* Texts, colours, durations and JSON for people and for programs. */
#include "engine/cli/print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/json.h"
#include "engine/cli/cli.h"

enum { WIDTH_ELSEWHERE = 100, WIDTH_MIN = 60 };

static int terminal_width(int fd)
{
	struct winsize w;
	if (ioctl(fd, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return WIDTH_ELSEWHERE;
	return w.ws_col < WIDTH_MIN ? WIDTH_MIN : w.ws_col;
}

struct look look_of(FILE *stream)
{
	int fd = fileno(stream);
	if (!isatty(fd))
		return (struct look){false, WIDTH_ELSEWHERE};
	const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
	return (struct look){
		.color = term && strcmp(term, "dumb") != 0 && !(plain && *plain),
		.width = terminal_width(fd),
	};
}

const char *paint(const struct look *l, enum paint p)
{
	static const char *const sequences[] = {
#define X(code, sequence) sequence,
		PAINT_MAP(X)
#undef X
	};
	return l->color ? sequences[p] : "";
}

enum paint paint_of_state(const char *state)
{
	static const struct {
		const char *state;
		enum paint paint;
	} table[] = {
		{"completed", PAINT_GREEN}, {"ok", PAINT_GREEN},       {"failed", PAINT_RED},
		{"in_doubt", PAINT_YELLOW}, {"cancelled", PAINT_DIM},  {"skipped", PAINT_DIM},
		{"caught", PAINT_YELLOW},   {"partial", PAINT_YELLOW}, {"held", PAINT_YELLOW},
		{"retrying", PAINT_YELLOW}, {"waiting", PAINT_CYAN},   {"running", PAINT_CYAN},
		{"queued", PAINT_CYAN},
	};
	for (size_t i = 0; state && i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(table[i].state, state))
			return table[i].paint;
	return PAINT_PLAIN;
}

/* The bytes of the UTF-8 character at s, or 0 when it is a control character or malformed. */
static size_t char_len(const unsigned char *s)
{
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	size_t n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
	if (s[0] >= 0xf5)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n == 2 && s[0] == 0xc2 && s[1] < 0xa0 ? 0 : n; /* C1 controls */
}

int print_width(const char *text)
{
	int n = 0;
	for (const char *p = text ? text : ""; *p; n++) {
		size_t len = char_len((const unsigned char *)p);
		p += len ? len : 1;
	}
	return n;
}

int print_text(struct buf *b, const char *text, int max)
{
	int all = print_width(text), n = all;
	if (max > 0 && all > max)
		n = max - 1;
	for (int i = 0; i < n; i++) {
		size_t len = char_len((const unsigned char *)text);
		(void)buf_add(b, len ? text : "?", len ? len : 1);
		text += len ? len : 1;
	}
	if (n == all)
		return n;
	(void)buf_puts(b, "…");
	return max;
}

void print_cell(struct buf *b, const char *text, int width, bool right)
{
	int gap = width - print_width(text);
	if (right && gap > 0)
		(void)buf_printf(b, "%*s", gap, "");
	(void)print_text(b, text, width);
	if (!right && gap > 0)
		(void)buf_printf(b, "%*s", gap, "");
}

static const char *two_units(char out[PRINT_DURATION_LEN], long long a, const char *a_unit,
			     long long b, const char *b_unit)
{
	if (b)
		(void)snprintf(out, PRINT_DURATION_LEN, "%lld%s %lld%s", a, a_unit, b, b_unit);
	else
		(void)snprintf(out, PRINT_DURATION_LEN, "%lld%s", a, a_unit);
	return out;
}

const char *print_duration(int64_t ms, char out[PRINT_DURATION_LEN])
{
	if (ms < 0)
		ms = 0;
	long long s = (ms + 500) / 1000;
	if (ms < 1000)
		(void)snprintf(out, PRINT_DURATION_LEN, "%dms", (int)ms);
	else if (ms < 9950)
		(void)snprintf(out, PRINT_DURATION_LEN, "%lld.%llds", (ms + 50LL) / 1000,
			       (ms + 50LL) / 100 % 10);
	else if (s < 60)
		(void)snprintf(out, PRINT_DURATION_LEN, "%llds", s);
	else if (s < 3600)
		return two_units(out, s / 60, "m", s % 60, "s");
	else if (s < 86400)
		return two_units(out, s / 3600, "h", s / 60 % 60, "m");
	else
		return two_units(out, s / 86400, "d", s / 3600 % 24, "h");
	return out;
}

int print_out(struct buf *b)
{
	bool bad = fwrite(buf_str(b), 1, b->len, stdout) != b->len || fflush(stdout) != 0;
	buf_done(b);
	if (!bad)
		return CLI_DONE;
	if (errno != EPIPE)
		perror("pawl: standard output");
	return CLI_CANNOT;
}

int print_json(const json_t *v)
{
	struct buf b = BUF_INIT;
	char *text = isatty(STDOUT_FILENO) ? json_dumps(v, JSON_INDENT(2) | JSON_ENCODE_ANY)
					   : json_text(v);
	(void)buf_puts(&b, text ? text : "null");
	(void)buf_putc(&b, '\n');
	free(text);
	return print_out(&b);
}
