/* What a script is inside: for script.c and lib_ops.c only. */
#pragma once

#include "engine/lua/host_private.h"
#include "engine/lua/script.h"

struct script {
	struct machine machine;
	lua_State *co; /* the script itself; its thread hangs on the main thread's stack */
	struct lua_host *host;
	const struct map *sources;
	const char *main;
	const json_t *args;
	struct script_op op;
	json_t *op_args;              /* owned: what op.args shows */
	const json_t *result, *error; /* of the operation, while script_run goes on */
	bool started, ended;
};

/* Adds the operations and require to the library table at the top. */
void lib_ops_open(lua_State *L);
