/* Those who may decide what a rule asks: `people:` of pawl.yaml. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* {name: anything}, borrowed until the next call; NULL or empty: any name will do. */
void people_setup(const json_t *all);
bool people_knows(const char *name);
/* One that is written much like it, or NULL; borrowed. */
const char *people_suggest(const char *name);
