/* All kinds of step by name. */
#include "actions/registry.h"

#include <assert.h>
#include <string.h>

#define KIND(name) extern const struct step_kind kind_##name;
#include "actions/kinds.def"
#include "engine/run/flow.def"
#undef KIND

#define KINDS_MAX 32

static const struct step_kind *kinds[KINDS_MAX] = {
#define KIND(name) &kind_##name,
#include "actions/kinds.def"
#include "engine/run/flow.def"
#undef KIND
};
static const char *names[KINDS_MAX + 1];

const struct step_kind *registry_kind(const char *name)
{
	for (size_t i = 0; kinds[i]; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

const char *const *registry_names(void)
{
	for (size_t i = 0; kinds[i]; i++)
		names[i] = kinds[i]->name;
	return names;
}

void registry_add(const struct step_kind *kind)
{
	size_t n = 0;
	if (registry_kind(kind->name))
		return;
	while (kinds[n])
		n++;
	assert(n < KINDS_MAX - 1);
	kinds[n] = kind;
}
