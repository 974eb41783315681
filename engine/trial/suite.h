/*
 * All tests of some rule files, played by several processes at once.
 *
 * A process that dies in a test takes nothing with it but that test, which has failed then.
 */
#pragma once

#include <jansson.h>

#include "engine/serve/config.h"
#include "engine/trial/trial.h"

struct suite {
	struct kit *kit;
	struct trial *trials;
	size_t n, cap;
	/* private */
	struct yaml_file **files;
	char **texts;
	size_t n_files, cap_files;
};

/* paths: n == 0: the configuration's rules. NULL when rules have mistakes, or with msg. */
struct suite *suite_new(const struct config *c, const char *const *paths, size_t n,
			struct findings *f, struct errmsg *msg);
void suite_free(struct suite *s);
/* Drops tests without this text in "rule: name". */
void suite_only(struct suite *s, const char *text);

/* Plays all of them. results: one for each, the caller's references. ERR_IO with msg. */
int suite_play(struct suite *s, unsigned processes, bool cover, json_t **results,
	       struct errmsg *msg);
