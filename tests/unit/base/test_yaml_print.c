/* What is printed as YAML reads back as the same value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/base/yaml.h"
#include "engine/base/yaml_print.h"

static void check(const json_t *v)
{
	struct buf b = BUF_INIT;
	struct yaml_error err;
	yaml_print(&b, v);
	struct yaml_file *f = yaml_read(buf_str(&b), b.len, false, &err);
	if (!f)
		fail_msg("%d:%d: %s in\n%s", err.line, err.col, err.text, buf_str(&b));
	json_t *back = ynode_json(yaml_doc(f, 0)->root);
	if (!json_equal(v, back))
		fail_msg("not the same:\n%s", buf_str(&b));
	json_decref(back);
	yaml_file_free(f);
	buf_done(&b);
}

static void test_texts(void **state)
{
	static const char *const texts[] = {
		"",           "a",       "a b",     " a",    "a ",   "true", "null", "yes",  "~",
		"1",          "01",      "1.5",     "1e3",   "0x1f", "-",    "- a",  "a: b", "a #b",
		"#a",         "@a",      "&a",      "*a",    "!a",   "%a",   "a\nb", "a\tb", "\x01",
		"\u00fc",     "\u2028",  "'a'",     "\"a\"", "a\\b", "[a]",  "{a}",  "a, b", "|",
		">",          "=data.x", "${data}", "a:",    "?",    "? a",  "...",  "---",  "<<",
		"2026-11-24", ".inf",    "_",       "y",     "no"};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		json_t *v = json_pack("{s:s, s:[s, {s:s}]}", "key", texts[i], "list", texts[i], "x",
				      texts[i]);
		check(v);
		json_object_set_new(v, texts[i], json_integer(1));
		check(v);
		json_decref(v);
	}
}

static json_t *any(struct rng *r, int depth)
{
	switch (rng_below(r, depth ? 7 : 4)) {
	case 0:
		return json_integer((json_int_t)rng_below(r, 1000) - 500);
	case 1:
		return json_real((double)rng_below(r, 1000) / 8 + 0.5);
	case 2:
		return rng_below(r, 2) ? json_true() : json_null();
	case 3:
		return json_string(rng_below(r, 2) ? "some text: with a colon"
						   : "a long plain text that takes its room");
	case 4: {
		json_t *v = json_array();
		for (uint64_t n = rng_below(r, 4); n; n--)
			json_array_append_new(v, any(r, depth - 1));
		return v;
	}
	default: {
		json_t *v = json_object();
		for (uint64_t n = rng_below(r, 4); n; n--)
			json_object_set_new(v,
					    n == 3   ? "a key"
					    : n == 2 ? "1"
						     : "key",
					    any(r, depth - 1));
		return v;
	}
	}
}

static void test_shapes(void **state)
{
	struct rng r;
	(void)state;
	rng_seeded_init(&r, 5);
	for (int i = 0; i < 5000; i++) {
		json_t *v = any(&r, 5);
		check(v);
		json_decref(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
