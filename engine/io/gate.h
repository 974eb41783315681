/*
 * The strict gate over the raw head of an HTTP/1.1 request, before any parser sees it.
 *
 * Refuses whatever two parsers might read in two ways (RFC 9112; reliability table S14): line ends
 * other than CRLF, control bytes, blanks before a colon or at a line's start, more than one Host,
 * Content-Length or Transfer-Encoding, both of the latter, a coding other than `chunked`, no Host,
 * a Content-Length that is no plain decimal, versions other than HTTP/1.0 and HTTP/1.1. Also the
 * framing of a chunked body, by a check that runs along with the parser: both must see the same end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* head: request line to and including the empty line. 0, or the status to answer (400, 501, 505). */
int gate_check(const char *head, size_t len, const char **ret_why);

/*
 * Where in a chunked body the check stands; zeroed before the first byte. It may be fed in any
 * pieces. `framing` counts all that is not data: sizes, extensions, line ends, trailers.
 */
struct gate_chunks {
	int at;
	unsigned digits; /* of the size that is being read */
	uint64_t left;   /* data still to come in the current chunk */
	uint64_t framing;
	bool done;
};

/*
 * How many of the bytes belong to the body: all of them until it is done. -1 when malformed: line
 * ends other than CRLF, sizes that are not one to eight hexadecimal digits, blanks around them,
 * control bytes, trailers that are no header lines.
 */
ssize_t gate_chunks(struct gate_chunks *g, const char *data, size_t len, const char **ret_why);
