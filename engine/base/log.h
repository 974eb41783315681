/* The log: one record a line, logfmt or JSON, on stderr; never blocks, never dies of a closed pipe. */
#pragma once

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_config {
	enum log_level level;
	bool json;
};

void log_setup(const struct log_config *c);
bool log_enabled(enum log_level level);

/*
 * Writes `time=… level=… event=NAME` and the pairs. Pairs are (const char *key, const char *value),
 * closed by NULL; a NULL value leaves its pair out. Control bytes are escaped, a value is cut at
 * 1,000 bytes. Only engine/run, engine/serve and main log (docs/ARCHITECTURE.md).
 */
void log_line(enum log_level level, const char *event, ...) __attribute__((sentinel));
/* The number as text in one of eight static slots: for the pairs above. */
const char *log_num(long long n);

/* Remembers one short line in a ring of 64; log_ring_dump writes them with write(2) only. */
void log_ring(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_ring_dump(int fd);
