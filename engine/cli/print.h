/*
 * What commands print: texts safe for a terminal, colours where there is one, short durations.
 *
 * Text that came from outside may hold escape sequences; print_text makes them harmless.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

/* X(CODE, escape sequence) */
#define PAINT_MAP(X)                                                                               \
	X(PLAIN, "\033[0m")                                                                        \
	X(BOLD, "\033[1m")                                                                         \
	X(DIM, "\033[2m")                                                                          \
	X(RED, "\033[31m")                                                                         \
	X(GREEN, "\033[32m")                                                                       \
	X(YELLOW, "\033[33m")                                                                      \
	X(CYAN, "\033[36m")

enum paint {
#define X(code, sequence) PAINT_##code,
	PAINT_MAP(X)
#undef X
		PAINTS
};

/* How wide and how colourful. */
struct look {
	bool color;
	int width; /* columns */
};

/* Of a stream: colours only on a terminal that has them and without NO_COLOR; 100 columns elsewhere. */
struct look look_of(FILE *stream);
/* The sequence that begins a colour (PLAIN ends it), or "". */
const char *paint(const struct look *l, enum paint p);
/* The colour of a run's or a step's state. */
enum paint paint_of_state(const char *state);

/*
 * Adds text in at most `max` columns (0: all of it), cut with "…" when longer; control bytes and
 * malformed UTF-8 become "?". Returns the columns used. A NULL text is "".
 */
int print_text(struct buf *b, const char *text, int max);
/* The same, filled up with blanks to `width` columns; right: blanks first. */
void print_cell(struct buf *b, const char *text, int width, bool right);
/* The columns that print_text would use. */
int print_width(const char *text);

#define PRINT_DURATION_LEN 24
/* For people, two units at most: "48ms", "3.2s", "2m 5s", "4h 10m", "3d 4h". Returns out. */
const char *print_duration(int64_t ms, char out[PRINT_DURATION_LEN]);

/* Writes the buffer to stdout and frees it. CLI_DONE, or CLI_CANNOT with a message. */
int print_out(struct buf *b);
/* The value as JSON on stdout, indented on a terminal, with a line's end. As print_out. */
int print_json(const json_t *v);
