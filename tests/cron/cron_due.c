/*
 * Answers when schedules are due: reads lines "cron TAB zone TAB after TAB count", where after is in
 * seconds since 1970, and writes for each the due times with blanks between, or why there are none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cron.h"

#define LINE_MAX_LEN 512

static struct zones zones;

static void print_due(const struct cron *c, const struct zone *z, int64_t at, long count)
{
	for (long i = 0; i < count; i++) {
		at = cron_next(c, z, at);
		if (at == INT64_MAX)
			break;
		printf("%s%lld", i ? " " : "", (long long)at);
	}
	putchar('\n');
}

/* Ends the cell at *line, and moves to the next one. */
static const char *cell(char **line)
{
	char *start = *line, *end = start + strcspn(start, "\t\n");
	*line = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

static void answer(char *line)
{
	struct cron c;
	struct errmsg msg = {0};
	const char *cron = cell(&line), *zone = cell(&line), *after = cell(&line);
	const char *count = cell(&line);
	const struct zone *z = zone_find(&zones, zone);
	if (!z || !*count)
		printf("error: no zone, or no count\n");
	else if (cron_parse(cron, &c, &msg) != 0)
		printf("error: %s\n", msg.text);
	else
		print_due(&c, z, strtoll(after, NULL, 10), strtol(count, NULL, 10));
}

int main(void)
{
	char line[LINE_MAX_LEN];
	while (fgets(line, sizeof(line), stdin))
		answer(line);
	zones_done(&zones);
	return 0;
}
