/* The outline of `tests:`, so that a mistyped key is found before the tests are run. */
#include <string.h>

#include "engine/rule/compile.h"

static void check_map(struct compiler *c, const struct ynode *n, const char *name,
		      const char *const *keys)
{
	if (n->kind != Y_MAP) {
		compile_error(c, n, "%s is a map, not %s", name, ynode_word(n));
		return;
	}
	for (size_t i = 0; keys && i < n->n; i++)
		if (!word_in(keys, n->keys[i]->text) && strncmp(n->keys[i]->text, "x-", 2))
			compile_unknown(c, n->keys[i], "key", keys, NULL);
}

static void check_test(struct compiler *c, const struct ynode *n)
{
	static const char *const keys[] = {"name",   "given",  "answers", "then",
					   "expect", "faults", "about",   NULL};
	static const char *const expects[] = {"matched", "because", "state",  "calls", "calls_some",
					      "replies", "emits",   "memory", "steps", "elapsed",
					      "result",  "error",   NULL};
	check_map(c, n, "a test", keys);
	if (n->kind != Y_MAP)
		return;
	const struct ynode *given = ynode_get(n, "given"), *expect = ynode_get(n, "expect");
	if (!given || !expect)
		compile_error(c, n, "a test needs given: and expect:");
	if (given && given->kind != Y_LIST)
		check_map(c, given, "given:", NULL);
	if (expect)
		check_map(c, expect, "expect:", expects);
}

void tests_check(struct compiler *c, const struct ynode *n)
{
	if (n->kind != Y_LIST) {
		compile_error(c, n, "tests: is a list, not %s", ynode_word(n));
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		check_test(c, n->items[i]);
}
