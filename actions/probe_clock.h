/*
 * How far a connection's clock is from ours, as the Date of its answers bounds it: cut to the second, and
 * written between our request and its answer. Many answers bound it better than one.
 */
#pragma once

#include <stdint.h>

#include "actions/exchange.h"

/* An answer came to what was sent at sent_ms; both times by our wall clock. */
void probe_clock_seen(const struct exchange *x, int64_t sent_ms, int64_t now_ms);
/*
 * The server's clock minus ours is between the two. Clocks that may agree are taken to, and so are those of
 * which nothing is known: then both are 0.
 */
void probe_clock_range(const struct connection *conn, int64_t now_ms, int64_t *ret_low,
		       int64_t *ret_high);
