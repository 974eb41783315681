/* When a request that ended without a result is sent again. */
#include "actions/policy.h"

#include <string.h>

#include "engine/base/json.h"

#define ATTEMPTS 6
#define FIRST_MS 1000
#define CAP_MS (5 * 60 * 1000)
#define WITHIN_MS (2 * 3600 * 1000)
#define THROTTLED_MS 1000

static int64_t back_off(struct act *a, unsigned attempts)
{
	const struct retry *r = act_retry(a);
	double factor = r->factor > 0 ? r->factor : 2;
	double cap = (double)(r->cap_ms ? r->cap_ms : CAP_MS);
	double delay = (double)(r->first_ms ? r->first_ms : FIRST_MS);
	for (unsigned i = 1; i < attempts && delay < cap; i++)
		delay *= factor;
	delay = delay < cap ? delay : cap;
	if (r->no_jitter)
		return (int64_t)delay;
	return 1 + (int64_t)rng_below(act_rng(a), (uint64_t)delay);
}

static int64_t day_end(int64_t now)
{
	const int64_t day = 24 * 3600 * 1000LL;
	return (now / day + 1) * day + 5000;
}

int64_t policy_due(struct act *a, unsigned attempts, int err, int64_t asked_ms)
{
	int64_t now = act_now(a), wait = asked_ms;
	if (err == ERR_QUOTA)
		return day_end(now) + (int64_t)rng_below(act_rng(a), 60000);
	int64_t delay = back_off(a, attempts);
	if (err == ERR_THROTTLED && wait < THROTTLED_MS)
		wait = THROTTLED_MS;
	return now + (delay > wait ? delay : wait + (wait ? delay / 4 : 0));
}

unsigned policy_attempts_max(const struct act *a)
{
	int said = act_retry(a)->attempts;
	return said > 0 ? (unsigned)said : ATTEMPTS;
}

bool policy_wants(const struct act *a, unsigned attempts, int64_t first, const json_t *error,
		  int err)
{
	const struct retry *r = act_retry(a);
	int64_t within = r->within_ms ? r->within_ms : WITHIN_MS;
	bool counts = err != ERR_THROTTLED && err != ERR_QUOTA;
	if (counts && attempts >= policy_attempts_max(a))
		return false;
	if (err != ERR_QUOTA && act_now(a) - first >= within)
		return false;
	if (r->n_errors) {
		const char *name = json_str(error, "name");
		for (size_t i = 0; i < r->n_errors; i++)
			if (name && strcmp(r->errors[i], name) == 0)
				return true;
		return false;
	}
	return err_class(err) == ERR_TRANSIENT;
}
