/* A growable byte buffer with a maximum; always followed by a NUL that `len` does not count. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* May be zeroed (then without a maximum). Freed by buf_done. */
struct buf {
	char *data; /* NULL while empty */
	size_t len, cap;
	size_t max; /* 0: no maximum */
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* len = 0, memory kept */
/* 0, or ERR_TOOBIG when max would be passed (then nothing is added). */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* The text, never NULL; valid until the next change. */
const char *buf_str(const struct buf *b);
/* The caller now owns the malloc'd text (never NULL); the buffer is empty again. */
char *buf_take(struct buf *b);
/* Removes the first n bytes. */
void buf_shift(struct buf *b, size_t n);
