/* Who may decide. */
#include "actions/people.h"

#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/base/suggest.h"

static const json_t *people;

void people_setup(const json_t *all)
{
	people = all;
}

bool people_knows(const char *name)
{
	return !json_object_size(people) || json_object_get(people, name);
}

const char *people_suggest(const char *name)
{
	size_t n = 0;
	const char *key;
	json_t *v;
	const char **names = mem_alloc((json_object_size(people) + 1) * sizeof(*names));
	json_object_foreach ((json_t *)people, key, v)
		names[n++] = key;
	const char *near = suggest(name, names, n);
	free(names);
	return near;
}
