/* Fuzzes json_parse: what is read can be written, and read again as the same. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "tests/fuzz/fuzz.h"

static int depth_of(const json_t *v)
{
	int most = 0;
	const char *key;
	json_t *child;
	size_t i;
	json_object_foreach ((json_t *)v, key, child) {
		int d = depth_of(child);
		most = d > most ? d : most;
	}
	json_array_foreach (v, i, child) {
		int d = depth_of(child);
		most = d > most ? d : most;
	}
	return most + (json_is_object(v) || json_is_array(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct errmsg msg = {0};
	json_auto_t *v = NULL, *back = NULL;
	if (json_parse((const char *)data, size, false, &v, &msg)) {
		fuzz_check(!v && msg.code == ERR_PARSE);
		fuzz_check(!strncmp(msg.text, "line ", 5));
		return 0;
	}
	fuzz_check(depth_of(v) <= JSON_DEPTH_MAX);
	auto_free char *text = json_text(v), *sorted = json_canonical(v);
	fuzz_check(!json_parse(text, strlen(text), false, &back, &msg));
	fuzz_check(json_equal(v, back));
	auto_free char *again = json_canonical(back);
	fuzz_check(!strcmp(sorted, again));
	auto_free char *path = mem_strndup((const char *)data, size);
	(void)json_path(v, path);
	return 0;
}
