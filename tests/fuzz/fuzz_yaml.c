/* Fuzzes yaml_read: documents cover the text, places are real, trees are bounded. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/yaml.h"
#include "tests/fuzz/fuzz.h"

/* Nodes below and including n, which is how long any walk takes. */
static size_t walk(const struct ynode *n, int depth)
{
	size_t count = 1;
	fuzz_check(depth <= 64);
	fuzz_check(n->line >= 1 && n->col >= 1);
	fuzz_check(n->kind == Y_LIST || n->kind == Y_MAP || strlen(n->text) <= n->len);
	for (size_t i = 0; i < n->n; i++) {
		count += walk(n->items[i], depth + 1);
		if (n->kind == Y_MAP) {
			fuzz_check(n->keys[i]->kind != Y_LIST && n->keys[i]->kind != Y_MAP);
			fuzz_check(ynode_get(n, n->keys[i]->text) == n->items[i]);
		}
	}
	return count;
}

static void check_file(const struct yaml_file *f, size_t size)
{
	size_t at = 0;
	for (size_t i = 0; i < yaml_count(f); i++) {
		const struct yaml_doc *d = yaml_doc(f, i);
		fuzz_check(d->start == at && d->end >= d->start);
		at = d->end;
		fuzz_check(walk(d->root, 1) <= 110000);
		json_auto_t *v = ynode_json(d->root);
		auto_free char *text = json_text(v);
		json_auto_t *back = NULL;
		fuzz_check(!json_parse(text, strlen(text), false, &back, NULL) ||
			   strstr(text, "\\u0000"));
	}
	fuzz_check(yaml_count(f) == 0 || at == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int tags = 0; tags < 2; tags++) {
		struct yaml_error err = {0};
		struct yaml_file *f = yaml_read((const char *)data, size, tags, &err);
		if (f)
			check_file(f, size);
		else
			fuzz_check(err.line >= 1 && err.col >= 1 && err.text[0]);
		yaml_file_free(f);
	}
	return 0;
}
