/* Log lines on stderr, and the ring of last moves that a crash prints. */
#include "engine/base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/timefmt.h"

enum {
	LINE_MAX_LEN = 4096, /* PIPE_BUF: a shorter write to a pipe is never torn */
	VALUE_MAX = 1000,    /* bytes of a value */
	RING_LINES = 64,
	RING_LEN = 128,
};

static struct log_config config = {.level = LOG_INFO};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long dropped; /* lines lost since the last one that went out */
static bool torn;             /* the last line went out without its end */

/* A line being made. What does not fit is left out; `full` says that something was. */
struct line {
	char text[LINE_MAX_LEN];
	size_t len;
	bool full;
};

void log_setup(const struct log_config *c)
{
	pthread_mutex_lock(&lock);
	config = *c;
	pthread_mutex_unlock(&lock);
}

bool log_enabled(enum log_level level)
{
	return level <= config.level;
}

/* One byte is kept for the line feed, and one for the brace of the JSON form. */
static void add(struct line *l, const char *s, size_t len)
{
	if (l->full || len > sizeof(l->text) - 2 - l->len) {
		l->full = true;
		return;
	}
	memcpy(l->text + l->len, s, len);
	l->len += len;
}

static void add_str(struct line *l, const char *s)
{
	add(l, s, strlen(s));
}

/* The length of the well-formed UTF-8 sequence at p, 0 when it is none; *ret is its code point. */
static size_t utf8_char(const unsigned char *p, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80   ? 1
		   : *p < 0xc2 ? 0
		   : *p < 0xe0 ? 2
		   : *p < 0xf0 ? 3
		   : *p < 0xf5 ? 4
			       : 0;
	uint32_t v = n < 2 ? *p : *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (n > 1 && (v < least[n] || (v >= 0xd800 && v <= 0xdfff) || v > 0x10ffff))
		return 0;
	*ret = v;
	return n;
}

/* Characters that could move a terminal's cursor or turn its text around. */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* The text between quotes, at most VALUE_MAX bytes of it, cut between characters. */
static void add_escaped(struct line *l, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	for (size_t n, used = 0; *p; p += n, used += n) {
		uint32_t c;
		char esc[16];
		n = utf8_char(p, &c);
		if (used + (n ? n : 1) > VALUE_MAX) {
			add_str(l, "…");
			return;
		}
		if (!n) {
			n = 1;
			add_str(l, "\xef\xbf\xbd");
		} else if (c == '"' || c == '\\') {
			snprintf(esc, sizeof(esc), "\\%c", (int)c);
			add_str(l, esc);
		} else if (c == '\n' || c == '\t' || c == '\r') {
			add_str(l, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
		} else if (is_unsafe(c)) {
			snprintf(esc, sizeof(esc), "\\u%04x", (unsigned)c);
			add_str(l, esc);
		} else {
			add(l, (const char *)p, n);
		}
	}
}

/* A logfmt value without quotes: printable ASCII or UTF-8 letters, no blank, '=', '"', '\'. */
static bool is_bare(const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	for (size_t n; *p; p += n) {
		uint32_t c;
		n = utf8_char(p, &c);
		if (!n || c == ' ' || c == '=' || c == '"' || c == '\\' || is_unsafe(c))
			return false;
	}
	return *value && (size_t)(p - (const unsigned char *)value) <= VALUE_MAX;
}

/* Adds one pair, or nothing at all when it does not fit. */
static void add_pair(struct line *l, const char *key, const char *value)
{
	size_t before = l->len;
	if (config.json) {
		add_str(l, l->len ? ",\"" : "{\"");
		add_escaped(l, key);
		add_str(l, "\":\"");
		add_escaped(l, value);
		add_str(l, "\"");
	} else {
		bool bare = is_bare(value);
		if (l->len)
			add_str(l, " ");
		add_str(l, key);
		add_str(l, bare ? "=" : "=\"");
		if (bare)
			add_str(l, value);
		else
			add_escaped(l, value);
		add_str(l, bare ? "" : "\"");
	}
	if (l->full)
		l->len = before;
	l->full = false;
}

static void end_line(struct line *l)
{
	if (config.json)
		l->text[l->len++] = '}';
	l->text[l->len++] = '\n';
}

/*
 * Writes without waiting: poll says whether there is room, and a pipe that has any takes a whole
 * line. A write to a closed pipe raises SIGPIPE, which is held back and taken out again.
 */
static bool put(const char *text, size_t len)
{
	struct pollfd pfd = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT) ||
	    (pfd.revents & (POLLERR | POLLNVAL)))
		return false;
	sigset_t pipe_set, old, pending;
	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigpending(&pending);
	bool was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	ssize_t n = write(STDERR_FILENO, text, len);
	if (n < 0 && errno == EPIPE && !was_pending)
		(void)sigtimedwait(&pipe_set, NULL, &(struct timespec){0});
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (n > 0)
		torn = (size_t)n < len;
	return n > 0;
}

static void start_line(struct line *l, enum log_level level, const char *event)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	struct timespec ts;
	char time_text[TIME_TEXT_LEN];
	clock_gettime(CLOCK_REALTIME, &ts);
	int64_t ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	l->len = 0;
	l->full = false;
	add_pair(l, "time", time_format(ms, time_text));
	add_pair(l, "level", names[level]);
	add_pair(l, "event", event);
}

/* Says how many lines are missing, once there is room again. false: there is none yet. */
static bool report_dropped(struct line *l)
{
	char n[24];
	if (torn && !put("\n", 1))
		return false;
	if (!dropped)
		return true;
	snprintf(n, sizeof(n), "%lu", dropped);
	start_line(l, LOG_WARN, "log_dropped");
	add_pair(l, "lines", n);
	end_line(l);
	if (!put(l->text, l->len))
		return false;
	dropped = 0;
	return true;
}

void log_line(enum log_level level, const char *event, ...)
{
	if (!log_enabled(level))
		return;
	struct line l;
	int saved = errno;
	pthread_mutex_lock(&lock);
	if (!report_dropped(&l)) {
		dropped++;
		goto out;
	}
	start_line(&l, level, event);
	va_list ap;
	va_start(ap, event);
	for (const char *key; (key = va_arg(ap, const char *));) {
		const char *value = va_arg(ap, const char *);
		if (value)
			add_pair(&l, key, value);
	}
	va_end(ap);
	end_line(&l);
	if (!put(l.text, l.len))
		dropped++;
out:
	pthread_mutex_unlock(&lock);
	errno = saved;
}

const char *log_num(long long n)
{
	static _Thread_local char slots[8][24];
	static _Thread_local unsigned next;
	char *slot = slots[next++ % 8];
	snprintf(slot, sizeof(slots[0]), "%lld", n);
	return slot;
}

static char ring[RING_LINES][RING_LEN];
static atomic_uint ring_next;

void log_ring(const char *fmt, ...)
{
	char *slot = ring[atomic_fetch_add(&ring_next, 1) % RING_LINES];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(slot, RING_LEN, fmt, ap);
	va_end(ap);
}

void log_ring_dump(int fd)
{
	unsigned end = atomic_load(&ring_next);
	for (unsigned i = 0; i < RING_LINES; i++) {
		/* A signal may have cut a line's making short: its length is not trusted. */
		char line[RING_LEN];
		size_t len = 0;
		for (const char *p = ring[(end + i) % RING_LINES]; len < RING_LEN - 1 && p[len];
		     len++)
			line[len] = p[len] == '\n' ? ' ' : p[len];
		line[len] = '\n';
		if (len && write(fd, line, len + 1) < 0)
			return;
	}
}
