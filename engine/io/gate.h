/*
 * The strict gate over the raw head of an HTTP/1.1 request, before any parser sees it.
 *
 * Refuses whatever two parsers might read in two ways (RFC 9112; reliability table S14): line ends
 * other than CRLF, control bytes, blanks before a colon or at a line's start, more than one Host,
 * Content-Length or Transfer-Encoding, both of the latter, a coding other than `chunked`, no Host,
 * a Content-Length that is no plain decimal, versions other than HTTP/1.0 and HTTP/1.1.
 */
#pragma once

#include <stddef.h>

/* head: request line to and including the empty line. 0, or the status to answer (400, 501, 505). */
int gate_check(const char *head, size_t len, const char **ret_why);
