/* Command lines: options, words, and values that become one JSON object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "actions/schema.h"
#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/params.h"

static const struct cli_option options[] = {
	{"state", 's', false, "S", "a state"},
	{"rules", 0, true, "DIR", "folders"},
	{"follow", 'f', false, NULL, "goes on"},
	{0},
};
static const struct command command = {
	.name = "try",
	.usage = "A [B]",
	.options = options,
	.words_min = 1,
	.words_max = 2,
};

static int parse(struct cli *c, struct errmsg *msg, const char *const *args)
{
	int n = 0;
	while (args[n])
		n++;
	*msg = (struct errmsg){0};
	return cli_parse(c, &command, n, (char **)args, msg);
}
#define PARSE(c, msg, ...) parse(c, msg, (const char *const[]){__VA_ARGS__, NULL})

static void complains(const char *part, const char *const *args)
{
	struct cli c;
	struct errmsg msg;
	assert_int_equal(parse(&c, &msg, args), ERR_USAGE);
	if (!strstr(msg.text, part))
		fail_msg("'%s' is not in: %s", part, msg.text);
	cli_done(&c);
}
#define COMPLAINS(part, ...) complains(part, (const char *const[]){__VA_ARGS__, NULL})

/* ---- cli_parse ---- */

static void options_and_words_may_be_mixed(void **state)
{
	(void)state;
	struct cli c;
	struct errmsg msg;
	assert_int_equal(PARSE(&c, &msg, "a", "--state", "x", "b", "-f", "--rules=r1", "--rules",
			       "r2", "-cone", "-c", "two"),
			 0);
	assert_int_equal(c.n_words, 2);
	assert_string_equal(c.words[0], "a");
	assert_string_equal(c.words[1], "b");
	assert_string_equal(cli_value(&c, "state"), "x");
	assert_true(cli_has(&c, "follow"));
	assert_false(cli_has(&c, "json"));
	assert_string_equal(cli_value_at(&c, "rules", 0), "r1");
	assert_string_equal(cli_value_at(&c, "rules", 1), "r2");
	assert_null(cli_value_at(&c, "rules", 2));
	assert_string_equal(cli_value_at(&c, "config", 0), "one");
	assert_string_equal(cli_value(&c, "config"), "two");
	cli_done(&c);
}

static void a_dash_alone_and_what_follows_two_are_words(void **state)
{
	(void)state;
	struct cli c;
	struct errmsg msg;
	assert_int_equal(PARSE(&c, &msg, "-", "--", "--state"), 0);
	assert_int_equal(c.n_words, 2);
	assert_string_equal(c.words[0], "-");
	assert_string_equal(c.words[1], "--state");
	cli_done(&c);
}

static void a_value_may_look_like_an_option(void **state)
{
	(void)state;
	struct cli c;
	struct errmsg msg;
	assert_int_equal(PARSE(&c, &msg, "a", "--state", "--", "--rules=", "-s-f"), ERR_USAGE);
	cli_done(&c);
	assert_int_equal(PARSE(&c, &msg, "a", "--state", "-", "--rules="), 0);
	assert_string_equal(cli_value(&c, "state"), "-");
	assert_string_equal(cli_value(&c, "rules"), "");
	cli_done(&c);
}

static void wrong_use_is_told_with_a_hint(void **state)
{
	(void)state;
	COMPLAINS("there is no option '--stat'; did you mean --state?", "a", "--stat", "x");
	COMPLAINS("did you mean --rules?", "a", "--rule=x");
	COMPLAINS("there is no option '--zzz'", "a", "--zzz");
	COMPLAINS("there is no option '-x'", "a", "-x");
	COMPLAINS("there is no option '-fs'", "a", "-fs");
	COMPLAINS("there is no option '--=x'", "a", "--=x");
	COMPLAINS("--follow takes no value", "a", "--follow=1");
	COMPLAINS("--state needs a value: S", "a", "--state");
	COMPLAINS("--state is given twice", "a", "--state", "x", "-s", "y");
	COMPLAINS("something is missing: try A [B]", "-f");
	COMPLAINS("'c' is one too many", "a", "b", "c");
}

static void help_needs_no_words(void **state)
{
	(void)state;
	struct cli c;
	struct errmsg msg;
	assert_int_equal(PARSE(&c, &msg, "-h"), 0);
	assert_true(cli_has(&c, "help"));
	cli_done(&c);
}

static void a_number_has_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		long value; /* 0: refused */
	} rows[] = {{"1", 1},  {"10", 10}, {"11", 0}, {"0", 0},
		    {"-1", 0}, {"", 0},    {"3x", 0}, {"99999999999999999999", 0}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cli c;
		struct errmsg msg;
		long n;
		assert_int_equal(PARSE(&c, &msg, "a", "--state", rows[i].text), 0);
		assert_int_equal(cli_number(&c, "state", 10, 5, &n, &msg),
				 rows[i].value ? 0 : ERR_USAGE);
		if (rows[i].value)
			assert_int_equal(n, rows[i].value);
		assert_int_equal(cli_number(&c, "rules", 10, 5, &n, &msg), 0);
		assert_int_equal(n, 5);
		cli_done(&c);
	}
}

/* ---- params_set ---- */

static const char schema_text[] =
	"{\"type\":\"object\",\"fields\":{"
	"\"n\":{\"type\":\"integer\"},\"x\":{\"type\":\"number\"},\"yes\":{\"type\":\"boolean\"},"
	"\"ids\":{\"type\":\"list\",\"items\":{\"type\":\"integer\"}},\"any\":{\"type\":\"any\"},"
	"\"in\":{\"type\":\"object\",\"fields\":{\"n\":{\"type\":\"integer\"}}},"
	"\"file\":{\"type\":\"file\"}}}";

/* What the words give, with the schema above or without one; NULL and *msg when they are refused. */
static char *set(bool with_schema, struct errmsg *msg, const char *const *words)
{
	json_t *def = NULL, *obj = json_object();
	*msg = (struct errmsg){0};
	assert_int_equal(json_parse(schema_text, strlen(schema_text), true, &def, msg), 0);
	struct schema *s = schema_new(def, msg);
	if (!s)
		fail_msg("%s", msg->text);
	int err = 0;
	for (; *words && !err; words++)
		err = params_set(obj, *words, with_schema ? s : NULL, msg);
	char *text = err ? NULL : json_text(obj);
	json_decref(obj);
	schema_free(s);
	json_decref(def);
	return text;
}

static void gives(const char *want, bool with_schema, const char *const *words)
{
	struct errmsg msg;
	char *got = set(with_schema, &msg, words);
	if (!got)
		fail_msg("%s", msg.text);
	assert_string_equal(got, want);
	free(got);
}
#define GIVES(want, with_schema, ...)                                                              \
	gives(want, with_schema, (const char *const[]){__VA_ARGS__, NULL})

static void refuses(const char *part, bool with_schema, const char *const *words)
{
	struct errmsg msg;
	char *got = set(with_schema, &msg, words);
	if (got)
		fail_msg("it gave %s", got);
	if (!strstr(msg.text, part))
		fail_msg("'%s' is not in: %s", part, msg.text);
}
#define REFUSES(part, with_schema, ...)                                                            \
	refuses(part, with_schema, (const char *const[]){__VA_ARGS__, NULL})

static void words_nest_and_carry_types(void **state)
{
	(void)state;
	GIVES("{\"a\":\"1\",\"b\":{\"c\":\"x=y\",\"d\":[1,null]}}", false, "a=1", "b.c=x=y",
	      "b.d:=[1,null]");
	GIVES("{\"a\":\"\"}", false, "a=");
}

static void a_schema_makes_texts_what_is_due(void **state)
{
	(void)state;
	GIVES("{\"n\":5,\"x\":1.5,\"yes\":true,\"in\":{\"n\":-2},\"any\":\"7\",\"new\":\"8\"}",
	      true, "n=5", "x=1.5", "yes=true", "in.n=-2", "any=7", "new=8");
	GIVES("{\"ids\":[1,2]}", true, "ids=1", "ids=2");
	GIVES("{\"ids\":[1]}", true, "ids:=[1]");
	/* What is none stays a text, for the check to complain about. */
	GIVES("{\"n\":\"5x\",\"yes\":\"yes\"}", true, "n=5x", "yes=yes");
}

static void words_that_cannot_be_meant_are_refused(void **state)
{
	(void)state;
	REFUSES("'a' is no key=value", false, "a");
	REFUSES("'=a' is no key=value", false, "=a");
	REFUSES("':=a' is no key=value", false, ":=a");
	REFUSES("a..b: a part of the name is empty", false, "a..b=1");
	REFUSES("a.: a part of the name is empty", false, "a.=1");
	REFUSES(".a: a part of the name is empty", false, ".a=1");
	REFUSES("a: it is given twice", false, "a=1", "a=2");
	REFUSES("a.b: 'a' is string already, not an object", false, "a=1", "a.b=2");
	REFUSES("a: ", false, "a:={");
	REFUSES("a: cannot open '/nowhere/x'", false, "a=@/nowhere/x");
	REFUSES("no UTF-8", false, "a=\xff");
	REFUSES("no UTF-8", false, "\xff=a");
	REFUSES("no UTF-8", false, "\xff.b=a");
}

static void a_file_is_read(void **state)
{
	(void)state;
	char path[] = "test_args.XXXXXX", word[64];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"k\":1}", 7), 7);
	close(fd);
	snprintf(word, sizeof(word), "file=@%s", path);
	GIVES("{\"file\":\"{\\\"k\\\":1}\"}", false, word);
	struct errmsg msg;
	char *got = set(true, &msg, (const char *const[]){word, NULL});
	unlink(path);
	assert_non_null(got);
	assert_non_null(strstr(got, "{\"file\":{\"name\":\"test_args."));
	assert_non_null(strstr(got, "\"text\":\"{\\\"k\\\":1}\"}"));
	free(got);
}

/* ---- params_data ---- */

static void data_is_an_object(void **state)
{
	(void)state;
	struct errmsg msg = {0};
	json_t *v = params_data("{\"a\":1}", NULL, &msg);
	assert_non_null(v);
	json_decref(v);
	assert_null(params_data("[1]", NULL, &msg));
	assert_non_null(strstr(msg.text, "--data takes an object, not list"));
	assert_null(params_data("{\"a\":1,\"a\":2}", NULL, &msg));
	assert_null(params_data("@/nowhere/x", NULL, &msg));
	assert_non_null(strstr(msg.text, "--data: cannot open"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_may_be_mixed),
		cmocka_unit_test(a_dash_alone_and_what_follows_two_are_words),
		cmocka_unit_test(a_value_may_look_like_an_option),
		cmocka_unit_test(wrong_use_is_told_with_a_hint),
		cmocka_unit_test(help_needs_no_words),
		cmocka_unit_test(a_number_has_bounds),
		cmocka_unit_test(words_nest_and_carry_types),
		cmocka_unit_test(a_schema_makes_texts_what_is_due),
		cmocka_unit_test(words_that_cannot_be_meant_are_refused),
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(data_is_an_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
