/* Which errors a policy tries again, and after how long. */
#include <stdio.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/run.h"

#define RETRY_ATTEMPTS 6
#define RETRY_FIRST_MS 1000
#define RETRY_CAP_MS (5 * 60 * 1000)
#define RETRY_WITHIN_MS (2 * 3600 * 1000)

/* A name, the API's own key, or a status as text. */
bool error_matches(const json_t *error, const char *const *names, size_t n)
{
	char status[16] = "";
	json_int_t code = json_int(error, "status", 0);
	const char *name = json_str(error, "name"), *key = json_str(error, "key");
	if (code)
		snprintf(status, sizeof(status), "%d", (int)code);
	for (size_t i = 0; i < n; i++)
		if ((name && strcmp(names[i], name) == 0) || (key && strcmp(names[i], key) == 0) ||
		    (code && strcmp(names[i], status) == 0))
			return true;
	return false;
}

/* The back-off doubles (or what factor says) from the first delay to the cap; full jitter. */
int64_t retry_delay(const struct retry *r, unsigned n, struct rng *rng)
{
	double factor = r->factor > 0 ? r->factor : 2;
	double cap = (double)(r->cap_ms ? r->cap_ms : RETRY_CAP_MS);
	double delay = (double)(r->first_ms ? r->first_ms : RETRY_FIRST_MS);
	for (unsigned i = 1; i < n && delay < cap; i++)
		delay *= factor;
	if (delay > cap)
		delay = cap;
	if (r->no_jitter)
		return (int64_t)delay;
	return 1 + (int64_t)rng_below(rng, (uint64_t)delay);
}

bool retry_wants(const struct retry *r, const json_t *error, unsigned n, int64_t elapsed_ms)
{
	int attempts = r->attempts ? r->attempts : RETRY_ATTEMPTS;
	int64_t within = r->within_ms ? r->within_ms : RETRY_WITHIN_MS;
	if ((int)n >= attempts || elapsed_ms >= within)
		return false;
	if (r->n_errors)
		return error_matches(error, r->errors, r->n_errors);
	const char *name = json_str(error, "name");
	return err_class(err_by_name(name ? name : "")) == ERR_TRANSIENT;
}
