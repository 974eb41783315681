/*
 * How long it takes to find the rules of an event among a thousand (or N): by the index alone, for
 * an event that fits one rule, and for one that fits none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/json.h"
#include "tests/unit/rule/fake.h"

#define ROUNDS 200000

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Ten types, in each of them rules for one platform and one intent; every tenth has no filter but
 * a type of its own. */
static void write_rules(FILE *f, int n)
{
	for (int i = 0; i < n; i++) {
		fprintf(f, "---\nrule: r%d\nwhen:\n", i);
		if (i % 10)
			fprintf(f,
				"  conversation: intent.detected\n  platform: slack\n"
				"  where: {intent.name: [intent-%d, other-%d]}\n",
				i, i);
		else
			fprintf(f, "  event: order.kind-%d\n", i);
		fprintf(f, "if: data.account == \"a\"\ndo: [{log: matched}]\n");
	}
}

static struct event *intent_event(const char *name)
{
	char text[300];
	snprintf(text, sizeof(text),
		 "{\"platform\":\"slack\",\"account\":\"a\",\"conversation\":{\"id\":\"1\"},"
		 "\"intent\":{\"name\":\"%s\"}}",
		 name);
	json_t *data = NULL;
	struct id id = {{0}};
	if (json_parse(text, strlen(text), true, &data, NULL))
		abort();
	return event_new(id, "intent.detected", "/conversations/slack/a", "s", NULL, 1, 1, data,
			 text, strlen(text));
}

static void measure(struct ruleset *set, const char *label, const char *intent)
{
	struct event *e = intent_event(intent);
	struct matches m = {0};
	double begin = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		m.n = 0;
		ruleset_match(set, e, &m);
	}
	double each = (seconds() - begin) / ROUNDS * 1e6;
	printf("%-22s %zu of %zu rules, %.2f us an event\n", label, m.n, ruleset_count(set), each);
	free(m.at);
	event_unref(e);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/pawl-bench-XXXXXX.yaml";
	int n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000, fd = mkstemps(path, 5);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f || n < 11) {
		fprintf(stderr, "usage: bench_match [RULES, 11 or more]\n");
		return 2;
	}
	write_rules(f, n);
	(void)fclose(f);
	const char *paths[] = {path};
	struct rule_env env = fake_env();
	struct findings found = {0};
	double begin = seconds();
	struct ruleset *set = ruleset_load(&env, paths, 1, &found);
	(void)remove(path);
	if (!set) {
		fprintf(stderr, "%s\n", found.at[0].text);
		return 1;
	}
	printf("%-22s %.0f ms\n", "loading", (seconds() - begin) * 1e3);
	measure(set, "fits one", "intent-11");
	measure(set, "fits none", "nobody");
	ruleset_free(set);
	findings_done(&found);
	return 0;
}
