/* How far the clocks of connections are from ours. */
#include "actions/probe_clock.h"

#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/base/map.h"
#include "engine/base/timefmt.h"

#define DRIFT_MS_PER_MS 5000 /* how long two clocks may take to part by one ms more */

struct range {
	int64_t low, high, at_ms;
};

static struct map ranges; /* by connection, for as long as the process lives */

static struct range widened(const struct range *r, int64_t now_ms)
{
	int64_t age = now_ms > r->at_ms ? now_ms - r->at_ms : r->at_ms - now_ms;
	return (struct range){r->low - age / DRIFT_MS_PER_MS, r->high + age / DRIFT_MS_PER_MS,
			      now_ms};
}

void probe_clock_seen(const struct exchange *x, int64_t sent_ms, int64_t now_ms)
{
	char date[64];
	int64_t at;
	if (!x->conn || x->req.err || now_ms < sent_ms ||
	    !http_answer_header(&x->req, "date", date, sizeof(date)) ||
	    time_parse_http(date, &at) != 0)
		return;
	struct range seen = {at - now_ms, at + 999 - sent_ms, now_ms}, was = seen;
	struct range *r = map_get(&ranges, x->conn->name);
	if (!r) {
		r = mem_alloc(sizeof(*r));
		(void)map_put(&ranges, x->conn->name, r);
	} else {
		was = widened(r, now_ms);
	}
	*r = (struct range){was.low > seen.low ? was.low : seen.low,
			    was.high < seen.high ? was.high : seen.high, now_ms};
	if (r->low > r->high) /* one of the clocks was set */
		*r = seen;
}

void probe_clock_range(const struct connection *conn, int64_t now_ms, int64_t *ret_low,
		       int64_t *ret_high)
{
	const struct range *known = map_get(&ranges, conn->name);
	struct range r = known ? widened(known, now_ms) : (struct range){0};
	bool agree = r.low <= 0 && r.high >= 0;
	*ret_low = agree ? 0 : r.low;
	*ret_high = agree ? 0 : r.high;
}
