/* Draws a run. Every column has its width before the first line is written. */
#include "engine/cli/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"

enum {
	OFFSET_WIDTH = 8,
	DURATION_WIDTH = 7,
	NAME_MAX_WIDTH = 14,
	NOTE_MAX_WIDTH = 26,
	WHAT_MIN = 18,
	LOOKS_MAX = 3
};

/* One step. The texts are the JSON's, but for the note. */
struct row {
	const char *path, *kind, *name, *what, *state;
	char note[96];
	const json_t *error, *looks;
	int depth;
	int64_t start, end; /* UTC ms; -1: it has not begun, has not ended */
};

/* What all lines have in common. */
struct sheet {
	const struct look *look;
	int64_t from, to;          /* the axis */
	int bar, name, what, note; /* widths */
};

/* The time at a key, or -1. */
static int64_t time_at(const json_t *v, const char *key)
{
	const char *text = json_str(v, key);
	int64_t ms;
	return text && time_parse(text, &ms, NULL) == 0 ? ms : -1;
}

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static bool is_parked(const struct row *r)
{
	return is(r->state, "waiting") || is(r->state, "retrying") || is(r->state, "held") ||
	       is(r->state, "in_doubt");
}

/* ---- what a line says ---- */

static void note(struct row *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct row *r, const char *fmt, ...)
{
	size_t len = strlen(r->note);
	if (len && len + 2 < sizeof(r->note)) {
		memcpy(r->note + len, ", ", 3);
		len += 2;
	}
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(r->note + len, sizeof(r->note) - len, fmt, ap);
	va_end(ap);
}

/* "09:50:31", with the date when it is another day. */
static void note_due(struct row *r, int64_t due, int64_t now)
{
	char text[TIME_TEXT_LEN], today[TIME_TEXT_LEN];
	time_format(due, text);
	time_format(now, today);
	text[10] = ' ';
	note(r, "until %.*s", strncmp(text, today, 10) ? 16 : 8,
	     text + (strncmp(text, today, 10) ? 0 : 11));
}

static void fill_note(struct row *r, const json_t *step, int64_t now)
{
	json_int_t status = json_int(step, "status", 0), attempts = json_int(step, "attempts", 0);
	const char *outcome = json_str(step, "outcome");
	int64_t due = time_at(step, "due");
	if (!status && r->error)
		status = json_int(r->error, "status", 0);
	/* The mark and the error under the line tell of a failure. */
	if (is_parked(r) && (due <= 0 || !is(r->state, "waiting")))
		note(r, "%s", r->state);
	else if (!is_parked(r) && outcome && !is(outcome, "ok") && !is(outcome, "failed"))
		note(r, "%s", outcome);
	if (is_parked(r) && due > 0)
		note_due(r, due, now);
	if (status)
		note(r, "%lld", (long long)status);
	if (attempts > 1)
		note(r, "%lld attempts", (long long)attempts);
	if (json_bool(step, "adopted", false))
		note(r, "adopted");
}

/*
 * How many blocks a path is inside of: "do.3/each#17/do.1" is in one, "do.3" in none. A segment with
 * a number is a round of the block before it, unless it is the last: an operation of a script.
 */
static int depth_of(const char *path)
{
	int n = 0;
	for (const char *p = path, *slash; p && (slash = strchr(p, '/')); p = slash + 1)
		n += memchr(p, '#', (size_t)(slash - p)) == NULL;
	return n;
}

static void fill(struct row *r, const json_t *step, int64_t now)
{
	const json_t *error = json_object_get(step, "error");
	*r = (struct row){
		.path = json_str(step, "path"),
		.kind = json_str(step, "kind"),
		.name = json_str(step, "name"),
		.what = json_str(step, "what"),
		.state = json_str(step, "state"),
		.error = json_is_object(error) ? error : NULL,
		.looks = json_object_get(step, "looks"),
		.start = time_at(step, "started"),
		.end = time_at(step, "ended"),
	};
	r->depth = depth_of(r->path);
	fill_note(r, step, now);
}

/* The round that a step belongs to, or the number of an operation ("17"); *ret_len 0: none. */
static const char *round_of(const char *path, int *ret_len)
{
	const char *sign = path ? strrchr(path, '#') : NULL;
	const char *slash = sign ? strchr(sign, '/') : NULL;
	bool near = sign && !(slash && strchr(slash + 1, '/'));
	*ret_len = near ? (int)strspn(sign + 1, "0123456789") : 0;
	return near ? sign + 1 : "";
}

static char *what_text(const struct row *r)
{
	int len;
	const char *number = round_of(r->path, &len);
	return mem_printf("%*s%s%.*s%s%s%s%s", r->depth * 2, "", len ? "#" : "", len, number,
			  len ? " " : "", r->kind ? r->kind : "step", r->what ? " " : "",
			  r->what ? r->what : "");
}

/* Without the first part of a dotted name when all of it is wider: its end tells more. malloc'd. */
static char *what_fit(const struct row *r, int width)
{
	char *text = what_text(r);
	const char *dot = r->what ? strchr(r->what, '.') : NULL;
	if (print_width(text) <= width || !dot)
		return text;
	int len = (int)(strlen(text) - strlen(r->what));
	char *cut = mem_printf("%.*s…%s", len, text, dot + 1);
	free(text);
	return cut;
}

/* ---- how it is drawn ---- */

struct mark {
	const char *state, *sign;
};

static const char *mark_of(const char *state)
{
	static const struct mark marks[] = {
		{"completed", "✓"}, {"ok", "✓"},        {"partial", "✓"},  {"caught", "✓"},
		{"failed", "✗"},    {"cancelled", "✗"}, {"in_doubt", "?"}, {"skipped", "–"},
		{"waiting", "…"},   {"retrying", "↻"},  {"held", "…"},     {"running", "▸"},
		{"queued", " "},
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (is(state, marks[i].state))
			return marks[i].sign;
	return " ";
}

static int column(const struct sheet *s, int64_t at)
{
	int64_t span = s->to > s->from ? s->to - s->from : 1;
	if (at < s->from)
		return 0;
	int64_t c = (at - s->from) * s->bar / span;
	return c >= s->bar ? s->bar - 1 : (int)c;
}

/* A wait is drawn light: nothing was done meanwhile. */
static bool is_light(const struct row *r)
{
	return is(r->kind, "wait") || (r->end < 0 && is_parked(r));
}

static void add_bar(struct buf *b, const struct sheet *s, const struct row *r)
{
	int from = r->start < 0 ? s->bar : column(s, r->start);
	int to = r->start < 0 ? -1 : column(s, r->end < 0 ? s->to : r->end);
	enum paint p = is(r->state, "failed") ? PAINT_RED : is_light(r) ? PAINT_DIM : PAINT_CYAN;
	(void)buf_puts(b, paint(s->look, PAINT_DIM));
	for (int i = 0; i < s->bar; i++) {
		if (i == from)
			(void)buf_printf(b, "%s%s", paint(s->look, PAINT_PLAIN), paint(s->look, p));
		(void)buf_puts(b, i < from || i > to ? "·" : is_light(r) ? "░" : "█");
		if (i == to)
			(void)buf_printf(b, "%s%s", paint(s->look, PAINT_PLAIN),
					 paint(s->look, PAINT_DIM));
	}
	(void)buf_puts(b, paint(s->look, PAINT_PLAIN));
}

static void add_offset(struct buf *b, const struct sheet *s, const struct row *r)
{
	char d[PRINT_DURATION_LEN], text[PRINT_DURATION_LEN + 1] = "";
	if (r->start >= 0)
		(void)snprintf(text, sizeof(text), "+%s", print_duration(r->start - s->from, d));
	print_cell(b, text, OFFSET_WIDTH, true);
}

static void add_colored(struct buf *b, const struct sheet *s, enum paint p, const char *text,
			int width)
{
	(void)buf_puts(b, paint(s->look, p));
	print_cell(b, text, width, false);
	(void)buf_puts(b, paint(s->look, PAINT_PLAIN));
}

static void add_what(struct buf *b, const struct sheet *s, const struct row *r)
{
	auto_free char *text = what_fit(r, s->what);
	print_cell(b, text, s->what, false);
}

static void trim(struct buf *b)
{
	while (b->len && b->data[b->len - 1] == ' ')
		b->data[--b->len] = 0;
}

static void add_error(struct buf *b, const struct sheet *s, const json_t *error, int indent)
{
	const char *name = json_str(error, "name"), *message = json_str(error, "message");
	(void)buf_printf(b, "%*s%s", indent, "", paint(s->look, PAINT_RED));
	(void)print_text(b, name ? name : "failed", 0);
	if (message) {
		(void)buf_puts(b, ": ");
		(void)print_text(b, message, 0);
	}
	(void)buf_printf(b, "%s\n", paint(s->look, PAINT_PLAIN));
}

/* What is known of a request whose answer was lost: the last of what was looked for. */
static void add_looks(struct buf *b, const struct sheet *s, const struct row *r, int indent)
{
	size_t n = json_array_size(r->looks);
	for (size_t i = n > LOOKS_MAX ? n - LOOKS_MAX : 0; i < n && is_parked(r); i++) {
		const json_t *look = json_array_get(r->looks, i);
		char text[TIME_TEXT_LEN];
		(void)buf_printf(b, "%*s%s%.8s  ", indent, "", paint(s->look, PAINT_DIM),
				 time_format(time_at(look, "at"), text) + 11);
		(void)print_text(b, json_str(look, "evidence"), 0);
		(void)buf_printf(b, "%s\n", paint(s->look, PAINT_PLAIN));
	}
}

/* A step that took no time that is worth telling leaves the column to its note. */
static bool has_duration(const struct row *r)
{
	return r->start >= 0 && r->end > r->start;
}

static void add_row(struct buf *b, const struct sheet *s, const struct row *r)
{
	char d[PRINT_DURATION_LEN];
	add_offset(b, s, r);
	(void)buf_puts(b, "  ");
	add_bar(b, s, r);
	(void)buf_printf(b, "  %s%s%s ", paint(s->look, paint_of_state(r->state)),
			 mark_of(r->state), paint(s->look, PAINT_PLAIN));
	if (s->name) {
		add_colored(b, s, PAINT_BOLD, r->name, s->name);
		(void)buf_puts(b, "  ");
	}
	add_what(b, s, r);
	(void)buf_puts(b, "  ");
	add_colored(b, s, is_parked(r) ? PAINT_YELLOW : PAINT_PLAIN, r->note,
		    s->note + (has_duration(r) ? 0 : 1 + DURATION_WIDTH));
	if (has_duration(r)) {
		(void)buf_puts(b, " ");
		print_cell(b, print_duration(r->end - r->start, d), DURATION_WIDTH, true);
	}
	trim(b);
	(void)buf_putc(b, '\n');
	if (r->error)
		add_error(b, s, r->error, OFFSET_WIDTH + 2 + s->bar + 4);
	add_looks(b, s, r, OFFSET_WIDTH + 2 + s->bar + 4);
}

/* ---- the sheet ---- */

static int most(int a, int b)
{
	return a > b ? a : b;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

static void measure_what(struct sheet *s, const struct row *rows, size_t n, int rest)
{
	int want = 0;
	for (size_t i = 0; i < n; i++) {
		auto_free char *what = what_fit(&rows[i], rest);
		want = most(want, print_width(what));
	}
	s->what = least(want, rest);
}

static void measure(struct sheet *s, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		s->name = most(s->name, print_width(rows[i].name));
		s->note = most(s->note, print_width(rows[i].note) -
						(has_duration(&rows[i]) ? 0 : 1 + DURATION_WIDTH));
		if (rows[i].end > s->to)
			s->to = rows[i].end;
	}
	s->name = least(s->name, NAME_MAX_WIDTH);
	s->note = least(s->note, NOTE_MAX_WIDTH);
	s->bar = s->look->width >= 120 ? 32 : s->look->width >= 100 ? 20 : 10;
	int rest = s->look->width - OFFSET_WIDTH - 2 - s->bar - 4 - (s->name ? s->name + 2 : 0) -
		   2 - s->note - 1 - DURATION_WIDTH;
	measure_what(s, rows, n, most(rest, WHAT_MIN));
}

static int64_t ended_at(const json_t *run, int64_t now)
{
	int64_t ended = time_at(run, "ended");
	return ended >= 0 ? ended : now;
}

static bool has_ended(const json_t *run)
{
	return time_at(run, "ended") >= 0;
}

/* What began it: type and subject, or only its id where no more is told. */
static void head_event(struct buf *b, const json_t *run)
{
	const json_t *event = json_object_get(run, "trigger");
	const char *type = json_str(event, "type"), *subject = json_str(event, "subject");
	const char *created = json_str(run, "created");
	(void)print_text(b, type ? type : json_str(run, "event"), 0);
	if (subject && *subject) {
		(void)buf_puts(b, "  ");
		(void)print_text(b, subject, 0);
	}
	(void)buf_puts(b, "  ");
	(void)print_text(b, created, 0);
	trim(b);
	(void)buf_putc(b, '\n');
}

void timeline_head(struct buf *b, const json_t *run, const struct look *l, int64_t now)
{
	char d[PRINT_DURATION_LEN];
	const char *state = json_str(run, "state");
	int64_t created = time_at(run, "created");
	(void)buf_puts(b, paint(l, PAINT_BOLD));
	(void)print_text(b, json_str(run, "rule"), 0);
	(void)buf_printf(b, "%s  %s", paint(l, PAINT_PLAIN), paint(l, paint_of_state(state)));
	(void)print_text(b, state, 0);
	(void)buf_puts(b, paint(l, PAINT_PLAIN));
	if (created >= 0)
		(void)buf_printf(b, " %s %s", has_ended(run) ? "in" : "for",
				 print_duration(ended_at(run, now) - created, d));
	if (json_str(run, "id")) {
		(void)buf_printf(b, "  %s", paint(l, PAINT_DIM));
		(void)print_text(b, json_str(run, "id"), 0);
		(void)buf_puts(b, paint(l, PAINT_PLAIN));
	}
	(void)buf_putc(b, '\n');
	head_event(b, run);
}

static void add_held(struct buf *b, const json_t *run)
{
	size_t i;
	const json_t *v;
	json_array_foreach (json_object_get(run, "held_for"), i, v) {
		(void)buf_puts(b, "\n  held: ");
		(void)print_text(b, json_str(v, "connection"), 0);
		(void)buf_puts(b, " needs a login: ");
		(void)print_text(b, json_str(v, "reason"), 0);
		(void)buf_puts(b, "\n  pawl connect ");
		(void)print_text(b, json_str(v, "connection"), 0);
		(void)buf_puts(b, "  logs in; the run goes on then\n");
	}
}

/* The run's own error, when no step has told it. */
static void add_foot(struct buf *b, const struct sheet *s, const json_t *run, bool told)
{
	const json_t *error = json_object_get(run, "error");
	const char *state = json_str(run, "state"), *id = json_str(run, "id");
	if (json_is_object(error) && !told) {
		(void)buf_putc(b, '\n');
		add_error(b, s, error, 2);
	}
	add_held(b, run);
	if (!id)
		return;
	if (is(state, "failed"))
		(void)buf_printf(b, "\n  pawl retry %s  tries the failed step again\n", id);
	else if (is(state, "in_doubt"))
		(void)buf_printf(
			b,
			"\n  pawl resume %s --as done|again|fail  tells what became of it\n"
			"  pawl cancel %s  ends the run: nothing more is sent\n",
			id, id);
}

static void add_rows(struct buf *b, const struct sheet *s, const struct row *rows, size_t n,
		     bool all)
{
	size_t half = TIMELINE_STEPS_MAX / 2;
	for (size_t i = 0; i < n; i++) {
		if (!all && n > TIMELINE_STEPS_MAX && i == half) {
			(void)buf_printf(b, "%*s  … %zu more steps\n", OFFSET_WIDTH, "",
					 n - TIMELINE_STEPS_MAX);
			i = n - half;
		}
		add_row(b, s, &rows[i]);
	}
}

void timeline_print(struct buf *b, const json_t *run, const struct look *l, int64_t now, bool all)
{
	const json_t *steps = json_object_get(run, "steps");
	size_t n = json_array_size(steps);
	struct row *rows = mem_alloc((n + 1) * sizeof(*rows));
	struct sheet s = {.look = l, .from = time_at(run, "created"), .to = ended_at(run, now)};
	bool told = false;
	for (size_t i = 0; i < n; i++) {
		fill(&rows[i], json_array_get(steps, i), now);
		told |= rows[i].error && is(rows[i].state, "failed");
		if (rows[i].start >= 0 && (s.from < 0 || rows[i].start < s.from))
			s.from = rows[i].start;
	}
	measure(&s, rows, n);
	timeline_head(b, run, l, now);
	if (n)
		(void)buf_putc(b, '\n');
	add_rows(b, &s, rows, n, all);
	add_foot(b, &s, run, told);
	free(rows);
}
