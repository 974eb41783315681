/* What a person does to one run: retry, resume and cancel have it in common. */
#pragma once

#include <jansson.h>

#include "engine/cli/cli.h"

/* --wait, for those that take nothing else. */
extern const struct cli_option person_options[];
/* POST /api/runs/ID/WHAT for the run named by the first word. body: borrowed, NULL for none. */
int person_acts(const struct cli *c, const char *what, const json_t *body);
