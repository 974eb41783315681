/* What a host is inside: for host.c and script.c only. */
#pragma once

#include "engine/base/map.h"
#include "engine/lua/expr.h"
#include "engine/lua/host.h"

struct lua_host {
	struct machine machine; /* of the expressions */
	struct expr_set exprs;
	struct lua_limits limits; /* with the defaults filled in */
	struct expr_vm vm;
	struct map library; /* the names of the library; the values only say that they are there */
	char *zone;
	const json_t *secrets;
	struct files *files;
};
