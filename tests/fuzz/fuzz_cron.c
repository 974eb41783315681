/* Fuzzes schedules: one that is read is due in the future, at a whole minute, or never. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/cron.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t from[] = {0, 951782399, 1795526661, 4102444799};
	auto_free char *text = mem_strndup((const char *)data, size);
	struct errmsg msg = {0};
	struct cron c;
	if (size > 200)
		return 0;
	if (cron_parse(text, &c, &msg) != 0) {
		fuzz_check(*msg.text);
		return 0;
	}
	struct zones zones = {0};
	const struct zone *utc = zone_find(&zones, NULL);
	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
		int64_t next = cron_next(&c, utc, from[i]);
		fuzz_check(next > from[i] && (next == INT64_MAX || next % 60 == 0));
		if (next != INT64_MAX)
			fuzz_check(cron_next(&c, utc, next - 1) == next);
	}
	zones_done(&zones);
	return 0;
}
