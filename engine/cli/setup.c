/* Reads the configuration that a command line names. */
#include "engine/cli/setup.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/arena.h"

void setup_tell(const struct findings *f)
{
	struct buf b = BUF_INIT;
	findings_format(f, &b);
	(void)fputs(buf_str(&b), stderr);
	buf_done(&b);
}

struct config *setup_read(const struct cli *c, const struct config_flags *flags, struct findings *f)
{
	static const struct config_flags lenient = {.lenient = true};
	const char **files = mem_alloc((c->n_given + 1) * sizeof(*files));
	size_t n = 0;
	while ((files[n] = cli_value_at(c, "config", n)))
		n++;
	struct config *config = config_load(files, n, flags ? flags : &lenient, f);
	free(files);
	return config;
}

struct config *setup_config(const struct cli *c, const struct config_flags *flags)
{
	struct findings f = {0};
	struct config *config = setup_read(c, flags, &f);
	/* Warnings are for those who serve it: in every other command they would only be noise. */
	if (!config || c->command->serves)
		setup_tell(&f);
	findings_done(&f);
	return config;
}
