/* Signature schemes by name: engine/serve/presets.yaml, which is part of the program. */
#pragma once

#include <jansson.h>

/* {verify, id, type, split, challenge, methods} of a name, borrowed; NULL: there is none. */
const json_t *preset_find(const char *name);
/* The nearest name, for messages, or NULL; borrowed. */
const char *preset_suggest(const char *name);
/* All of them, {name: preset}; borrowed. */
const json_t *preset_all(void);
