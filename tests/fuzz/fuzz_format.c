/* Fuzzes rule_format: what it gives out is laid out already, and every text gets an answer. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/rule/rules.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_error err = {0};
	auto_free char *once = rule_format((const char *)data, size, &err);
	if (!once) {
		fuzz_check(err.line >= 1 && err.col >= 1 && err.text[0]);
		return 0;
	}
	auto_free char *twice = rule_format(once, strlen(once), &err);
	if (!twice || strcmp(once, twice))
		fprintf(stderr, "---- given\n%.*s\n---- once\n%s\n---- twice\n%s\n", (int)size,
			data, once, twice ? twice : err.text);
	fuzz_check(twice && !strcmp(once, twice));
	return 0;
}
