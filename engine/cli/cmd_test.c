/* pawl test: plays the tests of rule files and says what came of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/coverage.h"
#include "engine/cli/junit.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/cli/timeline.h"
#include "engine/trial/suite.h"

static const struct cli_option options[] = {
	{"name", 'n', false, "TEXT", "only tests with this text in \"rule: name\""},
	{"junit", 0, false, "FILE", "writes the results as JUnit XML"},
	{"coverage", 0, false, NULL, "says which ways through the rules no test took"},
	{"jobs", 'j', false, "N", "how many processes play at once; default: one a processor"},
	{"verbose", 'v', false, NULL, "a line for each test that passes, too"},
	{0},
};

static size_t problems_of(const json_t *result)
{
	return json_array_size(json_object_get(result, "problems"));
}

/* ---- what is said ---- */

static void say_where(struct buf *b, const struct trial *t, const json_t *problem)
{
	(void)buf_printf(b, "  %s:%lld:%lld: ", t->file, (long long)json_int(problem, "line", 0),
			 (long long)json_int(problem, "col", 0));
	(void)print_text(b, json_str(problem, "text"), 0);
	(void)buf_putc(b, '\n');
}

/* The run as `pawl show` draws it, set in. Nobody can do anything to it by its id. */
static void say_run(struct buf *b, const json_t *result, const struct look *l)
{
	struct buf drawn = BUF_INIT;
	const json_t *run = json_object_get(result, "run");
	if (!json_is_object(run))
		return;
	json_auto_t *shown = json_copy((json_t *)run);
	(void)json_object_del(shown, "id");
	timeline_print(&drawn, shown, l, json_int(result, "at", 0), false);
	for (const char *at = buf_str(&drawn), *end; (end = strchr(at, '\n')); at = end + 1)
		(void)buf_printf(b, "    %.*s\n", (int)(end - at), at);
	buf_done(&drawn);
}

static void say_failed(struct buf *b, const struct trial *t, const json_t *result,
		       const struct look *l)
{
	json_t *problem;
	size_t i;
	(void)buf_printf(b, "%sFAIL%s %s:%d: %s: ", paint(l, PAINT_RED), paint(l, PAINT_PLAIN),
			 t->file, trial_line(t, t->node), t->plan->rule);
	(void)print_text(b, t->name, 0);
	(void)buf_putc(b, '\n');
	json_array_foreach (json_object_get(result, "problems"), i, problem)
		say_where(b, t, problem);
	say_run(b, result, l);
}

static void say_all(const struct cli *c, const struct suite *s, json_t *const *results,
		    struct buf *b)
{
	struct look l = look_of(stdout);
	for (size_t i = 0; i < s->n; i++) {
		const struct trial *t = &s->trials[i];
		if (problems_of(results[i])) {
			say_failed(b, t, results[i], &l);
		} else if (cli_has(c, "verbose")) {
			(void)buf_printf(b, "ok   %s:%d: %s: ", t->file, trial_line(t, t->node),
					 t->plan->rule);
			(void)print_text(b, t->name, 0);
			(void)buf_putc(b, '\n');
		}
	}
}

static json_t *as_json(const struct suite *s, json_t *const *results, json_t *coverage)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n; i++) {
		const struct trial *t = &s->trials[i];
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:s, s:s, s:b, s:O, s:O}", "file", t->file,
					"line", trial_line(t, t->node), "rule", t->plan->rule,
					"name", t->name, "passed", problems_of(results[i]) == 0,
					"problems", json_object_get(results[i], "problems"), "ms",
					json_object_get(results[i], "ms")));
	}
	return json_pack("{s:o, s:o*}", "tests", list, "coverage", coverage);
}

static void say_sum(size_t n, size_t failed, int64_t ms)
{
	char text[PRINT_DURATION_LEN];
	fprintf(stderr, "%zu test%s, %zu passed, %zu failed, %s\n", n, n == 1 ? "" : "s",
		n - failed, failed, print_duration(ms, text));
}

/* ---- doing it ---- */

static int report(const struct cli *c, const struct suite *s, json_t **results, int64_t ms)
{
	struct buf b = BUF_INIT;
	struct errmsg msg;
	size_t failed = 0;
	const char *junit = cli_value(c, "junit");
	json_auto_t *coverage = cli_has(c, "coverage") ? coverage_of(s, results) : NULL;
	int code = CLI_DONE;
	for (size_t i = 0; i < s->n; i++)
		failed += problems_of(results[i]) > 0;
	if (junit && junit_write(junit, s, results, ms, &msg) != 0)
		return cli_cannot(c, "%s", msg.text);
	if (cli_has(c, "json")) {
		json_auto_t *all = as_json(s, results, json_incref(coverage));
		code = print_json(all);
	} else {
		say_all(c, s, results, &b);
		if (coverage)
			coverage_say(&b, coverage);
		code = print_out(&b);
		say_sum(s->n, failed, ms);
	}
	return code == CLI_DONE && failed ? CLI_NO : code;
}

static int play(const struct cli *c, struct suite *s)
{
	struct errmsg msg;
	long cores = sysconf(_SC_NPROCESSORS_ONLN), jobs;
	if (cli_number(c, "jobs", 64, cores > 0 ? cores : 1, &jobs, &msg) != 0)
		return cli_wrong(c, "%s", msg.text);
	const char *only = cli_value(c, "name");
	if (only)
		suite_only(s, only);
	if (!s->n)
		return only ? cli_no(c, "no test has '%s' in its name", only)
			    : cli_no(c, "these rules have no tests");
	json_t **results = mem_alloc((s->n + 1) * sizeof(json_t *));
	int64_t from = clock_real.boot_ms(&clock_real);
	int code;
	if (suite_play(s, (unsigned)jobs, cli_has(c, "coverage"), results, &msg) != 0)
		code = cli_cannot(c, "%s", msg.text);
	else
		code = report(c, s, results, clock_real.boot_ms(&clock_real) - from);
	for (size_t i = 0; i < s->n; i++)
		json_decref(results[i]);
	free(results);
	return code;
}

/* Rules with mistakes are not played; warnings are for `pawl check`. */
static int test(const struct cli *c, const struct config *config)
{
	struct findings f = {0};
	struct errmsg msg = {0};
	struct suite *s = suite_new(config, c->words, c->n_words, &f, &msg);
	int code = CLI_NO;
	if (s)
		code = play(c, s);
	else if (f.errors)
		setup_tell(&f);
	else
		code = cli_no(c, "%s", msg.text);
	findings_done(&f);
	suite_free(s);
	return code;
}

static int run(struct cli *c)
{
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	int code = test(c, config);
	config_free(config);
	return code;
}

const struct command command_test = {
	.name = "test",
	.summary = "plays the tests of rule files on a virtual clock",
	.usage = "[PATH…]",
	.about =
		"Without a path, the rules of the configuration. The engine is the real one; its clock "
		"jumps to whatever is due next, and its requests are answered by what the test says, "
		"else by the sandbox. Nothing leaves this machine. docs/TESTING.md has the words.",
	.options = options,
	.words_max = CLI_WORDS_ANY,
	.run = run,
};
