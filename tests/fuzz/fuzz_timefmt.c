/* Fuzzes the readers of times and durations: what is read can be written and read again. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/timefmt.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	struct errmsg msg = {0};
	char out[TIME_TEXT_LEN];
	int64_t ms, back;
	/* Years 0 and 9999 can lie outside of what is written, by their offset. */
	if (!time_parse(text, &ms, &msg) && ms >= -62167219200000 && ms <= 253402300799999) {
		fuzz_check(!time_parse(time_format(ms, out), &back, &msg));
		fuzz_check(back == ms);
	}
	if (!time_parse_http(text, &ms))
		fuzz_check(!time_parse(time_format(ms, out), &back, &msg) && back == ms);
	if (!duration_parse(text, &ms, &msg)) {
		fuzz_check(ms >= 0);
		fuzz_check(!duration_parse(duration_format(ms, out), &back, &msg) && back == ms);
	}
	ms = retry_after_ms(text, 784111777000, 3600000);
	fuzz_check(ms >= -1 && ms <= 3600000);
	/* And any eight bytes as a number to be written. */
	if (size >= sizeof(ms)) {
		memcpy(&ms, data, sizeof(ms));
		fuzz_check(strlen(duration_format(ms, out)) < TIME_TEXT_LEN);
		fuzz_check(!time_parse(time_format(ms, out), &back, NULL));
	}
	return 0;
}
