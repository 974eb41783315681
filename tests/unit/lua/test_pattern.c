/* Patterns: Lua's own answers on ours, and a bound where Lua has none. */
#include "tests/unit/lua/rig.h"

#include "engine/lua/pattern.h"
#include "tests/fuzz/pattern_twins.h"

/* ---- against the stock library ---- */

static void known_patterns_answer_as_in_lua(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pat, *repl;
		int start;
	} cases[] = {
		{"hello world", "o", "0", 1},
		{"hello world", "(o)", "<%1>", 6},
		{"hello world", "%w+", "%0 %0", 1},
		{"key = value", "(%w+)%s*=%s*(%w+)", "%2=%1", 1},
		{"THE (quick) fox", "%((%a+)%)", "%%", 1},
		{"THE (quick) fox", "%f[%a]%a+", "w", 1},
		{"f(a(b)c)d", "%b()", "", 1},
		{"f(a(b)c", "%b()", "", 1},
		{"aXb", "%u", "%1", 1},
		{"abc", "()", "%1", 1},
		{"abc", "()b()", "%1-%2", -2},
		{"abcabc", "(abc)%1", "x", 1},
		{"'a' \"b\"", "(['\"])(.-)%1", "%2", 1},
		{"abc", "", "-", 1},
		{"", "", "-", 1},
		{"", "^$", "-", 1},
		{"abc", "^b", "-", 2},
		{"abc", "b$", "-", 1},
		{"a$b", "$b", "-", 1},
		{"a$", "a$$", "-", 1},
		{"a^b", "a^b", "-", 1},
		{"]-^", "[]%-^]+", "-", 1},
		{"a-z", "[a%-z]+", "-", 1},
		{"m-", "[a-]", "x", 1},
		{"]", "[^]]", "x", 1},
		{"x", "[%]]", "x", 1},
		{"aaa", "a-", "x", 1},
		{"aaa", "a-$", "x", 1},
		{"aaab", "a*ab", "x", 1},
		{"ab", "a?b?c?", "x", 1},
		{"abc", "%", "x", 1},
		{"abc", "[a", "x", 1},
		{"abc", "[", "x", 1},
		{"abc", "[^", "x", 1},
		{"abc", "[%", "x", 1},
		{"abc", "(a", "x", 1},
		{"abc", "a)", "x", 1},
		{"abc", "%1", "x", 1},
		{"abc", "(a)%2", "x", 1},
		{"abc", "(a%1)", "x", 1},
		{"abc", "()%1", "x", 1},
		{"abc", "%f", "x", 1},
		{"abc", "%b", "x", 1},
		{"abc", "%bx", "x", 1},
		{"abc", "a", "%", 1},
		{"abc", "a", "%9", 1},
		{"abc", "a", "%a", 1},
		{"abc", "b", "x", 10},
		{"abc", "b", "x", -10},
		{"abc", "", "x", 4},
		{"abc", "", "x", 5},
		{"abc", "^", "x", 1},
		{"\xff\xe9z", "[\xe0-\xff]+", "x", 1},
		{"abc", "((((((((((((((((((((((((((((((((()))))))))))))))))))))))))))))))))", "x",
		 1},
	};
	struct twins *t = twins_new();
	char why[512];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (!twins_agree(t, cases[i].text, strlen(cases[i].text), cases[i].pat,
				 strlen(cases[i].pat), cases[i].repl, strlen(cases[i].repl),
				 cases[i].start, why))
			fail_msg("%s", why);
	twins_free(t);
}

/* Some of the parts in a row; b is used again. */
static void make(struct rng *rng, const char *const *parts, size_t n, size_t max, struct buf *b)
{
	buf_clear(b);
	for (size_t i = rng_below(rng, max); i > 0; i--)
		(void)buf_puts(b, parts[rng_below(rng, n)]);
}

static void random_patterns_answer_as_in_lua(void **state)
{
	(void)state;
	static const char *const items[] = {
		"a",    "b",      ".", "%a", "%d", "%s", "%W", "[ab]", "[^a]", "[a-c]", "[%d-]",
		"*",    "+",      "-", "?",  "(",  ")",  "()", "%1",   "%2",   "^",     "$",
		"%b()", "%f[%w]", "%", "[",  "]",  "%%", "1",  " ",    "Z",    "%Z",    "%A"};
	static const char *const texts[] = {"a", "b",  "c",  "1", " ", "(", ")",
					    "-", "ab", "aa", "%", "]", "z", "Z"};
	static const char *const replies[] = {"x", "%0", "%1", "%2", "%%", "%", "y"};
	struct rng rng;
	struct twins *t = twins_new();
	struct buf pat = BUF_INIT, text = BUF_INIT, repl = BUF_INIT;
	char why[512];
	rng_seeded_init(&rng, 20261124);
	for (int i = 0; i < 40000; i++) {
		make(&rng, items, sizeof(items) / sizeof(*items), 9, &pat);
		make(&rng, texts, sizeof(texts) / sizeof(*texts), 14, &text);
		make(&rng, replies, sizeof(replies) / sizeof(*replies), 4, &repl);
		if (!twins_agree(t, buf_str(&text), text.len, buf_str(&pat), pat.len,
				 buf_str(&repl), repl.len, (int)rng_below(&rng, 9) - 4, why))
			fail_msg("%s", why);
	}
	buf_done(&pat);
	buf_done(&text);
	buf_done(&repl);
	twins_free(t);
}

/* ---- pattern_match ---- */

static void steps_end_what_would_not_end(void **state)
{
	(void)state;
	struct pattern p;
	size_t end;
	char text[31];
	struct buf pat = BUF_INIT;
	memset(text, 'a', sizeof(text));
	for (int i = 0; i < 30; i++)
		(void)buf_puts(&pat, "a?");
	(void)buf_puts(&pat, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	pattern_init(&p, text, 30, buf_str(&pat), pat.len, 1000000);
	assert_int_equal(pattern_match(&p, 0, &end), PATTERN_STEPS);
	assert_int_equal(pattern_match(&p, 0, &end), PATTERN_STEPS);
	buf_done(&pat);
	pattern_init(&p, text, 30, "a+", 2, 1000);
	assert_int_equal(pattern_match(&p, 0, &end), PATTERN_YES);
	assert_int_equal(end, 30);
	assert_true(p.steps > 900);
}

static void deep_patterns_are_refused(void **state)
{
	(void)state;
	struct pattern p;
	size_t end;
	static char pat[2 * 300 + 1], dots[1001], text[1001];
	for (int i = 0; i < 300; i++)
		memcpy(pat + 2 * i, "x-", 3);
	pattern_init(&p, "", 0, pat, strlen(pat), 1000000);
	assert_int_equal(pattern_match(&p, 0, &end), PATTERN_YES);
	pattern_init(&p, "x", 1, pat, strlen(pat), 1000000);
	assert_int_equal(pattern_match(&p, 0, &end), PATTERN_BAD);
	assert_string_equal(p.error, "pattern too complex");
	memset(dots, '.', 1000);
	memset(text, 'x', 1000);
	pattern_init(&p, text, 1000, dots, 1000, 1000000);
	assert_int_equal(pattern_match(&p, 0, &end), PATTERN_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_patterns_answer_as_in_lua),
		cmocka_unit_test(random_patterns_answer_as_in_lua),
		cmocka_unit_test(steps_end_what_would_not_end),
		cmocka_unit_test(deep_patterns_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
