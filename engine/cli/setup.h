/* What commands begin with: the configuration that -c names, its mistakes told. */
#pragma once

#include "engine/cli/cli.h"
#include "engine/serve/config.h"

/*
 * Reads the configuration of the command line. NULL after telling what is wrong with it on stderr;
 * the exit code is then CLI_USAGE. flags: NULL for a command that serves nothing.
 */
struct config *setup_config(const struct cli *c, const struct config_flags *flags);
/* The same without telling: what is wrong with it is added to f. */
struct config *setup_read(const struct cli *c, const struct config_flags *flags,
			  struct findings *f);
/* Findings as "file:line:col: error: text" lines on stderr. */
void setup_tell(const struct findings *f);
