/* The presets, read once. */
#include "engine/serve/preset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/suggest.h"
#include "engine/base/yaml.h"

/* Made of presets.yaml by the build. */
extern const char presets_yaml[];

static json_t *presets;

static void forget(void)
{
	json_decref(presets);
	presets = NULL;
}

const json_t *preset_all(void)
{
	struct yaml_error err;
	if (presets)
		return presets;
	struct yaml_file *f = yaml_read(presets_yaml, strlen(presets_yaml), false, &err);
	assert(f && yaml_count(f) == 1);
	presets = ynode_json(yaml_doc(f, 0)->root);
	yaml_file_free(f);
	(void)atexit(forget);
	return presets;
}

const json_t *preset_find(const char *name)
{
	return json_object_get(preset_all(), name);
}

const char *preset_suggest(const char *name)
{
	size_t n = 0;
	const char *key, **names = mem_alloc((json_object_size(preset_all()) + 1) * sizeof(*names));
	json_t *v;
	json_object_foreach ((json_t *)preset_all(), key, v)
		names[n++] = key;
	const char *near = suggest(name, names, n);
	free(names);
	return near;
}
