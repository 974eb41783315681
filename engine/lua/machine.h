/*
 * What the shared state of expressions and the state of each script have in common.
 *
 * A machine is reached from any of its lua_States through the extra space; nothing else in the
 * folder knows another machine, so nothing can pass from one to the other.
 */
#pragma once

#include <jansson.h>
#include <lua.h>
#include <stdbool.h>

#include "engine/base/clock.h"
#include "engine/base/zone.h"
#include "engine/lua/budget.h"
#include "engine/lua/proxy.h"
#include "engine/run/expr.h"

/* Integer keys of the registry; 1 to 3 are Lua's own. */
enum machine_reg {
	REG_PROXY = 10, /* metatable of proxies */
	REG_ERROR,      /* metatable of operations' error values */
	REG_SECRET,     /* metatable of texts with names of secrets in them */
	REG_LIST,       /* metatable that marks a plain table as a list */
	REG_MEMO,       /* scripts: json_t → proxy, weak */
	REG_LIBRARY,    /* name → function or locked table */
	REG_FUNCS,      /* expressions: reference → function */
	REG_LOADED,     /* scripts: what require has loaded */
	REG_POOL = 100, /* expressions: from the next key on, proxies that evaluations share */
};

/* Every full userdata begins with its kind: all of them are made in this folder. */
enum object_kind { OBJECT_PROXY = 1, OBJECT_ERROR, OBJECT_SECRET };

struct machine {
	lua_State *L; /* the main thread */
	struct budget budget;
	struct proxies proxies;
	const struct clock *clock;
	struct rng *rng;
	struct zones zones;           /* that were asked for */
	const char *zone;             /* IANA name or NULL for UTC */
	const json_t *const *secrets; /* the host's place for them; *secrets may be NULL */
	const struct scope *scope;    /* expressions: of the evaluation under way */
	struct files *const *files;   /* the host's place for them; *files may be NULL */
	const char *run; /* scripts: the id of the run whose files may be read, or NULL */
	bool script;
	bool leaving; /* expressions: their value is on its way out of Lua */
	void *owner;  /* scripts: the struct script */
};

static inline struct machine *machine_of(lua_State *L)
{
	return *(struct machine **)lua_getextraspace(L);
}

/*
 * Makes the state with the whole library of rules.md behind an environment that is the state's
 * table of globals. The caller has set budget.limit, budget.memory, budget.cpu_ms_max, the seams
 * and `script`. False when memory is out.
 */
bool machine_init(struct machine *m);
void machine_done(struct machine *m);
/*
 * The text of the error value at the top of the stack, which stays there; budgets' texts come
 * first. Never raises; the answer lives as long as the value.
 */
const char *machine_error(struct machine *m, lua_State *L, int status);
