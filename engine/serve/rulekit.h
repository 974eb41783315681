/*
 * All that compiling rules takes: the Lua machine, the catalogue, the connections, the scripts. The
 * service has one, and so has `pawl check`, which needs no store.
 *
 * Kinds of step look things up in the newest one: a process uses one at a time.
 */
#pragma once

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "engine/base/clock.h"
#include "engine/lua/host.h"
#include "engine/rule/rules.h"
#include "engine/serve/config.h"

struct rulekit {
	struct lua_host *lua;
	struct catalogue *catalogue;
	struct connections *connections;
	struct rule_env env;
	/* private */
	const char **hooks;
	struct rule_idle *idle;
	char *scripts;
	json_t *vars;
};

/* Borrows nothing of c afterwards but its secrets. NULL with msg. */
struct rulekit *rulekit_new(const struct config *c, const struct clock *clock, struct rng *rng,
			    struct errmsg *msg);
void rulekit_free(struct rulekit *k);
/*
 * What `pawl check` does: compiles what is below the paths (n == 0: the configuration's) and adds
 * what it finds to f. Returns how many rules were read. ERR_INVALID and others, with msg, when the
 * configuration itself stands in the way.
 */
int rules_check(const struct config *c, const char *const *paths, size_t n, struct findings *f,
		struct errmsg *msg);
