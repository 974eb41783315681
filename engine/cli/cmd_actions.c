/* pawl actions: searches the catalogue, or describes one action whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/catalogue.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/cli.h"
#include "engine/cli/describe.h"
#include "engine/cli/print.h"
#include "engine/cli/reference.h"
#include "engine/cli/setup.h"

static int print_list(const struct cli *c, const struct action **list, size_t n)
{
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT;
	json_auto_t *all = json_array();
	int widest = 0;
	for (size_t i = 0; i < n; i++) {
		int width = (int)(strlen(list[i]->connector) + 1 + strlen(list[i]->name));
		widest = width > widest ? width : widest;
	}
	for (size_t i = 0; i < n; i++) {
		auto_free char *full = mem_printf("%s.%s", list[i]->connector, list[i]->name);
		const char *effect = effect_word(list[i]->effect);
		if (cli_has(c, "json")) {
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "name", full,
							     "title", list[i]->title, "effect",
							     effect, "group", list[i]->group));
			continue;
		}
		(void)buf_puts(&b, paint(&l, PAINT_BOLD));
		print_cell(&b, full, widest, false);
		(void)buf_printf(&b, "%s  %-10s  ", paint(&l, PAINT_PLAIN), effect);
		(void)print_text(&b, list[i]->title, 0);
		(void)buf_putc(&b, '\n');
	}
	return cli_has(c, "json") ? print_json(all) : print_out(&b);
}

static int search(const struct cli *c, const struct catalogue *cat, const char *words)
{
	size_t max = catalogue_count(cat);
	const struct action **list = mem_alloc((max + 1) * sizeof(struct action *));
	size_t n = catalogue_search(cat, words, list, max);
	int code = CLI_NO;
	if (n)
		code = print_list(c, list, n < max ? n : max);
	else if (!max)
		code = cli_no(
			c, "no actions are known: the configuration's `actions:` names no folder "
			   "with a connector");
	else
		code = cli_no(c, "no action has all of these words: %s", words);
	free(list);
	return code;
}

/* By "connector.name", or by the name alone when just one connector has it. */
static const struct action *find(const struct catalogue *cat, const char *name)
{
	const struct action *a = catalogue_find_full(cat, name), *found = NULL;
	const struct connector *k;
	if (a)
		return a;
	for (size_t i = 0; (k = catalogue_next_connector(cat, &i));) {
		a = catalogue_find(cat, k->name, name);
		if (a && found)
			return NULL;
		found = a ? a : found;
	}
	return found;
}

static int look_up(const struct cli *c, const struct catalogue *cat)
{
	struct look l = look_of(stdout);
	struct buf b = BUF_INIT, words = BUF_INIT;
	const struct action *a = c->n_words == 1 ? find(cat, c->words[0]) : NULL;
	if (a && cli_has(c, "json")) {
		json_auto_t *v = describe_json(a);
		return print_json(v);
	}
	if (a) {
		describe_action(&b, a, &l, cli_has(c, "full"));
		return print_out(&b);
	}
	for (size_t i = 0; i < c->n_words; i++)
		(void)buf_printf(&words, "%s%s", i ? " " : "", c->words[i]);
	int code = search(c, cat, buf_str(&words));
	buf_done(&words);
	return code;
}

static int write_reference(const struct cli *c, const struct catalogue *cat, const char *dir)
{
	struct errmsg msg;
	size_t pages;
	if (reference_write(cat, dir, &pages, &msg))
		return cli_cannot(c, "%s", msg.text);
	fprintf(stderr, "%zu pages for %zu actions under %s\n", pages, catalogue_count(cat), dir);
	return CLI_DONE;
}

static int run(struct cli *c)
{
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	struct catalogue *cat = catalogue_new();
	struct errmsg msg;
	int err = 0;
	for (size_t i = 0; i < config->n_actions && !err; i++)
		err = catalogue_load_dir(cat, config->actions[i], &msg);
	const char *dir = cli_value(c, "reference");
	int code = err   ? cli_cannot(c, "%s", msg.text)
		   : dir ? write_reference(c, cat, dir)
			 : look_up(c, cat);
	catalogue_free(cat);
	config_free(config);
	return code;
}

static const struct cli_option options[] = {
	{"full", 0, false, NULL,
	 "with a description: an example with everything that can be given"},
	{"reference", 0, false, "DIR", "write a page for each group of actions there"},
	{0},
};

const struct command command_actions = {
	.name = "actions",
	.summary = "searches the actions that rules can call, or describes one",
	.usage = "[WORDS…|NAME]",
	.about =
		"Words are looked for in names, titles, aliases and descriptions; without any, all actions "
		"are listed. The name of an action (its connector's name may be left out) describes it "
		"whole: parameters with their types and limits, the answer, what may be done when an "
		"answer is lost (its effect), and an example to be pasted into a shell or a rule.",
	.options = options,
	.words_max = CLI_WORDS_ANY,
	.run = run,
};
